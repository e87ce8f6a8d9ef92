import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.runtime.journal.samples import ID, RECORDS, STREAM, Alter, sample
from tradewrit.errors import ConfigError, JournalCorrupt, JournalError, JournalUnwritable
from tradewrit.runtime.journal.leases import Lease
from tradewrit.runtime.journal.records import Entry
from tradewrit.runtime.journal.sqlite import SqliteJournal


def test_an_existing_journal_keeps_its_id(path: Path) -> None:
    with closing(SqliteJournal.open(path, id="f" * 32)) as journal:
        assert journal.id == ID


@pytest.mark.parametrize(("create", "read_only"), [(False, False), (True, True)])
def test_a_missing_file_is_named_when_it_may_not_be_created(
    tmp_path: Path, create: bool, read_only: bool
) -> None:
    with pytest.raises(JournalError, match=r"absent\.sqlite: there is no such journal"):
        SqliteJournal.open(tmp_path / "absent.sqlite", id=ID, create=create, read_only=read_only)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", [None, "", "not hex", "F" * 32])
def test_a_new_journal_needs_a_drawn_id_and_leaves_no_file_without(tmp_path: Path, bad: str | None) -> None:
    with pytest.raises(JournalError, match="draw"):
        SqliteJournal.open(tmp_path / "new.sqlite", id=bad)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_an_empty_file_and_a_text_are_no_journals(tmp_path: Path) -> None:
    empty, text = tmp_path / "empty", tmp_path / "text"
    empty.touch()
    text.write_text("symbol,side,quantity\n" * 100)
    for place, words in ((tmp_path, "is a directory"), (empty, "is empty"), (text, "is not a journal")):
        with pytest.raises(JournalError, match=words):
            SqliteJournal.open(place, id=ID)
    assert text.read_text().startswith("symbol")
    assert sorted(tmp_path.iterdir()) == [empty, text]


def test_a_missing_folder_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot create the journal"):
        SqliteJournal.open(tmp_path / "absent" / "journal.sqlite", id=ID)


def test_somebody_elses_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    place = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("CREATE TABLE trades (id INTEGER)")
    before = place.read_bytes()
    with pytest.raises(JournalError, match="an SQLite database, but not a journal"):
        SqliteJournal.open(place, id=ID)
    assert place.read_bytes() == before


def test_a_journal_from_before_records_named_who_acted_is_refused(path: Path, alter: Alter) -> None:
    alter("UPDATE meta SET value = 1 WHERE key = 'schema_version'")
    with pytest.raises(JournalError, match=r"written by an older version .* under which identity"):
        SqliteJournal.open(path)


@pytest.fixture
def without_leases(alter: Alter) -> None:
    """The file as it was written before streams had leases."""
    alter("DROP TABLE leases", "UPDATE meta SET value = 2 WHERE key = 'schema_version'")


@pytest.mark.usefixtures("without_leases")
def test_a_journal_from_before_leases_is_brought_up_to_date_and_keeps_its_records(path: Path) -> None:
    for _ in range(2):
        with closing(SqliteJournal.open(path)) as journal:
            assert journal.lease("other") is None
            assert len(list(journal.read(STREAM))) == RECORDS
    with closing(SqliteJournal.open(path)) as journal:
        wanted = Lease(stream=STREAM, owner="desk", since=1, expires_at=2, duration_ns=1)
        assert journal.set_lease(wanted, expected=None).epoch == 4  # its records reach epoch 3


@pytest.mark.usefixtures("without_leases")
def test_a_journal_from_before_leases_can_be_looked_at_without_a_trace(path: Path) -> None:
    before = path.read_bytes()
    with closing(SqliteJournal.open(path, read_only=True)) as journal:
        assert journal.lease(STREAM) is None
        assert journal.verify(STREAM).is_intact
        assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before


@pytest.fixture
def in_the_older_layout(path: Path) -> None:
    """The file as it was written when records lay in the tree of their key."""
    with closing(sqlite3.connect(path)) as connection:
        ((table,), (index,)) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = 'journal' AND sql IS NOT NULL ORDER BY type DESC"
        )
        connection.execute(f"{table.replace('journal', 'older', 1)} WITHOUT ROWID")
        connection.execute("INSERT INTO older SELECT * FROM journal")
        connection.execute("DROP TABLE journal")
        connection.execute("ALTER TABLE older RENAME TO journal")
        connection.execute(index)
        connection.commit()


@pytest.mark.usefixtures("in_the_older_layout")
def test_a_journal_of_the_older_layout_is_read_and_appended_to_as_it_lies(path: Path) -> None:
    with closing(SqliteJournal.open(path)) as journal:
        before = journal.head(STREAM)
        assert before.seq == RECORDS
        entry = Entry(type="a.b.c", at=1, body=b"{}", dedup_key="once")
        for expected in ([RECORDS + 1], []):
            at = journal.head(STREAM).seq
            added = journal.append(STREAM, [entry], expected_seq=at, recorded_at=1, epoch=3)
            assert [record.seq for record in added] == expected
    with closing(SqliteJournal.open(path, read_only=True)) as journal:
        assert [record.seq for record in journal.read(STREAM)] == [*range(1, RECORDS + 2)]
        assert journal.verify(STREAM, against=before).is_intact
        assert journal.streams() == [STREAM, "other"]


@pytest.mark.parametrize("column", ["owner = x'00'", "epoch = 'seven'", "beat = 1.5"])
def test_a_lease_that_was_altered_into_nonsense_is_damage_and_nobody_writes(
    path: Path, alter: Alter, column: str
) -> None:
    alter(f"INSERT INTO leases VALUES ('{STREAM}', 'desk', 3, 1, 1, 2, 1)", f"UPDATE leases SET {column}")
    with closing(SqliteJournal.open(path)) as journal:
        with pytest.raises(JournalCorrupt, match="its lease was altered"):
            journal.lease(STREAM)
        with pytest.raises(JournalCorrupt, match="its lease was altered"):
            journal.append(STREAM, [sample(9)], expected_seq=RECORDS, recorded_at=1, epoch=3)
        assert journal.head(STREAM).seq == RECORDS


def test_a_journal_of_a_newer_version_is_refused_with_advice(path: Path, alter: Alter) -> None:
    alter("UPDATE meta SET value = 4 WHERE key = 'schema_version'")
    with pytest.raises(JournalError, match=r"written by a newer version .* upgrade"):
        SqliteJournal.open(path)


def test_a_journal_without_its_id_is_refused(path: Path, alter: Alter) -> None:
    alter("DELETE FROM meta WHERE key = 'journal_id'")
    with pytest.raises(JournalError, match="id or schema version is missing"):
        SqliteJournal.open(path)


def test_an_unknown_durability_is_refused_before_anything_is_created(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="FULL"):
        SqliteJournal.open(tmp_path / "j.sqlite", id=ID, synchronous="full-ish")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_full_durability_is_the_default(path: Path) -> None:
    with closing(SqliteJournal.open(path)) as journal:
        assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_names_that_mean_something_in_a_uri_are_only_names(tmp_path: Path) -> None:
    place = tmp_path / "a?mode=memory#b %41.sqlite"
    with closing(SqliteJournal.open(place, id=ID)) as journal:
        journal.append(STREAM, [sample(1)], expected_seq=0, recorded_at=1)
    assert list(tmp_path.iterdir()) == [place]


def test_a_copy_opened_read_only_is_read_without_a_trace(path: Path) -> None:
    before = path.read_bytes()
    with closing(SqliteJournal.open(path, read_only=True)) as journal:
        assert len(list(journal.read(STREAM))) == RECORDS
        assert journal.verify(STREAM, against=journal.head(STREAM)).is_intact
        with pytest.raises(JournalUnwritable, match="read-only"):
            journal.append(STREAM, [sample(9)], expected_seq=RECORDS, recorded_at=1)
        assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_a_read_only_look_at_a_live_journal_sees_what_is_appended(path: Path, journal: SqliteJournal) -> None:
    with closing(SqliteJournal.open(path, read_only=True)) as looking:
        journal.append(STREAM, [sample(9)], expected_seq=RECORDS, recorded_at=1, epoch=3)
        assert looking.head(STREAM) == journal.head(STREAM)
        assert [record.seq for record in looking.read(STREAM, after=RECORDS)] == [RECORDS + 1]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_write_protected_file_is_refused_for_appending(path: Path) -> None:
    path.chmod(0o444)
    with (
        pytest.raises(JournalUnwritable, match="read-only"),
        closing(SqliteJournal.open(path)) as journal,
    ):
        journal.append(STREAM, [sample(9)], expected_seq=RECORDS, recorded_at=1, epoch=3)


def test_the_file_says_who_made_it_and_when(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        meta = dict(connection.execute("SELECT key, value FROM meta"))
    assert meta == {"journal_id": ID, "schema_version": 3, "created_at": 7}


def records_without_the_log(path: Path, into: Path) -> int:
    """How many records the main file holds by itself, whatever its write-ahead log has beside it."""
    alone = into / "alone.sqlite"
    shutil.copyfile(path, alone)
    with closing(sqlite3.connect(alone)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM journal WHERE stream = ?", (STREAM,)).fetchone()
    return int(count)


def test_no_append_waits_for_the_log_to_be_copied_which_is_done_in_a_quiet_moment(
    path: Path, tmp_path: Path
) -> None:
    with closing(SqliteJournal.open(path, synchronous="FULL")) as journal:
        for seq in range(RECORDS, RECORDS + 1500, 50):
            entries = [Entry(type="a.b.c", at=1, body=b"z" * 2_000)] * 50
            journal.append(STREAM, entries, expected_seq=seq, recorded_at=1, epoch=3)
        assert records_without_the_log(path, tmp_path) == RECORDS
        journal.tidy()
        assert records_without_the_log(path, tmp_path) == RECORDS + 1500


def test_a_handful_of_records_is_not_worth_the_upkeep(path: Path, tmp_path: Path) -> None:
    with closing(SqliteJournal.open(path, synchronous="OFF")) as journal:
        journal.append(STREAM, [sample(7)], expected_seq=RECORDS, recorded_at=1, epoch=3)
        journal.tidy()
        assert records_without_the_log(path, tmp_path) == RECORDS


def test_a_log_that_nobody_copies_does_not_grow_for_ever(path: Path) -> None:
    with closing(SqliteJournal.open(path, synchronous="OFF")) as journal:
        entries = [Entry(type="a.b.c", at=1, body=b"z" * 100_000)] * 50
        for seq in range(RECORDS, RECORDS + 1000, 50):
            journal.append(STREAM, entries, expected_seq=seq, recorded_at=1, epoch=3)
        assert path.with_name(f"{path.name}-wal").stat().st_size < 50_000_000 < path.stat().st_size
