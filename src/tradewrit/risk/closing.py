"""How a trade ends: the way is cleared, then it is sold, and never both at once.

Facts in, events out. Used by the position keeper. Knows no venue; what it asks for is sent by others.
"""

from collections.abc import Iterator
from typing import Final

from tradewrit.domain.books import Books
from tradewrit.domain.conclusions import aborted
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.positions import ExitRequested, PositionClosed
from tradewrit.domain.events.strategy import ExitSignalled
from tradewrit.domain.market import MarketPhase
from tradewrit.domain.money import ZERO, Price, canonical
from tradewrit.domain.orders import OrderState, Role
from tradewrit.domain.signals import Market
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.risk.protection import cancel, fit, held, working

LEAVING: Final = frozenset({TradeState.EXIT_TRIGGERED, TradeState.ORDER_CLOSING})
"""The states of a trade that is being left: the exit is wanted, or out."""


def signal_exit(trade: Trade, reason: str, price: Price, at: int) -> ExitSignalled:
    """Say that the trade is to be left."""
    return ExitSignalled(
        at=at, trace=trade.id, trade_id=trade.id, symbol=trade.symbol, reason=reason, price=price
    )


def leave(books: Books, market: Market, trade: Trade, at: int, reason: str = "") -> Iterator[Event]:
    """The next step out of a trade that is to be left; nothing while one is under way.

    What works is cancelled first; only when all of it is gone does the exit go out. While the market
    is closed the stop stays, for as much as is held: there is nobody to sell to. Nor is there while the venue
    halts the symbol or is in maintenance, nor in a suspended one.
    """
    if trade.symbol in books.suspended:
        return
    reason = reason or trade.exit_reason
    orders = working(books, trade)
    if any(order.terms.role is Role.EXIT for order in orders):
        return
    if market.phase(at) is not MarketPhase.OPEN or books.why_shut(trade.symbol):
        yield from fit(books, trade, at)
    elif orders:
        yield from cancel(trade, orders, at, f"exit: {reason}")
    quantity = held(books, trade)
    if quantity and not orders:
        yield ExitRequested(
            at=at,
            trace=trade.id,
            trade_id=trade.id,
            symbol=trade.symbol,
            side=trade.direction.exit_side,
            quantity=quantity,
            reason=reason,
            limit_price=None,
            attempt=trade.attempts + 1,
        )


def close(books: Books, trade: Trade, at: int, reason: str) -> Iterator[Event]:
    """Flat: take back what is left, and call the trade closed once nothing of it is live."""
    orders = books.orders_of(trade.id)
    done = {order.terms.oco for order in orders if order.state is OrderState.FILLED}
    live = {order.id: order for order in orders if order.is_live}
    # The venue cancels the other leg of an OCO, and legs with their entry; asking as well would only race it.
    asked = [
        order
        for order in live.values()
        if order.terms.parent not in live
        if order.terms.oco is None or order.terms.oco not in done
    ]
    yield from cancel(trade, asked, at, "position closed")
    if live:
        return
    entry = books.orders.get(trade.entry_id)
    yield PositionClosed(
        at=at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        reason=reason,
        quantity=ZERO if entry is None else entry.filled,
        gross=trade.realised,
        fees=trade.fees,
        pnl=canonical(trade.realised - trade.fees + trade.funding),
        funding=trade.funding,
    )


def take_back_legs(books: Books, trade: Trade, at: int) -> Iterator[Event]:
    """Ask for the legs of an entry that ended unfilled, where the venue has not ended them with it."""
    entry = books.orders.get(trade.entry_id)
    if entry is None or entry.is_live:
        return
    legs = working(books, trade)
    yield from cancel(trade, legs, at, "its entry ended unfilled")
    if entry.state is OrderState.FILLED and not legs and not held(books, trade):
        why = "what others held on the other side took all of it"
        yield aborted(trade.id, trade.symbol, at, "aborted", why)
