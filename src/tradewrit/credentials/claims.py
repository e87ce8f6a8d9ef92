"""What a token says. The order of the fields is the order of the claims in its bytes."""

import re
from decimal import Decimal
from typing import Final

import msgspec

from tradewrit.domain.constraints import AMOUNTS, UNRESTRICTED, Constraints
from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import Scope
from tradewrit.runtime.clock import Entropy

LAST_SECOND: Final = 253_402_300_799
"""The last second of the year 9999, the latest time a claim may name."""

_MOST_DIGITS: Final = 20
_WHOLE: Final = Decimal(1)
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}")
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


class Confirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose key must be proven with the token (RFC 7800). jkt: its thumbprint (RFC 7638)."""

    jkt: str


class Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of a token. Times are whole seconds since 1970, UTC; `exp` itself is too late.

    A new claim goes to the end, with a default that says "not restricted": it is then absent from
    tokens that do not use it, and a verifier that does not know it refuses those that do.

    iss: the issuer, "" when none is configured. sub: a SPIFFE id, `app:<id>` or `admin:<operator>`.
    aud: absent when empty. jti: 32 hex characters. delegation_chain: the root first.
    trading: what the holder may trade, absent when it is not restricted; its numbers are plain decimal
    texts. cnf: absent when bearing the token is enough. protective: true for the writ that outlives the
    kill switch; it then is `reduce_only`.
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
    trading: Constraints | None = None
    cnf: Confirmation | None = None
    protective: bool = False

    @property
    def constraints(self) -> Constraints:
        """What the holder may trade, unrestricted when the token says nothing."""
        return UNRESTRICTED if self.trading is None else self.trading


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


def trading_claim(constraints: Constraints) -> Constraints | None:
    """The constraints as they stand in a token, each number in its one spelling; None for none.

    Raises ValueError for a number with more than 20 digits before or after the point.
    """
    amounts = {name: _plain(name, getattr(constraints, name)) for name in AMOUNTS}
    spelt = msgspec.structs.replace(constraints, **amounts)
    return None if spelt == UNRESTRICTED else spelt


def trading_problem(claims: Claims) -> str:
    """What is wrong with the constraints of a token, "" when nothing is."""
    if claims.protective and not claims.constraints.reduce_only:
        return "a protective writ must be reduce-only"
    if claims.trading is None:
        return ""
    if claims.trading == UNRESTRICTED:
        return "constraints that restrict nothing are left out"
    try:
        for name in AMOUNTS:
            amount = getattr(claims.trading, name)
            plain = None if amount is None else _plain(name, amount)
            # As text: 1.0 and 1 are equal, and are two spellings.
            if plain is not amount and str(plain) != str(amount):
                return "constraints in another spelling than ours"
    except ValueError as error:
        return str(error)
    return ""


def proof_problem(claims: Claims) -> str:
    """What is wrong with the key that a token names, "" when nothing is."""
    if claims.cnf is None or _THUMBPRINT.fullmatch(claims.cnf.jkt):
        return ""
    return "cnf names no thumbprint of a key"


def _plain(name: str, amount: Decimal | int | None) -> Decimal | int | None:
    """Without exponent and trailing zeros; exact, whatever the precision of the context."""
    if not isinstance(amount, Decimal):
        return amount
    if not amount:
        return Decimal(0)
    if amount.same_quantum(_WHOLE) and amount.adjusted() <= _MOST_DIGITS:  # nearly always, and plain already
        return amount
    # Before it is written out: 1E+999999 is a megabyte.
    text = f"{amount:f}" if abs(amount.adjusted()) <= _MOST_DIGITS else ""
    if not 0 < len(text) <= 2 * _MOST_DIGITS:
        raise ValueError(f"{name} has more than {_MOST_DIGITS} digits before or after the point")
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


def time_problem(claims: Claims) -> str:
    """What is wrong with the times of a token, "" when nothing is; whether it is live is not asked."""
    if 0 <= claims.iat <= LAST_SECOND and 0 <= claims.nbf < claims.exp <= LAST_SECOND:
        return ""
    for name, at in (("iat", claims.iat), ("nbf", claims.nbf), ("exp", claims.exp)):
        if not 0 <= at <= LAST_SECOND:
            return f"{name} {at} is not a second between 1970 and the year 9999"
    return f"exp {claims.exp} is not after nbf {claims.nbf}: the token would never be valid"
