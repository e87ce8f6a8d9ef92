"""Time that never goes back: what was dead once stays dead, whatever happens to the machine's clock.

A clock that is set forward is believed. One that is set back is not: time then goes on from where it
was, by the time that really passes, until the wall clock has caught up. Knows no tokens.
"""

from threading import Lock

from tradewrit.runtime.clock import Clock


class SteadyClock:
    """The wall clock, without its steps back. Any thread may use it."""

    def __init__(self, clock: Clock, *, not_before: int = 0) -> None:
        """not_before: UTC ns that are known to have passed, e.g. before a restart."""
        self._clock = clock
        self._lock = Lock()
        self._ahead = not_before - clock.monotonic()

    def now(self) -> int:
        """UTC ns; never less than any answer before."""
        passed = self._clock.monotonic()
        ahead = self._clock.now() - passed
        if ahead <= self._ahead:
            return passed + self._ahead
        return passed + self._raise(ahead)

    def learn(self, at: int) -> None:
        """It is at least `at` (UTC ns): another process has said so."""
        self._raise(at - self._clock.monotonic())

    def _raise(self, ahead: int) -> int:
        with self._lock:
            self._ahead = max(self._ahead, ahead)
            return self._ahead
