"""What a backtest runs under: everything but the data and the strategy, as one value."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.capabilities import PAPER
from tradewrit.domain.events.account import AccountOpened
from tradewrit.domain.instruments import Instrument, plain
from tradewrit.domain.limits import Limits
from tradewrit.domain.orders import OrderType
from tradewrit.domain.reviews import ReviewPolicy


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Account, limits, review policy and venue of a run. The defaults are those of the default strategy."""

    account: str = "paper"
    currency: str = "USD"
    mode: str = "backtest"
    initial_cash: Decimal = Decimal(100_000)
    entry_type: OrderType = OrderType.MARKET
    limits: Limits = Limits()
    review: ReviewPolicy = ReviewPolicy()
    rules: PaperRules = PaperRules()
    instruments: Mapping[str, Instrument] = {}
    grant_ttl_s: int = 300
    seed: int = 0

    def instrument(self, symbol: str) -> Instrument:
        """The instrument; without a definition: tick 0.01, lot 1, the account's currency."""
        known = self.instruments.get(symbol)
        return known if known is not None else plain(symbol, self.currency)

    def opening(self, journal_id: str, strategy: str, at: int, version: str) -> AccountOpened:
        """The genesis event of an account that runs under this setup."""
        return AccountOpened(
            at=at,
            journal_id=journal_id,
            account=self.account,
            currency=self.currency,
            initial_cash=self.initial_cash,
            mode=self.mode,
            margin=self.rules.margin,
            strategy=strategy,
            entry_type=self.entry_type,
            limits=self.limits,
            review=self.review,
            fees=self.rules.fees,
            capabilities=PAPER,
            instruments=tuple(self.instruments[name] for name in sorted(self.instruments)),
            version=version,
        )
