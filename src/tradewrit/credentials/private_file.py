"""Files of which only their owner may know: read, replaced whole, changed by one process at a time.

Knows nothing of what is in them; `what` names it in a message ("the signing key").
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tradewrit.errors import KeyMaterialError
from tradewrit.runtime.whole_file import whole_file

_OTHERS: Final = 0o077
MAX_BYTES: Final = 1 << 20
"""More of a file is not read."""


def read_private(path: Path, what: str, *, advice: str) -> bytes:
    """What is in the file, up to 1 MiB of it.

    advice: what to do, before `chmod 600`, about a file that others could have read.
    Raises KeyMaterialError when it cannot be read, or when other users may reach it.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            raw = file.read(MAX_BYTES)
    except OSError as error:
        raise KeyMaterialError(f"{path}: {what} cannot be read: {error.strerror}") from error
    if os.name == "posix" and mode & _OTHERS:
        raise KeyMaterialError(
            f"{path}: other users may reach {what} (mode {mode:04o}): {advice}, then: chmod 600 {path}"
        )
    return raw


def write_private(path: Path, what: str, content: bytes) -> None:
    """Put `content` there, on disk, readable by its owner only; what stood there stays until then.

    Raises KeyMaterialError when it cannot be written.
    """
    try:
        with whole_file(path, is_durable=True, is_private=True) as file:
            file.write(content)
    except OSError as error:
        raise KeyMaterialError(f"{path}: {what} cannot be written: {error.strerror}") from error


def create_private(path: Path, what: str, content: bytes) -> None:
    """As `write_private`, for a file that is not there yet.

    Raises KeyMaterialError when it is, or when it cannot be written.
    """
    try:
        with open(path, "xb", opener=_open_private) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise KeyMaterialError(
            f"{path}: {what} is there already, and is not replaced; name another file"
        ) from None
    except OSError as error:
        raise KeyMaterialError(f"{path}: {what} cannot be written: {error.strerror}") from error


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def held(path: Path, what: str) -> Iterator[None]:
    """Let one process, and one thread of it, at a time make or change the file; the others wait.

    Raises KeyMaterialError when the folder takes no lock.
    """
    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise KeyMaterialError(f"{lock}: {what} cannot be locked: {error.strerror}") from error
    try:
        _wait_for(mark)
        yield
    finally:
        os.close(mark)


def _wait_for(mark: int) -> None:
    try:
        import fcntl
    except ImportError:  # a system without it: do not change a file from two places at once there
        return
    fcntl.flock(mark, fcntl.LOCK_EX)
