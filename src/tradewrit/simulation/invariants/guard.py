"""What must hold of the guard between desk and venue: it keeps to the limit, and lets a stop through."""

from typing import TYPE_CHECKING, Final

from tradewrit.domain.effects import CancelAtVenue, PlaceOrders, ReplaceAtVenue
from tradewrit.domain.market import SECOND
from tradewrit.runtime.perform import Departure
from tradewrit.runtime.resilience.breaker import Gate, Policy
from tradewrit.runtime.resilience.guard import Endpoint

if TYPE_CHECKING:
    from tradewrit.simulation.process import Process
    from tradewrit.simulation.watch import Watch

Found = str | None
_PROBES_AFTER: Final = Policy().protective_ns


def protects(departure: Departure) -> bool:
    """Whether a call can only reduce what is at risk."""
    effect = departure.asked.effect
    if isinstance(effect, PlaceOrders):
        return all(terms.role.is_protective for terms in effect.approved.orders)
    if isinstance(effect, ReplaceAtVenue):
        return departure.grant.constraints.reduce_only
    return isinstance(effect, CancelAtVenue)


def i12_no_more_calls_than_the_venue_allows(watch: "Watch", process: "Process") -> Found:
    """Of one process, in any minute."""
    most, calls = watch.world.plan.calls_per_minute, len(process.line.recent())
    return f"{process.name} made {calls} calls within a minute; {most} are allowed" if calls > most else None


def i12_what_protects_is_kept_back_only_where_nothing_would_help(
    watch: "Watch", process: "Process", departure: Departure
) -> Found:
    """By the limit only when not one call more is allowed; by a breaker only for as long as it must be.

    That is: after protection itself has failed, for five seconds or as long as the venue asked for patience,
    and while one call of its kind is trying.
    """
    if not protects(departure):
        return None
    line, now, what = process.line, watch.world.scheduler.now, departure.asked.effect
    kept = f"{type(what).__name__} {what.subject} of {process.name} is kept back"
    if process.guard.breakers[Endpoint.PROTECTION].gate is Gate.CLOSED:
        used, most = len(line.recent()), watch.world.plan.calls_per_minute
        return f"{kept} by a limit of which {used} of {most} calls are used" if used < most else None
    if line.protecting:
        return None
    if line.failed_at is None:
        return f"{kept} by a breaker, and nothing that protects has failed"
    over = now - max(line.failed_at + _PROBES_AFTER, line.quiet_until)
    return f"{kept} by a breaker, {over / SECOND:g} s longer than it may be" if over >= 0 else None
