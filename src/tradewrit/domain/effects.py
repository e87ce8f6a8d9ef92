"""Effects: what agents ask the runtime to do in the world. Imperative; nothing here does anything.

Each names the scope that a live grant must cover; the runtime refuses to perform it otherwise.
"""

from decimal import Decimal

import msgspec

from tradewrit.domain.market import Interval
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Approved


class Effect(msgspec.Struct, frozen=True, kw_only=True, tag_field="effect", tag=True, gc=False):
    """Something to be done outside. trace: the trade it belongs to."""

    trace: str = ""

    @property
    def scope(self) -> str:
        """The permission it needs."""
        raise TypeError(f"{type(self).__name__} names no scope")

    @property
    def subject(self) -> str:
        """What it is about, for messages: an order id, a symbol, a review."""
        raise TypeError(f"{type(self).__name__} names no subject")


class OrderEffect(Effect, frozen=True, kw_only=True, gc=False):
    """Writes to the venue. The executor alone returns these."""

    symbol: str

    @property
    def scope(self) -> str:
        """`write:trades:SYMBOL`."""
        return f"write:trades:{self.symbol}"


class PlaceOrders(OrderEffect, frozen=True, kw_only=True, gc=False):
    """Send approved orders, as one list."""

    approved: Approved

    @property
    def subject(self) -> str:
        """The first order's client order id."""
        return self.approved.orders[0].client_order_id


class CancelAtVenue(OrderEffect, frozen=True, kw_only=True, gc=False):
    """Ask the venue to cancel an order. is_stray: it is over in the books, and works at the venue.

    broker_order_id: which one, where the venue took the id as two orders; "" for the only one.
    """

    client_order_id: str
    is_stray: bool = False
    broker_order_id: str = ""

    @property
    def subject(self) -> str:
        """The client order id."""
        return self.client_order_id


class ReplaceAtVenue(OrderEffect, frozen=True, kw_only=True, gc=False):
    """Ask the venue for new terms. broker_order_id: as `CancelAtVenue`."""

    client_order_id: str
    broker_order_id: str = ""
    quantity: Decimal | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None

    @property
    def subject(self) -> str:
        """The client order id."""
        return self.client_order_id


class AskVenue(Effect, frozen=True, kw_only=True, gc=False):
    """Ask the venue what it knows of an order. since: UTC ns, when it left; its fills are not older.

    known: what the venue has called it, where it has said: what is told of another under its id ends it not.
    """

    symbol: str
    client_order_id: str
    since: int = 0
    known: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        """`read:trades:SYMBOL`."""
        return f"read:trades:{self.symbol}"

    @property
    def subject(self) -> str:
        """The client order id."""
        return self.client_order_id


class AskAccount(Effect, frozen=True, kw_only=True, gc=False):
    """Ask the venue for the account as it sees it: orders, executions since `since` (UTC ns), positions.

    cause: why it is asked, e.g. `start`, `reconnect`, `minute`, `close`.
    """

    since: int
    cause: str

    @property
    def scope(self) -> str:
        """`read:trades:*`."""
        return "read:trades:*"

    @property
    def subject(self) -> str:
        """Why it is asked."""
        return self.cause


class MarketDataEffect(Effect, frozen=True, kw_only=True, gc=False):
    """Reads market data. market_watch alone returns these."""

    symbol: str = "*"

    @property
    def scope(self) -> str:
        """`read:market:SYMBOL`."""
        return f"read:market:{self.symbol}"

    @property
    def subject(self) -> str:
        """The symbol."""
        return self.symbol


class FetchQuote(MarketDataEffect, frozen=True, kw_only=True, gc=False):
    """Get the current quote."""


class FetchBars(MarketDataEffect, frozen=True, kw_only=True, gc=False):
    """Get the last `count` completed bars."""

    interval: Interval
    count: int


class OpenStream(MarketDataEffect, frozen=True, kw_only=True, gc=False):
    """Start the stream of a symbol; harmless to repeat."""


class FetchMarketStatus(MarketDataEffect, frozen=True, kw_only=True, gc=False):
    """Ask the calendar which phase the session is in."""


class AskPeople(Effect, frozen=True, kw_only=True, gc=False):
    """Show a review to those who may answer it."""

    review_id: str
    version: int

    @property
    def scope(self) -> str:
        """`write:reviews:*`."""
        return "write:reviews:*"

    @property
    def subject(self) -> str:
        """The review id."""
        return self.review_id


class SetTimer(Effect, frozen=True, kw_only=True, gc=False):
    """Be told when a time has come. The same timer set twice fires once, at the later time."""

    timer: str
    about: str
    due_at: int

    @property
    def scope(self) -> str:
        """`write:timers:*`."""
        return "write:timers:*"

    @property
    def subject(self) -> str:
        """The timer's name."""
        return self.timer
