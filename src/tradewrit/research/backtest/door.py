"""The venue's door, where it may refuse what risk let through: its own rules, asked with its own ledger.

A market entry that passed the limits passes here too when the venue lends at least as much as the
limits do, and values it at the price that the limits saw. A limit entry may not: its price is rounded
to the tick, and the notional with it. Nor may a reversal, which comes when the market has moved on, or
an entry after others that have filled at once, for more than was reserved.
"""

from decimal import Decimal

from tradewrit.brokers.paper.admission import Admission
from tradewrit.brokers.paper.forms import Refusal
from tradewrit.brokers.paper.ledger import Ledger
from tradewrit.brokers.paper.lifecycle import Lifecycle
from tradewrit.brokers.paper.sessions import Sessions
from tradewrit.domain.events.corporate import DividendWentEx, SharesDelisted, SharesSplit
from tradewrit.domain.events.funding import FundingSettled
from tradewrit.domain.events.positions import FillBooked
from tradewrit.domain.fees import fee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import ZERO, Price
from tradewrit.domain.orders import OrderTerms, OrderType, Side
from tradewrit.research.backtest.happening import Happening
from tradewrit.research.backtest.setup import Setup


def may_refuse(setup: Setup) -> bool:
    """Whether an entry that passed the limits can be refused at all."""
    rules, limits = setup.rules, setup.limits
    is_priced_anew = setup.entry_type is not OrderType.MARKET or setup.reverse or rules.fills_at_once
    return is_priced_anew or rules.max_leverage < limits.max_leverage


class Door:
    """Admits entries, one after another."""

    def __init__(self, setup: Setup) -> None:
        self._rules = rules = setup.rules
        self._price, self._at = 0.0, 0
        self._ledger = Ledger(setup.initial_cash, margin=rules.margin, max_leverage=rules.max_leverage)
        life = Lifecycle(setup.account, self._ledger, rules, Sessions(None, None), lambda: self._at)
        self._admission = Admission(life, setup.instrument, lambda _: self._price)

    def refuses(self, terms: OrderTerms, price: float, at: int) -> Refusal | None:
        """Why the venue does not take the entry; None when it does: it then holds cash for it.

        price: the symbol's last. at: when it is, UTC ns.
        """
        self._price, self._at = price, at
        found = self._admission.examine((terms,))
        if isinstance(found, Refusal):
            return found
        self._ledger.hold(terms.symbol, found[0].hold)
        return None

    def release(self, symbol: str) -> None:
        """The entry is over: nothing is held for it any more."""
        self._ledger.hold(symbol, ZERO)

    def follow(self, instrument: Instrument, happening: Happening) -> None:
        """What happened at another desk reached the venue's own account, too."""
        for one in happening.outside:
            match one:
                case FillBooked(fill=fill):
                    self.settle(instrument, fill.side, fill.quantity, Price(fill.price), fill.settles_at)
                case SharesSplit():
                    self._ledger.split(one.symbol, one.ratio.new, one.ratio.old, one.price)
                case DividendWentEx():
                    self._ledger.pay_dividend(one.symbol, one.amount)
                case SharesDelisted(price=price):
                    if price is not None:
                        self._ledger.delist(one.symbol, price)
                case FundingSettled():
                    self._ledger.settle_funding(one.symbol, one.price, one.rate)
        self._ledger.hold(instrument.symbol, happening.held)

    def settle(
        self, instrument: Instrument, side: Side, quantity: Decimal, price: Price, settles_at: int = 0
    ) -> None:
        """A fill reached the venue's own account. settles_at: when a sale's cash may be spent again."""
        charge = fee(self._rules.fees, quantity, instrument.value(price, quantity))
        self._ledger.book(instrument, side, quantity, price, charge, settles_at)
