"""What a denied writ means for an order in the books. Used by the executor alone.

The denial answers in the venue's place: nothing left, so nothing is unknown and nobody need be asked.
"""

from tradewrit.domain.books import Books
from tradewrit.domain.conclusions import doubted, rejected, unproven, whole
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.effects import CancelAtVenue, PlaceOrders, ReplaceAtVenue
from tradewrit.domain.events.orders import CancelRefused, ModifyRefused
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.orders import On, OrderState, can
from tradewrit.domain.rejections import Rejection


def denied(books: Books, event: WritDenied) -> Decision:
    """Without a writ nothing was sent: the intent becomes a refusal, not an unknown.

    By what was denied, not by what the order waits for: it may have been asked to be cancelled since.
    """
    order = books.orders.get(event.subject)
    if order is None:
        return NOTHING
    at, trace, reason = event.at, order.terms.trade_id, f"no writ: {event.reason}"
    match event.effect:
        case PlaceOrders.__name__:
            decision = NOTHING
            for listed in [one for one in books.listed_with(order) if can(one.state, On.REJECT)]:
                if listed.resent:
                    decision += unproven(listed, at, reason)
                else:
                    decision += rejected(listed, at, Rejection.NO_WRIT, reason)
            return decision
        case CancelAtVenue.__name__ if order.state is OrderState.PENDING_CANCEL:
            works = CancelRefused(at=at, trace=trace, client_order_id=order.id, reason=reason, is_answer=True)
            again = doubted(order, at, reason) if order.remaining <= 0 else NOTHING
            return Decision((works,)) + again
        case ReplaceAtVenue.__name__ if order.state is OrderState.PENDING_REPLACE and not order.doubts:
            kept = ModifyRefused(at=at, trace=trace, client_order_id=order.id, reason=reason, is_answer=True)
            return Decision((kept,)) + whole(order, at)
        case _:
            return NOTHING
