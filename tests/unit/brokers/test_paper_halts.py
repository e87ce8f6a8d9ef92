"""The exchange halts a symbol: its orders rest, nothing matches, and it goes on from the next price."""

from decimal import Decimal

import pytest

from tests.unit.brokers.test_paper_corrections import Floor
from tests.unit.brokers.venue import FREE, SYMBOL, limit, market, protection, stop
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.orders import Exec
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Bar, Interval
from tradewrit.domain.orders import Side, TimeInForce
from tradewrit.domain.rejections import Rejection

BUY, SELL = Side.BUY, Side.SELL
WHY = "LULD pause"


def kinds(reports: object) -> list[Exec]:
    return [one.kind for one in reports]  # type: ignore[attr-defined]


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_nothing_trades_in_a_halted_symbol_and_all_goes_on_with_the_next_price(floor: Floor) -> None:
    floor.trade(market("a", BUY), 100.0)
    floor.place(*protection(SELL, "90.00", "120.00"))
    floor.exchange.halt(SYMBOL, WHY)
    assert floor.exchange.halts() == {SYMBOL: WHY}
    assert floor.show(80.0) == []
    floor.exchange.resume(SYMBOL)
    assert floor.exchange.halts() == {}
    sold, cancelled = floor.show(85.0)
    assert (sold.client_order_id, sold.kind, sold.last_price) == ("stop", Exec.TRADE, Decimal(85))
    assert cancelled.kind is Exec.CANCELED


def test_a_new_order_rests_and_can_be_changed_and_taken_back(floor: Floor) -> None:
    floor.exchange.halt(SYMBOL, WHY)
    assert kinds(floor.place(market("a", BUY), limit("b", BUY, "99.00"))) == [Exec.NEW, Exec.NEW]
    assert floor.show(98.0) == []
    assert {terms.client_order_id for terms in floor.exchange.open_orders()} == {"a", "b"}
    assert kinds(floor.exchange.cancel("b", None)) == [Exec.CANCELED]  # type: ignore[arg-type]
    floor.exchange.resume(SYMBOL)
    assert kinds(floor.show(101.0)) == [Exec.TRADE]


@pytest.mark.parametrize("fills", ["close", "quote"])
def test_a_market_order_that_would_trade_at_once_waits(fills: str) -> None:
    floor = Floor(PaperRules(fees=FREE.fees, market_fills=fills))  # type: ignore[arg-type]
    floor.trade(limit("seen", BUY, "100.00"), 100.0)
    floor.exchange.halt(SYMBOL, WHY)
    assert kinds(floor.place(market("a", BUY))) == [Exec.NEW]
    floor.exchange.resume(SYMBOL)
    assert [one.last_price for one in floor.show(103.0)] == [103]


def test_a_venue_may_refuse_what_is_new_in_a_halt() -> None:
    floor = Floor(PaperRules(fees=FREE.fees, halts="refuse"))
    floor.trade(market("a", BUY), 100.0)
    floor.place(stop("s", SELL, "90.00", reduce_only=True))
    floor.exchange.halt(SYMBOL, WHY)
    (refused,) = floor.place(market("b", BUY))
    assert (refused.kind, refused.code) == (Exec.REJECTED, Rejection.HALTED)
    assert WHY in refused.reason
    assert kinds(floor.exchange.cancel("s", None)) == [Exec.CANCELED]  # type: ignore[arg-type]


def test_what_must_trade_at_once_is_refused_by_either(floor: Floor) -> None:
    floor.exchange.halt(SYMBOL, WHY)
    (refused,) = floor.place(market("a", BUY, tif=TimeInForce.IOC))
    assert refused.code == Rejection.HALTED


def test_another_symbol_trades_on(floor: Floor) -> None:
    floor.exchange.halt("MSFT", WHY)
    assert floor.trade(market("a", BUY), 100.0).kind is Exec.TRADE


def bars(exchange: PaperExchange, ts: int, low: float, high: float) -> list[Exec]:
    bar = Bar(SYMBOL, ts, high, high, low, low, 1e6)
    return [one.kind for part in (exchange.open, exchange.trade, exchange.close) for one in part(bar)]


def test_of_a_bar_in_a_halt_nothing_is_seen_but_that_the_day_is_over() -> None:
    exchange = PaperExchange(
        {SYMBOL: Instrument(symbol=SYMBOL)},
        initial_cash=Decimal(10_000),
        rules=FREE,
        interval=Interval.DAY,
    )
    floor = Floor()
    floor.exchange = exchange
    day = 86_400 * 10**9
    floor.place(limit("day", BUY, "95.00", tif=TimeInForce.DAY), limit("gtc", BUY, "95.00"))
    exchange.halt(SYMBOL, WHY)
    assert bars(exchange, day, 90.0, 100.0) == [Exec.EXPIRED]
    exchange.resume(SYMBOL)
    assert bars(exchange, 2 * day, 90.0, 100.0) == [Exec.TRADE]
