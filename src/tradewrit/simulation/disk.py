"""A disk that keeps what was synced and nothing it did not: and the journal on it.

    append ─▶ room? ─▶ page cache ─▶ write ─▶ sync ─▶ durable

A killed process leaves the page cache behind; a machine that loses power leaves what was synced, and at
most a piece of what was being written, which no checksum bears out. Many processes may open one disk.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Final

import msgspec

from tradewrit.errors import JournalUnwritable
from tradewrit.runtime.journal.leases import Lease
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.port import Snapshot, Verification
from tradewrit.runtime.journal.records import Entry, Head, Record
from tradewrit.simulation.points import Death, Killed

_SUM: Final = 32
Reach = Callable[[str], None]


class Append(msgspec.Struct, frozen=True, tag=True):
    """One transaction of entries."""

    stream: str
    entries: tuple[Entry, ...]
    expected_seq: int
    recorded_at: int
    epoch: int


class SetLease(msgspec.Struct, frozen=True, tag=True):
    """One change of a lease."""

    wanted: Lease
    expected: Lease | None


class Save(msgspec.Struct, frozen=True, tag=True):
    """One snapshot."""

    snapshot: Snapshot


Change = Append | SetLease | Save
"""What is written in one piece: all of it is found again after a crash, or none."""
_encode = msgspec.msgpack.Encoder().encode
_decode: Any = msgspec.msgpack.Decoder(Change).decode


def framed(change: Change) -> bytes:
    """A change as it lies on the disk: a checksum, then its bytes."""
    body = _encode(change)
    return hashlib.sha256(body).digest() + body


def unframed(raw: bytes) -> Change | None:
    """The change in a frame; None when it is torn or was altered."""
    body = raw[_SUM:]
    if len(raw) <= _SUM or hashlib.sha256(body).digest() != raw[:_SUM]:
        return None
    change: Change = _decode(body)
    return change


class Disk:
    """One machine's disk with one journal.

    is_full, is_broken: what writing, and syncing, do from now on. torn_fraction: of power losses in the
    middle of a write after which a piece of it is found.
    """

    def __init__(self, id: str, rng: Random, *, torn_fraction: float = 0.5) -> None:  # noqa: A002 - as the port
        self._id = id
        self._rng = rng
        self._torn_fraction = torn_fraction
        self._changes: list[Change] = []
        self._synced = 0
        self._debris = b""
        self.image = MemoryJournal(id)
        self.is_full = False
        self.is_broken = False
        self.discarded = 0

    def write(self, change: Change) -> None:
        """Into the page cache; `sync` makes it last."""
        self._changes.append(change)

    def sync(self) -> None:
        """Everything written so far lasts. A failure of this is the end of the process, as nobody knows."""
        if self.is_broken:
            raise Killed("disk.sync failed", Death.POWER)
        self._synced = len(self._changes)

    @property
    def has_unsynced(self) -> bool:
        """Whether a loss of power would take anything: what a process wrote that died before it synced."""
        return self._synced < len(self._changes)

    def refuse_if_full(self) -> None:
        """Raise JournalUnwritable when there is no room."""
        if self.is_full:
            raise JournalUnwritable("no space is left on the disk; nothing was written")

    def lose_power(self) -> None:
        """What was not synced is gone, but for a piece of the first of it."""
        lost = self._changes[self._synced :]
        if not lost:
            return
        del self._changes[self._synced :]
        if self._rng.random() < self._torn_fraction:
            raw = framed(lost[0])
            self._debris = raw[: self._rng.randrange(len(raw))]
        self._mount()

    def _mount(self) -> None:
        """Read the disk again from its start; what lies torn at its end is cut off."""
        if self._debris:
            if unframed(self._debris) is not None:
                raise AssertionError("a torn frame passed its checksum")
            self._debris = b""
            self.discarded += 1
        self.image = MemoryJournal(self._id)
        for change in self._changes:
            _apply(self.image, change)


def _apply(image: MemoryJournal, change: Change) -> None:
    match change:
        case Append():
            image.append(
                change.stream,
                change.entries,
                expected_seq=change.expected_seq,
                recorded_at=change.recorded_at,
                epoch=change.epoch,
            )
        case SetLease():
            image.set_lease(change.wanted, expected=change.expected)
        case Save():
            image.save_snapshot(change.snapshot)


def _go_on(point: str) -> None:
    """Nobody dies here."""
    del point


class DiskJournal:
    """The `Journal` of one process on a disk that others may have open too.

    reach: told of each point at which the process may die. stall: told of each sync, which may take long.
    """

    def __init__(
        self, disk: Disk, reach: Reach | None = None, stall: Callable[[], None] | None = None
    ) -> None:
        self._disk = disk
        self._reach: Reach = reach if reach is not None else _go_on
        self._stall = stall
        self._is_closed = False

    @property
    def id(self) -> str:
        """The journal's, drawn at its genesis."""
        return self._image.id

    def append(
        self, stream: str, entries: Sequence[Entry], *, expected_seq: int, recorded_at: int, epoch: int = 0
    ) -> list[Record]:
        """One transaction, durable when it returns; see `Journal.append`."""
        image = self._image
        self._reach("journal.append")
        self._disk.refuse_if_full()
        records = image.append(
            stream, entries, expected_seq=expected_seq, recorded_at=recorded_at, epoch=epoch
        )
        if records:
            self._keep(Append(stream, tuple(entries), expected_seq, recorded_at, epoch))
        return records

    def _keep(self, change: Change) -> None:
        self._disk.write(change)
        self._reach("journal.written")
        self._disk.sync()
        if self._stall is not None:
            self._stall()
        self._reach("journal.synced")

    def read(self, stream: str, *, after: int = 0) -> Iterator[Record]:
        """Records after `after`, each checked; see `Journal.read`."""
        return self._image.read(stream, after=after)

    def has_seen(self, stream: str, dedup_key: str) -> bool:
        """Whether an entry with this key has been recorded."""
        return self._image.has_seen(stream, dedup_key)

    def head(self, stream: str) -> Head:
        """Where the stream ends."""
        return self._image.head(stream)

    def streams(self) -> list[str]:
        """Names of all streams, sorted."""
        return self._image.streams()

    def verify(self, stream: str, *, against: Head | None = None) -> Verification:
        """Check every record."""
        return self._image.verify(stream, against=against)

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; see `Journal.save_snapshot`."""
        self._disk.refuse_if_full()
        self._image.save_snapshot(snapshot)
        self._keep(Save(snapshot))

    def latest_snapshot(self, stream: str, schema: str) -> Snapshot | None:
        """The newest snapshot written under this schema, or None."""
        return self._image.latest_snapshot(stream, schema)

    def lease(self, stream: str) -> Lease | None:
        """Who holds the stream."""
        return self._image.lease(stream)

    def set_lease(self, wanted: Lease, *, expected: Lease | None) -> Lease:
        """Compare and set; see `Journal.set_lease`."""
        image = self._image
        self._disk.refuse_if_full()
        stored = image.set_lease(wanted, expected=expected)
        self._keep(SetLease(wanted, expected))
        return stored

    def tidy(self) -> None:
        """Nothing: this disk has no log beside the file."""
        self._image.streams()

    def close(self) -> None:
        """Let go; further calls raise JournalUnwritable."""
        self._is_closed = True

    @property
    def _image(self) -> MemoryJournal:
        if self._is_closed:
            raise JournalUnwritable(f"journal {self._disk.image.id} is closed")
        return self._disk.image
