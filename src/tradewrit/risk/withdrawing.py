"""What is taken back, by whom it may be, and which entries a halt, a suspension or a lost writ takes back.

Used by the executor. Stops, targets and exits go on, whatever becomes of entries. Sends nothing.
"""

from collections.abc import Iterable, Iterator

from tradewrit.domain.books import Books
from tradewrit.domain.conclusions import ask, cancelled
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.drafts import listed
from tradewrit.domain.effects import CancelAtVenue
from tradewrit.domain.events.account import PositionDisputed, SymbolSuspended, TradingHalted
from tradewrit.domain.events.market import MaintenanceBegan, SymbolHalted
from tradewrit.domain.events.orders import CancelOrder, CancelRefused, CancelRequested, FillQuestioned
from tradewrit.domain.events.writs import WritRevoked
from tradewrit.domain.orders import Order, OrderState, Role
from tradewrit.domain.writs import EXECUTOR, KEEPER


def cancel(books: Books, event: CancelOrder) -> Decision:
    """Ask the venue to end an order; one that never left is ended here, and what is needed stays."""
    order = books.orders.get(event.client_order_id)
    if order is None:
        return _refused(event, "there is no such open order")
    if not order.is_live:
        return _refused(event, f"the order is already {order.state}")
    if order.state is OrderState.PENDING_CANCEL:  # whoever asks again wants to know now
        return Decision(effects=(ask(order),)) if order.is_in_doubt else NOTHING
    needed_for = _needed_for(books, order)
    if needed_for and event.actor != KEEPER:
        return _refused(event, needed_for)
    if order.state is OrderState.DRAFT:  # taken back without asking anybody
        reason = event.reason or "withdrawn before it was sent"
        return Decision(tuple(cancelled(one, event.at, reason) for one in listed(books, order)))
    terms = order.terms
    agent_id, token_id = books.standing(KEEPER)
    asked = CancelRequested(
        at=event.at,
        trace=terms.trade_id,
        client_order_id=order.id,
        reason=event.reason,
        agent_id=agent_id,
        token_id=token_id,
    )
    effect = CancelAtVenue(
        trace=terms.trade_id,
        symbol=terms.symbol,
        client_order_id=order.id,
        broker_order_id=books.venue_name(order),
    )
    return Decision((asked,), (effect,))


def _needed_for(books: Books, order: Order) -> str:
    """Why nobody but the keeper may take a stop back; "" where it is not needed."""
    terms = order.terms
    if terms.role is not Role.STOP:
        return ""
    if terms.symbol in books.positions:
        return "it protects an open position; close the trade instead"
    entry = books.orders.get(terms.parent or "")
    is_asleep = entry is not None and entry.is_live
    return "it will protect what its entry brings; cancel the entry instead" if is_asleep else ""


def _refused(event: CancelOrder, reason: str) -> Decision:
    refused = CancelRefused(
        at=event.at, trace=event.trace, client_order_id=event.client_order_id, reason=reason
    )
    return Decision((refused,))


def halted(books: Books, event: TradingHalted) -> Decision:
    """Entries that may still trade are taken back."""
    return _take_back(_entries(books), event.at, EXECUTOR, f"halted: {event.reason}")


def disowned(books: Books, event: WritRevoked) -> Decision:
    """What was sent under a writ that somebody took away is taken back: it must not outlive it.

    One that expired unrenewed is another matter: nobody has said no, and its entries may work on.
    """
    if event.agent != EXECUTOR:
        return NOTHING
    return _take_back(_entries(books), event.at, EXECUTOR, f"its writ was revoked: {event.reason}")


def shut(books: Books, event: SymbolHalted | MaintenanceBegan) -> Decision:
    """Entries are taken back where the venue trades nothing, while there is somebody to take them back."""
    symbol = event.symbol if isinstance(event, SymbolHalted) else ""
    return _take_back(_entries(books, symbol), event.at, EXECUTOR, books.why_shut(symbol))


def disputed(books: Books, event: PositionDisputed) -> Decision:
    """Entries in a symbol that the venue differs on are taken back."""
    reason = f"disputed: {books.disputed[event.symbol]}"
    return _take_back(_entries(books, event.symbol), event.at, EXECUTOR, reason)


def doubted(books: Books, event: FillQuestioned) -> Decision:
    """Entries in a symbol of which a fill can hardly be right are taken back."""
    return _take_back(_entries(books, event.symbol), event.at, EXECUTOR, f"questioned: {event.reason}")


def suspended(books: Books, event: SymbolSuspended) -> Decision:
    """Entries are taken back, and what never left stays here; the rest is the venue's to end."""
    ours = (
        order
        for order in books.orders.values()
        if order.is_live and order.terms.symbol == event.symbol
        if order.terms.role.is_entry or order.state is OrderState.DRAFT
        if order.terms.parent is None  # legs end with their entry
    )
    return _take_back(ours, event.at, KEEPER, f"suspended: {event.reason}")


def _entries(books: Books, symbol: str = "") -> Iterator[Order]:
    """Entries that may still trade, in a symbol or in all."""
    return (
        order
        for order in books.orders.values()
        if order.is_live and order.terms.role.is_entry and symbol in {"", order.terms.symbol}
    )


def _take_back(orders: Iterable[Order], at: int, actor: str, reason: str) -> Decision:
    return Decision(
        tuple(
            CancelOrder(
                at=at, trace=order.terms.trade_id, client_order_id=order.id, actor=actor, reason=reason
            )
            for order in orders
        )
    )
