"""A broker that is reached badly, or says things twice, late, in the wrong order or about strangers."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, LEAVE, START, WITHOUT_OCO, World
from tests.unruly import THROTTLED, UNAUTHORIZED, UNREACHABLE, Unruly
from tradewrit.brokers.paper.corrections import Correction
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.account import ExternalTraded, TransitionRefused
from tradewrit.domain.events.orders import (
    CancelOrder,
    CancelRefused,
    Exec,
    ExecutionReport,
    GetOrderStatus,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderInDoubt,
    OrderPartiallyFilled,
    OrderRejected,
    OrderResent,
    OrderUnknown,
    ReportQuarantined,
)
from tradewrit.domain.events.positions import (
    CloseTrade,
    ExitRequested,
    FillBooked,
    PositionClosed,
    PositionOpened,
    ProtectionRequested,
    StopFailed,
    StopSet,
    TradeAborted,
    TradeRevived,
)
from tradewrit.domain.events.strategy import ExitSignalled
from tradewrit.domain.ids import client_order_id
from tradewrit.domain.market import MINUTE, Bar
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Approved, OrderState, OrderType, Role, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.scopes import Grant
from tradewrit.domain.trades import TradeState
from tradewrit.market.calendar import calendar_for

ENTRY, STOP, TARGET, EXIT = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT
A_TENTH = PaperRules(participation_fraction=Decimal("0.1"))


class Troubled(World):
    """A world whose broker can be spoilt."""

    def __init__(self, **more: Any) -> None:
        super().__init__(broker=Unruly, **more)
        assert isinstance(self.broker, Unruly)
        self.line = self.broker

    def order_entry(self) -> None:
        """A signal, and the order it leads to."""
        self.says(BUY)
        self.bar(175.50)


@pytest.fixture
def world() -> Troubled:
    return Troubled()


# -- nothing is known about the outcome


def test_an_entry_lost_on_the_way_is_asked_about_until_it_can_no_longer_arrive_and_sent_once_more(
    world: Troubled,
) -> None:
    world.line.lose("place", UNREACHABLE)
    world.order_entry()
    order = world.order(ENTRY)
    assert world.only(OrderUnknown).client_order_id == order.id
    world.wait(9)
    assert world.order(ENTRY).state is OrderState.UNKNOWN
    assert world.line.calls.count("place") == 1
    assert world.line.calls.count("order") == world.line.calls.count("executions") == 4
    world.wait(6)
    assert world.only(OrderResent).client_order_id == order.id
    assert [terms.client_order_id for terms in world.line.sent] == [order.id]
    assert world.order(ENTRY).state is OrderState.ACCEPTED
    world.wait(120)
    assert world.line.calls.count("place") == 2
    world.bar(175.50)
    world.bar(201.82)
    assert world.closed.gross == Decimal("131.60")
    world.audit()


def test_an_entry_that_never_arrived_is_dropped_when_the_price_has_moved_away_meanwhile(
    world: Troubled,
) -> None:
    world.line.lose("place", UNREACHABLE)
    world.order_entry()
    world.quote(178.00)
    world.wait(20)
    dropped = world.only(OrderRejected)
    assert dropped.code == Rejection.NOT_SENT
    assert "the price moved 142.5 bps, at most 100 are allowed" in dropped.reason
    assert world.only(TradeAborted).outcome == "rejected"
    assert world.line.calls.count("place") == 1
    assert not world.books.trades
    assert not world.working()
    world.audit()


def test_an_entry_that_arrived_although_the_answer_was_lost_is_adopted(world: Troubled) -> None:
    world.line.lose("place", UNREACHABLE, is_done=True)
    world.order_entry()
    assert world.line.calls == ["place", "order"]
    assert world.only(OrderUnknown).client_order_id == world.order(ENTRY).id
    assert world.order(ENTRY).state is OrderState.ACCEPTED
    world.wait(30)
    assert world.line.calls == ["place", "order"]  # settled: nothing is asked any more
    world.bar(175.50)
    world.bar(201.82)
    assert world.closed.gross == Decimal("131.60")
    assert [terms.role for terms in world.line.sent] == [ENTRY, STOP, TARGET]
    world.audit()


def test_an_order_stays_unknown_while_the_venue_cannot_be_asked_and_blocks_its_symbol(
    world: Troubled,
) -> None:
    world.line.lose("place", UNREACHABLE, is_done=True)
    world.line.lose("order", UNREACHABLE)
    world.order_entry()
    order = world.order(ENTRY)
    assert order.state is OrderState.UNKNOWN
    assert world.books.reserved > 0
    world.says(BUY)
    world.desk.close_bars([], world.now)
    assert world.line.calls.count("place") == 1
    world.feed(GetOrderStatus(at=world.now, client_order_id=order.id, fresh=True))
    assert world.order(ENTRY).state is OrderState.ACCEPTED
    world.bar(175.50)
    assert world.stage() is TradeState.HOLDING
    world.audit()


def test_a_fill_settles_an_unknown_order_before_anybody_has_asked(world: Troubled) -> None:
    world.line.lose("place", UNREACHABLE, is_done=True)
    world.line.lose("order", UNREACHABLE)
    world.order_entry()
    world.bar(175.50)
    assert world.only(PositionOpened).quantity == 5
    assert world.events(OrderAccepted)[0].role is ENTRY
    assert world.stage() is TradeState.HOLDING
    world.audit()


@pytest.mark.parametrize("is_done", [False, True])
def test_protection_lost_on_the_way_ends_as_one_stop_and_one_target(world: Troubled, is_done: bool) -> None:
    world.order_entry()
    world.line.lose("place", UNREACHABLE, is_done=is_done)
    world.bar(175.50)
    assert [line[0] for line in world.working()] == [STOP, TARGET]
    assert world.stage() is TradeState.HOLDING
    assert len(world.events(ProtectionRequested)) == 1
    # A venue that takes an id once is sent protection again at once; nobody waits with an open position.
    assert len(world.events(OrderResent)) == (0 if is_done else 2)
    assert [terms.role for terms in world.line.sent] == [ENTRY, STOP, TARGET]
    world.bar(201.82)
    assert world.closed.reason == "target"
    world.audit()


@pytest.mark.parametrize("failure", [THROTTLED, UNAUTHORIZED], ids=lambda failure: type(failure).__name__)
def test_an_entry_that_was_surely_not_sent_is_rejected_at_once(world: Troubled, failure: Exception) -> None:
    world.line.lose("place", failure)
    world.order_entry()
    assert world.line.calls == ["place"]
    assert world.only(OrderRejected).code == Rejection.NOT_TAKEN
    assert not world.books.trades
    world.audit()


# -- exits over a bad line


def test_a_cancel_that_got_lost_is_looked_into_and_asked_for_again(world: Troubled) -> None:
    world.enter()
    world.line.lose("cancel", UNREACHABLE, UNREACHABLE)
    world.says(LEAVE)
    world.bar(180.0)
    assert world.line.calls[2:] == ["cancel", "cancel", "order", "order", "cancel", "cancel", "place"]
    assert not world.events(CancelRefused)
    assert world.working() == [(EXIT, Side.SELL, 5, None)]
    world.bar(181.0)
    assert world.closed.reason == "signal"
    world.audit()


def test_a_cancel_that_was_surely_not_sent_leaves_the_stop_and_is_asked_again_on_the_next_bar(
    world: Troubled,
) -> None:
    world.enter()
    world.line.lose("cancel", THROTTLED, THROTTLED)
    world.says(LEAVE)
    world.bar(180.0)
    assert [line[0] for line in world.working()] == [STOP, TARGET]
    assert world.stage() is TradeState.EXIT_TRIGGERED
    assert len(world.events(CancelRefused)) == 2
    world.bar(180.0)
    assert [line[0] for line in world.working()] == [EXIT]
    world.bar(181.0)
    assert world.closed.reason == "signal"
    world.audit()


def test_a_line_that_is_cut_for_writes_alone_is_tried_again_at_growing_intervals(world: Troubled) -> None:
    world.enter()
    world.line.lose("cancel", *[UNREACHABLE] * 1000)
    world.says(LEAVE)
    world.bar(180.0)
    assert len(world.line.calls) < 12
    world.wait(300)
    assert 8 < world.line.calls.count("cancel") < 90, (
        "two orders, each asked about every eight seconds at most"
    )
    assert [line[0] for line in world.working()] == [STOP, TARGET]
    world.line.lost_before.clear()
    world.wait(60)
    assert world.working() == [(EXIT, Side.SELL, 5, None)]
    world.audit()


def test_protection_over_such_a_line_is_sent_again_at_growing_intervals_too(world: Troubled) -> None:
    world.order_entry()
    world.line.lose("place", *[UNREACHABLE] * 1000)
    world.bar(175.50)
    assert len(world.line.calls) < 16
    world.wait(300)
    assert 15 < world.line.calls.count("place") < 30  # about as often as a request can no longer arrive
    assert world.working() == []
    world.line.lost_before.clear()
    world.wait(61)
    assert [line[0] for line in world.working()] == [STOP, TARGET]
    assert len({order.id for order in world.books.orders_of(world.trade.id)}) == 3
    world.audit()


def test_a_cancel_that_was_done_although_the_answer_was_lost_lets_the_exit_go_on(world: Troubled) -> None:
    world.enter()
    world.line.lose("cancel", UNREACHABLE, UNREACHABLE, is_done=True)
    world.says(LEAVE)
    world.bar(180.0)
    assert world.working() == [(EXIT, Side.SELL, 5, None)]
    assert not world.events(ReportQuarantined)
    world.audit()


def test_a_cancel_the_venue_calls_too_late_is_looked_into(world: Troubled) -> None:
    world.enter()
    # The venue has cancelled both; neither the answers nor the first enquiries came through.
    world.line.lose("cancel", UNREACHABLE, UNREACHABLE, is_done=True)
    world.line.lose("order", UNREACHABLE, UNREACHABLE)
    world.says(LEAVE)
    world.bar(180.0)
    assert world.working() == []
    assert world.stage() is TradeState.EXIT_TRIGGERED
    world.wait(1)
    assert world.working() == [(EXIT, Side.SELL, 5, None)]
    world.audit()


def test_a_cancel_the_venue_calls_too_late_is_asked_about_until_the_fill_is_found() -> None:
    world = Troubled(entry=OrderType.LIMIT)
    world.order_entry()
    world.exchange.open(_bar(world, 175.50))  # and the stream loses what was said of it
    world.line.lose("order", UNREACHABLE, UNREACHABLE)
    world.feed(CancelOrder(at=world.now, client_order_id=world.order(ENTRY).id))
    assert not world.books.positions
    world.wait(3)
    assert world.stage() is TradeState.HOLDING
    assert [line[2] for line in world.working()] == [5, 5]
    world.audit()


def test_an_order_that_never_arrived_and_is_to_be_cancelled_is_over_once_it_can_no_longer_arrive(
    world: Troubled,
) -> None:
    world.line.lose("place", UNREACHABLE)
    world.line.lose("order", UNREACHABLE)
    world.order_entry()
    entry = world.order(ENTRY)
    world.feed(CancelOrder(at=world.now, client_order_id=entry.id))
    world.wait(9)
    # Its request may still be under way: it would trade, and nobody would know.
    assert world.order(ENTRY).state is OrderState.PENDING_CANCEL
    world.wait(10)
    assert world.only(OrderRejected).code == Rejection.NOT_SENT
    assert world.line.calls.count("place") == 1
    assert not world.books.trades
    world.audit()


def test_an_order_that_arrives_after_its_cancel_is_cancelled_all_the_same(world: Troubled) -> None:
    world.line.lose("place", UNREACHABLE)
    world.order_entry()
    entry = world.order(ENTRY)
    world.feed(CancelOrder(at=world.now, client_order_id=entry.id))
    world.exchange.place(Approved(orders=(entry.terms,), by=("risk:late",), at=world.now), _grant(world))
    assert [line[0] for line in world.working()] == [ENTRY]
    world.wait(3)
    assert world.working() == []
    assert world.only(OrderCancelled).client_order_id == entry.id
    assert not world.books.trades
    world.audit()


@pytest.mark.parametrize("order", [list, lambda kept: list(reversed(kept))], ids=["in order", "reversed"])
def test_an_exit_waits_for_every_cancel_in_whatever_order_they_are_confirmed(
    order: Callable[[list[ExecutionReport]], list[ExecutionReport]],
) -> None:
    world = Troubled(entry=OrderType.LIMIT, rules=A_TENTH)
    world.order_entry()
    world.bar(175.50, volume=20)
    assert [line[0] for line in world.working()] == [ENTRY, STOP, TARGET]
    world.line.is_slow = True
    world.says(LEAVE)
    world.bar(180.0, volume=0.0)
    assert world.stage() is TradeState.EXIT_TRIGGERED
    assert not world.events(ExitRequested)
    world.line.is_slow = False
    world.report(world.line.let_go(order))
    assert world.working() == [(EXIT, Side.SELL, 2, None)]
    world.bar(181.0)
    assert (world.closed.reason, world.closed.quantity) == ("signal", Decimal(2))
    world.audit()


def test_an_entry_that_fills_while_it_is_being_cancelled_is_sold_with_the_rest() -> None:
    world = Troubled(entry=OrderType.LIMIT, rules=A_TENTH)
    world.order_entry()
    world.bar(175.50, volume=20)
    entry = world.order(ENTRY)
    # The fill of the last three is on its way when the cancel is asked for: too late.
    late = world.exchange.open(_bar(world, 175.50))
    world.line.is_slow = True
    world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria"))
    world.line.is_slow = False
    world.report([*world.line.let_go(), *late])
    assert world.books.orders[entry.id].state is OrderState.FILLED
    assert world.working() == [(EXIT, Side.SELL, 5, None)]
    world.bar(176.0)
    world.bar(176.0)
    assert world.closed.quantity == 5
    world.audit()


def _bar(world: World, price: float) -> Bar:
    return Bar("AAPL", world.now, price, price, price, price, 1e6)


def test_a_part_of_the_stop_that_trades_while_the_exit_clears_its_way_does_not_stop_the_exit() -> None:
    world = Troubled(rules=A_TENTH)
    world.enter()
    crossed = world.exchange.open(replace(_bar(world, 165.0), volume=20))
    assert [report.last_quantity for report in crossed] == [2]
    world.line.is_slow = True
    world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria"))
    world.line.is_slow = False
    world.report(crossed)
    assert world.stage() is TradeState.EXIT_TRIGGERED
    world.report(world.line.let_go())
    assert world.working() == [(EXIT, Side.SELL, 3, None)]
    world.bar(165.0)
    world.bar(165.0)
    assert (world.closed.reason, world.closed.quantity) == ("manual", Decimal(5))
    world.audit()


def test_a_stop_acknowledged_while_the_trade_is_being_left_does_not_call_the_exit_off() -> None:
    world = Troubled()
    world.order_entry()
    world.line.is_slow = True
    world.bar(175.50)
    assert world.stage() is TradeState.FILLED
    world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria"))
    world.line.is_slow = False
    world.report(world.line.let_go())
    assert world.working() == [(EXIT, Side.SELL, 5, None)]
    assert not world.events(StopSet)
    world.bar(176.0)
    assert world.closed.reason == "manual"
    world.audit()


# -- stops that cannot be placed


def test_a_refused_stop_is_tried_again_and_then_the_position_is_sold(world: Troubled) -> None:
    world.order_entry()
    world.line.refuses = {STOP}
    world.bar(175.50)
    failed = world.events(StopFailed)
    assert [event.reason for event in failed] == ["refused_by_venue: not today"] * 3
    assert world.only(ExitSignalled).reason == "stop_failed"
    assert world.working() == [(EXIT, Side.SELL, 5, None)]
    assert world.stage() is TradeState.ORDER_CLOSING
    world.bar(175.0)
    assert world.closed.reason == "stop_failed"
    world.audit()


def test_a_stop_that_is_taken_at_the_second_try_protects_as_if_nothing_had_been(world: Troubled) -> None:
    world.order_entry()
    world.line.lose("place", THROTTLED)
    world.bar(175.50)
    assert len(world.events(StopFailed)) == 1
    assert world.stage() is TradeState.HOLDING
    assert world.trade.failures == 0
    assert [line[0] for line in world.working()] == [STOP, TARGET]
    world.audit()


def test_a_breaker_that_keeps_a_stop_back_is_no_reason_to_sell(world: Troubled) -> None:
    world.order_entry()
    world.line.lose("place", *[THROTTLED] * 9)
    world.bar(175.50)
    for _ in range(8):
        world.quote(175.50)
    failed = world.events(StopFailed)
    assert [event.is_refused for event in failed] == [False] * 9, "once a second, and somebody is told"
    assert world.trade.failures == 0
    assert not world.events(ExitSignalled)
    world.quote(175.50)
    assert [line[0] for line in world.working()] == [STOP, TARGET]
    world.audit()


def test_a_stop_that_could_not_grow_for_want_of_a_call_grows_with_the_next_second(world: Troubled) -> None:
    world.order_entry()
    world.line.lose("replace", THROTTLED)
    world.bar(175.50)
    fill = next(one for one in world.events(ExecutionReport) if one.last_quantity)
    world.report(world.exchange.correct(Correction(exec_id=fill.exec_id, quantity=Decimal(3))))
    world.quote(175.50)
    assert {line[2] for line in world.working()} == {3}
    assert world.trade.failures == 0
    world.audit()


def test_a_venue_that_refuses_everything_is_asked_once_a_bar_and_not_for_ever(world: Troubled) -> None:
    world.order_entry()
    world.line.refuses = {STOP, EXIT}
    world.bar(175.50)
    assert world.stage() is TradeState.EXIT_TRIGGERED
    calls = len(world.line.calls)
    assert calls < 10
    for _ in range(3):
        world.bar(175.0)
    assert len(world.line.calls) == calls + 3
    world.line.refuses = set()
    world.bar(174.0)
    world.bar(174.0)
    assert world.closed.reason == "stop_failed"
    world.audit()


def test_a_stop_the_market_has_already_passed_means_leaving_at_once(world: Troubled) -> None:
    world.order_entry()
    world.line.refuses = {STOP}
    world.line.refusal = Rejection.TRIGGERED_AT_ONCE
    world.bar(175.50)
    assert world.working() == [(EXIT, Side.SELL, 5, None)]
    assert not world.events(StopFailed)
    world.bar(160.0)
    assert world.closed.reason == "stop"
    world.audit()


def test_a_stop_the_venue_cancels_by_itself_is_replaced_after_its_target_is_gone(world: Troubled) -> None:
    world.enter()
    stop = world.order(STOP)
    world.report(world.exchange.cancel(stop.id, _grant(world)))
    assert world.only(StopFailed).reason == "the stop order is aborted"
    assert [(line[0], line[2]) for line in world.working()] == [(STOP, 5), (TARGET, 5)]
    assert world.order(STOP).id != stop.id
    assert world.stage() is TradeState.HOLDING
    world.bar(201.82)
    assert world.closed.reason == "target"
    world.audit()


def test_a_target_the_venue_cancels_by_itself_leaves_the_stop_in_place(world: Troubled) -> None:
    world.enter()
    world.report(world.exchange.cancel(world.order(TARGET).id, _grant(world)))
    assert [line[0] for line in world.working()] == [STOP]
    assert not world.events(StopFailed)
    world.bar(166.0)
    assert world.closed.reason == "stop"
    world.audit()


def _grant(world: World) -> Grant:
    return world.desk.writs.live("executor", world.now)


def test_an_exit_the_venue_refuses_brings_the_stop_back(world: Troubled) -> None:
    world.enter()
    world.line.refuses = {EXIT}
    world.says(LEAVE)
    world.bar(180.0)
    assert [line[0] for line in world.working()] == [STOP, TARGET]
    assert world.stage() is TradeState.HOLDING
    world.line.refuses = set()
    world.says(LEAVE)
    world.bar(180.0)
    world.bar(181.0)
    assert world.closed.reason == "signal"
    world.audit()


def test_protection_whose_change_was_lost_is_asked_to_grow_again_a_second_later() -> None:
    world = Troubled(rules=A_TENTH)
    world.says(BUY)
    world.bar(175.50, volume=20)
    world.bar(175.50, volume=20)
    world.line.lose("replace", UNREACHABLE, UNREACHABLE)
    world.report(world.exchange.open(replace(_bar(world, 175.50), volume=20)))
    assert world.held == 4
    assert world.line.calls.count("replace") == 2  # one for each leg, and not again at once
    world.wait(1)
    assert world.line.calls.count("replace") == 4
    assert [line[2] for line in world.working() if line[0] is not ENTRY] == [4, 4]
    assert world.stage() is TradeState.HOLDING
    assert not world.events(StopFailed)
    world.audit()


def test_protection_that_cannot_grow_is_an_alarm_and_tried_again_on_the_next_bar() -> None:
    world = Troubled(rules=A_TENTH)
    world.says(BUY)
    world.bar(175.50, volume=20)
    world.bar(175.50, volume=20)
    world.line.refuses_changes = True
    world.report(world.exchange.open(replace(_bar(world, 175.50), volume=20)))
    assert "covers 2 of 4" in world.only(StopFailed).reason
    assert world.stage() is TradeState.PROTECTING
    assert world.line.calls.count("replace") == 2
    world.line.refuses_changes = False
    world.clock.advance(MINUTE)
    world.bar(175.50, volume=0.0)
    assert [line[2] for line in world.working() if line[0] is not ENTRY] == [4, 4]
    assert world.stage() is TradeState.HOLDING
    world.audit()


def test_protection_that_can_never_grow_ends_the_trade() -> None:
    world = Troubled(rules=A_TENTH)
    world.line.refuses_changes = True
    world.says(BUY)
    world.bar(175.50, volume=20)
    for _ in range(4):
        world.bar(175.50, volume=20)
    world.bar(175.50)
    world.bar(175.50)
    assert world.closed.reason == "stop_failed"
    assert world.held == 0
    world.audit()


# -- reports twice, late, out of order, about strangers


def test_reports_that_come_twice_count_once(world: Troubled) -> None:
    seen: list[ExecutionReport] = []

    def twice(reports: Iterable[ExecutionReport]) -> None:
        for one in reports:
            seen.append(one)
            for _ in range(2):
                world.feed(one, "broker")

    world.report = twice  # type: ignore[method-assign]
    world.enter()
    for one in seen:
        world.feed(one, "broker")
    assert len(world.events(FillBooked)) == 1
    assert world.books.positions["AAPL"].quantity == 5
    assert [line[2] for line in world.working()] == [5, 5]
    world.bar(201.82)
    assert len(world.events(PositionClosed)) == 1
    world.audit()


def test_a_fill_that_overtakes_the_acknowledgement_is_booked_and_the_late_one_says_nothing_new() -> None:
    world = Troubled()
    world.line.is_slow = True
    world.order_entry()
    assert world.order(ENTRY).state is OrderState.SUBMITTED
    (fill,) = world.exchange.open(_bar(world, 175.50))
    world.line.is_slow = False
    (acknowledged,) = world.line.let_go()
    world.report([fill, acknowledged])
    assert [event.role for event in world.events(OrderAccepted)].count(ENTRY) == 1
    assert world.only(PositionOpened).quantity == 5
    assert world.stage() is TradeState.HOLDING
    assert not world.events(ReportQuarantined)
    world.audit()


def _stranger(world: World, name: str) -> ExecutionReport:
    return ExecutionReport(
        at=world.now,
        exec_id="x:1",
        client_order_id=name,
        kind=Exec.TRADE,
        symbol="AAPL",
        side=Side.BUY,
        last_quantity=Decimal(100),
        last_price=Price(Decimal(10)),
    )


def test_a_fill_of_an_order_of_our_making_that_nobody_knows_is_quarantined_and_changes_nothing(
    world: Troubled,
) -> None:
    before = world.books
    stranger = _stranger(world, client_order_id("f" * 32, "paper", "trade-of-another-journal", ENTRY, 1))
    world.report([stranger])
    held = world.only(ReportQuarantined)
    assert held.report == stranger
    assert replace(world.books, events=before.events) == before
    world.audit()


def test_a_fill_of_somebody_elses_order_is_in_the_books_apart_from_the_desks_own(world: Troubled) -> None:
    before = world.books
    world.report([_stranger(world, "somebody-else")] * 2)
    assert world.only(ExternalTraded).client_order_id == "somebody-else"
    assert world.books.external["AAPL"].signed == 100
    assert world.books.units("AAPL") == 100
    assert world.books.cash == before.cash - 1000
    assert not world.books.positions
    assert not world.working()
    world.audit(is_in_step=False)


def test_a_second_fill_of_a_filled_order_is_quarantined(world: Troubled) -> None:
    world.enter()
    fill = next(event for event in world.events(ExecutionReport) if event.kind is Exec.TRADE)
    world.report([replace(fill, exec_id="x:2")])
    refused = world.only(TransitionRefused)
    assert (refused.state, refused.wanted, refused.trace) == ("filled", "fill_rest", world.trade.id)
    assert world.books.positions["AAPL"].quantity == 5
    world.audit()


def test_a_late_fill_after_a_cancel_of_the_rest_is_counted_and_protected() -> None:
    world = Troubled(entry=OrderType.LIMIT, rules=A_TENTH)
    world.order_entry()
    world.bar(175.50, volume=20)
    entry = world.order(ENTRY)
    # The venue fills two more, and says so only after it has confirmed the cancel of the rest.
    late = world.exchange.open(replace(_bar(world, 175.50), volume=20))
    assert [report.kind for report in late] == [Exec.TRADE]
    _confirm_cancel(world, entry.id, filled="2")
    assert world.only(OrderCancelled).filled == 2
    world.report(late)
    assert world.events(OrderPartiallyFilled)[-1].is_late
    assert world.books.positions["AAPL"].quantity == 4
    assert [line[2] for line in world.working()] == [4, 4]
    assert world.stage() is TradeState.HOLDING
    world.audit()


@pytest.mark.parametrize("volume", [20.0, 1e6], ids=["a part", "all of it"])
def test_a_fill_that_crossed_the_cancel_of_an_unfilled_entry_opens_the_trade_after_all(volume: float) -> None:
    world = Troubled(entry=OrderType.LIMIT, rules=A_TENTH)
    world.order_entry()
    entry, trade = world.order(ENTRY), world.trade
    # The venue fills, and says so only after the rest has been cancelled, or the cancel come too late.
    late = world.exchange.open(replace(_bar(world, 175.50), volume=volume))
    _confirm_cancel(world, entry.id)
    assert world.only(TradeAborted).trade_id == trade.id
    assert not world.books.active
    world.report(late)
    assert world.only(TradeRevived).client_order_id == entry.id
    assert world.trade.id == trade.id
    assert world.books.positions["AAPL"].quantity == late[0].last_quantity
    assert {line[2] for line in world.working()} == {late[0].last_quantity}
    assert world.stage() is TradeState.HOLDING
    world.bar(201.82)
    world.bar(201.82)
    assert world.closed.reason == "target"
    world.audit()


def _confirm_cancel(world: Troubled, order_id: str, filled: str = "0") -> None:
    """The venue confirms a cancel, whatever has become of the order; by then it counts so much of it filled."""
    world.line.is_slow = True
    world.feed(CancelOrder(at=world.now, client_order_id=order_id))
    world.line.is_slow = False
    confirmed = ExecutionReport(at=world.now, exec_id="v:1", client_order_id=order_id, kind=Exec.CANCELED)
    answers = [report for report in world.line.let_go() if report.kind is Exec.CANCELED]
    world.report([replace(report, cumulative=Decimal(filled)) for report in answers or [confirmed]])


@pytest.mark.parametrize("is_unreachable", [False, True], ids=["at once", "at the second attempt"])
def test_a_cancel_that_counts_fills_which_nobody_told_ends_the_order_with_them(is_unreachable: bool) -> None:
    world = Troubled(entry=OrderType.LIMIT, rules=A_TENTH)
    world.order_entry()
    world.bar(175.50, volume=20)
    world.exchange.open(replace(_bar(world, 175.50), volume=20))  # and the stream loses it
    if is_unreachable:
        world.line.lose("order", UNREACHABLE)
    world.feed(CancelOrder(at=world.now, client_order_id=world.order(ENTRY).id))
    if is_unreachable:
        doubt = world.events(OrderInDoubt)[0]
        assert doubt.reason == "it is canceled with 4 filled, and 2 are in the books"
        assert world.order(ENTRY).is_live
        world.wait(3)
    assert world.only(OrderCancelled).filled == 4
    assert not any(event.is_late for event in world.events(OrderPartiallyFilled))
    assert [line[2] for line in world.working()] == [4, 4]
    assert world.stage() is TradeState.HOLDING
    assert not world.events(ReportQuarantined)
    world.audit()


def test_an_entry_that_expires_with_fills_which_nobody_told_opens_its_trade() -> None:
    world = Troubled(entry=OrderType.LIMIT, rules=A_TENTH)
    world.order_entry()
    world.exchange.open(replace(_bar(world, 175.50), volume=20))
    world.report(world.exchange.session_closed(world.now + 1))
    assert world.only(OrderExpired).filled == 2
    assert world.books.positions["AAPL"].quantity == 2
    assert not world.events(TradeAborted)
    assert world.stage() is TradeState.HOLDING
    world.audit()


def test_an_exit_sells_what_a_stop_has_left_of_which_nobody_told() -> None:
    world = Troubled(rules=A_TENTH)
    world.enter()
    world.exchange.open(replace(_bar(world, 160.00), volume=20))  # two are sold, and the stream loses it
    world.says(LEAVE)
    world.desk.close_bars([_bar(world, 175.50)], world.now)
    assert world.only(ExitRequested).quantity == 3
    assert world.working() == [(EXIT, Side.SELL, 3, None)]
    world.clock.advance(MINUTE)
    world.bar(175.50)
    assert world.closed.quantity == 5
    world.audit()


def test_an_end_that_counts_what_was_busted_since_is_believed_once_the_venue_was_asked() -> None:
    world = Troubled(entry=OrderType.LIMIT)
    world.order_entry()
    entry = world.order(ENTRY).id
    told = ExecutionReport(
        at=world.now, exec_id="v:1", client_order_id=entry, kind=Exec.CANCELED, cumulative=Decimal(2)
    )
    world.exchange.cancel(entry, None)  # type: ignore[arg-type]  # by the venue itself
    world.report([told])
    assert world.line.calls.count("order") == 1
    assert world.only(OrderCancelled).filled == 0
    assert not world.books.trades
    assert not world.working()
    world.audit()


def test_a_cancel_that_came_too_late_finds_the_fill_by_asking() -> None:
    world = Troubled(entry=OrderType.LIMIT)
    world.order_entry()
    world.exchange.open(_bar(world, 175.50))  # and the stream loses what was said of it
    world.feed(CancelOrder(at=world.now, client_order_id=world.order(ENTRY).id))
    assert world.line.calls == ["place", "cancel", "order", "place"]
    assert world.stage() is TradeState.HOLDING
    assert [line[2] for line in world.working()] == [5, 5]
    world.audit()


def test_a_late_fill_beside_another_trade_in_the_symbol_is_kept_for_the_reconciliation() -> None:
    world = Troubled(entry=OrderType.LIMIT)
    world.order_entry()
    entry = world.order(ENTRY)
    (late,) = world.exchange.open(_bar(world, 175.50))
    _confirm_cancel(world, entry.id)
    world.order_entry()
    other = world.trade
    assert other.id != entry.terms.trade_id
    world.report([late])
    assert "another trade is open" in world.events(ReportQuarantined)[-1].reason
    assert world.trade == other
    assert not world.books.positions


def test_an_entry_that_was_never_sent_cannot_come_back() -> None:
    world = Troubled(entry=OrderType.LIMIT, calendar=calendar_for("NYSE"), at=START - MINUTE)
    world.clock.set(START - 2 * MINUTE, is_jump=True)
    world.order_entry()
    entry = world.order(ENTRY)
    assert entry.state is OrderState.DRAFT
    world.feed(CancelOrder(at=world.now, client_order_id=entry.id))
    assert not world.books.lapsed
    fill = ExecutionReport(
        at=world.now,
        exec_id="v:1",
        client_order_id=entry.id,
        kind=Exec.TRADE,
        last_quantity=Decimal(5),
        last_price=Price(Decimal(1)),
    )
    world.report([fill])
    assert world.only(ReportQuarantined).report == fill
    assert not world.books.positions
    world.audit()


def test_only_the_last_few_dead_entries_are_remembered() -> None:
    world = Troubled(entry=OrderType.LIMIT)
    for _ in range(40):
        world.order_entry()
        world.feed(CancelOrder(at=world.now, client_order_id=world.order(ENTRY).id))
    assert len(world.books.lapsed) == 32
    last = world.events(OrderCancelled)[-1].client_order_id
    assert last in world.books.lapsed
    world.audit()


# -- scenario 6: rejected by the broker


def test_insufficient_buying_power_at_the_broker_rejects_order_and_trade() -> None:
    world = Troubled(broker_cash="500.00")
    world.order_entry()
    rejected = world.only(OrderRejected)
    assert rejected.code == Rejection.INSUFFICIENT_FUNDS
    assert "878.3775" in rejected.reason
    assert "500" in rejected.reason
    assert world.only(TradeAborted).outcome == "rejected"
    assert rejected.trace == world.only(TradeAborted).trace
    assert not world.books.trades
    assert world.books.cash == 100_000
    world.audit(is_in_step=False)


def test_without_oco_two_sells_are_never_live_at_once_even_over_a_slow_line() -> None:
    world = Troubled(capabilities=WITHOUT_OCO)
    world.enter()
    world.line.is_slow = True
    world.quote(201.82)
    assert world.working() == []
    assert not world.events(ExitRequested)
    world.quote(203.00)
    world.line.is_slow = False
    world.report(world.line.let_go())
    assert world.working() == [(EXIT, Side.SELL, 5, None)]
    world.quote(202.00)
    assert world.closed.reason == "target"
    assert len(world.events(OrderFilled)) == 2
    world.audit()
