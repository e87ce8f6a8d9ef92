"""What a peer's script needs around the peer: the bars, the entry conditions as columns, and the answer.

Runs in the peer's own environment, which has pandas and pyarrow but nothing of ours.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable
from math import floor
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

MINUTE = 60_000_000_000
CASH, FEE, POSITION = 100_000.0, 0.001, 1_000.0
STOP, TARGET = 0.05, 0.15


class Trade(NamedTuple):
    """A round trip as the peer tells it. Times: UTC ns of the bars' opens."""

    quantity: float
    entry_time: int
    exit_time: int
    entry_price: float
    exit_price: float


def measure(version: str, work: Callable[[pd.DataFrame], Iterable[Trade]]) -> None:
    """Read the file named on the command line, work twice, and print one object about the second time.

    The first time is on a few bars only, so that what compiles itself has done so.
    """
    bars = pd.read_parquet(sys.argv[1])
    list(work(bars.head(2_000)))
    began = time.process_time()
    trades = list(work(bars))
    cpu = time.process_time() - began
    print(json.dumps({"version": version, "cpu_s": cpu, "trades": trades}))


def cents_below(price: float) -> float:
    """Rounded down to the cent, as far as floats can tell where that is."""
    return floor(round(price * 100, 6)) / 100


def entries(bars: pd.DataFrame) -> Any:
    """Where the default strategy asks for an entry, at the close of each bar."""
    close, volume = (bars["close"] * 100).round(), bars["volume"]
    change = close.diff()
    gain, loss = wilder(change.clip(lower=0)), wilder(-change.clip(upper=0))
    strength = 100 * gain / (gain + loss)
    is_above = 20 * close > close.rolling(20).sum()
    is_busy = 20 * volume > volume.rolling(20).sum()
    return (is_above & is_busy & strength.between(50, 70)).to_numpy()


def wilder(values: pd.Series) -> pd.Series:
    """Wilder's average over 14 values, the first of them the mean of the first 14 changes."""
    seeded = values.copy()
    seeded.iloc[:14] = np.nan
    seeded.iloc[14] = values.iloc[1:15].mean()
    return seeded.ewm(alpha=1 / 14, adjust=False).mean()
