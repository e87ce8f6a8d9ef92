"""Two roads to one account: what protects is sent a second time when the first road is slow.

    place ─▶ first road ─────────────── answer ─▶ one answer
                └─ nothing within `after_s` ─▶ second road, the SAME client order id

Only for lists that can only reduce risk, and only where the venue remembers a client order id for good: then
the second is the same order, whoever comes first. Everything else takes the first road alone. Two answers
that name two orders of the venue are a breach of that promise: the desk is told of the later one, which it
cancels on record, and halts. A broker itself. Knows no desk, and of time only how long whoever carries it
waits.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple, Protocol, TypeVar

from tradewrit.domain.capabilities import Capabilities, Dedupe
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.orders import Approved, OrderTerms
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.scopes import Grant
from tradewrit.errors import ConfigError, Unreachable
from tradewrit.runtime.ports import Broker, Replacement

Given = TypeVar("Given")
Reports = Sequence[ExecutionReport]
Answer = tuple[Broker, Reports | Exception]
"""What a road brought back, and which."""


class Answers(Protocol):
    """What the roads of one race bring back."""

    def put(self, answer: Answer) -> None:
        """One has come, by any road."""
        ...

    def get(self, within_s: float) -> Answer | None:
        """The next one; None when none comes within so many seconds."""
        ...


class Carriers(Protocol):
    """Whoever goes down a road while the desk's call waits for the answer of either."""

    def answers(self) -> Answers:
        """Where those of one race put down what they bring."""
        ...

    def send(self, go: Callable[[], None]) -> None:
        """Have somebody do it; returns at once."""
        ...


class Threads:
    """Carriers that are threads of this process, and wait by real time."""

    def answers(self) -> Answers:
        """As `Carriers.answers`."""
        return _Queue()

    def send(self, go: Callable[[], None]) -> None:
        """As `Carriers.send`."""
        threading.Thread(target=go, name="tradewrit-road", daemon=True).start()


class _Queue:
    def __init__(self) -> None:
        self._answers: SimpleQueue[Answer] = SimpleQueue()

    def put(self, answer: Answer) -> None:
        self._answers.put(answer)

    def get(self, within_s: float) -> Answer | None:
        try:
            return self._answers.get(timeout=within_s)
        except Empty:
            return None


Spend = Callable[[bool], bool]
"""Whether one call more may go, and counts it; told whether it can only reduce risk."""
_PROTECTS: Final = True


def _without_limit(is_protective: bool) -> bool:
    del is_protective
    return True


class HedgedBroker:
    """Passes on to `first`, and what protects to `second` too when `first` takes longer than `after_s`.

    after_s: how long the first road usually takes at most (its 95th percentile). patience_s: for any answer.
    breached: told, from any thread, what the venue said of the later order when it took one id twice. by: who
    goes the roads.
    spend: asked before the second road is taken, since the venue counts calls and not roads.
    Raises ConfigError when one of the roads does not remember client order ids for good.
    """

    def __init__(
        self,
        first: Broker,
        second: Broker,
        *,
        after_s: float,
        patience_s: float = 10.0,
        breached: Callable[[Reports], None],
        by: Carriers | None = None,
        spend: Spend = _without_limit,
    ) -> None:
        if {first.capabilities.dedupe, second.capabilities.dedupe} != {Dedupe.FOREVER}:
            raise ConfigError(
                "a second road needs a venue that remembers client order ids for good (dedupe: forever); "
                "anywhere else a repeat could be a second order"
            )
        if not 0 < after_s < patience_s:
            raise ConfigError(f"a second road after {after_s:g} s needs patience for longer than that")
        self._first: Final = first
        self._second: Final = second
        self._spend: Final = spend
        self._roads: Final = _Roads(first, second, after_s, patience_s, breached, by or Threads(), spend)

    @property
    def capabilities(self) -> Capabilities:
        """Those of the first road."""
        return self._first.capabilities

    def place(self, approved: Approved, grant: Grant) -> Reports:
        """By both roads if need be, where every order of the list only reduces risk."""
        if not all(terms.role.is_protective for terms in approved.orders):
            return self._first.place(approved, grant)
        return _Race(self._roads, approved, grant).run()

    def cancel(self, client_order_id: str, grant: Grant, broker_order_id: str = "") -> Reports:
        """By the second road when the first is lost: a cancel is harmless to repeat."""
        return self._either(
            lambda road: road.cancel(client_order_id, grant, broker_order_id), is_protective=True
        )

    def replace(
        self, client_order_id: str, replacement: Replacement, grant: Grant, broker_order_id: str = ""
    ) -> Reports:
        """By the first road alone."""
        return self._first.replace(client_order_id, replacement, grant, broker_order_id)

    def order(self, client_order_id: str) -> Reports:
        """By the second road when the first is lost."""
        return self._either(lambda road: road.order(client_order_id))

    def open_orders(self) -> Sequence[OrderTerms]:
        """As `order`."""
        return self._either(lambda road: road.open_orders())

    def positions(self) -> Mapping[str, Decimal]:
        """As `order`."""
        return self._either(lambda road: road.positions())

    def halts(self) -> Mapping[str, str] | None:
        """As `order`."""
        return self._either(lambda road: road.halts())

    def executions(self, since: int) -> Reports:
        """As `order`."""
        return self._either(lambda road: road.executions(since))

    def _either(self, call: Callable[[Broker], Given], *, is_protective: bool = False) -> Given:
        try:
            return call(self._first)
        except Unreachable:
            if not self._spend(is_protective):
                raise
            return call(self._second)


class _Roads(NamedTuple):
    """What a race needs of its broker."""

    first: Broker
    second: Broker
    after_s: float
    patience_s: float
    breached: Callable[[Reports], None]
    by: Carriers
    spend: Spend


class _Race:
    """One list of orders on its way by up to two roads."""

    def __init__(self, roads: _Roads, approved: Approved, grant: Grant) -> None:
        self._roads = roads
        self._approved = approved
        self._grant = grant
        self._answers = roads.by.answers()
        self._sent = 0
        self._taken: dict[str, str] = {}
        self._lock = threading.Lock()

    def run(self) -> Reports:
        """The one answer. Raises what both roads raised, Unreachable when neither answered."""
        roads = self._roads
        self._send(roads.first)
        answer = self._answers.get(roads.after_s)
        if answer is None or _is_lost(answer[1]):
            if roads.spend(_PROTECTS):
                self._send(roads.second)
            answer = self._settle(answer)
        if answer is None:
            raise Unreachable("no road to the venue answered in time")
        road, found = answer
        if isinstance(found, Exception):
            raise found
        return self._looked_up(road, found)

    def _settle(self, answer: Answer | None) -> Answer | None:
        """The first answer of the venue; without one, what can be said of all that was sent.

        One road's "not taken" says nothing of the other: while that may still arrive, nothing is known.
        """
        came = [] if answer is None else [answer]
        while len(came) < self._sent:
            more = self._answers.get(self._roads.patience_s)
            if more is None:
                return None
            came.append(more)
            if not isinstance(more[1], Exception):
                return more
        return next((one for one in came if _is_lost(one[1])), came[-1])

    def _send(self, road: Broker) -> None:
        self._sent += 1
        self._roads.by.send(partial(self._go, road))

    def _go(self, road: Broker) -> None:
        try:
            answer: Reports | Exception = road.place(self._approved, self._grant)
        except Exception as failed:  # noqa: BLE001 - handed to whoever waits
            answer = failed
        self._answers.put((road, answer))
        if not isinstance(answer, Exception):
            self._check(answer)

    def _check(self, reports: Reports) -> None:
        """Both roads must have led to the same order of the venue."""
        for report in reports:
            if report.kind is not Exec.NEW or not report.broker_order_id:
                continue
            with self._lock:
                known = self._taken.setdefault(report.client_order_id, report.broker_order_id)
            if known != report.broker_order_id:
                self._roads.breached(reports)  # nobody waits for this answer
                return

    def _looked_up(self, road: Broker, reports: Reports) -> Reports:
        """A venue that answers a repeat with "duplicate" has the order: what it knows of it is the answer."""
        if not any(report.code == Rejection.DUPLICATE for report in reports):
            return reports
        found: list[ExecutionReport] = []
        for terms in self._approved.orders:
            if not self._roads.spend(_PROTECTS):
                raise Unreachable("the venue has the order, and no call is left to ask what became of it")
            found.extend(road.order(terms.client_order_id))
        return found


def _is_lost(answer: Reports | Exception) -> bool:
    return isinstance(answer, Unreachable)
