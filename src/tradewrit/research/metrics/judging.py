"""All figures of one result, put together."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tradewrit.domain.money import canonical
from tradewrit.features.bars import Bars
from tradewrit.research.metrics.benchmark import benchmark_figures, benchmark_of
from tradewrit.research.metrics.drawdowns import drawdown_figures
from tradewrit.research.metrics.excursions import excursion_figures
from tradewrit.research.metrics.figures import Metrics, PeriodReturn
from tradewrit.research.metrics.returns import calendar_returns, gain, ratios, yearly_rate
from tradewrit.research.metrics.sampling import years_spanned
from tradewrit.research.metrics.trades import exit_months, groups, trade_figures, traded_value
from tradewrit.research.results import Result


def compute(
    result: Result,
    *,
    risk_free: float = 0.0,
    bars: Mapping[str, Bars] | None = None,
    benchmark: str | None = None,
) -> Metrics:
    """Every figure of `result`.

    risk_free: yearly rate as a fraction, taken off returns by Sharpe and alpha, and the target of
    Sortino. bars: the prices it ran on, by symbol; without them there is no benchmark and no
    excursion. benchmark: a symbol among `bars` to compare with instead of buy and hold of all that
    was traded. Raises DataError when that symbol has no bars.
    """
    curve, known = result.curve, bars or {}
    start = float(result.initial_cash)
    years = years_spanned(curve.ts)
    growth = gain(result.initial_cash, result.final_equity)
    cagr = yearly_rate(growth, years)
    fell = drawdown_figures(start, curve)
    months = calendar_returns(start, curve, "M")
    return Metrics(
        years=years,
        risk_free=risk_free,
        total_return=growth,
        cagr=cagr,
        calmar=None if cagr is None or not fell["max_drawdown"] else cagr / -fell["max_drawdown"],
        **ratios(curve, risk_free),
        **fell,
        **_best_and_worst(months),
        **_activity(result, years),
        **benchmark_figures(result, benchmark_of(result, known, benchmark), risk_free),
        **trade_figures(result.trades),
        **excursion_figures(result.trades, known),
        fees=canonical(result.fees),
        by_symbol=groups(result.trades, [trade.symbol for trade in result.trades]),
        by_exit_reason=groups(result.trades, [trade.exit_reason for trade in result.trades]),
        by_month=groups(result.trades, exit_months(result.trades)),
        months=months,
        calendar_years=calendar_returns(start, curve, "Y"),
    )


def _best_and_worst(months: tuple[PeriodReturn, ...]) -> dict[str, Any]:
    values = [month.value for month in months if month.value is not None]
    return {"best_month": max(values, default=None), "worst_month": min(values, default=None)}


def _activity(result: Result, years: float) -> dict[str, Any]:
    curve = result.curve
    exposure = np.abs(curve.exposure)
    mean_equity = float(curve.equity.mean()) if len(curve) else 0.0
    turnover = float(traded_value(result.trades)) / mean_equity if mean_equity > 0 else None
    return {
        "exposure": float(exposure.mean()) if len(curve) else None,
        "time_in_market": float((exposure > 0).mean()) if len(curve) else None,
        "turnover": turnover,
        "turnover_per_year": turnover / years if turnover is not None and years > 0 else None,
    }
