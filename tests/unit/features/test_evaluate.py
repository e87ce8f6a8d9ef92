"""Formulas as columns and bar by bar: the same bits, no look-ahead, shared parts computed once."""

import math
import subprocess
import sys
from collections import deque
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.features.markets import assert_same_bits, bars, histories, walk
from tradewrit.features import indicators as ta
from tradewrit.features.bars import Bars, Floats
from tradewrit.features.evaluate import Stepper, columns, warmup
from tradewrit.features.rules import Column
from tradewrit.features.series import Condition, Inputs, Series, crosses_above, crosses_below, where

X = Inputs()


class Spread:
    """A user's kernel without a column: highest minus lowest of the last bars, in numpy."""

    def __init__(self, window: int) -> None:
        self.warmup = window - 1
        self._last: deque[float] = deque(maxlen=window)

    def update(self, value: float) -> float:
        self._last.append(value)
        with np.errstate(all="ignore"):
            return np.ptp(np.array(self._last)) if len(self._last) > self.warmup else math.nan


def stepped(outputs: list[Series], history: Bars) -> list[Column]:
    stepper = Stepper(outputs)
    rows = [stepper.update(bar) for bar in history.rows()]
    kinds = [np.bool_ if isinstance(output, Condition) else np.float64 for output in outputs]
    return [np.array([row[k] for row in rows], dtype=kind) for k, kind in enumerate(kinds)]


COMPARISONS = [
    lambda a, b: a > b,
    lambda a, b: a >= b,
    lambda a, b: a < b,
    lambda a, b: a == b,
    lambda a, b: a != b,
    crosses_above,
    crosses_below,
]
BINARY = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / b,
    np.maximum,
    np.minimum,
    np.hypot,
]
UNARY = [
    lambda a: a.shift(3),
    abs,
    np.sign,
    np.sqrt,
    np.log,
    np.tanh,
    lambda a: -a,
    lambda a: a / 0.0,
    lambda a: 1 - a,
    lambda a: a * 0.5,
]
WINDOWED = [
    ta.sma,
    ta.ema,
    ta.wilder,
    ta.rsi,
    ta.rolling_std,
    ta.highest,
    ta.lowest,
    ta.rate_of_change,
    lambda a, n: ta.apply(partial(Spread, n), a),
]
CONDITIONS = [
    lambda a, b: a & b,
    lambda a, b: a | b,
    lambda a, b: a ^ b,
    lambda a, b: ~a & b,
    lambda a, b: a.shift(2) | b,
]


@st.composite
def formulas(draw: st.DrawFn) -> list[Series]:
    """Some of the nodes of a random formula whose parts are used again and again."""
    numbers: list[Series] = [X.open, X.high, X.low, X.close, X.volume, X.typical]
    conditions = [X.close > X.open]

    def one(of: list[Any]) -> Any:
        return draw(st.sampled_from(of))

    for _ in range(draw(st.integers(1, 10))):
        a, b, n = one(numbers), one(numbers), draw(st.integers(1, 6))
        c, d = one(conditions), one(conditions)
        match draw(st.integers(0, 8)):
            case 0:
                numbers.append(one(BINARY)(a, b))
            case 1:
                numbers.append(one(UNARY)(a))
            case 2 | 3:
                numbers.append(one(WINDOWED)(a, n))
            case 4:
                numbers.append(where(c, a, b))
            case 5:
                numbers.extend((ta.atr(a, b, X.low, n), ta.macd(a, n, n + 1, 2).histogram))
            case 6:
                numbers.extend(ta.bollinger(a, n))
            case 7:
                conditions.append(one(COMPARISONS)(a, b))
            case _:
                conditions.append(one(CONDITIONS)(c, d))
    return [numbers[-1], conditions[-1], one(numbers)]


@given(formulas(), histories(30))
@settings(max_examples=300, deadline=None)
def test_any_formula_has_the_same_bits_as_columns_and_bar_by_bar(
    outputs: list[Series], history: Bars
) -> None:
    for column, steps in zip(columns(outputs, history), stepped(outputs, history), strict=True):
        assert_same_bits(column, steps)


@given(formulas(), histories(30), st.integers(0, 30))
@settings(deadline=None)
def test_no_formula_sees_later_bars(outputs: list[Series], history: Bars, kept: int) -> None:
    whole, cut = columns(outputs, history), columns(outputs, history.head(kept))
    for full, early in zip(whole, cut, strict=True):
        assert_same_bits(full[:kept], early)


@pytest.mark.parametrize(
    "formula",
    [
        ta.sma(ta.ema(X.close, 5), 3),
        ta.atr(X.high, X.low, X.close, 14) / X.close.shift(20),
        ta.macd(X.close).histogram,
        ta.bollinger(X.close).upper - ta.rate_of_change(X.close, 7),
        ta.rolling_std(np.log(X.close) - np.log(X.close.shift(1)), 20),
        ta.highest(X.high, 55).shift(1) - ta.lowest(X.low, 10),
    ],
    ids=repr,
)
def test_the_first_number_of_a_formula_comes_when_its_warmup_says(formula: Series) -> None:
    (column,) = columns([formula], bars(walk(5, 90)))
    assert int(np.flatnonzero(~np.isnan(column))[0]) == formula.warmup


@pytest.mark.parametrize("seed", range(3))
def test_the_trend_following_formula_has_the_same_bits_over_a_long_history(seed: int) -> None:
    close = walk(seed, 3_000)
    history = bars(close, volume=np.random.default_rng(seed).integers(1, 500, 3_000).astype(np.float64))
    average = ta.sma(X.close, 20)
    enter = (X.close > average) & ta.rsi(X.close, 14).between(50, 70) & (X.volume > ta.sma(X.volume, 20))
    outputs = [enter, average, ta.rsi(X.close, 14), *ta.macd(X.close), *ta.bollinger(X.close)]
    arrays = columns(outputs, history)
    for column, steps in zip(arrays, stepped(outputs, history), strict=True):
        assert_same_bits(column, steps)
    assert 0 < arrays[0].sum() < 1_500
    assert not arrays[0][:19].any()
    assert_same_bits(arrays[1], ta.sma(close, 20, 2))
    assert_same_bits(arrays[2], ta.rsi(close, 14, 2))
    for lazy, eager in zip(arrays[3:], [*ta.macd(close), *ta.bollinger(close, decimals=2)], strict=True):
        assert_same_bits(lazy, eager)


class Counting:
    """A kernel that counts how often it was made and called."""

    made = 0
    calls = 0

    def __init__(self, factor: float = 1.0) -> None:
        type(self).made += 1
        self.factor = factor

    def update(self, value: float) -> float:
        type(self).calls += 1
        return value * self.factor

    def column(self, values: Floats) -> Floats:
        type(self).calls += 1
        return values * self.factor


@pytest.mark.parametrize(
    ("twice", "expected"),
    [
        (lambda: [ta.apply(Counting, X.close), ta.apply(Counting, Inputs().close)], 1),
        (lambda: [ta.apply(partial(Counting, 2.0), X.close) + k for k in range(3)], 1),
        (lambda: [ta.apply(partial(Counting, factor=2.0), X.close) for _ in range(3)], 1),
        (lambda: [ta.apply(partial(Counting, k), X.close) for k in (2.0, 3.0)], 2),
        (lambda: [ta.apply(partial(Counting, k), X.close) for k in (0.0, -0.0)], 2),
        (lambda: [ta.apply(Counting, X.close), ta.apply(Counting, X.open)], 2),
    ],
)
def test_what_is_written_twice_is_computed_once(twice: Any, expected: int) -> None:
    outputs = twice()
    Counting.calls = 0
    columns(outputs, bars(walk(1, 5)))
    assert Counting.calls == expected
    Counting.calls = 0
    list(map(Stepper(outputs).update, bars(walk(1, 5)).rows()))
    assert Counting.calls == 5 * expected


def test_zero_and_minus_zero_are_two_constants() -> None:
    assert [
        column.tolist() for column in columns([1 / (X.close * 0.0), 1 / (X.close * -0.0)], bars(np.ones(1)))
    ] == [
        [math.inf],
        [-math.inf],
    ]


def test_two_steppers_of_one_formula_do_not_share_what_they_remember() -> None:
    formula = [ta.sma(X.close, 2)]
    one, other = Stepper(formula), Stepper(formula)
    first, second = bars(np.array([1.0, 3.0])).rows()
    one.update(first)
    assert one.update(second) == (2.0,)
    assert math.isnan(other.update(second)[0])


def test_outputs_are_plain_python_values_in_the_order_asked_for() -> None:
    stepper = Stepper([X.volume, X.close > 1, X.close, ta.apply(partial(Spread, 1), X.close) > -1.0])
    (bar,) = bars(np.array([2.0]), volume=np.array([7.0])).rows()
    values = stepper.update(bar)
    assert values == (7.0, True, 2.0, True)
    assert [type(value) for value in values] == [float, bool, float, bool]


def test_a_stepper_knows_how_many_bars_it_needs() -> None:
    outputs = [X.close, ta.sma(X.close, 20).shift(1), ta.rsi(X.close, 14)]
    assert Stepper(outputs).warmup == warmup(outputs) == 20
    assert Stepper([]).warmup == 0


def test_a_kernel_whose_column_has_another_length_is_refused() -> None:
    class Short(Counting):
        def column(self, values: Floats) -> Floats:
            return values[1:]

    with pytest.raises(ValueError, match=r"Short.column gave shape \(4,\) for 5 bars, not one value per bar"):
        columns([ta.apply(Short, X.close)], bars(walk(1, 5)))
    with pytest.raises(ValueError, match=r"Short.column gave shape"):
        ta.apply(Short, walk(1, 5))


def test_no_bars_give_empty_columns() -> None:
    outputs = [X.close, X.close > 1, ta.rsi(X.close, 14), np.log(X.close), X.close.shift(3)]
    assert [column.tolist() for column in columns(outputs, bars(np.array([])))] == [[]] * 5


def test_features_load_nothing_heavier_than_numpy() -> None:
    program = (
        "import sys, tradewrit.features.indicators, tradewrit.features.evaluate;"
        "print(sorted({'pandas', 'polars', 'scipy', 'talib', 'asyncio'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
