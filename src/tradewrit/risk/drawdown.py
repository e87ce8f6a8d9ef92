"""A float screen for equity, so that the exact sum is only made on bars where it can matter.

False is certain; True wants the exact sum. NaN (a position without a price) counts as True.
"""

from typing import Final

from tradewrit.domain.books import Books
from tradewrit.domain.signals import Market

# Of the high-water mark: far above float noise (1e-13 for some hundred positions), far below a cent in
# a million. Not of the limit itself, which is zero for a profile that lets everything be lost.
_SLACK: Final = 1e-9


def rough_equity(books: Books, market: Market) -> float:
    """Equity in floats; NaN while some position has no price."""
    rough = books.rough
    total = rough.base
    for symbol, units in rough.units:
        total += units * market.last(symbol)
    return total


def may_have_crossed(books: Books, market: Market) -> bool:
    """Whether equity may lie at or below the drawdown limit."""
    return not rough_equity(books, market) > books.rough.floor + books.rough.high * _SLACK


def may_be_higher(books: Books, market: Market) -> bool:
    """Whether equity may lie above the high-water mark."""
    return not rough_equity(books, market) < books.rough.high * (1.0 - _SLACK)
