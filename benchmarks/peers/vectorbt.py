"""The default strategy in vectorbt: one call over whole columns.

What it cannot do: round a stop or a target to the tick, or size by equity as it stands (the $1,000 are
given as an array of quantities). Its arithmetic is float64 throughout.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import vectorbt as vbt

from benchmarks.peers._job import CASH, FEE, POSITION, STOP, TARGET, Trade, entries, measure


def work(bars: pd.DataFrame) -> Iterator[Trade]:
    """The signal of a bar is filled at the open of the next: both are moved one bar on."""
    quantity = np.floor(POSITION / bars["close"].shift(1)).fillna(0.0)
    asked = np.concatenate(([False], entries(bars)[:-1]))
    portfolio = vbt.Portfolio.from_signals(
        bars["close"],
        entries=asked,
        exits=np.zeros(len(bars), dtype=bool),
        price=bars["open"],
        size=quantity,
        fees=FEE,
        sl_stop=STOP,
        tp_stop=TARGET,
        open=bars["open"],
        high=bars["high"],
        low=bars["low"],
        init_cash=CASH,
        stop_entry_price="fillprice",
        freq="1min",
    )
    ts = bars["ts"].to_numpy()
    found = portfolio.trades.records
    for row in found[found["status"] == 1].itertuples():
        yield Trade(row.size, int(ts[row.entry_idx]), int(ts[row.exit_idx]), row.entry_price, row.exit_price)


if __name__ == "__main__":
    measure(vbt.__version__, work)
