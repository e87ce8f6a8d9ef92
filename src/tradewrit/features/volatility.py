"""Volatility: true range, and the standard deviation over a window.

Two entry points and holes as in `features.averages`.
"""

from collections import deque
from math import sqrt

import numpy as np

from tradewrit.features.bars import Floats
from tradewrit.features.floats import INF, NAN, by_stretch, whole


class TrueRange:
    """max(high - low, |high - previous close|, |low - previous close|); first value at bar 1.

    Wilder (1978), section III. The first bar has no previous close, so it has no true range.
    """

    warmup = 1

    def __init__(self) -> None:
        self._close: float | None = None

    def update(self, high: float, low: float, close: float) -> float:
        """The true range of one more bar."""
        if not (-INF < high < INF and -INF < low < INF and -INF < close < INF):
            self._close = None
            return NAN
        previous, self._close = self._close, close
        if previous is None:
            return NAN
        return max(high - low, abs(high - previous), abs(low - previous)) + 0.0

    def column(self, high: Floats, low: Floats, close: Floats) -> Floats:
        """The true ranges of a whole history."""
        return by_stretch(self._stretch, self.warmup, high, low, close)

    @staticmethod
    def _stretch(high: Floats, low: Floats, close: Floats) -> Floats:
        previous = close[:-1]
        reach = np.maximum(np.abs(high[1:] - previous), np.abs(low[1:] - previous))
        # Adding 0.0 makes a negative zero positive: which zero is the larger is nobody's promise.
        return np.concatenate(([NAN], np.maximum(high[1:] - low[1:], reach) + 0.0))


class RollingStd:
    """Population standard deviation of the last `window` values; first value at bar window - 1.

    Computed afresh for every window, as distances from its oldest value and from the oldest to the
    newest, so that nothing drifts and a flat window gives exactly 0.
    """

    def __init__(self, window: int) -> None:
        self.window = whole("window", window)
        self.warmup = self.window - 1
        self._last: deque[float] = deque(maxlen=self.window)

    def update(self, value: float) -> float:
        """The deviation after one more bar."""
        last = self._last
        if not -INF < value < INF:
            last.clear()
            return NAN
        last.append(value)
        if len(last) < self.window:
            return NAN
        oldest = last[0]
        total = squares = 0.0
        for x in last:
            total += x - oldest
        mean = total / self.window
        for x in last:
            away = (x - oldest) - mean
            squares += away * away
        return sqrt(squares / self.window)

    def column(self, values: Floats) -> Floats:
        """The deviations of a whole history."""
        return by_stretch(self._stretch, self.warmup, values)

    def _stretch(self, values: Floats) -> Floats:
        count = len(values) - self.warmup
        oldest = values[:count]
        total = np.zeros(count)
        squares = np.zeros(count)
        for k in range(self.window):
            total += values[k : k + count] - oldest
        mean = total / self.window
        for k in range(self.window):
            away = (values[k : k + count] - oldest) - mean
            squares += away * away
        return np.concatenate((np.full(self.warmup, NAN), np.sqrt(squares / self.window)))
