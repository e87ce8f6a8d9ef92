"""Intents: orders and changes, put on record before they leave, under whose writ, and what sends them.

Used by the executor. Knows no venue; while nobody trades in a symbol its orders are held as drafts.
"""

from decimal import Decimal

from tradewrit.domain.books import Books
from tradewrit.domain.decisions import Decision
from tradewrit.domain.effects import PlaceOrders, ReplaceAtVenue
from tradewrit.domain.events.orders import ModifyRequested, OrderRequested
from tradewrit.domain.market import MarketPhase
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import Approved, Order, OrderTerms
from tradewrit.domain.signals import Market
from tradewrit.domain.terms import order_notional
from tradewrit.domain.writs import EXECUTOR, KEEPER


def request(
    books: Books,
    market: Market,
    orders: tuple[OrderTerms, ...],
    by: tuple[str, ...],
    at: int,
    decided: Decimal | None,
    reserved: Decimal = ZERO,
) -> Decision:
    """The intents, and with them the orders; held as drafts while nobody trades.

    by: who let them through. decided: the price that was decided on, None where there was none.
    reserved: for the first, which is the entry where there is one.
    """
    first, *legs = orders
    held = _why_held(books, market, first.symbol, at)
    requested = (
        intent(books, first, by, at, decided, reserved, held),
        *(intent(books, leg, by, at, decided, ZERO, held) for leg in legs),
    )
    return Decision(requested, () if held else (place(orders, by, at),))


def _why_held(books: Books, market: Market, symbol: str, at: int) -> str:
    if symbol in books.paused:
        return "symbol halted"
    if books.maintenance:
        return "venue in maintenance"
    return "" if market.phase(at) is MarketPhase.OPEN else "market closed"


def intent(
    books: Books,
    terms: OrderTerms,
    by: tuple[str, ...],
    at: int,
    decided: Decimal | None,
    reserved: Decimal = ZERO,
    held: str = "",
) -> OrderRequested:
    """The record of an order that is wanted. held: why it does not leave yet; "" when it does."""
    agent_id, token_id = books.standing(holder(terms))
    return OrderRequested(
        at=at,
        trace=terms.trade_id,
        terms=terms,
        approved_by=by,
        reserved=reserved,
        held=held,
        agent_id=agent_id,
        token_id=token_id,
        notional=order_notional(books.instrument(terms.symbol), terms, decided),
    )


def holder(terms: OrderTerms) -> str:
    """Whose writ an order goes out under; what only reduces risk does not depend on ours.

    Legs that are listed with an entry leave with it, under the entry's.
    """
    return KEEPER if terms.role.is_protective and terms.parent is None else EXECUTOR


def place(orders: tuple[OrderTerms, ...], by: tuple[str, ...], at: int) -> PlaceOrders:
    """Send these orders as one list."""
    approved = Approved(orders=orders, by=by, at=at)
    return PlaceOrders(trace=orders[0].trade_id, symbol=orders[0].symbol, approved=approved)


def change(
    books: Books,
    order: Order,
    at: int,
    quantity: Decimal | None,
    limit_price: Decimal | None,
    stop_price: Decimal | None,
) -> Decision:
    """The intent to replace an order's terms, and with it the request; None leaves a term as it is."""
    terms = order.terms
    # A leg leaves with its entry, under the entry's writ; once it is at the venue it is protection like any.
    agent_id, token_id = books.standing(KEEPER if terms.role.is_protective else EXECUTOR)
    asked = ModifyRequested(
        at=at,
        trace=terms.trade_id,
        client_order_id=order.id,
        quantity=quantity,
        limit_price=limit_price,  # type: ignore[arg-type]  # already a Price on every path
        stop_price=stop_price,  # type: ignore[arg-type]
        agent_id=agent_id,
        token_id=token_id,
    )
    effect = ReplaceAtVenue(
        trace=terms.trade_id,
        symbol=terms.symbol,
        client_order_id=order.id,
        broker_order_id=books.venue_name(order),
        quantity=asked.quantity,
        limit_price=asked.limit_price,
        stop_price=asked.stop_price,
    )
    return Decision((asked,), (effect,))
