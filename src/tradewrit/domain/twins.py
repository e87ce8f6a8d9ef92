"""What a venue calls the orders of one client order id: ours, and any other that it took under it."""

from decimal import Decimal

import msgspec

from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import Order, Role, Side


class Known(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order of ours, as far as it takes to tell it from another under its id.

    ids: what the venue has called it, the last first; empty while it has not said. at: when it left, UTC ns.
    """

    ids: tuple[str, ...]
    trade_id: str
    symbol: str
    side: Side
    role: Role
    at: int


class Twin(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Another order that the venue took under the client order id of one of ours.

    filled: units that are in the books. is_over: nothing of it can trade any more. at: found, UTC ns.
    """

    client_order_id: str
    trade_id: str
    symbol: str
    at: int
    filled: Decimal = ZERO
    is_over: bool = False


def known(order: Order) -> Known:
    """What there is to tell an order by."""
    terms = order.terms
    return Known(
        ids=(order.broker_order_id, *order.former) if order.broker_order_id else (),
        trade_id=terms.trade_id,
        symbol=terms.symbol,
        side=terms.side,
        role=terms.role,
        at=order.sent_at,
    )
