"""Moving averages: simple, exponential, and Wilder's smoothing.

Every class has `update` (one more bar, NaN while warming up) and `column` (the whole history,
element i from values[: i + 1] only), with the same bits. A value that is NaN or infinite gives NaN
on its bar, and the warm-up begins anew after it.
"""

from collections import deque
from typing import Final

import numpy as np

from tradewrit.features.bars import Floats
from tradewrit.features.floats import INF, NAN, Grid, by_stretch, mean, whole
from tradewrit.features.recurrence import decaying


class Sma:
    """Simple moving average of the last `window` values; first value at bar window - 1.

    decimals: when given, values are summed in whole ticks of 10**-decimals and the sum is exact, so
    `close > average` is exactly `window * close > sum of the closes`, ties included (for values on
    the grid and below 4e9 ticks, sums below 2**51 ticks). Without it the running sum rounds.
    """

    takes_rows: Final = True

    def __init__(self, window: int, decimals: int | None = None) -> None:
        self.window = whole("window", window)
        self.warmup = self.window - 1
        self._grid = Grid(decimals)
        self._last: deque[float] = deque(maxlen=self.window)
        self._total = 0.0

    def update(self, value: float) -> float:
        """The average after one more bar."""
        last = self._last
        if not -INF < value < INF:
            last.clear()
            return NAN
        ticks = self._grid.ticks(value)
        if len(last) == self.window:
            self._total += ticks - last[0]
        elif last:
            self._total += ticks
        else:
            self._total = ticks
        last.append(ticks)
        return self._total / self.window / self._grid.scale if len(last) == self.window else NAN

    def column(self, values: Floats) -> Floats:
        """The averages of a whole history."""
        return by_stretch(self._stretch, self.warmup, values)

    def _stretch(self, values: Floats) -> Floats:
        ticks, window = self._grid.tick_column(values), self.window
        totals = np.empty(values.shape)
        totals[..., :window] = ticks[..., :window]
        np.subtract(ticks[..., window:], ticks[..., :-window], out=totals[..., window:])
        # add.accumulate is strictly sequential: the same sums as `update`, bit for bit.
        np.add.accumulate(totals, axis=-1, out=totals)
        totals[..., : self.warmup] = NAN
        totals /= window
        totals /= self._grid.scale
        return totals


class Smoothing:
    """`average = weight * value + (1 - weight) * average`, seeded with the mean of the first `seed` values.

    First value at bar seed - 1. This is the recurrence of a first-order linear filter, in the
    order of operations that `scipy.signal.lfilter` uses.
    """

    takes_rows: Final = True

    def __init__(self, weight: float, seed: int) -> None:
        self.weight = weight
        self.rest = 1.0 - weight
        self.seed = seed
        self.warmup = seed - 1
        self._first: list[float] = []
        self._average: float | None = None

    def update(self, value: float) -> float:
        """The average after one more bar."""
        if not -INF < value < INF:
            self._first.clear()
            self._average = None
            return NAN
        if self._average is not None:
            self._average = average = self.weight * value + self.rest * self._average
            return average
        self._first.append(value)
        if len(self._first) < self.seed:
            return NAN
        self._average = mean(self._first, self.seed)
        self._first.clear()
        return self._average

    def column(self, values: Floats) -> Floats:
        """The averages of a whole history."""
        return by_stretch(self._stretch, self.warmup, values)

    def _stretch(self, values: Floats) -> Floats:
        # As in `mean`: from the first to the last, beginning with a positive zero.
        seed = (np.add.accumulate(values[..., : self.seed], axis=-1)[..., -1] + 0.0) / self.seed
        return decaying(seed, values, self.warmup, self.weight, self.rest)


class Ema(Smoothing):
    """Exponential moving average: weight 2 / (span + 1); first value at bar span - 1."""

    def __init__(self, span: int) -> None:
        whole("span", span)
        super().__init__(2.0 / (span + 1), span)


class Wilder(Smoothing):
    """Wilder's smoothing: weight 1 / window; first value at bar window - 1.

    J. Welles Wilder, New Concepts in Technical Trading Systems (1978).
    """

    def __init__(self, window: int) -> None:
        whole("window", window)
        super().__init__(1.0 / window, window)
