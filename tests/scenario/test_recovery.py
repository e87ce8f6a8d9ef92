"""A desk that was killed, cut off or lied to takes up where it was: nothing twice, nothing forgotten.

The journal is a real file; the venue outlives every process. A desk either stands still until the venue
has answered (`inline`), or puts its calls into an outbox and goes on (`outbox`).
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, JOURNAL_ID, SYMBOL, World
from tests.unruly import UNREACHABLE, Unruly
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.capabilities import PAPER, Dedupe
from tradewrit.domain.events.account import (
    AccountReconciled,
    AdoptPosition,
    DeskStarted,
    ExternalBooked,
    ExternalOrderSeen,
    PositionAdopted,
    PositionAgreed,
    PositionDisputed,
    SymbolSuspended,
    TransitionRefused,
)
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import SharesSplit
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
from tradewrit.domain.market import MINUTE, SECOND, Bar, Quote
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Approved, OrderState, OrderTerms, OrderType, Role, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.scopes import Grant
from tradewrit.domain.splits import Ratio
from tradewrit.domain.trades import TradeState
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.outbox import Outbox
from tradewrit.runtime.perform import Departure

ENTRY, STOP, TARGET, EXIT = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT
HAND = Grant(id="h", agent="hand", scopes=frozenset({"write:trades:*"}), issued_at=0, expires_at=2**62)


QUIET = {DeskStarted, AccountReconciled, WritsIssued, WritsRenewed}
"""What a restart may put on record when nothing has happened."""


class Killed(BaseException):
    """SIGKILL: nothing between here and the operating system catches it."""


class Process(World):
    """One run of the desk; the next one opens the same file, and meets the same venue."""

    def __init__(self, path: Path, *, has_outbox: bool, after: "Process | None" = None, **more: Any) -> None:
        self.path, self.has_outbox, self.more = path, has_outbox, more
        if after is not None:
            more = more | {"exchange": after.exchange, "at": after.clock.now()}
        self.sent: list[OrderTerms] = [] if after is None else after.sent
        super().__init__(
            journal=SqliteJournal.open(path, id=JOURNAL_ID, created_at=0),
            broker=self._line,
            outbox=Outbox() if has_outbox else None,
            **more,
        )
        self.run()

    def _line(self, exchange: PaperExchange) -> Unruly:
        self.line = Unruly(exchange, self.more.get("capabilities"))
        self.line.sent = self.sent  # what was ever passed on, by whichever process
        return self.line

    # -- what an outbox holds leaves, if there is one

    def run(self) -> None:
        """Whatever may leave does, and its outcome arrives, until nothing is left to do."""
        while (departure := self.desk.depart()) is not None:
            self.desk.arrive(departure, departure.work(self.now))

    def feed(self, event: Event, source: str = "input") -> list[Event]:
        said = super().feed(event, source)
        self.run()
        return said

    def show(self, *bars: Bar) -> None:
        super().show(*bars)
        self.run()

    def report(self, reports: Any) -> None:
        super().report(reports)
        self.run()

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            super().wait(1)
            self.run()

    def reconcile(self, cause: str = "minute") -> None:
        """The account is asked for, and once more where that is called for."""
        self.desk.reconcile(cause)
        self.run()
        self.wait(3)

    # -- the end of it

    def killed(self, do: Callable[[], object], *, at: str, is_done: bool) -> None:
        """Die in the next call of this name: before it reaches the venue, or before its answer is known."""
        if self.has_outbox:
            self._killed_with_a_call_in_flight(do, at, is_done=is_done)
        else:
            self.line.lose(at, Killed(), is_done=is_done)  # type: ignore[arg-type]
            with pytest.raises(Killed):
                do()
        self.journal.close()

    def _killed_with_a_call_in_flight(self, do: Callable[[], object], at: str, *, is_done: bool) -> None:
        def until_then() -> None:
            while (departure := self.desk.depart()) is not None:
                is_it = _call(departure) == at
                if is_it and not is_done:
                    raise Killed
                outcome = departure.work(self.now)
                if is_it:
                    raise Killed
                self.desk.arrive(departure, outcome)

        self.run = until_then  # type: ignore[method-assign]
        with pytest.raises(Killed):
            do()

    def again(self, **more: Any) -> "Process":
        """The next process on the same file."""
        self.journal.close()
        return Process(self.path, has_outbox=self.has_outbox, after=self, **(self.more | more))

    @property
    def roles_sent(self) -> list[Role]:
        """The role of every order that was ever passed on to the venue, repeats included."""
        return [terms.role for terms in self.sent]

    def order_entry(self, price: float = 175.50, symbol: str = SYMBOL) -> None:
        """A signal at the close of a bar, and the order it leads to."""
        self.says(BUY, symbol)
        self.bar(price, symbol=symbol)


def _call(departure: Departure) -> str:
    name = type(departure.asked.effect).__name__
    return {"PlaceOrders": "place", "CancelAtVenue": "cancel", "ReplaceAtVenue": "replace"}.get(name, name)


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


def settled(desk: World) -> Any:
    return settled_books(desk.books)


def settled_books(books: Any) -> Any:
    """The books without what a restart may change: who acts, when it was looked, and how much was said."""
    return replace(books, writs={}, reconciled_at=0, events=0)


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


# -- what others do in the account


def by_hand(desk: Process, name: str = "typed-in-the-app", **more: Any) -> OrderTerms:
    """The trader types an order into the broker's own app."""
    facts: dict[str, Any] = {
        "client_order_id": name,
        "trade_id": "",
        "symbol": SYMBOL,
        "side": Side.BUY,
        "quantity": Qty(Decimal(100)),
        "type": OrderType.LIMIT,
        "limit_price": Price(Decimal("150.00")),
        "role": ENTRY,
    }
    terms = OrderTerms(**(facts | more))
    desk.exchange.place(Approved(orders=(terms,), by=("hand",), at=desk.now), HAND)
    return terms


def test_an_order_typed_in_the_brokers_app_is_seen_once_and_left_alone(start: Start) -> None:
    desk = start()
    desk.enter()
    terms = by_hand(desk)
    desk.reconcile()
    desk.reconcile()
    assert desk.only(ExternalOrderSeen).terms == terms
    assert desk.books.strangers == (terms.client_order_id,)
    desk = desk.again()
    desk.wait(5)
    assert not desk.events(ExternalOrderSeen)
    assert terms in desk.exchange.open_orders()
    desk.exchange.cancel(terms.client_order_id, HAND)
    desk.reconcile()
    assert desk.books.strangers == ()
    desk.audit()


def test_a_trade_made_by_hand_counts_in_cash_and_in_every_limit_and_is_nobodys_to_close(start: Start) -> None:
    desk = start()
    desk.enter()
    desk.quote(175.50)
    trade, cash = desk.trade, desk.books.cash
    by_hand(desk, limit_price=Price(Decimal("180.00")))
    desk.quote(175.50)
    desk.reconcile()
    booked = desk.only(ExternalBooked)
    assert booked.fill.quantity == 100
    assert desk.books.external[SYMBOL].signed == 100
    assert desk.books.cash == cash + booked.cash_change == desk.exchange.cash
    assert desk.books.units(SYMBOL) == desk.exchange.positions()[SYMBOL] == 105
    assert not desk.events(PositionDisputed)
    # The desk's own trade goes on as it was, and sells only what is its own.
    assert desk.trade == trade
    desk.bar(201.82)
    assert desk.closed.quantity == 5
    assert desk.exchange.positions() == {SYMBOL: Decimal(100)}
    desk.reconcile()
    assert desk.books.units(SYMBOL) == 100
    desk.audit(is_in_step=False)


def test_what_is_held_by_hand_leaves_less_to_trade_with(start: Start) -> None:
    desk = start(cash="10000")
    by_hand(desk, symbol="MSFT", quantity=Qty(Decimal(60)), limit_price=Price(Decimal("100.00")))
    desk.quote(100.00, symbol="MSFT")
    desk.reconcile()
    assert desk.books.external["MSFT"].signed == 60
    desk.order_entry()
    refused = desk.only(LimitExceeded)
    assert "min_cash_fraction" in {breach.limit for breach in refused.breaches}
    assert desk.sent == []


# -- a position that nobody can explain


def moved_at_venue(desk: Process) -> None:
    """The venue splits the shares two for one, and the desk hears nothing of it."""
    ratio, price = Ratio(new=Decimal(2), old=Decimal(1)), Price(Decimal("87.75"))
    desk.exchange.split(SharesSplit(at=desk.now, action="split-1", symbol=SYMBOL, ratio=ratio, price=price))


def test_a_position_that_no_fill_explains_suspends_entries_until_a_person_adopts_it(start: Start) -> None:
    desk = start()
    desk.enter()
    moved_at_venue(desk)
    desk.desk.reconcile("minute")
    desk.run()
    assert not desk.events(PositionDisputed)  # once may be a report on its way
    desk.wait(3)
    disputed = desk.only(PositionDisputed)
    assert (disputed.symbol, disputed.ours, disputed.theirs) == (SYMBOL, Decimal(5), Decimal(10))
    assert SYMBOL in disputed.todo
    desk.reconcile()
    assert len(desk.events(PositionDisputed)) == 1  # said once

    adopt = AdoptPosition(at=desk.now, symbol=SYMBOL, actor="risk_officer", reason="looks right")
    desk.feed(adopt)
    assert isinstance(desk.events(TransitionRefused)[-1], TransitionRefused)
    assert desk.books.disputed
    maria = replace(adopt, actor="human:maria", reason="a split: I checked", price=Decimal("87.75"))
    desk.feed(maria)
    fill = desk.only(PositionAdopted).fill
    assert (fill.side, fill.quantity, fill.price) == (Side.BUY, Decimal(5), Decimal("87.75"))
    assert not desk.books.disputed
    assert desk.books.units(SYMBOL) == 10
    desk.reconcile()
    assert desk.events(AccountReconciled)[-1].differences == ()


def test_what_the_venue_held_before_the_books_moved_on_is_not_adopted(start: Start) -> None:
    desk = start()
    desk.enter()
    moved_at_venue(desk)
    desk.reconcile()
    desk.feed(CloseTrade(at=desk.now, trade_id=desk.trade.id, actor="human:maria"))
    desk.quote(87.75)
    assert not desk.books.positions
    adopt = AdoptPosition(
        at=desk.now, symbol=SYMBOL, actor="human:maria", reason="ten", price=Decimal("87.75")
    )
    desk.feed(adopt)
    assert "as it was when the venue was asked last, only by a person" in desk.only(TransitionRefused).cause
    desk.reconcile()
    desk.feed(replace(adopt, at=desk.now, reason="five"))
    assert desk.only(PositionAdopted).fill.quantity == 5
    assert desk.books.units(SYMBOL) == desk.exchange.positions()[SYMBOL] == 5


def test_nothing_new_is_entered_in_a_disputed_symbol_and_elsewhere_it_is(start: Start) -> None:
    desk = start()
    by_hand(desk, type=OrderType.MARKET, limit_price=None)
    desk.exchange.quote(Quote(SYMBOL, desk.now, 175.50, 175.50))
    desk.exchange.executions = lambda _: ()  # type: ignore[method-assign, assignment]  # the fill is lost for good
    desk.reconcile()
    assert desk.only(PositionDisputed).theirs == 100
    desk = desk.again()  # and it is not forgotten
    desk.order_entry()
    assert "disputed" in {breach.limit for breach in desk.only(LimitExceeded).breaches}
    assert not desk.sent
    desk.order_entry(symbol="MSFT")
    assert desk.roles_sent == [ENTRY]


def test_a_dispute_ends_by_itself_when_the_venue_comes_round(start: Start) -> None:
    desk = start()
    desk.enter()
    held = desk.line.positions
    desk.line.positions = dict  # type: ignore[method-assign]
    desk.reconcile()
    assert desk.only(PositionDisputed).theirs == 0
    desk.line.positions = held  # type: ignore[method-assign]
    desk.reconcile()
    assert desk.only(PositionAgreed).symbol == SYMBOL
    assert not desk.books.disputed
    desk.audit()


def test_an_entry_at_work_is_taken_back_when_its_symbol_becomes_disputed(start: Start) -> None:
    desk = start(entry=OrderType.LIMIT)
    desk.order_entry()
    desk.line.positions = lambda: {SYMBOL: Decimal(7)}  # type: ignore[method-assign]
    desk.reconcile()
    assert desk.only(OrderCancelled).role is ENTRY
    assert desk.working() == []
    assert not desk.books.trades


def test_an_account_that_cannot_be_asked_for_changes_nothing_and_is_asked_for_again(start: Start) -> None:
    desk = start()
    desk.enter()
    before = desk.books
    for call in ("executions", "open_orders", "positions"):
        desk.line.lose(call, UNREACHABLE)
        desk.reconcile()
    assert settled(desk) == settled_books(before)
    assert not desk.events(AccountReconciled)
    desk.reconcile()
    assert desk.only(AccountReconciled).differences == ()


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
