"""The work behind `tradewrit run`: a live desk, put together and run.

Imports what runs, so commands import it when they are called.
"""

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.brokers.paper.http.live import ExchangeLine
from tradewrit.brokers.paper.http.stream import Cut
from tradewrit.config.tree import Config
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.events.registry import name_of
from tradewrit.domain.market import DAY, SECOND
from tradewrit.domain.times import iso
from tradewrit.errors import ConfigError, JournalError, OurFault, Unreachable, WrongVenue
from tradewrit.market.calendar import calendar_for
from tradewrit.research.backtest.setup import Setup
from tradewrit.runtime.clock import Clock, SystemClock, draw_journal_id, seeded, system_entropy
from tradewrit.runtime.desk import Desk, stream_of
from tradewrit.runtime.issuer import Issuer
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.journal.records import Record
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.lease import DEFAULT, Candidacy, LeasePolicy, Tenure, owner_name
from tradewrit.runtime.live.breakers import change
from tradewrit.runtime.live.calls import ThreadWorkers
from tradewrit.runtime.live.deadline import Deadline
from tradewrit.runtime.live.door import Door, door_of
from tradewrit.runtime.live.keeper import Keeper
from tradewrit.runtime.live.opening import overruled
from tradewrit.runtime.live.people import Prove, nobody_proves
from tradewrit.runtime.live.policy import LivePolicy
from tradewrit.runtime.live.reviews import question
from tradewrit.runtime.live.shell import Shell
from tradewrit.runtime.live.starts import Starts
from tradewrit.runtime.live.venue_clock import VenueClock
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.market import LiveMarket
from tradewrit.runtime.outbox import Outbox
from tradewrit.runtime.ports import Broker
from tradewrit.runtime.resilience.breaker import Breaker
from tradewrit.runtime.resilience.guard import Endpoint, GuardedBroker
from tradewrit.runtime.resilience.hedge import HedgedBroker
from tradewrit.runtime.resilience.rate_limit import Budget
from tradewrit.runtime.roles import Terms, roles
from tradewrit.runtime.writs import Writs
from tradewrit.strategies.base import Strategy
from tradewrit.surfaces.cli.aside import Aside, standard_error
from tradewrit.surfaces.cli.exchange_inside import Inside
from tradewrit.surfaces.cli.learning import learn
from tradewrit.surfaces.cli.live_terms import Venue
from tradewrit.surfaces.cli.told import is_told
from tradewrit.surfaces.words import words
from tradewrit.version import VERSION

_SECOND_TIME: Final = 130
_SHARE_OF_LEASE: Final = 4
"""A strategy may take so much of the lease over the bars of one moment, and it can still be renewed."""
_MILLISECOND: Final = SECOND // 1_000
_HEDGE_AFTER_S: Final = 0.5
"""Far beyond what an exchange on this machine takes."""
_LONGEST_PAUSE_S: Final = 2.0
"""Between two tries for a lease that another desk may have left behind: a quarter of its length at most."""
_KEY_HINT: Final = "give the key that the exchange asks for (--key-env NAME), and start the desk anew"
_BUDGET: Final = Budget(calls=1_200)
"""What a desk asks of a paper exchange a minute at most; it has no limit of its own."""


IssuerOf = Callable[[Mapping[str, Terms]], Issuer]


class LiveDesk:
    """Everything that a live desk of one configuration is made of.

    issuer_of: an authority's, for these terms; None for writs in memory. prove: who a person is that logs in.
    inside: the exchange, where it runs in this process; the desk ends when it fails.
    Raises ConfigError for an authority where the market is one of the past: their clocks differ by years.
    """

    def __init__(
        self,
        config: Config,
        setup: Setup,
        strategy: Strategy,
        journal: Path,
        venue: Venue,
        policy: LivePolicy,
        *,
        lease: LeasePolicy = DEFAULT,
        issuer_of: IssuerOf | None = None,
        prove: Prove = nobody_proves,
        inside: Inside | None = None,
    ) -> None:
        self._inside = inside
        self.config = config
        self.setup = setup
        self.strategy = strategy
        self.path = journal
        self.policy = policy
        self.log = standard_error()
        self.machine: Final[Clock] = SystemClock()
        self.client = ExchangeClient(venue.url, venue.key, clock=self.machine)
        found, self.identity = self.client.clock(), self.client.identity()
        self.client.bind(self.identity)
        self.clock = VenueClock(self.machine, found.at or self._first_time())
        chance = seeded(config.seed, "live").random
        self._prove = prove
        self._keeper: Keeper | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.broker = GuardedBroker(
            self._roads(venue),
            f"exchange:{config.account.name}",
            self.machine,
            chance,
            budget=_BUDGET,
            hint=_KEY_HINT,
            heard=self._turned,
        )
        self._chance = chance
        self._line = ExchangeLine(
            self.client, self.clock, after=found.last, identity=self.identity, ticks=venue.symbols
        )
        self._symbols = venue.symbols
        self._journal: SqliteJournal | None = None
        seconds = lease.duration_ns / SECOND / _SHARE_OF_LEASE
        self._deadline = Deadline(seconds, self.machine, self._cannot_be_stopped)
        self._is_replay = abs(self.machine.now() - self.clock.now()) > DAY
        if issuer_of is not None and self._is_replay:
            raise ConfigError(
                f"the exchange plays {iso(self.clock.now())[:10]}, and tokens of the authority live by "
                "the time of now: leave out --authority, writs in memory do for a market of the past"
            )
        self._lease = lease
        self._terms = roles(
            setup.mode,
            "paper",
            symbols=config.risk.allowed_symbols,
            executor=setup.entries,
            protective_ttl_s=config.writs.protective_ttl_s,
        )
        self._issuer = None if issuer_of is None else issuer_of(self._terms)
        self._owner = owner_name(system_entropy)
        calendar = config.data.calendar
        self._sessions = None if calendar is None else calendar_for(calendar)

    def _roads(self, venue: Venue) -> Broker:
        """The way to the exchange; with a second one, what protects goes by both when the first is slow."""
        if not venue.second:
            return self.client
        other = ExchangeClient(venue.second, venue.key, clock=self.machine)
        if (answering := other.identity()) != self.identity:
            raise ConfigError(
                f"{venue.second} is {answering}, and {venue.url} is {self.identity}: a second road must lead "
                "to the same account"
            )
        other.bind(self.identity)
        return HedgedBroker(
            self.client,
            other,
            after_s=_HEDGE_AFTER_S,
            breached=self._breached,
            spend=lambda protects: self.broker.spend(is_protective=protects),
        )

    def _breached(self, reports: Sequence[ExecutionReport]) -> None:
        """From any thread: the venue took one order twice, and this is what it said of the later one."""
        for report in reports:
            self._in_loop(partial(Keeper.say, event=report))

    def _turned(self, endpoint: Endpoint, breaker: Breaker) -> None:
        """From any thread: a breaker has changed its gate."""
        event = change(f"exchange:{self.config.account.name}", endpoint, breaker, _KEY_HINT, self.clock)
        if event is not None:
            self._in_loop(lambda keeper: keeper.say(event))

    def _in_loop(self, tell: Callable[[Keeper], object]) -> None:
        keeper, loop = self._keeper, self._loop
        if keeper is not None and loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and with it whoever would hear
                loop.call_soon_threadsafe(tell, keeper)

    def _first_time(self) -> int:
        """The first time that a market shows which has not begun: it may wait for somebody to listen."""
        self.log.say("the market of the exchange has not begun; waiting for its first price")
        events = self.client.events()
        try:
            for _, message in events:
                if isinstance(message, Cut) and self._inside is not None:
                    self._inside.join()  # nobody will call again
                    self._inside.check()
                if at := getattr(message, "at", 0) or getattr(message, "closed_at", 0):
                    return int(at)
        finally:
            events.close()
        raise Unreachable("the exchange ended before its market began")

    def _lose_exchange(self, why: str) -> None:
        """From any thread: the exchange in this process has failed, and nobody will answer any more."""
        self._in_loop(lambda keeper: keeper.stop(f"the paper exchange of this desk has failed: {why}"))

    def say(self, text: str) -> None:
        """A line for people, with the time at the venue."""
        now = self.clock.now()
        self.log.say(f"{iso(now - now % _MILLISECOND)} {text}")

    def _tell(self, event: Event, record: Record | None) -> None:
        if record is not None and is_told(event):
            self.say(f"{name_of(type(event))}: {words(event)}")

    def open_shell(self) -> Shell:
        """Begin a life: the journal anew, the lease, the desk.

        Raises LeaseHeld, JournalError, and WrongVenue for the journal of another exchange.
        """
        self.close()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        journal = self._journal = SqliteJournal.open(
            self.path,
            id=draw_journal_id(None),
            created_at=self.machine.now(),
            synchronous="FULL" if self.config.journal.synchronous == "full" else "NORMAL",
        )
        stream = stream_of(self.setup.account)
        tenure = Candidacy(journal, stream, self._owner, self.machine, self._lease).take()
        outbox = Outbox()
        try:
            desk = self._desk(journal, tenure, outbox)
        except WrongVenue:
            tenure.give_up()
            raise
        self._line = self._line.again()
        _settle()
        return Shell(
            desk,
            outbox,
            self.clock,
            ThreadWorkers(asyncio.get_running_loop()),
            streams=[self._line],
            sessions=self._sessions,
            policy=self.policy,
            chance=self._chance,
            log=self.say,
            skew_s=lambda: self.clock.skew_s,
            breakers=lambda: self.broker.breakers,
        )

    def _desk(self, journal: Journal, tenure: Tenure, outbox: Outbox) -> Desk:
        opening = self.setup.opening(journal.id, self.strategy.name(), self.clock.now(), VERSION)
        desk = Desk(
            opening,
            journal=journal,
            market=learn(self._market, self.client, self._symbols, tenure.keep, self.say),
            broker=self.broker,
            clock=self.clock,
            writs=self._writs(),
            ask_people=lambda *which: self.say(question(*which)),
            listeners=[self._tell],
            snapshot_every=10_000,
            tenure=tenure,
            outbox=outbox,
            identity=self.identity,
        )
        for line in overruled(opening, desk.books):
            self.say(line)
        return desk

    def _market(self) -> LiveMarket:
        return LiveMarket(
            self.strategy,
            self.setup.instrument,
            self._sessions,
            sizing=self.setup.sizing,
            limit=self._deadline,
        )

    def _cannot_be_stopped(self) -> None:
        """The strategy catches every alarm: only the end of the process ends it."""
        self.say(
            f"{self.strategy.name()} does not come back and cannot be stopped: the desk ends; stops stay at "
            "the venue, and the next start asks it what was in flight"
        )
        self.log.close()
        os._exit(1)

    def _writs(self) -> Writs:
        """Those of one life. Where minutes pass in a second a writ in memory must not die of that."""
        issuer, writs = self._issuer, self.config.writs
        if issuer is None:
            name = f"{self._owner}:{self.machine.now()}"
            issuer = LocalIssuer(name, self.setup.account, ttl_s=None if self._is_replay else writs.ttl_s)
        return Writs(issuer, self._terms, kill_grace_s=writs.kill_grace_s)

    def close(self) -> None:
        """Let go of the journal."""
        if self._journal is not None:
            with suppress(JournalError):  # what is on record is on the disk already
                self._journal.close()
            self._journal = None

    async def run(self, begun: Callable[[], object]) -> None:
        """Until a signal, or a person at the door, asks to stop."""
        starts = Starts(self.path.with_name(f"{self.path.name}.starts"), self.policy.starts)
        pause_s = min(_LONGEST_PAUSE_S, self._lease.duration_ns / SECOND / 4)
        keeper = self._keeper = Keeper(
            self.open_shell,
            self.broker,
            starts,
            self.machine,
            self.say,
            pause_s=pause_s,
            prove=self._prove,
        )
        door = Door(door_of(self.path), keeper.reception.receive, keeper.reception.failed)
        loop = self._loop = asyncio.get_running_loop()
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, _stop, keeper, self.log, one)
        if self._inside is not None:
            self._inside.watch(self._lose_exchange)
        opening: list[asyncio.Task[None]] = []

        async def open_door() -> None:
            try:
                await door.open()
            except OurFault as why:  # what is held is looked after all the same
                self.say(f"NO DOOR: {why}; no command reaches this desk, but Ctrl-C and SIGTERM do")

        def live() -> None:
            opening.append(asyncio.ensure_future(open_door()))
            begun()

        try:
            await keeper.run(live)
        finally:
            await asyncio.gather(*opening, return_exceptions=True)
            await door.close()
            self.close()
            self.log.close()


def _settle() -> None:
    """Leave what is there by now, and lives as long as the desk, out of every later garbage collection.

    To look through all of it takes some 80 ms, in which no input is taken.
    """
    gc.unfreeze()  # the life before this one is garbage
    gc.collect()
    gc.freeze()


def _stop(keeper: Keeper, log: Aside, number: int) -> None:
    """The first time asks; the second time does not wait. The journal is whole either way."""
    name = signal.Signals(number).name
    if keeper.is_stopping:
        log.say(f"{name} again: ended at once; the next start asks the venue what was in flight")
        log.close()
        os._exit(_SECOND_TIME)
    keeper.stop(name)
