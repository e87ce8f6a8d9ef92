"""The default strategy in backtesting.py: indicators as columns, then a step for every bar.

What it cannot do: place a stop at a distance from the price that will be paid. The first bar is
protected from the signal's close; from then on stop and target are where they belong.
"""

from collections.abc import Iterator
from math import floor

import backtesting
import pandas as pd
from backtesting import Backtest, Strategy

from benchmarks.peers._job import CASH, FEE, POSITION, STOP, TARGET, Trade, cents_below, entries, measure


class TrendFollowing(Strategy):
    """Buys where the column says so."""

    def init(self) -> None:
        """Nothing to prepare: the column comes with the data."""

    def next(self) -> None:
        """Called at the close of every bar."""
        for trade in self.trades:
            if trade.entry_bar == len(self.data) - 1:
                trade.sl, trade.tp = bracket(trade.entry_price)
        close = self.data.Close[-1]
        if self.data.Asked[-1] and not self.position and not self.orders:
            stop, target = bracket(close)
            self.buy(size=floor(POSITION / close), sl=stop, tp=target)


def bracket(price: float) -> tuple[float, float]:
    """Stop and target."""
    return cents_below(price * (1 - STOP)), cents_below(price * (1 + TARGET))


def work(bars: pd.DataFrame) -> Iterator[Trade]:
    """Its frames have capital letters and times as their index."""
    frame = bars.rename(columns=str.capitalize).set_index(pd.to_datetime(bars["ts"]))
    frame["Asked"] = entries(bars)
    found = Backtest(frame, TrendFollowing, cash=CASH, commission=FEE).run()["_trades"]
    ts = bars["ts"].to_numpy()
    for row in found.itertuples():
        yield Trade(row.Size, int(ts[row.EntryBar]), int(ts[row.ExitBar]), row.EntryPrice, row.ExitPrice)


if __name__ == "__main__":
    measure(backtesting.__version__, work)
