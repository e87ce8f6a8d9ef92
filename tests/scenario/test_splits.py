"""Shares split overnight: what is held, what protects it and what waits go on in the new shares."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, SELL, START, SYMBOL, WITHOUT_OCO, World
from tests.scenario.test_reviews import REQUIRE, answer, asking
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.corporate import DividendWentEx, SharesSplit, SplitBooked
from tradewrit.domain.events.market import QuoteRefused, QuoteUpdated
from tradewrit.domain.events.orders import (
    Exec,
    ExecutionReport,
    ModifyRequested,
    OrderRestated,
    ReportQuarantined,
)
from tradewrit.domain.events.positions import ProtectionRestated, StopHit, TargetHit, TradeAborted
from tradewrit.domain.events.review import ReviewInvalidated, ReviewRequested
from tradewrit.domain.market import HOUR, MINUTE
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderState, Role, Side
from tradewrit.domain.splits import Ratio
from tradewrit.domain.times import parse_iso
from tradewrit.domain.trades import TradeState
from tradewrit.market.calendar import calendar_for

ENTRY, STOP, TARGET = Role.ENTRY, Role.STOP, Role.TARGET


def split(
    world: World, new: int = 7, old: int = 1, price: str = "25", action: str = "AAPL:split"
) -> SharesSplit:
    """Overnight: the desk hears of it, then the venue restates."""
    world.clock.advance(HOUR)
    told = SharesSplit(
        at=world.now,
        action=action,
        symbol=SYMBOL,
        ratio=Ratio(Decimal(new), Decimal(old)),
        price=Price(Decimal(price)),
    )
    world.feed(told, "corporate")
    world.report(world.exchange.split(told))
    return told


def holding(price: float = 175.0, signal: Any = BUY, **more: Any) -> World:
    world = World(**more)
    world.enter(price, signal)
    return world


def test_five_shares_become_thirty_five_and_the_stop_a_seventh() -> None:
    world = holding()
    before = world.books
    split(world)
    assert world.books.positions[SYMBOL].quantity == world.held == 35
    assert world.books.cash == before.cash
    assert world.books.high_water == before.high_water
    assert world.working() == [
        (STOP, Side.SELL, Decimal(35), Decimal("23.75")),
        (TARGET, Side.SELL, Decimal(35), Decimal("28.75")),
    ]
    assert (world.trade.stop_price, world.trade.target_price) == (Decimal("23.75"), Decimal("28.75"))
    assert world.stage() is TradeState.HOLDING
    assert not world.events(ModifyRequested)  # nobody asked the venue for anything
    world.audit()


def test_the_books_say_in_one_event_what_the_split_did() -> None:
    world = holding()
    split(world)
    booked = world.only(SplitBooked)
    assert (booked.before, booked.quantity, booked.cash_change) == (Decimal(5), Decimal(35), Decimal(0))
    assert booked.trace == world.trade.id
    assert [event.role for event in world.events(OrderRestated)] == [STOP, TARGET]


def test_the_next_bar_in_new_shares_is_no_loss_and_the_stop_still_works() -> None:
    world = holding()
    split(world)
    world.bar(25.0)
    assert world.stage() is TradeState.HOLDING
    assert not world.books.is_drawdown_blocked
    world.bar(24.0, 24.0, 23.0, 23.5)
    assert world.only(StopHit).price == Decimal("23.75")
    assert world.closed.gross == 35 * (Decimal("23.75") - 25)
    world.audit()


def test_a_short_mirrors_it() -> None:
    world = holding(signal=SELL)
    split(world)
    assert world.held == -35
    assert world.trade.stop_price == Decimal("26.25")
    world.bar(25.0)
    assert world.stage() is TradeState.HOLDING
    world.audit()


def test_where_the_desk_watches_the_target_itself_it_watches_it_in_new_shares() -> None:
    world = holding(capabilities=WITHOUT_OCO)
    split(world)
    world.bar(25.0)
    assert not world.events(TargetHit)
    world.bar(28.0, 29.0, 28.0, 29.0)
    assert world.only(TargetHit).price == Decimal(29)
    world.audit()


def test_quotes_in_new_shares_are_no_wild_jump() -> None:
    world = holding(price=1750.0)
    split(world, new=20, price="87.50")
    world.quote(87.4, 87.6)
    assert world.events(QuoteUpdated)
    assert not world.events(QuoteRefused)


def test_a_split_heard_twice_happens_once() -> None:
    world = holding()
    told = split(world)
    before = world.books
    world.feed(told, "corporate")
    assert world.books == before
    assert len(world.events(SplitBooked)) == 1


def test_a_split_of_what_nobody_holds_is_on_record_and_changes_nothing() -> None:
    world = World()
    world.bar(175.0)
    split(world)
    assert world.names()[-1] == "SharesSplit"
    assert not world.events(SplitBooked)
    world.audit()


def held_for_the_morning() -> World:
    """Five shares are to be bought when the market opens."""
    close = parse_iso("2024-03-04T21:00:00Z")
    world = World(rules=PaperRules(sessions=True), calendar=calendar_for("NYSE"), at=close - MINUTE)
    world.says(BUY)
    world.bar(175.0)
    assert world.order(ENTRY).state is OrderState.DRAFT
    return world


def test_an_entry_held_for_the_morning_of_which_no_share_is_left_is_withdrawn() -> None:
    world = held_for_the_morning()
    split(world, new=1, old=8, price="1400")
    assert world.only(TradeAborted).reason == "a split left it less than a lot"
    assert not world.books.trades
    assert world.books.reserved == 0
    world.audit()


def test_an_entry_held_for_the_morning_leaves_in_new_shares() -> None:
    world = held_for_the_morning()
    split(world)
    assert world.order(ENTRY).terms.quantity == 35
    assert world.books.reserved == 5 * 175 * Decimal("1.001")
    world.clock.set(parse_iso("2024-03-05T14:30:00Z"))
    world.status()
    world.bar(25.0)
    assert world.books.positions[SYMBOL].quantity == 35
    world.audit()


def test_a_question_asked_before_a_split_cannot_be_answered_after_it() -> None:
    world = asking(replace(REQUIRE, expires_after_s=100_000))
    split(world)
    old = world.task
    answer(world)
    assert "the price moved" in world.only(ReviewInvalidated).reasons[0]
    assert not world.books.orders
    again = world.events(ReviewRequested)[-1]  # in the new shares, at their price
    assert (again.replaces, again.shown.proposal.entry_price) == (old.id, world.market.mark(SYMBOL))
    assert again.shown.quantity > old.shown.quantity


def test_a_position_that_a_reverse_split_leaves_nothing_of_is_closed_with_what_it_brought() -> None:
    world = holding(price=170.0)
    split(world, new=1, old=8, price="1400")
    assert not world.books.positions
    assert world.held == 0
    assert world.closed.reason == "split"
    assert world.closed.gross == Decimal("0.625") * (1400 - 1360)
    assert not world.books.orders
    world.audit()


def test_a_dividend_belongs_to_the_trade_that_held_for_it() -> None:
    world = holding()
    dividend = DividendWentEx(at=world.now, action="AAPL:d", symbol=SYMBOL, amount=Decimal("0.24"))
    cash = world.books.cash
    world.feed(dividend, "corporate")
    world.exchange.pay_dividend(dividend)
    assert world.books.cash - cash == Decimal("1.20")
    assert world.trade.realised == Decimal("1.20")
    world.bar(160.0)
    assert world.closed.gross == 5 * (Decimal(160) - 175) + Decimal("1.20")
    world.audit()


def test_a_restatement_that_covers_less_than_is_held_is_mended() -> None:
    world = holding()
    stop = world.order(STOP)
    told = SharesSplit(
        at=world.now, action="s", symbol=SYMBOL, ratio=Ratio(Decimal(7), Decimal(1)), price=Price(Decimal(25))
    )
    world.feed(told, "corporate")
    reports = world.exchange.split(told)
    short = [replace(one, quantity=Decimal(34)) if one.client_order_id == stop.id else one for one in reports]
    world.report(short)
    asked = world.only(ModifyRequested)
    assert (asked.client_order_id, asked.quantity) == (stop.id, Decimal(35))
    assert world.order(STOP).terms.quantity == 35
    world.audit()


@pytest.mark.parametrize("quantity", [None, Decimal(35)])
def test_a_restatement_of_what_is_over_or_without_a_quantity_is_quarantined(quantity: Decimal | None) -> None:
    world = holding()
    target = world.order(TARGET)
    if quantity is not None:
        world.report(world.exchange.cancel(target.id, None))  # type: ignore[arg-type]  # the desk checks grants
    report = ExecutionReport(
        at=START, exec_id="x:1", client_order_id=target.id, kind=Exec.RESTATED, quantity=quantity
    )
    world.report([report])
    assert "restatement" in world.only(ReportQuarantined).reason
    assert not world.events(OrderRestated)


def test_stop_and_target_are_told_where_they_are_now() -> None:
    world = holding()
    split(world)
    told = world.only(ProtectionRestated)
    assert (told.stop_price, told.target_price, told.extreme) == (
        Decimal("23.75"),
        Decimal("28.75"),
        Decimal(25),
    )
