"""Runs that have to come to the same."""

import numpy as np

from tests.unit.research.drawn import Case
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.events import run
from tradewrit.research.results import Result


def assert_equal(case: Case) -> None:
    """Both engines, the same run."""
    assert_same(
        skip.run(case.bars, case.strategy, case.setup), run(case.bars, case.strategy, case.setup).result
    )


def assert_same(one: Result, other: Result) -> None:
    """Everything a result holds but how long it took."""
    assert one.trades == other.trades
    assert one.final_equity == other.final_equity
    assert one.fees == other.fees
    assert one.funding == other.funding
    assert one.open_positions == other.open_positions
    assert one.denied == other.denied
    assert one.refused == other.refused
    assert one.halted == other.halted
    assert one.curve.ts.tolist() == other.curve.ts.tolist()
    np.testing.assert_allclose(one.curve.equity, other.curve.equity, rtol=1e-9)
