"""A proposal: what a decider would like to trade, and why. It binds nobody.

Knows no limits; the risk officer sizes or refuses it.
"""

import hashlib
from decimal import Decimal
from typing import Any, Final

import msgspec

from tradewrit.domain.money import Price
from tradewrit.domain.once import once
from tradewrit.domain.orders import OrderType, Side
from tradewrit.domain.positions import OPENED_BY, Direction

STRATEGY: Final = "strategy"
"""Who asked for a trade, where no person did."""


class Proposal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One trade somebody would like to do.

    entry_price: the price the decision was made at; the limit of a limit entry.
    stop_fraction, target_fraction: distances from the fill price, 0..1; None leaves it to risk.
    trail_fraction: distance at which the stop follows the best price; None for a fixed stop.
    max_bars: leave after this many completed bars; None for no time exit.
    quantity: what a person asked for; None lets risk size it.
    inputs: the feature values that the decision used, so that it can be explained years later.
    volatility: annualised, of the last bars, where the account sizes by it and it is known.
    """

    trade_id: str
    symbol: str
    side: Side
    entry_price: Price
    strategy: str
    decided_at: int
    entry_type: OrderType = OrderType.MARKET
    stop_fraction: Decimal | None = None
    target_fraction: Decimal | None = None
    trail_fraction: Decimal | None = None
    max_bars: int | None = None
    quantity: Decimal | None = None
    confidence: float = 1.0
    reasons: tuple[str, ...] = ()
    inputs: dict[str, float] = {}
    volatility: float | None = None
    requester: str = STRATEGY
    expires_at: int = 0

    @property
    def direction(self) -> Direction:
        """Which way the position would profit."""
        return OPENED_BY[self.side]


class Sized(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A proposal with everything frozen that will be executed: this is what a human sees.

    cost: cash it would reserve, fees included. stop_price and target_price are those of a fill at
    the entry price; they are anchored anew to the actual fill. worst_loss: quantity x distance to
    the stop, fees left out.
    """

    proposal: Proposal
    quantity: Decimal
    stop_fraction: Decimal
    target_fraction: Decimal | None
    stop_price: Price
    target_price: Price | None
    cost: Decimal
    reward_risk: Decimal
    worst_loss: Decimal

    @once
    def hash(self) -> str:
        """SHA-256 of exactly what was shown; an approval is bound to it."""
        return hashlib.sha256(_encode(self)).hexdigest()


_encode: Any = msgspec.json.Encoder(order="deterministic").encode
