"""The indicators by name: over arrays they give columns, over series they give nodes of a formula.

    sma(closes, 20)            # float64 array in, float64 array out
    sma(bars.close, 20)        # a Series: evaluated later, as a column or bar by bar

Arrays hold one value per bar, oldest first; element i of a result uses elements up to i only.
Sources of the formulas: docs/reference/features.md.
"""

from functools import partial
from math import sqrt
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from tradewrit.features.averages import Ema, Sma, Wilder
from tradewrit.features.bars import Floats
from tradewrit.features.extremes import Highest, Lowest
from tradewrit.features.floats import whole
from tradewrit.features.momentum import RateOfChange, Rsi
from tradewrit.features.rules import KernelFactory, Remembering
from tradewrit.features.series import Series, remember
from tradewrit.features.volatility import RollingStd, TrueRange

S = TypeVar("S", Series, Floats)


class MacdLines(NamedTuple, Generic[S]):
    """macd: fast average minus slow. signal: average of macd. histogram: macd minus signal."""

    macd: S
    signal: S
    histogram: S


class BollingerBands(NamedTuple, Generic[S]):
    """middle: simple average. upper, lower: the middle plus and minus a multiple of the deviation."""

    middle: S
    upper: S
    lower: S


def apply(factory: KernelFactory, *sources: S) -> S:
    """A feature of your own over series or arrays.

    factory: makes a fresh kernel, an object with `update(value, ...) -> float`: a class, or
        `functools.partial(Class, parameters...)`. Two partials of one class with equal parameters are
        computed once. A kernel may state its `warmup`, and for speed have a `column(array, ...)` that
        gives the same bits for the whole history.
    sources: one per argument of `update`, all series or all arrays of one length.

    Raises TypeError when the factory makes no kernel, ValueError for arrays that do not fit together.
    """
    if not sources:
        raise TypeError("a feature needs at least one series or array")
    return _apply(Remembering(factory), *sources)


def sma(values: S, window: int, decimals: int | None = None) -> S:
    """Simple moving average; first value at bar window - 1.

    decimals: of the tick the values lie on; sums are then exact. A series that is an input knows its own.
    """
    return _apply(_ours(Sma, window, _decimals(values, decimals)), values)


def ema(values: S, span: int) -> S:
    """Exponential moving average, weight 2 / (span + 1), seeded by a mean; first value at bar span - 1."""
    return _apply(_ours(Ema, span), values)


def wilder(values: S, window: int) -> S:
    """Wilder's smoothing, weight 1 / window, seeded by a mean; first value at bar window - 1."""
    return _apply(_ours(Wilder, window), values)


def rsi(values: S, window: int = 14, decimals: int | None = None) -> S:
    """Wilder's relative strength index, 0 to 100; first value at bar `window`. decimals: as for `sma`."""
    return _apply(_ours(Rsi, window, _decimals(values, decimals)), values)


def true_range(high: S, low: S, close: S) -> S:
    """Wilder's true range; first value at bar 1."""
    return _apply(_ours(TrueRange), high, low, close)


def atr(high: S, low: S, close: S, window: int = 14) -> S:
    """Average true range, smoothed by Wilder's method; first value at bar `window`."""
    return wilder(true_range(high, low, close), window)


def macd(values: S, fast: int = 12, slow: int = 26, signal: int = 9) -> MacdLines[S]:
    """Moving average convergence/divergence; first macd at bar slow - 1, first signal signal - 1 later.

    Raises ValueError unless fast < slow.
    """
    if whole("fast", fast) >= whole("slow", slow):
        raise ValueError(f"fast must be less than slow, not {fast} against {slow}")
    line = ema(values, fast) - ema(values, slow)
    average = ema(line, whole("signal", signal))
    return MacdLines(line, average, line - average)


def bollinger(
    values: S, window: int = 20, width: float = 2.0, decimals: int | None = None
) -> BollingerBands[S]:
    """Bollinger bands: `width` population standard deviations around the simple average.

    First values at bar window - 1. decimals: as for `sma`. Raises ValueError unless width > 0.
    """
    if not 0.0 < width < float("inf"):
        raise ValueError(f"width must be a positive number of deviations, not {width!r}")
    middle = sma(values, window, decimals)
    reach = rolling_std(values, window) * width
    return BollingerBands(middle, middle + reach, middle - reach)


def rolling_std(values: S, window: int) -> S:
    """Population standard deviation of the last `window` values; first value at bar window - 1."""
    return _apply(_ours(RollingStd, window), values)


def realised_volatility(close: S, window: int = 20, bars_per_year: int = 252) -> S:
    """Annualised sample deviation of the last `window` returns, a fraction; first value at bar `window`.

    Raises ValueError for fewer than two returns: one has no deviation.
    """
    if whole("window", window) < 2:
        raise ValueError(f"window must be at least 2 returns, not {window}")
    # `rolling_std` divides by n, a sample's by n - 1.
    scale = sqrt(whole("bars_per_year", bars_per_year) * window / (window - 1))
    return rolling_std(rate_of_change(close, 1), window) * scale


def rolling_volume(volume: S, window: int = 20, decimals: int | None = None) -> S:
    """Average volume of the last `window` bars: `sma` under the name traders use."""
    return sma(volume, window, decimals)


def highest(values: S, window: int) -> S:
    """Highest of the last `window` values, this bar's included; `.shift(1)` leaves it out."""
    return _apply(_ours(Highest, window), values, keeps_grid=True)


def lowest(values: S, window: int) -> S:
    """Lowest of the last `window` values, this bar's included; `.shift(1)` leaves it out."""
    return _apply(_ours(Lowest, window), values, keeps_grid=True)


def rate_of_change(values: S, window: int) -> S:
    """Change over `window` bars as a fraction of the older value; first value at bar `window`."""
    return _apply(_ours(RateOfChange, window), values)


def _decimals(values: object, given: int | None) -> int | None:
    return values.decimals if given is None and isinstance(values, Series) else given


def _ours(kernel: type, *parameters: object) -> Remembering:
    return Remembering(partial(kernel, *parameters), gives_floats=True)


def _apply(kernel: Remembering, *sources: S, keeps_grid: bool = False) -> S:
    if isinstance(sources[0], Series):
        return remember(kernel, *sources, decimals=sources[0].decimals if keeps_grid else None)
    arrays = [np.ascontiguousarray(source, dtype=np.float64) for source in sources]
    if any(array.ndim != 1 or array.shape != arrays[0].shape for array in arrays):
        shapes = " and ".join(str(array.shape) for array in arrays)
        raise ValueError(f"a feature takes one-dimensional arrays of one length, not shapes {shapes}")
    return kernel.column(arrays[0].shape, *arrays)
