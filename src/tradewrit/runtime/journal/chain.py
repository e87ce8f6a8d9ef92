"""How a stream grows and how it is checked: conflict, duplicates, hash chain. One definition for all.

Knows no storage: a journal brings the tip of a stream, or its records, and stores what comes back.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from tradewrit.errors import JournalConflict, JournalCorrupt, JournalError
from tradewrit.runtime.journal.port import Verification
from tradewrit.runtime.journal.records import GENESIS, Entry, Head, Record, record_hash

_EARLIEST: Final = -(2**63)
_ID = re.compile(r"[0-9a-f]{32}")


class Tip(msgspec.Struct, frozen=True, gc=False):
    """What must be known of a stream to extend it; the defaults are those of an empty one."""

    seq: int = 0
    hash: str = GENESIS
    epoch: int = 0
    recorded_at: int = _EARLIEST


EMPTY: Final = Tip()


def tip_of(record: Record) -> Tip:
    """The tip of the stream that ends with `record`."""
    return Tip(record.seq, record.hash, record.epoch, record.recorded_at)


def checked_id(journal_id: str) -> str:
    """The id itself; raises JournalError when it is not 32 lower-case hex characters."""
    if _ID.fullmatch(journal_id) is None:
        raise JournalError(
            f"{journal_id!r} cannot be a journal's id: draw 32 hex characters with clock.draw_journal_id()"
        )
    return journal_id


def link(
    journal_id: str,
    stream: str,
    tip: Tip,
    entries: Sequence[Entry],
    *,
    expected_seq: int,
    recorded_at: int,
    epoch: int,
    has_seen: Callable[[str], bool],
) -> list[Record]:
    """The records that `entries` become after `tip`; duplicates are left out.

    recorded_at: UTC ns; when the clock went back, the time of the record before is used instead.
    has_seen: whether the stream already holds a dedup key.
    Raises JournalConflict when the stream does not end at `expected_seq` or the epoch is stale.
    """
    if not stream:
        raise JournalError("a stream needs a name")
    _refuse_conflict(stream, tip, expected_seq, epoch)
    recorded_at = max(recorded_at, tip.recorded_at)
    seq, prev_hash = tip.seq, tip.hash
    records: list[Record] = []
    for entry in _without_duplicates(entries, has_seen):
        seq += 1
        try:
            digest = record_hash(journal_id, stream, seq, recorded_at, epoch, prev_hash, entry)
        except UnicodeEncodeError as why:
            raise JournalError(f"{stream}: a text of entry {entry.type!r} is not valid Unicode") from why
        records.append(
            Record(
                stream=stream,
                seq=seq,
                entry=entry,
                recorded_at=recorded_at,
                epoch=epoch,
                prev_hash=prev_hash,
                hash=digest,
            )
        )
        prev_hash = digest
    return records


def _refuse_conflict(stream: str, tip: Tip, expected_seq: int, epoch: int) -> None:
    if epoch < tip.epoch:
        raise JournalConflict(
            f"{stream} is written under epoch {tip.epoch}, and this writer holds {epoch}: "
            "it has been replaced and must stop"
        )
    if tip.seq != expected_seq:
        raise JournalConflict(
            f"{stream} ends at {tip.seq}, not at {expected_seq}: somebody else appended; "
            "read what is new, then decide again"
        )


def _without_duplicates(entries: Sequence[Entry], has_seen: Callable[[str], bool]) -> Iterator[Entry]:
    fresh: set[str] = set()
    for entry in entries:
        key = entry.dedup_key
        if key is not None:
            if key in fresh or has_seen(key):
                continue
            fresh.add(key)
        yield entry


def altered(journal_id: str, record: Record) -> str | None:
    """What is wrong with a record taken by itself, or None."""
    found = record_hash(
        journal_id,
        record.stream,
        record.seq,
        record.recorded_at,
        record.epoch,
        record.prev_hash,
        record.entry,
    )
    if found != record.hash:
        return f"{record.stream}: record {record.seq} was altered: it does not match its hash"
    return None


def misplaced(tip: Tip, record: Record) -> str | None:
    """Why a record cannot follow `tip`, or None."""
    if record.seq != tip.seq + 1:
        return (
            f"{record.stream}: record {record.seq} stands where {tip.seq + 1} belongs: "
            "one was removed, inserted or renumbered"
        )
    if record.prev_hash != tip.hash:
        return f"{record.stream}: record {record.seq} does not follow the record before it"
    return None


def checked(journal_id: str, tip: Tip, records: Iterable[Record]) -> Iterator[Record]:
    """The records that follow `tip`, each checked first.

    Raises JournalCorrupt at the first that was altered or does not belong there.
    """
    for record in records:
        fault = misplaced(tip, record) or altered(journal_id, record)
        if fault is not None:
            raise JournalCorrupt(fault)
        yield record
        tip = tip_of(record)


def verification(
    journal_id: str, stream: str, records: Iterable[Record], against: Head | None
) -> Verification:
    """Walk a stream from its first record and say how far it is good.

    records: all of the stream; a source that cannot go on raises JournalCorrupt, which is a fault here.
    """
    tip, damage, at_head = EMPTY, None, None
    try:
        for record in checked(journal_id, EMPTY, records):
            tip = tip_of(record)
            if against is not None and record.seq == against.seq:
                at_head = record.hash
    except JournalCorrupt as why:
        damage = str(why)
    good = tip
    if damage is None and against is not None:
        damage = _disagreement(journal_id, stream, tip, against, at_head)
        # Nothing says where a rebuilt chain departs from the true one, so none of it is vouched for.
        good = EMPTY if at_head not in (None, against.hash) else tip
    return Verification(
        journal_id=journal_id,
        stream=stream,
        records=tip.seq,
        last_good=good.seq,
        head=Head(journal_id, stream, good.seq, good.hash),
        fault=damage,
    )


def _disagreement(journal_id: str, stream: str, tip: Tip, against: Head, at_head: str | None) -> str | None:
    if (against.journal_id, against.stream) != (journal_id, stream):
        return (
            f"the head is that of {against.stream} in journal {against.journal_id}, "
            f"not of {stream} in journal {journal_id}"
        )
    if against.seq > tip.seq:
        return (
            f"{stream} ends at {tip.seq}, but the head says it reached {against.seq}: "
            f"records {tip.seq + 1} to {against.seq} were cut off"
        )
    found = GENESIS if against.seq == 0 else at_head
    if found != against.hash:
        return f"{stream}: record {against.seq} is not the one the head names: the chain was rebuilt"
    return None
