"""What a person may tell a running desk to do with one symbol or order: as commands, and what came of them.

Here a symbol becomes the trade that is open in it, and events become an answer. Whether anything is done is
the agents' business.
"""

from collections.abc import Iterable
from typing import assert_never

from tradewrit.domain.books import Books
from tradewrit.domain.events.account import (
    AdoptPosition,
    PositionAdopted,
    ResumeSymbol,
    SymbolResumed,
    TransitionRefused,
)
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import SymbolHalted, SymbolHaltLifted
from tradewrit.domain.events.orders import (
    CancelOrder,
    CancelRefused,
    ModifyRefused,
    ModifyRequested,
    OrderCancelled,
)
from tradewrit.domain.events.positions import CloseTrade, StopRefused, UpdateStop
from tradewrit.domain.events.risk import CooldownEnded
from tradewrit.errors import OurFault
from tradewrit.runtime.live.requests import (
    Answer,
    AskAdopt,
    AskCancel,
    AskClose,
    AskHalt,
    AskMoveStop,
    AskResume,
)

Asked = AskHalt | AskResume | AskClose | AskMoveStop | AskCancel | AskAdopt


def command(request: Asked, actor: str, books: Books, at: int) -> tuple[Event, ...]:
    """What is to be fed. Raises OurFault, and says what is so, where the books show that it is no use."""
    match request:
        case AskHalt(symbol=symbol, reason=reason):
            if why := books.paused.get(symbol):
                raise OurFault(f"{symbol} is halted already: {why}")
            return (SymbolHalted(at=at, symbol=symbol, reason=reason),)
        case AskResume():
            return _resume(request, actor, books, at)
        case AskClose(symbol=symbol, reason=reason):
            return (CloseTrade(at=at, trade_id=_trade_in(books, symbol), actor=actor, reason=reason),)
        case AskMoveStop(symbol=symbol, price=price):
            trade = _trade_in(books, symbol)
            return (UpdateStop(at=at, trade_id=trade, stop_price=price, actor=actor),)
        case AskCancel(order=order, reason=reason):
            return (CancelOrder(at=at, client_order_id=_order(books, order), actor=actor, reason=reason),)
        case AskAdopt():
            return (_adoption(request, actor, books, at),)
        case _:
            assert_never(request)


def _resume(request: AskResume, actor: str, books: Books, at: int) -> tuple[Event, ...]:
    symbol, found = request.symbol, list[Event]()
    cools = symbol in books.cooldowns and not books.cooldowns[symbol].is_over(at)
    if symbol in books.suspended or cools:
        found.append(ResumeSymbol(at=at, symbol=symbol, actor=actor, reason=request.reason))
    if symbol in books.paused:
        found.append(SymbolHaltLifted(at=at, symbol=symbol))
    if not found and symbol in books.disputed:
        raise OurFault(
            f"{symbol} is disputed, not suspended: {books.disputed[symbol]}; `tradewrit adopt {symbol}` says "
            "that the venue is right"
        )
    if not found:
        whole = f"; all trading is halted ({books.halted}): resume without --symbol" if books.halted else ""
        raise OurFault(f"nothing to resume: {symbol} is not suspended, halted or cooling down{whole}")
    return tuple(found)


def _trade_in(books: Books, symbol: str) -> str:
    trade = books.trade_in(symbol)
    if trade is not None:
        return trade.id
    if symbol in books.external:
        raise OurFault(
            f"{books.units(symbol):+f} {symbol} were not bought by this desk: close them at the venue, or "
            "close everything with `tradewrit flatten`"
        )
    raise OurFault(f"this desk has no open trade in {symbol}; it has: {_listed(books.active)}")


def _order(books: Books, named: str) -> str:
    found = [order.id for order in books.orders.values() if order.is_live and order.id.startswith(named)]
    if len(found) == 1:
        return found[0]
    if found:
        raise OurFault(f"{named}: several orders begin so: {', '.join(found)}")
    if named in books.strangers:
        raise OurFault(f"{named} is not of this desk: whoever placed it cancels it at the venue")
    raise OurFault(f"{named}: no such open order; `tradewrit orders` lists them")


def _adoption(request: AskAdopt, actor: str, books: Books, at: int) -> AdoptPosition:
    symbol = request.symbol
    dispute = books.disputed.get(symbol)
    if dispute is None:
        raise OurFault(f"nothing to adopt: {symbol} is not disputed; what is: {_listed(books.disputed)}")
    if request.seen != dispute:
        raise OurFault(f"{symbol}: you saw `{request.seen}`, and by now it is `{dispute}`: look again")
    return AdoptPosition(at=at, symbol=symbol, actor=actor, reason=request.reason, price=request.price)


def outcome(request: Asked, said: Iterable[Event]) -> Answer:
    """What a command led to, for whoever gave it."""
    for event in said:
        match event:
            case StopRefused(reason=reason) | CancelRefused(reason=reason) | ModifyRefused(reason=reason):
                return Answer(error=f"refused: {reason}")
            case TransitionRefused(cause=cause):
                return Answer(error=f"refused: {cause}")
            case PositionAdopted(fill=fill):
                told = f"{fill.side} {fill.quantity:f} {fill.symbol} at {fill.price:f}"
                return Answer(
                    said=f"adopted: the books follow the venue, as if somebody else had done: {told}"
                )
            case SymbolResumed(symbol=symbol):
                return Answer(said=f"resumed: {symbol} may be traded again, what is held is protected anew")
            case CooldownEnded(symbol=symbol):
                return Answer(said=f"resumed: {symbol} may be tried again after the venue's refusals")
            case SymbolHaltLifted(symbol=symbol):
                return Answer(said=f"resumed: {symbol} trades again, and exits that waited go out")
            case SymbolHalted(symbol=symbol):
                return Answer(
                    said=f"halted: no entries in {symbol}; stops stay, exits wait for the resumption"
                )
            case ModifyRequested(stop_price=price):
                return Answer(said=f"the venue is asked to move the stop to {price:f}")
            case OrderCancelled(client_order_id=order):
                return Answer(said=f"{order} is cancelled")
            case _:
                continue
    match request:
        case AskClose(symbol=symbol):
            return Answer(said=f"closing {symbol}: its orders are cancelled first, then it is left at market")
        case AskCancel(order=order):
            return Answer(said=f"the venue is asked to cancel {order}")
        case _:
            return Answer(error="nothing was done: see the log")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
