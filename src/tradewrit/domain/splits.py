"""What a share split does to quantities and prices. Forward and reverse are one rule, new for old.

Knows no account and no venue; cash for what is no whole share is `split_position`'s fill.
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Quote
from tradewrit.domain.money import EXACT, ZERO, Price, canonical, canonical_qty
from tradewrit.domain.positions import ClosedLot, Direction, Fill, Lot, Position, book

# A seventh of a price is no finite decimal. Ten decimals keep the cost of a million shares to a cent's
# hundredth; orders are rounded to the tick in any case.
_STEP: Final = Decimal("1E-10")
PRINTED_DECIMALS: Final = 8
"""To how many decimals adjusted prices are kept: far finer than a tick, and short as a decimal."""
_PRINTED_SCALE: Final = 10.0**PRINTED_DECIMALS


class Adjustment(StrEnum):
    """How past prices are shown: as printed, in today's shares, or less the dividends paid since as well."""

    RAW = "raw"
    SPLIT = "split"
    TOTAL = "total"


class Ratio(msgspec.Struct, frozen=True, gc=False):
    """`new` shares for every `old` ones: 7 for 1 is a forward split, 1 for 8 a reverse one."""

    new: Decimal
    old: Decimal

    def __post_init__(self) -> None:
        if not (self.new.is_finite() and self.old.is_finite() and self.new > 0 and self.old > 0):
            raise ValueError(f"a split is for positive numbers of shares, not {self.new} for {self.old}")

    def __str__(self) -> str:
        return f"{self.new} for {self.old}"

    def quantity(self, before: Decimal) -> Decimal:
        """What so many shares become, fractions included, to ten decimals."""
        return canonical_qty(_rounded(before * self.new, self.old))

    def price(self, before: Decimal) -> Decimal:
        """What a price per share becomes, to ten decimals."""
        return canonical(_rounded(before * self.old, self.new))

    def rough_price(self, before: float) -> float:
        """What a printed price becomes, to eight decimals: for marks and features, not for money."""
        return round(before * float(self.old) / float(self.new) * _PRINTED_SCALE) / _PRINTED_SCALE

    def quote(self, before: Quote) -> Quote:
        """What a quote becomes: prices to eight decimals, sizes in the new shares."""
        new, old = float(self.new), float(self.old)
        return msgspec.structs.replace(
            before,
            bid=self.rough_price(before.bid),
            ask=self.rough_price(before.ask),
            bid_size=before.bid_size * new / old,
            ask_size=before.ask_size * new / old,
        )

    def order_price(self, before: Decimal, direction: Direction, instrument: Instrument) -> Price:
        """What the price of an order of a trade becomes: rounded down for longs, up for shorts.

        So a buy never pays more and a short sale never gets less, and stops and targets lie where a
        fresh one would. Never below one tick.
        """
        raw = EXACT.divide(before * self.old, self.new)
        snap = instrument.price_down if direction is Direction.LONG else instrument.price_up
        return max(snap(raw), instrument.price_up(instrument.tick))

    def quantities(self, before: Iterable[Decimal]) -> list[Decimal]:
        """What several quantities become; they add up to what their sum becomes."""
        total = done = ZERO
        after = []
        for quantity in before:
            total += quantity
            reached = self.quantity(total)
            after.append(canonical_qty(reached - done))
            done = reached
        return after


class SplitPosition(msgspec.Struct, frozen=True):
    """A position after a split. cash_in_lieu: the sale of what was no whole lot; None without any."""

    position: Position | None
    closed: tuple[ClosedLot, ...] = ()
    cash_in_lieu: Fill | None = None


def split_position(
    position: Position, ratio: Ratio, price: Decimal, instrument: Instrument, at: int
) -> SplitPosition:
    """A position after a split: as many lots, each at its old cost; what is no whole lot is paid out.

    price: of one new share, at which fractions are paid, the oldest lot's first. at: UTC ns.
    """
    quantities = ratio.quantities(lot.quantity for lot in position.lots)
    lots = tuple(
        _split_lot(lot, quantity, ratio)
        for lot, quantity in zip(position.lots, quantities, strict=True)
        if quantity
    )
    total = sum((lot.quantity for lot in lots), ZERO)
    if not total:
        return SplitPosition(None)
    after = msgspec.structs.replace(position, lots=lots)
    fraction = total - instrument.qty(total)
    if not fraction:
        return SplitPosition(after)
    paid_out = Fill(
        trade_id=lots[0].trade_id,
        symbol=position.symbol,
        side=position.direction.exit_side,
        quantity=canonical_qty(fraction),
        price=price,
        fee=ZERO,
        at=at,
    )
    left, closed = book(after, paid_out, instrument)
    return SplitPosition(left, closed, paid_out)


def _split_lot(lot: Lot, quantity: Decimal, ratio: Ratio) -> Lot:
    return msgspec.structs.replace(lot, quantity=quantity, price=ratio.price(lot.price))


def _rounded(numerator: Decimal, denominator: Decimal) -> Decimal:
    return EXACT.divide(numerator, denominator).quantize(_STEP, context=EXACT)
