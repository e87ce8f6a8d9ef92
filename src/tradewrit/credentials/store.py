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
from tradewrit.credentials.audit import AuditRecord, first_bad, verified
from tradewrit.credentials.audit_table import (
    BEFORE_ALL,
    PAGE_ROWS,
    AuditQuery,
    find_events,
    read_head,
    read_page,
    read_tip,
)
from tradewrit.credentials.change import Change
from tradewrit.credentials.endings import TokenStatus, find_status
from tradewrit.credentials.lookups import (
    Lookups,
    find_app_of_client,
    find_apps,
    find_launch_token,
    find_operators,
)
from tradewrit.credentials.records import (
    App,
    LaunchToken,
    Operator,
    Standing,
    Token,
)
from tradewrit.credentials.standing import protection_end, standing
from tradewrit.credentials.store_file import create_file, open_file, open_to_check
from tradewrit.domain.market import SECOND
from tradewrit.errors import JournalCorrupt, OurFault
from tradewrit.runtime.journal.chain import Tip
from tradewrit.runtime.journal.port import Verification
from tradewrit.runtime.journal.records import Head
from tradewrit.runtime.journal.sqlite_errors import RAISED, failure, translated
from tradewrit.runtime.journal.sqlite_file import Settings
from tradewrit.runtime.journal.sqlite_transactions import Transactions

AGENTS_KEPT_NS: Final = 86_400 * SECOND
"""How long an agent without a live token is kept, so that it can be delegated to."""


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows a pruning removed."""

    tokens: int
    launch_tokens: int
    nonces: int
    revocations: int
    agents: int


class CredentialStore(Lookups):
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
        # Checks of tokens have a connection of their own: no order waits for the disk while somebody writes,
        # or for a walk through the audit trail. To it, writes of this process are those of another.
        self._checking = open_to_check(path, read_only=read_only)
        self._ask = self._checking.cursor().execute
        self._checking_lock = Lock()

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

    @contextmanager
    def _check(self) -> Iterator[sqlite3.Connection]:
        with self._checking_lock, failure(self._path):
            yield self._checking

    def standing(self, jti: str, now: int) -> Standing:
        """Whether a genuine token counts at `now` (UTC ns), and if not, why."""
        with self._check() as connection:
            return standing(connection, jti, now)

    def look(self, jti: str, now: int) -> tuple[int, Standing]:
        """The mark of `generation`, and how a token stood when that was the mark, or later."""
        # Of every token that is used for the first time: no context managers, and one read of the file. As
        # long as the mark has not been fetched, SQLite stays at the moment at which it was asked for.
        with self._checking_lock:
            try:
                mark = self._ask("PRAGMA data_version")
                try:
                    found = standing(self._checking, jti, now)
                finally:
                    said = mark.fetchall()
                return self._generation(said), found
            except RAISED as error:
                raise translated(self._path, error) from error

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
        with self._checking_lock:
            try:
                return self._generation(self._ask("PRAGMA data_version").fetchall())
            except RAISED as error:
                raise translated(self._path, error) from error

    def _generation(self, said: list[tuple[int]]) -> int:
        if not said:
            raise JournalCorrupt(f"{self._path}: SQLite does not say whether it changed")
        return said[0][0]

    def launch_token(self, secret: str, now: int) -> LaunchToken | None:
        """The launch token with this secret if it can be used at `now` (UTC ns), or None."""
        with self._reading() as connection:
            return find_launch_token(connection, secret, now)

    def app_of_client(self, client_id: str) -> App | None:
        """The app that authenticates under this client id, or None; it may be deregistered."""
        with self._reading() as connection:
            return find_app_of_client(connection, client_id)

    def apps(self) -> list[App]:
        """All apps, the oldest first."""
        with self._reading() as connection:
            return find_apps(connection)

    def operators(self) -> list[Operator]:
        """All operators, the oldest first, those removed too."""
        with self._reading() as connection:
            return find_operators(connection)

    def protection_end(self) -> int | None:
        """When the kill switch ends protective writs (UTC ns); None while it spares them, or is off."""
        with self._check() as connection:
            return protection_end(connection)

    def tip(self) -> Tip:
        """The end of the audit chain; raises JournalCorrupt when the last event is not what it was.

        Its `recorded_at` (UTC ns, 0 before the first event) is never less than before.
        """
        with self._check() as connection:
            return read_tip(self._path, connection)

    def events(self, query: AuditQuery) -> tuple[list[AuditRecord], int]:
        """The events asked for, and how many there are in all."""
        with self._reading() as connection:
            return find_events(connection, query)

    def event_count(self) -> int:
        """How many events the chain has, without counting them."""
        return self.tip().seq

    def head(self) -> Head:
        """Where the audit chain ends, as the store remembers it; whether it does is for `tip` or `verify`."""
        with self._reading() as connection:
            return read_head(self._path, connection, self._authority)

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
        after = BEFORE_ALL
        while True:
            with self._reading() as connection:
                rows = read_page(connection, after)
            yield from rows
            if len(rows) < PAGE_ROWS:
                return
            after = rows[-1][0]

    def prune(self, now: int) -> Pruned:
        """Forget what has expired at `now` (UTC ns); what is left is as large as what is in force."""
        with self._writing() as connection:

            def removed(statement: str, until: int) -> int:
                return connection.execute(statement, (until,)).rowcount

            return Pruned(
                tokens=removed("DELETE FROM tokens WHERE expires_at <= ?", now),
                launch_tokens=removed("DELETE FROM launch_tokens WHERE expires_at <= ?", now),
                nonces=removed("DELETE FROM spent_nonces WHERE expires_at <= ?", now),
                revocations=removed("DELETE FROM revocations WHERE expires_at <= ?", now),
                agents=removed("DELETE FROM agents WHERE alive_until <= ?", now - AGENTS_KEPT_NS),
            )

    def close(self) -> None:
        """Let go of the file; further calls raise JournalUnwritable."""
        with self._lock, self._checking_lock, failure(self._path):
            self._connection.close()
            self._checking.close()
