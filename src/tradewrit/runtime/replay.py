"""Recovery and replay: fold what the journal holds. Nobody decides anything again.

`shadow` is the other direction, a test rather than a recovery: would today's rules, given the same
inputs, have said the same?
"""

from collections.abc import Iterator

import msgspec

from tradewrit.domain.books import Books
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.registry import BY_NAME, decode
from tradewrit.domain.folding import evolve
from tradewrit.errors import JournalCorrupt
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.journal.records import Record


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """The books a stream folds to. from_snapshot: seq of the snapshot it started from, 0 for none."""

    books: Books
    events: int
    seq: int
    state_hash: str


def event_of(record: Record) -> Event:
    """The event in a record; raises JournalCorrupt when its bytes are not one this version knows."""
    if record.entry.type not in BY_NAME:
        raise JournalCorrupt(
            f"record {record.seq} is a {record.entry.type!r}, which this version does not know; "
            "it was written by a newer version: upgrade before opening this journal"
        )
    try:
        return decode(record.entry.body)
    except msgspec.MsgspecError as wrong:
        raise JournalCorrupt(f"record {record.seq} ({record.entry.type}) cannot be read: {wrong}") from wrong


def events_of(journal: Journal, stream: str) -> Iterator[Event]:
    """Every event of a stream in order, each record checked against the chain on the way."""
    for record in journal.read(stream):
        yield event_of(record)


def replay(journal: Journal, stream: str) -> Replayed:
    """Fold a whole stream; raises JournalCorrupt where the chain breaks."""
    books = Books()
    seq = 0
    for record in journal.read(stream):
        books = evolve(books, event_of(record))
        seq = record.seq
    return Replayed(books=books, events=books.events, seq=seq, state_hash=books.state_hash)
