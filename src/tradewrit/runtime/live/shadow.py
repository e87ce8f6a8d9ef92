"""What a desk would do now, worked out from its journal and its venue by somebody who is not the desk.

The same books, the same agents, and what the venue says of orders that the books hold open: so the same
decisions, under the same derived ids. Nothing is recorded and nothing is sent here.
"""

import math
from collections.abc import Iterable, Sequence

from tradewrit.domain.books import Books
from tradewrit.domain.effects import PlaceOrders
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.market import Bar, MarketPhase, Quote
from tradewrit.domain.money import Price, exactly
from tradewrit.domain.orders import Approved, Order, OrderState, Role
from tradewrit.domain.signals import Signal
from tradewrit.kernel import Kernel
from tradewrit.risk.protection import mend, working


class Shadow:
    """A desk's books, brought up to what the venue says. now: UTC ns, at which all of it is decided."""

    def __init__(self, books: Books, now: int) -> None:
        self.books = books
        self._now = now
        self._kernel = Kernel()

    def hear(self, reports: Iterable[ExecutionReport]) -> None:
        """Take in what the venue says and the journal has not got."""
        for report in reports:
            self._feed(report)

    def protection_of(self, symbol: str) -> PlaceOrders | None:
        """The protective orders that the desk would send for what it holds in a symbol; None for none.

        An order that is on record already is sent as it stands; one that is not is decided here.
        """
        trade = self.books.trade_in(symbol)
        if trade is None:
            return None
        stops = working(self.books, trade, Role.STOP)
        if not stops:
            with exactly():
                for event in tuple(mend(self.books, trade, self._now, wakes=True)):
                    self._feed(event)
            stops = working(self.books, trade, Role.STOP)
        return self._placing(stops[0]) if stops else None

    def _placing(self, stop: Order) -> PlaceOrders:
        beside = [
            order.terms
            for order in self.books.orders_of(stop.terms.trade_id)
            if order.id == stop.id or (stop.terms.oco and order.terms.oco == stop.terms.oco)
            if order.state is OrderState.SUBMITTED or order.id == stop.id
        ]
        approved = Approved(orders=tuple(beside), by=("protection", "watchdog"), at=self._now)
        return PlaceOrders(trace=stop.terms.trade_id, symbol=stop.terms.symbol, approved=approved)

    def _feed(self, event: Event) -> None:
        with exactly():
            step = self._kernel.step(self.books, NoPrices(), event, "watchdog")
        if step is not None:
            self.books = step.books


class NoPrices:
    """A market of which nothing is known but that it is open: what protects does not ask for a price."""

    is_backtest = False

    def bar(self, symbol: str) -> Bar | None:
        """None is known."""
        del symbol
        return None

    def quote(self, symbol: str) -> Quote | None:
        """None is known."""
        del symbol
        return None

    def mark(self, symbol: str) -> Price | None:
        """None is known."""
        del symbol
        return None

    def last(self, symbol: str) -> float:
        """None is known."""
        del symbol
        return math.nan

    def sequence(self, symbol: str) -> int:
        """No tick was seen."""
        del symbol
        return 0

    def bars_since(self, symbol: str, at: int) -> int:
        """No bar was seen."""
        del symbol, at
        return 0

    def phase(self, at: int) -> MarketPhase:
        """Open: whether it is, the venue decides."""
        del at
        return MarketPhase.OPEN

    def speaking(self) -> Sequence[tuple[str, int]]:
        """Nobody speaks."""
        return ()

    def signal(self, symbol: str) -> Signal | None:
        """Nobody speaks."""
        del symbol
        return None

    def volatility(self, symbol: str) -> float | None:
        """None is known."""
        del symbol
        return None

    def symbols(self) -> Sequence[str]:
        """None is known."""
        return ()
