"""Stretches in which nothing happens: no volume, or the same bar again and again."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.market import DAY
from tradewrit.market.clean import Series
from tradewrit.market.findings import SHOWN, Finding, Kind, Severity
from tradewrit.market.gaps import bar_length
from tradewrit.market.stamps import iso

_SHORTEST: Final = {"daily": 5, "intraday": 20}  # bars in a row from which a stretch is reported


def find_runs(series: Series) -> Iterator[Finding]:
    """Zero-volume and stale stretches of one symbol."""
    if len(series) < 2:
        return
    shortest = _SHORTEST["daily" if bar_length(series.ts) >= DAY // 2 else "intraday"]
    if series.has_volume:
        yield from _zero_volume(series, shortest)
    yield from _stale(series, shortest)


def _zero_volume(series: Series, shortest: int) -> Iterator[Finding]:
    is_zero = series.volume == 0
    if is_zero.all():
        message = "no bar has any volume: rules that compare volumes will never fire"
        yield _finding(series, Kind.ZERO_VOLUME, Severity.INFO, [(0, len(series))], message)
        return
    runs = _runs(is_zero, shortest)
    if runs:
        message = f"{len(runs)} stretch(es) of {shortest} or more bars without volume"
        yield _finding(series, Kind.ZERO_VOLUME, Severity.INFO, runs, message)


def _stale(series: Series, shortest: int) -> Iterator[Finding]:
    columns = (series.open, series.high, series.low, series.close)
    repeats = np.ones(len(series), dtype=bool)
    repeats[0] = False
    for column in columns:
        repeats[1:] &= column[1:] == column[:-1]
    runs = [(first - 1, after) for first, after in _runs(repeats, shortest - 1)]
    # Without a trade the last price is carried on, as it should be; with trades it should move.
    for traded, severity in ((True, Severity.WARNING), (False, Severity.INFO)):
        found = [run for run in runs if bool(series.volume[run[0] + 1 : run[1]].any()) is traded]
        if found:
            how = "although there is volume" if traded else "and no volume"
            message = f"{len(found)} stretch(es) of {shortest} or more identical bars {how}"
            yield _finding(series, Kind.STALE, severity, found, message)


def _runs(mask: NDArray[np.bool_], shortest: int) -> list[tuple[int, int]]:
    """(first, after last) of every stretch of True that is at least so long."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= shortest]


def _finding(
    series: Series, kind: Kind, severity: Severity, runs: list[tuple[int, int]], message: str
) -> Finding:
    longest = sorted(runs, key=lambda run: run[0] - run[1])[:SHOWN]
    return Finding(
        kind=kind,
        severity=severity,
        symbol=series.symbol,
        count=sum(after - first for first, after in runs),
        message=message,
        first_at=int(series.ts[runs[0][0]]),
        last_at=int(series.ts[runs[-1][1] - 1]),
        examples=tuple(
            f"{iso(int(series.ts[first]))} to {iso(int(series.ts[after - 1]))}: {after - first} bars"
            for first, after in longest
        ),
    )
