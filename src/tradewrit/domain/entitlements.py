"""What whoever holds a symbol is entitled to, or owes: splits, dividends, delistings, funding.

Used by the bookkeeper. Facts in, what is booked out. Knows no orders: those are `risk.corporate`'s.
"""

from typing import assert_never

from tradewrit.domain.books import Books
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import (
    DelistingBooked,
    DividendBooked,
    DividendWentEx,
    SharesDelisted,
    SharesSplit,
    SplitBooked,
)
from tradewrit.domain.events.funding import FundingBooked, FundingSettled
from tradewrit.domain.funding import payment
from tradewrit.domain.money import ZERO, canonical
from tradewrit.domain.portfolio import cash_change
from tradewrit.domain.positions import Fill, Position, book
from tradewrit.domain.splits import split_position

Entitling = SharesSplit | DividendWentEx | SharesDelisted | FundingSettled


def entitlement(books: Books, event: Entitling) -> Event | None:
    """What an outside event does to the position in its symbol; nothing where nothing is held."""
    position = books.positions.get(event.symbol)
    if position is None:
        return None
    match event:
        case SharesSplit():
            return _split(books, position, event)
        case DividendWentEx():
            return _dividend(books, position, event)
        case SharesDelisted():
            return _delisted(books, position, event)
        case FundingSettled():
            return _funding(books, position, event)
        case _:
            assert_never(event)


def _split(books: Books, position: Position, event: SharesSplit) -> SplitBooked:
    instrument = books.instrument(event.symbol)
    after = split_position(position, event.ratio, event.price, instrument, event.at)
    paid = after.cash_in_lieu
    return SplitBooked(
        at=event.at,
        trace=books.active.get(event.symbol, ""),
        symbol=event.symbol,
        ratio=event.ratio,
        price=event.price,
        before=position.signed,
        quantity=ZERO if after.position is None else after.position.signed,
        cash_change=ZERO if paid is None else cash_change(paid, after.closed, instrument),
        closed=after.closed,
    )


def _dividend(books: Books, position: Position, event: DividendWentEx) -> DividendBooked:
    return DividendBooked(
        at=event.at,
        trace=books.active.get(event.symbol, ""),
        symbol=event.symbol,
        amount=event.amount,
        quantity=position.signed,
        cash_change=canonical(books.instrument(event.symbol).value(event.amount, position.signed)),
    )


def _delisted(books: Books, position: Position, event: SharesDelisted) -> DelistingBooked | None:
    """Pay out what is held, where it is known at what; else it stays, and risk freezes it."""
    if event.price is None:
        return None
    instrument = books.instrument(event.symbol)
    paid_out = Fill(
        trade_id=position.lots[0].trade_id,
        symbol=event.symbol,
        side=position.direction.exit_side,
        quantity=position.quantity,
        price=event.price,
        fee=ZERO,
        at=event.at,
    )
    _, closed = book(position, paid_out, instrument)
    return DelistingBooked(
        at=event.at,
        trace=books.active.get(event.symbol, ""),
        symbol=event.symbol,
        price=event.price,
        before=position.signed,
        cash_change=cash_change(paid_out, closed, instrument),
        closed=closed,
    )


def _funding(books: Books, position: Position, event: FundingSettled) -> FundingBooked:
    return FundingBooked(
        at=event.at,
        trace=books.active.get(event.symbol, ""),
        symbol=event.symbol,
        rate=event.rate,
        price=event.price,
        quantity=position.signed,
        cash_change=payment(position.signed, event.price, event.rate, books.instrument(event.symbol)),
    )
