"""What empyrical-reloaded and quantstats-lumi make of one fixed series: recorded here, asked again
where they are installed.

They stand in the dependency group `oracles`, because together they bring some fifty packages; the
recorded values hold our figures to theirs on every machine.
"""

import math
import warnings
from collections.abc import Callable
from decimal import Decimal
from importlib.util import find_spec
from typing import Any, Final

import msgspec
import numpy as np

from tests.unit.research.backtests import MONDAY, curve, result, trade
from tradewrit.domain.market import DAY
from tradewrit.features.bars import Bars, Floats
from tradewrit.research.metrics import Metrics, compute
from tradewrit.research.results import Result

INSTALLED: Final = all(find_spec(name) is not None for name in ("empyrical", "quantstats_lumi"))
WHY_NOT: Final = (
    "empyrical-reloaded and quantstats-lumi are not installed (uv sync --all-extras --group oracles); "
    "their recorded values are still checked"
)
PER_YEAR: Final = 252
RISK_FREE: Final = 0.03
PNLS: Final = ("120.5", "-40.25", "0", "77", "-35.5", "-60", "18.75", "210", "-44", "5")

# Weekdays for two and a half years; waves of several lengths, so that nothing comes out round.
_DAYS: Final = np.array([7 * (k // 5) + k % 5 for k in range(640)])
_K: Final = np.arange(1, len(_DAYS))
THEIRS_RETURNS: Final = 0.0004 + 0.011 * np.sin(_K * 1.7) * np.cos(_K * 0.013) - 0.004 * np.sin(_K * 0.05)
OURS_RETURNS: Final = 0.0002 + 0.4 * THEIRS_RETURNS + 0.006 * np.cos(_K * 2.9) + 0.002 * np.sin(_K * 0.021)


def _grown(returns: Floats, start: float) -> Floats:
    return start * np.concatenate([[1.0], np.cumprod(1.0 + returns)])


def series() -> tuple[Result, Bars]:
    """A backtest with ten trades, and the bars of its benchmark."""
    ts = (MONDAY + DAY * _DAYS).astype(np.int64)
    equity, held = _grown(OURS_RETURNS, 1e5), _grown(THEIRS_RETURNS, 50.0)
    line = msgspec.structs.replace(curve(equity.tolist()), ts=ts)
    trades = [trade(pnl, exit_time=MONDAY + k * DAY) for k, pnl in enumerate(PNLS)]
    made = result(curve=line, final_equity=Decimal(repr(float(equity[-1]))), trades=trades)
    return made, Bars("INDEX", ts, *[held] * 5)


def judged(risk_free: float = 0.0) -> Metrics:
    made, bars = series()
    return compute(made, risk_free=risk_free, bars={"INDEX": bars}, benchmark="INDEX")


def published() -> dict[str, float]:
    """The figures of both packages, by package and function; only where they are installed."""
    with warnings.catch_warnings():  # theirs are not ours to mend
        warnings.simplefilter("ignore")
        import empyrical
        import pandas as pd
        import quantstats_lumi.stats as qs

        at = pd.to_datetime(series()[0].curve.ts)
        r, b = pd.Series(OURS_RETURNS, index=at[1:]), pd.Series(THEIRS_RETURNS, index=at[1:])
        found = {**_empyrical(empyrical, r, b), **_quantstats(qs, pd, r, b, at)}
    return {name: float(value) for name, value in found.items()}


def _empyrical(ep: Any, r: Any, b: Any) -> dict[str, Any]:
    rate = RISK_FREE / PER_YEAR
    return {
        "empyrical cum_returns_final": ep.cum_returns_final(r),
        "empyrical annual_volatility": ep.annual_volatility(r),
        "empyrical sharpe_ratio": ep.sharpe_ratio(r),
        "empyrical sharpe_ratio, 3 %": ep.sharpe_ratio(r, risk_free=rate),
        "empyrical sortino_ratio": ep.sortino_ratio(r),
        "empyrical sortino_ratio, 3 %": ep.sortino_ratio(r, required_return=rate),
        "empyrical max_drawdown": ep.max_drawdown(r),
        "empyrical beta": ep.beta(r, b),
        "empyrical beta, 3 %": ep.beta(r, b, risk_free=rate),
        "empyrical alpha, 3 %": ep.alpha(r, b, risk_free=rate),
        "empyrical excess_sharpe": ep.excess_sharpe(r, b),
        "empyrical aggregate_returns, best month": ep.aggregate_returns(r, "monthly").max(),
        "empyrical aggregate_returns, last year": ep.aggregate_returns(r, "yearly").iloc[-1],
        "empyrical roll_sharpe_ratio, last": ep.roll_sharpe_ratio(r, 126).iloc[-1],
        "empyrical annual_return": ep.annual_return(r),
        "empyrical calmar_ratio": ep.calmar_ratio(r),
    }


def _quantstats(qs: Any, pd: Any, r: Any, b: Any, at: Any) -> dict[str, Any]:
    # The first point as a day of no return: its CAGR counts days from the first return it is given.
    whole = pd.Series(np.append(0.0, OURS_RETURNS), index=at)
    falls = qs.drawdown_details(qs.to_drawdown_series(whole))
    greeks = qs.greeks(r, b, periods=PER_YEAR)
    # Anything that reaches 1 is taken for prices there; the ratios do not depend on the scale.
    pnl = pd.Series([float(one) / 1e6 for one in PNLS], index=at[: len(PNLS)])
    return {
        "quantstats volatility": qs.volatility(r, periods=PER_YEAR),
        "quantstats sharpe": qs.sharpe(r, periods=PER_YEAR),
        "quantstats sharpe, 3 %": qs.sharpe(r, rf=RISK_FREE, periods=PER_YEAR),
        "quantstats sortino": qs.sortino(r, periods=PER_YEAR),
        "quantstats cagr": qs.cagr(whole),
        "quantstats calmar": qs.calmar(whole),
        "quantstats max_drawdown": qs.max_drawdown(r),
        "quantstats drawdown_details, mean": falls["max drawdown"].mean() / 100,
        "quantstats drawdown_details, days": falls["days"].max(),
        "quantstats best": qs.best(r),
        "quantstats worst": qs.worst(r),
        "quantstats monthly_returns, last year": qs.monthly_returns(r)["EOY"].iloc[-1],
        "quantstats rolling_sharpe, last": qs.rolling_sharpe(r, periods_per_year=PER_YEAR).iloc[-1],
        "quantstats greeks, beta": greeks.beta,
        "quantstats greeks, alpha": greeks.alpha,
        "quantstats r_squared": qs.r_squared(r, b),
        "quantstats information_ratio": qs.information_ratio(r, b),
        "quantstats profit_factor": qs.profit_factor(pnl),
        "quantstats payoff_ratio": qs.payoff_ratio(pnl),
        "quantstats kelly_criterion": qs.kelly_criterion(pnl),
        "quantstats win_rate": qs.win_rate(pnl),
        "quantstats consecutive_wins": qs.consecutive_wins(pnl),
        "quantstats consecutive_losses": qs.consecutive_losses(pnl),
        "quantstats exposure": qs.exposure(pnl),
    }


def _days_of_the_longest(m: Metrics) -> float:
    return m.longest_drawdown_ns / DAY


Ours = Callable[[Metrics], float | None]
SAME: Final[dict[str, Ours]] = {
    "empyrical cum_returns_final": lambda m: m.total_return,
    "empyrical annual_volatility": lambda m: m.volatility,
    "empyrical sharpe_ratio": lambda m: m.sharpe,
    "empyrical sortino_ratio": lambda m: m.sortino,
    "empyrical max_drawdown": lambda m: m.max_drawdown,
    "empyrical beta": lambda m: m.beta,
    "empyrical aggregate_returns, best month": lambda m: m.best_month,
    "empyrical aggregate_returns, last year": lambda m: m.calendar_years[-1].value,
    "quantstats volatility": lambda m: m.volatility,
    "quantstats sharpe": lambda m: m.sharpe,
    "quantstats sortino": lambda m: m.sortino,
    "quantstats cagr": lambda m: m.cagr,
    "quantstats calmar": lambda m: m.calmar,
    "quantstats max_drawdown": lambda m: m.max_drawdown,
    "quantstats drawdown_details, mean": lambda m: m.average_drawdown,
    "quantstats best": lambda m: m.best_day,
    "quantstats worst": lambda m: m.worst_day,
    "quantstats monthly_returns, last year": lambda m: m.calendar_years[-1].value,
    "quantstats greeks, beta": lambda m: m.beta,
    "quantstats greeks, alpha": lambda m: m.alpha,
    "quantstats profit_factor": lambda m: m.profit_factor,
    "quantstats payoff_ratio": lambda m: m.payoff_ratio,
    "quantstats kelly_criterion": lambda m: m.kelly,
    "quantstats consecutive_wins": lambda m: m.longest_win_streak,
    "quantstats consecutive_losses": lambda m: m.longest_loss_streak,
}
"""Where the definitions agree, with a risk-free rate of nothing."""
SAME_ABOVE_A_RATE: Final[dict[str, Ours]] = {
    "empyrical sharpe_ratio, 3 %": lambda m: m.sharpe,
    "empyrical sortino_ratio, 3 %": lambda m: m.sortino,
    "empyrical beta, 3 %": lambda m: m.beta,
}
"""Where they agree with a yearly rate of 3 %."""
DIFFERENT: Final[dict[str, tuple[float, Ours, Callable[[float], float]]]] = {
    # Years from the count of returns (252 each), not from the calendar.
    "empyrical annual_return": (0.0, lambda m: m.cagr, lambda x: _by_calendar((1 + x) ** _counted() - 1)),
    "empyrical calmar_ratio": (
        0.0,
        lambda m: m.calmar,
        lambda x: _by_calendar((1 - x * judged().max_drawdown) ** _counted() - 1) / -judged().max_drawdown,
    ),
    # One day's alpha compounded to a year; ours is the straight multiple, as a regression's intercept is.
    "empyrical alpha, 3 %": (
        RISK_FREE,
        lambda m: m.alpha,
        lambda x: ((1 + x) ** (1 / PER_YEAR) - 1) * PER_YEAR,
    ),
    # Not annualised.
    "empyrical excess_sharpe": (0.0, lambda m: m.information_ratio, lambda x: x * math.sqrt(PER_YEAR)),
    "quantstats information_ratio": (0.0, lambda m: m.information_ratio, lambda x: x * math.sqrt(PER_YEAR)),
    # The square.
    "quantstats r_squared": (0.0, lambda m: m.correlation, math.sqrt),
    # A yearly rate compounds to its daily one there, ours is spread evenly.
    "quantstats sharpe, 3 %": (
        RISK_FREE,
        lambda m: m.sharpe,
        lambda x: x + (_compounded_daily() - RISK_FREE / PER_YEAR) / OURS_RETURNS.std(ddof=1) * PER_YEAR**0.5,
    ),
    # From the first day below the peak to the last, both counted; ours from the peak to the recovery,
    # which here are a Friday and a Monday: a weekend longer at both ends.
    "quantstats drawdown_details, days": (0.0, _days_of_the_longest, lambda x: x - 1 + 3 + 3),
    # Trades of exactly nothing are left out of the count there.
    "quantstats win_rate": (0.0, lambda m: m.win_rate, lambda x: x * 9 / 10),
}
"""Where they differ: the rate, our figure, and how theirs turns into ours."""
ELSEWHERE: Final = {
    # Part of the days with a return, rounded up to a hundredth; ours is the value held over equity.
    "quantstats exposure",
    # Compared with the whole column in the test of the rolling ratio.
    "empyrical roll_sharpe_ratio, last",
    "quantstats rolling_sharpe, last",
}


RECORDED: Final = {
    "empyrical cum_returns_final": 0.2878125123561166,
    "empyrical annual_volatility": 0.08087484818373264,
    "empyrical sharpe_ratio": 1.2740316446600815,
    "empyrical sharpe_ratio, 3 %": 0.9030881353523984,
    "empyrical sortino_ratio": 1.928232921333662,
    "empyrical sortino_ratio, 3 %": 1.3393045558538983,
    "empyrical max_drawdown": -0.17121457332913725,
    "empyrical beta": 0.4022889795265223,
    "empyrical beta, 3 %": 0.4022889795265223,
    "empyrical alpha, 3 %": 0.046242650099726834,
    "empyrical excess_sharpe": 0.002663363201914759,
    "empyrical aggregate_returns, best month": 0.08574343372397397,
    "empyrical aggregate_returns, last year": -0.014125246164853111,
    "empyrical roll_sharpe_ratio, last": -0.7696589338453218,
    "empyrical annual_return": 0.10489795060462015,
    "empyrical calmar_ratio": 0.6126695208530397,
    "quantstats volatility": 0.08087484818373264,
    "quantstats sharpe": 1.2740316446600837,
    "quantstats sharpe, 3 %": 0.9085220140376544,
    "quantstats sortino": 1.9282329213336658,
    "quantstats cagr": 0.1089994457775385,
    "quantstats calmar": 0.6366248132862002,
    "quantstats max_drawdown": -0.17121457332913737,
    "quantstats drawdown_details, mean": -0.008790314722905783,
    "quantstats drawdown_details, days": 327.0,
    "quantstats best": 0.010868791786176762,
    "quantstats worst": -0.010953290490766371,
    "quantstats monthly_returns, last year": -0.014125246164853111,
    "quantstats rolling_sharpe, last": -0.769658933845324,
    "quantstats greeks, beta": 0.4022889795265221,
    "quantstats greeks, alpha": 0.06314070326393381,
    "quantstats r_squared": 0.22916311489521082,
    "quantstats information_ratio": 0.0026633632019147494,
    "quantstats profit_factor": 2.399165507649513,
    "quantstats payoff_ratio": 1.9193324061196104,
    "quantstats kelly_criterion": 0.3239935587761674,
    "quantstats win_rate": 0.5555555555555556,
    "quantstats consecutive_wins": 2.0,
    "quantstats consecutive_losses": 2.0,
    "quantstats exposure": 0.9,
}
"""`published()` by empyrical-reloaded 0.7.1 and quantstats-lumi 1.1.5."""


def _counted() -> float:
    return len(OURS_RETURNS) / PER_YEAR


def _by_calendar(total: float) -> float:
    made, _ = series()
    return float((1 + total) ** (1 / ((made.curve.ts[-1] - made.curve.ts[0]) / DAY / 365.25)) - 1)


def _compounded_daily() -> float:
    return float((1 + RISK_FREE) ** (1 / PER_YEAR) - 1)
