"""Falls of equity below its highest value so far: how deep, how long, how often."""

from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.features.bars import Floats, Times
from tradewrit.research.metrics.figures import Drawdown
from tradewrit.research.results import EquityCurve

LISTED: Final = 5
"""So many of the deepest drawdowns are listed one by one."""
# A drawdown below this part of the peak is rounding: a ten-thousandth of a cent on a million.
_UNDER_WATER = -1e-12

Rows = NDArray[np.intp]


class Falls(msgspec.Struct, frozen=True, eq=False):
    """Every drawdown of a curve, oldest first; four columns of one length.

    peaks, ends: row of the peak, and row of the recovery or the last row; depths: fractions below 0.
    recovered: whether equity came back.
    """

    peaks: Rows
    ends: Rows
    depths: Floats
    recovered: NDArray[np.bool_]


def underwater(start: float, equity: Floats) -> Floats:
    """Fraction below the highest equity so far, counting `start`; 0 at a peak, never above."""
    if start <= 0:
        return np.zeros_like(equity)
    peak = np.maximum.accumulate(np.maximum(equity, start))
    return np.minimum(equity / peak - 1.0, 0.0)


def drawdown_figures(start: float, curve: EquityCurve) -> dict[str, Any]:
    """Deepest, longest and average drawdown, and the deepest few as a table."""
    if not len(curve):
        return _figures((), (), np.empty(0), np.empty(0, dtype=np.int64))
    ts = np.append(curve.ts[0], curve.ts)
    below = underwater(start, np.append(start, curve.equity))
    falls = find_falls(below)
    lengths = ts[falls.ends] - ts[falls.peaks]
    order = np.argsort(falls.depths, kind="stable")[:LISTED]
    listed = tuple(_drawdown(falls, int(k), below, ts) for k in order)
    return _figures(listed[:1], listed, falls.depths, lengths)


def find_falls(below: Floats) -> Falls:
    """The drawdowns in a column of `underwater`, whose first value must be 0."""
    turns = np.diff((below < _UNDER_WATER).astype(np.int8))
    peaks, returns = np.flatnonzero(turns == 1), np.flatnonzero(turns == -1) + 1
    if not len(peaks):
        return Falls(peaks, peaks, np.empty(0), np.empty(0, dtype=np.bool_))
    depths = np.minimum.reduceat(below, peaks)
    is_open = len(returns) < len(peaks)
    ends = np.append(returns, len(below) - 1) if is_open else returns
    recovered = np.ones(len(peaks), dtype=np.bool_)
    recovered[-1] = not is_open
    return Falls(peaks, ends, depths, recovered)


def _drawdown(falls: Falls, k: int, below: Floats, ts: Times) -> Drawdown:
    peak, end = int(falls.peaks[k]), int(falls.ends[k])
    return Drawdown(
        depth=float(falls.depths[k]),
        peak_at=int(ts[peak]),
        trough_at=int(ts[peak + int(below[peak : end + 1].argmin())]),
        recovered_at=int(ts[end]) if falls.recovered[k] else None,
        length_ns=int(ts[end] - ts[peak]),
    )


def _figures(
    deepest: tuple[Drawdown, ...], listed: tuple[Drawdown, ...], depths: Floats, lengths: Times
) -> dict[str, Any]:
    worst = deepest[0] if deepest else None
    return {
        "max_drawdown": worst.depth if worst else 0.0,
        "max_drawdown_peak_at": worst.peak_at if worst else None,
        "max_drawdown_trough_at": worst.trough_at if worst else None,
        "max_drawdown_recovered_at": worst.recovered_at if worst else None,
        "max_drawdown_ns": worst.length_ns if worst else 0,
        "longest_drawdown_ns": int(lengths.max()) if worst else 0,
        "average_drawdown": float(depths.mean()) if worst else None,
        "average_drawdown_ns": int(lengths.mean()) if worst else None,
        "drawdowns": listed,
    }
