"""A few bars, and what strategies say on them."""

from functools import partial

import numpy as np

from tradewrit.domain.instruments import plain
from tradewrit.domain.signals import Signal
from tradewrit.features.bars import Bars
from tradewrit.strategies.base import Strategy
from tradewrit.strategies.evaluation import Columns, Stepping, decide_on_bar


def rising(count: int = 10, symbol: str = "AAPL") -> Bars:
    """Closes 1.00, 2.00, 3.00, ...; a minute each."""
    close = np.arange(1.0, count + 1)
    ts = np.arange(count, dtype=np.int64) * 60_000_000_000
    return Bars(symbol, ts, close, close + 0.5, close - 0.5, close, np.full(count, 100.0))


def said_at_once(strategy: Strategy, bars: Bars) -> list[Signal | None]:
    """The signals of a columnar strategy, all bars at once; None where it says nothing."""
    columns = Columns(strategy, plain(bars.symbol, "USD"), bars)
    return [columns.signal(i, bars.symbol) if verdict else None for i, verdict in enumerate(columns.verdicts)]


def said_in_turn(strategy: Strategy, bars: Bars) -> list[Signal | None]:
    """The signals of any strategy, one more bar at a time."""
    stepping = Stepping(strategy, plain(bars.symbol, "USD"))
    return [stepping.update(bar, partial(bars.head, i + 1)) for i, bar in enumerate(bars.rows())]


def said_on_last(strategy: Strategy, bars: Bars) -> Signal | None:
    """What `on_bar` says of the whole history."""
    return decide_on_bar(strategy, bars.symbol, bars)
