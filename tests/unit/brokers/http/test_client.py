"""What a desk learns from its way to the exchange: what was done, that nothing was, or that nobody knows."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.unit.brokers.http.exchanges import GRANT, KEY, SETTINGS, Running, approved, bar, running, terms
from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.brokers.paper.http.faults import Faults
from tradewrit.brokers.paper.http.venue import Venue
from tradewrit.domain.events.orders import Exec
from tradewrit.domain.market import MINUTE, Quote
from tradewrit.domain.orders import Side
from tradewrit.errors import ConfigError, OurFault, Throttled, Unauthorized, Unreachable, WrongVenue
from tradewrit.runtime.ports import Replacement
from tradewrit.runtime.secret import Secret


def bought(exchange: Running, order_id: str, minute: int) -> None:
    exchange.client.place(approved(terms(order_id)), GRANT)
    exchange.client.show_bars([bar(minute, 100.0)])


def test_positions_executions_and_cash_are_the_venues() -> None:
    with running() as exchange:
        client = exchange.client
        bought(exchange, "a", 1)
        bought(exchange, "b", 2)
        client.place(approved(terms("c", Side.SELL)), GRANT)
        client.show_bars([bar(3, 110.0)])
        assert client.positions() == {"AAPL": Decimal(5)}
        assert [one.client_order_id for one in client.executions(0)] == ["a", "b", "c"]
        assert [one.client_order_id for one in client.executions(2 * MINUTE)] == ["b", "c"]
        assert client.executions(2**62) == ()
        assert {one.kind for one in client.executions(0)} == {Exec.TRADE}
        account = client.account()
        assert account.cash == exchange.venue.exchange.cash
        assert account.equity == account.cash + 5 * Decimal(110)
        assert client.clock().at == 4 * MINUTE
        assert [one.close for one in client.bars("AAPL", 2)] == [100.0, 110.0]


def test_who_is_bound_to_an_exchange_is_refused_by_any_other_before_anything_is_done() -> None:
    with running() as first:
        identity = first.client.identity()
        assert (identity.venue, identity.account, identity.is_paper) == ("paper", SETTINGS.account, True)
        first.client.bind(identity)
        bought(first, "a", 1)
    with running(Venue(SETTINGS, "v2")) as other:
        other.client.bind(identity)
        for call in (
            lambda: other.client.place(approved(terms("b")), GRANT),
            lambda: other.client.cancel("a", GRANT),
            lambda: other.client.replace("a", Replacement(), GRANT),
            lambda: other.client.order("a"),
            other.client.positions,
            other.client.open_orders,
            lambda: other.client.executions(0),
        ):
            with pytest.raises(
                WrongVenue, match=rf"belongs to paper exchange {identity.exchange}.*exchange v2"
            ):
                call()
        assert not other.venue.open_orders()


def test_executions_come_in_pages_and_none_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as exchange:
        whole = exchange.venue.executions
        monkeypatch.setattr(exchange.venue, "executions", lambda since, skip, _: whole(since, skip, 2))
        for minute in range(1, 6):
            bought(exchange, f"o{minute}", minute)
        assert [one.client_order_id for one in exchange.client.executions(0)] == [
            f"o{n}" for n in range(1, 6)
        ]


def test_prices_that_nobody_showed_are_none() -> None:
    with running() as exchange:
        assert exchange.client.quote("AAPL") is None
        assert not exchange.client.bars("AAPL")
        assert not exchange.client.bars("NOSUCH")
        quote = Quote("AAPL", MINUTE, 99.0, 99.1)
        exchange.client.show_quote(quote)
        assert exchange.client.quote("AAPL") == quote


def test_an_order_with_an_awkward_name_is_one_order() -> None:
    awkward = "a/b ?#%2F.."
    with running() as exchange:
        client = exchange.client
        client.place(approved(terms(awkward, type="limit", limit_price=Decimal(90))), GRANT)
        (changed,) = client.replace(awkward, Replacement(limit_price=Decimal(91)), GRANT)  # type: ignore[arg-type]
        assert changed.kind is Exec.REPLACED
        assert client.order(awkward)[-1] == changed
        assert client.cancel(awkward, GRANT)[0].kind is Exec.CANCELED


def test_an_answer_that_is_lost_is_unreachable_and_the_venue_can_be_asked() -> None:
    with running(faults=Faults(drop_answer=0.5), fault_seed=3) as exchange:
        known: dict[str, bool] = {}
        for number in range(12):
            try:
                exchange.client.place(approved(terms(f"o{number}")), GRANT)
                known[f"o{number}"] = True
            except Unreachable:
                known[f"o{number}"] = False
        assert set(known.values()) == {True, False}
        assert [one.client_order_id for one in exchange.venue.open_orders()] == list(known)
        for name, is_known in known.items():
            if not is_known:
                assert persistently(lambda name=name: exchange.client.order(name))[0].kind is Exec.NEW  # type: ignore[misc]


def test_the_same_id_sent_again_after_a_lost_answer_places_one_order() -> None:
    with running(faults=Faults(drop_answer=0.6), fault_seed=1) as exchange:
        for number in range(5):
            persistently(lambda n=number: exchange.client.place(approved(terms(f"o{n}")), GRANT))  # type: ignore[misc]
        exchange.client.show_bars([bar(1, 100.0)])
        assert exchange.venue.positions() == {"AAPL": 25}


def persistently(ask: Callable[[], Any]) -> Any:
    for _ in range(100):
        try:
            return ask()
        except Unreachable:
            continue
    raise AssertionError("a hundred answers were lost")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("drop_request", Unreachable), ("refuse", Unreachable), ("throttle", Throttled)],
)
def test_a_request_that_is_not_taken_does_nothing(fault: str, kind: type[Exception]) -> None:
    with running(faults=Faults(**{fault: 1.0})) as exchange:
        with pytest.raises(kind) as failed:
            exchange.client.place(approved(terms("a")), GRANT)
        if isinstance(failed.value, Throttled):
            assert failed.value.retry_after_s == 1.0
        assert not exchange.venue.order("a")


def test_an_answer_that_takes_too_long_is_unreachable() -> None:
    with running(faults=Faults(delay_ms=800.0), fault_seed=7) as exchange:
        hasty = exchange.another(timeout_s=0.05)
        with pytest.raises(Unreachable, match="ReadTimeout"):
            hasty.place(approved(terms("a")), GRANT)
        assert exchange.venue.order("a")
        hasty.close()


@pytest.mark.parametrize("key", [None, Secret("exchange_key", "wrong")])
def test_a_wrong_key_is_unauthorized_and_nothing_is_done(key: Secret | None) -> None:
    with running() as exchange:
        stranger = ExchangeClient(exchange.url, key)
        for ask in (
            lambda: stranger.place(approved(terms("a")), GRANT),
            lambda: stranger.cancel("a", GRANT),
            lambda: stranger.order("a"),
            stranger.positions,
            lambda: list(stranger.events()),
        ):
            with pytest.raises(Unauthorized) as refused:
                ask()
            assert "wrong" not in str(refused.value).replace("missing or wrong", "")
        assert not exchange.venue.order("a")
        stranger.close()


def test_a_server_that_is_gone_is_unreachable_and_one_that_is_back_is_found() -> None:
    venue = Venue(SETTINGS, "v1")
    with running(venue) as exchange:
        port = int(exchange.url.rpartition(":")[2])
        client = ExchangeClient(exchange.url, KEY)
        client.place(approved(terms("a")), GRANT)
    for ask in (
        lambda: client.place(approved(terms("b")), GRANT),
        lambda: client.order("a"),
        client.open_orders,
        lambda: client.executions(0),
    ):
        with pytest.raises(Unreachable):
            ask()
    with running(Venue(SETTINGS, "v1"), port=port):
        assert not client.open_orders()
    client.close()


def test_a_question_survives_a_restart_between_two_requests() -> None:
    with running() as exchange:
        port = int(exchange.url.rpartition(":")[2])
        client = ExchangeClient(exchange.url, KEY)
        client.clock()
    with running(port=port):
        assert client.clock().venue == "v1"
    client.close()


@contextmanager
def impostor(status: int, content: bytes, **headers: str) -> Iterator[str]:
    """Something that answers HTTP and is no exchange."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - the names of http.server

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (200, b"<html>", Unreachable),
        (200, b"[" * 100_000, Unreachable),
        (200, b'{"reports": [{"event": "order.report.received"}]}', Unreachable),
        (404, b"<html>", Unreachable),
        (302, b"", Unreachable),
        (502, b"bad gateway", Unreachable),
        (408, b"", Unreachable),
        (429, b"", Throttled),
        (401, b"", Unauthorized),
        (403, b'{"error_code": "forbidden"}', Unauthorized),
        (400, b'{"error_code": "invalid_request", "detail": "no"}', OurFault),
    ],
)
def test_an_answer_that_is_none_is_never_taken_for_one(
    status: int, content: bytes, kind: type[Exception]
) -> None:
    with impostor(status, content) as url:
        client = ExchangeClient(url, KEY)
        with pytest.raises(kind):
            client.place(approved(terms("a")), GRANT)
        with pytest.raises(kind):
            client.order("a")  # in particular, a 404 of somebody else is no "never placed"
        client.close()


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7.0), ("", 1.0), ("Wed, 21 Oct", 1.0), ("99999999", 1.0)]
)
def test_the_venue_says_how_long_to_wait(text: str, seconds: float) -> None:
    with impostor(429, b"", Retry_After=text) as url:
        client = ExchangeClient(url)
        with pytest.raises(Throttled) as throttled:
            client.positions()
        assert throttled.value.retry_after_s == seconds
        client.close()


@pytest.mark.parametrize(
    "url", ["127.0.0.1:80", "https://127.0.0.1", "http://", "http://u:p@127.0.0.1", "http://127.0.0.1/v2", ""]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="no address"):
        ExchangeClient(url)


def test_two_clients_trade_one_account() -> None:
    with running() as exchange:
        other = exchange.another()
        errors: list[Exception] = []

        def trade(client: ExchangeClient, name: str) -> None:
            try:
                for number in range(20):
                    client.place(approved(terms(f"{name}{number}")), GRANT)
                    client.order(f"{name}{number}")
            except Exception as error:  # noqa: BLE001 - told to the test
                errors.append(error)

        threads = [
            threading.Thread(target=trade, args=(client, name))
            for client, name in ((exchange.client, "a"), (other, "b"), (other, "c"))
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert errors == []
        assert len(exchange.client.open_orders()) == 60
        exchange.client.show_bars([bar(1, 10.0)])
        assert other.positions() == exchange.client.positions() == {"AAPL": Decimal(300)}
        assert len({one.exec_id for one in other.executions(0)}) == 60
        other.close()


def test_it_can_do_what_the_exchange_can() -> None:
    with running() as exchange:
        assert exchange.client.capabilities == exchange.venue.exchange.capabilities
        assert exchange.client.capabilities.brackets
