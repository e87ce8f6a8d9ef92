"""Tables of numpy functions: what each is on one value, its sign, and its opposite.

Knows no series and no columns.
"""

import operator
from collections.abc import Callable
from math import isfinite, isnan, sqrt
from typing import Any, Final

import numpy as np

from tradewrit.features.floats import NAN, divide


def _maximum(a: float, b: float) -> float:
    return (a if a >= b or isnan(a) else b) + 0.0


def _minimum(a: float, b: float) -> float:
    return (a if a <= b or isnan(a) else b) + 0.0


def _sqrt(a: float) -> float:
    return sqrt(a) if a >= 0.0 else NAN


# Exact or correctly rounded, so a vectorised call and a scalar one cannot differ. Everything else
# (log, exp, tanh, ...) may take another code path for a column than for a value.
EXACT: Final[dict[np.ufunc, Callable[..., Any]]] = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.true_divide: divide,
    np.negative: operator.neg,
    np.positive: operator.pos,
    np.absolute: abs,
    np.sqrt: _sqrt,
    np.maximum: _maximum,
    np.minimum: _minimum,
    np.greater: operator.gt,
    np.greater_equal: operator.ge,
    np.less: operator.lt,
    np.less_equal: operator.le,
    np.equal: operator.eq,
    np.logical_and: operator.and_,
    np.logical_or: operator.or_,
    np.logical_not: operator.not_,
    np.isnan: isnan,
    np.isfinite: isfinite,
}
# Which zero is the larger is nobody's promise, so both add 0.0 to make a negative one positive.
PICKS_A_ZERO: Final = {np.maximum, np.minimum}
# numpy's spelling of what a series has an operator for.
OPERATORS: Final[dict[np.ufunc, Callable[..., Any]]] = {
    np.bitwise_and: operator.and_,
    np.logical_and: operator.and_,
    np.bitwise_or: operator.or_,
    np.logical_or: operator.or_,
    np.bitwise_xor: operator.xor,
    np.logical_xor: operator.xor,
    np.invert: operator.invert,
    np.logical_not: operator.invert,
    np.not_equal: operator.ne,
}
OPPOSITE: Final[dict[np.ufunc, np.ufunc]] = {
    np.greater: np.less_equal,
    np.greater_equal: np.less,
    np.less: np.greater_equal,
    np.less_equal: np.greater,
}
SIGNS: Final[dict[np.ufunc, str]] = {
    np.add: "+",
    np.subtract: "-",
    np.multiply: "*",
    np.true_divide: "/",
    np.greater: ">",
    np.greater_equal: ">=",
    np.less: "<",
    np.less_equal: "<=",
    np.equal: "==",
    np.logical_and: "&",
    np.logical_or: "|",
}
