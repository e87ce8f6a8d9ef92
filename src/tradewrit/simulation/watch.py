"""Watches a run: follows the journal, the venue and the processes, and asks what must hold.

Keeps its own sums, event by event, so that a check costs little and shares nothing with what it checks.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from tradewrit.domain.books import Books
from tradewrit.domain.effects import OrderEffect
from tradewrit.domain.events.account import AccountOpened, ExternalBooked, TradingHalted, TradingResumed
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import (
    MaintenanceBegan,
    MaintenanceEnded,
    SymbolHalted,
    SymbolHaltLifted,
)
from tradewrit.domain.events.orders import (
    CORRECTIONS,
    Exec,
    ExecutionReport,
    FillCorrected,
    OrderRequested,
    ReportQuarantined,
)
from tradewrit.domain.events.positions import FillBooked, FillRestated, PositionClosed
from tradewrit.domain.events.twins import TwinFound
from tradewrit.domain.folding import evolve
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import ZERO, exactly
from tradewrit.domain.proposals import Sized
from tradewrit.runtime.desk import stream_of
from tradewrit.runtime.journal.records import Record
from tradewrit.runtime.market import MarketView
from tradewrit.runtime.perform import Departure
from tradewrit.runtime.replay import event_of
from tradewrit.simulation.invariants.guard import (
    i12_no_more_calls_than_the_venue_allows,
    i12_what_protects_is_kept_back_only_where_nothing_would_help,
)
from tradewrit.simulation.invariants.journal import ON_EVENT, restated
from tradewrit.simulation.invariants.leaving import ON_DEPARTURE
from tradewrit.simulation.invariants.naked import naked_budget
from tradewrit.simulation.invariants.quiet import (
    WHEN_QUIET,
    i07_replay_gives_the_same_books,
    i14_nothing_vanishes,
)
from tradewrit.simulation.invariants.venue import ON_STEP, ON_VENUE
from tradewrit.simulation.points import Death, Killed
from tradewrit.simulation.venue import Said

if TYPE_CHECKING:
    from tradewrit.simulation.process import Process
    from tradewrit.simulation.world import World


class Violation(msgspec.Struct, frozen=True):
    """An invariant that did not hold. at: seconds since the run began."""

    invariant: str
    at: float
    message: str


class Watch:
    """What is known of a run from outside.

    books, books_before: our own fold of what was committed, and the same without the last event. market:
    that of whoever came up last. cash, positions: summed from fills booked. risk, reviewed: by trade, what
    was let through. answers: by click, what was answered.
    flying: by process, its life and the symbol, the write that is under way.
    uncovered: symbol -> for how long
    something is held without a stop (ns in which somebody could have acted). foreign: symbols others traded.
    alarmed: ids of which the desk has said that the venue took them twice. has_halted: whether it ever was.
    unbooked: by exec id, the symbols of corrections that the desk could not book. paused: symbols that it has
    heard to be halted. is_maintained: whether it has heard of the venue's maintenance, and not found its end.
    """

    def __init__(self, world: "World") -> None:
        self.world = world
        self.violations: list[Violation] = []
        self.books = self.books_before = Books()
        self._stream = stream_of(world.opening.account)
        self.market: MarketView | None = None
        self.seen = 0
        self.events = self.fills = self.trades = 0
        self.cash = ZERO
        self.positions: dict[str, Decimal] = {}
        self.order_states: dict[str, str] = {}
        self.entered: dict[str, Decimal] = {}
        self.risk: dict[str, Sized] = {}
        self.refused: dict[str, int] = {}
        self.reviewed: dict[str, str] = {}
        self.consumed: set[str] = set()
        self.nonces: set[str] = set()
        self.answers: dict[str, str] = {}
        self.flying: dict[tuple[str, int, str], str] = {}
        self.halted, self.has_halted = "", False
        self.trade_states: dict[str, tuple[str, int]] = {}
        self._order_since: dict[str, int] = {}
        self.uncovered: dict[str, int] = {}
        self.able_at = world.scheduler.now
        self.unbooked: dict[str, str] = {}
        self.alarmed: set[str] = set()
        self.paused: set[str] = set()
        self.is_maintained = False
        self._shaken_at: dict[str, int] = {}
        self.foreign: set[str] = set()
        self.budget = naked_budget(world.plan)

    @property
    def state_hash(self) -> str:
        """Of the books as last committed."""
        return self.books.state_hash

    def violate(self, invariant: str, message: str) -> None:
        """Say that an invariant does not hold; the run ends."""
        now = self.world.scheduler.now
        self.violations.append(Violation(invariant, (now - self.world.scheduler.began) / SECOND, message))
        self.world.trace.note(now, f"VIOLATION {invariant}: {message}")

    def ask(self, invariant: str, found: str | None) -> None:
        """What an invariant's function found; None is well."""
        if found is not None:
            self.violate(invariant, found)

    # -- processes

    def started(self, process: "Process", market: MarketView) -> None:
        """A desk is up on what the disk kept."""
        desk = process.desk
        if desk is None:
            return
        self._catch_up()
        self.market = market
        if self.books.state_hash != desk.books.state_hash:
            self.violate("I-7", f"{process.name} starts on other books than its journal folds to")
        self.ask("I-7", i07_replay_gives_the_same_books(desk.journal, desk.stream, desk.books))

    def broke(self, process: "Process", why: Exception) -> None:
        """The desk raised something that is nobody's business but its own."""
        import traceback

        where = traceback.extract_tb(why.__traceback__)[-1]
        place = f"{where.filename.rpartition('tradewrit/')[2]}:{where.lineno}"
        self.violate("I-0", f"{process.name} raised {type(why).__name__} at {place}: {why}")
        self.world.died(process, Killed("exception", Death.KILL))

    def heard(self, process: "Process", event: Event, record: Record | None) -> None:
        """A listener of every desk: told after the transaction is on disk."""
        del process
        if record is None:
            return
        if record.seq != self.seen + 1:
            self._catch_up(until=record.seq)
        else:
            self._follow(event, record)

    def _catch_up(self, until: int = 2**62) -> None:
        """What was committed and never told, because whoever did it died."""
        for record in self.world.disk.image.read(self._stream, after=self.seen):
            if record.seq > until:
                return
            self._follow(event_of(record), record)

    def _follow(self, event: Event, record: Record) -> None:
        world = self.world
        self.books_before = self.books
        with exactly():
            books = evolve(self.books, event)
        self.seen, self.books = record.seq, books
        self.events += 1
        name, now = record.entry.type, world.scheduler.now
        said = f"{record.seq} {record.entry.source} {name} {record.hash[:12]}"
        world.trace.note(now, said, record.entry.body.decode() if world.trace.keeps_all else "")
        order_id = getattr(event, "client_order_id", None)
        if order_id is not None:
            world.trace.cover(now, self.order_states.get(order_id, "none"), name)
        for check in ON_EVENT.get(type(event), ()):
            self.ask(_id(check), check(self, books, event))
        match event:
            case AccountOpened():
                self.cash = event.initial_cash
            case FillBooked():
                self._booked(event)
            case FillRestated():
                self.positions[event.symbol] = restated(self, event)
                with exactly():
                    self.cash += event.cash_change
            case TwinFound():
                self.alarmed.add(event.client_order_id)
            case ExternalBooked():
                with exactly():
                    self.cash += event.cash_change
            case PositionClosed():
                self.trades += 1
            case ReportQuarantined() if event.report.kind in CORRECTIONS:
                self.unbooked[event.report.exec_id] = event.report.symbol
            case FillCorrected():  # one that had overtaken what it corrects
                self.unbooked.pop(event.exec_id, None)
            case SymbolHalted():
                self.paused.add(event.symbol)
            case SymbolHaltLifted():
                self.paused.discard(event.symbol)
            case MaintenanceBegan() | MaintenanceEnded():
                self.is_maintained = isinstance(event, MaintenanceBegan)
            case TradingHalted():
                self.halted, self.has_halted = event.reason, True
            case TradingResumed():
                self.halted = ""
            case OrderRequested():
                self.order_states[event.terms.client_order_id] = "draft"
            case _:
                pass
        self._follow_order(books, event)

    def _follow_order(self, books: Books, event: Event) -> None:
        order_id = getattr(event, "client_order_id", None) or (
            event.terms.client_order_id if isinstance(event, OrderRequested) else None
        )
        now = self.world.scheduler.now
        order = None if order_id is None else books.orders.get(order_id)
        if order is not None and self.order_states.get(order.id) != order.state.value:
            self.order_states[order.id] = order.state.value
            self._order_since[order.id] = now
        trade = books.trades.get(event.trace)
        if trade is not None and self.trade_states.get(trade.id, ("", 0))[0] != trade.state:
            self.trade_states[trade.id] = (trade.state, now)

    def rests(self, order_id: str = "", trade_id: str = "") -> bool:
        """Whether an order or a trade has been in its state for longer than it takes to act."""
        since = self._order_since.get(order_id) if order_id else self.trade_states.get(trade_id, ("", 0))[1]
        return self.world.scheduler.now - (since or 0) > _ACTING

    def _booked(self, event: FillBooked) -> None:
        self.fills += 1
        fill = event.fill
        with exactly():
            self.cash += event.cash_change
            held = self.positions.get(fill.symbol, ZERO) + fill.quantity * fill.side.sign
        self.positions[fill.symbol] = held

    def fed(self, process: "Process", events: Sequence[Event]) -> None:
        """Inputs were taken: each left something behind."""
        desk = process.desk
        if desk is not None:
            for event in events:
                if isinstance(event, ExecutionReport):
                    self.ask("I-14", i14_nothing_vanishes(desk.journal, desk.stream, event))

    def leaving(self, process: "Process", departure: Departure) -> None:
        """A call is about to leave the desk."""
        desk = process.desk
        if desk is None:
            return
        what = departure.asked.effect
        self.world.trace.note(
            self.world.scheduler.now, f"{process.name} sends {type(what).__name__} {what.subject}"
        )
        for check in ON_DEPARTURE:
            self.ask(_id(check), check(self, desk, departure, process.clock.now()))
        if isinstance(what, OrderEffect):
            self.flying[process.name, process.run, what.symbol] = f"{type(what).__name__} {what.subject}"

    def kept_back(self, process: "Process", departure: Departure) -> None:
        """The guard before the venue did not let a call through."""
        found = i12_what_protects_is_kept_back_only_where_nothing_would_help(self, process, departure)
        self.ask("I-12", found)

    def landed(self, process: "Process", departure: Departure) -> None:
        """What came of a call has reached the desk."""
        what = departure.asked.effect
        if isinstance(what, OrderEffect):
            self.flying.pop((process.name, process.run, what.symbol), None)

    def stepped(self, process: "Process") -> None:
        """A process has taken one input to its end."""
        desk = process.desk
        if desk is None or self.violations:
            return
        for name, check in ON_STEP:
            self.ask(name, check(self, desk))
        self.ask("I-12", i12_no_more_calls_than_the_venue_allows(self, process))

    # -- the venue

    def shaken(self, symbol: str) -> None:
        """The venue corrects an execution, or makes two orders of one: it is other than the desk can know."""
        self._shaken_at[symbol] = self.world.scheduler.now

    def is_a_persons(self, symbol: str) -> bool:
        """Whether a correction came that could not be booked, and a person was called to look."""
        books = self.books
        return symbol in self.unbooked.values() and (symbol in books.suspended or symbol in books.disputed)

    def is_shaken(self, symbol: str) -> bool:
        """Whether that was too short a time ago for the desk to have caught up with it.

        While the venue is down nobody hears of it.
        """
        at, now, down = self._shaken_at.get(symbol), self.world.scheduler.now, self.world.downtime
        if at is None:
            return False
        deaf = 0 if down is None else max(0, min(now, down.ends) - max(at, down.begins))
        return now - at - deaf <= self.budget

    def venue_said(self, messages: Sequence[Said]) -> None:
        """The venue's truth moved."""
        world = self.world
        reports = [said for said in messages if isinstance(said, ExecutionReport)]
        for notice in messages:
            if not isinstance(notice, ExecutionReport):
                world.trace.note(world.scheduler.now, f"venue {type(notice).__name__} {notice.symbol}")
        for report in reports:
            traded = f"{report.last_quantity} {report.last_price}"
            said = f"venue {report.kind.value} {report.client_order_id} {traded}"
            world.trace.note(world.scheduler.now, said)
            if report.broker_order_id in world.venue.twins:
                self.shaken(report.symbol)
                if report.kind is Exec.NEW:
                    world.trace.fault(world.scheduler.now, "twins", report.client_order_id)
        for name, check in ON_VENUE:
            self.ask(name, check(self, reports))

    # -- the end

    def settle(self) -> None:
        """All is quiet: the books and the venue have had time to agree."""
        desk = self.world.processes[0].desk
        if desk is None:
            self.violate("I-13", "the desk did not come up again, with nothing wrong any more")
            return
        for name, check in WHEN_QUIET:
            self.ask(name, check(self, desk))


_ACTING: Final = 30 * SECOND


def _id(check: Callable[..., object]) -> str:
    """`i04_...` is I-4."""
    number = check.__name__[1:3]
    return f"I-{int(number)}" if number.isdigit() else "I-0"
