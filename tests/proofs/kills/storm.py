"""One account under a storm of kills: a desk that trades all the time, killed at drawn moments, and audited.

    exchange (a process, lives on)  ◀──  market moved by hand, all the while
        ▲
    tradewrit run (a process)       ◀──  SIGKILL: at its start, in its recovery, at work, just after an order

The seed draws moments, prices and conditions; what falls into a moment is the machine's doing. Five crashes
use up a desk's budget: it then starts halted, and a person resumes it, which forgives. Both happen here too.
"""

import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final, Self, TypeVar

import msgspec

from tests.proofs.kills import told
from tests.proofs.kills.audit import Account, Venue, audit
from tests.proofs.kills.market import SYMBOLS, Market
from tests.proofs.kills.processes import Cold, Process, exchange, warm
from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.brokers.paper.http.wire import Reported
from tradewrit.domain.books import Books
from tradewrit.domain.events.account import DeskStarted, ExternalBooked
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import ExecutionReport, OrderRequested, OrderResent
from tradewrit.domain.events.registry import name_of
from tradewrit.domain.folding import evolve
from tradewrit.domain.money import exactly
from tradewrit.domain.orders import OrderState, Role
from tradewrit.domain.times import iso
from tradewrit.errors import JournalError, OurFault, TheirFault
from tradewrit.runtime.clock import Stopwatch, seeded
from tradewrit.runtime.desk import stream_of
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.live.door import door_of, knock
from tradewrit.runtime.live.requests import Answer, AnyRequest, AskHalt, AskResume, AskStatus
from tradewrit.runtime.live.status import Mode, Status
from tradewrit.runtime.replay import events_of, load

T = TypeVar("T")

STREAM: Final = stream_of("paper")
AUDIT_EVERY: Final = 10
_COLD_EVERY: Final = 10
_PACE_S: Final = 0.02
_PATIENCE_S: Final = 60.0
_LEASE_S: Final = 0.5
_LONGEST_LEASE_S: Final = 4.0
"""Short, since whoever comes after a kill waits for it. A desk that a busy machine kept from renewing it ends by
itself, and is started again with twice as much."""
_MOMENTS: Final = ("start", "start", "work", "work", "order", "order", "order")
"""Kinds of moments, as often as they are drawn."""
_MIDST: Final = frozenset(
    {OrderState.SUBMITTED, OrderState.UNKNOWN, OrderState.PENDING_CANCEL, OrderState.PENDING_REPLACE}
)


class Tally(msgspec.Struct, kw_only=True):
    """What happened.

    in_the_middle: starts that found orders without an answer in the journal. ended_itself: desks that lost
    their lease on a busy machine. adopted: fills of the desk's own that it booked as another's.
    """

    kills: int = 0
    at_start: int = 0
    at_work: int = 0
    at_an_order: int = 0
    in_the_middle: int = 0
    cold_starts: int = 0
    ended_itself: int = 0
    bars: int = 0
    orders: int = 0
    entries: int = 0
    fills: int = 0
    resent: int = 0
    adopted: int = 0
    halts: int = 0
    audits: int = 0
    records: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        names = self.__struct_fields__
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in names})


class Broken(AssertionError):
    """Something does not hold: the message has the seed, the place and the last records."""


class Conditions(msgspec.Struct, frozen=True):
    """Under what a storm happens. config: YAML for exchange and desk. faults: of the exchange."""

    config: str
    faults: tuple[str, ...]

    @classmethod
    def drawn(cls, chance: Random) -> "Conditions":
        """Brackets or stops after the fill, whole or partial fills, market or limit entries, bad lines."""
        lines = [
            f"protection: {chance.choice(('bracket', 'after_fill'))}",
            f"entry: {chance.choice(('market', 'market', 'limit'))}",
            f"reverse: {chance.choice(('true', 'false'))}",
            "risk: {max_drawdown_fraction: 1}",
            f"paper: {{participation_fraction: {chance.choice(('null', '0.003'))}}}",
        ]
        faults = chance.choice(((), (), ("drop_answer=0.03", "duplicate_event=0.1"), ("delay_ms=15",)))
        return cls("\n".join(lines) + "\n", faults)


class Storm:
    """One exchange, one journal, and desk after desk. To be used in a `with` block."""

    def __init__(self, seed: int, name: str, folder: Path) -> None:
        self.seed = seed
        self.name = name
        self.folder = folder
        self.tally = Tally()
        self._chance = seeded(seed, f"kills:{name}")
        self._conditions = Conditions.drawn(self._chance)
        self._journal = folder / "desk.sqlite"
        self._door = door_of(self._journal)
        self._log = folder / "desk.log"
        self._pause = threading.Event()
        self._reports: list[tuple[int, ExecutionReport]] = []
        self._heard = 0
        self._halts: list[tuple[int, int]] = []
        self._halted_from: int | None = None
        self._desk: Process | None = None
        self._starts = 0
        self._lease_s = _LEASE_S
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "desk.yaml"
        config.write_text(self._conditions.config)
        self._warm = self._stack.enter_context(warm())
        url = self._stack.enter_context(
            exchange(config, SYMBOLS, self._conditions.faults, self.folder / "exchange.log")
        )
        self._client = ExchangeClient(url)
        self._stack.callback(self._client.close)
        self._market = Market(self._client, seeded(self.seed, f"market:{self.name}"))
        self._market.rest()
        self._arguments = [
            *("run", "--broker", url, "--strategy", told.__file__, "--config", str(config)),
            *("--journal", str(self._journal), "--symbols", ",".join(SYMBOLS)),
            "--json",
        ]
        return self

    def __exit__(self, *raised: object) -> None:
        self._kill()
        self._stack.close()

    # -- the storm

    def run(self, kills: int, killed: Callable[[], object] = lambda: None) -> Tally:
        """So many kills, with an audit now and then and at the end. Raises Broken."""
        watch = Stopwatch()
        for number in range(1, kills + 1):
            self._live_and_die()
            killed()
            if number % AUDIT_EVERY == 0 or number == kills:
                self._settle_and_audit()
        self.tally.bars = self._market.bars
        self.tally.seconds = watch.wall()
        return self.tally

    def trade_until_filled(self) -> None:
        """The desk trades, resumed where it was halted, until something has filled; then all is audited."""
        if self._desk is None:
            self._start()
        if self._until(self._up, "the desk is up").mode is Mode.HALTED:
            self._resume()
        self._until(lambda: self._ask(partial(self._client.executions, 0)), "something has filled")
        self._settle_and_audit()

    def _live_and_die(self) -> None:
        kind = self._chance.choice(_MOMENTS)
        if self._desk is None:
            self._start()
        match kind:
            case "start":
                self.tally.at_start += 1
                self._trade(self._chance.random() * 1.2)
            case "work":
                self.tally.at_work += 1
                self._be_at_work()
                self._trade(self._chance.random() * 0.4)
            case _:
                self.tally.at_an_order += 1
                self._be_at_work()
                self._trade(self._chance.random() * 0.2)
                self._after_an_order()
        self._kill()
        self.tally.kills += 1
        for _ in range(self._chance.choice((0, 0, 1, 3))):
            self._market.step()  # what fills while nobody is there

    def _start(self) -> None:
        is_cold = self._starts % _COLD_EVERY == 0
        self._starts += 1
        self.tally.cold_starts += is_cold
        lease = ("--lease", str(self._lease_s))
        self._desk = (Cold() if is_cold else self._warm).start([*self._arguments, *lease], self._log)

    def _start_again(self) -> None:
        """One that ended by itself, as a supervisor would."""
        if self._desk is not None and self._desk.has_ended:
            self.tally.ended_itself += 1
            self._lease_s = min(2 * self._lease_s, _LONGEST_LEASE_S)
            self._start()

    def _kill(self) -> None:
        if self._desk is not None:
            self._desk.end()
            self._desk = None

    def _trade(self, seconds: float) -> None:
        """The market moves for so long."""
        watch = Stopwatch()
        while (left := seconds - watch.wall()) > 0:
            self._market.step()
            self._pause.wait(min(_PACE_S, left))

    def _after_an_order(self) -> None:
        """Until something happens at the venue between two of our steps, and a few milliseconds on."""
        for _ in range(20):
            self._market.step()
            before = self._ask(self._client.clock).last
            for _ in range(10):
                self._pause.wait(0.002)
                if self._ask(self._client.clock).last > before:
                    self._pause.wait(self._chance.random() * 0.012)
                    return

    # -- the desk, asked

    def _knock(self, request: AnyRequest) -> Answer | None:
        try:
            return knock(self._door, request, timeout_s=10.0)
        except OurFault:
            return None

    def status(self) -> Status | None:
        """The desk's own, if one answers."""
        answer = self._knock(AskStatus())
        return None if answer is None else answer.status

    def _be_at_work(self) -> None:
        """Until the desk is up; where it is halted, a person may resume it, or another may halt it."""
        status = self._until(self._up, "the desk is up")
        if status.mode is Mode.HALTED:
            self._stay_halted()
            if self._chance.random() < 0.7:
                self._resume()
        elif self._chance.random() < 0.06:
            self._knock(AskHalt(reason="drill"))
            self._until(lambda: self._up(Mode.HALTED), "the desk is halted")
            self._stay_halted()

    def _up(self, *modes: Mode) -> Status | None:
        status = self.status()
        return (
            status if status is not None and status.mode in (modes or (Mode.RUNNING, Mode.HALTED)) else None
        )

    def _stay_halted(self) -> None:
        """Nothing is in flight; from here on no entry reaches the venue. The market goes on asking for some."""
        if self._halted_from is None:
            self.tally.halts += 1
            self._until(
                lambda: (status := self._up(Mode.HALTED)) is not None and not status.flying,
                "nothing is in flight",
            )
            self._halted_from = self._ask(self._client.clock).last
        self._trade(0.15)

    def _resume(self) -> None:
        self._halts = self._halted()
        self._halted_from = None
        self._until(self._resumed, "the desk runs again")

    def _resumed(self) -> Status | None:
        status = self._up(Mode.RUNNING)
        if status is None:
            self._knock(AskResume(reason="looked into it"))
        return status

    def _halted(self) -> list[tuple[int, int]]:
        """Between which events of the venue no entry may have reached it, so far."""
        if self._halted_from is None:
            return self._halts
        return [*self._halts, (self._halted_from, self._ask(self._client.clock).last)]

    def _until(self, attempt: Callable[[], T | None], what: str) -> T:
        watch = Stopwatch()
        while not (found := attempt()):
            self._market.step()
            self._start_again()
            if watch.wall() > _PATIENCE_S:
                raise self._broken([f"STUCK: never came to be: {what}; it says {self.status()}"])
            self._pause.wait(_PACE_S)
        return found

    def _ask(self, question: Callable[[], T]) -> T:
        """Where the line is bad, a question is asked again."""
        for _ in range(50):
            with suppress(TheirFault):
                return question()
        return question()

    # -- the audit

    def _settle_and_audit(self) -> None:
        """In a market that is quiet everything comes to rest; then all must agree."""
        if self._desk is None:
            self._start()
        self._until(self._up, "the desk is up")
        watch, found = Stopwatch(), ["STUCK: it never came to rest"]
        while found and watch.wall() < _PATIENCE_S:
            self._market.rest()
            self._start_again()
            self._pause.wait(0.05)
            status = self.status()
            if status is not None and not (
                status.flying or status.waits or status.unknown or any(status.queued)
            ):
                found = self._audit(status)
        if found:
            raise self._broken(found)
        self.tally.audits += 1

    def _audit(self, status: Status) -> list[str]:
        try:
            return audit(self.venue(), self.account(status))
        except JournalError as why:
            return [f"JOURNAL: {why}"]

    def account(self, status: Status) -> Account:
        """What the desk's journal says, and the desk itself by its status."""
        journal = SqliteJournal.open(self._journal, read_only=True)
        try:
            shortcut = load(journal, STREAM)
            events = list(islice(events_of(journal, STREAM), shortcut.seq))  # a restless desk writes on
            return Account(
                events=events,
                books=self._fold(events),
                shortcut=shortcut.state_hash,
                live_cash=status.cash,
                live_held=status.held,
                fault=journal.verify(STREAM).fault or "",
                halts=self._halted(),
            )
        finally:
            journal.close()

    def _fold(self, events: Sequence[Event]) -> Books:
        """The books; on the way, in how many starts the last process left orders without an answer."""
        books, midst = Books(), 0
        with exactly():
            for event in events:
                if isinstance(event, DeskStarted):
                    midst += any(order.state in _MIDST for order in books.orders.values())
                books = evolve(books, event)
        requested = [event for event in events if type(event) is OrderRequested]
        self.tally.in_the_middle = midst
        self.tally.records = len(events)
        self.tally.orders = len(requested)
        self.tally.entries = sum(one.terms.role is Role.ENTRY for one in requested)
        self.tally.adopted = sum(isinstance(event, ExternalBooked) for event in events)
        self.tally.resent = sum(isinstance(event, OrderResent) for event in events)
        return books

    def venue(self) -> Venue:
        """What the exchange says."""
        self._listen()
        executions = self._ask(partial(self._client.executions, 0))
        self.tally.fills = len(executions)
        return Venue(
            cash=self._ask(self._client.account).cash,
            positions=self._ask(self._client.positions),
            working=self._ask(self._client.open_orders),
            executions=executions,
            reports=self._reports,
        )

    def _listen(self) -> None:
        """Everything the venue has reported since the last time."""
        last = self._ask(self._client.clock).last
        events = self._client.events(after=self._heard)
        try:
            for number, message in events if last > self._heard else ():
                if isinstance(message, Reported) and number > self._heard:
                    self._reports += [(number, report) for report in message.reports]
                self._heard = max(self._heard, number)
                if self._heard >= last:
                    break
        finally:
            events.close()

    def _broken(self, found: Sequence[str]) -> Broken:
        """Keep everything, and say where it is."""
        self._kill()
        kept = self.folder.with_name(f"{self.folder.name}.kept")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.folder, kept, ignore=lambda _, names: [n for n in names if n.endswith(".door")])
        lines = [
            f"after {self.tally.kills} kills, seed {self.seed}, storm {self.name}:",
            *found[:20],
            f"conditions: {self._conditions}",
            f"kept: {kept}",
            "the last records:",
            *self._last_records(),
        ]
        return Broken("\n".join(lines))

    def _last_records(self) -> list[str]:
        try:
            journal = SqliteJournal.open(self._journal, read_only=True)
        except JournalError as why:
            return [str(why)]
        try:
            events = list(events_of(journal, STREAM))[-25:]
        except JournalError as why:
            return [str(why)]
        finally:
            journal.close()
        return [f"{iso(event.at)} {name_of(type(event))} {event}"[:300] for event in events]
