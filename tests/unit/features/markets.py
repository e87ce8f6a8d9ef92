"""Columns and bars to try features on: on and off the grid, flat, with holes, with extremes."""

import math

import numpy as np
from hypothesis import strategies as st

from tradewrit.features.bars import Bars, Floats
from tradewrit.features.rules import Column

_ON_GRID = st.integers(1, 2_000).map(lambda ticks: ticks / 100)
_OFF_GRID = st.floats(-1e6, 1e6)
_HOLES = st.sampled_from([math.nan, math.inf, -math.inf])
_EXTREMES = st.sampled_from([0.0, -0.0, 5e-324, 1e-300, 1e300, -1e300, 1.7e308, -1.7e308])


@st.composite
def columns(draw: st.DrawFn, max_size: int = 40) -> Floats:
    """Short histories made of stretches: a value repeated, or new values, or a hole."""
    stretch = st.one_of(
        st.lists(_ON_GRID, max_size=12),
        st.lists(_OFF_GRID, max_size=6),
        st.builds(lambda value, count: [value] * count, _ON_GRID, st.integers(1, 8)),
        _HOLES.map(lambda value: [value]),
        _EXTREMES.map(lambda value: [value]),
    )
    values = [value for part in draw(st.lists(stretch, max_size=6)) for value in part]
    return np.array(values[:max_size], dtype=np.float64)


@st.composite
def histories(draw: st.DrawFn, max_size: int = 40) -> Bars:
    """Bars of one symbol whose columns may hold anything."""
    drawn = [draw(columns(max_size)) for _ in range(3)]
    length = max(len(column) for column in drawn)
    first, second, third = (np.resize(column, length) if len(column) else np.ones(length) for column in drawn)
    return bars(close=first, high=second, low=third, volume=np.roll(first, 1), opened=np.roll(second, 2))


def bars(
    close: Floats,
    high: Floats | None = None,
    low: Floats | None = None,
    volume: Floats | None = None,
    opened: Floats | None = None,
) -> Bars:
    """Bars a minute apart; columns not given are the closes."""
    ts = np.arange(len(close), dtype=np.int64) * 60_000_000_000
    columns = (close if column is None else column for column in (opened, high, low, None, volume))
    return Bars("TEST", ts, *columns)


def walk(seed: int, length: int, decimals: int = 2) -> Floats:
    """A random walk of prices around 100, on the grid."""
    steps = np.random.default_rng(seed).normal(0.0, 0.01, length)
    return np.round(100.0 * np.exp(np.cumsum(steps)), decimals)


def assert_same_bits(a: Column, b: Column) -> None:
    """Equal in kind, length and every bit; any NaN equals any NaN."""
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    if a.dtype == np.bool_:
        assert a.tolist() == b.tolist()
        return
    is_nan = np.isnan(a)
    assert is_nan.tolist() == np.isnan(b).tolist()
    assert a[~is_nan].tobytes() == b[~is_nan].tobytes(), (a.tolist(), b.tolist())
