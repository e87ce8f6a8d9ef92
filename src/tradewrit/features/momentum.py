"""Momentum: Wilder's relative strength index and the rate of change.

Two entry points and holes as in `features.averages`.
"""

from collections import deque
from typing import Final

import numpy as np

from tradewrit.features.averages import Wilder
from tradewrit.features.bars import Floats
from tradewrit.features.floats import INF, NAN, Grid, by_stretch, divide, whole


class Rsi:
    """Relative strength index, 0 to 100; first value at bar `window`.

    100 * gain / (gain + loss), gain and loss being Wilder averages of the rises and falls; 100 when
    the average loss is 0, and 50 when the average gain is 0 too. Wilder (1978), section VI.

    decimals: when given, changes are counted in whole ticks of 10**-decimals, so that rises and
    falls of the same size have the same bits.
    """

    takes_rows: Final = True

    def __init__(self, window: int = 14, decimals: int | None = None) -> None:
        self.window = self.warmup = whole("window", window)
        self._grid = Grid(decimals)
        self._gains = Wilder(window)
        self._losses = Wilder(window)
        self._previous: float | None = None

    def update(self, value: float) -> float:
        """The index after one more bar."""
        if not -INF < value < INF:
            self._previous = None
            self._gains.update(NAN)
            self._losses.update(NAN)
            return NAN
        ticks = self._grid.ticks(value)
        previous, self._previous = self._previous, ticks
        if previous is None:
            return NAN
        change = ticks - previous
        gain = self._gains.update(max(0.0, change))
        loss = self._losses.update(max(0.0, -change))
        if loss == 0.0:
            return 50.0 if gain == 0.0 else 100.0
        return 100.0 * gain / (gain + loss)

    def column(self, values: Floats) -> Floats:
        """The indices of a whole history."""
        return by_stretch(self._stretch, self.warmup, values)

    def _stretch(self, values: Floats) -> Floats:
        ticks = self._grid.tick_column(values)
        moves = np.empty((2, *values.shape[:-1], values.shape[-1] - 1))
        rises, falls = moves
        changes = np.subtract(ticks[..., 1:], ticks[..., :-1], out=falls)
        np.maximum(changes, 0.0, out=rises)
        np.maximum(np.negative(changes, out=falls), 0.0, out=falls)
        falls += 0.0  # the negative zero of an unchanged price becomes a plain one
        gain, loss = self._gains.column(moves)  # two averages of one kind, side by side
        is_lossless = loss == 0.0
        flat = gain[is_lossless] == 0.0
        index = np.empty(values.shape)
        index[..., 0] = NAN
        later = np.multiply(gain, 100.0, out=index[..., 1:])
        later /= np.add(gain, loss, out=loss)
        later[is_lossless] = np.where(flat, 50.0, 100.0)
        return index


class RateOfChange:
    """Change over `window` bars as a fraction of the older value (0.05 is five per cent up).

    First value at bar `window`. Over an older value of 0 it is infinite, or NaN when both are 0.
    """

    def __init__(self, window: int) -> None:
        self.window = self.warmup = whole("window", window)
        self._last: deque[float] = deque(maxlen=self.window)

    def update(self, value: float) -> float:
        """The change after one more bar."""
        last = self._last
        if not -INF < value < INF:
            last.clear()
            return NAN
        change = divide(value - last[0], last[0]) if len(last) == self.window else NAN
        last.append(value)
        return change

    def column(self, values: Floats) -> Floats:
        """The changes of a whole history."""
        return by_stretch(self._stretch, self.warmup, values)

    def _stretch(self, values: Floats) -> Floats:
        older = values[: -self.window]
        change = np.full(len(values), NAN)
        change[self.window :] = (values[self.window :] - older) / older
        return change
