"""Ending permissions before their time: by name, or all of them at once with the kill switch."""

import msgspec

from tradewrit.credentials.agreement import REARMED, TOTAL
from tradewrit.credentials.audit import AuditEvent, EventType
from tradewrit.credentials.change import Change
from tradewrit.credentials.claims import is_subject, is_token_id
from tradewrit.credentials.context import Context, denied
from tradewrit.credentials.identity import MAX_LENGTH, AgentId
from tradewrit.credentials.names import app_of_subject, shown
from tradewrit.credentials.records import KillState, Level
from tradewrit.credentials.refusals import Code, invalid
from tradewrit.credentials.requests import Revocation
from tradewrit.credentials.standing import FAMILY
from tradewrit.credentials.winding_down import checked_grace, end_protection, record_kill, settle
from tradewrit.errors import CredentialRefused


def revoke(context: Context, level: str, target: str, *, by: str, including_protection: bool) -> Revocation:
    """See `Authority.revoke`."""
    named = _checked_level(level, target)

    def act(change: Change, now: int) -> Revocation:
        ended = change.revoke(named, target, including_protection=including_protection)
        change.record(
            AuditEvent(
                type=EventType.TOKEN_REVOKED,
                at=now,
                agent_id=target if named in {Level.AGENT, Level.CHAIN} else "",
                task_id=target if named == Level.TASK else "",
                app_id=target if named == Level.APP else "",
                token_id=target if named == Level.TOKEN else "",
                by=shown(by),
                resource=named.value,
                detail=_detail(named, target, ended, including_protection=including_protection),
            )
        )
        return Revocation(level=named, target=target)

    return context.decide(act)


def kill(
    context: Context, *, by: str, reason: str, including_protection: bool, grace_s: int | None
) -> KillState:
    """See `Authority.kill`."""
    grace = checked_grace(context, grace_s)

    def act(change: Change, now: int) -> KillState:
        state = change.kill_state() or KillState(killed_at=now, by=shown(by), reason=shown(reason))
        if not state.reason:
            state = msgspec.structs.replace(state, reason=shown(reason))
        change.revoke(Level.ALL)
        if including_protection:
            return end_protection(change, now, state, grace, by=by, reason=reason)
        change.set_kill_state(state)
        record_kill(change, now, _protection(is_included=False), by=by, reason=reason)
        return state

    return context.decide(act)


def rearm(context: Context, *, by: str) -> None:
    """See `Authority.rearm`."""

    def act(change: Change, now: int) -> CredentialRefused | None:
        what = EventType.KILL_SWITCH
        if AgentId.is_one(by) or app_of_subject(by) is not None:
            return denied(change, now, what, Code.FORBIDDEN, "only a person can re-arm", by=shown(by))
        state = change.kill_state()
        if state is None:
            return denied(change, now, what, Code.INVALID_REQUEST, "the kill switch is not on", by=shown(by))
        settle(change, now, state, by=by)
        change.set_kill_state(None)
        change.record(AuditEvent(type=what, at=now, by=shown(by), detail=REARMED))
        return None

    context.decide(act)


def _checked_level(level: str, target: str) -> Level:
    if not level or (not target and level != Level.ALL):
        raise invalid("level and target are required")
    try:
        named = Level(level)
    except ValueError:
        raise invalid(f"invalid revocation level: {shown(level)}") from None
    if target and (len(target) > MAX_LENGTH or not is_subject(target)):
        raise invalid("target must be printable ASCII without blanks")
    # A whole token given by mistake would revoke nothing, and stand in the audit trail.
    if named == Level.TOKEN and not is_token_id(target):
        raise invalid("target must be the token's id, its jti: 32 lower-case hex characters")
    return named


def _detail(level: Level, target: str, ended: str, *, including_protection: bool) -> str:
    if level == Level.ALL:
        return _protection(is_included=including_protection)
    return f"{FAMILY}{ended}" if level == Level.TOKEN and ended != target else ""


def _protection(*, is_included: bool) -> str:
    return TOTAL if is_included else "protective writs spared"
