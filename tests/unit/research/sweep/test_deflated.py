"""The deflated Sharpe ratio: the figures of its paper, and that luck alone is not called skill."""

import math

import numpy as np
import pytest

from tradewrit.research.sweep.deflated import (
    SKILL,
    Moments,
    expected_best,
    luck_of,
    probabilistic_sharpe,
)
from tradewrit.research.sweep.runs import shape_of

# Bailey and Lopez de Prado (2014), the numerical example: a yearly ratio of 2.5 from five years of daily
# returns, skewness -3 and kurtosis 10, variance of the yearly ratios among trials one half.
BEST = Moments(count=1250, sharpe=2.5 / math.sqrt(250), skewness=-3.0, kurtosis=10.0)
SPREAD = math.sqrt(0.5 / 250)


def test_the_expected_best_of_a_hundred_is_the_papers() -> None:
    assert expected_best(100, SPREAD) == pytest.approx(0.1132, abs=5e-5)


@pytest.mark.parametrize(("trials", "deflated"), [(100, 0.9004), (46, 0.9505)])
def test_the_papers_strategy_is_told_from_luck_after_46_trials_and_not_after_100(
    trials: int, deflated: float
) -> None:
    found = probabilistic_sharpe(BEST, expected_best(trials, SPREAD))
    assert found == pytest.approx(deflated, abs=5e-5)


def test_with_normal_returns_it_would_be_after_88() -> None:
    normal = Moments(count=BEST.count, sharpe=BEST.sharpe)
    assert probabilistic_sharpe(normal, expected_best(88, SPREAD)) == pytest.approx(0.9505, abs=5e-5)


def test_a_single_trial_was_not_chosen_and_nothing_is_taken_off() -> None:
    alone = luck_of(BEST, [BEST.sharpe], 1)
    assert alone.expected == 0.0
    assert alone.deflated == probabilistic_sharpe(BEST)


def test_more_trials_leave_less() -> None:
    ratios = [0.0, 0.05, BEST.sharpe]
    left = [luck_of(BEST, ratios, trials).deflated for trials in (3, 30, 300)]
    assert left == sorted(left, key=lambda one: -(one or 0.0))
    assert left[0] != left[2]


@pytest.mark.parametrize(
    "moments", [Moments(count=1, sharpe=0.1), Moments(count=100, sharpe=0.5, skewness=9.0, kurtosis=3.0)]
)
def test_moments_that_allow_no_answer_get_none(moments: Moments) -> None:
    assert probabilistic_sharpe(moments) is None


def _moments(returns: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Moments:
    skewness, kurtosis = shape_of(returns)
    ratio = float(returns.mean() / returns.std(ddof=1))
    return Moments(count=len(returns), sharpe=ratio, skewness=skewness, kurtosis=kurtosis)


@pytest.mark.parametrize("trials", [10, 100])
def test_the_best_of_many_without_skill_is_seldom_called_skill(trials: int) -> None:
    """Where the plain probability calls nearly every one of them skill."""
    chance = np.random.default_rng(trials)
    called, fooled, rounds = 0, 0, 200
    for _ in range(rounds):
        returns = chance.standard_t(5, (trials, 250)) * 0.01
        moments = [_moments(one) for one in returns]
        best = max(moments, key=lambda one: one.sharpe)
        luck = luck_of(best, [one.sharpe for one in moments], trials)
        called += luck.is_skill
        fooled += (probabilistic_sharpe(best) or 0.0) >= SKILL
    assert called / rounds <= 0.05
    assert fooled / rounds > 0.3


def test_the_expected_best_is_what_simulation_finds() -> None:
    chance = np.random.default_rng(1)
    for trials in (5, 50, 500):
        simulated = float(chance.standard_normal((2_000, trials)).max(axis=1).mean())
        assert expected_best(trials, 1.0) == pytest.approx(simulated, rel=0.05)


def test_real_skill_among_many_is_still_seen() -> None:
    chance = np.random.default_rng(2)
    returns = chance.standard_normal((50, 1_000)) * 0.01
    returns[7] += 0.002
    moments = [_moments(one) for one in returns]
    best = max(moments, key=lambda one: one.sharpe)
    assert best is moments[7]
    assert luck_of(best, [one.sharpe for one in moments], 50).is_skill


def test_skewness_and_kurtosis_of_a_normal_are_nought_and_three() -> None:
    skewness, kurtosis = shape_of(np.random.default_rng(3).standard_normal(200_000))
    assert skewness == pytest.approx(0.0, abs=0.02)
    assert kurtosis == pytest.approx(3.0, abs=0.05)
    assert shape_of(np.zeros(5)) == (0.0, 3.0)
    assert shape_of(np.array([0.1])) == (0.0, 3.0)
