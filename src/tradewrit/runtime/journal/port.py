"""What every journal offers. One contract suite (`tests/contract`) tests all that claim it."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from tradewrit.runtime.journal.leases import Lease
from tradewrit.runtime.journal.records import Entry, Head, Record


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A state saved to shorten loading; never required, ignored when anything does not match."""

    stream: str
    seq: int
    schema: str
    body: bytes
    state_hash: str


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The result of checking a stream: the last good record, and the first fault if there is one.

    records: how many lie on the chain, from the first up to the fault.
    last_good: seq up to which the stream is vouched for; less than `records` (0) when a head shows
    that the whole chain was rebuilt, since nothing tells from where.
    head: the end of the good part.
    """

    journal_id: str
    stream: str
    records: int
    last_good: int
    head: Head
    fault: str | None = None

    @property
    def is_intact(self) -> bool:
        """Whether every record checked out."""
        return self.fault is None


class Journal(Protocol):
    """Append-only, hash-chained, one writer per stream by optimistic append.

    `append` is one transaction: all entries or none, durable when it returns. A `dedup_key` seen
    before, or twice in one call, drops that entry silently from the result (and nothing else), so a
    fact that arrives twice is recorded once. The numbers of later entries in the same call move up:
    whoever writes `caused_by` for them asks `has_seen` first.
    """

    @property
    def id(self) -> str:
        """Drawn once at genesis; 32 hex characters that never change."""
        ...

    def append(
        self, stream: str, entries: Sequence[Entry], *, expected_seq: int, recorded_at: int, epoch: int = 0
    ) -> list[Record]:
        """Add entries after `expected_seq`.

        recorded_at: UTC ns; when that is before the last record (the clock went back), the last
        record's time is used. epoch: the writer's lease; may never go down within a stream, and where
        the stream has a lease it must be that one's, held and not given up.
        Raises JournalConflict when the stream has moved on or `epoch` is stale, JournalUnwritable
        when the storage refuses; in both cases nothing was added.
        """
        ...

    def read(self, stream: str, *, after: int = 0) -> Iterator[Record]:
        """Records with seq > `after`, in order; each is checked against the chain as it is read.

        Raises JournalCorrupt at the first record that does not match.
        """
        ...

    def has_seen(self, stream: str, dedup_key: str) -> bool:
        """Whether an entry with this key has been recorded."""
        ...

    def head(self, stream: str) -> Head:
        """Where the stream ends; seq 0 and the genesis hash when it is empty."""
        ...

    def streams(self) -> list[str]:
        """Names of all streams, sorted."""
        ...

    def verify(self, stream: str, *, against: Head | None = None) -> Verification:
        """Check every record, and `against` an exported head if one is given. Never raises for damage."""
        ...

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; the newest per stream and schema is enough.

        Raises JournalError when its record is not in the stream (seq 0 stands for the empty stream).
        """
        ...

    def latest_snapshot(self, stream: str, schema: str) -> Snapshot | None:
        """The newest snapshot written under this schema that lies on the chain, or None."""
        ...

    def lease(self, stream: str) -> Lease | None:
        """Who holds the stream, as the store has it at this moment; None when nobody ever did."""
        ...

    def set_lease(self, wanted: Lease, *, expected: Lease | None) -> Lease:
        """Put `wanted` in the place of `expected` and return it as stored; durable when it returns.

        Compare and set, in one transaction: of many who expect the same lease, one gets through.
        wanted.epoch: that of `expected`, to renew it or give it up; NEW_EPOCH for a new holder, who gets
        one above every epoch the stream has seen. Its beat is the store's to count.
        Raises JournalConflict when the store holds another lease than `expected`.
        """
        ...

    def tidy(self) -> None:
        """The upkeep that can wait for a moment without input; to be called now and then.

        Takes as long as some writes to the disk, and changes nothing of what is kept. Without it nothing is
        lost: it is then done in the middle of some append. Raises JournalBroken when the disk reports an
        error.
        """
        ...

    def close(self) -> None:
        """Flush and let go; further calls raise JournalUnwritable."""
        ...
