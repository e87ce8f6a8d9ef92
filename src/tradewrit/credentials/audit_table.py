"""The table that keeps the audit trail: how its records are added, paged through and found."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from tradewrit.credentials.audit import FIELDS, STREAM, AuditRecord, record_of, row_of
from tradewrit.errors import JournalCorrupt
from tradewrit.runtime.journal.chain import EMPTY, Tip
from tradewrit.runtime.journal.records import Head

PAGE_ROWS: Final = 512
BEFORE_ALL: Final = -(2**63)
_COLUMNS: Final = ", ".join(f'"{name}"' for name in ("seq", "recorded_at", *FIELDS, "prev_hash", "hash"))
_PAGE: Final = f"SELECT {_COLUMNS} FROM audit WHERE seq > ? ORDER BY seq LIMIT {PAGE_ROWS}"  # noqa: S608
_APPEND: Final = f"INSERT INTO audit VALUES ({', '.join('?' * (len(FIELDS) + 4))})"  # noqa: S608
# One statement, so that it sees one moment: others write between two.
_TIP: Final = """
    SELECT head.seq, head.hash, last.seq, last.hash, last.recorded_at
    FROM (SELECT 1)
    LEFT JOIN audit_head AS head
    LEFT JOIN (SELECT seq, hash, recorded_at FROM audit ORDER BY seq DESC LIMIT 1) AS last"""


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


def append_records(connection: sqlite3.Connection, records: Sequence[AuditRecord]) -> None:
    """Add records, at least one, to the end of the chain."""
    connection.executemany(_APPEND, [row_of(record) for record in records])
    last = records[-1]
    connection.execute("UPDATE audit_head SET seq = ?, hash = ?", (last.seq, last.hash))


def read_tip(path: Path, connection: sqlite3.Connection) -> Tip:
    """Where the audit chain ends; raises JournalCorrupt when its last event is not what it was."""
    found = connection.execute(_TIP).fetchone()
    head, last = found[:2], found[2:]
    if last[0] is None:
        last = (EMPTY.seq, EMPTY.hash, EMPTY.recorded_at)
    if head != last[:2]:
        raise JournalCorrupt(
            f"{path}: the audit chain does not end where it did; nothing may be built on it: "
            "run `tradewrit credentials audit verify`"
        )
    return Tip(seq=last[0], hash=last[1], recorded_at=last[2])


def read_head(path: Path, connection: sqlite3.Connection, authority: str) -> Head:
    """Where it ends according to what is kept apart from it; whether it does, `read_tip` says."""
    row = connection.execute("SELECT seq, hash FROM audit_head").fetchone()
    if row is None or not isinstance(row[0], int) or not isinstance(row[1], str):
        raise JournalCorrupt(f"{path}: the head of the audit chain is missing or was altered")
    return Head(authority, STREAM, row[0], row[1])


def read_page(connection: sqlite3.Connection, after: int) -> list[tuple[Any, ...]]:
    """Up to PAGE_ROWS rows behind the one of this number, in order."""
    return connection.execute(_PAGE, (after,)).fetchall()


def find_events(connection: sqlite3.Connection, query: AuditQuery) -> tuple[list[AuditRecord], int]:
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
    (total,) = connection.execute(count, arguments).fetchone()
    rows = connection.execute(page, [*arguments, query.limit, query.offset]).fetchall()
    return [record_of(row) for row in rows], total
