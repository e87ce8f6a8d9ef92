"""What the holder of a token can do with it: renew it, pass on a part of it, give it up."""

from typing import Final

import msgspec

from tradewrit.credentials.agreement import DEAD_BEFORE
from tradewrit.credentials.apps import checked_constraints
from tradewrit.credentials.audit import AuditEvent, EventType
from tradewrit.credentials.change import Change
from tradewrit.credentials.claims import Claims, draw_token_id, renewed
from tradewrit.credentials.context import Context, denied, refusal_event
from tradewrit.credentials.delegation import DEFAULT_TTL_S, DelegationRefusal, delegate
from tradewrit.credentials.gate import Gate, about, note_reuse
from tradewrit.credentials.identity import AgentId
from tradewrit.credentials.issuing import KILLED, entered, is_killed
from tradewrit.credentials.names import app_of_subject, is_operator_subject
from tradewrit.credentials.records import Agent, Standing
from tradewrit.credentials.refusals import Code, invalid, unverified
from tradewrit.credentials.requests import Bearer, DelegationRequest, Issued
from tradewrit.credentials.standing import REPLACES
from tradewrit.domain.constraints import both
from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import is_subset
from tradewrit.errors import CredentialRefused

_RENEWAL: Final = EventType.TOKEN_RENEWAL_FAILED
_ATTENUATION: Final = EventType.DELEGATION_ATTENUATION_VIOLATION


def renew(context: Context, gate: Gate, presented: Bearer | str) -> Issued:
    """See `Authority.renew`."""
    claims = gate.admit(presented)

    def act(change: Change, now: int) -> Issued | CredentialRefused:
        refusal = _no_longer_live(context, change, now, claims, _RENEWAL)
        if refusal is not None:
            return refusal
        by_person = is_operator_subject(claims.sub)
        is_spared = claims.protective or _is_protectors(change, claims)
        if is_killed(change, is_protective=is_spared, by_person=by_person):
            return denied(change, now, _RENEWAL, Code.KILLED, KILLED, **about(claims))
        successor = _successor(context, change, now, claims)
        if successor is None:
            change.record(refusal_event(now, _RENEWAL, "its total life is over", **about(claims)))
            return unverified()
        if not change.renew(claims.jti, successor.jti, expires_at=successor.exp * SECOND):
            return note_reuse(context, change, now, claims)
        change.record(
            AuditEvent(
                type=EventType.TOKEN_RENEWED, at=now, detail=f"{REPLACES}{claims.jti}", **about(successor)
            )
        )
        return Issued(token=context.mint(successor), claims=successor)

    return context.decide(act)


def _is_protectors(change: Change, claims: Claims) -> bool:
    """Whether it is the own token of an app that launches protective writs, as it may while killed."""
    app = change.app(app_of_subject(claims.sub) or "")
    return app is not None and app.is_protector


def release(context: Context, gate: Gate, presented: Bearer | str) -> None:
    """See `Authority.release`."""
    claims, standing = gate.admit_dead(presented)

    def act(change: Change, now: int) -> None:
        is_live = change.release(claims.jti)
        detail = "" if is_live else f"{DEAD_BEFORE}: {standing}"
        change.record(AuditEvent(type=EventType.TOKEN_RELEASED, at=now, detail=detail, **about(claims)))

    context.decide(act)


def pass_on(context: Context, gate: Gate, presented: Bearer | str, asked: DelegationRequest) -> Issued:
    """See `Authority.delegate`."""
    claims = gate.admit(presented)
    if not asked.to or not asked.scope:
        raise invalid("delegate_to and scope are required")
    asked = msgspec.structs.replace(asked, constraints=checked_constraints(asked.constraints))

    def act(change: Change, now: int) -> Issued | CredentialRefused:
        refusal = _no_longer_live(context, change, now, claims, EventType.TOKEN_AUTH_FAILED)
        if refusal is not None:
            return refusal
        if is_killed(change, is_protective=claims.protective):
            return denied(change, now, _ATTENUATION, Code.KILLED, KILLED, **about(claims))
        delegate = _delegate(change, now, claims, asked)
        if isinstance(delegate, CredentialRefused):
            return delegate
        return _passed_on(context, change, now, claims, delegate, asked)

    return context.decide(act)


def _no_longer_live(
    context: Context, change: Change, now: int, claims: Claims, what: EventType
) -> CredentialRefused | None:
    """What happened to the token since it was admitted; nobody else writes any more."""
    standing = change.standing(claims.jti)
    if standing == Standing.LIVE:
        return None
    if standing == Standing.RENEWED:
        return note_reuse(context, change, now, claims)
    change.record(refusal_event(now, what, f"{standing} meanwhile", **about(claims)))
    return unverified()


def _successor(context: Context, change: Change, now: int, claims: Claims) -> Claims | None:
    token = change.token(claims.jti)
    if token is None:
        return None
    return renewed(
        claims, jti=draw_token_id(context.entropy), now=now, not_after=token.family_ends_at // SECOND
    )


def _delegate(
    change: Change, now: int, claims: Claims, asked: DelegationRequest
) -> Agent | CredentialRefused:
    """The agent to which a permission may be passed on, within the ceiling of its own app."""
    if not AgentId.is_one(claims.sub):
        return denied(
            change, now, _ATTENUATION, Code.FORBIDDEN, "only an agent can delegate", **about(claims)
        )
    agent = change.agent(asked.to)
    if agent is None:
        return denied(
            change, now, _ATTENUATION, Code.NOT_FOUND, "delegate is not registered", **about(claims)
        )
    if agent.revoked_at is not None:
        return denied(change, now, _ATTENUATION, Code.FORBIDDEN, "delegate was revoked", **about(claims))
    return agent


def _passed_on(
    context: Context, change: Change, now: int, claims: Claims, to: Agent, asked: DelegationRequest
) -> Issued | CredentialRefused:
    app = change.app(to.app_id)
    if claims.protective and app is not None and not app.is_protector:
        detail = "the delegate's app may hold no protective writs"
        return denied(change, now, _ATTENUATION, Code.FORBIDDEN, detail, **about(claims))
    constraints = asked.constraints if app is None else both(app.constraints, asked.constraints)
    passed_on = delegate(
        claims,
        to,
        asked.scope,
        context.keys.current().signing,
        jti=draw_token_id(context.entropy),
        ttl_s=asked.ttl_s if asked.ttl_s is not None and asked.ttl_s > 0 else DEFAULT_TTL_S,
        now=now,
        constraints=constraints,
    )
    if isinstance(passed_on, DelegationRefusal):
        return _no_delegation(change, now, claims, passed_on.value)
    if app is not None and not is_subset(passed_on.scope, app.scopes):
        return _no_delegation(
            change, now, claims, "delegated scope exceeds the ceiling of the delegate's app"
        )
    issued = entered(context, change, passed_on, app_id=to.app_id, parent=claims.jti)
    if issued is None:
        return denied(
            change, now, _ATTENUATION, Code.FORBIDDEN, "delegate's app was removed", **about(claims)
        )
    change.record(
        AuditEvent(
            type=EventType.DELEGATION_CREATED,
            at=now,
            app_id=to.app_id,
            by=claims.sub,
            resource=",".join(passed_on.scope),
            deleg_depth=len(passed_on.delegation_chain),
            deleg_chain_hash=passed_on.chain_hash,
            **about(passed_on),
        )
    )
    return issued


def _no_delegation(change: Change, now: int, claims: Claims, detail: str) -> CredentialRefused:
    return denied(change, now, _ATTENUATION, Code.SCOPE_VIOLATION, detail, **about(claims))
