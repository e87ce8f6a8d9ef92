"""What lies between a process and the venue: calls that get lost on either way, by one road or by two.

A call is request, work at the venue, answer. It runs in the desk's own handler, behind the guard that a live
desk has, and blocks there; lost or too slow, at its deadline nothing is known of it. With a second road the
desk's own hedge stands between, and each of the two has its own faults.
"""

from collections import deque
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tradewrit.domain.capabilities import Dedupe
from tradewrit.domain.effects import PlaceOrders
from tradewrit.domain.market import SECOND
from tradewrit.errors import Throttled, Unreachable
from tradewrit.runtime.perform import Departure
from tradewrit.simulation.errands import Crew, Errand, Question, Wait
from tradewrit.simulation.invariants.guard import protects
from tradewrit.simulation.plan import Faults
from tradewrit.simulation.road import MS, Road
from tradewrit.simulation.scheduler import Scheduler
from tradewrit.simulation.trace import Trace
from tradewrit.simulation.venue import Venue

if TYPE_CHECKING:
    from tradewrit.simulation.process import Process

DEADLINE: Final = 5 * SECOND
_TWO: Final = 2
"""The desk's own errand, and the one that has gone by the first road."""


class Call:
    """One call of a process. run: of which of its lives it is; its answer is nobody's in the next.

    errands: all that are on their way for it, the desk's own first.
    """

    def __init__(self, process: "Process", departure: Departure, errand: Errand) -> None:
        self.process = process
        self.run = process.run
        self.departure = departure
        self.errands = [errand]
        self.line = process.line
        self.is_protective = protects(departure)
        self.is_over = False
        # No desk can help it when the network doubles an order at a venue that takes an id twice.
        self.may_repeat = type(departure.asked.effect) is not PlaceOrders

    @property
    def is_orphan(self) -> bool:
        """Whether whoever waited for it is no more."""
        return self.run != self.process.run

    @property
    def what(self) -> str:
        """What it is about, for the trace."""
        return str(self.departure.asked.effect.subject)

    def end(self) -> None:
        """It is over, one way or the other."""
        if not self.is_over:
            self.is_over = True
            self.line.protecting -= self.is_protective

    def drop(self) -> None:
        """Nobody waits for any of it any more; what is under way arrives all the same."""
        self.end()
        for errand in self.errands:
            errand.drop()


class Asked:
    """One question on its way by a road. errand: who waits for the answer."""

    def __init__(self, call: Call, errand: Errand, question: Question, road: Road) -> None:
        self.call = call
        self.errand = errand
        self.question = question
        self.road = road
        self.what = call.what + road.name
        self.is_throttled = self.is_over = False


class Wire(Road):
    """The network of a world: the first road to the venue, of the stream as well, and maybe another.

    roads: all of them. mute_until: the stream looks alive until then, and nothing comes.
    """

    def __init__(
        self,
        faults: Faults,
        scheduler: Scheduler,
        rng: Random,
        trace: Trace,
        venue: Venue,
        others: Sequence[Road] = (),
    ) -> None:
        super().__init__(faults, scheduler, rng, trace)
        self.crew = Crew()
        self.venue = venue
        self.roads: Final = (self, *others)
        self.mute_until = 0

    @property
    def is_mute(self) -> bool:
        """Whether the stream is half-open: it looks alive, and nothing comes."""
        return self.scheduler.now < self.mute_until

    def calm(self) -> None:
        """Nothing goes wrong any more, on any road."""
        self.mute_until = 0
        for road in self.roads:
            road.is_calm, road.cut_until = True, 0

    # -- calls

    def call(self, process: "Process", departure: Departure) -> None:
        """Send it off; `process.answer` gets what came of it, once.

        The first question of an errand by each road meets what the road does to messages; those that follow
        it there are answered as it returns.
        """
        now = process.clock.now()
        errand = self.crew.begin(lambda: departure.work(now))
        call = Call(process, departure, errand)
        if errand.go():  # not let through: nothing was sent
            self.trace.fault(self.scheduler.now, "kept_back", f"{process.name} {call.what}")
            process.kept_back(departure)
            self.scheduler.after(MS, self._tell, call)
            return
        call.line.protecting += call.is_protective
        self._see_to(call, errand)

    def _see_to(self, call: Call, errand: Errand) -> None:
        """An errand has moved as far as it could: whatever comes next."""
        going = deque(errand.sent)
        errand.sent.clear()
        while going and not call.is_orphan:
            self._send_along(call, going.popleft())
        if call.is_orphan:
            call.drop()
        elif errand.is_over:
            self._came_back(call, errand)
        elif isinstance(errand.asked, Wait):
            self._wait(call, errand, errand.asked)
        elif errand.asked is not None:
            self._ask_by_road(call, errand, errand.asked)

    def _send_along(self, call: Call, errand: Errand) -> None:
        """Somebody goes for it as well; before and after the second sets out the process can die."""
        is_second = len(call.errands) == _TWO
        if is_second and not call.process.survives("road.before"):
            return
        call.errands.append(errand)
        errand.go()
        self._see_to(call, errand)
        if is_second:
            self.trace.fault(self.scheduler.now, "second_road", call.what)
            call.process.survives("road.after")

    def _came_back(self, call: Call, errand: Errand) -> None:
        desks_own = call.errands[0]
        if errand is desks_own:
            call.end()
            self._tell(call)
        elif isinstance(desks_own.asked, Wait) and not desks_own.asked.post.is_empty:
            self._go_on(call, desks_own)

    def _wait(self, call: Call, errand: Errand, wait: Wait) -> None:
        if wait.post.is_empty:
            self.scheduler.after(wait.within_ns, self._waited, call, errand, wait)
        else:
            self._go_on(call, errand)

    def _waited(self, call: Call, errand: Errand, wait: Wait) -> None:
        if call.is_orphan:
            call.drop()
        elif errand.asked is wait and not errand.is_over:
            self._go_on(call, errand)

    def _go_on(self, call: Call, errand: Errand) -> None:
        errand.asked = None
        errand.go()
        self._see_to(call, errand)

    def _ask_by_road(self, call: Call, errand: Errand, question: Question) -> None:
        road = self.roads[question.road]
        asked = Asked(call, errand, question, road)
        errand.met.add(question.road)
        asked.is_throttled = road.chance(self.faults.throttles, "throttle", call.what)
        self.scheduler.after(DEADLINE, self._give_up, asked)
        if road.is_cut or road.chance(self.faults.drop, "drop", f"request {call.what}"):
            return
        self.scheduler.after(road.latency(call.what), self._work, asked)
        may_repeat = call.may_repeat or self.venue.capabilities.dedupe is Dedupe.FOREVER
        if may_repeat and road.chance(self.faults.duplicate, "duplicate", f"request {call.what}"):
            self.scheduler.after(road.latency(call.what), self._work, asked)

    def _work(self, asked: Asked) -> None:
        """A request arrives, however long nobody has waited for its answer by then."""
        road, call = asked.road, asked.call
        if road.is_cut:
            return
        answer = Throttled("too many requests", 1.0) if asked.is_throttled else self._ask(asked.question)
        what = type(call.departure.asked.effect).__name__
        self.trace.note(self.scheduler.now, f"venue did {what} {asked.what}")
        if road.chance(self.faults.drop, "drop", f"answer {call.what}"):
            return
        self.scheduler.after(road.latency(call.what), self._answer, asked, answer)

    def _ask(self, question: Question) -> Any:
        """The venue's answer at this moment, or why there is none."""
        refusal = self.venue.refusal
        return question.request(self.venue) if refusal is None else refusal

    def _answer(self, asked: Asked, answer: Any) -> None:
        if not asked.road.is_cut:
            self._end(asked, answer)

    def _give_up(self, asked: Asked) -> None:
        if not asked.is_over:
            self.trace.note(self.scheduler.now, f"no answer {asked.what}")
        self._end(asked, Unreachable("no answer within the time allowed"))

    def _end(self, asked: Asked, answer: Any) -> None:
        if asked.is_over:
            return
        asked.is_over = True
        call, errand = asked.call, asked.errand
        if call.is_protective and isinstance(answer, Exception):
            call.line.failed(answer)
        if call.is_orphan:
            call.drop()
            return
        while not errand.go(answer) and isinstance(again := errand.asked, Question):
            if again.road not in errand.met:
                break
            is_cut = self.roads[again.road].is_cut
            answer = Unreachable("the line was cut") if is_cut else self._ask(again)
        self._see_to(call, errand)

    def _tell(self, call: Call) -> None:
        if not call.is_orphan:
            call.process.answer(call.departure, call.errands[0].outcome)
