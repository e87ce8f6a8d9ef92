"""What a token says. The order of the fields is the order of the claims in its bytes."""

import re
from typing import Final

import msgspec

from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import Scope
from tradewrit.runtime.clock import Entropy

LAST_SECOND: Final = 253_402_300_799
"""The last second of the year 9999, the latest time a claim may name."""

_TOKEN_ID: Final = re.compile(r"[0-9a-f]{32}")
# Printable ASCII without the two characters that join agent and scopes in what a delegation record signs.
_PLAIN: Final = re.compile(r"[!-+\--{}~]+")


class DelegationRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One hop, as the authority witnessed it.

    agent: the SPIFFE id of who passed its permission on; scope: what it held itself;
    delegated_at: ISO-8601, UTC; signature: hex, by the authority.
    """

    agent: str
    scope: tuple[str, ...]
    delegated_at: str
    signature: str


class Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of a token. Times are whole seconds since 1970, UTC; `exp` itself is too late.

    A new claim goes to the end, with a default that says "not restricted": it is then absent from
    tokens that do not use it, and a verifier that does not know it refuses those that do.

    iss: the issuer, "" when none is configured. sub: a SPIFFE id, `app:<id>` or `admin`.
    aud: absent when empty. jti: 32 hex characters. delegation_chain: the root first.
    """

    iss: str
    sub: str
    aud: tuple[str, ...] = ()
    exp: int
    nbf: int
    iat: int
    jti: str
    scope: tuple[str, ...]
    task_id: str
    orch_id: str
    delegation_chain: tuple[DelegationRecord, ...] = ()
    chain_hash: str = ""


def renewed(claims: Claims, *, jti: str, now: int, not_after: int) -> Claims | None:
    """The successor of a token: all it said, for as long as it was good for, from `now` (UTC ns).

    not_after: the second its end is cut to: the cap on the life of its family, for a delegated token also
    the end of its delegator. None when no second is left.
    """
    issued = now // SECOND
    end = min(issued + claims.exp - claims.iat, not_after)
    if end <= issued:
        return None
    return msgspec.structs.replace(claims, exp=end, nbf=issued, iat=issued, jti=jti)


def draw_token_id(entropy: Entropy) -> str:
    """A new `jti`."""
    return entropy(16).hex()


def is_token_id(text: str) -> bool:
    """Whether this is a `jti` of ours."""
    return _TOKEN_ID.fullmatch(text) is not None


def is_subject(text: str) -> bool:
    """Whether this may stand as `sub`: not empty, printable ASCII, no blank, no `,` and no `|`."""
    return _PLAIN.fullmatch(text) is not None


def scope_problem(scopes: tuple[str, ...]) -> str:
    """What is wrong with the scopes of a token, "" when nothing is.

    Beyond `Scope.parse`: printable ASCII without blanks, so that no two scopes look alike, and neither
    `,` nor `|`, so that the signed text of a delegation record reads one way only.
    """
    if not scopes:
        return "no scope is named"
    for text in scopes:
        if not _PLAIN.fullmatch(text):
            return f"scope {text[:80]!r} may hold printable ASCII only, and no blank, comma or |"
        try:
            Scope.parse(text)
        except ValueError as error:
            return str(error)
    return ""


def time_problem(claims: Claims) -> str:
    """What is wrong with the times of a token, "" when nothing is; whether it is live is not asked."""
    for name, at in (("iat", claims.iat), ("nbf", claims.nbf), ("exp", claims.exp)):
        if not 0 <= at <= LAST_SECOND:
            return f"{name} {at} is not a second between 1970 and the year 9999"
    if claims.exp <= claims.nbf:
        return f"exp {claims.exp} is not after nbf {claims.nbf}: the token would never be valid"
    return ""
