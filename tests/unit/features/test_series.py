"""What one can write in a formula, what it means, and what it refuses."""

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests.unit.features.markets import bars, histories
from tradewrit.features.averages import Sma
from tradewrit.features.bars import Bars
from tradewrit.features.evaluate import columns
from tradewrit.features.indicators import apply, atr, highest, lowest, macd, rsi, sma
from tradewrit.features.series import Condition, Inputs, Series, crosses_above, crosses_below, where

X: Any = Inputs()  # Any: numpy's types know nothing of series, and half of this file is mistakes
VALUES = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]


def over(formula: Series, values: list[float] | None = None) -> list[Any]:
    """The formula over bars with these closes."""
    answer: list[Any] = columns([formula], bars(np.array(values or VALUES)))[0].tolist()
    return answer


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (X.close + 1, [x + 1 for x in VALUES]),
        (1 + X.close, [1 + x for x in VALUES]),
        (X.close - 2, [x - 2 for x in VALUES]),
        (2 - X.close, [2 - x for x in VALUES]),
        (X.close * 3, [x * 3 for x in VALUES]),
        (np.float64(3) * X.close, [x * 3 for x in VALUES]),
        (X.close / 7, [x / 7 for x in VALUES]),
        (7 / X.close, [7 / x for x in VALUES]),
        (-X.close, [-x for x in VALUES]),
        (+X.close, VALUES),
        (abs(X.close - 4), [abs(x - 4) for x in VALUES]),
        (X.close > 3, [x > 3 for x in VALUES]),
        (X.close >= 3, [x >= 3 for x in VALUES]),
        (X.close < 3, [x < 3 for x in VALUES]),
        (np.less_equal(X.close, 3), [x <= 3 for x in VALUES]),
        (X.close == 1, [x == 1 for x in VALUES]),
        (X.close != 1, [x != 1 for x in VALUES]),
        (X.close.between(2, 5), [2 <= x <= 5 for x in VALUES]),
        (~(X.close > 3), [x <= 3 for x in VALUES]),
        (~(X.close == 1), [x != 1 for x in VALUES]),
        (~(X.close != 1), [x == 1 for x in VALUES]),
        ((X.close > 1) & (X.close < 5), [1 < x < 5 for x in VALUES]),
        ((X.close < 2) | (X.close > 5), [x < 2 or x > 5 for x in VALUES]),
        ((X.close > 1) ^ (X.close > 4), [1 < x <= 4 for x in VALUES]),
        (~((X.close > 1) & (X.close < 5)), [not 1 < x < 5 for x in VALUES]),
        (where(X.close > 3, X.close, -1), [x if x > 3 else -1.0 for x in VALUES]),
        (np.maximum(X.close, 3), [max(x, 3.0) for x in VALUES]),
        (np.minimum(4, X.close), [min(x, 4.0) for x in VALUES]),
        (np.sqrt(X.close), [math.sqrt(x) for x in VALUES]),
        (np.logical_and(X.close > 1, X.close < 5), [1 < x < 5 for x in VALUES]),
        (np.not_equal(X.close, 1.0), [x != 1 for x in VALUES]),
        (np.greater(X.close, 3), [x > 3 for x in VALUES]),
        (X.close.rising(), [False, False, True, False, True, True, False, True]),
        (X.close.falling(), [False, True, False, True, False, False, True, False]),
        (crosses_above(X.close, 3.5), [False, False, True, False, True, False, False, True]),
        (crosses_below(X.close, 3.5), [False, False, False, True, False, False, True, False]),
        (X.typical, [(x + x + x) / 3 for x in VALUES]),
        ((X.close > 3).shift(1), [False, *(x > 3 for x in VALUES[:-1])]),
        (X.close.shift(0), VALUES),
    ],
    ids=repr,
)
def test_a_formula_means_what_it_says(formula: Series, expected: list[Any]) -> None:
    assert over(formula) == expected


def test_a_logarithm_is_that_of_every_bar() -> None:
    assert over(np.log(X.close)) == pytest.approx([math.log(x) for x in VALUES], rel=1e-15)
    assert [repr(x) for x in over(np.log(X.close), [0.0, -1.0, math.nan])] == ["-inf", "nan", "nan"]


def test_shift_looks_back_and_is_nan_before_the_first_bar() -> None:
    assert math.isnan(over(X.close.shift(2))[1])
    assert over(X.close.shift(2))[2:] == VALUES[:-2]
    assert all(math.isnan(x) for x in over(X.close.shift(20)))
    assert math.isnan(over(X.close.shift(1), [1.0, math.nan, 2.0])[2])


def test_touching_a_level_is_not_yet_crossing_it() -> None:
    assert over(crosses_above(X.close, 3), [2.0, 3.0, 3.0, 4.0, 5.0]) == [False, False, False, True, False]
    assert over(crosses_below(X.close, 3), [4.0, 3.0, 2.0, 1.0, 9.0]) == [False, False, True, False, False]
    assert over(crosses_above(X.close, 3), [4.0, 5.0]) == [False, False]


@given(histories())
def test_a_condition_that_is_warming_up_says_no_whichever_way_it_is_put(history: Bars) -> None:
    a, b = sma(X.close, 3), X.high.shift(1)
    unknown = np.logical_or(*columns([np.isnan(a), np.isnan(b)], history))
    for condition in (a > b, a >= b, a < b, a <= b, a == b, a != b):
        yes, no = columns([condition, ~condition], history)
        assert not (yes & no).any()
        assert ((yes | no) == ~unknown).all()


def test_a_negated_condition_on_a_bar_without_a_number_is_no() -> None:
    holes = [1.0, math.nan, 3.0]
    assert over(~(X.close > 2), holes) == [True, False, False]
    assert over(~(X.close > 2).shift(1), holes) == [False, True, False]
    assert over(~((X.close > 2) ^ (X.close > 5)), holes) == [True, False, False]
    assert over(X.close != 1, holes) == [False, False, True]
    assert over(~np.isnan(X.close), holes) == [True, False, True]
    assert over(~~np.isnan(X.close), holes) == [False, True, False]


def test_looking_ahead_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shift\(-1\) would look 1 bar\(s\) ahead"):
        X.close.shift(-1)
    with pytest.raises(ValueError, match="bars must be a whole number"):
        (X.close > 1).shift(1.5)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: bool(X.close > 1),
        lambda: (X.close > 1) and (X.close < 5),
        lambda: 1 if X.close else 0,
        lambda: 1 < X.close < 5,
        lambda: not X.close,
    ],
)
def test_python_logic_on_a_series_says_what_to_write_instead(mistake: Any) -> None:
    with pytest.raises(TypeError, match=r"use & for and, \| for or, ~ for not, .between\(low, high\)"):
        mistake()


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: X.close > 1 & (X.close < 5), "put each comparison in brackets"),
        (lambda: X.close & (X.close < 5), "put each comparison in brackets"),
        (lambda: (X.close < 5) | X.close, "put each comparison in brackets"),
        (lambda: (X.close > 1) & True, "put each comparison in brackets"),
        (lambda: (X.close > 1) + 1, "is a condition, not a number"),
        (lambda: sma(X.close > 1, 3), "is a condition, not a number"),
        (lambda: where(X.close, 1, 2), "where needs a condition"),
        (lambda: X.close + "1", "series and numbers, not with '1'"),
        (lambda: X.close > True, "series and numbers, not with True"),
        (lambda: np.ones(3) + X.close, "an array has its own length"),
        (lambda: X.close + np.ones(3), "an array has its own length"),
        (lambda: np.mean(X.close), "holds no numbers yet|does not apply"),
        (lambda: np.asarray(X.close), "holds no numbers yet"),
        (lambda: np.where(X.close > 1, 1, 0), "holds no numbers yet"),
        (lambda: np.modf(X.close), "does not apply"),
        (lambda: np.gcd(X.close, 2), "gives neither float64 nor bool"),
        (lambda: apply(lambda: 3, X.close), "must be a class or a function that makes a kernel"),
        (lambda: apply(Sma(3), X.close), "must be a class or a function that makes a kernel"),  # type: ignore[arg-type]
        (lambda: apply(partial(Sma, 3)), "at least one series or array"),
        (lambda: columns([3.0], bars(np.ones(2))), "must be a series or a condition"),  # type: ignore[list-item]
    ],
)
def test_what_a_formula_cannot_hold_is_refused_with_the_way_out(mistake: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        mistake()


def test_a_formula_knows_how_many_bars_it_needs() -> None:
    x = Inputs()
    average = sma(x.close, 20)
    enter = (x.close > average) & rsi(x.close, 14).between(50, 70) & (x.volume > sma(x.volume, 20))
    assert enter.warmup == 19
    assert (x.close.warmup, average.warmup, average.shift(3).warmup) == (0, 19, 22)
    assert atr(x.high, x.low, x.close, 14).warmup == 14
    assert (macd(x.close).macd.warmup, macd(x.close).signal.warmup) == (25, 33)
    assert crosses_above(average, x.close).warmup == 20


def test_conditions_and_numbers_are_told_apart() -> None:
    assert isinstance(X.close > 1, Condition)
    assert isinstance(np.isfinite(X.close), Condition)
    assert isinstance((X.close > 1).shift(2), Condition)
    assert not isinstance(X.close, Condition)
    assert not isinstance(where(X.close > 1, 1, 0), Condition)


def test_inputs_carry_their_decimals_to_the_averages() -> None:
    x = Inputs(price_decimals=4, volume_decimals=None)
    assert repr(sma(x.close, 20)) == "Sma[20, 4](close)"
    assert repr(rsi(x.open.shift(1), 14)) == "Rsi[14, 4](open.shift(1))"
    assert repr(sma(x.volume, 20)) == "Sma[20, None](volume)"
    assert repr(sma(x.close * 2, 20)) == "Sma[20, None]((close * 2))"
    assert repr(sma(x.close, 20, decimals=1)) == "Sma[20, 1](close)"
    assert (highest(x.high, 5).decimals, lowest(x.low, 5).decimals) == (4, 4)
    with pytest.raises(ValueError, match="decimals must be"):
        Inputs(price_decimals=-1)


def test_a_formula_reads_as_it_was_written() -> None:
    formula = (X.close > sma(X.close, 20)) & ~(X.volume > 1e6)
    assert repr(formula) == "((close > Sma[20, 2](close)) & (volume <= 1e+06))"
    assert repr(apply(partial(Sma, window=3), X.close)) == "Sma[window=3](close)"


def test_a_formula_that_doubles_itself_stays_small() -> None:
    number, condition = X.close, X.close > 1
    for _ in range(200):
        number, condition = (number + number) / 2, condition & condition
    assert over(number) == VALUES
    assert over(~condition) == [x <= 1 for x in VALUES]
    assert len(repr(number)) < 1_000
