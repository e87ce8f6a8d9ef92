"""Limit profiles: the numbers that the risk officer holds every trade against.

All comparisons are inclusive: at most the maximum, at least the minimum.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from tradewrit.errors import ConfigError


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One profile. Fractions are of equity and lie in 0..1; None switches a limit off.

    max_position_notional: most that one position may cost at the decision's price, account currency.
    max_position_fraction: most of equity that one position may cost.
    min_cash_fraction: cash left after the trade, pending orders counted, as a share of equity.
    max_drawdown_fraction: entries are blocked once equity is this far below its high-water mark.
    stop_fraction: distance of the mandatory stop from the fill price (mirrored for shorts);
        a proposal may come with a tighter stop, never with a wider one.
    target_fraction: distance of the target where the strategy names none.
    min_reward_risk: target distance over stop distance must be greater than this.
    max_leverage: notional of a margined position over the cash it reserves.
    max_price_age_s: an older quote is marked stale, and nothing is decided on it.
    refusal_cooldown_s: after the venue has refused an entry on its merits no other is tried in the symbol
        (in any, where the account lacks something) for so long.
    max_refusals: after so many of one kind within `refusal_window_s` none is tried until a person resumes.
    """

    profile: str = "default"
    max_position_notional: Decimal | None = Decimal(1000)
    max_position_fraction: Decimal = Decimal("0.20")
    min_cash_fraction: Decimal = Decimal("0.50")
    max_drawdown_fraction: Decimal = Decimal("0.20")
    stop_fraction: Decimal = Decimal("0.05")
    target_fraction: Decimal = Decimal("0.15")
    min_reward_risk: Decimal = Decimal("2.5")
    max_open_positions: int | None = None
    max_order_quantity: Decimal | None = None
    max_leverage: Decimal = Decimal(1)
    max_price_age_s: int = 300
    refusal_cooldown_s: int = 300
    max_refusals: int | None = 5
    refusal_window_s: int = 86_400
    allow_short: bool = True
    allowed_symbols: frozenset[str] | None = None

    def __post_init__(self) -> None:
        for name in ("max_position_fraction", "min_cash_fraction"):
            _within(name, getattr(self, name), Decimal(0), Decimal(1))
        _within("max_drawdown_fraction", self.max_drawdown_fraction, Decimal("0.0001"), Decimal(1))
        _within("stop_fraction", self.stop_fraction, Decimal("0.0001"), Decimal("0.9999"))
        _within("target_fraction", self.target_fraction, Decimal("0.0001"), Decimal(1000))
        _within("max_leverage", self.max_leverage, Decimal(1), Decimal(1000))
        _at_least("refusal_cooldown_s", self.refusal_cooldown_s, 0)
        _at_least("refusal_window_s", self.refusal_window_s, 1)
        if self.max_refusals is not None:
            _at_least("max_refusals", self.max_refusals, 1)


def _within(name: str, value: Decimal, low: Decimal, high: Decimal) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must lie between {low} and {high}, not {value}")


def _at_least(name: str, value: int, low: int) -> None:
    if value < low:
        raise ValueError(f"{name} must be at least {low}, not {value}")


PROFILES: Final[Mapping[str, Limits]] = {
    "default": Limits(),
    # Room for orders of the size people type by hand: 100 AAPL, 50 TSLA.
    "demo_large": Limits(profile="demo_large", max_position_notional=Decimal(25_000)),
    # For research on the whole equity in one position; the stop stays mandatory.
    "research": Limits(
        profile="research",
        max_position_notional=None,
        max_position_fraction=Decimal(1),
        min_cash_fraction=Decimal(0),
        max_drawdown_fraction=Decimal(1),
        min_reward_risk=Decimal(0),
    ),
}


def profile(name: str) -> Limits:
    """A named profile; raises ConfigError that lists the known names."""
    try:
        return PROFILES[name]
    except KeyError:
        known = ", ".join(PROFILES)
        raise ConfigError(f"unknown limit profile {name!r}; known profiles: {known}") from None
