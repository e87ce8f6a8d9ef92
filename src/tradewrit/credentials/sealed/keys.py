"""What opens the sealed store: a passphrase, or a key in a file. Each wraps and unwraps the file key.

Both are age's own kinds (c2sp.org/age), so age opens the store, and a key of age-keygen opens it here.
"""

import re
from typing import ClassVar, Final, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tradewrit.credentials.sealed import bech32
from tradewrit.credentials.sealed.header import Stanza, base64_of, derived, unbase64
from tradewrit.runtime.clock import Entropy
from tradewrit.runtime.secret import Secret

FILE_KEY_BYTES: Final = 16
LOG_WORK: Final = 17
"""Work of scrypt for one guess, as a power of two: 128 MiB and some 0.4 s (OWASP's choice)."""

MAX_LOG_WORK: Final = 22
"""More is not tried, here as in age: a file altered to ask for it would take the machine's memory."""

_SCRYPT: Final = "scrypt"
_X25519: Final = "X25519"
_SALT_BYTES: Final = 16
_WRAPPED_BYTES: Final = 32
_LABEL: Final = b"age-encryption.org/v1/"
_DECIMAL: Final = re.compile(r"[1-9][0-9]?")
_SECRET_KEY: Final = "age-secret-key-"  # noqa: S105 - what one begins with
_PUBLIC_KEY: Final = "age"


class SealingKey(Protocol):
    """What wraps the key of a file and unwraps it again."""

    words: ClassVar[str]
    """What it is, for a message."""

    def wrap(self, file_key: bytes, entropy: Entropy) -> Stanza:
        """The stanza this key unwraps."""
        ...

    def unwrap(self, stanzas: tuple[Stanza, ...]) -> bytes | None:
        """The file key, or None when no stanza is for this key; raises ValueError for a malformed one."""
        ...


class Passphrase(msgspec.Struct, frozen=True):
    """Something a person knows, or reads from a file. log_work: what sealing with it costs."""

    secret: Secret
    log_work: int = LOG_WORK
    words: ClassVar[str] = "passphrase"

    def wrap(self, file_key: bytes, entropy: Entropy) -> Stanza:
        """As `SealingKey.wrap`; takes as long as an attempt to guess."""
        salt = entropy(_SALT_BYTES)
        body = _encrypted(self._stretched(salt, self.log_work), file_key)
        return Stanza((_SCRYPT, base64_of(salt), str(self.log_work)), body)

    def unwrap(self, stanzas: tuple[Stanza, ...]) -> bytes | None:
        """As `SealingKey.unwrap`; takes as long as an attempt to guess."""
        if all(stanza.kind != _SCRYPT for stanza in stanzas):
            return None
        # A passphrase stands alone, so that who knows it knows the file is from one who knows it too.
        if len(stanzas) != 1 or len(stanzas[0].arguments) != 3 or len(stanzas[0].body) != _WRAPPED_BYTES:
            raise ValueError("its passphrase stanza is malformed")
        _, salt, work = stanzas[0].arguments
        if not _DECIMAL.fullmatch(work) or len(unbase64(salt)) != _SALT_BYTES:
            raise ValueError("its passphrase stanza is malformed")
        if int(work) > MAX_LOG_WORK:
            raise ValueError(f"its passphrase asks for 2**{work} of work; at most 2**{MAX_LOG_WORK} is done")
        return _decrypted(self._stretched(unbase64(salt), int(work)), stanzas[0].body)

    def _stretched(self, salt: bytes, log_work: int) -> bytes:
        scrypt = Scrypt(_LABEL + b"scrypt" + salt, 32, 2**log_work, 8, 1)
        try:
            return scrypt.derive(self.secret.reveal().encode())
        except MemoryError:
            raise ValueError(f"its passphrase takes {2**log_work // 1024} MiB of memory to try") from None


class AgeKey(msgspec.Struct, frozen=True):
    """An X25519 key pair. private: whoever has it opens what is sealed with it."""

    private: X25519PrivateKey
    words: ClassVar[str] = "key"

    @classmethod
    def draw(cls, entropy: Entropy) -> "AgeKey":
        """A new one."""
        return cls(X25519PrivateKey.from_private_bytes(entropy(32)))

    @classmethod
    def parse(cls, text: str) -> "AgeKey":
        """The key that `AGE-SECRET-KEY-1...` spells; raises ValueError, which does not repeat it."""
        raw = bech32.decode(_SECRET_KEY, text)
        if len(raw) != 32:
            raise ValueError(f"it holds {len(raw)} bytes, not 32")
        return cls(X25519PrivateKey.from_private_bytes(raw))

    @property
    def text(self) -> Secret:
        """`AGE-SECRET-KEY-1...`, for the key file."""
        return Secret("key", bech32.encode(_SECRET_KEY, self.private.private_bytes_raw()).upper())

    @property
    def public(self) -> str:
        """`age1...`: with it one can seal and not open."""
        return bech32.encode(_PUBLIC_KEY, self._public_raw())

    def wrap(self, file_key: bytes, entropy: Entropy) -> Stanza:
        """As `SealingKey.wrap`."""
        ephemeral = X25519PrivateKey.from_private_bytes(entropy(32))
        share = ephemeral.public_key().public_bytes_raw()
        shared = ephemeral.exchange(self.private.public_key())
        return Stanza((_X25519, base64_of(share)), _encrypted(self._wrapping(shared, share), file_key))

    def unwrap(self, stanzas: tuple[Stanza, ...]) -> bytes | None:
        """As `SealingKey.unwrap`."""
        for stanza in stanzas:
            if stanza.kind == _X25519 and (file_key := self._unwrap(stanza)) is not None:
                return file_key
        return None

    def _unwrap(self, stanza: Stanza) -> bytes | None:
        if len(stanza.arguments) != 2 or len(stanza.body) != _WRAPPED_BYTES:
            raise ValueError("its key stanza is malformed")
        share = unbase64(stanza.arguments[1])
        try:
            shared = self.private.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError:  # not 32 bytes, or one that leads to a secret anybody knows
            raise ValueError("its key stanza is malformed") from None
        return _decrypted(self._wrapping(shared, share), stanza.body)

    def _wrapping(self, shared: bytes, share: bytes) -> bytes:
        return derived(shared, share + self._public_raw(), _LABEL + b"X25519")

    def _public_raw(self) -> bytes:
        return self.private.public_key().public_bytes_raw()


def _encrypted(key: bytes, file_key: bytes) -> bytes:
    # Each wrapping key is used once, so a fixed nonce is sound.
    return ChaCha20Poly1305(key).encrypt(bytes(12), file_key, None)


def _decrypted(key: bytes, wrapped: bytes) -> bytes | None:
    try:
        return ChaCha20Poly1305(key).decrypt(bytes(12), wrapped, None)
    except InvalidTag:
        return None
