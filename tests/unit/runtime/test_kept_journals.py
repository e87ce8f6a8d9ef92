"""Journals that earlier versions wrote: today's code reads them, decides as they say, and goes on with the trade.

A test that fails here says that the next version would change what is on record of somebody's money. Then
either the change is wrong, or it needs a migration and a note in the changelog. F-61.
"""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tests.desks import JOURNAL_ID, SYMBOL, World
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.events.account import AccountReconciled
from tradewrit.domain.events.orders import OrderRequested
from tradewrit.domain.instruments import plain
from tradewrit.domain.market import MINUTE, SECOND, Bar
from tradewrit.domain.orders import Approved, OrderTerms, Role
from tradewrit.domain.scopes import Grant
from tradewrit.domain.trades import TradeState
from tradewrit.runtime.desk import stream_of
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.records import Entry
from tradewrit.runtime.replay import event_of, replay

STREAM = stream_of("paper")
KEPT = Path(__file__).parent / "kept" / "a_position_held_by_0_1_0.jsonl"
HAND = Grant(id="h", agent="hand", scopes=frozenset(), issued_at=0, expires_at=2**62)


@pytest.fixture
def kept() -> MemoryJournal:
    """5 AAPL bought at 175.50 and protected, as version 0.1.0 wrote it down."""
    journal = MemoryJournal(JOURNAL_ID)
    for seq, line in enumerate(KEPT.read_text().splitlines()):
        fields = msgspec.json.decode(line)
        recorded_at, body = fields.pop("recorded_at"), fields.pop("body").encode()
        entry = Entry(**fields, body=body)
        journal.append(STREAM, [entry], expected_seq=seq, recorded_at=recorded_at, epoch=0)
    return journal


def test_it_folds_to_what_was_held(kept: MemoryJournal) -> None:
    books = replay(kept, STREAM).books
    (trade,) = books.trades.values()
    assert (trade.state, trade.stop_price, trade.target_price) == (
        TradeState.HOLDING,
        Decimal("166.72"),
        Decimal("201.82"),
    )
    assert books.positions[SYMBOL].signed == 5
    assert books.cash == Decimal(100_000) - 5 * Decimal("175.50") * Decimal("1.001")
    assert {order.terms.role for order in books.orders.values() if order.is_live} == {Role.STOP, Role.TARGET}


def test_the_same_day_leads_to_the_same_decisions_today(kept: MemoryJournal) -> None:
    world = World()
    world.enter()
    then = [event_of(record) for record in kept.read(STREAM)]
    assert [record.entry.type for record in world.records()] == [r.entry.type for r in kept.read(STREAM)]
    assert [unnamed(event.terms) for event in then if isinstance(event, OrderRequested)] == [
        unnamed(event.terms) for event in world.events(OrderRequested)
    ]


def unnamed(terms: OrderTerms) -> OrderTerms:
    """Without its ids: those of a new trade may be derived in another way, those of an open one are on record."""
    return replace(terms, client_order_id="", trade_id="", oco=None if terms.oco is None else "pair")


def test_a_newer_desk_takes_the_trade_over_and_ends_it(kept: MemoryJournal) -> None:
    venue = PaperExchange(lambda symbol: plain(symbol, "USD"), initial_cash=Decimal(100_000))
    entry, *protection = [
        event.terms for event in map(event_of, kept.read(STREAM)) if isinstance(event, OrderRequested)
    ]
    at = entry_at = next(r.entry.at for r in kept.read(STREAM) if r.entry.type == "order.submit.requested")
    venue.place(Approved(orders=(entry,), by=("0.1.0",), at=at), HAND)
    venue.open(Bar(SYMBOL, entry_at, 175.5, 175.5, 175.5, 175.5, 1e6))
    venue.place(Approved(orders=tuple(protection), by=("0.1.0",), at=at), HAND)
    world = World(journal=kept, exchange=venue, at=entry_at + 2 * MINUTE)
    world.wait(5)
    assert world.only(AccountReconciled).differences == ()
    assert world.stage() is TradeState.HOLDING
    world.clock.advance(SECOND)
    world.bar(201.82)
    assert (world.closed.reason, world.closed.gross) == ("target", Decimal("131.60"))
    world.audit()
