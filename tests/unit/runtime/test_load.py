"""Starting from a snapshot gives the books that the whole journal gives, or the snapshot is not used."""

from decimal import Decimal

import msgspec
import pytest

from tradewrit.domain.books import Books
from tradewrit.domain.events.account import CashMoved
from tradewrit.domain.events.registry import encode, name_of
from tradewrit.domain.folding import evolve
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.records import Entry
from tradewrit.runtime.replay import load, replay, snapshot_of

STREAM = "acct:paper"


@pytest.fixture
def journal() -> MemoryJournal:
    """Ten deposits of one dollar."""
    journal = MemoryJournal("a" * 32)
    for k in range(10):
        event = CashMoved(at=k, amount=Decimal("1.00"), reason="deposit")
        entry = Entry(type=name_of(CashMoved), at=k, body=encode(event))
        journal.append(STREAM, [entry], expected_seq=k, recorded_at=k)
    return journal


def books_after(n: int) -> Books:
    """What n deposits fold to."""
    books = Books()
    for k in range(n):
        books = evolve(books, CashMoved(at=k, amount=Decimal("1.00"), reason="deposit"))
    return books


def test_a_snapshot_and_its_tail_are_the_whole_journal(journal: MemoryJournal) -> None:
    journal.save_snapshot(snapshot_of(books_after(6), STREAM, 6))
    loaded, replayed = load(journal, STREAM), replay(journal, STREAM)
    assert loaded.from_snapshot == 6
    assert replayed.from_snapshot == 0
    assert loaded.state_hash == replayed.state_hash
    assert loaded.books == replayed.books == books_after(10)


def test_without_a_snapshot_the_journal_is_enough(journal: MemoryJournal) -> None:
    assert load(journal, STREAM).from_snapshot == 0
    assert load(journal, STREAM).books.cash == Decimal(10)


def test_a_snapshot_that_lies_is_passed_over(journal: MemoryJournal) -> None:
    lie = msgspec.structs.replace(snapshot_of(books_after(6), STREAM, 6), body=books_after(5).encoded())
    journal.save_snapshot(lie)
    assert load(journal, STREAM).books == books_after(10)


def test_a_snapshot_of_another_schema_is_passed_over(journal: MemoryJournal) -> None:
    other = msgspec.structs.replace(snapshot_of(books_after(6), STREAM, 6), schema="books/0")
    journal.save_snapshot(other)
    assert load(journal, STREAM).from_snapshot == 0
