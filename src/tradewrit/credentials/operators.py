"""Operators: the people who administer over HTTP, each under a name of their own.

A secret is `op-<name>-<64 hex>`: one text, as the protocol has it, that says whose it is.
"""

import re
from typing import Final

from tradewrit.credentials.audit import AuditEvent, EventType
from tradewrit.credentials.change import Change
from tradewrit.credentials.context import Context, denied
from tradewrit.credentials.gate import Gate, about
from tradewrit.credentials.issuing import entered, new_claims
from tradewrit.credentials.names import checked_name, is_operator_subject, operator_subject
from tradewrit.credentials.passwords import hash_password, verify_password
from tradewrit.credentials.records import Level, Operator
from tradewrit.credentials.refusals import Code, invalid
from tradewrit.credentials.requests import Issued, OperatorCredentials
from tradewrit.errors import CredentialRefused

ADMIN_SCOPES: Final = ("admin:launch-tokens:*", "admin:revoke:*", "admin:audit:*")
"""What an operator's token is good for, unless it is to prove a name only."""
PROOF_SCOPES: Final = ("prove:operator:self",)
"""What it is good for then: nothing that anybody asks for, but to be spent."""

_SECRET: Final = re.compile(r"op-([a-z][a-z0-9-]{1,63})-[0-9a-f]{64}")
_FAILED: Final = EventType.ADMIN_AUTH_FAILED


def add(context: Context, name: str, *, by: str) -> OperatorCredentials:
    """See `Authority.add_operator`."""
    checked_name(name)
    secret = f"op-{name}-{context.entropy(32).hex()}"
    operator = Operator(
        name=name, secret_hash=hash_password(secret, context.entropy), created_at=context.clock.now()
    )

    def act(change: Change, now: int) -> OperatorCredentials | CredentialRefused:
        what = EventType.OPERATOR_ADDED
        if not change.add_operator(operator):
            return denied(change, now, what, Code.CONFLICT, f"an operator named {name!r} exists", by=by)
        change.record(AuditEvent(type=what, at=now, agent_id=operator_subject(name), by=by))
        return OperatorCredentials(name=name, secret=secret)

    return context.decide(act)


def remove(context: Context, name: str, *, by: str) -> None:
    """See `Authority.remove_operator`."""

    def act(change: Change, now: int) -> CredentialRefused | None:
        what = EventType.OPERATOR_REMOVED
        if not change.remove_operator(name):
            return denied(change, now, what, Code.NOT_FOUND, "no such operator", by=by)
        change.revoke(Level.AGENT, operator_subject(name))
        change.record(AuditEvent(type=what, at=now, agent_id=operator_subject(name), by=by))
        return None

    context.decide(act)


def token(context: Context, secret: str, *, proves_only: bool = False) -> Issued:
    """See `Authority.operator_token`."""
    if not secret:
        raise invalid("secret is required")
    form = _SECRET.fullmatch(secret)
    name = "" if form is None else form[1]
    operator = context.store.operator(name)
    with context.hashing:
        is_right = verify_password(secret, None if operator is None else operator.secret_hash)

    def act(change: Change, now: int) -> Issued | CredentialRefused:
        # The same operator still: it may have been removed, or removed and added again, meanwhile.
        if operator is None or not is_right or change.operator(name) != operator:
            why = "wrong secret" if operator else "unknown operator"
            return denied(change, now, _FAILED, Code.UNAUTHORIZED, "invalid credentials", why=why)
        claims = new_claims(
            context,
            now,
            sub=operator_subject(name),
            ttl_s=context.terms.operator_token_ttl_s,
            scope=PROOF_SCOPES if proves_only else ADMIN_SCOPES,
        )
        issued = entered(context, change, claims)
        if issued is None:
            return denied(change, now, _FAILED, Code.UNAUTHORIZED, "invalid credentials", why="not issued")
        change.record(AuditEvent(type=EventType.ADMIN_AUTH, at=now, agent_id=claims.sub, token_id=claims.jti))
        return issued

    return context.decide(act)


def spend(context: Context, gate: Gate, token: str) -> str:
    """See `Authority.spend_operator_token`."""
    claims = gate.admit(token)

    def act(change: Change, now: int) -> str | CredentialRefused:
        if not is_operator_subject(claims.sub) or claims.scope != PROOF_SCOPES:
            return denied(
                change, now, _FAILED, Code.FORBIDDEN, "not an operator's proof of a name", **about(claims)
            )
        if not change.release(claims.jti):  # somebody else was faster
            return denied(change, now, _FAILED, Code.UNAUTHORIZED, "it has counted already", **about(claims))
        change.record(AuditEvent(type=EventType.TOKEN_RELEASED, at=now, **about(claims)))
        return claims.sub.removeprefix(operator_subject(""))

    return context.decide(act)
