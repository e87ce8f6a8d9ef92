"""A disk that is full, locked, read-only, damaged or something else: a clear error, and nothing let out."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.unit.credentials.stores import AUTHORITY, LATER, NOW, event, furnish, opened
from tradewrit.credentials.records import Level, Standing
from tradewrit.credentials.store import CredentialStore
from tradewrit.errors import JournalCorrupt, JournalError, JournalUnwritable
from tradewrit.runtime.journal.sqlite import SqliteJournal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store = opened(tmp_path)
    furnish(store, "a", "b")
    store.close()
    return tmp_path / "credentials.db"


def renewed(store: CredentialStore) -> str:
    """What an authority hands out: only after the block."""
    with store.change(NOW) as change:
        assert change.renew("a", "a2", expires_at=LATER)
        change.record(event())
    return "a2"


def revoke(store: CredentialStore) -> None:
    with store.change(NOW) as change:
        change.revoke(Level.AGENT, "a")
        change.record(event(detail="x" * 50_000))


@contextmanager
def held(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        yield


def test_a_store_that_another_process_holds_hands_out_nothing_and_recovers(path: Path) -> None:
    store = opened(path.parent, busy_timeout_s=0.05)
    with held(path), pytest.raises(JournalUnwritable, match="another process holds the file"):
        renewed(store)
    assert store.standing("a", NOW) == Standing.LIVE
    assert renewed(store) == "a2"
    store.close()


def test_a_full_disk_changes_nothing_and_revocation_works_again_once_there_is_room(path: Path) -> None:
    store = opened(path.parent)
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    before = store.head()
    with pytest.raises(JournalUnwritable, match="disk is full"):
        revoke(store)
    assert store.head() == before
    assert store.standing("a", NOW) == Standing.LIVE
    store._connection.execute("PRAGMA max_page_count = 100000")
    revoke(store)
    assert store.standing("a", NOW) == Standing.REVOKED
    assert store.verify().is_intact
    store.close()


def test_a_store_that_became_read_only_says_so(path: Path) -> None:
    store = opened(path.parent)
    store._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(JournalUnwritable, match="read-only"):
        renewed(store)
    assert store.standing("a", NOW) == Standing.LIVE
    store.close()


def test_a_closed_store_says_so(path: Path) -> None:
    store = opened(path.parent)
    store.close()
    with pytest.raises(JournalUnwritable, match="cannot be used any more"):
        store.standing("a", NOW)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "not a credential store"), (b"a letter to a friend, long enough to be read\n" * 50, "not a credential store")],
    ids=["empty", "text"],
)  # fmt: skip
def test_a_file_that_is_something_else_is_refused_and_left_alone(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    file = tmp_path / "credentials.db"
    file.write_bytes(content)
    with pytest.raises(JournalError, match=complaint):
        opened(tmp_path)
    assert file.read_bytes() == content


def test_a_journal_is_no_credential_store(tmp_path: Path) -> None:
    SqliteJournal.open(tmp_path / "credentials.db", id=AUTHORITY).close()
    with pytest.raises(JournalError, match="not a credential store"):
        opened(tmp_path)


def test_a_missing_store_and_a_missing_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no credential store"):
        CredentialStore.open(tmp_path / "credentials.db")
    with pytest.raises(JournalError, match="cannot create the credential store"):
        opened(tmp_path / "nowhere")


def test_a_store_of_a_newer_version_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE meta SET value = 99 WHERE key = 'schema_version'")
    with pytest.raises(JournalError, match=r"newer version \(schema 99; this one knows 3\)"):
        opened(path.parent)


@pytest.mark.parametrize("table", ["tokens", "revocations", "audit", "audit_head", "apps"])
def test_a_missing_table_is_named(path: Path, table: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"DROP TABLE {table}")
    with pytest.raises(JournalCorrupt, match=f"tables are missing: {table}"):
        opened(path.parent)


def test_a_token_row_that_makes_no_sense_lets_nobody_in(path: Path) -> None:
    store = opened(path.parent)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tokens SET lineage = 'nonsense' WHERE jti = 'a'")
    with pytest.raises(JournalCorrupt, match="a Token was altered"):
        store.standing("a", NOW)
    store.close()


def test_a_look_at_a_row_that_makes_no_sense_leaves_nothing_open(path: Path) -> None:
    store = opened(path.parent)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tokens SET lineage = 'nonsense' WHERE jti = 'b'")
    with pytest.raises(JournalCorrupt, match="a Token was altered"):
        store.look("b", NOW)
    # A read that was left open would go on showing the store as it was.
    revoke(store)
    assert store.standing("a", NOW) == Standing.REVOKED
    store.close()


def test_a_damaged_page_is_reported_and_lets_nobody_in(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"damaged|altered|missing"):
        opened(path.parent)
