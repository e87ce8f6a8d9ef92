"""Bars of several symbols on the union of their times, in the order an engine walks them.

Memory stays near the columns': rows become Python values one stretch at a time.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.market import DAY
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Times, interval_ns

_STRETCH: Final = 32_768
_VALUES: Final = ("open", "high", "low", "close", "volume")

Row = tuple[int, int, float, float, float, float, float]
"""Symbol rank, row within the symbol, open, high, low, close, volume."""
Slice = tuple[int, int, list[Row]]
"""When the bars of one time opened, when they closed, and their rows by rank."""


class Tape:
    """Symbols by rank (as given) and their bars by time, ties in rank order.

    interval: ns, one bar length for all: the shortest step of any symbol that has one.
    Raises DataError for a symbol given twice, and when there is no bar at all.
    """

    def __init__(self, bars: Sequence[Bars]) -> None:
        self.bars = tuple(bars)
        self.symbols = tuple(one.symbol for one in bars)
        if len(set(self.symbols)) != len(self.symbols):
            raise DataError("a symbol appears twice in the data")
        self.rows = sum(len(one) for one in bars)
        if not self.rows:
            raise DataError("there are no bars to run on")
        self.interval = min((interval_ns(one) for one in bars if len(one) > 1), default=DAY)
        self._walk = _one_symbol(bars[0]) if len(bars) == 1 else _merged(bars)

    def times(self) -> Times:
        """The union of all bar times, rising."""
        return self._walk.times

    def slices(self) -> Iterator[Slice]:
        """One bar time after another.

        The close is one interval after the open, or the next time if that comes earlier.
        """
        times, bounds = self._walk.times, self._walk.bounds
        closes = times + self.interval
        np.minimum(closes[:-1], times[1:], out=closes[:-1])
        stretch = max(1, _STRETCH // len(self.bars))
        for start in range(0, len(times), stretch):
            stop = min(start + stretch, len(times))
            first, last = int(bounds[start]), int(bounds[stop])
            rows = self._walk.rows(first, last)
            ends = (bounds[start : stop + 1] - first).tolist()
            opened, closed = times[start:stop].tolist(), closes[start:stop].tolist()
            for opened_at, closed_at, i, j in zip(opened, closed, ends, ends[1:], strict=False):
                yield opened_at, closed_at, rows[i:j]
