"""position_keeper: keeps a stop alive at the venue for every open quantity, trails it, and closes.

It asks; the executor sends. It never waits for a human, and a stop only ever moves towards the
price. How protection is kept is `risk.protection`, how a trade ends is `risk.closing`; here is when.
Knows no cash and no strategy.
"""

from collections.abc import Iterable, Iterator
from typing import Final, assert_never

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.events.account import SymbolResumed
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import DelistingBooked, SplitBooked
from tradewrit.domain.events.market import BarsClosed, MarketStatusReported, QuoteUpdated
from tradewrit.domain.events.orders import (
    ModifyRefused,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderModified,
    OrderRejected,
    OrderRestated,
)
from tradewrit.domain.events.positions import (
    CheckExit,
    CloseTrade,
    ExitChecked,
    ExitSent,
    FillBooked,
    PositionAdded,
    PositionOpened,
    ProtectionRestated,
    SetStop,
    StopFailed,
    StopHit,
    StopMoved,
    StopRefused,
    StopSet,
    TargetHit,
    UpdateStop,
)
from tradewrit.domain.events.strategy import ExitSignalled
from tradewrit.domain.market import MarketPhase
from tradewrit.domain.money import Price
from tradewrit.domain.orders import On, Order, OrderState, Role, can
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.signals import Market
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.risk.closing import abort, close, leave, signal_exit
from tradewrit.risk.exits import hit, is_tighter
from tradewrit.risk.protection import (
    KEEPER,
    anchor,
    fit,
    fit_order,
    held,
    levels,
    mend,
    move,
    protect,
    working,
)
from tradewrit.risk.watch import best_price, is_first_of_second, is_time_up, trailed

NAME: Final = KEEPER
Hears = (
    FillBooked
    | SplitBooked
    | DelistingBooked
    | SymbolResumed
    | OrderRestated
    | OrderAccepted
    | OrderModified
    | ModifyRefused
    | OrderCancelled
    | OrderExpired
    | OrderRejected
    | ExitSignalled
    | BarsClosed
    | QuoteUpdated
    | MarketStatusReported
    | SetStop
    | UpdateStop
    | CloseTrade
    | CheckExit
)

_MOST_FAILURES = 3
_LEAVING = frozenset({TradeState.EXIT_TRIGGERED, TradeState.ORDER_CLOSING})
_CLOSED_BY: Final = {Role.STOP: "stop", Role.TARGET: "target"}


def decide(books: Books, market: Market, event: Hears) -> Decision:
    """Protect what is held, move stops with the price, and close what is to be closed."""
    match event:
        case BarsClosed():
            return _watch_bars(books, market, event)
        case QuoteUpdated():
            return _watch_quote(books, market, event)
        case MarketStatusReported():
            return _resume(books, market, event)
        case FillBooked():
            return _on_fill(books, market, event)
        case SplitBooked():
            return _on_split(books, event)
        case DelistingBooked():
            return _on_delisted(books, event)
        case SymbolResumed(symbol=symbol):
            trade = books.trade_in(symbol)
            return NOTHING if trade is None else _saying(mend(books, trade, event.at))
        case OrderRestated():
            return _on_restated(books, event)
        case OrderAccepted() | OrderModified():
            return _on_working(books, event)
        case ModifyRefused():
            return _on_unchanged(books, event)
        case OrderCancelled() | OrderExpired():
            return _on_ended(books, market, event)
        case OrderRejected():
            return _on_rejected(books, market, event)
        case ExitSignalled(trade_id=trade_id):
            trade = books.trades.get(trade_id)
            return NOTHING if trade is None else _saying(_proceed(books, market, trade, event.at))
        case CloseTrade():
            return _close_on_demand(books, market, event)
        case SetStop():
            return _set_stop(books, event)
        case UpdateStop():
            return _update_stop(books, event)
        case CheckExit():
            return _check(books, event)
        case _:
            assert_never(event)


def _saying(events: Iterable[Event]) -> Decision:
    said = tuple(events)
    return Decision(said) if said else NOTHING


def _proceed(books: Books, market: Market, trade: Trade, at: int) -> Iterator[Event]:
    """Go on with an exit that is wanted and not out yet."""
    if trade.state is TradeState.EXIT_TRIGGERED:
        yield from leave(books, market, trade, at)


# -- fills


def _on_fill(books: Books, market: Market, event: FillBooked) -> Decision:
    trade = books.trades.get(event.fill.trade_id)
    if trade is None:
        return NOTHING
    if event.role is Role.ENTRY:
        return _saying(_entered(books, market, trade, event))
    return _saying(_reduced(books, market, trade, event))


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
        yield protect(trade, quantity, stop, target, at)
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
    if trade.state in _LEAVING:
        yield from _go_on(books, market, trade, at)
    else:
        yield from fit(books, replace(trade, stop_price=stop, target_price=target), at)


def _reduced(books: Books, market: Market, trade: Trade, event: FillBooked) -> Iterator[Event]:
    at, role, price = event.at, event.role, Price(event.fill.price)
    left = held(books, trade)
    is_first = trade.state not in _LEAVING
    if is_first and role is Role.STOP:
        yield StopHit(at=at, trace=trade.id, trade_id=trade.id, symbol=trade.symbol, price=price)
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


def _go_on(books: Books, market: Market, trade: Trade, at: int) -> Iterator[Event]:
    """Something is still held in a trade that is being left: none of it may stay without an order."""
    if trade.state is TradeState.EXIT_TRIGGERED:
        yield from leave(books, market, trade, at)
    elif not working(books, trade, Role.STOP, Role.TARGET, Role.EXIT):
        yield from mend(books, trade, at)


# -- splits


def _on_split(books: Books, event: SplitBooked) -> Decision:
    trade = books.trade_in(event.symbol)
    if trade is None or not trade.opened_at:
        return NOTHING
    return _saying(_split(books, trade, event))


def _split(books: Books, trade: Trade, event: SplitBooked) -> Iterator[Event]:
    """Stop and target keep their distance; the venue restates its orders. What is gone is closed."""
    instrument = books.instrument(trade.symbol)

    def moved(price: Price | None) -> Price | None:
        return None if price is None else event.ratio.order_price(price, trade.direction, instrument)

    yield ProtectionRestated(
        at=event.at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        stop_price=moved(trade.stop_price),
        target_price=moved(trade.target_price),
        extreme=moved(trade.extreme),
    )
    if not held(books, trade):
        yield signal_exit(trade, "split", event.price, event.at)
        yield from close(books, trade, event.at, "split")


def _on_delisted(books: Books, event: DelistingBooked) -> Decision:
    """What was paid out is closed."""
    trade = books.trade_in(event.symbol)
    if trade is None or not trade.opened_at:
        return NOTHING
    closing = close(books, trade, event.at, "delisted")
    return _saying((signal_exit(trade, "delisted", event.price, event.at), *closing))


def _on_restated(books: Books, event: OrderRestated) -> Decision:
    """The venue may have rounded otherwise: what protects must cover all that is held."""
    order, trade = books.orders.get(event.client_order_id), books.trades.get(event.trade_id)
    if order is None or trade is None or not trade.opened_at or trade.state in _LEAVING:
        return NOTHING
    return _saying(fit_order(books, trade, order, event.at))


# -- what becomes of protective and closing orders


def _on_working(books: Books, event: OrderAccepted | OrderModified) -> Decision:
    order = books.orders.get(event.client_order_id)
    trade = None if order is None else books.trades.get(order.terms.trade_id)
    if order is None or trade is None or order.state is OrderState.PENDING_CANCEL:
        return NOTHING
    match order.terms.role:
        case Role.ENTRY:
            return NOTHING
        case Role.EXIT:
            if trade.state is not TradeState.EXIT_TRIGGERED:
                return NOTHING
            sent = ExitSent(at=event.at, trace=trade.id, trade_id=trade.id, client_order_id=order.id)
            return Decision((sent,))
        case Role.TARGET:
            lacks_stop = not working(books, trade, Role.STOP)
            return _saying(mend(books, trade, event.at) if lacks_stop else fit(books, trade, event.at))
        case Role.STOP:
            return _saying(_stop_works(books, trade, order, event))
        case _:
            assert_never(order.terms.role)


def _stop_works(
    books: Books, trade: Trade, order: Order, event: OrderAccepted | OrderModified
) -> Iterator[Event]:
    price = order.terms.stop_price
    if price is None:
        return
    if isinstance(event, OrderAccepted):
        yield StopSet(
            at=event.at,
            trace=trade.id,
            trade_id=trade.id,
            symbol=trade.symbol,
            stop_price=price,
            quantity=order.remaining,
            client_order_id=order.id,
        )
    else:
        yield StopMoved(
            at=event.at,
            trace=trade.id,
            trade_id=trade.id,
            symbol=trade.symbol,
            stop_price=price,
            quantity=order.remaining,
        )
    # More may have filled while the stop was on its way.
    yield from fit(books, trade, event.at)


def _on_unchanged(books: Books, event: ModifyRefused) -> Decision:
    """The venue kept the old terms: no harm, unless they cover less than is held."""
    order = books.orders.get(event.client_order_id)
    trade = None if order is None else books.trades.get(order.terms.trade_id)
    if order is None or trade is None or not event.is_answer or order.terms.role is not Role.STOP:
        return NOTHING
    if trade.state in _LEAVING or not order.is_live or order.remaining >= held(books, trade):
        return NOTHING
    reason = f"it covers {order.remaining} of {held(books, trade)} and cannot be changed: {event.reason}"
    # Not at once again: the venue has just said no. The next bar tries anew.
    return _saying(_stop_failed(books, trade, event.at, reason, is_patient=True))


def _on_ended(books: Books, market: Market, event: OrderCancelled | OrderExpired) -> Decision:
    trade = books.trades.get(event.trade_id)
    if trade is None:
        return NOTHING
    outcome = "expired" if isinstance(event, OrderExpired) else "aborted"
    if event.role is Role.ENTRY and not trade.opened_at:
        reason = event.reason if isinstance(event, OrderCancelled) else "the entry expired unfilled"
        return Decision((abort(trade, event.at, outcome, reason or "the entry was cancelled"),))
    if not held(books, trade):
        return _saying(close(books, trade, event.at, trade.exit_reason))
    if trade.state is TradeState.EXIT_TRIGGERED:
        return _saying(_proceed(books, market, trade, event.at))
    if event.role is Role.ENTRY:
        return NOTHING  # what filled is protected; the rest was let go
    is_covered = working(books, trade, Role.STOP) or (
        trade.state is TradeState.ORDER_CLOSING and working(books, trade, Role.TARGET, Role.EXIT)
    )
    if is_covered:
        return NOTHING
    if event.role is Role.TARGET:
        return _saying(mend(books, trade, event.at))  # it was in the way of a new stop
    return _saying(_stop_failed(books, trade, event.at, f"the {event.role} order is {outcome}"))


def _on_rejected(books: Books, market: Market, event: OrderRejected) -> Decision:
    trade = books.trades.get(event.trade_id)
    if trade is None:
        return NOTHING
    reason = f"{event.code}: {event.reason}"
    if event.role.is_protective and event.role is not Role.EXIT and trade.state is TradeState.EXIT_TRIGGERED:
        return _saying(leave(books, market, trade, event.at))  # it was in the way of the exit
    match event.role:
        case Role.ENTRY:
            if trade.opened_at:
                return NOTHING
            return Decision((abort(trade, event.at, "rejected", reason),))
        case Role.STOP:
            if event.code == Rejection.TRIGGERED_AT_ONCE and trade.stop_price is not None:
                return Decision((signal_exit(trade, "stop", trade.stop_price, event.at),))
            return _saying(_stop_failed(books, trade, event.at, reason))
        case Role.EXIT:
            return _saying(_stop_failed(books, trade, event.at, reason))
        case Role.TARGET:
            # Listed with a refused stop, it was in the way of the next; alone, the stop is enough.
            is_covered = working(books, trade, Role.STOP, Role.EXIT)
            return NOTHING if is_covered else _saying(mend(books, trade, event.at))
        case _:
            assert_never(event.role)


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


# -- watching the price


def _watch_bars(books: Books, market: Market, event: BarsClosed) -> Decision:
    if not books.trades:
        return NOTHING
    events: list[Event] = []
    for trade in books.trades.values():
        match trade.state:
            case TradeState.HOLDING:
                if _needs_watching(books, trade):
                    events.extend(_watch(books, market, trade, event.at))
            case TradeState.EXIT_TRIGGERED:
                events.extend(leave(books, market, trade, event.at))
            case TradeState.PROTECTING:
                events.extend(mend(books, trade, event.at))
            case TradeState.ORDER_CLOSING:
                if not held(books, trade):  # flat, and something could not be taken back
                    events.extend(close(books, trade, event.at, trade.exit_reason))
                elif not working(books, trade, Role.STOP, Role.TARGET, Role.EXIT):
                    events.extend(mend(books, trade, event.at))
            case _:
                pass
    return _saying(events)


def _needs_watching(books: Books, trade: Trade) -> bool:
    if not books.capabilities.oco:
        return True
    sized = trade.sized
    return sized is not None and (
        sized.proposal.trail_fraction is not None or sized.proposal.max_bars is not None
    )


def _watch(books: Books, market: Market, trade: Trade, at: int) -> Iterator[Event]:
    best, last = best_price(books, market, trade), market.mark(trade.symbol)
    if best is None or last is None:
        return
    if is_time_up(market, trade):
        yield signal_exit(trade, "time", last, at)
        return
    if _is_at_target(books, trade, best):
        yield from _target_hit(books, market, trade, best, at)
        return
    moved, stop = trailed(books, market, trade), books.orders.get(trade.stop_id)
    if moved is not None and stop is not None and can(stop.state, On.ASK_REPLACE):
        yield move(trade, stop, at, stop_price=moved)


def _watch_quote(books: Books, market: Market, event: QuoteUpdated) -> Decision:
    trade = books.trade_in(event.quote.symbol)
    if trade is None or event.is_stale:
        return NOTHING
    if trade.state is TradeState.EXIT_TRIGGERED:
        # Once a second is patience enough with a venue that refuses.
        is_time = is_first_of_second(market, event.quote)
        return _saying(leave(books, market, trade, event.at)) if is_time else NOTHING
    price = books.instrument(trade.symbol).traded(event.quote.mid)
    if trade.state is not TradeState.HOLDING or not _is_at_target(books, trade, price):
        return NOTHING
    return _saying(_target_hit(books, market, trade, price, event.at))


def _is_at_target(books: Books, trade: Trade, price: Price) -> bool:
    """Whether we have to act on the target ourselves: the venue has no OCO to leave it to."""
    return not books.capabilities.oco and hit(trade.direction, price, None, trade.target_price) is not None


def _target_hit(books: Books, market: Market, trade: Trade, price: Price, at: int) -> Iterator[Event]:
    yield TargetHit(at=at, trace=trade.id, trade_id=trade.id, symbol=trade.symbol, price=price)
    yield from leave(books, market, trade, at, "target")


def _resume(books: Books, market: Market, event: MarketStatusReported) -> Decision:
    """The market opened: exits that waited for it go on."""
    if event.status.phase is not MarketPhase.OPEN:
        return NOTHING
    return _saying(
        said for trade in books.trades.values() for said in _proceed(books, market, trade, event.at)
    )


# -- what people ask for


def _close_on_demand(books: Books, market: Market, event: CloseTrade) -> Decision:
    trade = books.trades.get(event.trade_id)
    if trade is None or not held(books, trade):
        return _no_stop(event.trade_id, "there is no open position to close", event.at)
    if trade.state in _LEAVING:
        return _no_stop(trade.id, "the trade is being closed already", event.at)
    if trade.symbol in books.suspended:
        reason = f"suspended ({books.suspended[trade.symbol]}): resume {trade.symbol} first"
        return _no_stop(trade.id, reason, event.at)
    price = market.mark(trade.symbol) or anchor(books, trade)
    return Decision((signal_exit(trade, event.reason, Price(price), event.at),))


def _set_stop(books: Books, event: SetStop) -> Decision:
    trade = books.trades.get(event.trade_id)
    if trade is None or trade.stop_price is None or not held(books, trade):
        return _no_stop(event.trade_id, "there is no open position to protect", event.at)
    if trade.state in _LEAVING:
        return _no_stop(trade.id, "the trade is being closed", event.at)
    if stops := working(books, trade, Role.STOP):
        return _no_stop(trade.id, f"a stop is already {stops[0].state}", event.at)
    return _saying(mend(books, trade, event.at))


def _update_stop(books: Books, event: UpdateStop) -> Decision:
    trade = books.trades.get(event.trade_id)
    order = None if trade is None else books.orders.get(trade.stop_id)
    if trade is None or trade.stop_price is None or order is None:
        return _no_stop(event.trade_id, "there is no stop to move", event.at)
    if not is_tighter(trade.direction, event.stop_price, trade.stop_price):
        reason = f"a stop only moves towards the price: {event.stop_price} against {trade.stop_price}"
        return _no_stop(trade.id, reason, event.at)
    if not can(order.state, On.ASK_REPLACE):
        return _no_stop(trade.id, f"the stop is {order.state}", event.at)
    return Decision((move(trade, order, event.at, stop_price=event.stop_price),))


def _no_stop(trade: str, reason: str, at: int) -> Decision:
    return Decision((StopRefused(at=at, trace=trade, trade_id=trade, reason=reason),))


def _check(books: Books, event: CheckExit) -> Decision:
    trade = books.trades.get(event.trade_id)
    found = None if trade is None else hit(trade.direction, event.price, trade.stop_price, trade.target_price)
    return Decision((ExitChecked(at=event.at, trade_id=event.trade_id, hit=found),))
