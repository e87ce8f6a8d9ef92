"""bookkeeper: enters every fill into the books exactly, and raises the high-water mark.

Knows no strategy and no venue. Lots are matched FIFO; every figure is a finite decimal.
"""

from typing import Final, assert_never

from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.events.account import HighWaterRaised
from tradewrit.domain.events.market import BarsClosed, QuoteUpdated
from tradewrit.domain.events.orders import OrderFilled, OrderPartiallyFilled
from tradewrit.domain.events.positions import (
    CalculatePnl,
    FillBooked,
    PnlUpdated,
    PositionReported,
    TrackPosition,
)
from tradewrit.domain.money import ZERO, Price, canonical
from tradewrit.domain.portfolio import cash_change, equity
from tradewrit.domain.positions import Fill, book
from tradewrit.domain.signals import Market
from tradewrit.risk.drawdown import may_be_higher
from tradewrit.risk.watch import is_first_of_second

NAME: Final = "bookkeeper"
Hears = OrderPartiallyFilled | OrderFilled | BarsClosed | QuoteUpdated | CalculatePnl | TrackPosition


def decide(books: Books, market: Market, event: Hears) -> Decision:
    """Book fills, mark equity, and answer what a position is worth."""
    match event:
        case BarsClosed():
            if not books.positions and books.cash <= books.high_water:
                return NOTHING
            if not may_be_higher(books, market):
                return NOTHING
            worth = equity(books, market.mark)
            if worth <= books.high_water:
                return NOTHING
            return Decision((HighWaterRaised(at=event.at, equity=worth),))
        case OrderPartiallyFilled():  # OrderFilled is one of these
            return Decision((_booked(books, event),))
        case QuoteUpdated():
            return _mark(books, market, event)
        case CalculatePnl(symbol=symbol, price=price):
            at_price = price if price is not None else market.mark(symbol)
            return Decision((_report(books, symbol, at_price, event.at),))
        case TrackPosition(symbol=symbol):
            return Decision((_report(books, symbol, market.mark(symbol), event.at),))
        case _:
            assert_never(event)


def _booked(books: Books, event: OrderPartiallyFilled) -> FillBooked:
    instrument = books.instrument(event.symbol)
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
    _, closed = book(books.positions.get(event.symbol), fill, instrument)
    return FillBooked(
        at=event.at,
        trace=event.trace,
        client_order_id=event.client_order_id,
        role=event.role,
        fill=fill,
        cash_change=cash_change(fill, closed, instrument),
        closed=closed,
    )


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
