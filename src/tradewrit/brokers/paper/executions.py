"""The executions of one account: as they were told, and as they stand after what corrected them.

Knows no order and no cash.
"""

from collections.abc import Iterator
from decimal import Decimal

from tradewrit.domain.events.orders import Exec, ExecutionReport


class Executions:
    """Every execution, oldest first, with its corrections."""

    def __init__(self) -> None:
        self._traded: list[ExecutionReport] = []
        self._told: list[ExecutionReport] = []
        self._corrected: dict[str, list[ExecutionReport]] = {}
        self._first: dict[str, str] = {}
        self._begins: dict[str, int] = {}

    def add(self, report: ExecutionReport) -> None:
        """One that was just told: a trade, or what corrects one."""
        self._told.append(report)
        if report.kind is Exec.TRADE:
            self._traded.append(report)
            return
        first = self._first.get(report.corrects, report.corrects)
        self._first[report.exec_id] = first
        self._corrected.setdefault(first, []).append(report)

    def since(self, at: int) -> tuple[ExecutionReport, ...]:
        """What was told of at or after `at` (UTC ns), oldest first: trades, corrections and busts."""
        return tuple(one for one in self._told if one.at >= at)

    def first(self, exec_id: str) -> ExecutionReport | None:
        """An execution as it was first told, by its own id or that of a correction; None if unknown."""
        first = self._first.get(exec_id, exec_id)
        return next((one for one in self._traded if one.exec_id == first), None)

    def standing(self, exec_id: str) -> ExecutionReport | None:
        """What was last told of it, by the same ids."""
        first = self.first(exec_id)
        return None if first is None else self._now(first)

    def of(self, symbol: str) -> Iterator[tuple[Decimal, Decimal]]:
        """Signed quantity and price of each in the shares that are traded now, as it stands."""
        for one in self._these(symbol):
            now = self._now(one)
            if now.side is not None and now.last_price is not None:
                yield now.last_quantity * now.side.sign, now.last_price

    def is_of_these_shares(self, execution: ExecutionReport) -> bool:
        """Whether no split and no delisting has come since."""
        first = self.first(execution.exec_id)
        return any(one is first for one in self._these(execution.symbol))

    def begin_anew(self, symbol: str) -> None:
        """From here on the shares are others."""
        self._begins[symbol] = len(self._traded)

    def _these(self, symbol: str) -> Iterator[ExecutionReport]:
        return (one for one in self._traded[self._begins.get(symbol, 0) :] if one.symbol == symbol)

    def _now(self, first: ExecutionReport) -> ExecutionReport:
        said = self._corrected.get(first.exec_id)
        return said[-1] if said else first
