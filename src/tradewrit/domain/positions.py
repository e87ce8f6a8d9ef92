"""Positions as FIFO lots, with exact realised and unrealised P&L.

Cost basis by lots, not by averages: every figure is a finite decimal, and partial closes add up.
Knows no cash; what a fill does to cash is `domain.portfolio`.
"""

from decimal import Decimal
from enum import StrEnum
from functools import cached_property

import msgspec

from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import EXACT, ZERO, canonical, canonical_qty
from tradewrit.domain.orders import Side

# A share of a fee need not be a finite decimal (a third of a dollar); what is rounded off here
# stays with the rest of the lot, so the parts always add up to the whole.
_FEE_STEP = Decimal("1E-10")


class Direction(StrEnum):
    """Which way a position profits."""

    LONG = "long"
    SHORT = "short"

    @property
    def sign(self) -> int:
        """+1 for long, -1 for short."""
        return 1 if self is Direction.LONG else -1

    @property
    def entry_side(self) -> Side:
        """The side of an order that opens or adds."""
        return Side.BUY if self is Direction.LONG else Side.SELL

    @property
    def exit_side(self) -> Side:
        """The side of an order that reduces."""
        return self.entry_side.opposite

    @classmethod
    def opened_by(cls, side: Side) -> "Direction":
        """The direction that an opening order of this side leads to."""
        return cls.LONG if side is Side.BUY else cls.SHORT


class Lot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is left of one entry fill. fee: the part of the entry fee that belongs to it."""

    trade_id: str
    quantity: Decimal
    price: Decimal
    opened_at: int
    fee: Decimal = ZERO


class ClosedLot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One matched pair of entry and exit: a round trip, or a part of one.

    fees: both sides. gross: before fees. pnl: net of them; all in quote currency.
    """

    trade_id: str
    symbol: str
    direction: Direction
    quantity: Decimal
    entry_at: int
    entry_price: Decimal
    exit_at: int
    exit_price: Decimal
    fees: Decimal
    gross: Decimal
    pnl: Decimal


class Position(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All open lots of one symbol, oldest first, all in one direction."""

    symbol: str
    direction: Direction
    lots: tuple[Lot, ...]

    @cached_property
    def quantity(self) -> Decimal:
        """Units held, never negative."""
        return sum((lot.quantity for lot in self.lots), ZERO)

    @cached_property
    def signed(self) -> Decimal:
        """Units held, negative when short."""
        return self.quantity * self.direction.sign

    @cached_property
    def paid(self) -> Decimal:
        """Sum of entry price x quantity over the lots, multiplier left out."""
        return sum((lot.price * lot.quantity for lot in self.lots), ZERO)

    def cost(self, instrument: Instrument) -> Decimal:
        """Notional at the entry prices."""
        return self.paid * instrument.multiplier

    def average_price(self) -> Decimal:
        """Quantity-weighted entry price, for display."""
        return canonical(EXACT.divide(self.paid, self.quantity))

    def unrealised(self, price: Decimal, instrument: Instrument) -> Decimal:
        """P&L if all were closed at `price`, fees left out."""
        now = instrument.value(price, self.quantity)
        return canonical((now - self.cost(instrument)) * self.direction.sign)


def is_paid_in_full(direction: Direction, instrument: Instrument) -> bool:
    """Whether opening it moves its notional out of cash (a long in something that is not margined)."""
    return direction is Direction.LONG and not instrument.asset_class.is_derivative


class Fill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One execution, as the venue reports it.

    at: UTC ns. fee: in account currency. settles_at: when the cash of a sale may be used again;
    0 means at once.
    """

    trade_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    at: int
    settles_at: int = 0


def book(
    position: Position | None, fill: Fill, instrument: Instrument
) -> tuple[Position | None, tuple[ClosedLot, ...]]:
    """Apply one fill: reduce the oldest lots first, and open the other way with what is left over.

    Returns the new position (None when flat) and the lots that were matched, oldest first.
    """
    if position is None or position.direction.entry_side is fill.side:
        return _add(position, fill, fill.quantity, fill.fee), ()
    left, fee_left = fill.quantity, fill.fee
    closed: list[ClosedLot] = []
    lots = list(position.lots)
    while lots and left:
        lot = lots[0]
        taken = min(lot.quantity, left)
        entry_fee = _share(lot.fee, taken, lot.quantity)
        exit_fee = _share(fee_left, taken, left)
        closed.append(_match(position.direction, lot, fill, taken, entry_fee, exit_fee, instrument))
        left -= taken
        fee_left = canonical(fee_left - exit_fee)
        if taken == lot.quantity:
            del lots[0]
        else:
            lots[0] = msgspec.structs.replace(
                lot, quantity=canonical_qty(lot.quantity - taken), fee=canonical(lot.fee - entry_fee)
            )
    if lots:
        return msgspec.structs.replace(position, lots=tuple(lots)), tuple(closed)
    if left:
        return _add(None, fill, left, fee_left), tuple(closed)
    return None, tuple(closed)


def _add(position: Position | None, fill: Fill, quantity: Decimal, fee: Decimal) -> Position:
    lot = Lot(
        trade_id=fill.trade_id,
        quantity=canonical_qty(quantity),
        price=fill.price,
        opened_at=fill.at,
        fee=canonical(fee),
    )
    if position is None:
        return Position(symbol=fill.symbol, direction=Direction.opened_by(fill.side), lots=(lot,))
    return msgspec.structs.replace(position, lots=(*position.lots, lot))


def _match(
    direction: Direction,
    lot: Lot,
    fill: Fill,
    quantity: Decimal,
    entry_fee: Decimal,
    exit_fee: Decimal,
    instrument: Instrument,
) -> ClosedLot:
    gross = canonical(instrument.value(fill.price - lot.price, quantity) * direction.sign)
    fees = canonical(entry_fee + exit_fee)
    return ClosedLot(
        trade_id=lot.trade_id,
        symbol=fill.symbol,
        direction=direction,
        quantity=canonical_qty(quantity),
        entry_at=lot.opened_at,
        entry_price=lot.price,
        exit_at=fill.at,
        exit_price=fill.price,
        fees=fees,
        gross=gross,
        pnl=canonical(gross - fees),
    )


def _share(fee: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    if part == whole:
        return fee
    exact = EXACT.divide(fee * part, whole)
    return canonical(exact.quantize(_FEE_STEP, context=EXACT))
