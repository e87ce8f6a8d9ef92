"""A whole desk in this process, its venue behind a server: lines that fail change what is known, not what is held."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, START, SYMBOL, World
from tests.unit.brokers.http.exchanges import SETTINGS, Running, running
from tradewrit.brokers.paper.http.faults import Faults
from tradewrit.brokers.paper.http.stream import EventStream
from tradewrit.brokers.paper.http.venue import Venue
from tradewrit.brokers.paper.http.wire import Reported
from tradewrit.domain.capabilities import Protection
from tradewrit.domain.events.orders import ExecutionReport, OrderRejected, OrderUnknown
from tradewrit.domain.events.positions import PositionOpened, TradeAborted
from tradewrit.domain.events.risk import CooldownBegan
from tradewrit.domain.market import MINUTE, SECOND, Bar
from tradewrit.domain.orders import Role, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.resilience.breaker import Gate, Policy
from tradewrit.runtime.resilience.guard import GuardedBroker
from tradewrit.runtime.resilience.rate_limit import Budget

UNKIND = Faults(drop_answer=0.25, drop_request=0.15, refuse=0.1)


class FarWorld(World):
    """A world whose venue is elsewhere; its market is moved by hand, over the same wire."""

    def __init__(self, exchange: Running, **more: Any) -> None:
        self.far = exchange
        more = {"broker": lambda _: exchange.client, **more}
        super().__init__(exchange=exchange.venue.exchange, **more)

    def show(self, *bars: Bar) -> None:
        for part in ("open", "rest"):
            self.report(self.far.client.show_bars(bars, part=part).reports)
        self.clock.set(max(*(bar.ts + MINUTE for bar in bars), self.clock.now()))
        self.desk.close_bars(bars, self.clock.now())

    def catch_up(self) -> None:
        """Everything the stream tells, from its first event: most of it is known."""
        last = self.far.venue.record.last
        reports: list[ExecutionReport] = []
        for number, message in self.far.client.events():
            if isinstance(message, Reported):
                reports += message.reports
            if number == last:
                break
        self.report(reports)

    def settle(self) -> None:
        """Seconds pass in which doubts are asked about, until there are none."""
        for _ in range(400):
            self.clock.advance(SECOND)
            self.desk.tick()
        self.clock.set(-(-self.clock.now() // MINUTE) * MINUTE)


@contextmanager
def far(protection: Protection = Protection.BRACKET, **named: Any) -> Iterator[FarWorld]:
    with running(Venue(replace(SETTINGS, cash=Decimal(100_000)), "v1"), **named) as exchange:
        yield FarWorld(exchange, protection=protection)


def traded(world: FarWorld) -> None:
    """Three trades: one leaves by its target, one by its stop, one stays."""
    for price in (120.0, 90.0, 100.0):
        world.says(BUY)
        world.bar(100.0)
        world.settle()
        world.bar(100.0)
        world.settle()
        if price != 100.0:
            world.bar(price)
            world.settle()


@pytest.mark.parametrize("protection", Protection)
def test_a_desk_trades_over_the_wire_as_it_does_beside_the_exchange(protection: Protection) -> None:
    beside = World(protection=protection)
    with far(protection) as world:
        for one in (beside, world):
            one.enter(100.0)
            one.bar(120.0)
            one.enter(100.0)
        assert world.names() == beside.names()
        assert world.books.cash == beside.books.cash
        world.audit()


@pytest.mark.parametrize("protection", Protection)
@pytest.mark.parametrize("seed", range(4))
def test_a_line_that_fails_doubles_and_loses_nothing(seed: int, protection: Protection) -> None:
    with far(protection, faults=UNKIND, fault_seed=seed) as world:
        traded(world)
        world.catch_up()
        world.settle()
        world.audit()
        bought = [fill for fill in world.far.venue.exchange.executions(0) if fill.side is Side.BUY]
        assert len(bought) == len(world.events(PositionOpened)) == 3
        assert world.held == sum((p.signed for p in world.books.positions.values()), Decimal(0))
        if world.held:
            working = world.far.venue.open_orders()
            assert any(terms.role is Role.STOP for terms in working), "a naked position"


def test_an_answer_that_is_lost_is_in_the_books_as_unknown_until_the_venue_was_asked() -> None:
    with far(faults=Faults(drop_answer=1.0)) as world:
        world.says(BUY)
        world.bar(100.0)
        assert world.events(OrderUnknown)
        assert [terms.role for terms in world.far.venue.open_orders()][:1] == [Role.ENTRY]
        world.bar(100.0)
        world.catch_up()  # the stream still speaks
        assert world.books.positions[SYMBOL].signed == world.held > 0
        assert world.clock.now() >= START


def test_what_the_account_there_cannot_pay_ends_the_trade_and_no_breaker_opens() -> None:
    """It is a 403, as one about the key is."""
    with running(Venue(replace(SETTINGS, cash=Decimal(500)), "v1")) as exchange:
        heard: list[int] = []
        exchange.client._http.event_hooks["response"] = [lambda answer: heard.append(answer.status_code)]
        clock, once, budget = ManualClock(START), Policy(threshold=1), Budget(calls=1_000)
        guard = GuardedBroker(exchange.client, "far", clock, lambda: 0.0, budget=budget, policy=once)
        world = FarWorld(exchange, clock=clock, broker=lambda _: guard)
        world.says(BUY)
        world.bar(100.0)
        assert heard.count(403) == 1
        assert world.only(OrderRejected).code == Rejection.INSUFFICIENT_FUNDS
        assert world.only(TradeAborted).outcome == "rejected"
        assert world.events(CooldownBegan)
        assert {breaker.gate for breaker in guard.breakers.values()} == {Gate.CLOSED}


def test_the_stream_alone_tells_a_desk_what_it_missed() -> None:
    with far() as world:
        world.enter(100.0)
        # The desk is away while its stop works.
        stream: EventStream = world.far.client.events()
        bar = Bar(SYMBOL, world.now, 90.0, 90.0, 90.0, 90.0, 1e6)
        last = world.far.client.show_bars([bar]).last
        assert not world.held
        assert SYMBOL in world.books.positions
        reports: list[ExecutionReport] = []
        for number, message in stream:
            if isinstance(message, Reported):
                reports += message.reports
            if number == last:
                break
        world.clock.advance(MINUTE)
        world.report(reports)
        assert SYMBOL not in world.books.positions
        world.audit()
