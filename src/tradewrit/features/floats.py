"""float64 arithmetic with the same bits one value at a time and a column at a time.

Only + - * / and sqrt are used: IEEE 754 rounds those correctly, so Python, numpy and every
processor agree on the bits. The built-in `sum` is not used on floats: Python 3.12 changed its result.
"""

from collections.abc import Callable, Iterable, Iterator
from math import copysign, inf, isnan, nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradewrit.features.bars import Floats

INF: Final = inf
NAN: Final = nan
MOST_DECIMALS: Final = 15
# Adding and taking away 1.5 * 2**52 rounds to the nearest whole number, ties to even, for any
# magnitude below 2**51 (above that every float64 is its own tick).
_ROUNDER: Final = 1.5 * 2.0**52
_ON_GRID: Final = 1e-6
# Where a price is counted in so many ticks that float64 has no millionths of one left, what scaling
# itself may be off by is no distance either; never as much as a quarter of a tick.
_LAST_BITS: Final = 2.0**-51
_QUARTER: Final = 0.25
_BLOCK: Final = 16_384


def whole(name: str, count: object, *, least: int = 1) -> int:
    """`count` itself; raises ValueError naming the parameter when it is not a whole number >= `least`."""
    if not isinstance(count, int | np.integer) or isinstance(count, bool) or int(count) < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {count!r}")
    return int(count)


def divide(numerator: float, denominator: float) -> float:
    """IEEE division: by zero it gives an infinity or NaN, as a column does, instead of raising."""
    if denominator:
        return numerator / denominator
    if not numerator or isnan(numerator):
        return NAN
    return copysign(INF, numerator) * copysign(1.0, denominator)


def mean(values: Iterable[float], count: int) -> float:
    """Arithmetic mean of `count` values, added from the first to the last."""
    total = 0.0
    for value in values:
        total += value
    return total / count


class Grid:
    """Prices or volumes counted in ticks of 10**-decimals, so that their sums are exact.

    A value within a millionth of a tick of the grid, or as near as float64 can tell, is taken to lie
    on it; any other is only scaled. `decimals=None` means no grid: values are left as they are, and
    `scale` is 1.
    """

    __slots__ = ("decimals", "scale")

    def __init__(self, decimals: int | None) -> None:
        if decimals is not None:
            whole("decimals", decimals, least=0)
            if decimals > MOST_DECIMALS:
                raise ValueError(f"decimals must be at most {MOST_DECIMALS}, not {decimals!r}")
        self.decimals = decimals
        self.scale = 1.0 if decimals is None else float(10**decimals)

    def ticks(self, value: float) -> float:
        """One value in ticks; a whole number when the value is on the grid."""
        if self.decimals is None:
            return value
        scaled = value * self.scale
        nearest = (scaled + _ROUNDER) - _ROUNDER
        return nearest if _is_near(scaled, nearest) else scaled

    def tick_column(self, values: Floats) -> Floats:
        """`ticks` of every value."""
        return values if self.decimals is None else self._column(values, is_counted=True)

    def snapped(self, value: float) -> float:
        """The float64 nearest to the tick a value is on; a value off the grid as it is.

        Arithmetic, or a source in another format, leaves noise in the last bits: 0.1 + 0.2 is
        not 0.3 until it is snapped to the grid of one decimal.
        """
        if self.decimals is None:
            return value
        scaled = value * self.scale
        nearest = (scaled + _ROUNDER) - _ROUNDER
        return nearest / self.scale if _is_near(scaled, nearest) else value

    def snapped_column(self, values: Floats) -> Floats:
        """`snapped` of every value."""
        return values if self.decimals is None else self._column(values, is_counted=False)

    def _column(self, values: Floats, *, is_counted: bool) -> Floats:
        """Block after block, so that what is worked on stays in the processor's cache."""
        out = np.empty(values.shape)
        given, made = values.reshape(-1), out.reshape(-1)
        room = np.empty(min(_BLOCK, len(made)))
        for start in range(0, len(made), _BLOCK):
            value, nearest = given[start : start + _BLOCK], made[start : start + _BLOCK]
            scaled = np.multiply(value, self.scale, out=room[: len(value)])
            np.add(scaled, _ROUNDER, out=nearest)
            np.subtract(nearest, _ROUNDER, out=nearest)
            away = np.abs(np.subtract(scaled, nearest, out=scaled), out=scaled)
            is_off = ~(away <= _ON_GRID)
            if is_off.any():
                is_off &= ~(away <= np.minimum(np.abs(nearest) * _LAST_BITS, _QUARTER))
            if not is_counted:
                np.divide(nearest, self.scale, out=nearest)
            if is_off.any():
                np.copyto(nearest, value * self.scale if is_counted else value, where=is_off)
        return out


def _is_near(scaled: float, nearest: float) -> bool:
    away = abs(scaled - nearest)
    return away <= _ON_GRID or away <= min(abs(nearest) * _LAST_BITS, _QUARTER)


def by_stretch(compute: Callable[..., Floats], warmup: int, *columns: Floats) -> Floats:
    """Run `compute` on each stretch without a hole, on its own; NaN everywhere else.

    A hole is a bar on which any column is NaN or infinite. `compute` gets stretches longer than
    `warmup` and returns as many values as the stretch has bars. Columns of several rows (symbols) are
    given to it as they are where there is no hole, and row by row otherwise.
    """
    is_known = np.isfinite(columns[0])
    for column in columns[1:]:
        is_known &= np.isfinite(column)
    with np.errstate(all="ignore"):
        if is_known.shape[-1] > warmup and is_known.all():
            return compute(*columns)
        out = np.full(is_known.shape, NAN)
        for row in np.ndindex(is_known.shape[:-1]):
            for first, end in _stretches(is_known[row]):
                if end - first > warmup:
                    out[(*row, slice(first, end))] = compute(*(column[row][first:end] for column in columns))
    return out


def _stretches(is_known: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_known, [False]))))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
