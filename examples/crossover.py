"""A strategy in a dozen lines: long while the fast average is above the slow one.

tradewrit backtest --strategy examples/crossover.py --data BARS.csv
"""

from tradewrit import Inputs, Signals, Strategy, crosses_above, crosses_below, ema


class Crossover(Strategy):
    """fast, slow: bars of the two averages."""

    fast: int = 12
    slow: int = 26

    def signals(self, bars: Inputs) -> Signals:
        """Enter when fast crosses above slow, leave when it crosses below."""
        fast, slow = ema(bars.close, self.fast), ema(bars.close, self.slow)
        return Signals(
            enter_long=crosses_above(fast, slow),
            leave_long=crosses_below(fast, slow),
            inputs={"fast": fast, "slow": slow},
        )
