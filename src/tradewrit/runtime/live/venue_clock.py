"""The time of a venue that has its own: one that plays the past, as a paper exchange does."""

from threading import Lock

from tradewrit.runtime.clock import Clock


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

    def now(self) -> int:
        """UTC ns at the venue."""
        with self._lock:
            self._latest = max(self._latest, self._said + self._base.monotonic() - self._said_at)
            return self._latest

    def monotonic(self) -> int:
        """The machine's."""
        return self._base.monotonic()

    def hear(self, at: int) -> None:
        """The venue says what time it is, UTC ns."""
        with self._lock:
            if at > self._said:
                self._said, self._said_at = at, self._base.monotonic()
