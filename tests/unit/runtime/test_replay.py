"""Whatever a desk did, its journal folds to the same books, on any machine."""

import hashlib
import subprocess
import sys
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from tests.desks import BUY, LEAVE, SELL, World
from tradewrit.domain.books import decode_books
from tradewrit.domain.events.positions import CloseTrade
from tradewrit.domain.reviews import PolicyKind, ReviewPolicy
from tradewrit.errors import JournalCorrupt
from tradewrit.runtime.journal.records import Entry
from tradewrit.runtime.replay import event_of, events_of, replay

DAY = """
from decimal import Decimal
from tests.desks import BUY, SELL, World
world = World()
world.enter()
world.bar(180.0, 202.0)
world.says(SELL)
world.bar(180.0)
world.bar(181.0)
print(world.books.state_hash, world.journal.head(world.desk.stream).hash)
"""


def a_day() -> World:
    """A target, a stop, a manual exit, and a short that is still open."""
    world = World()
    world.enter()
    world.bar(180.0, 202.0)
    world.enter(180.0)
    world.bar(150.0)
    world.enter(150.0)
    world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria"))
    world.bar(151.0)
    world.enter(150.0, SELL)
    return world


def test_a_journal_folds_to_the_books_it_was_written_with() -> None:
    world = a_day()
    replayed = replay(world.journal, world.desk.stream)
    assert replayed.books == world.books
    assert replayed.state_hash == world.books.state_hash
    assert replayed.events == replayed.seq == world.books.events
    assert world.books.stats.trades == 3
    world.audit()


def test_the_books_survive_their_own_encoding() -> None:
    books = a_day().books
    again = decode_books(books.encoded())
    assert again == books
    assert again.state_hash == books.state_hash == hashlib.sha256(books.encoded()).hexdigest()


def test_the_same_day_twice_is_the_same_journal() -> None:
    first, second = a_day(), a_day()
    heads = [world.journal.head(world.desk.stream) for world in (first, second)]
    assert heads[0] == heads[1]


def test_another_hash_seed_gives_the_same_books_and_the_same_journal() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", DAY],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(path for path in sys.path if path) + ":."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert len(said[0].split()) == 2


def test_a_prefix_of_the_journal_folds_to_the_books_of_that_moment() -> None:
    world = World(review=ReviewPolicy(kind=PolicyKind.REQUIRE))
    seen = [world.books]
    world.says(BUY)
    world.bar(175.50)
    seen.append(world.books)
    from tradewrit.domain.folding import evolve

    books = type(world.books)()
    for event in events_of(world.journal, world.desk.stream):
        books = evolve(books, event)
        if books.events in {one.events for one in seen}:
            assert books in seen


def test_a_record_of_a_kind_nobody_knows_is_not_skipped() -> None:
    world = World()
    record = world.records()[0]
    entry = Entry(type="order.teleport.requested", at=0, body=b"{}")
    with pytest.raises(JournalCorrupt, match="does not know"):
        event_of(replace(record, entry=entry))


def test_a_record_that_is_not_what_it_says_is_corrupt() -> None:
    world = World()
    record = world.records()[0]
    for body in (b"{", b"{}", msgspec.json.encode({"event": record.entry.type})):
        with pytest.raises(JournalCorrupt, match="cannot be read"):
            event_of(replace(record, entry=replace(record.entry, body=body)))


def test_exits_by_every_road_leave_no_trace_in_the_books_but_the_totals() -> None:
    world = World()
    for signal in (BUY, SELL):
        world.enter(100.0, signal)
        world.says(LEAVE)
        world.bar(100.0)
        world.bar(100.0)
    books = world.books
    assert not any((books.trades, books.orders, books.positions, books.reviews, books.active))
    assert books.stats.trades == 2
    assert books.cash == 100_000 - books.stats.fees
    assert books.stats.fees == 4 * Decimal("1000.00") / 1000
    world.audit()
