"""Equity curves as the page draws them: thinned together, so that every line has the same times."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from tradewrit.features.bars import Bars, Floats
from tradewrit.research.metrics.benchmark import Benchmark, benchmark_of
from tradewrit.research.metrics.drawdowns import underwater
from tradewrit.research.metrics.figures import Metrics
from tradewrit.research.metrics.rolling import rolling_sharpe
from tradewrit.research.report.packing import packed_times
from tradewrit.research.report.thinning import rows_that_show
from tradewrit.research.results import Result

CURVE_BUCKETS: Final = 500
ROLLING_BUCKETS: Final = 300


def benchmarks(result: Result, metrics: Metrics, bars: Mapping[str, Bars]) -> list[Benchmark]:
    """Lines to draw beside the strategy: what was traded, held, and the symbol it was judged against."""
    named = metrics.benchmark if metrics.benchmark in bars else None
    both = (benchmark_of(result, bars), benchmark_of(result, bars, named) if named else None)
    return [one for one in both if one is not None]


def curves(results: Mapping[str, Result], lines: Sequence[Benchmark], risk_free: float) -> dict[str, Any]:
    """Equity, drawdown, exposure and rolling Sharpe of each result by name, and of each line its equity.

    Results on the same times only: raises ValueError for others.
    """
    ts = next(iter(results.values())).curve.ts
    if any(not np.array_equal(one.curve.ts, ts) for one in results.values()):
        raise ValueError("curves of different times cannot be drawn over one axis")
    if not len(ts):
        return {"t": packed_times(ts), "runs": [], "lines": [], "rolling": None}
    runs = {name: _run(one) for name, one in results.items()}
    extremes = [column for run in runs.values() for column in run.values()]
    rows = rows_that_show([*extremes, *(line.equity for line in lines)], CURVE_BUCKETS)
    return {
        "t": packed_times(ts[rows]),
        "runs": [
            {
                "name": name,
                "equity": np.round(run["equity"][rows], 2).tolist(),
                "drawdown": np.round(run["drawdown"][rows], 5).tolist(),
                "exposure": np.round(run["exposure"][rows], 4).tolist(),
            }
            for name, run in runs.items()
        ],
        "lines": [{"name": one.name, "equity": np.round(one.equity[rows], 2).tolist()} for one in lines],
        "rolling": _rolling(results, lines, risk_free),
    }


def _run(result: Result) -> dict[str, Floats]:
    curve = result.curve
    return {
        "equity": curve.equity,
        "drawdown": underwater(float(result.initial_cash), curve.equity),
        "exposure": curve.exposure,
    }


def _rolling(
    results: Mapping[str, Result], lines: Sequence[Benchmark], risk_free: float
) -> dict[str, Any] | None:
    """The rolling ratio of the runs and of the lines; a curve that has none is left out as None."""
    ts = next(iter(results.values())).curve.ts
    runs = [rolling_sharpe(ts, one.curve.equity, risk_free) for one in results.values()]
    others = [rolling_sharpe(ts, one.equity, risk_free) for one in lines]
    known = [one for one in (*runs, *others) if one is not None]
    if not known:
        return None
    at = known[0].ts
    rows = rows_that_show([np.nan_to_num(one.value) for one in known], ROLLING_BUCKETS)
    return {
        "t": packed_times(at[rows]),
        "window": known[0].window,
        "runs": [None if one is None else np.round(one.value[rows], 3).tolist() for one in runs],
        "lines": [None if one is None else np.round(one.value[rows], 3).tolist() for one in others],
    }
