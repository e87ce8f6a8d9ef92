"""Bars from a table, or the first thing in it that would make a result wrong, with its place."""

import numpy as np
from numpy.typing import NDArray

from tradewrit.errors import DataError
from tradewrit.features.bars import QUOTES, Bars
from tradewrit.market.stamps import iso
from tradewrit.market.table import COLUMNS, NUMBERS, Table, missing_columns


def bars_of(table: Table) -> list[Bars]:
    """The bars of a table; DataError at its first defect (see `store.read_bars`)."""
    if table.missing:
        raise DataError(missing_columns(table))
    if not len(table):
        raise DataError(f"{table.source}: no rows; there is nothing to trade on")
    _refuse_bad_cells(table)
    _refuse_bad_numbers(table)
    bars = []
    for name, rows in zip(table.names, table.rows_by_symbol(), strict=True):
        ts = table.ts[rows]
        steps = np.diff(ts)
        if len(steps) and int(steps.min()) <= 0:
            _refuse_order(table, np.arange(len(table))[rows], int(np.argmax(steps <= 0)))
        quotes = {column: table.columns[column][rows] for column in QUOTES if column in table.columns}
        bars.append(Bars(name, ts, *(table.columns[column][rows] for column in NUMBERS), **quotes))
    return bars


def _refusal(table: Table, what: str, count: int) -> DataError:
    more = f" (and {count - 1} more like it)" if count > 1 else ""
    hint = f"; `tradewrit data check {table.source}` shows everything" if table.is_file else ""
    return DataError(f"{table.source}: {what}{more}{hint}")


def _refuse_bad_cells(table: Table) -> None:
    if not table.bad.first:
        return
    cell = min(
        table.bad.first,
        key=lambda cell: (cell.row, COLUMNS.index(cell.column) if cell.column in COLUMNS else -1),
    )
    count = table.bad.counts[cell.column]
    if cell.column == "row":
        raise _refusal(table, f"row {cell.row} has {cell.text}", count)
    wanted = {"symbol": "a symbol", "ts": "a time (ISO-8601 or a number since 1970)"}.get(
        cell.column, "a number"
    )
    raise _refusal(table, f"row {cell.row}: {cell.column} is {cell.text!r}, not {wanted}", count)


def _refuse_bad_numbers(table: Table) -> None:
    for column in NUMBERS:
        values = table.columns[column]
        # One pass each, without temporaries, settles the common case; NaN makes every test fail.
        lowest, highest = float(values.min()), float(values.max())
        floor_holds = lowest >= 0 if column == "volume" else lowest > 0
        if floor_holds and highest < np.inf:
            continue
        fits = (values >= 0 if column == "volume" else values > 0) & (values < np.inf)
        row = int(np.argmin(fits))
        wanted = "zero or more" if column == "volume" else "a positive number"
        what = f"{table.place(row)}: {column} is {float(values[row])!r}, not {wanted}"
        raise _refusal(table, what, int((~fits).sum()))


def _refuse_order(table: Table, rows: NDArray[np.intp], i: int) -> None:
    before, row = int(rows[i]), int(rows[i + 1])
    if table.ts[before] == table.ts[row]:
        what = f"{table.place(row)}: duplicate of row {before + 1}, the same symbol and time"
    else:
        what = f"{table.place(row)}: time falls behind row {before + 1} ({iso(int(table.ts[before]))})"
    count = int((np.diff(table.ts[rows]) <= 0).sum())
    raise _refusal(table, f"{what}; the rows of a symbol must rise in time", count)
