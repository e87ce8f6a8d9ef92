"""A vendor's file becomes one of ours, or is refused and nothing is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tradewrit.errors import DataError
from tradewrit.market.imports import import_bars
from tradewrit.market.store import read_bars

HALF_PAST = 1_704_205_800 * 10**9  # 2024-01-02T14:30:00Z, 09:30 in New York
MINUTE = 60 * 10**9


@pytest.fixture
def vendor(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "vendor.csv"
        path.write_text(text)
        return path

    return write


Vendor = Callable[[str], Path]
GOOGLE = """Date,Open,High,Low,Close,Volume
4-Jan-24,3,3.5,2.5,3.2,"3,000"
3-Jan-24,-,2.5,1.5,2.2,2000
2-Jan-24,1,1.5,0.5,1.2,1000
"""


def test_newest_first_rows_of_month_names_become_rising_midnights(vendor: Vendor, tmp_path: Path) -> None:
    target = tmp_path / "bars.parquet"
    report = import_bars(
        vendor(GOOGLE), target, symbol="ORCL", timezone="America/New_York", drop_incomplete=True
    )
    (bars,) = read_bars(target)
    assert bars.ts.tolist() == [1_704_171_600 * 10**9, 1_704_344_400 * 10**9]
    assert (bars.symbol, bars.close.tolist(), bars.volume.tolist()) == ("ORCL", [1.2, 3.2], [1000, 3000])
    assert (report.rows_read, report.rows_written, report.symbols) == (3, 2, ("ORCL",))
    told = " / ".join(report.notes)
    assert "newest first" in told
    assert "1 incomplete row(s) left out: 2" in told
    assert "%d-%b-%y, in America/New_York" in told


def test_an_incomplete_row_is_refused_unless_it_may_be_left_out(vendor: Vendor, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 2 .*Open is '-'; .*--drop-incomplete"):
        import_bars(vendor(GOOGLE), tmp_path / "bars.csv", symbol="ORCL")
    assert not (tmp_path / "bars.csv").exists()


def test_bar_ends_are_moved_back_to_bar_opens(vendor: Vendor, tmp_path: Path) -> None:
    path = vendor(
        "Ticker;<DATE>;<TIME>;O;H;L;C;Vol\n"
        "A;20240102;093100;1;2;1;2;10\n"
        "A;20240102;093200;2;3;2;3;10\n"
        "A;20240102;093400;2;3;2;3;10\n"
    )
    report = import_bars(
        path, tmp_path / "bars.csv", timezone="America/New_York", bar_time="close", interval="1m"
    )
    (bars,) = read_bars(tmp_path / "bars.csv")
    assert bars.ts.tolist() == [HALF_PAST, HALF_PAST + MINUTE, HALF_PAST + 3 * MINUTE]
    assert report.columns["ts"] == "<DATE>+<TIME>"
    assert "60 s back" in " ".join(report.notes)


def test_the_usual_step_is_the_interval_when_none_is_given(vendor: Vendor, tmp_path: Path) -> None:
    rows = [f"A,{1_704_205_860 + 60 * n},1,2,1,2,10" for n in (0, 1, 2, 9, 10)]
    path = vendor("\n".join(["symbol,timestamp,open,high,low,close,volume", *rows]))
    import_bars(path, tmp_path / "bars.csv", bar_time="close")
    assert read_bars(tmp_path / "bars.csv")[0].ts[0] == HALF_PAST


def test_dates_do_not_close(vendor: Vendor, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="carry a date"):
        import_bars(
            vendor(GOOGLE),
            tmp_path / "b.csv",
            symbol="A",
            bar_time="close",
            interval="1d",
            drop_incomplete=True,
        )


def test_columns_can_be_mapped_by_hand(vendor: Vendor, tmp_path: Path) -> None:
    path = vendor("Adj Close,Close,Open,Hi,Lo,Shares,Day\n2,9,1,3,0.5,7,2024-01-02\n")
    names = {"close": "Adj Close", "high": "Hi", "low": "Lo", "volume": "Shares", "ts": "Day"}
    report = import_bars(path, tmp_path / "bars.csv", symbol="A", columns=names)
    assert read_bars(tmp_path / "bars.csv")[0].close.tolist() == [2]
    assert "columns not used: Close" in report.notes


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2024-01-02 09:30:00", "2024-01-02 09:31:00"], HALF_PAST),
        (["2024-01-02T14:30:00Z", "2024-01-02T14:31:00Z"], HALF_PAST),
        (["01/02/2024 09:30", "01/13/2024 09:30"], HALF_PAST),
        (["02/01/2024 09:30", "13/01/2024 09:30"], HALF_PAST),
        (["01/02/2024 9:30 AM", "01/13/2024 9:30 AM"], HALF_PAST),
        (["2024/01/02 09:30", "2024/01/03 09:30"], HALF_PAST),
        (["02.01.2024 09:30:00", "03.01.2024 09:30:00"], HALF_PAST),
        (["20240102 093000", "20240103 093000"], HALF_PAST),
        (["1704205800000", "1704205860000"], HALF_PAST),
    ],
)
def test_dates_are_read_in_the_one_way_that_fits_all(
    vendor: Vendor, tmp_path: Path, cells: list[str], expected: int
) -> None:
    path = vendor("\n".join(["symbol,time,open,high,low,close,volume", *(f"A,{c},1,2,1,2,3" for c in cells)]))
    import_bars(path, tmp_path / "bars.csv", timezone="America/New_York")
    assert read_bars(tmp_path / "bars.csv")[0].ts[0] == expected


def test_dates_that_could_be_either_are_asked_about(vendor: Vendor, tmp_path: Path) -> None:
    path = vendor("date,open,high,low,close,volume\n01/02/2024,1,2,1,2,3\n03/02/2024,1,2,1,2,3\n")
    with pytest.raises(DataError, match="give the date format"):
        import_bars(path, tmp_path / "bars.csv", symbol="A")
    import_bars(path, tmp_path / "bars.csv", symbol="A", date_format="%d/%m/%Y")
    days = np.diff(read_bars(tmp_path / "bars.csv")[0].ts) // (24 * 60 * MINUTE)
    assert days.tolist() == [2]


def test_unsorted_rows_are_sorted_and_exact_repetitions_dropped(vendor: Vendor, tmp_path: Path) -> None:
    head = "symbol,date,open,high,low,close,volume\n"
    rows = [
        "A,2024-01-03,2,2,2,2,2",
        "A,2024-01-02,1,1,1,1,1",
        "A,2024-01-04,3,3,3,3,3",
        "A,2024-01-03,2,2,2,2,2",
    ]
    report = import_bars(vendor(head + "\n".join(rows)), tmp_path / "bars.csv")
    assert read_bars(tmp_path / "bars.csv")[0].close.tolist() == [1, 2, 3]
    assert "A: rows were unsorted; sorted by time" in report.notes
    assert "A: 1 row(s) that repeat another one dropped" in report.notes
    rows[3] = "A,2024-01-03,2,2,2,2,9"
    with pytest.raises(DataError, match="rows 1 and 4 are both A at 2024-01-03T00:00:00Z and differ"):
        import_bars(vendor(head + "\n".join(rows)), tmp_path / "bars.csv")


def test_a_parquet_file_is_imported_like_a_csv(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "Ticker": ["A", "A"],
            "Timestamp": pl.Series(["2024-01-02T09:30", "2024-01-02T09:31"])
            .str.to_datetime()
            .dt.replace_time_zone("America/New_York"),
            **{name: [0.1 + 0.2, 2.0] for name in ("Open", "High", "Low", "Close")},
            "Volume": [10, 20],
        }
    )
    frame.write_parquet(tmp_path / "vendor.parquet")
    import_bars(tmp_path / "vendor.parquet", tmp_path / "bars.csv")
    (bars,) = read_bars(tmp_path / "bars.csv")
    assert bars.ts.tolist() == [HALF_PAST, HALF_PAST + MINUTE]
    assert bars.open[0] == 0.1 + 0.2


GOOD = "symbol,date,open,high,low,close,volume\nA,2024-01-02,1,2,1,2,3\n"


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("", {}, "no rows"),
        ("date,open\n", {}, "no rows"),
        (GOOD.replace("symbol", "x"), {}, "no column found for symbol .*give the symbol"),
        (GOOD.replace("open,high", "a,b"), {}, "no column found for open, high"),
        (GOOD.replace("open,high", "Open,OPEN"), {}, "columns Open and OPEN could both be open"),
        (GOOD.replace("high", "open"), {}, "'open' appears twice"),
        (GOOD.replace(",1,2,1", ",1,two,1"), {}, "row 1 .*high is 'two', not a number"),
        (GOOD.replace(",1,2,1", ',1,"1.234,5",1'), {}, "not a number"),
        (GOOD.replace(",1,2,1", ",1,2"), {}, "row 1 has 6 cells"),
        (GOOD.replace("2024-01-02", "Tuesday"), {}, "cannot read the times, for instance 'Tuesday'"),
        (GOOD.replace("2024-01-02", "2024-03-10 02:30"), {"timezone": "America/New_York"}, "does not exist"),
        (GOOD, {"timezone": "Mars/Olympus"}, "unknown time zone 'Mars/Olympus'"),
        (GOOD, {"columns": {"price": "open"}}, "no column price to map to"),
        (GOOD, {"columns": {"open": "opening"}}, "no column opening in the file"),
        (GOOD, {"bar_time": "close", "interval": "2x"}, "'2x' is no bar length"),
        (GOOD, {"date_format": "%d/%m/%Y"}, "not every time reads as '%d/%m/%Y', for instance '2024-01-02'"),
        (GOOD.replace(",3\n", ",-3\n"), {}, "volume is -3.0"),
        (GOOD.replace(",1,2,1", ",0,2,1"), {}, "open is 0.0, not a positive number"),
    ],
)
def test_what_is_not_understood_is_refused_and_nothing_written(
    vendor: Vendor, tmp_path: Path, text: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        import_bars(vendor(text), tmp_path / "bars.csv", **options)
    assert [file.name for file in tmp_path.iterdir()] == ["vendor.csv"]


def test_a_file_is_not_imported_onto_itself(vendor: Vendor) -> None:
    path = vendor(GOOD)
    with pytest.raises(DataError, match="the same file"):
        import_bars(path, path)
    assert path.read_text() == GOOD


def test_a_missing_or_unreadable_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        import_bars(tmp_path / "none.csv", tmp_path / "bars.csv")
    (tmp_path / "bytes.csv").write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match="not a CSV file in UTF-8"):
        import_bars(tmp_path / "bytes.csv", tmp_path / "bars.csv")


def test_the_report_is_plain(vendor: Vendor, tmp_path: Path) -> None:
    report = import_bars(vendor(GOOD), tmp_path / "bars.csv").to_dict()
    assert report["symbols"] == ["A"]
    assert report["columns"]["ts"] == "date"
    assert isinstance(report["notes"], list)
