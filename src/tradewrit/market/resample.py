"""Longer bars from shorter ones, session by session.

A bar never mixes two sessions, nor the regular hours with those before and after, nor what lies on either
side of a break for lunch: each phase counts its bars from its own start, so hourly bars of New York open at
09:30, 10:30, ..., and the last one of a phase is as long as what is left. Whatever the steps in between,
the result is the same.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.market import DAY
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Times
from tradewrit.market.calendar import Calendar, calendar_for
from tradewrit.market.gaps import fitting_calendar
from tradewrit.market.intervals import interval_text, usual_step
from tradewrit.market.sessions import TradingDay
from tradewrit.market.stamps import iso


class Resampled(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Longer bars, and what was left out of them: bars outside the hours that were asked for."""

    bars: Bars
    calendar: str
    rows_read: int
    left_out: int


class _Phases(msgspec.Struct, frozen=True, eq=False):
    """Stretches of trading, rising: UTC ns from start to before end, and the midnight of their day."""

    starts: Times
    ends: Times
    days: Times


def resample(
    bars: Bars, interval: int, calendar: Calendar | None = None, *, extended: bool = False
) -> Resampled:
    """Bars of `interval` ns, each stamped with its own open; a day's with the venue's midnight.

    calendar: by default the one that the times fit, else 24/7. extended: keep the hours before and
    after the regular ones; a day's bar then spans them all. Bars outside are left out and counted,
    and so is any in a break or on a day without session. Volumes add up; a bar without trades is not
    invented.

    Raises DataError when the bars are as long or longer, when `interval` is not a multiple of their
    length, when one would reach into the next longer bar, and for intervals between a day's fraction and
    a day that no session holds.
    """
    calendar = calendar or fitting_calendar(bars.ts) or calendar_for("24/7")
    step = usual_step(bars.ts) if len(bars) > 1 else 0
    _check_lengths(bars.symbol, step, interval)
    if not len(bars):
        return Resampled(bars=bars, calendar=calendar.name, rows_read=0, left_out=0)
    phases = _phases(calendar.days(int(bars.ts[0]), int(bars.ts[-1])), extended=extended)
    inside, phase = _placed(bars.ts, phases)
    kept = bars.take(inside)
    phase = phase[inside]
    if interval == DAY:
        opens = phases.days[phase]
    else:
        since = kept.ts - phases.starts[phase]
        _check_edges(kept, since, step, interval, phases.ends[phase])
        opens = kept.ts - since % interval
    return Resampled(
        bars=_joined(kept, opens),
        calendar=calendar.name,
        rows_read=len(bars),
        left_out=len(bars) - len(kept),
    )


def _check_lengths(symbol: str, step: int, interval: int) -> None:
    if interval > DAY or (interval < DAY and DAY % interval):
        raise DataError(
            f"bars of {interval_text(interval)} do not fit into a day; choose 5m, 15m, 30m, 1h, 4h or 1d"
        )
    if step >= interval or (step and interval % step):
        raise DataError(
            f"{symbol}: bars of {interval_text(step)} cannot become bars of {interval_text(interval)}: "
            "a longer bar is made of whole shorter ones"
        )


def _phases(days: list[TradingDay], *, extended: bool) -> _Phases:
    stretches = []
    for day in days:
        session = day.session
        edges = list(session.stretches)
        if extended:
            edges = [(day.early, session.open), *edges, (session.close, day.late)]
        stretches += [(start, end, day.begin) for start, end in edges if start < end]
    table = np.array(stretches, dtype=np.int64).reshape(len(stretches), 3)
    return _Phases(table[:, 0], table[:, 1], table[:, 2])


def _placed(ts: Times, phases: _Phases) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Which bars open within a phase, and in which one."""
    phase = np.searchsorted(phases.starts, ts, side="right") - 1
    inside = (phase >= 0) & (ts < phases.ends[phase])
    return inside, phase


def _check_edges(bars: Bars, since: Times, step: int, interval: int, ends: Times) -> None:
    """Refuse a bar that reaches from one longer bar into the next; a phase may end before it does."""
    reaches = (since % interval + step > interval) & (bars.ts - since % interval + interval < ends)
    if reaches.any():
        i = int(np.argmax(reaches))
        raise DataError(
            f"{bars.symbol}: the {interval_text(step)} bar at {iso(int(bars.ts[i]))} reaches from one "
            f"{interval_text(interval)} bar into the next, which are counted from the start of the session; "
            "name another calendar, or resample from shorter bars"
        )


def _joined(bars: Bars, opens: Times) -> Bars:
    """Bars of equal `opens`, which rise, as one each."""
    if not len(bars):
        return bars
    first = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
    last = np.append(first[1:], len(bars)) - 1
    return Bars(
        bars.symbol,
        opens[first],
        bars.open[first],
        np.maximum.reduceat(bars.high, first),
        np.minimum.reduceat(bars.low, first),
        bars.close[last],
        np.add.reduceat(bars.volume, first),
        None if bars.bid is None else bars.bid[last],
        None if bars.ask is None else bars.ask[last],
    )
