"""The `Broker` that one process holds: the venue at the far end of a road, each call an errand."""

from collections import deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from tradewrit.domain.capabilities import Capabilities
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.market import MINUTE, SECOND
from tradewrit.domain.orders import Approved, OrderTerms
from tradewrit.domain.scopes import Grant
from tradewrit.errors import Throttled
from tradewrit.runtime.ports import Replacement
from tradewrit.simulation.errands import FIRST, OTHER, Crew, Request
from tradewrit.simulation.scheduler import Scheduler

T = TypeVar("T")


class Line:
    """Asks whoever runs the world, and waits.

    protecting: how many calls that protect are under way. failed_at: when the last of them failed, and
    quiet_until: for how long the venue asked for patience then; UTC ns of the world.
    """

    def __init__(
        self,
        crew: Crew,
        capabilities: Capabilities,
        scheduler: Scheduler,
        *,
        road: int = FIRST,
        calls: deque[int] | None = None,
    ) -> None:
        self._crew = crew
        self._scheduler = scheduler
        self._road = road
        self._calls: deque[int] = deque() if calls is None else calls
        self.capabilities = capabilities
        self.protecting = 0
        self.failed_at: int | None = None
        self.quiet_until = 0

    def beside(self) -> "Line":
        """The same process's other road; what is asked by either counts for both."""
        return Line(self._crew, self.capabilities, self._scheduler, road=OTHER, calls=self._calls)

    def recent(self) -> Sequence[int]:
        """When it asked within the last minute (UTC ns)."""
        while self._calls and self._calls[0] <= self._scheduler.now - MINUTE:
            self._calls.popleft()
        return self._calls

    def failed(self, why: object) -> None:
        """A call that protects came to nothing, for this reason."""
        self.failed_at = self._scheduler.now
        patience = why.retry_after_s if isinstance(why, Throttled) else 0.0
        self.quiet_until = self.failed_at + int(patience * SECOND)

    def place(self, approved: Approved, grant: Grant) -> Sequence[ExecutionReport]:
        """See Broker."""
        return self._ask(lambda venue: venue.place(approved, grant))

    def cancel(
        self, client_order_id: str, grant: Grant, broker_order_id: str = ""
    ) -> Sequence[ExecutionReport]:
        """See Broker."""
        return self._ask(lambda venue: venue.cancel(client_order_id, grant, broker_order_id))

    def replace(
        self, client_order_id: str, replacement: Replacement, grant: Grant, broker_order_id: str = ""
    ) -> Sequence[ExecutionReport]:
        """See Broker."""
        return self._ask(lambda venue: venue.replace(client_order_id, replacement, grant, broker_order_id))

    def order(self, client_order_id: str) -> Sequence[ExecutionReport]:
        """See Broker."""
        return self._ask(lambda venue: venue.order(client_order_id))

    def open_orders(self) -> Sequence[OrderTerms]:
        """See Broker."""
        return self._ask(lambda venue: venue.open_orders())

    def positions(self) -> Mapping[str, Decimal]:
        """See Broker."""
        return self._ask(lambda venue: venue.positions())

    def executions(self, since: int) -> Sequence[ExecutionReport]:
        """See Broker."""
        return self._ask(lambda venue: venue.executions(since))

    def halts(self) -> Mapping[str, str]:
        """See Broker."""
        return self._ask(lambda venue: venue.halts())

    def _ask(self, request: Request[T]) -> T:
        self._calls.append(self._scheduler.now)
        return self._crew.ask(request, self._road)
