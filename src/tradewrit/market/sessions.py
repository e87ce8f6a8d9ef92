"""A venue's trading days: the regular session, its break where it has one, and the day around both.

Knows no calendar. All times are UTC nanoseconds; dates are the venue's own.
"""

from datetime import date

import msgspec


class Session(msgspec.Struct, frozen=True):
    """One trading day of a venue.

    date: the venue's own date. open, close: the regular session, UTC ns; `close` is outside it.
    break_start, break_end: of the break (for lunch, in Tokyo and Hong Kong), which `break_end` ends;
    both 0 where the session has none.
    """

    date: date
    open: int
    close: int
    is_half_day: bool = False
    break_start: int = 0
    break_end: int = 0

    @property
    def stretches(self) -> tuple[tuple[int, int], ...]:
        """When trading is on, from each start to before its end: the session, in two around a break."""
        if not self.break_end:
            return ((self.open, self.close),)
        return (self.open, self.break_start), (self.break_end, self.close)

    def is_break(self, at: int) -> bool:
        """Whether the session pauses at `at`."""
        return self.break_start <= at < self.break_end


class TradingDay(msgspec.Struct, frozen=True):
    """A session inside its whole day, UTC ns: begin <= early <= open < close <= late <= end.

    begin, end: the venue's midnight before and after. early: pre-market starts. late: after-hours end.
    """

    session: Session
    begin: int
    early: int
    late: int
    end: int
