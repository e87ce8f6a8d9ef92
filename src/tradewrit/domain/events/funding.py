"""Funding of perpetuals: the rate that the venue settled, and what it did to the account."""

from decimal import Decimal

from tradewrit.domain.events.base import Event
from tradewrit.domain.money import Price


class FundingSettled(Event, frozen=True, kw_only=True, gc=False, tag="funding.rate.settled"):
    """Whoever holds `symbol` at `at` pays or receives funding; an outside fact, recorded once per action.

    rate: of the notional at `price`, the mark price; a positive one is paid by longs to shorts.
    """

    action: str
    symbol: str
    rate: Decimal
    price: Price


class FundingBooked(Event, frozen=True, kw_only=True, gc=False, tag="funding.payment.booked"):
    """Funding entered the books as cash; negative when it was paid. quantity: units it was due on, signed."""

    symbol: str
    rate: Decimal
    price: Price
    quantity: Decimal
    cash_change: Decimal
