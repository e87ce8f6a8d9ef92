"""A live desk in virtual time: the real shell and desk, the paper exchange behind slow and failing calls.

async def story(live: Live) -> None:
    await live.enter()
    ...
play(story)
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any

from tests.desks import BUY, JOURNAL_ID, START, SYMBOL, Scripted
from tests.unruly import Unruly
from tests.virtual_loop import VirtualWorkers, in_virtual_time
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.books import Books
from tradewrit.domain.capabilities import PAPER, Protection
from tradewrit.domain.events.account import AccountOpened
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import QuoteReceived
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.fees import BpsFee
from tradewrit.domain.instruments import plain
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import SECOND, Bar, Quote
from tradewrit.domain.orders import OrderType
from tradewrit.domain.reviews import ReviewPolicy
from tradewrit.domain.signals import Signal
from tradewrit.errors import Unreachable
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.desk import Desk, stream_of
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.journal.records import Record
from tradewrit.runtime.lease import Candidacy
from tradewrit.runtime.live.breakers import change
from tradewrit.runtime.live.lanes import Input, Lanes, Priority, heard
from tradewrit.runtime.live.policy import LivePolicy
from tradewrit.runtime.live.shell import Ended, Shell
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.market import LiveMarket, Sessions
from tradewrit.runtime.outbox import Outbox
from tradewrit.runtime.replay import replay
from tradewrit.runtime.resilience.breaker import Breaker
from tradewrit.runtime.resilience.guard import Endpoint, GuardedBroker
from tradewrit.runtime.resilience.rate_limit import Budget
from tradewrit.runtime.roles import roles
from tradewrit.runtime.writs import Writs
from tradewrit.strategies.base import Strategy

STREAM = stream_of("paper")


class Wire:
    """A stream that a test feeds. Connects unless told not to; `cut` breaks it."""

    def __init__(self, name: str = "venue", *, carries_prices: bool = True) -> None:
        self.name = name
        self.carries_prices = carries_prices
        self.refuses = False
        self.opened = 0
        self.opened_at: list[float] = []
        self._queue: asyncio.Queue[Input | Exception | None] = asyncio.Queue()

    async def open(self) -> AsyncIterator[Input | None]:
        self.opened += 1
        self.opened_at.append(asyncio.get_running_loop().time())
        if self.refuses:
            raise Unreachable("connection refused")
        self._queue = asyncio.Queue()
        yield None
        while True:
            item = await self._queue.get()
            if isinstance(item, Exception):
                raise item
            yield item

    def send(self, item: Input | None) -> None:
        self._queue.put_nowait(item)

    def cut(self, why: str = "connection reset") -> None:
        self._queue.put_nowait(Unreachable(why))


class Live:
    """One live desk. crash() and start() end one life and begin the next over the same journal and venue."""

    def __init__(
        self,
        clock: ManualClock,
        *,
        policy: LivePolicy | None = None,
        journal: Journal | None = None,
        sessions: Sessions | None = None,
        wires: Sequence[Wire] = (),
        lanes: Lanes | None = None,
        protection: Protection = Protection.AFTER_FILL,
        beats: bool = True,
        limits: Limits | None = None,
        skew_s: Callable[[], float | None] = lambda: None,
        review: ReviewPolicy | None = None,
        is_guarded: bool = False,
        strategy: Strategy | None = None,
    ) -> None:
        self.clock = clock
        self.policy = policy or LivePolicy()
        self.journal = journal or MemoryJournal(JOURNAL_ID)
        self.sessions = sessions
        self.wires = list(wires)
        self.lanes = lanes
        self.protection = protection
        self.beats = beats
        self.limits = limits or Limits()
        self.skew_s = skew_s
        self.review = review or ReviewPolicy()
        self.is_guarded = is_guarded
        self.script: dict[tuple[str, int], Signal] = {}
        self.strategy = strategy or Scripted(script=self.script)
        self.exchange = PaperExchange(
            lambda symbol: plain(symbol, "USD"),
            initial_cash=Decimal(100_000),
            rules=PaperRules(),
            marks=lambda symbol: None if (last := self.market.mark(symbol)) is None else float(last),
            clock=clock.now,
        )
        self.broker = Unruly(self.exchange)
        self.guard = GuardedBroker(
            self.broker, "paper", clock, lambda: 0.0, budget=Budget(calls=10_000), heard=self._turned
        )
        self.workers = VirtualWorkers()
        self.heard: list[tuple[Event, Record | None]] = []
        self.said: list[str] = []
        self.life = 0
        self.running: asyncio.Task[Ended] | None = None

    def start(self, *, runs: bool = True) -> None:
        """A new process: takes the lease, folds the journal, runs unless somebody else runs it."""
        self.life += 1
        self.market = LiveMarket(self.strategy, lambda symbol: plain(symbol, "USD"), self.sessions)
        tenure = Candidacy(self.journal, STREAM, f"life-{self.life}", self.clock).take()
        outbox = Outbox()
        opening = AccountOpened(
            at=self.clock.now(),
            journal_id=self.journal.id,
            account="paper",
            currency="USD",
            initial_cash=Decimal(100_000),
            mode="paper",
            margin=True,
            strategy=self.strategy.name(),
            entry_type=OrderType.MARKET,
            protection=self.protection,
            limits=self.limits,
            review=self.review,
            fees=BpsFee(),
            capabilities=PAPER,
            instruments=(),
        )
        self.desk = Desk(
            opening,
            journal=self.journal,
            market=self.market,
            broker=self.guard if self.is_guarded else self.broker,
            clock=self.clock,
            writs=Writs(LocalIssuer(f"{self.journal.id}{self.life}"), roles("paper", "paper")),
            listeners=[lambda event, record: self.heard.append((event, record))],
            tenure=tenure,
            outbox=outbox,
        )
        self.shell = Shell(
            self.desk,
            outbox,
            self.clock,
            self.workers,
            streams=self.wires,
            sessions=self.sessions,
            policy=self.policy,
            log=self.said.append,
            lanes=self.lanes,
            skew_s=self.skew_s,
            breakers=lambda: self.guard.breakers,
        )
        self.running = asyncio.ensure_future(self.shell.run()) if runs else None

    def _turned(self, endpoint: Endpoint, breaker: Breaker) -> None:
        event = change("paper", endpoint, breaker, "give it a key", self.clock)
        if event is not None:
            self.shell.say(event)

    async def crash(self) -> None:
        """The process is gone, and with it what was in flight; the lease runs out."""
        assert self.running is not None
        self.shell.desk.stop = lambda: None  # type: ignore[method-assign]
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)
        await asyncio.sleep(20)

    async def stop(self, reason: str = "asked to") -> Ended:
        """A graceful stop."""
        assert self.running is not None
        self.shell.stop(reason)
        return await self.running

    async def settle(self, seconds: float = 2.0) -> None:
        """Let everything that is due happen; lines that are up give a sign of life."""
        until = self.clock.monotonic() + round(seconds * SECOND)
        while self.clock.monotonic() < until:
            if self.beats:
                for wire in self.wires:
                    wire.send(None)
            await asyncio.sleep(min(1.0, (until - self.clock.monotonic()) / SECOND))

    # -- the market

    async def bar(self, price: float, symbol: str = SYMBOL, *, settle: float = 2.0) -> None:
        """The next minute at one price: the venue trades it, then the desk hears of both."""
        opened_at = self.clock.now()
        await self.settle(60)
        bar = Bar(symbol, opened_at, price, price, price, price, 1e6)
        reports: list[ExecutionReport] = []
        for phase in (self.exchange.open, self.exchange.trade, self.exchange.close):
            reports.extend(phase(bar))
        self.report(reports)
        self.send(Input(priority=Priority.MARKET, bars=(bar,), at=self.clock.now(), source="market"))
        await self.settle(settle)

    def report(self, reports: Sequence[ExecutionReport]) -> None:
        """What the venue says by stream."""
        if reports:
            self.send(heard(*reports, source="venue"))

    def send(self, item: Input) -> None:
        """By the first wire, or straight to the shell where there is none."""
        if self.wires and not self.wires[0].refuses:
            self.wires[0].send(item)
        else:
            self.shell.put(item)

    def quote(self, price: float, symbol: str = SYMBOL) -> None:
        quote = Quote(symbol, self.clock.now(), price, price)
        self.report(self.exchange.quote(quote))
        self.send(heard(QuoteReceived(at=self.clock.now(), quote=quote), source="market"))

    def says(self, signal: Signal = BUY, symbol: str = SYMBOL) -> None:
        """What the strategy says of the next bar."""
        self.script[symbol, self.clock.now()] = signal

    async def enter(self, price: float = 175.50, symbol: str = SYMBOL) -> None:
        """A signal on one bar, filled on the next."""
        self.says(symbol=symbol)
        await self.bar(price, symbol)
        await self.bar(price, symbol)

    # -- what is

    @property
    def books(self) -> Books:
        return self.desk.books

    @property
    def held(self) -> Decimal:
        """What the venue says is held."""
        return dict(self.exchange.positions()).get(SYMBOL, Decimal(0))

    def names(self) -> list[str]:
        return [type(event).__name__ for event, record in self.heard if record is not None]

    def events(self, kind: type[Any]) -> list[Any]:
        return [event for event, _ in self.heard if isinstance(event, kind)]

    def audit(self) -> None:
        """The journal replays to these books, and the venue agrees with them."""
        assert self.journal.verify(STREAM).is_intact
        assert replay(self.journal, STREAM).state_hash == self.books.state_hash
        held = {symbol: position.signed for symbol, position in self.books.positions.items()}
        assert dict(self.exchange.positions()) == held


def play(story: Callable[[Live], Coroutine[Any, Any, None]], *, at: int = START, **more: Any) -> Live:
    """Start a desk, tell the story, stop it."""
    clock = ManualClock(at)
    live = Live(clock, **more)

    async def whole() -> None:
        live.start()
        await live.settle()
        await story(live)
        if live.running is not None and not live.running.done():
            live.beats = False
            await live.stop()

    in_virtual_time(clock, whole)
    return live
