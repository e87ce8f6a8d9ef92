"""The file of an SQLite journal: its tables, how it is created and how it is opened.

Knows no records; what is in the tables is `journal.sqlite`'s business.
"""

import os
import sqlite3
from pathlib import Path
from stat import S_ISDIR
from typing import Final, Literal

import msgspec

from tradewrit.errors import JournalCorrupt, JournalError
from tradewrit.runtime.journal.chain import checked_id
from tradewrit.runtime.journal.sqlite_errors import failure, primary_code

SCHEMA_VERSION: Final = 3
# How long the write-ahead log may grow (32 MB) before some commit has to wait until all of it is copied.
# Desks copy it sooner, between two inputs (`Journal.tidy`).
_LOG_PAGES: Final = 8_192
_WITHOUT_LEASES: Final = 2
Synchronous = Literal["OFF", "NORMAL", "FULL", "EXTRA"]

_LEASES: Final = """CREATE TABLE IF NOT EXISTS leases (
        stream TEXT NOT NULL PRIMARY KEY,
        owner TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        beat INTEGER NOT NULL,
        since INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        duration_ns INTEGER NOT NULL
    ) WITHOUT ROWID"""
_TABLES: Final = (
    "CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    """CREATE TABLE journal (
        stream TEXT NOT NULL,
        seq INTEGER NOT NULL,
        event_id TEXT NOT NULL,
        type TEXT NOT NULL,
        v INTEGER NOT NULL,
        ts_event INTEGER NOT NULL,
        ts_recorded INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        source TEXT NOT NULL,
        causation_id INTEGER NOT NULL,
        correlation_id TEXT NOT NULL,
        trace_id TEXT NOT NULL,
        dedup_key TEXT,
        agent_id TEXT NOT NULL,
        token_id TEXT NOT NULL,
        body BLOB NOT NULL,
        prev_hash TEXT NOT NULL,
        hash TEXT NOT NULL,
        PRIMARY KEY (stream, seq)
    )""",
    "CREATE UNIQUE INDEX journal_dedup ON journal (stream, dedup_key) WHERE dedup_key IS NOT NULL",
    """CREATE TABLE snapshots (
        stream TEXT NOT NULL,
        schema TEXT NOT NULL,
        seq INTEGER NOT NULL,
        body BLOB NOT NULL,
        state_hash TEXT NOT NULL,
        seal TEXT NOT NULL,
        PRIMARY KEY (stream, schema, seq)
    ) WITHOUT ROWID""",
    _LEASES,
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a journal file is used; nothing of this is stored in it.

    synchronous: when SQLite waits for the disk. FULL: each append survives a power cut. NORMAL: a
    process crash loses nothing, a power cut may lose the last appends. OFF: for throw-away runs.
    busy_timeout_s: how long an append waits for another process to let go of the file.
    max_pages: the file may not grow beyond this many pages of 4096 bytes; None for no limit.
    """

    synchronous: Synchronous = "FULL"
    busy_timeout_s: float = 5.0
    max_pages: int | None = None
    read_only: bool = False


_USUAL: Final = Settings()


def open_file(path: Path, settings: Settings) -> tuple[sqlite3.Connection, str]:
    """Open a file that is a journal, and give its id.

    Raises JournalError when it is missing, empty, something else, or written by a newer version;
    JournalCorrupt when it is damaged where the id is kept.
    """
    _refuse_what_is_no_database(path)
    with failure(path):
        connection = connect(path, settings)
        try:
            journal_id, version = _read_meta(connection, path)
            configure(connection, settings)
            if version == _WITHOUT_LEASES:
                _add_leases(connection, read_only=settings.read_only)
        except BaseException:
            connection.close()
            raise
    return connection, journal_id


def create_file(path: Path, journal_id: str | None, created_at: int | None) -> None:
    """Make a new journal file; raises JournalError when it cannot be made or already exists."""
    if journal_id is None:
        raise JournalError(f"{path}: a new journal needs an id; pass id=draw_journal_id(...)")
    checked_id(journal_id)
    try:
        # Exclusively: two processes that both find no file must not both be its genesis.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644))
    except OSError as why:
        raise JournalError(f"{path}: cannot create the journal: {why.strerror}") from why
    try:
        with failure(path):
            _lay_out(path, journal_id, created_at)
    except BaseException:
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        raise


def _lay_out(path: Path, journal_id: str, created_at: int | None) -> None:
    connection = connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            connection.execute(statement)
        meta = {"journal_id": journal_id, "schema_version": SCHEMA_VERSION}
        if created_at is not None:
            meta["created_at"] = created_at
        connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        connection.execute("COMMIT")
    finally:
        connection.close()


def _refuse_what_is_no_database(path: Path) -> None:
    # By its status only. Opening and closing the file here would drop the locks that another
    # connection of this process holds on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
    try:
        status = path.stat()
    except FileNotFoundError:
        raise JournalError(f"{path}: there is no such journal") from None
    except OSError as why:
        raise JournalError(f"{path}: cannot be read: {why.strerror}") from why
    if S_ISDIR(status.st_mode):
        raise JournalError(f"{path}: is a directory, not a journal")
    if status.st_size == 0:
        raise JournalError(f"{path}: is empty, not a journal; delete it to start a new one there")


def connect(path: Path, settings: Settings = _USUAL, *, any_thread: bool = False) -> sqlite3.Connection:
    """A connection to a file that exists, to begin and end transactions by hand.

    any_thread: for one that several threads use in turn.
    """
    return sqlite3.connect(
        sqlite_uri(path, read_only=settings.read_only),
        uri=True,
        isolation_level=None,
        timeout=settings.busy_timeout_s,
        check_same_thread=not any_thread,
    )


def sqlite_uri(path: Path, *, read_only: bool) -> str:
    """The address under which SQLite opens an existing file, and never makes one."""
    path = path.resolve()
    uri = path.as_uri()
    if not read_only:
        return f"{uri}?mode=rw"
    # Without a write-ahead log nobody is writing: the file can be read as it lies, and SQLite need
    # not create one (it could not, on read-only media).
    has_log = path.with_name(path.name + "-wal").exists()
    return f"{uri}?mode=ro" if has_log else f"{uri}?mode=ro&immutable=1"


def _add_leases(connection: sqlite3.Connection, *, read_only: bool) -> None:
    """Bring a file up to date that was written before streams had leases; its records stay as they are."""
    if read_only:  # nobody ever held a lease in it, which an empty table says without touching the file
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(_LEASES.replace("TABLE", "TEMP TABLE", 1))
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_LEASES)
    connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (SCHEMA_VERSION,))
    connection.execute("COMMIT")


def _read_meta(connection: sqlite3.Connection, path: Path) -> tuple[str, int]:
    """The journal's id and the version of its tables."""
    if not {"meta", "journal", "snapshots"} <= tables_of(connection, path, "a journal"):
        raise JournalError(f"{path}: is an SQLite database, but not a journal")
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    version, journal_id = meta.get("schema_version"), meta.get("journal_id")
    if not isinstance(version, int) or not isinstance(journal_id, str):
        raise JournalCorrupt(f"{path}: the journal's id or schema version is missing")
    if version > SCHEMA_VERSION:
        raise JournalError(
            f"{path}: written by a newer version (schema {version}; this one knows {SCHEMA_VERSION}); "
            "upgrade tradewrit to open it"
        )
    if version < _WITHOUT_LEASES:
        raise JournalError(
            f"{path}: written by an older version (schema {version}), whose records do not say under which "
            f"identity they were made; this one reads schema {SCHEMA_VERSION}: keep the file, and read it "
            "with the version that wrote it"
        )
    return journal_id, version


def tables_of(connection: sqlite3.Connection, path: Path, what: str) -> set[str]:
    """The names of all tables. what: what the file should be; raises JournalError when it is no database."""
    try:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    except sqlite3.DatabaseError as error:
        if primary_code(error) != sqlite3.SQLITE_NOTADB:
            raise
        raise JournalError(f"{path}: is not {what} ({error})") from error


def configure(connection: sqlite3.Connection, settings: Settings) -> None:
    """Apply the settings to a connection that was just opened."""
    # A damaged page is then reported as such instead of being misread.
    connection.execute("PRAGMA cell_size_check = ON")
    if settings.read_only:
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {settings.synchronous}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    if settings.synchronous in ("FULL", "EXTRA"):
        # macOS reports a plain fsync as done before the disk has the data; elsewhere no effect.
        connection.execute("PRAGMA fullfsync = ON")
    if settings.max_pages is not None:
        connection.execute(f"PRAGMA max_page_count = {settings.max_pages}")
