"""A whole desk in memory, with short words for what a test does with it.

Everything is the real thing: journal, kernel, paper exchange, market view, clock, bus. Only the
strategy is scripted: it says on a bar what the test told it to say.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, TypeVar

import msgspec

from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.books import Books
from tradewrit.domain.capabilities import PAPER, Capabilities, Protection
from tradewrit.domain.decisions import Decision
from tradewrit.domain.events.account import AccountOpened
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import MarketStatusReported, QuoteReceived
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.events.positions import PositionClosed
from tradewrit.domain.events.strategy import CandidateFound
from tradewrit.domain.instruments import Instrument, plain
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import MINUTE, SECOND, Bar, Quote
from tradewrit.domain.orders import Order, OrderTerms, OrderType, Role, Side
from tradewrit.domain.reviews import Review, ReviewPolicy
from tradewrit.domain.signals import Market, Signal
from tradewrit.domain.times import parse_iso
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.domain.venues import VenueIdentity
from tradewrit.features.bars import Bars
from tradewrit.kernel import AGENTS, Kernel
from tradewrit.market.calendar import Calendar
from tradewrit.runtime.bus.memory import InProcessBus
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.control import Control
from tradewrit.runtime.desk import Desk
from tradewrit.runtime.issuer import Issuer
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.journal.records import Record
from tradewrit.runtime.lease import Tenure
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.market import LiveMarket
from tradewrit.runtime.outbox import Outbox
from tradewrit.runtime.ports import Broker, Feed
from tradewrit.runtime.replay import replay
from tradewrit.runtime.roles import Terms, roles
from tradewrit.runtime.writs import Writs
from tradewrit.strategies.base import Strategy

JOURNAL_ID = "0123456789abcdef" * 2
SYMBOL = "AAPL"
START = parse_iso("2024-03-04T14:30:00Z")  # a Monday, the NYSE opens
BUY, SELL = Signal(enter=Side.BUY), Signal(enter=Side.SELL)
LEAVE = Signal(leave_long="signal", leave_short="signal")
WITHOUT_OCO = msgspec.structs.replace(PAPER, oco=False)
ENDS = frozenset({"strategy.trade.logged", "position.trade.aborted", "risk.limit.exceeded"})
E = TypeVar("E", bound=Event)


class Scripted(Strategy, frozen=True, kw_only=True):
    """Says what is written down for (symbol, bar time), and nothing else."""

    script: dict[tuple[str, int], Signal] = msgspec.field(default_factory=dict)

    def on_bar(self, bars: Bars) -> Signal | None:
        """Look the bar up."""
        return self.script.get((bars.symbol, int(bars.ts[-1])))


def watched(agent: Any) -> Any:
    """The agent, held to its contract: it changes no books, and says the same when asked again."""

    def decide(books: Books, market: Market, event: Event) -> Decision:
        before = books.encoded()
        said: Decision = agent.decide(books, market, event)
        assert agent.decide(books, market, event) == said, f"{agent.NAME} answers {event} in two ways"
        assert books.encoded() == before, f"{agent.NAME} changed the books on {event}"
        return said

    return SimpleNamespace(NAME=agent.NAME, Hears=agent.Hears, decide=decide)


class World:
    """One account at work, and everything around it.

    broker: wraps the paper exchange in something less friendly. calendar: the venue keeps sessions.
    heard: every event in order, with its record where it has one.
    """

    def __init__(
        self,
        *,
        entry: OrderType = OrderType.MARKET,
        reverse: bool = False,
        protection: Protection = Protection.AFTER_FILL,
        limits: Limits | None = None,
        review: ReviewPolicy | None = None,
        rules: PaperRules | None = None,
        cash: str = "100000",
        broker_cash: str | None = None,
        capabilities: Capabilities = PAPER,
        broker: Callable[[PaperExchange], Broker] | None = None,
        calendar: Calendar | None = None,
        feed: Feed | None = None,
        journal: Journal | None = None,
        strategy: Strategy | None = None,
        instruments: Sequence[Instrument] = (),
        issuer: Issuer | None = None,
        terms: Mapping[str, Terms] | None = None,
        exchange: PaperExchange | None = None,
        agents: Sequence[Any] = AGENTS,
        clock: ManualClock | None = None,
        tenure: Tenure | None = None,
        outbox: Outbox | None = None,
        snapshot_every: int = 0,
        identity: VenueIdentity | None = None,
        at: int = START,
    ) -> None:
        known = {instrument.symbol: instrument for instrument in instruments}
        rules = rules or PaperRules()
        self.script: dict[tuple[str, int], Signal] = {}
        strategy = strategy or Scripted(script=self.script)
        self.clock = clock or ManualClock(at)
        self.journal = journal or MemoryJournal(JOURNAL_ID)
        self.market = LiveMarket(strategy, lambda symbol: known.get(symbol, plain(symbol, "USD")), calendar)
        self.exchange = exchange or PaperExchange(
            lambda symbol: known.get(symbol, plain(symbol, "USD")),
            initial_cash=Decimal(broker_cash or cash),
            rules=rules,
            calendar=calendar,
            marks=lambda symbol: None if (last := self.market.mark(symbol)) is None else float(last),
        )
        self.issuer = issuer or LocalIssuer(self.journal.id)
        self.broker: Broker = self.exchange if broker is None else broker(self.exchange)
        self.calendar = calendar
        self.bus = InProcessBus()
        self.heard: list[tuple[Event, Record | None]] = []
        self.asked: list[tuple[str, int]] = []
        opening = AccountOpened(
            at=at,
            journal_id=self.journal.id,
            account="paper",
            currency="USD",
            initial_cash=Decimal(cash),
            mode="paper",
            margin=rules.margin,
            strategy=strategy.name(),
            entry_type=entry,
            reverse=reverse,
            protection=protection,
            limits=limits or Limits(),
            review=review or ReviewPolicy(),
            fees=rules.fees,
            capabilities=capabilities,
            instruments=tuple(instruments),
        )
        self.desk = Desk(
            opening,
            journal=self.journal,
            market=self.market,
            broker=self.broker,
            clock=self.clock,
            feed=feed,
            bus=self.bus,
            kernel=Kernel([watched(agent) for agent in agents]),
            writs=Writs(self.issuer, terms or roles("paper", "paper")),
            ask_people=lambda _, review, version: self.asked.append((review, version)),
            listeners=[lambda event, record: self.heard.append((event, record))],
            tenure=tenure,
            outbox=outbox,
            snapshot_every=snapshot_every,
            identity=identity,
        )
        self.control = Control(self.desk, self.bus)

    # -- what happens

    def says(self, signal: Signal, symbol: str = SYMBOL) -> None:
        """What the strategy will say on the next bar of a symbol."""
        self.script[symbol, self.clock.now()] = signal

    def show(self, *bars: Bar) -> None:
        """Bars of one time: the venue trades them, then they close, one minute later."""
        for phase in (self.exchange.open, self.exchange.trade, self.exchange.close):
            for bar in bars:
                self.report(phase(bar))
        # What was done meanwhile may have taken its time.
        self.clock.set(max(*(bar.ts + MINUTE for bar in bars), self.clock.now()))
        self.desk.close_bars(bars, self.clock.now())

    def bar(
        self,
        open: float,  # noqa: A002 - the column's name
        high: float | None = None,
        low: float | None = None,
        close: float | None = None,
        *,
        volume: float = 1e6,
        symbol: str = SYMBOL,
    ) -> None:
        """The next minute of one symbol; what is not said is the open."""
        high, low, close = (open if value is None else value for value in (high, low, close))
        self.show(Bar(symbol, self.clock.now(), open, max(high, close), min(low, close), close, volume))

    def quote(
        self,
        bid: float,
        ask: float | None = None,
        *,
        symbol: str = SYMBOL,
        after_s: int = 1,
        size: float = 0.0,
    ) -> list[Event]:
        """A quote, a second after what was before: the venue meets it, then the desk hears of it."""
        self.clock.advance(after_s * SECOND)
        quote = Quote(symbol, self.clock.now(), bid, bid if ask is None else ask, size, size)
        self.report(self.exchange.quote(quote))
        return self.feed(QuoteReceived(at=self.clock.now(), quote=quote), "market")

    def wait(self, seconds: int) -> None:
        """Time passes, and the desk looks at its clock once a second."""
        for _ in range(seconds):
            self.clock.advance(SECOND)
            self.desk.tick()

    def report(self, reports: Iterable[ExecutionReport]) -> None:
        """What the venue says by stream, in one breath."""
        self.desk.feed_all(tuple(reports), "broker")

    def feed(self, event: Event, source: str = "input") -> list[Event]:
        """Any input."""
        return self.desk.feed(event, source)

    def status(self) -> list[Event]:
        """The calendar says where the session is now."""
        assert self.calendar is not None
        now = self.clock.now()
        return self.feed(MarketStatusReported(at=now, status=self.calendar.status(now)), "market")

    def enter(self, price: float = 175.50, signal: Signal = BUY, symbol: str = SYMBOL) -> None:
        """A signal at the close of a bar at `price`, filled at the open of the next."""
        self.says(signal, symbol)
        self.bar(price, symbol=symbol)
        self.bar(price, symbol=symbol)

    # -- what is

    @property
    def now(self) -> int:
        return self.clock.now()

    @property
    def books(self) -> Books:
        return self.desk.books

    @property
    def trade(self) -> Trade:
        """The one open trade."""
        (trade,) = self.books.trades.values()
        return trade

    def stage(self) -> TradeState:
        """Where the one open trade is; asked anew each time."""
        return self.trade.state

    @property
    def task(self) -> Review:
        """The one open review."""
        (task,) = self.books.reviews.values()
        return task

    def order(self, role: Role) -> Order:
        """The latest order of this role in the open trade."""
        return [order for order in self.books.orders_of(self.trade.id) if order.terms.role is role][-1]

    def working(self) -> list[tuple[Any, ...]]:
        """What works at the venue: role, side, quantity, price."""
        return [
            (t.role, t.side, t.quantity, t.limit_price or t.stop_price) for t in self.exchange.open_orders()
        ]

    @property
    def held(self) -> Decimal:
        """What the venue says is held."""
        return self.exchange.positions().get(SYMBOL, Decimal(0))

    # -- what was

    def events(self, kind: type[E]) -> list[E]:
        """Everything of this kind, in order."""
        return [event for event, _ in self.heard if isinstance(event, kind)]

    def only(self, kind: type[E]) -> E:
        """The one event of this kind."""
        (event,) = self.events(kind)
        return event

    def names(self, since: int = 0) -> list[str]:
        """Class names of what was journalled, from the n-th record on."""
        return [type(event).__name__ for event, record in self.heard if record is not None][since:]

    def records(self) -> list[Record]:
        return list(self.journal.read(self.desk.stream))

    @property
    def closed(self) -> PositionClosed:
        return self.only(PositionClosed)

    # -- what must always hold

    def audit(self, *, is_in_step: bool = True) -> None:
        """The journal verifies, replays to these books and explains itself; the venue's account agrees."""
        stream = self.desk.stream
        verified = self.journal.verify(stream)
        assert verified.is_intact, verified.fault
        assert replay(self.journal, stream).state_hash == self.books.state_hash
        names = {agent.NAME for agent in AGENTS}
        scans = {event.trade_id: event.scan for event in self.events(CandidateFound)}
        for record in self.records():
            entry = record.entry
            assert entry.caused_by < record.seq
            assert entry.source in names or entry.caused_by == 0, f"{entry.type} by {entry.source}"
            if entry.trace in scans:
                assert entry.correlation == scans[entry.trace], f"{record.seq} {entry.type}"
            if entry.type in ENDS:  # what comes after the end finds no trade in the books
                scans.pop(entry.trace, None)
        if is_in_step:
            assert self.exchange.cash == self.books.cash
            held = {symbol: position.signed for symbol, position in self.books.positions.items()}
            assert dict(self.exchange.positions()) == held
        assert not oversold(self.exchange), "more is on sale than is held"


def oversold(exchange: PaperExchange) -> list[str]:
    """Symbols in which working orders to close add up to more than the position; OCO legs count once."""
    found = []
    for symbol, held in exchange.positions().items():
        side = Side.SELL if held > 0 else Side.BUY
        groups: dict[str, Decimal] = {}
        for order in exchange.working.get(symbol, ()):
            if order.terms.side is side:
                key = order.terms.oco or order.id
                groups[key] = max(groups.get(key, Decimal(0)), order.leaves)
        if sum(groups.values(), Decimal(0)) > abs(held):
            found.append(symbol)
    return found


def closing_terms(exchange: PaperExchange) -> list[OrderTerms]:
    """Working orders that close a position."""
    return [terms for terms in exchange.open_orders() if terms.role is not Role.ENTRY]
