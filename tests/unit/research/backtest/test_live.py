"""What a backtest does is what a live desk would have done on the same bars, record for record."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.research.backtest.live import live_run
from tests.unit.research.backtest.markets import CASH, SEEDS, Shape, market, shape_of
from tests.unit.research.backtest.setups import setup_of, strategy_of
from tradewrit.research.backtest.events import run
from tradewrit.research.backtest.setup import Setup
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.strategies import load_strategy
from tradewrit.strategies.base import Strategy

EXAMPLES = Path(__file__).parents[4] / "examples"
SHIPPED = {
    "trend_following": load_strategy("trend_following"),
    "formulas that leave": load_strategy(str(EXAMPLES / "crossover.py"), {"fast": 3, "slow": 7}),
    "plain Python": load_strategy(str(EXAMPLES / "dip_buyer.py"), {"run": 2}),
}


def records(journal: Journal, stream: str) -> list[tuple[object, ...]]:
    return [
        (one.entry.type, one.entry.body, one.entry.source, one.entry.caused_by, one.entry.trace)
        for one in journal.read(stream)
    ]


def assert_equal(shape: Shape, strategy: Strategy, setup: Setup) -> None:
    bars = market(shape)
    backtest = run(bars, strategy, setup)
    desk, _ = live_run(bars, strategy, setup)
    assert records(desk.journal, desk.stream) == records(backtest.journal, backtest.stream)
    # Times of recording, correlations and all: the chains are one.
    assert desk.journal.head(desk.stream) == backtest.journal.head(backtest.stream)
    assert desk.books.state_hash == backtest.books.state_hash


@given(SEEDS, st.sampled_from(sorted(SHIPPED)), st.sampled_from(CASH))
def test_the_same_bars_leave_the_same_journal(seed: int, name: str, cash: Decimal) -> None:
    shape = shape_of(seed, symbols=8, bars=80)
    assert_equal(shape, SHIPPED[name], Setup(initial_cash=cash))


@example(524_289)  # a fee of a quarter of the trade, as the account's own fee rule has it
@given(SEEDS)
def test_so_they_do_on_any_venue_and_with_any_protection(seed: int) -> None:
    shape = shape_of(seed, symbols=5, bars=50)
    assert_equal(shape, strategy_of(seed), setup_of(seed))


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_the_markets_compared_are_traded_by_each_of_the_strategies(name: str) -> None:
    bars = market(Shape(5, 8, 80, 0.02, 5.0, 2, 0.15, is_shifted=True, is_uneven=True))
    assert len(run(bars, SHIPPED[name]).result.trades) > 5
