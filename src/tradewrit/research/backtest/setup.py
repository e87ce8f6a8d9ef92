"""What a backtest runs under: everything but the data and the strategy, as one value."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.capabilities import PAPER, Protection
from tradewrit.domain.constraints import UNRESTRICTED, Constraints
from tradewrit.domain.events.account import AccountOpened
from tradewrit.domain.events.corporate import CorporateAction
from tradewrit.domain.events.funding import FundingSettled
from tradewrit.domain.instruments import Instrument, plain
from tradewrit.domain.limits import Limits
from tradewrit.domain.orders import OrderType
from tradewrit.domain.reviews import ReviewPolicy
from tradewrit.domain.sizing import Largest, Sizing

VENUE: Final = "paper"
"""Where a backtest trades, by the name a writ's constraints use."""


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Account, limits, review policy and venue of a run. The defaults are those of the default strategy.

    actions: splits and dividends that happen to raw shares during the run (`market.adjustment`).
    entries: what the executor's writ restricts them to, beyond mode and venue.
    funding: of perpetuals, each at the `ts` of a bar of its symbol (`market.funding`).
    calendar: when markets are open, by name (`market.calendar`); "" where nobody knows. calendars: of single
    symbols. before_session_end_minutes: how long before a close every position is to be left; None: never.
    """

    account: str = "paper"
    currency: str = "USD"
    mode: str = "backtest"
    initial_cash: Decimal = Decimal(100_000)
    entry_type: OrderType = OrderType.MARKET
    reverse: bool = False
    protection: Protection = Protection.BRACKET
    before_session_end_minutes: int | None = None
    sizing: Sizing = Largest()
    limits: Limits = Limits()
    review: ReviewPolicy = ReviewPolicy()
    rules: PaperRules = PaperRules()
    instruments: Mapping[str, Instrument] = {}
    actions: tuple[CorporateAction, ...] = ()
    funding: tuple[FundingSettled, ...] = ()
    calendar: str = ""
    calendars: Mapping[str, str] = {}
    entries: Constraints = UNRESTRICTED
    seed: int = 0

    def instrument(self, symbol: str) -> Instrument:
        """The instrument; without a definition: tick 0.01, lot 1, the account's currency."""
        known = self.instruments.get(symbol)
        return known if known is not None else plain(symbol, self.currency)

    def calendar_of(self, symbol: str) -> str:
        """The name of the calendar that a symbol trades by; "" where nobody knows."""
        return self.calendars.get(symbol, self.calendar)

    @property
    def happenings(self) -> tuple[CorporateAction | FundingSettled, ...]:
        """All that happens from outside. A split comes before the funding of its time."""
        return (*self.actions, *self.funding)

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
            reverse=self.reverse,
            protection=self.protection,
            sizing=self.sizing,
            limits=self.limits,
            review=self.review,
            fees=self.rules.fees,
            capabilities=PAPER,
            instruments=tuple(self.instruments[name] for name in sorted(self.instruments)),
            version=version,
            venue=VENUE,
        )
