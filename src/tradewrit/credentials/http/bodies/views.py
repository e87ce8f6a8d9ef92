"""How what the authority keeps is shown in its answers."""

from collections.abc import Sequence

from tradewrit.credentials.endings import TokenStatus
from tradewrit.credentials.http.bodies.answers import (
    AppView,
    DeskView,
    Killed,
    OperatorView,
    StatusView,
    TokenView,
)
from tradewrit.credentials.records import App, DeskAnswer, KillState, Operator
from tradewrit.credentials.status import Status
from tradewrit.domain.constraints import UNRESTRICTED, Constraints
from tradewrit.domain.times import iso


def app_view(app: App) -> AppView:
    """An app as it is shown."""
    removed = app.deregistered_at
    return AppView(
        app_id=app.app_id,
        name=app.name,
        client_id=app.client_id,
        scopes=app.scopes,
        token_ttl=app.token_ttl_s,
        status="active" if removed is None else "inactive",
        created_at=iso(app.created_at),
        updated_at=iso(app.updated_at),
        deregistered_at="" if removed is None else iso(removed),
        constraints=restricting(app.constraints),
    )


def restricting(constraints: Constraints) -> Constraints | None:
    """The constraints as they are shown: not at all when they restrict nothing."""
    return None if constraints == UNRESTRICTED else constraints


def operator_view(operator: Operator) -> OperatorView:
    """An operator as it is shown."""
    return OperatorView(name=operator.name, status="active" if operator.removed_at is None else "inactive")


def killed_view(state: KillState | None, answers: Sequence[DeskAnswer] = ()) -> Killed:
    """The kill switch as it is shown, and what desks have said since."""
    if state is None:
        return Killed(killed=False)
    return Killed(
        killed=True,
        by=state.by,
        at=iso(state.killed_at),
        reason=state.reason,
        including_protection=state.is_total,
        protection_ends_at="" if state.protection_ends_at is None else iso(state.protection_ends_at),
        desks=tuple(desk_view(answer) for answer in answers),
    )


def desk_view(answer: DeskAnswer) -> DeskView:
    """What a desk said, as it is shown."""
    return DeskView(
        desk=answer.orch_id,
        app_id=answer.app_id,
        answered_at=None if answer.answered_at is None else iso(answer.answered_at),
        cancelled=answer.cancelled,
        working=answer.working,
    )


def status_view(status: Status) -> StatusView:
    """The answer as it is shown."""
    return StatusView(
        now=iso(status.now),
        kill_switch=killed_view(status.killed),
        tokens=tuple(_token_view(one) for one in status.tokens),
    )


def _token_view(one: TokenStatus) -> TokenView:
    ending = one.ending
    if ending is None:
        return TokenView(standing=one.standing, token_id=one.token_id)
    return TokenView(
        standing=one.standing, token_id=one.token_id, how=ending.how, by=ending.by, at=iso(ending.at)
    )
