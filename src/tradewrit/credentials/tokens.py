"""Tokens: claims, signed as a compact JWS (RFC 7515) with Ed25519 (RFC 8037); minted and verified.

A token has one spelling. What is not, byte for byte, what `mint` writes is refused even when its
signature is good: nothing reads two ways, no claim stands twice. Knows keys, a time and no storage, so
whether a token was revoked must be asked elsewhere.
"""

from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

from tradewrit.credentials.claims import (
    Claims,
    is_subject,
    is_token_id,
    proof_problem,
    scope_problem,
    time_problem,
    trading_problem,
)
from tradewrit.credentials.delegation import chain_problem
from tradewrit.credentials.encoding import decode, encode
from tradewrit.credentials.keyring import KeySet
from tradewrit.credentials.keys import SigningKey, VerificationKey
from tradewrit.domain.market import SECOND
from tradewrit.errors import TokenRefused

MAX_TOKEN_CHARS: Final = 16_384
"""Five hops with a handful of scopes need about 2,100."""

_SIGNATURE_SIZE: Final = 64


class Refusal(StrEnum):
    """Why a token was not accepted; for the audit trail, never for whoever presented it."""

    TOO_LARGE = "too large"
    MALFORMED = "malformed"
    NOT_CANONICAL = "not in canonical form"
    WRONG_ALGORITHM = "wrong algorithm"
    UNKNOWN_KEY = "unknown key"
    BAD_SIGNATURE = "bad signature"
    BAD_CLAIMS = "bad claims"
    BAD_SUBJECT = "bad subject"
    BAD_JTI = "bad jti"
    BAD_SCOPE = "bad scope"
    BAD_TIMES = "bad times"
    BAD_CONSTRAINTS = "bad trading constraints"
    BAD_CONFIRMATION = "bad confirmation"
    BAD_CHAIN = "bad delegation chain"
    WRONG_ISSUER = "wrong issuer"
    NOT_YET_VALID = "not yet valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    RENEWED = "renewed: a newer token is in its place"
    UNKNOWN = "not one that the store knows"


class TooLargeError(ValueError):
    """The claims make a token longer than anybody reads; fewer scopes, hops or constraints would do."""


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: str
    typ: str = ""
    kid: str = ""


_encode: Final = msgspec.json.Encoder().encode
_read_header: Final = msgspec.json.Decoder(_Header).decode
_read_claims: Final = msgspec.json.Decoder(Claims).decode


def mint(claims: Claims, signing: SigningKey) -> str:
    """The token that says `claims`.

    Raises ValueError for claims that `verify` would refuse for ever, TooLargeError when there are too many.
    """
    problem = _claims_problem(claims)
    if problem is not None:
        raise ValueError(f"these claims make no token: {problem}")
    signed = f"{_head(signing.kid)}.{encode(_encode(claims))}"
    token = f"{signed}.{encode(signing.sign(signed.encode('ascii')))}"
    if len(token) > MAX_TOKEN_CHARS:
        raise TooLargeError(
            f"the token would have {len(token)} characters, at most {MAX_TOKEN_CHARS} are read: "
            "ask for fewer scopes, or shorter lists of constraints"
        )
    return token


def verify(token: str, keys: KeySet, *, now: int, issuer: str = "") -> Claims:
    """The claims of a genuine token that is live at `now` (UTC ns); raises TokenRefused otherwise.

    issuer: who must have issued it; "" asks nothing.
    """
    claims = verify_genuine(token, keys, now=now, issuer=issuer)
    if now < claims.nbf * SECOND:
        raise TokenRefused(Refusal.NOT_YET_VALID)
    if now >= claims.exp * SECOND:
        raise TokenRefused(Refusal.EXPIRED)
    return claims


def verify_genuine(token: str, keys: KeySet, *, now: int, issuer: str = "") -> Claims:
    """As `verify`, for a token that may be expired or not yet valid: to release it, or to look at it."""
    claims = _signed_claims(token, keys, now)
    problem = _claims_problem(claims)
    if problem is not None:
        raise TokenRefused(problem)
    if (claims.delegation_chain or claims.chain_hash) and chain_problem(claims, keys.live(now)):
        raise TokenRefused(Refusal.BAD_CHAIN)
    if issuer and claims.iss != issuer:
        raise TokenRefused(Refusal.WRONG_ISSUER)
    return claims


def key_end(token: str, keys: KeySet) -> int | None:
    """When the key behind a genuine token ends (UTC ns), None while it is the signing one."""
    head = token.partition(".")[0]
    return next((held.until for held in keys.keys if _head(held.key.kid) == head), 0)


def _signed_claims(token: str, keys: KeySet, now: int) -> Claims:
    """Nothing of the payload is read before the signature over it is known to be good."""
    if len(token) > MAX_TOKEN_CHARS:
        raise TokenRefused(Refusal.TOO_LARGE)
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenRefused(Refusal.MALFORMED)
    try:
        payload, signature = decode(parts[1]), decode(parts[2])
        key = _key_that_heads(parts[0], keys, now) or _key_of(decode(parts[0]), keys, now)
    except ValueError:
        raise TokenRefused(Refusal.NOT_CANONICAL) from None
    signed = token[: -len(parts[2]) - 1]
    if len(signature) != _SIGNATURE_SIZE or not key.has_signed(signature, signed.encode("ascii")):
        raise TokenRefused(Refusal.BAD_SIGNATURE)
    try:
        claims = _read_claims(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise TokenRefused(Refusal.BAD_CLAIMS) from None
    if _encode(claims) != payload:
        raise TokenRefused(Refusal.NOT_CANONICAL)
    return claims


def _key_that_heads(head: str, keys: KeySet, now: int) -> VerificationKey | None:
    """The live key whose header this is, byte for byte: nothing has to be parsed."""
    for held in keys.keys:
        if _head(held.key.kid) == head and held.is_live(now):
            return held.key
    return None


def _key_of(raw: bytes, keys: KeySet, now: int) -> VerificationKey:
    try:
        header = _read_header(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise TokenRefused(Refusal.MALFORMED) from None
    if header.alg != "EdDSA":
        raise TokenRefused(Refusal.WRONG_ALGORITHM)
    key = keys.find(header.kid, now)
    if key is None:
        raise TokenRefused(Refusal.UNKNOWN_KEY)
    if raw != _header(key.kid):
        raise TokenRefused(Refusal.NOT_CANONICAL)
    return key


@lru_cache(maxsize=256)
def _head(kid: str) -> str:
    """The first part of every token that this key signs."""
    return encode(_header(kid))


def _header(kid: str) -> bytes:
    return f'{{"alg":"EdDSA","typ":"JWT","kid":"{kid}"}}'.encode("ascii")


def _claims_problem(claims: Claims) -> Refusal | None:
    if not is_subject(claims.sub):
        return Refusal.BAD_SUBJECT
    if not is_token_id(claims.jti):
        return Refusal.BAD_JTI
    if scope_problem(claims.scope):
        return Refusal.BAD_SCOPE
    if time_problem(claims):
        return Refusal.BAD_TIMES
    if trading_problem(claims):
        return Refusal.BAD_CONSTRAINTS
    if proof_problem(claims):
        return Refusal.BAD_CONFIRMATION
    return None
