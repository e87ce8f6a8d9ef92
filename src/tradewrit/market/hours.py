"""A calendar as a table: the sessions of some years, and which of them begin and end a week or a month."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.market import DAY
from tradewrit.features.hours import PERIODS, Hours
from tradewrit.market.calendar import Calendar
from tradewrit.market.sessions import Session

_EPOCH: Final = date(1970, 1, 1)
_AROUND: Final = timedelta(days=31)
"""Before the first bar and after the last: enough to see every period begin and end that they lie in."""


def hours_of(calendar: Calendar, first: int, last: int, interval: int, *, leaves: int | None = None) -> Hours:
    """The sessions that bars from `first` to `last` (UTC ns) can lie in, and some on either side.

    interval, leaves: as in `Hours`. Raises DataError for years that the calendar does not know.
    """
    start, end = (_EPOCH + timedelta(days=at // DAY) for at in (first, last + interval))
    calendar.status(first)  # which raises for a year that it does not know
    earliest, latest = date(calendar.first_year, 1, 1), date(calendar.last_year, 12, 31)
    return _table(
        calendar, max(start - _AROUND, earliest), min(end, latest - _AROUND) + _AROUND, interval, leaves
    )


@lru_cache(maxsize=16)
def _table(calendar: Calendar, start: date, end: date, interval: int, leaves: int | None) -> Hours:
    sessions = calendar.sessions(start, end)
    firsts = _firsts(sessions)
    stretches = np.array([each for one in sessions for each in one.stretches], dtype=np.int64).reshape(-1, 2)
    return Hours(
        name=calendar.name,
        opens=np.array([one.open for one in sessions], dtype=np.int64),
        closes=np.array([one.close for one in sessions], dtype=np.int64),
        stretches=stretches,
        firsts=firsts,
        # What the next session begins, this one has ended.
        lasts=np.append(firsts[1:], np.uint8(0)),
        interval=interval,
        leaves=leaves,
    )


def _firsts(sessions: list[Session]) -> NDArray[np.uint8]:
    """By session a bit for each of `PERIODS` that it begins; nothing is known of the very first."""
    names = np.array([_periods(one.date) for one in sessions], dtype=np.int64).reshape(-1, len(PERIODS))
    is_new = np.zeros(names.shape, dtype=np.bool_)
    is_new[1:] = names[1:] != names[:-1]
    bits: NDArray[np.uint8] = is_new @ (1 << np.arange(len(PERIODS), dtype=np.uint8))
    return bits.astype(np.uint8)


def _periods(day: date) -> tuple[int, int, int, int]:
    """A number for each of `PERIODS` that a day lies in."""
    week = (day.toordinal() - 1) // 7  # the first of January of year 1 was a Monday
    month = day.year * 12 + day.month - 1
    return week, month, month // 3, day.year
