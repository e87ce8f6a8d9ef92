"""Breakers of a venue's guard, in the words of the journal and of the status."""

from collections.abc import Mapping

import msgspec

from tradewrit.domain.events.running import BreakerClosed, BreakerOpened
from tradewrit.domain.market import SECOND
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.resilience.breaker import Breaker, Failure, Gate
from tradewrit.runtime.resilience.guard import Endpoint


class BreakerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One breaker. reason, again_in_s: while it is not closed; None when time will not help.

    calls, failures, opened, rejected: counted since the desk began.
    """

    endpoint: str
    gate: str
    reason: str
    again_in_s: float | None
    calls: int
    failures: int
    opened: int
    rejected: int

    def __str__(self) -> str:
        """For a person."""
        wait = "a person must act" if self.again_in_s is None else f"again in {self.again_in_s:.0f} s"
        said = f"breaker of {self.endpoint} {self.gate.upper()} ({self.reason}), {wait}"
        return f"{said}, {self.rejected} calls not made so far"


def standing(breakers: Mapping[Endpoint, Breaker], now: int) -> tuple[BreakerStatus, ...]:
    """How they stand at `now` (monotonic ns)."""
    return tuple(
        BreakerStatus(
            endpoint=endpoint.value,
            gate=breaker.gate.value,
            reason="" if breaker.gate is Gate.CLOSED else breaker.reason.value,
            again_in_s=None if _waits_for_person(breaker) else max(0, breaker.until - now) / SECOND,
            calls=breaker.statistics.calls,
            failures=breaker.statistics.failures,
            opened=breaker.statistics.opened,
            rejected=breaker.statistics.rejected,
        )
        for endpoint, breaker in breakers.items()
    )


def change(
    venue: str, endpoint: Endpoint, breaker: Breaker, hint: str, clock: Clock
) -> BreakerOpened | BreakerClosed | None:
    """What is to be told of a gate that has just changed; None for a probe that is under way.

    hint: what a person does about a credential that is not accepted.
    """
    at = clock.now()
    match breaker.gate:
        case Gate.HALF_OPEN:
            return None
        case Gate.CLOSED:
            return BreakerClosed(at=at, venue=venue, endpoint=endpoint.value)
        case Gate.OPEN:
            is_token = _waits_for_person(breaker)
            return BreakerOpened(
                at=at,
                venue=venue,
                endpoint=endpoint.value,
                reason=breaker.reason.value,
                failures=breaker.failures,
                until=None if is_token else at + max(0, breaker.until - clock.monotonic()),
                todo=hint if is_token else "",
            )


def _waits_for_person(breaker: Breaker) -> bool:
    return breaker.gate is not Gate.CLOSED and breaker.reason is Failure.TOKEN
