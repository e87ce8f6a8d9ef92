"""The venue's own account: cash, positions, holds. Written without the desk's arithmetic on purpose.

The desk keeps cash by what each matched lot earned. This ledger adds up every payment as it flows
and corrects for what is not paid in full, so the two agree only if both are right.
Knows no orders beyond their ids.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final

from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import EXACT, ZERO, canonical
from tradewrit.domain.orders import Side

_STEP: Final = Decimal("1E-10")


class _Holding:
    """Open units of one symbol, oldest first: [signed quantity, price]."""

    __slots__ = ("instrument", "lots", "quantity")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.lots: deque[list[Decimal]] = deque()
        self.quantity = ZERO

    def add(self, signed: Decimal, price: Decimal) -> None:
        self.quantity += signed
        while signed and self.lots and (self.lots[0][0] > 0) is not (signed > 0):
            lot = self.lots[0]
            if abs(lot[0]) > abs(signed):
                lot[0] += signed
                return
            signed += lot[0]
            self.lots.popleft()
        if signed:
            self.lots.append([signed, price])

    def split(self, new: Decimal, old: Decimal) -> None:
        """Restate every lot at its old cost: as many whole steps of a ten-billionth as come closest."""
        held = reached = ZERO
        for lot in self.lots:
            held += lot[0]
            total = EXACT.divide(held * new, old).quantize(_STEP, context=EXACT)
            lot[0], reached = total - reached, total
            lot[1] = EXACT.divide(lot[1] * old, new).quantize(_STEP, context=EXACT)
        self.lots = deque(lot for lot in self.lots if lot[0])
        self.quantity = reached

    @property
    def basis(self) -> Decimal:
        """Signed value of the open units at their entry prices."""
        return sum((self.instrument.value(price, signed) for signed, price in self.lots), ZERO)

    @property
    def is_margined(self) -> bool:
        return self.quantity < 0 or self.instrument.asset_class.is_derivative


class Ledger:
    """One account in one currency.

    margin: False counts only settled cash as buying power.
    max_leverage: notional per unit of cash for shorts and margined instruments.
    """

    def __init__(
        self, initial_cash: Decimal, *, margin: bool = True, max_leverage: Decimal = Decimal(1)
    ) -> None:
        self._paid = initial_cash  # as if every trade were paid in full, shorts included
        self._margin = margin
        self._max_leverage = max_leverage
        self._holdings: dict[str, _Holding] = {}
        self._split: dict[str, tuple[tuple[Decimal, Decimal], ...]] = {}
        self._unsettled: list[tuple[int, Decimal]] = []
        self._holds: dict[str, Decimal] = {}
        self.fees = ZERO

    @property
    def cash(self) -> Decimal:
        """Cash: the proceeds of open shorts are not in it, margined positions do not reduce it."""
        return canonical(self._paid + sum((h.basis for h in self._holdings.values() if h.is_margined), ZERO))

    @property
    def positions(self) -> Mapping[str, Decimal]:
        """Units held by symbol, negative when short; flat symbols are absent."""
        return {symbol: holding.quantity for symbol, holding in self._holdings.items()}

    def position(self, symbol: str) -> Decimal:
        """Units held, negative when short."""
        holding = self._holdings.get(symbol)
        return ZERO if holding is None else holding.quantity

    def equity(self, marks: Callable[[str], Decimal | None]) -> Decimal:
        """Cash plus what the positions are worth at `marks`; at their cost where there is no mark."""
        total = self._paid
        for symbol, holding in self._holdings.items():
            mark = marks(symbol)
            total += holding.basis if mark is None else holding.instrument.value(mark, holding.quantity)
        return canonical(total)

    def book(
        self,
        instrument: Instrument,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        settles_at: int = 0,
    ) -> None:
        """Take one fill. settles_at: when the cash of a sale may be spent; 0 means at once."""
        holding = self._holdings.get(instrument.symbol)
        if holding is None:
            holding = self._holdings[instrument.symbol] = _Holding(instrument)
        if settles_at and side is Side.SELL and not self._margin:
            self._unsettled.append((settles_at, instrument.value(price, quantity) - fee))
        signed = quantity * side.sign
        self._paid -= instrument.value(price, signed) + fee
        self.fees += fee
        holding.add(signed, price)
        if not holding.quantity:
            del self._holdings[instrument.symbol]

    def restate(
        self, instrument: Instrument, fills: Iterable[tuple[Decimal, Decimal]], paid: Decimal, fee: Decimal
    ) -> None:
        """Take it that a symbol's fills were these. paid: by how much less was paid for them; fee: more.

        fills: signed quantity and price, oldest first, since the last split. Sales already under way to
        settlement stay as they are.
        """
        self._paid += paid - fee
        self.fees += fee
        holding = _Holding(instrument)
        for signed, price in (*self._split.get(instrument.symbol, ()), *fills):
            if signed:
                holding.add(signed, price)
        if holding.quantity:
            self._holdings[instrument.symbol] = holding
        else:
            self._holdings.pop(instrument.symbol, None)

    def split(self, symbol: str, new: Decimal, old: Decimal, price: Decimal) -> None:
        """Restate what is held after a split; less than a lot is sold at `price`, per new unit, for free."""
        holding = self._holdings.get(symbol)
        if holding is None:
            return
        holding.split(new, old)
        fraction = holding.quantity % holding.instrument.lot  # has the sign of what is held
        if fraction:
            self._paid += holding.instrument.value(price, fraction)
            holding.add(-fraction, price)
        self._split[symbol] = tuple((signed, at) for signed, at in holding.lots)
        if not holding.quantity:
            del self._holdings[symbol]

    def pay_dividend(self, symbol: str, amount: Decimal) -> None:
        """Pay `amount` per unit held into the account, or take it out of it when short."""
        holding = self._holdings.get(symbol)
        if holding is not None:
            self._paid += holding.instrument.value(amount, holding.quantity)

    def settle_funding(self, symbol: str, price: Decimal, rate: Decimal) -> None:
        """Take a share of the notional at the mark price from a long, or give it to a short."""
        holding = self._holdings.get(symbol)
        if holding is not None:
            self._paid -= holding.instrument.value(price, holding.quantity) * rate

    def delist(self, symbol: str, price: Decimal) -> None:
        """Pay out what is held at `price` per unit."""
        holding = self._holdings.pop(symbol, None)
        if holding is not None:
            self._paid += holding.instrument.value(price, holding.quantity)

    def hold(self, order_id: str, amount: Decimal) -> None:
        """Set cash aside for an order's unfilled part, in place of what was held for it before."""
        if amount:
            self._holds[order_id] = amount
        else:
            self._holds.pop(order_id, None)

    @property
    def held(self) -> Decimal:
        """Cash set aside for all orders."""
        return sum(self._holds.values(), ZERO)

    def held_for(self, order_id: str) -> Decimal:
        """Cash set aside for an order."""
        return self._holds.get(order_id, ZERO)

    def buying_power(self, at: int) -> Decimal:
        """Cash a new entry may use at `at`: not held, not margin, and settled in a cash account."""
        margined = sum((abs(h.basis) for h in self._holdings.values() if h.is_margined), ZERO)
        free = self.cash - self.held - EXACT.divide(margined, self._max_leverage)
        if self._margin:
            return free
        self._unsettled = [(usable_at, amount) for usable_at, amount in self._unsettled if usable_at > at]
        return free - sum((amount for _, amount in self._unsettled), ZERO)
