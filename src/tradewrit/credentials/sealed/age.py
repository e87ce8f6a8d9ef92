"""Sealing and opening bytes as an age file (c2sp.org/age, version 1), binary. Knows no file on disk."""

from typing import Final

from tradewrit.credentials.sealed.header import Header, header_bytes, read_header
from tradewrit.credentials.sealed.keys import FILE_KEY_BYTES, SealingKey
from tradewrit.credentials.sealed.payload import decrypt_payload, encrypt_payload
from tradewrit.runtime.clock import Entropy

_GREASE: Final = "-grease"


def seal(plain: bytes, key: SealingKey, entropy: Entropy) -> bytes:
    """The age file that says `plain` to whoever has `key`; never the same twice."""
    file_key = entropy(FILE_KEY_BYTES)
    return header_bytes(key.wrap(file_key, entropy), file_key) + encrypt_payload(plain, file_key, entropy)


def unseal(raw: bytes, key: SealingKey) -> bytes:
    """What an age file says.

    Raises ValueError, in words that follow the name of the file, when this key does not open it, or
    when any byte of it was altered, moved, added or cut off.
    """
    header = read_header(raw)
    file_key = key.unwrap(header.stanzas)
    if file_key is None:
        raise ValueError(_refusal(header, key))
    if not header.is_authentic(file_key):
        raise ValueError("its header was altered")
    return decrypt_payload(raw[header.size :], file_key)


def is_passphrased(raw: bytes) -> bool:
    """Whether a passphrase opens it, not a key; raises ValueError when it is no age file."""
    return any(stanza.kind == "scrypt" for stanza in read_header(raw).stanzas)


def keys_count(raw: bytes) -> int:
    """How many keys it was sealed for; stanzas that only keep readers tolerant (`...-grease`) are none."""
    return sum(not stanza.kind.endswith(_GREASE) for stanza in read_header(raw).stanzas)


def _refusal(header: Header, key: SealingKey) -> str:
    kinds = {stanza.kind for stanza in header.stanzas}
    if key.words == "key" and "scrypt" in kinds:
        return "it is sealed with a passphrase, not with a key"
    if key.words == "passphrase" and "scrypt" not in kinds:
        return "it is sealed with a key, not with a passphrase"
    return f"it does not open with this {key.words}: take the one it was sealed with, unless it was altered"
