"""The Sharpe ratio as it went along: over a window that moves through the daily samples."""

import math
from typing import Final

import msgspec
import numpy as np

from tradewrit.features.bars import Floats, Times
from tradewrit.research.metrics.returns import NOISE, returns_of
from tradewrit.research.metrics.sampling import daily_rows, periods_per_year

FEWEST: Final = 20
"""Returns below which a window says nothing."""


class RollingSharpe(msgspec.Struct, frozen=True, eq=False):
    """ts: the last sample of each window. value: NaN where the window does not move.

    window: returns in one window.
    """

    ts: Times
    value: Floats
    window: int


def rolling_sharpe(ts: Times, equity: Floats, risk_free: float = 0.0) -> RollingSharpe | None:
    """Sharpe over half a year of daily samples, or over a quarter of the test where that is shorter.

    ts, equity: every point of the curve. None where not even `FEWEST` returns make a window, or
    where the equity was lost.
    """
    rows = daily_rows(ts)
    at, sampled = ts[rows], equity[rows]
    per_year = periods_per_year(ts, at)
    if per_year is None or bool((sampled <= 0).any()):
        return None
    window = min(round(per_year / 2), (len(rows) - 1) // 4)
    if window < FEWEST:
        return None
    excess = returns_of(sampled) - risk_free / per_year
    seen = np.lib.stride_tricks.sliding_window_view(excess, window)
    spread = seen.std(axis=1, ddof=1)
    flat = spread * math.sqrt(per_year) <= NOISE
    value = np.where(flat, np.nan, seen.mean(axis=1) / np.where(flat, 1.0, spread) * math.sqrt(per_year))
    return RollingSharpe(at[window:], value, window)
