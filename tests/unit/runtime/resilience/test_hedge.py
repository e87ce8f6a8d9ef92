"""Two roads to one account: one order whatever becomes of either. RD-1..RD-4, F-64."""

import threading
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec
import pytest

from tests.unruly import UNREACHABLE, Unruly
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.capabilities import PAPER, Dedupe
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.instruments import plain
from tradewrit.domain.market import Quote
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.scopes import Grant
from tradewrit.errors import ConfigError, Throttled, Unreachable
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.resilience.guard import GuardedBroker
from tradewrit.runtime.resilience.hedge import HedgedBroker
from tradewrit.runtime.resilience.rate_limit import Budget

GRANT = Grant(id="", agent="", scopes=frozenset(), issued_at=0, expires_at=0)
Reports = Sequence[ExecutionReport]
SOON = 0.01
"""Seconds; a road that is to be slow waits for something else, and for no time."""


class Road(Unruly):
    """One road to an exchange that several roads share. gate: waited for before an order is passed on.

    answer: makes another answer of what the exchange said.
    """

    lock = threading.Lock()

    def __init__(self, exchange: PaperExchange) -> None:
        super().__init__(exchange)
        self.gate = threading.Event()
        self.gate.set()
        self.called = threading.Event()
        self.answer: Callable[[Reports], Reports] = lambda reports: reports

    def place(self, approved: Approved, grant: Grant) -> Reports:
        self.called.set()
        assert self.gate.wait(10)
        with self.lock:
            return self.answer(super().place(approved, grant))


class Roads:
    def __init__(self) -> None:
        self.exchange = PaperExchange(
            lambda symbol: plain(symbol, "USD"), initial_cash=Decimal(100_000), marks=lambda _: 50.0
        )
        self.first, self.second = Road(self.exchange), Road(self.exchange)
        self.breaches: list[Reports] = []
        self.told = threading.Event()
        self.broker = HedgedBroker(
            self.first, self.second, after_s=SOON, patience_s=10.0, breached=self._breached
        )

    def letting_the_first_go(self, reports: Reports) -> Reports:
        """The second road has answered: now the first may."""
        self.first.gate.set()
        return reports

    def _breached(self, said: Reports) -> None:
        self.breaches.append(said)
        self.told.set()


def stop(role: Role = Role.STOP) -> Approved:
    is_stop = role is Role.STOP
    terms = OrderTerms(
        client_order_id="the-stop",
        trade_id="t",
        symbol="AAPL",
        side=Side.SELL if is_stop else Side.BUY,
        quantity=Qty(Decimal(5)),
        type=OrderType.STOP if is_stop else OrderType.MARKET,
        role=role,
        stop_price=Price(Decimal(40)) if is_stop else None,
    )
    return Approved(orders=(terms,), by=("protection",), at=1)


def working(roads: Roads) -> list[str]:
    return [terms.client_order_id for terms in roads.exchange.open_orders()]


def test_a_road_that_answers_in_time_is_the_only_one() -> None:
    roads = Roads()
    roads.broker = HedgedBroker(roads.first, roads.second, after_s=9.0, patience_s=10.0, breached=print)
    (report,) = roads.broker.place(stop(), GRANT)
    assert report.kind is Exec.NEW
    assert roads.second.calls == []


def test_where_the_first_road_is_slow_the_same_order_goes_by_the_second() -> None:
    roads = Roads()
    roads.first.gate.clear()
    (report,) = roads.broker.place(stop(), GRANT)
    assert (report.kind, report.client_order_id) == (Exec.NEW, "the-stop")
    roads.first.gate.set()
    assert working(roads) == ["the-stop"]


def test_when_both_roads_arrive_it_is_one_order_and_no_breach() -> None:
    roads = Roads()
    roads.first.gate.clear()
    roads.second.answer = roads.letting_the_first_go
    roads.broker.place(stop(), GRANT)
    for thread in threading.enumerate():
        if thread.name == "tradewrit-road":
            thread.join(10)
    assert working(roads) == ["the-stop"]
    assert roads.breaches == []


def test_a_road_that_is_lost_is_made_up_for_by_the_other() -> None:
    roads = Roads()
    roads.first.lose("place", UNREACHABLE, is_done=True)
    (report,) = roads.broker.place(stop(), GRANT)
    assert report.kind is Exec.NEW
    assert working(roads) == ["the-stop"]


def test_when_both_are_lost_nothing_is_known() -> None:
    roads = Roads()
    roads.first.lose("place", UNREACHABLE, is_done=True)
    roads.second.lose("place", UNREACHABLE)
    with pytest.raises(Unreachable):
        roads.broker.place(stop(), GRANT)


def test_when_both_are_lost_three_times_the_breaker_opens() -> None:
    roads = Roads()
    guard = GuardedBroker(roads.broker, "paper", ManualClock(), lambda: 0.0, budget=Budget(calls=100))
    for _ in range(3):
        roads.first.lose("place", UNREACHABLE)
        roads.second.lose("place", UNREACHABLE)
        with pytest.raises(Unreachable):
            guard.place(stop(), GRANT)
    calls = len(roads.first.calls) + len(roads.second.calls)
    with pytest.raises(Throttled, match="nothing was sent"):
        guard.place(stop(), GRANT)
    assert len(roads.first.calls) + len(roads.second.calls) == calls == 6


def test_what_goes_by_the_second_road_counts_for_the_venues_limit_as_well() -> None:
    roads = Roads()
    guard: GuardedBroker
    broker = HedgedBroker(
        roads.first,
        roads.second,
        after_s=SOON,
        breached=print,
        spend=lambda protects: guard.spend(is_protective=protects),
    )
    guard = GuardedBroker(broker, "paper", ManualClock(), lambda: 0.0, budget=Budget(calls=3))
    for _ in range(2):
        roads.first.lose("place", UNREACHABLE)
        roads.second.lose("place", UNREACHABLE)
        with pytest.raises(Unreachable):
            guard.place(stop(), GRANT)
    assert (len(roads.first.calls), len(roads.second.calls)) == (2, 1), "three calls, and no fourth"
    roads.first.lose("cancel", UNREACHABLE)
    with pytest.raises(Throttled, match="rate limit"):
        guard.cancel("the-stop", GRANT)


@pytest.mark.parametrize("is_slow", [False, True], ids=["the first answer is lost", "the first is slow"])
def test_an_exit_by_both_roads_sells_what_is_held_and_no_more(is_slow: bool) -> None:
    roads = Roads()
    (market,) = stop(Role.ENTRY).orders
    buy = msgspec.structs.replace(market, client_order_id="bought")
    sell = msgspec.structs.replace(market, role=Role.EXIT, side=Side.SELL)
    roads.exchange.place(Approved(orders=(buy,), by=("test",), at=1), GRANT)
    roads.exchange.quote(Quote("AAPL", 2, 50.0, 50.0))
    assert roads.exchange.positions() == {"AAPL": Decimal(5)}
    if is_slow:
        roads.first.gate.clear()
        roads.second.answer = roads.letting_the_first_go
    else:
        roads.first.lose("place", UNREACHABLE, is_done=True)
    roads.broker.place(Approved(orders=(sell,), by=("test",), at=2), GRANT)
    for thread in threading.enumerate():
        if thread.name == "tradewrit-road":
            thread.join(10)
    roads.exchange.quote(Quote("AAPL", 3, 50.0, 50.0))
    assert roads.exchange.positions() == {}
    assert [fill.client_order_id for fill in roads.exchange.executions(0)] == ["bought", "the-stop"]
    assert roads.breaches == []


def test_a_venue_that_calls_the_repeat_a_duplicate_is_asked_what_it_has() -> None:
    roads = Roads()
    roads.first.lose("place", UNREACHABLE, is_done=True)

    def duplicate(reports: Reports) -> Reports:
        rejected = ExecutionReport(
            at=2,
            exec_id="dup",
            client_order_id="the-stop",
            kind=Exec.REJECTED,
            code=Rejection.DUPLICATE,
        )
        return (rejected,) if reports else ()

    roads.second.answer = duplicate
    (report,) = roads.broker.place(stop(), GRANT)
    assert report.kind is Exec.NEW


def test_an_entry_takes_one_road_alone_however_slow() -> None:
    roads = Roads()
    roads.first.lose("place", UNREACHABLE)
    with pytest.raises(Unreachable):
        roads.broker.place(stop(Role.ENTRY), GRANT)
    assert roads.second.calls == []


def test_a_refusal_is_an_answer_and_is_not_asked_for_twice() -> None:
    roads = Roads()
    roads.broker = HedgedBroker(roads.first, roads.second, after_s=9.0, patience_s=10.0, breached=print)
    roads.first.lose("place", Throttled("429", 1.0))
    with pytest.raises(Throttled):
        roads.broker.place(stop(), GRANT)
    assert roads.second.calls == []


def test_a_refusal_by_the_second_road_says_nothing_of_the_first() -> None:
    """It is on its way: a desk that is told "not sent" places another, and then there are two."""
    roads = Roads()
    roads.first.gate.clear()
    roads.second.lose("place", Throttled("429", 1.0))
    roads.second.spy = lambda _: roads.first.gate.set()
    (report,) = roads.broker.place(stop(), GRANT)
    assert report.kind is Exec.NEW
    assert working(roads) == ["the-stop"]


@pytest.mark.parametrize("is_done", [False, True])
def test_where_the_first_is_lost_and_the_second_refused_nothing_is_known(is_done: bool) -> None:
    roads = Roads()
    roads.first.lose("place", UNREACHABLE, is_done=is_done)
    roads.second.lose("place", Throttled("429", 1.0))
    with pytest.raises(Unreachable):
        roads.broker.place(stop(), GRANT)


def test_one_id_that_became_two_orders_is_a_breach_of_which_the_desk_is_told() -> None:
    roads = Roads()
    roads.first.gate.clear()
    roads.second.answer = roads.letting_the_first_go

    def another(reports: Reports) -> Reports:
        return tuple(msgspec.structs.replace(report, broker_order_id="twin") for report in reports)

    roads.first.answer = another
    roads.broker.place(stop(), GRANT)
    assert roads.told.wait(10)
    ((said,),) = roads.breaches
    assert (said.client_order_id, said.broker_order_id) == ("the-stop", "twin")
    assert roads.first.calls == ["place"], "what becomes of it the desk decides, on record"


@pytest.mark.parametrize("dedupe", [Dedupe.OPEN_ONLY, Dedupe.NONE])
def test_a_venue_that_forgets_ids_has_no_second_road(dedupe: Dedupe) -> None:
    exchange = Roads().exchange
    forgetful = Unruly(exchange, msgspec.structs.replace(PAPER, dedupe=dedupe))
    with pytest.raises(ConfigError, match="could be a second order"):
        HedgedBroker(Unruly(exchange), forgetful, after_s=1.0, breached=print)


def test_questions_and_cancels_find_the_road_that_is_there() -> None:
    roads = Roads()
    roads.broker.place(stop(), GRANT)
    for call in ("order", "open_orders", "positions", "executions", "cancel"):
        roads.first.lose(call, UNREACHABLE)
    assert roads.broker.order("the-stop")
    assert roads.broker.open_orders()
    assert roads.broker.positions() == {}
    assert roads.broker.executions(0) == ()
    (cancelled,) = roads.broker.cancel("the-stop", GRANT)
    assert cancelled.kind is Exec.CANCELED
