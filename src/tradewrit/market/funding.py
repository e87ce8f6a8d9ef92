"""Funding rates of perpetuals from a file, and what they do to a run over bars.

One row per symbol and time. Strict, as factor tables are: a file that could be read in two ways is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import msgspec

from tradewrit.domain.events.funding import FundingSettled
from tradewrit.domain.market import MINUTE
from tradewrit.domain.money import Price, canonical
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market.stamps import NO_TIME, from_epoch, iso, read_times
from tradewrit.market.vendor_file import Cells, cells_of

COLUMNS: Final = ("symbol", "ts", "rate")
_RATES: Final = ("rate", "funding_rate")
_MARK: Final = "mark_price"
# Venues cap a rate at a few per cent; what is larger is a percentage or a price.
_LARGEST: Final = Decimal("0.5")


class FundingRate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate that was settled at `at` (UTC ns, whole minutes). mark: the mark price; None if not told."""

    at: int
    rate: Decimal
    mark: Decimal | None = None


Rates = tuple[FundingRate, ...]
"""The rates of one symbol, oldest first."""


def read_funding(path: Path) -> dict[str, Rates]:
    """The rates of each symbol in a Parquet or CSV file, in the order of their first rows.

    Columns `symbol`, `ts` and `rate` (or `funding_rate`), and `mark_price` if the file has it. Stamps are
    cut to the minute: venues write them some milliseconds late.
    Raises DataError, naming file and row: a missing column, a cell that is no time or number, a rate of
    50 % and more, a time that comes twice or falls.
    """
    try:
        cells = cells_of(path)
    except DataError as wrong:
        text = str(wrong)
        raise DataError(text if text.startswith(str(path)) else f"{path}: {text}") from wrong
    named = next((name for name in _RATES if name in cells), _RATES[0])
    missing = [name for name in ("symbol", "ts", named) if name not in cells]
    if missing:
        found = ", ".join(cells) or "nothing"
        raise DataError(
            f"{path}: no column {', '.join(missing)} (found: {found}); the columns of a funding file are "
            f"{', '.join(COLUMNS)}, and {_MARK} if there is one"
        )
    rates: dict[str, list[FundingRate]] = {}
    for place, symbol, one in _rows(path, cells, named):
        before = rates.setdefault(symbol, [])
        if before and one.at <= before[-1].at:
            verb = "repeats" if one.at == before[-1].at else "falls behind"
            raise DataError(
                f"{place}: {iso(one.at)} {verb} {iso(before[-1].at)}; a symbol's rows must rise in time, one "
                "per minute at most"
            )
        before.append(one)
    return {symbol: tuple(found) for symbol, found in rates.items()}


def _rows(path: Path, cells: Cells, named: str) -> Iterator[tuple[str, str, FundingRate]]:
    times, is_number = read_times(cells["ts"])
    if is_number:
        times = from_epoch(times)
    marks = cells.get(_MARK) or [""] * len(times)
    rows = zip(cells["symbol"], times.tolist(), cells["ts"], cells[named], marks, strict=True)
    for i, (name, at, shown, rate, mark) in enumerate(rows, start=1):
        symbol = name.strip()
        place = f"{path}: row {i} ({symbol or 'no symbol'})"
        if not symbol:
            raise DataError(f"{place}: symbol is empty")
        if at == NO_TIME:
            raise DataError(f"{place}: ts is {shown!r}, not a time such as 2024-01-02T08:00:00Z")
        known = _number(place, _MARK, mark) if mark.strip() else None
        if known is not None and known <= 0:
            raise DataError(f"{place}: {_MARK} is {mark!r}, not a positive number")
        yield place, symbol, FundingRate(at=at - at % MINUTE, rate=_rate(place, named, rate), mark=known)


def _rate(place: str, name: str, text: str) -> Decimal:
    rate = _number(place, name, text)
    if abs(rate) >= _LARGEST:
        raise DataError(f"{place}: {name} is {text!r}; rates are fractions of the notional, 0.0001 is 0.01 %")
    return rate


def _number(place: str, name: str, text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise DataError(f"{place}: {name} is {text!r}, not a number") from None
    if not number.is_finite():
        raise DataError(f"{place}: {name} is {text!r}, not a number")
    return number


def funding_of(bars: Sequence[Bars], rates: Mapping[str, Rates]) -> tuple[FundingSettled, ...]:
    """What the rates do to a run over these bars, oldest first.

    Each takes effect with its symbol's first bar from then on, before that bar opens, on what is held
    then. Without a mark price it is the last close before. What lies outside the bars is left out.
    """
    found = [one for held in bars for one in _settled(held, rates.get(held.symbol, ()))]
    return tuple(sorted(found, key=lambda one: one.at))


def _settled(bars: Bars, rates: Rates) -> Iterator[FundingSettled]:
    for one in rates:
        row = int(bars.ts.searchsorted(one.at))
        if not 0 < row < len(bars):
            continue
        mark = Decimal(repr(float(bars.close[row - 1]))) if one.mark is None else one.mark
        yield FundingSettled(
            at=int(bars.ts[row]),
            action=f"{bars.symbol}:{iso(one.at)}",
            symbol=bars.symbol,
            rate=one.rate,
            price=Price(canonical(mark)),
        )
