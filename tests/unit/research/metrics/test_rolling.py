import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.research.backtests import MONDAY, curve
from tradewrit.domain.market import DAY, HOUR
from tradewrit.research.metrics.rolling import FEWEST, rolling_sharpe


def walk(count: int, seed: int = 1) -> list[float]:
    rng = np.random.default_rng(seed)
    equity: list[float] = (1e5 * np.cumprod(1 + rng.normal(0.0003, 0.01, count))).tolist()
    return equity


@given(st.integers(4 * FEWEST + 1, 900), st.integers(0, 1_000))
def test_each_value_is_the_ratio_of_its_own_window(count: int, seed: int) -> None:
    line = curve(walk(count, seed))
    found = rolling_sharpe(line.ts, line.equity, 0.02)
    assert found is not None
    assert found.window == min(182, (count - 1) // 4)
    assert len(found.ts) == len(found.value) == count - found.window
    for k in (0, len(found.value) // 2, -1):
        end = int(np.searchsorted(line.ts, found.ts[k])) + 1
        equity = line.equity[end - found.window - 1 : end]
        excess = equity[1:] / equity[:-1] - 1 - 0.02 / 365
        assert found.value[k] == pytest.approx(excess.mean() / excess.std(ddof=1) * np.sqrt(365))
    assert found.ts[-1] == line.ts[-1]


def test_no_later_sample_changes_an_earlier_value() -> None:
    line = curve(walk(800))
    whole, cut = rolling_sharpe(line.ts, line.equity), rolling_sharpe(line.ts[:-50], line.equity[:-50])
    assert whole is not None
    assert cut is not None
    assert whole.value[:-50].tolist() == cut.value.tolist()


def test_a_short_test_has_no_rolling_ratio() -> None:
    line = curve(walk(4 * FEWEST))
    assert rolling_sharpe(line.ts, line.equity) is None


def test_a_window_that_stands_still_has_no_ratio() -> None:
    line = curve([1e5] * 200 + walk(200))
    found = rolling_sharpe(line.ts, line.equity)
    assert found is not None
    assert np.isnan(found.value[0])
    assert np.isfinite(found.value[-1])


def test_lost_equity_has_no_rolling_ratio() -> None:
    line = curve([*walk(200), 0.0])
    assert rolling_sharpe(line.ts, line.equity) is None


def test_intraday_points_are_read_once_a_day() -> None:
    line = curve(walk(24 * 100), step=HOUR)
    found = rolling_sharpe(line.ts, line.equity)
    assert found is not None
    assert np.diff(found.ts[:-1]).tolist() == [DAY] * (len(found.ts) - 2)
    assert found.ts[0] > MONDAY
