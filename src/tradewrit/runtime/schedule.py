"""Timers: a time, a name and what it is about. Knows no clock; whoever owns one asks what is due."""

import heapq

from tradewrit.domain.events.market import TimerFired


class Schedule:
    """Timers by due time. The same (name, about) set again moves to the later time and fires once."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str, str]] = []
        self._due: dict[tuple[str, str], int] = {}

    def set(self, timer: str, about: str, due_at: int) -> None:
        """Ask to be told at `due_at` (UTC ns)."""
        if due_at >= self._due.get((timer, about), due_at):
            self._due[timer, about] = due_at
            heapq.heappush(self._heap, (due_at, timer, about))

    def fire(self, now: int) -> list[TimerFired]:
        """Everything due at `now`, earliest first; each is forgotten as it fires."""
        fired = []
        while self._heap and self._heap[0][0] <= now:
            due_at, timer, about = heapq.heappop(self._heap)
            if self._due.get((timer, about)) != due_at:
                continue  # it was moved to a later time
            del self._due[timer, about]
            fired.append(TimerFired(at=now, timer=timer, subject=about))
        return fired
