"""A transaction that counts only together with its audit events. Knows no rules."""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from tradewrit.credentials.audit import AuditEvent, linked
from tradewrit.credentials.audit_table import append_records, read_tip
from tradewrit.credentials.lookups import Lookups
from tradewrit.credentials.records import insertion
from tradewrit.errors import OurFault


class AuditedTransaction(Lookups):
    """Of a connection that has begun one; useless after its end."""

    def __init__(self, path: Path, connection: sqlite3.Connection, authority: str, now: int) -> None:
        """now: UTC ns. Raises JournalCorrupt when the audit chain does not end where it did."""
        self._open: sqlite3.Connection | None = connection
        self._authority = authority
        self._now = now
        self._tip = read_tip(path, connection)
        self._events: list[AuditEvent] = []
        self._last_act: Callable[[], object] | None = None
        self._changes_before = connection.total_changes

    @property
    def recorded_at(self) -> int:
        """When the last event before this change was recorded (UTC ns); 0 when there is none."""
        return self._tip.recorded_at

    def record(self, event: AuditEvent) -> None:
        """Put an event into the audit chain, together with all else in this change."""
        self._events.append(event)

    def at_the_end(self, act: Callable[[], object]) -> None:
        """Do something outside the store once all is written and before it counts.

        For what cannot be undone: it is not done when the store cannot be written.
        """
        self._last_act = act

    def finish(self) -> None:
        """Write the events; called at the end of the block, before the commit.

        Raises OurFault when something was changed and no event says so.
        """
        if not self._events:
            if self._connection.total_changes != self._changes_before:
                raise OurFault("a change of the credential store needs an audit event: call record(...)")
            return
        append_records(self._connection, linked(self._authority, self._tip, self._events, self._now))
        if self._last_act is not None:
            self._last_act()

    def end(self) -> None:
        """Make this change useless; called when its block ends, well or not."""
        self._open = None

    @property
    def _connection(self) -> sqlite3.Connection:
        """Raises OurFault after the block: what is written then would be in no transaction."""
        if self._open is None:
            raise OurFault("this change of the credential store is over; begin another")
        return self._open

    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        return nullcontext(self._connection)

    def _add(self, table: str, row: dict[str, object]) -> bool:
        return self._wins(insertion(table, row) + " ON CONFLICT DO NOTHING", row)

    def _wins(self, statement: str, arguments: tuple[object, ...] | dict[str, object]) -> bool:
        return self._connection.execute(statement, arguments).rowcount == 1
