"""What is wrong with an order as written: its terms, its steps of price and size, its links.

Knows neither the account nor the market.
"""

from collections.abc import Mapping, Sequence

import msgspec

from tradewrit.brokers.paper.book import Working
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderTerms, OrderType, TimeInForce
from tradewrit.domain.rejections import Rejection

AT_ONCE = frozenset({TimeInForce.IOC, TimeInForce.FOK})
AUCTIONS = frozenset({TimeInForce.ON_OPEN, TimeInForce.ON_CLOSE})
_TAKES_AT_ONCE = frozenset({OrderType.MARKET, OrderType.LIMIT})


class Refusal(msgspec.Struct, frozen=True):
    """Why not. client_order_id: the order at fault."""

    client_order_id: str
    code: Rejection
    reason: str


def refuse(terms: OrderTerms, code: Rejection, reason: str) -> Refusal:
    """The refusal of this order."""
    return Refusal(terms.client_order_id, code, reason)


def malformed(terms: OrderTerms, instrument: Instrument) -> Refusal | None:
    """What no account could make good: terms, steps of price and size; None when well formed."""
    defects = terms.defects()
    if defects:
        return refuse(terms, Rejection.MALFORMED, "; ".join(defects))
    if terms.time_in_force in AT_ONCE and terms.type not in _TAKES_AT_ONCE:
        reason = f"a {terms.type} order waits for its price and cannot be {terms.time_in_force}"
        return refuse(terms, Rejection.UNSUPPORTED, reason)
    for name in ("limit_price", "stop_price"):
        price: Price | None = getattr(terms, name)
        if price is not None and not instrument.is_on_tick(price):
            reason = f"{name} {price} is not a multiple of the tick {instrument.tick}"
            return refuse(terms, Rejection.OFF_TICK, reason)
    if not instrument.is_on_lot(terms.quantity):
        reason = f"quantity {terms.quantity} is not a multiple of the lot {instrument.lot}"
        return refuse(terms, Rejection.OFF_LOT, reason)
    return None


def badly_linked(orders: Sequence[OrderTerms], live: Mapping[str, Working]) -> Refusal | None:
    """What is wrong with the links of a list: parents, OCO labels, repeated ids."""
    listed = {terms.client_order_id: terms for terms in orders}
    symbols: dict[str, str] = {}
    for terms in orders:
        if listed[terms.client_order_id] is not terms:
            return refuse(terms, Rejection.DUPLICATE, "the list names this client order id twice")
        if terms.oco is not None and symbols.setdefault(terms.oco, terms.symbol) != terms.symbol:
            return refuse(terms, Rejection.MALFORMED, f"oco group {terms.oco} spans several symbols")
        if terms.parent is None:
            continue
        parent = listed.get(terms.parent)
        if parent is None and terms.parent in live:
            parent = live[terms.parent].terms
        defect = _bad_parent(terms, parent)
        if defect:
            return refuse(terms, Rejection.MALFORMED, defect)
    return None


def _bad_parent(child: OrderTerms, parent: OrderTerms | None) -> str:
    if parent is None:
        return f"its parent {child.parent} is neither in the list nor working"
    if parent.parent is not None:
        return f"its parent {child.parent} is itself a child"
    if parent.symbol != child.symbol or parent.side is child.side:
        return f"a child closes what its parent opens: {parent.symbol}, {parent.side.opposite}"
    if child.quantity > parent.quantity:
        return f"for {child.quantity}, more than the {parent.quantity} of its parent"
    return ""
