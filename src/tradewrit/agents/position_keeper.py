"""position_keeper: keeps a stop alive at the venue for every open quantity, trails it, and closes.

It asks; the executor sends. It never waits for a human, and a stop only ever moves towards the
price. Knows no cash and no strategy.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, assert_never

from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import BarsClosed, QuoteUpdated
from tradewrit.domain.events.orders import (
    CancelOrder,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderModified,
    OrderRejected,
)
from tradewrit.domain.events.positions import (
    CheckExit,
    CloseTrade,
    ExitChecked,
    ExitRequested,
    ExitSent,
    FillBooked,
    PositionAdded,
    PositionClosed,
    PositionOpened,
    ProtectionMoved,
    ProtectionRequested,
    SetStop,
    StopFailed,
    StopHit,
    StopMoved,
    StopRefused,
    StopSet,
    TargetHit,
    TradeAborted,
    UpdateStop,
)
from tradewrit.domain.events.strategy import ExitSignalled
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import EXACT, ZERO, Price, canonical
from tradewrit.domain.orders import Order, Role
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.signals import Market
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.risk.exits import hit, is_tighter, stop_price, target_price, trailed_stop

NAME: Final = "position_keeper"
Hears = (
    FillBooked
    | OrderAccepted
    | OrderModified
    | OrderCancelled
    | OrderExpired
    | OrderRejected
    | ExitSignalled
    | BarsClosed
    | QuoteUpdated
    | SetStop
    | UpdateStop
    | CloseTrade
    | CheckExit
)

_MOST_STOP_ATTEMPTS = 3
_LEAVING = frozenset({TradeState.EXIT_TRIGGERED, TradeState.ORDER_CLOSING})


def decide(books: Books, market: Market, event: Hears) -> Decision:
    """Protect what is held, move stops with the price, and close what is to be closed."""
    match event:
        case BarsClosed():
            return _watch_bars(books, market, event)
        case QuoteUpdated():
            return _watch_quote(books, market, event)
        case FillBooked():
            return _on_fill(books, event)
        case OrderAccepted() | OrderModified():
            return _on_working(books, event)
        case OrderCancelled() | OrderExpired():
            return _on_ended(books, event)
        case OrderRejected():
            return _on_rejected(books, event)
        case ExitSignalled(trade_id=trade, reason=reason):
            return _leave(books, trade, reason, event.at)
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


# -- fills


def _on_fill(books: Books, event: FillBooked) -> Decision:
    trade = books.trades.get(event.fill.trade_id)
    if trade is None:
        return NOTHING
    if event.role is Role.ENTRY:
        return _protect_entry(books, trade, event)
    at, price = event.at, Price(event.fill.price)
    is_first = trade.state not in _LEAVING
    events: list[Event] = []
    if is_first and event.role is Role.STOP:
        events.append(StopHit(at=at, trace=trade.id, trade_id=trade.id, symbol=trade.symbol, price=price))
    elif is_first and event.role is Role.TARGET:
        events.append(TargetHit(at=at, trace=trade.id, trade_id=trade.id, symbol=trade.symbol, price=price))
    if trade.state is not TradeState.ORDER_CLOSING:
        events.append(
            ExitSent(at=at, trace=trade.id, trade_id=trade.id, client_order_id=event.client_order_id)
        )
    left = held(books, trade)
    if not left:
        reason = {Role.STOP: "stop", Role.TARGET: "target"}.get(event.role, trade.exit_reason)
        events.extend(_close_if_done(books, trade, at, reason))
    elif event.role is Role.TARGET and not books.capabilities.oco:
        events.extend(_resize(books, trade, left, at))
    return Decision(tuple(events))


def _protect_entry(books: Books, trade: Trade, event: FillBooked) -> Decision:
    position, sized = books.positions.get(trade.symbol), trade.sized
    quantity = held(books, trade)
    if position is None or sized is None or not quantity:
        return NOTHING
    instrument = books.instrument(trade.symbol)
    anchor = _anchor(books, trade)
    stop = stop_price(trade.direction, anchor, sized.stop_fraction, instrument)
    target = _target(trade, anchor, instrument)
    at = event.at
    if not trade.opened_at:
        opened = PositionOpened(
            at=at,
            trace=trade.id,
            trade_id=trade.id,
            symbol=trade.symbol,
            quantity=quantity,
            entry_price=Price(event.fill.price),
            stop_price=stop,
            target_price=target,
        )
        return Decision((opened, _protection(trade, quantity, stop, target, at)))
    added = PositionAdded(
        at=at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        quantity=quantity,
        stop_price=stop,
        target_price=target,
    )
    return Decision((added, *_resize(books, trade, quantity, at)))


def _anchor(books: Books, trade: Trade) -> Decimal:
    """The average fill price of what the trade holds: where its stop and target are measured from."""
    position = books.positions[trade.symbol]
    lots = [lot for lot in position.lots if lot.trade_id == trade.id]
    if len(lots) == 1:
        return lots[0].price
    value = sum((lot.price * lot.quantity for lot in lots), ZERO)
    return EXACT.divide(value, sum((lot.quantity for lot in lots), ZERO))


def _target(trade: Trade, anchor: Decimal, instrument: Instrument) -> Price | None:
    if trade.sized is None or trade.sized.target_fraction is None:
        return None
    return target_price(trade.direction, anchor, trade.sized.target_fraction, instrument)


def _protection(
    trade: Trade, quantity: Decimal, stop: Price, target: Price | None, at: int
) -> ProtectionRequested:
    return ProtectionRequested(
        at=at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        side=trade.direction.exit_side,
        quantity=quantity,
        stop_price=stop,
        target_price=target,
        trail_fraction=None if trade.sized is None else trade.sized.proposal.trail_fraction,
        attempt=trade.attempts + 1,
    )


def _resize(books: Books, trade: Trade, quantity: Decimal, at: int) -> Iterator[Event]:
    """Bring working protection to the size of what is held."""
    for order_id in (trade.stop_id, trade.target_id):
        order = books.orders.get(order_id)
        if order is not None and order.is_live and order.remaining != quantity:
            yield ProtectionMoved(
                at=at,
                trace=trade.id,
                trade_id=trade.id,
                client_order_id=order.id,
                stop_price=None,
                quantity=order.filled + quantity,
            )


# -- what becomes of protective and closing orders


def _on_working(books: Books, event: OrderAccepted | OrderModified) -> Decision:
    order = books.orders.get(event.client_order_id)
    if order is None:
        return NOTHING
    trade = books.trades.get(order.terms.trade_id)
    if trade is None or not isinstance(price := order.terms.stop_price, Decimal):
        return _exit_is_out(books, order, event.at)
    if order.terms.role is not Role.STOP:
        return NOTHING
    kind = StopSet if isinstance(event, OrderAccepted) else None
    events: list[Event] = []
    if kind is not None:
        events.append(
            StopSet(
                at=event.at,
                trace=trade.id,
                trade_id=trade.id,
                symbol=trade.symbol,
                stop_price=price,
                quantity=order.remaining,
                client_order_id=order.id,
            )
        )
    else:
        events.append(
            StopMoved(
                at=event.at,
                trace=trade.id,
                trade_id=trade.id,
                symbol=trade.symbol,
                stop_price=price,
                quantity=order.remaining,
            )
        )
    # More may have filled while the stop was on its way.
    events.extend(_resize(books, trade, held(books, trade), event.at))
    return Decision(tuple(events))


def _exit_is_out(books: Books, order: Order, at: int) -> Decision:
    trade = books.trades.get(order.terms.trade_id)
    if trade is None or order.terms.role is not Role.EXIT:
        return NOTHING
    if trade.state is not TradeState.EXIT_TRIGGERED:
        return NOTHING
    sent = ExitSent(at=at, trace=trade.id, trade_id=trade.id, client_order_id=order.id)
    return Decision((sent,))


def _on_ended(books: Books, event: OrderCancelled | OrderExpired) -> Decision:
    trade = books.trades.get(event.trade_id)
    if trade is None:
        return NOTHING
    outcome = "expired" if isinstance(event, OrderExpired) else "aborted"
    if event.role is Role.ENTRY:
        if trade.opened_at:
            return NOTHING  # what filled is protected; the rest was let go
        reason = event.reason if isinstance(event, OrderCancelled) else "the entry expired unfilled"
        return Decision((_abort(trade, event.at, outcome, reason or "the entry was cancelled"),))
    if not held(books, trade):
        return Decision(tuple(_close_if_done(books, trade, event.at, trade.exit_reason)))
    if trade.state is TradeState.EXIT_TRIGGERED and event.role is not Role.EXIT:
        return _exit_when_clear(books, trade, event.at)
    if event.role is Role.EXIT or event.role is Role.STOP:
        return _protect_again(books, trade, event.at, f"the {event.role} order is {outcome}")
    return NOTHING


def _on_rejected(books: Books, event: OrderRejected) -> Decision:
    trade = books.trades.get(event.trade_id)
    if trade is None:
        return NOTHING
    match event.role:
        case Role.ENTRY:
            if trade.opened_at:
                return NOTHING
            return Decision((_abort(trade, event.at, "rejected", f"{event.code}: {event.reason}"),))
        case Role.STOP | Role.EXIT:
            if event.code == Rejection.TRIGGERED_AT_ONCE:
                return _leave_at_market(books, trade, event.at, "stop")
            return _protect_again(books, trade, event.at, f"{event.code}: {event.reason}")
        case Role.TARGET:
            return NOTHING  # the stop was refused with it, and speaks for both
        case _:
            assert_never(event.role)


def _protect_again(books: Books, trade: Trade, at: int, reason: str) -> Decision:
    """A position without a working stop: try again a few times, then leave at market."""
    quantity = held(books, trade)
    if not quantity or trade.stop_price is None:
        return NOTHING
    failed = StopFailed(
        at=at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        reason=reason,
        attempt=trade.attempts,
    )
    if trade.attempts >= _MOST_STOP_ATTEMPTS:
        exit_now = _leave_at_market(books, trade, at, "stop_failed")
        return Decision((failed, *exit_now.events))
    again = _protection(trade, quantity, trade.stop_price, trade.target_price, at)
    return Decision((failed, again))


# -- leaving


def _leave(books: Books, trade_id: str, reason: str, at: int) -> Decision:
    """Take the protection away, then close: never two live sells for one position."""
    trade = books.trades.get(trade_id)
    if trade is None or trade.state is not TradeState.EXIT_TRIGGERED:
        return NOTHING
    working = [order for order in books.orders_of(trade.id) if order.is_live]
    if not any(order.terms.role.is_protective for order in working):
        return _exit_when_clear(books, trade, at)
    return Decision(
        tuple(
            CancelOrder(at=at, trace=trade.id, client_order_id=order.id, actor=NAME, reason=f"exit: {reason}")
            for order in working
        )
    )


def _exit_when_clear(books: Books, trade: Trade, at: int) -> Decision:
    if any(order.is_live for order in books.orders_of(trade.id)):
        return NOTHING
    return _leave_at_market(books, trade, at, trade.exit_reason)


def _leave_at_market(books: Books, trade: Trade, at: int, reason: str) -> Decision:
    quantity = held(books, trade)
    if not quantity:
        return NOTHING
    requested = ExitRequested(
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
    return Decision((requested,))


def _close_if_done(books: Books, trade: Trade, at: int, reason: str) -> Iterator[Event]:
    """Flat: cancel what is left, and call the trade closed once nothing of it is live."""
    working = [order for order in books.orders_of(trade.id) if order.is_live]
    for order in working:
        # The venue cancels the other leg of an OCO by itself; asking as well would only race it.
        if order.terms.oco is None:
            yield CancelOrder(
                at=at, trace=trade.id, client_order_id=order.id, actor=NAME, reason="position closed"
            )
    if not working:
        yield PositionClosed(
            at=at,
            trace=trade.id,
            trade_id=trade.id,
            symbol=trade.symbol,
            reason=reason,
            quantity=trade.sized.quantity if trade.sized is not None else ZERO,
            gross=trade.realised,
            fees=trade.fees,
            pnl=canonical(trade.realised - trade.fees),
        )


def _abort(trade: Trade, at: int, outcome: str, reason: str) -> TradeAborted:
    return TradeAborted(
        at=at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        outcome=outcome,
        reason=reason,
    )


# -- watching the price


def _watch_bars(books: Books, market: Market, event: BarsClosed) -> Decision:
    if not books.trades:
        return NOTHING
    events: list[Event] = []
    for trade in books.trades.values():
        if trade.state is TradeState.HOLDING and _needs_watching(books, trade):
            events.extend(_watch(books, market, trade, event.at))
    return Decision(tuple(events)) if events else NOTHING


def _needs_watching(books: Books, trade: Trade) -> bool:
    if not books.capabilities.oco:
        return True
    sized = trade.sized
    return sized is not None and (
        sized.proposal.trail_fraction is not None or sized.proposal.max_bars is not None
    )


def _watch(books: Books, market: Market, trade: Trade, at: int) -> Iterator[Event]:
    bar, sized = market.bar(trade.symbol), trade.sized
    if bar is None or sized is None or trade.stop_price is None:
        return
    instrument = books.instrument(trade.symbol)
    last = instrument.traded(bar.close)
    limit = sized.proposal.max_bars
    if limit is not None and market.bars_since(trade.symbol, trade.opened_at) >= limit:
        yield _signal_exit(trade, "time", last, at)
        return
    best = instrument.traded(bar.high if trade.direction.sign > 0 else bar.low)
    if not books.capabilities.oco and hit(trade.direction, best, None, trade.target_price):
        yield _signal_exit(trade, "target", last, at)
        return
    trail = sized.proposal.trail_fraction
    if trail is None:
        return
    moved = trailed_stop(trade.direction, best, trail, trade.stop_price, instrument)
    if moved is not None:
        yield ProtectionMoved(
            at=at,
            trace=trade.id,
            trade_id=trade.id,
            client_order_id=trade.stop_id,
            stop_price=moved,
            quantity=None,
        )


def _watch_quote(books: Books, market: Market, event: QuoteUpdated) -> Decision:
    trade = books.trade_in(event.quote.symbol)
    if trade is None or trade.state is not TradeState.HOLDING or books.capabilities.oco:
        return NOTHING
    price = market.mark(trade.symbol)
    if event.is_stale or price is None or hit(trade.direction, price, None, trade.target_price) is None:
        return NOTHING
    return Decision((_signal_exit(trade, "target", price, event.at),))


def _signal_exit(trade: Trade, reason: str, price: Price, at: int) -> ExitSignalled:
    return ExitSignalled(
        at=at, trace=trade.id, trade_id=trade.id, symbol=trade.symbol, reason=reason, price=price
    )


# -- what people ask for


def _close_on_demand(books: Books, market: Market, event: CloseTrade) -> Decision:
    trade = books.trades.get(event.trade_id)
    if trade is None or not held(books, trade):
        return _no_stop(event.trade_id, "there is no open position to close", event.at)
    if trade.state in _LEAVING:
        return _no_stop(trade.id, "the trade is being closed already", event.at)
    price = market.mark(trade.symbol) or _anchor(books, trade)
    return Decision((_signal_exit(trade, event.reason, Price(price), event.at),))


def _set_stop(books: Books, event: SetStop) -> Decision:
    trade = books.trades.get(event.trade_id)
    if trade is None or trade.stop_price is None or not held(books, trade):
        return _no_stop(event.trade_id, "there is no open position to protect", event.at)
    order = books.orders.get(trade.stop_id)
    if order is not None and order.is_live:
        return _no_stop(trade.id, f"a stop is already {order.state}", event.at)
    quantity = held(books, trade)
    return Decision((_protection(trade, quantity, trade.stop_price, trade.target_price, event.at),))


def _update_stop(books: Books, event: UpdateStop) -> Decision:
    trade = books.trades.get(event.trade_id)
    if trade is None or trade.stop_price is None or trade.stop_id not in books.orders:
        return _no_stop(event.trade_id, "there is no stop to move", event.at)
    if not is_tighter(trade.direction, event.stop_price, trade.stop_price):
        reason = f"a stop only moves towards the price: {event.stop_price} against {trade.stop_price}"
        return _no_stop(trade.id, reason, event.at)
    moved = ProtectionMoved(
        at=event.at,
        trace=trade.id,
        trade_id=trade.id,
        client_order_id=trade.stop_id,
        stop_price=event.stop_price,
        quantity=None,
    )
    return Decision((moved,))


def _no_stop(trade: str, reason: str, at: int) -> Decision:
    return Decision((StopRefused(at=at, trace=trade, trade_id=trade, reason=reason),))


def _check(books: Books, event: CheckExit) -> Decision:
    trade = books.trades.get(event.trade_id)
    found = None if trade is None else hit(trade.direction, event.price, trade.stop_price, trade.target_price)
    return Decision((ExitChecked(at=event.at, trade_id=event.trade_id, hit=found),))


def held(books: Books, trade: Trade) -> Decimal:
    """What the trade still holds, from the lots its own fills opened."""
    position = books.positions.get(trade.symbol)
    if position is None:
        return ZERO
    return sum((lot.quantity for lot in position.lots if lot.trade_id == trade.id), ZERO)
