"""The published strategies as formulas: the same decisions on the same closes."""

from tradewrit import Inputs, Signals, Strategy
from tradewrit.features.indicators import ema, macd

# The desk holds no position without a stop. This one lies where the price of an index fund never comes.
FAR_AWAY = 0.99


class BasicTemplate(Strategy, frozen=True, kw_only=True):
    """Buy once, as much as the sizing allows, and hold."""

    stop_fraction: float | None = FAR_AWAY
    target_fraction: float | None = 0.0

    def signals(self, bars: Inputs) -> Signals:
        """In at the first close there is."""
        return Signals(enter_long=bars.close > 0.0)


class MacdTrend(Strategy, frozen=True, kw_only=True):
    """Long while the MACD is clearly above its signal, flat once it is clearly below.

    tolerance: of the distance between the two, as a fraction of the fast average.
    """

    fast: int = 12
    slow: int = 26
    smoothing: int = 9
    tolerance: float = 0.0025
    stop_fraction: float | None = FAR_AWAY
    target_fraction: float | None = 0.0

    def signals(self, bars: Inputs) -> Signals:
        """All three averages are seeded by the mean of their first values; nothing is said before that."""
        line = macd(bars.close, self.fast, self.slow, self.smoothing)
        distance = line.histogram / ema(bars.close, self.fast)
        return Signals(
            enter_long=distance > self.tolerance,
            leave_long=distance < -self.tolerance,
            inputs={"distance": distance},
        )
