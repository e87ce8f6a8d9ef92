"""The author's side: a strategy is one small class, the same file in backtest, on paper and live.

    class Crossover(Strategy):
        "Long while the fast average is above the slow one."
        fast: int = 10
        slow: int = 30

        def signals(self, bars: Inputs) -> Signals:
            fast, slow = sma(bars.close, self.fast), sma(bars.close, self.slow)
            return Signals(enter_long=fast > slow, leave_long=fast < slow)

`signals` is written once as formulas and evaluated as columns in a backtest and one bar at a time
live, with the same bits. What formulas cannot say goes into `on_bar`, in plain Python.
Knows no account: size, limits and whether anything happens at all are not the strategy's business.
"""

import re
from decimal import Decimal
from typing import ClassVar

import msgspec

from tradewrit.domain.orders import Side
from tradewrit.domain.signals import Signal
from tradewrit.errors import StrategyError
from tradewrit.features.bars import Bars
from tradewrit.features.series import Condition, Inputs, Series


class Signals(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The formulas of a columnar strategy, each true or false at the close of every bar.

    enter_long, enter_short: open when flat. leave_long, leave_short: close what is open.
    inputs: series worth keeping beside each decision, by name.
    """

    enter_long: Condition | None = None
    enter_short: Condition | None = None
    leave_long: Condition | None = None
    leave_short: Condition | None = None
    inputs: dict[str, Series] = {}

    def __post_init__(self) -> None:
        for name in CONDITIONS:
            value = getattr(self, name)
            if value is not None and not isinstance(value, Condition):
                raise StrategyError(f"{name} must be a condition such as bars.close > average, not {value!r}")
        for name, value in self.inputs.items():
            if not isinstance(value, Series):
                raise StrategyError(f"inputs[{name!r}] must be a series such as bars.close, not {value!r}")


CONDITIONS = ("enter_long", "enter_short", "leave_long", "leave_short")


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """Subclass it; fields with defaults are its parameters, settable from configuration and sweeps.

    stop_fraction, target_fraction, trail_fraction: distances from the fill price, 0..1; None leaves
    them to the limit profile (5 % and 15 % by default), a target of 0 means none.
    max_bars: leave after this many completed bars.
    """

    title: ClassVar[str] = ""

    stop_fraction: float | None = None
    target_fraction: float | None = None
    trail_fraction: float | None = None
    max_bars: int | None = None

    def signals(self, bars: Inputs) -> Signals:
        """The formulas; override this where the idea can be said as formulas."""
        raise NotImplementedError

    def on_bar(self, bars: Bars) -> Signal | None:
        """Decide on one symbol's history up to and including the bar that just closed.

        The escape hatch: override it instead of `signals`. It must depend on `bars` alone, so that a
        restart and a replay see the same. Return `enter_long()`, `enter_short()`, `leave()` or None.
        """
        raise NotImplementedError

    @classmethod
    def name(cls) -> str:
        """The name in configuration and journals: the class name in snake case."""
        return cls.title or re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def is_columnar(cls) -> bool:
        """Whether it is written as formulas; raises StrategyError when it is neither or both."""
        columnar = cls.signals is not Strategy.signals
        scalar = cls.on_bar is not Strategy.on_bar
        if columnar == scalar:
            which = "both signals and on_bar" if columnar else "neither signals nor on_bar"
            raise StrategyError(f"{cls.__name__} defines {which}; define exactly one")
        return columnar

    def protection(self) -> Signal:
        """A signal that carries this strategy's distances and nothing else."""
        return Signal(
            stop_fraction=exact(self.stop_fraction),
            target_fraction=exact(self.target_fraction),
            trail_fraction=exact(self.trail_fraction),
            max_bars=self.max_bars,
        )

    def parameters(self) -> dict[str, object]:
        """Every parameter with its value."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


def exact(fraction: float | None) -> Decimal | None:
    """A parameter as the decimal its author typed: 0.05 is five hundredths, not a float's neighbour."""
    return None if fraction is None else Decimal(repr(fraction))


def enter_long(*reasons: str, **inputs: float) -> Signal:
    """From `on_bar`: buy if flat. Named numbers are kept beside the decision."""
    return Signal(enter=Side.BUY, reasons=reasons, inputs=inputs)


def enter_short(*reasons: str, **inputs: float) -> Signal:
    """From `on_bar`: sell short if flat."""
    return Signal(enter=Side.SELL, reasons=reasons, inputs=inputs)


def leave(reason: str = "signal", **inputs: float) -> Signal:
    """From `on_bar`: close whatever is open."""
    return Signal(leave_long=reason, leave_short=reason, inputs=inputs)
