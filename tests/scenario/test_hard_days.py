"""Days on which one thing goes wrong, told of a desk that holds something or is about to.

F-24, F-25, F-29, F-33; R18, R27, R34.
"""

import math
from decimal import Decimal

import pytest

from tests.desks import BUY, LEAVE, SYMBOL, WITHOUT_OCO, World
from tests.scenario.test_reviews import REQUIRE, answer, asking
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.capabilities import Protection
from tradewrit.domain.events.market import QuoteReceived, QuoteRefused
from tradewrit.domain.events.orders import OrderExpired, OrderRequested
from tradewrit.domain.events.positions import CloseTrade, FillBooked, StopHit, StopMoved, TargetHit
from tradewrit.domain.events.review import AnswerRefused, ReviewExpired
from tradewrit.domain.market import DAY, HOUR, MINUTE, SECOND, Quote
from tradewrit.domain.orders import OrderType, Role, Side, TimeInForce
from tradewrit.domain.trades import TradeState

ENTRY, STOP, TARGET, EXIT = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT
A_TENTH = PaperRules(participation_fraction=Decimal("0.1"))


# -- the machine's time is set


def test_an_hour_ahead_a_question_expires_once_and_an_hour_back_it_does_not_expire_again() -> None:
    world = asking()
    task = world.task
    world.clock.set(world.now + HOUR, is_jump=True)
    for _ in range(3):
        world.desk.tick()
    assert world.only(ReviewExpired).review_id == task.id
    world.clock.set(world.now - 2 * HOUR, is_jump=True)
    for _ in range(3):
        world.desk.tick()
    world.clock.set(world.now + 3 * HOUR, is_jump=True)
    world.desk.tick()
    assert len(world.events(ReviewExpired)) == 1
    assert not world.events(OrderRequested)
    world.audit()


def test_an_answer_given_in_time_by_the_clock_of_its_giver_is_too_late_by_what_is_recorded() -> None:
    world = asking()
    asked_at = world.now
    world.clock.set(world.now + HOUR, is_jump=True)
    refused = answer(world, at=world.now)[-1]
    assert isinstance(refused, AnswerRefused)
    assert "too late" in refused.reason
    world.clock.set(asked_at, is_jump=True)
    assert not world.exchange.open_orders()
    world.audit()


def test_with_the_clock_an_hour_back_records_stay_in_order_and_nothing_is_done_twice() -> None:
    world = World()
    world.enter()
    world.clock.set(world.now - HOUR, is_jump=True)
    for _ in range(90):
        world.clock.advance(SECOND)
        world.desk.tick()
    world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria"))
    assert world.working() == [(EXIT, Side.SELL, 5, None)]
    world.quote(180.0)
    assert world.closed.reason == "manual"
    times = [record.recorded_at for record in world.records()]
    assert times == sorted(times)
    assert len(world.events(FillBooked)) == 2
    assert [asked.terms.role for asked in world.events(OrderRequested)] == [ENTRY, STOP, TARGET, EXIT]
    world.audit()


# -- the day ends, the price turns


@pytest.mark.parametrize("protection", Protection)
def test_a_part_that_was_bought_before_the_day_ended_keeps_a_stop_that_outlives_it(
    protection: Protection,
) -> None:
    world = World(entry=OrderType.LIMIT, rules=A_TENTH, protection=protection)
    world.says(BUY)
    world.bar(175.50)
    world.bar(175.50, volume=20)
    world.report(world.exchange.session_closed(world.now + 1))
    assert world.only(OrderExpired).filled == 2
    stop = world.order(STOP)
    assert stop.terms.time_in_force is TimeInForce.GTC
    assert [line[:3] for line in world.working()] == [(STOP, Side.SELL, 2), (TARGET, Side.SELL, 2)]
    assert world.stage() is TradeState.HOLDING
    assert world.books.reserved == 0
    world.clock.advance(DAY)
    world.bar(160.0)
    assert (world.closed.reason, world.closed.quantity) == ("stop", Decimal(2))
    world.audit()


def test_a_stop_that_sold_a_part_before_the_price_turned_covers_the_rest() -> None:
    world = World(rules=A_TENTH)
    world.enter()
    stop = world.order(STOP)
    world.bar(165.0, volume=20)
    assert world.held == 3
    assert [line[:3] for line in world.working() if line[0] is STOP] == [(STOP, Side.SELL, 3)]
    world.quote(190.0, size=1)
    assert world.order(STOP).id == stop.id, "no second stop beside the one that is selling"
    sold = [terms for terms in world.exchange.open_orders() if terms.role in {STOP, EXIT}]
    assert sum((terms.quantity for terms in sold), Decimal(0)) == world.held
    world.bar(190.0)
    assert (world.closed.reason, world.closed.quantity) == ("stop", Decimal(5))
    world.audit()


# -- prices that nobody should believe


@pytest.mark.parametrize(
    ("bid", "ask"),
    [(1755.0, 1755.0), (17.55, 17.55), (0.0, 0.0), (-1.0, 1.0), (176.0, 175.0), (math.nan, 175.0)],
    ids=["ten times", "a tenth", "zero", "negative", "crossed", "not a number"],
)
def test_a_price_that_cannot_be_moves_no_stop_and_sells_nothing(bid: float, ask: float) -> None:
    world = World(capabilities=WITHOUT_OCO)
    world.enter()
    before = world.books
    said = world.feed(QuoteReceived(at=world.now, quote=Quote(SYMBOL, world.now, bid, ask)), "market")
    assert [type(event) for event in said if isinstance(event, QuoteRefused)]
    assert not world.events(TargetHit)
    assert not world.events(StopHit)
    assert not world.events(StopMoved)
    assert world.books == before
    assert world.market.mark(SYMBOL) == Decimal("175.50")
    world.audit()


# -- nobody answers


def test_while_nobody_answers_what_is_held_is_protected_and_can_be_left() -> None:
    world = World(review=REQUIRE)
    world.says(BUY)
    world.bar(175.50)
    answer(world)
    world.bar(175.50)
    assert world.stage() is TradeState.HOLDING
    world.says(BUY, "MSFT")
    world.bar(50.0, symbol="MSFT")
    assert [line[0] for line in world.working()] == [STOP, TARGET]
    world.says(LEAVE)
    world.bar(180.0)
    world.bar(180.0)
    assert world.closed.reason == "signal"
    world.clock.advance(6 * MINUTE)
    world.desk.tick()
    assert len(world.events(ReviewExpired)) == 1
    assert not world.exchange.open_orders()
    assert not world.books.trades
    world.audit()
