"""SQLite's errors in our words: what it means for the journal, and what to do about it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from tradewrit.errors import JournalBroken, JournalCorrupt, JournalError, JournalUnwritable

# The index of the write-ahead log is shared memory beside the file: on a full disk it cannot grow,
# which SQLite calls an I/O error, but no record is in it.
_NO_ROOM_FOR_INDEX: Final = frozenset(
    {sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP}
)
_UNWRITABLE: Final = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space and try again",
    sqlite3.SQLITE_READONLY: "the file or its folder is read-only",
    sqlite3.SQLITE_BUSY: "another process holds the file; stop the other writer, or wait longer",
    sqlite3.SQLITE_LOCKED: "another connection holds the file",
    sqlite3.SQLITE_IOERR: "the disk reports an error; check it, then open the journal anew",
    sqlite3.SQLITE_CANTOPEN: "it or its write-ahead log cannot be opened; open read-only what is read-only",
    sqlite3.SQLITE_TOOBIG: "a record is larger than SQLite can store",
}
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


Raised: TypeAlias = sqlite3.Error | UnicodeDecodeError | OverflowError
# UnicodeDecodeError: SQLite's complaint itself may quote bytes of a damaged file that are no text.
# OverflowError: a number beyond 64 bits.
RAISED: Final = (sqlite3.Error, UnicodeDecodeError, OverflowError)
"""All that the sqlite3 module raises because of what is in a file or goes into it."""


def primary_code(error: Raised) -> int | None:
    """SQLite's primary result code, or None when the error is the Python module's own."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF


def is_disk_error(error: Raised) -> bool:
    """Whether what the disk holds, or says, can no longer be believed."""
    extended = getattr(error, "sqlite_errorcode", None)
    return primary_code(error) == sqlite3.SQLITE_IOERR and extended not in _NO_ROOM_FOR_INDEX


def translated(path: Path, error: Raised) -> JournalError:
    """The error to raise instead: JournalCorrupt for damage, else JournalUnwritable (or Broken)."""
    code = primary_code(error)
    if code == sqlite3.SQLITE_IOERR and not is_disk_error(error):
        code = sqlite3.SQLITE_FULL
    if code in _DAMAGED or isinstance(error, UnicodeDecodeError):
        return JournalCorrupt(f"{path}: the file is damaged ({error})")
    if isinstance(error, sqlite3.ProgrammingError):
        return JournalUnwritable(f"{path}: cannot be used any more ({error})")
    meaning = _UNWRITABLE.get(code) if code is not None else None
    kind = JournalBroken if is_disk_error(error) else JournalUnwritable
    return kind(f"{path}: {meaning} ({error})" if meaning else f"{path}: {error}")


def is_damage(error: Raised) -> bool:
    """Whether an error while reading comes from the bytes in the file, not from the circumstances."""
    circumstances = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN)
    if isinstance(error, sqlite3.ProgrammingError | OverflowError):
        return False
    return primary_code(error) not in circumstances


@contextmanager
def failure(path: Path) -> Iterator[None]:
    """Translate what SQLite raises inside the block."""
    try:
        yield
    except RAISED as error:
        raise translated(path, error) from error
