"""Ed25519 keys and their names. Knows no file and no token."""

import hashlib
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tradewrit.credentials.encoding import encode
from tradewrit.runtime.clock import Entropy

KEY_SIZE: Final = 32
"""Bytes of a raw public key, and of the seed of a private one."""


def thumbprint(raw: bytes) -> str:
    """The key id of a raw Ed25519 public key: RFC 7638 over its OKP members, as RFC 8037 (A.3) shows."""
    jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{encode(raw)}"}}'
    return encode(hashlib.sha256(jwk.encode("ascii")).digest())


class VerificationKey:
    """A public key. kid: its thumbprint; raw: its 32 bytes."""

    def __init__(self, raw: bytes) -> None:
        """Raises ValueError unless `raw` has the 32 bytes of an Ed25519 public key."""
        self._key = Ed25519PublicKey.from_public_bytes(raw)
        self.raw: Final = raw
        self.kid: Final = thumbprint(raw)

    def has_signed(self, signature: bytes, data: bytes) -> bool:
        """Whether `signature` is this key's over `data`."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def jwk(self) -> dict[str, str | int]:
        """The public key as a JSON Web Key (RFC 8037, section 2)."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": encode(self.raw),
            "kid": self.kid,
            "use": "sig",
            "alg": "EdDSA",
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerificationKey) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"VerificationKey(kid={self.kid!r})"


class SigningKey:
    """A private key. It prints as its id, never as itself."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public: Final = VerificationKey(private.public_key().public_bytes_raw())

    @classmethod
    def draw(cls, entropy: Entropy) -> Self:
        """A new key."""
        return cls(Ed25519PrivateKey.from_private_bytes(entropy(KEY_SIZE)))

    @property
    def kid(self) -> str:
        """The id of its public half."""
        return self.public.kid

    @property
    def private(self) -> Ed25519PrivateKey:
        """What the key file keeps."""
        return self._private

    def sign(self, data: bytes) -> bytes:
        """64 bytes; the same for the same data (RFC 8032 draws nothing)."""
        return self._private.sign(data)

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.kid!r})"
