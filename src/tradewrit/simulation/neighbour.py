"""Another account on the same machine: the same kernel and disk, its own venue. It must change nothing."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.events.market import QuoteReceived
from tradewrit.domain.instruments import plain
from tradewrit.domain.market import Bar, Quote
from tradewrit.errors import JournalUnwritable
from tradewrit.kernel import Kernel
from tradewrit.runtime.desk import Desk, stream_of
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.market import LiveMarket
from tradewrit.runtime.roles import roles
from tradewrit.runtime.writs import Writs
from tradewrit.simulation.disk import DiskJournal
from tradewrit.simulation.points import Killed

if TYPE_CHECKING:
    from tradewrit.simulation.world import World

_ACCOUNT: Final = "neighbour"


class Neighbour:
    """A desk that trades the same prices for somebody else; whatever stops it, it starts anew at once."""

    def __init__(self, world: "World", kernel: Kernel) -> None:
        self._world = world
        self._kernel = kernel
        self._exchange = PaperExchange(
            lambda symbol: plain(symbol, "USD"),
            initial_cash=Decimal(50_000),
            clock=lambda: world.scheduler.now,
            account=_ACCOUNT,
        )
        self._market = LiveMarket(world.strategy, lambda symbol: plain(symbol, "USD"))
        self._issuer = LocalIssuer(_ACCOUNT, _ACCOUNT, ttl_s=None)
        self._desk: Desk | None = None

    @property
    def events(self) -> int:
        """How much it has put on record."""
        return self._world.disk.image.head(stream_of(_ACCOUNT)).seq

    def quote(self, quote: Quote) -> None:
        """Its venue and its desk see a quote."""
        seen = QuoteReceived(at=self._world.scheduler.now, quote=quote)
        reports = self._exchange.quote(quote)

        def take(desk: Desk) -> None:
            desk.feed_all(reports, "venue")
            desk.feed(seen, "market")

        self._do(take)

    def close_bars(self, bars: Sequence[Bar]) -> None:
        """Its desk sees bars."""
        self._do(lambda desk: desk.close_bars(bars, self._world.scheduler.now))

    def restart(self) -> None:
        """The machine lost its power."""
        self._desk = None

    def _do(self, task: Callable[[Desk], None]) -> None:
        if self._world.disk.has_unsynced:
            return  # its own sync would make last what the other wrote before it died
        try:
            task(self._open())
        except (JournalUnwritable, Killed):
            self._desk = None

    def _open(self) -> Desk:
        world = self._world
        if self._desk is None:
            opening = replace(world.opening, account=_ACCOUNT, initial_cash=Decimal(50_000))
            self._desk = Desk(
                opening,
                journal=DiskJournal(world.disk),
                market=self._market,
                broker=self._exchange,
                clock=world.processes[0].clock,
                kernel=self._kernel,
                writs=Writs(self._issuer, roles("paper", "paper")),
            )
        return self._desk
