"""One transaction per input, intents on record before anything leaves, and nothing at all when the journal refuses."""

from collections.abc import Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, JOURNAL_ID, SYMBOL, World
from tests.feeds import TableFeed
from tests.unruly import THROTTLED, Unruly
from tradewrit.domain.books import Books
from tradewrit.domain.decisions import Decision
from tradewrit.domain.effects import CancelAtVenue
from tradewrit.domain.events.account import CashMoved
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import CheckMarketStatus, QuoteReceived, TickReceived
from tradewrit.domain.events.orders import Exec, ExecutionReport, OrderFilled, OrderRejected, OrderRequested
from tradewrit.domain.events.positions import CloseTrade, StopFailed, TradeAborted
from tradewrit.domain.events.registry import name_of
from tradewrit.domain.events.risk import RiskApproved
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.market import SECOND, Bar, Quote, Tick
from tradewrit.domain.orders import Role
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.reviews import PolicyKind, ReviewPolicy
from tradewrit.domain.scopes import Grant
from tradewrit.domain.trades import TradeState
from tradewrit.errors import JournalConflict, JournalUnwritable
from tradewrit.kernel import AGENTS
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.records import Entry, Record
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.roles import roles

ENTRY, STOP, TARGET, EXIT = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT


class FullDisk(MemoryJournal):
    """A journal that refuses to write when it is told to."""

    is_full = False

    def append(
        self, stream: str, entries: Sequence[Entry], *, expected_seq: int, recorded_at: int, epoch: int = 0
    ) -> list[Record]:
        if self.is_full:
            raise JournalUnwritable("no space left on device")
        return super().append(
            stream, entries, expected_seq=expected_seq, recorded_at=recorded_at, epoch=epoch
        )


def connected(**more: Any) -> tuple[World, Unruly]:
    """A desk, and the line to its broker."""
    world = World(broker=Unruly, **more)
    assert isinstance(world.broker, Unruly)
    return world, world.broker


# -- the journal comes first


def test_an_input_the_journal_refuses_was_never_taken() -> None:
    journal = FullDisk(JOURNAL_ID)
    world, line = connected(journal=journal)
    before, heard = world.books, len(world.heard)
    journal.is_full = True
    world.says(BUY)
    with pytest.raises(JournalUnwritable, match="no space"):
        world.bar(175.50)
    assert world.books is before
    assert line.calls == []
    assert len(world.heard) == heard
    journal.is_full = False
    world.says(BUY)
    world.bar(175.50)
    assert len(line.sent) == 1
    world.audit()


def test_a_report_the_journal_refused_can_be_given_again() -> None:
    journal = FullDisk(JOURNAL_ID)
    world = World(journal=journal)
    world.says(BUY)
    world.bar(175.50)
    reports = world.exchange.open(_bar(world))
    journal.is_full = True
    with pytest.raises(JournalUnwritable):
        world.report(reports)
    assert not world.books.positions
    journal.is_full = False
    world.report(reports)
    assert world.books.positions[SYMBOL].quantity == 5
    assert world.stage() is TradeState.HOLDING
    world.audit()


def _bar(world: World) -> Bar:
    return Bar(SYMBOL, world.now, 175.5, 175.5, 175.5, 175.5, 1e6)


def test_every_order_is_in_the_journal_before_the_broker_hears_of_it() -> None:
    world, line = connected()
    seen: list[tuple[str, bool]] = []

    def look(call: str) -> None:
        recorded = {record.entry.type for record in world.records()}
        wanted = {"place": "order.submit.requested", "cancel": "order.cancel.requested"}[call]
        seen.append((call, wanted in recorded))

    line.spy = look
    world.enter()
    world.feed(_close(world))
    assert [call for call, _ in seen] == ["place", "place", "cancel", "cancel", "place"]
    assert all(is_recorded for _, is_recorded in seen)
    recorded = [event.terms.client_order_id for event in world.events(OrderRequested)]
    assert [terms.client_order_id for terms in line.sent] == recorded


def _close(world: World) -> CloseTrade:
    return CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria")


def test_one_input_is_one_transaction() -> None:
    sizes: list[int] = []

    class Counting(MemoryJournal):
        def append(self, *args: Any, **more: Any) -> list[Record]:
            stored = super().append(*args, **more)
            sizes.append(len(stored))
            return stored

    world = World(journal=Counting(JOURNAL_ID))
    world.says(BUY)
    world.bar(175.50)
    # The opening; the bar with everything up to the intent; the acknowledgement.
    assert sizes == [1, 1, 8, 2]


def test_an_empty_step_writes_nothing() -> None:
    world = World()
    before = world.journal.head(world.desk.stream)
    world.bar(175.50)
    world.quote(175.50)
    assert world.journal.head(world.desk.stream) == before


def test_a_second_desk_on_the_same_journal_is_told_that_it_is_not_alone() -> None:
    journal = MemoryJournal(JOURNAL_ID)
    first, second = World(journal=journal), World(journal=journal)
    second.feed(CashMoved(at=second.now, amount=Decimal(1), reason="deposit"))
    before = first.books
    with pytest.raises(JournalConflict, match="somebody else appended"):
        first.feed(CashMoved(at=first.now, amount=Decimal(2), reason="deposit"))
    assert first.books is before
    assert second.books.cash == 100_001
    second.audit(is_in_step=False)


def test_market_watch_writes_no_record() -> None:
    world = World()
    world.enter()
    for price in (176.0, -1.0, 0.0, 177.0):
        quote = Quote(SYMBOL, world.now, price, price)
        world.feed(QuoteReceived(at=world.now, quote=quote), "market")
    for sequence in (1, 2, 9):
        tick = Tick(SYMBOL, world.now, 176.0, 10.0, sequence)
        world.feed(TickReceived(at=world.now, tick=tick), "market")
    assert "market_watch" not in {record.entry.source for record in world.records()}


# -- permission


def test_an_order_without_a_writ_is_rejected_and_not_sent() -> None:
    class Cut(MemoryJournal):
        """At the very moment at which the intent is on disk, an operator takes the writ away."""

        def append(self, stream: str, entries: Sequence[Entry], **more: Any) -> list[Record]:
            stored = super().append(stream, entries, **more)
            if any(entry.type == name_of(OrderRequested) for entry in entries):
                issuer.revoke("executor")
            return stored

    issuer = LocalIssuer(JOURNAL_ID)
    world, line = connected(issuer=issuer, journal=Cut(JOURNAL_ID))
    world.says(BUY)
    world.bar(175.50)
    denied = world.only(WritDenied)
    assert (denied.agent, denied.scope, denied.effect) == ("executor", "write:trades:AAPL", "PlaceOrders")
    assert world.only(OrderRejected).code == "no_writ"
    assert world.only(TradeAborted).outcome == "rejected"
    assert line.sent == []  # a cancel of what never left may: it is harmless, and asks for no entry's writ
    assert not world.books.trades
    world.audit()


def test_an_agent_without_a_writ_of_its_own_cannot_borrow_the_executors() -> None:
    def sneak(books: Books, market: object, event: OrderFilled) -> Decision:
        del books, market
        effect = CancelAtVenue(trace=event.trace, symbol=event.symbol, client_order_id=event.client_order_id)
        return Decision(effects=(effect,))

    rogue = SimpleNamespace(NAME="rogue", Hears=OrderFilled, decide=sneak)
    world, line = connected(agents=(*AGENTS, rogue))
    world.enter()
    assert world.only(WritDenied).agent == "rogue"
    assert "cancel" not in line.calls
    assert world.stage() is TradeState.HOLDING


def test_a_writ_for_one_symbol_does_not_cover_another() -> None:
    world, line = connected(terms=roles("paper", "paper", symbols=["MSFT"]))
    world.says(BUY)
    world.bar(175.50)
    assert "does not cover write:trades:AAPL" in world.only(WritDenied).reason
    assert line.calls == []
    world.audit()


def test_a_writ_lost_with_a_position_open_is_an_alarm_and_not_an_endless_loop() -> None:
    issuer = LocalIssuer(JOURNAL_ID)
    world, line = connected(issuer=issuer)
    world.says(BUY)
    world.bar(175.50)
    issuer.revoke("position_keeper")
    world.bar(175.50)
    # Three tries to protect it, one to leave with the fill and one with the bar; then once a bar.
    assert len(world.events(StopFailed)) == 5
    assert world.stage() is TradeState.EXIT_TRIGGERED
    assert line.calls == ["place"]
    denied = len(world.events(WritDenied))
    world.bar(175.0)
    assert len(world.events(WritDenied)) == denied + 1
    assert not world.exchange.open_orders()
    # Both legs of the refused pair are dead in the books: nothing waits for an answer that never comes.
    assert not [order for order in world.books.orders.values() if order.is_live]
    world.audit()


def test_a_cancel_without_a_writ_leaves_the_order_working_in_the_books_too() -> None:
    issuer = LocalIssuer(JOURNAL_ID)
    world, line = connected(issuer=issuer)
    world.enter()
    issuer.revoke("position_keeper")
    world.feed(_close(world))
    assert "cancel" not in line.calls
    assert {order.state for order in world.books.orders.values() if order.is_live} == {"accepted"}
    assert [order[0] for order in world.working()] == [STOP, TARGET]
    world.audit()


# -- grants live while they are used


def test_a_grant_is_renewed_at_half_its_life_and_every_order_leaves_under_a_live_one() -> None:
    seen: list[Grant] = []

    class Checking(Unruly):
        def place(self, approved: Any, grant: Grant) -> Any:
            seen.append(grant)
            return super().place(approved, grant)

    terms = roles("paper", "paper", protective_ttl_s=180)
    world = World(broker=Checking, issuer=LocalIssuer(JOURNAL_ID, ttl_s=180), terms=terms)
    world.enter()  # one minute between the two
    world.desk.tick()
    world.clock.advance(60 * SECOND)
    world.feed(_close(world))
    # The entry under the executor's writ, the stop and the exit under the keeper's, which was renewed between.
    assert [grant.agent for grant in seen] == ["executor", "position_keeper", "position_keeper"]
    assert seen[1].agent_id == seen[2].agent_id
    assert seen[1].id != seen[2].id
    for grant in seen:
        assert grant.expires_at - grant.issued_at == 180 * SECOND
    sent = {order.token_id for order in world.events(OrderRequested)}
    assert sent == {grant.id for grant in seen}


# -- what is told


def test_an_answer_that_leads_to_nothing_is_still_given_and_told() -> None:
    world = World(feed=TableFeed())
    said = world.feed(CheckMarketStatus(at=world.now))
    assert [type(event).__name__ for event in said] == ["CheckMarketStatus", "MarketStatusReported"]
    assert [type(event).__name__ for event, _ in world.heard][-2:] == [
        "CheckMarketStatus",
        "MarketStatusReported",
    ]


def test_a_tick_that_leads_to_nothing_still_reaches_the_market() -> None:
    world = World()
    world.feed(TickReceived(at=world.now, tick=Tick(SYMBOL, world.now, 176.0, 10.0, 1)), "market")
    assert world.market.sequence(SYMBOL) == 1
    assert world.market.mark(SYMBOL) == 176


def test_a_handler_that_comes_back_with_more_waits_its_turn() -> None:
    said: list[list[Event]] = []

    class Impatient(list[tuple[str, int]]):
        def append(self, asked: tuple[str, int]) -> None:
            super().append(asked)
            said.append(world.feed(CashMoved(at=world.now, amount=Decimal(1), reason="deposit")))

    world = World()
    world.asked = Impatient()
    led_to = world.feed(_question(world))
    assert said == [[]]  # nothing yet: it has only been queued
    assert [type(event).__name__ for event in led_to] == ["RiskApproved", "ReviewRequested", "CashMoved"]
    assert world.books.cash == 100_001


def _question(world: World) -> RiskApproved:
    """An edit that risk agreed to: whatever the policy, people are asked."""
    donor = World(review=ReviewPolicy(kind=PolicyKind.REQUIRE))
    donor.says(BUY)
    donor.bar(175.50)
    return replace(donor.only(RiskApproved), at=world.now, review_id="question")


def test_a_report_heard_twice_is_taken_once_even_in_another_form() -> None:
    world = World()
    world.enter()
    fill = next(event for event in world.events(ExecutionReport) if event.kind is Exec.TRADE)
    before = world.journal.head(world.desk.stream)
    assert world.feed(fill, "broker") == []
    assert world.feed(fill, "reconciliation") == []
    assert world.journal.head(world.desk.stream) == before


def test_what_the_desk_reports_of_a_lost_call_belongs_to_the_trade() -> None:
    world, line = connected()
    line.lose("place", THROTTLED)
    world.says(BUY)
    world.bar(175.50)
    report = world.only(ExecutionReport)
    assert report.code == Rejection.NOT_TAKEN
    assert report.trace == world.only(OrderRequested).trace
