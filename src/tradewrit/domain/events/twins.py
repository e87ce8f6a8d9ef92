"""What the executor says of another order that the venue took under the id of one of ours."""

from tradewrit.domain.events.base import Event
from tradewrit.domain.orders import Role
from tradewrit.domain.positions import Fill


class TwinFound(Event, frozen=True, kw_only=True, gc=False, tag="order.twin.found"):
    """An alert: the venue took one client order id as two orders. The later one is cancelled, entries halt.

    broker_order_id: the venue's id of the other. ours: of the one that the books follow.
    """

    client_order_id: str
    trade_id: str
    symbol: str
    role: Role
    broker_order_id: str
    ours: str


class TwinFilled(Event, frozen=True, kw_only=True, gc=False, tag="order.twin.filled"):
    """An alert: it has traded, which nobody wanted. fill: what, in no trade so far.

    Of an entry whose trade is open it becomes the trade's, to be covered and left with it. What it closes of
    a position of ours is closed; the rest is held apart, a person's to settle.
    """

    client_order_id: str
    trade_id: str
    symbol: str
    role: Role
    broker_order_id: str
    exec_id: str
    fill: Fill


class TwinEnded(Event, frozen=True, kw_only=True, gc=False, tag="order.twin.ended"):
    """It trades no more. Nothing of ours has ended with it."""

    client_order_id: str
    symbol: str
    broker_order_id: str
    reason: str
