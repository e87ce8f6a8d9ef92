import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.research.backtests import MONDAY, result, trade
from tradewrit.domain.market import HOUR
from tradewrit.errors import ConfigError
from tradewrit.research.metrics import compute
from tradewrit.research.results import RoundTrip, encode, summary, write_trades_csv, write_whole

HEADER = "symbol,side,quantity,entry_time,entry_price,exit_time,exit_price,exit_reason,fees,pnl"
AMOUNTS = st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=12)


def written(tmp_path: Path, trades: Sequence[RoundTrip]) -> str:
    path = tmp_path / "trades.csv"
    write_trades_csv(path, trades)
    return path.read_text(encoding="utf-8")


def test_the_golden_trade_is_one_plain_row(tmp_path: Path) -> None:
    golden = trade("129.71", quantity=Decimal("5.00"), entry_time=MONDAY + 14 * HOUR)
    assert written(tmp_path, [golden]).splitlines() == [
        HEADER,
        "AAPL,long,5,2024-01-01T14:00:00Z,175.50,2024-01-02T00:00:00Z,201.82,target,1.89,129.71",
    ]


def test_no_trades_is_a_header_alone(tmp_path: Path) -> None:
    assert written(tmp_path, []) == HEADER + "\n"


def test_small_and_large_amounts_have_no_exponent(tmp_path: Path) -> None:
    odd = trade("1E-12", quantity=Decimal("1E+3"), entry_price=Decimal("1.2E-7"), exit_price=Decimal("1E+2"))
    row = written(tmp_path, [odd]).splitlines()[1].split(",")
    assert [row[2], row[4], row[6], row[9]] == ["1000", "0.00000012", "100.00", "0.000000000001"]


def test_a_symbol_with_a_comma_stays_one_column(tmp_path: Path) -> None:
    rows = list(csv.reader(io.StringIO(written(tmp_path, [trade("1", symbol='A,"B"')]))))
    assert rows[1][0] == 'A,"B"'
    assert len(rows[1]) == len(rows[0])


@given(st.lists(AMOUNTS, min_size=1, max_size=5))
def test_amounts_survive_the_file_exactly(
    tmp_path_factory: pytest.TempPathFactory, pnls: list[Decimal]
) -> None:
    text = written(tmp_path_factory.mktemp("csv"), [trade(str(pnl)) for pnl in pnls])
    assert [Decimal(row["pnl"]) for row in csv.DictReader(io.StringIO(text))] == pnls
    assert "E" not in text.removeprefix(HEADER).replace("AAPL", "")


def test_many_trades_are_all_written(tmp_path: Path) -> None:
    lines = written(tmp_path, [trade(str(k)) for k in range(3_000)]).splitlines()
    assert [line.rsplit(",", 1)[1] for line in lines[1:]] == [f"{k}.00" for k in range(3_000)]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot write .*nowhere.trades\.csv: .*choose a path"):
        write_trades_csv(tmp_path / "nowhere" / "trades.csv", [])


def test_a_failure_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv"
    path.write_text("old")

    def chunks() -> Iterator[str]:
        yield "new"
        raise OSError(28, "No space left on device")

    with pytest.raises(ConfigError, match="No space left on device"):
        write_whole(path, chunks())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_summary_has_the_documented_keys_in_order() -> None:
    judged = result(trades=[trade("131.60")])
    assert list(summary(judged, compute(judged))) == [
        "engine",
        "bars",
        "symbols",
        "trades",
        "open_positions",
        "initial_cash",
        "final_equity",
        "fees",
        "funding",
        "denied",
        "denied_by",
        "refused",
        "refused_by",
        "load_seconds",
        "run_seconds",
        "run_cpu_seconds",
        "metrics",
        "notes",
    ]


@given(AMOUNTS)
def test_money_in_json_is_a_number_with_every_digit(amount: Decimal) -> None:
    judged = result(final_equity=amount)
    text = encode(summary(judged, compute(judged)))
    assert json.loads(text, parse_float=Decimal)["final_equity"] == amount
    assert isinstance(json.loads(text)["final_equity"], float)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_null_in_json(odd: float) -> None:
    assert encode({"value": odd}) == b'{"value":null}'


def test_json_can_be_indented_without_changing_a_digit() -> None:
    assert encode({"fees": Decimal("0.10")}, indent=2) == b'{\n  "fees": 0.10\n}'
