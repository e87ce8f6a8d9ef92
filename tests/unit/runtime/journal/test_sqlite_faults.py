"""Full disks, disk errors, other processes, sudden death: refused, never half-written."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.unit.runtime.journal.samples import ID, RECORDS, STREAM, sample
from tradewrit.errors import JournalBroken, JournalConflict, JournalUnwritable
from tradewrit.runtime.journal.records import Entry
from tradewrit.runtime.journal.sqlite import SqliteJournal

BIG = Entry(type="a.b.c", at=1, body=b"x" * 200_000)


def test_a_full_disk_refuses_the_append_and_leaves_the_chain_whole(path: Path) -> None:
    with closing(SqliteJournal.open(path, max_pages=12)) as journal:
        before = journal.head(STREAM)
        with pytest.raises(JournalUnwritable, match="disk is full"):
            journal.append(STREAM, [sample(7), BIG, sample(8)], expected_seq=RECORDS, recorded_at=1, epoch=3)
        assert journal.head(STREAM) == before
        assert not journal.has_seen(STREAM, "exec:paper:7")
        assert journal.verify(STREAM, against=before).records == RECORDS


def test_an_append_that_fits_goes_on_after_a_full_disk(path: Path) -> None:
    with closing(SqliteJournal.open(path, max_pages=12)) as journal:
        with pytest.raises(JournalUnwritable):
            journal.append(STREAM, [BIG], expected_seq=RECORDS, recorded_at=1, epoch=3)
        journal.append(STREAM, [sample(7)], expected_seq=RECORDS, recorded_at=1, epoch=3)
        head = journal.head(STREAM)
    with closing(SqliteJournal.open(path)) as journal:
        assert head.seq == RECORDS + 1
        assert journal.verify(STREAM, against=head).is_intact


def test_filling_the_disk_to_the_brim_loses_nothing_that_was_confirmed(path: Path) -> None:
    seq = RECORDS
    with closing(SqliteJournal.open(path, max_pages=40, synchronous="OFF")) as journal:
        while True:
            entries = [Entry(type="a.b.c", at=1, body=b"y" * 900)] * 3
            try:
                seq += len(journal.append(STREAM, entries, expected_seq=seq, recorded_at=1, epoch=3))
            except JournalUnwritable:
                break
        head = journal.head(STREAM)
    assert RECORDS < seq == head.seq
    with closing(SqliteJournal.open(path)) as journal:
        assert journal.verify(STREAM, against=head).records == seq


@contextmanager
def failing_disk(good_bytes: int = 1024) -> Iterator[None]:
    """Writes beyond the first bytes of any file fail, as on a disk with bad sectors."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (good_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_error_during_the_upkeep_is_the_end_as_well(path: Path) -> None:
    """What was copied may not be on the disk, and the log that still holds it is about to be written over."""
    with closing(SqliteJournal.open(path)) as journal:
        entries = [sample(n) for n in range(7, 607)]
        journal.append(STREAM, entries, expected_seq=RECORDS, recorded_at=1, epoch=3)
        head = journal.head(STREAM)
        with failing_disk(), pytest.raises(JournalBroken, match="disk"):
            journal.tidy()
        for refused in (
            journal.tidy,
            lambda: journal.append(STREAM, [BIG], expected_seq=head.seq, recorded_at=1, epoch=3),
        ):
            with pytest.raises(JournalBroken, match="open the journal anew"):
                refused()
    with closing(SqliteJournal.open(path)) as journal:
        assert journal.verify(STREAM, against=head).is_intact


def test_after_a_disk_error_nothing_is_appended_until_the_journal_is_opened_anew(path: Path) -> None:
    with closing(SqliteJournal.open(path)) as journal:
        before = journal.head(STREAM)
        journal.append("other", [sample(2)], expected_seq=1, recorded_at=1)
        with failing_disk(), pytest.raises(JournalBroken, match="disk"):
            journal.append(STREAM, [sample(7)], expected_seq=RECORDS, recorded_at=1, epoch=3)
        with pytest.raises(JournalBroken, match="open the journal anew"):  # unlike a disk that is full
            journal.append(STREAM, [sample(7)], expected_seq=RECORDS, recorded_at=1, epoch=3)
        assert journal.verify(STREAM, against=before).records == RECORDS
    with closing(SqliteJournal.open(path)) as journal:
        assert journal.head(STREAM) == before
        journal.append(STREAM, [sample(7)], expected_seq=RECORDS, recorded_at=1, epoch=3)


@pytest.mark.parametrize("good_bytes", [0, 4_096, 8_192, 20_000])
def test_a_journal_that_cannot_be_created_whole_leaves_no_file(tmp_path: Path, good_bytes: int) -> None:
    with failing_disk(good_bytes), pytest.raises(JournalUnwritable):
        SqliteJournal.open(tmp_path / "new.sqlite", id=ID)
    assert list(tmp_path.iterdir()) == []
    with closing(SqliteJournal.open(tmp_path / "new.sqlite", id=ID)) as journal:
        assert journal.head(STREAM).seq == 0


def test_a_full_disk_that_has_no_room_for_the_index_is_no_disk_error(path: Path) -> None:
    with failing_disk(path.stat().st_size), pytest.raises(JournalUnwritable, match="disk is full"):
        SqliteJournal.open(path)
    with closing(SqliteJournal.open(path)) as journal:
        assert journal.verify(STREAM).records == RECORDS


def test_a_value_sqlite_cannot_hold_is_refused_and_leaves_nothing(journal: SqliteJournal) -> None:
    too_late = Entry(type="a.b.c", at=2**63, body=b"")
    with pytest.raises(JournalUnwritable):
        journal.append(STREAM, [sample(7), too_late], expected_seq=RECORDS, recorded_at=1, epoch=3)
    assert journal.verify(STREAM).records == RECORDS
    assert len(journal.append(STREAM, [sample(7)], expected_seq=RECORDS, recorded_at=1, epoch=3)) == 1


def test_a_lock_held_by_another_is_waited_for_within_bounds_then_refused(path: Path) -> None:
    with (
        closing(SqliteJournal.open(path, busy_timeout_s=0.01)) as journal,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalUnwritable, match="another process holds the file"):
            journal.append(STREAM, [sample(7)], expected_seq=RECORDS, recorded_at=1, epoch=3)
        assert journal.verify(STREAM).records == RECORDS
        other.execute("ROLLBACK")
        assert len(journal.append(STREAM, [sample(7)], expected_seq=RECORDS, recorded_at=1, epoch=3)) == 1


def test_of_two_writers_the_second_gets_a_conflict_and_can_catch_up(path: Path) -> None:
    with closing(SqliteJournal.open(path)) as one, closing(SqliteJournal.open(path)) as two:
        assert one.head(STREAM) == two.head(STREAM)
        one.append(STREAM, [sample(7)], expected_seq=RECORDS, recorded_at=1, epoch=3)
        with pytest.raises(JournalConflict, match="somebody else appended"):
            two.append(STREAM, [sample(8)], expected_seq=RECORDS, recorded_at=1, epoch=3)
        assert two.has_seen(STREAM, "exec:paper:7")
        assert [record.seq for record in two.read(STREAM, after=RECORDS)] == [7]
        two.append(STREAM, [sample(7), sample(8)], expected_seq=7, recorded_at=1, epoch=4)
        with pytest.raises(JournalConflict, match="must stop"):
            one.append(STREAM, [sample(9)], expected_seq=8, recorded_at=1, epoch=3)
        assert one.verify(STREAM, against=two.head(STREAM)).records == 8


KILLED = """
import os, signal, sys
from tradewrit.runtime.journal.records import Entry
from tradewrit.runtime.journal.sqlite import SqliteJournal
journal = SqliteJournal.open(sys.argv[1], synchronous="NORMAL")
for n in range(6, 30):
    journal.append("acct:default/paper", [Entry(type="a.b.c", at=n, body=b"z" * 3000)],
                   expected_seq=n, recorded_at=n, epoch=3)
    print(journal.head("acct:default/paper").hash, flush=True)
journal._connection.execute("BEGIN IMMEDIATE")
journal._connection.execute("UPDATE journal SET body = x'00'")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that cannot be caught")
def test_what_a_killed_process_had_confirmed_is_there_and_nothing_else(path: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, os.fspath(path)], capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with closing(SqliteJournal.open(path, read_only=True)) as journal:
        assert journal.verify(STREAM).records == 30
        assert journal.head(STREAM).hash == killed.stdout.split()[-1]


def test_a_copy_of_a_journal_is_as_good_as_the_journal(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    shutil.copy(path, copy)
    with closing(SqliteJournal.open(copy)) as two, closing(SqliteJournal.open(path)) as one:
        assert list(one.read(STREAM)) == list(two.read(STREAM))


def test_an_interrupted_append_leaves_nothing(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("tradewrit.runtime.journal.sqlite.row_of", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.append(STREAM, [sample(7)], expected_seq=RECORDS, recorded_at=1, epoch=3)
    assert len(journal.append(STREAM, [sample(7)], expected_seq=RECORDS, recorded_at=1, epoch=3)) == 1


def test_reading_a_long_stream_goes_in_pieces_and_survives_appends_between_them(path: Path) -> None:
    with closing(SqliteJournal.open(path, synchronous="OFF")) as journal:
        entries = [Entry(type="a.b.c", at=n, body=b"") for n in range(1_500)]
        journal.append("long", entries, expected_seq=0, recorded_at=1)
        reading = journal.read("long")
        seqs = [next(reading).seq for _ in range(600)]
        journal.append("long", entries[:1], expected_seq=1_500, recorded_at=1)
        seqs.extend(record.seq for record in reading)
    assert seqs == list(range(1, 1_502))
