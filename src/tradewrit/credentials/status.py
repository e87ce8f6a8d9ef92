"""How tokens stand, and who ended them: for whoever holds one of them, who may know more than a stranger.

A refusal looks the same whatever the reason. A desk elsewhere has to tell a token that only expired from
one that somebody took away, and to hear of the kill switch: it asks here, with its own token, as often as
it likes. Nothing is recorded.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from tradewrit.credentials.context import Context
from tradewrit.credentials.endings import TokenStatus
from tradewrit.credentials.gate import Gate
from tradewrit.credentials.records import KillState, Standing
from tradewrit.credentials.refusals import invalid, unverified
from tradewrit.credentials.requests import Bearer
from tradewrit.credentials.tokens import verify_genuine
from tradewrit.errors import TokenRefused

MAX_ASKED: Final = 32
"""Tokens beside the bearer's in one question."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: the kill switch, None while it is not on; and each token, that of the asker first.

    now: by the authority's clock (UTC ns), in which its times are to be read.
    """

    killed: KillState | None
    tokens: tuple[TokenStatus, ...]
    now: int


_NOBODYS: Final = TokenStatus(token_id="", standing=Standing.UNKNOWN)


def status(context: Context, gate: Gate, presented: Bearer | str, others: Sequence[str]) -> Status:
    """See `Authority.status`."""
    if len(others) > MAX_ASKED:
        raise invalid(f"at most {MAX_ASKED} tokens can be asked about at once")
    claims, _ = gate.admit_dead(presented)
    own = context.store.token(claims.jti)
    if own is None:  # it expired long ago, or the store is not the one that issued it
        raise unverified()
    found = [context.store.status(own, context.clock.now())]
    found += [_of_another(context, text, own.app_id) for text in others]
    return Status(killed=context.store.kill_state(), tokens=tuple(found), now=context.clock.now())


def _of_another(context: Context, text: str, app_id: str) -> TokenStatus:
    """Of a token that is shown without proof: only within the same app."""
    now = context.clock.now()
    try:
        claims = verify_genuine(text, context.keys.current().key_set, now=now, issuer=context.terms.issuer)
    except TokenRefused:
        return _NOBODYS
    token = context.store.token(claims.jti)
    return _NOBODYS if token is None or token.app_id != app_id else context.store.status(token, now)
