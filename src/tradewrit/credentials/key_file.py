"""The keyring on disk: one PEM file (RFC 7468), replaced whole, readable by its owner only.

The signing key stands first as PKCS#8, so every tool that reads a private key reads this file. Each
retired key follows as a public key under a line that says when it ends; its private half is gone.
"""

import re
from collections.abc import Iterator
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
from tradewrit.credentials.private_file import held, read_private, write_private
from tradewrit.domain.times import iso, parse_iso
from tradewrit.errors import KeyMaterialError
from tradewrit.runtime.clock import Entropy

_BASE64: Final = rb"[A-Za-z0-9+/=\n]{1,200}"
_PRIVATE: Final = rb"-----BEGIN PRIVATE KEY-----\n" + _BASE64 + rb"-----END PRIVATE KEY-----\n"
_PUBLIC: Final = rb"-----BEGIN PUBLIC KEY-----\n" + _BASE64 + rb"-----END PUBLIC KEY-----\n"
_RETIRED: Final = re.compile(rb"verifies until ([0-9T:.Z-]{20,30})\n(" + _PUBLIC + rb")")
_FILE: Final = re.compile(rb"(" + _PRIVATE + rb")((?:" + _RETIRED.pattern + rb")*)")
_WHAT: Final = "the signing key"


def open_keyring(path: Path, entropy: Entropy) -> Keyring:
    """The keyring of `path`, made there at the first start.

    Of several processes that start at once, one makes the key and all get it. Raises KeyMaterialError
    as `load_keyring` does, and when the file cannot be written.
    """
    with held(path, _WHAT):
        if not path.exists():
            write_private(path, _WHAT, _pem(Keyring(SigningKey.draw(entropy))))
        return load_keyring(path)


def rotate_keyring(path: Path, entropy: Entropy, *, now: int, overlap_ns: int) -> Keyring:
    """A new signing key in `path`; the old one verifies for `overlap_ns` after `now` (UTC ns).

    Raises KeyMaterialError when the file cannot be read or written; then it stands as it stood.
    """
    with held(path, _WHAT):
        rotated = load_keyring(path).rotated(entropy, now, overlap_ns)
        write_private(path, _WHAT, _pem(rotated))
    return rotated


def end_overlap(path: Path) -> Keyring:
    """Retired keys in `path` verify no more; raises as `rotate_keyring`."""
    with held(path, _WHAT):
        alone = load_keyring(path).without_overlap()
        write_private(path, _WHAT, _pem(alone))
    return alone


def load_keyring(path: Path) -> Keyring:
    """Read a keyring; raises KeyMaterialError when it is missing, damaged or open to other users."""
    raw = read_private(path, _WHAT, advice="rotate it if they might have read it")
    try:
        return _keyring(raw)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyMaterialError(
            f"{path}: the signing key file is damaged ({error}): put a copy of it back, or move it away for "
            "a new key, with which no token issued so far verifies"
        ) from None


def _pem(keyring: Keyring) -> bytes:
    private = keyring.signing.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + b"".join(_retired_pem(one) for one in keyring.retired)


def _retired_pem(one: PublicKey) -> bytes:
    key = Ed25519PublicKey.from_public_bytes(one.key.raw)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    until = "" if one.until is None else iso(one.until)
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
