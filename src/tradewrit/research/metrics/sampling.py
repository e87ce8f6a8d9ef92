"""Which points of an equity curve the ratios read, and how many of them make a year."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.market import DAY
from tradewrit.features.bars import Floats, Times
from tradewrit.research.results import EquityCurve

YEAR_DAYS: Final = 365.25
"""Day count of CAGR and of coarse curves: actual days over 365.25."""
TRADING_DAYS: Final = 252.0
"""Samples per year of a market that rests at weekends."""
CALENDAR_DAYS: Final = 365.0
"""Samples per year of a market that trades on Saturdays and Sundays."""
# A median step above this is a curve coarser than daily bars.
_COARSE_DAYS = 1.5


def daily_samples(curve: EquityCurve) -> tuple[Times, Floats]:
    """The curve's first point, then its last point of each day: what volatility and ratios read.

    Intraday returns are autocorrelated and full of nights; daily ones are what published figures
    use. Days are UTC; where the market rests at weekends, Saturday counts to Friday (late session)
    and Sunday to Monday (early session). Curves coarser than a day keep their own points.
    """
    rows = daily_rows(curve.ts)
    return curve.ts[rows], curve.equity[rows]


def daily_rows(ts: Times) -> NDArray[np.intp]:
    """Row numbers of the daily samples (see `daily_samples`) among rising times."""
    if len(ts) < 2:
        return np.arange(len(ts))
    day = _trading_day(ts)
    last_of_day = np.flatnonzero(np.diff(day, append=day[-1] + 1))
    return last_of_day if last_of_day[0] == 0 else np.insert(last_of_day, 0, 0)


def periods_per_year(ts: Times, sampled_at: Times) -> float | None:
    """Samples per year, from the median step between samples; None with fewer than two.

    ts: all times of the curve, which tell whether the market trades at weekends.
    """
    if len(sampled_at) < 2:
        return None
    step = float(np.median(np.diff(sampled_at))) / DAY
    if step > _COARSE_DAYS:
        return YEAR_DAYS / step
    return CALENDAR_DAYS if _trades_at_weekends(ts) else TRADING_DAYS


def years_spanned(ts: Times) -> float:
    """From the first time to the last, in years of 365.25 days; 0 without any."""
    return float(ts[-1] - ts[0]) / (YEAR_DAYS * DAY) if len(ts) else 0.0


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
