"""The pump: one input at a time through the kernel, one transaction per input, intents before effects.

    input ─▶ kernel ─▶ journal.append (all records, one transaction) ─▶ books ─▶ effects ─▶ outcomes
                                                                                     │
                                              outcomes are inputs of their own ◀─────┘

Before an input that leads to anything the writs are brought up to date, so that what is decided is put on
record under the token it leaves with. If the append fails, the books stay as they were and nothing leaves.
Knows no agent and no venue.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from tradewrit.domain.books import Books
from tradewrit.domain.events.account import HaltTrading
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import DividendWentEx, SharesDelisted, SharesSplit, SymbolChanged
from tradewrit.domain.events.funding import FundingSettled
from tradewrit.domain.events.market import BarsClosed
from tradewrit.domain.events.orders import CORRECTIONS, CommissionReport, Exec, ExecutionReport
from tradewrit.domain.events.registry import NAMES, encode
from tradewrit.domain.events.strategy import CandidateFound, ScanStarted
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.executions import contradicts
from tradewrit.domain.signals import Market
from tradewrit.kernel import Asked, Kernel, Recorded, Step
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.journal.records import Entry, Record
from tradewrit.runtime.lease import Tenure
from tradewrit.runtime.outbox import OUTSIDE, Outbox
from tradewrit.runtime.perform import Departure, Performer
from tradewrit.runtime.replay import snapshot_of
from tradewrit.runtime.writs import Writs

INPUT: Final = "input"
OUTCOME: Final = "outside"
"""The source of what came of an effect."""
AUTHORITY: Final = "authority"
"""The source of what becomes of writs."""
Listener = Callable[[Event, Record | None], None]
"""Told of every event after its transaction is on disk; the record is None for what is not journalled."""


class Pump:
    """Drives one account: its kernel, its stream in the journal, its effects.

    snapshot_every: let `rest` save the books after so many records; 0 never. That only shortens a start.
    tenure: the lease to write and send under; None where nobody else can have the journal.
    outbox: takes what is to be done outside, for `depart`; without one it is done before the next input.
    """

    def __init__(
        self,
        kernel: Kernel,
        market: Market,
        journal: Journal,
        stream: str,
        performer: Performer,
        writs: Writs,
        clock: Clock,
        books: Books,
        *,
        listeners: Iterable[Listener] = (),
        snapshot_every: int = 0,
        tenure: Tenure | None = None,
        outbox: Outbox | None = None,
    ) -> None:
        self.kernel = kernel
        self.market = market
        self.journal = journal
        self.stream = stream
        self.books = books
        self._performer = performer
        self._writs = writs
        self._clock = clock
        self._listeners = tuple(listeners)
        self._seq = journal.head(stream).seq
        self._snapshot_every = snapshot_every
        self._snapshot_at = self._seq
        self._tenure = tenure
        self._outbox = outbox
        self._epoch = 0 if tenure is None else tenure.epoch
        self._queue: deque[tuple[Event, str]] = deque()
        self._is_running = False
        self._is_keeping = False

    def feed(self, event: Event, source: str = INPUT) -> list[Event]:
        """Take an input, and everything its effects answer, to the end; returns all it led to.

        Raises JournalUnwritable when the journal refuses: the input is not taken, nothing was sent.
        Raises LeaseLost when the lease is over: what is on record and was not sent yet stays unsent, and
        this pump takes no more.
        """
        said: list[Event] = []
        if self._is_running:  # an effect's handler came back with more: it waits its turn
            self._queue.append((event, source))
            return said
        self._is_running = True
        try:
            self._take(event, source, said)
            self._drain(said)
        finally:
            self._is_running = False
            self._queue.clear()
        return said

    def feed_all(self, events: Sequence[Event], source: str = INPUT) -> list[Event]:
        """Take inputs that came in one breath, in their order, and then what their effects answer.

        What a venue says of one bar happened before anything we ask for because of its first words.
        """
        if not events:
            return []
        if self._is_running:
            self._queue.extend((event, source) for event in events)
            return []
        self._queue.extend((event, source) for event in events[1:])
        return self.feed(events[0], source)

    def _take(self, event: Event, source: str, said: list[Event]) -> None:
        if self._tenure is not None:
            self._tenure.keep()
        key = _key(event, self.books)
        if key is not None and self.journal.has_seen(self.stream, key):
            return  # the same outside fact, heard twice
        step = self.kernel.step(self.books, self.market, event, source)
        if step is not None and self._keep_if_due(said):
            step = self.kernel.step(self.books, self.market, event, source)
        if step is None:
            if type(event) is BarsClosed:  # the path of a bar that leads to nothing
                return
            step = Step(self.books, told=(event,))
        said.extend(step.told)
        said += [recorded.event for recorded in step.records]
        records = self._commit(step)
        self.books = step.books
        self._tell(step, records)
        if step.effects:
            self._performer.expect(step.effects)
        for asked in step.effects:
            if self._outbox is not None and isinstance(asked.effect, OUTSIDE):
                self._outbox.put(asked, self.books)
                continue
            if self._tenure is not None:
                self._tenure.assure()
            outcomes = self._performer.perform(asked.effect, asked.agent, self.books, self._clock.now())
            self._queue.extend((outcome, OUTCOME) for outcome in outcomes)

    def admit(self, asked: Asked) -> Departure | WritDenied:
        """What is on record is about to leave: under which grant, or why not.

        Raises LeaseLost when the lease is over.
        """
        if self._tenure is not None:
            self._tenure.assure()
        return self._performer.admit(asked, self.books, self._clock.now())

    def keep(self) -> list[Event]:
        """Renew the lease and bring the writs up to date, where that is due; returns all it led to."""
        said: list[Event] = []
        if not self._is_running:
            self._is_running = True
            try:
                if self._tenure is not None:
                    self._tenure.keep()
                self._keep_if_due(said)
                self._drain(said)
            finally:
                self._is_running = False
                self._queue.clear()
        return said

    def rest(self) -> None:
        """What can wait for a moment without input: a snapshot where one is due, and the journal's upkeep.

        Raises JournalUnwritable when the journal cannot be written: what is on record stays so.
        """
        if self._snapshot_every and self._seq - self._snapshot_at >= self._snapshot_every:
            self.journal.save_snapshot(snapshot_of(self.books, self.stream, self._seq))
            self._snapshot_at = self._seq
        self.journal.tidy()

    def _drain(self, said: list[Event]) -> None:
        """Take what effects answered, and what that led to; what was done may have ended a writ."""
        while True:
            while self._queue:
                self._take(*self._queue.popleft(), said)
            if not (said and self._keep_if_due(said)):
                return

    def _keep_if_due(self, said: list[Event]) -> bool:
        """Whether anything came of it."""
        if self._is_keeping or not self.books.events:  # a journal begins with its genesis
            return False
        self._is_keeping = True
        try:
            news = self._news()
            for event in news:
                self._take(event, AUTHORITY, said)
        finally:
            self._is_keeping = False
        return bool(news)

    def _news(self) -> Sequence[Event]:
        now = self._clock.now()
        try:
            return self._writs.keep(now) if self._writs.is_due(now) else ()
        except Exception as why:  # noqa: BLE001 - whatever it is: a switch that cannot be read counts as thrown
            if self.books.halted:
                return ()
            reason = f"the writs cannot be looked after: {type(why).__name__}: {why}"
            return (HaltTrading(at=now, actor="desk", reason=reason),)

    def _commit(self, step: Step) -> list[Record]:
        if not step.records:
            return []
        entries = entries_of(step.records, self.books, step.books, self._seq)
        stored = self.journal.append(
            self.stream,
            entries,
            expected_seq=self._seq,
            recorded_at=self._clock.now(),
            epoch=self._epoch,
        )
        self._seq = stored[-1].seq
        return stored

    def _tell(self, step: Step, records: list[Record]) -> None:
        if not self._listeners:
            return
        for told in step.told:
            for listener in self._listeners:
                listener(told, None)
        for recorded, record in zip(step.records, records, strict=True):
            for listener in self._listeners:
                listener(recorded.event, record)


_KEYS: Final[Mapping[type[Event], Callable[[Any], str]]] = {
    ExecutionReport: lambda report: f"exec:{report.exec_id}",
    SharesSplit: lambda split: f"corporate:{split.action}",
    DividendWentEx: lambda dividend: f"corporate:{dividend.action}",
    SymbolChanged: lambda change: f"corporate:{change.action}",
    SharesDelisted: lambda delisting: f"corporate:{delisting.action}",
    FundingSettled: lambda funding: f"funding:{funding.action}",
    # A report without a rate settles nothing, and must not keep out the one that has it.
    CommissionReport: lambda report: f"commission:{report.exec_id}:{report.fee_rate}",
}
"""What an outside fact is called, whatever road it came by: heard twice, it happened once."""


def _key(event: Event, books: Books) -> str | None:
    key_of = _KEYS.get(type(event))
    if key_of is None:
        return None
    key = key_of(event)
    if not isinstance(event, ExecutionReport):
        return key
    if event.kind not in CORRECTIONS and books.is_lapsed_leg(event.client_order_id):
        return f"{key}:lapsed"  # it counts when it is told again, once the trade is open
    if event.kind is not Exec.TRADE:
        return key
    quantity, price = event.last_quantity, event.last_price
    # Another fill under the same id is another fact: it is looked at, not dropped.
    is_other = contradicts(books.executions, event.exec_id, quantity, price)
    return f"{key}:{quantity}:{price}" if is_other else key


def entries_of(records: Iterable[Recorded], before: Books, after: Books, last_seq: int) -> list[Entry]:
    """Journal entries for one step; causes become sequence numbers, the trade's scan the correlation.

    before, after: the books around the step; a trade that ends in it is known only to the first.
    """
    first = last_seq + 1
    alone = f"input-{first}"
    scans: dict[str, str] = {}
    standings: dict[str, tuple[str, str]] = {}
    entries = []
    for recorded in records:
        event, source = recorded.event, recorded.source
        kind, trace = type(event), event.trace
        if type(event) is ScanStarted or type(event) is CandidateFound:
            scans[trace] = event.scan
        elif trace and trace not in scans:
            trade = after.trades.get(trace) or before.trades.get(trace)
            scans[trace] = alone if trade is None else trade.correlation
        if source not in standings:
            standings[source] = after.standing(source)
        agent_id, token_id = standings[source]
        entries.append(
            Entry(
                type=NAMES[kind],
                at=event.at,
                body=encode(event),
                source=source,
                agent_id=agent_id,
                token_id=token_id,
                caused_by=first + recorded.cause if recorded.cause >= 0 else 0,
                correlation=scans[trace] if trace or kind is ScanStarted else alone,
                trace=trace,
                dedup_key=_key(event, before) if kind in _KEYS else None,
            )
        )
    return entries
