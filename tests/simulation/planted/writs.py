"""Planted: tokens that should count no more and do, and desks that write and send in each other's place."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.simulation.planting import Aim, always, everywhere, planted
from tradewrit.domain.books import Books
from tradewrit.domain.capabilities import Protection
from tradewrit.domain.scopes import Grant
from tradewrit.errors import PermissionDenied, Unreachable
from tradewrit.risk import limits
from tradewrit.runtime import gate
from tradewrit.runtime.journal import memory
from tradewrit.runtime.lease import Tenure
from tradewrit.runtime.pump import Pump
from tradewrit.runtime.writs import Writs
from tradewrit.simulation.plan import Faults

_GRACE = 600_000_000_000


class _Trusting:
    """An issuer that is never asked whether a token still counts."""

    def __init__(self, issuer: Any) -> None:
        self._issuer = issuer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._issuer, name)

    def verify(self, grant: Grant, now: int) -> None:
        """It does."""


@planted(
    kind="acted on a revoked token: it was looked at when it was issued and never again",
    aim=Aim(faults=Faults(revocations_per_hour=60)),
    caught_by=("I-9",),
    seed=12,
)
def revocation_not_noticed(patch: pytest.MonkeyPatch) -> None:
    """Whether a token was revoked is asked when it is renewed, and not when something is sent under it."""
    begin = Writs.__init__

    def beginning(writs: Writs, issuer: Any, terms: Any) -> None:
        begin(writs, _Trusting(issuer), terms)

    patch.setattr(Writs, "__init__", beginning)


@planted(
    kind="fail open: nobody could say whether the token still counted, so it did",
    aim=Aim(faults=Faults(revocations_per_hour=120, authority_outages_per_hour=90)),
    caught_by=("I-9",),
    seed=8,
)
def unreachable_means_yes(patch: pytest.MonkeyPatch) -> None:
    """While the authority does not answer, a token is good that has not expired."""
    live = Writs.live

    def living(writs: Writs, role: str, now: int) -> Grant:
        try:
            return live(writs, role, now)
        except Unreachable:
            grant = writs._held[role].grant
            if grant is None:
                raise
            return grant

    patch.setattr(Writs, "live", living)


@planted(
    kind="expired credential in use: the clock was looked at when the order was decided",
    aim=Aim(faults=Faults(authority_outages_per_hour=90), account={"ttl_s": 30}),
    caught_by=("I-6", "I-9"),
    seed=12,
)
def expired_token_sent(patch: pytest.MonkeyPatch) -> None:
    """A token is used for as long as it is held, whenever it expired."""

    def held(writs: Writs, role: str, now: int) -> Grant:
        del now
        grant = writs._held[role].grant
        if grant is None:
            raise PermissionDenied(f"{role}: it holds no writ")
        return grant

    covers, permission = Grant.covers, limits.permission
    admit = gate.Gate.admit

    def admitting(one: gate.Gate, effect: Any, agent: str, books: Any, now: int) -> Any:
        with pytest.MonkeyPatch.context() as while_admitting:
            while_admitting.setattr(
                Grant, "covers", lambda grant, scope, _: covers(grant, scope, grant.issued_at)
            )
            return admit(one, effect, agent, books, now)

    def permitting(books: Books, *about: Any) -> Any:
        return permission(replace(books, writs={}), *about)

    patch.setattr(Writs, "live", held)
    patch.setattr(gate.Gate, "admit", admitting)
    everywhere(patch, limits, "permission", permitting)


@planted(
    kind="dead credential revived: renewed by its holder after it had expired",
    aim=Aim(faults=Faults(authority_outages_per_hour=90), account={"ttl_s": 30}),
    caught_by=("I-9",),
    seed=12,
)
def renewed_after_expiry(patch: pytest.MonkeyPatch) -> None:
    """A desk that cannot reach the authority gives its own token a longer life."""
    live = Writs.live

    def living(writs: Writs, role: str, now: int) -> Grant:
        try:
            return live(writs, role, now)
        except (Unreachable, PermissionDenied):
            held = writs._held[role]
            if held.grant is None:
                raise
            return replace(held.grant, expires_at=now + _GRACE)

    patch.setattr(Writs, "live", living)


@planted(
    kind="two instances traded one account: the first had only been asleep",
    aim=Aim(
        faults=Faults(rivals_per_hour=120, pauses_per_hour=120),
        account={"has_lease": True},
    ),
    caught_by=("I-1", "I-7", "I-9"),
    seed=4,
)
def no_fencing(patch: pytest.MonkeyPatch) -> None:
    """Who has taken the lease once goes on for ever: no renewal, no look, no epoch refused."""
    patch.setattr(Tenure, "keep", always(None))
    patch.setattr(Tenure, "assure", always(None))
    patch.setattr(memory, "refuse_stale", always(None))


@planted(
    kind="sent by a process that had lost the account while it waited",
    aim=Aim(
        faults=Faults(rivals_per_hour=240, pauses_per_hour=240, slow=0.6),
        account={"has_lease": True, "protection": Protection.AFTER_FILL},
    ),
    caught_by=("I-9",),
    seed=11,
)
def lease_not_asked_before_sending(patch: pytest.MonkeyPatch) -> None:
    """The lease is looked at when something is written, and not when it is sent."""
    admit = Pump.admit

    def admitting(pump: Pump, asked: Any) -> Any:
        tenure, pump._tenure = pump._tenure, None
        try:
            return admit(pump, asked)
        finally:
            pump._tenure = tenure

    patch.setattr(Pump, "admit", admitting)
