"""Calls in flight: what the desk sends outside is done by workers, each with a deadline.

    desk.depart ─▶ Calls ─▶ a worker runs departure.work ─▶ arrived(departure, outcome)
                     └─ its deadline passes first ─▶ arrived(departure, what not knowing means)
                                                     and late(outcome), should it come after all

Some workers are kept for what reduces risk, so that slow entries and questions cannot hold up a stop.
Knows no desk and no venue; the loop's thread owns it.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Final, Protocol, TypeVar

import msgspec

from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.market import SECOND
from tradewrit.errors import Unreachable
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.live.silent import SilentBroker
from tradewrit.runtime.outbox import Lane
from tradewrit.runtime.perform import Departure, venue_handlers

Outcome = Sequence[Event]
Work = Callable[[], Outcome]
Done = Callable[[Outcome | BaseException], None]
T = TypeVar("T")


class Workers(Protocol):
    """Who does the blocking part."""

    def start(self, work: Work, done: Done) -> None:
        """Run `work` somewhere, then `done` with what it returned or raised, in the loop's thread."""
        ...


class CallPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many calls may be in flight, how many of them are kept for protection, and for how long each."""

    most: int = 8
    reserved: int = 4
    deadline_ns: int = 10 * SECOND

    def __post_init__(self) -> None:
        if not 0 < self.reserved < self.most or self.deadline_ns <= 0:
            raise ValueError("calls need a deadline, and more workers than are reserved for protection")


class Calls:
    """The calls of one desk. arrived: told once of each. late: told of what came after its deadline."""

    def __init__(
        self,
        workers: Workers,
        clock: Clock,
        policy: CallPolicy,
        arrived: Callable[[Departure, Outcome], None],
        late: Callable[[Departure, Outcome], None],
    ) -> None:
        self._workers = workers
        self._clock = clock
        self._policy = policy
        self._arrived = arrived
        self._late = late
        self._flying = 0
        self._lost: Final = venue_handlers(
            SilentBroker(f"no answer within {policy.deadline_ns / SECOND:g} s: nothing is known of it")
        )
        self.overdue = 0

    @property
    def in_flight(self) -> int:
        """Calls that are neither answered nor overdue."""
        return self._flying

    def least(self) -> Lane | None:
        """The least urgent lane that may send now; None when no worker is free."""
        if self._flying >= self._policy.most:
            return None
        return Lane.EXITS if self._flying >= self._policy.most - self._policy.reserved else Lane.DATA

    def start(self, departure: Departure) -> None:
        """Send it. `arrived` is called for it once, whatever happens."""
        flight = _Flight(departure, self._land, self._late, self._unknown)
        self._flying += 1
        loop = asyncio.get_running_loop()
        flight.timer = loop.call_later(self._policy.deadline_ns / SECOND, self._give_up, flight)
        now = self._clock.now()
        self._workers.start(lambda: departure.work(now), flight.answer)

    def _give_up(self, flight: "_Flight") -> None:
        self.overdue += flight.give_up()

    def _land(self, departure: Departure, outcome: Outcome) -> None:
        self._flying -= 1
        self._arrived(departure, outcome)

    def _unknown(self, departure: Departure) -> Outcome:
        """What it means that a call was lost: what the desk itself says of an unreachable venue."""
        handler = self._lost.get(type(departure.asked.effect))
        if handler is None:
            return ()
        return handler(departure.asked.effect, departure.grant, self._clock.now())


Told = Callable[[Departure, Outcome], None]


class _Flight:
    """One call: answered, or given up and perhaps answered late."""

    def __init__(
        self, departure: Departure, land: Told, late: Told, unknown: Callable[[Departure], Outcome]
    ) -> None:
        self._departure = departure
        self._land = land
        self._late = late
        self._unknown = unknown
        self._is_over = False
        self.timer: asyncio.TimerHandle | None = None

    def answer(self, outcome: Outcome | BaseException) -> None:
        """The worker is done. What it raised says no more than a lost line."""
        if isinstance(outcome, BaseException):
            outcome = self._unknown(self._departure)
        if self._is_over:
            self._late(self._departure, _from_the_venue(outcome))
            return
        self._end()
        self._land(self._departure, outcome)

    def give_up(self) -> bool:
        """The deadline has passed; returns whether it was still waited for."""
        if self._is_over:
            return False
        self._end()
        self._land(self._departure, self._unknown(self._departure))
        return True

    def _end(self) -> None:
        self._is_over = True
        if self.timer is not None:
            self.timer.cancel()


def _from_the_venue(outcome: Outcome) -> Outcome:
    """Of a late answer only what the venue itself said: what our own side made of it is long decided.

    A late "it was not sent" would end an order that has been sent again meanwhile.
    """
    return tuple(
        event
        for event in outcome
        if not (isinstance(event, ExecutionReport) and event.exec_id.startswith("desk:"))
    )


async def waited_for(workers: Workers, call: Callable[[], T], deadline_s: float) -> T:
    """What a call returns or raises; Unreachable when that takes longer than `deadline_s`."""
    answered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    found: list[T] = []

    def work() -> Outcome:
        found.append(call())
        return ()

    def done(outcome: Outcome | BaseException) -> None:
        if answered.done():
            return
        if isinstance(outcome, BaseException):
            answered.set_exception(outcome)
        else:
            answered.set_result(found[0])

    workers.start(work, done)
    try:
        return await asyncio.wait_for(answered, deadline_s)
    except TimeoutError:
        raise Unreachable(f"no answer within {deadline_s:g} s") from None


class ThreadWorkers:
    """Daemon threads, made as needed: one that hangs in a call hinders neither the others nor the end.

    most: threads at most, those that hang included; beyond, a call counts as lost at once.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int = 64) -> None:
        self._loop = loop
        self._most = most
        self._jobs: SimpleQueue[tuple[Work, Done]] = SimpleQueue()
        self._made = 0
        self._busy = 0

    def start(self, work: Work, done: Done) -> None:
        """See `Workers.start`."""
        if self._busy >= self._most:
            self._loop.call_soon(done, Unreachable(f"all {self._most} workers hang in calls"))
            return
        self._busy += 1
        if self._busy > self._made:
            self._made += 1
            threading.Thread(target=self._serve, name=f"tradewrit-call-{self._made}", daemon=True).start()
        self._jobs.put((work, done))

    def _serve(self) -> None:
        while True:
            work, done = self._jobs.get()
            try:
                outcome: Outcome | BaseException = work()
            except BaseException as failed:  # noqa: BLE001 - the loop's thread decides what it means
                outcome = failed
            try:
                self._loop.call_soon_threadsafe(self._finish, done, outcome)
            except RuntimeError:
                return  # the loop has ended, and with it whoever would hear

    def _finish(self, done: Done, outcome: Outcome | BaseException) -> None:
        self._busy -= 1
        done(outcome)
