"""Positions as FIFO lots, with exact realised and unrealised P&L.

Cost basis by lots, not by averages: every figure is a finite decimal, and partial closes add up.
Knows no cash; what a fill does to cash is `domain.portfolio`.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import EXACT, ZERO, canonical, canonical_qty
from tradewrit.domain.once import once
from tradewrit.domain.orders import Side

# A share of a fee need not be a finite decimal (a third of a dollar); what is rounded off here
# stays with the rest of the lot, so the parts always add up to the whole.
_FEE_STEP = Decimal("1E-10")


class Direction(StrEnum):
    """Which way a position profits.

    sign: +1 for long, -1 for short. entry_side, exit_side: of an order that opens or adds, and of one
    that reduces.
    """

    LONG = "long"
    SHORT = "short"

    sign: int
    entry_side: Side
    exit_side: Side

    def __init__(self, value: str) -> None:
        self.entry_side = Side.BUY if value == "long" else Side.SELL
        self.exit_side = self.entry_side.opposite
        self.sign = self.entry_side.sign


OPENED_BY: Final = {direction.entry_side: direction for direction in Direction}
"""The direction that an opening order of a side leads to."""


class Lot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is left of one entry fill. fee, funding: its own part of the entry fee, and of funding so far."""

    trade_id: str
    quantity: Decimal
    price: Decimal
    opened_at: int
    fee: Decimal = ZERO
    funding: Decimal = ZERO


class ClosedLot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One matched pair of entry and exit: a round trip, or a part of one.

    fees: both sides. funding: received while it was held, negative when paid. gross: before both.
    pnl: gross - fees + funding. All in quote currency.
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
    funding: Decimal = ZERO


class Position(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All open lots of one symbol, oldest first, all in one direction."""

    symbol: str
    direction: Direction
    lots: tuple[Lot, ...]

    @property
    def quantity(self) -> Decimal:
        """Units held, never negative."""
        if len(self.lots) == 1:
            return self.lots[0].quantity
        return sum((lot.quantity for lot in self.lots), ZERO)

    @property
    def signed(self) -> Decimal:
        """Units held, negative when short."""
        return self.quantity * self.direction.sign

    @once
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
        taken, rest = _parted(lots[0], min(lots[0].quantity, left))
        exit_fee = _share(fee_left, taken.quantity, left)
        closed.append(_match(position.direction, taken, fill, exit_fee, instrument))
        left -= taken.quantity
        fee_left = canonical(fee_left - exit_fee)
        lots[:1] = [] if rest is None else [rest]
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
        return Position(symbol=fill.symbol, direction=OPENED_BY[fill.side], lots=(lot,))
    return msgspec.structs.replace(position, lots=(*position.lots, lot))


def _parted(lot: Lot, quantity: Decimal) -> tuple[Lot, Lot | None]:
    """So much of a lot, with its share of fee and funding, and what stays; None when that is nothing."""
    if quantity == lot.quantity:
        return lot, None
    fee, funding = (_share(amount, quantity, lot.quantity) for amount in (lot.fee, lot.funding))
    taken = msgspec.structs.replace(lot, quantity=quantity, fee=fee, funding=funding)
    rest = msgspec.structs.replace(
        lot,
        quantity=canonical_qty(lot.quantity - quantity),
        fee=canonical(lot.fee - fee),
        funding=canonical(lot.funding - funding),
    )
    return taken, rest


def _match(
    direction: Direction, lot: Lot, fill: Fill, exit_fee: Decimal, instrument: Instrument
) -> ClosedLot:
    gross = canonical(instrument.value(fill.price - lot.price, lot.quantity) * direction.sign)
    fees = canonical(lot.fee + exit_fee)
    return ClosedLot(
        trade_id=lot.trade_id,
        symbol=fill.symbol,
        direction=direction,
        quantity=canonical_qty(lot.quantity),
        entry_at=lot.opened_at,
        entry_price=lot.price,
        exit_at=fill.at,
        exit_price=fill.price,
        fees=fees,
        gross=gross,
        pnl=canonical(gross - fees + lot.funding),
        funding=lot.funding,
    )


def _share(fee: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    if part == whole:
        return fee
    exact = EXACT.divide(fee * part, whole)
    return canonical(exact.quantize(_FEE_STEP, context=EXACT))
