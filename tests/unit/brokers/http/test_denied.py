"""Over the wire: a 403 about what is ordered is a rejection, and one about the key ends everything. CB-13, C-23."""

from decimal import Decimal

import pytest

from tests.unit.brokers.http.exchanges import GRANT, KEY, approved, bar, running, terms
from tests.unit.brokers.http.test_client import impostor
from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.brokers.paper.http.wire import Reported
from tradewrit.domain.events.orders import Exec
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Approved, OrderType, Role, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.errors import Unauthorized
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.ports import Replacement
from tradewrit.runtime.resilience.breaker import Failure, Gate
from tradewrit.runtime.resilience.guard import Endpoint, GuardedBroker
from tradewrit.runtime.resilience.rate_limit import Budget
from tradewrit.runtime.secret import Secret


def guarded(client: ExchangeClient) -> GuardedBroker:
    return GuardedBroker(client, "paper", ManualClock(0), lambda: 0.0, budget=Budget(calls=1_000))


def unaffordable(name: str) -> Approved:
    return approved(terms(name, quantity=Decimal(1_000_000)))


def test_a_403_for_buying_power_is_a_rejection_that_no_breaker_counts() -> None:
    with running() as exchange:
        exchange.client.show_bars([bar(1, 100.0)])
        guard = guarded(exchange.client)
        seen: list[int] = []
        exchange.client._http.event_hooks["response"] = [lambda answer: seen.append(answer.status_code)]
        for number in range(10):
            (report,) = guard.place(unaffordable(f"o{number}"), GRANT)
            assert (report.kind, report.code) == (Exec.REJECTED, Rejection.INSUFFICIENT_FUNDS)
            assert report.reason.endswith("100000.00 are free")
        assert seen == [403] * 10
        assert {breaker.gate for breaker in guard.breakers.values()} == {Gate.CLOSED}
        assert guard.breakers[Endpoint.ENTRIES].statistics.failures == 0
        assert list(exchange.client.order("o0")) == list(guard.place(unaffordable("o0"), GRANT)), "one fact"


def test_a_403_for_the_key_stops_at_once_and_so_does_a_401() -> None:
    with running() as exchange:
        stranger = ExchangeClient(exchange.url, Secret("exchange_key", "wrong"))
        web = exchange.another()
        web._http.headers["Origin"] = "http://a.page"
        for client in (stranger, web):
            guard = guarded(client)
            with pytest.raises(Unauthorized):
                guard.place(approved(terms("a")), GRANT)
            entries = guard.breakers[Endpoint.ENTRIES]
            assert (entries.gate, entries.reason) == (Gate.OPEN, Failure.TOKEN)
        stranger.close()


def test_a_list_that_the_account_cannot_pay_is_refused_whole_and_on_the_stream_as_well() -> None:
    with running() as exchange:
        exchange.client.show_bars([bar(1, 100.0)])
        entry = terms("e", quantity=Decimal(1_000_000), oco=None)
        stop = terms("s", Side.SELL, quantity=Decimal(1_000_000), type=OrderType.STOP, role=Role.STOP,
                     stop_price=Price(Decimal(90)), parent="e")  # fmt: skip
        reports = exchange.client.place(approved(entry, stop), GRANT)
        assert [report.kind for report in reports] == [Exec.REJECTED] * 2
        assert [report.client_order_id for report in reports] == ["e", "s"]
        told = next(m for _, m in exchange.client.events() if isinstance(m, Reported))
        assert told.reports == tuple(reports)


ALPACA_SAYS = b'{"code": 40310000, "message": "account is not allowed to short"}'


def test_a_403_of_a_venue_that_keeps_no_report_is_one_for_every_order() -> None:
    with impostor(403, ALPACA_SAYS) as url:
        client = ExchangeClient(url, KEY)
        guard = guarded(client)
        placed = guard.place(approved(terms("a"), terms("b")), GRANT)
        assert [(r.client_order_id, r.kind, r.code) for r in placed] == [
            (name, Exec.REJECTED, Rejection.VENUE) for name in ("a", "b")
        ]
        assert placed[0].reason == "account is not allowed to short"
        (kept,) = guard.cancel("a", GRANT)
        (again,) = guard.replace("a", Replacement(quantity=Qty(Decimal(2))), GRANT)
        (twice,) = guard.replace("a", Replacement(quantity=Qty(Decimal(2))), GRANT)
        assert [one.kind for one in (kept, again)] == [Exec.CANCEL_REJECTED, Exec.REPLACE_REJECTED]
        assert again.exec_id != twice.exec_id, "each is news to the desk"
        assert {breaker.gate for breaker in guard.breakers.values()} == {Gate.CLOSED}
        client.close()
