"""A journal in one SQLite file: durable, readable by any SQLite, checked by its own hash chain."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Final, Self, get_args

import msgspec

from tradewrit.errors import ConfigError, JournalCorrupt
from tradewrit.runtime.journal.chain import EMPTY, Tip, altered, checked, link, tip_of, verification
from tradewrit.runtime.journal.leases import Lease, refuse_stale, settled
from tradewrit.runtime.journal.port import Snapshot, Verification
from tradewrit.runtime.journal.records import GENESIS, Entry, Head, Record
from tradewrit.runtime.journal.snapshots import off_the_chain, seal
from tradewrit.runtime.journal.sqlite_errors import RAISED, failure, is_damage, translated
from tradewrit.runtime.journal.sqlite_file import Settings, Synchronous, create_file, open_file
from tradewrit.runtime.journal.sqlite_rows import lease_of, record_of, row_of
from tradewrit.runtime.journal.sqlite_transactions import Transactions

_FIRST: Final = -(2**63)
_CHUNK: Final = 512
# Records: with their indexes about the thousand pages after which SQLite would do it by itself.
_TIDY_AFTER: Final = 512
_INSERT: Final = "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PAGE: Final = "SELECT * FROM journal WHERE stream = ? AND seq >= ? ORDER BY seq LIMIT ?"
_ONE: Final = "SELECT * FROM journal WHERE stream = ? AND seq = ?"
_LAST: Final = "SELECT * FROM journal WHERE stream = ? ORDER BY seq DESC LIMIT 1"
_SEEN: Final = "SELECT 1 FROM journal WHERE stream = ? AND dedup_key = ?"
_NEXT_STREAM: Final = "SELECT min(stream) FROM journal WHERE stream > ?"
_LEASE: Final = "SELECT * FROM leases WHERE stream = ?"
_SET_LEASE: Final = "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?)"
_SAVE: Final = "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?, ?)"
_FORGET: Final = """
    DELETE FROM snapshots WHERE stream = ?1 AND schema = ?2 AND seq NOT IN (
        SELECT seq FROM snapshots WHERE stream = ?1 AND schema = ?2 ORDER BY seq DESC LIMIT 2)"""
_SNAPSHOTS: Final = (
    "SELECT seq, body, state_hash, seal FROM snapshots WHERE stream = ? AND schema = ? ORDER BY seq DESC"
)


class SqliteJournal:
    """The `Journal` of one file. To be used from the thread that opened it; see `open`.

    Several processes may have the file open; optimistic append and the lease decide between their writers.
    After a disk error (not a full disk) every further append is refused until the journal is
    opened anew: what the disk says about its own state can then no longer be believed.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, journal_id: str, *, read_only: bool = False
    ) -> None:
        self._path = path
        self._connection = connection
        self._id = journal_id
        # Both are valid as long as no other connection has written, which data_version tells.
        self._tips: dict[str, Tip] = {}
        self._leases: dict[str, Lease | None] = {}
        self._data_version = -1
        self._untidied = 0
        self._transactions = Transactions(path, connection, read_only=read_only)

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        create: bool = True,
        id: str | None = None,  # noqa: A002 - the port calls it id
        created_at: int | None = None,
        synchronous: Synchronous = "FULL",
        read_only: bool = False,
        busy_timeout_s: float = 5.0,
        max_pages: int | None = None,
    ) -> Self:
        """Open the journal at `path`, or create it there.

        create: make a new journal when there is no file; needs `id`. Never with read_only.
        id, created_at: 32 hex characters and UTC ns for a new journal; an existing one keeps its own.
        read_only: for a copy, an archive or a journal in use. A file at rest is read as it lies, with
        nothing created beside it; should a writer start later, open anew to see what it appends.
        synchronous, busy_timeout_s, max_pages: see `sqlite_file.Settings`.
        Raises JournalError when this is no journal, or one of a newer version.
        """
        if synchronous not in get_args(Synchronous):
            raise ConfigError(
                f"{synchronous!r} is no synchronous setting: {', '.join(get_args(Synchronous))}"
            )
        settings = Settings(
            synchronous=synchronous,
            busy_timeout_s=busy_timeout_s,
            max_pages=max_pages,
            read_only=read_only,
        )
        place = Path(path)
        if create and not read_only and not place.exists():
            create_file(place, id, created_at)
        connection, journal_id = open_file(place, settings)
        return cls(place, connection, journal_id, read_only=read_only)

    @property
    def id(self) -> str:
        """Drawn once at genesis; 32 hex characters that never change."""
        return self._id

    def append(
        self, stream: str, entries: Sequence[Entry], *, expected_seq: int, recorded_at: int, epoch: int = 0
    ) -> list[Record]:
        """Add entries after `expected_seq` in one transaction; see `Journal.append`."""
        with self._transaction():
            refuse_stale(stream, self._lease(stream), epoch)
            records = link(
                self._id,
                stream,
                self._tip(stream),
                entries,
                expected_seq=expected_seq,
                recorded_at=recorded_at,
                epoch=epoch,
                has_seen=lambda key: self._holds(stream, key),
            )
            if records:
                self._connection.executemany(_INSERT, [row_of(self._id, record) for record in records])
        if records:
            self._tips[stream] = tip_of(records[-1])
            self._untidied += len(records)
        return records

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of the block or nothing, durable at its end; only one process at a time."""
        try:
            with self._transactions.begin():
                self._forget_if_outdated()
                yield
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        self._tips.clear()
        self._leases.clear()

    def _forget_if_outdated(self) -> None:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._data_version:
            self._forget()
            self._data_version = version

    def _tip(self, stream: str) -> Tip:
        tip = self._tips.get(stream)
        if tip is None:
            tip = self._tips[stream] = self._stored_tip(stream)
        return tip

    def _stored_tip(self, stream: str) -> Tip:
        row = self._connection.execute(_LAST, (stream,)).fetchone()
        if row is None:
            return EMPTY
        last = record_of(self._id, row)
        fault = altered(self._id, last)
        if fault is not None:
            raise JournalCorrupt(f"{fault}; nothing may be built on it")
        return tip_of(last)

    def read(self, stream: str, *, after: int = 0) -> Iterator[Record]:
        """Records with seq > `after`, in order, each checked; see `Journal.read`.

        Reads some hundred records at a time and holds no lock between them.
        """
        start = EMPTY if after <= 0 else self._tip_at(stream, after)
        yield from checked(self._id, start, self._records(stream, start.seq + 1))

    def _tip_at(self, stream: str, seq: int) -> Tip:
        with failure(self._path):
            row = self._connection.execute(_ONE, (stream, seq)).fetchone()
        if row is None:
            return Tip(seq=seq)
        record = record_of(self._id, row)
        fault = altered(self._id, record)
        if fault is not None:
            raise JournalCorrupt(fault)
        return tip_of(record)

    def _records(self, stream: str, start: int) -> Iterator[Record]:
        while True:
            rows, damage = self._page(stream, start)
            for row in rows:
                record = record_of(self._id, row)
                yield record
                start = record.seq + 1
            if damage is not None:
                raise damage
            if len(rows) < _CHUNK:
                return

    def _page(self, stream: str, start: int) -> tuple[list[tuple[object, ...]], JournalCorrupt | None]:
        """Some rows from `start` on, and the damage that kept the rest from being read."""
        rows: list[tuple[object, ...]] = []
        try:
            rows.extend(self._connection.execute(_PAGE, (stream, start, _CHUNK)))
        except RAISED as error:
            if not is_damage(error):
                raise translated(self._path, error) from error
            return rows, JournalCorrupt(f"{stream}: the file is damaged ({error})")
        return rows, None

    def has_seen(self, stream: str, dedup_key: str) -> bool:
        """Whether an entry with this key has been recorded."""
        with failure(self._path):
            return self._holds(stream, dedup_key)

    def _holds(self, stream: str, dedup_key: str) -> bool:
        return self._connection.execute(_SEEN, (stream, dedup_key)).fetchone() is not None

    def head(self, stream: str) -> Head:
        """Where the stream ends; raises JournalCorrupt when its last record was altered."""
        with failure(self._path):
            self._forget_if_outdated()
            tip = self._tip(stream)
        return Head(self._id, stream, tip.seq, tip.hash)

    def streams(self) -> list[str]:
        """Names of all streams, sorted; raises JournalCorrupt when they cannot be read."""
        names: list[str] = []
        name: object = ""
        with failure(self._path):
            while True:
                (name,) = self._connection.execute(_NEXT_STREAM, (name,)).fetchone()
                if name is None:
                    return names
                if not isinstance(name, str):
                    raise JournalCorrupt(f"{self._path}: a record belongs to a stream without a name")
                names.append(name)

    def verify(self, stream: str, *, against: Head | None = None) -> Verification:
        """Check every record, and `against` an exported head if one is given. Never raises for damage."""
        return verification(self._id, stream, self._records(stream, _FIRST), against)

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; raises JournalError when its record is not here.

        The two newest of a stream and schema are kept: should one be damaged, the other serves.
        """
        with self._transaction():
            below = self._hash_at(snapshot.stream, snapshot.seq)
            if below is None:
                raise off_the_chain(snapshot)
            key = (snapshot.stream, snapshot.schema)
            row = (snapshot.seq, snapshot.body, snapshot.state_hash, seal(self._id, snapshot, below))
            self._connection.execute(_SAVE, key + row)
            self._connection.execute(_FORGET, key)

    def latest_snapshot(self, stream: str, schema: str) -> Snapshot | None:
        """The newest snapshot written under this schema that lies on the chain, or None."""
        try:
            rows = self._connection.execute(_SNAPSHOTS, (stream, schema)).fetchall()
            return next((found for row in rows if (found := self._unsealed(stream, schema, row))), None)
        except RAISED as error:
            if is_damage(error):
                return None
            raise translated(self._path, error) from error

    def _unsealed(self, stream: str, schema: str, row: tuple[object, ...]) -> Snapshot | None:
        seq, body, state_hash, sealed = row
        if not isinstance(seq, int) or not isinstance(body, bytes) or not isinstance(state_hash, str):
            return None
        below = self._hash_at(stream, seq)
        snapshot = Snapshot(stream=stream, seq=seq, schema=schema, body=body, state_hash=state_hash)
        return snapshot if below is not None and seal(self._id, snapshot, below) == sealed else None

    def _hash_at(self, stream: str, seq: int) -> str | None:
        if seq == 0:
            return GENESIS
        row = self._connection.execute("SELECT hash FROM journal WHERE stream = ? AND seq = ?", (stream, seq))
        found = row.fetchone()
        return None if found is None else str(found[0])

    def lease(self, stream: str) -> Lease | None:
        """Who holds the stream, as the file has it at this moment; None when nobody ever did."""
        with failure(self._path):
            self._forget_if_outdated()
            return self._lease(stream)

    def _lease(self, stream: str) -> Lease | None:
        if stream not in self._leases:
            row = self._connection.execute(_LEASE, (stream,)).fetchone()
            self._leases[stream] = None if row is None else lease_of(row)
        return self._leases[stream]

    def set_lease(self, wanted: Lease, *, expected: Lease | None) -> Lease:
        """Put `wanted` in the place of `expected` in one transaction; see `Journal.set_lease`."""
        with self._transaction():
            under = self._tip(wanted.stream).epoch
            found = self._lease(wanted.stream)
            stored = settled(found, wanted, expected=expected, written_under=under)
            self._connection.execute(_SET_LEASE, msgspec.structs.astuple(stored))
        self._leases[wanted.stream] = stored
        return stored

    def tidy(self) -> None:
        """Copy the write-ahead log into the file, once enough has been appended; see `Journal.tidy`."""
        if self._untidied >= _TIDY_AFTER:
            self._transactions.checkpoint()
            self._untidied = 0

    def close(self) -> None:
        """Flush and let go; further calls raise JournalUnwritable."""
        with failure(self._path):
            self._connection.close()
