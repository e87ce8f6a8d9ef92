import pytest

from tradewrit.errors import JournalConflict, JournalCorrupt, JournalError
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.port import Snapshot
from tradewrit.runtime.journal.records import Entry

ID = "0123456789abcdef" * 2


def entry(n: int) -> Entry:
    return Entry(type="a.b.c", at=n, body=b"%d" % n, dedup_key=f"k{n}")


def test_without_records_heads_and_refusals_are_the_same() -> None:
    whole, lean = MemoryJournal(ID), MemoryJournal(ID, keep_records=False)
    for journal in (whole, lean):
        journal.append("s", [entry(1), entry(2)], expected_seq=0, recorded_at=5, epoch=1)
        journal.append("s", [entry(2), entry(3)], expected_seq=2, recorded_at=6, epoch=1)
        with pytest.raises(JournalConflict):
            journal.append("s", [entry(4)], expected_seq=2, recorded_at=7, epoch=1)
    assert lean.head("s") == whole.head("s")
    assert lean.has_seen("s", "k3")


def test_what_was_not_kept_is_said_to_be_not_kept() -> None:
    journal = MemoryJournal(ID, keep_records=False)
    journal.append("s", [entry(1)], expected_seq=0, recorded_at=5)
    with pytest.raises(JournalError, match="keeps no records"):
        list(journal.read("s"))
    with pytest.raises(JournalError, match="keeps no records"):
        journal.verify("s")
    assert list(journal.read("s", after=1)) == []


def test_without_records_snapshots_still_work() -> None:
    journal = MemoryJournal(ID, keep_records=False)
    journal.append("s", [entry(1), entry(2)], expected_seq=0, recorded_at=5)
    snapshot = Snapshot(stream="s", seq=1, schema="x", body=b"", state_hash="")
    journal.save_snapshot(snapshot)
    assert journal.latest_snapshot("s", "x") == snapshot


@pytest.mark.parametrize("bad", ["", "abc", "g" * 32, "A" * 32, "a" * 33])
def test_an_id_that_was_not_drawn_is_refused(bad: str) -> None:
    with pytest.raises(JournalError, match="32 hex"):
        MemoryJournal(bad)


def test_a_record_swapped_in_memory_is_found() -> None:
    journal = MemoryJournal(ID)
    journal.append("s", [entry(n) for n in range(1, 5)], expected_seq=0, recorded_at=5)
    records = journal._records["s"]
    records[1], records[2] = records[2], records[1]
    assert journal.verify("s").last_good == 1
    with pytest.raises(JournalCorrupt):
        list(journal.read("s"))
