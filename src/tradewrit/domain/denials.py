"""What a denied writ means for an order in the books. Used by the executor alone.

The denial answers in the venue's place: nothing left, so nothing is unknown and nobody need be asked.
"""

from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.events.orders import CancelRefused, ModifyRefused
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.orders import Order, OrderState
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.reports import rejected


def denied(books: Books, event: WritDenied) -> Decision:
    """Without a writ nothing was sent: the intent becomes a refusal, not an unknown."""
    order = books.orders.get(event.subject)
    if order is None:
        return NOTHING
    at, trace, reason = event.at, order.terms.trade_id, f"no writ: {event.reason}"
    match order.state:
        case OrderState.SUBMITTED:
            decision = NOTHING
            for listed in _listed_with(books, order):
                decision += rejected(listed, at, Rejection.NO_WRIT, reason)
            return decision
        case OrderState.PENDING_CANCEL:
            return Decision(
                (CancelRefused(at=at, trace=trace, client_order_id=order.id, reason=reason, is_answer=True),)
            )
        case OrderState.PENDING_REPLACE:
            return Decision(
                (ModifyRefused(at=at, trace=trace, client_order_id=order.id, reason=reason, is_answer=True),)
            )
        case _:
            return NOTHING


def _listed_with(books: Books, order: Order) -> list[Order]:
    """The order, and what was to be sent in the same list: the legs of an entry, the other of an OCO."""
    label = order.terms.oco
    return [
        other
        for other in books.orders_of(order.terms.trade_id)
        if order.id in {other.id, other.terms.parent} or (label and other.terms.oco == label)
        if other.state is OrderState.SUBMITTED
    ]
