"""The volatility that an account sizes by: one formula, as a column or bar by bar, with the same bits.

Knows no account but its sizing. Counts with prices as they are, so it needs no instrument.
"""

from math import isfinite
from typing import Final

from tradewrit.domain.sizing import Sizing, VolatilityTarget
from tradewrit.features.bars import Bars, Floats
from tradewrit.features.evaluate import Stepper, columns
from tradewrit.features.indicators import realised_volatility
from tradewrit.features.series import Inputs, Series

_AS_PRINTED: Final = Inputs(price_decimals=None)


def volatility_column(sizing: Sizing, bars: Bars) -> Floats | None:
    """The volatility at the close of every bar, NaN while it is not known; None where it is not asked for."""
    formula = _formula(sizing)
    return None if formula is None else columns([formula], bars)[0]


def volatility_stepper(sizing: Sizing) -> Stepper | None:
    """The same, one more bar at a time; one stepper serves one symbol."""
    formula = _formula(sizing)
    return None if formula is None else Stepper([formula])


def if_known(volatility: float) -> float | None:
    """A volatility that one can divide by, and write down; None for NaN and infinity."""
    return volatility if isfinite(volatility) else None


def _formula(sizing: Sizing) -> Series | None:
    if not isinstance(sizing, VolatilityTarget):
        return None
    return realised_volatility(_AS_PRINTED.close, sizing.volatility_window, sizing.bars_per_year)
