import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.research.backtests import random_bars
from tradewrit.research.report.thinning import coarser, histogram, rows_that_show

COLUMN = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300)


@given(COLUMN, st.integers(1, 20))
def test_thinned_rows_keep_ends_and_extremes(values: list[float], buckets: int) -> None:
    column = np.array(values)
    rows = rows_that_show([column], buckets)
    assert rows[0] == 0
    assert rows[-1] == len(values) - 1
    assert (np.diff(rows) > 0).all()
    assert column[rows].min() == column.min()
    assert column[rows].max() == column.max()
    assert len(rows) <= 2 * buckets + 2


def test_a_short_column_is_kept_whole() -> None:
    assert rows_that_show([np.arange(10.0)], 5).tolist() == list(range(10))


@given(st.integers(1, 400), st.integers(1, 50))
def test_merged_bars_keep_highs_lows_ends_and_volume(count: int, limit: int) -> None:
    bars = random_bars("AAPL", count)
    merged = coarser(bars, limit)
    assert len(merged) <= limit or count <= limit
    assert merged.ts[0] == bars.ts[0]
    assert merged.open[0] == bars.open[0]
    assert merged.close[-1] == bars.close[-1]
    assert merged.high.max() == bars.high.max()
    assert merged.low.min() == bars.low.min()
    assert merged.volume.sum() == pytest.approx(bars.volume.sum())
    assert (merged.low <= merged.high).all()


@given(st.lists(st.integers(-(10**8), 10**8), max_size=200))
@example([0] * 500 + [-500])
@example([0, 0])
def test_every_value_is_in_one_bin_and_zero_parts_losses_from_profits(cents: list[int]) -> None:
    values = [cent / 100 for cent in cents]
    edges, counts = histogram(np.array(values, dtype=np.float64))
    assert sum(counts) == len(values)
    assert len(counts) <= 50
    if not values:
        return
    assert 0.0 in edges
    assert len(edges) == len(counts) + 1
    losses = sum(count for count, end in zip(counts, edges[1:], strict=True) if end <= 0)
    assert losses == sum(value < 0 for value in values)
