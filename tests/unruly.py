"""A broker that is reached badly: the paper exchange behind a line that fails as a test says."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NoReturn

import msgspec

from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.capabilities import Capabilities
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.orders import Approved, OrderTerms, Role
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.scopes import Grant
from tradewrit.errors import Throttled, Unauthorized, Unreachable
from tradewrit.runtime.ports import Replacement

Reports = Sequence[ExecutionReport]
UNREACHABLE = Unreachable("the connection was reset")
THROTTLED = Throttled("429: slow down", 1.0)
UNAUTHORIZED = Unauthorized("401: the token has expired")


class Unruly:
    """Passes everything on, except what it was told to spoil.

    lost_before, lost_after: what the next calls raise, by call, before or after passing them on.
    refuses: roles whose orders the venue rejects. is_slow: answers come by stream, when they are let go.
    spy: called with each call's name before anything else. sent: every order that was ever passed on.
    """

    def __init__(self, exchange: PaperExchange, capabilities: Capabilities | None = None) -> None:
        self.exchange = exchange
        self.lost_before: dict[str, deque[Exception]] = {}
        self.lost_after: dict[str, deque[Exception]] = {}
        self.refuses: set[Role] = set()
        self.refuses_changes = False
        self.refusal = Rejection.VENUE
        self.is_slow = False
        self.kept: list[ExecutionReport] = []
        self.calls: list[str] = []
        self.sent: list[OrderTerms] = []
        self.spy: Callable[[str], None] = lambda _: None
        self._capabilities = capabilities
        self._refused = 0

    def lose(self, call: str, *failures: Exception, is_done: bool = False) -> None:
        """Let the next calls of this name fail, before they are passed on or after."""
        (self.lost_after if is_done else self.lost_before).setdefault(call, deque()).extend(failures)

    def let_go(self, order: Callable[[list[ExecutionReport]], Reports] = list) -> Reports:
        """What was kept back, in the order that is asked for."""
        kept, self.kept = self.kept, []
        return order(kept)

    # -- the Broker port

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities or self.exchange.capabilities

    def place(self, approved: Approved, grant: Grant) -> Reports:
        self._begin("place")
        if any(terms.role in self.refuses for terms in approved.orders):
            return self._end("place", [self._reject(terms) for terms in approved.orders])
        self.sent.extend(approved.orders)
        return self._end("place", self.exchange.place(approved, grant))

    def cancel(self, client_order_id: str, grant: Grant, broker_order_id: str = "") -> Reports:
        self._begin("cancel")
        return self._end("cancel", self.exchange.cancel(client_order_id, grant, broker_order_id))

    def replace(
        self, client_order_id: str, replacement: Replacement, grant: Grant, broker_order_id: str = ""
    ) -> Reports:
        self._begin("replace")
        if self.refuses_changes:
            report = self._say(client_order_id, Exec.REPLACE_REJECTED)
            return self._end("replace", [report])
        return self._end(
            "replace", self.exchange.replace(client_order_id, replacement, grant, broker_order_id)
        )

    def order(self, client_order_id: str) -> Reports:
        self._begin("order")
        return self.exchange.order(client_order_id)

    def open_orders(self) -> Sequence[OrderTerms]:
        self._begin("open_orders")
        return self.exchange.open_orders()

    def executions(self, since: int) -> Reports:
        self._begin("executions")
        return self.exchange.executions(since)

    def positions(self) -> Mapping[str, Decimal]:
        self._begin("positions")
        return self.exchange.positions()

    def halts(self) -> Mapping[str, str]:
        self._begin("halts")
        return self.exchange.halts()

    # -- how it fails

    def _begin(self, call: str) -> None:
        self.calls.append(call)
        self.spy(call)
        if self.lost_before.get(call):
            _fail(self.lost_before[call].popleft())

    def _end(self, call: str, reports: Reports) -> Reports:
        if self.lost_after.get(call):
            _fail(self.lost_after[call].popleft())
        if not self.is_slow:
            return reports
        self.kept.extend(reports)
        return ()

    def _reject(self, terms: OrderTerms) -> ExecutionReport:
        report = self._say(terms.client_order_id, Exec.REJECTED)
        return msgspec.structs.replace(report, trace=terms.trade_id, symbol=terms.symbol, side=terms.side)

    def _say(self, client_order_id: str, kind: Exec) -> ExecutionReport:
        self._refused += 1
        return ExecutionReport(
            at=0,
            exec_id=f"unruly:{self._refused}",
            client_order_id=client_order_id,
            kind=kind,
            code=self.refusal,
            reason="not today",
        )


def _fail(failure: Exception) -> NoReturn:
    raise failure
