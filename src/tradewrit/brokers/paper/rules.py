"""How the paper exchange fills, charges and settles: its configuration, and nothing else."""

from decimal import Decimal
from typing import Final, Literal

import msgspec

from tradewrit.domain.fees import BpsFee, FeeModel
from tradewrit.domain.money import ZERO

MarketFills = Literal["next_open", "close", "quote"]
"""What a market order takes: the next bar's first trade, or at once the last price or quote known."""


class PaperRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one simulated venue does.

    market_fills: the price of a market order: `next_open`, the first trade of the next bar; `close`, at
        once the last price, which is the close of the bar just finished; `quote`, at once the last quote,
        buys at the ask and sells at the bid.
    slippage_bps: paid on market and stop fills, then rounded to the tick, both against us.
    limit_fills: whether a limit fills when its price is touched, or only once it is traded through.
    participation_fraction: share of a bar's volume (or of a quote's size) that all our fills in it
        may take together, rounded down to the lot; None fills every order whole.
    sessions: refuse orders that want to trade at once while the regular session is closed, and
        fill nothing outside it. Needs a calendar.
    settlement_days: trading days until the cash of a sale may be spent (0: at once).
    margin: False is a cash account: no shorts, and buys from settled cash only.
    max_leverage: notional per unit of cash for shorts and margined instruments.
    reject_fraction: share of lists refused at random, for rehearsals.
    halts: what becomes of a new order in a symbol that is halted: it rests until trading goes on, or is
        refused. Cancels and replacements are taken either way.
    """

    fees: FeeModel = BpsFee()
    market_fills: MarketFills = "next_open"
    slippage_bps: Decimal = ZERO
    limit_fills: Literal["touch", "through"] = "touch"
    participation_fraction: Decimal | None = None
    sessions: bool = False
    settlement_days: int = 0
    margin: bool = True
    max_leverage: Decimal = Decimal(1)
    reject_fraction: Decimal = ZERO
    halts: Literal["rest", "refuse"] = "rest"

    def __post_init__(self) -> None:
        share = self.participation_fraction
        if share is not None and not 0 < share <= 1:
            raise ValueError(f"participation_fraction must be above 0 and at most 1, not {share}")
        if share is not None and self.fills_at_once:
            raise ValueError(
                f"participation_fraction shares out the volume that is still to trade, and market_fills: "
                f"{self.market_fills} fills when a bar's volume has traded; use next_open, or leave out one"
            )
        if not 0 <= self.reject_fraction <= 1:
            raise ValueError(f"reject_fraction must be from 0 to 1, not {self.reject_fraction}")
        if not 0 <= self.slippage_bps < 10_000:
            raise ValueError(f"slippage_bps must be from 0 to below 10000, not {self.slippage_bps}")
        if self.settlement_days < 0:
            raise ValueError(f"settlement_days must not be negative, not {self.settlement_days}")
        if not self.max_leverage > 0:
            raise ValueError(f"max_leverage must be positive, not {self.max_leverage}")

    @property
    def fills_at_once(self) -> bool:
        """Whether a market order need not wait for the next bar."""
        return self.market_fills != "next_open"

    @property
    def is_through(self) -> bool:
        """Whether a limit needs a trade beyond its price."""
        return self.limit_fills == "through"


DEFAULT_RULES: Final = PaperRules()
"""Whole fills at touch, nothing slips, 10 bps of fees, margin, cash at once."""
