"""Virtual time: what happens when, and in which order what happens at one time does.

Nothing here waits. A run is a heap of actions; the clock stands where the last one left it.
"""

import heapq
from collections.abc import Callable
from random import Random
from typing import Any

Action = Callable[..., None]


class Scheduler:
    """Runs actions by time; those of one time in an order that is drawn from the seed.

    now: UTC ns of the world, which no fault ever moves. began: where it started.
    """

    def __init__(self, began: int, rng: Random) -> None:
        self.began = self.now = began
        self.done = 0
        self._heap: list[tuple[int, int, int, Action, tuple[Any, ...]]] = []
        self._ties = rng
        self._count = 0

    def at(self, when: int, action: Action, *args: Any) -> None:
        """Do it at `when` (UTC ns), or at once if that has passed."""
        self._count += 1
        entry = (max(when, self.now), self._ties.getrandbits(16), self._count, action, args)
        heapq.heappush(self._heap, entry)

    def after(self, delay: int, action: Action, *args: Any) -> None:
        """Do it `delay` ns from now."""
        self.at(self.now + delay, action, *args)

    def run(self, until: int) -> None:
        """Everything that is due before `until`, then stand there."""
        heap = self._heap
        while heap and heap[0][0] < until:
            when, _, _, action, args = heapq.heappop(heap)
            self.now = when
            self.done += 1
            action(*args)
        self.now = until


class NodeClock:
    """The clock of one machine: its wall time may be off, and may jump; its monotonic time does neither.

    offset: how far the wall clock is ahead of the world's time, ns.
    """

    def __init__(self, scheduler: Scheduler, offset: int = 0) -> None:
        self._scheduler = scheduler
        self.offset = offset

    def now(self) -> int:
        """UTC ns as this machine believes."""
        return self._scheduler.now + self.offset

    def monotonic(self) -> int:
        """Ns since the world began."""
        return self._scheduler.now - self._scheduler.began

    def jump(self, ns: int) -> None:
        """Somebody, or a time server, sets the wall clock."""
        self.offset += ns
