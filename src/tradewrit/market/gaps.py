"""Bars that should be there and are not, and bars where there should be none.

Daily bars are held against the sessions of the calendar, shorter ones against the regular hours of
each session. Sessions without any bar and bars missing inside sessions are told apart: the first is
a hole, the second is often just a minute without a trade.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.market import DAY, HOUR
from tradewrit.features.bars import Times
from tradewrit.market.calendar import Calendar, calendar_for
from tradewrit.market.findings import SHOWN, Finding, Kind, Severity
from tradewrit.market.sessions import Session
from tradewrit.market.stamps import iso

_EPOCH: Final = date(1970, 1, 1)
_MANY: Final = 0.05  # share of bars missing inside sessions from which it is a warning
_LAST_DAY: Final = date(2261, 12, 1)  # calendars end where 64 bits of nanoseconds do
_FITS: Final = 0.99  # Toronto, which shares most holidays with New York, reaches 0.985
_EVERY_DAY: Final = 0.05  # least share of any weekday in a market that never closes; even is 1/7
_LONGEST_DAILY: Final = 25 * HOUR  # the day on which clocks go back


def bar_length(ts: Times) -> int:
    """The usual step between bars, ns: the median, which holes and duplicates do not move.

    One day when there are fewer than two bars.
    """
    return int(np.median(np.diff(ts))) if len(ts) > 1 else DAY


def fitting_calendar(ts: Times) -> Calendar | None:
    """The calendar that explains these times, or None.

    24/7 when every day of the week has its share of the bars; NYSE when hardly a bar lies on a
    day without session and, for bars within the day, nearly all lie between 04:00 and 20:00.
    """
    if len(ts) < 2:
        return None
    shares = np.bincount(_weekdays(ts // DAY), minlength=7) / len(ts)
    if float(shares.min()) > _EVERY_DAY:
        return calendar_for("24/7")
    nyse = calendar_for("NYSE")
    ts = _known(ts, nyse)
    if len(ts) < 2:
        return None
    days, expected = _days(ts, nyse), _session_days(ts, nyse)
    if not len(expected):
        return None
    on_session = float(np.isin(days, expected).mean())
    spread = float(np.isin(expected, days).mean())
    if on_session < _FITS or spread < 0.2:
        return None
    if bar_length(ts) < _LONGEST_DAILY // 2:
        clock = (_local(ts, nyse) % DAY) // HOUR
        if float(((clock >= 4) & (clock < 20)).mean()) < 0.98:
            return None
    return nyse


def find_gaps(symbol: str, ts: Times, calendar: Calendar) -> Iterator[Finding]:
    """Findings for one symbol. ts: rising UTC ns. Bars longer than a day are not checked."""
    ts = _known(ts, calendar)
    step = bar_length(ts)
    if len(ts) < 2 or step > _LONGEST_DAILY * 4:
        return
    if step >= DAY // 2:
        yield from _daily(symbol, ts, calendar)
    else:
        yield from _intraday(symbol, ts, calendar, step)


def _daily(symbol: str, ts: Times, calendar: Calendar) -> Iterator[Finding]:
    days = np.unique(_days(ts, calendar))
    expected = _session_days(ts, calendar)
    missing = expected[~np.isin(expected, days)]
    if len(missing):
        yield _missing_sessions(symbol, missing, np.flatnonzero(~np.isin(expected, days)), calendar)
    extra = days[~np.isin(days, expected)]
    if len(extra):
        yield _off_session(symbol, extra, calendar)


def _intraday(symbol: str, ts: Times, calendar: Calendar, step: int) -> Iterator[Finding]:
    sessions = _sessions(ts, calendar)
    stretches = np.array([each for one in sessions for each in one.stretches], dtype=np.int64)
    opens, closes = stretches.reshape(-1, 2).T
    # A bar counts for what it overlaps: an hour labelled 09:00 holds the half hour from 09:30.
    there = np.searchsorted(ts, closes) - np.searchsorted(ts, opens - step, side="right")
    starts, ends = np.maximum(opens, ts[0]), np.minimum(closes, ts[-1] + step)
    firsts = np.cumsum([0, *(len(one.stretches) for one in sessions)])[:-1]
    found, expected = (
        np.add.reduceat(each, firsts) for each in (there, np.maximum(0, -((starts - ends) // step)))
    )
    is_hole = (found == 0) & (expected > 0)
    if is_hole.any():
        days = np.array([(session.date - _EPOCH).days for session in sessions])
        yield _missing_sessions(symbol, days[is_hole], np.flatnonzero(is_hole), calendar)
    short = np.where(is_hole, 0, np.maximum(0, expected - found))
    if short.any():
        yield _missing_bars(symbol, sessions, short, int(expected[~is_hole].sum()), calendar)
    days = np.unique(_days(ts, calendar))
    extra = days[~np.isin(days, _session_days(ts, calendar))]
    if len(extra):
        yield _off_session(symbol, extra, calendar)


def _missing_sessions(
    symbol: str, days: NDArray[np.int64], places: NDArray[np.intp], calendar: Calendar
) -> Finding:
    runs = np.split(days, np.flatnonzero(np.diff(places) > 1) + 1)
    longest = sorted(runs, key=len, reverse=True)[:SHOWN]
    return Finding(
        kind=Kind.MISSING_SESSION,
        severity=Severity.WARNING,
        symbol=symbol,
        count=len(days),
        message=f"{len(days)} {calendar.name} session(s) without a bar, in {len(runs)} gap(s)",
        first_at=int(days[0]) * DAY,
        last_at=int(days[-1]) * DAY,
        examples=tuple(_run(run) for run in longest),
    )


def _missing_bars(
    symbol: str, sessions: Sequence[Session], short: NDArray[np.int64], expected: int, calendar: Calendar
) -> Finding:
    count = int(short.sum())
    places = np.flatnonzero(short)
    worst = places[np.argsort(-short[places], kind="stable")][:SHOWN]
    share = count / expected
    return Finding(
        kind=Kind.MISSING_BARS,
        severity=Severity.WARNING if share > _MANY else Severity.INFO,
        symbol=symbol,
        count=count,
        message=f"{count} of {expected} bars ({share:.2%}) missing inside the regular hours of "
        f"{len(places)} {calendar.name} session(s)",
        first_at=sessions[int(places[0])].open,
        last_at=sessions[int(places[-1])].close,
        examples=tuple(f"{sessions[i].date}: {int(short[i])} missing" for i in worst.tolist()),
    )


def _off_session(symbol: str, days: NDArray[np.int64], calendar: Calendar) -> Finding:
    return Finding(
        kind=Kind.OFF_SESSION,
        severity=Severity.WARNING,
        symbol=symbol,
        count=len(days),
        message=f"bars on {len(days)} day(s) on which {calendar.name} has no session",
        first_at=int(days[0]) * DAY,
        last_at=int(days[-1]) * DAY,
        examples=tuple(str(_EPOCH + timedelta(days=day)) for day in days[:SHOWN].tolist()),
    )


def _run(days: NDArray[np.int64]) -> str:
    first, last = (iso(int(day) * DAY)[:10] for day in (days[0], days[-1]))
    return first if len(days) == 1 else f"{first} to {last}: {len(days)} sessions"


def _sessions(ts: Times, calendar: Calendar) -> list[Session]:
    """The sessions that the bars from first to last could have covered."""
    days = _days(ts, calendar)
    first, last = (_EPOCH + timedelta(days=int(day)) for day in (days.min(), days.max()))
    return calendar.sessions(first, last)


def _session_days(ts: Times, calendar: Calendar) -> NDArray[np.int64]:
    return np.array([(s.date - _EPOCH).days for s in _sessions(ts, calendar)], dtype=np.int64)


def _days(ts: Times, calendar: Calendar) -> NDArray[np.int64]:
    """The date of each bar as days since 1970: the venue's, or that of a UTC midnight as it is."""
    if bool((ts % DAY == 0).all()):
        return ts // DAY
    return _local(ts, calendar) // DAY


def _local(ts: Times, calendar: Calendar) -> Times:
    """Wall-clock time of the venue, in ns, from the offset that its nearest session has."""
    if calendar.name == "24/7":
        return ts
    earliest = int(ts[0]) - 10 * DAY
    first_day = (date(calendar.first_year, 1, 2) - _EPOCH).days * DAY
    days = calendar.days(max(earliest, first_day), int(ts[-1]))
    begins = np.array([day.begin for day in days], dtype=np.int64)
    dates = np.array([(day.session.date - _EPOCH).days * DAY for day in days], dtype=np.int64)
    # The session at or before each bar; clocks change on Sundays, between two sessions.
    place = np.searchsorted(begins - 5 * HOUR, ts, side="right") - 1
    place = np.clip(place, 0, len(begins) - 1)
    return ts + (dates - begins)[place]


def _known(ts: Times, calendar: Calendar) -> Times:
    """The times in years that the calendar covers."""
    edges = date(calendar.first_year, 1, 2), min(_LAST_DAY, date(calendar.last_year, 12, 31))
    first, last = ((day - _EPOCH).days * DAY for day in edges)
    return ts[(ts >= first) & (ts < last)]


def _weekdays(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Monday is 0; 1 January 1970 was a Thursday."""
    return (days + 3) % 7
