"""Columns as short lists of whole numbers: what changes from row to row, in the unit that fits.

`script/columns.js` unpacks them. Times go in as UTC ns and come out as UTC ms.
"""

import math
from typing import Any, Final

import numpy as np

from tradewrit.features.bars import Bars, Floats, Times

MILLISECOND: Final = 1_000_000
# Six figures of a price of a billionth; whole numbers of this unit are exact in JavaScript up to 90.
_MOST_DECIMALS = 14
_MOST_FIGURES = 15


def packed_times(ts: Times) -> list[int]:
    """The unit in ms, then the first time and the steps between the following, in that unit."""
    if not len(ts):
        return [1]
    ms = ts // MILLISECOND
    unit = max(int(np.gcd.reduce(ms)), 1)
    steps: list[int] = np.diff(ms // unit, prepend=0).tolist()
    return [unit, *steps]


def packed_candles(bars: Bars) -> dict[str, Any]:
    """Prices in units of the last decimal worth drawing.

    close: its change; open: above the close before; high: above the body; low: below the body.
    """
    places = decimals(bars.close)
    opened, high, low, close = (
        np.rint(column * 10.0**places).astype(np.int64)
        for column in (bars.open, bars.high, bars.low, bars.close)
    )
    before = np.concatenate([[0], close[:-1]])
    return {
        "decimals": places,
        "t": packed_times(bars.ts),
        "close": (close - before).tolist(),
        "open": (opened - before).tolist(),
        "high": (high - np.maximum(opened, close)).tolist(),
        "low": (np.minimum(opened, close) - low).tolist(),
    }


def decimals(prices: Floats) -> int:
    """Decimals to draw with: all the prices have, but no more than about six figures of a typical one.

    2 for 175.50, 5 for 1.10345, 9 for 0.000012345678. Fewer, below zero even, where the highest price would
    else be no whole number that JavaScript holds.
    """
    return min(_worth_drawing(prices), _MOST_FIGURES - math.ceil(math.log10(max(float(prices.max()), 1.0))))


def _worth_drawing(prices: Floats) -> int:
    typical = float(np.median(np.abs(prices)))
    most = int(np.clip(5 - np.floor(np.log10(typical)), 2, _MOST_DECIMALS)) if typical > 0 else 2
    return next(
        places for places in range(2, _MOST_DECIMALS + 1) if places == most or _has_at_most(prices, places)
    )


def _has_at_most(prices: Floats, places: int) -> bool:
    return bool(np.array_equal(np.round(prices, places), prices))
