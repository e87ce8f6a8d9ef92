"""Bars of several symbols on the union of their times, in the order an engine walks them.

Memory stays near the columns': rows become Python values one stretch at a time.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain, pairwise, repeat
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


class Tape:
    """Symbols by rank (as given) and their bars by time, ties in rank order.

    interval: ns, one length for all bars: the shortest step of any symbol that has one.
    rank: of each symbol. is_aligned: whether all symbols have bars at the very same times.
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
        self.rank = {symbol: rank for rank, symbol in enumerate(self.symbols)}
        self.is_aligned = all(one.ts is bars[0].ts or np.array_equal(one.ts, bars[0].ts) for one in bars)
        timed = self.bars[:1] if self.is_aligned else self.bars
        self.interval = min((interval_ns(one) for one in timed if len(one) > 1), default=DAY)

    @cached_property
    def _order(self) -> tuple[Times, NDArray[np.int32], NDArray[np.int64]]:
        """The union of all times, whose turn it is row after row, and where in that each time begins."""
        if self.is_aligned:
            count, times = len(self.bars), self.bars[0].ts
            turns = np.tile(np.arange(count, dtype=np.int32), len(times))
            return times, turns, np.arange(0, self.rows + 1, count)
        times = np.concatenate([one.ts for one in self.bars])
        order = np.argsort(times, kind="stable")
        lengths = [len(one) for one in self.bars]
        turns = np.repeat(np.arange(len(self.bars), dtype=np.int32), lengths)[order]
        times = times[order]
        starts = np.flatnonzero(np.diff(times, prepend=times[0] - 1))
        return times[starts], turns, np.append(starts, self.rows)

    def times(self) -> Times:
        """The union of all bar times, rising."""
        return self.bars[0].ts if self.is_aligned else self._order[0]

    @cached_property
    def closes(self) -> Times:
        """When the bars of each time have closed: an interval later, or at the next time if it is earlier."""
        opens = self.times()
        closes = opens + self.interval
        np.minimum(closes[:-1], opens[1:], out=closes[:-1])
        return closes

    def slices(self) -> Iterator[tuple[int, int, list[Row]]]:
        """One bar time after another: when the bars opened, when they closed, and their rows."""
        opens, all_turns, all_bounds = self._order
        closes = self.closes
        symbols = [_rows(rank, one, len(self.bars)) for rank, one in enumerate(self.bars)]
        most = max(1, _STRETCH // len(self.bars))
        for start in range(0, len(opens), most):
            bounds = all_bounds[start : start + most + 1]
            turns = all_turns[bounds[0] : bounds[-1]].tolist()
            # Whose turn it is says whose next row comes: no row is looked up, none is sorted.
            rows = list(map(next, map(symbols.__getitem__, turns)))
            stretch = slice(start, start + most)
            edges = pairwise((bounds - bounds[0]).tolist())
            for opened_at, closed_at, (i, j) in zip(
                opens[stretch].tolist(), closes[stretch].tolist(), edges, strict=True
            ):
                yield opened_at, closed_at, rows[i:j]


def _rows(rank: int, bars: Bars, symbols: int) -> Iterator[Row]:
    """One symbol's rows, oldest first; its share of a stretch at a time becomes Python values."""
    most = max(1, _STRETCH // symbols)
    columns = [getattr(bars, name) for name in _VALUES]

    def stretch(start: int) -> Iterator[Row]:
        values = (column[start : start + most].tolist() for column in columns)
        return zip(repeat(rank), range(start, start + most), *values, strict=False)

    return chain.from_iterable(map(stretch, range(0, len(bars), most)))
