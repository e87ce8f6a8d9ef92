"""A strategy's time: what somebody else wrote may not hold up a desk for ever.

It works in the desk's own thread, so it is interrupted there, by the system's alarm clock: at the end of its
time, and again each second if it catches even that. Code that never comes back from C is not reached by an
alarm: then the lease runs out, and the watchdog takes over protection. For the main thread alone.
"""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Final, TypeVar

from tradewrit.domain.market import SECOND
from tradewrit.errors import StrategyOverdue
from tradewrit.runtime.clock import Clock

_AGAIN_S: Final = 1.0
T = TypeVar("T")


class _OverdueError(BaseException):
    """Raised inside the work. No Exception: a strategy that catches those must not catch this."""


class Deadline:
    """How long a strategy may take over all bars of one moment.

    seconds: for them together, so that many symbols cannot add up to a lost lease. clock: the machine's.
    gave_up: called when the work has caught two alarms and goes on: it cannot be stopped from inside.
    """

    def __init__(self, seconds: float, clock: Clock, gave_up: Callable[[], object]) -> None:
        self._whole_ns = round(seconds * SECOND)
        self._clock = clock
        self._gave_up = gave_up
        self._until = 0
        self._rung = 0
        signal.signal(signal.SIGALRM, self._ring)

    def begin(self) -> None:
        """A new moment: its time starts now."""
        self._until = self._clock.monotonic() + self._whole_ns

    def run(self, work: Callable[[], T]) -> T:
        """What the work returns. Raises StrategyOverdue when it is not done in time."""
        left_s = (self._until - self._clock.monotonic()) / SECOND
        if left_s <= 0:
            raise StrategyOverdue(f"the strategy has had its {self._whole_ns / SECOND:g} s for these bars")
        try:
            try:
                self._rung = 0
                signal.setitimer(signal.ITIMER_REAL, left_s, _AGAIN_S)
                return work()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except _OverdueError as overdue:
            signal.setitimer(signal.ITIMER_REAL, 0)  # it may have rung between the end and the line above
            raise StrategyOverdue(
                f"the strategy was stopped: it did not come back within {self._whole_ns / SECOND:g} s"
                f"{_place(overdue)}"
            ) from None

    def _ring(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._rung += 1
        if self._rung > 2:
            self._gave_up()
        raise _OverdueError


def _place(overdue: BaseException) -> str:
    """Where the work was: the last line outside this file."""
    trace, place = overdue.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename != __file__:
            place = f" (at {code.co_filename}:{trace.tb_lineno})"
        trace = trace.tb_next
    return place
