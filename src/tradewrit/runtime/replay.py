"""Recovery and replay: fold what the journal holds. Nobody decides anything again."""

from collections.abc import Iterator
from typing import Final

import msgspec

from tradewrit.domain.books import Books, decode_books
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.registry import BY_NAME, decode
from tradewrit.domain.folding import evolve
from tradewrit.domain.money import exactly
from tradewrit.errors import JournalCorrupt
from tradewrit.runtime.journal.port import Journal, Snapshot
from tradewrit.runtime.journal.records import Record

SCHEMA: Final = "books/4"
"""Raised whenever the books or the way they fold change; snapshots of another schema are ignored."""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """The books a stream folds to. from_snapshot: seq of the snapshot it started from, 0 for none."""

    books: Books
    events: int
    seq: int
    state_hash: str
    from_snapshot: int = 0


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
    """Fold a whole stream from its first record; raises JournalCorrupt where the chain breaks."""
    return _fold(journal, stream, Books(), 0)


def load(journal: Journal, stream: str) -> Replayed:
    """The same books, sooner: from the newest snapshot that can be trusted, and the records after it.

    A snapshot of another schema, one that does not match its hash, or one that is not on the chain
    is passed over; without any, this is `replay`.
    """
    snapshot = journal.latest_snapshot(stream, SCHEMA)
    if snapshot is None:
        return replay(journal, stream)
    try:
        books: Books = decode_books(snapshot.body)
    except msgspec.MsgspecError:
        return replay(journal, stream)
    if books.state_hash != snapshot.state_hash:
        return replay(journal, stream)
    loaded = _fold(journal, stream, books, snapshot.seq)
    return msgspec.structs.replace(loaded, from_snapshot=snapshot.seq)


def snapshot_of(books: Books, stream: str, seq: int) -> Snapshot:
    """The books as they are after record `seq`, to be kept beside the journal."""
    return Snapshot(stream=stream, seq=seq, schema=SCHEMA, body=books.encoded(), state_hash=books.state_hash)


def _fold(journal: Journal, stream: str, books: Books, after: int) -> Replayed:
    seq = after
    with exactly():
        for record in journal.read(stream, after=after):
            books = evolve(books, event_of(record))
            seq = record.seq
    return Replayed(books=books, events=books.events, seq=seq, state_hash=books.state_hash)
