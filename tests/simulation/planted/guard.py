"""Planted: a guard before the venue that keeps the wrong calls back."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.simulation.planted.orders import AFTER_FILL
from tests.simulation.planting import Aim, planted
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.errors import Unreachable
from tradewrit.runtime.resilience.breaker import Breaker
from tradewrit.runtime.resilience.guard import Endpoint, GuardedBroker
from tradewrit.runtime.resilience.rate_limit import RateLimit
from tradewrit.simulation.plan import Faults

FEW_CALLS = {"calls_per_minute": 24, **AFTER_FILL}


@planted(
    kind="no stop for a minute: entries and questions had used up the calls of the API",
    aim=Aim(faults=Faults(thin=0.8), account=FEW_CALLS),
    caught_by=("I-12",),
    seed=0,
)
def reserve_not_kept(patch: pytest.MonkeyPatch) -> None:
    """No call is kept for what protects: it waits with the others."""
    most = RateLimit._most

    def equal(limit: RateLimit, now: int, *, is_protective: bool) -> int:
        del is_protective
        return most(limit, now, is_protective=False)

    patch.setattr(RateLimit, "_most", equal)


@planted(
    kind="circuit breaker opened by 'insufficient buying power', and the stops with it",
    aim=Aim(faults=Faults(rejects=0.5), account=AFTER_FILL),
    caught_by=("I-12",),
    seed=0,
)
def breaker_counts_refusals(patch: pytest.MonkeyPatch) -> None:
    """An order that the venue refuses on its merits counts as a failure of the venue."""
    call = GuardedBroker._call

    def counting(guard: GuardedBroker, endpoint: Endpoint, work: Callable[[], Any], **named: Any) -> Any:
        said: list[Any] = []

        def failing() -> Any:
            said.append(work())
            reports = said[0] if isinstance(said[0], tuple | list) else ()
            if any(isinstance(one, ExecutionReport) and one.kind is Exec.REJECTED for one in reports):
                raise Unreachable("refused")
            return said[0]

        try:
            return call(guard, endpoint, failing, **named)
        except Unreachable:
            if said:
                return said[0]
            raise

    patch.setattr(GuardedBroker, "_call", counting)


@planted(
    kind="stop held back while the circuit breaker cooled down",
    aim=Aim(faults=Faults(venue_outages_per_hour=90, thin=0.5), account=AFTER_FILL),
    caught_by=("I-12",),
    seed=0,
)
def breaker_holds_back_stops(patch: pytest.MonkeyPatch) -> None:
    """What protects waits for an open breaker as long as an entry does."""

    def patient(breaker: Breaker, now: int, *, is_protective: bool) -> bool:
        del is_protective
        return now >= breaker.until

    patch.setattr(Breaker, "_may_probe", patient)


@planted(
    kind="banned by the venue: more calls than the API allows",
    aim=Aim(faults=Faults(thin=0.8), account=FEW_CALLS),
    caught_by=("I-12",),
    seed=0,
)
def limit_forgets_calls(patch: pytest.MonkeyPatch) -> None:
    """The limit forgets calls after twenty seconds, where the venue counts a minute."""
    recent = RateLimit._recent
    patch.setattr(RateLimit, "_recent", lambda limit, now: recent(limit, now + 40_000_000_000))
