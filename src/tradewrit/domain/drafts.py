"""Orders that were let through and have not left: in nobody's book but ours. Used by the executor.

A draft waits for the market to open. Until then what happens to it is ours to say: no venue restates
it for a split. Sends nothing.
"""

from collections.abc import Iterator

from tradewrit.domain.books import Books
from tradewrit.domain.events.corporate import SharesSplit
from tradewrit.domain.events.orders import OrderCancelled, OrderRestated
from tradewrit.domain.orders import Order, OrderState, Role
from tradewrit.domain.positions import Direction
from tradewrit.domain.reports import cancelled


def drafts(books: Books) -> Iterator[Order]:
    """The orders that wait, in the order of the books."""
    return (order for order in books.orders.values() if order.state is OrderState.DRAFT)


def listed(books: Books, draft: Order) -> tuple[Order, ...]:
    """A draft, and the legs that wait with it."""
    legs = (order for order in books.legs_of(draft.id) if order.state is OrderState.DRAFT)
    return (draft, *legs)


def restated(books: Books, event: SharesSplit) -> tuple[OrderRestated | OrderCancelled, ...]:
    """What a split makes of the drafts in its symbol; the venue restates the orders it has."""
    return tuple(
        _restated(books, order, event) for order in drafts(books) if order.terms.symbol == event.symbol
    )


def _restated(books: Books, order: Order, event: SharesSplit) -> OrderRestated | OrderCancelled:
    terms, ratio, instrument = order.terms, event.ratio, books.instrument(event.symbol)
    quantity = instrument.qty(ratio.quantity(terms.quantity))
    if not quantity:
        return cancelled(order, event.at, "a split left it less than a lot")
    direction = Direction.opened_by(terms.side if terms.role is Role.ENTRY else terms.side.opposite)
    limit_price, stop_price = (
        None if price is None else ratio.order_price(price, direction, instrument)
        for price in (terms.limit_price, terms.stop_price)
    )
    return OrderRestated(
        at=event.at,
        trace=terms.trade_id,
        client_order_id=order.id,
        trade_id=terms.trade_id,
        symbol=terms.symbol,
        role=terms.role,
        quantity=quantity,
        filled=order.filled,
        limit_price=limit_price,
        stop_price=stop_price,
    )
