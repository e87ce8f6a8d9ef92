"""The sealed store: names and values in one age file, replaced whole, opened with one key.

Nothing of it is on disk in the clear, not even the names. Inside is JSON: a version, and for each name
its value and when it was set.
"""

from pathlib import Path
from typing import Final

import msgspec

from tradewrit.credentials.private_file import MAX_BYTES, held, read_private, write_private
from tradewrit.credentials.sealed.age import is_passphrased, keys_count, seal, unseal
from tradewrit.credentials.sealed.keys import SealingKey
from tradewrit.domain.times import iso, parse_iso
from tradewrit.errors import KeyMaterialError
from tradewrit.runtime.clock import Entropy
from tradewrit.runtime.secret import Secret

VERSION: Final = 1
_WHAT: Final = "the sealed store"
_ADVICE: Final = "it is encrypted, so change its secrets only if its passphrase is weak"


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: str
    set_at: str


class _Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    secrets: dict[str, _Entry]


class _Version(msgspec.Struct, frozen=True):
    version: int


class SealedStore:
    """The secrets of one file. Any number of processes may change it: they take turns, none loses.

    Every method raises KeyMaterialError when the file cannot be read or written, is open to other users,
    was altered, or does not open with the key; then it stands as it stood.
    """

    def __init__(self, path: Path, key: SealingKey) -> None:
        self._path = path
        self._key = key

    def names(self) -> dict[str, int]:
        """Every name, in alphabetical order, and when it was last set (UTC ns)."""
        secrets = self._read().secrets
        return {name: parse_iso(secrets[name].set_at) for name in sorted(secrets)}

    def secret(self, name: str) -> Secret:
        """The secret of that name; raises KeyMaterialError when there is none."""
        entry = self._read().secrets.get(name)
        if entry is None:
            raise KeyMaterialError(self._missing(name))
        return Secret(name, entry.value)

    def put(self, secret: Secret, now: int, entropy: Entropy) -> bool:
        """Keep a secret under its name, set at `now` (UTC ns); says whether it took another's place."""
        with held(self._path, _WHAT):
            secrets = self._read().secrets
            self._write(secrets | {secret.name: _Entry(secret.reveal(), iso(now))}, entropy)
        return secret.name in secrets

    def remove(self, name: str, entropy: Entropy) -> None:
        """Forget a secret; raises KeyMaterialError when there is none of that name."""
        with held(self._path, _WHAT):
            secrets = self._read().secrets
            if name not in secrets:
                raise KeyMaterialError(self._missing(name))
            self._write({kept: secrets[kept] for kept in secrets if kept != name}, entropy)

    def reseal(self, key: SealingKey, entropy: Entropy) -> None:
        """Seal everything with another key or passphrase; this one opens the file no more, nor do others.

        Copies of the file from before still open with it. Raises KeyMaterialError when there is no store.
        """
        with held(self._path, _WHAT):
            if not self._path.exists():
                raise KeyMaterialError(f"{self._path}: there is no sealed store to seal anew")
            self._replace(self._read().secrets, key, entropy)
        self._key = key

    def _read(self) -> _Contents:
        if not self._path.exists():
            return _Contents(VERSION, {})
        raw = read_private(self._path, _WHAT, advice=_ADVICE)
        try:
            return _decoded(unseal(raw, self._key))
        except ValueError as why:
            raise KeyMaterialError(f"{self._path}: the sealed store cannot be opened: {why}") from None

    def _write(self, secrets: dict[str, _Entry], entropy: Entropy) -> None:
        self._refuse_if_shared()
        self._replace(secrets, self._key, entropy)

    def _replace(self, secrets: dict[str, _Entry], key: SealingKey, entropy: Entropy) -> None:
        sealed = seal(msgspec.json.encode(_Contents(VERSION, secrets)), key, entropy)
        if len(sealed) > MAX_BYTES:
            raise KeyMaterialError(
                f"{self._path}: with this secret the store would have {len(sealed):,} bytes, and at most "
                f"{MAX_BYTES:,} are read again; nothing was changed"
            )
        write_private(self._path, _WHAT, sealed)

    def _refuse_if_shared(self) -> None:
        """What other keys open as well would be closed to them afterwards."""
        if self._path.exists() and keys_count(read_private(self._path, _WHAT, advice=_ADVICE)) > 1:
            raise KeyMaterialError(
                f"{self._path}: the sealed store was sealed for several keys, and this would close it to all "
                "but one; `tradewrit secrets reseal` does that if it is meant"
            )

    def _missing(self, name: str) -> str:
        return f"{self._path}: there is no secret {name!r}; `tradewrit secrets list` shows what there is"


def opens_with_passphrase(path: Path) -> bool | None:
    """Whether a passphrase opens the store, not a key; None when there is no store yet.

    Raises KeyMaterialError when the file cannot be read, is open to others, or is no sealed store.
    """
    if not path.exists():
        return None
    try:
        return is_passphrased(read_private(path, _WHAT, advice=_ADVICE))
    except ValueError as why:
        raise KeyMaterialError(f"{path}: the sealed store cannot be opened: {why}") from None


def _decoded(plain: bytes) -> _Contents:
    """What the decoder says is dropped: it may quote what it could not read."""
    try:
        version = msgspec.json.decode(plain, type=_Version).version
        if version == VERSION:
            return _checked(msgspec.json.decode(plain, type=_Contents))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise ValueError("what is in it was not written by tradewrit") from None
    raise ValueError(f"it is of version {version}, and this tradewrit knows {VERSION}: upgrade to open it")


def _checked(contents: _Contents) -> _Contents:
    for entry in contents.secrets.values():
        parse_iso(entry.set_at)
    return contents
