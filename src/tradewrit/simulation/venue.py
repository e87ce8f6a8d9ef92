"""The venue of a simulated world: the paper exchange, cut down to what a profile's venue can do.

Everything it says of an order is kept in a log, which its event stream and its answers are read from.
Its own account is the truth that the desk's books are held against.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from tradewrit.brokers.paper.chance import Chance
from tradewrit.brokers.paper.corrections import Correction
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.capabilities import Capabilities, Dedupe
from tradewrit.domain.events.market import SymbolHalted, SymbolHaltLifted
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.instruments import plain
from tradewrit.domain.market import SECOND, Quote
from tradewrit.domain.money import ZERO, exactly
from tradewrit.domain.orders import Approved, OrderTerms
from tradewrit.domain.scopes import Grant
from tradewrit.errors import TheirFault, Unreachable
from tradewrit.runtime.clock import seeded
from tradewrit.runtime.ports import Replacement
from tradewrit.simulation.hours import Hours
from tradewrit.simulation.names import Names, listed, told
from tradewrit.simulation.plan import Plan
from tradewrit.simulation.scheduler import Scheduler

Said = ExecutionReport | SymbolHalted | SymbolHaltLifted
Told = Callable[[Sequence[Said]], None]
_PAUSE: Final = "LULD pause"
MANUAL = "manual"
"""How the ids of orders begin that somebody else placed at the venue."""


class Venue:
    """One venue with one account. `told` hears what it says, in order, as it says it.

    placed: by client order id, how many orders it took under it. terms: as they came.
    twins: by its own id, the client order id of orders that it took against its promise to remember ids.
    requests: times (UTC ns) of the last minute's calls. refuses_calls: what it says to every call for now;
    its market goes on. is_down: in maintenance, nothing trades and nobody is answered.
    """

    def __init__(self, plan: Plan, scheduler: Scheduler, hours: Hours) -> None:
        self._scheduler = scheduler
        self.capabilities: Capabilities = plan.capabilities
        is_partial = plan.faults.thin > 0
        self.exchange = PaperExchange(
            lambda symbol: plain(symbol, "USD"),
            initial_cash=plan.cash,
            rules=PaperRules(
                participation_fraction=Decimal(1) if is_partial else None,
                sessions=bool(plan.closes_at_s),
                halts="refuse" if plan.refuses_in_halts else "rest",
            ),
            chance=_Moods(self, Decimal(repr(plan.faults.rejects)), plan.seed),
            calendar=hours if plan.closes_at_s else None,
            clock=lambda: scheduler.now,
            account="venue",
        )
        self._slips = seeded(plan.seed, "twins")
        self._names = Names(plan.capabilities.dedupe, lambda: self._takes_again(plan.faults.twins))
        self.twins: dict[str, str] = {}
        self.log: list[Said] = []
        self._last = 0
        self.terms: dict[str, OrderTerms] = {}
        self.placed: dict[str, int] = {}
        self.requests: list[int] = []
        self.refuses_calls: TheirFault | None = None
        self.is_calm = False
        self.is_down = False
        self.told: Told = _nobody_listens

    # -- the market side

    @property
    def refusal(self) -> TheirFault | None:
        """Why it takes no call; None while it does."""
        return Unreachable("503: the venue is in maintenance") if self.is_down else self.refuses_calls

    def show(self, quote: Quote) -> None:
        """The market moves; orders meet the quote."""
        if self.is_down:
            return
        if self.exchange.is_working(quote.symbol):
            self._say(self.exchange.quote(quote))
        else:
            self.exchange.quote(quote)

    def close(self, at: int) -> None:
        """The session ends: what was for the day is over."""
        self._say(self.exchange.session_closed(at))

    def _say(self, said: Sequence[ExecutionReport]) -> Sequence[ExecutionReport]:
        self._names.note(said)
        reports = told(said)
        new = [report for report in reports if number_of(report) > self._last]
        if new:
            self._last = number_of(new[-1])
            self.log.extend(new)
            for report in new:
                if report.kind is Exec.NEW:
                    self._taken(report)
            self.told(new)
        return reports

    def _taken(self, report: ExecutionReport) -> None:
        order_id, before = report.client_order_id, self.placed.get(report.client_order_id, 0)
        self.placed[order_id] = before + 1
        if before and self.capabilities.dedupe is Dedupe.FOREVER:
            self.twins[report.broker_order_id] = order_id

    def _takes_again(self, share: float) -> bool:
        return bool(share) and not self.is_calm and self._slips.random() < share

    def halt(self, symbol: str) -> None:
        """Nothing trades in a symbol from now on."""
        self.exchange.halt(symbol, _PAUSE)
        self._announce(SymbolHalted(at=self._scheduler.now, symbol=symbol, reason=_PAUSE))

    def resume(self, symbol: str) -> None:
        """A halted symbol trades again."""
        if symbol in self.exchange.halts():
            self.exchange.resume(symbol)
            self._announce(SymbolHaltLifted(at=self._scheduler.now, symbol=symbol))

    def _announce(self, said: SymbolHalted | SymbolHaltLifted) -> None:
        self.log.append(said)
        self.told((said,))

    def ours(self, since: int) -> Sequence[ExecutionReport]:
        """Executions of the desk's orders that can still be corrected, as last told; since: UTC ns."""
        standing = {one.corrects or one.exec_id: one for one in self.exchange.executions(since)}
        return [
            one
            for one in standing.values()
            if not one.client_order_id.startswith(MANUAL)
            if not self.exchange.objection(Correction(exec_id=one.exec_id, quantity=ZERO))
        ]

    def correct(self, wanted: Correction) -> None:
        """Somebody at the exchange says that an execution was another, or none."""
        if not self.exchange.objection(wanted):
            self._say(self.exchange.correct(wanted))

    def working(self) -> Sequence[OrderTerms]:
        """Orders that may still trade, for whoever watches."""
        return listed(self.exchange.open_orders())

    def by_hand(self, approved: Approved, grant: Grant) -> None:
        """Somebody else trades in the account."""
        with exactly():
            self._say(self.exchange.place(approved, grant))

    # -- calls

    def place(self, approved: Approved, grant: Grant) -> Sequence[ExecutionReport]:
        """Take orders."""
        self._count()
        with exactly():
            reports = self.exchange.place(self._names.given(approved, self.exchange), grant)
        for terms in approved.orders:
            self.terms[terms.client_order_id] = terms
        return self._say(reports)

    def cancel(
        self, client_order_id: str, grant: Grant, broker_order_id: str = ""
    ) -> Sequence[ExecutionReport]:
        """Cancel an order."""
        self._count()
        name = self._names.named(client_order_id, broker_order_id, self.exchange)
        with exactly():
            return self._say(self.exchange.cancel(name, grant))

    def replace(
        self, client_order_id: str, new: Replacement, grant: Grant, broker_order_id: str = ""
    ) -> Sequence[ExecutionReport]:
        """Give an order new terms."""
        self._count()
        name = self._names.named(client_order_id, broker_order_id, self.exchange)
        with exactly():
            return self._say(self.exchange.replace(name, new, grant))

    def order(self, client_order_id: str) -> Sequence[ExecutionReport]:
        """All about an order."""
        self._count()
        orders = self._names.all(client_order_id)
        return [report for name in orders for report in told(self.exchange.order(name))]

    def open_orders(self) -> Sequence[OrderTerms]:
        """What may still trade."""
        self._count()
        return self.working()

    def positions(self) -> Mapping[str, Decimal]:
        """What is held, signed."""
        self._count()
        return self.exchange.positions()

    def halts(self) -> Mapping[str, str]:
        """What is halted."""
        self._count()
        return self.exchange.halts()

    def executions(self, since: int) -> Sequence[ExecutionReport]:
        """Every fill at or after `since` (UTC ns)."""
        self._count()
        return told(self.exchange.executions(since))

    def _count(self) -> None:
        now = self._scheduler.now
        self.requests.append(now)
        if self.requests[0] <= now - 60 * SECOND:
            self.requests = [at for at in self.requests if at > now - 60 * SECOND]


def _nobody_listens(reports: Sequence[Said]) -> None:
    del reports


class _Moods(Chance):
    """Refusals at random, until all is calm."""

    def __init__(self, venue: Venue, fraction: Decimal, seed: int) -> None:
        super().__init__(fraction, seed)
        self._venue = venue

    def refuses(self, symbol: str) -> bool:
        """As `Chance.refuses`."""
        return not self._venue.is_calm and super().refuses(symbol)


def number_of(report: ExecutionReport) -> int:
    """The venue's running number of a report."""
    return int(report.exec_id.rpartition(":")[2])


def name_of(said: Said) -> str:
    """What a message of the stream is about."""
    return said.exec_id if isinstance(said, ExecutionReport) else said.symbol
