"""A new signing key, while tokens signed by the old one live on to their end."""

from tradewrit.credentials.audit import AuditEvent, EventType
from tradewrit.credentials.change import Change
from tradewrit.credentials.context import Context, denied
from tradewrit.credentials.keyring import KeySet
from tradewrit.credentials.names import shown
from tradewrit.credentials.refusals import Code, invalid
from tradewrit.domain.market import SECOND
from tradewrit.errors import CredentialRefused


def rotate(context: Context, *, by: str, overlap_s: int | None) -> KeySet:
    """See `Authority.rotate`."""
    overlap = context.terms.rotation_overlap_s if overlap_s is None else overlap_s
    if overlap < 0:
        raise invalid(f"an overlap of {overlap} seconds would end the old key in the past")

    def act(change: Change, now: int) -> None:
        old = context.keys.current().signing.kid
        detail = f"a new key signs; {old} verifies for {overlap} s"
        change.record(AuditEvent(type=EventType.KEY_ROTATED, at=now, by=shown(by), detail=detail))
        # Before the change counts: when it does, other processes look at the key file again.
        change.at_the_end(lambda: context.keys.rotate(now, overlap * SECOND))

    context.decide(act)
    return context.keys.current().key_set


def end_overlap(context: Context, *, by: str) -> KeySet:
    """See `Authority.end_overlap`."""

    def act(change: Change, now: int) -> CredentialRefused | None:
        retired = [held.key.kid for held in context.keys.current().retired if held.is_live(now)]
        if not retired:
            detail = "no retired key verifies any more"
            return denied(change, now, EventType.KEY_ROTATED, Code.INVALID_REQUEST, detail, by=shown(by))
        detail = f"the overlap is ended: {', '.join(retired)} verify no more"
        change.record(AuditEvent(type=EventType.KEY_ROTATED, at=now, by=shown(by), detail=shown(detail)))
        change.at_the_end(context.keys.end_overlap)
        return None

    context.decide(act)
    return context.keys.current().key_set
