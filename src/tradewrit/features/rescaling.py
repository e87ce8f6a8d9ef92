"""Bars in other shares: prices and volumes multiplied, so that a split is no jump.

What is adjusted is kept to eight decimals: far finer than any tick, and a short decimal where it meets
an order. Knows no factor table and no account.
"""

from typing import Final

import numpy as np
from msgspec.structs import replace

from tradewrit.domain.splits import PRINTED_DECIMALS, Ratio
from tradewrit.features.bars import QUOTES, Bars, Floats

PRICES: Final = ("open", "high", "low", "close")
_SCALE: Final = 10.0**PRINTED_DECIMALS


def printed(prices: Floats) -> Floats:
    """The nearest multiples of 1e-8, ties to even."""
    rounded: Floats = np.rint(prices * _SCALE) / _SCALE
    return rounded


def rescaled(bars: Bars, price_factor: Floats, volume_factor: Floats) -> Bars:
    """Prices of row i times `price_factor[i]`, to eight decimals; its volume times `volume_factor[i]`."""
    prices = {name: printed(getattr(bars, name) * price_factor) for name in _prices_of(bars)}
    return replace(bars, **prices, volume=bars.volume * volume_factor)


def split_before(bars: Bars, row: int, ratio: Ratio) -> Bars:
    """The bars before `row` in the shares of a split that takes effect with it; the rest as they are.

    Scales as `Ratio.rough_price` does one price.
    """
    new, old = float(ratio.new), float(ratio.old)
    prices = _prices_of(bars)
    columns = {name: getattr(bars, name).copy() for name in (*prices, "volume")}
    for name in prices:
        columns[name][:row] = printed(columns[name][:row] * old / new)
    columns["volume"][:row] = columns["volume"][:row] * new / old
    return replace(bars, **columns)


def _prices_of(bars: Bars) -> tuple[str, ...]:
    """The columns that hold prices: quotes as well, where there are any."""
    return (*PRICES, *(name for name in QUOTES if getattr(bars, name) is not None))
