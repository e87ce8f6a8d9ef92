"""Challenges that cost the authority no memory: a nonce carries its own end and our mark.

32 bytes, as 64 hex characters to the outside: the end (UTC ns, 8 bytes), chance (8), a keyed hash of both
(16). Whoever asks for a million of them leaves nothing behind; only used ones are stored
(`Change.consume_nonce`), until their end.
"""

import hashlib
import hmac
import re
from typing import Final

CHANCE_BYTES: Final = 8
_FORM: Final = re.compile(r"[0-9a-f]{64}")
_MARK_BYTES: Final = 16


def make_nonce(key: bytes, chance: bytes, expires_at: int) -> str:
    """A nonce good until `expires_at` (UTC ns), exclusively.

    key: 32 secret bytes that all processes of one authority share, used for nothing else.
    chance: 8 bytes from the system's entropy, so that no two nonces are the same.
    """
    if len(chance) != CHANCE_BYTES:
        raise ValueError(f"a nonce needs {CHANCE_BYTES} bytes of chance, not {len(chance)}")
    body = expires_at.to_bytes(8) + chance
    return (body + _mark(key, body)).hex()


def nonce_end(key: bytes, nonce: str) -> int | None:
    """The end (UTC ns) of a nonce that was made under this key, or None; says nothing of its use."""
    if _FORM.fullmatch(nonce) is None:
        return None
    content = bytes.fromhex(nonce)
    body, mark = content[:-_MARK_BYTES], content[-_MARK_BYTES:]
    return int.from_bytes(body[:8]) if hmac.compare_digest(mark, _mark(key, body)) else None


def _mark(key: bytes, body: bytes) -> bytes:
    return hashlib.blake2b(body, key=key, digest_size=_MARK_BYTES, person=b"tradewrit nonce").digest()
