"""The payload of an age file: 64 KiB chunks, each numbered and authenticated, the last one marked as such.

So a chunk that is altered, moved, left out or added does not open, and neither does a file cut anywhere.
"""

from collections.abc import Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tradewrit.credentials.sealed.header import derived
from tradewrit.runtime.clock import Entropy

CHUNK_BYTES: Final = 65_536
_NONCE_BYTES: Final = 16
_TAG_BYTES: Final = 16


def encrypt_payload(plain: bytes, file_key: bytes, entropy: Entropy) -> bytes:
    """The payload that says `plain`."""
    nonce = entropy(_NONCE_BYTES)
    cipher = _cipher(file_key, nonce)
    chunks = _numbered(plain, CHUNK_BYTES)
    return nonce + b"".join(cipher.encrypt(number, chunk, None) for number, chunk in chunks)


def decrypt_payload(payload: bytes, file_key: bytes) -> bytes:
    """What it says, all of it; raises ValueError when any of it was altered or is missing."""
    nonce, sealed = payload[:_NONCE_BYTES], payload[_NONCE_BYTES:]
    cipher = _cipher(file_key, nonce)
    try:
        chunks = [
            cipher.decrypt(number, chunk, None)
            for number, chunk in _numbered(sealed, CHUNK_BYTES + _TAG_BYTES)
        ]
    except InvalidTag:
        raise ValueError("its contents were altered or cut off") from None
    if len(chunks) > 1 and not chunks[-1]:
        raise ValueError("its contents end in an empty part, which is never written")
    return b"".join(chunks)


def _cipher(file_key: bytes, nonce: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(derived(file_key, nonce, b"payload"))


def _numbered(raw: bytes, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Pieces of `size` bytes, each with the nonce its place gives it; of nothing, one empty piece."""
    starts = range(0, max(len(raw), 1), size)
    for number, start in enumerate(starts):
        is_last = number == len(starts) - 1
        yield number.to_bytes(11) + bytes([is_last]), raw[start : start + size]
