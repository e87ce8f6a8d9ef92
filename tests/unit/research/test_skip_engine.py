"""The skip engine gives what the event engine gives: trade by trade, cent by cent, on drawn runs."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.research.drawn import Case, case_of
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.errors import ConfigError
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.events import run
from tradewrit.research.backtest.setup import Setup
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


@pytest.mark.parametrize("seed", range(3))
def test_skipping_changes_nothing_with_many_symbols(seed: int) -> None:
    assert_equal(case_of(seed, symbols=50, bars=120))


def test_what_it_cannot_do_is_said_and_not_tried() -> None:
    setup = Setup(rules=PaperRules(participation_fraction=Decimal("0.1")))
    case = case_of(1, symbols=1, bars=40)
    with pytest.raises(ConfigError, match="participation_fraction fills orders in parts"):
        skip.run(case.bars, TrendFollowing(), setup)
