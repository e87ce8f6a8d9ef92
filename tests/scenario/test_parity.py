"""The event engine against the plain loop: two programs that share no line agree to the last digit.

The plain loop is benchmarks/plain_loop.py; it holds itself to the rules in tests/unit/benchmarks.
"""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import plain_loop
from tests.unit.research.backtest.markets import CASH, SEEDS, Shape, as_lists, market, shape_of
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.risk import LimitExceeded, SizeCalculated
from tradewrit.domain.fees import BpsFee
from tradewrit.domain.market import MINUTE
from tradewrit.features.bars import Bars
from tradewrit.research.backtest.events import Run, run
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.results import write_trades_csv
from tradewrit.runtime.replay import events_of
from tradewrit.strategies.rules.trend_following import TrendFollowing

SMALL = Shape(0, 10, 150, 0.06, 5.0, 2, 0.15, is_shifted=True, is_uneven=True)


def both(bars: list[Bars], cash: Decimal, fee_bps: Decimal = Decimal(10)) -> tuple[plain_loop.Outcome, Run]:
    plain = plain_loop.run(as_lists(bars), initial_cash=str(cash), fee=str(fee_bps / 10_000))
    setup = Setup(initial_cash=cash, rules=PaperRules(fees=BpsFee(fee_bps)))
    return plain, run(bars, TrendFollowing(), setup)


@given(SEEDS, st.sampled_from(CASH), st.sampled_from([Decimal(10), Decimal(0), Decimal("7.5")]))
def test_both_make_the_same_trades_in_the_same_order(seed: int, cash: Decimal, fee_bps: Decimal) -> None:
    plain, engine = both(market(shape_of(seed)), cash, fee_bps)
    trades: object = [tuple(getattr(trade, name) for name in trade._fields) for trade in plain.trades]
    names = plain_loop.Trade._fields
    assert [tuple(getattr(trade, name) for name in names) for trade in engine.result.trades] == trades
    assert engine.result.final_equity == plain.final_equity
    assert engine.result.fees == plain.fees
    assert engine.books.cash == plain.cash
    held = {
        symbol: (position.quantity, position.lots[0].opened_at, position.lots[0].price)
        for symbol, position in engine.books.positions.items()
    }
    wanted: object = {one.symbol: one[2:5] for one in plain.open_positions}
    assert held == wanted
    assert engine.result.open_positions == len(plain.open_positions)


@pytest.mark.parametrize("seed", range(3))
def test_both_write_the_same_file(seed: int, tmp_path: Path) -> None:
    plain, engine = both(market(SMALL._replace(seed=seed)), Decimal(10_000))
    plain_loop.write_trades(tmp_path / "plain.csv", plain.trades)
    write_trades_csv(tmp_path / "engine.csv", engine.result.trades)
    assert len(plain.trades) > 10
    assert (tmp_path / "engine.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


def test_one_bar_that_opens_above_the_target_and_falls_to_the_stop_is_a_stop() -> None:
    """Stop before target when one bar touches both, wherever it opened."""
    rows = [(9.9, 9.9, 9.9, 9.9, 100.0), (9.92, 9.92, 9.92, 9.92, 100.0)] * 10
    rows[19] = (10.0, 10.0, 10.0, 10.0, 200.0)
    rows += [(10.0, 10.0, 10.0, 10.0, 1.0), (12.0, 12.5, 9.0, 11.0, 1.0)]
    ts = np.arange(len(rows), dtype=np.int64) * MINUTE
    bars = Bars("A", ts, *(np.array(column) for column in zip(*rows, strict=True)))
    plain, engine = both([bars], Decimal(100_000))
    (trade,) = engine.result.trades
    assert (trade.exit_reason, trade.exit_price) == ("stop", Decimal("9.50"))
    assert [t.exit_price for t in plain.trades] == [Decimal("9.50")]


def test_the_random_markets_reach_every_limit_of_the_default_profile() -> None:
    """A comparison on markets that never come near a limit would show nothing."""
    refused: Counter[str] = Counter()
    bound: Counter[str] = Counter()
    for seed, (cash, sigma) in enumerate([("300", 0.15), ("1000", 0.02), ("10000", 0.06), ("2500.5", 0.15)]):
        bars = market(SMALL._replace(seed=seed, sigma=sigma, symbols=20))
        engine = run(bars, TrendFollowing(), Setup(initial_cash=Decimal(cash)))
        for event in events_of(engine.journal, engine.stream):
            if isinstance(event, LimitExceeded):
                refused.update(breach.limit for breach in event.breaches)
            elif isinstance(event, SizeCalculated):
                bound[event.bound_by] += 1
    assert refused.keys() >= {"lot", "min_cash_fraction", "max_drawdown_fraction"}
    assert bound.keys() == {"max_position_notional", "max_position_fraction"}
