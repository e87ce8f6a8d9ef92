"""What others did with our tokens and tell us, so that one audit trail has it all."""

from collections.abc import Sequence

from tradewrit.credentials.audit import EventType
from tradewrit.credentials.change import Change
from tradewrit.credentials.claims import Claims
from tradewrit.credentials.context import Context, refusal_event
from tradewrit.credentials.gate import about
from tradewrit.credentials.names import is_client_id, shown
from tradewrit.domain.constraints import Violation


def refused_by_constraints(
    context: Context, claims: Claims, violations: Sequence[Violation], *, resource: str, by: str
) -> None:
    """See `Authority.note_refusal`."""
    detail = shown("; ".join(str(violation) for violation in violations))

    def act(change: Change, now: int) -> None:
        change.record(
            refusal_event(
                now,
                EventType.CONSTRAINT_REFUSED,
                detail,
                resource=shown(resource),
                by=shown(by),
                **about(claims),
            )
        )

    context.decide(act)


def rate_limited(context: Context, client_id: str, peer: str) -> None:
    """See `Authority.note_rate_limited`."""

    def act(change: Change, now: int) -> None:
        who = client_id if is_client_id(client_id) else ""
        change.record(
            refusal_event(now, EventType.APP_RATE_LIMITED, "too many attempts", resource=who, by=shown(peer))
        )

    context.decide(act)
