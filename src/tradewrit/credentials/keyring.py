"""Which keys sign and verify, and until when; as values, and as a published key set (RFC 7517).

Rotation: a new key signs from now on; the old one signs nothing more and verifies for an overlap, so
that what it signed can live to its end. The overlap must be no shorter than the longest life of a token.
"""

from typing import Any, Final, Self

import msgspec

from tradewrit.credentials.encoding import decode
from tradewrit.credentials.keys import SigningKey, VerificationKey
from tradewrit.domain.market import SECOND
from tradewrit.domain.once import once
from tradewrit.errors import KeyMaterialError
from tradewrit.runtime.clock import Entropy

MAX_KEY_SET_BYTES: Final = 65_536


class PublicKey(msgspec.Struct, frozen=True):
    """A key that verifies; `until` (UTC ns) it is too late to, None while it is the signing one."""

    key: VerificationKey
    until: int | None = None

    def is_live(self, now: int) -> bool:
        """Whether it verifies at `now` (UTC ns)."""
        return self.until is None or now < self.until


class KeySet(msgspec.Struct, frozen=True):
    """All one needs to verify tokens offline. Key ids are distinct."""

    keys: tuple[PublicKey, ...]

    def find(self, kid: str, now: int) -> VerificationKey | None:
        """The key of that id, if it verifies at `now` (UTC ns)."""
        for held in self.keys:
            if held.key.kid == kid and held.is_live(now):
                return held.key
        return None

    def ends(self, now: int) -> tuple[int, ...]:
        """When the keys end that verify at `now` and not for ever (UTC ns)."""
        return tuple(held.until for held in self.keys if held.until is not None and held.is_live(now))

    def live(self, now: int) -> tuple[VerificationKey, ...]:
        """Every key that verifies at `now` (UTC ns)."""
        return tuple(held.key for held in self.keys if held.is_live(now))

    def jwks(self, now: int) -> bytes:
        """The live keys as a JWK Set; a retired one says when it ends (`exp`, a whole second)."""
        return msgspec.json.encode({"keys": [_jwk(held) for held in self.keys if held.is_live(now)]})

    @classmethod
    def read_jwks(cls, raw: bytes | str) -> Self:
        """The Ed25519 keys of a JWK Set; keys of other kinds or uses are passed over (RFC 7517, section 5).

        Raises KeyMaterialError when it is no key set, holds no key of ours, names one twice, or gives a
        key an id that is not its thumbprint (another key's tokens would be checked with it).
        """
        document = _parse(raw)
        found = tuple(_read(item) for item in document if _is_ours(item))
        if not found:
            raise KeyMaterialError("key set: it holds no Ed25519 signing key (kty OKP, crv Ed25519)")
        if len({held.key.kid for held in found}) != len(found):
            raise KeyMaterialError("key set: a key is named twice")
        return cls(found)


class Keyring(msgspec.Struct, frozen=True, dict=True):
    """The authority's keys: one signs, retired ones still verify."""

    signing: SigningKey
    retired: tuple[PublicKey, ...] = ()

    @once
    def key_set(self) -> KeySet:
        """What verifies, the signing key first."""
        return KeySet((PublicKey(self.signing.public), *self.retired))

    def rotated(self, entropy: Entropy, now: int, overlap_ns: int) -> "Keyring":
        """With a new signing key; the present one verifies until `now + overlap_ns` (UTC ns).

        Retired keys that have ended are dropped. Raises ValueError when the overlap is negative.
        """
        if overlap_ns < 0:
            raise ValueError(f"an overlap of {overlap_ns} ns would end the old key in the past")
        live = tuple(held for held in self.retired if held.is_live(now))
        return Keyring(SigningKey.draw(entropy), (PublicKey(self.signing.public, now + overlap_ns), *live))

    def without_overlap(self) -> "Keyring":
        """With the signing key alone: what retired keys signed verifies no more."""
        return Keyring(self.signing)


class _Document(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


def _jwk(held: PublicKey) -> dict[str, str | int]:
    if held.until is None:
        return held.key.jwk()
    return held.key.jwk() | {"exp": held.until // SECOND}


def _parse(raw: bytes | str) -> list[dict[str, Any]]:
    if len(raw) > MAX_KEY_SET_BYTES:
        raise KeyMaterialError(f"key set: {len(raw)} bytes; at most {MAX_KEY_SET_BYTES} are read")
    try:
        return msgspec.json.decode(raw, type=_Document).keys
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        raise KeyMaterialError('key set: not a JWK Set, {"keys": [...]}') from None


def _is_ours(item: dict[str, Any]) -> bool:
    return (
        item.get("kty") == "OKP"
        and item.get("crv") == "Ed25519"
        and item.get("use", "sig") == "sig"
        and item.get("alg", "EdDSA") == "EdDSA"
    )


def _read(item: dict[str, Any]) -> PublicKey:
    x, kid, until = item.get("x"), item.get("kid"), item.get("exp")
    try:
        key = VerificationKey(decode(x if isinstance(x, str) else ""))
    except ValueError:
        raise KeyMaterialError(f"key set: key {kid!r}: x is not 32 bytes of canonical base64url") from None
    if kid is not None and kid != key.kid:
        raise KeyMaterialError(f"key set: key {kid!r}: its id is not its thumbprint, {key.kid!r}")
    if until is not None and (type(until) is not int or until < 0):
        raise KeyMaterialError(f"key set: key {kid!r}: exp is not a whole number of seconds")
    return PublicKey(key, None if until is None else until * SECOND)
