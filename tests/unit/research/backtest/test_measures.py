"""The benchmarks' own arithmetic, on sizes that take no time; `make bench` runs them at full size."""

import numpy as np
import pytest

from benchmarks import event_engine, imports
from benchmarks.plain_loop import synthetic
from tradewrit.research.backtest.events import run


def test_both_sides_of_the_comparison_trade_the_same_bars() -> None:
    case = event_engine.against_plain("small", synthetic(600, 2, sigma=0.01), rounds=1)
    assert case["trades"] > 5
    assert case["ratio"] == pytest.approx(case["events_us"] / case["plain_us"])


def test_marked_bars_make_two_fills_a_mark_and_nothing_else() -> None:
    bars = event_engine.marked(400, 20)
    counts = run([bars], event_engine.Marked(max_bars=1)).counts
    assert np.flatnonzero(bars.volume).tolist() == list(range(19, 400, 20))
    # The last mark lies on the last bar: its order never fills.
    assert counts["position.fill.booked"] == 2 * 19
    quiet = run([event_engine.marked(400, 0)], event_engine.Marked(max_bars=1)).counts
    assert quiet.keys() == {
        "account.journal.opened",
        "credential.writs.issued",
        "credential.writ.released",
    }


def test_importing_the_package_pulls_in_nothing_heavy() -> None:
    modules = imports.pulled_in()
    assert "tradewrit" in modules
    assert imports.foreign(modules) == ["tradewrit"]
    assert len(modules) < 60
