"""When a venue trades: sessions, phases of the day, trading days between dates.

Knows no clock: every question carries its own time. All times are UTC nanoseconds; dates are the
venue's own. A year is worked out when it is first asked for and kept.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from tradewrit.domain.market import DAY, SECOND, MarketPhase, MarketStatus
from tradewrit.errors import ConfigError, DataError
from tradewrit.market import nyse
from tradewrit.market.sessions import Session, TradingDay

_EPOCH: Final = date(1970, 1, 1)
_LAST_YEAR: Final = 2261  # nanoseconds since 1970 leave 64 bits in April 2262


class _Year:
    """The days of one calendar year, with the columns that are searched."""

    def __init__(self, days: list[TradingDay]) -> None:
        self.days = days
        self.begins = [day.begin for day in days]
        self.dates = [day.session.date for day in days]


class Calendar:
    """The sessions of one venue.

    name: how configuration names it. first_year, last_year: asking about others raises DataError.
    """

    def __init__(
        self,
        name: str,
        days_of: Callable[[int], list[TradingDay]],
        first_year: int,
        last_year: int = _LAST_YEAR,
    ) -> None:
        self.name = name
        self.first_year = first_year
        self.last_year = last_year
        self._days_of = days_of
        self._years: dict[int, _Year] = {}
        self._last: TradingDay | None = None

    def sessions(self, first_date: date, last_date: date) -> list[Session]:
        """The sessions from `first_date` to `last_date`, both included, in order."""
        years = range(first_date.year, last_date.year + 1)
        return [
            day.session
            for year in years
            for day in self._year(year).days
            if first_date <= day.session.date <= last_date
        ]

    def days(self, first_ns: int, last_ns: int) -> list[TradingDay]:
        """The trading days from the one in progress at `first_ns` to the one at `last_ns`, in order.

        A moment on a day without session counts as part of the day before it.
        """
        first, last = self._day(first_ns).session.date, self._day(last_ns).session.date
        years = range(first.year, last.year + 1)
        return [day for year in years for day in self._year(year).days if first <= day.session.date <= last]

    def status(self, at_ns: int) -> MarketStatus:
        """The phase at `at_ns`, and the next regular open and close after it.

        While the regular session is open, `next_close` is today's and `next_open` the next day's; before
        and in its break `next_open` is the break's end.
        """
        day = self._day(at_ns)
        session = day.session
        if at_ns < session.open:
            phase = MarketPhase.PRE_MARKET if at_ns >= day.early else MarketPhase.CLOSED
            return MarketStatus(phase, at_ns, session.open, session.close)
        if session.is_break(at_ns):
            return MarketStatus(MarketPhase.BREAK, at_ns, session.break_end, session.close)
        if at_ns < session.break_start:
            return MarketStatus(MarketPhase.OPEN, at_ns, session.break_end, session.close)
        coming = self._after(session.date).session
        if at_ns < session.close:
            return MarketStatus(MarketPhase.OPEN, at_ns, coming.open, session.close)
        phase = MarketPhase.AFTER_HOURS if at_ns < day.late else MarketPhase.CLOSED
        return MarketStatus(phase, at_ns, coming.open, coming.close)

    def is_open(self, at_ns: int) -> bool:
        """Whether the regular session is on at `at_ns`, and not in its break."""
        session = self._day(at_ns).session
        return session.open <= at_ns < session.close and not session.is_break(at_ns)

    def session_of(self, at_ns: int) -> Session | None:
        """The session of the venue's date at `at_ns`; None on a day without one.

        Midnight, pre-market, the regular hours and the evening of a date all belong to its session,
        so the bar of a day finds it by its own `ts`.
        """
        day = self._day(at_ns)
        return day.session if day.begin <= at_ns < day.end else None

    def next_session(self, at_ns: int) -> Session:
        """The first session whose regular open is after `at_ns`."""
        session = self._day(at_ns).session
        return session if at_ns < session.open else self._after(session.date).session

    def midnight(self, day: date) -> int:
        """UTC ns at which the trading day `day` begins at the venue: the `ts` of its daily bar.

        Raises DataError when the venue has no session on `day`.
        """
        found = self._after(day - timedelta(days=1))
        if found.session.date != day:
            raise DataError(f"{self.name} has no session on {day}")
        return found.begin

    def trading_day_after(self, day: date, n: int) -> date:
        """The n-th trading day after `day`: settlement of a trade of `day` at T+n.

        n = 0 gives `day` itself when it is a trading day, otherwise the next one.
        """
        if n < 0:
            raise ValueError(f"trading days are counted forward, not {n}")
        found = self._after(day - timedelta(days=1)) if n == 0 else self._after(day)
        for _ in range(n - 1):
            found = self._after(found.session.date)
        return found.session.date

    def _day(self, at_ns: int) -> TradingDay:
        """The day in progress at `at_ns`; the last one before it when the venue keeps a holiday."""
        last = self._last
        if last is not None and last.begin <= at_ns < last.end:
            return last
        year = (_EPOCH + timedelta(days=at_ns // DAY)).year
        known = self._year(year)
        i = bisect_right(known.begins, at_ns) - 1
        if i < 0:
            if year == self.first_year:
                return known.days[0]
            known, i = self._year(year - 1), -1
        elif i + 1 == len(known.days) and year < self.last_year and self._year(year + 1).begins[0] <= at_ns:
            known, i = self._year(year + 1), 0  # east of Greenwich the new year has begun
        self._last = known.days[i]
        return known.days[i]

    def _after(self, day: date) -> TradingDay:
        known = self._year(day.year)
        i = bisect_right(known.dates, day)
        return known.days[i] if i < len(known.days) else self._year(day.year + 1).days[0]

    def _year(self, year: int) -> _Year:
        known = self._years.get(year)
        if known is None:
            if not self.first_year <= year <= self.last_year:
                advice = "check the times of the data, or use the 24/7 calendar"
                if self.last_year < year <= _LAST_YEAR:
                    advice = "a newer exchange_calendars may know more"
                known_years = f"{self.first_year} to {self.last_year}"
                raise DataError(f"the {self.name} calendar knows {known_years}, not {year}: {advice}")
            known = self._years[year] = _Year(self._days_of(year))
        return known


def _nyse_days(year: int) -> list[TradingDay]:
    zone = ZoneInfo(nyse.ZONE)
    early = nyse.half_days(year)

    def at(day: date, hour: int, minute: int = 0) -> int:
        return int(datetime.combine(day, time(hour, minute), zone).timestamp()) * SECOND

    def trading_day(day: date) -> TradingDay:
        is_half = day in early
        session = Session(day, at(day, 9, 30), at(day, early.get(day, 16)), is_half)
        late = at(day, 17 if is_half else 20)
        return TradingDay(session, at(day, 0), at(day, 4), late, at(day + timedelta(days=1), 0))

    return [trading_day(day) for day in nyse.trading_days(year)]


def _every_day(year: int) -> list[TradingDay]:
    first = datetime(year, 1, 1, tzinfo=UTC).toordinal()
    count = datetime(year + 1, 1, 1, tzinfo=UTC).toordinal() - first
    opens = [(first + n - _EPOCH.toordinal()) * DAY for n in range(count)]
    return [
        TradingDay(Session(date.fromordinal(first + n), at, at + DAY), at, at, at + DAY, at + DAY)
        for n, at in enumerate(opens)
    ]


_MIC: Final = re.compile(r"[A-Z][A-Z0-9]{3}")
_ALIASES: Final = {
    "NYSE": "NYSE",
    "XNYS": "NYSE",
    "NASDAQ": "NYSE",
    "XNAS": "NYSE",
    "24/7": "24/7",
    "ALWAYS": "24/7",
}


def calendar_for(name: str) -> Calendar:
    """The calendar called `name`, upper or lower case: NYSE (XNYS, NASDAQ, XNAS) or 24/7 (ALWAYS).

    NASDAQ keeps the hours and holidays of the NYSE. 24/7 never closes; its sessions are UTC days. The code
    of any other exchange (ISO 10383, such as XLON or XTKS) needs the extra `calendars`.
    Raises ConfigError for any other name, and for an exchange that is not known there.
    """
    known = _ALIASES.get(name.upper())
    if known is not None:
        return _calendar(known)
    if not _MIC.fullmatch(name.upper()):
        raise ConfigError(
            f"unknown calendar {name!r}; known: {', '.join(_ALIASES)}, and exchanges by their ISO 10383 "
            "code, such as XLON"
        )
    return _calendar(name.upper())


@cache
def _calendar(name: str) -> Calendar:
    if name == "NYSE":
        return Calendar(name, _nyse_days, nyse.FIRST_YEAR)
    if name == "24/7":
        return Calendar(name, _every_day, 1678)
    from tradewrit.market.exchanges import exchange_days  # which brings a library

    years = exchange_days(name)
    return Calendar(name, years.__getitem__, min(years), max(years))
