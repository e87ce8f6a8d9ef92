"""Exchange servers to test against: a thread of this process, whose venue a test can look into."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import msgspec

from tests.unit.serving import started
from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.brokers.paper.http.inputs import VenueSettings
from tradewrit.brokers.paper.http.record import Record
from tradewrit.brokers.paper.http.replay import Replay
from tradewrit.brokers.paper.http.server import ExchangeServer, ServerSettings
from tradewrit.brokers.paper.http.venue import Venue
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import MINUTE, Bar
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side
from tradewrit.domain.scopes import Grant
from tradewrit.runtime.secret import Secret

GRANT = Grant(id="g", agent="executor", scopes=frozenset({"write:trades:*"}), issued_at=0, expires_at=2**62)
TRADED = (Instrument(symbol="AAPL"), Instrument(symbol="MSFT"))
SETTINGS = VenueSettings(instruments=TRADED, interval_ns=MINUTE)
KEY = Secret("exchange_key", "open-sesame")


class Running(msgspec.Struct, frozen=True):
    """A server that answers, and a client that holds its key."""

    url: str
    server: ExchangeServer
    venue: Venue
    clients: list[ExchangeClient]

    @property
    def client(self) -> ExchangeClient:
        """The first client."""
        return self.clients[0]

    def another(self, **named: Any) -> ExchangeClient:
        """A further one."""
        self.clients.append(ExchangeClient(self.url, KEY, **named))
        return self.clients[-1]


@contextmanager
def running(
    venue: Venue | None = None,
    *,
    replay: Replay | None = None,
    record: Record | None = None,
    **named: Any,
) -> Iterator[Running]:
    """A server in a thread. named: of `ServerSettings`."""
    venue = venue or Venue(SETTINGS, "v1", record=record)
    named = {"key": KEY, "beat_s": 0.05, **named}
    server = ExchangeServer(venue, ServerSettings(**named), replay)
    with started(server) as url:
        clients = [ExchangeClient(url, named["key"])]
        try:
            yield Running(url, server, venue, clients)
        finally:
            for client in clients:
                client.close()


def bar(minute: int, price: float, symbol: str = "AAPL") -> Bar:
    """A bar of one minute in which everything traded at one price."""
    return Bar(symbol, minute * MINUTE, price, price, price, price, 1e6)


def terms(order_id: str, side: Side = Side.BUY, **more: Any) -> OrderTerms:
    """A market order for five shares, or what `more` makes of it."""
    facts: dict[str, Any] = {
        "client_order_id": order_id,
        "trade_id": "t",
        "symbol": "AAPL",
        "side": side,
        "quantity": Decimal(5),
        "type": OrderType.MARKET,
        "role": Role.ENTRY,
    }
    return OrderTerms(**(facts | more))


def approved(*orders: OrderTerms) -> Approved:
    """What a broker takes."""
    return Approved(orders=orders, by=("risk:test",), at=0)
