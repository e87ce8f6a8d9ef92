"""Factor tables: what past prices are multiplied with so that splits and dividends are no jumps.

One row per change. It speaks for all bars up to and including its `last_date`, back to the row before;
the factors are those of Lean's factor files. Strict: a table that could be read in two ways is refused.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import msgspec

from tradewrit.errors import DataError
from tradewrit.market.vendor_file import Cells, cells_of

COLUMNS: Final = ("symbol", "last_date", "price_factor", "split_factor", "reference_price")
_COMPACT: Final = 8  # 20140606, as vendors write it


class FactorRow(msgspec.Struct, frozen=True, kw_only=True):
    """What holds up to the end of `last_date`, a date of the exchange.

    price_factor: for dividends. split_factor: for splits. reference_price: the raw close of `last_date`
    in the shares of that day; 0 where it is not known.
    """

    last_date: date
    price_factor: Decimal
    split_factor: Decimal
    reference_price: Decimal


Factors = tuple[FactorRow, ...]
"""The rows of one symbol, oldest first, their dates rising."""


def read_factors(path: Path) -> dict[str, Factors]:
    """The factors of each symbol in a Parquet or CSV file, in the order of their first rows.

    Raises DataError, naming file, row and symbol: a missing column, a cell that is no date or number,
    a factor that is not positive, a date that comes twice or falls.
    """
    try:
        cells = cells_of(path)
    except DataError as wrong:
        text = str(wrong)
        raise DataError(text if text.startswith(str(path)) else f"{path}: {text}") from wrong
    missing = [name for name in COLUMNS if name not in cells]
    if missing:
        found = ", ".join(cells) or "nothing"
        raise DataError(
            f"{path}: no column {', '.join(missing)} (found: {found}); the columns of a factor table are "
            f"{', '.join(COLUMNS)}"
        )
    rows: dict[str, list[FactorRow]] = {}
    for place, symbol, row in _rows(path, cells):
        before = rows.setdefault(symbol, [])
        if before and row.last_date <= before[-1].last_date:
            verb = "repeats" if row.last_date == before[-1].last_date else "falls behind"
            raise DataError(
                f"{place}: last_date {row.last_date} {verb} {before[-1].last_date}; a symbol's rows must "
                "rise in time, one per date"
            )
        before.append(row)
    return {symbol: tuple(found) for symbol, found in rows.items()}


def _rows(path: Path, cells: Cells) -> Iterator[tuple[str, str, FactorRow]]:
    for i, values in enumerate(zip(*(cells[name] for name in COLUMNS), strict=True), start=1):
        symbol = values[0].strip()
        place = f"{path}: row {i} ({symbol or 'no symbol'})"
        if not symbol:
            raise DataError(f"{place}: symbol is empty")
        row = FactorRow(
            last_date=_date(place, values[1]),
            price_factor=_number(place, "price_factor", values[2]),
            split_factor=_number(place, "split_factor", values[3]),
            reference_price=_number(place, "reference_price", values[4], may_be_zero=True),
        )
        yield place, symbol, row


def _date(place: str, text: str) -> date:
    day = text.strip()[:10]
    if len(day) == _COMPACT and day.isdecimal():
        day = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise DataError(f"{place}: last_date is {text!r}, not a date such as 2014-06-06") from None


def _number(place: str, name: str, text: str, *, may_be_zero: bool = False) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise DataError(f"{place}: {name} is {text!r}, not a number") from None
    if not number.is_finite() or number < 0 or (number == 0 and not may_be_zero):
        wanted = "zero or a positive number" if may_be_zero else "a positive number"
        raise DataError(f"{place}: {name} is {text!r}, not {wanted}")
    return number
