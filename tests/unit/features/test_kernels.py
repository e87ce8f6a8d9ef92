"""What holds for every kernel: two entry points, one set of bits, holes, warm-up, parameters."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.features.markets import assert_same_bits, columns, histories, walk
from tradewrit.features.averages import Ema, Sma, Wilder
from tradewrit.features.bars import Bars, Floats
from tradewrit.features.extremes import Highest, Lowest
from tradewrit.features.momentum import RateOfChange, Rsi
from tradewrit.features.volatility import RollingStd, TrueRange

WINDOWED = (Sma, Ema, Wilder, Rsi, RollingStd, Highest, Lowest, RateOfChange)
ONE_COLUMN: list[Callable[[int], Any]] = [
    *WINDOWED,
    partial(Sma, decimals=2),
    partial(Sma, decimals=0),
    partial(Rsi, decimals=2),
]
windows = st.integers(1, 9)
kernels = st.builds(partial, st.sampled_from(ONE_COLUMN), windows)


def stepped(kernel: Any, *arrays: Floats) -> Floats:
    rows = zip(*(array.tolist() for array in arrays), strict=True)
    return np.array([kernel.update(*row) for row in rows], dtype=np.float64)


@given(kernels, columns())
def test_a_column_has_the_bits_of_its_updates(kernel: Callable[[], Any], values: Floats) -> None:
    assert_same_bits(kernel().column(values), stepped(kernel(), values))


@pytest.mark.parametrize("kernel", ONE_COLUMN)
@pytest.mark.parametrize("window", [1, 2, 14, 20])
def test_a_long_column_has_the_bits_of_its_updates(kernel: Callable[[int], Any], window: int) -> None:
    values = walk(window, 700)
    values[[100, 101, 300]] = np.nan
    values[400:450] = values[400]
    assert_same_bits(kernel(window).column(values), stepped(kernel(window), values))


@given(histories())
def test_true_range_has_the_bits_of_its_updates(bars: Bars) -> None:
    arrays = (bars.high, bars.low, bars.close)
    assert_same_bits(TrueRange().column(*arrays), stepped(TrueRange(), *arrays))


@given(kernels, columns(), st.integers(0, 40))
def test_cutting_later_bars_changes_nothing_earlier(
    kernel: Callable[[], Any], values: Floats, kept: int
) -> None:
    assert_same_bits(kernel().column(values[:kept]), kernel().column(values)[:kept])


@given(kernels, st.integers(0, 40))
def test_the_first_number_comes_when_the_warmup_says(kernel: Callable[[], Any], extra: int) -> None:
    warmup = kernel().warmup
    column = kernel().column(walk(extra, warmup + extra))
    assert np.isnan(column[:warmup]).all()
    assert np.isfinite(column[warmup:]).all()


@given(kernels, columns(), columns(), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_nothing_is_carried_across_a_hole(
    kernel: Callable[[], Any], before: Floats, after: Floats, hole: float
) -> None:
    column = kernel().column(np.concatenate((before, [hole], after)))
    assert np.isnan(column[len(before)])
    assert_same_bits(column[len(before) + 1 :], kernel().column(after))


def test_a_hole_in_any_of_high_low_and_close_is_a_hole_in_the_true_range() -> None:
    for holed in range(3):
        arrays = [np.full(5, 10.0), np.full(5, 8.0), np.full(5, 9.0)]
        arrays[holed][2] = np.nan
        assert np.isnan(TrueRange().column(*arrays)).tolist() == [True, False, True, True, False]


def test_an_empty_history_gives_an_empty_column() -> None:
    for kernel in ONE_COLUMN:
        assert kernel(3).column(np.array([])).tolist() == []


@pytest.mark.parametrize("kernel", WINDOWED)
@pytest.mark.parametrize("wrong", [0, -1, 2.0, "14", None, True])
def test_a_wrong_window_is_named(kernel: Callable[[Any], Any], wrong: object) -> None:
    with pytest.raises(ValueError, match=r"^(window|span) must be a whole number of at least 1, not"):
        kernel(wrong)


@pytest.mark.parametrize("wrong", [-1, 16, 2.0, True])
def test_wrong_decimals_are_named(wrong: Any) -> None:
    for kernel in (Sma, Rsi):
        with pytest.raises(ValueError, match=r"^decimals must be"):
            kernel(3, wrong)
