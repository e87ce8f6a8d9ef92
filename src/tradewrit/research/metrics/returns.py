"""Growth of an equity curve and what it cost in swings: CAGR, volatility, Sharpe, Sortino, months."""

import math
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.money import EXACT
from tradewrit.features.bars import Floats
from tradewrit.research.metrics.figures import PeriodReturn
from tradewrit.research.metrics.sampling import YEAR_DAYS, daily_samples, periods_per_year
from tradewrit.research.results import EquityCurve

NOISE: Final = 1e-14
"""Returns of a curve that grows evenly differ by float rounding only; that spread is no risk."""
# math.expm1 overflows a little above.
_LARGEST_LOG_RATE = 700.0
_UNDEFINED: Final = ("volatility", "sharpe", "sortino", "best_day", "worst_day")


def gain(before: Decimal, after: Decimal) -> float | None:
    """Divided as decimals: one taken off a float quotient would cost a small return its digits."""
    return float(EXACT.divide(after - before, before)) if before > 0 else None


def yearly_rate(growth: float | None, years: float) -> float | None:
    """CAGR. None below one day: a rate per year says nothing then, and may not even be finite."""
    if growth is None or growth <= -1 or years * YEAR_DAYS < 1:
        return None
    rate = math.log1p(growth) / years
    return math.expm1(rate) if rate < _LARGEST_LOG_RATE else None


def returns_of(equity: Floats) -> Floats:
    """Return from each point to the next, one fewer than points; equity must be above zero."""
    found: Floats = equity[1:] / equity[:-1] - 1.0
    return found


def ratios(curve: EquityCurve, risk_free: float) -> dict[str, Any]:
    """Volatility, Sharpe and Sortino from daily samples, and what they are counted in."""
    at, equity = daily_samples(curve)
    per_year = periods_per_year(curve.ts, at)
    found = {"samples": len(at), "periods_per_year": per_year, **dict.fromkeys(_UNDEFINED)}
    if per_year is None or bool((equity <= 0).any()):
        return found
    returns = returns_of(equity)
    excess = returns - risk_free / per_year
    yearly = float(excess.mean()) * per_year
    downside = math.sqrt(float(np.square(np.minimum(excess, 0.0)).mean()) * per_year)
    found |= {
        "sortino": over(yearly, downside),
        "best_day": float(returns.max()),
        "worst_day": float(returns.min()),
    }
    if len(excess) > 1:
        spread = float(excess.std(ddof=1)) * math.sqrt(per_year)
        found |= {"volatility": spread, "sharpe": over(yearly, spread)}
    return found


def over(amount: float, risk: float) -> float | None:
    """A ratio to risk; None where the risk is nothing but rounding."""
    return amount / risk if risk > NOISE else None


def calendar_returns(start: float, curve: EquityCurve, unit: str) -> tuple[PeriodReturn, ...]:
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
