"""Bars of several symbols on the union of their times, in the order an engine walks them.

Memory stays near the columns': rows become Python values one stretch at a time.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, interval_ns

_STRETCH: Final = 32_768

Row = tuple[int, int, float, float, float, float, float]
"""Symbol rank, row within the symbol, open, high, low, close, volume."""


class Tape:
    """Symbols by rank (as given) and their bars by time, ties in rank order."""

    def __init__(self, bars: Sequence[Bars]) -> None:
        self.bars = tuple(bars)
        self.symbols = tuple(one.symbol for one in bars)
        if len(set(self.symbols)) != len(self.symbols):
            raise DataError("a symbol appears twice in the data")
        self.rows = sum(len(one) for one in bars)
        if not self.rows:
            raise DataError("there are no bars to run on")
        # One length for all: the shortest step of any symbol that has one.
        self.interval = min(interval_ns(one) for one in bars if len(one) > 1 or self.rows == 1 or len(one))
        self._order = self._merged()

    def _merged(self) -> NDArray[np.int64] | None:
        """Row numbers into the concatenated columns, by time then rank; None for a single symbol."""
        if len(self.bars) == 1:
            return None
        times = np.concatenate([one.ts for one in self.bars])
        return np.argsort(times, kind="stable")

    def times(self) -> NDArray[np.int64]:
        """The union of all bar times, rising."""
        if len(self.bars) == 1:
            return self.bars[0].ts
        return np.unique(np.concatenate([one.ts for one in self.bars]))

    def slices(self) -> Iterator[tuple[int, int, list[Row]]]:
        """One bar time after another: when the bars opened, when they closed, and their rows.

        The close is one interval after the open, or the next time if that comes earlier.
        """
        pending: tuple[int, list[Row]] | None = None
        for ts, row in self._flat():
            if pending is not None and ts == pending[0]:
                pending[1].append(row)
                continue
            if pending is not None:
                yield pending[0], min(pending[0] + self.interval, ts), pending[1]
            pending = (ts, [row])
        if pending is not None:
            yield pending[0], pending[0] + self.interval, pending[1]

    def _flat(self) -> Iterator[tuple[int, Row]]:
        for start in range(0, self.rows, _STRETCH):
            yield from self._stretch(start, min(start + _STRETCH, self.rows))

    def _stretch(self, start: int, stop: int) -> Iterator[tuple[int, Row]]:
        names = ("open", "high", "low", "close", "volume")
        if self._order is None:
            only = self.bars[0]
            columns = [getattr(only, name)[start:stop].tolist() for name in names]
            rows = zip([0] * (stop - start), range(start, stop), *columns, strict=True)
            return zip(only.ts[start:stop].tolist(), rows, strict=True)
        picked = self._order[start:stop]
        edges = np.cumsum([0, *(len(one) for one in self.bars)])
        ranks = np.searchsorted(edges, picked, side="right") - 1
        local = picked - edges[ranks]
        values = np.empty((5, stop - start))
        ts = np.empty(stop - start, dtype=np.int64)
        for rank in np.unique(ranks).tolist():
            mine = ranks == rank
            at = local[mine]
            ts[mine] = self.bars[rank].ts[at]
            for k, name in enumerate(names):
                values[k, mine] = getattr(self.bars[rank], name)[at]
        rows = zip(ranks.tolist(), local.tolist(), *(row.tolist() for row in values), strict=True)
        return zip(ts.tolist(), rows, strict=True)
