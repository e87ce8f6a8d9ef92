"""A symbol is delisted or renamed overnight: what cannot be adjusted is frozen, and a person is told what to do."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, LEAVE, SELL, SYMBOL, WITHOUT_OCO, World
from tests.scenario.test_reviews import REQUIRE, answer, asking
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.account import ResumeSymbol, SymbolResumed, SymbolSuspended, TransitionRefused
from tradewrit.domain.events.corporate import DelistingBooked, SharesDelisted, SymbolChanged
from tradewrit.domain.events.orders import (
    Exec,
    ExecutionReport,
    ModifyRequested,
    OrderCancelled,
    OrderRejected,
    OrderRequested,
)
from tradewrit.domain.events.positions import (
    CloseTrade,
    ExitRequested,
    ProtectionRequested,
    StopFailed,
    StopHit,
    StopRefused,
    TradeAborted,
    UpdateStop,
)
from tradewrit.domain.events.risk import LimitExceeded
from tradewrit.domain.market import HOUR, MINUTE
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderState, OrderType, Role, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.times import parse_iso
from tradewrit.domain.trades import TradeState
from tradewrit.market.calendar import calendar_for
from tradewrit.risk.closing import leave
from tradewrit.runtime.messages import priority

ENTRY, STOP = Role.ENTRY, Role.STOP


def holding(signal: Any = BUY, **more: Any) -> World:
    world = World(**more)
    world.enter(175.0, signal)
    return world


def delisted(world: World, price: str | None = None, action: str = "AAPL:delisted") -> SharesDelisted:
    """Overnight: the desk hears of it, then the venue lets go of its orders."""
    world.clock.advance(HOUR)
    told = SharesDelisted(
        at=world.now,
        action=action,
        symbol=SYMBOL,
        price=None if price is None else Price(Decimal(price)),
        reason="merger",
    )
    world.feed(told, "corporate")
    world.report(world.exchange.delist(told))
    return told


def renamed(world: World) -> SymbolChanged:
    """The desk hears of it; what becomes of the orders is the venue's to say."""
    world.clock.advance(HOUR)
    told = SymbolChanged(at=world.now, action="AAPL:renamed", symbol=SYMBOL, successor="APPL")
    world.feed(told, "corporate")
    return told


def test_a_delisted_position_stays_in_the_books_at_its_last_mark_and_a_person_is_told() -> None:
    world = holding()
    before = world.books
    delisted(world)
    alert = world.only(SymbolSuspended)
    assert (alert.symbol, alert.quantity, alert.reason) == (SYMBOL, Decimal(5), "AAPL is delisted: merger")
    assert alert.orders == tuple(order.id for order in before.orders.values() if order.is_live)
    assert alert.todo.startswith("ask the broker what becomes of 5 AAPL")
    assert priority(alert) == "high"
    assert world.stage() is TradeState.SUSPENDED
    assert world.books.positions == before.positions
    assert world.books.cash == before.cash
    assert world.market.mark(SYMBOL) == 175
    world.audit()


def test_the_desk_asks_nothing_of_a_venue_that_trades_it_no_more() -> None:
    world = holding()
    delisted(world)
    since = len(world.heard)
    for price in (175.0, 160.0, 250.0):
        world.bar(price)
    asked = [event for event, _ in world.heard[since:]]
    assert not any(isinstance(event, ProtectionRequested | ExitRequested | OrderRequested) for event in asked)
    assert world.stage() is TradeState.SUSPENDED
    assert world.events(StopFailed)  # and says that nothing protects what is held
    world.audit()


def test_no_new_entry_is_let_into_a_suspended_symbol() -> None:
    world = World()
    world.bar(175.0)
    renamed(world)
    assert "nothing is held" in world.only(SymbolSuspended).todo
    world.says(BUY)
    world.bar(175.0)
    (breach,) = world.only(LimitExceeded).breaches
    assert breach.limit == "suspended"
    assert "AAPL trades as APPL now" in breach.actual
    assert not world.books.trades


def test_other_symbols_go_on() -> None:
    world = World()
    renamed(world)
    world.enter(175.0, symbol="MSFT")
    assert world.books.positions["MSFT"].quantity == 5


def test_what_the_venue_still_does_with_its_orders_is_obeyed() -> None:
    world = holding()
    renamed(world)
    assert world.books.orders  # the venue has said nothing of them
    world.bar(160.0)
    assert world.only(StopHit).price == 160
    assert world.closed.reason == "stop"
    assert not world.books.positions
    world.audit()


def test_an_entry_at_the_venue_is_taken_back_and_what_it_filled_meanwhile_counts() -> None:
    world = World(entry=OrderType.LIMIT, rules=PaperRules(participation_fraction=Decimal("0.5")))
    world.says(BUY)
    world.bar(175.0)
    world.bar(175.0, volume=4)
    assert world.held == 2
    renamed(world)
    (gone,) = [one for one in world.events(OrderCancelled) if one.role is ENTRY]
    assert gone.reason.startswith("canceled on request")
    assert world.stage() is TradeState.SUSPENDED
    assert world.books.positions[SYMBOL].quantity == 2
    world.audit()


def test_an_entry_held_for_the_morning_never_leaves() -> None:
    close = parse_iso("2024-03-04T21:00:00Z")
    world = World(rules=PaperRules(sessions=True), calendar=calendar_for("NYSE"), at=close - MINUTE)
    world.says(BUY)
    world.bar(175.0)
    assert world.order(ENTRY).state is OrderState.DRAFT
    renamed(world)
    assert "suspended" in world.only(TradeAborted).reason
    assert not world.books.trades
    assert world.books.reserved == 0
    world.audit()


def test_a_question_asked_before_cannot_be_answered_with_yes_after() -> None:
    world = asking(REQUIRE)
    told = SymbolChanged(at=world.now, action="AAPL:renamed", symbol=SYMBOL)
    world.feed(told, "corporate")
    answer(world)
    assert "suspended" in world.only(TradeAborted).reason
    assert not world.books.positions


def test_a_person_cannot_close_it_by_mistake_either() -> None:
    world = holding()
    delisted(world)
    world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria"))
    assert "resume AAPL first" in world.only(StopRefused).reason
    assert not world.events(ExitRequested)


@pytest.mark.parametrize(("signal", "cash"), [(BUY, "890.00"), (SELL, "-890.00")])
def test_a_takeover_pays_out_what_is_held(signal: Any, cash: str) -> None:
    world = holding(signal)
    worth = world.books.cash
    delisted(world, "178.00")
    booked = world.only(DelistingBooked)
    sign = 1 if signal is BUY else -1
    assert booked.before == 5 * sign
    # A short's proceeds are no cash: it pays what it lost.
    assert booked.cash_change == (Decimal(cash) if sign > 0 else Decimal("-15.00"))
    assert world.books.cash == worth + booked.cash_change
    assert world.closed.reason == "delisted"
    assert world.closed.gross == 15 * sign
    assert not world.books.positions
    assert not world.books.orders
    assert SYMBOL in world.books.suspended
    world.audit()


def test_what_was_frozen_is_paid_out_when_the_price_is_known() -> None:
    world = holding()
    delisted(world)
    world.bar(175.0)
    delisted(world, "0", action="AAPL:bankrupt")
    assert world.closed.gross == -875
    assert not world.books.positions
    assert len(world.events(SymbolSuspended)) == 1
    world.audit()


def test_the_same_delisting_heard_twice_happens_once() -> None:
    world = holding()
    told = delisted(world, "178.00")
    before = world.books
    world.feed(told, "corporate")
    assert world.books == before


def test_a_person_resumes_it_by_name_and_what_is_held_is_protected_anew() -> None:
    world = holding()
    renamed(world)
    stop = world.order(STOP)
    world.report(world.exchange.cancel(stop.id, None))  # type: ignore[arg-type]  # the desk checks grants
    assert not [terms for terms in world.exchange.open_orders() if terms.role is STOP]
    world.feed(ResumeSymbol(at=world.now, symbol=SYMBOL, actor="strategist", reason="impatient"))
    assert world.only(TransitionRefused).machine == "symbol"
    world.feed(ResumeSymbol(at=world.now, symbol=SYMBOL, actor="human:maria", reason="a false alarm"))
    assert world.only(SymbolResumed).actor == "human:maria"
    assert world.stage() is TradeState.HOLDING
    assert world.working()[0] == (STOP, Side.SELL, Decimal(5), Decimal("166.25"))
    assert not world.books.suspended
    world.audit()


def test_a_target_that_the_desk_watches_itself_is_not_sold_at() -> None:
    world = holding(capabilities=WITHOUT_OCO)
    delisted(world)
    world.bar(250.0)
    world.quote(250.0, 251.0)
    assert not world.events(ExitRequested)


def test_an_exit_that_the_strategy_wants_waits_until_it_trades_again() -> None:
    world = holding()
    renamed(world)
    world.says(LEAVE)
    world.bar(175.0)
    assert not world.events(ExitRequested)
    assert world.stage() is TradeState.SUSPENDED


def test_whoever_resumes_what_the_venue_trades_no_more_is_told_so() -> None:
    world = holding()
    delisted(world)
    world.feed(ResumeSymbol(at=world.now, symbol=SYMBOL, actor="human:maria", reason="it cannot be"))
    refused = world.events(OrderRejected)[-1]
    assert refused.code == Rejection.UNKNOWN_SYMBOL
    assert world.events(StopFailed)[-1].reason.startswith("unknown_symbol")
    assert world.books.positions[SYMBOL].quantity == 5
    world.audit()


def test_a_fill_that_crossed_the_cancel_belongs_to_the_suspended_trade_and_its_stop_covers_it() -> None:
    world = World(entry=OrderType.LIMIT, rules=PaperRules(participation_fraction=Decimal("0.5")))
    world.says(BUY)
    world.bar(175.0)
    world.bar(175.0, volume=4)
    entry = world.order(ENTRY)
    renamed(world)
    late = ExecutionReport(
        at=world.now,
        exec_id="paper:late",
        client_order_id=entry.id,
        kind=Exec.TRADE,
        last_quantity=Decimal(1),
        last_price=Price(Decimal(175)),
        fee=Decimal("0.175"),
    )
    world.report([late])
    assert world.books.positions[SYMBOL].quantity == 3
    assert world.trade.fees == world.books.stats.fees == 3 * Decimal("0.175")
    assert {one.quantity for one in world.events(ModifyRequested)} == {3}
    assert world.stage() is TradeState.SUSPENDED
    world.audit(is_in_step=False)


def test_a_way_out_that_was_begun_is_not_gone_on_with() -> None:
    world = holding()
    trade = replace(world.trade, state=TradeState.EXIT_TRIGGERED)
    assert list(leave(world.books, world.market, trade, world.now, "signal"))
    renamed(world)
    assert not list(leave(world.books, world.market, trade, world.now, "signal"))


def test_a_stop_that_still_works_may_be_moved_by_a_person() -> None:
    world = holding()
    renamed(world)
    moved = UpdateStop(
        at=world.now, trade_id=world.trade.id, stop_price=Price(Decimal(170)), actor="human:maria"
    )
    world.feed(moved)
    assert world.trade.stop_price == world.order(STOP).terms.stop_price == 170
    assert world.stage() is TradeState.SUSPENDED
    world.audit()
