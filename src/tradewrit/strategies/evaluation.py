"""Runs a strategy: all bars at once, or bar by bar. Both say the same on the same bars.

A bar's verdict is a small integer, a bit per condition, so that a quiet bar costs one look.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from numbers import Real
from typing import Final

import msgspec
import numpy as np
from msgspec.structs import asdict, replace
from numpy.typing import NDArray

from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Bar
from tradewrit.domain.orders import Side
from tradewrit.domain.signals import SESSION_END, Signal, Verdict
from tradewrit.errors import StrategyError
from tradewrit.features.bars import Bars
from tradewrit.features.evaluate import Memory, Stepper, columns, reads_hours
from tradewrit.features.hours import Hours
from tradewrit.features.series import Condition, Inputs, Series
from tradewrit.features.sessions import leaving
from tradewrit.strategies.base import CONDITIONS, Signals, Strategy

# In the order of `CONDITIONS`.
_BITS: Final = (
    int(Verdict.ENTER_LONG),
    int(Verdict.ENTER_SHORT),
    int(Verdict.LEAVE_LONG),
    int(Verdict.LEAVE_SHORT),
)
_ENTER_LONG, _ENTER_SHORT, _LEAVE_LONG, _LEAVE_SHORT = _BITS
_SESSION_ENDS: Final = int(Verdict.SESSION_ENDS)
_LEAVING: Final = _SESSION_ENDS | _LEAVE_LONG | _LEAVE_SHORT
Verdicts = NDArray[np.uint8]
_DISTANCES: Final = frozenset({"stop_fraction", "target_fraction", "trail_fraction", "max_bars"})
# Adjusted and sub-penny prices lie between ticks of a cent; an average of them is to be exact all the same.
_PRINTED: Final = 4


class Columns:
    """A columnar strategy over one symbol's whole history. hours: of its market; None where nobody knows."""

    def __init__(
        self, strategy: Strategy, instrument: Instrument, bars: Bars, hours: Hours | None = None
    ) -> None:
        self._protection = strategy.protection()
        formulas = formulas_of(strategy, instrument, hours)
        present = conditions_of(formulas, hours)
        names = tuple(formulas.inputs)
        outputs = [condition for _, condition in present] + [formulas.inputs[name] for name in names]
        try:
            found = columns(outputs, bars)
        except (Exception, SystemExit) as raised:  # a feature of the author's own may raise anything
            raise _formula_failed(strategy, bars.symbol, raised) from raised
        self.verdicts: Verdicts = np.zeros(len(bars), dtype=np.uint8)
        for (bit, _), column in zip(present, found, strict=False):
            self.verdicts |= column.view(np.uint8) * np.uint8(bit)
        _overrule(self.verdicts, hours)
        # Inputs are kept beside decisions, so those of a bar without one need no memory.
        self._spoken = np.flatnonzero(self.verdicts)
        self._inputs = {
            name: column[self._spoken] for name, column in zip(names, found[len(present) :], strict=True)
        }

    def signal(self, i: int, symbol: str) -> Signal:
        """The signal at the close of bar i; one that says nothing where the verdict is 0."""
        verdict = int(self.verdicts[i])
        if not verdict:
            return Signal(symbol=symbol)
        at = int(self._spoken.searchsorted(i))
        inputs = {name: float(column[at]) for name, column in self._inputs.items()}
        return signal_of(self._protection, symbol, verdict, inputs)


def rows_of_verdicts(
    strategy: Strategy,
    formulas: Signals,
    bars: Sequence[Bars],
    memory: Memory | None = None,
    hours: Hours | None = None,
) -> Verdicts:
    """The verdicts on several symbols of one length and one grid, a row each: those of `Columns`.

    memory: of earlier calls for the very same bars. hours: of their market; None where nobody knows.
    """
    verdicts: Verdicts = np.zeros((len(bars), len(bars[0])), dtype=np.uint8)
    present = conditions_of(formulas, hours)
    try:
        found = columns([condition for _, condition in present], *bars, memory=memory)
    except (Exception, SystemExit) as raised:  # a feature of the author's own may raise anything
        raise _formula_failed(strategy, " and ".join(one.symbol for one in bars[:3]), raised) from raised
    for (bit, _), column in zip(present, found, strict=True):
        verdicts |= column.view(np.uint8) * np.uint8(bit)
    _overrule(verdicts, hours)
    return verdicts


def session_ends(bars: Bars, hours: Hours | None) -> NDArray[np.bool_]:
    """On which bars the account leaves before the session ends, whatever a strategy says."""
    ending = leaving(hours)
    return np.zeros(len(bars), dtype=np.bool_) if ending is None else columns([ending], bars)[0]


def _overrule(verdicts: Verdicts, hours: Hours | None) -> None:
    if hours is not None and hours.leaves is not None:
        verdicts[(verdicts & np.uint8(_SESSION_ENDS)) != 0] = _LEAVING


class Stepping:
    """Any strategy, one more bar at a time, for one symbol.

    `update` takes the bar and a function that gives the history up to it (asked for by `on_bar` only).
    hours: of the symbol's market; None where nobody knows.
    """

    def __init__(self, strategy: Strategy, instrument: Instrument, hours: Hours | None = None) -> None:
        self._strategy = strategy
        self._protection = strategy.protection()
        self._symbol = instrument.symbol
        self._stepper: Stepper | None = None
        if not strategy.is_columnar():
            ending = leaving(hours)
            self._ending = None if ending is None else Stepper([ending])
            return
        formulas = formulas_of(strategy, instrument, hours)
        present = conditions_of(formulas, hours)
        self._bits = tuple(bit for bit, _ in present)
        self._names = tuple(formulas.inputs)
        outputs: list[Series] = [condition for _, condition in present]
        self._stepper = Stepper([*outputs, *formulas.inputs.values()])

    def update(self, bar: Bar, history: Callable[[], Bars]) -> Signal | None:
        """What the strategy says at this bar's close; None when it has nothing to say."""
        if self._stepper is None:
            said = decide_on_bar(self._strategy, self._symbol, history())
            is_ending = self._ending is not None and self._ending.update(bar)[0]
            return overruled(said, self._symbol) if is_ending else said
        try:
            values = self._stepper.update(bar)
        except (Exception, SystemExit) as raised:  # as above
            raise _formula_failed(self._strategy, self._symbol, raised) from raised
        verdict = 0
        for bit, value in zip(self._bits, values, strict=False):
            if value:
                verdict |= bit
        if not verdict:
            return None
        inputs = dict(zip(self._names, values[len(self._bits) :], strict=True))
        return signal_of(self._protection, self._symbol, verdict, inputs)


def grid_of(instrument: Instrument) -> tuple[int, int]:
    """Decimals of the price and volume grids that formulas count on; one grid, one set of formulas."""
    return max(_decimals(instrument.tick), _PRINTED), _decimals(instrument.lot)


def conditions_of(formulas: Signals, hours: Hours | None = None) -> list[tuple[int, Condition]]:
    """The conditions a strategy has, each with its bit of `Verdict`, and that of the session's end."""
    named = [(bit, getattr(formulas, name)) for bit, name in zip(_BITS, CONDITIONS, strict=True)]
    named.append((_SESSION_ENDS, leaving(hours)))
    return [(bit, condition) for bit, condition in named if condition is not None]


def asks_for_hours(strategy: Strategy, instrument: Instrument) -> bool:
    """Whether its formulas ask when the market is open; raises StrategyError when it cannot say them."""
    if not strategy.is_columnar():
        return False
    formulas = formulas_of(strategy, instrument, _NEVER)
    conditions = [condition for _, condition in conditions_of(formulas)]
    return reads_hours([*conditions, *formulas.inputs.values()])


_NO_TIMES: Final = np.zeros(0, dtype=np.int64)
_NO_BITS: Final = np.zeros(0, dtype=np.uint8)
_NEVER: Final = Hours(
    "",
    opens=_NO_TIMES,
    closes=_NO_TIMES,
    stretches=_NO_TIMES.reshape(0, 2),
    firsts=_NO_BITS,
    lasts=_NO_BITS,
    interval=1,
)


def formulas_of(strategy: Strategy, instrument: Instrument, hours: Hours | None = None) -> Signals:
    """The strategy's formulas for an instrument's grid; raises StrategyError when it cannot say them.

    hours: of the instrument's market; None where nobody knows.
    """
    inputs = Inputs(*grid_of(instrument), hours)
    try:
        formulas = strategy.signals(inputs)
    except StrategyError as wrong:
        raise StrategyError(f"{strategy.name()}.signals: {wrong}") from wrong
    except (Exception, SystemExit) as raised:  # an author's code may raise anything; say whose it is
        raise StrategyError(
            f"{strategy.name()}.signals raised {type(raised).__name__} for {instrument.symbol}: {raised}"
        ) from raised
    if not isinstance(formulas, Signals):
        raise StrategyError(f"{strategy.name()}.signals must return Signals, not {formulas!r}")
    return formulas


def decide_on_bar(strategy: Strategy, symbol: str, bars: Bars) -> Signal | None:
    """Ask `on_bar`; raises StrategyError, naming the bar, when it raises or returns something else.

    Of its named numbers those are kept that are finite.
    """
    try:
        said = strategy.on_bar(bars)
    except (Exception, SystemExit) as raised:  # an author's code may raise anything; say whose and where
        raise StrategyError(
            f"{strategy.name()}.on_bar raised {type(raised).__name__} {_where(symbol, bars)}: {raised}"
        ) from raised
    if said is None:
        return None
    if not isinstance(said, Signal):
        raise StrategyError(
            f"{strategy.name()}.on_bar must return a Signal or None, not {said!r} ({_where(symbol, bars)})"
        )
    kept = strategy.protection()
    try:
        told = asdict(said)
        told["symbol"], told["inputs"] = symbol, _numbers(said.inputs)
        for name in ("stop_fraction", "trail_fraction", "max_bars"):
            told[name] = told[name] or getattr(kept, name)
        if said.target_fraction is None:  # 0 says that there is to be none
            told["target_fraction"] = kept.target_fraction
        return msgspec.convert(told, Signal)
    except (TypeError, ValueError) as wrong:
        raise StrategyError(
            f"{strategy.name()}.on_bar returned no sound signal {_where(symbol, bars)}: {wrong}"
        ) from wrong


def _where(symbol: str, bars: Bars) -> str:
    return f"on bar {len(bars) - 1} of {symbol}"


def signal_of(protection: Signal, symbol: str, verdict: int, inputs: dict[str, float]) -> Signal:
    """A verdict as a signal with the strategy's distances; one that says both long and short says neither."""
    if verdict & _SESSION_ENDS:
        return overruled(replace(protection, inputs=_finite(inputs)), symbol)
    enter = None
    if verdict & _ENTER_LONG and not verdict & _ENTER_SHORT:
        enter = Side.BUY
    elif verdict & _ENTER_SHORT and not verdict & _ENTER_LONG:
        enter = Side.SELL
    return replace(
        protection,
        symbol=symbol,
        enter=enter,
        leave_long="signal" if verdict & _LEAVE_LONG else None,
        leave_short="signal" if verdict & _LEAVE_SHORT else None,
        inputs=_finite(inputs),
    )


def overruled(said: Signal | None, symbol: str) -> Signal:
    """Both leaves and no entry, whatever was said: the session is about to end."""
    return replace(
        said or Signal(),
        symbol=symbol,
        enter=None,
        leave_long=SESSION_END,
        leave_short=SESSION_END,
        is_session_end=True,
    )


def _finite(inputs: Mapping[str, float]) -> dict[str, float]:
    """A feature that is still warming up is not a number, and JSON has no word for that."""
    return {name: value for name, value in inputs.items() if isfinite(value)}


def _numbers(inputs: Mapping[str, object]) -> dict[str, float]:
    kept = {}
    for name, value in inputs.items():
        if name in _DISTANCES:
            raise TypeError(f"{name} is a parameter of the strategy, not a number to keep beside a signal")
        if not isinstance(value, Real):
            raise TypeError(f"{name} = {value!r}: only numbers can be kept beside a signal")
        if isfinite(value):
            kept[name] = float(value)
    return kept


def _formula_failed(strategy: Strategy, symbol: str, raised: BaseException) -> StrategyError:
    return StrategyError(
        f"{strategy.name()}: a formula raised {type(raised).__name__} on the bars of {symbol}: {raised}"
    )


def _decimals(step: object) -> int:
    exponent = step.as_tuple().exponent  # type: ignore[attr-defined]
    return max(0, -int(exponent))
