from collections.abc import Sequence
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.research.backtests import CASH, MONDAY, curve, random_bars, random_result, result
from tradewrit.domain.market import DAY
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.research.metrics import Metrics, compute
from tradewrit.research.metrics.benchmark import BUY_AND_HOLD, buy_and_hold

RETURNS = st.lists(st.floats(-0.05, 0.05), min_size=6, max_size=40).filter(lambda r: max(r) - min(r) > 1e-3)


def closes(symbol: str, start: int, *prices: float) -> Bars:
    column = np.array(prices)
    return Bars(symbol, start + DAY * np.arange(len(prices), dtype=np.int64), *[column] * 5)


def grown(returns: Sequence[float], start: float) -> list[float]:
    return [start, *(start * np.cumprod(1 + np.array(returns))).tolist()]


def against(ours: Sequence[float], theirs: Sequence[float]) -> Metrics:
    equity = grown(ours, float(CASH))
    made = result(equity, symbols=("AAPL",))
    return compute(made, bars={"AAPL": closes("AAPL", MONDAY, *grown(theirs, 50.0))})


def test_buy_and_hold_keeps_a_late_symbols_share_in_cash() -> None:
    bars = [closes("AAPL", MONDAY, 10.0, 20.0, 20.0), closes("MSFT", MONDAY + DAY, 50.0, 25.0)]
    held = buy_and_hold(bars, MONDAY + DAY * np.arange(3, dtype=np.int64), 100.0)
    assert held is not None
    assert held.tolist() == [100.0, 150.0, 125.0]


def test_buy_and_hold_of_nothing_is_none() -> None:
    assert buy_and_hold([], np.array([MONDAY], dtype=np.int64), 100.0) is None


def test_without_bars_there_is_no_benchmark() -> None:
    found = compute(result([100_000, 101_000, 99_000]))
    assert found.benchmark is None
    assert {found.alpha, found.beta, found.benchmark_return, found.information_ratio} == {None}


def test_the_default_benchmark_is_what_was_traded_held() -> None:
    found = against([0.01, -0.01, 0.02], [0.1, 0.0, -0.05])
    assert found.benchmark == BUY_AND_HOLD
    assert found.benchmark_return == pytest.approx(1.1 * 0.95 - 1)
    assert found.benchmark_max_drawdown == pytest.approx(-0.05)


def test_a_named_symbol_is_the_benchmark_though_it_was_not_traded() -> None:
    made = result([100_000, 101_000, 102_000], symbols=("AAPL",))
    bars = {"AAPL": closes("AAPL", MONDAY, 1, 2, 3), "SPY": closes("SPY", MONDAY, 10, 11, 12)}
    found = compute(made, bars=bars, benchmark="SPY")
    assert found.benchmark == "SPY"
    assert found.benchmark_return == pytest.approx(0.2)


def test_an_unknown_benchmark_is_named_with_the_nearest_that_is_known() -> None:
    with pytest.raises(DataError, match=r"'SPX' has no bars in the data; did you mean SPY\?"):
        compute(result(), bars={"SPY": closes("SPY", MONDAY, 1, 2)}, benchmark="SPX")


@given(RETURNS, st.floats(-2, 2), st.floats(-0.001, 0.001))
def test_a_multiple_of_the_benchmark_has_that_beta_and_the_rest_as_alpha(
    theirs: list[float], beta: float, daily: float
) -> None:
    found = against([daily + beta * one for one in theirs], theirs)
    assert found.periods_per_year is not None
    assert found.beta == pytest.approx(beta, abs=1e-8)
    assert found.alpha == pytest.approx(daily * found.periods_per_year, abs=1e-7)
    if abs(beta) > 1e-3:
        assert found.correlation == pytest.approx(np.sign(beta), abs=1e-6)


@given(RETURNS)
def test_the_benchmark_against_itself_is_ahead_by_nothing(theirs: list[float]) -> None:
    found = against(theirs, theirs)
    assert found.tracking_error == pytest.approx(0, abs=1e-12)
    assert found.information_ratio is None
    assert [found.sharpe, found.volatility] == pytest.approx(
        [found.benchmark_sharpe, found.benchmark_volatility]
    )


def test_a_benchmark_that_never_moves_has_no_beta() -> None:
    found = against([0.01, -0.02, 0.03], [0.0, 0.0, 0.0])
    assert (found.beta, found.alpha, found.correlation) == (None, None, None)
    assert found.tracking_error == pytest.approx(found.volatility)


def test_money_that_never_moves_has_no_correlation_and_no_beta_to_speak_of() -> None:
    found = against([0.0, 0.0, 0.0], [0.01, -0.02, 0.03])
    assert (found.beta, found.correlation) == (0.0, None)


def test_equity_that_is_lost_is_compared_with_nothing() -> None:
    made = result([100_000, 50_000, 0.0], symbols=("AAPL",), final_equity=Decimal(0))
    found = compute(made, bars={"AAPL": closes("AAPL", MONDAY, 1, 2, 3)})
    assert (found.beta, found.information_ratio) == (None, None)
    assert found.benchmark_return == pytest.approx(2.0)


def test_a_risk_free_rate_is_taken_off_both_sides_of_alpha() -> None:
    bars = random_bars("AAPL", 300)
    made = random_result([bars], 5)
    plain, above = (compute(made, bars={"AAPL": bars}, risk_free=rate) for rate in (0.0, 0.05))
    assert plain.alpha is not None
    assert plain.beta is not None
    assert above.alpha == pytest.approx(plain.alpha - 0.05 * (1 - plain.beta))
    assert above.beta == pytest.approx(plain.beta)


@pytest.mark.parametrize("points", [0, 1, 2])
def test_hardly_any_bars_define_no_regression(points: int) -> None:
    line = curve([100_000.0] * points)
    made = msgspec.structs.replace(result(), curve=line)
    found = compute(made, bars={"AAPL": closes("AAPL", MONDAY, 1, 2, 3)})
    assert (found.alpha, found.beta) == (None, None)
