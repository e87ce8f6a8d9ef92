"""A broker that never answers: what a call that was given up means is asked of the same handlers."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NoReturn

from tradewrit.domain.capabilities import Capabilities
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.orders import Approved, OrderTerms
from tradewrit.domain.scopes import Grant
from tradewrit.errors import Unreachable
from tradewrit.runtime.ports import Replacement


class SilentBroker:
    """Implements `Broker`; every call raises Unreachable with this reason."""

    capabilities = Capabilities()

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def place(self, approved: Approved, grant: Grant) -> Sequence[ExecutionReport]:
        """No answer."""
        del approved, grant
        self._fail()

    def cancel(
        self, client_order_id: str, grant: Grant, broker_order_id: str = ""
    ) -> Sequence[ExecutionReport]:
        """No answer."""
        del client_order_id, grant, broker_order_id
        self._fail()

    def replace(
        self, client_order_id: str, replacement: Replacement, grant: Grant, broker_order_id: str = ""
    ) -> Sequence[ExecutionReport]:
        """No answer."""
        del client_order_id, replacement, grant, broker_order_id
        self._fail()

    def order(self, client_order_id: str) -> Sequence[ExecutionReport]:
        """No answer."""
        del client_order_id
        self._fail()

    def open_orders(self) -> Sequence[OrderTerms]:
        """No answer."""
        self._fail()

    def positions(self) -> Mapping[str, Decimal]:
        """No answer."""
        self._fail()

    def halts(self) -> Mapping[str, str]:
        """No answer."""
        self._fail()

    def executions(self, since: int) -> Sequence[ExecutionReport]:
        """No answer."""
        del since
        self._fail()

    def _fail(self) -> NoReturn:
        raise Unreachable(self._reason)
