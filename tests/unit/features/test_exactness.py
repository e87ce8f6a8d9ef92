"""Averages in whole ticks: comparing a price with its own average is exact, ties included."""

from fractions import Fraction
from itertools import pairwise
from math import ulp

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.features.markets import assert_same_bits, bars
from tradewrit.features.evaluate import columns
from tradewrit.features.floats import Grid
from tradewrit.features.indicators import rsi, sma
from tradewrit.features.series import Inputs

# Small tick counts make ties frequent; large ones are where rounding would show.
ticks = st.lists(
    st.one_of(
        st.integers(1, 6),
        st.integers(9_990, 10_010),
        st.integers(1, 10**9),
        st.integers(1, 20).map(lambda n: n * 777_100_000_000),
    ),
    max_size=60,
)


@given(ticks, st.integers(1, 25), st.integers(0, 8))
@example([1755, 1755, 1755], 3, 2)
@example([10, 20, 30, 20], 3, 2)
@example([31_084_000_000] * 3, 2, 8)
def test_a_close_above_its_average_is_above_it_exactly(counts: list[int], window: int, decimals: int) -> None:
    closes = np.array([float(Fraction(count, 10**decimals)) for count in counts])
    average = sma(closes, window, decimals)
    for t in range(window - 1, len(counts)):
        exact = window * counts[t] - int(np.array(counts[t - window + 1 : t + 1], dtype=object).sum())
        assert (closes[t] > average[t], closes[t] == average[t]) == (exact > 0, exact == 0)


@given(ticks, ticks, st.integers(1, 25))
def test_an_exact_average_forgets_what_left_the_window(
    older: list[int], newer: list[int], window: int
) -> None:
    both = sma(np.array([*older, *newer]) / 100, window, 2)
    alone = sma(np.array(newer, dtype=np.float64) / 100, window, 2)
    assert_same_bits(both[len(older) + window - 1 :], alone[window - 1 :])


@given(
    st.lists(st.tuples(st.integers(1, 6) | st.integers(1, 10**6), st.integers(-3, 3)), max_size=40),
    st.integers(1, 9),
)
def test_noise_in_the_last_bits_of_an_input_decides_no_comparison(
    noisy: list[tuple[int, int]], window: int
) -> None:
    closes = np.array([count / 100 * (1 + ulps * 2.0**-52) for count, ulps in noisy])
    close = Inputs(price_decimals=2).close
    above, on, value = columns([close > sma(close, window), close == sma(close, window), close], bars(closes))
    counts = [count for count, _ in noisy]
    assert value.tolist() == [count / 100 for count in counts]
    for t in range(window - 1, len(counts)):
        exact = window * counts[t] - int(np.array(counts[t - window + 1 : t + 1], dtype=object).sum())
        assert (above[t], on[t]) == (exact > 0, exact == 0)


@given(
    st.lists(st.floats(allow_nan=False) | st.integers(0, 999).map(lambda n: n / 10), max_size=9),
    st.integers(0, 8),
)
def test_snapping_moves_nothing_by_more_than_the_noise_it_removes(values: list[float], decimals: int) -> None:
    grid = Grid(decimals)
    with np.errstate(all="ignore"):
        snapped = grid.snapped_column(np.array(values, dtype=np.float64))
    assert_same_bits(snapped, np.array([grid.snapped(value) for value in values], dtype=np.float64))
    for value, put in zip(values, snapped.tolist(), strict=True):
        # A millionth of a tick, or what scaling may be off by up to a quarter; both operations round.
        noise = max(1.001e-6, min(abs(value) * grid.scale * 2.0**-51, 0.25)) / grid.scale + ulp(value)
        assert put == value or abs(put - value) <= noise


@given(ticks, st.integers(1, 20))
def test_whole_numbers_need_no_decimals_to_be_exact(counts: list[int], window: int) -> None:
    volumes = np.array(counts, dtype=np.float64)
    assert_same_bits(sma(volumes, window), sma(volumes, window, 0))


@given(st.integers(1, 6), st.integers(1, 10**9), st.integers(0, 5), st.floats(-9e-7, 9e-7))
def test_a_value_near_the_grid_is_on_it_and_any_other_is_only_scaled(
    decimals: int, count: int, places: int, noise: float
) -> None:
    grid = Grid(decimals)
    near = (count / 10**places) / grid.scale
    expected = near * grid.scale
    whole = float(np.rint(expected))
    on_grid = abs(expected - whole) <= 1e-6
    assert grid.ticks(near) == (whole if on_grid else expected)
    small = (count % 1000 + noise) / grid.scale
    assert grid.ticks(small) == count % 1000
    assert grid.tick_column(np.array([near, small])).tolist() == [grid.ticks(near), grid.ticks(small)]


def test_off_the_grid_an_average_is_close_but_not_promised() -> None:
    values = np.array([1.0 / 3.0, 2.0 / 3.0, 1.0 / 7.0, 5.0 / 7.0])
    assert sma(values, 2, 2)[1:] == pytest.approx((values[1:] + values[:-1]) / 2, rel=1e-14)


@given(st.lists(st.integers(1, 10_000), min_size=16, max_size=60))
def test_rsi_is_wilders_formula_in_exact_arithmetic(counts: list[int]) -> None:
    index = rsi(np.array(counts) / 100, 14, 2)
    changes = [Fraction(b - a) for a, b in pairwise(counts)]
    gain = sum((max(c, Fraction(0)) for c in changes[:14]), Fraction(0)) / 14
    loss = sum((max(-c, Fraction(0)) for c in changes[:14]), Fraction(0)) / 14
    assert np.isnan(index[:14]).all()
    for t in range(14, len(counts)):
        if t > 14:
            gain = max(changes[t - 1], Fraction(0)) / 14 + gain * 13 / 14
            loss = max(-changes[t - 1], Fraction(0)) / 14 + loss * 13 / 14
        nothing_lost = 50.0 if gain == 0 else 100.0
        assert index[t] == pytest.approx(
            float(100 * gain / (gain + loss)) if loss else nothing_lost, rel=1e-12
        )
