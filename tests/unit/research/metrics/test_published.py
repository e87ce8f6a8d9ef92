"""Our figures against those of the published packages, to 1e-9; and where they differ, by what."""

import warnings
from decimal import Decimal

import msgspec
import numpy as np
import pytest

from tests.unit.research.backtests import MONDAY, curve, result
from tests.unit.research.metrics.published import (
    DIFFERENT,
    ELSEWHERE,
    INSTALLED,
    OURS_RETURNS,
    PER_YEAR,
    RECORDED,
    RISK_FREE,
    SAME,
    SAME_ABOVE_A_RATE,
    THEIRS_RETURNS,
    WHY_NOT,
    judged,
    published,
    series,
)
from tradewrit.domain.market import DAY
from tradewrit.features.bars import Bars, Floats
from tradewrit.research.metrics import Metrics, compute
from tradewrit.research.metrics.rolling import rolling_sharpe

needs_the_packages = pytest.mark.skipif(not INSTALLED, reason=WHY_NOT)


@pytest.mark.parametrize("name", SAME)
def test_a_figure_equals_the_published_one(name: str) -> None:
    assert SAME[name](judged()) == pytest.approx(RECORDED[name], rel=1e-9)


@pytest.mark.parametrize("name", SAME_ABOVE_A_RATE)
def test_a_figure_above_a_risk_free_rate_equals_the_published_one(name: str) -> None:
    assert SAME_ABOVE_A_RATE[name](judged(RISK_FREE)) == pytest.approx(RECORDED[name], rel=1e-9)


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_figure_of_another_definition_differs_by_that_definition_alone(name: str) -> None:
    rate, ours, translated = DIFFERENT[name]
    found = ours(judged(rate))
    assert found != pytest.approx(RECORDED[name], rel=1e-3)
    assert found == pytest.approx(translated(RECORDED[name]), rel=1e-9)


def test_the_last_rolling_sharpe_equals_both_published_ones() -> None:
    line = series()[0].curve
    found = rolling_sharpe(line.ts, line.equity)
    assert found is not None
    assert found.window == 126
    for name in ("empyrical roll_sharpe_ratio, last", "quantstats rolling_sharpe, last"):
        assert found.value[-1] == pytest.approx(RECORDED[name], rel=1e-9)


def test_every_published_figure_is_accounted_for() -> None:
    assert set(RECORDED) == {*SAME, *SAME_ABOVE_A_RATE, *DIFFERENT, *ELSEWHERE}


@needs_the_packages
def test_the_packages_still_say_what_is_recorded() -> None:
    assert published() == pytest.approx(RECORDED, rel=1e-9)


def random_walks(seed: int) -> tuple[Floats, Floats]:
    """Returns of a strategy and of its benchmark, related a little or a lot."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(10, 900))
    theirs = rng.normal(0.0002, 0.012, count)
    return rng.normal(0.0004, 0.008, count) + float(rng.normal(0, 1)) * theirs, theirs


def judged_walks(ours: Floats, theirs: Floats) -> Metrics:
    days = np.array([7 * (k // 5) + k % 5 for k in range(len(ours) + 1)])
    ts = (MONDAY + DAY * days).astype(np.int64)
    equity = 1e5 * np.concatenate([[1.0], np.cumprod(1 + ours)])
    held = 20.0 * np.concatenate([[1.0], np.cumprod(1 + theirs)])
    line = msgspec.structs.replace(curve(equity.tolist()), ts=ts)
    made = result(curve=line, final_equity=Decimal(repr(float(equity[-1]))))
    return compute(made, bars={"INDEX": Bars("INDEX", ts, *[held] * 5)}, benchmark="INDEX")


@needs_the_packages
def test_on_random_walks_our_ratios_equal_the_published_ones() -> None:
    for seed in range(20):
        ours, theirs = random_walks(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import empyrical as ep
            import pandas as pd

            r, b = pd.Series(ours), pd.Series(theirs)
            expected = {
                "total_return": ep.cum_returns_final(r),
                "volatility": ep.annual_volatility(r),
                "sharpe": ep.sharpe_ratio(r),
                "sortino": ep.sortino_ratio(r),
                "max_drawdown": ep.max_drawdown(r),
                "beta": ep.beta(r, b),
                "alpha": ((1 + ep.alpha(r, b)) ** (1 / PER_YEAR) - 1) * PER_YEAR,
                "benchmark_return": ep.cum_returns_final(b),
                "benchmark_volatility": ep.annual_volatility(b),
                "benchmark_sharpe": ep.sharpe_ratio(b),
                "benchmark_max_drawdown": ep.max_drawdown(b),
            }
        found = judged_walks(ours, theirs)
        assert {name: getattr(found, name) for name in expected} == pytest.approx(
            expected, rel=1e-9, abs=1e-12
        ), seed


def test_the_fixed_series_is_an_ordinary_one() -> None:
    """No figure agrees because there is nothing to disagree about."""
    assert (OURS_RETURNS < 0).mean() > 0.3
    assert 0.2 < np.corrcoef(OURS_RETURNS, THEIRS_RETURNS)[0, 1] < 0.9
