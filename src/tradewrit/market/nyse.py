"""The trading days of the New York Stock Exchange, from its published rules.

Sources: NYSE Rule 7.2 (holidays, and how a holiday on a weekend is observed) and the exchange's
yearly holiday and early-closing notices. Delayed openings and trading halts inside a day are not
modelled. The first year is 1986: before 30 September 1985 the exchange opened at 10:00.
"""

from datetime import date, timedelta
from typing import Final

FIRST_YEAR: Final = 1986
ZONE: Final = "America/New_York"

_MONDAY, _THURSDAY, _FRIDAY, _SATURDAY, _SUNDAY = 0, 3, 4, 5, 6
_DAY = timedelta(days=1)

SPECIAL_CLOSURES: Final[dict[date, str]] = {
    date(1994, 4, 27): "funeral of Richard Nixon",
    date(2001, 9, 11): "attacks of 11 September",
    date(2001, 9, 12): "attacks of 11 September",
    date(2001, 9, 13): "attacks of 11 September",
    date(2001, 9, 14): "attacks of 11 September",
    date(2004, 6, 11): "funeral of Ronald Reagan",
    date(2007, 1, 2): "day of mourning for Gerald Ford",
    date(2012, 10, 29): "hurricane Sandy",
    date(2012, 10, 30): "hurricane Sandy",
    date(2018, 12, 5): "day of mourning for George H. W. Bush",
    date(2025, 1, 9): "day of mourning for Jimmy Carter",
}
_SPECIAL_HALF_DAYS: Final = (date(1997, 12, 26), date(1999, 12, 31), date(2003, 12, 26))


def holidays(year: int) -> dict[date, str]:
    """Every full-day closure of `year` and its reason, the special ones included.

    >>> sorted(holidays(2026))[:2]
    [datetime.date(2026, 1, 1), datetime.date(2026, 1, 19)]
    """
    days = {
        _nth(year, 2, _MONDAY, 3): "Washington's Birthday",
        easter(year) - 2 * _DAY: "Good Friday",
        _last_monday_of_may(year): "Memorial Day",
        _observed(date(year, 7, 4)): "Independence Day",
        _nth(year, 9, _MONDAY, 1): "Labor Day",
        thanksgiving(year): "Thanksgiving Day",
        _observed(date(year, 12, 25)): "Christmas Day",
    }
    new_year = date(year, 1, 1)
    # A New Year's Day on a Saturday is not moved: Friday closes the accounting year (Rule 7.2).
    if new_year.weekday() != _SATURDAY:
        days[_observed(new_year)] = "New Year's Day"
    if year >= 1998:
        days[_nth(year, 1, _MONDAY, 3)] = "Martin Luther King Jr. Day"
    if year >= 2022:
        days[_observed(date(year, 6, 19))] = "Juneteenth"
    days.update((day, why) for day, why in SPECIAL_CLOSURES.items() if day.year == year)
    return days


def half_days(year: int) -> dict[date, int]:
    """Days of `year` that close early, with the closing hour in New York (13, until 1992 14)."""
    closing = 13 if year >= 1993 else 14
    days = [day for day in _SPECIAL_HALF_DAYS if day.year == year]
    if date(year, 12, 24).weekday() <= _THURSDAY:
        days.append(date(year, 12, 24))
    if year >= 1992:
        days.append(thanksgiving(year) + _DAY)
    if year >= 1995:
        days.extend(_around_independence_day(year))
    return dict.fromkeys(days, closing)


def trading_days(year: int) -> list[date]:
    """The exchange's sessions of `year`, in order."""
    closed = holidays(year)
    first = date(year, 1, 1)
    days = (first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days))
    return [day for day in days if day.weekday() < _SATURDAY and day not in closed]


def easter(year: int) -> date:
    """Easter Sunday, Gregorian.

    Source: the algorithm of Meeus, Jones and Butcher (J. Meeus, Astronomical Algorithms, ch. 8).
    """
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (b - (b + 8) // 25 + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)


def thanksgiving(year: int) -> date:
    """The fourth Thursday of November."""
    return _nth(year, 11, _THURSDAY, 4)


def _around_independence_day(year: int) -> list[date]:
    """The half day before the Fourth of July, or after it when it was a Thursday before 2013."""
    fourth = date(year, 7, 4)
    if fourth.weekday() in {_MONDAY, _SATURDAY, _SUNDAY}:
        return []
    if fourth.weekday() == _THURSDAY and year < 2013:
        return [fourth + _DAY]
    return [fourth - _DAY]


def _observed(day: date) -> date:
    """A Saturday's holiday is kept on Friday, a Sunday's on Monday."""
    return day + {_SATURDAY: -_DAY, _SUNDAY: _DAY}.get(day.weekday(), timedelta(0))


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())
