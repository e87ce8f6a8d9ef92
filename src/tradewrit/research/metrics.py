"""How good a backtest was: every figure with its formula, source and unit in `docs/reference/metrics.md`.

Ratios and returns are fractions (0.05 is five in a hundred) under their usual names, because
`sharpe`, `win_rate` and `max_drawdown` are what readers and scripts look for. A figure that the
data do not define (no trade, no loss, one bar, a curve that never moves) is None, never NaN.
Knows no engine and no picture.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import reduce
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.market import DAY
from tradewrit.domain.money import EXACT, ZERO, canonical
from tradewrit.features.bars import Floats, Times
from tradewrit.research.results import EquityCurve, Result, RoundTrip

YEAR_DAYS: Final = 365.25
"""Day count of CAGR and of coarse curves: actual days over 365.25."""
TRADING_DAYS: Final = 252.0
"""Samples per year of a market that rests at weekends."""
CALENDAR_DAYS: Final = 365.0
"""Samples per year of a market that trades on Saturdays and Sundays."""
# Returns of a curve that grows evenly differ by float rounding only; that spread is no risk.
_NOISE = 1e-14
# A drawdown below this part of the peak is rounding: a ten-thousandth of a cent on a million.
_UNDER_WATER = -1e-12
# A median step above this is a curve coarser than daily bars.
_COARSE_DAYS = 1.5
# math.expm1 overflows a little above.
_LARGEST_LOG_RATE = 700.0


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The closed trades that share a symbol or an exit reason. Money in the account's currency."""

    name: str
    trades: int
    wins: int
    win_rate: float
    profit_factor: float | None
    net_profit: Decimal
    fees: Decimal
    expectancy: float
    best_trade: Decimal
    worst_trade: Decimal


class PeriodReturn(msgspec.Struct, frozen=True):
    """Return over one calendar month (UTC), or over a whole year where `month` is 0; a fraction."""

    year: int
    month: int
    value: float | None


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one backtest; formulas and sources in `docs/reference/metrics.md`.

    Fractions: total_return, cagr, volatility (per year), max_drawdown and average_drawdown (never
    above 0), exposure, time_in_market, win_rate. Multiples: turnover, turnover_per_year (of mean
    equity), profit_factor, payoff_ratio. Per year, without unit: sharpe, sortino, calmar.
    Money in the account's currency: exact sums as Decimal, means as float. `_ns` are durations,
    `_at` UTC nanoseconds.
    """

    years: float
    samples: int
    periods_per_year: float | None
    risk_free: float
    total_return: float | None
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    max_drawdown_peak_at: int | None
    max_drawdown_trough_at: int | None
    longest_drawdown_ns: int
    average_drawdown: float | None
    exposure: float | None
    time_in_market: float | None
    turnover: float | None
    turnover_per_year: float | None
    trades: int
    wins: int
    losses: int
    win_rate: float | None
    profit_factor: float | None
    payoff_ratio: float | None
    expectancy: float | None
    sqn: float | None
    net_profit: Decimal
    gross_profit: Decimal
    gross_loss: Decimal
    fees: Decimal
    average_win: float | None
    average_loss: float | None
    best_trade: Decimal | None
    worst_trade: Decimal | None
    longest_win_streak: int
    longest_loss_streak: int
    average_holding_ns: int | None
    by_symbol: tuple[Group, ...]
    by_exit_reason: tuple[Group, ...]
    months: tuple[PeriodReturn, ...]
    calendar_years: tuple[PeriodReturn, ...]


def compute(result: Result, *, risk_free: float = 0.0) -> Metrics:
    """Every figure of `result`.

    risk_free: yearly rate as a fraction, taken off returns by Sharpe and as the target by Sortino.
    """
    curve = result.curve
    start = float(result.initial_cash)
    years = float(curve.ts[-1] - curve.ts[0]) / (YEAR_DAYS * DAY) if len(curve) else 0.0
    gain = _gain(result.initial_cash, result.final_equity)
    cagr = _cagr(gain, years)
    fell = _drawdowns(start, curve)
    return Metrics(
        years=years,
        risk_free=risk_free,
        total_return=gain,
        cagr=cagr,
        calmar=None if cagr is None or not fell["max_drawdown"] else cagr / -fell["max_drawdown"],
        **_ratios(curve, risk_free),
        **fell,
        **_activity(result, years),
        **_trade_figures(result.trades),
        fees=canonical(result.fees),
        by_symbol=_groups(result.trades, lambda trade: trade.symbol),
        by_exit_reason=_groups(result.trades, lambda trade: trade.exit_reason),
        months=_calendar_returns(start, curve, "M"),
        calendar_years=_calendar_returns(start, curve, "Y"),
    )


def daily_samples(curve: EquityCurve) -> tuple[Times, Floats]:
    """The curve's first point, then its last point of each day: what volatility and ratios read.

    Intraday returns are autocorrelated and full of nights; daily ones are what published figures
    use. Days are UTC; where the market rests at weekends, Saturday counts to Friday (late session)
    and Sunday to Monday (early session). Curves coarser than a day keep their own points.
    """
    if len(curve) < 2:
        return curve.ts, curve.equity
    day = _trading_day(curve.ts)
    last_of_day = np.flatnonzero(np.diff(day, append=day[-1] + 1))
    picked = last_of_day if last_of_day[0] == 0 else np.insert(last_of_day, 0, 0)
    return curve.ts[picked], curve.equity[picked]


def underwater(start: float, equity: Floats) -> Floats:
    """Fraction below the highest equity so far, counting `start`; 0 at a peak, never above."""
    if start <= 0:
        return np.zeros_like(equity)
    peak = np.maximum.accumulate(np.maximum(equity, start))
    return np.minimum(equity / peak - 1.0, 0.0)


def _trading_day(ts: Times) -> Times:
    day = ts // DAY
    if _trades_at_weekends(ts):
        return day
    is_saturday, is_sunday = _weekend(day)
    moved: Times = day - is_saturday + is_sunday
    return moved


def _weekend(day: Times) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which days since 1970-01-01, a Thursday, are a Saturday, and which a Sunday."""
    return day % 7 == 2, day % 7 == 3


def _trades_at_weekends(ts: Times) -> bool:
    return all(bool(found.any()) for found in _weekend(ts // DAY))


def _periods_per_year(curve: EquityCurve, sampled_at: Times) -> float | None:
    """Samples per year, from the median step between samples; None with fewer than two."""
    if len(sampled_at) < 2:
        return None
    step = float(np.median(np.diff(sampled_at))) / DAY
    if step > _COARSE_DAYS:
        return YEAR_DAYS / step
    return CALENDAR_DAYS if _trades_at_weekends(curve.ts) else TRADING_DAYS


def _gain(before: Decimal, after: Decimal) -> float | None:
    """Divided as decimals: one taken off a float quotient would cost a small return its digits."""
    return float(EXACT.divide(after - before, before)) if before > 0 else None


def _cagr(gain: float | None, years: float) -> float | None:
    """None below one day: a rate per year says nothing then, and may not even be finite."""
    if gain is None or gain <= -1 or years * YEAR_DAYS < 1:
        return None
    rate = math.log1p(gain) / years
    return math.expm1(rate) if rate < _LARGEST_LOG_RATE else None


def _ratios(curve: EquityCurve, risk_free: float) -> dict[str, Any]:
    at, equity = daily_samples(curve)
    per_year = _periods_per_year(curve, at)
    found = {"samples": len(at), "periods_per_year": per_year}
    undefined = dict.fromkeys(("volatility", "sharpe", "sortino"))
    if per_year is None or bool((equity <= 0).any()):
        return found | undefined
    excess = equity[1:] / equity[:-1] - 1.0 - risk_free / per_year
    yearly = float(excess.mean()) * per_year
    downside = math.sqrt(float(np.square(np.minimum(excess, 0.0)).mean()) * per_year)
    ratios = undefined | {"sortino": _over(yearly, downside)}
    if len(excess) > 1:
        spread = float(excess.std(ddof=1)) * math.sqrt(per_year)
        ratios |= {"volatility": spread, "sharpe": _over(yearly, spread)}
    return found | ratios


def _over(amount: float, risk: float) -> float | None:
    return amount / risk if risk > _NOISE else None


def _drawdowns(start: float, curve: EquityCurve) -> dict[str, Any]:
    if not len(curve):
        equity, ts = np.array([start]), np.array([0], dtype=np.int64)
    else:
        equity, ts = np.append(start, curve.equity), np.append(curve.ts[0], curve.ts)
    below = underwater(start, equity)
    is_under = below < _UNDER_WATER
    turns = np.diff(is_under.astype(np.int8))
    falls, returns = np.flatnonzero(turns == 1), np.flatnonzero(turns == -1) + 1
    if not len(falls):
        return {
            "max_drawdown": 0.0,
            "max_drawdown_peak_at": None,
            "max_drawdown_trough_at": None,
            "longest_drawdown_ns": 0,
            "average_drawdown": None,
        }
    depths = np.minimum.reduceat(below, falls)
    ends = returns if len(returns) == len(falls) else np.append(returns, len(ts) - 1)
    deepest = int(depths.argmin())
    trough = falls[deepest] + int(below[falls[deepest] : ends[deepest] + 1].argmin())
    return {
        "max_drawdown": float(depths[deepest]),
        "max_drawdown_peak_at": int(ts[falls[deepest]]),
        "max_drawdown_trough_at": int(ts[trough]),
        "longest_drawdown_ns": int((ts[ends] - ts[falls]).max()),
        "average_drawdown": float(depths.mean()),
    }


def _activity(result: Result, years: float) -> dict[str, Any]:
    curve = result.curve
    exposure = np.abs(curve.exposure)
    traded = sum((t.quantity * (t.entry_price + t.exit_price) for t in result.trades), ZERO)
    mean_equity = float(curve.equity.mean()) if len(curve) else 0.0
    turnover = float(traded) / mean_equity if mean_equity > 0 else None
    return {
        "exposure": float(exposure.mean()) if len(curve) else None,
        "time_in_market": float((exposure > 0).mean()) if len(curve) else None,
        "turnover": turnover,
        "turnover_per_year": turnover / years if turnover is not None and years > 0 else None,
    }


def _trade_figures(trades: Sequence[RoundTrip]) -> dict[str, Any]:
    pnls = [trade.pnl for trade in trades]
    won, lost = [pnl for pnl in pnls if pnl > 0], [pnl for pnl in pnls if pnl < 0]
    average_win, average_loss = _mean(won), _mean(lost)
    in_order = [trade.pnl for trade in sorted(trades, key=attrgetter("exit_time"))]
    held = [trade.exit_time - trade.entry_time for trade in trades]
    return {
        "trades": len(trades),
        "wins": len(won),
        "losses": len(lost),
        "win_rate": len(won) / len(trades) if trades else None,
        "profit_factor": _profit_factor(pnls),
        "payoff_ratio": average_win / -average_loss if average_win and average_loss else None,
        "expectancy": _mean(pnls),
        "sqn": _sqn(pnls),
        "net_profit": _total(pnls),
        "gross_profit": _total(won),
        "gross_loss": _total(lost),
        "average_win": average_win,
        "average_loss": average_loss,
        "best_trade": canonical(max(pnls)) if pnls else None,
        "worst_trade": canonical(min(pnls)) if pnls else None,
        "longest_win_streak": _longest_run(pnl > 0 for pnl in in_order),
        "longest_loss_streak": _longest_run(pnl < 0 for pnl in in_order),
        "average_holding_ns": sum(held) // len(held) if held else None,
    }


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return canonical(reduce(EXACT.add, amounts, ZERO))


def _mean(amounts: Sequence[Decimal]) -> float | None:
    return float(EXACT.divide(_total(amounts), Decimal(len(amounts)))) if amounts else None


def _profit_factor(pnls: Sequence[Decimal]) -> float | None:
    lost = _total(pnl for pnl in pnls if pnl < 0)
    return float(EXACT.divide(_total(pnl for pnl in pnls if pnl > 0), -lost)) if lost else None


def _sqn(pnls: Sequence[Decimal]) -> float | None:
    if len(pnls) < 2:
        return None
    amounts = np.array(pnls, dtype=np.float64)
    spread = float(amounts.std(ddof=1))
    is_flat = spread <= _NOISE * float(np.abs(amounts).max())
    return None if is_flat else math.sqrt(len(pnls)) * float(amounts.mean()) / spread


def _longest_run(hits: Iterable[bool]) -> int:
    return max((sum(1 for _ in run) for is_hit, run in groupby(hits) if is_hit), default=0)


def _groups(trades: Sequence[RoundTrip], key: Callable[[RoundTrip], str]) -> tuple[Group, ...]:
    """One group per name, names in alphabetical order."""
    return tuple(_group(name, list(those)) for name, those in groupby(sorted(trades, key=key), key))


def _group(name: str, trades: Sequence[RoundTrip]) -> Group:
    pnls = [trade.pnl for trade in trades]
    wins = sum(pnl > 0 for pnl in pnls)
    net = _total(pnls)
    return Group(
        name=name,
        trades=len(trades),
        wins=wins,
        win_rate=wins / len(trades),
        profit_factor=_profit_factor(pnls),
        net_profit=net,
        fees=_total(trade.fees for trade in trades),
        expectancy=float(EXACT.divide(net, Decimal(len(trades)))),
        best_trade=canonical(max(pnls)),
        worst_trade=canonical(min(pnls)),
    )


def _calendar_returns(start: float, curve: EquityCurve, unit: str) -> tuple[PeriodReturn, ...]:
    """Return of each UTC month ("M") or year ("Y") that has a point, on the equity before it."""
    if not len(curve):
        return ()
    period: NDArray[Any] = curve.ts.astype("datetime64[ns]").astype(f"datetime64[{unit}]")
    number = period.astype(np.int64)
    last = np.flatnonzero(np.diff(number, append=number[-1] + 1))
    equity = np.append(start, curve.equity[last])
    months = number[last] * (1 if unit == "M" else 12)
    rows = zip(months.tolist(), equity[:-1].tolist(), equity[1:].tolist(), strict=True)
    return tuple(
        PeriodReturn(
            1970 + month // 12,
            month % 12 + 1 if unit == "M" else 0,
            after / before - 1.0 if before > 0 else None,
        )
        for month, before, after in rows
    )
