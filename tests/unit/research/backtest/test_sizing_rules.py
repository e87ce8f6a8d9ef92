"""Each sizing rule from the first bar to the last: on both engines, and on a live desk."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given

from tests.unit.research.backtest.live import live_run
from tests.unit.research.backtest.markets import SEEDS, Shape, market, shape_of
from tests.unit.research.backtest.setups import LOOSE, BothWays, strategy_of
from tests.unit.research.backtest.splitting import split_market
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.registry import decode
from tradewrit.domain.events.risk import LimitExceeded, RiskApproved
from tradewrit.domain.fees import PerShareFee, fee
from tradewrit.domain.limits import PROFILES
from tradewrit.domain.money import exactly
from tradewrit.domain.sizing import (
    EquityFraction,
    FixedNotional,
    FixedQuantity,
    Largest,
    RiskPerTrade,
    Sizing,
    VolatilityTarget,
    name_of,
)
from tradewrit.features.bars import Bars
from tradewrit.features.indicators import realised_volatility
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.events import Run, run
from tradewrit.research.backtest.prepared import Prepared
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.results import Result, RoundTrip
from tradewrit.risk.volatility import if_known, volatility_column, volatility_stepper

SHAPE = Shape(11, 2, 120, 0.01, 50.0, 2, 0.0, is_shifted=False, is_uneven=False)
RULES: list[Sizing] = [
    FixedQuantity(Decimal(7)),
    FixedNotional(Decimal(1500)),
    EquityFraction(Decimal("0.2")),
    RiskPerTrade(Decimal("0.001")),
    VolatilityTarget(volatility=Decimal("0.02"), volatility_window=10, max_fraction=Decimal("0.5")),
]
FEES = PerShareFee()


def setup_with(sizing: Sizing) -> Setup:
    """Limits so wide that only the rule says how large a trade is."""
    return Setup(sizing=sizing, limits=PROFILES["research"], rules=PaperRules(fees=FEES))


def approvals(done: Run) -> list[RiskApproved]:
    events = [decode(record.entry.body) for record in done.journal.read(done.stream)]
    return [event for event in events if isinstance(event, RiskApproved)]


@pytest.mark.parametrize("sizing", RULES, ids=name_of)
def test_both_engines_trade_the_sizes_of_the_rule_to_the_cent(sizing: Sizing) -> None:
    bars, strategy = market(SHAPE), BothWays(stop_fraction=0.02)
    walked = run(bars, strategy, setup_with(sizing))
    skipped = skip.run(bars, strategy, setup_with(sizing))
    assert walked.result.trades == skipped.trades
    assert walked.result.final_equity == skipped.final_equity
    assert walked.result.sizing == skipped.sizing == sizing
    assert len(skipped.trades) > 20
    assert_sized_by_rule(sizing, walked)


def assert_sized_by_rule(sizing: Sizing, done: Run) -> None:
    """Every approved trade is as large as the rule says, and one lot more would be more than it says."""
    for approved in approvals(done):
        sized, equity = approved.sized, done.result.initial_cash
        price, quantity = sized.proposal.entry_price, sized.quantity
        with exactly():
            match sizing:
                case Largest():
                    raise AssertionError("it has no size of its own")
                case FixedQuantity():
                    assert quantity == sizing.quantity
                case FixedNotional(notional=notional):
                    assert quantity * price <= notional < (quantity + 1) * price
                case EquityFraction(fraction=fraction):
                    # Equity has moved by no more than 10 % when this market ends.
                    budget = fraction * Decimal("0.9975")
                    paid = quantity * price + fee(FEES, quantity, quantity * price)
                    assert (
                        budget * equity * Decimal("0.9") - price <= paid <= budget * equity * Decimal("1.1")
                    )
                case RiskPerTrade(risk_fraction=fraction):
                    share = sized.worst_loss / (fraction * equity)
                    assert Decimal("0.8") < share < Decimal("1.1")
                case VolatilityTarget(volatility=target, max_fraction=most):
                    assert sized.proposal.volatility is not None
                    share = min(most, target / Decimal(repr(sized.proposal.volatility)))
                    spent = quantity * price / equity
                    assert share * Decimal("0.9") - price / equity <= spent <= share * Decimal("1.1")


def test_the_journal_says_which_volatility_a_size_came_from() -> None:
    sizing = VolatilityTarget(volatility=Decimal("0.02"), volatility_window=10)
    bars = market(SHAPE)
    done = run(bars, BothWays(), setup_with(sizing))
    known = {one.symbol: realised_volatility(one.close, 10, 252) for one in bars}
    ends = {one.symbol: {int(ts): row for row, ts in enumerate(one.ts)} for one in bars}
    seen = 0
    for approved in approvals(done):
        proposal = approved.sized.proposal
        row = ends[proposal.symbol].get(proposal.decided_at, len(known[proposal.symbol])) - 1
        assert proposal.volatility == float(known[proposal.symbol][row])
        seen += 1
    assert seen > 20


def test_nothing_is_traded_before_volatility_is_known_and_the_refusal_is_written_once() -> None:
    sizing = VolatilityTarget(volatility_window=100)
    bars = market(SHAPE)
    done = run(bars, BothWays(), setup_with(sizing))
    assert min(trade.entry_time for trade in done.result.trades) >= int(bars[0].ts[101])
    events = [decode(record.entry.body) for record in done.journal.read(done.stream)]
    refused = [event for event in events if isinstance(event, LimitExceeded)]
    assert [[breach.limit for breach in one.breaches] for one in refused[:2]] == [["volatility"]] * 2
    assert {one.symbol for one in refused[:2]} == {one.symbol for one in bars}


@given(SEEDS)
def test_a_live_desk_sizes_by_the_same_volatility_to_the_same_journal(seed: int) -> None:
    bars = market(shape_of(seed, symbols=4, bars=50))
    sizing = VolatilityTarget(volatility=Decimal("0.02"), volatility_window=3 + seed % 5)
    setup = Setup(limits=LOOSE, sizing=sizing, seed=seed % 4)
    assert_live(bars, strategy_of(seed), setup)


@given(SEEDS)
def test_so_it_does_when_shares_split(seed: int) -> None:
    raw, _, splits = split_market(seed, bars=40)
    sizing = VolatilityTarget(volatility=Decimal("0.02"), volatility_window=3 + seed % 5)
    setup = Setup(limits=LOOSE, sizing=sizing, actions=tuple(splits), initial_cash=Decimal(20_000))
    strategy = strategy_of(seed)
    walked = assert_live(raw, strategy, setup)
    assert skip.run(raw, strategy, setup).trades == walked.trades


def assert_live(bars: list[Bars], strategy: BothWays, setup: Setup) -> Result:
    backtest = run(bars, strategy, setup)
    desk, _ = live_run(bars, strategy, setup)
    assert desk.journal.head(desk.stream) == backtest.journal.head(backtest.stream)
    assert desk.books.state_hash == backtest.books.state_hash
    return backtest.result


@given(SEEDS)
def test_volatility_has_the_same_bits_as_a_column_and_bar_by_bar(seed: int) -> None:
    sizing = VolatilityTarget(volatility_window=2 + seed % 9, bars_per_year=98_280)
    for bars in market(shape_of(seed, symbols=2, bars=60)):
        column, stepper = volatility_column(sizing, bars), volatility_stepper(sizing)
        assert column is not None
        assert stepper is not None
        stepped = [stepper.update(bar)[0] for bar in bars.rows()]
        np.testing.assert_array_equal(column, stepped)


def test_volatility_is_the_annualised_sample_deviation_of_returns() -> None:
    closes = market(SHAPE)[0].close
    found = realised_volatility(closes, 20, 252)
    assert np.isnan(found[:20]).all()
    returns = np.diff(closes) / closes[:-1]
    assert found[20] == pytest.approx(returns[:20].std(ddof=1) * math.sqrt(252), rel=1e-12)
    assert found[-1] == pytest.approx(returns[-20:].std(ddof=1) * math.sqrt(252), rel=1e-12)
    with pytest.raises(ValueError, match="window must be at least 2 returns, not 1"):
        realised_volatility(closes, 1)


def test_nobody_computes_a_volatility_that_nobody_asked_for() -> None:
    bars = market(SHAPE)[0]
    assert volatility_column(RiskPerTrade(), bars) is None
    assert volatility_stepper(RiskPerTrade()) is None
    assert if_known(math.nan) is None
    assert if_known(math.inf) is None
    assert if_known(0.0) == 0.0


def test_runs_over_the_same_bars_may_each_size_in_their_own_way() -> None:
    bars = market(SHAPE)
    prepared = Prepared(bars)
    strategy = BothWays()

    def trades(sizing: Sizing, source: Prepared | list[Bars]) -> tuple[RoundTrip, ...]:
        return skip.run(source, strategy, setup_with(sizing)).trades

    fast, slow = (
        VolatilityTarget(Decimal("0.02"), volatility_window=5),
        VolatilityTarget(Decimal("0.02"), volatility_window=30),
    )
    for sizing in (fast, slow, RULES[0], fast):
        assert trades(sizing, prepared) == trades(sizing, bars)
    assert trades(fast, prepared) != trades(slow, prepared)
