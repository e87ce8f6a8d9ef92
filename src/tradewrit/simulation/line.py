"""The `Broker` that one process holds: the venue at the far end of the wire, each call an errand."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from tradewrit.domain.capabilities import Capabilities
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.orders import Approved, OrderTerms
from tradewrit.domain.scopes import Grant
from tradewrit.runtime.ports import Replacement
from tradewrit.simulation.errands import Crew, Request

T = TypeVar("T")


class Line:
    """Asks whoever runs the world, and waits. calls: how many it has asked for so far."""

    def __init__(self, crew: Crew, capabilities: Capabilities) -> None:
        self._crew = crew
        self.capabilities = capabilities
        self.calls = 0

    def place(self, approved: Approved, grant: Grant) -> Sequence[ExecutionReport]:
        """See Broker."""
        return self._ask(lambda venue: venue.place(approved, grant))

    def cancel(self, client_order_id: str, grant: Grant) -> Sequence[ExecutionReport]:
        """See Broker."""
        return self._ask(lambda venue: venue.cancel(client_order_id, grant))

    def replace(self, client_order_id: str, new: Replacement, grant: Grant) -> Sequence[ExecutionReport]:
        """See Broker."""
        return self._ask(lambda venue: venue.replace(client_order_id, new, grant))

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
        self.calls += 1
        return self._crew.ask(request)
