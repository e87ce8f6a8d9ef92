"""The strategies that come with the package, on histories worked by hand."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.instruments import plain
from tradewrit.domain.market import DAY
from tradewrit.domain.signals import Verdict
from tradewrit.errors import StrategyError
from tradewrit.features.bars import Bars
from tradewrit.strategies.base import Strategy
from tradewrit.strategies.evaluation import Columns
from tradewrit.strategies.rules.buy_the_dip import BuyTheDip
from tradewrit.strategies.rules.moving_average_crossover import MovingAverageCrossover


def verdicts(strategy: Strategy, closes: Sequence[float]) -> list[int]:
    close = np.array(closes, dtype=np.float64)
    bars = Bars("TSLA", np.arange(len(close)) * DAY, close, close, close, close, np.ones(len(close)))
    return list(map(int, Columns(strategy, plain("TSLA", "USD"), bars).verdicts))


def test_the_golden_cross_is_signalled_on_its_bar_and_the_cross_back_on_its_own() -> None:
    """Averages of 2 and 3: 11.5 against 12 at bar 4, 13 against 12.33 at bar 5, 12.5 against 13 at bar 7."""
    closes = [15.0, 14.0, 13.0, 12.0, 11.0, 15.0, 14.0, 11.0]
    found = verdicts(MovingAverageCrossover(fast=2, slow=3), closes)
    assert found == [0, 0, 0, 0, 0, Verdict.ENTER_LONG, 0, Verdict.LEAVE_LONG]


def test_with_shorts_the_cross_back_is_both_a_way_out_and_a_way_in() -> None:
    closes = [15.0, 14.0, 13.0, 12.0, 11.0, 15.0, 14.0, 11.0]
    found = verdicts(MovingAverageCrossover(fast=2, slow=3, is_short_too=True), closes)
    assert found[5] == Verdict.ENTER_LONG | Verdict.LEAVE_SHORT
    assert found[7] == Verdict.LEAVE_LONG | Verdict.ENTER_SHORT


def test_averages_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(StrategyError, match="fast must be below slow, and 200 is not below 50"):
        verdicts(MovingAverageCrossover(fast=200, slow=50), [1.0, 2.0])


@pytest.mark.parametrize(
    ("close", "is_dip"), [(190.0, True), (190.01, False), (189.99, True), (200.0, False), (1.0, True)]
)
def test_a_fall_of_five_per_cent_is_a_dip_and_one_of_a_cent_less_is_not(close: float, is_dip: bool) -> None:
    assert verdicts(BuyTheDip(), [200.0, close]) == [0, Verdict.ENTER_LONG if is_dip else 0]


@given(st.integers(20, 10_000_000), st.sampled_from(["0.01", "0.05", "0.07", "0.125", "0.3"]))
def test_the_threshold_is_that_of_the_decimals(cents: int, dip: str) -> None:
    """Whatever the price: the last cent at which the fall is large enough, and the cent above it."""
    before = Decimal(cents) / 100
    last = (before * (1 - Decimal(dip))).quantize(Decimal("0.01"), rounding="ROUND_FLOOR")
    strategy = BuyTheDip(dip_fraction=float(dip))
    if last > 0:
        assert verdicts(strategy, [float(before), float(last)])[1] == Verdict.ENTER_LONG
    assert verdicts(strategy, [float(before), float(last + Decimal("0.01"))])[1] == 0


def test_a_fall_spread_over_several_bars_is_seen_by_a_wider_window() -> None:
    closes = [200.0, 196.0, 193.0, 190.0]
    assert not any(verdicts(BuyTheDip(), closes))
    assert verdicts(BuyTheDip(window=3), closes) == [0, 0, 0, Verdict.ENTER_LONG]


def test_recovery_leaves_once_the_close_is_above_its_average() -> None:
    found = verdicts(BuyTheDip(recovery=2), [200.0, 190.0, 189.0, 195.0])
    assert [bool(one & Verdict.LEAVE_LONG) for one in found] == [False, False, False, True]


@pytest.mark.parametrize("dip", [0.0, 1.0, -0.05])
def test_a_dip_that_is_no_fall_is_refused(dip: float) -> None:
    with pytest.raises(StrategyError, match="dip_fraction must be above 0 and below 1"):
        verdicts(BuyTheDip(dip_fraction=dip), [1.0, 2.0])
