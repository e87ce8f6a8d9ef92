"""Turns a vendor's file into one of ours, or refuses: nothing is guessed that can be asked.

Reads CSV (comma, semicolon, tab or bar between the cells) and Parquet, in memory. What was done is
in the report; what could not be understood is in the error, and then nothing has been written.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.market import DAY, Interval
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Floats, Times
from tradewrit.market import vendor
from tradewrit.market.gaps import bar_length
from tradewrit.market.intervals import interval_from
from tradewrit.market.stamps import iso
from tradewrit.market.store import read_bars, write_bars
from tradewrit.market.table import BAR_SUFFIXES, COLUMNS, NUMBERS
from tradewrit.market.vendor_file import Cells, cells_of


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did. columns: ours -> the vendor's. notes: in the order they were done."""

    source: str
    target: str
    rows_read: int
    rows_written: int
    symbols: tuple[str, ...]
    columns: dict[str, str]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**msgspec.structs.asdict(self), "symbols": list(self.symbols), "notes": list(self.notes)}


class VendorBars(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Bars of a vendor's file. columns, notes: as in the report."""

    source: str
    bars: tuple[Bars, ...]
    rows_read: int
    columns: dict[str, str]
    notes: tuple[str, ...]

    def report(self, target: str) -> ImportReport:
        """What is said when they have been written to `target`."""
        return ImportReport(
            source=self.source,
            target=target,
            rows_read=self.rows_read,
            rows_written=sum(len(one) for one in self.bars),
            symbols=tuple(one.symbol for one in self.bars),
            columns=self.columns,
            notes=self.notes,
        )


def import_bars(
    source: str | Path,
    target: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    symbol: str | None = None,
    timezone: str | None = None,
    bar_time: Literal["open", "close"] = "open",
    interval: str | Interval | None = None,
    date_format: str | None = None,
    drop_incomplete: bool = False,
) -> ImportReport:
    """Read a vendor's bars and write them as a bar file (Parquet or CSV, as `target` ends).

    Raises DataError, and writes nothing, as `read_vendor` does, and when the result would be no bar file.
    """
    read, write = Path(source), Path(target)
    if read.resolve() == write.resolve():
        raise DataError(f"{read}: source and target are the same file; name another target")
    found = read_vendor(
        read,
        columns=columns,
        symbol=symbol,
        timezone=timezone,
        bar_time=bar_time,
        interval=interval,
        date_format=date_format,
        drop_incomplete=drop_incomplete,
    )
    write_bars(write, found.bars)
    return found.report(str(write))


def read_bars_or_vendor(
    source: Path,
    *,
    columns: Mapping[str, str] | None = None,
    symbol: str | None = None,
    timezone: str | None = None,
    bar_time: Literal["open", "close"] = "open",
    interval: str | Interval | None = None,
    date_format: str | None = None,
    drop_incomplete: bool = False,
) -> "VendorBars":
    """The bars of a file: read as they are when it is a bar file and nothing else is asked, else a vendor's.

    The arguments and errors are those of `read_vendor`.
    """
    is_plain = not (columns or symbol or timezone or date_format or drop_incomplete or bar_time == "close")
    if is_plain and source.name.endswith(BAR_SUFFIXES):
        try:
            bars = read_bars(source)
        except DataError:
            bars = None  # another spelling, or rows to sort: a vendor's file, which says what was done
        if bars is not None:
            rows = sum(len(one) for one in bars)
            names = {name: name for name in COLUMNS}
            return VendorBars(source=str(source), bars=tuple(bars), rows_read=rows, columns=names, notes=())
    return read_vendor(
        source,
        columns=columns,
        symbol=symbol,
        timezone=timezone,
        bar_time=bar_time,
        interval=interval,
        date_format=date_format,
        drop_incomplete=drop_incomplete,
    )


def read_vendor(
    source: Path,
    *,
    columns: Mapping[str, str] | None = None,
    symbol: str | None = None,
    timezone: str | None = None,
    bar_time: Literal["open", "close"] = "open",
    interval: str | Interval | None = None,
    date_format: str | None = None,
    drop_incomplete: bool = False,
) -> "VendorBars":
    """The bars of a vendor's file, with what was done to them.

    columns: our name -> the vendor's, where the spelling is not recognised; two columns that make
    up a time (date and time of day) are named "Date+Time".
    symbol: the symbol of every row, for a file without one.
    timezone: of times without an offset (IANA name); UTC by default. A bare date is its midnight.
    bar_time: whether the stamps are bar opens or closes. A close is moved back by `interval`, or by
    the usual step between bars when that is not given.
    drop_incomplete: leave out rows without a price or volume instead of refusing the file.

    Newest-first and unsorted rows are sorted, rows that repeat another exactly are dropped.

    Raises DataError when a column is not found, a cell is not understood, or two rows of one time
    disagree.
    """
    try:
        steps = _Import(cells_of(source), symbol, columns or {})
        steps.read_columns(_zone(timezone), date_format)
        steps.drop_incomplete(allowed=drop_incomplete)
        if bar_time == "close":
            steps.move_to_open(interval)
        bars = steps.bars()
    except DataError as error:
        raise DataError(f"{source}: not imported: {error}") from None
    return VendorBars(
        source=str(source),
        bars=tuple(bars),
        rows_read=steps.rows_read,
        columns=dict(steps.columns),
        notes=tuple(steps.notes),
    )


class _Import:
    """The rows of one vendor file on their way to bars, with notes of what was done to them."""

    def __init__(self, cells: Cells, symbol: str | None, columns: Mapping[str, str]) -> None:
        self.cells = cells
        self.notes: list[str] = []
        self.rows_read = len(next(iter(cells.values()), []))
        if not self.rows_read:
            raise DataError("no rows")
        self.columns = _mapping(list(cells), columns, has_symbol=symbol is not None)
        self.symbol = symbol
        self.rows = np.arange(1, self.rows_read + 1)
        self.names: NDArray[np.str_]
        self.ts: Times
        self.numbers: dict[str, Floats] = {}
        unused = [
            name for name in cells if not any(name in used.split("+") for used in self.columns.values())
        ]
        if unused:
            self.notes.append(f"columns not used: {', '.join(unused)}")

    def read_columns(self, zone: ZoneInfo, date_format: str | None) -> None:
        if self.symbol is not None:
            self.names = np.full(self.rows_read, self.symbol)
            self.notes.append(f"every row is {self.symbol}")
        else:
            self.names = np.array([cell.strip() for cell in self.cells[self.columns["symbol"]]])
        parts = [self.cells[name] for name in self.columns["ts"].split("+")]
        texts = parts[0] if len(parts) == 1 else [" ".join(pair).strip() for pair in zip(*parts, strict=True)]
        self.ts, spelling = vendor.times([text.strip() for text in texts], zone, date_format)
        has_zone = "offset" in spelling or "1970" in spelling
        self.notes.append(f"times read as {spelling}" + ("" if has_zone else f", in {zone.key}"))
        for name in NUMBERS:
            self.numbers[name] = vendor.numbers(self.cells[self.columns[name]])

    def drop_incomplete(self, *, allowed: bool) -> None:
        """Leave out, or refuse, rows with a cell that says there is no value; refuse other cells."""
        incomplete = np.zeros(self.rows_read, dtype=bool)
        for name, values in self.numbers.items():
            cells = self.cells[self.columns[name]]
            for i in np.flatnonzero(~np.isfinite(values)).tolist():
                where = f"row {i + 1} ({iso(int(self.ts[i]))}): {self.columns[name]} is {cells[i]!r}"
                if not vendor.is_absent(cells[i]):
                    raise DataError(f"{where}, not a number")
                if not allowed:
                    raise DataError(
                        f"{where}; such rows are left out with drop_incomplete (--drop-incomplete)"
                    )
                incomplete[i] = True
        if incomplete.any():
            rows = self.rows[incomplete]
            shown = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
            self.notes.append(f"{len(rows)} incomplete row(s) left out: {shown}")
            self._keep(~incomplete)

    def move_to_open(self, interval: str | Interval | None) -> None:
        """Stamps that mark the end of a bar become its open."""
        step = interval_from(interval) if interval is not None else bar_length(np.unique(self.ts))
        if step >= DAY:
            raise DataError("bars of a day or more carry a date, not a closing time; use bar_time open")
        self.ts = self.ts - step
        self.notes.append(f"times moved from bar close to bar open, {step // 10**9} s back")

    def bars(self) -> list[Bars]:
        """The rows by symbol, sorted, without exact repetitions."""
        found = []
        for name in dict.fromkeys(self.names.tolist()):
            rows = np.flatnonzero(self.names == name)
            found.append(self._one(name, rows))
        return found

    def _one(self, name: str, rows: NDArray[np.intp]) -> Bars:
        steps = np.diff(self.ts[rows])
        if len(steps) and int(steps.min()) < 0:
            how = "newest first" if int(steps.max()) < 0 else "unsorted"
            self.notes.append(f"{name}: rows were {how}; sorted by time")
            rows = rows[np.argsort(self.ts[rows], kind="stable")]
        again = np.flatnonzero(np.diff(self.ts[rows]) == 0)
        for i in again.tolist():
            self._refuse_contradiction(name, int(rows[i]), int(rows[i + 1]))
        if len(again):
            self.notes.append(f"{name}: {len(again)} row(s) that repeat another one dropped")
            rows = np.delete(rows, again + 1)
        return Bars(name, self.ts[rows], *(self.numbers[column][rows] for column in NUMBERS))

    def _refuse_contradiction(self, name: str, first: int, second: int) -> None:
        if any(values[first] != values[second] for values in self.numbers.values()):
            raise DataError(
                f"rows {self.rows[first]} and {self.rows[second]} are both {name} at "
                f"{iso(int(self.ts[first]))} and differ; remove one"
            )

    def _keep(self, mask: NDArray[np.bool_]) -> None:
        self.rows, self.names, self.ts = self.rows[mask], self.names[mask], self.ts[mask]
        self.numbers = {name: values[mask] for name, values in self.numbers.items()}


def _mapping(header: Sequence[str], given: Mapping[str, str], *, has_symbol: bool) -> dict[str, str]:
    """Our columns -> the vendor's; DataError names all that were not found."""
    strange = [name for name in given if name not in COLUMNS]
    if strange:
        raise DataError(f"there is no column {', '.join(strange)} to map to; ours are {', '.join(COLUMNS)}")
    absent = [part for used in given.values() for part in used.split("+") if part not in header]
    if absent:
        raise DataError(f"no column {', '.join(absent)} in the file (found: {', '.join(header)})")
    wanted = [name for name in COLUMNS if not (name == "symbol" and has_symbol)]
    found = {name: given.get(name) or _spelt(name, header) for name in wanted}
    missing = [name for name, used in found.items() if used is None]
    if missing:
        hint = "; give the symbol" if "symbol" in missing else ""
        raise DataError(
            f"no column found for {', '.join(missing)} (found: {', '.join(header)}); map it by name{hint}"
        )
    return {name: used for name, used in found.items() if used is not None}


def _spelt(name: str, header: Sequence[str]) -> str | None:
    """The vendor's column; for the time, date and time of day together when both are there."""
    if name == "ts":
        by_name = {column.strip().lower().strip("<>"): column for column in header}
        if "date" in by_name and "time" in by_name:
            return f"{by_name['date']}+{by_name['time']}"
    return vendor.column_for(name, header)


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        raise DataError(f"unknown time zone {name!r}; use an IANA name such as America/New_York") from None
