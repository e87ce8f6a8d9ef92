"""Writs in the books: under which identity and token each role of the desk acts, and what it has sent.

Facts and plain rules. Knows no authority, no clock and no venue.
"""

from decimal import Decimal
from typing import Final

import msgspec

from tradewrit.domain.constraints import DayUse, day_of
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import EXACT, ZERO, Price, canonical, canonical_qty
from tradewrit.domain.orders import Order
from tradewrit.domain.scopes import Grant

EXECUTOR: Final = "executor"
"""Whose writ entries go out under."""
KEEPER: Final = "position_keeper"
"""Whose writ stops, targets, exits and every cancel go out under; alone may cancel the stop of a position."""
DESK: Final = "desk"
"""Who puts on record what comes from outside."""
BY_THE_SWITCH: Final = "revoked by the kill switch"
"""Why the writs of a halted desk ended."""
_FINE: Final = Decimal("1E-8")


class Writ(msgspec.Struct, frozen=True, gc=False):
    """The last writ of a role. ended: why it counts no more, "" while it does.

    is_revoked: it was taken away, so only a person gives the role another.
    """

    grant: Grant
    ended: str = ""
    is_revoked: bool = False


class Halt(msgspec.Struct, frozen=True, gc=False):
    """A halt of the desk as it was said: by whom, why, and whether protection ends too."""

    actor: str
    reason: str
    including_protection: bool = False


class Use(msgspec.Struct, frozen=True, gc=False):
    """What one order takes of its agent's day. at: when it left, UTC ns; 0 when it has not."""

    at: int = 0
    quantity: Decimal = ZERO
    notional: Decimal = ZERO


def use_of(order: Order) -> Use:
    """What an order takes of its agent's day."""
    return Use(order.sent_at, order.terms.quantity, order.notional)


def taken(used: DayUse, use: Use) -> DayUse:
    """The day with one more order in it; a later day starts from nothing, a clock set back does not."""
    if used.day < day_of(use.at):
        used = DayUse(day=day_of(use.at))
    return DayUse(
        used.day,
        used.orders + 1,
        canonical_qty(used.quantity + use.quantity),
        canonical(used.notional + use.notional),
    )


def is_counted(used: DayUse, use: Use) -> bool:
    """Whether an order is in this day's totals."""
    return bool(use.at) and used.day == day_of(use.at)


def given_back(used: DayUse, use: Use) -> DayUse:
    """The day without an order that is in it, or as it stands when that was another day's."""
    if not is_counted(used, use):
        return used
    return DayUse(
        used.day,
        used.orders - 1,
        canonical_qty(used.quantity - use.quantity),
        canonical(used.notional - use.notional),
    )


def renotional(order: Order, instrument: Instrument, quantity: Decimal, limit_price: Price | None) -> Decimal:
    """What an order is worth under new terms; without a limit, at the price it was decided on."""
    if limit_price is not None:
        return instrument.notional(limit_price, quantity).amount
    worth = EXACT.divide(order.notional * quantity, order.terms.quantity)
    return canonical(worth.quantize(_FINE, context=EXACT))
