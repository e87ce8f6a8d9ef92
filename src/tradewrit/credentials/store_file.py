"""The file behind the credential store: its tables, how it is created and how it is opened.

Knows no rules; what the rows mean is the business of `credentials.records` and `credentials.change`.
"""

import os
import sqlite3
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tradewrit.credentials.audit import FIELDS
from tradewrit.errors import JournalCorrupt, JournalError
from tradewrit.runtime.journal.chain import checked_id
from tradewrit.runtime.journal.records import GENESIS
from tradewrit.runtime.journal.sqlite_errors import failure
from tradewrit.runtime.journal.sqlite_file import Settings, configure, connect, tables_of

SCHEMA_VERSION: Final = 3
_WHAT: Final = "a credential store"
_WRITABLE_BY_OTHERS: Final = 0o022

# Times are UTC ns; lists are JSON. `issued_after` and `revoked_after` are the number of the last audit
# event before: a clock that is set back cannot put a token on the wrong side of a revocation.
_KILL_STATE: Final = """CREATE TABLE kill_state (
        one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
        killed_at INTEGER NOT NULL,
        "by" TEXT NOT NULL,
        reason TEXT NOT NULL,
        protection_ends_at INTEGER
    )"""
_DESK_ANSWERS: Final = """CREATE TABLE desk_answers (
        app_id TEXT NOT NULL,
        orch_id TEXT NOT NULL,
        asked_at INTEGER NOT NULL,
        answered_at INTEGER,
        cancelled TEXT NOT NULL,
        working TEXT NOT NULL,
        PRIMARY KEY (app_id, orch_id)
    ) WITHOUT ROWID"""
_TABLES: Final = (
    "CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    """CREATE TABLE apps (
        app_id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        client_id TEXT NOT NULL UNIQUE,
        secret_hash TEXT NOT NULL,
        scopes TEXT NOT NULL,
        token_ttl_s INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        deregistered_at INTEGER,
        constraints TEXT NOT NULL,
        is_protector INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE UNIQUE INDEX apps_name ON apps (name) WHERE deregistered_at IS NULL",
    """CREATE TABLE operators (
        name TEXT NOT NULL,
        secret_hash TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        removed_at INTEGER
    )""",
    "CREATE UNIQUE INDEX operators_name ON operators (name) WHERE removed_at IS NULL",
    # No row while the kill switch is off.
    _KILL_STATE,
    # No row but while the kill switch ends protection.
    _DESK_ANSWERS,
    """CREATE TABLE agents (
        agent_id TEXT NOT NULL PRIMARY KEY,
        app_id TEXT NOT NULL,
        public_key BLOB NOT NULL,
        orch_id TEXT NOT NULL,
        task_id TEXT NOT NULL,
        registered_at INTEGER NOT NULL,
        alive_until INTEGER NOT NULL,
        revoked_at INTEGER,
        is_proof_needed INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX agents_end ON agents (alive_until)",
    """CREATE TABLE launch_tokens (
        digest BLOB NOT NULL PRIMARY KEY,
        app_id TEXT NOT NULL,
        agent_name TEXT NOT NULL,
        allowed_scope TEXT NOT NULL,
        max_ttl_s INTEGER NOT NULL,
        is_single_use INTEGER NOT NULL,
        issued_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        consumed_at INTEGER,
        constraints TEXT NOT NULL,
        is_proof_needed INTEGER NOT NULL,
        is_protective INTEGER NOT NULL,
        made_by TEXT NOT NULL,
        made_with TEXT NOT NULL,
        issued_after INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX launch_tokens_end ON launch_tokens (expires_at)",
    """CREATE TABLE spent_nonces (
        nonce TEXT NOT NULL PRIMARY KEY,
        expires_at INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX spent_nonces_end ON spent_nonces (expires_at)",
    """CREATE TABLE tokens (
        jti TEXT NOT NULL PRIMARY KEY,
        family TEXT NOT NULL,
        subject TEXT NOT NULL,
        app_id TEXT NOT NULL,
        task_id TEXT NOT NULL,
        is_protective INTEGER NOT NULL,
        lineage TEXT NOT NULL,
        family_started_at INTEGER NOT NULL,
        family_ends_at INTEGER NOT NULL,
        issued_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        successor TEXT,
        issued_after INTEGER NOT NULL,
        scope TEXT NOT NULL,
        constraints TEXT NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX tokens_app ON tokens (app_id)",
    "CREATE INDEX tokens_end ON tokens (expires_at)",
    """CREATE TABLE revocations (
        level TEXT NOT NULL,
        target TEXT NOT NULL,
        revoked_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        revoked_after INTEGER NOT NULL,
        PRIMARY KEY (level, target)
    ) WITHOUT ROWID""",
    "CREATE INDEX revocations_end ON revocations (expires_at)",
    f"""CREATE TABLE audit (
        seq INTEGER NOT NULL PRIMARY KEY,
        recorded_at INTEGER NOT NULL,
        {", ".join(f'"{field}"' for field in FIELDS)},
        prev_hash TEXT NOT NULL,
        hash TEXT NOT NULL
    )""",
    "CREATE INDEX audit_agent ON audit (agent_id)",
    "CREATE INDEX audit_task ON audit (task_id)",
    # Kept apart from the chain, so that events cut off its end are missed.
    """CREATE TABLE audit_head (
        one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
        seq INTEGER NOT NULL,
        hash TEXT NOT NULL
    )""",
)
_UPGRADES: Final[Mapping[int, tuple[str, ...]]] = {
    # The kill switch ended protective writs at once or not at all.
    1: (
        "ALTER TABLE kill_state RENAME TO kill_state_1",
        _KILL_STATE,
        """INSERT INTO kill_state SELECT one, killed_at, "by", reason, CASE WHEN is_total THEN killed_at END
            FROM kill_state_1""",
        "DROP TABLE kill_state_1",
        _DESK_ANSWERS,
    ),
    # Which agents were registered with proof was not kept. It is taken to be all of them: one that proves
    # nothing can be delegated to again when it has registered anew.
    2: ("ALTER TABLE agents ADD COLUMN is_proof_needed INTEGER NOT NULL DEFAULT 1",),
}
"""What brings a store of that version to the next."""

_NAMES: Final = frozenset(
    {
        "meta",
        "apps",
        "operators",
        "kill_state",
        "desk_answers",
        "agents",
        "launch_tokens",
        "spent_nonces",
        "tokens",
        "revocations",
        "audit",
        "audit_head",
    }
)


def create_file(path: Path, authority: str, created_at: int) -> None:
    """Make a new store at `path`, readable by its owner only; one that is there already stays.

    authority: 32 hex characters (`clock.draw_journal_id`). created_at: UTC ns.
    Raises JournalError when it cannot be made.
    """
    checked_id(authority)
    # Laid out beside its place and linked there whole: two processes that start together end up
    # with one store, and neither sees half of it.
    part = path.with_name(f".{path.name}.{os.getpid()}.{authority}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with failure(path):
            _lay_out(part, authority, created_at)
        os.link(part, path)
    except FileExistsError:
        return
    except OSError as why:
        raise JournalError(f"{path}: cannot create the credential store: {why.strerror}") from why
    finally:
        for end in ("", "-wal", "-shm"):
            part.with_name(part.name + end).unlink(missing_ok=True)


def _lay_out(path: Path, authority: str, created_at: int) -> None:
    connection = connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            connection.execute(statement)
        meta = {"authority": authority, "schema_version": SCHEMA_VERSION, "created_at": created_at}
        connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        connection.execute("INSERT INTO audit_head VALUES (1, 0, ?)", (GENESIS,))
        connection.execute("COMMIT")
    finally:
        connection.close()


def open_file(path: Path, settings: Settings) -> tuple[sqlite3.Connection, str]:
    """Open a credential store, for use by one thread at a time, and give the authority's id.

    Raises JournalError when it is missing, something else, of a newer version, or when other users may
    write to it, unless it is only looked at; JournalCorrupt when
    it is damaged where its id is kept; JournalUnwritable when it cannot be opened now.
    """
    if not path.is_file():
        raise JournalError(f"{path}: there is no credential store")
    if not settings.read_only:
        _refuse_if_exposed(path)
    with failure(path):
        connection = connect(path, settings, any_thread=True)
        try:
            authority = _prepared(connection, path, read_only=settings.read_only)
            configure(connection, settings)
        except BaseException:
            connection.close()
            raise
    return connection, authority


def _refuse_if_exposed(path: Path) -> None:
    """Who may write to it can take a revocation out of it, under our eyes."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as why:
        raise JournalError(f"{path}: cannot be looked at: {why.strerror}") from why
    if os.name == "posix" and mode & _WRITABLE_BY_OTHERS:
        raise JournalError(
            f"{path}: other users may write to the credential store (mode {mode:04o}); nothing is issued on "
            f"it: run `tradewrit credentials audit verify`, then: chmod 600 {path}"
        )


def open_to_check(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """A second connection to a store that is open, to look things up beside whoever writes.

    read_only: how the store was opened; a log that appears later is not seen then.
    """
    with failure(path):
        connection = connect(path, Settings(read_only=read_only), any_thread=True)
        connection.execute("PRAGMA query_only = ON")
        # As `configure` does: a damaged page is then reported as such.
        connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _prepared(connection: sqlite3.Connection, path: Path, *, read_only: bool) -> str:
    """The authority's id, of a store that is whole and of this version."""
    tables = tables_of(connection, path, _WHAT)
    if "meta" not in tables or not tables & (_NAMES - {"meta"}):
        raise JournalError(f"{path}: is an SQLite database, but not {_WHAT}")
    version, authority = _meta(connection, path)
    if version < SCHEMA_VERSION and not read_only:
        _upgrade(connection, path)
        version, authority = _meta(connection, path)
    if version < SCHEMA_VERSION:
        raise JournalError(
            f"{path}: written by an older version; `tradewrit credentials audit head`, or any command that "
            "may write to it, brings it up to date"
        )
    if version > SCHEMA_VERSION:
        raise JournalError(
            f"{path}: written by a newer version (schema {version}; this one knows {SCHEMA_VERSION}); "
            "upgrade tradewrit to open it"
        )
    if missing := _NAMES - tables_of(connection, path, _WHAT):
        raise JournalCorrupt(f"{path}: tables are missing: {', '.join(sorted(missing))}")
    return authority


def _meta(connection: sqlite3.Connection, path: Path) -> tuple[int, str]:
    """The schema version and the authority's id."""
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    version, authority = meta.get("schema_version"), meta.get("authority")
    if not isinstance(version, int) or version < 1 or not isinstance(authority, str):
        raise JournalCorrupt(f"{path}: the authority's id or the schema version is missing")
    return version, authority


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a store of an older version up to date, in one transaction; others wait or find it done."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version, _ = _meta(connection, path)
        for older in range(version, SCHEMA_VERSION):
            for statement in _UPGRADES[older]:
                connection.execute(statement)
            connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (older + 1,))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
