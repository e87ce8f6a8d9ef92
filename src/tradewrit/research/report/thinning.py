"""Fewer points, same picture: columns cut down to what a screen can show, extremes kept.

Knows no file and no page.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tradewrit.features.bars import Bars, Floats

Rows = NDArray[np.intp]


def rows_that_show(columns: Sequence[Floats], buckets: int) -> Rows:
    """Row numbers to draw, rising: each column's lowest and highest row per bucket, and both ends.

    columns: equally long. All rows when there are not more than twice as many as `buckets`.
    """
    count = len(columns[0])
    if count <= 2 * buckets:
        return np.arange(count)
    edges = np.linspace(0, count, buckets + 1).astype(np.intp)
    kept = {0, count - 1}
    for column in columns:
        for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            part = column[first:end]
            kept.add(first + int(part.argmin()))
            kept.add(first + int(part.argmax()))
    return np.array(sorted(kept), dtype=np.intp)


def coarser(bars: Bars, limit: int) -> Bars:
    """At most `limit` bars: neighbours merged into one (first open, highest, lowest, last close)."""
    count = len(bars)
    if count <= limit:
        return bars
    starts = np.arange(0, count, -(-count // limit))
    ends = np.append(starts[1:], count) - 1
    return Bars(
        bars.symbol,
        bars.ts[starts],
        bars.open[starts],
        np.maximum.reduceat(bars.high, starts),
        np.minimum.reduceat(bars.low, starts),
        bars.close[ends],
        np.add.reduceat(bars.volume, starts),
    )


def histogram(values: Floats) -> tuple[list[float], list[int]]:
    """Bin edges at round numbers, 0 among them, and counts; (edges, counts), one edge more.

    About twice as many bins as the square root of the number of values, 10 to 40. The outermost
    half per cent on each side falls into the end bins, so that one outlier does not squeeze all
    others into a single bar.
    """
    if not len(values):
        return [], []
    lowest, highest = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    if lowest == highest:
        return [-1.0, 0.0, 1.0], [0, len(values)]
    low, high = np.percentile(values, [0.5, 99.5]).tolist()
    if low >= 0.0 >= high:  # nearly all are zero
        low, high = lowest, highest
    reach = max(high, 0.0) - min(low, 0.0)
    width = _round_up(reach / float(np.clip(2 * np.sqrt(len(values)), 10, 40)))
    first = min(math.floor(low / width), -1 if lowest < 0 else 0)
    last = max(math.floor(high / width) + 1, 1 if highest > 0 else 0)
    bins = np.clip(np.floor(values / width), first, last - 1).astype(np.int64) - first
    edges = [step * width for step in range(first, last + 1)]
    return edges, np.bincount(bins, minlength=last - first).tolist()


def _round_up(width: float) -> float:
    """The next of 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width))
    return next((step * power for step in (1.0, 2.0, 2.5, 5.0) if step * power >= width), 10.0 * power)
