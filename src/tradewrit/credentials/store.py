"""The credential store: one SQLite file that survives restarts and fails closed.

Every change and its audit event are one transaction, on disk before the block that made it ends. So
a token that is minted inside the block and handed out after it can never be one the store forgot.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from threading import Lock, RLock
from typing import Any, Final, Self

import msgspec

from tradewrit.credentials.agreement import disagreement
from tradewrit.credentials.audit import FIELDS, STREAM, AuditRecord, first_bad, record_of, verified
from tradewrit.credentials.change import Change
from tradewrit.credentials.endings import TokenStatus, find_status
from tradewrit.credentials.lookups import (
    find_agent,
    find_answers,
    find_app,
    find_app_of_client,
    find_apps,
    find_kill_state,
    find_launch_token,
    find_operator,
    find_operators,
    read_tip,
)
from tradewrit.credentials.records import (
    Agent,
    App,
    DeskAnswer,
    KillState,
    LaunchToken,
    Operator,
    Standing,
    Token,
)
from tradewrit.credentials.standing import find_life, find_token, protection_end, standing
from tradewrit.credentials.store_file import create_file, open_file, watch_file
from tradewrit.errors import JournalCorrupt, OurFault
from tradewrit.runtime.journal.chain import Tip
from tradewrit.runtime.journal.port import Verification
from tradewrit.runtime.journal.records import Head
from tradewrit.runtime.journal.sqlite_errors import RAISED, failure, translated
from tradewrit.runtime.journal.sqlite_file import Settings
from tradewrit.runtime.journal.sqlite_transactions import Transactions

DAY_NS: Final = 86_400_000_000_000
_CHUNK: Final = 512
_COLUMNS: Final = ", ".join(f'"{name}"' for name in ("seq", "recorded_at", *FIELDS, "prev_hash", "hash"))
_PAGE: Final = f"SELECT {_COLUMNS} FROM audit WHERE seq > ? ORDER BY seq LIMIT {_CHUNK}"  # noqa: S608
_FIRST: Final = -(2**63)


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which events to show, oldest first; "" and None leave a field open.

    since, until: UTC ns, both included.
    """

    agent_id: str = ""
    task_id: str = ""
    type: str = ""
    outcome: str = ""
    since: int | None = None
    until: int | None = None
    limit: int = 100
    offset: int = 0


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows a pruning removed."""

    tokens: int
    launch_tokens: int
    nonces: int
    revocations: int
    agents: int


class CredentialStore:
    """What the authority must not forget. One per process; any thread may use it.

    Threads take turns; several processes may have one file open, and SQLite decides between their
    writers. A file that is full, locked, read-only or damaged raises JournalUnwritable or
    JournalCorrupt, and nothing was changed.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, authority: str, *, read_only: bool = False
    ) -> None:
        self._path = path
        self._connection = connection
        self._authority = authority
        self._transactions = Transactions(path, connection, read_only=read_only)
        self._lock = RLock()
        # Its own connection: to it, writes of this process are those of another, and count as well.
        self._watcher = watch_file(path, read_only=read_only)
        self._watch = self._watcher.cursor().execute
        self._watch_lock = Lock()

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        authority: str | None = None,
        created_at: int = 0,
        settings: Settings | None = None,
        is_verified: bool = True,
    ) -> Self:
        """Open the store at `path`, or create it there when `authority` is given.

        authority: 32 hex characters for a new store (`clock.draw_journal_id`); one that is there
        keeps its own. created_at: UTC ns.
        is_verified: walk the audit chain first; False for a command that does so itself.
        Raises JournalError when this is no credential store or one of a newer version, and
        JournalCorrupt naming the first bad event when the audit chain was touched.
        """
        place, settings = Path(path), settings or Settings()
        if authority is not None and not settings.read_only and not place.exists():
            create_file(place, authority, created_at)
        connection, found = open_file(place, settings)
        store = cls(place, connection, found, read_only=settings.read_only)
        try:
            if is_verified:
                store.refuse_if_touched()
        except BaseException:
            store.close()
            raise
        return store

    @property
    def authority(self) -> str:
        """The authority's id: drawn once, 32 hex characters."""
        return self._authority

    @contextmanager
    def change(self, now: int) -> Iterator[Change]:
        """All of the block or nothing, on disk at its end. `now` is UTC ns.

        Raises JournalUnwritable or JournalCorrupt when it cannot be kept: then hand nothing out.
        """
        with self._writing() as connection:
            change = Change(self._path, connection, self._authority, now)
            try:
                yield change
                change.finish()
            finally:
                change.end()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            with failure(self._path):
                is_inside = self._connection.in_transaction
            if is_inside:
                raise OurFault("a change of the credential store was begun inside another; use the outer one")
            with self._transactions.begin():
                yield self._connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, failure(self._path):
            yield self._connection

    def is_revoked(self, jti: str, now: int) -> bool:
        """Whether a genuine token is dead, for whatever reason; a token not known here is."""
        return self.standing(jti, now) != Standing.LIVE

    def standing(self, jti: str, now: int) -> Standing:
        """Whether a genuine token counts at `now` (UTC ns), and if not, why."""
        with self._reading() as connection:
            return standing(connection, find_life(connection, jti), now)

    def status(self, token: Token, now: int) -> TokenStatus:
        """How a token that is known here stands at `now` (UTC ns), and what ended it before its time."""
        with self._reading() as connection:
            return find_status(connection, token, now)

    def generation(self) -> int:
        """A mark that changes whenever anything was changed, here or by another process.

        What was read before may be kept for as long as the mark stays the same. Ask for the mark first,
        then read.
        """
        # On the path of every order: no context managers, and a cursor that is used again.
        with self._watch_lock:
            try:
                return next(self._watch("PRAGMA data_version"))[0]  # type: ignore[no-any-return]
            except (*RAISED, StopIteration) as error:
                if isinstance(error, StopIteration):
                    raise JournalCorrupt(f"{self._path}: SQLite does not say whether it changed") from error
                raise translated(self._path, error) from error

    def token(self, jti: str) -> Token | None:
        """What is known of a token, or None."""
        with self._reading() as connection:
            return find_token(connection, jti)

    def agent(self, agent_id: str) -> Agent | None:
        """A registered agent, or None."""
        with self._reading() as connection:
            return find_agent(connection, agent_id)

    def launch_token(self, secret: str, now: int) -> LaunchToken | None:
        """The launch token with this secret if it can be used at `now` (UTC ns), or None."""
        with self._reading() as connection:
            return find_launch_token(connection, secret, now)

    def app(self, app_id: str) -> App | None:
        """An app, active or deregistered, or None."""
        with self._reading() as connection:
            return find_app(connection, app_id)

    def app_of_client(self, client_id: str) -> App | None:
        """The app that authenticates under this client id, or None; it may be deregistered."""
        with self._reading() as connection:
            return find_app_of_client(connection, client_id)

    def apps(self) -> list[App]:
        """All apps, the oldest first."""
        with self._reading() as connection:
            return find_apps(connection)

    def operator(self, name: str) -> Operator | None:
        """The active operator of that name, or None."""
        with self._reading() as connection:
            return find_operator(connection, name)

    def operators(self) -> list[Operator]:
        """All operators, the oldest first, those removed too."""
        with self._reading() as connection:
            return find_operators(connection)

    def kill_state(self) -> KillState | None:
        """The kill switch, if it is on."""
        with self._reading() as connection:
            return find_kill_state(connection)

    def protection_end(self) -> int | None:
        """When the kill switch ends protective writs (UTC ns); None while it spares them, or is off."""
        with self._reading() as connection:
            return protection_end(connection)

    def answers(self) -> list[DeskAnswer]:
        """What desks have said since the kill switch ended protection; empty but then."""
        with self._reading() as connection:
            return find_answers(connection)

    def tip(self) -> Tip:
        """The end of the audit chain; raises JournalCorrupt when the last event is not what it was.

        Its `recorded_at` (UTC ns, 0 before the first event) is never less than before.
        """
        with self._reading() as connection:
            return read_tip(self._path, connection)

    def events(self, query: AuditQuery) -> tuple[list[AuditRecord], int]:
        """The events asked for, and how many there are in all."""
        exact = {name: getattr(query, name) for name in ("agent_id", "task_id", "type", "outcome")}
        asked = [(f"{name} = ?", value) for name, value in exact.items() if value]
        asked += [
            (f"at {sign} ?", at) for sign, at in ((">=", query.since), ("<=", query.until)) if at is not None
        ]
        where = " AND ".join(["seq > 0", *(condition for condition, _ in asked)])
        arguments: list[Any] = [value for _, value in asked]
        # Only conditions written above go into the statements; all values are bound.
        page = f"SELECT {_COLUMNS} FROM audit WHERE {where} ORDER BY seq LIMIT ? OFFSET ?"  # noqa: S608
        count = f"SELECT count(*) FROM audit WHERE {where}"  # noqa: S608
        with self._reading() as connection:
            (total,) = connection.execute(count, arguments).fetchone()
            rows = connection.execute(page, [*arguments, query.limit, query.offset]).fetchall()
        return [record_of(row) for row in rows], total

    def event_count(self) -> int:
        """How many events the chain has, without counting them."""
        return self.tip().seq

    def head(self) -> Head:
        """Where the audit chain ends, as the store remembers it; whether it does is for `tip` or `verify`."""
        with self._reading() as connection:
            row = connection.execute("SELECT seq, hash FROM audit_head").fetchone()
        if row is None or not isinstance(row[0], int) or not isinstance(row[1], str):
            raise JournalCorrupt(f"{self._path}: the head of the audit chain is missing or was altered")
        return Head(self._authority, STREAM, row[0], row[1])

    def verify(self, *, against: Head | None = None) -> Verification:
        """Check every event, and the end of the chain against the store's own head.

        against: a head that was kept elsewhere; it is checked as well.
        """
        found = verified(self._authority, self._rows(), self.head())
        if not found.is_intact or against is None:
            return found
        return verified(self._authority, self._rows(), against)

    def refuse_if_touched(self) -> None:
        """Raise JournalCorrupt, naming the event, unless the audit chain is whole and the store agrees."""
        found = self.verify()
        if not found.is_intact:
            raise JournalCorrupt(
                f"{self._path}: the audit chain cannot be trusted from {first_bad(found)} on: {found.fault}; "
                "nothing is issued on it: find out who edited the file, or restore a backup"
            )
        why = self._disagreement()
        if why:
            raise JournalCorrupt(
                f"{self._path}: it is not what its audit trail says: {why}; nothing is issued on it: "
                "find out who edited the file, or restore a backup"
            )

    def _disagreement(self) -> str:
        with self._reading() as connection:
            # One moment for all of it: others may be writing.
            connection.execute("BEGIN")
            try:
                return disagreement(connection)
            finally:
                connection.execute("ROLLBACK")

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        after = _FIRST
        while True:
            with self._reading() as connection:
                rows = connection.execute(_PAGE, (after,)).fetchall()
            yield from rows
            if len(rows) < _CHUNK:
                return
            after = rows[-1][0]

    def prune(self, now: int, *, agents_kept_ns: int = DAY_NS) -> Pruned:
        """Forget what has expired at `now` (UTC ns); what is left is as large as what is in force.

        agents_kept_ns: how long an agent without a live token is kept, so that it can be delegated to.
        """
        with self._writing() as connection:

            def removed(statement: str, until: int) -> int:
                return connection.execute(statement, (until,)).rowcount

            return Pruned(
                tokens=removed("DELETE FROM tokens WHERE expires_at <= ?", now),
                launch_tokens=removed("DELETE FROM launch_tokens WHERE expires_at <= ?", now),
                nonces=removed("DELETE FROM spent_nonces WHERE expires_at <= ?", now),
                revocations=removed("DELETE FROM revocations WHERE expires_at <= ?", now),
                agents=removed("DELETE FROM agents WHERE alive_until <= ?", now - agents_kept_ns),
            )

    def close(self) -> None:
        """Let go of the file; further calls raise JournalUnwritable."""
        with self._lock, self._watch_lock, failure(self._path):
            self._connection.close()
            self._watcher.close()
