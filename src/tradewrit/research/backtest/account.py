"""The account of a run that jumps: cash, positions and what is set aside, changed in place.

What a fill does, what an entry costs and what the limits look at are the desk's own rules.
"""

from collections import Counter
from decimal import Decimal

from tradewrit.domain.books import Books
from tradewrit.domain.fees import fee
from tradewrit.domain.folding import evolve
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import EXACT, ZERO, Price
from tradewrit.domain.orders import Side
from tradewrit.domain.portfolio import cash_change, drawdown
from tradewrit.domain.positions import ClosedLot, Fill, Position, book, is_paid_in_full
from tradewrit.research.backtest.happening import Happening
from tradewrit.risk.limits import Facts
from tradewrit.risk.refusals import cooldown


class Account:
    """One account.

    books: limits, fees, currency; only what the venue has refused is added to it. high_water: only as high as
    was asked.
    owed: signed cost of what was not paid for in full (shorts and derivatives); margined: its notional.
    waiting: by symbol, what is set aside for entries. unsettled: when the cash of a sale may be spent again,
    and how much; of a cash account only. refused: entries, by the venue's code.
    """

    def __init__(self, books: Books) -> None:
        self.books = books
        self.cash = self.high_water = books.cash
        self.reserved = self.owed = self.margined = self.fees = self.funding = ZERO
        self.positions: dict[str, Position] = {}
        self.waiting: dict[str, Decimal] = {}
        self.unsettled: list[tuple[int, Decimal]] = []
        self.refused: Counter[str] = Counter()

    @property
    def base(self) -> Decimal:
        """Equity less units at their prices."""
        return self.cash - self.owed

    @property
    def free(self) -> Decimal:
        """Cash that is neither reserved nor margin."""
        return self.cash - self.reserved - self._margin

    @property
    def _margin(self) -> Decimal:
        return EXACT.divide(self.margined, self.books.limits.max_leverage) if self.margined else ZERO

    def facts(self, worth: Decimal, at: int) -> Facts:
        """What the limits need to know. worth: equity now. at: when it is, UTC ns."""
        return Facts(
            equity=worth,
            cash=self.cash,
            reserved=self.reserved,
            margin=self._margin,
            buying_power=self.free - self._locked(at),
            drawdown=drawdown(worth, self.high_water),
            open_positions=len(self.positions.keys() | self.waiting.keys()),
            at=at,
        )

    def refuse(self, symbol: str, code: str, at: int) -> None:
        """The venue did not take an entry: none is tried for a while."""
        self.refused[code] += 1
        began = cooldown(self.books, symbol, code, "", at)
        if began is not None:
            self.books = evolve(self.books, began)

    def _locked(self, at: int) -> Decimal:
        """Cash of sales that may not be spent yet."""
        if not self.unsettled:
            return ZERO
        self.unsettled = [sale for sale in self.unsettled if sale[0] > at]
        return sum((amount for _, amount in self.unsettled), ZERO)

    def reserve(self, symbol: str, cost: Decimal) -> None:
        """Set cash aside for an entry."""
        self.waiting[symbol] = cost
        self.reserved += cost

    def release(self, symbol: str) -> None:
        """The entry has filled, or never will."""
        self.reserved -= self.waiting.pop(symbol)

    def book(
        self,
        instrument: Instrument,
        side: Side,
        quantity: Decimal,
        price: Price,
        at: int,
        settles_at: int = 0,
    ) -> tuple[Fill, tuple[ClosedLot, ...]]:
        """Enter one fill, as the bookkeeper does; returns it, and the lots it closed.

        settles_at: when the cash of a sale may be spent again; 0 for at once.
        """
        symbol = instrument.symbol
        fill = Fill(
            trade_id=symbol,
            symbol=symbol,
            side=side,
            quantity=quantity,
            price=price,
            fee=fee(self.books.fees, quantity, instrument.value(price, quantity)),
            at=at,
            settles_at=settles_at,
        )
        before = self.positions.pop(symbol, None)
        after, closed = book(before, fill, instrument)
        self._set_aside(before, instrument, -1)
        self._set_aside(after, instrument, 1)
        if after is not None:
            self.positions[symbol] = after
        change = cash_change(fill, closed, instrument)
        self.cash += change
        if settles_at and change > 0 and not self.books.margin:
            self.unsettled.append((settles_at, change))
        self.fees += fill.fee
        return fill, closed

    def follow(self, instrument: Instrument, happening: Happening) -> None:
        """Enter what happened at another desk to a trade of this account."""
        symbol, after = instrument.symbol, happening.position
        self._set_aside(self.positions.pop(symbol, None), instrument, -1)
        self._set_aside(after, instrument, 1)
        if after is not None:
            self.positions[symbol] = after
        self.cash += happening.cash
        self.fees += happening.fees
        self.funding += happening.funding
        if not self.books.margin:
            self.unsettled.extend(happening.unsettled)
        if happening.reserved:
            self.waiting[symbol] = happening.reserved
        else:
            self.waiting.pop(symbol, None)
        # A share of a reservation need not be a finite decimal: a difference would leave a trace of it.
        self.reserved = sum(self.waiting.values(), ZERO)

    def _set_aside(self, position: Position | None, instrument: Instrument, sign: int) -> None:
        if position is not None and not is_paid_in_full(position.direction, instrument):
            cost = position.cost(instrument) * sign
            self.owed += cost * position.direction.sign
            self.margined += cost
