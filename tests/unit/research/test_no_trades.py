"""A backtest without a closed trade says why, in words that name the condition, the limit or the bars."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.unit.research.backtests import random_bars, result, trade
from tradewrit import Bars, Inputs, Signal, Signals, Strategy, enter_long, sma
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.no_trades import why_no_trades


class Between(Strategy, frozen=True, kw_only=True):
    """Buys where two comparisons hold."""

    over: float = 0.0
    under: float = 1e9

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=(bars.close > self.over) & (bars.close < self.under))


class Averaged(Strategy, frozen=True, kw_only=True):
    """Both ways, on an average of twenty."""

    def signals(self, bars: Inputs) -> Signals:
        average = sma(bars.close, 20)
        return Signals(enter_long=average < 0, enter_short=average > 1e9)


class Leaves(Strategy, frozen=True, kw_only=True):
    """Has no way in."""

    def signals(self, bars: Inputs) -> Signals:
        return Signals(leave_long=bars.close > 0)


class Silent(Strategy, frozen=True, kw_only=True):
    """Says nothing on any bar there is, in plain Python."""

    def on_bar(self, bars: Bars) -> Signal | None:
        return None if len(bars) else enter_long()


BARS = [random_bars("A", 60), random_bars("B", 30, seed=2)]


def why(
    strategy: Strategy,
    bars: Sequence[Bars] = BARS,
    counts: Mapping[str, int] | None = None,
    made: Any = None,
    **more: Any,
) -> tuple[str, ...]:
    return why_no_trades(made or result(), strategy, bars, Setup(), counts=counts or {}, **more)


def test_nothing_is_said_where_something_was_closed() -> None:
    assert why(Silent(), made=result(trades=[trade("1")])) == ()


def test_what_is_still_open_was_not_closed() -> None:
    (said,) = why(Silent(), made=result(open_positions=2))
    assert "still open at the end" in said


def test_plain_python_that_asked_for_nothing_is_said_with_the_bars_it_saw() -> None:
    assert why(Silent()) == ("on_bar asked for no entry on any of 90 bars.",)


def test_a_strategy_without_a_way_in_is_told_so() -> None:
    (said,) = why(Leaves())
    assert "neither enter_long nor enter_short" in said


def test_the_part_of_a_condition_that_never_held_comes_first() -> None:
    (said,) = why(Between(under=50.0))
    assert said == (
        "enter_long held on none of 90 bars. Of its parts held: (close < 50) on 0, (close > 0) on 90."
    )


def test_a_condition_of_one_part_is_shown_itself() -> None:
    said = why(Averaged())
    assert [one.split(",")[0] for one in said] == ["enter_long", "enter_short"]
    assert all("held on none of 90 bars" in one for one in said)


@pytest.mark.parametrize(("count", "is_short"), [(1, True), (19, True), (20, False)])
def test_a_history_shorter_than_the_warm_up_is_said_with_both_lengths(count: int, is_short: bool) -> None:
    said = why(Averaged(), [random_bars("A", count)])
    expected = f"needs 20 bars for its first answer; the longest history has {count}."
    assert all((expected in one) == is_short for one in said)


def test_a_condition_that_held_points_to_the_engine_that_knows_more() -> None:
    (said,) = why(Between())
    assert said.startswith("enter_long held on 90 of 90 bars; --engine events")


def test_refusals_name_their_limits() -> None:
    counts = {"strategy.entry.signal": 7, "risk.limit.exceeded": 5}
    (said,) = why(Between(), counts=counts, limits=["lot", "cash_reserve"], rejected=2)
    assert said == (
        "Entry signals: 7. No trade came of them: risk refused 5 (lot, cash_reserve), the venue rejected 2."
    )


def test_an_order_of_the_last_bar_is_said_to_have_had_no_bar_to_fill_on() -> None:
    (said,) = why(Between(), counts={"strategy.entry.signal": 1})
    assert "not filled before the data ended" in said


def test_what_the_strategist_held_back_for_is_said() -> None:
    (said,) = why(Between(), held=["reward/risk 0.30 is not above 2.5"])
    assert said == "The strategist held back: reward/risk 0.30 is not above 2.5."
