"""The venue's door, where it may refuse what risk let through: its own rules, asked with its own ledger.

A market entry that passed the limits passes here too when the venue lends at least as much as the
limits do. A limit entry may not: its price is rounded to the tick, and the notional with it.
"""

from collections.abc import Callable

from tradewrit.brokers.paper.admission import Admission
from tradewrit.brokers.paper.forms import Refusal
from tradewrit.brokers.paper.ledger import Ledger
from tradewrit.brokers.paper.lifecycle import Lifecycle
from tradewrit.brokers.paper.sessions import Sessions
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import OrderTerms, OrderType
from tradewrit.domain.positions import Fill
from tradewrit.research.backtest.setup import Setup


def may_refuse(setup: Setup) -> bool:
    """Whether an entry that passed the limits can be refused at all."""
    return setup.entry_type is not OrderType.MARKET or setup.rules.max_leverage < setup.limits.max_leverage


class Door:
    """Admits entries, one after another. price_of: a symbol's last price."""

    def __init__(self, setup: Setup, price_of: Callable[[str], float | None]) -> None:
        rules = setup.rules
        self._ledger = Ledger(setup.initial_cash, margin=rules.margin, max_leverage=rules.max_leverage)
        life = Lifecycle(setup.account, self._ledger, rules, Sessions(None, None))
        self._admission = Admission(life, setup.instrument, price_of)

    def admits(self, terms: OrderTerms) -> bool:
        """Whether the venue takes the entry; it then holds cash for it."""
        found = self._admission.examine((terms,))
        if isinstance(found, Refusal):
            return False
        self._ledger.hold(terms.symbol, found[0].hold)
        return True

    def release(self, symbol: str) -> None:
        """The entry is over: nothing is held for it any more."""
        self._ledger.hold(symbol, ZERO)

    def settle(self, instrument: Instrument, fill: Fill) -> None:
        """A fill reached the venue's own account."""
        self._ledger.book(instrument, fill.side, fill.quantity, fill.price, fill.fee)
