"""`--adjust` and `--factors`: prices adjusted, or splits that happen, and what is refused."""

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from tests.unit.surfaces.console import run
from tradewrit.domain.market import DAY, SECOND
from tradewrit.features.bars import Bars
from tradewrit.market.store import read_bars, write_bars

STRATEGY = """
from tradewrit import Inputs, Signals, Strategy, sma

class Hold(Strategy):
    target_fraction: float | None = 0.0

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=bars.close > 0.0, leave_long=bars.close > 1.02 * sma(bars.close, 2))
"""
FACTORS = """symbol,last_date,price_factor,split_factor,reference_price
A,2023-11-17,0.98,0.1428571,350
A,2050-12-31,1,1,0
"""
NOON = 1_700_000_000 * SECOND // DAY * DAY + DAY // 2  # 2023-11-14, and noon in UTC is morning in New York


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A seven-for-one split and a dividend before the fifth of ten days: 350 falls to 49, then rises."""
    close = np.array([350.0, 350, 350, 350, 49, 49, 49, 50, 53, 53])
    ts = NOON + np.arange(10, dtype=np.int64) * DAY
    bars = Bars("A", ts, close, close, close, close, np.full(10, 1000.0))
    write_bars(tmp_path / "bars.csv", [bars])
    write_bars(tmp_path / "two.csv", [bars, replace(bars, symbol="B")])
    (tmp_path / "hold.py").write_text(STRATEGY)
    (tmp_path / "factors.csv").write_text(FACTORS)
    return tmp_path


def options(folder: Path, *more: str | Path, bars: str = "bars.csv") -> list[str]:
    words = ["backtest", "--strategy", folder / "hold.py", "--data", folder / bars, *more]
    return [str(word) for word in words]


def result(folder: Path, *more: str | Path) -> dict[str, object]:
    done = run(*options(folder, *more, "--json"))
    assert (done.exit_code, done.stderr) == (0, "")
    found: dict[str, object] = json.loads(done.stdout, parse_float=Decimal)
    return found


def test_without_factors_a_split_is_a_crash(folder: Path) -> None:
    assert result(folder)["final_equity"] < 100_000  # type: ignore[operator]


def test_raw_prices_with_factors_let_the_split_and_the_dividend_happen(folder: Path) -> None:
    found = result(folder, "--factors", folder / "factors.csv")
    # 2 bought at 350; 7 a share paid; 14 held, sold at 53 on the day after 53 was seen.
    fees = Decimal("0.70") + Decimal("0.742")
    assert found["final_equity"] == 100_000 - 700 + 14 + 742 - fees


def test_split_adjusted_prices_are_in_todays_shares(folder: Path) -> None:
    found = result(folder, "--adjust", "split", "--factors", folder / "factors.csv")
    assert found["engine"] == "skip"
    paid = 20 * Decimal("49.999985")  # 350 x 0.1428571; 1000 buy 20 of them
    assert found["final_equity"] == 100_000 - paid + 20 * 53 - (paid + 20 * 53) / 1000


def test_total_adjusted_prices_have_the_dividend_taken_out_of_the_past(folder: Path) -> None:
    found = result(folder, "--adjust", "total", "--factors", folder / "factors.csv")
    paid = 20 * Decimal("48.9999853")
    assert found["final_equity"] == 100_000 - paid + 20 * 53 - (paid + 20 * 53) / 1000


def test_the_configuration_says_it_as_well_and_the_options_come_on_top(folder: Path) -> None:
    config = folder / "desk.yaml"
    config.write_text(f"data:\n  adjustment: total\n  factors: {folder / 'factors.csv'}\n")
    assert (
        result(folder, "--config", config)["final_equity"]
        == (result(folder, "--adjust", "total", "--factors", folder / "factors.csv")["final_equity"])
    )
    assert (
        result(folder, "--config", config, "--adjust", "raw")["final_equity"]
        == (result(folder, "--factors", folder / "factors.csv")["final_equity"])
    )


def test_adjusting_without_factors_is_wrong_use(folder: Path) -> None:
    done = run(*options(folder, "--adjust", "total"))
    assert done.exit_code == 2
    assert "--factors" in done.stderr


def test_a_configuration_that_adjusts_without_factors_is_refused(folder: Path) -> None:
    config = folder / "desk.yaml"
    config.write_text("data:\n  adjustment: split\n")
    done = run(*options(folder, "--config", config))
    assert done.exit_code == 1
    assert "split needs a factor table" in done.stderr


def test_a_symbol_without_factors_stays_as_it_is_and_is_named(folder: Path) -> None:
    done = run(*options(folder, "--adjust", "split", "--factors", folder / "factors.csv", bars="two.csv"))
    assert done.exit_code == 0
    assert "has no factors of B; those prices stay as they are" in done.stderr


def test_a_table_that_cannot_be_used_is_named(folder: Path) -> None:
    done = run(*options(folder, "--factors", folder / "nowhere.csv"))
    assert done.exit_code == 1
    assert "nowhere.csv: no such file" in done.stderr


def test_trades_are_listed_as_traded_and_drawn_in_the_shares_of_the_end(folder: Path) -> None:
    trades, report = folder / "trades.csv", folder / "report.html"
    done = run(*options(folder, "--factors", folder / "factors.csv", "--trades", trades, "--report", report))
    assert done.exit_code == 0
    header, trade = trades.read_text().splitlines()
    row = dict(zip(header.split(","), trade.split(","), strict=True))
    assert (row["quantity"], row["entry_price"], row["exit_price"]) == ("14", "50.00", "53.00")
    assert report.is_file()


def test_a_strategy_is_checked_on_the_prices_that_are_asked_for(folder: Path) -> None:
    done = run(
        "check",
        str(folder / "hold.py"),
        *("--data", str(folder / "bars.csv"), "--adjust", "split", "--factors", str(folder / "factors.csv")),
    )
    assert "10 bars" in done.stdout


def test_a_file_can_be_adjusted_for_other_programs(folder: Path) -> None:
    done = run(
        *("data", "adjust", str(folder / "bars.csv"), str(folder / "out.csv")),
        *("--factors", str(folder / "factors.csv"), "--adjust", "split"),
    )
    assert done.exit_code == 0
    assert "10 rows written, A" in done.stdout
    assert "tick: 0.00000001" in done.stderr
    (bars,) = read_bars(folder / "out.csv")
    assert bars.close.tolist() == [49.999985] * 4 + [49.0] * 3 + [50.0, 53.0, 53.0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("two.csv", "out.csv"), "has no factors of B"),
        (("bars.csv", "bars.csv"), "source and target are the same"),
        (("bars.csv", "out.csv", "--adjust", "raw"), "use split"),
    ],
)
def test_what_cannot_be_adjusted_is_not_written(words: tuple[str, ...], told: str, folder: Path) -> None:
    source, target, *more = words
    done = run(
        *("data", "adjust", str(folder / source), str(folder / target)),
        *("--factors", str(folder / "factors.csv"), *more),
    )
    assert done.exit_code in {1, 2}
    assert told in done.stderr
    assert not (folder / "out.csv").exists()
