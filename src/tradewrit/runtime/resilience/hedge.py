"""Two roads to one account: what protects is sent a second time when the first road is slow.

    place ─▶ first road ─────────────── answer ─▶ one answer
                └─ nothing within `after_s` ─▶ second road, the SAME client order id

Only for lists that can only reduce risk, and only where the venue remembers a client order id for good: then
the second is the same order, whoever comes first. Everything else takes the first road alone. Two answers
that name two orders of the venue are a breach of that promise: the later one is cancelled, and whoever is
told halts trading. A broker itself. Knows no desk.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple

from tradewrit.domain.capabilities import Capabilities, Dedupe
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.orders import Approved, OrderTerms
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.scopes import Grant
from tradewrit.errors import ConfigError, Unreachable
from tradewrit.runtime.ports import Broker, Replacement

Reports = Sequence[ExecutionReport]
_Answer = tuple[Broker, Reports | Exception]


class HedgedBroker:
    """Passes on to `first`, and what protects to `second` too when `first` takes longer than `after_s`.

    after_s: how long the first road usually takes at most (its 95th percentile). patience_s: for any answer.
    breached: told, from any thread, what the venue did when it took one id twice.
    Raises ConfigError when one of the roads does not remember client order ids for good.
    """

    def __init__(
        self,
        first: Broker,
        second: Broker,
        *,
        after_s: float,
        patience_s: float = 10.0,
        breached: Callable[[str], None],
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
        self._roads: Final = _Roads(first, second, after_s, patience_s, breached)

    @property
    def capabilities(self) -> Capabilities:
        """Those of the first road."""
        return self._first.capabilities

    def place(self, approved: Approved, grant: Grant) -> Reports:
        """By both roads if need be, where every order of the list only reduces risk."""
        if not all(terms.role.is_protective for terms in approved.orders):
            return self._first.place(approved, grant)
        return _Race(self._roads, approved, grant).run()

    def cancel(self, client_order_id: str, grant: Grant) -> Reports:
        """By the second road when the first is lost: a cancel is harmless to repeat."""
        try:
            return self._first.cancel(client_order_id, grant)
        except Unreachable:
            return self._second.cancel(client_order_id, grant)

    def replace(self, client_order_id: str, replacement: Replacement, grant: Grant) -> Reports:
        """By the first road alone."""
        return self._first.replace(client_order_id, replacement, grant)

    def order(self, client_order_id: str) -> Reports:
        """By the second road when the first is lost."""
        try:
            return self._first.order(client_order_id)
        except Unreachable:
            return self._second.order(client_order_id)

    def open_orders(self) -> Sequence[OrderTerms]:
        """As `order`."""
        try:
            return self._first.open_orders()
        except Unreachable:
            return self._second.open_orders()

    def positions(self) -> Mapping[str, Decimal]:
        """As `order`."""
        try:
            return self._first.positions()
        except Unreachable:
            return self._second.positions()

    def halts(self) -> Mapping[str, str] | None:
        """As `order`."""
        try:
            return self._first.halts()
        except Unreachable:
            return self._second.halts()

    def executions(self, since: int) -> Reports:
        """As `order`."""
        try:
            return self._first.executions(since)
        except Unreachable:
            return self._second.executions(since)


class _Roads(NamedTuple):
    """What a race needs of its broker."""

    first: Broker
    second: Broker
    after_s: float
    patience_s: float
    breached: Callable[[str], None]


class _Race:
    """One list of orders on its way by up to two roads."""

    def __init__(self, roads: _Roads, approved: Approved, grant: Grant) -> None:
        self._roads = roads
        self._approved = approved
        self._grant = grant
        self._answers: SimpleQueue[_Answer] = SimpleQueue()
        self._sent = 0
        self._taken: dict[str, str] = {}
        self._lock = threading.Lock()

    def run(self) -> Reports:
        """The one answer. Raises what both roads raised, Unreachable when neither answered."""
        roads = self._roads
        self._send(roads.first)
        answer = self._next(roads.after_s)
        if answer is None or _is_lost(answer[1]):
            self._send(roads.second)
            answer = self._settle(answer)
        if answer is None:
            raise Unreachable("no road to the venue answered in time")
        road, found = answer
        if isinstance(found, Exception):
            raise found
        return self._looked_up(road, found)

    def _settle(self, answer: _Answer | None) -> _Answer | None:
        """The first answer that tells anything, or the last that does not."""
        waiting = self._sent - (answer is not None)
        for _ in range(waiting):
            came = self._next(self._roads.patience_s)
            if came is None:
                return answer
            answer = came
            if not _is_lost(came[1]):
                return came
        return answer

    def _next(self, within_s: float) -> _Answer | None:
        try:
            return self._answers.get(timeout=within_s)
        except Empty:
            return None

    def _send(self, road: Broker) -> None:
        self._sent += 1
        threading.Thread(target=self._go, args=(road,), name="tradewrit-road", daemon=True).start()

    def _go(self, road: Broker) -> None:
        try:
            answer: Reports | Exception = road.place(self._approved, self._grant)
        except Exception as failed:  # noqa: BLE001 - handed to whoever waits
            answer = failed
        self._answers.put((road, answer))
        if not isinstance(answer, Exception):
            self._check(road, answer)

    def _check(self, road: Broker, reports: Reports) -> None:
        """Both roads must have led to the same order of the venue."""
        for report in reports:
            if report.kind is not Exec.NEW or not report.broker_order_id:
                continue
            with self._lock:
                known = self._taken.setdefault(report.client_order_id, report.broker_order_id)
            if known == report.broker_order_id:
                continue
            said = f"one id, two orders: {report.client_order_id} is {known} and {report.broker_order_id}"
            try:
                road.cancel(report.client_order_id, self._grant)
                said += f"; {report.broker_order_id} was cancelled"
            except Exception as failed:  # noqa: BLE001 - a person has to be told either way
                said += f"; {report.broker_order_id} COULD NOT BE CANCELLED: {failed}"
            self._roads.breached(said)

    def _looked_up(self, road: Broker, reports: Reports) -> Reports:
        """A venue that answers a repeat with "duplicate" has the order: what it knows of it is the answer."""
        if not any(report.code == Rejection.DUPLICATE for report in reports):
            return reports
        found: list[ExecutionReport] = []
        for terms in self._approved.orders:
            found.extend(road.order(terms.client_order_id))
        return found


def _is_lost(answer: Reports | Exception) -> bool:
    return isinstance(answer, Unreachable)
