"""When a venue is down by its own word: windows, every week or of a date, in the zone they are announced in.

    Sat 22:00 - Sun 02:00 America/New_York        2026-12-05 22:00 - 23:30 UTC

Knows no clock: every question carries its own time.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from tradewrit.domain.market import SECOND

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = r"[A-Za-z]{3}|\d{4}-\d\d-\d\d"
_TEXT: Final = re.compile(
    rf"(?P<day>{_DAY}) (?P<time>\d\d:\d\d) ?- ?(?:(?P<last>{_DAY}) )?(?P<end>\d\d:\d\d) (?P<zone>\S+)"
)
_EXAMPLES: Final = "write it like 'Sat 22:00 - Sun 02:00 America/New_York' or '2026-12-05 22:00 - 23:30 UTC'"


class Period(msgspec.Struct, frozen=True):
    """One time of maintenance, UTC ns; `ends` is outside it."""

    begins: int
    ends: int


class Window(msgspec.Struct, frozen=True):
    """What was announced. first, last: the day, 0 for Monday to 6, or a date. begins, ends: local times."""

    first: int | date
    begins: time
    last: int | date
    ends: time
    zone: str

    def near(self, at: int) -> Iterator[Period]:
        """Its occurrences around a time, UTC ns; of a dated one the only one."""
        zone = ZoneInfo(self.zone)
        if isinstance(self.first, date) and isinstance(self.last, date):
            yield Period(_ns(self.first, self.begins, zone), _ns(self.last, self.ends, zone))
        elif isinstance(self.first, int) and isinstance(self.last, int):
            today = (_EPOCH + timedelta(seconds=at // SECOND)).astimezone(zone).date()
            monday = today - timedelta(days=today.weekday())
            length = (self.last - self.first) % 7
            if not length and self.ends <= self.begins:
                length = 7
            for week in (-1, 0, 1):
                day = monday + timedelta(days=7 * week + self.first)
                yield Period(_ns(day, self.begins, zone), _ns(day + timedelta(days=length), self.ends, zone))


class Maintenance(msgspec.Struct, frozen=True):
    """All windows of a venue. margin_ns: how long before one begins nothing new is sent any more."""

    windows: tuple[Window, ...] = ()
    margin_ns: int = 0

    def at(self, now: int) -> Period | None:
        """The window that is open now, or about to begin; the one that ends last where several are."""
        open_ = [
            period
            for window in self.windows
            for period in window.near(now)
            if period.begins - self.margin_ns <= now < period.ends
        ]
        return max(open_, key=lambda period: period.ends, default=None)


def window_of(text: str) -> Window:
    """A window from its text; raises ValueError that says what is wrong, with examples.

    >>> window_of("Sun 02:00 - 04:00 UTC").ends
    datetime.time(4, 0)
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no window: {_EXAMPLES}")
    try:
        zone = ZoneInfo(found["zone"]).key
        first = _day(found["day"])
        last = _day(found["last"] or found["day"])
        begins, ends = (time.fromisoformat(found[name]) for name in ("time", "end"))
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError(f"{text!r}: there is no time zone {found['zone']!r}: {_EXAMPLES}") from None
    except ValueError as why:
        raise ValueError(f"{text!r} is no window: {why}; {_EXAMPLES}") from None
    if isinstance(first, date) is not isinstance(last, date):
        raise ValueError(f"{text!r}: both ends have a date, or both a day of the week: {_EXAMPLES}")
    window = Window(first, begins, last, ends, zone)
    if isinstance(first, date) and any(period.ends <= period.begins for period in window.near(0)):
        raise ValueError(f"{text!r} ends before it begins: {_EXAMPLES}")
    return window


def _day(text: str) -> int | date:
    if text[0].isdigit():
        return date.fromisoformat(text)
    if text.lower() not in _DAYS:
        raise ValueError(f"{text!r} is no day of the week")
    return _DAYS.index(text.lower())


def _ns(day: date, at: time, zone: ZoneInfo) -> int:
    since = datetime.combine(day, at, zone) - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND
