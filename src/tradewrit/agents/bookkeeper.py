"""bookkeeper: enters fills, corporate actions and funding exactly, and raises the high-water mark.

Knows no strategy and no venue. Lots are matched FIFO; every figure is a finite decimal.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, assert_never

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.corrections import crossed, restated
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.entitlements import entitlement
from tradewrit.domain.events.account import (
    ExternalBooked,
    ExternalTraded,
    HighWaterRaised,
    PositionAdopted,
    SymbolSuspended,
    TransitionRefused,
)
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import (
    DividendWentEx,
    SharesDelisted,
    SharesSplit,
)
from tradewrit.domain.events.funding import FundingSettled
from tradewrit.domain.events.market import BarsClosed, QuoteUpdated
from tradewrit.domain.events.orders import (
    CommissionReport,
    FeeBooked,
    FillCorrected,
    OrderFilled,
    OrderPartiallyFilled,
)
from tradewrit.domain.events.positions import (
    CalculatePnl,
    FillBooked,
    PnlUpdated,
    PositionReported,
    TrackPosition,
)
from tradewrit.domain.events.twins import TwinFilled
from tradewrit.domain.executions import Execution, Told
from tradewrit.domain.fees import in_account_currency
from tradewrit.domain.money import ZERO, Price, canonical, canonical_qty
from tradewrit.domain.orders import Role
from tradewrit.domain.portfolio import cash_change, equity
from tradewrit.domain.positions import Fill, book
from tradewrit.domain.signals import Market
from tradewrit.risk.drawdown import may_be_higher
from tradewrit.risk.oddities import questioned
from tradewrit.risk.watch import is_first_of_second

NAME: Final = "bookkeeper"
Hears = (
    OrderPartiallyFilled
    | OrderFilled
    | FillCorrected
    | BarsClosed
    | QuoteUpdated
    | SharesSplit
    | DividendWentEx
    | SharesDelisted
    | FundingSettled
    | CommissionReport
    | ExternalTraded
    | TwinFilled
    | PositionAdopted
    | CalculatePnl
    | TrackPosition
)


def decide(books: Books, market: Market, event: Hears) -> Decision:
    """Book fills, mark equity, and answer what a position is worth."""
    match event:
        case BarsClosed():
            return _watch_high_water(books, market, event.at)
        case OrderPartiallyFilled():  # OrderFilled is one of these
            return Decision((*_filled(books, event), *questioned(books, market, event)))
        case FillCorrected():
            return Decision((*_restated(books, event), *questioned(books, market, event)))
        case QuoteUpdated():
            return _mark(books, market, event)
        case SharesSplit() | DividendWentEx() | SharesDelisted() | FundingSettled():
            booked = entitlement(books, event)
            return NOTHING if booked is None else Decision((booked,))
        case ExternalTraded(client_order_id=order_id, fill=fill):
            theirs = _external(books, fill, order_id, event.at, event.exec_id)
            return Decision((*theirs, *questioned(books, market, event)))
        case TwinFilled():
            return Decision((*_doubled(books, event), *questioned(books, market, event)))
        case PositionAdopted(fill=fill):
            return Decision(tuple(_external(books, fill, "", event.at)))
        case CommissionReport():
            return Decision(tuple(_late_fee(books, market, event)))
        case CalculatePnl(symbol=symbol, price=price):
            at_price = price if price is not None else market.mark(symbol)
            return Decision((_report(books, symbol, at_price, event.at),))
        case TrackPosition(symbol=symbol):
            return Decision((_report(books, symbol, market.mark(symbol), event.at),))
        case _:
            assert_never(event)


def _watch_high_water(books: Books, market: Market, at: int) -> Decision:
    if not books.positions and books.cash <= books.high_water:
        return NOTHING
    if not may_be_higher(books, market):
        return NOTHING
    worth = equity(books, market.mark)
    return Decision((HighWaterRaised(at=at, equity=worth),)) if worth > books.high_water else NOTHING


def _filled(books: Books, event: OrderPartiallyFilled) -> Iterator[Event]:
    """A fill of ours; what of it others are the poorer or the richer for is booked as theirs."""
    fill = Fill(
        trade_id=event.trade_id,
        symbol=event.symbol,
        side=event.side,
        quantity=event.quantity,
        price=event.price,
        fee=event.fee,
        at=event.at,
        settles_at=event.settles_at,
    )
    theirs = _beyond(books, fill, event.role)
    ours = replace(fill, quantity=canonical_qty(fill.quantity - theirs))
    if not ours.quantity:
        told = (Told(event.exec_id, fill.quantity, event.price),)
        whole = Execution(
            client_order_id=event.client_order_id, role=event.role, fill=ours, told=told, apart=theirs
        )
        yield _external_booked(books, replace(fill, trade_id=""), event.at, whole)
        return
    if theirs:  # the fee is that of our order
        yield _external_booked(books, replace(fill, trade_id="", quantity=theirs, fee=ZERO), event.at)
    yield _booked(books, ours, event, apart=theirs)


def _beyond(books: Books, fill: Fill, role: Role) -> Decimal:
    """How much of our fill moves what others hold: they held the other side, or had closed some of ours."""
    if role.is_entry:
        theirs = books.external.get(fill.symbol)
        meets = theirs is not None and theirs.direction.exit_side is fill.side
        return canonical_qty(min(fill.quantity, theirs.quantity)) if theirs is not None and meets else ZERO
    ours = books.positions.get(fill.symbol)
    held = ours.quantity if ours is not None and ours.direction.exit_side is fill.side else ZERO
    return canonical_qty(max(fill.quantity - held, ZERO))


def _booked(books: Books, fill: Fill, event: OrderPartiallyFilled, *, apart: Decimal) -> FillBooked:
    instrument = books.instrument(event.symbol)
    _, closed = book(books.positions.get(event.symbol), fill, instrument)
    return FillBooked(
        at=event.at,
        trace=event.trace,
        client_order_id=event.client_order_id,
        role=event.role,
        fill=fill,
        cash_change=cash_change(fill, closed, instrument),
        closed=closed,
        exec_id=event.exec_id,
        apart=apart,
    )


def _restated(books: Books, event: FillCorrected) -> Iterator[Event]:
    """A fill is other than it was booked; what comes back to a trade that is over is a person's to sell."""
    booked = restated(books, event)
    if isinstance(booked, str):  # the executor has looked
        return
    yield booked
    if booked.external == books.external.get(booked.symbol):
        return
    if booked.symbol in books.active:
        yield from crossed(books, booked)
        return
    held = booked.external
    yield SymbolSuspended(
        at=event.at,
        trace=event.trace,
        symbol=booked.symbol,
        reason=f"{event.exec_id} corrects a fill of a trade that is over, and what it leaves is in no trade",
        quantity=ZERO if held is None else held.signed,
        orders=(),
        todo=f"close what is held of {booked.symbol} at the venue by hand, or keep it; then resume it",
    )


def _external_booked(books: Books, fill: Fill, at: int, execution: Execution | None = None) -> ExternalBooked:
    instrument = books.instrument(fill.symbol)
    _, closed = book(books.external.get(fill.symbol), fill, instrument)
    change = cash_change(fill, closed, instrument)
    return ExternalBooked(at=at, fill=fill, cash_change=change, closed=closed, execution=execution)


def _external(books: Books, fill: Fill, order_id: str, at: int, exec_id: str = "") -> Iterator[Event]:
    """Somebody else's fill: what it closes of our position is gone, whoever sold it; the rest is theirs."""
    symbol, instrument = fill.symbol, books.instrument(fill.symbol)
    ours, trade, theirs = books.positions.get(symbol), books.trade_in(symbol), fill
    if ours is not None and trade is not None and ours.direction.exit_side is fill.side:
        taken = min(fill.quantity, ours.quantity)
        theirs = replace(fill, quantity=canonical_qty(fill.quantity - taken), fee=ZERO)
        closing = replace(fill, trade_id=trade.id, quantity=canonical_qty(taken))
        _, closed = book(ours, closing, instrument)
        yield FillBooked(
            at=at,
            trace=trade.id,
            client_order_id=order_id,
            role=Role.EXIT,
            fill=closing,
            cash_change=cash_change(closing, closed, instrument),
            closed=closed,
            exec_id=exec_id,
            apart=theirs.quantity,
        )
    if theirs.quantity:
        yield _external_booked(books, theirs, at)


def _doubled(books: Books, event: TwinFilled) -> Iterator[Event]:
    """What an order traded that the venue made of an id of ours a second time.

    Of an entry it is the open trade's: it gets the trade's stop and leaves with it. What closes our position
    has closed it, as if others had.
    """
    fill, trade = event.fill, books.trades.get(event.trade_id)
    if trade is None or not event.role.is_entry:
        yield from _external(books, fill, "", event.at, event.exec_id)
        return
    theirs = _beyond(books, fill, event.role)
    if theirs == fill.quantity:
        yield _external_booked(books, fill, event.at)
        return
    if theirs:
        yield _external_booked(books, replace(fill, quantity=theirs, fee=ZERO), event.at)
        fill = replace(fill, quantity=canonical_qty(fill.quantity - theirs))
    instrument, ours = books.instrument(fill.symbol), replace(fill, trade_id=trade.id)
    _, closed = book(books.positions.get(fill.symbol), ours, instrument)
    yield FillBooked(
        at=event.at,
        trace=trade.id,
        client_order_id="",  # our own order has not traded
        role=event.role,
        fill=ours,
        cash_change=cash_change(ours, closed, instrument),
        closed=closed,
        exec_id=event.exec_id,
        apart=theirs,
    )


def _late_fee(books: Books, market: Market, event: CommissionReport) -> Iterator[Event]:
    """Settle a fee that is pending; anything else is on record, and said to be of no use."""
    pending = books.pending_fees.get(event.exec_id)
    fee = in_account_currency(event.fee, event.fee_currency, event.fee_rate, books.currency)
    if pending is None or fee is None:
        unpriced = f"no usable rate for {event.fee_currency}"
        why = "no fee of this fill is pending" if pending is None else unpriced
        yield TransitionRefused(
            at=event.at,
            machine="fee",
            subject=event.exec_id,
            state="none" if pending is None else "pending",
            wanted="book",
            cause=f"{why}: {event.fee} {event.fee_currency or books.currency} was reported",
        )
        return
    booked = FeeBooked(
        at=event.at,
        trace=pending.trade_id,
        exec_id=event.exec_id,
        trade_id=pending.trade_id,
        symbol=pending.symbol,
        fee=fee,
        charged=event.fee,
        fee_currency=event.fee_currency or books.currency,
        fee_rate=Decimal(1) if event.fee_rate is None else event.fee_rate,
    )
    yield booked
    yield from questioned(books, market, booked)


def _mark(books: Books, market: Market, event: QuoteUpdated) -> Decision:
    symbol = event.quote.symbol
    position = books.positions.get(symbol)
    if position is None or event.is_stale or not is_first_of_second(market, event.quote):
        return NOTHING
    price = books.instrument(symbol).traded(event.quote.mid)
    updated = PnlUpdated(
        at=event.at,
        symbol=symbol,
        quantity=position.signed,
        price=price,
        unrealised=position.unrealised(price, books.instrument(symbol)),
    )
    return Decision((updated,))


def _report(books: Books, symbol: str, price: Price | None, at: int) -> PositionReported:
    position = books.positions.get(symbol)
    if position is None:
        return PositionReported(at=at, symbol=symbol, quantity=ZERO, price=price)
    return PositionReported(
        at=at,
        symbol=symbol,
        quantity=position.signed,
        average_price=position.average_price(),
        price=price,
        unrealised=ZERO if price is None else position.unrealised(price, books.instrument(symbol)),
        fees=canonical(sum((lot.fee for lot in position.lots), ZERO)),
    )
