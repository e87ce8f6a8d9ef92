"""Every journal keeps the promises of `runtime.journal.port.Journal`."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.errors import JournalConflict, JournalError, JournalUnwritable
from tradewrit.runtime.journal.leases import Lease
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.port import Journal, Snapshot
from tradewrit.runtime.journal.records import GENESIS, Entry, Head
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.simulation.disk import Disk, DiskJournal

ID = "0123456789abcdef" * 2
STREAM = "acct:default/paper"

KINDS = ["memory", "sqlite", "disk"]


def make(kind: str, folder: Path) -> Journal:
    if kind == "memory":
        return MemoryJournal(ID)
    if kind == "disk":
        return DiskJournal(Disk(ID, Random(0)))
    return SqliteJournal.open(folder / "journal.sqlite", id=ID, synchronous="OFF")


@pytest.fixture(params=KINDS)
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    made = make(request.param, tmp_path)
    yield made
    made.close()


def entry(n: int = 0, key: str | None = None) -> Entry:
    return Entry(type="order.submit.accepted", at=1_000 + n, body=b'{"n":%d}' % n, dedup_key=key)


def fill(journal: Journal, n: int, stream: str = STREAM) -> None:
    for i in range(n):
        journal.append(stream, [entry(i)], expected_seq=i, recorded_at=i)


def test_an_empty_stream_ends_at_genesis(journal: Journal) -> None:
    assert journal.head(STREAM) == Head(ID, STREAM, 0, GENESIS)
    assert list(journal.read(STREAM)) == []
    assert journal.streams() == []
    assert journal.verify(STREAM).is_intact


def test_the_id_is_the_one_drawn_at_genesis(journal: Journal) -> None:
    assert journal.id == ID


def test_appended_entries_are_numbered_chained_and_read_back(journal: Journal) -> None:
    whole = Entry(
        type="order.fill.recorded",
        at=-5,
        body=b"\x00\xff anything \n",
        source="human:maria",
        caused_by=1,
        correlation="scan:1",
        trace="trade:Ü\n|:",
        dedup_key="exec:paper:17",
        version=3,
    )
    written = journal.append(STREAM, [entry(1), whole], expected_seq=0, recorded_at=77, epoch=4)
    assert [record.seq for record in written] == [1, 2]
    assert [record.entry for record in written] == [entry(1), whole]
    assert written[0].prev_hash == GENESIS
    assert written[1].prev_hash == written[0].hash
    assert {(record.recorded_at, record.epoch) for record in written} == {(77, 4)}
    assert list(journal.read(STREAM)) == written
    assert journal.head(STREAM) == Head(ID, STREAM, 2, written[1].hash)


def test_reading_can_start_after_any_record(journal: Journal) -> None:
    fill(journal, 4)
    everything = list(journal.read(STREAM))
    for after in range(5):
        assert list(journal.read(STREAM, after=after)) == everything[after:]
    assert list(journal.read(STREAM, after=99)) == []


def test_what_is_appended_while_reading_is_read_too_or_not_but_never_torn(journal: Journal) -> None:
    fill(journal, 3)
    reading = journal.read(STREAM)
    first = next(reading)
    journal.append(STREAM, [entry(9)], expected_seq=3, recorded_at=9)
    seqs = [first.seq, *(record.seq for record in reading)]
    assert seqs in ([1, 2, 3], [1, 2, 3, 4])


def test_an_outdated_expectation_is_a_conflict_and_adds_nothing(journal: Journal) -> None:
    fill(journal, 2)
    for expected in (0, 1, 3):
        with pytest.raises(JournalConflict, match="ends at 2"):
            journal.append(STREAM, [entry()], expected_seq=expected, recorded_at=1)
    assert journal.head(STREAM).seq == 2
    assert journal.verify(STREAM).records == 2


def test_a_stale_epoch_is_refused_for_ever(journal: Journal) -> None:
    journal.append(STREAM, [entry()], expected_seq=0, recorded_at=1, epoch=2)
    with pytest.raises(JournalConflict, match="epoch 2"):
        journal.append(STREAM, [entry()], expected_seq=1, recorded_at=1, epoch=1)
    journal.append(STREAM, [entry()], expected_seq=1, recorded_at=1, epoch=2)
    journal.append(STREAM, [entry()], expected_seq=2, recorded_at=1, epoch=5)
    with pytest.raises(JournalConflict, match="must stop"):
        journal.append(STREAM, [], expected_seq=3, recorded_at=1, epoch=4)


def test_a_dedup_key_seen_before_drops_its_entry_and_nothing_else(journal: Journal) -> None:
    journal.append(STREAM, [entry(1, "exec:1")], expected_seq=0, recorded_at=1)
    written = journal.append(
        STREAM, [entry(2), entry(3, "exec:1"), entry(4, "exec:2")], expected_seq=1, recorded_at=2
    )
    assert [record.entry for record in written] == [entry(2), entry(4, "exec:2")]
    assert [record.seq for record in written] == [2, 3]
    assert journal.verify(STREAM).is_intact


def test_a_dedup_key_twice_in_one_append_is_kept_once(journal: Journal) -> None:
    written = journal.append(STREAM, [entry(1, "k"), entry(2, "k")], expected_seq=0, recorded_at=1)
    assert [record.entry for record in written] == [entry(1, "k")]


def test_only_duplicates_append_nothing(journal: Journal) -> None:
    journal.append(STREAM, [entry(1, "k")], expected_seq=0, recorded_at=1)
    assert journal.append(STREAM, [entry(2, "k")], expected_seq=1, recorded_at=2) == []
    assert journal.append(STREAM, [], expected_seq=1, recorded_at=2) == []
    assert journal.head(STREAM).seq == 1


def test_a_refused_append_does_not_remember_its_dedup_keys(journal: Journal) -> None:
    with pytest.raises(JournalConflict):
        journal.append(STREAM, [entry(1, "k")], expected_seq=7, recorded_at=1)
    assert not journal.has_seen(STREAM, "k")
    assert len(journal.append(STREAM, [entry(1, "k")], expected_seq=0, recorded_at=1)) == 1
    assert journal.has_seen(STREAM, "k")


def test_the_empty_dedup_key_is_a_key(journal: Journal) -> None:
    journal.append(STREAM, [entry(1, ""), entry(2), entry(3, "")], expected_seq=0, recorded_at=1)
    assert [record.entry.at for record in journal.read(STREAM)] == [1_001, 1_002]


def test_streams_do_not_know_each_other(journal: Journal) -> None:
    journal.append("b", [entry(1, "k")], expected_seq=0, recorded_at=1, epoch=9)
    journal.append("a", [entry(1, "k")], expected_seq=0, recorded_at=1)
    assert journal.streams() == ["a", "b"]
    assert journal.head("a").hash != journal.head("b").hash
    assert not journal.has_seen("c", "k")


def test_recorded_time_stands_still_when_the_clock_goes_back(journal: Journal) -> None:
    for i, at in enumerate((100, 40, 120)):
        journal.append(STREAM, [entry(i)], expected_seq=i, recorded_at=at)
    assert [record.recorded_at for record in journal.read(STREAM)] == [100, 100, 120]


def test_text_that_is_not_unicode_is_refused_and_leaves_nothing(journal: Journal) -> None:
    broken = Entry(type="a.b.c", at=1, body=b"", source="\ud800")
    with pytest.raises(JournalError, match=r"a\.b\.c"):
        journal.append(STREAM, [entry(), broken], expected_seq=0, recorded_at=1)
    fill(journal, 1)
    assert journal.verify(STREAM).records == 1


def test_a_stream_needs_a_name(journal: Journal) -> None:
    with pytest.raises(JournalError, match="name"):
        journal.append("", [entry()], expected_seq=0, recorded_at=1)


def test_verify_agrees_with_every_head_there_ever_was(journal: Journal) -> None:
    heads = [journal.head(STREAM)]
    for i in range(3):
        journal.append(STREAM, [entry(i)], expected_seq=i, recorded_at=i)
        heads.append(journal.head(STREAM))
    for head in heads:
        assert journal.verify(STREAM, against=head).is_intact


def test_a_head_beyond_the_end_shows_a_cut_tail(journal: Journal) -> None:
    fill(journal, 3)
    found = journal.verify(STREAM, against=Head(ID, STREAM, 5, "f" * 64))
    assert not found.is_intact
    assert found.fault is not None
    assert "4 to 5 were cut off" in found.fault
    assert found.last_good == 3


def test_a_head_with_another_hash_shows_a_rebuilt_chain_and_vouches_for_nothing(journal: Journal) -> None:
    fill(journal, 3)
    found = journal.verify(STREAM, against=Head(ID, STREAM, 2, "f" * 64))
    assert found.fault is not None
    assert "rebuilt" in found.fault
    assert (found.last_good, found.records, found.head.hash) == (0, 3, GENESIS)


@pytest.mark.parametrize("head", [Head("f" * 32, STREAM, 1, "0" * 64), Head(ID, "other", 1, "0" * 64)])
def test_the_head_of_another_journal_or_stream_is_a_fault(journal: Journal, head: Head) -> None:
    fill(journal, 1)
    found = journal.verify(STREAM, against=head)
    assert found.fault is not None
    assert "the head is that of" in found.fault


def snapshot(seq: int, schema: str = "books/1", body: bytes = b"state") -> Snapshot:
    return Snapshot(stream=STREAM, seq=seq, schema=schema, body=body, state_hash="5" * 64)


def test_the_newest_snapshot_of_a_schema_is_found(journal: Journal) -> None:
    fill(journal, 4)
    for seq in (0, 2, 4, 3):
        journal.save_snapshot(snapshot(seq))
    journal.save_snapshot(snapshot(1, "books/2"))
    assert journal.latest_snapshot(STREAM, "books/1") == snapshot(4)
    assert journal.latest_snapshot(STREAM, "books/2") == snapshot(1, "books/2")
    assert journal.latest_snapshot(STREAM, "books/3") is None
    assert journal.latest_snapshot("other", "books/1") is None


def test_a_snapshot_can_be_saved_again(journal: Journal) -> None:
    fill(journal, 1)
    journal.save_snapshot(snapshot(1))
    journal.save_snapshot(snapshot(1, body=b"better"))
    assert journal.latest_snapshot(STREAM, "books/1") == snapshot(1, body=b"better")


@pytest.mark.parametrize("seq", [-1, 3])
def test_a_snapshot_without_its_record_is_refused(journal: Journal, seq: int) -> None:
    fill(journal, 2)
    with pytest.raises(JournalError, match="append first"):
        journal.save_snapshot(snapshot(seq))


def wanted(owner: str, *, over: Lease | None = None, until: int = 10) -> Lease:
    """What a new holder asks for; `over`: what the holder asks for who goes on, or lets go (owner "")."""
    if over is not None:
        return msgspec.structs.replace(over, owner=owner, expires_at=until)
    return Lease(stream=STREAM, owner=owner, since=1, expires_at=until, duration_ns=9)


def test_a_stream_without_a_lease_may_be_written_by_anybody(journal: Journal) -> None:
    assert journal.lease(STREAM) is None
    fill(journal, 2)


def test_a_new_holder_gets_an_epoch_above_every_one_there_ever_was(journal: Journal) -> None:
    journal.append(STREAM, [entry()], expected_seq=0, recorded_at=1, epoch=6)
    first = journal.set_lease(wanted("a"), expected=None)
    assert (first.owner, first.epoch, first.beat) == ("a", 7, 1)
    second = journal.set_lease(wanted("b"), expected=first)
    assert (second.owner, second.epoch, second.beat) == ("b", 8, 2)
    # Its own name does not make it the holder again.
    assert journal.set_lease(wanted("b"), expected=second).epoch == 9
    assert journal.head(STREAM).seq == 1
    assert journal.lease("other") is None


def test_the_holder_goes_on_under_its_epoch(journal: Journal) -> None:
    taken = journal.set_lease(wanted("a"), expected=None)
    renewed = journal.set_lease(wanted("a", over=taken, until=99), expected=taken)
    assert journal.lease(STREAM) == renewed
    assert (renewed.epoch, renewed.since, renewed.expires_at, renewed.beat) == (1, 1, 99, 2)


def test_of_two_who_saw_the_same_lease_one_gets_through(journal: Journal) -> None:
    held: Lease | None = None
    for n, owner in enumerate("abc", 1):
        seen, held = held, journal.set_lease(wanted(owner), expected=held)
        with pytest.raises(JournalConflict, match=rf"lease of {owner} \(epoch {n}\).*else was faster"):
            journal.set_lease(wanted("late"), expected=seen)
        assert journal.lease(STREAM) == held


def test_a_renewal_that_comes_after_somebody_else_took_over_changes_nothing(journal: Journal) -> None:
    mine = journal.set_lease(wanted("a"), expected=None)
    theirs = journal.set_lease(wanted("b"), expected=mine)
    with pytest.raises(JournalConflict, match="somebody else was faster"):
        journal.set_lease(wanted("a", over=mine), expected=mine)
    assert journal.lease(STREAM) == theirs


def test_nobody_goes_on_under_an_epoch_that_is_not_its_own(journal: Journal) -> None:
    mine = journal.set_lease(wanted("a"), expected=None)
    with pytest.raises(JournalConflict, match="b cannot continue the lease of a"):
        journal.set_lease(wanted("b", over=mine), expected=mine)
    for epoch in (2, -1):
        raised = msgspec.structs.replace(mine, epoch=epoch)
        with pytest.raises(JournalConflict, match=f"epoch {epoch} cannot be continued"):
            journal.set_lease(raised, expected=mine)
    freed = journal.set_lease(wanted("", over=mine), expected=mine)
    with pytest.raises(JournalConflict, match="take the lease anew"):
        journal.set_lease(wanted("a", over=freed), expected=freed)
    assert journal.lease(STREAM) == freed
    assert journal.set_lease(wanted("a"), expected=freed).epoch == 2


def test_only_what_carries_the_epoch_of_the_lease_is_appended(journal: Journal) -> None:
    first = journal.set_lease(wanted("a"), expected=None)
    journal.append(STREAM, [entry()], expected_seq=0, recorded_at=1, epoch=first.epoch)
    second = journal.set_lease(wanted("b"), expected=first)
    refused = {0: "has no lease", 1: "has been replaced and must stop", 3: "nobody was ever given epoch 3"}
    for epoch, why in refused.items():
        # Nothing has been appended under the new lease yet: taking it is enough.
        with pytest.raises(JournalConflict, match=rf"under the lease of b \(epoch 2\).*{why}"):
            journal.append(STREAM, [entry()], expected_seq=1, recorded_at=1, epoch=epoch)
        with pytest.raises(JournalConflict):
            journal.append(STREAM, [], expected_seq=1, recorded_at=1, epoch=epoch)
    journal.append(STREAM, [entry()], expected_seq=1, recorded_at=1, epoch=2)
    journal.set_lease(wanted("", over=second), expected=second)
    with pytest.raises(JournalConflict, match="given it up and must stop"):
        journal.append(STREAM, [entry()], expected_seq=2, recorded_at=1, epoch=2)
    assert [record.epoch for record in journal.read(STREAM)] == [1, 2]


def test_a_lease_is_on_one_stream_and_no_part_of_the_chain(journal: Journal) -> None:
    fill(journal, 1)
    before = journal.head(STREAM)
    journal.set_lease(wanted("a"), expected=None)
    journal.append("other", [entry()], expected_seq=0, recorded_at=1)
    assert journal.head(STREAM) == before
    assert journal.streams() == [STREAM, "other"]
    assert journal.verify(STREAM, against=before).is_intact


def test_upkeep_changes_nothing_that_is_kept(journal: Journal) -> None:
    """However much was appended since the last, and however often it is asked for."""
    journal.append(STREAM, [entry(i) for i in range(600)], expected_seq=0, recorded_at=1)
    before = journal.head(STREAM)
    journal.tidy()
    journal.tidy()
    assert journal.verify(STREAM, against=before).records == 600
    journal.append(STREAM, [entry(600)], expected_seq=600, recorded_at=2)
    assert journal.verify(STREAM).head.seq == 601


CALLS: dict[str, Callable[[Journal], object]] = {
    "append": lambda journal: journal.append(STREAM, [entry()], expected_seq=1, recorded_at=1),
    "read": lambda journal: list(journal.read(STREAM)),
    "read after": lambda journal: list(journal.read(STREAM, after=1)),
    "has_seen": lambda journal: journal.has_seen(STREAM, "k"),
    "head": lambda journal: journal.head(STREAM),
    "streams": lambda journal: journal.streams(),
    "verify": lambda journal: journal.verify(STREAM),
    "save_snapshot": lambda journal: journal.save_snapshot(snapshot(1)),
    "lease": lambda journal: journal.lease(STREAM),
    "set_lease": lambda journal: journal.set_lease(wanted("desk"), expected=None),
    "latest_snapshot": lambda journal: journal.latest_snapshot(STREAM, "books/1"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_closed_journal_refuses_everything_but_closing(
    journal: Journal, call: Callable[[Journal], object]
) -> None:
    fill(journal, 1)
    journal.close()
    with pytest.raises(JournalUnwritable):
        call(journal)
    journal.close()


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.integers(-(2**63), 2**63 - 1)
entries = st.builds(
    Entry,
    type=texts,
    at=numbers,
    body=st.binary(max_size=30),
    source=texts,
    caused_by=numbers,
    correlation=texts,
    trace=texts,
    dedup_key=st.none() | st.sampled_from(["", "a", "b", "c", "=a"]),
    version=st.integers(1, 9),
)
batches = st.lists(st.tuples(st.sampled_from(["s", "t"]), st.lists(entries, max_size=4), numbers), max_size=8)


@given(batches)
def test_whatever_is_appended_every_journal_keeps_the_same_verifiable_records(
    appends: list[tuple[str, list[Entry], int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journals = [make(kind, Path(folder)) for kind in KINDS]
        expected: dict[str, list[Entry]] = {}
        for stream, batch, at in appends:
            kept = expected.setdefault(stream, [])
            answers = [one.append(stream, batch, expected_seq=len(kept), recorded_at=at) for one in journals]
            assert answers[0] == answers[1]
            for new in batch:
                if new.dedup_key is None or new.dedup_key not in {old.dedup_key for old in kept}:
                    kept.append(new)
        for journal in journals:
            for stream, kept in expected.items():
                assert [record.entry for record in journal.read(stream)] == kept
                found = journal.verify(stream, against=journal.head(stream))
                assert found.is_intact
                assert (found.records, found.head) == (len(kept), journal.head(stream))
        for stream in expected:
            assert journals[0].head(stream) == journals[1].head(stream)
        for journal in journals:
            journal.close()
