"""An asyncio loop in virtual time: it never waits, it lets its clock go on to the next thing that is due.

Threads and real sockets have no place on it; a test that needs them runs on the real loop.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tradewrit.domain.events.base import Event
from tradewrit.domain.market import SECOND
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.live.calls import Done, Work

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Instead of waiting, time passes."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout is None:
            raise RuntimeError("nothing will ever happen: every task waits for another")
        if not found and timeout:
            self._clock.advance(max(1, round(timeout * SECOND)))
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs on a manual clock."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(_Selector(clock))
        self._virtual = clock

    def time(self) -> float:
        return self._virtual.monotonic() / SECOND


def in_virtual_time(clock: ManualClock, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What a coroutine comes to, with all its sleeps done in no time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(work())


class VirtualWorkers:
    """Implements `Workers`: a call reaches the venue after `there_s`, and its answer comes `back_s` later.

    Both may be changed as a test goes on; math.inf stands for never.
    """

    def __init__(self, there_s: float = 0.01, back_s: float = 0.01) -> None:
        self.there_s = there_s
        self.back_s = back_s
        self.started = 0

    def start(self, work: Work, done: Done) -> None:
        self.started += 1
        _later(self.there_s, lambda: self._do(work, done))

    def _do(self, work: Work, done: Done) -> None:
        try:
            outcome: tuple[Event, ...] | BaseException = tuple(work())
        except Exception as failed:  # noqa: BLE001 - as a thread would hand it back
            outcome = failed
        _later(self.back_s, lambda: done(outcome))


def _later(delay_s: float, call: Callable[[], None]) -> None:
    if delay_s < float("inf"):
        asyncio.get_running_loop().call_later(delay_s, call)
