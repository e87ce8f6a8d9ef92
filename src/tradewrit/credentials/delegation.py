"""Passing a part of one's permission on: who may, for how long, and the chain that proves it.

Nothing widens at a hop: the scopes are a subset of the delegator's, the end is no later than its end, and
the constraints are its own and those of the hop together.
"""

import hashlib
from enum import StrEnum
from typing import Final

import msgspec

from tradewrit.credentials.claims import Claims, Confirmation, DelegationRecord, scope_problem, trading_claim
from tradewrit.credentials.keys import SigningKey, VerificationKey
from tradewrit.credentials.records import Agent
from tradewrit.domain.constraints import UNRESTRICTED, Constraints, both
from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import is_subset
from tradewrit.domain.times import iso, parse_iso

MAX_DEPTH: Final = 5
"""Hops from the root's own token."""

DEFAULT_TTL_S: Final = 60

_encode: Final = msgspec.json.Encoder().encode


class DelegationRefusal(StrEnum):
    """Why a permission is not passed on; the value is the sentence the delegator is told."""

    BAD_SCOPE = "delegated scope is malformed"
    EXCEEDS_SCOPE = "delegated scope exceeds delegator scope"
    TOO_DEEP = "delegation depth limit exceeded"
    ENDED = "delegator token has no life left"


def delegate(
    delegator: Claims,
    to: Agent,
    scope: tuple[str, ...],
    signing: SigningKey,
    *,
    jti: str,
    ttl_s: int,
    now: int,
    constraints: Constraints = UNRESTRICTED,
) -> Claims | DelegationRefusal:
    """What the delegate's token says; the delegator's has been verified at `now` (UTC ns).

    ttl_s: seconds, at least one, cut to what is left of the delegator's. constraints: of this hop.
    The delegate has to prove its key where the delegator has to, and where it was registered so.
    Raises ValueError for a number no token can hold.
    """
    if ttl_s < 1:
        raise ValueError(f"a delegated token must live at least a second, not {ttl_s}")
    if scope_problem(scope):
        return DelegationRefusal.BAD_SCOPE
    if not is_subset(scope, delegator.scope):
        return DelegationRefusal.EXCEEDS_SCOPE
    if len(delegator.delegation_chain) >= MAX_DEPTH:
        return DelegationRefusal.TOO_DEEP
    issued = now // SECOND
    if issued >= delegator.exp:
        return DelegationRefusal.ENDED
    chain = (*delegator.delegation_chain, sign_record(delegator.sub, delegator.scope, now, signing))
    return msgspec.structs.replace(
        delegator,
        sub=to.agent_id,
        exp=min(issued + ttl_s, delegator.exp),
        nbf=issued,
        iat=issued,
        jti=jti,
        scope=scope,
        delegation_chain=chain,
        chain_hash=chain_hash(chain),
        trading=trading_claim(both(delegator.constraints, constraints)),
        cnf=Confirmation(to.kid) if to.is_proof_needed or delegator.cnf is not None else None,
    )


def sign_record(agent: str, scope: tuple[str, ...], now: int, signing: SigningKey) -> DelegationRecord:
    """The authority's word that `agent`, holding `scope`, passed on a part of it at `now` (UTC ns)."""
    unsigned = DelegationRecord(agent, scope, iso(now), "")
    return msgspec.structs.replace(unsigned, signature=signing.sign(_signed_text(unsigned)).hex())


def chain_hash(chain: tuple[DelegationRecord, ...]) -> str:
    """SHA-256 in hex over the records as a JSON array without white space."""
    return hashlib.sha256(_encode(chain)).hexdigest()


def chain_problem(claims: Claims, keys: tuple[VerificationKey, ...]) -> str:
    """What is wrong with the chain of a token, "" when nothing is; a token of a root has none.

    keys: those that verify now. A record does not say which one signed it.
    """
    chain = claims.delegation_chain
    if not chain:
        return "a hash without a chain" if claims.chain_hash else ""
    if len(chain) > MAX_DEPTH:
        return f"{len(chain)} hops"
    if claims.chain_hash != chain_hash(chain):
        return "the chain does not match its hash"
    held = [record.scope for record in chain]
    for hop, (record, passed_on) in enumerate(zip(chain, [*held[1:], claims.scope], strict=True), start=1):
        if problem := _record_problem(record, passed_on, keys):
            return f"hop {hop}: {problem}"
    times = [parse_iso(record.delegated_at) for record in chain]
    return "" if times == sorted(times) else "a hop is earlier than the one before"


def _record_problem(
    record: DelegationRecord, passed_on: tuple[str, ...], keys: tuple[VerificationKey, ...]
) -> str:
    if problem := scope_problem(record.scope):
        return problem
    if not is_subset(passed_on, record.scope):
        return "it passed on more than it held"
    try:
        signature = bytes.fromhex(record.signature)
        canonical = iso(parse_iso(record.delegated_at)) == record.delegated_at
    except ValueError:
        return "unreadable signature or time"
    if signature.hex() != record.signature or not canonical:
        return "signature or time in another spelling than ours"
    text = _signed_text(record)
    return "" if any(key.has_signed(signature, text) for key in keys) else "the authority did not sign it"


def _signed_text(record: DelegationRecord) -> bytes:
    """Unambiguous because neither an agent's id nor a scope of a token holds `|` or `,`."""
    return f"{record.agent}|{','.join(record.scope)}|{record.delegated_at}".encode()
