"""Whatever somebody does to the table with another program, `verify` names it."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tests.unit.runtime.journal.samples import ID, RECORDS, STREAM, Alter
from tradewrit.errors import JournalCorrupt
from tradewrit.runtime.journal.records import Head
from tradewrit.runtime.journal.sqlite import SqliteJournal

ALTERED = {
    "stream": "'other2'",
    "seq": "seq + 100",
    "event_id": "'0' || substr(event_id, 2)",
    "type": "type || ' '",
    "v": "v + 1",
    "ts_event": "ts_event - 1",
    "ts_recorded": "ts_recorded + 1",
    "epoch": "epoch + 1",
    "source": "'executor'",
    "causation_id": "causation_id + 1",
    "correlation_id": "''",
    "trace_id": "upper(trace_id)",
    "dedup_key": "dedup_key || 'x'",
    "agent_id": "agent_id || 'x'",
    "token_id": "upper(token_id) || '0'",
    "body": "CAST(replace(body, 'n', 'm') AS BLOB)",
    "prev_hash": "'f' || substr(prev_hash, 2)",
    "hash": "CASE substr(hash, 64) WHEN '0' THEN substr(hash, 1, 63) || '1' ELSE substr(hash, 1, 63) || '0' END",
}
# The same value as another type, which SQLite lets anybody store.
RETYPED = {
    "type": "CAST(type AS BLOB)",
    "ts_event": "ts_event + 0.5",
    "dedup_key": "NULL",
    "body": "CAST(body AS TEXT)",
    "trace_id": "CAST(trace_id AS BLOB)",
    "agent_id": "CAST(agent_id AS BLOB)",
    "hash": "CAST(hash AS BLOB)",
}


def damaged(path: Path, head: Head) -> list[tuple[str, int]]:
    """Every stream with a fault, and its last good record."""
    with closing(SqliteJournal.open(path, read_only=True)) as journal:
        found = [
            journal.verify(stream, against=head if stream == STREAM else None) for stream in journal.streams()
        ]
    return [(one.stream, one.last_good) for one in found if not one.is_intact]


@pytest.fixture
def head(path: Path) -> Head:
    with closing(SqliteJournal.open(path, read_only=True)) as journal:
        return journal.head(STREAM)


def test_every_column_of_the_table_is_tried_here(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(journal)")}
    assert columns == set(ALTERED)


@pytest.mark.parametrize("seq", [1, 3, RECORDS])
@pytest.mark.parametrize("column", ALTERED)
def test_a_changed_value_in_any_column_is_found_where_it_is(
    path: Path, alter: Alter, head: Head, column: str, seq: int
) -> None:
    alter(f"UPDATE journal SET {column} = {ALTERED[column]} WHERE stream = '{STREAM}' AND seq = {seq}")
    assert (STREAM, seq - 1) in damaged(path, head)


@pytest.mark.parametrize("seq", [1, RECORDS])
@pytest.mark.parametrize("column", ALTERED)
def test_a_changed_value_is_found_without_a_head_too(path: Path, alter: Alter, column: str, seq: int) -> None:
    alter(f"UPDATE journal SET {column} = {ALTERED[column]} WHERE stream = '{STREAM}' AND seq = {seq}")
    with closing(SqliteJournal.open(path, read_only=True)) as journal:
        assert not all(journal.verify(stream).is_intact for stream in journal.streams())


@pytest.mark.parametrize("column", RETYPED)
def test_the_same_value_as_another_type_is_found(path: Path, alter: Alter, head: Head, column: str) -> None:
    alter(f"UPDATE journal SET {column} = {RETYPED[column]} WHERE stream = '{STREAM}' AND seq = 3")
    assert damaged(path, head) == [(STREAM, 2)]


def test_bytes_that_are_no_text_are_found(path: Path, alter: Alter, head: Head) -> None:
    alter(f"UPDATE journal SET source = CAST(x'ff' AS TEXT) WHERE stream = '{STREAM}' AND seq = 3")
    assert damaged(path, head) == [(STREAM, 2)]


@pytest.mark.parametrize("seq", range(1, RECORDS))
def test_a_removed_record_is_found(path: Path, alter: Alter, head: Head, seq: int) -> None:
    alter(f"DELETE FROM journal WHERE stream = '{STREAM}' AND seq = {seq}")
    assert damaged(path, head) == [(STREAM, seq - 1)]


@pytest.mark.parametrize("seq", range(1, RECORDS))
def test_a_removed_record_is_found_after_renumbering(path: Path, alter: Alter, head: Head, seq: int) -> None:
    alter(
        f"DELETE FROM journal WHERE stream = '{STREAM}' AND seq = {seq}",
        *(
            f"UPDATE journal SET seq = {n - 1} WHERE stream = '{STREAM}' AND seq = {n}"
            for n in range(seq + 1, 7)
        ),
    )
    assert damaged(path, head) == [(STREAM, seq - 1)]


@pytest.mark.parametrize("seq", [-(2**63), 0, 7])
def test_an_inserted_copy_of_a_record_is_found_wherever_it_stands(
    path: Path, alter: Alter, head: Head, seq: int
) -> None:
    alter(
        "CREATE TEMP TABLE copy AS SELECT * FROM journal WHERE seq = 3",
        f"UPDATE copy SET seq = {seq}, dedup_key = 'another'",
        "INSERT INTO journal SELECT * FROM copy",
    )
    assert damaged(path, head) == [(STREAM, 6 if seq == 7 else 0)]


@pytest.mark.parametrize(("one", "two"), [(1, 2), (2, 5), (5, 6)])
def test_swapped_records_are_found(path: Path, alter: Alter, head: Head, one: int, two: int) -> None:
    alter(
        f"UPDATE journal SET seq = 99 WHERE stream = '{STREAM}' AND seq = {one}",
        f"UPDATE journal SET seq = {one} WHERE stream = '{STREAM}' AND seq = {two}",
        f"UPDATE journal SET seq = {two} WHERE stream = '{STREAM}' AND seq = 99",
    )
    assert damaged(path, head) == [(STREAM, one - 1)]


def test_swapped_contents_are_found(path: Path, alter: Alter, head: Head) -> None:
    alter(
        "CREATE TEMP TABLE b AS SELECT seq, body FROM journal",
        "UPDATE journal SET body = (SELECT body FROM b WHERE b.seq = 7 - journal.seq)"
        f" WHERE stream = '{STREAM}' AND seq IN (3, 4)",
    )
    assert damaged(path, head) == [(STREAM, 2)]


def test_a_record_moved_to_another_stream_is_found_in_both(path: Path, alter: Alter, head: Head) -> None:
    alter(f"UPDATE journal SET stream = 'other', dedup_key = 'x' WHERE stream = '{STREAM}' AND seq = 2")
    assert damaged(path, head) == [(STREAM, 1), ("other", 1)]


def test_another_journal_id_invalidates_everything(path: Path, alter: Alter, head: Head) -> None:
    alter(f"UPDATE meta SET value = '{'f' * 32}'")
    with pytest.raises(JournalCorrupt):
        damaged(path, head)


def test_a_drawn_id_exchanged_for_another_invalidates_every_record(
    path: Path, alter: Alter, head: Head
) -> None:
    alter(f"UPDATE meta SET value = '{'f' * 32}' WHERE key = 'journal_id'")
    assert damaged(path, head) == [(STREAM, 0), ("other", 0)]


def test_a_cut_tail_needs_the_head_to_be_found(path: Path, alter: Alter, head: Head) -> None:
    alter(f"DELETE FROM journal WHERE stream = '{STREAM}' AND seq > 4")
    assert damaged(path, head) == [(STREAM, 4)]
    with closing(SqliteJournal.open(path, read_only=True)) as journal:
        assert journal.verify(STREAM).is_intact


def test_a_stream_removed_whole_needs_the_head_to_be_found(path: Path, alter: Alter, head: Head) -> None:
    alter(f"DELETE FROM journal WHERE stream = '{STREAM}'")
    with closing(SqliteJournal.open(path, read_only=True)) as journal:
        found = journal.verify(STREAM, against=head)
    assert (found.is_intact, found.last_good) == (False, 0)


def test_a_chain_rebuilt_with_the_true_id_needs_the_head_to_be_found(path: Path, head: Head) -> None:
    original = path.with_name("original.sqlite")
    shutil.move(path, original)
    with (
        closing(SqliteJournal.open(original, read_only=True)) as old,
        closing(SqliteJournal.open(path, id=ID)) as new,
    ):
        for record in old.read(STREAM):
            body = b"richer" if record.seq == 2 else record.entry.body
            altered = msgspec.structs.replace(record.entry, body=body)
            new.append(
                STREAM, [altered], expected_seq=record.seq - 1, recorded_at=record.recorded_at, epoch=3
            )
        assert new.verify(STREAM).is_intact
    assert damaged(path, head) == [(STREAM, 0)]


def test_reading_stops_at_the_altered_record(path: Path, alter: Alter) -> None:
    alter(f"UPDATE journal SET body = x'00' WHERE stream = '{STREAM}' AND seq = 4")
    with closing(SqliteJournal.open(path)) as journal:
        reading = journal.read(STREAM)
        assert [next(reading).seq for _ in range(3)] == [1, 2, 3]
        with pytest.raises(JournalCorrupt, match="record 4 was altered"):
            next(reading)
        with pytest.raises(JournalCorrupt, match="record 4 was altered"):
            list(journal.read(STREAM, after=4))
        assert [record.seq for record in journal.read(STREAM, after=5)] == [6]


def test_nothing_is_appended_to_an_altered_record(path: Path, alter: Alter) -> None:
    alter(f"UPDATE journal SET body = x'00' WHERE stream = '{STREAM}' AND seq = {RECORDS}")
    with closing(SqliteJournal.open(path)) as journal:
        with pytest.raises(JournalCorrupt, match="nothing may be built on it"):
            journal.append(STREAM, [], expected_seq=RECORDS, recorded_at=1, epoch=3)
        with pytest.raises(JournalCorrupt, match="nothing may be built on it"):
            journal.head(STREAM)


def test_a_stream_whose_name_is_no_text_is_reported(path: Path, alter: Alter) -> None:
    alter(f"UPDATE journal SET stream = x'00' WHERE stream = '{STREAM}' AND seq = 4")
    with (
        closing(SqliteJournal.open(path)) as journal,
        pytest.raises(JournalCorrupt, match="without a name"),
    ):
        journal.streams()
