"""A rebalance date in a dozen lines: bought as a month ends, sold when the next is a few sessions old.

tradewrit backtest --strategy examples/turn_of_month.py --data DAILY_BARS.csv
"""

from tradewrit import Inputs, Signals, Strategy, last_bar_of_session, last_session_of, sma


class TurnOfMonth(Strategy):
    """window: sessions of the average above which the price has to be. max_bars: sessions held."""

    window: int = 50
    max_bars: int | None = 4

    def signals(self, bars: Inputs) -> Signals:
        """Enter at the close of a month's last session, which the calendar knows in advance."""
        average = sma(bars.close, self.window)
        month_ends = last_session_of(bars, "month") & last_bar_of_session(bars)
        return Signals(enter_long=month_ends & (bars.close > average), inputs={"average": average})
