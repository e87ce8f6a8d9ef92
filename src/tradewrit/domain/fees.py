"""What a venue charges for a fill, as exact values. One tagged union, chosen by configuration."""

from decimal import Decimal
from typing import assert_never

import msgspec

from tradewrit.domain.money import ZERO, canonical

_BPS = Decimal(10_000)


class BpsFee(msgspec.Struct, frozen=True, tag="bps"):
    """A share of the notional, in basis points (10 bps = 0.1 %)."""

    rate_bps: Decimal = Decimal(10)


class PerShareFee(msgspec.Struct, frozen=True, tag="per_share"):
    """An amount per unit with a minimum per fill, and optionally a cap as a fraction of notional."""

    per_unit: Decimal = Decimal("0.005")
    minimum: Decimal = Decimal(1)
    maximum_fraction: Decimal | None = None


class FixedFee(msgspec.Struct, frozen=True, tag="fixed"):
    """The same amount for every fill."""

    amount: Decimal = ZERO


FeeModel = BpsFee | PerShareFee | FixedFee


def in_account_currency(
    charged: Decimal, currency: str, rate: Decimal | None, account: str
) -> Decimal | None:
    """A fee in the account's currency, exact; None where that would have to be guessed.

    currency: of the fee, "" for the account's. rate: account currency per unit of it.

    >>> in_account_currency(Decimal("0.002"), "BNB", Decimal("612.40"), "USDT")
    Decimal('1.2248')
    """
    if currency in {"", account} or not charged:
        return canonical(charged)
    if rate is None or not rate.is_finite() or rate <= 0:
        return None
    return canonical(charged * rate)


def fee(model: FeeModel, quantity: Decimal, notional: Decimal) -> Decimal:
    """The charge for filling `quantity` units worth `notional`; exact, not rounded to cents.

    >>> fee(BpsFee(Decimal(10)), Decimal(5), Decimal("877.50"))
    Decimal('0.8775')
    >>> fee(PerShareFee(), Decimal(100), Decimal("5000.00"))
    Decimal('1.00')
    """
    match model:
        case BpsFee(rate_bps=rate):
            return canonical(notional * rate / _BPS)
        case PerShareFee(per_unit=per_unit, minimum=minimum, maximum_fraction=cap):
            charge = max(per_unit * quantity, minimum)
            return canonical(charge if cap is None else min(charge, cap * notional))
        case FixedFee(amount=amount):
            return canonical(amount)
        case _:
            assert_never(model)
