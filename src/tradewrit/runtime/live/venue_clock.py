"""The time of a venue that has its own: one that plays the past, as a paper exchange does."""

from collections import deque
from threading import Lock
from typing import Final

from tradewrit.domain.market import DAY, SECOND
from tradewrit.runtime.clock import Clock

_SAMPLES: Final = 3


class VenueClock:
    """The wall clock is the venue's last word and what has passed since; durations are the machine's own.

    base: whose `monotonic` counts. at: what the venue said when this was made, UTC ns. Any thread may use it.
    Never goes back: a venue that was ahead is waited for.
    """

    def __init__(self, base: Clock, at: int) -> None:
        self._base = base
        self._lock = Lock()
        self._said = at
        self._said_at = base.monotonic()
        self._latest = at
        self._fresh: deque[int] = deque(maxlen=_SAMPLES)
        self._is_past = abs(base.now() - at) > DAY

    @property
    def skew_s(self) -> float | None:
        """How far the machine's clock is ahead of the venue's, seconds; None where the venue plays the past.

        The least of what the last few messages say: whatever took time on its way makes it look larger. None
        also before the first.
        """
        with self._lock:
            return None if self._is_past or not self._fresh else min(self._fresh) / SECOND

    def now(self) -> int:
        """UTC ns at the venue."""
        with self._lock:
            self._latest = max(self._latest, self._said + self._base.monotonic() - self._said_at)
            return self._latest

    def monotonic(self) -> int:
        """The machine's."""
        return self._base.monotonic()

    def hear(self, at: int, *, is_fresh: bool = False) -> None:
        """The venue says what time it is, UTC ns. is_fresh: it has just become that time there."""
        with self._lock:
            if is_fresh and at > self._said:
                self._fresh.append(self._base.now() - at)
            if at > self._said:
                self._said, self._said_at = at, self._base.monotonic()
