"""Every figure a second time: from `docs/reference/metrics.md`, in fractions and calendar dates, one loop each.

Shares no line with the package. Excursions, which need bars, have a slow count of their own.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import groupby, pairwise
from statistics import median
from typing import Any, Final

from tradewrit.research.results import Result, RoundTrip

SECOND: Final = 10**9
DAY: Final = 86_400 * SECOND
YEAR: Final = Fraction(36_525, 100)
# Floats of a curve that does not move differ by their rounding: that is no risk.
ROUNDING: Final = 1e-14
Line = list[Fraction]
AGAINST: Final = (
    *("benchmark_return", "benchmark_cagr", "benchmark_volatility", "benchmark_sharpe"),
    *("benchmark_max_drawdown", "alpha", "beta", "correlation", "tracking_error", "information_ratio"),
)


def figures(result: Result, rate: float, held: Sequence[float] | None) -> dict[str, Any]:
    """All figures of `Metrics` but the excursions. held: the benchmark's equity at the times of the curve."""
    at = [int(one) for one in result.curve.ts]
    equity = [Fraction(float(one)) for one in result.curve.equity]
    cash, final = Fraction(result.initial_cash), Fraction(result.final_equity)
    growth = final / cash - 1
    years = Fraction(at[-1] - at[0], DAY) / YEAR
    falls = fallen(cash, at, equity)
    rows = sampled(at)
    per_year = samples_per_year(at, [at[row] for row in rows])
    own = risk(equity, rows, per_year, Fraction(rate))
    cagr = yearly(growth, years)
    months, calendar_years = by_calendar(cash, at, equity, 7), by_calendar(cash, at, equity, 4)
    values = [value for _, value in months if value is not None]
    deepest = min(falls, key=lambda one: one["depth"], default=None)
    return {
        "years": float(years),
        "samples": len(rows),
        "periods_per_year": number(per_year),
        "risk_free": rate,
        "total_return": float(growth),
        "cagr": cagr,
        "calmar": None if cagr is None or deepest is None else cagr / -float(deepest["depth"]),
        **own,
        "best_month": number(max(values, default=None)),
        "worst_month": number(min(values, default=None)),
        **drawdown_figures(falls, deepest),
        **activity(result, equity, years),
        **against(result, at, equity, held, rows, per_year, Fraction(rate)),
        **of_trades(result.trades),
        "fees": result.fees,
        "by_symbol": grouped(result.trades, [one.symbol for one in result.trades]),
        "by_exit_reason": grouped(result.trades, [one.exit_reason for one in result.trades]),
        "by_month": grouped(result.trades, [str(moment(one.exit_time))[:7] for one in result.trades]),
        "months": [(int(name[:4]), int(name[5:]), number(value)) for name, value in months],
        "calendar_years": [(int(name), 0, number(value)) for name, value in calendar_years],
    }


def number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def root(value: Fraction) -> float:
    return math.sqrt(value.numerator / value.denominator)


def over(gain: float, spread: float) -> float | None:
    return gain / spread if spread > ROUNDING else None


def mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def variance(values: Sequence[Fraction]) -> Fraction:
    middle = mean(values)
    return sum(((value - middle) ** 2 for value in values), Fraction(0)) / (len(values) - 1)


def moment(ns: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=ns // SECOND)


# Sampling


def sampled(at: Sequence[int]) -> list[int]:
    """The first point, then the last of each trading day."""
    last_of_day = {trading_day(moment(ns).date(), rests(at)): row for row, ns in enumerate(at)}
    return sorted({0, *last_of_day.values()})


def rests(at: Sequence[int]) -> bool:
    """Whether the market rests at weekends: no point on a Saturday, or none on a Sunday."""
    return not {5, 6} <= {moment(ns).weekday() for ns in at}


def trading_day(day: date, rests_at_weekends: bool) -> date:
    moves = {5: -1, 6: 1} if rests_at_weekends else {}
    return day + timedelta(days=moves.get(day.weekday(), 0))


def samples_per_year(at: Sequence[int], samples: Sequence[int]) -> Fraction | None:
    if len(samples) < 2:
        return None
    step = Fraction(median(Fraction(b - a) for a, b in pairwise(samples))) / DAY
    if step > Fraction(3, 2):
        return YEAR / step
    return Fraction(252) if rests(at) else Fraction(365)


def yearly(growth: Fraction | None, years: Fraction) -> float | None:
    if growth is None or growth <= -1 or years * YEAR < 1:
        return None
    exponent = math.log(float(1 + growth)) / float(years)
    return math.exp(exponent) - 1 if exponent < 700 else None


def returns(equity: Line, rows: Sequence[int]) -> Line:
    return [equity[b] / equity[a] - 1 for a, b in pairwise(rows)]


def risk(equity: Line, rows: Sequence[int], per_year: Fraction | None, rate: Fraction) -> dict[str, Any]:
    names = ("volatility", "sharpe", "sortino", "best_day", "worst_day")
    if per_year is None or any(equity[row] <= 0 for row in rows):
        return dict.fromkeys(names)
    earned = returns(equity, rows)
    above = [one - rate / per_year for one in earned]
    downside = root(mean([min(one, Fraction(0)) ** 2 for one in above]) * per_year)
    gain = float(mean(above) * per_year)
    found: dict[str, Any] = dict.fromkeys(names)
    found["best_day"], found["worst_day"] = float(max(earned)), float(min(earned))
    found["sortino"] = over(gain, downside)
    if len(above) > 1:
        found["volatility"] = root(variance(above) * per_year)
        found["sharpe"] = over(gain, found["volatility"])
    return found


# Drawdowns and the use of capital


def fallen(cash: Fraction, at: Sequence[int], equity: Line) -> list[dict[str, Any]]:
    """Every drawdown, oldest first."""
    found: list[dict[str, Any]] = []
    current: dict[str, Any] | None = None
    peak, peak_at = cash, at[0]
    for ns, value in zip(at, equity, strict=True):
        if value >= peak:
            if current is not None:
                current |= {"recovered_at": ns, "length_ns": ns - current["peak_at"]}
                found.append(current)
                current = None
            peak, peak_at = value, ns
            continue
        depth = value / peak - 1
        current = current or {"peak_at": peak_at, "depth": Fraction(1), "recovered_at": None}
        if depth < current["depth"]:
            current |= {"depth": depth, "trough_at": ns}
    if current is not None:
        found.append(current | {"length_ns": at[-1] - current["peak_at"]})
    return found


def drawdown_figures(falls: list[dict[str, Any]], deepest: dict[str, Any] | None) -> dict[str, Any]:
    listed = sorted(falls, key=lambda one: one["depth"])[:5]
    one = deepest or {}
    return {
        "max_drawdown": float(one.get("depth", 0)),
        "max_drawdown_peak_at": one.get("peak_at"),
        "max_drawdown_trough_at": one.get("trough_at"),
        "max_drawdown_recovered_at": one.get("recovered_at"),
        "max_drawdown_ns": one.get("length_ns", 0),
        "longest_drawdown_ns": max((fall["length_ns"] for fall in falls), default=0),
        "average_drawdown": float(mean([fall["depth"] for fall in falls])) if falls else None,
        "average_drawdown_ns": sum(fall["length_ns"] for fall in falls) // len(falls) if falls else None,
        "drawdowns": [fall | {"depth": float(fall["depth"])} for fall in listed],
    }


def activity(result: Result, equity: Line, years: Fraction) -> dict[str, Any]:
    exposure = [abs(Fraction(float(one))) for one in result.curve.exposure]
    traded = sum(
        (Fraction(t.quantity * t.multiplier) * Fraction(t.entry_price + t.exit_price) for t in result.trades),
        Fraction(0),
    )
    middle = mean(equity)
    turnover = traded / middle if middle > 0 else None
    return {
        "exposure": float(mean(exposure)),
        "time_in_market": sum(one > 0 for one in exposure) / len(exposure),
        "turnover": number(turnover),
        "turnover_per_year": None if turnover is None or not years else float(turnover / years),
    }


def by_calendar(cash: Fraction, at: Sequence[int], equity: Line, digits: int) -> list[tuple[str, Any]]:
    """Return of each month (7 digits of the date) or year (4), on the last equity before it."""
    last = {str(moment(ns))[:digits]: value for ns, value in zip(at, equity, strict=True)}
    before = [cash, *list(last.values())[:-1]]
    return [
        (name, after / start - 1 if start > 0 else None)
        for (name, after), start in zip(last.items(), before, strict=True)
    ]


# The benchmark


def against(
    result: Result,
    at: Sequence[int],
    equity: Line,
    held: Sequence[float] | None,
    rows: Sequence[int],
    per_year: Fraction | None,
    rate: Fraction,
) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(AGAINST)
    if held is None:
        return found
    line, cash = [Fraction(one) for one in held], Fraction(result.initial_cash)
    growth = line[-1] / cash - 1
    falls = fallen(cash, at, line)
    alone = risk(line, rows, per_year, rate)
    found |= {
        "benchmark_return": float(growth),
        "benchmark_cagr": yearly(growth, Fraction(at[-1] - at[0], DAY) / YEAR),
        "benchmark_volatility": alone["volatility"],
        "benchmark_sharpe": alone["sharpe"],
        "benchmark_max_drawdown": float(min((fall["depth"] for fall in falls), default=Fraction(0))),
    }
    if per_year is None or len(rows) < 3 or any(equity[row] <= 0 for row in rows):
        return found
    ours, theirs = returns(equity, rows), returns(line, rows)
    ahead = [a - b for a, b in zip(ours, theirs, strict=True)]
    tracking = root(variance(ahead) * per_year)
    found |= {
        "tracking_error": tracking,
        "information_ratio": over(float(mean(ahead) * per_year), tracking),
    }
    if root(variance(theirs)) > ROUNDING:
        beta = covariance(ours, theirs) / variance(theirs)
        alpha = mean(ours) - rate / per_year - beta * (mean(theirs) - rate / per_year)
        found |= {"beta": float(beta), "alpha": float(alpha * per_year)}
        if root(variance(ours)) > ROUNDING:
            found["correlation"] = float(covariance(ours, theirs)) / root(variance(ours) * variance(theirs))
    return found


def covariance(a: Line, b: Line) -> Fraction:
    middle_a, middle_b = mean(a), mean(b)
    products = ((x - middle_a) * (y - middle_b) for x, y in zip(a, b, strict=True))
    return sum(products, Fraction(0)) / (len(a) - 1)


# Trades


def of_trades(trades: Sequence[RoundTrip]) -> dict[str, Any]:
    pnls = [Fraction(one.pnl) for one in trades]
    won, lost = [pnl for pnl in pnls if pnl > 0], [pnl for pnl in pnls if pnl < 0]
    held = [one.exit_time - one.entry_time for one in trades]
    in_order = [Fraction(one.pnl) for one in sorted(trades, key=lambda one: one.exit_time)]
    payoff = mean(won) / -mean(lost) if won and lost else None
    chance = Fraction(len(won), len(won) + len(lost)) if won or lost else None
    return {
        "trades": len(pnls),
        "wins": len(won),
        "losses": len(lost),
        "win_rate": len(won) / len(pnls) if pnls else None,
        "profit_factor": float(sum(won) / -sum(lost)) if lost else None,
        "payoff_ratio": number(payoff),
        "expectancy": float(mean(pnls)) if pnls else None,
        "sqn": quality(pnls),
        "kelly": None if payoff is None or chance is None else float(chance - (1 - chance) / payoff),
        "net_profit": sum(pnls),
        "gross_profit": sum(won),
        "gross_loss": sum(lost),
        "average_win": float(mean(won)) if won else None,
        "average_loss": float(mean(lost)) if lost else None,
        "best_trade": max(pnls, default=None),
        "worst_trade": min(pnls, default=None),
        "longest_win_streak": streak(pnl > 0 for pnl in in_order),
        "longest_loss_streak": streak(pnl < 0 for pnl in in_order),
        "average_holding_ns": sum(held) // len(held) if held else None,
    }


def quality(pnls: Line) -> float | None:
    if len(pnls) < 2 or not variance(pnls):
        return None
    return math.sqrt(len(pnls)) * float(mean(pnls)) / root(variance(pnls))


def streak(hits: Iterable[bool]) -> int:
    return max((len(list(run)) for is_hit, run in groupby(hits) if is_hit), default=0)


def grouped(trades: Sequence[RoundTrip], names: Sequence[str]) -> list[dict[str, Any]]:
    found = []
    for name in sorted(set(names)):
        those = [one for one, its in zip(trades, names, strict=True) if its == name]
        shared = ("trades", "wins", "win_rate", "profit_factor", "net_profit", "expectancy")
        judged = of_trades(those)
        found.append(
            {key: judged[key] for key in (*shared, "best_trade", "worst_trade")}
            | {"name": name, "fees": sum(Fraction(one.fees) for one in those)}
        )
    return found
