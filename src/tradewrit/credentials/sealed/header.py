"""The header of an age file (c2sp.org/age, version 1): stanzas that wrap the file key, and a MAC over them.

Knows no kind of stanza, so it neither wraps nor unwraps.
"""

import base64
import hmac
import re
from typing import Final

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION: Final = b"age-encryption.org/v1\n"
_COLUMNS: Final = 64
_LETTERS: Final = rb"[A-Za-z0-9+/]"
_STANZA: Final = re.compile(
    rb"-> ([!-~]+(?: [!-~]+)*)\n((?:" + _LETTERS + rb"{64}\n)*" + _LETTERS + rb"{0,63}\n)"
)
_HEADER: Final = re.compile(
    re.escape(_VERSION) + rb"((?:" + _STANZA.pattern + rb")+)--- (" + _LETTERS + rb"{43})\n"
)


class Stanza(msgspec.Struct, frozen=True):
    """One way to the file key. arguments: what kind it is, and what that kind needs."""

    arguments: tuple[str, ...]
    body: bytes

    @property
    def kind(self) -> str:
        """What wraps the file key: `scrypt`, `X25519` or something not known here."""
        return self.arguments[0]


class Header(msgspec.Struct, frozen=True):
    """A header as it was read. covered: what the MAC is about. size: bytes up to the payload."""

    stanzas: tuple[Stanza, ...]
    covered: bytes
    mac: bytes
    size: int

    def is_authentic(self, file_key: bytes) -> bool:
        """Whether nothing in it was altered since whoever had this file key wrote it."""
        return hmac.compare_digest(self.mac, _mac(file_key, self.covered))


def read_header(raw: bytes) -> Header:
    """The header at the start of a file; raises ValueError when there is none of version 1."""
    found = _HEADER.match(raw)
    if found is None:
        raise ValueError("its header is not that of an age file, version 1")
    stanzas = tuple(_stanza(*one) for one in _STANZA.findall(found[1]))
    mark = found.end() - 45  # the MAC, a space before it and a line end after it are not covered
    return Header(stanzas, raw[:mark], unbase64(raw[mark + 1 : mark + 44].decode()), found.end())


def header_bytes(stanza: Stanza, file_key: bytes) -> bytes:
    """A header with one stanza."""
    text = base64_of(stanza.body)
    # The last line is shorter than a full one, if need be empty.
    lines = [text[at : at + _COLUMNS] for at in range(0, len(text) + 1, _COLUMNS)]
    covered = _VERSION + f"-> {' '.join(stanza.arguments)}\n{chr(10).join(lines)}\n---".encode()
    return covered + f" {base64_of(_mac(file_key, covered))}\n".encode()


def base64_of(raw: bytes) -> str:
    """Standard base64 without padding (RFC 4648, section 4)."""
    return base64.b64encode(raw).rstrip(b"=").decode("ascii")


def unbase64(text: str) -> bytes:
    """The bytes of canonical base64 without padding; raises ValueError for any other spelling."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise ValueError("its header has text that is not base64") from None
    if base64_of(raw) != text:
        raise ValueError("its header has base64 that is not canonical")
    return raw


def derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    """32 bytes by HKDF-SHA-256 (RFC 5869), as age derives every key."""
    return HKDF(SHA256(), 32, salt, info).derive(key)


def _stanza(arguments: bytes, body: bytes) -> Stanza:
    return Stanza(tuple(arguments.decode("ascii").split(" ")), unbase64(body.replace(b"\n", b"").decode()))


def _mac(file_key: bytes, covered: bytes) -> bytes:
    return hmac.digest(derived(file_key, b"", b"header"), covered, "sha256")
