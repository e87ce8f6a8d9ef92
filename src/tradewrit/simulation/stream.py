"""The venue's event stream to a process, with the holes that the wire has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tradewrit.domain.market import SECOND
from tradewrit.simulation.venue import Said, name_of
from tradewrit.simulation.wire import Wire

if TYPE_CHECKING:
    from tradewrit.simulation.process import Process

SILENCE: Final = 30 * SECOND
"""A stream that says nothing for so long is taken for dead."""


class Stream:
    """The venue's event stream to one process: in order, unless a fault says otherwise.

    next: how much of the venue's log this connection has been sent.
    """

    def __init__(self, process: "Process", wire: Wire, *, has_cursor: bool) -> None:
        self._process = process
        self._wire = wire
        self._has_cursor = has_cursor
        self._is_up = False
        self._silent_since = 0
        self._arrives = 0
        self._cursor = 0
        self._run = 0

    def connect(self) -> bool:
        """Connect anew; whether it is up. With a cursor the venue first repeats what was missed."""
        wire = self._wire
        if wire.is_cut or wire.venue.is_down:
            return False
        wire.mute_until = 0
        log = wire.venue.log
        if self._run != self._process.run:  # whoever starts anew remembers no cursor
            self._run, self._cursor = self._process.run, len(log)
        self._is_up, self._silent_since = True, 0
        for place in range(self._cursor, len(log)) if self._has_cursor else ():
            self._send(log[place], place)
        return True

    def lose(self) -> None:
        """The process is gone, and the connection with it."""
        self._is_up = False

    def say(self, messages: Sequence[Said], first: int) -> None:
        """The venue says something. first: its place in the log."""
        if self._is_up:
            for place, said in enumerate(messages, first):
                self._send(said, place)

    def look(self) -> bool:
        """Once a second: whether a connection that had been lost is back, and something may be missing."""
        wire, now = self._wire, self._wire.scheduler.now
        is_gone = wire.is_cut or wire.venue.is_down
        if self._is_up and (is_gone or wire.is_mute):
            if not self._silent_since:
                self._silent_since = now
            if now - self._silent_since >= SILENCE or is_gone:
                self._is_up = False
                wire.trace.note(now, f"{self._process.name}: stream lost")
        elif self._is_up:
            self._silent_since = 0
        return not self._is_up and self.connect()

    def _send(self, said: Said, place: int) -> None:
        wire, name = self._wire, name_of(said)
        if wire.is_cut or wire.is_mute or wire.chance(wire.faults.drop, "drop", f"stream {name}"):
            return
        now = wire.scheduler.now
        arrives = now + wire.latency(name)
        if not wire.chance(wire.faults.reorder, "reorder", name):
            arrives = self._arrives = max(arrives, self._arrives + 1)
        wire.scheduler.at(arrives, self._hear, said, place, self._run)
        if wire.chance(wire.faults.duplicate, "duplicate", f"stream {name}"):
            wire.scheduler.at(arrives + wire.latency(name), self._hear, said, place, self._run)

    def _hear(self, said: Said, place: int, run: int) -> None:
        if run == self._process.run:
            self._cursor = max(self._cursor, place + 1)
            self._process.hear(said)
