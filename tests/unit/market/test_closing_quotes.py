"""Closing quotes in bar files: read where they are there, never needed to read the rest."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewrit.domain.market import HOUR, MINUTE, Quote
from tradewrit.domain.splits import Ratio
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Floats
from tradewrit.features.rescaling import rescaled, split_before
from tradewrit.market import csv_table
from tradewrit.market.resample import resample
from tradewrit.market.selection import Selection
from tradewrit.market.store import read_bars, write_bars

SUFFIXES = [".parquet", ".csv", ".csv.gz"]
ROWS = ["A,2024-01-02T14:30:00Z,1,2,0.5,1.5,10,1.4,1.6", "A,2024-01-02T14:31:00Z,2,3,1.5,2.5,20,2.4,2.6"]


def quoted(symbol: str = "A", count: int = 3, start: int = 0) -> Bars:
    close = np.arange(1.0, count + 1)
    ts = start + np.arange(count, dtype=np.int64) * MINUTE
    return Bars(symbol, ts, close, close, close, close, close, close - 0.5, close + 0.5)


def listed(column: Floats | None) -> list[float] | None:
    return None if column is None else column.tolist()


def written(folder: Path, header: str, *rows: str) -> Path:
    path = folder / "bars.csv"
    path.write_text("\n".join([f"symbol,ts,open,high,low,close,volume{header}", *rows]) + "\n")
    return path


@pytest.mark.parametrize("header", [",bid,ask", ",bid_close,ask_close"])
def test_they_are_read_from_either_spelling_in_either_format(tmp_path: Path, header: str) -> None:
    path = written(tmp_path, header, *ROWS)
    (from_csv,) = read_bars(path)
    pl.read_csv(path).write_parquet(path.with_suffix(".parquet"))
    (from_parquet,) = read_bars(path.with_suffix(".parquet"))
    for bars in (from_csv, from_parquet):
        assert (listed(bars.bid), listed(bars.ask)) == ([1.4, 2.4], [1.6, 2.6])


def test_a_file_of_quote_bars_with_a_column_of_its_own_gives_that_column(tmp_path: Path) -> None:
    path = written(tmp_path, ",bid,bid_close", *(f"{row.rsplit(',', 2)[0]},1.0,9.0" for row in ROWS))
    (bars,) = read_bars(path)
    assert (listed(bars.bid), bars.ask) == ([1.0, 1.0], None)


def test_bars_without_them_have_none_and_take_no_memory_for_them(tmp_path: Path) -> None:
    (bars,) = read_bars(written(tmp_path, "", *(row.rsplit(",", 2)[0] for row in ROWS)))
    assert bars.bid is None
    assert bars.ask is None
    assert bars.quote(0) is None


@pytest.mark.parametrize("cell", ["", "n/a", "nan"])
def test_a_cell_that_is_no_quote_spoils_no_file(tmp_path: Path, cell: str) -> None:
    path = written(tmp_path, ",bid,ask", ROWS[0], ROWS[1].replace("2.4", cell))
    (bars,) = read_bars(path)
    assert bars.bid is not None
    assert (bars.bid[0], np.isnan(bars.bid[1])) == (1.4, True)
    assert (bars.quote(0), bars.quote(1)) == (Quote("A", int(bars.ts[0]), 1.4, 1.6), None)


def test_a_column_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'bid' appears twice"):
        read_bars(written(tmp_path, ",bid,bid", *ROWS))


@pytest.mark.parametrize("cell", ["2.4", "", "oops"])
def test_the_quick_reader_of_large_files_reads_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: str
) -> None:
    path = written(tmp_path, ",bid,ask", ROWS[0], ROWS[1].replace("2.4", cell))
    (slow,) = read_bars(path)
    monkeypatch.setattr(csv_table, "WORTHWHILE_BYTES", 0)
    (quick,) = read_bars(path)
    np.testing.assert_array_equal(slow.bid, quick.bid)
    np.testing.assert_array_equal(slow.ask, quick.ask)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_they_are_written_where_all_bars_have_them(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bars{suffix}"
    write_bars(path, [quoted("A"), quoted("B", 2)])
    first, second = read_bars(path)
    assert listed(first.bid) == [0.5, 1.5, 2.5]
    assert listed(second.ask) == [1.5, 2.5]
    plain = Bars("C", *(getattr(quoted(), name) for name in ("ts", "open", "high", "low", "close", "volume")))
    write_bars(path, [quoted("A"), plain])
    assert [bars.bid for bars in read_bars(path)] == [None, None]


def test_files_of_a_directory_keep_them_where_all_have_them(tmp_path: Path) -> None:
    write_bars(tmp_path / "1.parquet", [quoted("A", 2)])
    write_bars(tmp_path / "2.parquet", [quoted("A", 2, start=HOUR)])
    (bars,) = read_bars(tmp_path)
    assert listed(bars.ask) == [1.5, 2.5, 1.5, 2.5]


def test_parts_of_bars_keep_theirs() -> None:
    bars = quoted()
    assert listed(bars.head(2).bid) == [0.5, 1.5]
    assert listed(Selection(since=MINUTE).between(bars).ask) == [2.5, 3.5]
    assert listed(bars.take(np.array([2, 0])).bid) == [2.5, 0.5]


def test_adjusting_prices_adjusts_them_too() -> None:
    half = rescaled(quoted(), np.full(3, 0.5), np.full(3, 2.0))
    assert (listed(half.bid), listed(half.ask)) == ([0.25, 0.75, 1.25], [0.75, 1.25, 1.75])
    split = split_before(quoted(), 1, Ratio(Decimal(2), Decimal(1)))
    assert (listed(split.bid), listed(split.ask)) == ([0.25, 1.5, 2.5], [0.75, 2.5, 3.5])


def test_a_longer_bar_closes_with_the_last_quote_in_it() -> None:
    day = 19_800 * 24 * HOUR
    longer = resample(quoted(count=120, start=day), HOUR).bars
    assert (listed(longer.bid), listed(longer.ask)) == ([59.5, 119.5], [60.5, 120.5])
