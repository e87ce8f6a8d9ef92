"""position_keeper: keeps a stop alive at the venue for every open quantity, trails it, and closes.

It asks; the executor sends. It never waits for a human, and a stop only ever moves towards the
price. Here is what prices and people ask for; what follows from a fill is `risk.fills`, from the
venue's answer to an order `risk.outcomes`, from a split or a delisting `risk.corporate`. How protection
is kept is `risk.protection`, how a trade ends is `risk.closing`. Knows no cash and no strategy.
"""

from collections.abc import Iterable, Iterator
from typing import Final, assert_never

from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.events.account import AccountReconciled, SymbolResumed
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import DelistingBooked, SplitBooked
from tradewrit.domain.events.market import (
    BarsClosed,
    MaintenanceEnded,
    MarketStatusReported,
    QuoteUpdated,
    SymbolHaltLifted,
)
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
    FillBooked,
    FillRestated,
    SetStop,
    StopRefused,
    TargetHit,
    UpdateStop,
)
from tradewrit.domain.events.strategy import ExitSignalled
from tradewrit.domain.market import MarketPhase
from tradewrit.domain.money import Price
from tradewrit.domain.orders import On, Role, can
from tradewrit.domain.signals import Market
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.domain.writs import KEEPER
from tradewrit.risk.closing import LEAVING, close, leave, signal_exit, take_back_legs
from tradewrit.risk.corporate import delisted, restated, split
from tradewrit.risk.exits import hit, is_tighter
from tradewrit.risk.fills import corrected, filled
from tradewrit.risk.outcomes import acknowledged, ended, rejected, unchanged
from tradewrit.risk.protection import anchor, cut, held, is_guarded, mend, move, working
from tradewrit.risk.watch import (
    best_price,
    is_at_target,
    is_first_of_second,
    is_time_up,
    needs_watching,
    trailed,
)

NAME: Final = KEEPER
Hears = (
    FillBooked
    | FillRestated
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
    | SymbolHaltLifted
    | MaintenanceEnded
    | SetStop
    | UpdateStop
    | CloseTrade
    | CheckExit
    | AccountReconciled
)


def decide(books: Books, market: Market, event: Hears) -> Decision:
    """Protect what is held, move stops with the price, and close what is to be closed."""
    return _woken(books, market, event) + _decide(books, market, event)


def _woken(books: Books, market: Market, event: Hears) -> Decision:
    """Stops that ended with the session before are put back, before anything else is done."""
    lapsed = [trade for trade in books.trades.values() if trade.stop_lapsed]
    if not lapsed or market.phase(event.at) is not MarketPhase.OPEN:
        return NOTHING
    if not isinstance(event, BarsClosed | QuoteUpdated | MarketStatusReported | AccountReconciled):
        return NOTHING
    return _saying(
        said
        for trade in lapsed
        if trade.state is not TradeState.EXIT_TRIGGERED and not working(books, trade, Role.EXIT)
        for said in mend(books, trade, event.at, wakes=True)
    )


def _decide(books: Books, market: Market, event: Hears) -> Decision:
    match event:
        case BarsClosed():
            return _watch_bars(books, market, event)
        case QuoteUpdated():
            return _watch_quote(books, market, event)
        case MarketStatusReported(status=status) if status.phase is not MarketPhase.OPEN:
            return NOTHING
        case MarketStatusReported() | MaintenanceEnded():
            return _resume(books, market, event.at)
        case SymbolHaltLifted(symbol=symbol):
            trade = books.trade_in(symbol)
            return NOTHING if trade is None else _saying(_proceed(books, market, trade, event.at))
        case FillBooked():
            return _saying(filled(books, market, event))
        case FillRestated():
            return _saying(corrected(books, market, event))
        case SplitBooked():
            return _saying(split(books, event))
        case DelistingBooked():
            return _saying(delisted(books, event))
        case SymbolResumed(symbol=symbol):
            trade = books.trade_in(symbol)
            return NOTHING if trade is None else _saying(mend(books, trade, event.at))
        case OrderRestated():
            return _saying(restated(books, event))
        case OrderAccepted() | OrderModified():
            return _saying(acknowledged(books, event))
        case ModifyRefused():
            return _saying(unchanged(books, event))
        case OrderCancelled() | OrderExpired():
            return _saying(ended(books, market, event))
        case OrderRejected():
            return _saying(rejected(books, market, event))
        case ExitSignalled(trade_id=trade_id):
            trade = books.trades.get(trade_id)
            return NOTHING if trade is None else _saying(_proceed(books, market, trade, event.at))
        case CloseTrade():
            return _close_on_demand(books, market, event)
        case AccountReconciled():
            return _saying(
                said
                for trade in books.trades.values()
                for said in (_uncovered(books, trade, event.at) or _step(books, market, trade, event.at))
            )
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


# -- watching the price


def _watch_bars(books: Books, market: Market, event: BarsClosed) -> Decision:
    if not books.trades:
        return NOTHING
    events: list[Event] = []
    for trade in books.trades.values():
        if trade.state is TradeState.HOLDING:
            watched = _watch(books, market, trade, event.at) if needs_watching(books, trade) else ()
            events.extend(tuple(watched) or cut(books, trade, event.at))
        else:
            events.extend(_step(books, market, trade, event.at))
    return _saying(events)


def _step(books: Books, market: Market, trade: Trade, at: int) -> Iterable[Event]:
    """What is to be done for a trade that is on its way into or out of a position, and was not done yet."""
    match trade.state:
        case TradeState.ORDER_PLACED:
            return take_back_legs(books, trade, at)
        case TradeState.EXIT_TRIGGERED | TradeState.ORDER_CLOSING if not held(books, trade):
            return close(books, trade, at, trade.exit_reason)  # flat, and something was not taken back
        case TradeState.EXIT_TRIGGERED:
            return leave(books, market, trade, at)
        case TradeState.PROTECTING:
            return mend(books, trade, at)
        case TradeState.ORDER_CLOSING if not is_guarded(books, trade):
            return mend(books, trade, at)
        case _:
            return ()


def _uncovered(books: Books, trade: Trade, at: int) -> tuple[Event, ...]:
    """A position that is held on to gets a stop, or has its own brought to its size; what is flat is over."""
    if trade.state is not TradeState.HOLDING:
        return ()
    if not held(books, trade):
        return tuple(close(books, trade, at, trade.exit_reason or "external"))
    return tuple(mend(books, trade, at))


def _watch(books: Books, market: Market, trade: Trade, at: int) -> Iterator[Event]:
    best, last = best_price(books, market, trade), market.mark(trade.symbol)
    if best is None or last is None:
        return
    if is_time_up(market, trade):
        yield signal_exit(trade, "time", last, at)
        return
    if is_at_target(books, trade, best):
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
    if trade.state is TradeState.PROTECTING and not trade.failures:  # the venue has not said no: ask
        is_time = is_first_of_second(market, event.quote)
        return _saying(mend(books, trade, event.at)) if is_time else NOTHING
    price = books.instrument(trade.symbol).traded(event.quote.mid)
    if trade.state is not TradeState.HOLDING or not is_at_target(books, trade, price):
        return NOTHING
    return _saying(_target_hit(books, market, trade, price, event.at))


def _target_hit(books: Books, market: Market, trade: Trade, price: Price, at: int) -> Iterator[Event]:
    yield TargetHit(at=at, trace=trade.id, trade_id=trade.id, symbol=trade.symbol, price=price)
    yield from leave(books, market, trade, at, "target")


def _resume(books: Books, market: Market, at: int) -> Decision:
    """The market opened, or the venue is at work again: exits that waited for it go on."""
    return _saying(said for trade in books.trades.values() for said in _proceed(books, market, trade, at))


# -- what people ask for


def _close_on_demand(books: Books, market: Market, event: CloseTrade) -> Decision:
    trade = books.trades.get(event.trade_id)
    if trade is None or not held(books, trade):
        return _no_stop(event.trade_id, "there is no open position to close", event.at)
    if trade.state in LEAVING:
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
    if trade.state in LEAVING:
        return _no_stop(trade.id, "the trade is being closed", event.at)
    if stops := working(books, trade, Role.STOP):
        return _no_stop(trade.id, f"a stop is already {stops[0].state}", event.at)
    return _saying(mend(books, trade, event.at, wakes=True))


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
