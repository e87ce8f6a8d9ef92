"""The default strategy in backtrader: its own indicators, a step for every bar.

What it cannot do: protect the bar of the entry. Stop and target are known when the entry has filled,
and work from the next bar on.
"""

from collections.abc import Iterator
from math import floor
from typing import Any

import backtrader as bt
import pandas as pd

from benchmarks.peers._job import CASH, FEE, POSITION, STOP, TARGET, Trade, cents_below, measure


class TrendFollowing(bt.Strategy):
    """Buys above the average, on volume, while the RSI is in its upper middle."""

    def __init__(self) -> None:
        self.average = bt.ind.SMA(self.data.close, period=20)
        self.usual = bt.ind.SMA(self.data.volume, period=20)
        self.strength = bt.ind.RSI_Safe(self.data.close, period=14)
        self.entry: Any = None
        self.found: list[Trade] = []
        self.opened = (0.0, 0, 0.0)

    def notify_order(self, order: Any) -> None:
        """Protect what was bought; remember what was sold."""
        if order.status != order.Completed:
            return
        row, price = len(self.data) - 1, order.executed.price
        if order.isbuy():
            self.entry, self.opened = None, (order.executed.size, row, price)
            stop, target = cents_below(price * (1 - STOP)), cents_below(price * (1 + TARGET))
            kept = self.sell(exectype=bt.Order.Stop, price=stop, size=order.executed.size)
            self.sell(exectype=bt.Order.Limit, price=target, size=order.executed.size, oco=kept)
        else:
            size, entered, paid = self.opened
            self.found.append(Trade(size, entered, row, paid, price))

    def next(self) -> None:
        """Called at the close of every bar."""
        close = self.data.close[0]
        if self.position or self.entry is not None:
            return
        if close > self.average[0] and self.data.volume[0] > self.usual[0] and 50 <= self.strength[0] <= 70:
            self.entry = self.buy(size=floor(POSITION / close))


def work(bars: pd.DataFrame) -> Iterator[Trade]:
    """Rows in a trade become times at the end."""
    cerebro = bt.Cerebro(stdstats=False)
    frame = bars.set_index(pd.to_datetime(bars["ts"])).drop(columns=["ts", "symbol"])
    cerebro.adddata(bt.feeds.PandasData(dataname=frame, timeframe=bt.TimeFrame.Minutes, compression=1))
    cerebro.addstrategy(TrendFollowing)
    cerebro.broker.setcash(CASH)
    cerebro.broker.setcommission(commission=FEE)
    ts = bars["ts"].to_numpy()
    for trade in cerebro.run()[0].found:
        yield trade._replace(entry_time=int(ts[trade.entry_time]), exit_time=int(ts[trade.exit_time]))


if __name__ == "__main__":
    measure(bt.__version__, work)
