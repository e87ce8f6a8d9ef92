"""When a stream counts as lost, when it is called again, and how many starts are too many. Values.

Durations and times are monotonic ns, but for starts, which outlive a process and are UTC. Knows no stream,
no clock and no file.
"""

import msgspec
from msgspec.structs import replace

from tradewrit.domain.market import MINUTE, SECOND


class Patience(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long silence is borne, and how soon a lost stream is called again. All in ns.

    beat_ns: without any sign of life. data_ns: without a price while the market is open;
        two and a half bars of a minute, so that one late bar is borne.
    first_ns, longest_ns: pause before the first further attempt, and at most; each doubles the one before.
    jitter_fraction: by how much at most a pause is drawn shorter, so that many desks do not come at once.
    """

    beat_ns: int = 30 * SECOND
    data_ns: int = 150 * SECOND
    first_ns: int = SECOND
    longest_ns: int = 60 * SECOND
    jitter_fraction: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.beat_ns <= 30 * SECOND:
            raise ValueError("beat_ns must be above 0 and at most 30 s: a silent line counts as cut by then")
        if self.data_ns <= 0 or not 0 < self.first_ns <= self.longest_ns:
            raise ValueError("data_ns and first_ns must be above 0, and longest_ns not below first_ns")
        if not 0 <= self.jitter_fraction < 1:
            raise ValueError(f"jitter_fraction {self.jitter_fraction} must be at least 0 and below 1")

    def pause_ns(self, attempt: int, chance: float) -> int:
        """How long to wait before attempt 1, 2, 3 ...; chance: drawn from 0 to 1."""
        # The exponent is bounded, or an outage of a week would make a number nobody can hold.
        pause = min(self.first_ns << min(attempt - 1, 40), self.longest_ns)
        return max(1, int(pause * (1 - self.jitter_fraction * chance)))


class Pulse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """When a stream was last heard. carries_prices: whether its silence while the market is open matters."""

    beat_at: int
    data_at: int
    carries_prices: bool = True

    def heard(self, now: int, *, is_data: bool) -> "Pulse":
        """It has said something."""
        return replace(self, beat_at=now, data_at=now if is_data else self.data_at)

    def rested(self, now: int) -> "Pulse":
        """The market is closed: nobody expects a price before it has been open for a while."""
        return replace(self, data_at=now)

    def silence(self, now: int, patience: Patience, *, is_open: bool) -> str:
        """Why the stream counts as cut; "" while it does not."""
        if now - self.beat_at > patience.beat_ns:
            return f"no sign of life for {_seconds(now - self.beat_at)}"
        if self.carries_prices and is_open and now - self.data_at > patience.data_ns:
            return f"connected, but no price for {_seconds(now - self.data_at)} while the market is open"
        return ""


class StartBudget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many starts without a proper end are borne within `window_ns` (UTC ns)."""

    most: int = 5
    window_ns: int = 10 * MINUTE

    def recent(self, starts: tuple[int, ...], now: int) -> tuple[int, ...]:
        """Those that count at `now`. A clock that was set back forgives none: what lies ahead counts."""
        return tuple(at for at in starts if at > now - self.window_ns)

    def is_spent(self, starts: tuple[int, ...], now: int) -> bool:
        """Whether one more, at `now`, is too many."""
        return len(self.recent(starts, now)) >= self.most


def _seconds(ns: int) -> str:
    return f"{ns / SECOND:.1f} s"
