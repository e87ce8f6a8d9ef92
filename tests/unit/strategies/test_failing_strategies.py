"""An author's mistake is told with the strategy's name and the place, and never as somebody else's."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.unit.strategies.authors import rising
from tradewrit import Bars, Signal, Signals, Strategy, apply, enter_long
from tradewrit.domain.instruments import plain
from tradewrit.errors import StrategyError
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.events import run
from tradewrit.runtime.market import LiveMarket


class OnBar(Strategy, frozen=True, kw_only=True):
    """Does on each bar what the test wants."""

    act: Callable[[Bars], Any]

    def on_bar(self, bars: Bars) -> Signal | None:
        said: Signal | None = self.act(bars)
        return said


class Formulas(Strategy, frozen=True, kw_only=True):
    """Says what the test wants."""

    act: Callable[[Any], Any]

    def signals(self, bars: Any) -> Signals:
        said: Signals = self.act(bars)
        return said


class Sour:
    """A feature that fails when it meets a close of 7."""

    def update(self, value: float) -> float:
        if value == 7:
            raise ZeroDivisionError("seven")
        return value


def backtest(strategy: Strategy) -> str:
    with pytest.raises(StrategyError) as raised:
        run([rising(symbol="MSFT"), rising(symbol="AAPL")], strategy)
    return str(raised.value)


def skipped(strategy: Strategy) -> str:
    with pytest.raises(StrategyError) as raised:
        skip.run([rising(symbol="MSFT"), rising(symbol="AAPL")], strategy)
    return str(raised.value)


def live(strategy: Strategy) -> str:
    def walk() -> None:
        market = LiveMarket(strategy, lambda symbol: plain(symbol, "USD"))
        bars = rising(symbol="MSFT")
        for bar in bars.rows():
            market.absorb([bar])

    with pytest.raises(StrategyError) as raised:
        walk()
    return str(raised.value)


def fails_at_four(bars: Bars) -> Signal | None:
    if len(bars) == 4:
        raise KeyError("nothing")
    return None


def spoils_the_past(bars: Bars) -> None:
    bars.close[0] = 1.0


def leaves(_: Any) -> None:
    sys.exit(0)


def kernel(column: Callable[[Any], Any]) -> Callable[[Any], Signals]:
    """Formulas on a feature of the author's own whose column is this."""

    class Own:
        def update(self, value: float) -> float:
            return value

        def column(self, values: Any) -> Any:
            return column(values)

    return lambda bars: Signals(enter_long=apply(Own, bars.close) > 3)


def step(update: Callable[[float], Any]) -> Callable[[Any], Signals]:
    """The same with an `update` and no column."""

    class Own:
        def update(self, value: float) -> Any:
            return update(value)

    return lambda bars: Signals(enter_long=apply(Own, bars.close) > 3)


def says(**wrong: Any) -> Callable[[Bars], Signal]:
    """A signal with fields of any type: an author's file is not checked for types."""
    return lambda _: Signal(**wrong)


ON_BAR = [
    (fails_at_four, "on_bar.on_bar raised KeyError on bar 3 of MSFT: 'nothing'"),
    (lambda bars: bars.close[99], "on_bar.on_bar raised IndexError on bar 0 of MSFT"),
    (lambda _: True, "on_bar.on_bar must return a Signal or None, not True (on bar 0 of MSFT)"),
    (lambda _: "buy", "not 'buy' (on bar 0 of MSFT)"),
    (says(enter="up"), "no sound signal on bar 0 of MSFT: Invalid enum value 'up' - at `$.enter`"),
    (says(max_bars="two"), "no sound signal on bar 0 of MSFT"),
    (says(inputs={"note": "text"}), "note = 'text': only numbers can be kept"),
    (lambda _: enter_long(stop_fraction=0.02), "stop_fraction is a parameter of the strategy"),
    (
        spoils_the_past,
        "on_bar.on_bar raised ValueError on bar 0 of MSFT: assignment destination is read-only",
    ),
    (leaves, "on_bar.on_bar raised SystemExit on bar 0 of MSFT: 0"),
]


@pytest.mark.parametrize(("act", "message"), ON_BAR)
def test_a_mistake_in_plain_python_names_strategy_bar_and_symbol(
    act: Callable[[Bars], Any], message: str
) -> None:
    assert message in backtest(OnBar(act=act))
    assert message in live(OnBar(act=act))


FORMULAS = [
    (lambda bars: bars.nothing, "formulas.signals raised AttributeError for MSFT"),
    (lambda bars: bars.close > 3, "formulas.signals must return Signals, not (close > 3"),
    (lambda bars: Signals(enter=bars.close > 3), "formulas.signals raised TypeError for MSFT"),  # type: ignore[call-arg]
    (lambda bars: Signals(enter_long=bars.close), "formulas.signals: enter_long must be a condition"),
    (lambda bars: Signals(leave_short=True), "formulas.signals: leave_short must be a condition"),  # type: ignore[arg-type] # noqa: ARG005
    (lambda bars: Signals(inputs={"n": 3}), "formulas.signals: inputs['n'] must be a series"),  # type: ignore[dict-item] # noqa: ARG005
    (lambda bars: Signals(enter_long=bars.close > 3) if bars.close > 3 else None, "use & for and"),
    (
        lambda bars: Signals(enter_long=apply(Sour, bars.close) > 3),
        "formulas: a formula raised ZeroDivisionError on the bars of MSFT: seven",
    ),
    (leaves, "formulas.signals raised SystemExit for MSFT: 0"),
    (step(leaves), "a formula raised SystemExit on the bars of MSFT: 0"),
    (step(lambda _: None), "Own.update gave None, not a number; NaN stands for none"),
    (step(lambda _: "up"), "Own.update gave 'up', not a number"),
    (step(lambda _: 1j), "Own.update gave 1j, not a number"),
]


@pytest.mark.parametrize(("act", "message"), FORMULAS)
def test_a_mistake_in_formulas_names_the_strategy(act: Callable[[Any], Any], message: str) -> None:
    assert message in backtest(Formulas(act=act))
    assert message in live(Formulas(act=act))


COLUMNS = [
    (lambda values: values[1:], "Own.column gave shape (9,) for 10 bars, not one value per bar"),
    (lambda values: np.append(values, 1.0), "shape (11,) for 10 bars"),
    (lambda values: np.stack([values, values]), "shape (2, 10) for 10 bars"),
    (lambda _: 1.0, "shape () for 10 bars"),
    (lambda _: None, "shape () for 10 bars"),
    (lambda values: values * 1j, "Own.column gave dtype complex128, not numbers"),
    (lambda values: values.astype(str), "not numbers; use float64, NaN for none"),
    (lambda values: values.astype("datetime64[D]"), "dtype datetime64[D], not numbers"),
    (lambda values: [None] * len(values), "Own.column gave dtype object, not numbers"),
]


@pytest.mark.parametrize(("column", "message"), COLUMNS)
def test_a_column_that_is_no_number_per_bar_is_refused(column: Callable[[Any], Any], message: str) -> None:
    assert message in backtest(Formulas(act=kernel(column)))
    assert message in skipped(Formulas(act=kernel(column)))


@pytest.mark.parametrize("kind", [np.int64, np.float32, np.bool_], ids=lambda kind: str(kind.__name__))
def test_a_column_of_another_kind_of_numbers_is_taken(kind: type) -> None:
    def act(bars: Any) -> Signals:
        return kernel(lambda values: values.astype(kind))(bars)

    assert run([rising()], Formulas(act=act)).result.bars == len(rising())


def test_a_condition_on_what_is_never_a_number_never_holds_whichever_way_it_is_put() -> None:
    def act(bars: Any) -> Signals:
        never = (bars.close - bars.close) / (bars.close - bars.close)
        return Signals(enter_long=never > 0, enter_short=~(never > 0), inputs={"never": never})

    done = run([rising()], Formulas(act=act))
    assert done.counts.get("strategy.entry.signal", 0) == 0
    assert done.result.final_equity == done.result.initial_cash


def test_numbers_of_any_kind_may_be_kept_beside_a_signal() -> None:
    def act(bars: Bars) -> Signal | None:
        kept: dict[str, Any] = {"a": bars.close[-1], "b": np.float32(0.5), "c": 3}
        return enter_long(**kept, d=float("inf"), e=float("nan"))

    market = LiveMarket(OnBar(act=act), lambda symbol: plain(symbol, "USD"))
    market.absorb(list(rising().rows())[:1])
    signal = market.signal("AAPL")
    assert signal is not None
    assert signal.inputs == {"a": 1.0, "b": 0.5, "c": 3.0}
    assert {type(value) for value in signal.inputs.values()} == {float}
