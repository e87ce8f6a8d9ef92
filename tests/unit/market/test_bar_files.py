"""Reading and writing bar files: what is accepted, in which order, and what is refused in which words."""

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market import csv_table
from tradewrit.market.fast_csv import WORTHWHILE_BYTES, read_clean_csv
from tradewrit.market.store import read_bars, write_bars

COLUMNS = ("open", "high", "low", "close", "volume")
HEADER = "symbol,ts,open,high,low,close,volume"
SUFFIXES = [".parquet", ".csv", ".csv.gz"]
File = Callable[..., Path]


def same(ours: list[Bars], theirs: list[Bars]) -> bool:
    return [bars.symbol for bars in ours] == [bars.symbol for bars in theirs] and all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for a, b in zip(ours, theirs, strict=True)
        for name in ("ts", *COLUMNS)
    )


prices = st.floats(1e-9, 1e12) | st.decimals("0.01", 9999, places=2).map(float)


@st.composite
def bar_lists(draw: st.DrawFn) -> list[Bars]:
    names = draw(
        st.lists(st.text("ABC/.,\"' é", min_size=1, max_size=6), min_size=1, max_size=4, unique=True)
    )
    found = []
    for name in names:
        times = draw(st.lists(st.integers(-(2**61), 2**61), min_size=1, max_size=8, unique=True))
        n = len(times)
        four = [draw(arrays.arrays(np.float64, n, elements=prices)) for _ in range(4)]
        volume = draw(arrays.arrays(np.float64, n, elements=st.floats(0, 1e15)))
        found.append(Bars(name, np.array(sorted(times)), *[*four, volume]))
    return found


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bars=bar_lists())
def test_what_is_written_reads_back_to_the_last_bit(tmp_path: Path, suffix: str, bars: list[Bars]) -> None:
    path = tmp_path / f"bars{suffix}"
    write_bars(path, bars)
    assert same(read_bars(path), bars)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_symbols_come_in_the_order_of_their_first_rows_and_rows_may_interleave(csv_file: File) -> None:
    path = csv_file(
        "Z,2024-01-02,1,1,1,1,1",
        "A,2024-01-02,2,2,2,2,2",
        "Z,2024-01-03,3,3,3,3,3",
        "A,2024-01-03,4,4,4,4,4",
    )
    zed, a = read_bars(path)
    assert (zed.symbol, zed.close.tolist()) == ("Z", [1, 3])
    assert (a.symbol, a.close.tolist()) == ("A", [2, 4])
    frame = pl.read_csv(path, try_parse_dates=True)
    frame.write_parquet(path.with_suffix(".parquet"))
    assert same(read_bars(path.with_suffix(".parquet")), [zed, a])


def test_columns_may_stand_in_any_order_and_one_too_many_is_ignored(csv_file: File) -> None:
    path = csv_file("x,1.5,1,2,0.5,A,2024-01-02,100", header="note,close,open,high,low,symbol,ts,volume")
    (bars,) = read_bars(path)
    assert bars.row(0).close == 1.5
    assert bars.row(0).volume == 100


@pytest.mark.parametrize(
    "kind",
    [pl.Datetime("ms"), pl.Datetime("us"), pl.Datetime("ns"), pl.Datetime("us", "UTC"), pl.Date()],
)
def test_parquet_times_of_any_unit_mean_the_same(tmp_path: Path, kind: pl.Datetime | pl.Date) -> None:
    ts = pl.Series("ts", ["2024-01-02", "2024-01-03"]).str.to_datetime().cast(kind)
    frame = pl.DataFrame({"symbol": ["A", "A"], "ts": ts, **{name: [1.0, 2.0] for name in COLUMNS}})
    frame.write_parquet(tmp_path / "bars.parquet")
    (bars,) = read_bars(tmp_path / "bars.parquet")
    assert bars.ts.tolist() == [1_704_153_600 * 10**9, 1_704_240_000 * 10**9]


def test_parquet_times_of_another_zone_are_read_as_utc(tmp_path: Path) -> None:
    ts = pl.Series("ts", ["2024-01-02T09:30"]).str.to_datetime().dt.replace_time_zone("America/New_York")
    frame = pl.DataFrame({"symbol": ["A"], "ts": ts, **{name: [1] for name in COLUMNS}})
    frame.write_parquet(tmp_path / "bars.parquet")
    (bars,) = read_bars(tmp_path / "bars.parquet")
    assert bars.ts.tolist() == [1_704_205_800 * 10**9]
    assert bars.open.dtype == np.float64


def test_csv_times_since_1970_are_scaled_by_their_size(csv_file: File) -> None:
    for unit in (1, 10**3, 10**6, 10**9):
        first, second = 1_704_205_800 * unit, 1_704_205_860 * unit
        path = csv_file(f"A,{first},1,1,1,1,1", f"A,{second},1,1,1,1,1")
        (bars,) = read_bars(path)
        assert bars.ts.tolist() == [1_704_205_800 * 10**9, 1_704_205_860 * 10**9]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.lists(
        st.floats(1e-300, 1e300).map(repr)
        | st.from_regex(r"[1-9][0-9]{0,12}\.[0-9]{0,25}", fullmatch=True)
        | st.from_regex(r"[1-9][0-9]{0,3}[eE][+-]?[0-9]{1,2}", fullmatch=True),
        min_size=1,
    )
)
def test_the_fast_csv_reader_gives_the_bits_of_the_slow_one(tmp_path: Path, cells: list[str]) -> None:
    path = tmp_path / "bars.csv"
    rows = [f"A,{i},{cell},1,1,1,{cell}" for i, cell in enumerate(cells)]
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    slow = csv_table.read_csv(path)
    fast = read_clean_csv(path, HEADER.split(","))
    if fast is None:  # it may decline, never differ
        return
    assert fast.ts.tolist() == slow.ts.tolist()
    for name in COLUMNS:
        assert np.array_equal(fast.columns[name], slow.columns[name])


@pytest.mark.parametrize(
    "stamp", ["2024-01-02", "2024-01-02T14:30:00Z", "2024-01-02 14:30:00", "1704205800000", "-86400"]
)
def test_the_fast_csv_reader_takes_plain_files(csv_file: File, stamp: str) -> None:
    path = csv_file(f"B,{stamp},1.25,2,1,2,3", f'"A,1",{stamp},1,2,1,2,3')
    fast = read_clean_csv(path, HEADER.split(","))
    slow = csv_table.read_csv(path)
    assert fast is not None
    assert (
        (fast.names, fast.ts.tolist()) == (slow.names, slow.ts.tolist()) == (("B", "A,1"), slow.ts.tolist())
    )


@pytest.mark.parametrize(
    "row",
    [
        "A,2024-01-03,x,2,1,2,3",
        "A,2024-01-03,,2,1,2,3",
        ",2024-01-03,1,2,1,2,3",
        "A,2024-01-03,1,2,1,2",
        "A,2024-01-03T00:00:00+01:00,1,2,1,2,3",
        "A,2024-02-30,1,2,1,2,3",
        "A, 2024-01-03,1,2,1,2,3",
        "A,,1,2,1,2,3",
    ],
)
def test_the_fast_csv_reader_declines_whatever_is_odd(csv_file: File, row: str) -> None:
    path = csv_file("A,2024-01-02,1,2,1,2,3", row)
    assert read_clean_csv(path, HEADER.split(",")) is None


def test_a_large_csv_is_the_same_with_and_without_polars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = 40_000
    ts = np.arange(n) * 60 * 10**9 + 1_704_205_800 * 10**9
    walk = np.round(100 + np.sin(np.arange(n) / 50), 4)
    bars = [Bars(name, ts, walk, walk + 1, walk - 1, walk, walk * 7) for name in ("B", "A")]
    path = tmp_path / "bars.csv"
    write_bars(path, bars)
    assert path.stat().st_size > WORTHWHILE_BYTES
    assert same(read_bars(path), bars)
    monkeypatch.setitem(sys.modules, "polars", None)
    assert same(read_bars(path), bars)


def test_parquet_without_polars_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bars.parquet"
    path.write_bytes(b"PAR1PAR1")
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(DataError, match=r"pip install 'tradewrit\[data\]'"):
        read_bars(path)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            ["A,2024-01-02,1,2,1,2,3", "A,2024-01-02,1,2,1,2,3"],
            ["row 2", "A", "2024-01-02T00:00:00Z", "duplicate of row 1"],
        ),
        (["A,2024-01-03,1,2,1,2,3", "A,2024-01-02,1,2,1,2,3"], ["row 2", "falls behind row 1", "2024-01-03"]),
        (["A,2024-01-02,nan,2,1,2,3"], ["row 1", "open is nan"]),
        (["A,2024-01-02,1,inf,1,2,3"], ["row 1", "high is inf"]),
        (["A,2024-01-02,1,2,0,2,3"], ["row 1", "low is 0.0"]),
        (["A,2024-01-02,1,2,1,-2,3"], ["row 1", "close is -2.0"]),
        (["A,2024-01-02,1,2,1,2,-3"], ["row 1", "volume is -3.0"]),
        (["A,2024-01-02,1,2,1,2,nan"], ["row 1", "volume is nan"]),
        (["A,2024-01-02,1,2,1,2,3", "A,2024-01-03,1,x,1,2,3"], ["row 2", "high is 'x'"]),
        (["A,2024-01-02,1,,1,2,3"], ["row 1", "high is ''"]),
        (["A,yesterday,1,2,1,2,3"], ["row 1", "ts is 'yesterday'"]),
        (["A,20240102,1,2,1,2,3"], ["row 1", "ts is '20240102'"]),
        ([",2024-01-02,1,2,1,2,3"], ["row 1", "symbol is ''"]),
        (
            ['"A,2024-01-02,1,2,1,2,3', '"A,2024-01-03,1,2,1,2,3'],
            ["row 1", "symbol is 'A,2024-01-02,1,2,1,2"],
        ),
        (["A,2024-01-02,1,2,1,2"], ["row 1", "6 cells"]),
        (["A,2024-01-02,1,2,1,2,3,4"], ["row 1", "8 cells"]),
        (["A,2024-01-02,1,2,1,2,-1", "A,2024-01-03,1,2,1,2,-2"], ["row 1", "and 1 more"]),
    ],
)
def test_a_wrong_row_is_refused_with_its_place_and_value(
    csv_file: File, rows: list[str], words: list[str]
) -> None:
    path = csv_file(*rows)
    with pytest.raises(DataError) as refused:
        read_bars(path)
    message = str(refused.value)
    for word in [str(path), *words, "tradewrit data check"]:
        assert word in message


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("open", None, "open is 'null'"),
        ("ts", None, "ts is 'null'"),
        ("symbol", None, "symbol is 'null'"),
        ("symbol", "A\nB", r"symbol is 'A\\nB', not a symbol"),
        ("close", float("nan"), "close is nan"),
        ("volume", -1.0, "volume is -1.0"),
    ],
)
def test_a_wrong_parquet_row_is_refused_too(tmp_path: Path, column: str, value: object, word: str) -> None:
    ts = pl.Series(["2024-01-02", "2024-01-03"]).str.to_datetime()
    frame = pl.DataFrame({"symbol": ["A", "A"], "ts": ts, **{name: [1.0, 2.0] for name in COLUMNS}})
    changed = pl.Series(column, [frame[column][0], value], dtype=frame[column].dtype)
    frame.with_columns(changed).write_parquet(tmp_path / "bars.parquet")
    with pytest.raises(DataError, match=f"row 2.*{word}"):
        read_bars(tmp_path / "bars.parquet")


def test_every_missing_column_is_named(csv_file: File) -> None:
    with pytest.raises(DataError, match=r"bars\.csv: missing columns ts, high, volume \(found: symbol, open"):
        read_bars(csv_file("A,1,1,1", header="symbol,open,low,close"))
    with pytest.raises(DataError, match="column 'open' appears twice"):
        read_bars(csv_file("A,2024-01-02,1,1,1,1,1,1", header=HEADER + ",open"))


def test_bars_whose_high_is_below_the_low_are_read_all_the_same(csv_file: File) -> None:
    (bars,) = read_bars(csv_file("A,2024-01-02,1,0.5,2,1,1"))
    assert (bars.high[0], bars.low[0]) == (0.5, 2)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "missing columns symbol"),
        ("header.csv", HEADER.encode() + b"\n", "no rows"),
        ("garbage.csv", bytes(range(256)) * 8, "not UTF-8"),
        ("garbage.csv.gz", b"\x1f\x8b\x08" + b"x" * 40, "cannot be read"),
        ("plain.csv.gz", HEADER.encode(), "cannot be read"),
        ("empty.parquet", b"", "not a Parquet file"),
        ("garbage.parquet", bytes(range(256)) * 8, "not a Parquet file"),
        ("damaged.parquet", b"PAR1" + b"x" * 100 + b"PAR1", "damaged Parquet file"),
        ("bars.xlsx", b"x", "cannot tell the format"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_bars(tmp_path / name)


def test_a_parquet_file_cut_short_is_refused(tmp_path: Path, daily: Callable[..., Bars]) -> None:
    path = tmp_path / "bars.parquet"
    write_bars(path, [daily([1.0, 2.0])])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cut short"):
        read_bars(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_bars(tmp_path / "bars.csv")


def test_a_directory_is_read_as_one_file_in_name_order(tmp_path: Path, daily: Callable[..., Bars]) -> None:
    write_bars(tmp_path / "2023.csv", [daily([1.0, 2.0]), daily([5.0], symbol="B")])
    write_bars(tmp_path / "2024.parquet", [daily([9.0], symbol="C"), daily([3.0, 4.0], days=[2, 3])])
    (tmp_path / "notes.txt").write_text("not a bar file")
    (tmp_path / "._2023.csv").write_bytes(b"\x00\x05\x16\x07")
    (tmp_path / ".2025.csv.99.part").write_text("half a file")
    a, b, c = read_bars(tmp_path)
    assert (a.symbol, a.close.tolist()) == ("A", [1, 2, 3, 4])
    assert (b.symbol, c.symbol) == ("B", "C")


def test_files_of_a_directory_must_not_overlap(tmp_path: Path, daily: Callable[..., Bars]) -> None:
    write_bars(tmp_path / "1.csv", [daily([1.0, 2.0])])
    write_bars(tmp_path / "2.csv", [daily([3.0, 4.0], days=[1, 2])])
    with pytest.raises(DataError, match=r"2\.csv: A begins at 1970-01-02.*1\.csv"):
        read_bars(tmp_path)


def test_a_directory_without_bar_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no bar files"):
        read_bars(tmp_path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_could_not_be_read_back_is_not_written(
    tmp_path: Path, suffix: str, daily: Callable[..., Bars]
) -> None:
    path = tmp_path / f"bars{suffix}"
    path.write_text("kept")
    for bars, words in (
        ([], "no rows"),
        ([daily([])], "A has no bars"),
        ([daily([1.0]), daily([1.0])], "comes twice"),
        ([daily([1.0], symbol="")], "must have a name"),
        ([daily([1.0, -1.0])], "not a positive number"),
        ([daily([1.0, 2.0], days=[3, 3])], "duplicate"),
    ):
        with pytest.raises(DataError, match=words):
            write_bars(path, bars)
    assert path.read_text() == "kept"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_disk_that_refuses_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, suffix: str, daily: Callable[..., Bars], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"bars{suffix}"
    path.write_text("kept")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left"):
        write_bars(path, [daily([1.0, 2.0])])
    assert path.read_text() == "kept"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_disk_that_fills_up_midway_leaves_nothing_behind(tmp_path: Path, suffix: str) -> None:
    code = f"""
import resource, signal
from tradewrit.errors import DataError
from tradewrit.market.store import write_bars
from tradewrit.market.synth import synthetic_bars
import polars  # before the limit: it may write files of its own when it starts
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    write_bars({str(tmp_path / "bars")!r} + {suffix!r}, synthetic_bars(1, 5000, seed=1))
except DataError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be written" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_or_name_is_refused(tmp_path: Path, daily: Callable[..., Bars]) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        write_bars(tmp_path / "nowhere" / "bars.csv", [daily([1.0])])
    with pytest.raises(DataError, match="cannot tell the format"):
        write_bars(tmp_path / "bars.txt", [daily([1.0])])


def test_the_same_bars_give_the_same_packed_bytes(tmp_path: Path, daily: Callable[..., Bars]) -> None:
    for name in ("one.csv.gz", "two.csv.gz"):
        write_bars(tmp_path / name, [daily([1.0, 2.5])])
    one, two = ((tmp_path / name).read_bytes() for name in ("one.csv.gz", "two.csv.gz"))
    assert one == two
    assert gzip.decompress(one).decode().splitlines()[0] == HEADER
