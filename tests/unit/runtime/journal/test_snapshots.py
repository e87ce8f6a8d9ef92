"""A snapshot shortens loading; one that does not fit the chain exactly is as if it were not there."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.runtime.journal.samples import STREAM, Alter
from tradewrit.runtime.journal.port import Snapshot
from tradewrit.runtime.journal.sqlite import SqliteJournal


def snapshot_bytes(seq: int) -> bytes:
    return b"state at %d" % seq


@pytest.fixture
def with_snapshots(path: Path) -> Path:
    with closing(SqliteJournal.open(path, synchronous="OFF")) as journal:
        for seq in (1, 3, 5):
            journal.save_snapshot(
                Snapshot(stream=STREAM, seq=seq, schema="b/1", body=snapshot_bytes(seq), state_hash="h")
            )
    return path


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE snapshots SET body = x'00' WHERE seq = 5",
        "UPDATE snapshots SET body = CAST(body AS TEXT) WHERE seq = 5",
        "UPDATE snapshots SET state_hash = 'i' WHERE seq = 5",
        "UPDATE snapshots SET seal = '' WHERE seq = 5",
        "UPDATE snapshots SET seq = 6 WHERE seq = 5",
        "UPDATE snapshots SET seq = 600 WHERE seq = 5",
        "UPDATE snapshots SET seq = 'x' WHERE seq = 5",
        "UPDATE journal SET hash = prev_hash WHERE seq = 5",
        "DELETE FROM journal WHERE seq >= 5",
    ],
)
def test_a_snapshot_that_does_not_fit_is_ignored_for_an_older_one(
    with_snapshots: Path, alter: Alter, change: str
) -> None:
    alter(change)
    with closing(SqliteJournal.open(with_snapshots, read_only=True)) as journal:
        found = journal.latest_snapshot(STREAM, "b/1")
    assert found is not None
    assert (found.seq, found.body) == (3, snapshot_bytes(3))


def test_without_any_snapshot_that_fits_there_is_none(with_snapshots: Path, alter: Alter) -> None:
    alter("UPDATE snapshots SET schema = 'b/2'")
    with closing(SqliteJournal.open(with_snapshots, read_only=True)) as journal:
        assert journal.latest_snapshot(STREAM, "b/1") is None
        assert journal.latest_snapshot(STREAM, "b/2") is None


def test_only_the_two_newest_snapshots_are_kept(with_snapshots: Path) -> None:
    with closing(sqlite3.connect(with_snapshots)) as connection:
        assert connection.execute("SELECT seq FROM snapshots ORDER BY seq").fetchall() == [(3,), (5,)]
