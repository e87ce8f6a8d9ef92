"""What doing nothing would have earned, and how a strategy stands against it: alpha, beta and kin."""

import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

import msgspec
import numpy as np

from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Floats, Times
from tradewrit.research.metrics.drawdowns import underwater
from tradewrit.research.metrics.returns import NOISE, over, ratios, returns_of, yearly_rate
from tradewrit.research.metrics.sampling import daily_rows, periods_per_year, years_spanned
from tradewrit.research.results import EquityCurve, Result

BUY_AND_HOLD: Final = "buy and hold"
_FIELDS: Final = (
    *("benchmark", "benchmark_return", "benchmark_cagr", "benchmark_volatility", "benchmark_sharpe"),
    *("benchmark_max_drawdown", "alpha", "beta", "correlation", "tracking_error", "information_ratio"),
)


class Benchmark(msgspec.Struct, frozen=True, eq=False):
    """What to compare with. equity: at the times of the curve it is held against."""

    name: str
    equity: Floats


def benchmark_of(result: Result, bars: Mapping[str, Bars], symbol: str | None = None) -> Benchmark | None:
    """Buy and hold of `symbol`, or else of everything the test traded on; None without bars.

    Raises DataError when bars of `symbol` are not among those given.
    """
    cash = float(result.initial_cash)
    if symbol is not None:
        held = buy_and_hold([bars_of(symbol, bars)], result.curve.ts, cash)
    else:
        own = [bars[name] for name in result.symbols if name in bars]
        held = buy_and_hold(own, result.curve.ts, cash)
    return None if held is None else Benchmark(symbol or BUY_AND_HOLD, held)


def buy_and_hold(bars: Sequence[Bars], at: Times, cash: float) -> Floats | None:
    """Equity at each time of `at` had `cash` been split evenly and each part spent on one symbol.

    Every symbol is bought at its first close, without fees, and never sold; its part is cash until
    then. None without any bar.
    """
    held = [one for one in bars if len(one)]
    if not held:
        return None
    total = np.zeros(len(at))
    for one in held:
        row = np.searchsorted(one.ts, at, side="right") - 1
        total += np.where(row < 0, 1.0, one.close[np.maximum(row, 0)] / one.close[0])
    return total * (cash / len(held))


def benchmark_figures(result: Result, benchmark: Benchmark | None, risk_free: float) -> dict[str, Any]:
    """How the benchmark did by itself, and the strategy's returns regressed on its."""
    if benchmark is None or not len(result.curve):
        return dict.fromkeys(_FIELDS)
    start, curve = float(result.initial_cash), result.curve
    held = EquityCurve(curve.ts, benchmark.equity, np.ones(len(curve)))
    grown = float(benchmark.equity[-1]) / start - 1.0 if start > 0 else None
    alone = ratios(held, risk_free)
    return {
        "benchmark": benchmark.name,
        "benchmark_return": grown,
        "benchmark_cagr": yearly_rate(grown, years_spanned(curve.ts)),
        "benchmark_volatility": alone["volatility"],
        "benchmark_sharpe": alone["sharpe"],
        "benchmark_max_drawdown": float(underwater(start, benchmark.equity).min()),
        **_against(curve, benchmark.equity, risk_free),
    }


def _against(curve: EquityCurve, held: Floats, risk_free: float) -> dict[str, float | None]:
    rows = daily_rows(curve.ts)
    per_year = periods_per_year(curve.ts, curve.ts[rows])
    found: dict[str, float | None] = dict.fromkeys(_FIELDS[-5:])
    equity, other = curve.equity[rows], held[rows]
    if per_year is None or len(rows) < 3 or bool(((equity <= 0) | (other <= 0)).any()):
        return found
    ours, theirs = returns_of(equity), returns_of(other)
    found |= _relative(ours - theirs, per_year)
    if float(theirs.std(ddof=1)) <= NOISE:
        return found
    covariance = np.cov(ours, theirs)
    beta = float(covariance[0, 1] / covariance[1, 1])
    rate = risk_free / per_year
    found |= {"beta": beta, "alpha": float((ours.mean() - rate) - beta * (theirs.mean() - rate)) * per_year}
    if float(ours.std(ddof=1)) > NOISE:
        found["correlation"] = float(covariance[0, 1] / math.sqrt(covariance[0, 0] * covariance[1, 1]))
    return found


def _relative(ahead: Floats, per_year: float) -> dict[str, float | None]:
    tracking = float(ahead.std(ddof=1)) * math.sqrt(per_year)
    return {"tracking_error": tracking, "information_ratio": over(float(ahead.mean()) * per_year, tracking)}


def bars_of(symbol: str, bars: Mapping[str, Bars]) -> Bars:
    """The benchmark's bars; raises DataError, with the nearest name, when there are none."""
    found = bars.get(symbol)
    if found is None or not len(found):
        near = get_close_matches(symbol, bars, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; they have {', '.join(list(bars)[:10]) or 'none'}"
        raise DataError(f"the benchmark {symbol!r} has no bars in the data{hint}")
    return found
