"""The highest and the lowest value over a window.

Two entry points and holes as in `features.averages`.
"""

from collections import deque
from typing import ClassVar

import numpy as np

from tradewrit.features.bars import Floats
from tradewrit.features.floats import INF, NAN, by_stretch, whole


class Highest:
    """The highest of the last `window` values, this bar's included; first value at bar window - 1."""

    _sign = 1.0
    _better: ClassVar[np.ufunc] = np.maximum

    def __init__(self, window: int) -> None:
        self.window = whole("window", window)
        self.warmup = self.window - 1
        self._bars = 0
        # (bar, value) of those that may still become the extreme: each worse than the one before.
        self._candidates: deque[tuple[int, float]] = deque()

    def update(self, value: float) -> float:
        """The extreme after one more bar."""
        candidates, bar = self._candidates, self._bars
        if not -INF < value < INF:
            candidates.clear()
            self._bars = 0
            return NAN
        signed = self._sign * value
        while candidates and self._sign * candidates[-1][1] <= signed:
            candidates.pop()
        candidates.append((bar, value))
        if candidates[0][0] <= bar - self.window:
            candidates.popleft()
        self._bars = bar + 1
        # Adding 0.0 makes a negative zero positive: which zero wins a comparison is nobody's promise.
        return candidates[0][1] + 0.0 if bar >= self.warmup else NAN

    def column(self, values: Floats) -> Floats:
        """The extremes of a whole history."""
        return by_stretch(self._stretch, self.warmup, values)

    def _stretch(self, values: Floats) -> Floats:
        better = self._better
        extreme, width = values, 1
        while 2 * width <= self.window:
            extreme, width = better(extreme[width:], extreme[:-width]), 2 * width
        overlap = self.window - width
        if overlap:
            extreme = better(extreme[overlap:], extreme[:-overlap])
        return np.concatenate((np.full(self.warmup, NAN), extreme + 0.0))


class Lowest(Highest):
    """The lowest of the last `window` values, this bar's included; first value at bar window - 1."""

    _sign = -1.0
    _better: ClassVar[np.ufunc] = np.minimum
