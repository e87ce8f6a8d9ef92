"""No bar that cannot be true is believed, a bad print moves nothing, and a real move is let in."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.desks import START, SYMBOL, World
from tradewrit.agents.market_watch import bar_defect
from tradewrit.domain.events.market import BarRefused, PriceLevelBelieved
from tradewrit.domain.events.positions import StopHit
from tradewrit.domain.market import MINUTE, Bar
from tradewrit.runtime.scrutiny import AGREEING, Scrutiny

PRICES = st.floats(0.01, 1e6)


def bar(close: float, *, high: float | None = None, low: float | None = None, ts: int = START) -> Bar:
    high, low = close if high is None else high, close if low is None else low
    return Bar(SYMBOL, ts, close, high, low, close, 1.0)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (bar(math.nan), "not a number"),
        (bar(math.inf), "not a number"),
        (bar(0.0), "zero or negative"),
        (bar(-3.0), "zero or negative"),
        (bar(5.0, high=4.0, low=6.0), "high below low"),
        (bar(5.0, high=4.0, low=3.0), "outside low to high"),
        (Bar(SYMBOL, START, 9.0, 6.0, 4.0, 5.0, 1.0), "outside low to high"),
    ],
)
def test_what_cannot_be_true_is_refused_however_often_it_comes(bad: Bar, said: str) -> None:
    scrutiny = Scrutiny()
    for _ in range(2 * AGREEING):
        assert not scrutiny.passes(bad, 5.0)
    reasons = {event.reason for event in scrutiny.said(7) if isinstance(event, BarRefused)}
    assert len(reasons) == 1
    assert said in reasons.pop()
    assert scrutiny.said(8) == ()


@given(open_=PRICES, close=PRICES, up=st.floats(1, 2), down=st.floats(0.5, 1))
def test_a_bar_that_holds_together_has_no_defect(open_: float, close: float, up: float, down: float) -> None:
    high, low = max(open_, close) * up, min(open_, close) * down
    assert bar_defect(Bar(SYMBOL, START, open_, high, low, close, 0.0)) is None


def test_a_spike_inside_a_bar_is_a_bad_print_too() -> None:
    assert not Scrutiny().passes(bar(10.0, high=100.0), 10.0)
    assert not Scrutiny().passes(bar(10.0, low=1.0), 10.0)


@given(last=PRICES, factors=st.lists(st.sampled_from([0.01, 1.0, 10.0, 100.0]), max_size=12))
def test_a_level_is_believed_only_when_so_many_bars_in_a_row_agree(last: float, factors: list[float]) -> None:
    scrutiny, row = Scrutiny(), list[float]()
    for factor in factors:
        row.append(last * factor)
        passed = scrutiny.passes(bar(last * factor), last)
        is_wild = factor != 1.0
        assert passed == (not is_wild or (len(row) >= AGREEING and len(set(row[-AGREEING:])) == 1))
        if passed:
            row.clear()


def test_a_print_of_ten_times_the_price_trails_no_stop_and_is_told() -> None:
    world = World()
    world.enter(175.0)
    stop, mark = world.trade.stop_price, world.market.mark(SYMBOL)
    at = world.now
    world.clock.advance(MINUTE)
    world.desk.close_bars([bar(1750.0, ts=at)], world.now)  # by the feed alone: the venue never traded there
    refused = world.only(BarRefused)
    assert (refused.symbol, refused.close, refused.at) == (SYMBOL, "1750", world.now)
    assert "5 times away" in refused.reason
    assert "BarRefused" in world.names()
    assert world.market.mark(SYMBOL) == mark
    assert world.trade.stop_price == stop
    world.bar(175.5)
    assert not world.events(StopHit)
    world.audit()


def test_a_market_that_has_really_moved_is_let_in_with_its_third_bar() -> None:
    world = World()
    world.bar(175.0)
    for price in (20.0, 21.0):
        world.bar(price)
        assert world.market.mark(SYMBOL) == 175
    world.bar(20.5)
    assert world.market.last(SYMBOL) == 20.5
    believed = world.only(PriceLevelBelieved)
    assert (believed.before, believed.close, believed.bars) == (175.0, 20.5, AGREEING)
    world.quote(20.6)
    assert world.market.last(SYMBOL) == 20.6
    world.bar(20.4)
    assert len(world.events(BarRefused)) == 2
    world.audit()


def test_a_person_may_say_sooner_that_prices_are_real_and_once() -> None:
    scrutiny = Scrutiny()
    assert not scrutiny.passes(bar(100.0), 10.0)
    scrutiny.vouch(SYMBOL)
    assert not scrutiny.passes(bar(math.nan), 10.0), "what cannot be true stays refused"
    assert scrutiny.passes(bar(100.0), 10.0)
    *_, believed = scrutiny.said(7)
    assert isinstance(believed, PriceLevelBelieved)
    assert (believed.before, believed.close, believed.bars) == (10.0, 100.0, 1)
    assert not scrutiny.passes(bar(1_000.0), 100.0), "it was about one bar"


def test_a_word_that_was_not_needed_lets_nothing_in_later() -> None:
    scrutiny = Scrutiny()
    scrutiny.vouch(SYMBOL)
    assert scrutiny.passes(bar(11.0), 10.0)
    assert not scrutiny.passes(bar(100.0), 11.0)
