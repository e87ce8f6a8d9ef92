"""Defects that make a file unfit or a single row wrong: found in every row, fixed by nobody here."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradewrit.market.findings import SHOWN, Finding, Kind, Severity, span
from tradewrit.market.stamps import NO_TIME
from tradewrit.market.table import NUMBERS, Table

Mask = NDArray[np.bool_]
_PRICES: Final = NUMBERS[:4]


def file_defects(table: Table) -> Iterator[Finding]:
    """Missing columns, cells that cannot be read, no rows at all."""
    if table.missing:
        message = f"missing: {', '.join(table.missing)} (found: {', '.join(table.header[:20]) or 'nothing'})"
        count = len(table.missing)
        yield Finding(
            kind=Kind.MISSING_COLUMN, severity=Severity.ERROR, symbol="", count=count, message=message
        )
    if not len(table):
        yield Finding(
            kind=Kind.NO_ROWS, severity=Severity.ERROR, symbol="", count=1, message="the file has no rows"
        )
    for column, count in table.bad.counts.items():
        cells = [cell for cell in table.bad.first if cell.column == column][:SHOWN]
        first_at, last_at = span(int(table.ts[cell.row - 1]) for cell in cells)
        yield Finding(
            kind=Kind.UNPARSABLE,
            severity=Severity.ERROR,
            symbol="",
            count=count,
            message=f"{_times(count, 'row')} with the wrong number of cells"
            if column == "row"
            else f"{_times(count, 'cell')} of {column} cannot be read",
            first_at=first_at,
            last_at=last_at,
            examples=tuple(f"row {cell.row}: {cell.text!r}" for cell in cells),
        )


def row_defects(table: Table) -> Iterator[Finding]:
    """Numbers that are no prices or volumes, and bars that contradict themselves."""
    unread = _unread(table)
    present = [name for name in NUMBERS if name not in table.missing]
    for name in present:
        values = table.columns[name]
        not_finite = ~np.isfinite(values) & ~unread[name]
        yield from _by_symbol(
            table, not_finite, Kind.NOT_FINITE, Severity.ERROR, f"{name} is NaN or infinite", name
        )
        if name == "volume":
            yield from _by_symbol(
                table, values < 0, Kind.NEGATIVE_VOLUME, Severity.ERROR, "volume is negative", name
            )
        else:
            yield from _by_symbol(
                table,
                (values <= 0) & np.isfinite(values),
                Kind.NOT_POSITIVE,
                Severity.ERROR,
                f"{name} is zero or negative",
                name,
            )
    yield from _ohlc_violations(table)


def order_defects(table: Table, symbol: str, rows: NDArray[np.intp]) -> Iterator[Finding]:
    """Times of one symbol, in file order, that repeat or fall. rows: the symbol's row indices."""
    rows = rows[table.ts[rows] != NO_TIME]
    ts = table.ts[rows]
    falls = np.flatnonzero(np.diff(ts) < 0) + 1
    if len(falls):
        newest_first = len(falls) == len(ts) - 1
        yield _finding(
            table,
            rows[falls],
            Kind.UNORDERED,
            Severity.ERROR,
            symbol,
            "the rows are newest first" if newest_first else f"time falls in {_times(len(falls), 'place')}",
            lambda row: f"{table.place(row)} comes after a later time",
        )
    order = np.argsort(ts, kind="stable")
    repeated = rows[order[np.flatnonzero(np.diff(ts[order]) == 0) + 1]]
    if len(repeated):
        message = f"{_times(len(repeated), 'row')} with a time that the symbol already has"
        yield _finding(table, np.sort(repeated), Kind.DUPLICATE, Severity.ERROR, symbol, message, table.place)


def _ohlc_violations(table: Table) -> Iterator[Finding]:
    if any(name in table.missing for name in _PRICES):
        return
    open_, high, low, close = (table.columns[name] for name in _PRICES)
    # Comparisons with NaN are false: rows without a price are reported as such, not here.
    wrong = (high < low) | (high < open_) | (high < close) | (low > open_) | (low > close)

    def words(row: int) -> str:
        prices = ", ".join(f"{name} {float(table.columns[name][row]):g}" for name in _PRICES)
        return f"{table.place(row)}: {prices}"

    for symbol, rows in _split(table, wrong):
        message = f"{_times(len(rows), 'bar')} whose high or low does not enclose open and close"
        yield _finding(table, rows, Kind.OHLC_VIOLATION, Severity.WARNING, symbol, message, words)


def _unread(table: Table) -> dict[str, Mask]:
    """Per number column, the rows already reported as unreadable: all of them when too many."""
    masks = {name: np.zeros(len(table), dtype=bool) for name in NUMBERS}
    for cell in table.bad.first:
        if cell.column in masks:
            masks[cell.column][cell.row - 1] = True
    for name, count in table.bad.counts.items():
        if name in masks and count > int(masks[name].sum()):
            masks[name] |= np.isnan(table.columns[name])
    return masks


def _by_symbol(
    table: Table, mask: Mask, kind: Kind, severity: Severity, what: str, column: str
) -> Iterator[Finding]:
    for symbol, rows in _split(table, mask):
        yield _finding(
            table,
            rows,
            kind,
            severity,
            symbol,
            f"{what} in {_times(len(rows), 'row')}",
            lambda row: f"{table.place(row)}: {column} is {float(table.columns[column][row])!r}",
        )


def _split(table: Table, mask: Mask) -> Iterator[tuple[str, NDArray[np.intp]]]:
    rows = np.flatnonzero(mask)
    codes = table.codes[rows]
    for code in np.unique(codes).tolist():
        yield table.names[code], rows[codes == code]


def _finding(
    table: Table,
    rows: NDArray[np.intp],
    kind: Kind,
    severity: Severity,
    symbol: str,
    message: str,
    words: Callable[[int], str],
) -> Finding:
    first_at, last_at = span(table.ts[rows].tolist())
    return Finding(
        kind=kind,
        severity=severity,
        symbol=symbol,
        count=len(rows),
        message=message,
        first_at=first_at,
        last_at=last_at,
        examples=tuple(words(row) for row in rows[:SHOWN].tolist()),
    )


def _times(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
