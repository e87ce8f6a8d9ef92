"""buy_the_dip: buy what has fallen by a given share within a few bars."""

from typing import Final

from tradewrit.errors import StrategyError
from tradewrit.features.indicators import sma
from tradewrit.features.series import Inputs
from tradewrit.strategies.base import Signals, Strategy

# Prices are floats of decimals: what is 5 % on paper may be off in the sixteenth digit.
_NOISE: Final = 1e-12


class BuyTheDip(Strategy, frozen=True, kw_only=True):
    """Long when the close is at least `dip_fraction` below the close `window` bars ago.

    dip_fraction: 0..1; a fall of exactly so much counts. recovery: bars of the average at which the
    trade is left; 0 leaves it to the stop and the target.
    """

    dip_fraction: float = 0.05
    window: int = 1
    recovery: int = 0

    def signals(self, bars: Inputs) -> Signals:
        """Enter on the fall; leave once the close is back above its average."""
        if not 0 < self.dip_fraction < 1:
            raise StrategyError(f"dip_fraction must be above 0 and below 1, not {self.dip_fraction}")
        before = bars.close.shift(self.window)
        fallen_to = before * ((1 - self.dip_fraction) * (1 + _NOISE))
        recovered = bars.close > sma(bars.close, self.recovery) if self.recovery else None
        return Signals(
            enter_long=bars.close <= fallen_to,
            leave_long=recovered,
            inputs={"close": bars.close, "before": before},
        )
