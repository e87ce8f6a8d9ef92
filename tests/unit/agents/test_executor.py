"""executor commits intents, believes only possible reports, and never sends what nobody approved."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.desks import BUY, LEAVE, SELL, SYMBOL, WITHOUT_OCO, World
from tests.unruly import Unruly
from tradewrit.agents.executor import decide
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.decisions import Decision
from tradewrit.domain.effects import AskVenue, CancelAtVenue, PlaceOrders, ReplaceAtVenue
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import (
    CancelOrder,
    CancelRefused,
    CancelRequested,
    Exec,
    ExecutionReport,
    GetOrderStatus,
    ModifyOrder,
    ModifyRefused,
    ModifyRequested,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderModified,
    OrderPartiallyFilled,
    OrderRejected,
    OrderRequested,
    OrderStatusReported,
    OrderUnknown,
    ReportQuarantined,
)
from tradewrit.domain.events.positions import ProtectionMoved, ProtectionRequested, TradeAborted
from tradewrit.domain.events.review import ReviewApproved, ReviewInvalidated
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.folding import evolve
from tradewrit.domain.ids import client_order_id
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderState, OrderType, Role, Side, TimeInForce
from tradewrit.domain.rejections import Rejection

ENTRY, STOP, TARGET, EXIT = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT


def ordered(**more: Any) -> World:
    """An entry limit at 175.50 x 5 works at the venue."""
    world = World(entry=OrderType.LIMIT, **more)
    world.says(BUY)
    world.bar(175.50)
    return world


def asked(world: World, event: Any) -> Decision:
    return decide(world.books, world.market, event)


def said(world: World, event: Any) -> list[str]:
    return [type(one).__name__ for one in asked(world, event).events]


# -- orders as they are sent


@pytest.mark.parametrize(
    ("entry", "kind", "limit", "tif"),
    [
        (OrderType.MARKET, OrderType.MARKET, None, TimeInForce.GTC),
        (OrderType.LIMIT, OrderType.LIMIT, Decimal("175.50"), TimeInForce.DAY),
    ],
)
def test_an_entry_is_sent_as_configured(
    entry: OrderType, kind: OrderType, limit: Decimal | None, tif: TimeInForce
) -> None:
    world = World(entry=entry)
    world.says(BUY)
    world.bar(175.50)
    terms = world.only(OrderRequested).terms
    assert (terms.type, terms.limit_price, terms.time_in_force) == (kind, limit, tif)
    assert (terms.side, terms.quantity, terms.role) == (Side.BUY, Decimal(5), ENTRY)
    assert terms.client_order_id == client_order_id(world.books.journal_id, "paper", world.trade.id, ENTRY, 0)
    assert terms.defects() == ()


@pytest.mark.parametrize(("signal", "limit"), [(BUY, "175.51"), (SELL, "175.52")])
def test_a_limit_off_the_grid_is_moved_onto_it_and_never_to_a_worse_price(signal: Any, limit: str) -> None:
    world = World(entry=OrderType.LIMIT)
    world.says(signal)
    world.bar(175.515)
    assert world.only(OrderRequested).terms.limit_price == Decimal(limit)
    assert world.order(ENTRY).state is OrderState.ACCEPTED


def test_protection_is_one_list_of_a_stop_and_a_target_that_cancel_each_other() -> None:
    world = World()
    world.enter()
    stop, target = world.order(STOP).terms, world.order(TARGET).terms
    assert (stop.type, stop.stop_price, stop.time_in_force) == (
        OrderType.STOP,
        Decimal("166.72"),
        TimeInForce.GTC,
    )
    assert (target.type, target.limit_price) == (OrderType.LIMIT, Decimal("201.82"))
    assert stop.oco == target.oco is not None
    assert stop.reduce_only
    assert target.reduce_only
    (effect,) = asked(world, world.only(ProtectionRequested)).effects
    assert isinstance(effect, PlaceOrders)
    assert effect.approved.orders == (stop, target)
    assert effect.approved.by == ("protection",)


def test_a_trade_without_a_target_has_a_stop_alone() -> None:
    world = World()
    world.enter(signal=replace(BUY, target_fraction=Decimal(0)))
    assert world.working() == [(STOP, Side.SELL, 5, Decimal("166.72"))]
    assert world.order(STOP).terms.oco is None


def test_no_two_orders_of_a_trade_share_an_id() -> None:
    world = World()
    world.enter()
    world.feed(WritDenied(at=1, agent="x", scope="", effect="", subject="", reason=""))
    world.says(LEAVE)
    world.bar(175.50)
    ids = [event.terms.client_order_id for event in world.events(OrderRequested)]
    assert len(set(ids)) == len(ids) == 4


# -- before an order leaves


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"expires_at": 0}, "expired"),
        ({"sized_hash": "0" * 64}, "not those that were approved"),
    ],
)
def test_an_approval_that_is_late_or_about_something_else_is_not_used(
    change: dict[str, Any], reason: str
) -> None:
    world = ordered()
    approved = replace(world.only(ReviewApproved), **change)
    fresh = World(entry=OrderType.LIMIT)
    fresh.bar(175.50)
    invalidated, aborted = asked(fresh, approved).events
    assert isinstance(invalidated, ReviewInvalidated)
    assert isinstance(aborted, TradeAborted)
    assert reason in aborted.reason == "; ".join(invalidated.reasons)
    assert asked(fresh, approved).effects == ()


def test_an_approval_whose_terms_were_swapped_is_not_used() -> None:
    world = ordered()
    approved = world.only(ReviewApproved)
    larger = replace(approved, sized=replace(approved.sized, quantity=Decimal(500)))
    fresh = World(entry=OrderType.LIMIT)
    fresh.bar(175.50)
    assert said(fresh, larger) == ["ReviewInvalidated", "TradeAborted"]


# -- cancel


def test_a_cancel_is_an_intent_and_a_call() -> None:
    world = ordered()
    order = world.order(ENTRY)
    decision = asked(world, CancelOrder(at=1, client_order_id=order.id))
    assert [type(event) for event in decision.events] == [CancelRequested]
    assert decision.effects == (CancelAtVenue(trace=world.trade.id, symbol=SYMBOL, client_order_id=order.id),)


def test_a_cancel_is_confirmed_only_by_the_venue() -> None:
    world = World(entry=OrderType.LIMIT, broker=Unruly)
    assert isinstance(world.broker, Unruly)
    world.says(BUY)
    world.bar(175.50)
    world.broker.is_slow = True
    for _ in range(2):
        world.feed(CancelOrder(at=world.now, client_order_id=world.order(ENTRY).id))
    assert world.broker.calls.count("cancel") == 1
    assert world.order(ENTRY).state is OrderState.PENDING_CANCEL
    assert not world.events(OrderCancelled)
    world.report(world.broker.let_go())
    assert world.only(OrderCancelled).filled == 0
    world.audit()


@pytest.mark.parametrize("which", ["filled", "unknown"])
def test_cancelling_what_is_over_is_a_refusal_with_a_reason(which: str) -> None:
    world = World()
    world.enter()
    order_id = world.order(ENTRY).id if which == "filled" else "nobody's"
    decision = asked(world, CancelOrder(at=1, client_order_id=order_id))
    (refused,) = decision.events
    assert isinstance(refused, CancelRefused)
    assert which in refused.reason or "no such" in refused.reason
    assert not refused.is_answer
    assert decision.effects == ()


# -- modify


def modify(world: World, **changes: Any) -> list[Event]:
    order = world.order(ENTRY)
    facts: dict[str, Any] = {"at": world.now, "client_order_id": order.id, "version": order.version}
    return world.feed(ModifyOrder(**(facts | changes)))


def test_a_replacement_keeps_one_order_and_counts_versions() -> None:
    world = ordered()
    first = world.order(ENTRY)
    modify(world, limit_price=Price(Decimal("174.00")))
    modify(world, quantity=Decimal(3))
    order = world.order(ENTRY)
    assert (order.id, order.version, order.terms.quantity) == (first.id, 3, Decimal(3))
    assert order.terms.limit_price == Decimal("174.00")
    assert world.working() == [(ENTRY, Side.BUY, 3, Decimal("174.00"))]
    assert [event.version for event in world.events(OrderModified)] == [2, 3]
    assert len(world.events(OrderRequested)) == 1
    world.audit()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": 2, "quantity": Decimal(3)}, "look again"),
        ({"quantity": Decimal(6)}, "more than was approved"),
        ({"limit_price": Price(Decimal("180.00"))}, "cost more than was approved"),
        ({"quantity": Decimal("2.5")}, "multiple of the lot"),
        ({"quantity": Decimal(0)}, "already filled"),
        ({"client_order_id": "nobody's", "quantity": Decimal(3)}, "no such"),
    ],
)
def test_a_change_that_was_not_approved_is_refused(changes: dict[str, Any], reason: str) -> None:
    world = ordered()
    refused = modify(world, **changes)[-1]
    assert isinstance(refused, ModifyRefused)
    assert reason in refused.reason
    assert world.working() == [(ENTRY, Side.BUY, 5, Decimal("175.50"))]
    assert not world.events(ModifyRequested)


def test_a_finished_order_and_a_protective_one_cannot_be_modified_by_hand() -> None:
    world = World()
    world.enter()
    for role, reason in ((ENTRY, "the order is filled"), (STOP, "position.update_stop")):
        order = world.order(role)
        event = ModifyOrder(at=1, client_order_id=order.id, version=1, quantity=Decimal(1))
        (refused,) = asked(world, event).events
        assert isinstance(refused, ModifyRefused)
        assert reason in refused.reason


def test_less_than_what_has_filled_cannot_be_asked_for() -> None:
    world = ordered(rules=PaperRules(participation_fraction=Decimal("0.1")))
    world.bar(175.50, volume=20)
    refused = modify(world, quantity=Decimal(2))[-1]
    assert isinstance(refused, ModifyRefused)
    assert "2 have already filled" in refused.reason


def test_a_refused_modification_by_the_desk_does_not_end_one_that_is_pending() -> None:
    world = World(entry=OrderType.LIMIT, broker=Unruly)
    assert isinstance(world.broker, Unruly)
    world.says(BUY)
    world.bar(175.50)
    world.broker.is_slow = True
    modify(world, quantity=Decimal(4))
    modify(world, quantity=Decimal(3))
    assert len(world.events(ModifyRefused)) == 1
    assert world.order(ENTRY).state is OrderState.PENDING_REPLACE
    world.report(world.broker.let_go())
    assert world.order(ENTRY).terms.quantity == 4
    assert not world.events(ReportQuarantined)
    world.audit()


def test_moving_protection_that_is_being_changed_waits() -> None:
    world = World()
    world.enter()
    stop = world.order(STOP)
    event = ProtectionMoved(
        at=1, trade_id=world.trade.id, client_order_id=stop.id, stop_price=Price(Decimal(170))
    )
    decision = asked(world, event)
    assert decision.effects == (
        ReplaceAtVenue(
            trace=world.trade.id, symbol=SYMBOL, client_order_id=stop.id, stop_price=Price(Decimal(170))
        ),
    )
    assert asked(world, replace(event, client_order_id=world.order(ENTRY).id)) == Decision()


# -- status


def test_a_status_is_answered_from_the_books_and_fresh_asks_the_venue() -> None:
    world = ordered()
    order = world.order(ENTRY)
    decision = asked(world, GetOrderStatus(at=7, client_order_id=order.id))
    (answer,) = decision.events
    assert isinstance(answer, OrderStatusReported)
    assert (answer.state, answer.filled, answer.at) == (OrderState.ACCEPTED, Decimal(0), 7)
    assert decision.effects == ()
    fresh = asked(world, GetOrderStatus(at=7, client_order_id=order.id, fresh=True))
    assert fresh.effects == (
        AskVenue(
            trace=world.trade.id,
            symbol=SYMBOL,
            client_order_id=order.id,
            since=order.sent_at,
            known=(order.broker_order_id,),
        ),
    )
    assert order.sent_at > 0
    (unknown,) = asked(world, GetOrderStatus(at=7, client_order_id="x", fresh=True)).events
    assert isinstance(unknown, OrderStatusReported)
    assert unknown.state is None


# -- reports


def report(world: World, kind: Exec, **more: Any) -> ExecutionReport:
    facts: dict[str, Any] = {
        "at": world.now,
        "exec_id": f"v:{len(world.heard)}:{kind}",
        "client_order_id": world.order(ENTRY).id,
        "kind": kind,
        "symbol": SYMBOL,
        "side": Side.BUY,
    }
    return ExecutionReport(**(facts | more))


def test_a_fill_carries_its_execution_and_both_quantities() -> None:
    world = ordered()
    price = Price(Decimal("175.40"))
    part = report(
        world,
        Exec.TRADE,
        last_quantity=Decimal(2),
        last_price=price,
        cumulative=Decimal(2),
        fee=Decimal("0.35"),
    )
    (filled,) = asked(world, part).events
    assert type(filled) is OrderPartiallyFilled
    assert (filled.exec_id, filled.quantity, filled.cumulative) == (part.exec_id, Decimal(2), Decimal(2))
    assert (filled.price, filled.fee) == (price, Decimal("0.35"))
    books = evolve(world.books, filled)
    fill = report(world, Exec.TRADE, last_quantity=Decimal(3), last_price=price)
    (rest,) = decide(books, world.market, fill).events
    assert type(rest) is OrderFilled
    assert (rest.quantity, rest.cumulative) == (Decimal(3), Decimal(5))


@given(st.permutations([1, 2, 2]))
def test_fills_add_up_to_the_order_in_whatever_order_they_come(parts: list[int]) -> None:
    world = ordered()
    books, fills = world.books, []
    for part in parts:
        # The venue counts as it traded; the desk counts as it hears.
        fill = report(
            world,
            Exec.TRADE,
            last_quantity=Decimal(part),
            last_price=Price(Decimal("175.50")),
            cumulative=Decimal(part),
        )
        (filled,) = decide(books, world.market, fill).events
        assert isinstance(filled, OrderPartiallyFilled)
        books = evolve(books, filled)
        fills.append(filled)
    assert fills[-1].cumulative == sum(event.quantity for event in fills) == 5
    assert [type(event) for event in fills] == [OrderPartiallyFilled, OrderPartiallyFilled, OrderFilled]
    assert books.orders[world.order(ENTRY).id].state is OrderState.FILLED


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Exec.CANCELED, OrderCancelled),
        (Exec.EXPIRED, OrderExpired),
        (Exec.REJECTED, OrderRejected),
    ],
)
def test_an_order_ends_as_the_venue_says(kind: Exec, expected: type[Event]) -> None:
    world = ordered()
    (ended,) = asked(world, report(world, kind, code="venue", reason="their words")).events
    assert type(ended) is expected
    if isinstance(ended, OrderRejected):
        assert (ended.code, ended.reason) == ("venue", "their words")


def test_what_had_filled_is_said_with_the_cancel() -> None:
    world = ordered()
    part = report(world, Exec.TRADE, last_quantity=Decimal(2), last_price=Price(Decimal("175.50")))
    (filled,) = asked(world, part).events
    books = evolve(world.books, filled)
    (ended,) = decide(books, world.market, report(world, Exec.CANCELED)).events
    assert isinstance(ended, OrderCancelled)
    assert ended.filled == 2


@pytest.mark.parametrize("kind", [Exec.NEW, Exec.UNKNOWN, Exec.CANCEL_REJECTED, Exec.REPLACE_REJECTED])
def test_a_report_that_says_nothing_new_leads_to_nothing(kind: Exec) -> None:
    world = ordered()
    assert asked(world, report(world, kind)) == Decision()


def test_a_change_confirmed_after_the_order_was_over_says_nothing_new() -> None:
    world = World()
    world.enter()
    assert asked(world, report(world, Exec.REPLACED)) == Decision()


@pytest.mark.parametrize("kind", [Exec.CANCELED, Exec.EXPIRED, Exec.REJECTED])
def test_a_report_of_an_impossible_move_is_refused_and_kept(kind: Exec) -> None:
    world = World()
    world.enter()
    assert said(world, report(world, kind)) == ["TransitionRefused", "ReportQuarantined"]


@pytest.mark.parametrize(("quantity", "price"), [("0", "175.50"), ("-5", "175.50"), ("5", None)])
def test_a_fill_of_nothing_or_at_no_price_is_kept_and_not_booked(quantity: str, price: str | None) -> None:
    world = ordered()
    bad = report(
        world,
        Exec.TRADE,
        last_quantity=Decimal(quantity),
        last_price=None if price is None else Price(Decimal(price)),
    )
    (kept,) = asked(world, bad).events
    assert isinstance(kept, ReportQuarantined)
    assert kept.trace == world.trade.id


def test_silence_is_asked_about_once() -> None:
    world = World(entry=OrderType.LIMIT, broker=Unruly)
    assert isinstance(world.broker, Unruly)
    world.broker.is_slow = True
    world.says(BUY)
    world.bar(175.50)
    decision = asked(world, report(world, Exec.UNKNOWN))
    assert [type(event) for event in decision.events] == [OrderUnknown]
    (ask,) = decision.effects
    assert isinstance(ask, AskVenue)
    assert said(world, report(world, Exec.TRADE, last_quantity=Decimal(5), last_price=Price(Decimal(1)))) == [
        "OrderAccepted",
        "OrderFilled",
    ]
    (accepted, _) = asked(
        world, report(world, Exec.TRADE, last_quantity=Decimal(5), last_price=Price(Decimal(1)))
    ).events
    assert isinstance(accepted, OrderAccepted)


# -- writs


def test_a_denial_about_something_else_changes_nothing() -> None:
    world = World(capabilities=WITHOUT_OCO, instruments=[Instrument(symbol=SYMBOL)])
    world.enter()
    denied = WritDenied(at=1, agent="executor", scope="", effect="AskVenue", subject="", reason="")
    assert asked(world, denied) == Decision()
    working = replace(denied, subject=world.order(STOP).id)
    assert asked(world, working) == Decision()


def test_codes_are_ours_and_words_are_theirs() -> None:
    world = World(broker_cash="1")
    world.says(BUY)
    world.bar(175.50)
    rejected = world.only(OrderRejected)
    assert rejected.code in set(Rejection)
    assert rejected.reason
