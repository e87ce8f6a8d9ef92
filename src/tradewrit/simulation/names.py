"""Client order ids at a venue that forgets them: each order it takes a second time is another order there.

The paper exchange remembers every id for ever. Under an id that a venue of this kind would take again, or one
that promised not to and does, the exchange is given an alias, and whoever asks hears of all of them under the
one id.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.capabilities import Dedupe
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.orders import Approved, OrderTerms

_MARK = "~"


class Names:
    """Which orders of the exchange go by which client order id.

    slips: asked of a list that came before, at a venue that remembers ids: whether it is taken once more.
    """

    def __init__(self, dedupe: Dedupe, slips: Callable[[], bool]) -> None:
        self._dedupe = dedupe
        self._slips = slips
        self._called: dict[str, str] = {}
        self._times: dict[str, int] = {}

    def given(self, approved: Approved, exchange: PaperExchange) -> Approved:
        """The list as the exchange is to see it: under new aliases where the venue takes ids again."""
        if self._dedupe is Dedupe.FOREVER and not self._is_taken_again(approved):
            return approved
        aliases = {
            terms.client_order_id: self._alias(terms.client_order_id, exchange) for terms in approved.orders
        }
        orders = []
        for terms in approved.orders:
            alias = aliases[terms.client_order_id]
            again = alias.partition(_MARK)[2]
            oco = f"{terms.oco}{_MARK}{again}" if terms.oco and again else terms.oco
            parent = terms.parent and aliases.get(terms.parent, terms.parent)
            orders.append(replace(terms, client_order_id=alias, oco=oco, parent=parent))
        return replace(approved, orders=tuple(orders))

    def _is_taken_again(self, approved: Approved) -> bool:
        ids = [terms.client_order_id for terms in approved.orders]
        if all(order_id in self._times for order_id in ids):
            return self._slips()
        self._times = dict.fromkeys(ids, 1) | self._times
        return False

    def _alias(self, order_id: str, exchange: PaperExchange) -> str:
        latest = self.latest(order_id)
        working = exchange.open_orders() if order_id in self._times else ()
        if self._dedupe is Dedupe.OPEN_ONLY and any(terms.client_order_id == latest for terms in working):
            return latest
        self._times[order_id] = self._times.get(order_id, 0) + 1
        return self.latest(order_id)

    def note(self, reports: Iterable[ExecutionReport]) -> None:
        """By which of its own ids the exchange speaks of what, under its own names."""
        self._called.update({one.broker_order_id: one.client_order_id for one in reports})

    def named(self, order_id: str, broker_order_id: str, exchange: PaperExchange) -> str:
        """The exchange's name of an order; of several under one id the one that is meant.

        Where nobody says which, it is the latest, of those that may still trade if any does.
        """
        if broker_order_id:
            return self._called.get(broker_order_id, "")
        if self._times.get(order_id, 1) == 1:
            return order_id
        working = {terms.client_order_id for terms in exchange.open_orders()}
        return next((name for name in reversed(self.all(order_id)) if name in working), self.latest(order_id))

    def latest(self, order_id: str) -> str:
        """The exchange's name of the last order that was taken under an id."""
        times = self._times.get(order_id, 1)
        return order_id if times == 1 else f"{order_id}{_MARK}{times}"

    def all(self, order_id: str) -> list[str]:
        """Every order that was taken under an id, oldest first."""
        return [order_id, *(f"{order_id}{_MARK}{n}" for n in range(2, self._times.get(order_id, 1) + 1))]


def told(reports: Sequence[ExecutionReport]) -> Sequence[ExecutionReport]:
    """Reports as the venue words them, without aliases."""
    return [
        report
        if _MARK not in report.client_order_id
        else replace(report, client_order_id=report.client_order_id.partition(_MARK)[0])
        for report in reports
    ]


def listed(orders: Sequence[OrderTerms]) -> Sequence[OrderTerms]:
    """Terms as the venue lists them, without aliases."""
    return [
        terms
        if _MARK not in terms.client_order_id
        else replace(terms, client_order_id=terms.client_order_id.partition(_MARK)[0])
        for terms in orders
    ]
