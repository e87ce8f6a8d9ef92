"""Executions that were wrong: what a correction or a bust of one makes of the account and of its order.

The account ends as if the execution had come right from the first. What followed is not undone: an order
that is over stays over, and a stop that it woke and that has traded has traded. Knows no market.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from tradewrit.brokers.paper.lifecycle import Lifecycle
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.fees import fee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import ZERO, Price, canonical_qty


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What an execution was in truth.

    exec_id: its own, or that of its last correction. quantity: 0 for a bust, which means it never was.
    quantity, price: None leaves it. reason: for whoever is told.
    """

    exec_id: str
    quantity: Decimal | None = None
    price: Price | None = None
    reason: str = ""


class Corrections:
    """The desk of the exchange that people call when a trade was clearly erroneous.

    instruments: a symbol's instrument; None for one that is not traded any more.
    """

    def __init__(self, life: Lifecycle, instruments: Callable[[str], Instrument | None]) -> None:
        self._life = life
        self._executions = life.reports.executions
        self._instruments = instruments

    def objection(self, wanted: Correction) -> str:
        """Why an execution cannot be corrected so; "" when it can."""
        first, known = self._executions.first(wanted.exec_id), self._executions.standing(wanted.exec_id)
        if first is None or known is None:
            return f"no execution is called {wanted.exec_id}"
        instrument = self._instruments(first.symbol)
        if instrument is None or not self._executions.is_of_these_shares(first):
            return f"the {first.symbol} of {wanted.exec_id} are other shares by now"
        if not known.last_quantity:
            return f"{wanted.exec_id} was busted before"
        quantity, price = _becomes(known, wanted)
        if not 0 <= quantity <= first.last_quantity:
            return f"{wanted.exec_id} was for {first.last_quantity}: it can be corrected to less, not to more"
        if quantity and not instrument.is_on_lot(quantity):
            return f"quantity {quantity} is not a multiple of the lot {instrument.lot}"
        if price <= 0 or not instrument.is_on_tick(price):
            return f"price {price} is not a multiple of the tick {instrument.tick}"
        is_same = (quantity, price) == (known.last_quantity, known.last_price)
        return f"{wanted.exec_id} stands at that already" if is_same else ""

    def make(self, wanted: Correction) -> None:
        """Correct it, and report that. Raises ValueError with what `objection` says."""
        known = self._executions.standing(wanted.exec_id)
        wrong = self.objection(wanted)
        instrument = None if known is None else self._instruments(known.symbol)
        if wrong or known is None or instrument is None:
            raise ValueError(wrong)
        life, (quantity, price) = self._life, _becomes(known, wanted)
        charge = fee(life.rules.fees, quantity, instrument.value(price, quantity)) if quantity else ZERO
        change = quantity - known.last_quantity
        cumulative = life.reports.history(known.client_order_id)[-1].cumulative
        life.reports.corrected(
            known,
            life.now,
            kind=Exec.CORRECTED if quantity else Exec.BUSTED,
            last_quantity=quantity,
            last_price=price,
            fee=charge,
            cumulative=canonical_qty(cumulative + change),
            reason=wanted.reason,
        )
        fills, paid = self._executions.of(known.symbol), _paid(known, instrument)
        paid -= _paid(self._executions.standing(known.exec_id) or known, instrument)
        life.ledger.restate(instrument, fills, paid=paid, fee=charge - known.fee)
        life.refit(known, change)


def _becomes(known: ExecutionReport, wanted: Correction) -> tuple[Decimal, Price]:
    quantity = known.last_quantity if wanted.quantity is None else canonical_qty(wanted.quantity)
    price = known.last_price if wanted.price is None else wanted.price
    return quantity, Price(ZERO) if price is None else price


def _paid(execution: ExecutionReport, instrument: Instrument) -> Decimal:
    """What an execution took from the account, its fee aside."""
    if execution.side is None or execution.last_price is None:
        return ZERO
    return instrument.value(execution.last_price, execution.last_quantity * execution.side.sign)
