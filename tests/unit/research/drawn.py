"""Runs drawn from one seed: a market, a strategy made of random formulas, an account, limits and a venue."""

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from tests.unit.research.backtest.markets import CASH, market, shape_of
from tests.unit.research.backtest.setups import INSTRUMENTS, BothWays, sizing_of
from tests.unit.research.backtest.splitting import as_printed, dividend_at, split_at
from tradewrit import Condition, Inputs, Series, Signals, Strategy, rsi, sma
from tradewrit.brokers.paper.rules import MarketFills, PaperRules
from tradewrit.domain.capabilities import Protection
from tradewrit.domain.events.corporate import Gone, SharesDelisted, SymbolChanged
from tradewrit.domain.fees import BpsFee, FeeModel, FixedFee, PerShareFee
from tradewrit.domain.instruments import AssetClass, Instrument
from tradewrit.domain.limits import PROFILES, Limits
from tradewrit.domain.market import MINUTE
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderType
from tradewrit.domain.sizing import Largest
from tradewrit.domain.splits import Ratio
from tradewrit.features.bars import Bars
from tradewrit.research.backtest.setup import Setup

# Of bars in which up to 49 units trade: from what seldom fills an order to what seldom does not.
SHARES = [None, None, Decimal("0.05"), Decimal("0.3"), Decimal(1)]
MARKET_FILLS: list[MarketFills] = ["next_open", "next_open", "close", "quote"]
RATIOS = [Ratio(Decimal(new), Decimal(old)) for new, old in ((2, 1), (3, 2), (7, 1), (1, 2), (1, 8))]


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
    return Case(market(shape_of(seed, symbols, bars)), strategy, _patient(_setup(rng), seed))


def _patient(setup: Setup, seed: int) -> Setup:
    """With a cool-down after what the venue refuses: from none to one that outlasts the run, or a person."""
    rng = random.Random(f"{seed}: refusals")
    limits = replace(
        setup.limits,
        refusal_cooldown_s=rng.choice([0, 60, 300, 1800, 86_400]),
        max_refusals=rng.choice([None, None, 1, 2, 5]),
        refusal_window_s=rng.choice([120, 3600, 86_400]),
    )
    return replace(setup, limits=limits)


def turning_case_of(seed: int, *, symbols: int = 6, bars: int = 80) -> Case:
    """A run that reverses as often as it can: long or short on every bar, and few stops in between."""
    case, rng = case_of(seed, symbols=symbols, bars=bars), random.Random(seed)
    strategy = BothWays(
        window=rng.randint(2, 9),
        is_leaving=rng.random() < 0.3,
        stop_fraction=rng.choice([0.02, 0.1, 0.3]),
        target_fraction=rng.choice([0.0, 0.0, 0.06]),
        trail_fraction=rng.choice([None, None, 0.05]),
        max_bars=rng.choice([None, None, 5]),
    )
    limits = replace(case.setup.limits, min_reward_risk=Decimal(0), stop_fraction=Decimal("0.3"))
    return Case(case.bars, strategy, replace(case.setup, limits=limits, reverse=True))


def splitting_case_of(seed: int, *, symbols: int = 6, bars: int = 80) -> Case:
    """A run on raw prices in which shares split and pay dividends; half of them reverse all the time."""
    drawn = case_of if seed % 2 else turning_case_of
    case, rng = drawn(seed, symbols=symbols, bars=bars), random.Random(seed)
    raw, actions = [], []
    for one in case.bars:
        rows = sorted(rng.sample(range(1, len(one)), min(len(one) - 1, rng.choice([0, 1, 1, 3]))))
        ratios = [rng.choice(RATIOS) for _ in rows]
        raw.append(printed := as_printed(one, rows, ratios))
        splits = [split_at(printed, row, ratio) for row, ratio in zip(rows, ratios, strict=True)]
        paid = rng.sample(range(1, len(one)), min(len(one) - 1, rng.choice([0, 1])))
        actions += [*splits, *(dividend_at(printed, row, rng.choice(["0.002", "0.1"])) for row in paid)]
    actions.sort(key=lambda action: action.at)
    return Case(raw, case.strategy, replace(case.setup, actions=tuple(actions)))


def leaving_case_of(seed: int, *, symbols: int = 6, bars: int = 80) -> Case:
    """A run in which symbols are delisted or renamed, while they have bars, between two of them, or after."""
    drawn = (case_of, turning_case_of, splitting_case_of)[seed % 3]
    case, rng = drawn(seed, symbols=symbols, bars=bars), random.Random(seed)
    times = sorted({int(ts) for one in case.bars for ts in one.ts})
    actions = list(case.setup.actions)
    for one in case.bars:
        if rng.random() < 0.7:
            actions += _gone(one, rng.choice([times, one.ts.tolist(), [int(one.ts[-1]) + 1]]), rng)
    actions.sort(key=lambda action: action.at)
    return Case(case.bars, case.strategy, replace(case.setup, actions=tuple(actions)))


def _gone(bars: Bars, times: Sequence[int], rng: random.Random) -> Iterator[Gone]:
    """A symbol that is gone for good, paid out at once, later, or never."""
    at, symbol = rng.choice(times), bars.symbol
    price = Price(Decimal(rng.choice(["0", "1.5", str(round(float(bars.close[0]), 2))])))
    if rng.random() < 0.3:
        yield SymbolChanged(at=at, action=f"{symbol}:renamed", symbol=symbol, successor=f"{symbol}.NEW")
    else:
        paid = rng.choice([None, price])
        yield SharesDelisted(at=at, action=f"{symbol}:gone", symbol=symbol, price=paid)
    if rng.random() < 0.5:
        late = at + rng.choice([0, 1, 7]) * MINUTE
        yield SharesDelisted(at=late, action=f"{symbol}:paid", symbol=symbol, price=price)


def refusing_case_of(seed: int, *, symbols: int = 6, bars: int = 80) -> Case:
    """A run at a venue that refuses some of what it is sent, now and then nearly all of it."""
    drawn = (case_of, turning_case_of, splitting_case_of, leaving_case_of)[seed % 4]
    case, rng = drawn(seed, symbols=symbols, bars=bars), random.Random(seed)
    rules = replace(case.setup.rules, reject_fraction=Decimal(rng.choice(["0.05", "0.3", "0.3", "0.8"])))
    return Case(case.bars, case.strategy, replace(case.setup, rules=rules))


def overdrawing_case_of(seed: int, *, symbols: int = 4, bars: int = 60) -> Case:
    """A run whose limits believe in more credit than the venue gives: it refuses for want of buying power."""
    drawn = (case_of, turning_case_of, refusing_case_of)[seed % 3]
    case = drawn(seed, symbols=symbols, bars=bars)
    limits = replace(
        case.setup.limits,
        max_leverage=Decimal(8),
        min_cash_fraction=Decimal(0),
        max_position_fraction=Decimal(1),
        max_position_notional=None,
        max_drawdown_fraction=Decimal(1),
        allow_short=True,
    )
    rules = replace(case.setup.rules, max_leverage=Decimal(1), margin=True)
    future = AssetClass.FUTURE
    instruments = {one.symbol: Instrument(symbol=one.symbol, asset_class=future) for one in case.bars}
    setup = replace(case.setup, limits=limits, rules=rules, instruments=instruments, sizing=Largest())
    return Case(case.bars, case.strategy, setup)


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
        reverse=rng.random() < 0.5,
        sizing=sizing_of(rng),
        protection=rng.choice(list(Protection)),
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
    market_fills = rng.choice(MARKET_FILLS)
    return PaperRules(
        fees=rng.choice(fees),
        slippage_bps=rng.choice([Decimal(0), Decimal(0), Decimal(5), Decimal("33.3")]),
        limit_fills=rng.choice(["touch", "through"]),
        margin=rng.random() < 0.8,
        max_leverage=rng.choice([Decimal(1), Decimal(1), Decimal(4)]),
        market_fills=market_fills,
        participation_fraction=rng.choice(SHARES) if market_fills == "next_open" else None,
        settlement_days=rng.choice([0, 0, 0, 1, 3]),
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
