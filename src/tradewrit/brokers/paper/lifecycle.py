"""What a fill, or the end of an order, does to everything linked with it.

Children come to life with their parent's fills; orders of one OCO group share one quantity; an order
that only reduces never outlives, nor outgrows, the position. Knows no prices but those it is told.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from tradewrit.brokers.paper.book import Part, SymbolBook, Working
from tradewrit.brokers.paper.fills import trail
from tradewrit.brokers.paper.ledger import Ledger
from tradewrit.brokers.paper.reports import Reports
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.brokers.paper.sessions import Sessions
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.fees import fee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import ZERO, Price, Qty, canonical_qty
from tradewrit.domain.orders import OrderTerms, Side

OCO = "oco"
POSITION_CLOSED = "position_closed"
PARENT_ENDED = "parent_ended"


class Lifecycle:
    """Every order of one account, from acceptance to its end.

    told_at: the latest time an order came with, UTC ns. ts, part: the bar in progress, and how far it
    has come. halted: symbols in which nothing trades, and why.
    """

    def __init__(
        self,
        account: str,
        ledger: Ledger,
        rules: PaperRules,
        sessions: Sessions,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.ledger = ledger
        self.rules = rules
        self.sessions = sessions
        self._clock = clock
        self.reports = Reports(account)
        self.told_at = 0
        self.ts = -1
        self.part = Part.AFTER
        self.orders: dict[str, Working] = {}
        self.books: dict[str, SymbolBook] = {}
        self.halted: dict[str, str] = {}
        self._account = account
        self._touched: dict[SymbolBook, None] = {}
        self._arrivals = 0

    @property
    def now(self) -> int:
        """The latest time seen, or what the clock says if that is later; UTC ns."""
        seen = max(self.told_at, self.ts)
        return seen if self._clock is None else max(seen, self._clock())

    def drain(self) -> tuple[ExecutionReport, ...]:
        """What was said since the last call, in order; ends every call that may have changed an order."""
        if self._touched:
            for book in self._touched:
                book.rescreen()
            self._touched.clear()
        return self.reports.drain()

    # -- how orders begin

    def admit(
        self,
        terms: OrderTerms,
        instrument: Instrument,
        *,
        is_reducing: bool,
        hold: Decimal,
        price: float | None,
    ) -> Working:
        """Accept an order. Without a parent it is live at once; price: the market now, if known."""
        now = self.now
        self._arrivals += 1
        book = self.books.get(terms.symbol)
        if book is None:
            book = self.books[terms.symbol] = SymbolBook(through=self.rules.is_through)
        parent_id = terms.parent
        order = Working(
            terms=terms,
            instrument=instrument,
            number=self._arrivals,
            broker_order_id=f"{self._account}:o{self._arrivals}",
            accepted_at=now,
            parent=None if parent_id is None else self.orders[parent_id],
            is_reducing=is_reducing,
            due_at=self.sessions.due_at(terms.symbol, terms.time_in_force, now),
            expires_at=self.sessions.expires_at(terms.symbol, terms.time_in_force, now),
        )
        if terms.limit_price is not None:
            order.limit = terms.limit_price
        if terms.stop_price is not None:
            order.stop = terms.stop_price
        self.orders[order.id] = book.orders[order.id] = order
        self.ledger.hold(order.id, hold)
        if order.parent is None:
            self._go_live(order, terms.quantity, price)
        else:
            order.parent.children.append(order)
            if order.parent.filled and price is not None:
                self._grow(order, order.parent.filled, price)
                order.leaves = min(order.leaves, self.reducible(terms.symbol, terms.side))
        self.touch(book)
        self.reports.on_state(order, Exec.NEW, now)
        return order

    def _go_live(self, order: Working, quantity: Decimal, price: float | None) -> None:
        order.leaves = quantity
        order.born_ts, order.born_part = self.ts, self.part
        if price is not None:
            order.first = price
            if order.is_trailing:
                self.follow(order, order.instrument.traded(price))

    def follow(self, order: Working, extreme: Price) -> None:
        """Move a trailing stop to what trails `extreme`; it only ever tightens."""
        fraction = order.terms.trail_fraction
        if fraction is None:
            return
        side = order.terms.side
        stop = trail(side, extreme, fraction, order.instrument)
        if not order.stop or (stop > order.stop) is (side is Side.SELL):
            order.stop = stop
        order.extreme = extreme

    # -- how orders trade

    def reducible(self, symbol: str, side: Side) -> Decimal:
        """Units that an order of this side would close before it opened the other way."""
        return max(self.ledger.position(symbol) * -side.sign, ZERO)

    def fill(self, order: Working, quantity: Decimal, price: Price, at: int) -> None:
        """Trade `quantity` at `price`, settle it, report it, and see to everything linked."""
        terms, instrument = order.terms, order.instrument
        charge = fee(self.rules.fees, quantity, instrument.value(price, quantity))
        is_sale = terms.side is Side.SELL and not instrument.asset_class.is_derivative
        settles_at = self.sessions.settles_at(terms.symbol, at) if is_sale else 0
        self.ledger.book(instrument, terms.side, quantity, price, charge, settles_at)
        order.filled = canonical_qty(order.filled + quantity)
        order.leaves -= quantity
        self._release(order, quantity)
        self.reports.on_state(
            order,
            Exec.TRADE,
            at,
            last_quantity=canonical_qty(quantity),
            last_price=price,
            fee=charge,
            settles_at=settles_at,
        )
        for child in order.children:
            self._grow(child, quantity, float(price))
        book = self.books[terms.symbol]
        self._share(book, order, quantity, at)
        self._settle_end(order, at)
        self.trim(book, at)
        self.touch(book)

    def _release(self, order: Working, quantity: Decimal) -> None:
        held = self.ledger.held_for(order.id)
        if held:
            self.ledger.hold(order.id, held * order.leaves / (order.leaves + quantity))

    def _grow(self, child: Working, quantity: Decimal, price: float) -> None:
        if not child.is_live:
            return
        room = child.terms.quantity - child.filled - child.leaves
        grown = child.leaves + min(quantity, room)
        if not child.first:
            self._go_live(child, grown, price)
        else:
            child.leaves = grown

    def _share(self, book: SymbolBook, order: Working, quantity: Decimal, at: int) -> None:
        is_complete = order.filled == order.terms.quantity
        for other in book.group(order):
            if is_complete:
                self.end(other, Exec.CANCELED, at, reason=OCO)
            elif other.leaves:
                other.leaves = max(other.leaves - quantity, ZERO)
                other.cut_by = OCO
                self._settle_end(other, at)

    def trim(self, book: SymbolBook, at: int) -> None:
        """Bring what only reduces to what is held, and end what has nothing left to reduce."""
        for other in list(book):
            if not (other.is_reducing and other.is_live and other.leaves):
                continue
            most = self.reducible(other.terms.symbol, other.terms.side)
            if other.leaves > most:
                other.leaves = most
                other.cut_by = POSITION_CLOSED
                self._settle_end(other, at)

    def refit(self, execution: ExecutionReport, change: Decimal) -> None:
        """An execution is for so much more or less than it was: see to its order and all linked to it.

        An order that is over stays over. One that works gets back what was taken from it, and so do the
        others of its OCO group; nothing that reduces outgrows the position.
        """
        book, order = self.books.get(execution.symbol), self.orders.get(execution.client_order_id)
        if book is None:
            return
        if order is not None and change:
            order.filled = canonical_qty(order.filled + change)
            order.leaves = max(order.leaves - change, ZERO)
            self._release(order, change)
            self._refit_linked(book, order, change)
        self.trim(book, self.now)
        self.touch(book)

    def _refit_linked(self, book: SymbolBook, order: Working, change: Decimal) -> None:
        for child in order.children:
            if child.is_live:
                child.leaves = max(child.leaves + change, ZERO)
        for other in book.group(order):
            if other.leaves or other.cut_by == OCO:
                room = other.terms.quantity - other.filled
                other.leaves = min(max(other.leaves - change, ZERO), room)
        for one in (order, *book.group(order)):
            self._settle_end(one, self.now)

    # -- how orders end

    def _settle_end(self, order: Working, at: int) -> None:
        """End an order that has nothing left to trade and cannot get more."""
        if order.leaves or order.may_grow or not order.is_live:
            return
        if order.filled == order.terms.quantity:
            self._forget(order, at)
        else:
            self.end(order, Exec.CANCELED, at, reason=order.cut_by or PARENT_ENDED)

    def end(self, order: Working, kind: Exec, at: int, *, reason: str, code: str = "") -> None:
        """Cancel or expire a live order; what it has filled stays filled."""
        if not order.is_live:
            return
        order.leaves = ZERO
        self.reports.on_state(order, kind, at, reason=reason, code=code)
        self._forget(order, at)

    def _forget(self, order: Working, at: int) -> None:
        order.is_live = False
        order.leaves = ZERO
        self.ledger.hold(order.id, ZERO)
        book = self.books[order.terms.symbol]
        del self.orders[order.id]
        del book.orders[order.id]
        for child in order.children:
            self._settle_end(child, at)
            self._restrict(child, at)
        self.touch(book)

    def _restrict(self, child: Working, at: int) -> None:
        """Say of a child what it can still come to, where its parent will not bring it all it was for."""
        parent = child.parent
        if not child.is_live or parent is None:
            return
        most = (
            min(child.terms.quantity, parent.terms.quantity)
            if child.may_grow
            else child.filled + child.leaves
        )
        if most == child.terms.quantity:
            return
        child.terms = msgspec.structs.replace(child.terms, quantity=Qty(canonical_qty(most)))
        self.say_restated(child, at)

    # -- how orders change

    def change(
        self, order: Working, terms: OrderTerms, stop: Price | None, hold: Decimal, *, is_resized: bool
    ) -> None:
        """Work new terms. stop: of a trailing stop, which has none among its terms.

        is_resized: whether a quantity is among what was asked for, be it the old one.
        """
        if order.may_grow:
            order.leaves = min(order.leaves, terms.quantity - order.filled)
        elif is_resized:
            # A total that is named says what is left, whatever others took from the old one.
            order.leaves, order.cut_by = terms.quantity - order.filled, ""
        order.terms = terms
        if terms.limit_price is not None:
            order.limit = terms.limit_price
        if terms.stop_price is not None:
            order.stop = terms.stop_price
        if stop is not None:
            order.stop = stop
        self.ledger.hold(order.id, hold)
        self.touch(self.books[terms.symbol])
        self.reports.on_state(
            order,
            Exec.REPLACED,
            self.now,
            quantity=canonical_qty(terms.quantity),
            limit_price=terms.limit_price,
            stop_price=order.stop or None,
        )
        self._settle_end(order, self.now)
        for child in order.children:
            self._restrict(child, self.now)

    def say_restated(self, order: Working, at: int) -> None:
        """Report an order that has other terms now without anybody having asked."""
        self.reports.on_state(
            order,
            Exec.RESTATED,
            at,
            quantity=order.terms.quantity,
            limit_price=order.terms.limit_price,
            stop_price=order.stop or None,
        )

    # -- what is worked

    def touch(self, book: SymbolBook) -> None:
        """Have a book's screen worked out anew when the call is done."""
        self._touched[book] = None

    def drop_if_empty(self, symbol: str) -> None:
        """Forget a symbol's book once nothing works in it and no bar of it is in progress."""
        book = self.books.get(symbol)
        if book is not None and not book.orders and self.part is Part.AFTER:
            del self.books[symbol]
