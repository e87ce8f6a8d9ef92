"""The kill switch ends protection too: when the desks have cancelled their entries, or their time is over.

A cancel goes out under the protective writ, so that one is spared until each desk that holds one has said
that none of its entries works any more, or until a deadline. Nothing is issued or renewed meanwhile. The
deadline is kept with the switch and judged at each use of a token: no timer has to run.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from tradewrit.credentials.agreement import OVER, TOTAL, UNTIL
from tradewrit.credentials.audit import AuditEvent, EventType
from tradewrit.credentials.change import Change
from tradewrit.credentials.claims import Claims
from tradewrit.credentials.context import Context, denied, refusal_event
from tradewrit.credentials.gate import Gate, about
from tradewrit.credentials.names import shown
from tradewrit.credentials.records import Agent, DeskAnswer, KillState, Level, Standing
from tradewrit.credentials.refusals import Code, invalid, unverified
from tradewrit.credentials.requests import Bearer
from tradewrit.credentials.settings import MAX_KILL_GRACE_S
from tradewrit.credentials.standing import FAMILY
from tradewrit.domain.market import SECOND
from tradewrit.domain.times import iso
from tradewrit.errors import CredentialRefused

MOST_ORDERS: Final = 10_000
LONGEST_ID: Final = 64
"""Of what a desk may name in one answer."""

_ANSWER: Final = EventType.KILL_ANSWERED
_ALL_SAID: Final = "every desk has cancelled its entries"
_TIME_OVER: Final = "the time to cancel entries was over"


def checked_grace(context: Context, grace_s: int | None) -> int:
    """The grace of a kill in ns; refused as invalid_request when it is none."""
    grace_s = context.terms.kill_grace_s if grace_s is None else grace_s
    if not 0 <= grace_s <= MAX_KILL_GRACE_S:
        raise invalid(f"grace_s must be 0 to {MAX_KILL_GRACE_S} seconds, not {grace_s}")
    return grace_s * SECOND


def end_protection(
    change: Change, now: int, state: KillState, grace: int, *, by: str, reason: str
) -> KillState:
    """The kill switch with the end of protective writs: now, where there is no desk to wait for.

    It is never put off: what was decided before holds if it is earlier. grace: ns.
    """
    change.ask_desks()
    ends_at = now + grace if _awaited(change) else now
    if state.protection_ends_at is not None:
        ends_at = min(ends_at, state.protection_ends_at)
    state = msgspec.structs.replace(state, protection_ends_at=ends_at)
    if state.is_over(now):
        return _ended(change, now, state, TOTAL, by=by, reason=reason)
    change.set_kill_state(state)
    record_kill(change, now, f"{UNTIL}{iso(ends_at)}", by=by, reason=reason)
    return state


def settle(change: Change, now: int, state: KillState, *, by: str) -> None:
    """Before the switch is put back: protective writs whose time was over are dead for good."""
    if state.is_over(now) and _awaited(change):
        _ended(change, now, state, OVER, by=by, reason=_TIME_OVER)


def record_kill(change: Change, now: int, what: str, *, by: str, reason: str) -> None:
    """The event of a kill. what: what becomes of protective writs."""
    detail = f"killed, {what}{': ' if reason else ''}{shown(reason)}"
    change.record(AuditEvent(type=EventType.KILL_SWITCH, at=now, by=shown(by), detail=detail))


def answer(
    context: Context,
    gate: Gate,
    presented: Bearer | str,
    cancelled: Sequence[str],
    working: Sequence[str],
) -> KillState:
    """See `Authority.answer_kill`."""
    said = tuple(cancelled), tuple(working)
    _refuse_odd_ids((*said[0], *said[1]))
    claims = gate.admit(presented)

    def act(change: Change, now: int) -> KillState | CredentialRefused:
        state = change.kill_state()
        agent = change.agent(claims.sub)
        standing = change.standing(claims.jti)
        if standing != Standing.LIVE:
            change.record(refusal_event(now, _ANSWER, f"{standing} meanwhile", **about(claims)))
            return unverified()
        if state is None or not state.is_total:
            return _no(change, now, claims, Code.INVALID_REQUEST, "the kill switch has not ended protection")
        if agent is None or not claims.protective:
            return _no(change, now, claims, Code.FORBIDDEN, "only a protective writ can answer")
        return _answered(change, now, state, claims, agent, said)

    return context.decide(act)


def _answered(
    change: Change,
    now: int,
    state: KillState,
    claims: Claims,
    agent: Agent,
    said: tuple[tuple[str, ...], tuple[str, ...]],
) -> KillState | CredentialRefused:
    cancelled, working = said
    told = DeskAnswer(
        app_id=agent.app_id,
        orch_id=agent.orch_id,
        asked_at=state.killed_at,
        answered_at=None if working else now,
        cancelled=cancelled,
        working=working,
    )
    if not change.set_answer(told):
        return _no(change, now, claims, Code.FORBIDDEN, "this desk was not asked")
    detail = f"{len(cancelled)} entries cancelled, {len(working)} at work"
    if working:
        detail = f"{detail}: {', '.join(working)}"
    who = {**about(claims), "app_id": agent.app_id}
    change.record(AuditEvent(type=_ANSWER, at=now, detail=shown(detail), **who))
    if working:
        return state
    ended = f"{FAMILY}{change.revoke(Level.TOKEN, claims.jti)}"
    change.record(
        AuditEvent(type=EventType.TOKEN_REVOKED, at=now, detail=f"after its answer, {ended}", **who)
    )
    if _awaited(change):
        return state
    state = msgspec.structs.replace(state, protection_ends_at=min(now, state.protection_ends_at or now))
    return _ended(change, now, state, OVER, by=claims.sub, reason=_ALL_SAID)


def _ended(change: Change, now: int, state: KillState, what: str, *, by: str, reason: str) -> KillState:
    """what: TOTAL as a part of the kill, OVER some time after it, when nothing but protection ends."""
    change.end_protection()
    change.set_kill_state(state)
    record_kill(change, now, what, by=by, reason=reason)
    return state


def _awaited(change: Change) -> bool:
    return any(one.answered_at is None for one in change.answers())


def _refuse_odd_ids(names: Sequence[str]) -> None:
    if len(names) > MOST_ORDERS:
        raise invalid(f"at most {MOST_ORDERS} orders can be named, not {len(names)}")
    for name in names:
        if not 0 < len(name) <= LONGEST_ID or not name.isprintable():
            raise invalid(f"an order is named by at most {LONGEST_ID} printable characters")


def _no(change: Change, now: int, claims: Claims, code: Code, detail: str) -> CredentialRefused:
    return denied(change, now, _ANSWER, code, detail, **about(claims))
