"""What an account is worth and what it may still spend: pure arithmetic over the books.

Short proceeds are not cash: a short moves cash by its P&L and fees alone, and sets its notional
aside. Paid-for longs are worth their market value; margined positions their unrealised P&L.
"""

from collections.abc import Callable
from decimal import Decimal

from tradewrit.domain.books import Books
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import EXACT, ZERO, Price, canonical
from tradewrit.domain.positions import OPENED_BY, ClosedLot, Fill, Position, is_paid_in_full

Marks = Callable[[str], Price | None]
"""A symbol's last price; None where there is none yet (its cost stands in)."""


def cash_change(fill: Fill, closed: tuple[ClosedLot, ...], instrument: Instrument) -> Decimal:
    """What one fill does to cash: notional of paid-for longs, P&L of everything else, minus the fee."""
    change = -fill.fee
    left = fill.quantity
    for lot in closed:
        left -= lot.quantity
        if is_paid_in_full(lot.direction, instrument):
            change += instrument.value(fill.price, lot.quantity)
        else:
            change += lot.gross
    if left and is_paid_in_full(OPENED_BY[fill.side], instrument):
        change -= instrument.value(fill.price, left)
    return canonical(change)


def equity(books: Books, mark: Marks) -> Decimal:
    """Cash plus open positions at their last price; pending orders and exit fees are left out."""
    holdings = books.holdings
    total = holdings.base
    for symbol, units, cost in holdings.units:
        price = mark(symbol)
        total += cost if price is None else units * price
    return canonical(total)


def notional(position: Position, mark: Price | None, instrument: Instrument) -> Decimal:
    """Absolute market value of a position."""
    return position.cost(instrument) if mark is None else instrument.value(mark, position.quantity)


def exposure(books: Books, mark: Marks) -> Decimal:
    """Gross notional of all open positions."""
    return sum(
        (
            notional(held, mark(symbol), books.instrument(symbol))
            for symbol, held in (*books.positions.items(), *books.external.items())
        ),
        ZERO,
    )


def margin(books: Books) -> Decimal:
    """Cash set aside by positions that were not paid in full: shorts and derivatives."""
    return EXACT.divide(books.holdings.margin, books.limits.max_leverage)


def buying_power(books: Books, at: int) -> Decimal:
    """Cash that a new entry may use at `at`: settled, not reserved, not margin."""
    free = books.cash - books.reserved - margin(books)
    if books.margin:
        return free
    return free - sum((amount for usable_at, amount in books.unsettled if usable_at > at), ZERO)


def drawdown(equity_now: Decimal, high_water: Decimal) -> Decimal:
    """How far equity lies below its high-water mark, as a fraction 0..1; 0 at or above it."""
    if high_water <= 0 or equity_now >= high_water:
        return ZERO
    return EXACT.divide(high_water - equity_now, high_water)
