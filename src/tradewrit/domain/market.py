"""What the market says: bars, quotes, ticks and the phase of the session.

Market data are float64 and are not journalled; a price becomes exact where it meets an order.
"""

from enum import StrEnum

import msgspec

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Interval(StrEnum):
    """Bar lengths, with the spellings of other systems accepted by `of`."""

    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    HOUR = "1h"
    DAY = "1d"

    @property
    def ns(self) -> int:
        """Length in nanoseconds (a day is 24 hours; sessions are the calendar's business)."""
        return _LENGTHS[self]

    @classmethod
    def of(cls, text: str) -> "Interval":
        """Read `1m` or `1min`, `5m` or `5min`, `1h` or `1hour`, `1d` or `1day`."""
        try:
            return cls(_SPELLINGS.get(text, text))
        except ValueError:
            known = ", ".join(cls)
            raise ValueError(f"unknown bar interval {text!r}; known: {known}") from None


_LENGTHS = {
    Interval.MINUTE: MINUTE,
    Interval.FIVE_MINUTES: 5 * MINUTE,
    Interval.HOUR: HOUR,
    Interval.DAY: DAY,
}
_SPELLINGS = {"1min": "1m", "5min": "5m", "1hour": "1h", "60m": "1h", "1day": "1d"}


class MarketPhase(StrEnum):
    """Where the venue is in its day; a break, for lunch, is within its session."""

    CLOSED = "closed"
    PRE_MARKET = "pre_market"
    OPEN = "open"
    BREAK = "break"
    AFTER_HOURS = "after_hours"


class MarketStatus(msgspec.Struct, frozen=True):
    """The phase at one moment, with the next regular open, or end of a break, and close (UTC ns)."""

    phase: MarketPhase
    at: int
    next_open: int
    next_close: int


class Bar(msgspec.Struct, frozen=True, gc=False):
    """Open, high, low, close and volume of one symbol over one interval.

    ts: UTC ns at which the bar OPENED.
    volume: units traded, as the source counts them.
    """

    symbol: str
    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Quote(msgspec.Struct, frozen=True, gc=False):
    """Best bid and ask. `ts` is the source's time, UTC ns; sizes in units."""

    symbol: str
    ts: int
    bid: float
    ask: float
    bid_size: float = 0.0
    ask_size: float = 0.0

    @property
    def mid(self) -> float:
        """Halfway between bid and ask."""
        return (self.bid + self.ask) / 2


class Tick(msgspec.Struct, frozen=True, gc=False):
    """One trade print. `sequence` rises by one per symbol; a jump is a gap in the stream."""

    symbol: str
    ts: int
    price: float
    size: float
    sequence: int
