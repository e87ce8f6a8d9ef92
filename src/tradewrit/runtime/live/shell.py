"""The shell of a live desk: asyncio outside, the same synchronous desk inside.

    lines, people, timers ─▶ Lanes ─▶ one input at a time ─▶ Desk ─▶ Calls ─▶ venue
                                            ▲                           │
                                            └──── what came of it ◀─────┘

Everything that touches the desk or its journal happens in the loop's thread; only the blocking part of a
call is done elsewhere. Nothing is fed while the journal cannot be written: what was to be fed waits, its
sources wait, and it is tried again. What must not go on (a lost lease, a broken disk) ends the shell.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from typing import Final, TypeVar

from msgspec.structs import replace

from tradewrit.domain.events.account import AccountReported
from tradewrit.domain.events.base import Event
from tradewrit.domain.market import SECOND
from tradewrit.domain.writs import DESK
from tradewrit.errors import JournalBroken, JournalError, JournalUnwritable, LeaseLost, OurFault
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.desk import Desk
from tradewrit.runtime.live.breakers import standing
from tradewrit.runtime.live.calls import Calls, Outcome, Workers, waited_for
from tradewrit.runtime.live.entries import Entries, taking_back
from tradewrit.runtime.live.intake import Intake
from tradewrit.runtime.live.lanes import Input, Lanes, NotTakenError, Priority, Put
from tradewrit.runtime.live.lines import Line, Stream
from tradewrit.runtime.live.policy import LivePolicy
from tradewrit.runtime.live.rounds import Rounds
from tradewrit.runtime.live.status import LineStatus, Mode, Status, because, figures
from tradewrit.runtime.market import Sessions
from tradewrit.runtime.outbox import Outbox
from tradewrit.runtime.perform import Departure
from tradewrit.runtime.resilience.breaker import Breaker
from tradewrit.runtime.resilience.guard import Endpoint

_OVER: Final = "the desk has stopped"
_COMPARING: Final = "compare"
_BATCH: Final = 64
"""Inputs between two looks at what else the loop has to do."""

Log = Callable[[str], None]
T = TypeVar("T")


class Ended(Enum):
    """Why a shell is over."""

    STOPPED = "stopped"
    """As asked: what was in flight is settled, or on record to be asked about."""
    OUT_OF_JOURNAL = "out_of_journal"
    """The journal could not be written for longer than the lease lasts: open it anew, when it can be."""


class Shell:
    """One life of a desk: from its start to a stop, or to what must not go on.

    outbox: the desk's. sessions: of its market; None where nobody knows. chance: draws from 0 to 1.
    log: takes lines for people. skew_s: how far the machine's clock is ahead of the venue's; None where
    nobody can say. breakers: of the way to the venue.
    """

    def __init__(
        self,
        desk: Desk,
        outbox: Outbox,
        clock: Clock,
        workers: Workers,
        *,
        streams: Sequence[Stream] = (),
        sessions: Sessions | None = None,
        policy: LivePolicy | None = None,
        chance: Callable[[], float] = lambda: 0.0,
        log: Log = lambda _: None,
        skew_s: Callable[[], float | None] = lambda: None,
        breakers: Callable[[], Mapping[Endpoint, Breaker]] = dict,
        lanes: Lanes | None = None,
    ) -> None:
        self.desk = desk
        self.outbox = outbox
        self.clock = clock
        self.policy = policy or LivePolicy()
        self.log = log
        self.skew_s = skew_s
        self._breakers = breakers
        self.lanes = Lanes() if lanes is None else lanes
        self.lines = [
            Line(stream, clock, self.policy.patience, chance, self.offer, self._told) for stream in streams
        ]
        self._workers = workers
        self.intake = Intake(desk, self.lanes, clock, log, self._heard)
        self.calls = Calls(workers, clock, self.policy.calls, self._arrived, self._late)
        self.rounds = Rounds(self, sessions)
        self.entries = Entries(desk.writs, clock, self.say)
        self._stopping = ""
        self._stop_by = 0
        self._wake = asyncio.Event()
        self._room = asyncio.Event()

    # -- from outside

    async def run(self) -> Ended:
        """Work until somebody asks to stop. Raises what must not be gone on after."""
        tasks = [asyncio.ensure_future(line.keep_open()) for line in self.lines]
        tasks.append(asyncio.ensure_future(self._tick_on()))
        try:
            for line in self.lines:
                self.entries.withhold(f"line {line.name}", f"{line.name} is not heard yet")
            self.rounds.begin()
            return await self._work(tasks)
        except LeaseLost:
            if self.intake.unwritable:
                self.log(
                    f"the lease ran out while the journal could not be written: {self.intake.unwritable}"
                )
                return Ended.OUT_OF_JOURNAL
            raise
        except JournalError:
            raise
        except Exception:
            # A bug, or a line to the wrong exchange: the account need not wait for the lease to run out.
            try:
                self.desk.stop()
            except Exception as worse:  # noqa: BLE001 - what is raised is why it ends
                self.log(f"the writs and the lease could not be given up: {worse}")
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.intake.give_up(_OVER)
            self.lanes.clear(*Priority, reason=_OVER)
            for drop in self.lanes.dropped():
                self.log(f"not taken: {drop.count} x {drop.what} {drop.about}: {drop.reason}")

    def stop(self, reason: str) -> None:
        """No entry leaves any more; stops stay at the venue; what is in flight is waited for, for a while."""
        if not self._stopping:
            self._stopping = reason
            self.log(f"stopping: {reason}; stops stay at the venue, no entry leaves")
            self.entries.withhold("stop", f"the desk is stopping: {reason}")
            self.lanes.clear(Priority.ENTRIES, reason=reason)
            if self.policy.cancels_entries_on_stop:
                for cancel in taking_back(
                    self.desk.books, self.clock.now(), f"the desk is stopping: {reason}"
                ):
                    self.say(cancel)
            self._stop_by = self.clock.monotonic() + self.policy.drain_ns
            self._wake.set()

    async def offer(self, item: Input) -> None:
        """Put an input in, once there is room for it."""
        while self.put(item) is Put.WAIT:
            self._room.clear()
            await self._room.wait()

    def put(self, item: Input) -> Put:
        """Put an input in, or say that there is no room."""
        if item.priority is Priority.ENTRIES:
            if item.good_until is None:
                item = replace(item, good_until=self.clock.monotonic() + self.policy.entry_ttl_ns)
            if self._stopping or self.intake.unwritable:
                self.lanes.drop(item, because([self._stopping, self.intake.unwritable]))
                return Put.REFUSED
        put = self.lanes.put(item)
        if put is not Put.WAIT:
            self._wake.set()
        return put

    async def ask(
        self, *events: Event, source: str = DESK, priority: Priority = Priority.FACTS
    ) -> tuple[Event, ...]:
        """Put events in and wait for what they lead to; raises what they were refused with."""
        answered: asyncio.Future[tuple[Event, ...] | Exception] = asyncio.get_running_loop().create_future()

        def reply(said: tuple[Event, ...] | Exception) -> None:
            if not answered.done():
                answered.set_result(said)

        await self.offer(Input(priority=priority, events=events, source=source, reply=reply))
        return taken(await answered)

    async def blocking(self, call: Callable[[], T]) -> T:
        """What a call that blocks returns or raises; it runs where the calls do, and has their deadline."""
        return await waited_for(self._workers, call, self.policy.calls.deadline_ns / SECOND)

    def say(self, event: Event) -> None:
        """Put what the shell itself has noticed on record, as soon as that is possible."""
        self.intake.say(event)
        self._wake.set()

    def compare(self, cause: str, *, is_awaited: bool = False) -> None:
        """Ask the venue how it sees the account. is_awaited: no entry leaves before it has answered."""
        if is_awaited:
            self.entries.withhold(_COMPARING, f"the account is being compared with the venue ({cause})")
        self.intake.reconcile(cause)
        self._wake.set()

    @property
    def is_comparing(self) -> bool:
        """Whether entries wait for the venue's view of the account."""
        return self.entries.is_withheld_for(_COMPARING)

    def status(self) -> Status:
        """How it stands."""
        now, books = self.clock.monotonic(), self.desk.books
        mode, why = self._mode()
        return Status(
            at=self.clock.now(),
            mode=mode,
            because=why,
            waits=len(self.outbox),
            flying=self.calls.in_flight,
            queued=tuple(self.lanes.depth(lane) for lane in Priority),
            dropped=self.intake.dropped,
            refused=self.intake.refused,
            ticks=self.intake.complaints.ticks,
            gaps=self.intake.complaints.gaps,
            overdue=self.calls.overdue,
            skew_s=self.skew_s(),
            lines=tuple(
                LineStatus(line.name, line.is_up, line.heard_ago_s(now), line.cuts) for line in self.lines
            ),
            breakers=standing(self._breakers(), now),
            **figures(books, self.desk.market, self.clock.now()),  # type: ignore[arg-type]  # by name, as Status has them
        )

    def _mode(self) -> tuple[Mode, str]:
        if self.intake.unwritable:
            return Mode.SAFE, self.intake.unwritable
        if self._stopping:
            return Mode.STOPPING, self._stopping
        if self.desk.books.halted:
            return Mode.HALTED, self.desk.books.halted
        withheld = self.entries.withheld
        return (Mode.GUARDED, withheld) if withheld else (Mode.RUNNING, "")

    # -- the loop

    async def _work(self, tasks: Sequence["asyncio.Task[None]"]) -> Ended:
        while True:
            self._wake.clear()
            is_more = self._take_some()
            self._depart()
            for task in tasks:
                if task.done():
                    task.result()  # what ended it must not be gone on after
            if self._stopping and (self._is_drained() or self.clock.monotonic() >= self._stop_by):
                return self._end()
            if is_more:
                await asyncio.sleep(0)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self.policy.tick_ns / SECOND):
                    await self._wake.wait()

    def _take_some(self) -> bool:
        """Feed what is most urgent, a batch at most; returns whether there is more."""
        for _ in range(_BATCH):
            if not self.intake.take():
                return False
            self._room.set()
            self._depart()
        return True

    def _depart(self) -> None:
        """Send what may leave, as far as workers are free."""
        try:
            while not self.intake.unwritable and (least := self.calls.least()) is not None:
                departure = self.desk.depart(least)
                if departure is None:
                    return
                self.calls.start(departure)
        except JournalBroken:
            raise
        except JournalUnwritable as full:
            self.intake.lose_journal(full)

    def _heard(self, said: Sequence[Event]) -> None:
        if any(isinstance(event, AccountReported) for event in said):
            self.entries.allow(_COMPARING)

    def _arrived(self, departure: Departure, outcome: Outcome) -> None:
        self.intake.land(departure, outcome)
        self._wake.set()

    def _late(self, departure: Departure, outcome: Outcome) -> None:
        self.intake.late(departure, outcome)
        self._wake.set()

    def _told(self, line: Line, reason: str) -> None:
        self.rounds.told(line, reason)

    # -- by the clock

    async def _tick_on(self) -> None:
        while True:
            await asyncio.sleep(self.policy.tick_ns / SECOND)
            self._tick()
            self._wake.set()

    def _tick(self) -> None:
        try:
            self.desk.tick()
            if self.intake.unwritable:
                self.intake.try_journal()
        except JournalBroken:
            raise
        except JournalUnwritable as full:
            self.intake.lose_journal(full)
        except JournalError:
            raise
        except Exception as bug:  # noqa: BLE001 - as with any other input
            self.intake.poison(None, bug)
        self.rounds.tick()

    # -- the end

    def _is_drained(self) -> bool:
        waiting = any(self.lanes.depth(lane) for lane in Priority if lane is not Priority.MARKET)
        return self.outbox.is_idle and self.intake.is_empty and not waiting

    def _end(self) -> Ended:
        left = self.calls.in_flight
        if left:
            self.log(f"{left} calls are still in flight: the next start asks the venue what became of them")
        with suppress(JournalUnwritable):
            self.desk.stop()
        self.log("stopped: the writs and the lease are given up, the journal is on disk")
        return Ended.STOPPED


def taken(reply: tuple[Event, ...] | Exception) -> tuple[Event, ...]:
    """What an input led to; raises what it was refused with."""
    if isinstance(reply, NotTakenError):
        raise OurFault(str(reply)) from reply
    if isinstance(reply, Exception):
        raise reply
    return reply
