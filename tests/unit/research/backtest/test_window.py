"""A stretch of the bars: both engines trade it alike, and features know what was before and nothing after."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.research.drawn import case_of
from tests.unit.research.restricting import restricting_case_of
from tests.unit.research.sessions import session_case_of
from tradewrit.errors import DataError
from tradewrit.market.synth import synthetic_bars
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.events import run as run_events
from tradewrit.research.backtest.prepared import Prepared
from tradewrit.research.backtest.window import Stretch, Window
from tradewrit.runtime.strategies import load_strategy


@given(seed=st.integers(0, 2**32 - 1), cut=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted))
def test_skip_equals_events_on_any_stretch(seed: int, cut: list[float]) -> None:
    case = (case_of, session_case_of, restricting_case_of)[seed % 3](seed, symbols=4, bars=120)
    if case.setup.actions:
        return
    prepared = Prepared(case.bars)
    times = prepared.times
    start, stop = (int(part * (len(times) - 1)) for part in cut)
    stretch = Stretch(int(times[start]), int(times[stop]) + 1)
    skipped = skip.run(Window(prepared, stretch), case.strategy, case.setup)
    walked = run_events(case.bars, case.strategy, case.setup, stretch=stretch).result
    assert skipped.trades == walked.trades
    assert (skipped.final_equity, skipped.fees) == (walked.final_equity, walked.fees)
    assert skipped.denied == walked.denied
    assert np.array_equal(skipped.curve.ts, walked.curve.ts)
    assert np.array_equal(skipped.curve.equity, walked.curve.equity)


def test_an_entry_needs_no_warm_up_inside_the_stretch() -> None:
    bars = synthetic_bars(5, 600, seed=1, sigma=0.01)
    strategy = load_strategy("trend_following")
    prepared = Prepared(bars)
    early = 0
    for start in range(100, 500, 20):
        stretch = Stretch(int(prepared.times[start]), int(prepared.times[start + 19]))
        result = skip.run(Window(prepared, stretch), strategy)
        assert all(stretch.since < trade.entry_time < stretch.until for trade in result.trades)
        early += len(result.trades) + result.open_positions
    assert early > 0  # of 19 bars, where the average alone takes 20


def test_bars_after_the_stretch_change_nothing() -> None:
    bars = synthetic_bars(3, 400, seed=2, sigma=0.01)
    strategy, prepared = load_strategy("trend_following"), Prepared(bars)
    stretch = Stretch(int(prepared.times[100]), int(prepared.times[300]))
    shorter = Prepared([one.take(slice(int(one.ts.searchsorted(stretch.until)))) for one in bars])
    one, other = (skip.run(Window(whole, stretch), strategy) for whole in (prepared, shorter))
    assert one.trades == other.trades
    assert one.final_equity == other.final_equity


def test_a_stretch_without_a_bar_is_refused() -> None:
    prepared = Prepared(synthetic_bars(1, 10, seed=1))
    with pytest.raises(DataError, match="there are no bars to run on"):
        Window(prepared, Stretch(0, 1))
