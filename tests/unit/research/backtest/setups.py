"""Strategies and venues of every kind, drawn at random: far from the defaults, but legal."""

import random
from decimal import Decimal

from msgspec.structs import replace

from tests.unit.research.backtest.markets import CASH
from tradewrit import Inputs, Signals, Strategy, sma
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.capabilities import Protection
from tradewrit.domain.fees import BpsFee, FeeModel, FixedFee, PerShareFee
from tradewrit.domain.instruments import AssetClass, Instrument
from tradewrit.domain.limits import PROFILES, Limits
from tradewrit.domain.orders import OrderType
from tradewrit.domain.sizing import (
    EquityFraction,
    FixedNotional,
    FixedQuantity,
    Largest,
    RiskPerTrade,
    Sizing,
    VolatilityTarget,
)
from tradewrit.research.backtest.setup import Setup


class BothWays(Strategy, frozen=True, kw_only=True):
    """Long above a short average, short below it, and out when it turns."""

    window: int = 4
    is_leaving: bool = True

    def signals(self, bars: Inputs) -> Signals:
        average = sma(bars.close, self.window)
        above, below = bars.close > average, bars.close < average
        return Signals(
            enter_long=above,
            enter_short=below,
            leave_long=below if self.is_leaving else None,
            leave_short=above if self.is_leaving else None,
            inputs={"average": average},
        )


def strategy_of(seed: int) -> BothWays:
    """Tight and wide stops, with and without targets, trails and a longest stay."""
    rng = random.Random(seed)
    return BothWays(
        window=rng.randint(2, 6),
        is_leaving=rng.random() < 0.5,
        stop_fraction=rng.choice([None, 0.003, 0.02]),
        target_fraction=rng.choice([None, 0.0, 0.06, 0.5]),
        trail_fraction=rng.choice([None, 0.01, 0.05]),
        max_bars=rng.choice([None, 1, 3]),
    )


INSTRUMENTS = {
    "S1": Instrument(symbol="S1", asset_class=AssetClass.CRYPTO, lot=Decimal("0.001")),
    "S2": Instrument(symbol="S2", asset_class=AssetClass.FUTURE, multiplier=Decimal(5)),
    "S3": Instrument(symbol="S3", is_shortable=False, minimum_notional=Decimal(50)),
}
"""S0 and the rest stay plain shares."""

LOOSE = Limits(
    profile="loose",
    max_position_notional=Decimal(5000),
    max_position_fraction=Decimal("0.5"),
    min_cash_fraction=Decimal(0),
    min_reward_risk=Decimal(0),
    max_open_positions=4,
    max_leverage=Decimal(2),
)
_FEES: list[FeeModel] = [
    BpsFee(),
    PerShareFee(),
    PerShareFee(maximum_fraction=Decimal("0.01")),
    FixedFee(Decimal(1)),
]


def rules_of(seed: int) -> PaperRules:
    """A venue: what it charges, what slips, how much of a bar one may take, what it refuses."""
    rng = random.Random(seed)
    rules = PaperRules(
        fees=rng.choice(_FEES),
        slippage_bps=rng.choice([Decimal(0), Decimal(5), Decimal("33.3")]),
        limit_fills=rng.choice(["touch", "through"]),
        participation_fraction=rng.choice([None, None, Decimal("0.1"), Decimal(1)]),
        margin=rng.random() < 0.7,
        settlement_days=rng.choice([0, 0, 1]),
        reject_fraction=rng.choice([Decimal(0), Decimal(0), Decimal("0.2")]),
    )
    if rules.participation_fraction is not None:
        return rules
    return replace(rules, market_fills=rng.choice(["next_open", "next_open", "close", "quote"]))


def sizing_of(rng: random.Random) -> Sizing:
    """Every rule, now a small part of what the limits allow, now far more."""
    rules: list[Sizing] = [
        Largest(),
        FixedQuantity(Decimal(rng.choice(["3", "0.5", "250"]))),
        FixedNotional(Decimal(rng.choice(["90", "1500", "1e9"]))),
        EquityFraction(Decimal(rng.choice(["1", "0.3", "0.05"])), Decimal(rng.choice(["0", "0.0025"]))),
        RiskPerTrade(Decimal(rng.choice(["0.0001", "0.01", "1"]))),
        VolatilityTarget(
            volatility=Decimal(rng.choice(["0.01", "0.1", "2"])),
            volatility_window=rng.choice([2, 5, 20]),
            max_fraction=Decimal(rng.choice(["1", "0.2"])),
        ),
    ]
    return rng.choice([Largest(), *rules])


def setup_of(seed: int) -> Setup:
    """An account of any size, under any profile, at any venue."""
    rng = random.Random(seed)
    return Setup(
        initial_cash=rng.choice(CASH[2:]),
        entry_type=rng.choice([OrderType.MARKET, OrderType.LIMIT]),
        limits=rng.choice([*PROFILES.values(), LOOSE]),
        rules=rules_of(seed + 1),
        instruments=rng.choice([{}, INSTRUMENTS]),
        seed=seed % 4,
        reverse=rng.random() < 0.5,
        sizing=sizing_of(rng),
        protection=rng.choice(list(Protection)),
    )
