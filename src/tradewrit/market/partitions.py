"""The files of a lake: where the bars of a symbol, a length and a year lie, and how they are written.

A partition is a bar file like any other, with one column more: `known_at`.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote, unquote

import msgspec
import numpy as np

from tradewrit.domain.market import DAY, SECOND
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Times
from tradewrit.market import frames
from tradewrit.market.intervals import interval_from
from tradewrit.market.merging import Rows
from tradewrit.market.parquet_table import load_frame, load_polars
from tradewrit.market.strict import bars_of
from tradewrit.market.table import COLUMNS, NUMBERS, BadCells, table_of
from tradewrit.market.writing import replace_file

_KNOWN_AT: Final = "known_at"
_YEAR: Final = re.compile(r"year=(\d{4})\.parquet")
_FIRST: Final = -(2**63)
_LAST: Final = 2**63 - 1


class Partition(msgspec.Struct, frozen=True):
    """One file of a lake: the bars of a symbol, of a length, of a year (or of all years)."""

    path: Path
    interval: str
    symbol: str
    year: int | None

    def covers(self, since: int | None, until: int | None) -> bool:
        """Whether it may hold bars from `since` to before `until`."""
        if self.year is None:
            return True
        begin, end = year_start(self.year), year_start(self.year + 1)
        return (until is None or begin < until) and (since is None or end > since)


def year_start(year: int) -> int:
    """UTC ns at which a year begins; the ends of 64 bits beyond 1678 and 2261."""
    if year <= 1677:
        return _FIRST
    return _LAST if year > 2262 else int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * SECOND


def file_of(root: Path, interval: str, symbol: str, year: int | None) -> Path:
    """Where a partition lies. A day or longer: one file for all years, since a year is some 250 rows."""
    name = "all.parquet" if year is None else f"year={year}.parquet"
    return root / f"interval={interval}" / f"symbol={quote(symbol, safe=' ')}" / name


def is_by_year(interval: str) -> bool:
    """Whether bars of this length are parted by year."""
    return interval_from(interval) < DAY


def years_of(ts: Times) -> Iterator[tuple[int, slice]]:
    """The years in rising times, and the rows of each."""
    first, last = (datetime.fromtimestamp(int(at) // SECOND, UTC).year for at in (ts[0], ts[-1]))
    for year in range(first, last + 1):
        start, stop = np.searchsorted(ts, [year_start(year), year_start(year + 1)]).tolist()
        if stop > start:
            yield year, slice(start, stop)


def partitions(folder: Path) -> list[Partition]:
    """The partitions of one length of bars, by symbol and year; `folder` is its `interval=...`."""
    interval = folder.name.removeprefix("interval=")
    found = []
    for place in sorted(folder.glob("symbol=*")):
        symbol = unquote(place.name.removeprefix("symbol="))
        for path in sorted(place.iterdir()):
            year = _YEAR.fullmatch(path.name)
            if year is not None or path.name == "all.parquet":
                found.append(Partition(path, interval, symbol, int(year[1]) if year else None))
    return found


def read_rows(path: Path) -> Rows:
    """A partition with what is known since when; DataError when it is damaged or not one."""
    polars = load_polars(path)
    header, frame = load_frame(path, polars, (*COLUMNS, _KNOWN_AT))
    if not {*COLUMNS, _KNOWN_AT} <= set(header):
        raise DataError(
            f"{path}: not a file of a lake: it lacks {', '.join({*COLUMNS, _KNOWN_AT} - set(header))}"
        )
    bad = BadCells()
    names, _ = frames.symbols(frame["symbol"], bad, polars)
    ts, known_at = frames.times(frame["ts"], bad, polars), frames.times(frame[_KNOWN_AT], bad, polars)
    columns = [frames.floats(frame[name], bad, polars) for name in NUMBERS]
    if bad.first or len(names) != 1:
        raise DataError(f"{path}: damaged: unreadable cells or several symbols; import its bars again")
    return Rows(Bars(names[0], ts, *columns), known_at)


def write_rows(path: Path, rows: Rows) -> None:
    """Put rows into a file, whole or not at all; DataError when the storage refuses."""
    polars = load_polars(path)

    def write(file: IO[bytes]) -> None:
        bars = rows.bars
        frame = polars.DataFrame(
            {
                "symbol": polars.repeat(bars.symbol, len(bars), eager=True, dtype=polars.String),
                "ts": polars.Series(bars.ts).cast(polars.Datetime("ns", "UTC")),
                **{name: polars.Series(getattr(bars, name)) for name in NUMBERS},
                _KNOWN_AT: polars.Series(rows.known_at).cast(polars.Datetime("ns", "UTC")),
            }
        )
        try:
            frame.write_parquet(file)
        except polars.exceptions.ComputeError as error:
            raise OSError(str(error)) from error  # how polars reports that the storage refused

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path.parent}: cannot be made: {error.strerror or error}") from error
    replace_file(path, write)


def check_rows(bars: Bars, place: str) -> None:
    """Raise DataError for bars that no bar file may hold."""
    bars_of(table_of([bars], place))
