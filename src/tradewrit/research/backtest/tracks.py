"""Each symbol's columns beside the union of all bar times, for an engine that jumps.

A track knows where its rows lie in time and finds the next row on which something can happen.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import Price
from tradewrit.domain.positions import Direction
from tradewrit.domain.signals import LEAVE
from tradewrit.features.bars import Bars, Floats, Times
from tradewrit.risk.exits import trailed_stop
from tradewrit.strategies.base import Strategy
from tradewrit.strategies.evaluation import Columns

Indices = NDArray[np.int64]
_FIRST_LOOK = 256


class Track:
    """One symbol: its bars, what the strategy says of them, and where they lie among all times.

    place: for each row the index of its time in the union; None when the symbol has every time.
    """

    def __init__(self, bars: Bars, instrument: Instrument, strategy: Strategy, times: Times) -> None:
        self.bars = bars
        self.instrument = instrument
        self.symbol = bars.symbol
        self.columns = Columns(strategy, instrument, bars)
        self.verdicts = self.columns.verdicts
        is_dense = len(bars) == len(times)
        self.place: Indices | None = None if is_dense else np.searchsorted(times, bars.ts)

    def __len__(self) -> int:
        return len(self.bars)

    def time_of(self, row: int) -> int:
        """The index of a row's time in the union."""
        return row if self.place is None else int(self.place[row])

    def row_at(self, time: int) -> int:
        """The last row that lies at or before a time; -1 when there is none yet."""
        if self.place is None:
            return time
        return int(np.searchsorted(self.place, time, side="right")) - 1

    def closes(self, start: int, stop: int) -> Floats:
        """The last close at each time from `start` to before `stop`; the symbol must have begun."""
        if self.place is None:
            return self.bars.close[start:stop]
        rows = np.searchsorted(self.place, np.arange(start, stop), side="right") - 1
        return self.bars.close[rows]

    def mark(self, time: int) -> Price | None:
        """The last close at a time, exact."""
        row = self.row_at(time)
        return None if row < 0 else self.instrument.traded(float(self.bars.close[row]))

    def next_leave(self, row: int, direction: Direction) -> int:
        """The first row from `row` on at whose close the strategy wants out; the length if never."""
        bit = LEAVE[direction]
        return _first(row, len(self), lambda i, j: (self.verdicts[i:j] & bit) != 0)

    def next_touch(self, row: int, stop: int, low: float, high: float) -> int:
        """The first row in row..stop-1 that trades at or below `low` or at or above `high`; else `stop`."""
        lows, highs = self.bars.low, self.bars.high
        return _first(row, stop, lambda i, j: (lows[i:j] <= low) | (highs[i:j] >= high))

    def trailed(
        self, row: int, direction: Direction, fraction: Decimal, stop: Price
    ) -> Iterator[tuple[int, Price]]:
        """Where a trailing stop lies: (first row it is valid on, price), from `row` on, ever tighter.

        It moves at the close of a bar with a new extreme, so it is valid from the row after.
        """
        yield row, stop
        best = self.bars.high if direction is Direction.LONG else -self.bars.low
        extreme = -np.inf
        for start, end in _looks(row, len(self)):
            running = np.maximum.accumulate(np.append(extreme, best[start:end]))
            for i in np.flatnonzero(np.diff(running)).tolist():
                printed = self.instrument.traded(abs(float(best[start + i])))
                moved = trailed_stop(direction, printed, fraction, stop, self.instrument)
                if moved is not None:
                    stop = moved
                    yield start + i + 1, stop
            extreme = float(running[-1])


def _first(start: int, stop: int, found: Callable[[int, int], NDArray[np.bool_]]) -> int:
    for i, j in _looks(start, stop):
        hits = found(i, j)
        k = int(hits.argmax()) if len(hits) else 0
        if len(hits) and hits[k]:
            return i + k
    return stop


def _looks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Ever longer stretches: most of what is looked for is near, and what is not is worth the walk."""
    length = _FIRST_LOOK
    while start < stop:
        end = min(start + length, stop)
        yield start, end
        start, length = end, length * 2
