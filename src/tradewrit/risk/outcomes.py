"""What the venue's answer to an order means for its trade: a stop set, moved or lost, an exit under way.

Facts in, events out. Used by the position keeper. What is held and not covered is covered anew, a few
times; then it is left. Knows no fills (`risk.fills`) and no venue.
"""

from collections.abc import Iterable, Iterator
from typing import Final, assert_never

from tradewrit.domain.books import Books
from tradewrit.domain.conclusions import aborted
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import (
    ModifyRefused,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderModified,
    OrderRejected,
)
from tradewrit.domain.events.positions import ExitSent, StopFailed, StopLapsed, StopMoved
from tradewrit.domain.market import MarketPhase
from tradewrit.domain.orders import Order, OrderState, Role
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.signals import Market
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.risk.closing import LEAVING, close, leave, signal_exit
from tradewrit.risk.protection import (
    cancel,
    covered,
    fit,
    held,
    is_excessive,
    is_guarded,
    is_off,
    mend,
    working,
    works,
)

_MOST_FAILURES: Final = 3
_PAIR: Final = (Role.STOP, Role.TARGET)
_GIVEN_UP: Final = {
    OrderState.REJECTED: ("rejected", "the entry was rejected"),
    OrderState.EXPIRED: ("expired", "the entry expired unfilled"),
}


def acknowledged(books: Books, event: OrderAccepted | OrderModified) -> Iterable[Event]:
    """It works as asked: the stop is set or moved, the exit is out, and what has filled since is covered."""
    order = books.orders.get(event.client_order_id)
    trade = None if order is None else books.trades.get(order.terms.trade_id)
    if order is None or trade is None or order.state is OrderState.PENDING_CANCEL:
        return ()
    if order.remaining <= 0:  # all of it had filled: that it is over comes next
        return ()
    match order.terms.role:
        case Role.ENTRY:
            return ()
        case Role.EXIT:
            if trade.state is not TradeState.EXIT_TRIGGERED:
                return ()
            sent = ExitSent(at=event.at, trace=trade.id, trade_id=trade.id, client_order_id=order.id)
            return (sent,)
        case Role.TARGET:
            lacks_stop = not working(books, trade, Role.STOP)
            return mend(books, trade, event.at) if lacks_stop else fit(books, trade, event.at)
        case Role.STOP:
            return _stop_works(books, trade, order, event)
        case _:
            assert_never(order.terms.role)


def _stop_works(
    books: Books, trade: Trade, order: Order, event: OrderAccepted | OrderModified
) -> Iterator[Event]:
    price = order.terms.stop_price
    if price is None or not trade.opened_at:  # a leg sleeps until its entry fills
        return
    if isinstance(event, OrderAccepted):
        yield from works(books, trade, order, event.at)
        return
    yield StopMoved(
        at=event.at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        stop_price=price,
        quantity=covered(books, trade, order),
    )
    # More may have filled while the stop was on its way.
    yield from fit(books, trade, event.at)


def unchanged(books: Books, event: ModifyRefused) -> Iterable[Event]:
    """The venue kept the old terms: no harm, unless they cover not what is held, or are the decision's."""
    order = books.orders.get(event.client_order_id)
    trade = None if order is None else books.trades.get(order.terms.trade_id)
    if order is None or trade is None or not event.is_answer or not order.is_live:
        return ()
    if trade.state in LEAVING or not held(books, trade) or order.remaining <= 0:
        return ()
    reason = f"it covers {order.remaining} of {held(books, trade)} and cannot be changed: {event.reason}"
    if order.terms.role in _PAIR and is_excessive(books, trade, order):
        # A stop that is refused a smaller size still covers: it stays, and the next bar asks again.
        return _unasked(books, trade, event.at, reason) if event.is_unsent else ()
    if order.terms.role is not Role.STOP:
        return ()
    if is_off(trade, order):
        return _not_moved(books, trade, order, event)
    if order.remaining >= held(books, trade):
        return ()
    if event.is_unsent:
        return _unasked(books, trade, event.at, reason)
    # Not at once again: the venue has just said no. The next bar tries anew.
    return _stop_failed(books, trade, event.at, reason, is_patient=True)


def _not_moved(books: Books, trade: Trade, stop: Order, event: ModifyRefused) -> Iterable[Event]:
    """A leg stays at the decision's price: it covers, so the next bar tries anew; then it makes way."""
    reason = f"it stands at {stop.terms.stop_price}, not where the fill puts it: {event.reason}"
    if not trade.failures:
        return _stop_failed(books, trade, event.at, reason, is_patient=True)
    return cancel(trade, working(books, trade, Role.STOP, Role.TARGET), event.at, reason)


def ended(books: Books, market: Market, event: OrderCancelled | OrderExpired) -> Iterable[Event]:
    """It was cancelled or expired: an entry is given up, an exit goes on, a lost stop is put back."""
    trade = books.trades.get(event.trade_id)
    if trade is None:
        return ()
    outcome = "expired" if isinstance(event, OrderExpired) else "aborted"
    if not trade.opened_at:
        return _given_up(books, trade, event)
    if not held(books, trade):
        # Legs that have nothing to close end with their entry; the next bar asks for those that have not.
        is_ending = any(order.terms.parent for order in working(books, trade))
        return () if is_ending else close(books, trade, event.at, trade.exit_reason)
    if trade.state is TradeState.EXIT_TRIGGERED:
        return leave(books, market, trade, event.at)
    if event.role.is_entry:
        return ()  # what filled is protected; the rest was let go
    is_closing = trade.state is TradeState.ORDER_CLOSING
    if is_guarded(books, trade) if is_closing else working(books, trade, Role.STOP):
        return ()
    if event.role is Role.TARGET:
        return mend(books, trade, event.at)  # it was in the way of a new stop
    is_night = market.phase(event.at) is not MarketPhase.OPEN
    if isinstance(event, OrderExpired) and is_night and not books.capabilities.stop_gtc:
        return _lapsed(books, trade, event.at)
    return _stop_failed(books, trade, event.at, f"the {event.role} order is {outcome}")


def _lapsed(books: Books, trade: Trade, at: int) -> Iterator[Event]:
    """The session is over, and with it the stop: nothing works until the next, so it is put back then."""
    if trade.stop_price is not None and not trade.stop_lapsed:
        yield StopLapsed(
            at=at,
            trace=trade.id,
            trade_id=trade.id,
            symbol=trade.symbol,
            quantity=held(books, trade),
            stop_price=trade.stop_price,
        )


def rejected(books: Books, market: Market, event: OrderRejected) -> Iterable[Event]:
    """The venue never took it: an entry is given up, a stop or an exit is tried again."""
    trade = books.trades.get(event.trade_id)
    if trade is None:
        return ()
    if not trade.opened_at:
        return _given_up(books, trade, event)
    if not held(books, trade):  # others closed it while this was on its way
        return close(books, trade, event.at, trade.exit_reason or "external")
    reason = f"{event.code}: {event.reason}"
    if event.role.is_protective and event.role is not Role.EXIT and trade.state is TradeState.EXIT_TRIGGERED:
        return leave(books, market, trade, event.at)  # it was in the way of the exit
    match event.role:
        case Role.ENTRY:
            return ()  # what filled is protected
        case Role.STOP | Role.EXIT if event.code == Rejection.NOT_TAKEN:
            return _unasked(books, trade, event.at, reason)
        case Role.TARGET if event.code == Rejection.NOT_TAKEN:
            return ()  # it was listed with a stop, which is asked for anew
        case Role.STOP:
            if event.code == Rejection.TRIGGERED_AT_ONCE and trade.stop_price is not None:
                return (signal_exit(trade, "stop", trade.stop_price, event.at),)
            return _stop_failed(books, trade, event.at, reason)
        case Role.EXIT:
            return _stop_failed(books, trade, event.at, reason)
        case Role.TARGET:
            # Listed with a refused stop, it was in the way of the next; alone, the stop is enough.
            is_covered = working(books, trade, Role.STOP, Role.EXIT)
            return () if is_covered else mend(books, trade, event.at)
        case _:
            assert_never(event.role)


def _given_up(
    books: Books, trade: Trade, event: OrderCancelled | OrderExpired | OrderRejected
) -> Iterable[Event]:
    """An entry that ended unfilled ends its trade, once nothing that was listed with it is live."""
    entry = books.orders.get(trade.entry_id)
    if entry is None or working(books, trade):
        return ()
    outcome, default = _GIVEN_UP.get(entry.state, ("aborted", "the entry was cancelled"))
    reason = entry.reason or default
    if outcome == "rejected" and isinstance(event, OrderRejected):
        reason = f"{event.code}: {reason}"
    return (aborted(trade.id, trade.symbol, event.at, outcome, reason),)


def _unasked(books: Books, trade: Trade, at: int, reason: str) -> Iterator[Event]:
    """The call was not taken: a limit or a breaker let nothing through. The next second tries anew.

    That says nothing of the position, so it is no reason to leave it.
    """
    if held(books, trade) and trade.stop_price is not None:
        yield StopFailed(
            at=at,
            trace=trade.id,
            trade_id=trade.id,
            symbol=trade.symbol,
            reason=reason,
            attempt=trade.attempts,
            is_refused=False,
        )


def _stop_failed(
    books: Books, trade: Trade, at: int, reason: str, *, is_patient: bool = False
) -> Iterator[Event]:
    """What is held is not covered: try again a few times, then leave; never the same thing for ever.

    A trade that is to be left and cannot be tries again with the next bar, quote or market status.
    """
    if not held(books, trade) or trade.stop_price is None:
        return
    yield StopFailed(
        at=at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        reason=reason,
        attempt=trade.attempts,
    )
    failures = trade.failures + 1
    if failures < _MOST_FAILURES:
        if not is_patient:
            yield from mend(books, trade, at)
    elif trade.state is not TradeState.EXIT_TRIGGERED:
        yield signal_exit(trade, "stop_failed", trade.stop_price, at)
