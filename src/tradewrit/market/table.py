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
from tradewrit.features.bars import QUOTES, Bars, Floats, Times
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
    NaN where unreadable, and those of QUOTES that the file has, NaN where there was none.
    missing: contract columns that the file does not have. header: its own.
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


def is_symbol(name: str) -> bool:
    """Whether a cell names something: an unclosed quote in a CSV, say, swallows lines and makes no name."""
    return bool(name) and name.isprintable()


def table_of(bars: Sequence[Bars], source: str = "bars") -> Table:
    """The table that a file of these bars would be, symbol after symbol; raises nothing."""
    names = tuple(dict.fromkeys(one.symbol for one in bars))
    codes = [np.full(len(one), names.index(one.symbol), dtype=np.int32) for one in bars]
    return Table(
        source,
        names,
        _join(codes, np.int32),
        _join([one.ts for one in bars], np.int64),
        {
            column: _join([getattr(one, column) for one in bars], np.float64)
            for column in (*NUMBERS, *_quotes_of(bars))
        },
        BadCells(),
        header=COLUMNS,
        is_file=False,
    )


def check_header(source: str, header: Sequence[str]) -> tuple[str, ...]:
    """The contract columns that `header` lacks; raises DataError when one appears twice."""
    read = (*COLUMNS, *quote_columns(header).values())
    twice = [name for name, count in Counter(header).items() if count > 1 and name in read]
    if twice:
        raise DataError(f"{source}: column {twice[0]!r} appears twice; keep one")
    return tuple(name for name in COLUMNS if name not in header)


def quote_columns(header: Sequence[str]) -> dict[str, str]:
    """The closing quotes that a file has: our name -> its own (`bid_close`, where bars are of quotes)."""
    spelt = ((name, own) for name in QUOTES for own in (f"{name}_close", name) if own in header)
    return dict(spelt)


def missing_columns(table: Table) -> str:
    """The message for a table that lacks contract columns."""
    seen = ", ".join(table.header[:20]) or "nothing"
    return (
        f"{table.source}: missing column{'s' if len(table.missing) > 1 else ''} "
        f"{', '.join(table.missing)} (found: {seen}); the columns are {', '.join(COLUMNS)}. "
        "`tradewrit data import` reads other spellings"
    )


def _quotes_of(bars: Sequence[Bars]) -> list[str]:
    """The quotes that all of the bars have."""
    return [name for name in QUOTES if all(getattr(one, name) is not None for one in bars)]


def _join(parts: list[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=kind)
