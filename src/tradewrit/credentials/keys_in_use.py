"""The authority's keyring as it is on disk now: rotated here or by another process, seen without restart."""

from pathlib import Path
from threading import Lock
from typing import Final, Self

from tradewrit.credentials.key_file import end_overlap, load_keyring, open_keyring, rotate_keyring
from tradewrit.credentials.keyring import Keyring
from tradewrit.errors import KeyMaterialError
from tradewrit.runtime.clock import Entropy

Stamp = tuple[int, int, int]
"""Inode, time of change and size of a file that is only ever replaced whole."""


class KeysInUse:
    """Any thread may use it."""

    def __init__(self, path: Path, entropy: Entropy, stamp: Stamp, keyring: Keyring) -> None:
        self._path: Final = path
        self._entropy: Final = entropy
        self._lock = Lock()
        self._held = (stamp, keyring)

    @classmethod
    def open(cls, path: Path, entropy: Entropy) -> Self:
        """The keyring of `path`, made there at the first start; raises KeyMaterialError."""
        open_keyring(path, entropy)
        return cls(path, entropy, *_read(path))

    def current(self) -> Keyring:
        """The keyring; the same object for as long as nobody rotates.

        Raises KeyMaterialError when the file is gone, exposed or damaged: nothing is signed or verified
        with keys that may no longer be right.
        """
        held = self._held
        if held[0] == _stamp(self._path):
            return held[1]
        with self._lock:
            self._held = _read(self._path)
            return self._held[1]

    def rotate(self, now: int, overlap_ns: int) -> None:
        """A new signing key; the old one verifies for `overlap_ns` after `now` (UTC ns)."""
        rotate_keyring(self._path, self._entropy, now=now, overlap_ns=overlap_ns)

    def end_overlap(self) -> None:
        """Retired keys verify no more."""
        end_overlap(self._path)


def _read(path: Path) -> tuple[Stamp, Keyring]:
    # The stamp first: if the file is replaced in between, the next look reads it again.
    stamp = _stamp(path)
    return stamp, load_keyring(path)


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError as error:
        raise KeyMaterialError(f"{path}: the signing key cannot be read: {error.strerror}") from error
    return found.st_ino, found.st_mtime_ns, found.st_size
