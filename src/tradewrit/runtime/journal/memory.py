"""A journal in memory: for backtests, simulation and tests. Durable for as long as the process."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from tradewrit.errors import JournalError, JournalUnwritable
from tradewrit.runtime.journal.chain import EMPTY, Tip, checked, checked_id, link, tip_of, verification
from tradewrit.runtime.journal.leases import Lease, refuse_stale, settled
from tradewrit.runtime.journal.port import Snapshot, Verification
from tradewrit.runtime.journal.records import Entry, Head, Record
from tradewrit.runtime.journal.snapshots import off_the_chain


class MemoryJournal:
    """The `Journal` of a process that needs no disk.

    id: 32 hex characters (`clock.draw_journal_id`).
    keep_records: False keeps only what appending needs (head, epoch, dedup keys), so that a long
    backtest does not fill memory; such a journal has the same heads but cannot be read or verified.
    """

    def __init__(self, id: str, *, keep_records: bool = True) -> None:  # noqa: A002 - the port calls it id
        self._id = checked_id(id)
        self._keeps_records = keep_records
        self._tips: dict[str, Tip] = {}
        self._records: dict[str, list[Record]] = {}
        self._keys: dict[str, set[str]] = {}
        self._snapshots: dict[tuple[str, str], Snapshot] = {}
        self._leases: dict[str, Lease] = {}
        self._is_closed = False

    @property
    def id(self) -> str:
        """Given at birth; 32 hex characters that never change."""
        return self._id

    def append(
        self, stream: str, entries: Sequence[Entry], *, expected_seq: int, recorded_at: int, epoch: int = 0
    ) -> list[Record]:
        """Add entries after `expected_seq`; see `Journal.append`."""
        self._refuse_if_closed()
        refuse_stale(stream, self._leases.get(stream), epoch)
        seen: AbstractSet[str] = self._keys.get(stream, frozenset())
        records = link(
            self._id,
            stream,
            self._tips.get(stream, EMPTY),
            entries,
            expected_seq=expected_seq,
            recorded_at=recorded_at,
            epoch=epoch,
            has_seen=seen.__contains__,
        )
        if records:
            self._keep(stream, records)
        return records

    def _keep(self, stream: str, records: list[Record]) -> None:
        keys = [record.entry.dedup_key for record in records if record.entry.dedup_key is not None]
        if keys:
            self._keys.setdefault(stream, set()).update(keys)
        if self._keeps_records:
            self._records.setdefault(stream, []).extend(records)
        self._tips[stream] = tip_of(records[-1])

    def read(self, stream: str, *, after: int = 0) -> Iterator[Record]:
        """Records with seq > `after`, in order, each checked; see `Journal.read`.

        Raises JournalError when there are such records but this journal did not keep them.
        """
        self._refuse_if_closed()
        if after >= self._tips.get(stream, EMPTY).seq:
            return
        records = self._kept(stream)
        start = tip_of(records[after - 1]) if after > 0 else EMPTY
        # By index, not over a copy: what is appended meanwhile is read as well.
        yield from checked(self._id, start, _since(records, max(after, 0)))

    def _kept(self, stream: str) -> list[Record]:
        if not self._keeps_records:
            raise JournalError(f"{stream}: this journal keeps no records; create it with keep_records=True")
        return self._records.get(stream, [])

    def has_seen(self, stream: str, dedup_key: str) -> bool:
        """Whether an entry with this key has been recorded."""
        self._refuse_if_closed()
        return dedup_key in self._keys.get(stream, ())

    def head(self, stream: str) -> Head:
        """Where the stream ends; seq 0 and the genesis hash when it is empty."""
        self._refuse_if_closed()
        tip = self._tips.get(stream, EMPTY)
        return Head(self._id, stream, tip.seq, tip.hash)

    def streams(self) -> list[str]:
        """Names of all streams, sorted."""
        self._refuse_if_closed()
        return sorted(self._tips)

    def verify(self, stream: str, *, against: Head | None = None) -> Verification:
        """Check every record; raises JournalError when none were kept."""
        self._refuse_if_closed()
        return verification(self._id, stream, self._kept(stream), against)

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; raises JournalError when its record is not here."""
        self._refuse_if_closed()
        if not 0 <= snapshot.seq <= self._tips.get(snapshot.stream, EMPTY).seq:
            raise off_the_chain(snapshot)
        key = (snapshot.stream, snapshot.schema)
        kept = self._snapshots.get(key)
        if kept is None or kept.seq <= snapshot.seq:
            self._snapshots[key] = snapshot

    def latest_snapshot(self, stream: str, schema: str) -> Snapshot | None:
        """The newest snapshot written under this schema, or None."""
        self._refuse_if_closed()
        return self._snapshots.get((stream, schema))

    def lease(self, stream: str) -> Lease | None:
        """Who holds the stream; None when nobody ever did."""
        self._refuse_if_closed()
        return self._leases.get(stream)

    def set_lease(self, wanted: Lease, *, expected: Lease | None) -> Lease:
        """Put `wanted` in the place of `expected`; see `Journal.set_lease`."""
        self._refuse_if_closed()
        under = self._tips.get(wanted.stream, EMPTY).epoch
        found = self._leases.get(wanted.stream)
        stored = settled(found, wanted, expected=expected, written_under=under)
        self._leases[wanted.stream] = stored
        return stored

    def tidy(self) -> None:
        """Nothing: memory needs no upkeep."""
        self._refuse_if_closed()

    def close(self) -> None:
        """Let go; further calls raise JournalUnwritable."""
        self._is_closed = True

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise JournalUnwritable(f"journal {self._id} is closed")


def _since(records: list[Record], start: int) -> Iterator[Record]:
    while start < len(records):
        yield records[start]
        start += 1
