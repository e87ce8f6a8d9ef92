"""The orders working in one symbol, and the screen that tells at a glance whether a bar concerns them.

Knows no account and fills nothing; what a fill does to linked orders is `lifecycle`.
"""

from collections.abc import Iterator
from decimal import Decimal
from enum import IntEnum
from math import inf

import msgspec

from tradewrit.brokers.paper.fills import limit_reach
from tradewrit.brokers.paper.sessions import NEVER
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Bar
from tradewrit.domain.money import ZERO, Price, Qty
from tradewrit.domain.orders import OrderTerms, OrderType, Side, TimeInForce


class Part(IntEnum):
    """Which part of a bar it is. An order sees of that bar only what comes after it went live."""

    AFTER = 0
    OPEN = 1
    INSIDE = 2


class Kind(IntEnum):
    """How an order trades right now; a triggered stop is a market order. Ranked: stops before targets."""

    MARKET = 0
    STOP = 1
    STOP_LIMIT = 2
    LIMIT = 3


_KINDS = {
    OrderType.MARKET: Kind.MARKET,
    OrderType.LIMIT: Kind.LIMIT,
    OrderType.STOP: Kind.STOP,
    OrderType.STOP_LIMIT: Kind.STOP_LIMIT,
    OrderType.TRAILING_STOP: Kind.STOP,
}
NO_PRICE = Price(ZERO)
_RESTING = frozenset({TimeInForce.DAY, TimeInForce.GTC})


class Working(msgspec.Struct, kw_only=True, eq=False):
    """One order the venue works.

    number: order of arrival. leaves: what may trade now; 0 for a child whose parent has not filled.
    born_ts, born_part, first: the bar and the part of it in which it went live, and the price then.
    limit, stop: its prices as they stand, 0 where it has none; a trailing stop's moves, and is 0 until
    a price is known to trail. extreme: the best price since it went live.
    cut_by: what last took quantity from it.
    """

    terms: OrderTerms
    instrument: Instrument
    number: int
    broker_order_id: str
    accepted_at: int
    leaves: Decimal = ZERO
    filled: Decimal = ZERO
    parent: "Working | None" = None
    children: list["Working"] = []
    is_live: bool = True
    is_reducing: bool = False
    is_triggered: bool = False
    limit: Price = NO_PRICE
    stop: Price = NO_PRICE
    extreme: Price = NO_PRICE
    born_ts: int = -1
    born_part: Part = Part.AFTER
    first: float = 0.0
    due_at: int = 0
    expires_at: int = NEVER
    cut_by: str = ""

    @property
    def id(self) -> str:
        """The client order id."""
        return self.terms.client_order_id

    @property
    def kind(self) -> Kind:
        """How it trades now."""
        kind = _KINDS[self.terms.type]
        if self.is_triggered:
            return Kind.LIMIT if kind is Kind.STOP_LIMIT else Kind.MARKET
        return kind

    @property
    def is_resting(self) -> bool:
        """Whether it waits in the book for its price; others trade at one moment or not at all."""
        return self.terms.time_in_force in _RESTING

    @property
    def is_trailing(self) -> bool:
        """Whether its stop follows the market."""
        return self.terms.type is OrderType.TRAILING_STOP

    @property
    def may_grow(self) -> bool:
        """Whether a fill of its parent can still give it more to trade."""
        return self.parent is not None and self.parent.is_live

    @property
    def working_terms(self) -> OrderTerms:
        """Its terms, at the quantity that may still trade: less what has filled, and what was cut away."""
        is_cut = self.cut_by and not self.may_grow
        left = self.leaves if is_cut else self.terms.quantity - self.filled
        if left == self.terms.quantity:
            return self.terms
        return msgspec.structs.replace(self.terms, quantity=Qty(left))

    def saw_open_of(self, ts: int) -> bool:
        """Whether it was live when the bar of `ts` had its first trade."""
        return self.born_ts < ts

    def sees_inside_of(self, ts: int) -> bool:
        """Whether all of the bar of `ts` after its open lies in its life."""
        return self.born_ts < ts or self.born_part is Part.OPEN

    def was_born_inside(self, ts: int) -> bool:
        """Whether it went live within the bar of `ts`, at a moment that nobody can place."""
        return self.born_ts == ts and self.born_part is Part.INSIDE

    def saw_end_of(self, ts: int) -> bool:
        """Whether it was live when the bar of `ts` ended."""
        return self.born_ts < ts or self.born_part is not Part.AFTER


class SymbolBook:
    """Orders working in one symbol, in order of arrival, with the screen over them.

    down, up: nothing that rests trades while the market stays strictly between them.
    is_eager: something wants the next first trade. wants_close: something looks at a bar's end.
    expires_at: the earliest end of an order by the calendar. traded_at_open: the last bar at whose open
    something of ours traded.
    """

    __slots__ = (
        "down",
        "expires_at",
        "is_eager",
        "orders",
        "ranked",
        "through",
        "traded_at_open",
        "up",
        "wants_close",
    )

    def __init__(self, *, through: bool) -> None:
        self.orders: dict[str, Working] = {}
        self.ranked: tuple[Working, ...] = ()
        self.through = through
        self.down = -inf
        self.up = inf
        self.is_eager = False
        self.wants_close = False
        self.expires_at = NEVER
        self.traded_at_open: Bar | None = None

    def __iter__(self) -> Iterator[Working]:
        return iter(self.orders.values())

    def __len__(self) -> int:
        return len(self.orders)

    def is_untouched_by(self, low: float, high: float, ts: int) -> bool:
        """Whether a bar with this range cannot do anything here, at its open, inside it or at its end."""
        return (
            self.down < low
            and high < self.up
            and not self.is_eager
            and not self.wants_close
            and ts < self.expires_at
        )

    def group(self, order: Working) -> list[Working]:
        """The other orders of its OCO group."""
        label = order.terms.oco
        if label is None:
            return []
        return [other for other in self if other.terms.oco == label and other is not order]

    def rescreen(self) -> None:
        """Work out the screen anew; due after any change to an order of this symbol."""
        self.down, self.up, self.expires_at = -inf, inf, NEVER
        self.is_eager = self.wants_close = False
        active = [order for order in self.orders.values() if order.leaves]
        for order in active:
            self._screen(order)
        active.sort(key=lambda order: (order.kind, order.number))
        self.ranked = tuple(active)
        for order in self.orders.values():  # a child expires whether or not its parent has filled
            self.expires_at = min(self.expires_at, order.expires_at)

    def _screen(self, order: Working) -> None:
        terms = order.terms
        if terms.time_in_force is TimeInForce.ON_CLOSE:
            self.wants_close = True
            return
        if terms.time_in_force is TimeInForce.DAY or order.is_trailing or order.born_part is Part.INSIDE:
            self.wants_close = True
        if order.kind is Kind.MARKET or not order.is_resting or (order.is_trailing and not order.stop):
            self.is_eager = True
            return
        if order.kind is Kind.LIMIT:
            reach = float(limit_reach(terms.side, order.limit, order.instrument, through=self.through))
            is_below = terms.side is Side.BUY
        else:
            reach = float(order.stop)
            is_below = terms.side is Side.SELL
        if is_below:
            self.down = max(self.down, reach)
        else:
            self.up = min(self.up, reach)
