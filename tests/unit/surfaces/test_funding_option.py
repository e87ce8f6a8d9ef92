"""`--funding`: rates from a file are paid in a backtest, and told apart in all it prints."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.surfaces.console import run
from tests.unit.surfaces.test_adjusted_prices import folder as _folder

folder = _folder
CONFIG = "instruments: [{symbol: A, asset_class: perpetual}]\nrisk: {stop_fraction: 0.9, max_drawdown_fraction: 1}\n"
RATES = "symbol,ts,rate\nA,2023-11-16T12:00:00.009Z,0.0005\nA,2023-11-20T12:00Z,-0.0001\n"


@pytest.fixture
def paying(folder: Path) -> Path:
    (folder / "perp.yaml").write_text(CONFIG)
    (folder / "rates.csv").write_text(RATES)
    return folder


def words(folder: Path, *more: str) -> list[str]:
    fixed = [
        "--strategy",
        folder / "hold.py",
        "--data",
        folder / "bars.csv",
        "--config",
        folder / "perp.yaml",
    ]
    return ["backtest", *map(str, fixed), *more]


@pytest.mark.parametrize("engine", ["skip", "events"])
def test_it_is_in_the_summary_the_json_and_the_trades_file(paying: Path, engine: str) -> None:
    options = words(paying, "--funding", str(paying / "rates.csv"), "--engine", engine)
    done = run(*options, "--trades", str(paying / "trades.csv"), "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    found = json.loads(done.stdout, parse_float=Decimal)
    rows = list(csv.DictReader((paying / "trades.csv").read_text().splitlines()))
    assert found["funding"] < 0
    assert sum(Decimal(row["funding"]) for row in rows) == found["funding"]
    assert "funding" in run(*options).stdout


def test_without_a_file_the_trades_have_the_columns_they_always_had(paying: Path) -> None:
    done = run(*words(paying, "--trades", str(paying / "trades.csv"), "--json"))
    assert json.loads(done.stdout)["funding"] == 0
    assert (paying / "trades.csv").read_text().splitlines()[0].endswith("exit_reason,fees,pnl")


def test_the_configuration_may_name_the_file(paying: Path) -> None:
    (paying / "perp.yaml").write_text(f"{CONFIG}data: {{funding: {paying / 'rates.csv'}}}\n")
    assert json.loads(run(*words(paying, "--json")).stdout)["funding"] < 0


def test_shares_that_pay_funding_are_pointed_out(paying: Path) -> None:
    (paying / "perp.yaml").write_text("{}\n")
    done = run(*words(paying, "--funding", str(paying / "rates.csv")))
    assert done.exit_code == 0
    assert "A pay funding but are not margined" in " ".join(done.stderr.split())


def test_rates_of_other_times_are_pointed_out(paying: Path) -> None:
    (paying / "rates.csv").write_text("symbol,ts,rate\nA,2013-01-01T08:00Z,0.0001\n")
    done = run(*words(paying, "--funding", str(paying / "rates.csv")))
    assert "no rate concerns these bars" in " ".join(done.stderr.split())


def test_a_file_that_cannot_be_used_is_an_error_with_its_place(paying: Path) -> None:
    (paying / "rates.csv").write_text("symbol,ts,rate\nA,2023-11-16T12:00Z,5\n")
    done = run(*words(paying, "--funding", str(paying / "rates.csv")))
    assert done.exit_code == 1
    assert "row 1 (A): rate is '5'" in " ".join(done.stderr.split())


@pytest.mark.parametrize("command", ["check", "sweep"])
def test_other_commands_that_trade_take_it_too(paying: Path, command: str) -> None:
    (paying / "rates.csv").write_text("symbol,ts,rate\nA,2023-11-16T12:00Z,5\n")
    more = ["--param", "target_fraction=0", "--out", str(paying / "out")] if command == "sweep" else []
    fixed = [
        "--data",
        paying / "bars.csv",
        "--config",
        paying / "perp.yaml",
        "--funding",
        paying / "rates.csv",
    ]
    done = run(command, str(paying / "hold.py"), *map(str, fixed), *more)
    assert done.exit_code == 1
    assert "row 1 (A): rate is '5'" in " ".join(done.stderr.split())
