"""CSV bar files (plain or gzip) into a `Table`, with the standard library and numpy.

Large clean files go through polars where it is installed (`fast_csv`). All others are read in blocks
of rows, each column converted at once; a block with a cell that does not convert is gone through
cell by cell to say which. A blank line is skipped and not counted as a row.
"""

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tradewrit.errors import DataError
from tradewrit.features.bars import Floats, Times
from tradewrit.market.fast_csv import WORTHWHILE_BYTES, read_clean_csv
from tradewrit.market.stamps import NO_TIME, from_epoch, read_times
from tradewrit.market.table import NUMBERS, BadCells, Codes, Table, check_header, is_symbol, quote_columns

_BLOCK: Final = 8_192  # rows held as Python text at a time
_Row = list[str]


def read_csv(path: Path) -> Table:
    """The content of a CSV file with a header line.

    Raises DataError when the file cannot be opened or is not text.
    """
    try:
        with _open(path) as text:
            rows = csv.reader(text)
            first = next(rows, [])
            header = [name.strip() for name in first]
            if header == first and path.stat().st_size >= WORTHWHILE_BYTES:
                table = read_clean_csv(path, header)
                if table is not None:
                    return table
            return _read(str(path), header, rows)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {_reason(error)}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text (byte {error.start}); is it really a CSV file?") from error
    except csv.Error as error:
        raise DataError(f"{path}: not a CSV file: {error}") from error


def _open(path: Path) -> io.TextIOBase:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open("r", encoding="utf-8-sig", newline="")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _read(source: str, header: Sequence[str], rows: Iterator[_Row]) -> Table:
    missing = check_header(source, header)
    columns = _Columns(header)
    while block := list(islice(rows, _BLOCK)):
        columns.add(block)
    return columns.table(source, missing)


class _Columns:
    """Grows the columns of a table, block by block."""

    def __init__(self, header: Sequence[str]) -> None:
        self.header = tuple(header)
        self.bad = BadCells()
        self.rows = 0
        self.index: dict[str, int] = {}
        self.codes: list[Codes] = []
        self.times: list[tuple[Times, bool]] = []
        self.numbers: dict[str, list[Floats]] = {name: [] for name in NUMBERS if name in header}
        self.quotes: dict[str, tuple[str, list[Floats]]] = {
            name: (own, []) for name, own in quote_columns(header).items()
        }

    def add(self, block: list[_Row]) -> None:
        block = self._square(block)
        if not block:
            return
        cells = dict(zip(self.header, zip(*block, strict=True), strict=True))
        self._add_symbols(cells.get("symbol", ("",) * len(block)))
        if "ts" in cells:
            self._add_times(cells["ts"])
        for name, parts in self.numbers.items():
            parts.append(self._floats(name, cells[name]))
        for own, parts in self.quotes.values():
            values = (_number(cell) for cell in cells[own])
            parts.append(np.array([math.nan if value is None else value for value in values]))
        self.rows += len(block)

    def table(self, source: str, missing: tuple[str, ...]) -> Table:
        return Table(
            source,
            tuple(self.index),
            _joined(self.codes, np.int32),
            self._all_times(),
            {name: self._column(name) for name in NUMBERS}
            | {name: _joined(parts, np.float64) for name, (_, parts) in self.quotes.items()},
            self.bad,
            missing,
            self.header,
        )

    def _square(self, block: list[_Row]) -> list[_Row]:
        """The block without blank lines, every row as wide as the header."""
        width = len(self.header)
        if {len(row) for row in block} == {width}:
            return block
        block = [row for row in block if row]
        for i, row in enumerate(block):
            if len(row) != width:
                self.bad.add(self.rows + i + 1, "row", f"{len(row)} cells, the header has {width}")
                block[i] = (row + [""] * width)[:width]
        return block

    def _add_symbols(self, cells: Sequence[str]) -> None:
        names = dict.fromkeys(cells)
        for name in names:
            self.index.setdefault(name, len(self.index))
        wrong = {name for name in names if not is_symbol(name)}
        if wrong and "symbol" in self.header:
            self._mark("symbol", cells, (i for i, name in enumerate(cells) if name in wrong))
        self.codes.append(np.fromiter(map(self.index.__getitem__, cells), np.int32, len(cells)))

    def _add_times(self, cells: Sequence[str]) -> None:
        times, are_counts = read_times(cells)
        self._mark("ts", cells, np.flatnonzero(times == NO_TIME).tolist())
        self.times.append((times, are_counts))

    def _floats(self, name: str, cells: Sequence[str]) -> Floats:
        try:
            return np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            values = [_number(cell) for cell in cells]
            self._mark(name, cells, (i for i, value in enumerate(values) if value is None))
            return np.array([math.nan if value is None else value for value in values])

    def _mark(self, column: str, cells: Sequence[str], positions: Iterable[int]) -> None:
        for i in positions:
            self.bad.add(self.rows + i + 1, column, cells[i])

    def _all_times(self) -> Times:
        if not self.times:
            return np.full(self.rows, NO_TIME, dtype=np.int64)
        times = np.concatenate([block for block, _ in self.times])
        are_counts = np.repeat([counts for _, counts in self.times], [len(block) for block, _ in self.times])
        if not are_counts.any():
            return times
        counts = times[are_counts]
        scaled = from_epoch(counts)
        lost = np.flatnonzero(are_counts)[(scaled == NO_TIME) & (counts != NO_TIME)]
        for i in lost.tolist():
            self.bad.add(i + 1, "ts", str(times[i]))
        times[are_counts] = scaled
        return times

    def _column(self, name: str) -> Floats:
        parts = self.numbers.pop(name, None)  # the blocks go as soon as they are joined
        return np.full(self.rows, np.nan) if parts is None else _joined(parts, np.float64)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _joined(parts: Sequence[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=kind)
