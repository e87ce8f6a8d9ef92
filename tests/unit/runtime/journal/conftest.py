"""A journal of a few records on disk, and a way to alter it behind its back."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.runtime.journal.samples import ID, RECORDS, STREAM, Alter, sample
from tradewrit.runtime.journal.sqlite import SqliteJournal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed journal of six records in one stream and one in another."""
    place = tmp_path / "journal.sqlite"
    with closing(SqliteJournal.open(place, id=ID, created_at=7, synchronous="OFF")) as journal:
        for n in range(1, RECORDS + 1):
            journal.append(STREAM, [sample(n)], expected_seq=n - 1, recorded_at=2_000 + n, epoch=3)
        journal.append("other", [sample(1)], expected_seq=0, recorded_at=1)
    return place


@pytest.fixture
def alter(path: Path) -> Alter:
    """Run SQL on the file, as somebody with another program would."""

    def run(*statements: str) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    return run


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    """The journal at `path`, open."""
    with closing(SqliteJournal.open(path, synchronous="OFF")) as opened:
        yield opened
