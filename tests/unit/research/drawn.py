"""Runs drawn from one seed: a market, a strategy made of random formulas, an account, limits and a venue."""

import random
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from tests.unit.research.backtest.markets import CASH, market, shape_of
from tests.unit.research.backtest.setups import INSTRUMENTS
from tradewrit import Condition, Inputs, Series, Signals, Strategy, rsi, sma
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.fees import BpsFee, FeeModel, FixedFee, PerShareFee
from tradewrit.domain.instruments import AssetClass, Instrument
from tradewrit.domain.limits import PROFILES, Limits
from tradewrit.domain.orders import OrderType
from tradewrit.features.bars import Bars
from tradewrit.research.backtest.setup import Setup


class Drawn(Strategy, frozen=True, kw_only=True):
    """Conditions of any kind, often and seldom true, as `seed` decides."""

    seed: int = 0

    def signals(self, bars: Inputs) -> Signals:
        rng = random.Random(self.seed)
        kind = rng.choice(["long", "short", "both", "both", "mixed"])
        up, down = _condition(bars, rng), _condition(bars, rng)
        return Signals(
            enter_long=None if kind == "short" else up,
            enter_short=None if kind == "long" else down,
            leave_long=rng.choice([None, None, down, _condition(bars, rng)]),
            leave_short=rng.choice([None, None, up, _condition(bars, rng)]),
            inputs={"close": bars.close},
        )


def _condition(bars: Inputs, rng: random.Random) -> Condition:
    found = _comparison(bars, rng)
    for _ in range(rng.choice([0, 0, 1, 2])):
        other = _comparison(bars, rng)
        found = found & other if rng.random() < 0.5 else found | ~other
    return found


def _comparison(bars: Inputs, rng: random.Random) -> Condition:
    price = rng.choice([bars.close, bars.open, bars.high, bars.low])
    window = rng.randint(2, 9)
    level: Series | float
    match rng.randrange(5):
        case 0:
            price, level = rsi(bars.close, window), float(rng.choice([30, 50, 70]))
        case 1:
            price, level = bars.volume, sma(bars.volume, window)
        case 2:
            level = price.shift(rng.randint(1, 3))
        case 3:
            level = bars.open * rng.choice([0.99, 1.0, 1.01])
        case _:
            level = sma(price, window)
    return price > level if rng.random() < 0.5 else price <= level


class Case(NamedTuple):
    """Everything a run needs."""

    bars: list[Bars]
    strategy: Strategy
    setup: Setup


def case_of(seed: int, *, symbols: int = 50, bars: int = 150) -> Case:
    """The run of a seed: what the skip engine can do and the event engine can too, nothing left out."""
    rng = random.Random(seed)
    strategy = Drawn(
        seed=rng.randrange(2**32),
        stop_fraction=rng.choice([None, 0.003, 0.02, 0.3]),
        target_fraction=rng.choice([None, 0.0, 0.004, 0.06, 0.9]),
        trail_fraction=rng.choice([None, None, 0.002, 0.01, 0.05]),
        max_bars=rng.choice([None, None, 1, 3, 20]),
    )
    return Case(market(shape_of(seed, symbols, bars)), strategy, _setup(rng))


def _setup(rng: random.Random) -> Setup:
    limits = rng.choice([PROFILES["default"], PROFILES["demo_large"], PROFILES["research"], _limits(rng)])
    if rng.random() < 0.85:  # else a reward over risk of 2.5 refuses most of what is drawn
        limits = replace(limits, min_reward_risk=Decimal(0), stop_fraction=Decimal("0.3"))
    return Setup(
        initial_cash=rng.choice([*CASH, *CASH[4:]]),
        entry_type=rng.choice([OrderType.MARKET, OrderType.MARKET, OrderType.LIMIT]),
        limits=limits,
        rules=_rules(rng),
        instruments=rng.choice([{}, {}, INSTRUMENTS, _instruments(rng)]),
        seed=rng.randrange(4),
    )


def _limits(rng: random.Random) -> Limits:
    return Limits(
        profile="drawn",
        max_position_notional=rng.choice([None, Decimal(200), Decimal(5000)]),
        max_position_fraction=Decimal(rng.choice(["0.1", "0.5", "1"])),
        min_cash_fraction=Decimal(rng.choice(["0", "0.25", "0.5", "0.9"])),
        max_drawdown_fraction=Decimal(rng.choice(["0.001", "0.01", "0.1", "1"])),
        min_reward_risk=Decimal(rng.choice(["0", "1", "2.5"])),
        max_open_positions=rng.choice([None, 1, 4]),
        max_order_quantity=rng.choice([None, Decimal("7.5"), Decimal(100)]),
        max_leverage=Decimal(rng.choice(["1", "2"])),
        allow_short=rng.random() < 0.8,
        allowed_symbols=rng.choice([None, None, None, frozenset({"S0", "S2"})]),
    )


def _rules(rng: random.Random) -> PaperRules:
    fees: list[FeeModel] = [
        BpsFee(),
        BpsFee(Decimal("2.5")),
        PerShareFee(),
        PerShareFee(maximum_fraction=Decimal("0.01")),
        FixedFee(Decimal(1)),
        FixedFee(),
    ]
    return PaperRules(
        fees=rng.choice(fees),
        slippage_bps=rng.choice([Decimal(0), Decimal(0), Decimal(5), Decimal("33.3")]),
        limit_fills=rng.choice(["touch", "through"]),
        margin=rng.random() < 0.8,
        max_leverage=rng.choice([Decimal(1), Decimal(1), Decimal(4)]),
    )


def _instruments(rng: random.Random) -> dict[str, Instrument]:
    names = [f"S{rank}" for rank in range(8)]
    return {
        name: Instrument(
            symbol=name,
            currency=rng.choice(["USD"] * 9 + ["EUR"]),
            asset_class=rng.choice(list(AssetClass)),
            tick=Decimal(rng.choice(["0.01", "0.0001", "0.05", "0.25"])),
            lot=Decimal(rng.choice(["1", "0.001", "0.1", "10"])),
            multiplier=Decimal(rng.choice(["1", "1", "5", "0.1"])),
            minimum_notional=Decimal(rng.choice(["0", "0", "10", "100"])),
            is_shortable=rng.random() < 0.8,
        )
        for name in rng.sample(names, 6)
    }
