"""A desk opens an empty journal with its account and folds a full one; it keeps its timers through both."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, JOURNAL_ID, SYMBOL, World
from tradewrit.domain.events.account import AccountOpened, AccountReconciled, VenueIdentified
from tradewrit.domain.events.market import BarsClosed, TimerFired
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import MINUTE, SECOND, Bar
from tradewrit.domain.orders import Role
from tradewrit.domain.reviews import PolicyKind, ReviewPolicy
from tradewrit.domain.venues import VenueIdentity
from tradewrit.errors import JournalUnwritable, OurFault, WrongVenue
from tradewrit.runtime.desk import Desk, stream_of
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.port import Snapshot
from tradewrit.runtime.journal.records import Entry, Record
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.replay import load


def test_an_empty_journal_begins_with_everything_decisions_depend_on() -> None:
    world = World(limits=Limits(max_open_positions=3), review=ReviewPolicy(expires_after_s=60))
    opened = world.only(AccountOpened)
    assert world.records()[0].entry.source == "desk"
    books = world.books
    assert (books.journal_id, books.account, books.cash) == (JOURNAL_ID, "paper", Decimal(100_000))
    assert books.limits.max_open_positions == 3
    assert books.review.expires_after_s == 60
    assert (books.fees, books.capabilities) == (opened.fees, opened.capabilities)
    assert world.desk.stream == stream_of("paper") == "acct:paper"


def assert_only_looked_around(first: World, second: World) -> None:
    """A new process has new writs, and has held the books against the venue; nothing else happened."""
    assert second.names() == ["WritsIssued", "DeskStarted", "AccountReconciled"]
    assert second.only(AccountReconciled).differences == ()
    assert second.books == replace(
        first.books,
        writs=second.books.writs,
        reconciled_at=second.now,
        events=first.books.events + 3,
    )


def test_a_journal_that_holds_the_account_is_folded_and_not_opened_again() -> None:
    journal = MemoryJournal(JOURNAL_ID)
    first = World(journal=journal)
    first.enter()
    before = journal.head(first.desk.stream)
    second = World(journal=journal, exchange=first.exchange, at=first.now, cash="7")
    assert_only_looked_around(first, second)
    assert journal.head(first.desk.stream).seq == before.seq + 3
    assert second.books.initial_cash == 100_000  # what was opened stays what it was
    second.market.absorb([Bar(SYMBOL, second.now, 176, 176, 176, 176, 1.0)])
    second.bar(201.82)
    assert second.closed.gross == Decimal("131.60")
    second.audit()


HERE = VenueIdentity(venue="paper", exchange="a1", account="main")


def test_a_journal_belongs_to_the_exchange_it_began_at() -> None:
    journal = MemoryJournal(JOURNAL_ID)
    first = World(journal=journal, identity=HERE)
    assert first.names() == ["AccountOpened", "WritsIssued", "VenueIdentified"]
    assert first.books.identity == HERE
    again = World(journal=journal, exchange=first.exchange, identity=HERE)
    assert "VenueIdentified" not in again.names(), "said once"


@pytest.mark.parametrize(
    "other",
    [replace(HERE, exchange="b2"), replace(HERE, account="spare"), replace(HERE, is_paper=False)],
    ids=["another exchange", "another account", "real money"],
)
def test_at_another_exchange_or_account_a_desk_writes_nothing_and_asks_nothing(other: VenueIdentity) -> None:
    journal = MemoryJournal(JOURNAL_ID)
    first = World(journal=journal, identity=HERE)
    first.enter()
    before, asked = journal.head(first.desk.stream), list[str]()

    class Watched:
        def __init__(self, exchange: Any) -> None:
            self._exchange = exchange

        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            return getattr(self._exchange, name)

    with pytest.raises(WrongVenue, match=r"belongs to paper exchange a1.*and there.*--state.*--journal"):
        World(journal=journal, broker=Watched, identity=other, at=first.now)
    assert journal.head(first.desk.stream) == before
    assert asked == []


def test_a_journal_from_before_this_was_kept_is_bound_at_its_next_start() -> None:
    journal = MemoryJournal(JOURNAL_ID)
    first = World(journal=journal)
    assert first.books.identity is None
    second = World(journal=journal, exchange=first.exchange, identity=HERE)
    assert second.only(VenueIdentified).identity == HERE
    with pytest.raises(WrongVenue):
        World(journal=journal, exchange=first.exchange, identity=replace(HERE, exchange="b2"))


class Noting(MemoryJournal):
    """A journal that remembers what it was asked for, in order."""

    def __init__(self, id: str) -> None:  # noqa: A002 - as the port
        super().__init__(id)
        self.asked: list[str] = []

    def append(
        self, stream: str, entries: Sequence[Entry], *, expected_seq: int, recorded_at: int, epoch: int = 0
    ) -> list[Record]:
        self.asked.append("append")
        return super().append(
            stream, entries, expected_seq=expected_seq, recorded_at=recorded_at, epoch=epoch
        )

    def save_snapshot(self, snapshot: Snapshot) -> None:
        self.asked.append("save_snapshot")
        super().save_snapshot(snapshot)

    def tidy(self) -> None:
        self.asked.append("tidy")
        super().tidy()


def test_no_order_waits_for_a_snapshot_or_the_journals_upkeep() -> None:
    """They are done at a tick, and the snapshot is of the books as they are then."""
    journal = Noting(JOURNAL_ID)
    world = World(journal=journal, snapshot_every=5)
    world.enter()
    assert set(journal.asked) == {"append"}
    world.desk.tick()
    assert journal.asked[-2:] == ["save_snapshot", "tidy"]
    assert load(journal, world.desk.stream).from_snapshot == journal.head(world.desk.stream).seq
    assert load(journal, world.desk.stream).books == world.books
    world.desk.tick()
    assert journal.asked[-2:] == ["tidy", "tidy"]  # nothing new is worth a second one


def test_a_desk_does_not_open_a_journal_that_is_not_its_own() -> None:
    world = World()
    opening = world.only(AccountOpened)
    with pytest.raises(OurFault, match="the account opens journal"):
        Desk(
            opening,
            journal=MemoryJournal("f" * 32),
            market=world.market,
            broker=world.exchange,
            clock=world.clock,
        )


def test_a_position_survives_a_restart_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "desk.journal"
    first = World(journal=SqliteJournal.open(path, id=JOURNAL_ID, created_at=0))
    first.enter()
    first.journal.close()
    second = World(
        journal=SqliteJournal.open(path, id=JOURNAL_ID), exchange=first.exchange, at=first.now + MINUTE
    )
    assert_only_looked_around(first, second)
    assert [line[0] for line in second.working()] == [Role.STOP, Role.TARGET]
    second.bar(201.82)
    assert second.closed.gross == Decimal("131.60")
    assert second.journal.verify(second.desk.stream).is_intact
    second.journal.close()


def test_bars_that_were_seen_before_are_not_decided_on_again() -> None:
    world = World()
    bar = Bar(SYMBOL, world.now, 175.5, 175.5, 175.5, 175.5, 1e6)
    world.says(BUY)
    world.desk.close_bars([bar], world.now + MINUTE)
    assert len(world.books.trades) == 1
    head = world.journal.head(world.desk.stream)
    world.desk.close_bars([bar], world.now + MINUTE)
    world.desk.close_bars([], world.now + 2 * MINUTE)
    assert world.journal.head(world.desk.stream) == head
    assert len(world.events(BarsClosed)) == 1


def test_open_questions_have_their_timers_again_after_a_restart() -> None:
    journal = MemoryJournal(JOURNAL_ID)
    policy = ReviewPolicy(kind=PolicyKind.REQUIRE)
    first = World(journal=journal, review=policy)
    first.says(BUY)
    first.bar(175.50)
    due = first.task.expires_at
    second = World(journal=journal, review=policy, exchange=first.exchange, at=first.now)
    second.clock.set(due - 1)
    assert second.desk.tick() == 0
    second.clock.set(due)
    assert second.desk.tick() == 1
    assert not second.books.trades


def test_a_timer_that_means_nothing_any_more_changes_nothing() -> None:
    world = World()
    before = world.books
    for timer, subject in (("review", "gone"), ("unheard-of", "x")):
        world.desk.schedule.set(timer, subject, world.now)
    assert world.desk.tick() == 2
    assert world.books is before
    assert [type(event) for event, _ in world.heard][-2:] == [TimerFired, TimerFired]


def test_a_desk_without_a_feed_or_people_says_so_instead_of_failing() -> None:
    world = World(review=ReviewPolicy(kind=PolicyKind.REQUIRE))
    desk = Desk(
        world.only(AccountOpened),
        journal=MemoryJournal(JOURNAL_ID),
        market=world.market,
        broker=world.exchange,
        clock=world.clock,
    )
    from tradewrit.domain.events.market import GetQuote
    from tradewrit.domain.events.writs import WritDenied

    said = desk.feed(GetQuote(at=1, symbol=SYMBOL))
    assert isinstance(said[-1], WritDenied)
    assert "nobody who could do that" in said[-1].reason


def test_a_timer_that_could_not_be_taken_is_still_due_as_are_those_after_it() -> None:
    class Full(MemoryJournal):
        is_full = False

        def append(self, stream: str, entries: Sequence[Entry], **more: Any) -> list[Record]:
            if self.is_full:
                raise JournalUnwritable("no space left on device")
            return super().append(stream, entries, **more)

    journal = Full(JOURNAL_ID)
    world = World(journal=journal, review=ReviewPolicy(kind=PolicyKind.REQUIRE, expires_after_s=60))
    world.says(BUY)
    world.bar(175.50)
    assert world.books.reviews
    world.clock.advance(120 * SECOND)
    journal.is_full = True
    with pytest.raises(JournalUnwritable):
        world.desk.tick()
    journal.is_full = False
    assert world.desk.tick() >= 1
    assert not world.books.reviews
