"""The keyring on disk: one PEM file (RFC 7468), replaced whole, readable by its owner only.

The signing key stands first as PKCS#8, so every tool that reads a private key reads this file. Each
retired key follows as a public key under a line that says when it ends; its private half is gone.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from tradewrit.credentials.keyring import Keyring, PublicKey
from tradewrit.credentials.keys import SigningKey, VerificationKey
from tradewrit.domain.times import iso, parse_iso
from tradewrit.errors import KeyMaterialError
from tradewrit.runtime.clock import Entropy
from tradewrit.runtime.whole_file import whole_file

_BASE64: Final = rb"[A-Za-z0-9+/=\n]{1,200}"
_PRIVATE: Final = rb"-----BEGIN PRIVATE KEY-----\n" + _BASE64 + rb"-----END PRIVATE KEY-----\n"
_PUBLIC: Final = rb"-----BEGIN PUBLIC KEY-----\n" + _BASE64 + rb"-----END PUBLIC KEY-----\n"
_RETIRED: Final = re.compile(rb"verifies until ([0-9T:.Z-]{20,30})\n(" + _PUBLIC + rb")")
_FILE: Final = re.compile(rb"(" + _PRIVATE + rb")((?:" + _RETIRED.pattern + rb")*)")
_OTHERS: Final = 0o077
_MAX_BYTES: Final = 1 << 20


def open_keyring(path: Path, entropy: Entropy) -> Keyring:
    """The keyring of `path`, made there at the first start.

    Of several processes that start at once, one makes the key and all get it. Raises KeyMaterialError
    as `load_keyring` does, and when the file cannot be written.
    """
    with _held(path):
        if not path.exists():
            _save(path, Keyring(SigningKey.draw(entropy)))
        return load_keyring(path)


def rotate_keyring(path: Path, entropy: Entropy, *, now: int, overlap_ns: int) -> Keyring:
    """A new signing key in `path`; the old one verifies for `overlap_ns` after `now` (UTC ns).

    Raises KeyMaterialError when the file cannot be read or written; then it stands as it stood.
    """
    with _held(path):
        rotated = load_keyring(path).rotated(entropy, now, overlap_ns)
        _save(path, rotated)
    return rotated


def load_keyring(path: Path) -> Keyring:
    """Read a keyring; raises KeyMaterialError when it is missing, damaged or open to other users."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            raw = file.read(_MAX_BYTES)
    except OSError as error:
        raise KeyMaterialError(f"{path}: the signing key cannot be read: {error.strerror}") from error
    if os.name == "posix" and mode & _OTHERS:
        raise KeyMaterialError(
            f"{path}: other users may reach the signing key (mode {mode:04o}): rotate it if they might have "
            f"read it, then: chmod 600 {path}"
        )
    try:
        return _keyring(raw)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyMaterialError(
            f"{path}: the signing key file is damaged ({error}): put a copy of it back, or move it away for "
            "a new key, with which no token issued so far verifies"
        ) from None


def _save(path: Path, keyring: Keyring) -> None:
    try:
        with whole_file(path, is_durable=True, is_private=True) as file:
            file.write(_pem(keyring))
    except OSError as error:
        raise KeyMaterialError(f"{path}: the signing key cannot be written: {error.strerror}") from error


def _pem(keyring: Keyring) -> bytes:
    private = keyring.signing.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + b"".join(_retired_pem(held) for held in keyring.retired)


def _retired_pem(held: PublicKey) -> bytes:
    key = Ed25519PublicKey.from_public_bytes(held.key.raw)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    until = "" if held.until is None else iso(held.until)
    return f"verifies until {until}\n".encode("ascii") + pem


def _keyring(raw: bytes) -> Keyring:
    found = _FILE.fullmatch(raw)
    if found is None:
        raise ValueError("its lines are not those of a keyring")
    return Keyring(_signing(found[1]), tuple(_retired(found[2])))


def _signing(pem: bytes) -> SigningKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("its private key is not an Ed25519 key")  # noqa: TRY004 - damaged text, no wrong type
    return SigningKey(key)


def _retired(text: bytes) -> Iterator[PublicKey]:
    for until, pem in _RETIRED.findall(text):
        key = load_pem_public_key(pem)
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("a retired key is not an Ed25519 key")  # noqa: TRY004 - as above
        yield PublicKey(VerificationKey(key.public_bytes_raw()), parse_iso(until.decode("ascii")))


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Let one process at a time make or rotate the key; the others wait."""
    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise KeyMaterialError(f"{lock}: the signing key cannot be locked: {error.strerror}") from error
    try:
        _wait_for(mark)
        yield
    finally:
        os.close(mark)


def _wait_for(mark: int) -> None:
    try:
        import fcntl
    except ImportError:  # a system without it: do not rotate from two places at once there
        return
    fcntl.flock(mark, fcntl.LOCK_EX)
