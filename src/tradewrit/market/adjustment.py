"""Past prices adjusted for splits and dividends, and the corporate actions that factors stand for.

Either prices are adjusted, and nothing happens to a position (`split`, `total`); or they stay what was
printed (`raw`), and splits and dividends happen to positions and orders as they do live.
Adjusting looks ahead: the price of a past day depends on what came after the day.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from msgspec.structs import replace

from tradewrit.domain.events.corporate import CorporateAction, DividendWentEx, SharesSplit
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import DAY, SECOND
from tradewrit.domain.money import EXACT, Price, canonical
from tradewrit.domain.splits import PRINTED_DECIMALS, Adjustment, Ratio
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Times, interval_ns
from tradewrit.features.rescaling import rescaled
from tradewrit.market import nyse
from tradewrit.market.factors import FactorRow, Factors

_LAST_DATE: Final = date(2261, 12, 31)  # nanoseconds since 1970 leave 64 bits in April 2262
# Factors carry six digits or more; a split is for a few shares, so its ratio is a short fraction.
_PRECISION: Final = 1e-5
_MOST_SHARES: Final = 100
_DIVIDEND_STEP: Final = Decimal("0.001")  # what seven decimals of a factor can tell
ADJUSTED_TICK: Final = Decimal(1).scaleb(-PRINTED_DECIMALS)
"""The tick of an adjusted series: order prices keep their distance where a cent of today was a dollar."""


def adjusted(bars: Bars, factors: Factors, adjustment: Adjustment) -> Bars:
    """The bars in today's shares (`split`), less the dividends paid since (`total`); `raw` as they are.

    Prices are raw x factor of the first row whose last_date is not before the bar's date at the
    exchange, to eight decimals; volumes are divided by the split factor. A daily bar stamped at midnight
    UTC has the date of that stamp. Row i depends on what happened after it: fit for looking at returns,
    not for asking what a price level meant at the time.

    Raises DataError where the table ends before the bars.
    """
    if adjustment is Adjustment.RAW or not len(bars):
        return bars
    row_of = _row_of(bars, factors)
    splits = np.array([float(row.split_factor) for row in factors])[row_of]
    return rescaled(bars, np.array([_factor(row, adjustment) for row in factors])[row_of], 1.0 / splits)


def adjusted_instrument(instrument: Instrument) -> Instrument:
    """The instrument of an adjusted series: its prices lie on no tick of the exchange."""
    tick = min(instrument.tick, ADJUSTED_TICK)
    return instrument if tick == instrument.tick else replace(instrument, tick=tick)


def actions_of(bars: Sequence[Bars], factors: Mapping[str, Factors]) -> tuple[CorporateAction, ...]:
    """What happens to holders of raw shares within the bars, by time, then by rank.

    Each takes effect with the symbol's first bar after its row's last_date, before that bar opens; a
    dividend before a split of the same day. Raises DataError where a table ends before the bars.
    """
    found = [
        (action.at, rank, action)
        for rank, one in enumerate(bars)
        if one.symbol in factors and len(one)
        for action in _actions(one, factors[one.symbol])
    ]
    return tuple(action for _, _, action in sorted(found, key=lambda each: each[:2]))


def _actions(bars: Bars, factors: Factors) -> Iterator[CorporateAction]:
    _row_of(bars, factors)
    for (before, after), end in zip(pairwise(factors), _ends(bars, factors[:-1]).tolist(), strict=True):
        row = int(bars.ts.searchsorted(end))
        if not 0 < row < len(bars):
            continue
        close = before.reference_price or Decimal(repr(float(bars.close[row - 1])))
        at, name = int(bars.ts[row]), f"{bars.symbol}:{before.last_date}"
        if before.price_factor != after.price_factor:
            paid = close * (1 - EXACT.divide(before.price_factor, after.price_factor))
            amount = canonical(paid.quantize(_DIVIDEND_STEP, context=EXACT))
            yield DividendWentEx(at=at, action=f"{name}:dividend", symbol=bars.symbol, amount=amount)
        if before.split_factor != after.split_factor:
            ratio = _ratio(before, after)
            yield SharesSplit(
                at=at,
                action=f"{name}:split",
                symbol=bars.symbol,
                ratio=ratio,
                price=Price(ratio.price(close)),
            )


def _ratio(before: FactorRow, after: FactorRow) -> Ratio:
    """New shares for old: the short fraction that the rounded factors stand for, else their quotient."""
    quotient = Fraction(after.split_factor) / Fraction(before.split_factor)
    larger = max(quotient, 1 / quotient)
    short = larger.limit_denominator(_MOST_SHARES)
    if abs(short / larger - 1) > _PRECISION:
        return Ratio(new=after.split_factor, old=before.split_factor)
    new, old = Decimal(short.numerator), Decimal(short.denominator)
    return Ratio(new=new, old=old) if quotient >= 1 else Ratio(new=old, old=new)


def _factor(row: FactorRow, adjustment: Adjustment) -> float:
    price = row.price_factor if adjustment is Adjustment.TOTAL else 1
    return float(price * row.split_factor)


def _row_of(bars: Bars, factors: Factors) -> Times:
    """The index of each bar's row; DataError when the last row ends before the last bar."""
    row_of = _ends(bars, factors).searchsorted(bars.ts, side="right")
    if row_of[-1] == len(factors):
        raise DataError(
            f"{bars.symbol}: its factors end with {factors[-1].last_date}, its bars go on after it; "
            "get newer factors, or cut the data with --to"
        )
    return row_of


def _ends(bars: Bars, factors: Factors) -> Times:
    """When each row's last date is over, UTC ns."""
    is_dated = interval_ns(bars) >= DAY and bool((bars.ts % DAY == 0).all())
    zone: tzinfo = UTC if is_dated else ZoneInfo(nyse.ZONE)
    days = [min(row.last_date, _LAST_DATE) + timedelta(days=1) for row in factors]
    midnights = [datetime.combine(day, time(), zone) for day in days]
    return np.array([int(midnight.timestamp()) * SECOND for midnight in midnights], dtype=np.int64)
