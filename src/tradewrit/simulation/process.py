"""One process of a simulated world: a real desk in a small shell, which dies, comes back, and stands still.

    inputs ─▶ inbox ─▶ desk ─▶ depart ─▶ wire      (killed at any of the points between)

The shell is what a live one is: one thread for the desk, a tick a second, and calls that come back later.
"""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import (
    QuoteReceived,
    SymbolHalted,
    SymbolHaltLifted,
)
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.instruments import plain
from tradewrit.domain.market import SECOND, Bar, Quote
from tradewrit.errors import JournalConflict, JournalUnwritable, LeaseHeld, LeaseLost
from tradewrit.runtime.bus.memory import InProcessBus
from tradewrit.runtime.clock import seeded
from tradewrit.runtime.control import Control
from tradewrit.runtime.desk import Desk, stream_of
from tradewrit.runtime.lease import Candidacy, Tenure
from tradewrit.runtime.market import LiveMarket
from tradewrit.runtime.outbox import Outbox
from tradewrit.runtime.perform import Departure, observed
from tradewrit.runtime.ports import Broker
from tradewrit.runtime.resilience.guard import GuardedBroker
from tradewrit.runtime.resilience.hedge import HedgedBroker
from tradewrit.runtime.resilience.rate_limit import Budget
from tradewrit.runtime.roles import roles
from tradewrit.runtime.writs import Writs
from tradewrit.simulation.disk import DiskJournal
from tradewrit.simulation.line import Line
from tradewrit.simulation.points import Killed
from tradewrit.simulation.road import MS
from tradewrit.simulation.rounds import Rounds
from tradewrit.simulation.scheduler import NodeClock
from tradewrit.simulation.stream import Stream
from tradewrit.simulation.venue import Said

if TYPE_CHECKING:
    from tradewrit.simulation.world import World

_RETRY: Final = SECOND
_HEDGE_AFTER_S: Final = 0.5
Task = Callable[[Desk], object]


class Process:
    """One process that runs, or wants to run, the account's desk.

    run: counts its lives. desk: None while it is down. owner, tenure: of its lease, where there is one.
    line, guard: its way to the venue, and what stands before it, of its last life.
    up_since: monotonic ns of its clock.
    """

    def __init__(self, world: "World", name: str, clock: NodeClock) -> None:
        self._world = world
        self.name = name
        self.clock = clock
        self.run = 0
        self.desk: Desk | None = None
        self.control: Control | None = None
        self.owner = ""
        self.tenure: Tenure | None = None
        self.is_wanted = False
        self.stops_until = 0
        self.up_since = 0
        self.stream = Stream(self, world.wire, has_cursor=world.plan.capabilities.event_cursor)
        self._inbox: deque[Task] = deque()
        self._unsent = False
        self._is_draining = False
        self._candidacy: Candidacy | None = None
        self._rounds = Rounds(self, world)

    # -- life

    def start(self) -> None:
        """Come up, or try again in a second where somebody else has the account, or the disk is full."""
        self.is_wanted = True
        if self.desk is not None:
            return
        world = self._world
        self.run += 1
        try:
            world.points.reach("process.start")
            self._open()
        except Killed as death:
            world.died(self, death)
        except LeaseHeld:
            world.scheduler.after(_RETRY, self._try_again, self.run)
        except (JournalUnwritable, LeaseLost, JournalConflict) as why:
            world.trace.note(world.scheduler.now, f"{self.name}: cannot start: {type(why).__name__}")
            self.desk, self._candidacy = None, None
            world.scheduler.after(_RETRY, self._try_again, self.run)
        except Exception as broken:  # noqa: BLE001 - whatever it raises, the desk may not
            world.watch.broke(self, broken)

    def _try_again(self, run: int) -> None:
        if self.run == run and self.is_wanted:
            self.start()

    def _open(self) -> None:
        world, plan = self._world, self._world.plan
        journal = DiskJournal(world.disk, world.points.reach, self._stall)
        tenure = self.tenure = self._take_lease(journal)
        market = LiveMarket(world.strategy, lambda symbol: plain(symbol, "USD"), world.hours)
        for bars in world.history:
            market.absorb(bars)
        bus = InProcessBus()
        terms = roles("paper", "paper")
        self.line = Line(world.wire.crew, plan.capabilities, world.scheduler)
        self.guard = GuardedBroker(
            self._roads(),
            "venue:paper",
            self.clock,
            seeded(plan.seed, f"guard {self.name} {self.run}").random,
            budget=Budget(calls=plan.calls_per_minute),
        )
        self._inbox.clear()
        self._unsent = True
        self.desk = Desk(
            world.opening,
            journal=journal,
            market=market,
            broker=self.guard,
            clock=self.clock,
            bus=bus if world.is_watched else None,
            kernel=world.kernel,
            writs=Writs(world.authority, terms),
            ask_people=partial(world.people.asked, self),
            listeners=(partial(world.watch.heard, self),),
            snapshot_every=plan.snapshot_every,
            tenure=tenure,
            outbox=Outbox(),
        )
        self.control = Control(self.desk, bus)
        self.up_since = self.clock.monotonic()
        self._rounds = Rounds(self, world)
        world.trace.note(world.scheduler.now, f"{self.name}: up, run {self.run}")
        world.watch.started(self, market)
        self.stream.connect()
        world.scheduler.after(SECOND, self._beat, self.run)
        self._drain()

    def _roads(self) -> Broker:
        """As a live desk: with a second road, what protects goes by both when the first is slow."""
        if not self._world.plan.second_road:
            return self.line
        return HedgedBroker(
            self.line,
            self.line.beside(),
            after_s=_HEDGE_AFTER_S,
            breached=self.breached,
            by=self._world.wire.crew,
            spend=lambda protects: self.guard.spend(is_protective=protects),
        )

    def _take_lease(self, journal: DiskJournal) -> Tenure | None:
        world = self._world
        if not world.plan.has_lease:
            return None
        if self._candidacy is None:
            self.owner = f"{self.name}:{self.run}"
            stream = stream_of(world.opening.account)
            self._candidacy = Candidacy(journal, stream, self.owner, self.clock)
        return self._candidacy.take()

    def die(self) -> None:
        """Everything in memory is gone; what was sent is on its way."""
        self.run += 1
        self.desk = self.control = self._candidacy = None
        self._inbox.clear()
        self.stops_until = 0
        self.stream.lose()

    def retire(self) -> None:
        """A graceful stop: writs and lease are given back."""
        self.is_wanted = False
        if self.desk is not None:
            self._do(lambda desk: desk.stop())
            self.die()

    # -- inputs

    def deliver(self, task: Task) -> None:
        """One input for the desk; lost when the process is down."""
        if self.desk is not None:
            self._inbox.append(task)
            self._drain()

    def hear(self, said: Said) -> None:
        """The stream brought a report, or word of a halt, which counts from when it is heard."""
        if isinstance(said, SymbolHalted | SymbolHaltLifted):
            said = replace(said, at=self.clock.now())
        self.deliver(lambda desk: self._feed(desk, (said,), "venue"))

    def answer(self, departure: Departure, outcome: Sequence[Event]) -> None:
        """A call came back."""
        self.deliver(partial(self._arrive, departure, outcome))

    def survives(self, point: str) -> bool:
        """Whether it comes past a point in the middle of a call."""
        try:
            self._world.points.reach(point)
        except Killed as death:
            self._world.died(self, death)
            return False
        return True

    def breached(self, reports: Sequence[ExecutionReport]) -> None:
        """The venue took one order twice: the desk hears what it said of the later one."""
        self._world.trace.note(self._world.scheduler.now, f"{self.name}: one id, two orders")
        self._world.scheduler.after(MS, self._hear_of_twin, tuple(reports), self.run)

    def _hear_of_twin(self, reports: Sequence[ExecutionReport], run: int) -> None:
        if run == self.run:
            self.deliver(lambda desk: self._feed(desk, observed(reports, self.clock.now()), "desk"))

    def kept_back(self, departure: Departure) -> None:
        """The guard let a call not through."""
        self._world.watch.kept_back(self, departure)

    def close_bars(self, bars: Sequence[Bar]) -> None:
        """Bars of one time have closed."""
        self.deliver(lambda desk: desk.close_bars(bars, self.clock.now()))

    def quote(self, quote: Quote) -> None:
        """A quote came."""
        self.deliver(lambda desk: desk.feed(QuoteReceived(at=self.clock.now(), quote=quote), "market"))

    def reconcile(self, cause: str) -> None:
        """The session closes, or somebody asks: hold the books against the venue."""
        self.deliver(lambda desk: desk.reconcile(cause))

    def pause(self, ns: int) -> None:
        """Stand still: nothing is taken and nothing sent until then."""
        self.stops_until = max(self.stops_until, self._world.scheduler.now + ns)

    def _stall(self) -> None:
        """The disk may have taken its time: what was decided is on it, and leaves late."""
        ns = self._world.stall()
        if ns:
            self.pause(ns)

    # -- the shell's loop

    def _beat(self, run: int) -> None:
        if run == self.run and self.desk is not None:
            self.deliver(self._rounds.tick)
            self._world.scheduler.after(SECOND, self._beat, run)

    def _feed(self, desk: Desk, events: Sequence[Event], source: str) -> None:
        desk.feed_all(events, source)
        self._world.watch.fed(self, events)

    def _arrive(self, departure: Departure, outcome: Sequence[Event], desk: Desk) -> None:
        self._world.points.reach("answer.held")
        self._world.watch.landed(self, departure)
        desk.arrive(departure, outcome)
        self._world.watch.fed(self, outcome)

    def _drain(self) -> None:
        if self._is_draining:
            return
        self._is_draining = True
        try:
            while self.desk is not None and self._is_awake():
                if self._unsent:
                    if not self._do(self._send):
                        return
                    self._unsent = False
                elif not self._inbox:
                    return
                elif self._do(self._inbox[0]):
                    if self._inbox:
                        self._inbox.popleft()
                    self._unsent = True
                else:
                    return
        finally:
            self._is_draining = False

    def _is_awake(self) -> bool:
        world = self._world
        if world.scheduler.now >= self.stops_until:
            return True
        world.scheduler.at(self.stops_until, self._wake, self.run)
        return False

    def _wake(self, run: int) -> None:
        if run == self.run:
            self._drain()

    def _do(self, task: Task) -> bool:
        """Whether the process is still there, and the task is done."""
        world, desk = self._world, self.desk
        if desk is None:
            return False
        try:
            task(desk)
        except Killed as death:
            world.died(self, death)
            return False
        except (LeaseLost, JournalConflict) as lost:
            world.trace.note(world.scheduler.now, f"{self.name}: {type(lost).__name__}")
            self.die()
            world.scheduler.after(_RETRY, self._try_again, self.run)
            return False
        except JournalUnwritable:
            self.stops_until = world.scheduler.now + _RETRY
            world.scheduler.at(self.stops_until, self._wake, self.run)
            return False
        except Exception as broken:  # noqa: BLE001 - whatever it raises, the desk may not
            world.watch.broke(self, broken)
            return False
        world.watch.stepped(self)
        return True

    def _send(self, desk: Desk) -> None:
        world = self._world
        while (departure := desk.depart()) is not None:
            world.watch.leaving(self, departure)
            world.points.reach("send.before")
            world.wire.call(self, departure)
            world.points.reach("send.after")
