"""`--sizing` and the section `sizing`: what they change, where they say it, what is refused."""

import csv
from pathlib import Path

import pytest

from tests.unit.research.backtest.markets import Shape, market
from tests.unit.surfaces.console import run
from tradewrit.market.store import write_bars

SHAPE = Shape(3, 2, 200, 0.01, 50.0, 2, 0.0, is_shifted=False, is_uneven=False)
STRATEGY = ("--strategy", "moving_average_crossover", "--param", "fast=3", "--param", "slow=7")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sizing")
    write_bars(folder / "bars.parquet", market(SHAPE))
    return folder


def quantities(folder: Path, *words: str | Path) -> set[str]:
    """Of all trades of a backtest."""
    out = folder / "trades.csv"
    done = run("backtest", *STRATEGY, "--data", folder / "bars.parquet", "--trades", out, *words)
    assert (done.exit_code, done.stderr) == (0, "")
    return {one["quantity"] for one in csv.DictReader(out.read_text().splitlines())}


def test_the_option_says_how_large_trades_are(folder: Path) -> None:
    assert quantities(folder, "--sizing", "fixed_quantity:quantity=3") == {"3"}
    assert quantities(folder, "--sizing", "largest") == quantities(folder) != {"3"}


def test_the_configuration_says_it_and_the_option_goes_before_it(folder: Path) -> None:
    desk = folder / "desk.yaml"
    desk.write_text("sizing: {type: fixed_quantity, quantity: 2}\n")
    assert quantities(folder, "--config", desk) == {"2"}
    assert quantities(folder, "--config", desk, "--sizing", "fixed_quantity: quantity = 1") == {"1"}


def test_the_figures_and_the_journal_name_the_rule(folder: Path, tmp_path: Path) -> None:
    words = ("backtest", *STRATEGY, "--data", folder / "bars.parquet")
    rule = "risk_per_trade:risk_fraction=0.001"
    done = run(*words, "--sizing", rule, "--journal", tmp_path / "j.sqlite")
    assert f"sizing             {rule}" in done.stdout
    told = run("journal", "show", tmp_path / "j.sqlite", "--all", "--json").stdout.splitlines()[0]
    assert '"sizing":{"type":"risk_per_trade","risk_fraction":"0.001"}' in told.replace(" ", "")
    assert "sizing" not in run(*words).stdout


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("", "'' names no rule, such as largest"),
        ("fixed_quantity", "needs quantity as well"),
        ("fixed_quantity:quantity=-1", "quantity: must not be negative: -1"),
        ("fixed_quantity:quantity=0", "quantity: must be a number above 0"),
        ("fixed_quantity:quantity=nan", "quantity: must be a number such as 250 or 0.5"),
        ("equity_fraction:fraction=2", "fraction: must be above 0 and at most 1 (all of equity)"),
        ("fixedquantity:quantity=1", "did you mean fixed_quantity?"),
        ("risk_per_trade:fraction=0.1", "fraction: has a meaning only with type: equity_fraction"),
        ("risk_per_trade:risk_fraction", "is not KEY=VALUE; write RULE:key=value,key=value"),
        ("volatility_target:volatility_window=1", "window: must be at least 2 bars, not 1"),
    ],
)
def test_a_rule_that_is_none_is_wrong_use_and_says_what_would_be_right(
    folder: Path, rule: str, message: str
) -> None:
    done = run("backtest", "--data", folder / "bars.parquet", "--sizing", rule)
    assert done.exit_code == 2
    said = " ".join(done.stderr.replace("│", " ").split())
    assert message in said
    assert "--sizing" in said
    assert "TRADEWRIT_" not in said


def test_a_configuration_with_a_size_that_is_none_names_its_line(tmp_path: Path) -> None:
    desk = tmp_path / "desk.yaml"
    desk.write_text("sizing:\n  type: volatility_target\n  max_fraction: 1.5\n")
    done = run("config", "check", desk)
    assert done.exit_code == 1
    said = " ".join(done.stderr.split())
    assert ":3: sizing.max_fraction: must be above 0 and at most 1 (all of equity), not 1.5" in said
