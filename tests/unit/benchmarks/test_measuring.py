"""The proof that two runs agree finds the first trade in which they do not."""

from decimal import Decimal

import pytest

from benchmarks._measuring import as_share, bars_of, ensure_agreement, timed
from benchmarks.plain_loop import run, synthetic
from tradewrit.research.backtest.skip import run as run_skip
from tradewrit.strategies.rules.trend_following import TrendFollowing

SYMBOLS = synthetic(3_000, 2, sigma=0.01)


def test_what_agrees_passes() -> None:
    plain = run(SYMBOLS)
    result = run_skip([bars_of(columns) for columns in SYMBOLS], TrendFollowing())
    assert plain.trades
    ensure_agreement("run", plain, result.trades, final_equity=result.final_equity, fees=result.fees)


def test_the_first_trade_that_differs_is_named() -> None:
    plain = run(SYMBOLS)
    trades = list(plain.trades)
    trades[1] = trades[1]._replace(pnl=trades[1].pnl + Decimal("0.00001"))
    with pytest.raises(AssertionError, match="run: trade 1 is"):
        ensure_agreement("run", plain, trades)


def test_a_missing_trade_and_another_total_are_differences() -> None:
    plain = run(SYMBOLS)
    with pytest.raises(AssertionError, match=f"{len(plain.trades) - 1} trades, in the plain loop"):
        ensure_agreement("run", plain, plain.trades[:-1])
    with pytest.raises(AssertionError, match="final_equity 1, in the plain loop"):
        ensure_agreement("run", plain, plain.trades, final_equity=Decimal(1))


def test_cpu_is_measured_and_the_value_handed_on() -> None:
    cpu, total = timed(sum, range(100_000), start=1)
    assert total == 4_999_950_001
    assert 0.0 < cpu < 10.0


def test_a_ratio_is_said_as_people_say_it() -> None:
    assert [as_share(0.05), as_share(0.2), as_share(0.61), as_share(3.5)] == [
        "1/20.0",
        "1/5.0",
        "0.61",
        "3.50",
    ]


def test_the_compiled_loop_makes_the_same_trades() -> None:
    pytest.importorskip("numba", reason="numba is not installed (uv sync --all-extras --group bench)")
    from benchmarks import _compiled_loop as compiled

    plain = run(SYMBOLS)
    rows, equity = compiled.run(compiled.tables(SYMBOLS))
    ensure_agreement(
        "compiled", plain, compiled.as_trades(rows, SYMBOLS), final_equity=equity * compiled.MONEY
    )
