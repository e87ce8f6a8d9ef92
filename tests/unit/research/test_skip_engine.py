"""The skip engine gives what the event engine gives: trade by trade, cent by cent, on drawn runs."""

from collections import Counter
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.research.drawn import Case, case_of, splitting_case_of, turning_case_of
from tests.unit.research.sessions import session_case_of
from tradewrit.brokers.paper.rules import MarketFills, PaperRules
from tradewrit.domain.events.corporate import CorporateAction
from tradewrit.domain.limits import PROFILES
from tradewrit.errors import ConfigError
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.events import run
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.results import RoundTrip
from tradewrit.strategies.rules.trend_following import TrendFollowing


def assert_equal(case: Case) -> None:
    """Both engines, the same run; everything a result holds but how long it took."""
    events = run(case.bars, case.strategy, case.setup).result
    skipped = skip.run(case.bars, case.strategy, case.setup)
    assert skipped.trades == events.trades
    assert skipped.final_equity == events.final_equity
    assert skipped.fees == events.fees
    assert skipped.open_positions == events.open_positions
    assert skipped.curve.ts.tolist() == events.curve.ts.tolist()
    np.testing.assert_allclose(skipped.curve.equity, events.curve.equity, rtol=1e-9)


@given(seed=st.integers(0, 2**32))
def test_skipping_changes_nothing(seed: int) -> None:
    case = case_of(seed, symbols=6, bars=80)
    if skip.objection(case.strategy, case.setup) is None:
        assert_equal(case)


@given(seed=st.integers(0, 2**32))
def test_skipping_changes_nothing_where_positions_are_reversed(seed: int) -> None:
    assert_equal(turning_case_of(seed))


@given(seed=st.integers(0, 2**32))
def test_skipping_changes_nothing_where_shares_split(seed: int) -> None:
    assert_equal(splitting_case_of(seed))


@given(seed=st.integers(0, 2**32))
def test_skipping_changes_nothing_in_the_sessions_of_real_calendars(seed: int) -> None:
    assert_equal(session_case_of(seed))


def test_the_runs_compared_leave_before_the_close_wait_for_the_open_and_end_with_the_day() -> None:
    seen: Counter[str] = Counter()
    for seed in range(60):
        case = session_case_of(seed)
        done = run(case.bars, case.strategy, case.setup)
        seen["left before the close"] += sum(one.exit_reason == "session_end" for one in done.result.trades)
        seen["orders that ended with their day"] += done.counts.get("order.lifetime.expired", 0)
        rules = replace(case.setup.rules, sessions=not case.setup.rules.sessions)
        other = skip.run(case.bars, case.strategy, replace(case.setup, rules=rules))
        seen["other trades for the sessions"] += other.trades != done.result.trades
        anew = replace(case.setup, calendars=dict.fromkeys(case.setup.calendars, "24/7"))
        seen["other trades for the calendar"] += (
            skip.run(case.bars, case.strategy, anew).trades != done.result.trades
        )
    assert min(seen.values()) > 5, seen
    assert len(seen) == 4


@pytest.mark.parametrize("fills", ["next_open", "close", "quote"])
def test_the_runs_compared_reverse_under_every_rule(fills: MarketFills) -> None:
    reversed_ = 0
    for seed in range(80):
        case = turning_case_of(seed)
        if case.setup.rules.market_fills == fills:
            trades = skip.run(case.bars, case.strategy, case.setup).trades
            reversed_ += sum(trade.exit_reason == "reverse" for trade in trades)
    assert reversed_ > 20


@pytest.mark.parametrize("seed", range(3))
def test_skipping_changes_nothing_with_many_symbols(seed: int) -> None:
    assert_equal(case_of(seed, symbols=50, bars=120))


def test_the_runs_compared_fill_orders_in_parts_and_split_what_is_held() -> None:
    parts = splits = 0
    for seed in range(60):
        case = splitting_case_of(seed)
        trades = skip.run(case.bars, case.strategy, case.setup).trades
        splits += sum(_lives_through(trade, action) for trade in trades for action in case.setup.actions)
        if case.setup.rules.participation_fraction is not None:
            parts += len(trades) - len({(trade.symbol, trade.entry_time) for trade in trades})
    assert parts > 50
    assert splits > 50


def _lives_through(trade: RoundTrip, action: CorporateAction) -> bool:
    return action.symbol == trade.symbol and trade.entry_time < action.at <= trade.exit_time


def test_cash_of_a_sale_is_spent_no_earlier_than_it_settles() -> None:
    all_in = replace(PROFILES["research"], min_reward_risk=Decimal(0), stop_fraction=Decimal("0.3"))
    changed = 0
    for seed in range(30):
        case = case_of(seed, symbols=3, bars=60)
        waits = replace(case.setup.rules, margin=False, settlement_days=1)
        late = replace(case.setup, rules=waits, limits=all_in)
        early = replace(late, rules=replace(waits, settlement_days=0))
        assert_equal(case._replace(setup=late))
        trades = skip.run(case.bars, case.strategy, early).trades
        changed += skip.run(case.bars, case.strategy, late).trades != trades
    assert changed > 3


def test_what_it_cannot_do_is_said_and_not_tried() -> None:
    setup = Setup(rules=PaperRules(reject_fraction=Decimal("0.1")))
    case = case_of(1, symbols=1, bars=40)
    with pytest.raises(ConfigError, match="reject_fraction refuses orders at random"):
        skip.run(case.bars, TrendFollowing(), setup)


def test_an_action_between_two_bars_of_its_symbol_is_refused_by_name() -> None:
    case = splitting_case_of(1, symbols=2, bars=40)
    action = next(one for one in case.setup.actions if one.at > case.bars[0].ts[0])
    late = replace(action, at=action.at + 1)
    with pytest.raises(ConfigError, match=f"{action.action} takes effect at .* has no bar"):
        skip.run(case.bars, case.strategy, replace(case.setup, actions=(late,)))
