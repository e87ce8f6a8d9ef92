"""Bytes of the file that changed under SQLite: a fault or a refusal, never a wrong record."""

import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.runtime.journal.samples import ID, STREAM, sample
from tradewrit.errors import JournalCorrupt, JournalError
from tradewrit.runtime.journal.records import Head, Record
from tradewrit.runtime.journal.sqlite import SqliteJournal


@pytest.fixture(scope="module")
def long_journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred records over some thirty pages."""
    place = tmp_path_factory.mktemp("journal") / "long.sqlite"
    with closing(SqliteJournal.open(place, id=ID, synchronous="OFF")) as journal:
        for n in range(0, 200, 10):
            entries = [sample(i) for i in range(n, n + 10)]
            journal.append(STREAM, entries, expected_seq=n, recorded_at=n)
    return place


def test_a_damaged_page_is_a_fault_after_the_last_good_record(long_journal: Path, tmp_path: Path) -> None:
    content = bytearray(long_journal.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xa5" * 4096
    place = tmp_path / "damaged.sqlite"
    place.write_bytes(content)
    with closing(SqliteJournal.open(place)) as journal:
        found = journal.verify(STREAM)
        assert found.fault is not None
        assert 0 < found.last_good < 200
        assert found.head.seq == found.last_good
        with pytest.raises(JournalCorrupt):
            list(journal.read(STREAM))


def test_a_file_cut_short_is_a_fault_or_refused(long_journal: Path, tmp_path: Path) -> None:
    content = long_journal.read_bytes()
    with closing(SqliteJournal.open(long_journal, read_only=True)) as journal:
        head = journal.head(STREAM)
    place = tmp_path / "cut.sqlite"
    for size in range(100, len(content), 4096 * 3 + 77):
        place.write_bytes(content[:size])
        try:
            with closing(SqliteJournal.open(place, read_only=True)) as journal:
                assert not journal.verify(STREAM, against=head).is_intact
        except JournalError as refused:
            assert "cut.sqlite" in str(refused)  # noqa: PT017 - either outcome is right


def test_a_table_definition_that_is_no_text_is_reported_as_damage(long_journal: Path, tmp_path: Path) -> None:
    place = tmp_path / "damaged.sqlite"
    place.write_bytes(long_journal.read_bytes().replace(b"TABLE snapshots (", b"TABLE \xf4\xf4napshots ("))
    with pytest.raises(JournalCorrupt, match="damaged"):
        SqliteJournal.open(place)


@pytest.fixture(scope="module")
def live_journal(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, Head]:
    """The file, its write-ahead log and the head of a journal whose process is about to die."""
    place = tmp_path_factory.mktemp("journal") / "live.sqlite"
    with closing(SqliteJournal.open(place, id=ID, synchronous="OFF")) as journal:
        for n in range(12):
            journal.append(STREAM, [sample(2 * n), sample(2 * n + 1)], expected_seq=2 * n, recorded_at=n)
        log = place.with_name(place.name + "-wal").read_bytes()
        return place.read_bytes(), log, journal.head(STREAM)


@given(st.data())
def test_after_a_torn_write_the_whole_appends_before_it_are_there_and_go_on(
    live_journal: tuple[bytes, bytes, Head], data: st.DataObject
) -> None:
    content, log, head = live_journal
    torn = bytearray(log[: data.draw(st.integers(0, len(log)), label="cut at")])
    if torn and data.draw(st.booleans(), label="garbage at the end"):
        torn[-64:] = b"\xa5" * len(torn[-64:])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "torn.sqlite"
        place.write_bytes(content)
        place.with_name(place.name + "-wal").write_bytes(torn)
        with closing(SqliteJournal.open(place, synchronous="OFF")) as journal:
            found = journal.verify(STREAM)
            assert found.is_intact
            assert found.records % 2 == 0
            assert journal.verify(STREAM, against=head).is_intact == (found.records == head.seq)
            journal.append(STREAM, [sample(99)], expected_seq=found.records, recorded_at=99)
            assert journal.verify(STREAM).records == found.records + 1


@given(st.data())
def test_no_flipped_bit_anywhere_in_the_file_passes_for_something_else(
    long_journal: Path, data: st.DataObject
) -> None:
    content = bytearray(long_journal.read_bytes())
    with closing(SqliteJournal.open(long_journal, read_only=True)) as journal:
        true, head = list(journal.read(STREAM)), journal.head(STREAM)
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "flipped.sqlite"
        place.write_bytes(content)
        read, is_intact = _what_it_says(place, head)
    assert read == true[: len(read)]
    if is_intact:
        assert read == true


def _what_it_says(place: Path, head: Head) -> tuple[list[Record], bool]:
    read: list[Record] = []
    try:
        with closing(SqliteJournal.open(place, read_only=True)) as journal:
            is_intact = journal.verify(STREAM, against=head).is_intact
            read.extend(journal.read(STREAM))
    except JournalError:
        return read, False
    return read, is_intact
