"""Formulas over bars, written once and evaluated as columns or one bar at a time, with the same bits.

    bars = Inputs(price_decimals=2)
    average = sma(bars.close, 20)
    enter = (bars.close > average) & rsi(bars.close, 14).between(50, 70)

A `Series` is a node of such a formula and holds no data; `features.evaluate` gives it numbers.
Comparisons give a `Condition`. A comparison with NaN is False and so is its negation: a condition
that is still warming up says no, whichever way it is put.
"""

from typing import TYPE_CHECKING, Any, NoReturn, cast

import numpy as np

from tradewrit.errors import StrategyError
from tradewrit.features.floats import Grid, whole
from tradewrit.features.hours import Hours, Reading
from tradewrit.features.rules import (
    Constant,
    Elementwise,
    Field,
    Lag,
    OnGrid,
    Remembering,
    Rule,
    Where,
    made,
)
from tradewrit.features.ufuncs import OPERATORS, OPPOSITE, SIGNS


class Series:
    """One number per bar; element i never depends on a bar after i.

    warmup: how many bars give no number (NaN, or False for a condition) before the first that can.
    decimals: of the tick the values lie on, known for inputs only; makes averages exact.
    """

    __slots__ = ("decimals", "rule", "sources", "warmup")

    def __init__(
        self, rule: Rule, sources: tuple["Series", ...] = (), *, warmup: int = 0, decimals: int | None = None
    ) -> None:
        self.rule = rule
        self.sources = sources
        self.warmup: int = warmup + max((source.warmup for source in sources), default=0)
        self.decimals = decimals

    def __add__(self, other: "Series | float") -> "Series":
        return _number(np.add, self, other)

    def __radd__(self, other: float) -> "Series":
        return _number(np.add, other, self)

    def __sub__(self, other: "Series | float") -> "Series":
        return _number(np.subtract, self, other)

    def __rsub__(self, other: float) -> "Series":
        return _number(np.subtract, other, self)

    def __mul__(self, other: "Series | float") -> "Series":
        return _number(np.multiply, self, other)

    def __rmul__(self, other: float) -> "Series":
        return _number(np.multiply, other, self)

    def __truediv__(self, other: "Series | float") -> "Series":
        return _number(np.true_divide, self, other)

    def __rtruediv__(self, other: float) -> "Series":
        return _number(np.true_divide, other, self)

    def __neg__(self) -> "Series":
        return _number(np.negative, self)

    def __pos__(self) -> "Series":
        return _number(np.positive, self)

    def __abs__(self) -> "Series":
        return _number(np.absolute, self)

    def __gt__(self, other: "Series | float") -> "Condition":
        return _condition(np.greater, self, other)

    def __ge__(self, other: "Series | float") -> "Condition":
        return _condition(np.greater_equal, self, other)

    def __lt__(self, other: "Series | float") -> "Condition":
        return _condition(np.less, self, other)

    def __le__(self, other: "Series | float") -> "Condition":
        return _condition(np.less_equal, self, other)

    def __eq__(self, other: "Series | float") -> "Condition":  # type: ignore[override]
        return _condition(np.equal, self, other)

    def __ne__(self, other: "Series | float") -> "Condition":  # type: ignore[override]
        return (self < other) | (self > other)

    __hash__ = object.__hash__

    def between(self, low: "Series | float", high: "Series | float") -> "Condition":
        """Whether low <= value <= high, both ends included."""
        return (self >= low) & (self <= high)

    def shift(self, bars: int) -> "Series":
        """The value `bars` bars ago. Raises ValueError for a negative number: that would be look-ahead."""
        if bars < 0:
            raise ValueError(f"shift({bars}) would look {-bars} bar(s) ahead; only bars >= 0 are in the past")
        if whole("bars", bars, least=0) == 0 or isinstance(self.rule, Constant):
            return self
        lag = Lag(bars, isinstance(self, Condition))
        return type(self)(lag, (self,), warmup=bars, decimals=self.decimals)

    def rising(self) -> "Condition":
        """Whether the value is above that of the bar before."""
        return self > self.shift(1)

    def falling(self) -> "Condition":
        """Whether the value is below that of the bar before."""
        return self < self.shift(1)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> "Series":
        """Build the node for a numpy function: `np.log(bars.close)`, `np.maximum(a, b)`."""
        if method != "__call__" or options or ufunc.nout != 1:
            raise TypeError(f"np.{ufunc.__name__} with {method}, `out` or `where` does not apply to a series")
        if ufunc in OPERATORS:
            return cast("Series", OPERATORS[ufunc](*map(lift, inputs)))
        nodes = _numbers(inputs)
        try:
            kind = ufunc.resolve_dtypes((*[np.dtype(np.float64)] * ufunc.nin, None))[-1]
        except TypeError:
            kind = None
        if kind == np.bool_:
            return _condition(ufunc, *nodes)
        if kind == np.float64:
            return _number(ufunc, *nodes)
        raise TypeError(f"np.{ufunc.__name__} gives neither float64 nor bool, so no series can hold it")

    if not TYPE_CHECKING:  # A type checker that saw it would take np.log(series) for an array.

        def __array__(self, *_: object, **__: object) -> NoReturn:
            raise TypeError(
                "a series is a formula and holds no numbers yet: use features.series.where, operators and "
                "numpy ufuncs on it, or features.evaluate.columns to get arrays"
            )

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a series has a value on every bar, so it is neither true nor false: use & for and, | for or, "
            "~ for not, .between(low, high) for a chained comparison and where(condition, a, b) for if"
        )

    def __repr__(self) -> str:
        return _written(self, depth=6)


class Condition(Series):
    """Yes or no on every bar; False while it is warming up."""

    __slots__ = ()

    def __and__(self, other: "Condition") -> "Condition":
        return _both(np.logical_and, "&", self, other)

    def __rand__(self, other: object) -> "Condition":
        return _both(np.logical_and, "&", other, self)

    def __or__(self, other: "Condition") -> "Condition":
        return _both(np.logical_or, "|", self, other)

    def __ror__(self, other: object) -> "Condition":
        return _both(np.logical_or, "|", other, self)

    def __xor__(self, other: "Condition") -> "Condition":
        return (self & ~other) | (~self & other)

    def __invert__(self) -> "Condition":
        return _negated(self, {})

    def shift(self, bars: int) -> "Condition":
        """The answer `bars` bars ago; False before there is one."""
        return cast("Condition", super().shift(bars))


class Inputs:
    """The columns of a bar, as nodes.

    price_decimals: of the price tick; None where prices have no grid.
    volume_decimals: of the smallest size; None where volumes are fractions without a fixed step.
    hours: when the market is open, for the formulas of `features.sessions`; None where nobody knows.

    A value within a millionth of a tick of its grid is put on it, so float noise decides no
    comparison, and averages and RSI of an input count in whole ticks.
    """

    def __init__(
        self,
        price_decimals: int | None = 2,
        volume_decimals: int | None = 0,
        hours: Hours | None = None,
    ) -> None:
        self._hours = hours
        self.open = _input("open", price_decimals)
        self.high = _input("high", price_decimals)
        self.low = _input("low", price_decimals)
        self.close = _input("close", price_decimals)
        self.volume = _input("volume", volume_decimals)

    @property
    def typical(self) -> Series:
        """(high + low + close) / 3."""
        return (self.high + self.low + self.close) / 3.0

    def hours(self, reader: str) -> Hours:
        """When the market is open; raises StrategyError, naming who asks, where nobody knows."""
        if self._hours is None:
            raise StrategyError(
                f"{reader} needs to know when the market is open, which the times of these bars do not tell: "
                "set data.calendar (or --calendar) to NYSE, 24/7 or the code of its exchange"
            )
        return self._hours


def lift(operand: object) -> Series:
    """A number as a constant series, a series as it is; raises TypeError for anything else."""
    if isinstance(operand, Series):
        return operand
    if isinstance(operand, float | int | np.floating | np.integer) and not isinstance(operand, bool):
        return Series(Constant(float(operand)))
    if isinstance(operand, np.ndarray):
        raise TypeError("an array has its own length: a series combines with series and plain numbers only")
    raise TypeError(f"a series combines with series and numbers, not with {operand!r}")


def where(condition: Condition, yes: Series | float, no: Series | float) -> Series:
    """`yes` on the bars where the condition holds, `no` on all others (also while it is warming up)."""
    if not isinstance(condition, Condition):
        raise TypeError(f"where needs a condition such as a > b first, not {condition!r}")
    return Series(Where(), (condition, *_numbers((yes, no))))


def crosses_above(a: Series, b: Series | float) -> Condition:
    """Whether a is above b now and was not on the bar before."""
    level = lift(b)
    return (a > level) & (a.shift(1) <= level.shift(1))


def crosses_below(a: Series, b: Series | float) -> Condition:
    """Whether a is below b now and was not on the bar before."""
    level = lift(b)
    return (a < level) & (a.shift(1) >= level.shift(1))


def remember(kernel: Remembering, *sources: Series, decimals: int | None = None) -> Series:
    """The node of a kernel over number series. Authors call `features.indicators.apply`."""
    own_warmup = getattr(made(kernel.factory), "warmup", 0)
    return Series(kernel, _numbers(sources), warmup=own_warmup, decimals=decimals)


def _input(name: str, decimals: int | None) -> Series:
    Grid(decimals)  # raises for decimals that make no grid
    column = Series(Field(name))
    return column if decimals is None else Series(OnGrid(decimals), (column,), decimals=decimals)


def _numbers(operands: tuple[Any, ...]) -> tuple[Series, ...]:
    nodes = tuple(map(lift, operands))
    for node in nodes:
        if isinstance(node, Condition):
            raise TypeError(f"{node!r} is a condition, not a number: where(condition, 1, 0) makes it one")
    return nodes


def _number(ufunc: np.ufunc, *operands: Any) -> Series:
    return Series(Elementwise(ufunc, is_condition=False), _numbers(operands))


def _condition(ufunc: np.ufunc, *operands: Any) -> Condition:
    return Condition(Elementwise(ufunc, is_condition=True), _numbers(operands))


def _both(ufunc: np.ufunc, sign: str, a: object, b: object) -> Condition:
    if not (isinstance(a, Condition) and isinstance(b, Condition)):
        raise TypeError(f"{sign} joins two conditions, not {a!r} and {b!r}: put each comparison in brackets")
    return Condition(Elementwise(ufunc, is_condition=True), (a, b))


def _negated(condition: Condition, done: dict[int, Condition]) -> Condition:
    """The condition with every comparison in it turned round, so that NaN stays a no."""
    if id(condition) not in done:
        done[id(condition)] = _turned_round(condition, done)
    return done[id(condition)]


def _turned_round(condition: Condition, done: dict[int, Condition]) -> Condition:
    sources = cast("tuple[Condition, ...]", condition.sources)
    match condition.rule:
        case Elementwise(ufunc=ufunc) if ufunc in OPPOSITE:
            return _condition(OPPOSITE[ufunc], *sources)
        case Elementwise(ufunc=np.equal):
            return sources[0] != sources[1]
        case Elementwise(ufunc=np.logical_and | np.logical_or as ufunc):
            a, b = (_negated(source, done) for source in sources)
            return a | b if ufunc is np.logical_and else a & b
        case Elementwise(ufunc=np.logical_not):
            return sources[0]
        case Lag(bars=bars):
            return _negated(sources[0], done).shift(bars)
        case _:
            return Condition(Elementwise(np.logical_not, is_condition=True), sources=(condition,))


def _written(node: Series, depth: int) -> str:
    """The formula as text, cut short below `depth` levels."""
    if not node.sources:
        return str(node.rule)
    if depth == 0:
        return "..."
    parts = [_written(source, depth - 1) for source in node.sources]
    match node.rule:
        case Elementwise(ufunc=ufunc) if ufunc in SIGNS:
            return f"({parts[0]} {SIGNS[ufunc]} {parts[1]})"
        case Lag(bars=bars):
            return f"{parts[0]}.shift({bars})"
        case OnGrid():
            return parts[0]
        case Reading():
            return str(node.rule)
        case rule:
            return f"{rule}({', '.join(parts)})"
