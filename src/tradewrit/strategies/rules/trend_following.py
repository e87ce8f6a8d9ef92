"""trend_following: buy strength that is not yet overbought, on volume. The default strategy."""

from tradewrit.features.indicators import rolling_volume, rsi, sma
from tradewrit.features.series import Inputs
from tradewrit.strategies.base import Signals, Strategy


class TrendFollowing(Strategy, frozen=True, kw_only=True):
    """Close above its average, RSI in its upper middle, volume above its average.

    window: bars of both averages. period: of the RSI. low, high: RSI bounds, inclusive.
    The stop (5 % away) and the target (15 %) are the limit profile's.
    """

    window: int = 20
    period: int = 14
    low: float = 50.0
    high: float = 70.0

    def signals(self, bars: Inputs) -> Signals:
        """Enter long when all three hold; leaving is the stop's and the target's business."""
        average = sma(bars.close, self.window)
        strength = rsi(bars.close, self.period)
        usual_volume = rolling_volume(bars.volume, self.window)
        return Signals(
            enter_long=(bars.close > average)
            & strength.between(self.low, self.high)
            & (bars.volume > usual_volume),
            inputs={"close": bars.close, "sma": average, "rsi": strength, "volume": bars.volume},
        )
