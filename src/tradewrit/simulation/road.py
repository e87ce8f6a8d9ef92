"""One way to the venue: what it does to messages, and for how long it is cut."""

from random import Random
from typing import Final

from tradewrit.domain.market import SECOND
from tradewrit.simulation.plan import Faults
from tradewrit.simulation.scheduler import Scheduler
from tradewrit.simulation.trace import Trace

MS: Final = SECOND // 1000


class Road:
    """A road. name: what is said of it in the trace. is_calm: nothing goes wrong on it any more."""

    def __init__(
        self, faults: Faults, scheduler: Scheduler, rng: Random, trace: Trace, name: str = ""
    ) -> None:
        self.faults = faults
        self.scheduler = scheduler
        self.trace = trace
        self.name = name
        self._rng = rng
        self.cut_until = 0
        self.is_calm = False

    @property
    def is_cut(self) -> bool:
        """Whether nothing gets through in either direction."""
        return self.scheduler.now < self.cut_until

    def chance(self, share: float, kind: str, what: str) -> bool:
        """Whether this message meets that fault."""
        if not share or self.is_calm or self._rng.random() >= share:
            return False
        self.trace.fault(self.scheduler.now, kind, what + self.name)
        return True

    def latency(self, what: str) -> int:
        """How long this message takes, ns."""
        base = self._rng.randint(2 * MS, 40 * MS)
        if self.chance(self.faults.slow, "slow", what):
            base += self._rng.randint(SECOND // 2, 8 * SECOND)
        return base
