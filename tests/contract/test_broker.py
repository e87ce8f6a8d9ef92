"""What every broker promises to the desk, whichever venue stands behind it.

A broker is added to BROKERS with a way to make its market trade; what it declares it cannot do is
not asked of it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from typing import Protocol

import pytest

from tests.unit.brokers.http.exchanges import bar, running
from tradewrit.brokers.paper.corrections import Correction
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.capabilities import Dedupe
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Bar
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.scopes import Grant
from tradewrit.runtime.ports import Broker, Replacement

GRANT = Grant(id="g", agent="executor", scopes=frozenset({"write:trades:*"}), issued_at=0, expires_at=2**62)


class Market(Protocol):
    """A broker whose market a test can move."""

    broker: Broker

    def prints(self, price: float) -> Sequence[ExecutionReport]:
        """The market trades at one price; what that led to."""
        ...

    def halts(self, symbol: str, reason: str) -> None:
        """Somebody at the venue halts a symbol."""
        ...

    def resumes(self, symbol: str) -> None:
        """And lets it trade again."""
        ...

    def busts(self, exec_id: str) -> Sequence[ExecutionReport]:
        """Somebody at the venue takes an execution back."""
        ...


class PaperMarket:
    def __init__(self, rules: PaperRules | None = None) -> None:
        self.exchange = PaperExchange(
            {"AAPL": Instrument(symbol="AAPL", is_shortable=True)},
            initial_cash=Decimal(100_000),
            rules=rules or PaperRules(),
        )
        self.broker: Broker = self.exchange
        self._ts = 0

    def prints(self, price: float) -> Sequence[ExecutionReport]:
        self._ts += 60
        seen = Bar("AAPL", self._ts, price, price, price, price, 1e6)
        return [
            report
            for part in (self.exchange.open, self.exchange.trade, self.exchange.close)
            for report in part(seen)
        ]

    def halts(self, symbol: str, reason: str) -> None:
        self.exchange.halt(symbol, reason)

    def resumes(self, symbol: str) -> None:
        self.exchange.resume(symbol)

    def busts(self, exec_id: str) -> Sequence[ExecutionReport]:
        return self.exchange.correct(Correction(exec_id=exec_id, quantity=Decimal(0)))


class PaperOverTheWire:
    """The same exchange behind a server, moved by hand over HTTP as well."""

    def __init__(self, client: ExchangeClient) -> None:
        self._client = client
        self.broker: Broker = client
        self._minute = 0

    def prints(self, price: float) -> Sequence[ExecutionReport]:
        self._minute += 1
        return self._client.show_bars([bar(self._minute, price)]).reports

    def halts(self, symbol: str, reason: str) -> None:
        self._client.halt(symbol, reason)

    def resumes(self, symbol: str) -> None:
        self._client.resume(symbol)

    def busts(self, exec_id: str) -> Sequence[ExecutionReport]:
        return self._client.correct(exec_id, quantity=Decimal(0))


@contextmanager
def paper() -> Iterator[Market]:
    yield PaperMarket()


@contextmanager
def paper_over_the_wire() -> Iterator[Market]:
    with running() as exchange:
        yield PaperOverTheWire(exchange.client)


BROKERS: dict[str, Callable[[], AbstractContextManager[Market]]] = {
    "paper": paper,
    "paper over the wire": paper_over_the_wire,
}


@pytest.fixture(params=BROKERS)
def market(request: pytest.FixtureRequest) -> Iterator[Market]:
    with BROKERS[request.param]() as found:
        yield found


def order(order_id: str, side: Side = Side.BUY, **more: object) -> OrderTerms:
    facts: dict[str, object] = {
        "client_order_id": order_id,
        "trade_id": "t",
        "symbol": "AAPL",
        "side": side,
        "quantity": Qty(Decimal(5)),
        "type": OrderType.MARKET,
        "role": Role.ENTRY,
    }
    return OrderTerms(**(facts | more))  # type: ignore[arg-type]


def limit(order_id: str, at: str, side: Side = Side.BUY, **more: object) -> OrderTerms:
    return order(order_id, side, type=OrderType.LIMIT, limit_price=Price(Decimal(at)), **more)


def stop(order_id: str, at: str, side: Side = Side.SELL, **more: object) -> OrderTerms:
    return order(order_id, side, type=OrderType.STOP, role=Role.STOP, stop_price=Price(Decimal(at)), **more)


def place(market: Market, *orders: OrderTerms) -> Sequence[ExecutionReport]:
    return market.broker.place(Approved(orders=orders, by=("risk:test",), at=0), GRANT)


def said(reports: Sequence[ExecutionReport]) -> list[tuple[str, Exec]]:
    return [(report.client_order_id, report.kind) for report in reports]


def test_an_accepted_order_is_open_until_it_is_filled(market: Market) -> None:
    assert said(place(market, order("a"))) == [("a", Exec.NEW)]
    assert [terms.client_order_id for terms in market.broker.open_orders()] == ["a"]
    (fill,) = market.prints(100.0)
    assert fill.kind is Exec.TRADE
    assert fill.last_quantity == fill.cumulative == 5
    assert fill.last_price == 100
    assert not market.broker.open_orders()


def test_a_report_names_its_order_its_side_and_its_trade(market: Market) -> None:
    (accepted,) = place(market, order("a"))
    (fill,) = market.prints(100.0)
    for report in (accepted, fill):
        assert (report.client_order_id, report.symbol, report.side, report.trace) == (
            "a",
            "AAPL",
            Side.BUY,
            "t",
        )
        assert report.broker_order_id


def test_no_two_reports_share_an_exec_id(market: Market) -> None:
    reports = [*place(market, order("a"), limit("b", "90")), *market.prints(100.0)]
    reports += market.broker.cancel("b", GRANT)
    reports += market.broker.cancel("b", GRANT)
    assert len({report.exec_id for report in reports}) == len(reports) == 5


def test_a_repeated_client_order_id_places_one_order(market: Market) -> None:
    if market.broker.capabilities.dedupe is not Dedupe.FOREVER:
        pytest.skip("the venue forgets client order ids")
    first = place(market, order("a"))
    assert list(place(market, order("a"))) == list(first)
    fills = market.prints(100.0)
    assert len(fills) == 1
    again = place(market, order("a"))
    assert {report.exec_id for report in fills} <= {report.exec_id for report in again}
    assert not market.prints(100.0)


def test_an_order_can_be_looked_up_by_its_client_order_id(market: Market) -> None:
    if not market.broker.capabilities.lookup_by_client_id:
        pytest.skip("the venue cannot be asked")
    assert not market.broker.order("a")
    first = [*place(market, order("a")), *market.prints(100.0)]
    assert list(market.broker.order("a")) == first
    assert said(first) == [("a", Exec.NEW), ("a", Exec.TRADE)]


def test_a_refusal_is_a_report_with_a_code_and_the_venues_words(market: Market) -> None:
    (report,) = place(market, order("a", symbol="NOSUCH"))
    assert report.kind is Exec.REJECTED
    assert report.code in set(Rejection)
    assert report.reason
    assert not market.broker.open_orders()


def test_a_cancelled_order_never_trades_and_cancelling_again_is_harmless(market: Market) -> None:
    place(market, limit("a", "90"))
    assert said(market.broker.cancel("a", GRANT)) == [("a", Exec.CANCELED)]
    (late,) = market.broker.cancel("a", GRANT)
    assert (late.kind, late.code) == (Exec.CANCEL_REJECTED, Rejection.TOO_LATE)
    assert not market.prints(80.0)


def test_cancelling_an_order_nobody_placed_is_refused(market: Market) -> None:
    (report,) = market.broker.cancel("never", GRANT)
    assert (report.kind, report.code) == (Exec.CANCEL_REJECTED, Rejection.UNKNOWN_ORDER)


def test_a_replaced_order_is_one_order_at_new_terms(market: Market) -> None:
    if not market.broker.capabilities.replace:
        pytest.skip("the venue cannot replace")
    place(market, limit("a", "90"))
    replacement = Replacement(quantity=Qty(Decimal(7)), limit_price=Price(Decimal(95)))
    (report,) = market.broker.replace("a", replacement, GRANT)
    assert (report.kind, report.limit_price) == (Exec.REPLACED, Decimal(95))
    assert report.quantity == 7
    (fill,) = market.prints(95.0)
    assert fill.client_order_id == "a"
    assert fill.cumulative == 7


def test_an_order_that_only_reduces_is_refused_without_a_position(market: Market) -> None:
    if not market.broker.capabilities.reduce_only:
        pytest.skip("the venue has no reduce-only orders")
    (report,) = place(market, stop("s", "95", reduce_only=True))
    assert (report.kind, report.code) == (Exec.REJECTED, Rejection.NOT_REDUCING)


def test_of_an_oco_pair_one_trades_and_the_other_is_cancelled(market: Market) -> None:
    if not market.broker.capabilities.oco:
        pytest.skip("the venue has no OCO orders")
    place(market, order("entry"))
    market.prints(100.0)
    place(
        market,
        stop("s", "95", reduce_only=True, oco="x"),
        limit("t", "115", Side.SELL, reduce_only=True, oco="x"),
    )
    assert said(market.prints(94.0)) == [("s", Exec.TRADE), ("t", Exec.CANCELED)]
    assert not market.broker.open_orders()


def test_a_bracket_protects_as_soon_as_its_entry_has_filled(market: Market) -> None:
    if not market.broker.capabilities.bracket:
        pytest.skip("the venue has no brackets")
    place(market, limit("entry", "100"), stop("s", "95", parent="entry", oco="x"))
    assert not market.prints(101.0)
    assert said(market.prints(99.0)) == [("entry", Exec.TRADE)]
    assert said(market.prints(94.0)) == [("s", Exec.TRADE)]


def test_a_list_with_one_bad_order_places_none(market: Market) -> None:
    reports = place(market, order("entry"), stop("s", "-1", parent="entry"))
    assert said(reports) == [("entry", Exec.REJECTED), ("s", Exec.REJECTED)]
    assert not market.prints(100.0)


# -- the account, for those who hold their books against it


def test_executions_are_every_fill_and_nothing_else_oldest_first_under_the_ids_they_were_told_by(
    market: Market,
) -> None:
    assert list(market.broker.executions(0)) == []
    place(market, order("a"))
    first = market.prints(100.0)
    place(market, order("b"), limit("waits", "90"))
    second = market.prints(101.0)
    place(market, order("c", Side.SELL, quantity=Qty(Decimal(10)), role=Role.EXIT))
    market.broker.cancel("waits", GRANT)
    third = market.prints(102.0)
    told = [*first, *second, *third]
    assert said(told) == [("a", Exec.TRADE), ("b", Exec.TRADE), ("c", Exec.TRADE)]
    assert list(market.broker.executions(0)) == told
    assert list(market.broker.executions(0)) == told, "asking is not taking away"


def test_executions_since_a_time_include_those_of_that_very_time(market: Market) -> None:
    place(market, order("a"))
    market.prints(100.0)
    place(market, order("b"))
    (fill,) = market.prints(101.0)
    assert list(market.broker.executions(fill.at)) == [fill]
    assert list(market.broker.executions(fill.at + 1)) == []


def test_an_execution_says_all_it_takes_to_book_it_without_knowing_the_order(market: Market) -> None:
    place(market, order("a"))
    market.prints(100.0)
    (fill,) = market.broker.executions(0)
    assert (fill.client_order_id, fill.symbol, fill.side, fill.last_quantity, fill.last_price) == (
        "a", "AAPL", Side.BUY, Decimal(5), Decimal(100),
    )  # fmt: skip
    assert fill.exec_id
    assert fill.at > 0


def test_positions_are_what_is_held_and_flat_symbols_are_absent(market: Market) -> None:
    assert dict(market.broker.positions()) == {}
    place(market, order("a"), limit("b", "90"))
    assert dict(market.broker.positions()) == {}
    market.prints(100.0)
    before = market.broker.positions()
    assert dict(before) == {"AAPL": Decimal(5)}
    place(market, order("c", Side.SELL, role=Role.EXIT))
    market.prints(101.0)
    assert dict(market.broker.positions()) == {}
    assert dict(before) == {"AAPL": Decimal(5)}, "an answer stays what it was"


def test_what_is_sold_short_is_held_at_less_than_nothing() -> None:
    market = PaperMarket(PaperRules(margin=True))
    place(market, order("a", Side.SELL))
    market.prints(100.0)
    assert dict(market.broker.positions()) == {"AAPL": Decimal(-5)}


def test_positions_are_the_sum_of_the_executions(market: Market) -> None:
    for name, side in (("a", Side.BUY), ("b", Side.BUY), ("c", Side.SELL)):
        place(market, order(name, side, role=Role.ENTRY if side is Side.BUY else Role.EXIT))
        market.prints(100.0)
    signed = [
        fill.last_quantity if fill.side is Side.BUY else -fill.last_quantity
        for fill in market.broker.executions(0)
    ]
    assert market.broker.positions()["AAPL"] == sum(signed) == 5


def test_open_orders_can_be_asked_for_at_their_terms_until_they_are_over(market: Market) -> None:
    terms = [limit("a", "90"), limit("b", "80")]
    for one in terms:
        place(market, one)
    assert list(market.broker.open_orders()) == terms
    market.broker.cancel("a", GRANT)
    assert [one.client_order_id for one in market.broker.open_orders()] == ["b"]


def test_a_halt_is_told_for_as_long_as_it_lasts_and_nothing_trades(market: Market) -> None:
    assert market.broker.halts() == {}
    market.prints(100.0)
    place(market, order("a"))
    market.halts("AAPL", "LULD pause")
    assert market.broker.halts() == {"AAPL": "LULD pause"}
    assert not market.prints(100.0)
    assert [terms.client_order_id for terms in market.broker.open_orders()] == ["a"]
    market.resumes("AAPL")
    assert market.broker.halts() == {}
    (fill,) = market.prints(101.0)
    assert fill.last_price == 101


def test_a_busted_execution_is_told_with_the_others_and_its_shares_are_gone(market: Market) -> None:
    place(market, order("a"))
    (fill,) = market.prints(100.0)
    (bust,) = market.busts(fill.exec_id)
    assert (bust.kind, bust.corrects, bust.last_quantity) == (Exec.BUSTED, fill.exec_id, Decimal(0))
    assert market.broker.positions() == {}
    assert list(market.broker.executions(0)) == [fill, bust]
    assert market.broker.order("a")[-1] == bust
