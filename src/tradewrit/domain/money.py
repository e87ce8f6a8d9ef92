"""Exact amounts: how a decimal is written down, and money that knows its currency.

Knows no instrument and no rounding rule; rounding to tick and lot is `domain.instruments`.
"""

from contextlib import AbstractContextManager
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from typing import NewType, Self

import msgspec

Price = NewType("Price", Decimal)
"""Quote currency per unit."""
Qty = NewType("Qty", Decimal)
"""Units, never negative; direction lives in `Side`."""

ZERO = Decimal(0)
_CENT = Decimal("0.01")
_SHOWN = Decimal("0.0001")
_UNIT = Decimal(1)
# Sums of products of long prices, fractional lots and fees stay far below this many digits, so
# nothing but division rounds, and that the same everywhere: desks and engines compute under it
# (`exactly`), so that a caller's own context cannot change a result.
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])


def exactly() -> AbstractContextManager[Context]:
    """A block in which plain `+`, `-` and `*` are exact; the caller's context comes back after."""
    return localcontext(EXACT)


def canonical(amount: Decimal) -> Decimal:
    """The one spelling of an amount: no exponent, at least two decimals, no other trailing zeros.

    `Decimal("1.0") == Decimal("1.000")`, yet they encode to different bytes. Everything that is
    journalled or hashed goes through here once, so equal amounts are byte-equal.

    >>> canonical(Decimal("1.5000")), canonical(Decimal("1E+3")), canonical(Decimal("0.12345"))
    (Decimal('1.50'), Decimal('1000.00'), Decimal('0.12345'))
    """
    if amount.same_quantum(_CENT):  # by far the most common, and cheap to tell
        return amount or abs(amount)  # there is no negative zero
    return _spelt(amount, _CENT)


def four_places(ratio: Decimal) -> Decimal:
    """A share or a ratio as it is shown and put on record: four decimals, half to even, canonical.

    >>> four_places(Decimal(1) / Decimal(3))
    Decimal('0.3333')
    """
    return canonical(ratio.quantize(_SHOWN, context=EXACT))


def canonical_qty(quantity: Decimal) -> Decimal:
    """The one spelling of a quantity: no exponent and no trailing zeros.

    >>> canonical_qty(Decimal("5.00")), canonical_qty(Decimal("0.250")), canonical_qty(Decimal("1E+2"))
    (Decimal('5'), Decimal('0.25'), Decimal('100'))
    """
    if quantity.same_quantum(_UNIT):  # as above
        return quantity or abs(quantity)
    return _spelt(quantity, _UNIT)


def _spelt(amount: Decimal, step: Decimal) -> Decimal:
    if not amount.is_finite():
        raise ValueError(f"an amount must be finite, not {amount}")
    stepped = amount.quantize(step, None, EXACT)
    amount = stepped if stepped == amount else amount.normalize(EXACT)
    return amount or abs(amount)


class Money(msgspec.Struct, frozen=True, order=False):
    """An exact amount in one currency. Adding two currencies is a bug, not a conversion."""

    amount: Decimal
    currency: str

    def _same(self, other: "Money") -> None:
        if other.currency != self.currency:
            raise ValueError(
                f"cannot combine {self.currency} with {other.currency}: convert at a stated rate first"
            )

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(canonical(self.amount + other.amount), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(canonical(self.amount - other.amount), self.currency)

    def __neg__(self) -> "Money":
        return Money(canonical(-self.amount), self.currency)

    def __mul__(self, factor: Decimal | int) -> "Money":
        return Money(canonical(self.amount * factor), self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same(other)
        return self.amount < other.amount

    def __le__(self, other: "Money") -> bool:
        self._same(other)
        return self.amount <= other.amount

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    @classmethod
    def of(cls, amount: Decimal | int | str, currency: str) -> Self:
        """Money from text or an exact number; the type checker refuses floats.

        >>> print(Money.of("12.5", "USD") + Money.of(1, "USD"))
        13.50 USD
        """
        return cls(canonical(Decimal(amount)), currency)
