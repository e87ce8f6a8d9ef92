"""The skip engine gives what the event engine gives: trade by trade, cent by cent, on drawn runs."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.research.backtest.markets import Shape, market
from tests.unit.research.backtest.setups import BothWays
from tests.unit.research.compared import assert_equal
from tests.unit.research.drawn import (
    Case,
    case_of,
    leaving_case_of,
    overdrawing_case_of,
    refusing_case_of,
    splitting_case_of,
    turning_case_of,
)
from tests.unit.research.restricting import KINDS, OFTEN, restricting_case_of
from tests.unit.research.sessions import session_case_of
from tradewrit.brokers.paper.rules import MarketFills, PaperRules
from tradewrit.domain.constraints import Constraints, Hours, day_of
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import CorporateAction, Gone
from tradewrit.domain.events.orders import OrderRejected
from tradewrit.domain.limits import PROFILES
from tradewrit.domain.market import MINUTE
from tradewrit.domain.orders import Role, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.reviews import PolicyKind, ReviewPolicy
from tradewrit.domain.sizing import FixedQuantity
from tradewrit.errors import ConfigError
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.events import run
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.results import RoundTrip
from tradewrit.runtime.journal.records import Record
from tradewrit.strategies.rules.trend_following import TrendFollowing


@given(seed=st.integers(0, 2**32))
def test_skipping_changes_nothing(seed: int) -> None:
    assert_equal(case_of(seed, symbols=6, bars=80))


@given(seed=st.integers(0, 2**32))
def test_skipping_changes_nothing_where_positions_are_reversed(seed: int) -> None:
    assert_equal(turning_case_of(seed))


@given(seed=st.integers(0, 2**32))
def test_skipping_changes_nothing_where_shares_split(seed: int) -> None:
    assert_equal(splitting_case_of(seed))


@given(seed=st.integers(0, 2**32))
def test_skipping_changes_nothing_where_symbols_are_delisted_or_renamed(seed: int) -> None:
    assert_equal(leaving_case_of(seed))


@given(seed=st.integers(0, 2**32))
def test_skipping_changes_nothing_where_the_venue_refuses_at_random(seed: int) -> None:
    assert_equal(refusing_case_of(seed, symbols=4, bars=60))


@given(seed=st.integers(0, 2**32))
def test_skipping_changes_nothing_where_the_venue_lends_less_than_the_limits_do(seed: int) -> None:
    assert_equal(overdrawing_case_of(seed))


@given(seed=st.integers(0, 2**32))
@example(seed=182543384)
def test_skipping_changes_nothing_in_the_sessions_of_real_calendars(seed: int) -> None:
    assert_equal(session_case_of(seed))


@given(seed=st.integers(0, 2**32))
def test_skipping_changes_nothing_where_the_writ_restricts_entries(seed: int) -> None:
    assert_equal(restricting_case_of(seed))


def test_the_runs_compared_are_denied_entries_by_each_constraint_and_mostly_not_all_of_them() -> None:
    denied, partly = Counter[str](), Counter[str]()
    for seed in range(150):
        case = restricting_case_of(seed)
        done = skip.run(case.bars, case.strategy, case.setup)
        denied.update(done.denied_by.keys())
        if done.trades:
            partly.update(done.denied_by.keys())
            partly["several at once"] += any(len(constraints) > 1 for constraints in done.denied)
    assert min(denied[kind] for kind in KINDS) > 0, denied
    assert min(partly[kind] for kind in (*OFTEN, "several at once")) > 3, partly


def test_what_the_venue_refuses_counts_for_the_day_and_what_the_writ_denies_does_not() -> None:
    refused: list[OrderRejected] = []

    def hear(event: Event, record: Record | None) -> None:
        if record is not None and isinstance(event, OrderRejected) and event.role is Role.ENTRY:
            refused.append(event)

    bars = market(Shape(1, 1, 200, 0.01, 50.0, 2, 0.0, is_shifted=False, is_uneven=False))
    setup = Setup(
        limits=PROFILES["research"],
        sizing=FixedQuantity(Decimal(1)),
        rules=PaperRules(reject_fraction=Decimal(1)),
        entries=Constraints(sides=(Side.SELL,), max_day_orders=2),
    )
    case = Case(bars, BothWays(window=5, stop_fraction=0.02), setup)
    run(case.bars, case.strategy, case.setup, listeners=[hear])
    codes = [event.code for event in refused]
    assert codes.index(Rejection.NO_WRIT) < codes.index(Rejection.VENUE)
    days = Counter(day_of(event.at) for event in refused if event.code == Rejection.VENUE)
    assert list(days.values()) == [2, 2]
    assert_equal(case)


def test_a_reversal_is_judged_by_the_hours_of_the_moment_it_is_sent() -> None:
    """Which is the open at which the other side was left, or the close."""
    changed: Counter[bool] = Counter()
    for seed in range(60):
        case = turning_case_of(seed, symbols=2, bars=50)
        free = skip.run(case.bars, case.strategy, case.setup).trades
        turns = [trade.exit_time // MINUTE % 1440 for trade in free if trade.exit_reason == "reverse"]
        if not turns:
            continue
        for hours in (Hours(turns[-1], 1 + turns[-1]), Hours(1 + turns[-1], turns[-1])):
            setup = replace(
                case.setup, entries=Constraints(hours=(replace(hours, days=(1, 2, 3, 4, 5, 6, 7)),))
            )
            assert_equal(case._replace(setup=setup))
            trades = skip.run(case.bars, case.strategy, setup).trades
            changed[case.setup.rules.fills_at_once] += trades != free
    assert min(changed[True], changed[False]) > 4, changed


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


def test_the_runs_compared_pay_out_what_is_held_and_keep_what_nobody_pays_for() -> None:
    paid = kept = 0
    for seed in range(60):
        case = leaving_case_of(seed)
        done = run(case.bars, case.strategy, case.setup)
        paid += sum(trade.exit_reason == "delisted" for trade in done.result.trades)
        kept += sum(symbol in done.books.suspended for symbol in done.books.positions)
        assert not any(
            _is_gone(trade, action) for trade in done.result.trades for action in case.setup.actions
        )
    assert paid > 15
    assert kept > 5


def _is_gone(trade: RoundTrip, action: CorporateAction) -> bool:
    """Whether the trade was entered when nothing was traded under its name any more."""
    return isinstance(action, Gone) and action.symbol == trade.symbol and trade.entry_time >= action.at


def test_the_runs_compared_are_refused_entries_stops_and_exits() -> None:
    refused: Counter[Role] = Counter()

    def hear(event: Event, record: Record | None) -> None:
        if record is not None and isinstance(event, OrderRejected) and event.code == Rejection.VENUE:
            refused[event.role] += 1

    for seed in range(30):
        case = refusing_case_of(seed, symbols=4, bars=60)
        run(case.bars, case.strategy, case.setup, listeners=[hear])
    assert min(refused[role] for role in Role) > 30, refused


def test_the_runs_compared_cool_down_after_refusals_and_halt_after_too_many() -> None:
    refused: Counter[str] = Counter()
    halted: Counter[bool] = Counter()
    for seed in range(50):
        for case in (refusing_case_of(seed, symbols=4, bars=60), overdrawing_case_of(seed)):
            found = skip.run(case.bars, case.strategy, case.setup)
            refused.update(found.refused)
            halted.update(scope == "" for scope in found.halted)
    assert refused[Rejection.VENUE] > 100, refused
    assert refused[Rejection.INSUFFICIENT_FUNDS] > 5, refused
    assert halted[True] >= 1, halted
    assert halted[False] > 5, halted


def test_what_is_refused_in_one_symbol_changes_nothing_in_another() -> None:
    trades = 0
    for seed in range(12):
        case = refusing_case_of(seed, symbols=3, bars=60)
        rules = replace(case.setup.rules, reject_fraction=Decimal("0.3"), settlement_days=0)
        rich = replace(
            case.setup,
            initial_cash=Decimal(10**9),
            limits=PROFILES["research"],
            sizing=FixedQuantity(Decimal(1)),
            rules=rules,
            actions=(),
        )
        together = skip.run(case.bars, case.strategy, rich).trades
        alone = [trade for one in case.bars for trade in skip.run([one], case.strategy, rich).trades]
        assert sorted(map(str, together)) == sorted(map(str, alone))
        trades += len(alone)
    assert trades > 50


def test_what_it_cannot_do_is_said_and_not_tried() -> None:
    setup = Setup(review=ReviewPolicy(kind=PolicyKind.REQUIRE))
    case = case_of(1, symbols=1, bars=40)
    with pytest.raises(ConfigError, match="the review policy asks people"):
        skip.run(case.bars, TrendFollowing(), setup)


def test_an_action_between_two_bars_of_its_symbol_is_refused_by_name() -> None:
    case = splitting_case_of(1, symbols=2, bars=40)
    action = next(one for one in case.setup.actions if one.at > case.bars[0].ts[0])
    late = replace(action, at=action.at + 1)
    with pytest.raises(ConfigError, match=f"{action.action} takes effect at .* has no bar"):
        skip.run(case.bars, case.strategy, replace(case.setup, actions=(late,)))
