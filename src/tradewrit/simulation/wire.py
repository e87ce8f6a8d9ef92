"""What lies between a process and the venue: calls that get lost on either way, and a stream with holes.

A call is request, work at the venue, answer. It runs in the desk's own handler, behind the guard that a live
desk has, and blocks there; lost or too slow, at its deadline nothing is known of it.
"""

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tradewrit.domain.capabilities import Dedupe
from tradewrit.domain.effects import PlaceOrders
from tradewrit.domain.market import SECOND
from tradewrit.errors import Throttled, Unreachable
from tradewrit.runtime.perform import Departure
from tradewrit.simulation.errands import Crew, Errand, Request
from tradewrit.simulation.invariants.guard import protects
from tradewrit.simulation.line import Line
from tradewrit.simulation.plan import Faults
from tradewrit.simulation.scheduler import Scheduler
from tradewrit.simulation.trace import Trace
from tradewrit.simulation.venue import Said, Venue, name_of

if TYPE_CHECKING:
    from tradewrit.simulation.process import Process

MS: Final = SECOND // 1000
DEADLINE: Final = 5 * SECOND
SILENCE: Final = 30 * SECOND
"""A stream that says nothing for so long is taken for dead."""


class Call:
    """One call in flight. run: of which life of its process it is; its answer is nobody's in the next."""

    def __init__(self, departure: Departure, errand: Errand, line: Line, run: int) -> None:
        self.departure = departure
        self.errand = errand
        self.line = line
        self.run = run
        self.is_protective = protects(departure)
        self.request: Request[Any] | None = None
        self.is_throttled = self.is_over = False

    @property
    def what(self) -> str:
        """What it is about, for the trace."""
        return str(self.departure.asked.effect.subject)


class Wire:
    """The network of a world. Each message may be dropped, doubled, delayed, overtaken."""

    def __init__(self, faults: Faults, scheduler: Scheduler, rng: Random, trace: Trace, venue: Venue) -> None:
        self.crew = Crew()
        self.faults = faults
        self.scheduler = scheduler
        self._rng = rng
        self.trace = trace
        self.venue = venue
        self.cut_until = 0
        self.mute_until = 0
        self.is_calm = False

    @property
    def is_cut(self) -> bool:
        """Whether nothing gets through in either direction."""
        return self.scheduler.now < self.cut_until

    @property
    def is_mute(self) -> bool:
        """Whether the stream is half-open: it looks alive, and nothing comes."""
        return self.scheduler.now < self.mute_until

    def chance(self, share: float, kind: str, what: str) -> bool:
        """Whether this message meets that fault."""
        if not share or self.is_calm or self._rng.random() >= share:
            return False
        self.trace.fault(self.scheduler.now, kind, what)
        return True

    def latency(self, what: str) -> int:
        """How long this message takes, ns."""
        base = self._rng.randint(2 * MS, 40 * MS)
        if self.chance(self.faults.slow, "slow", what):
            base += self._rng.randint(SECOND // 2, 8 * SECOND)
        return base

    # -- calls

    def call(self, process: "Process", departure: Departure) -> None:
        """Send it off; `process.answer` gets what came of it, once.

        The first question of a call meets what the wire does to messages; those that follow it are answered
        as it returns.
        """
        now = process.clock.now()
        errand = self.crew.begin(lambda: departure.work(now))
        call = Call(departure, errand, process.line, process.run)
        if errand.go():  # not let through: nothing was sent
            self.trace.fault(self.scheduler.now, "kept_back", f"{process.name} {call.what}")
            process.kept_back(departure)
            self.scheduler.after(MS, self._tell, process, call)
            return
        call.request = errand.asked
        call.line.protecting += call.is_protective
        call.is_throttled = self.chance(self.faults.throttles, "throttle", call.what)
        self.scheduler.after(DEADLINE, self._give_up, process, call)
        if self.is_cut or self.chance(self.faults.drop, "drop", f"request {call.what}"):
            return
        self.scheduler.after(self.latency(call.what), self._work, process, call)
        # No desk can help it when the network doubles an order at a venue that takes an id twice.
        may_repeat = (
            self.venue.capabilities.dedupe is Dedupe.FOREVER
            or type(departure.asked.effect) is not PlaceOrders
        )
        if may_repeat and self.chance(self.faults.duplicate, "duplicate", f"request {call.what}"):
            self.scheduler.after(self.latency(call.what), self._work, process, call)

    def _work(self, process: "Process", call: Call) -> None:
        """A request arrives, however long nobody has waited for its answer by then."""
        if self.is_cut:
            return
        answer = Throttled("too many requests", 1.0) if call.is_throttled else self._ask(call.request)
        what = type(call.departure.asked.effect).__name__
        self.trace.note(self.scheduler.now, f"venue did {what} {call.what}")
        if self.chance(self.faults.drop, "drop", f"answer {call.what}"):
            return
        self.scheduler.after(self.latency(call.what), self._answer, process, call, answer)

    def _ask(self, request: Request[Any] | None) -> Any:
        """The venue's answer at this moment, or why there is none."""
        if self.venue.refuses_calls is not None:
            return self.venue.refuses_calls
        return None if request is None else request(self.venue)

    def _answer(self, process: "Process", call: Call, answer: Any) -> None:
        if not self.is_cut:
            self._end(process, call, answer)

    def _give_up(self, process: "Process", call: Call) -> None:
        if not call.is_over:
            self.trace.note(self.scheduler.now, f"no answer {call.what}")
        self._end(process, call, Unreachable("no answer within the time allowed"))

    def _end(self, process: "Process", call: Call, answer: Any) -> None:
        if call.is_over:
            return
        call.is_over = True
        call.line.protecting -= call.is_protective
        if call.is_protective and isinstance(answer, Exception):
            call.line.failed(answer)
        if call.run != process.run:
            call.errand.drop()
            return
        while not call.errand.go(answer):
            answer = Unreachable("the line was cut") if self.is_cut else self._ask(call.errand.asked)
        self._tell(process, call)

    def _tell(self, process: "Process", call: Call) -> None:
        if call.run == process.run:
            process.answer(call.departure, call.errand.outcome)


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
        if wire.is_cut:
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
        if self._is_up and (wire.is_cut or wire.is_mute):
            if not self._silent_since:
                self._silent_since = now
            if now - self._silent_since >= SILENCE or wire.is_cut:
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
