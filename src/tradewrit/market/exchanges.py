"""The trading days of the exchanges of the world, by ISO 10383 code: XLON, XETR, XTKS, XHKG and others.

They come from the package `exchange_calendars` (the extra `calendars`), which is imported when such an
exchange is first asked for: holidays that follow the moon, or that a government moves, are better kept
there than here. Its hours are those of the regular session; nothing is said of trading before and after.
"""

import warnings
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from types import ModuleType
from typing import Any, Final
from zoneinfo import ZoneInfo

from tradewrit.domain.market import SECOND
from tradewrit.errors import ConfigError
from tradewrit.market.sessions import Session, TradingDay

_FIRST: Final = date(1990, 1, 1)
_LAST: Final = date(2049, 12, 31)
"""Rules are kept between these dates at most; an exchange that announces its holidays each year has fewer."""


def exchange_days(mic: str) -> Mapping[int, list[TradingDay]]:
    """The trading days of an exchange by year, for every whole year that is known.

    Raises ConfigError when the package is not there, knows no such exchange, or has sessions for it that
    begin on the evening before: those of futures exchanges, which Tradewrit's calendars do not hold.
    """
    package = _package(mic)
    if mic not in package.get_calendar_names(include_aliases=False):
        raise ConfigError(
            f"unknown calendar {mic!r}: it is neither NYSE nor 24/7, and exchange_calendars knows no "
            "exchange of this ISO 10383 code; others are XLON, XETR, XPAR, XTKS, XHKG or XTSE"
        )
    kept = _kept(package, mic)
    if kept.open_offset:
        raise ConfigError(f"sessions of {mic} begin on the evening before, which calendars here do not hold")
    years: dict[int, list[TradingDay]] = {}
    for day in _days(kept):
        years.setdefault(day.session.date.year, []).append(day)
    first, last = kept.bound_min(), kept.bound_max()
    for bound, end in ((first, (1, 1)), (last, (12, 31))):
        if bound is not None and (bound.month, bound.day) != end:
            years.pop(bound.year, None)  # known in part
    return years


def _package(mic: str) -> ModuleType:
    try:
        import exchange_calendars
    except ImportError:
        raise ConfigError(
            f"the calendar of {mic} needs exchange_calendars: pip install 'tradewrit[calendars]', or take "
            "NYSE or 24/7, which are built in"
        ) from None
    found: ModuleType = exchange_calendars
    return found


def _kept(package: ModuleType, mic: str) -> Any:
    """Its calendar over all years it knows: by default it would take those around today."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own use of its data frame library
            some = package.get_calendar(mic, start="2021-01-01", end="2025-12-31")
            first, last = some.bound_min(), some.bound_max()
            start = _FIRST if first is None else max(_FIRST, first.date())
            end = _LAST if last is None else min(_LAST, last.date())
            return package.get_calendar(mic, start=start.isoformat(), end=end.isoformat())
    except ValueError as error:
        reason = str(error)[:120]
        raise ConfigError(f"exchange_calendars cannot tell the sessions of {mic}: {reason}") from error


def _days(kept: Any) -> Iterator[TradingDay]:
    zone, shortened = ZoneInfo(str(kept.tz)), {day.date() for day in kept.early_closes}
    has_break = kept.has_break
    columns = zip(
        (day.date() for day in kept.sessions),
        kept.opens_nanos.tolist(),
        kept.closes_nanos.tolist(),
        kept.break_starts_nanos.tolist(),
        kept.break_ends_nanos.tolist(),
        strict=True,
    )
    for day, opens, closes, stops, goes_on in columns:
        is_broken = has_break and stops > 0  # what is not a time is the least of numbers there
        pause = (stops, goes_on) if is_broken else (0, 0)
        session = Session(day, opens, closes, day in shortened, *pause)
        begin, end = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
        yield TradingDay(session, begin, opens, closes, end)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp()) * SECOND
