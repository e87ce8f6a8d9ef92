"""What a process of a simulated world does once a second, as the rounds of a live shell do.

It follows the session and the venue's maintenance, looks after its stream, and compares with the venue.
"""

from typing import TYPE_CHECKING, Final

from tradewrit.domain.books import Books
from tradewrit.domain.events.market import MaintenanceBegan, MarketStatusReported
from tradewrit.domain.market import SECOND, MarketPhase
from tradewrit.runtime.desk import Desk

if TYPE_CHECKING:
    from tradewrit.simulation.process import Process
    from tradewrit.simulation.world import World

_RECONCILE_EVERY: Final = 60 * SECOND


class Rounds:
    """The rounds of one life of a process, which begins now."""

    def __init__(self, process: "Process", world: "World") -> None:
        self._process = process
        self._world = world
        self._reconcile_at = process.clock.monotonic() + _RECONCILE_EVERY
        self._phase: MarketPhase | None = None
        self._announced = 0

    def tick(self, desk: Desk) -> None:
        """Once a second."""
        desk.tick()
        self._follow_session(desk)
        self._follow_maintenance(desk)
        now = self._process.clock.monotonic()
        if self._process.stream.look():
            self._reconcile(desk, "reconnect")
        elif now >= self._reconcile_at and self._may_differ(desk.books):
            self._reconcile(desk, "minute")

    def _follow_session(self, desk: Desk) -> None:
        now = self._process.clock.now()
        status = self._world.hours.status(now)
        if status.phase is not self._phase:  # also after every start: what was held may leave
            self._phase = status.phase
            desk.feed(MarketStatusReported(at=now, status=status), "market")

    def _follow_maintenance(self, desk: Desk) -> None:
        """The desk is told when the venue's is about to begin, and finds its end itself."""
        now = self._process.clock.now()
        period = self._world.maintenance.at(now)
        if period is not None and period.ends not in {desk.books.maintenance, self._announced}:
            self._announced = period.ends
            desk.feed(MaintenanceBegan(at=now, begins=period.begins, ends=period.ends), "market")

    @staticmethod
    def _may_differ(books: Books) -> bool:
        """What has traded may still be corrected, and the word of that may get lost."""
        return bool(books.trades or books.executions or books.paused)

    def _reconcile(self, desk: Desk, cause: str) -> None:
        self._reconcile_at = self._process.clock.monotonic() + _RECONCILE_EVERY
        desk.reconcile(cause)
