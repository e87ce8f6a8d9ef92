"""What a fill leads to: a position opened, added to, reduced or closed, and never left uncovered.

Facts in, events out. Used by the position keeper. The fill is in the books already: knows no cash
and no lots, and asks `risk.protection` and `risk.closing` for what follows.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.positions import (
    ExitSent,
    FillBooked,
    FillRestated,
    PositionAdded,
    PositionOpened,
    ProtectionRestated,
    StopHit,
    TargetHit,
)
from tradewrit.domain.money import ZERO, Price, canonical
from tradewrit.domain.orders import Role
from tradewrit.domain.signals import Market
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.risk.closing import LEAVING, close, leave
from tradewrit.risk.protection import cancel, cover, fit, held, is_guarded, levels, mend, working

_CLOSED_BY: Final = {Role.STOP: "stop", Role.TARGET: "target"}


def filled(books: Books, market: Market, event: FillBooked) -> Iterable[Event]:
    """Protect what an entry added; say what a stop, a target or an exit took, and close what is flat."""
    trade = books.trades.get(event.fill.trade_id)
    if trade is None:
        return ()
    if event.role.is_entry:
        return _entered(books, market, trade, event)
    if event.client_order_id not in books.orders:
        return _taken(books, market, trade, event)
    return _reduced(books, market, trade, event)


def _entered(books: Books, market: Market, trade: Trade, event: FillBooked) -> Iterator[Event]:
    quantity, at = held(books, trade), event.at
    if not quantity:
        return
    stop, target = levels(books, trade)
    if stop is None:
        return
    if not trade.opened_at:
        yield PositionOpened(
            at=at,
            trace=trade.id,
            trade_id=trade.id,
            symbol=trade.symbol,
            quantity=quantity,
            entry_price=Price(event.fill.price),
            stop_price=stop,
            target_price=target,
        )
        yield from cover(books, replace(trade, stop_price=stop, target_price=target), at)
        return
    yield PositionAdded(
        at=at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        quantity=quantity,
        stop_price=stop,
        target_price=target,
    )
    if trade.state in LEAVING:
        yield from _go_on(books, market, trade, at)
    else:
        yield from fit(books, replace(trade, stop_price=stop, target_price=target), at)


def _taken(books: Books, market: Market, trade: Trade, event: FillBooked) -> Iterable[Event]:
    """Somebody else closed some of it: the protection shrinks with it, or the trade is over."""
    if not held(books, trade):
        return close(books, trade, event.at, trade.exit_reason or "external")
    if trade.state in LEAVING:
        return _go_on(books, market, trade, event.at)
    return fit(books, trade, event.at)


def _reduced(books: Books, market: Market, trade: Trade, event: FillBooked) -> Iterator[Event]:
    at, role, price = event.at, event.role, Price(event.fill.price)
    left = held(books, trade)
    is_first = trade.state not in LEAVING
    if is_first and role is Role.STOP:
        yield StopHit(
            at=at,
            trace=trade.id,
            trade_id=trade.id,
            symbol=trade.symbol,
            price=price,
            slip=_slip(books, trade, event),
        )
    elif is_first and role is Role.TARGET:
        yield TargetHit(at=at, trace=trade.id, trade_id=trade.id, symbol=trade.symbol, price=price)
    # A part of the stop that trades while the exit clears its way is not the exit itself.
    is_exit = is_first or role is Role.EXIT or not left
    if is_exit and trade.state is not TradeState.ORDER_CLOSING:
        yield ExitSent(at=at, trace=trade.id, trade_id=trade.id, client_order_id=event.client_order_id)
    if left:
        yield from _go_on(books, market, trade, at)
    else:
        yield from close(books, trade, at, _CLOSED_BY.get(role, trade.exit_reason))


def corrected(books: Books, market: Market, event: FillRestated) -> Iterator[Event]:
    """A fill is other than it was: stop and target follow what is held, and what is flat is closed."""
    trade, at = books.trades.get(event.trade_id), event.at
    if trade is None:
        return
    if not held(books, trade):
        yield from close(books, trade, at, trade.exit_reason or "corrected")
        return
    if trade.state in LEAVING:
        yield from _fewer(books, trade, at)
        yield from _go_on(books, market, trade, at)
        return
    stop, target = levels(books, trade)
    if event.role.is_entry and stop is not None:
        yield ProtectionRestated(
            at=at,
            trace=trade.id,
            trade_id=trade.id,
            symbol=trade.symbol,
            stop_price=stop,
            target_price=target,
            extreme=trade.extreme,
        )
        trade = replace(trade, stop_price=stop, target_price=target)
    if working(books, trade, Role.STOP):
        has_grown = event.role is Role.ENTRY and event.after.fill.quantity > event.before.fill.quantity
        yield from fit(books, trade, at, has_grown=has_grown)
    else:
        yield from mend(books, trade, at)


def _slip(books: Books, trade: Trade, event: FillBooked) -> Decimal:
    """How far beyond the working stop's price it filled."""
    wanted = books.orders[event.client_order_id].terms.stop_price
    if wanted is None:
        return ZERO
    return canonical((wanted - event.fill.price) * trade.direction.sign)


def _fewer(books: Books, trade: Trade, at: int) -> Iterator[Event]:
    """An exit that would sell more than is held by now makes way for one of the right size."""
    quantity = held(books, trade)
    exits = [order for order in working(books, trade, Role.EXIT) if order.remaining > quantity]
    yield from cancel(trade, exits, at, "a correction left it less to close")


def _go_on(books: Books, market: Market, trade: Trade, at: int) -> Iterator[Event]:
    """Something is still held in a trade that is being left: none of it may stay without an order."""
    if trade.state is TradeState.EXIT_TRIGGERED:
        yield from leave(books, market, trade, at)
    elif not is_guarded(books, trade):
        yield from mend(books, trade, at)
