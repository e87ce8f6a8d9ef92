"""`--calendar`, `--exit-before-close` and `paper.sessions`: what they change, and what is refused."""

import csv
import json
from pathlib import Path

import pytest

from tests.unit.surfaces.console import run
from tradewrit.config.loading import load
from tradewrit.market.calendar import calendar_for
from tradewrit.market.store import write_bars
from tradewrit.market.synth import synthetic_bars

STRATEGY = """
from tradewrit import Inputs, Signals, Strategy, every, minutes_to_close


class Hourly(Strategy, frozen=True, kw_only=True):
    target_fraction: float | None = 0.0

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=every(bars, minutes=60), inputs={"left": minutes_to_close(bars)})
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A strategy that asks for the time, minutes of New York, days, and minutes that fit no calendar."""
    folder = tmp_path_factory.mktemp("sessions")
    nyse = calendar_for("NYSE")
    write_bars(folder / "minutes.parquet", synthetic_bars(2, 2000, seed=4, session=nyse))
    write_bars(folder / "days.parquet", synthetic_bars(1, 300, seed=4, interval="1d", session=nyse))
    write_bars(folder / "nights.csv", synthetic_bars(1, 300, seed=4, start="2024-01-02T02:00:00Z"))
    (folder / "mine.py").write_text(STRATEGY)
    return folder


def trades_of(folder: Path, *words: str, env: dict[str, str] | None = None) -> list[dict[str, str]]:
    """The trades of a backtest by both engines, which must be the same."""
    found = []
    for engine in ("skip", "events"):
        out = folder / f"{engine}.csv"
        done = run(
            *("backtest", "--strategy", folder / "mine.py", "--data", folder / "minutes.parquet"),
            *("--engine", engine, "--trades", out, *words),
            env=env,
        )
        assert (done.exit_code, done.stderr) == (0, "")
        found.append(list(csv.DictReader(out.read_text().splitlines())))
    assert found[0] == found[1]
    return found[0]


def test_positions_are_left_before_the_session_ends_by_option_and_by_configuration(folder: Path) -> None:
    asked = trades_of(folder, "--exit-before-close", "10")
    ended = [trade for trade in asked if trade["exit_reason"] == "session_end"]
    assert len(ended) > 4
    assert {trade["exit_time"][10:] for trade in ended} == {"T20:50:00Z"}
    assert all(trade["entry_time"][:10] == trade["exit_time"][:10] for trade in asked)
    env = {"TRADEWRIT_EXITS__BEFORE_SESSION_END_MINUTES": "10"}
    assert trades_of(folder, env=env) == asked
    assert trades_of(folder, "--exit-before-close", "20", env=env) != asked


def test_the_calendar_is_the_one_the_times_fit_unless_it_is_named(folder: Path) -> None:
    fitting = trades_of(folder, "--exit-before-close", "10")
    assert trades_of(folder, "--exit-before-close", "10", "--calendar", "nyse") == fitting
    assert trades_of(folder, "--exit-before-close", "10", "--calendar", "24/7") != fitting


def test_auto_takes_the_skip_engine_where_sessions_are_kept(folder: Path) -> None:
    done = run(
        *("backtest", "--strategy", folder / "mine.py", "--data", folder / "minutes.parquet", "--json"),
        *("--exit-before-close", "10"),
        env={"TRADEWRIT_PAPER__SESSIONS": "true"},
    )
    assert done.exit_code == 0
    assert json.loads(done.stdout)["engine"] == "skip"


@pytest.mark.parametrize(
    ("data", "words", "why"),
    [
        ("days.parquet", ("--exit-before-close", "5"), "bars of a day or longer show nothing of a session"),
        ("nights.csv", (), "hourly.signals: every needs to know when the market is open"),
        ("minutes.parquet", ("--exit-before-close", "390"), "no session of NYSE is longer than 390 minutes"),
    ],
)
def test_what_cannot_be_kept_is_explained(data: str, words: tuple[str, ...], why: str, folder: Path) -> None:
    done = run("backtest", "--strategy", folder / "mine.py", "--data", folder / data, *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert why in done.stderr


@pytest.mark.parametrize("words", [("--exit-before-close", "1440"), ("--calendar", "LSE")])
def test_a_value_that_is_none_is_wrong_use(words: tuple[str, str], folder: Path) -> None:
    assert run("backtest", "--data", folder / "minutes.parquet", *words).exit_code == 2


def test_a_check_asks_the_calendar_as_a_backtest_does(folder: Path) -> None:
    words = ("check", folder / "mine.py", "--data", folder / "minutes.parquet", "--json")
    done = run(*words, "--exit-before-close", "10")
    assert done.exit_code == 0
    kinds = {finding["kind"] for finding in json.loads(done.stdout)["findings"]}
    assert kinds.isdisjoint(
        {"look_ahead", "forming_bar", "column_mismatch", "unstable_warmup", "hidden_state"}
    )


def test_a_sweep_tries_when_to_leave(folder: Path, tmp_path: Path) -> None:
    done = run(
        *("sweep", folder / "mine.py", "--data", folder / "minutes.parquet", "--out", tmp_path / "out"),
        *("--param", "exits.before_session_end_minutes=5,30", "--workers", "1", "--json"),
    )
    assert (done.exit_code, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)["points"]) == 2


def test_the_configuration_knows_its_keys() -> None:
    env = {"TRADEWRIT_DATA__CALENDAR": "24/7", "TRADEWRIT_EXITS__BEFORE_SESSION_END_MINUTES": "5"}
    config = load(None, env)
    assert (config.data.calendar, config.exits.before_session_end_minutes) == ("24/7", 5)
