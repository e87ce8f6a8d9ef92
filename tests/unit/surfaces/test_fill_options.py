"""`--fills` and `--reverse`: what they change, where the configuration says it instead, what is refused."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.unit.research.backtest.markets import Shape, market
from tests.unit.surfaces.console import run
from tradewrit.app import setup_from
from tradewrit.config.loading import load
from tradewrit.market.store import write_bars

SHAPE = Shape(3, 2, 200, 0.01, 50.0, 2, 0.0, is_shifted=False, is_uneven=False)
STRATEGY = """
from tradewrit import Inputs, Signals, Strategy, sma


class BothWays(Strategy, frozen=True, kw_only=True):
    def signals(self, bars: Inputs) -> Signals:
        average = sma(bars.close, 5)
        return Signals(enter_long=bars.close > average, enter_short=bars.close < average)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A strategy for both sides, bars with closing quotes, and the same bars without."""
    folder = tmp_path_factory.mktemp("fills")
    bars = market(SHAPE)
    write_bars(folder / "quoted.parquet", bars)
    write_bars(folder / "plain.csv", [replace(one, bid=None, ask=None) for one in bars])
    (folder / "mine.py").write_text(STRATEGY)
    return folder


def trades_of(folder: Path, *words: str) -> list[dict[str, str]]:
    """The trades of a backtest by both engines, which must be the same."""
    found = []
    for engine in ("skip", "events"):
        out = folder / f"{engine}.csv"
        done = run(
            *("backtest", "--strategy", folder / "mine.py", "--data", folder / "quoted.parquet"),
            *("--engine", engine, "--trades", out, *words),
        )
        assert (done.exit_code, done.stderr) == (0, "")
        found.append(list(csv.DictReader(out.read_text().splitlines())))
    assert found[0] == found[1]
    assert found[0]
    return found[0]


def prices(column: str) -> set[Decimal]:
    return {Decimal(repr(price)) for one in market(SHAPE) for price in getattr(one, column).tolist()}


@pytest.mark.parametrize(
    ("fills", "longs_pay", "shorts_get"),
    [("next_open", "open", "open"), ("close", "close", "close"), ("quote", "ask", "bid")],
)
def test_entries_take_the_price_that_the_option_names(
    folder: Path, fills: str, longs_pay: str, shorts_get: str
) -> None:
    for trade in trades_of(folder, "--fills", fills):
        column = longs_pay if trade["side"] == "long" else shorts_get
        assert Decimal(trade["entry_price"]) in prices(column)


def test_a_reversal_is_named_among_the_reasons(folder: Path) -> None:
    assert "reverse" not in {trade["exit_reason"] for trade in trades_of(folder)}
    turned = [trade for trade in trades_of(folder, "--reverse") if trade["exit_reason"] == "reverse"]
    assert len(turned) > 5


def test_options_come_before_the_configuration(folder: Path) -> None:
    desk = folder / "desk.yaml"
    desk.write_text("reverse: true\npaper: {market_fills: close}\n")
    from_file = trades_of(folder, "--config", str(desk))
    assert from_file == trades_of(folder, "--fills", "close", "--reverse")
    assert trades_of(folder, "--config", str(desk), "--fills", "next_open", "--no-reverse") == trades_of(
        folder
    )


def test_they_hold_for_every_strategy_of_a_comparison(folder: Path) -> None:
    words = ("backtest", "--data", folder / "quoted.parquet", "--json", "--reverse", "--fills", "close")
    done = run(*words, "--compare", folder / "mine.py", f"{folder / 'mine.py'}:stop_fraction=0.04")
    assert done.exit_code == 0, done.stderr
    compared = json.loads(done.stdout)
    alone = run(*words, "--strategy", folder / "mine.py")
    assert str(json.loads(alone.stdout)["final_equity"]) in json.dumps(compared)


def test_the_configuration_reaches_the_venue_and_the_account(folder: Path) -> None:
    desk = folder / "other.yaml"
    desk.write_text("reverse: true\npaper: {market_fills: quote}\n")
    setup = setup_from(load(desk, {}))
    assert (setup.reverse, setup.rules.market_fills) == (True, "quote")
    assert setup.opening("0" * 32, "mine", 0, "1").reverse


@pytest.mark.parametrize("engine", ["auto", "skip", "events"])
def test_bars_without_quotes_are_named_with_their_file_and_column(folder: Path, engine: str) -> None:
    data = folder / "plain.csv"
    done = run("backtest", "--data", data, "--fills", "quote", "--engine", engine)
    assert done.exit_code == 1
    said = " ".join(done.stderr.split())
    assert f"{data}: S0 has no column bid (or bid_close)" in said
    assert done.stdout == ""


def test_rules_that_exclude_each_other_are_wrong_use(folder: Path) -> None:
    desk = folder / "shares.yaml"
    desk.write_text("paper: {participation_fraction: 0.1}\n")
    done = run("backtest", "--data", folder / "plain.csv", "--config", desk, "--fills", "close")
    assert done.exit_code == 2
    assert "participation_fraction" in done.stderr


def test_a_report_of_such_a_run_is_written(folder: Path) -> None:
    page = folder / "report.html"
    done = run(
        *("backtest", "--strategy", folder / "mine.py", "--data", folder / "quoted.parquet"),
        *("--fills", "quote", "--reverse", "--report", page),
    )
    assert done.exit_code == 0, done.stderr
    assert "reverse" in page.read_text(encoding="utf-8")
