"""What the venue says: execution reports under ids that never repeat, kept by order for ever.

Knows no account and no prices.
"""

from typing import Any

from msgspec.structs import replace

from tradewrit.brokers.paper.book import Working
from tradewrit.brokers.paper.executions import Executions
from tradewrit.domain.events.orders import CORRECTIONS, Exec, ExecutionReport
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import OrderTerms
from tradewrit.domain.rejections import Rejection

_ENDS = {Exec.TRADE: "filled"}
_ASIDE = frozenset({Exec.CANCEL_REJECTED, Exec.REPLACE_REJECTED, *CORRECTIONS})
"""What is said of an order without moving it to another state."""


class Reports:
    """The reports of one account. Exec ids count up from `ACCOUNT:1`."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._count = 0
        self._said: list[ExecutionReport] = []
        self._histories: dict[str, list[ExecutionReport]] = {}
        self.executions = Executions()

    def history(self, client_order_id: str) -> list[ExecutionReport]:
        """Every report about an order, oldest first; empty when it is not known."""
        return self._histories.get(client_order_id, [])

    def drain(self) -> tuple[ExecutionReport, ...]:
        """What was said since the last call, in order."""
        said = tuple(self._said)
        self._said.clear()
        return said

    def on_state(self, order: Working, kind: Exec, at: int, **facts: Any) -> None:
        """The order changed: it began, traded, was replaced or ended."""
        self._say(
            order.terms,
            kind,
            at,
            broker_order_id=order.broker_order_id,
            cumulative=order.filled,
            **facts,
        )

    def refused(self, terms: OrderTerms, at: int, *, code: str, reason: str) -> None:
        """The order never became one."""
        self._say(terms, Exec.REJECTED, at, code=code, reason=reason)

    def change_refused(self, order: Working, at: int, *, code: str, reason: str) -> None:
        """New terms were asked for, and the old ones stand."""
        self.on_state(order, Exec.REPLACE_REJECTED, at, code=code, reason=reason)

    def corrected(self, before: ExecutionReport, at: int, **facts: Any) -> None:
        """An execution is other than it was told, or none. before: as it stood."""
        report = replace(before, at=at, exec_id=self._exec_id(), corrects=before.exec_id, **facts)
        self._said.append(report)
        self._histories[report.client_order_id].append(report)
        self.executions.add(report)

    def gone(self, client_order_id: str, kind: Exec, at: int, broker_order_id: str = "") -> None:
        """Something was asked of an order that is over, or that nobody ever placed.

        broker_order_id: which, if that was said; another than the exchange has under the id is unknown too.
        """
        history = self.history(client_order_id)
        exec_id = self._exec_id()
        if not history or broker_order_id not in {"", *(one.broker_order_id for one in history)}:
            code, reason = Rejection.UNKNOWN_ORDER, "no order was ever placed under this id"
            report = ExecutionReport(
                at=at,
                exec_id=exec_id,
                client_order_id=client_order_id,
                broker_order_id=broker_order_id,
                kind=kind,
                code=code,
                reason=reason,
            )
        else:
            last = next(report for report in reversed(history) if report.kind not in _ASIDE)
            code, reason = Rejection.TOO_LATE, f"the order is over: {_ENDS.get(last.kind, last.kind.value)}"
            report = replace(last, at=at, exec_id=exec_id, kind=kind, code=code, reason=reason)
            report = replace(report, last_quantity=ZERO, last_price=None, fee=ZERO, settles_at=0)
            history.append(report)
        self._said.append(report)

    def _say(self, terms: OrderTerms, kind: Exec, at: int, **facts: Any) -> None:
        report = ExecutionReport(
            at=at,
            trace=terms.trade_id,
            exec_id=self._exec_id(),
            client_order_id=terms.client_order_id,
            kind=kind,
            symbol=terms.symbol,
            side=terms.side,
            **facts,
        )
        self._said.append(report)
        self._histories.setdefault(terms.client_order_id, []).append(report)
        if kind is Exec.TRADE:
            self.executions.add(report)

    def _exec_id(self) -> str:
        self._count += 1
        return f"{self._account}:{self._count}"
