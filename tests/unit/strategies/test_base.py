"""What a strategy is: its name, its parameters, its distances, one way of deciding."""

from decimal import Decimal

import pytest

from tests.unit.strategies.authors import rising, said_at_once, said_in_turn, said_on_last
from tradewrit import Bars, Inputs, Signal, Signals, Strategy, enter_long, enter_short, leave, sma
from tradewrit.domain.orders import Side
from tradewrit.domain.positions import Direction
from tradewrit.errors import StrategyError


class MeanReversion(Strategy, frozen=True, kw_only=True):
    """Formulas for all four conditions."""

    window: int = 3
    stop_fraction: float | None = 0.07
    target_fraction: float | None = 0.0
    max_bars: int | None = 9

    def signals(self, bars: Inputs) -> Signals:
        average = sma(bars.close, self.window)
        return Signals(
            enter_long=bars.close < average,
            enter_short=bars.close > average,
            leave_long=bars.close > average,
            leave_short=bars.close < average,
            inputs={"average": average},
        )


class Threes(Strategy, frozen=True, kw_only=True):
    """Plain Python."""

    trail_fraction: float | None = 0.1

    def on_bar(self, bars: Bars) -> Signal | None:
        if len(bars) % 3:
            return None
        return enter_short("every third", close=float(bars.close[-1])) if len(bars) < 8 else leave("late")


def test_the_name_is_the_class_in_snake_case_unless_a_title_is_given() -> None:
    class Titled(MeanReversion, frozen=True, kw_only=True):
        title = "my_own"

    assert (MeanReversion.name(), Titled.name()) == ("mean_reversion", "my_own")


def test_parameters_are_all_fields_with_their_values() -> None:
    assert MeanReversion(window=5).parameters() == {
        "stop_fraction": 0.07,
        "target_fraction": 0.0,
        "trail_fraction": None,
        "max_bars": 9,
        "window": 5,
    }


def test_distances_are_the_decimals_that_were_typed() -> None:
    kept = MeanReversion(stop_fraction=0.07, trail_fraction=0.1).protection()
    assert (kept.stop_fraction, kept.target_fraction, kept.trail_fraction, kept.max_bars) == (
        Decimal("0.07"),
        Decimal("0.0"),
        Decimal("0.1"),
        9,
    )


def test_formulas_say_the_same_at_once_and_in_turn() -> None:
    bars = rising()
    at_once = said_at_once(MeanReversion(), bars)
    assert at_once == said_in_turn(MeanReversion(), bars)
    assert at_once[:2] == [None, None]
    signal = at_once[2]
    assert signal is not None
    assert (signal.symbol, signal.enter, signal.inputs) == ("AAPL", Side.SELL, {"average": 2.0})
    assert signal.leave(Direction.LONG) == "signal"
    assert signal.leave(Direction.SHORT) is None
    assert (signal.stop_fraction, signal.max_bars) == (Decimal("0.07"), 9)


def test_a_bar_that_says_long_and_short_says_neither() -> None:
    class Torn(Strategy, frozen=True, kw_only=True):
        def signals(self, bars: Inputs) -> Signals:
            return Signals(enter_long=bars.close > 3, enter_short=bars.close > 5)

    enters = [None if one is None else one.enter for one in said_at_once(Torn(), rising())]
    assert enters == [None] * 3 + [Side.BUY] * 2 + [None] * 5


def test_numbers_kept_beside_a_signal_are_finite_for_json_knows_no_other() -> None:
    class Dividing(Strategy, frozen=True, kw_only=True):
        def signals(self, bars: Inputs) -> Signals:
            nothing = bars.close - bars.close
            return Signals(
                enter_long=bars.close > 0,
                inputs={"infinite": bars.close / nothing, "unknown": nothing / nothing, "close": bars.close},
            )

    for said in (said_at_once(Dividing(), rising()), said_in_turn(Dividing(), rising())):
        assert [one and one.inputs for one in said][:2] == [{"close": 1.0}, {"close": 2.0}]


def test_plain_python_gets_its_symbol_and_the_strategys_distances() -> None:
    said = [said_on_last(Threes(), rising(n)) for n in (1, 3, 9)]
    assert said[0] is None
    assert said[1] is not None
    assert (said[1].symbol, said[1].enter, said[1].reasons) == ("AAPL", Side.SELL, ("every third",))
    assert (said[1].trail_fraction, said[1].inputs) == (Decimal("0.1"), {"close": 3.0})
    assert said[2] is not None
    assert (said[2].leave_long, said[2].leave_short) == ("late", "late")


def test_a_signals_own_distances_go_before_the_strategys() -> None:
    class Tight(Threes, frozen=True, kw_only=True):
        def on_bar(self, bars: Bars) -> Signal | None:
            del bars
            return Signal(enter=Side.BUY, trail_fraction=Decimal("0.02"), target_fraction=Decimal(0))

    said = said_on_last(Tight(target_fraction=0.4, stop_fraction=0.03), rising())
    assert said is not None
    assert (said.trail_fraction, said.target_fraction, said.stop_fraction) == (
        Decimal("0.02"),
        Decimal(0),
        Decimal("0.03"),
    )


def test_a_strategy_decides_in_one_way_exactly() -> None:
    class Neither(Strategy, frozen=True, kw_only=True):
        pass

    class Both(MeanReversion, frozen=True, kw_only=True):
        def on_bar(self, bars: Bars) -> Signal | None:
            return enter_long(str(len(bars)))

    assert MeanReversion.is_columnar()
    assert not Threes.is_columnar()
    with pytest.raises(StrategyError, match="Neither defines neither signals nor on_bar; define exactly one"):
        Neither.is_columnar()
    with pytest.raises(StrategyError, match="Both defines both signals and on_bar"):
        Both.is_columnar()
