"""What is wrong with an execution report on its face: numbers that no trade can have, terms of another order.

A venue's answer is outside input. What fails here is quarantined whole before anything is worked out from it.
"""

from decimal import Decimal
from typing import Final

from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.orders import Order

_DIGITS_BEFORE: Final = 15
_DIGITS_BEHIND: Final = 18
"""Bounds within which every product is exact, and far beyond any market."""


def defect(report: ExecutionReport, order: Order | None) -> str:
    """Why a report must not be believed; "" when nothing is wrong with it. order: the one it is about."""
    for name in ("last_quantity", "last_price", "cumulative", "fee", "fee_rate", "quantity", "limit_price"):
        amount: Decimal | None = getattr(report, name)
        if amount is not None and not _is_sane(amount):
            return f"{name} is no amount that could be traded"
    if report.kind is not Exec.TRADE or order is None:
        return ""
    terms = order.terms
    if report.last_price is not None and report.last_price <= 0:
        return "a fill at no price above 0"
    if report.symbol not in {"", terms.symbol}:
        return f"a fill in {report.symbol[:32]} of an order in {terms.symbol}"
    if report.side not in {None, terms.side}:
        return f"a fill to {report.side} of an order to {terms.side}"
    if report.last_quantity > max(terms.quantity, order.most_asked):
        return f"a fill of {report.last_quantity}, more than the {terms.quantity} that were ordered"
    return ""


def _is_sane(amount: Decimal) -> bool:
    if not amount.is_finite():
        return False
    return amount.adjusted() < _DIGITS_BEFORE and int(amount.as_tuple().exponent) >= -_DIGITS_BEHIND
