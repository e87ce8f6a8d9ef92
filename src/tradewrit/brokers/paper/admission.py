"""Whether the venue takes an order, and if not, why: a refusal is a result with a reason.

Reads the account and the working orders, changes neither. A list is taken whole or not at all, so
the first refusal speaks for all of it.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from tradewrit.brokers.paper.book import Kind, Working
from tradewrit.brokers.paper.fills import tighter
from tradewrit.brokers.paper.forms import AT_ONCE, Refusal, badly_linked, malformed, refuse
from tradewrit.brokers.paper.lifecycle import Lifecycle
from tradewrit.domain.fees import fee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import EXACT, ZERO, Price, Qty
from tradewrit.domain.orders import OrderTerms, OrderType, Side
from tradewrit.domain.rejections import Rejection

_TRIGGERED: Final = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})
"""What waits for a price before it trades with anybody."""


class Admitted(msgspec.Struct, frozen=True):
    """An order that may be worked. hold: cash to set aside while it is."""

    terms: OrderTerms
    instrument: Instrument
    is_reducing: bool
    hold: Decimal


class Admission:
    """The venue's door.

    instruments: a symbol's instrument; None for one that is not traded here.
    price_of: the last price of a symbol; None where nothing is known, and then nothing is valued.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        instruments: Callable[[str], Instrument | None],
        price_of: Callable[[str], float | None],
    ) -> None:
        self._life = lifecycle
        self._instruments = instruments
        self._price_of = price_of

    def examine(self, orders: Sequence[OrderTerms]) -> tuple[Admitted, ...] | Refusal:
        """All of a list's orders as admitted, parents first, or the first reason against it."""
        refusal = badly_linked(orders, self._life.orders)
        if refusal is not None:
            return refusal
        admitted: list[Admitted] = []
        for terms in sorted(orders, key=lambda terms: terms.parent is not None):
            found = self._one(terms, admitted)
            if isinstance(found, Refusal):
                return found
            admitted.append(found)
        return tuple(admitted)

    def _one(self, terms: OrderTerms, before: Sequence[Admitted]) -> Admitted | Refusal:
        instrument = self._instruments(terms.symbol)
        if instrument is None:
            return refuse(terms, Rejection.UNKNOWN_SYMBOL, f"{terms.symbol} is not traded here")
        refusal = malformed(terms, instrument) or self._closed(terms) or self._halted(terms)
        if refusal is not None:
            return refusal
        if terms.parent is not None:
            return Admitted(terms, instrument, is_reducing=True, hold=ZERO)
        if terms.reduce_only:
            refusal = self._not_reducing(terms, before)
            return refusal or Admitted(terms, instrument, is_reducing=True, hold=ZERO)
        return self._entry(terms, instrument, before)

    def _closed(self, terms: OrderTerms) -> Refusal | None:
        if terms.time_in_force not in AT_ONCE or terms.parent is not None:
            return None
        if self._life.sessions.is_open(terms.symbol, self._life.now):
            return None
        reason = f"a {terms.type} {terms.time_in_force} order is taken in the regular session only"
        return refuse(terms, Rejection.MARKET_CLOSED, reason)

    def _halted(self, terms: OrderTerms) -> Refusal | None:
        reason = self._life.halted.get(terms.symbol)
        is_taken = self._life.rules.halts == "rest" and terms.time_in_force not in AT_ONCE
        if reason is None or is_taken:
            return None
        return refuse(terms, Rejection.HALTED, f"{terms.symbol} is halted: {reason}")

    # -- orders that reduce

    def _not_reducing(self, terms: OrderTerms, before: Sequence[Admitted]) -> Refusal | None:
        held = self._life.reducible(terms.symbol, terms.side)
        if not held:
            reason = f"nothing to reduce: {terms.symbol} holds no position that a {terms.side} would close"
            return refuse(terms, Rejection.NOT_REDUCING, reason)
        spoken_for = self._spoken_for(terms.symbol, terms.side, [*before, terms])
        if spoken_for > held:
            reason = (
                f"{terms.symbol}: {held} held, but {spoken_for} would be in working orders to {terms.side}"
            )
            return refuse(terms, Rejection.INSUFFICIENT_QUANTITY, reason)
        return None

    def _spoken_for(
        self,
        symbol: str,
        side: Side,
        added: Sequence[Admitted | OrderTerms],
        without: Working | None = None,
        oco: str | None = None,
    ) -> Decimal:
        """Quantity in live orders of this side; orders of one OCO group share theirs. oco: one left out."""
        groups: dict[str, Decimal] = {}
        for order in self._life.books.get(symbol, ()):
            if order.terms.side is side and order is not without:
                key = order.terms.oco or order.id
                groups[key] = max(groups.get(key, ZERO), order.leaves)
        for one in added:
            terms = one.terms if isinstance(one, Admitted) else one
            if terms.symbol == symbol and terms.side is side and terms.parent is None:
                key = terms.oco or terms.client_order_id
                groups[key] = max(groups.get(key, ZERO), terms.quantity)
        groups.pop(oco or "", None)
        return sum(groups.values(), ZERO)

    # -- orders that may open

    def _entry(
        self, terms: OrderTerms, instrument: Instrument, before: Sequence[Admitted]
    ) -> Admitted | Refusal:
        value_price = self._value_price(terms, instrument)
        if (other := self._met_by(terms)) is not None:
            reason = f"{other.id}, of this account, wants to {other.terms.side} what this would {terms.side}"
            return refuse(terms, Rejection.WASH_TRADE, reason)
        if value_price is not None:
            notional = instrument.value(value_price, terms.quantity)
            if notional < instrument.minimum_notional:
                reason = (
                    f"worth {notional}, and {terms.symbol} takes no less than {instrument.minimum_notional}"
                )
                return refuse(terms, Rejection.BELOW_MINIMUM, reason)
        may_short = self._life.rules.margin and instrument.is_shortable
        opening = self._opening(terms, before)
        if terms.side is Side.SELL and not may_short:
            if opening:
                account = (
                    "it cannot be sold short" if self._life.rules.margin else "a cash account has no shorts"
                )
                reason = f"{opening} {terms.symbol} more than can be sold, and {account}"
                return refuse(terms, Rejection.NOT_SHORTABLE, reason)
            return Admitted(terms, instrument, is_reducing=True, hold=ZERO)
        hold = self._cost(terms, instrument, opening, value_price)
        refusal = self._unaffordable(terms, hold, sum((one.hold for one in before), ZERO))
        return refusal or Admitted(terms, instrument, is_reducing=False, hold=hold)

    def _met_by(self, terms: OrderTerms) -> Working | None:
        """The account's own order that this one would trade with; None when there is none."""
        last = self._price_of(terms.symbol)
        for order in self._life.books.get(terms.symbol, ()):
            is_ready = order.leaves > 0 and order.kind in {Kind.MARKET, Kind.LIMIT}
            if order.terms.side is not terms.side and is_ready and _meet(terms, order.terms, last):
                return order
        return None

    def _opening(
        self, terms: OrderTerms, before: Sequence[Admitted], without: Working | None = None
    ) -> Decimal:
        """What an order opens after it has closed what no other order has spoken for.

        The other legs of its OCO group have not: only one of them trades.
        """
        held = self._life.reducible(terms.symbol, terms.side)
        if not held:
            return terms.quantity
        spoken_for = self._spoken_for(terms.symbol, terms.side, before, without, oco=terms.oco)
        free = max(held - spoken_for, ZERO)
        return max(terms.quantity - free, ZERO)

    def _value_price(self, terms: OrderTerms, instrument: Instrument) -> Decimal | None:
        """The price an order is valued at: its own if it names one, else the last one known."""
        own = terms.limit_price if terms.limit_price is not None else terms.stop_price
        if own is not None:
            return own
        last = self._price_of(terms.symbol)
        return None if last is None else instrument.traded(last)

    def _cost(
        self, terms: OrderTerms, instrument: Instrument, quantity: Decimal, price: Decimal | None
    ) -> Decimal:
        if price is None or not quantity:
            return ZERO
        notional = instrument.value(price, quantity)
        charge = fee(self._life.rules.fees, quantity, notional)
        if terms.side is Side.SELL or instrument.asset_class.is_derivative:
            return EXACT.divide(notional, self._life.rules.max_leverage) + charge
        return notional + charge

    def _unaffordable(self, terms: OrderTerms, needed: Decimal, promised: Decimal) -> Refusal | None:
        if not needed:
            return None
        free = self._life.ledger.buying_power(self._life.now) - promised
        if needed <= free:
            return None
        kind = "free" if self._life.rules.margin else "free and settled"
        reason = f"{terms.quantity} {terms.symbol} need {needed:f}, and {free:f} are {kind}"
        return refuse(terms, Rejection.INSUFFICIENT_FUNDS, reason)

    # -- replacements

    def examine_change(self, order: Working, terms: OrderTerms, stop: Price | None) -> Decimal | Refusal:
        """The cash to hold for an order under new terms, or the reason against them.

        stop: the new stop of a trailing order, which may only be tightened.
        """
        if order.filled and terms.quantity <= order.filled:
            reason = f"{order.filled} are filled already: cancel the order instead"
            return refuse(terms, Rejection.MALFORMED, reason)
        # Whole lots are for what still trades: what had filled before a split may be a fraction.
        left = msgspec.structs.replace(terms, quantity=Qty(terms.quantity - order.filled))
        refusal = malformed(left, order.instrument) or self._bad_stop(order, terms, stop)
        if refusal is not None:
            return refusal
        if order.is_reducing:
            refusal = self._overgrown(order, terms)
            return refusal or ZERO
        price = self._value_price(terms, order.instrument)
        hold = self._cost(left, order.instrument, self._opening(left, (), without=order), price)
        held = self._life.ledger.held_for(order.id)
        refusal = self._unaffordable(left, hold, -held) if hold > held else None
        return refusal or hold

    def _bad_stop(self, order: Working, terms: OrderTerms, stop: Price | None) -> Refusal | None:
        if order.is_triggered and (stop is not None or terms.stop_price != order.terms.stop_price):
            return refuse(terms, Rejection.TOO_LATE, "the stop has been triggered")
        if stop is None:
            return None
        if not order.is_trailing:
            return refuse(terms, Rejection.MALFORMED, f"a {terms.type} order takes no stop_price")
        if stop <= 0 or not order.instrument.is_on_tick(stop):
            return refuse(terms, Rejection.OFF_TICK, f"{stop} is no price of {terms.symbol}")
        if order.stop and tighter(terms.side, stop, order.stop) != stop:
            reason = f"a trailing stop at {order.stop} may be tightened, not moved to {stop}"
            return refuse(terms, Rejection.MALFORMED, reason)
        return None

    def _overgrown(self, order: Working, terms: OrderTerms) -> Refusal | None:
        parent = order.parent
        if parent is not None and parent.is_live:
            if terms.quantity <= parent.terms.quantity:
                return None
            reason = f"a child of {parent.terms.quantity} cannot be for {terms.quantity}"
            return refuse(terms, Rejection.INSUFFICIENT_QUANTITY, reason)
        held = self._life.reducible(terms.symbol, terms.side)
        left = msgspec.structs.replace(terms, quantity=terms.quantity - order.filled, parent=None)
        spoken_for = self._spoken_for(terms.symbol, terms.side, [left], without=order)
        if spoken_for <= held:
            return None
        reason = f"{terms.symbol}: {held} held, but {spoken_for} would be in working orders to {terms.side}"
        return refuse(terms, Rejection.INSUFFICIENT_QUANTITY, reason)


def _meet(one: OrderTerms, other: OrderTerms, last: float | None) -> bool:
    """Whether a buy pays what a sell asks; at market both take the last price."""
    if one.type in _TRIGGERED:
        return False
    buy, sell = (one, other) if one.side is Side.BUY else (other, one)
    if buy.limit_price is None and sell.limit_price is None:
        return True
    if last is None:
        return False
    bid, ask = buy.limit_price or last, sell.limit_price or last
    return bid >= ask
