"""The lake: importing again changes nothing, contradictions are refused, and the past stays readable."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewrit.domain.market import DAY, MINUTE
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market.lake import Lake, lake_at
from tradewrit.market.merging import as_known, merge, no_rows
from tradewrit.market.quality import check
from tradewrit.market.selection import Selection
from tradewrit.market.stamps import read_time
from tradewrit.market.store import read_bars, write_bars
from tradewrit.market.synth import synthetic_bars

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
COLUMNS = ("ts", "open", "high", "low", "close", "volume")
EARLY, LATE, LATER = (int(read_time(text) or 0) for text in ("2024-02-01", "2024-03-01", "2024-04-01"))


def same(a: list[Bars], b: list[Bars]) -> bool:
    return [one.symbol for one in a] == [one.symbol for one in b] and all(
        np.array_equal(getattr(x, name), getattr(y, name))
        for x, y in zip(a, b, strict=True)
        for name in COLUMNS
    )


def part(bars: Bars, start: int, stop: int) -> Bars:
    return Bars(bars.symbol, *(getattr(bars, name)[start:stop] for name in COLUMNS))


def raised(bars: Bars, *places: int) -> Bars:
    """The bars with another close and high at some places."""
    close, high = bars.close.copy(), bars.high.copy()
    close[list(places)] += 1
    high[list(places)] += 1
    return Bars(bars.symbol, bars.ts, bars.open, high, bars.low, close, bars.volume)


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def minutes() -> list[Bars]:
    """Two symbols over the turn of a year."""
    return synthetic_bars(["BBB", "AAA"], 3000, seed=1, start="2023-12-31T00:00:00Z")


@pytest.fixture
def lake(tmp_path: Path, minutes: list[Bars]) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.add(minutes, known_at=EARLY, source="first")
    return lake


def test_bars_read_back_to_the_last_bit_symbols_by_name(lake: Lake, minutes: list[Bars]) -> None:
    assert same(lake.read(), [minutes[1], minutes[0]])
    assert same(read_bars(lake.root), lake.read())


def test_each_year_of_a_symbol_is_a_bar_file_of_its_own(lake: Lake, minutes: list[Bars]) -> None:
    folder = lake.root / "interval=1m" / "symbol=AAA"
    assert sorted(path.name for path in folder.iterdir()) == ["year=2023.parquet", "year=2024.parquet"]
    (first,) = read_bars(folder / "year=2023.parquet")
    assert len(first) == DAY // MINUTE
    assert same(read_bars(folder), [minutes[1]])
    table = pl.scan_parquet(lake.root / "interval=*/**/*.parquet", hive_partitioning=False).collect()
    assert table.height == 6000


def test_daily_bars_of_all_years_are_one_file(tmp_path: Path) -> None:
    bars = synthetic_bars(["A"], 900, seed=1, interval="1d", start="2020-01-01T00:00:00Z")
    deposit = Lake(tmp_path / "lake").add(bars, known_at=EARLY)
    assert deposit.files == 1
    assert same(read_bars(tmp_path / "lake" / "interval=1d" / "symbol=A" / "all.parquet"), bars)


def test_importing_the_same_again_changes_nothing(lake: Lake, minutes: list[Bars]) -> None:
    before = state(lake.root)
    deposit = lake.add(minutes, known_at=LATE, source="again")
    assert (deposit.added, deposit.same, deposit.replaced, deposit.files) == (0, 6000, 0, 0)
    assert state(lake.root) == before


def test_a_contradiction_is_refused_and_nothing_is_written(lake: Lake, minutes: list[Bars]) -> None:
    before = state(lake.root)
    longer = synthetic_bars(["ZZZ"], 50, seed=2)
    with pytest.raises(
        DataError, match=r"BBB at 2023-12-31T00:10:00Z: high is .* and 1 more bars of that file"
    ) as no:
        lake.add([*longer, raised(minutes[0], 10, 250)], known_at=LATE)
    assert "--replace" in str(no.value)
    assert state(lake.root) == before


def test_replaced_bars_stay_readable_as_they_were_known(lake: Lake, minutes: list[Bars]) -> None:
    b, a = minutes
    second, third = raised(b, 10, 2500), raised(raised(b, 10, 2500), 10)
    deposit = lake.add([second], known_at=LATE, replace=True)
    assert (deposit.added, deposit.same, deposit.replaced, deposit.files) == (0, 2998, 2, 2)
    lake.add([third], known_at=LATER, replace=True)
    assert same(lake.read(), [a, third])
    assert same(lake.read(Selection(known_at=LATER)), [a, third])
    assert same(lake.read(Selection(known_at=LATER - 1)), [a, second])
    assert same(lake.read(Selection(known_at=LATE)), [a, second])
    assert same(lake.read(Selection(known_at=LATE - 1)), [a, b])


def test_bars_that_came_later_were_not_known_before(tmp_path: Path, minutes: list[Bars]) -> None:
    lake = Lake(tmp_path / "lake")
    lake.add([part(minutes[0], 0, 1000)], known_at=EARLY)
    lake.add([part(minutes[0], 500, 3000)], known_at=LATE)
    assert same(lake.read(), [minutes[0]])
    assert same(read_bars(lake.root, Selection(known_at=EARLY)), [part(minutes[0], 0, 1000)])
    with pytest.raises(DataError, match="no bars known at"):
        lake.read(Selection(known_at=EARLY - 1))


def test_what_is_known_cannot_be_replaced_by_what_was_known_before(lake: Lake, minutes: list[Bars]) -> None:
    with pytest.raises(DataError, match="known since 2024-02-01"):
        lake.add([raised(minutes[0], 3)], known_at=EARLY - 1, replace=True)


def test_of_two_versions_known_since_the_same_moment_the_one_imported_last_was_known(
    lake: Lake, minutes: list[Bars]
) -> None:
    b, a = minutes
    second = raised(b, 10, 2500)
    lake.add([second], known_at=LATE, replace=True)
    lake.add([raised(second, 10)], known_at=LATE, replace=True)
    assert same(lake.read(Selection(known_at=LATE)), lake.read())
    assert same(lake.read(Selection(known_at=LATE - 1)), [a, b])


def test_only_a_lake_is_asked_what_it_knew(tmp_path: Path, minutes: list[Bars]) -> None:
    write_bars(tmp_path / "bars.csv", minutes)
    with pytest.raises(DataError, match="only a lake knows"):
        read_bars(tmp_path / "bars.csv", Selection(known_at=EARLY))


@pytest.mark.parametrize("as_lake", [True, False])
def test_symbols_and_times_select_from_a_lake_as_from_a_file(
    lake: Lake, tmp_path: Path, minutes: list[Bars], as_lake: bool
) -> None:
    write_bars(tmp_path / "bars.parquet", minutes)
    source = lake.root if as_lake else tmp_path / "bars.parquet"
    ts = minutes[0].ts
    chosen = Selection(symbols=("BBB",), since=int(ts[100]), until=int(ts[2000]))
    assert same(read_bars(source, chosen), [part(minutes[0], 100, 2000)])
    with pytest.raises(DataError, match="has no CCC; it has"):
        read_bars(source, Selection(symbols=("CCC",)))
    with pytest.raises(DataError, match="no bars from 2030"):
        read_bars(source, Selection(since=int(read_time("2030-01-01") or 0)))


def test_several_lengths_must_be_told_apart(lake: Lake) -> None:
    lake.add(synthetic_bars(["AAA"], 30, seed=1, interval="1d"), known_at=EARLY)
    with pytest.raises(DataError, match=r"bars of 1d, 1m; name one, such as .*interval=1d"):
        read_bars(lake.root)
    assert len(read_bars(lake.root / "interval=1d")[0]) == 30
    assert [one.symbol for one in read_bars(lake.root / "interval=1m" / "symbol=BBB")] == ["BBB"]


@pytest.mark.parametrize("symbol", ["ETH/BTC", "..", "a b", "BRK.B", "C:D*?", "Ä%2F", "X=1"])
def test_any_symbol_has_a_place_of_its_own_inside_the_lake(tmp_path: Path, symbol: str) -> None:
    bars = synthetic_bars([symbol], 10, seed=1)
    lake = Lake(tmp_path / "lake")
    lake.add(bars, known_at=EARLY)
    assert same(read_bars(lake.root), bars)
    (file,) = lake.root.glob("interval=1m/*/*.parquet")
    assert file.resolve().is_relative_to(lake.root.resolve())
    assert {path.name for path in tmp_path.iterdir()} == {"lake"}


def test_the_imports_are_listed(lake: Lake, minutes: list[Bars]) -> None:
    lake.add(minutes, known_at=LATE, source="again")
    lake.add([raised(minutes[0], 1)], known_at=LATE, source="corrected", replace=True)
    assert [(one.source, one.added, one.replaced) for one in lake.imports()] == [
        ("first", 6000, 0),
        ("corrected", 0, 1),
    ]


def test_bars_that_no_file_may_hold_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    bad = synthetic_bars(["A"], 10, seed=1)[0]
    bad = Bars(
        "A", bad.ts, bad.open, bad.high, bad.low, np.where(bad.ts == bad.ts[3], -1.0, bad.close), bad.volume
    )
    with pytest.raises(DataError, match=r"close is -1\.0"):
        Lake(tmp_path / "lake").add([*synthetic_bars(["B"], 10, seed=1), bad], known_at=EARLY)
    with pytest.raises(DataError, match="empty"):
        read_bars(tmp_path / "lake")


def test_a_single_bar_needs_its_length_told(tmp_path: Path) -> None:
    lake, bars = Lake(tmp_path / "lake"), synthetic_bars(["A"], 1, seed=1)
    with pytest.raises(DataError, match="A: a single bar does not show its length"):
        lake.add(bars, known_at=EARLY)
    assert lake.add(bars, known_at=EARLY, interval=MINUTE).intervals == ("1m",)


def test_a_damaged_partition_is_named(lake: Lake) -> None:
    file = lake.root / "interval=1m" / "symbol=AAA" / "year=2024.parquet"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"year=2024\.parquet: not a Parquet file, or cut short"):
        read_bars(lake.root)


def test_a_lake_of_another_format_is_left_alone(lake: Lake) -> None:
    (lake.root / "lake.json").write_text('{"tradewrit_lake": 99}')
    with pytest.raises(DataError, match="not the mark of a lake that this version knows"):
        lake_at(lake.root)


def test_a_second_import_waits_until_the_first_is_done(lake: Lake, minutes: list[Bars]) -> None:
    fcntl = pytest.importorskip("fcntl")
    with (lake.root / "lake.json").open("rb") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another import is writing"):
            lake.add(minutes, known_at=LATE)
    assert lake.add(minutes, known_at=LATE).same == 6000


def test_an_import_that_was_killed_midway_is_completed_by_importing_again(
    tmp_path: Path, minutes: list[Bars]
) -> None:
    """The process dies after the second of four files; what is there is whole."""
    write_bars(tmp_path / "bars.parquet", minutes)
    program = f"""
import os
from pathlib import Path
from tradewrit.market import lake
from tradewrit.market.store import read_bars
write, calls = lake.write_rows, []
def dying(path, rows):
    if len(calls) == 2:
        os._exit(9)
    calls.append(path)
    write(path, rows)
lake.write_rows = dying
lake.Lake(Path({str(tmp_path / "lake")!r})).add(read_bars({str(tmp_path / "bars.parquet")!r}), known_at=1)
"""
    died = subprocess.run([sys.executable, "-c", program], env={**os.environ}, check=False)
    assert died.returncode == 9
    lake = Lake(tmp_path / "lake")
    assert 0 < sum(map(len, lake.read())) < 6000
    deposit = lake.add(minutes, known_at=2)
    assert deposit.added + deposit.same == 6000
    assert same(lake.read(), [minutes[1], minutes[0]])


def test_the_quality_check_reads_a_lake(lake: Lake) -> None:
    report = check(lake.root)
    assert report.rows == 6000
    assert not report.errors


@given(
    cuts=st.lists(st.tuples(st.integers(0, 59), st.integers(1, 60)), min_size=1, max_size=5),
    changed=st.lists(st.sets(st.integers(0, 59), max_size=6), min_size=5, max_size=5),
    imports_a_day=st.integers(1, 3),
)
@FEW
def test_every_version_can_be_read_as_it_was(
    cuts: list[tuple[int, int]], changed: list[set[int]], imports_a_day: int
) -> None:
    """Random overlapping imports with corrections, against a dictionary that is updated by hand."""
    base = synthetic_bars(["A"], 60, seed=4)[0]
    known, superseded = no_rows("A"), [no_rows("A")]
    model: dict[int, float] = {}
    versions: dict[int, dict[int, float]] = {}
    for n, ((start, length), places) in enumerate(zip(cuts, changed, strict=False)):
        at = n // imports_a_day
        bars = part(raised(base, *places), start, start + length)
        merged = merge(known, bars, at, replace=True, place="lake")
        known = merged.rows
        superseded.append(merged.superseded)
        model = {**model, **dict(zip(bars.ts.tolist(), bars.close.tolist(), strict=True))}
        versions[at] = model
    for at, version in versions.items():
        seen = as_known([*superseded, known], at).bars
        assert dict(zip(seen.ts.tolist(), seen.close.tolist(), strict=True)) == version
        assert (np.diff(seen.ts) > 0).all()
    assert dict(zip(known.bars.ts.tolist(), known.bars.close.tolist(), strict=True)) == model
