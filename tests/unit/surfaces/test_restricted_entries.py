"""`tradewrit backtest` under a writ that restricts entries: the fast engine does it, and says what was denied."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.surfaces.console import bar_file, market, run

WRIT = "writs: {executor: {sides: [buy], max_day_orders: 1, hours: ['10:00-20:00 UTC daily']}}\n"
TIMED = ("engine", "load_seconds", "run_seconds", "run_cpu_seconds")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three symbols, two days of minutes."""
    return bar_file(tmp_path_factory.mktemp("data") / "bars.csv", market(3, 3000))


@pytest.fixture
def writ(tmp_path: Path) -> Path:
    """A configuration that lets one entry a day out."""
    (tmp_path / "desk.yaml").write_text(WRIT)
    return tmp_path / "desk.yaml"


def backtest(*words: str | Path) -> str:
    """What is printed."""
    done = run("backtest", "--strategy", "trend_following", *words)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def test_both_engines_print_the_same_trades_figures_and_denials(data: Path, writ: Path) -> None:
    printed: dict[str, dict[str, Any]] = {}
    for engine in ("auto", "events"):
        words = ("--data", data, "--config", writ, "--engine", engine, "--trades", writ.parent / engine)
        printed[engine] = json.loads(backtest(*words, "--json"))
    auto, events = printed["auto"], printed["events"]
    assert (auto["engine"], events["engine"]) == ("skip", "events")
    assert {key: auto[key] for key in auto if key not in TIMED} == {
        key: events[key] for key in events if key not in TIMED
    }
    assert (writ.parent / "auto").read_text() == (writ.parent / "events").read_text()
    assert auto["denied"] >= max(auto["denied_by"].values()) > 0
    assert set(auto["denied_by"]) == {"max_day_orders", "hours"}
    assert 0 < auto["trades"] <= 3


@pytest.mark.parametrize("engine", ["auto", "events"])
def test_the_figures_have_a_line_on_what_the_writ_denied(data: Path, writ: Path, engine: str) -> None:
    said = backtest("--data", data, "--config", writ, "--engine", engine)
    (line,) = (line for line in said.splitlines() if line.startswith("denied by the writ"))
    assert "max_day_orders" in line
    assert "rejected by the venue" not in said


def test_a_writ_that_lets_nothing_out_is_named_where_nothing_traded(data: Path, tmp_path: Path) -> None:
    writ = tmp_path / "desk.yaml"
    writ.write_text("writs: {executor: {max_notional: 1}}\n")
    said = " ".join(backtest("--data", data, "--config", writ).split())
    assert "No trade came of them: the executor's writ denied" in said
    assert "(max_notional)." in said


def test_what_nothing_denies_is_not_mentioned(data: Path) -> None:
    assert "denied" not in backtest("--data", data)
