"""Orders: what is asked of a venue, the state it is in, and the table of legal moves.

Knows no venue. A report that asks for a move the table does not have is not an error here; the
executor records it as an anomaly and the order stays as it was.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from tradewrit.domain.money import EXACT, ZERO, Price, Qty, canonical
from tradewrit.errors import InvalidTransitionError


class Side(StrEnum):
    """Direction of an order or a fill. sign: +1 for buy, -1 for sell."""

    BUY = "buy"
    SELL = "sell"

    sign: int

    def __init__(self, value: str) -> None:
        self.sign = 1 if value == "buy" else -1

    @property
    def opposite(self) -> "Side":
        """The side that undoes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """How the venue decides when and at what price to trade."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"


class TimeInForce(StrEnum):
    """How long an order lives, and at which auction it trades."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    ON_OPEN = "opg"
    ON_CLOSE = "cls"


class Role(StrEnum):
    """What an order is for in its trade.

    is_entry: whether it opens or adds. is_protective: every other only ever reduces risk, and never waits for
    a human or a budget. (Asking the member is cheap; naming one, before Python 3.12, is not.)
    """

    ENTRY = "entry"
    STOP = "stop"
    TARGET = "target"
    EXIT = "exit"

    is_entry: bool
    is_protective: bool

    def __init__(self, value: str) -> None:
        self.is_entry = value == "entry"
        self.is_protective = not self.is_entry


class OrderTerms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Exactly what is asked of the venue.

    client_order_id: derived from its cause, the same on every retry (`domain.ids`).
    trail_fraction: distance of a trailing stop from the running extreme, 0..1.
    reduce_only: may only shrink the position; the venue refuses or cuts anything more.
    oco: orders that share this label cancel each other; the first to fill wins.
    parent: client order id of the entry that must fill before this order becomes live (bracket).
    """

    client_order_id: str
    trade_id: str
    symbol: str
    side: Side
    quantity: Qty
    type: OrderType
    role: Role
    time_in_force: TimeInForce = TimeInForce.GTC
    limit_price: Price | None = None
    stop_price: Price | None = None
    trail_fraction: Decimal | None = None
    reduce_only: bool = False
    oco: str | None = None
    parent: str | None = None

    def defects(self) -> tuple[str, ...]:
        """What no venue would accept about these terms; empty when they are well formed."""
        wants = _PRICES[self.type]
        found = []
        for name in ("limit_price", "stop_price", "trail_fraction"):
            value: Decimal | None = getattr(self, name)
            if name in wants and value is None:
                found.append(f"a {self.type} order needs {name}")
            elif name not in wants and value is not None:
                found.append(f"a {self.type} order takes no {name}")
            elif value is not None and value <= 0:
                found.append(f"{name} must be positive, not {value}")
        if self.quantity <= 0:
            found.append(f"quantity must be positive, not {self.quantity}")
        if self.trail_fraction is not None and self.trail_fraction >= 1:
            found.append(f"trail_fraction must be below 1, not {self.trail_fraction}")
        if self.time_in_force in _AUCTIONS and self.type not in {OrderType.MARKET, OrderType.LIMIT}:
            found.append(f"a {self.type} order cannot be {self.time_in_force}")
        return tuple(found)


_PRICES: Final[Mapping[OrderType, frozenset[str]]] = {
    OrderType.MARKET: frozenset(),
    OrderType.LIMIT: frozenset({"limit_price"}),
    OrderType.STOP: frozenset({"stop_price"}),
    OrderType.STOP_LIMIT: frozenset({"stop_price", "limit_price"}),
    OrderType.TRAILING_STOP: frozenset({"trail_fraction"}),
}
_AUCTIONS = frozenset({TimeInForce.ON_OPEN, TimeInForce.ON_CLOSE})


class OrderState(StrEnum):
    """Where an order is in its life. The first eight are everybody's; the last three are ours."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    PENDING_CANCEL = "pending_cancel"
    PENDING_REPLACE = "pending_replace"


class On(StrEnum):
    """What can happen to an order."""

    SUBMIT = "submit"
    ACCEPT = "accept"
    REJECT = "reject"
    FILL_SOME = "fill_some"
    FILL_REST = "fill_rest"
    ASK_CANCEL = "ask_cancel"
    CANCEL = "cancel"
    ASK_REPLACE = "ask_replace"
    REPLACE = "replace"
    REFUSE = "refuse"
    EXPIRE = "expire"
    LOSE = "lose"


_S = OrderState
TRANSITIONS: Final[Mapping[OrderState, Mapping[On, OrderState]]] = {
    _S.DRAFT: {
        On.SUBMIT: _S.SUBMITTED,
        On.CANCEL: _S.CANCELLED,  # withdrawn before it was sent: kill switch, writ refused
        On.EXPIRE: _S.EXPIRED,  # held for a closed market until its day was over
    },
    _S.SUBMITTED: {
        On.ACCEPT: _S.ACCEPTED,
        On.REJECT: _S.REJECTED,
        On.FILL_SOME: _S.PARTIALLY_FILLED,  # venues may fill before they acknowledge
        On.FILL_REST: _S.FILLED,
        On.CANCEL: _S.CANCELLED,  # IOC and FOK end without an acknowledgement at some venues
        On.EXPIRE: _S.EXPIRED,
        On.ASK_CANCEL: _S.PENDING_CANCEL,
        On.LOSE: _S.UNKNOWN,
    },
    _S.ACCEPTED: {
        On.FILL_SOME: _S.PARTIALLY_FILLED,
        On.FILL_REST: _S.FILLED,
        On.CANCEL: _S.CANCELLED,
        On.EXPIRE: _S.EXPIRED,
        On.REJECT: _S.REJECTED,  # Alpaca and Schwab reject after accepting, e.g. at the open
        On.ASK_CANCEL: _S.PENDING_CANCEL,
        On.ASK_REPLACE: _S.PENDING_REPLACE,
        On.REPLACE: _S.ACCEPTED,  # a change that was given up for lost, and was only late
    },
    _S.PARTIALLY_FILLED: {
        On.FILL_SOME: _S.PARTIALLY_FILLED,
        On.FILL_REST: _S.FILLED,
        On.CANCEL: _S.CANCELLED,
        On.EXPIRE: _S.EXPIRED,
        On.ASK_CANCEL: _S.PENDING_CANCEL,
        On.ASK_REPLACE: _S.PENDING_REPLACE,
        On.REPLACE: _S.PARTIALLY_FILLED,
    },
    _S.PENDING_CANCEL: {
        On.ACCEPT: _S.PENDING_CANCEL,  # the acknowledgement overtaken by our cancel
        On.FILL_SOME: _S.PENDING_CANCEL,
        On.FILL_REST: _S.FILLED,  # too late to cancel
        On.REPLACE: _S.PENDING_CANCEL,  # of before our cancel: the venue fills by it until it ends
        On.CANCEL: _S.CANCELLED,
        On.EXPIRE: _S.EXPIRED,
        On.REJECT: _S.REJECTED,
        On.REFUSE: _S.ACCEPTED,
    },
    _S.PENDING_REPLACE: {
        On.FILL_SOME: _S.PENDING_REPLACE,
        On.FILL_REST: _S.FILLED,
        On.REPLACE: _S.ACCEPTED,
        On.REFUSE: _S.ACCEPTED,
        On.CANCEL: _S.CANCELLED,
        On.EXPIRE: _S.EXPIRED,
        On.ASK_CANCEL: _S.PENDING_CANCEL,
    },
    _S.UNKNOWN: {
        On.SUBMIT: _S.SUBMITTED,  # the venue proved it never arrived: the same id goes out again
        On.ACCEPT: _S.ACCEPTED,
        On.REJECT: _S.REJECTED,
        On.FILL_SOME: _S.PARTIALLY_FILLED,
        On.FILL_REST: _S.FILLED,
        On.CANCEL: _S.CANCELLED,
        On.EXPIRE: _S.EXPIRED,
        On.ASK_CANCEL: _S.PENDING_CANCEL,
    },
    # A fill that crossed our cancel on the wire still counts: the shares are ours.
    _S.CANCELLED: {On.FILL_SOME: _S.CANCELLED, On.FILL_REST: _S.FILLED},
    _S.EXPIRED: {On.FILL_SOME: _S.EXPIRED, On.FILL_REST: _S.FILLED},
    _S.FILLED: {
        On.FILL_REST: _S.FILLED,  # more, of what had been made larger without our having heard of it
        On.REPLACE: _S.PARTIALLY_FILLED,  # it had been made larger before, and is not over
    },
    # So does one of an order that was given up for lost, and was only late.
    _S.REJECTED: {On.FILL_SOME: _S.REJECTED, On.FILL_REST: _S.FILLED},
}
UNHEARD: Final = frozenset({_S.SUBMITTED, _S.UNKNOWN})
"""States of an order that has left, and of which the venue has said nothing."""
_LATE = frozenset({On.FILL_SOME, On.FILL_REST, On.REPLACE})
TERMINAL: Final = frozenset(state for state, moves in TRANSITIONS.items() if moves.keys() <= _LATE)
"""States that nothing but late word of what was before can leave."""


def advance(state: OrderState, on: On) -> OrderState:
    """The next state; raises InvalidTransitionError when the table has no such edge."""
    try:
        return TRANSITIONS[state][on]
    except KeyError:
        raise InvalidTransitionError("order", state.value, on.value) from None


def can(state: OrderState, on: On) -> bool:
    """Whether the table has this edge."""
    return on in TRANSITIONS[state]


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One logical order: its terms, and what has become of them.

    filled: cumulative quantity. value: sum of price x quantity over its fills.
    reserved: cash set aside for the part not yet filled, in account currency.
    approved_by: who let it through, so that a held order leaves under the approval it was given.
    version: rises with each confirmed replacement; the order stays one order.
    most_asked: the largest quantity that a replacement ever asked for; 0 for none. The venue may work it
        however the replacement was answered, if it was.
    is_sent: whether it ever left for the venue.
    agent_id, token_id: who it left under, by SPIFFE id and token; it keeps them however it goes on.
    notional: in account currency, at the price it was decided on. sent_at: UTC ns, 0 while it has not left.
    former: what the venue called it before a replacement gave it another id, the last first.
    changed_at: when a replacement was last asked for, UTC ns.
    doubt_since: UTC ns, since when the venue may know better than the books; 0 while it does not. It stays
        with an order that was given up.
    doubts: how often it was asked since, and that did not settle it.
    resent: how often it went out again, since the venue never got it.
    """

    terms: OrderTerms
    state: OrderState = OrderState.DRAFT
    filled: Decimal = ZERO
    value: Decimal = ZERO
    reserved: Decimal = ZERO
    broker_order_id: str = ""
    approved_by: tuple[str, ...] = ()
    version: int = 1
    most_asked: Decimal = ZERO
    reason: str = ""
    is_sent: bool = False
    agent_id: str = ""
    token_id: str = ""
    notional: Decimal = ZERO
    sent_at: int = 0
    changed_at: int = 0
    doubt_since: int = 0
    doubts: int = 0
    resent: int = 0
    former: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The client order id."""
        return self.terms.client_order_id

    @property
    def is_live(self) -> bool:
        """Whether it may still trade."""
        return self.state not in TERMINAL

    @property
    def is_in_doubt(self) -> bool:
        """Whether the venue has to be asked before anything is concluded about it."""
        return self.state is OrderState.UNKNOWN or (self.doubt_since > 0 and self.is_live)

    @property
    def is_given_up(self) -> bool:
        """Whether nobody but the desk says that it is dead, after the venue had denied it for long enough."""
        return self.state is OrderState.REJECTED and self.doubt_since > 0

    @property
    def remaining(self) -> Decimal:
        """Quantity not yet filled."""
        return self.terms.quantity - self.filled

    @property
    def reserve(self) -> Decimal:
        """Cash still set aside: the reservation for the part that has not filled."""
        if not self.reserved or not self.is_live:
            return ZERO
        if not self.filled:
            return self.reserved
        return EXACT.divide(self.reserved * self.remaining, self.terms.quantity)

    @property
    def average_price(self) -> Decimal | None:
        """Volume-weighted fill price for display; None before the first fill."""
        return canonical(self.value / self.filled) if self.filled else None


class Approved(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Orders that the risk officer, and a human if policy said so, let through.

    The only thing a broker accepts. Several orders are one list: an entry with the children of its
    bracket, or the legs of an OCO.

    by: who let it through, e.g. ("risk:9f2c", "review:automatic") or ("protection:stop",).
    """

    orders: tuple[OrderTerms, ...]
    by: tuple[str, ...]
    at: int
