"""How often a venue may be asked: an exact limit on any window of time, with a share kept for protection.

A value, like the breaker. A token bucket lets a full burst and then a full refill into one minute; venues
count what they saw, so the calls themselves are remembered. One limit per broker and credential, whoever
calls. Times are those of a monotonic clock. Knows no broker and no clock.
"""

from bisect import bisect_right

import msgspec
from msgspec.structs import replace

from tradewrit.domain.market import SECOND


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a venue allows: `calls` in any `window_ns`.

    reserved_fraction: of them, kept for calls that reduce risk, 0..1; rounded up to whole calls.
    """

    calls: int
    window_ns: int = 60 * SECOND
    reserved_fraction: float = 0.3

    def __post_init__(self) -> None:
        if self.calls < 1 or self.window_ns < 1:
            raise ValueError(f"a budget of {self.calls} calls in {self.window_ns} ns lets nothing through")
        if not 0 <= self.reserved_fraction < 1:
            raise ValueError(f"reserved_fraction {self.reserved_fraction} must be at least 0 and below 1")

    @property
    def open_to_all(self) -> int:
        """Calls that anything may use up."""
        return max(1, int(self.calls * (1 - self.reserved_fraction)))


ALPACA = Budget(calls=200)
SCHWAB = Budget(calls=120)


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A budget and what was used of it. used: times (monotonic ns) of calls in the window, ascending.

    squeezed_until: since a venue has said "too often", until when half of the budget must do.
    """

    budget: Budget
    used: tuple[int, ...] = ()
    squeezed_until: int = 0

    def take(self, now: int, *, is_protective: bool = False) -> "tuple[RateLimit, int]":
        """Use one call at `now`: 0 when it may go, else how long to wait at least (ns), and nothing is used.

        is_protective: it can only reduce risk, and may use what is kept for such calls.
        """
        recent = self._recent(now)
        most = self._most(now, is_protective=is_protective)
        if len(recent) < most:
            return replace(self, used=(*recent, now)), 0
        # Free once all but `most - 1` of the calls in the window have left it, or the squeeze is over.
        waits = [recent[len(recent) - most] + self.budget.window_ns - now]
        if now < self.squeezed_until:
            waits.append(self.squeezed_until - now)
        return replace(self, used=recent), max(1, min(waits))

    def squeeze(self, now: int, retry_after_ns: int = 0) -> "RateLimit":
        """The venue said "too often": be content with half for a window, or for as long as it asks."""
        until = now + max(retry_after_ns, self.budget.window_ns)
        return replace(self, squeezed_until=max(self.squeezed_until, until))

    def left(self, now: int, *, is_protective: bool = False) -> int:
        """How many more calls may go at `now`."""
        return max(0, self._most(now, is_protective=is_protective) - len(self._recent(now)))

    def _recent(self, now: int) -> tuple[int, ...]:
        return self.used[bisect_right(self.used, now - self.budget.window_ns) :]

    def _most(self, now: int, *, is_protective: bool) -> int:
        most = self.budget.calls if is_protective else self.budget.open_to_all
        return max(1, most // 2) if now < self.squeezed_until and not is_protective else most
