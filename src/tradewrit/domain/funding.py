"""Funding of perpetuals: what longs and shorts pay each other now and then, in place of an expiry.

    payment = -signed quantity x multiplier x mark price x rate

Longs pay a positive rate and receive a negative one; shorts mirror it. No rounding. Knows no account:
what it does to cash and lots is booked by the bookkeeper.
"""

from decimal import Decimal

import msgspec

from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import canonical
from tradewrit.domain.positions import Lot, Position


def payment(signed: Decimal, mark: Decimal, rate: Decimal, instrument: Instrument) -> Decimal:
    """What so many units receive, in quote currency; negative when they pay.

    >>> perpetual = Instrument(symbol="BTC-PERP")
    >>> payment(Decimal(2), Decimal(60000), Decimal("0.0001"), perpetual)
    Decimal('-12.00')
    """
    return canonical(-instrument.value(mark, signed) * rate)


def funded(position: Position, mark: Decimal, rate: Decimal, instrument: Instrument) -> Position:
    """The position after a payment: every lot has had its own part of it."""

    def paid(lot: Lot) -> Lot:
        part = payment(lot.quantity * position.direction.sign, mark, rate, instrument)
        return msgspec.structs.replace(lot, funding=canonical(lot.funding + part))

    return msgspec.structs.replace(position, lots=tuple(map(paid, position.lots)))
