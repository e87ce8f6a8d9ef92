"""A token enters the store and is signed, in that order; and what the kill switch lets nobody have.

Knows no reasons for which somebody might get a token.
"""

from typing import Final

from tradewrit.credentials.change import Change
from tradewrit.credentials.claims import Claims, draw_token_id
from tradewrit.credentials.context import Context
from tradewrit.credentials.records import NO_APP
from tradewrit.credentials.requests import Issued
from tradewrit.domain.market import SECOND

KILLED: Final = "the kill switch is on: nothing is issued until a person re-arms the authority"


def new_claims(
    context: Context,
    now: int,
    *,
    sub: str,
    ttl_s: int,
    scope: tuple[str, ...],
    is_protective: bool = False,
) -> Claims:
    """What every new token says; more is for the caller to add."""
    issued = now // SECOND
    return Claims(
        iss=context.terms.issuer,
        sub=sub,
        aud=context.terms.audience,
        exp=issued + min(ttl_s, context.terms.life_s(is_protective=is_protective)),
        nbf=issued,
        iat=issued,
        jti=draw_token_id(context.entropy),
        scope=scope,
        task_id="",
        orch_id="",
        protective=is_protective,
    )


def entered(
    context: Context, change: Change, claims: Claims, *, app_id: str = NO_APP, parent: str | None = None
) -> Issued | None:
    """The token, signed; None when the store knows a reason why there must be none (`Change.issue`).

    parent: the `jti` of the delegator's token.
    """
    is_new = change.issue(
        claims.jti,
        subject=claims.sub,
        app_id=app_id,
        task_id=claims.task_id,
        parent=parent,
        expires_at=claims.exp * SECOND,
        family_ends_at=(claims.iat + context.terms.life_s(is_protective=claims.protective)) * SECOND,
        is_protective=claims.protective,
        scope=claims.scope,
        constraints=claims.constraints,
    )
    return Issued(token=context.mint(claims), claims=claims) if is_new else None


def is_killed(change: Change, *, is_protective: bool, by_person: bool = False) -> bool:
    """Whether the kill switch forbids this token.

    by_person: it is an operator's, who has to be able to re-arm.
    """
    state = change.kill_state()
    return state is not None and not by_person and (state.is_total or not is_protective)
