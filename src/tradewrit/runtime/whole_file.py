"""Files that appear whole or not at all. Knows no format; what the storage refuses stays an OSError."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

# What lives there is the system's, also where it is a link to a file of ours (/dev/stdout).
_SYSTEM: Final = (Path("/dev"), Path("/proc"))


@contextmanager
def whole_file(path: Path, *, is_durable: bool = False, is_private: bool = False) -> Iterator[IO[bytes]]:
    """Write beside `path`, and move the result into place when the block ends well.

    Readers never see half a file, and a failure leaves what was there. A link is followed. A device or
    a pipe is written to as it stands: a file moved onto it would take its place.
    is_durable: have it on disk before it is moved.
    is_private: only the owner may read it (mode 0600), from the moment it exists.
    """
    if is_stream(path):
        with path.open("ab") as stream:
            yield stream
        return
    target = path.resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with open(part, "wb", opener=_open_private if is_private else None) as file:
            yield file
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _open_private(path: str, flags: int) -> int:
    Path(path).unlink(missing_ok=True)  # what a crash left there might be readable by others
    return os.open(path, flags | os.O_EXCL, 0o600)


def is_stream(path: Path) -> bool:
    """Whether a path is a device, a pipe or the like: something written to, never replaced."""
    if path.is_dir():
        return False
    is_system = any(path.absolute().is_relative_to(place) for place in _SYSTEM)
    return path.exists() and (is_system or not path.is_file())
