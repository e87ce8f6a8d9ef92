"""A bar file as it is: its columns, and the cells that could not be read.

Between the file formats and those who judge the content; nothing is refused here but a file that
cannot be opened. Row i of the columns is data row i + 1 of the file, counted from 1.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Floats, Times
from tradewrit.market.stamps import iso

NUMBERS: Final = ("open", "high", "low", "close", "volume")
COLUMNS: Final = ("symbol", "ts", *NUMBERS)
PARQUET_SUFFIXES: Final = (".parquet", ".pq")
BAR_SUFFIXES: Final = (*PARQUET_SUFFIXES, ".csv", ".csv.gz")
EXAMPLES: Final = 1000  # unreadable cells kept per file; the rest are counted

Codes = NDArray[np.int32]


class BadCell(msgspec.Struct, frozen=True):
    """A cell that is no time, number or name. row counts data rows from 1; column "row": a bad row."""

    row: int
    column: str
    text: str


class BadCells:
    """Collects unreadable cells: the first ones whole, the others as a count per column."""

    def __init__(self) -> None:
        self.first: list[BadCell] = []
        self.counts: Counter[str] = Counter()

    def add(self, row: int, column: str, text: str) -> None:
        """Remember one cell. row counts data rows from 1."""
        self.counts[column] += 1
        if self.counts[column] <= EXAMPLES:
            self.first.append(BadCell(row, column, text))


class Table(msgspec.Struct, frozen=True, eq=False):
    """The columns of one bar file, equally long.

    names: symbols in the order of their first rows; codes: index into `names` per row.
    ts: UTC ns of the bar's open, NO_TIME where unreadable. columns: the five of NUMBERS, float64,
    NaN where unreadable. missing: contract columns that the file does not have. header: its own.
    is_file: whether there is a file that can be looked at, or bars in memory.
    """

    source: str
    names: tuple[str, ...]
    codes: Codes
    ts: Times
    columns: dict[str, Floats]
    bad: BadCells
    missing: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    is_file: bool = True

    def __len__(self) -> int:
        return len(self.ts)

    def symbol(self, row: int) -> str:
        """The symbol in row index `row`."""
        return self.names[int(self.codes[row])]

    def place(self, row: int) -> str:
        """Row index `row` for people: row number, symbol and time."""
        return f"row {row + 1} ({self.symbol(row) or 'no symbol'}, {iso(int(self.ts[row]))})"

    def rows_by_symbol(self) -> list[slice | NDArray[np.intp]]:
        """Where each symbol's rows are, in file order, indexed like `names`.

        Slices (no copy) when every symbol's rows stand together, positions when they interleave.
        """
        starts = np.flatnonzero(np.diff(self.codes, prepend=-1))
        if len(starts) == len(self.names):
            return [slice(int(a), int(b)) for a, b in zip(starts, [*starts[1:], len(self)], strict=True)]
        small = self.codes.astype(np.uint16) if len(self.names) <= 2**16 else self.codes
        order = np.argsort(small, kind="stable")
        ends = np.cumsum(np.bincount(self.codes, minlength=len(self.names)))
        return [order[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]


def table_of(bars: Sequence[Bars], source: str = "bars") -> Table:
    """The table that a file of these bars would be, symbol after symbol; raises nothing."""
    names = tuple(dict.fromkeys(one.symbol for one in bars))
    codes = [np.full(len(one), names.index(one.symbol), dtype=np.int32) for one in bars]
    return Table(
        source,
        names,
        _join(codes, np.int32),
        _join([one.ts for one in bars], np.int64),
        {column: _join([getattr(one, column) for one in bars], np.float64) for column in NUMBERS},
        BadCells(),
        header=COLUMNS,
        is_file=False,
    )


def check_header(source: str, header: Sequence[str]) -> tuple[str, ...]:
    """The contract columns that `header` lacks; raises DataError when one appears twice."""
    twice = [name for name, count in Counter(header).items() if count > 1 and name in COLUMNS]
    if twice:
        raise DataError(f"{source}: column {twice[0]!r} appears twice; keep one")
    return tuple(name for name in COLUMNS if name not in header)


def missing_columns(table: Table) -> str:
    """The message for a table that lacks contract columns."""
    seen = ", ".join(table.header[:20]) or "nothing"
    return (
        f"{table.source}: missing column{'s' if len(table.missing) > 1 else ''} "
        f"{', '.join(table.missing)} (found: {seen}); the columns are {', '.join(COLUMNS)}. "
        "`tradewrit data import` reads other spellings"
    )


def _join(parts: list[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=kind)
