"""When orders are due, when they expire and when cash settles: the venue's answers about time.

Knows no orders beyond their time in force; every question carries its own time (UTC ns).
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol

from tradewrit.domain.market import DAY, SECOND, Interval, MarketPhase, MarketStatus
from tradewrit.domain.orders import TimeInForce
from tradewrit.errors import ConfigError

NEVER: Final = 2**63 - 1
_EPOCH: Final = date(1970, 1, 1)
_AUCTIONS: Final = frozenset({TimeInForce.ON_OPEN, TimeInForce.ON_CLOSE})


class VenueCalendar(Protocol):
    """The two questions a venue asks its calendar."""

    def status(self, at_ns: int, /) -> MarketStatus:
        """The phase at `at_ns`, and the next regular open and close after it."""
        ...

    def trading_day_after(self, day: date, n: int, /) -> date:
        """The n-th trading day after `day`."""
        ...


Calendars = VenueCalendar | Callable[[str], VenueCalendar]
"""One calendar for everything that trades here, or each symbol's own."""


class Sessions:
    """The venue's day, which may be another for each symbol.

    interval: length of the bars the venue is shown, by name or in ns. A bar of a day or longer is a session
    of its own, whatever its time stamp. None: bars are moments, and only the calendar or the caller ends a
    session.
    """

    def __init__(
        self,
        calendar: Calendars | None,
        interval: Interval | int | None,
        *,
        is_aware: bool = False,
        settlement_days: int = 0,
    ) -> None:
        if is_aware and calendar is None:
            raise ConfigError("the paper exchange was asked to keep sessions, but has no calendar to keep")
        self._calendar = calendar
        self._length = interval.ns if isinstance(interval, Interval) else interval or 0
        self._has_daily_bars = self._length >= DAY
        self._settlement_days = settlement_days
        self.is_aware = is_aware

    def _of(self, symbol: str) -> VenueCalendar | None:
        calendar = self._calendar
        return calendar(symbol) if callable(calendar) else calendar

    def is_open(self, symbol: str, at: int) -> bool:
        """Whether an order that wants to trade at once is taken at `at`."""
        calendar = self._of(symbol) if self.is_aware else None
        return calendar is None or calendar.status(at).phase is MarketPhase.OPEN

    def is_bar_open(self, symbol: str, at: int) -> bool:
        """Whether a bar that opened at `at` trades: a daily bar is its own session."""
        return self._has_daily_bars or self.is_open(symbol, at)

    def due_at(self, symbol: str, time_in_force: TimeInForce, at: int) -> int:
        """From when on an auction order accepted at `at` may trade; 0 for any other order.

        Without a calendar, and with daily bars, the next bar's open and close are the auctions.
        """
        if time_in_force not in _AUCTIONS or self._has_daily_bars:
            return 0
        calendar = self._of(symbol)
        if calendar is None:
            return 0
        status = calendar.status(at)
        return status.next_open if time_in_force is TimeInForce.ON_OPEN else status.next_close

    def expires_at(self, symbol: str, time_in_force: TimeInForce, at: int) -> int:
        """When a DAY order accepted at `at` ends by the calendar; NEVER when something else ends it."""
        if time_in_force is not TimeInForce.DAY or self._has_daily_bars:
            return NEVER
        calendar = self._of(symbol)
        return NEVER if calendar is None else calendar.status(at).next_close

    def end_of(self, bar_ts: int) -> int:
        """The time at which a bar is complete."""
        return bar_ts + self._length

    def is_over_after_bar(self, expires_at: int, bar_ts: int) -> bool:
        """Whether a DAY order that ends at `expires_at` ends with the bar of `bar_ts`."""
        return self._has_daily_bars or self.end_of(bar_ts) >= expires_at

    def settles_at(self, symbol: str, at: int) -> int:
        """When the cash of a sale at `at` may be spent: midnight UTC, trading days after its UTC date.

        Without a calendar every day counts. Returns 0 when cash settles at once.
        """
        if not self._settlement_days:
            return 0
        calendar = self._of(symbol)
        if calendar is None:
            return at + self._settlement_days * DAY
        traded = _EPOCH + timedelta(days=at // DAY)
        settles = calendar.trading_day_after(traded, self._settlement_days)
        return int(datetime.combine(settles, time(), UTC).timestamp()) * SECOND
