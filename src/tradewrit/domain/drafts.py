"""Orders that were let through and have not left: in nobody's book but ours. Used by the executor.

A draft waits for the market to open. Until then what happens to it is ours to say: no venue restates
it for a split. Sends nothing.
"""

from collections.abc import Iterator

from tradewrit.domain import conclusions
from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.events.corporate import SharesSplit
from tradewrit.domain.events.orders import OrderCancelled, OrderReleased, OrderRestated
from tradewrit.domain.intents import holder, place
from tradewrit.domain.market import MarketPhase
from tradewrit.domain.orders import Order, OrderState
from tradewrit.domain.positions import OPENED_BY
from tradewrit.domain.signals import Market


def drafts(books: Books) -> Iterator[Order]:
    """The orders that wait, in the order of the books."""
    return (order for order in books.orders.values() if order.state is OrderState.DRAFT)


def listed(books: Books, draft: Order) -> tuple[Order, ...]:
    """A draft, and the legs that wait with it."""
    legs = (order for order in books.legs_of(draft.id) if order.state is OrderState.DRAFT)
    return (draft, *legs)


def released_if_open(books: Books, market: Market, at: int) -> Decision:
    """Drafts that were held leave as soon as the market is seen to be open."""
    return released(books, at) if market.phase(at) is MarketPhase.OPEN else NOTHING


def released(books: Books, at: int) -> Decision:
    """All drafts leave, but those in symbols that the venue has halted; none during its maintenance."""
    decision = NOTHING
    for order in drafts(books):
        if order.terms.parent is None and not books.why_shut(order.terms.symbol):
            decision += let_go(books, order, at)
    return decision


def let_go(books: Books, draft: Order, at: int) -> Decision:
    """A draft leaves, with the legs that wait with it."""
    whole = listed(books, draft)
    out = tuple(_released(books, one, at) for one in whole)
    return Decision(out, (place(tuple(one.terms for one in whole), draft.approved_by, at),))


def _released(books: Books, order: Order, at: int) -> OrderReleased:
    agent_id, token_id = books.standing(holder(order.terms))
    return OrderReleased(
        at=at, trace=order.terms.trade_id, client_order_id=order.id, agent_id=agent_id, token_id=token_id
    )


def split(books: Books, event: SharesSplit) -> Decision:
    """What a split makes of the drafts in its symbol; the venue restates the orders it has."""
    changed = tuple(
        _restated(books, order, event) for order in drafts(books) if order.terms.symbol == event.symbol
    )
    return Decision(changed) if changed else NOTHING


def _restated(books: Books, order: Order, event: SharesSplit) -> OrderRestated | OrderCancelled:
    terms, ratio, instrument = order.terms, event.ratio, books.instrument(event.symbol)
    quantity = instrument.qty(ratio.quantity(terms.quantity))
    if not quantity:
        return conclusions.cancelled(order, event.at, "a split left it less than a lot")
    direction = OPENED_BY[terms.side if terms.role.is_entry else terms.side.opposite]
    limit_price, stop_price = (
        None if price is None else ratio.order_price(price, direction, instrument)
        for price in (terms.limit_price, terms.stop_price)
    )
    return conclusions.restated(order, event.at, quantity, order.filled, limit_price, stop_price)
