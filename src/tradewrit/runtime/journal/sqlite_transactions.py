"""Whole-or-nothing writes over one SQLite connection, and when to stop believing the disk."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tradewrit.errors import JournalBroken, JournalUnwritable
from tradewrit.runtime.journal.sqlite_errors import (
    RAISED,
    Raised,
    is_disk_error,
    primary_code,
    translated,
)


class Transactions:
    """The write transactions of one connection (opened with `isolation_level=None`).

    After a disk error (not a full disk) every further one is refused until the file is opened anew:
    what the disk says about its own state can then no longer be believed.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, *, read_only: bool) -> None:
        self._path = path
        self._connection = connection
        self._is_read_only = read_only
        self._why_broken: str | None = None

    @contextmanager
    def begin(self) -> Iterator[None]:
        """All of the block or nothing, durable at its end; only one process at a time.

        Raises JournalUnwritable or JournalCorrupt when SQLite refuses; nothing was then changed.
        """
        if self._is_read_only:
            raise JournalUnwritable(f"{self._path}: was opened read-only")
        if self._why_broken is not None:
            raise JournalBroken(f"{self._path}: {self._why_broken}")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except RAISED as error:
            self._abandon(error)
            raise translated(self._path, error) from error
        except BaseException:
            self._abandon(None)
            raise

    def checkpoint(self) -> None:
        """Copy what the log holds into the file, as far as no reader is in the way; it then starts anew.

        What does not fit on a full disk stays in the log, and is there to be copied the next time.
        Raises JournalBroken when the disk reports an error.
        """
        if self._why_broken is not None:
            raise JournalBroken(f"{self._path}: {self._why_broken}")
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except RAISED as error:
            if primary_code(error) == sqlite3.SQLITE_FULL:
                return
            self._abandon(error)
            raise translated(self._path, error) from error

    def _abandon(self, error: Raised | None) -> None:
        """Leave nothing of a failed transaction behind."""
        if error is not None and is_disk_error(error):
            self._why_broken = f"the disk reported an error ({error}); open the journal anew"
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as worse:
            self._why_broken = f"a failed append was not rolled back ({worse}); open the journal anew"
