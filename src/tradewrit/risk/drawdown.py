"""A float screen for equity, so that the exact sum is only made on bars where it can matter."""

from decimal import Decimal

from tradewrit.domain.books import Books
from tradewrit.domain.portfolio import is_paid_in_full
from tradewrit.domain.positions import Position
from tradewrit.domain.signals import Market

# Far above float noise (1e-13 for some hundred positions), far below a cent in a million.
_SLACK = 1e-9


def rough_equity(books: Books, market: Market) -> float:
    """Equity in floats; NaN while some position has no price."""
    total = float(books.cash)
    for symbol, position in books.positions.items():
        instrument = books.instrument(symbol)
        value = market.last(symbol) * float(position.quantity) * float(instrument.multiplier)
        if is_paid_in_full(position.direction, instrument):
            total += value
        else:
            total += (value - float(_cost(position) * instrument.multiplier)) * position.direction.sign
    return total


def may_have_crossed(books: Books, market: Market, limit: Decimal) -> bool:
    """Whether equity may lie at or below the drawdown limit; False is certain, True wants the exact sum."""
    if not books.positions:
        floor = books.high_water * (1 - limit)
        return books.cash <= floor
    return not rough_equity(books, market) > float(books.high_water) * (1.0 - float(limit)) * (1 + _SLACK)


def may_be_higher(books: Books, market: Market) -> bool:
    """Whether equity may lie above the high-water mark; False is certain, True wants the exact sum."""
    if not books.positions:
        return books.cash > books.high_water
    return not rough_equity(books, market) < float(books.high_water) * (1 - _SLACK)


def _cost(position: Position) -> Decimal:
    return sum((lot.price * lot.quantity for lot in position.lots), Decimal(0))
