"""What the desk asks of the world. Adapters live in their own rooms; each port has one contract suite."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from tradewrit.domain.capabilities import Capabilities
from tradewrit.domain.effects import Effect
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Approved, OrderTerms
from tradewrit.domain.scopes import Grant


class Replacement(msgspec.Struct, frozen=True, kw_only=True):
    """New terms for a working order; None leaves a term as it is."""

    quantity: Qty | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None


class Broker(Protocol):
    """A place that takes orders.

    Every call answers with the reports it caused at once, in order; more may follow by stream.
    Placing a client order id the venue already knows places nothing and reports the known order's
    state again (where `capabilities.dedupe` says so). Raises Unreachable when the outcome is not
    known, Throttled and Unauthorized when nothing was done.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this venue can do."""
        ...

    def place(self, approved: Approved, grant: Grant) -> Sequence[ExecutionReport]:
        """Send approved orders as one list. There is no way to send any other kind."""
        ...

    def cancel(
        self, client_order_id: str, grant: Grant, broker_order_id: str = ""
    ) -> Sequence[ExecutionReport]:
        """Ask for an order to be cancelled; harmless to repeat.

        broker_order_id: which one, where the venue took the id as two orders; "" for the only one.
        """
        ...

    def replace(
        self, client_order_id: str, replacement: Replacement, grant: Grant, broker_order_id: str = ""
    ) -> Sequence[ExecutionReport]:
        """Ask for new terms; the order stays one order. broker_order_id: as `cancel`."""
        ...

    def order(self, client_order_id: str) -> Sequence[ExecutionReport]:
        """Every report about an order so far, oldest first, under their first ids; empty when unknown."""
        ...

    def open_orders(self) -> Sequence[OrderTerms]:
        """Orders that may still trade, anybody's, each at the quantity that is left to it."""
        ...

    def executions(self, since: int) -> Sequence[ExecutionReport]:
        """Every fill of the account from `since` (UTC ns) on, anybody's, oldest first, under its exec id.

        With them what was corrected or busted from then on.
        """
        ...

    def positions(self) -> Mapping[str, Decimal]:
        """Units held by symbol, negative when short; flat symbols are absent."""
        ...

    def halts(self) -> Mapping[str, str] | None:
        """Symbols in which the venue lets nothing trade for now, and why; None where it does not say."""
        ...


class Feed(Protocol):
    """A place that tells prices; answers as market events."""

    def answer(self, request: Effect, now: int) -> Sequence[Event]:
        """Fetch what a market-data effect asks for; a failure is an event with a reason."""
        ...
