"""Prices that are no move of the market, and fees that nobody charges.

A fill is a fact: it is booked as the venue tells it, or cash and positions would be wrong for certain. What
is odd about it is said beside, and keeps the desk from trading on in the symbol until a person has looked.
"""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from tradewrit.domain.books import Books
from tradewrit.domain.events.account import ExternalTraded
from tradewrit.domain.events.orders import FeeBooked, FillCorrected, FillQuestioned, OrderPartiallyFilled
from tradewrit.domain.events.twins import TwinFilled
from tradewrit.domain.executions import find
from tradewrit.domain.fees import fee
from tradewrit.domain.money import ZERO
from tradewrit.domain.signals import Market

# A price this many times above or below the last one is a unit error or a bad print, not a move.
_WILD: Final = 5.0
LARGEST_FEE: Final = Decimal("0.05")
"""Of what was traded. The least commission of a broker may be more than that of a small trade, so ..."""
LARGEST_COST: Final = Decimal("0.005")
"""... a fee must be more than this of the account's high-water mark as well."""

Told = OrderPartiallyFilled | FillCorrected | ExternalTraded | TwinFilled | FeeBooked
"""What a venue says of a fill and its fee."""


def wild(price: float, last: float) -> str | None:
    """Why a price is no move from the last one, NaN for none; None when it may be."""
    if not math.isnan(last) and not last / _WILD < price < last * _WILD:
        return f"more than {_WILD:g} times away from the last price {last:g}"
    return None


def fee_oddity(charged: Decimal, traded: Decimal, high_water: Decimal, due: Decimal = ZERO) -> str | None:
    """Why nobody charges, or pays, this fee; None where somebody might. All in account currency.

    due: what the account's own fee rule asks for the trade. No more than that is no surprise, however much.

    >>> fee_oddity(Decimal(-1000), Decimal(878), Decimal(100_000))
    'a fee of -1000 on a trade of 878'
    """
    if abs(charged) <= abs(traded) * LARGEST_FEE or abs(charged) <= abs(high_water) * LARGEST_COST:
        return None
    if ZERO <= charged <= due:
        return None
    return f"a fee of {charged:f} on a trade of {traded:f}"


def questioned(books: Books, market: Market, told: Told) -> Iterator[FillQuestioned]:
    """What a person is asked about, if a fill is odd; in a backtest, which fills from its bars, none is."""
    if market.is_backtest:
        return
    match told:
        case ExternalTraded(fill=fill) | TwinFilled(fill=fill):
            order_id, symbol = told.client_order_id, fill.symbol
            reasons = _reasons(books, market, symbol, fill.quantity, fill.price, fill.fee)
        case FeeBooked(symbol=symbol):
            known = find(books.executions, told.exec_id)
            order_id = "" if known is None else known.client_order_id
            quantity, price = (ZERO, None) if known is None else (known.quantity, known.fill.price)
            reasons = _reasons(books, market, symbol, quantity, price, told.fee)
        case _:
            order_id, symbol = told.client_order_id, told.symbol
            reasons = _reasons(books, market, symbol, told.quantity, told.price, told.fee)
    if reasons:
        yield FillQuestioned(
            at=told.at,
            trace=told.trace,
            client_order_id=order_id,
            exec_id=told.exec_id,
            symbol=symbol,
            reason="; ".join(reasons),
            todo=f"ask the venue about execution {told.exec_id}: it corrects the fill, or the money is moved "
            f"by hand; then resume {symbol} by name",
        )


def _reasons(
    books: Books, market: Market, symbol: str, quantity: Decimal, price: Decimal | None, charged: Decimal
) -> list[str]:
    """price: None where nobody knows any more what the fill was."""
    reasons, traded, due = [], ZERO, ZERO
    if price is not None and quantity:
        traded = books.instrument(symbol).value(price, quantity)
        due = fee(books.fees, quantity, traded)
        why = wild(float(price), market.last(symbol))
        reasons += [] if why is None else [f"{price:f} is {why}"]
    why = fee_oddity(charged, traded, books.high_water, due)
    return reasons if why is None else [*reasons, why]
