"""What the risk officer hears and says: sizes, limits, approvals, drawdown."""

from decimal import Decimal

import msgspec

from tradewrit.domain.events.base import Answer, Event, Query
from tradewrit.domain.orders import Side
from tradewrit.domain.proposals import Proposal, Sized


class Breach(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One violated limit, with both numbers, so that nobody has to guess."""

    limit: str
    allowed: str
    actual: str
    message: str


class SizeCalculated(Event, frozen=True, kw_only=True, gc=False, tag="risk.size.calculated"):
    """The quantity that fits the limits, and what held it down."""

    trade_id: str
    symbol: str
    quantity: Decimal
    notional: Decimal
    bound_by: str


class LimitExceeded(Event, frozen=True, kw_only=True, gc=False, tag="risk.limit.exceeded"):
    """A trade was refused. Every violated limit is named."""

    trade_id: str
    symbol: str
    breaches: tuple[Breach, ...]
    review_id: str = ""


class RiskApproved(Event, frozen=True, kw_only=True, gc=False, tag="risk.trade.approved"):
    """A sized trade may go on to review. Valid once, until `expires_at`, for exactly this hash.

    decision: id of the decision. inputs_hash: of the account facts it was made on. replaces: the review that
    another has to take the place of, since the price has moved.
    """

    decision: str
    sized: Sized
    sized_hash: str
    inputs_hash: str
    expires_at: int
    review_id: str = ""
    replaces: str = ""


class DrawdownAlerted(Event, frozen=True, kw_only=True, gc=False, tag="risk.drawdown.alert"):
    """Equity fell to the drawdown limit; entries are blocked, exits are not. Said once per crossing."""

    equity: Decimal
    high_water: Decimal
    drawdown: Decimal


class DrawdownCleared(Event, frozen=True, kw_only=True, gc=False, tag="risk.drawdown.cleared"):
    """Equity is back within the drawdown limit; entries may go out again."""

    equity: Decimal
    high_water: Decimal


class CooldownBegan(Event, frozen=True, kw_only=True, gc=False, tag="risk.cooldown.began"):
    """An alert: the venue refused an entry on its merits, and none is tried for a while.

    symbol: in which; "" for every one, where it is the account that lacks something. code, reason: the
    venue's. refusals: of this code within the window, this one counted. until: UTC ns; None: until a person
    resumes.
    """

    symbol: str
    code: str
    refusals: int
    until: int | None
    reason: str


class CooldownEnded(Event, frozen=True, kw_only=True, gc=False, tag="risk.cooldown.ended"):
    """A person, by name, lets entries be tried again; what the venue refused before counts no more."""

    symbol: str
    actor: str
    reason: str


class CalculateSize(Query, frozen=True, kw_only=True, gc=False, tag="risk.calculate_size"):
    """Asks how many units may be traded at this price."""

    symbol: str
    side: Side
    price: Decimal


class CheckLimits(Query, frozen=True, kw_only=True, gc=False, tag="risk.check_limits"):
    """Asks which limits a proposal would break."""

    proposal: Proposal


class ApproveTrade(Query, frozen=True, kw_only=True, gc=False, tag="risk.approve_trade"):
    """Asks whether a proposal would pass, without opening a trade."""

    proposal: Proposal


class LimitsChecked(Answer, frozen=True, kw_only=True, gc=False, tag="risk.limits.checked"):
    """The size a proposal would get and every limit it would break; none means it would pass."""

    symbol: str
    quantity: Decimal
    breaches: tuple[Breach, ...]


class AssessPortfolio(Query, frozen=True, kw_only=True, gc=False, tag="risk.assess_portfolio"):
    """Asks for exposure, cash share and drawdown."""


class PortfolioAssessed(Answer, frozen=True, kw_only=True, gc=False, tag="risk.portfolio.assessed"):
    """Risk of the account as of `at`; fractions are of equity."""

    equity: Decimal
    cash: Decimal
    reserved: Decimal
    exposure_fraction: Decimal
    cash_fraction: Decimal
    drawdown_fraction: Decimal
    high_water: Decimal
    open_positions: int
