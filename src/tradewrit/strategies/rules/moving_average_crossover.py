"""moving_average_crossover: with the trend from the bar on which the averages cross."""

from tradewrit.errors import StrategyError
from tradewrit.features.indicators import sma
from tradewrit.features.series import Inputs, crosses_above, crosses_below
from tradewrit.strategies.base import Signals, Strategy


class MovingAverageCrossover(Strategy, frozen=True, kw_only=True):
    """The golden cross: long when the fast average crosses above the slow one, out when it crosses below.

    fast, slow: bars of the two averages. is_short_too: sell short on the cross below, cover on the next.
    """

    fast: int = 50
    slow: int = 200
    is_short_too: bool = False

    def signals(self, bars: Inputs) -> Signals:
        """A signal on the bar of the cross alone, so that a stopped trade is not entered again at once."""
        if self.fast >= self.slow:
            raise StrategyError(f"fast must be below slow, and {self.fast} is not below {self.slow}")
        fast, slow = sma(bars.close, self.fast), sma(bars.close, self.slow)
        above, below = crosses_above(fast, slow), crosses_below(fast, slow)
        return Signals(
            enter_long=above,
            leave_long=below,
            enter_short=below if self.is_short_too else None,
            leave_short=above if self.is_short_too else None,
            inputs={"fast": fast, "slow": slow},
        )
