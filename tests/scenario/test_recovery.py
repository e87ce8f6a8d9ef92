"""A desk that was killed or cut off takes up where it was: nothing twice, nothing forgotten.

Each scenario is told of a desk that stands still until its venue has answered (`inline`), and of one that
puts its calls into an outbox and goes on (`outbox`).
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, SYMBOL
from tests.processes import HAND, Process, settled, settled_books
from tests.unruly import UNREACHABLE
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.capabilities import PAPER, Dedupe
from tradewrit.domain.events.account import (
    AccountReconciled,
    DeskStarted,
    ExternalOrderSeen,
    SymbolSuspended,
)
from tradewrit.domain.events.orders import (
    CancelOrder,
    ExecutionReport,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderRequested,
    OrderResent,
    OrderUnknown,
)
from tradewrit.domain.events.positions import (
    CloseTrade,
    FillBooked,
    ProtectionRequested,
    TradeAborted,
    TradeRevived,
)
from tradewrit.domain.events.risk import LimitExceeded
from tradewrit.domain.events.writs import WritsIssued, WritsRenewed
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import MINUTE, SECOND, Bar
from tradewrit.domain.orders import Approved, OrderState, OrderType, Role, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.trades import TradeState

ENTRY, STOP, TARGET, EXIT = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT
QUIET = {DeskStarted, AccountReconciled, WritsIssued, WritsRenewed}
"""What a restart may put on record when nothing has happened."""


Start = Callable[..., Process]


@pytest.fixture(params=["inline", "outbox"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start the first process of a desk."""
    return lambda **more: Process(tmp_path / "desk.journal", has_outbox=request.param == "outbox", **more)


# -- killed while an entry is on its way


def test_killed_after_the_intent_and_before_the_send_the_entry_leaves_once(start: Start) -> None:
    first = start()
    first.killed(first.order_entry, at="place", is_done=False)
    assert not first.sent
    desk = first.again()
    entry = desk.order(ENTRY)
    assert entry.state is OrderState.UNKNOWN
    desk.quote(175.50)
    desk.wait(8)
    assert not desk.sent  # what was sent a moment before the end may still arrive
    desk.wait(12)
    assert [terms.client_order_id for terms in desk.sent] == [entry.id]
    assert desk.only(OrderResent).client_order_id == entry.id
    desk.bar(175.50)
    desk.bar(201.82)
    assert desk.closed.gross == Decimal("131.60")
    assert desk.roles_sent == [ENTRY, STOP, TARGET]
    desk.audit()


def test_killed_before_the_send_and_back_when_the_price_has_gone_the_entry_is_dropped(start: Start) -> None:
    first = start()
    first.killed(first.order_entry, at="place", is_done=False)
    desk = first.again()
    desk.quote(180.00)
    desk.wait(20)
    assert "the price moved" in desk.only(OrderRejected).reason
    assert desk.only(TradeAborted).outcome == "rejected"
    assert not desk.sent
    assert not desk.books.trades
    desk.audit()


def test_killed_before_the_send_and_back_an_hour_later_the_entry_is_dropped(start: Start) -> None:
    first = start()
    first.killed(first.order_entry, at="place", is_done=False)
    first.clock.advance(60 * MINUTE)
    desk = first.again()
    desk.quote(175.50)
    desk.wait(20)
    assert "older than 300 s" in desk.only(OrderRejected).reason
    assert not desk.sent
    desk.audit()


def test_killed_after_the_send_and_before_the_answer_the_entry_is_adopted(start: Start) -> None:
    first = start()
    first.killed(first.order_entry, at="place", is_done=True)
    desk = first.again()
    assert desk.order(ENTRY).state is OrderState.ACCEPTED
    desk.wait(60)
    assert desk.roles_sent == [ENTRY]
    desk.bar(175.50)
    desk.bar(201.82)
    assert desk.closed.gross == Decimal("131.60")
    assert desk.roles_sent == [ENTRY, STOP, TARGET]
    desk.audit()


def test_an_entry_that_filled_while_the_desk_was_dead_is_booked_once_and_protected_at_once(
    start: Start,
) -> None:
    first = start()
    first.killed(first.order_entry, at="place", is_done=True)
    told = first.exchange.open(Bar(SYMBOL, first.now, 175.5, 175.5, 175.5, 175.5, 1e6))
    desk = first.again()
    assert desk.stage() is TradeState.HOLDING
    assert [line[0] for line in desk.working()] == [STOP, TARGET]
    desk.report(told)  # the stream tells it once more
    desk.reconcile()
    assert len(desk.events(FillBooked)) == 1
    desk.audit()


# -- killed while protection or an exit is on its way


@pytest.mark.parametrize("is_done", [False, True], ids=["before the send", "after the send"])
def test_killed_while_the_stop_is_sent_there_is_one_stop_as_soon_as_the_desk_is_back(
    start: Start, is_done: bool
) -> None:
    first = start()
    first.order_entry()
    first.killed(lambda: first.bar(175.50), at="place", is_done=is_done)
    desk = first.again()
    assert desk.working() == [
        (STOP, Side.SELL, 5, Decimal("166.72")),
        (TARGET, Side.SELL, 5, Decimal("201.82")),
    ]
    assert desk.stage() is TradeState.HOLDING
    assert desk.roles_sent == [ENTRY, STOP, TARGET]
    assert not desk.events(ProtectionRequested)
    desk.wait(60)
    desk.bar(166.00)
    assert desk.closed.reason == "stop"
    desk.audit()


@pytest.mark.parametrize("at", ["cancel", "place"], ids=["in the cancel of the stop", "in the exit itself"])
@pytest.mark.parametrize("is_done", [False, True], ids=["before the send", "after the send"])
def test_killed_while_a_position_is_being_left_it_is_left_once(start: Start, at: str, is_done: bool) -> None:
    first = start()
    first.enter()
    leave = CloseTrade(at=first.now, trade_id=first.trade.id, actor="human:maria")
    first.killed(lambda: first.feed(leave), at=at, is_done=is_done)
    desk = first.again()
    desk.quote(175.50)
    desk.wait(5)
    if desk.books.trades:
        assert [line[0] for line in desk.working()] == [EXIT]
        desk.quote(175.50)
    assert not desk.books.trades
    assert desk.exchange.positions() == {}
    assert desk.roles_sent.count(EXIT) == 1
    desk.bar(175.50)
    assert desk.working() == []
    desk.audit()


def test_a_stop_that_filled_while_the_desk_was_dead_leaves_nothing_to_sell(start: Start) -> None:
    first = start()
    first.enter()
    first.journal.close()
    for phase in (first.exchange.open, first.exchange.trade, first.exchange.close):
        phase(Bar(SYMBOL, first.now, 160.0, 160.0, 160.0, 160.0, 1e6))
    desk = first.again()
    assert not desk.books.positions
    assert not desk.books.trades
    assert desk.closed.reason == "stop"
    assert EXIT not in desk.roles_sent
    desk.bar(160.0)
    assert desk.working() == []
    desk.audit()


# -- restarts with nothing to do


def test_five_restarts_while_idle_leave_everything_as_it_was(start: Start) -> None:
    desk = start()
    desk.enter()
    desk.reconcile("close")
    before, working, sent = desk.books, desk.working(), list(desk.sent)
    for _ in range(5):
        desk.clock.advance(10 * SECOND)
        desk = desk.again()
        desk.wait(5)
        assert {type(event) for event, record in desk.heard if record is not None} <= QUIET
        assert desk.only(AccountReconciled).differences == ()
        assert settled(desk) == settled_books(before)
    assert desk.working() == working
    assert desk.sent == sent
    desk.audit()


def test_a_restart_with_seven_positions_and_fourteen_working_orders_adopts_them_all(start: Start) -> None:
    symbols = [f"S{number}" for number in range(7)]
    first = start(limits=Limits(max_open_positions=None, min_cash_fraction=Decimal(0)))
    for symbol in symbols:
        first.says(BUY, symbol)
    for _ in range(2):
        first.show(*(Bar(symbol, first.now, 175.5, 175.5, 175.5, 175.5, 1e6) for symbol in symbols))
    working, held = first.working(), dict(first.exchange.positions())
    assert (len(working), len(held)) == (14, 7)
    first.clock.advance(26 * 60 * MINUTE)  # its fills are older than the look-back by now
    desk = first.again()
    desk.wait(5)
    assert (desk.working(), dict(desk.exchange.positions())) == (working, held)
    assert desk.only(AccountReconciled).differences == ()
    assert not desk.events(FillBooked)
    assert not desk.events(OrderRequested)
    assert len(desk.books.positions) == 7
    desk.audit()


# -- a line that loses answers, with calls in flight


def test_while_an_entry_is_unknown_it_is_asked_about_and_never_sent_again(start: Start) -> None:
    desk = start()
    desk.line.lose("place", UNREACHABLE, is_done=True)
    desk.line.lose("order", *[UNREACHABLE] * 4)
    desk.order_entry()
    desk.wait(5)
    assert desk.order(ENTRY).state is OrderState.UNKNOWN
    assert desk.books.reserved > 0
    desk.wait(20)
    assert desk.order(ENTRY).state is OrderState.ACCEPTED
    assert desk.line.calls.count("order") == 5
    assert desk.roles_sent == [ENTRY]
    desk.audit()


def test_an_entry_that_did_not_arrive_is_absent_only_after_it_was_asked_for_several_times(
    start: Start,
) -> None:
    desk = start()
    desk.line.lose("place", UNREACHABLE)
    desk.order_entry()
    entry = desk.order(ENTRY)
    desk.wait(60)
    # After 0, 1, 3, 7 and 15 seconds, of orders and of everything that has traded.
    assert desk.line.calls.count("order") == desk.line.calls.count("executions") == 5
    assert [terms.client_order_id for terms in desk.sent] == [entry.id]
    assert desk.order(ENTRY).state is OrderState.ACCEPTED
    desk.audit()


def test_a_fill_that_the_stream_lost_is_found_within_the_minute_and_booked_once(start: Start) -> None:
    desk = start()
    desk.order_entry()
    lost = desk.exchange.open(Bar(SYMBOL, desk.now, 175.5, 175.5, 175.5, 175.5, 1e6))
    desk.wait(60)
    assert not desk.books.positions
    desk.reconcile("minute")
    assert desk.books.positions[SYMBOL].quantity == 5
    assert [line[0] for line in desk.working()] == [STOP, TARGET]
    desk.report([*lost, *lost])
    assert len(desk.events(FillBooked)) == 1
    desk.audit()


def test_fills_told_twice_by_everybody_and_in_any_order_come_to_the_same_books(start: Start) -> None:
    desk = start(rules=PaperRules(participation_fraction=Decimal("0.1")), entry=OrderType.LIMIT)
    desk.order_entry()
    told: list[ExecutionReport] = []
    for minute in range(3):
        told += desk.exchange.open(Bar(SYMBOL, desk.now + minute * MINUTE, 175.5, 175.5, 175.5, 175.5, 20))
    desk.clock.advance(3 * MINUTE)
    assert [report.last_quantity for report in told] == [2, 2, 1]
    for report in [*reversed(told), *told]:
        desk.report([report])
        desk.reconcile("minute")
    assert len(desk.events(FillBooked)) == 3
    assert desk.books.positions[SYMBOL].quantity == 5
    assert {line[2] for line in desk.working()} == {5}
    desk.audit()


def test_an_order_given_up_for_lost_that_turns_up_after_all_is_cancelled(start: Start) -> None:
    desk = start()
    desk.line.lose("place", UNREACHABLE)
    desk.order_entry()
    terms = desk.order(ENTRY).terms
    desk.quote(180.00)
    desk.wait(20)
    assert not desk.books.trades
    desk.exchange.place(Approved(orders=(terms,), by=("risk:late",), at=desk.now), HAND)
    desk.reconcile()
    assert desk.only(TradeRevived).client_order_id == terms.client_order_id
    assert desk.only(OrderCancelled).client_order_id == terms.client_order_id
    assert desk.working() == []
    assert not desk.books.trades
    assert not desk.events(ExternalOrderSeen)
    desk.audit()


def test_an_order_given_up_for_lost_that_has_filled_meanwhile_is_protected(start: Start) -> None:
    desk = start()
    desk.line.lose("place", UNREACHABLE)
    desk.order_entry()
    terms = desk.order(ENTRY).terms
    desk.quote(180.00)
    desk.wait(20)
    desk.exchange.place(Approved(orders=(terms,), by=("risk:late",), at=desk.now), HAND)
    desk.quote(180.00)
    desk.reconcile()
    assert desk.books.positions[SYMBOL].quantity == 5
    assert [line[0] for line in desk.working()] == [STOP, TARGET]
    desk.audit()


def test_an_order_of_ours_that_the_venue_lost_is_over_once_it_was_asked_for_several_times(
    start: Start,
) -> None:
    desk = start(entry=OrderType.LIMIT)
    desk.order_entry()
    entry = desk.order(ENTRY)
    vanish(desk, entry.id)
    desk.reconcile()
    assert desk.order(ENTRY).is_in_doubt
    desk.wait(20)
    assert desk.only(OrderCancelled).reason == "the venue no longer knows it"
    assert not desk.books.trades
    desk.audit()


def vanish(desk: Process, order_id: str) -> None:
    """The venue neither works the order any more nor remembers it."""
    desk.exchange.cancel(order_id, HAND)
    remembered = desk.line.order

    def order(client_order_id: str) -> Any:
        told = remembered(client_order_id)
        return () if client_order_id == order_id else told

    desk.line.order = order  # type: ignore[method-assign]


# -- venues that promise less


def test_a_venue_that_forgets_ids_is_sent_protection_again_only_when_the_first_can_no_longer_arrive(
    start: Start,
) -> None:
    desk = start(capabilities=replace(PAPER, dedupe=Dedupe.OPEN_ONLY))
    desk.order_entry()
    desk.line.lose("place", UNREACHABLE)
    desk.quote(175.50)
    desk.wait(9)
    assert desk.roles_sent == [ENTRY]
    desk.wait(10)
    assert desk.roles_sent == [ENTRY, STOP, TARGET]
    assert desk.stage() is TradeState.HOLDING
    desk.audit()


def test_a_venue_that_takes_an_id_twice_never_gets_an_entry_twice_and_a_person_is_asked(
    start: Start,
) -> None:
    desk = start(capabilities=replace(PAPER, dedupe=Dedupe.NONE))
    desk.line.lose("place", UNREACHABLE)
    desk.order_entry()
    terms = desk.order(ENTRY).terms
    desk.wait(120)
    assert not desk.sent
    suspended = desk.only(SymbolSuspended)
    assert suspended.orders == (terms.client_order_id,)
    assert f"look at the venue for an order to buy 5 {SYMBOL}" in suspended.todo
    # It was to be cancelled at once, and there was nothing to cancel.
    assert desk.only(OrderRejected).code == Rejection.NOT_SENT
    assert not desk.books.trades
    desk.order_entry()
    assert "suspended" in {breach.limit for breach in desk.only(LimitExceeded).breaches}
    # It turns up all the same, an hour later, and is known by its name.
    desk.clock.advance(60 * MINUTE)
    desk.exchange.place(Approved(orders=(terms,), by=("risk:late",), at=desk.now), HAND)
    desk.reconcile()
    assert desk.working() == []
    assert SYMBOL in desk.books.suspended
    assert not desk.sent
    desk.audit()


def test_protection_lost_at_such_a_venue_is_decided_anew_under_a_new_id(start: Start) -> None:
    desk = start(capabilities=replace(PAPER, dedupe=Dedupe.NONE))
    desk.order_entry()
    desk.line.lose("place", UNREACHABLE)
    desk.bar(175.50)
    lost = desk.order(STOP).id
    desk.wait(20)
    assert desk.roles_sent == [ENTRY, STOP, TARGET]
    assert desk.order(STOP).id != lost
    assert [line[0] for line in desk.working()] == [STOP, TARGET]
    assert desk.stage() is TradeState.HOLDING
    desk.audit()


# -- what waits in the outbox


def test_an_entry_that_is_cancelled_before_it_left_never_leaves(tmp_path: Path) -> None:
    desk = Process(tmp_path / "desk.journal", has_outbox=True)
    desk.run = lambda: None  # type: ignore[method-assign]
    desk.order_entry()
    entry = desk.order(ENTRY)
    desk.feed(CancelOrder(at=desk.now, client_order_id=entry.id))
    assert desk.desk.depart() is None
    assert desk.only(OrderRejected).code == Rejection.NOT_SENT
    assert not desk.line.calls
    assert not desk.books.trades
    desk.audit()


def test_killed_with_an_entry_waiting_it_leaves_after_the_restart(tmp_path: Path) -> None:
    first = Process(tmp_path / "desk.journal", has_outbox=True)
    first.run = lambda: None  # type: ignore[method-assign]
    first.order_entry()
    desk = first.again()
    desk.quote(175.50)
    desk.wait(20)
    assert desk.roles_sent == [ENTRY]
    assert len(desk.events(DeskStarted)) == len(desk.events(OrderUnknown)) == 1
    desk.bar(175.50)
    assert len(desk.events(OrderFilled)) == 1
    assert len(desk.events(OrderAccepted)) == 3
    desk.audit()
