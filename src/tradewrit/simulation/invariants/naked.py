"""For how long a position may be without its stop while somebody could act, and why so long.

Each kind of trouble adds what the desk needs to get over it, once: what it promises is in docs/explanation/
promises.md. Measured: the longest in some hundred worlds of that trouble alone, at its worst.
"""

from typing import Final, NamedTuple

from tradewrit.domain.market import SECOND
from tradewrit.simulation.plan import Faults, Plan


class Part(NamedTuple):
    """What some faults add. seconds: when any of them is in the plan, and one of `beside` too."""

    seconds: int
    faults: tuple[str, ...]
    why: str
    beside: tuple[str, ...] = ()

    def is_in(self, faults: Faults) -> bool:
        """Whether its faults can happen."""
        return all(
            any(getattr(faults, name) for name in names) for names in (self.faults, self.beside) if names
        )


BASE_S: Final = 6
"""With nothing wrong: the next quote, five seconds away at most, and the calls it leads to."""
FEW: Final = 60
FEW_S: Final = 60
"""Where fewer calls than FEW are allowed in a minute, a stop may wait for one so long, reserve or not."""
PARTS: Final = (
    Part(
        110,
        ("drop", "half_open_per_hour", "partitions_per_hour", "slow"),
        "the comparison that finds what was lost comes each minute, and its call may be lost as well (5 s); "
        "a lost stop is known to be lost after 5 s and sent again within 10 s, which may happen three times",
    ),
    Part(25, ("kill",), "a start asks for everything first; a second death in the middle of it begins anew"),
    Part(20, ("slow_disk", "pauses_per_hour"), "what was decided leaves once the disk has confirmed it"),
    Part(20, ("rejects",), "a venue that refused to change a stop is asked again with the next bar"),
    Part(
        50,
        ("throttles", "throttle_bursts_per_hour", "venue_outages_per_hour"),
        "a stop tries again five seconds after a breaker has opened, or when the venue wants to be asked, "
        "and what was under way as it went down is asked about first",
    ),
    Part(5, ("authority_outages_per_hour", "revocations_per_hour"), "a writ is fetched anew"),
    Part(
        65,
        ("corrections_per_hour",),
        "a venue that cut a stop to a smaller position says so in its list alone; where no writ let the desk "
        "ask for more as the position grew again, the comparison of the minute finds it, seen twice",
        beside=("authority_outages_per_hour", "revocations_per_hour"),
    ),
)


def naked_budget(plan: Plan) -> int:
    """The sum for the faults of a plan, ns."""
    faults = plan.faults
    few = FEW_S if plan.calls_per_minute < FEW else 0
    more = few + sum(part.seconds for part in PARTS if part.is_in(faults))
    return (BASE_S + more) * SECOND
