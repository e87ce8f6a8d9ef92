"""A bracket that was given up for lost, and was not: whatever is heard of it first, all of it comes back.

The list leaves, no answer comes, the price goes away: its orders are given up and the trade is over. Then the
venue trades it after all, and tells of that in parts and in any order.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.desks import BUY, SYMBOL, World
from tests.processes import HAND, Process
from tests.unheard import Told, of, trade
from tests.unruly import UNREACHABLE, Unruly
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.capabilities import Protection
from tradewrit.domain.events.account import ExternalBooked, ExternalOrderSeen
from tradewrit.domain.events.orders import (
    Exec,
    ExecutionReport,
    OrderCancelled,
    OrderInDoubt,
    OrderPartiallyFilled,
    OrderRequested,
    ReportQuarantined,
)
from tradewrit.domain.events.positions import (
    FillBooked,
    ProtectionRequested,
    StopSet,
    TradeAborted,
    TradeRevived,
)
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role
from tradewrit.domain.trades import TradeState

ENTRY, STOP, TARGET, EXIT = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT
A_TENTH = PaperRules(participation_fraction=Decimal("0.1"))
BRACKET: dict[str, Any] = {"protection": Protection.BRACKET, "entry": OrderType.LIMIT}
Start = Callable[..., Process]


@pytest.fixture(params=["inline", "outbox"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start the first process of a desk that lists an entry's stop and target with it."""

    def begin(**more: Any) -> Process:
        has_outbox = request.param == "outbox"
        return Process(tmp_path / "desk.journal", has_outbox=has_outbox, **BRACKET | more)

    return begin


def give_up(world: World, line: Unruly) -> tuple[OrderTerms, ...]:
    """A list that is lost on the way, and given up since the price went away; its terms."""
    line.lose("place", UNREACHABLE)
    world.says(BUY)
    world.bar(175.50)
    world.quote(180.00)
    world.wait(20)
    assert world.only(TradeAborted).outcome == "rejected"
    assert not world.books.orders
    return tuple(event.terms for event in world.events(OrderRequested))


def arrive(world: World, listed: tuple[OrderTerms, ...]) -> Told:
    """The venue has it after all; what it says of that, of which the desk hears nothing yet."""
    return world.exchange.place(Approved(orders=listed, by=("risk:late",), at=world.now), HAND)


def audit(world: World) -> None:
    """As ever; nothing of ours counts as others', and nobody else is thought to trade here."""
    world.audit()
    assert not world.books.external
    assert not world.books.disputed
    assert not world.events(ExternalBooked)
    assert not world.events(ExternalOrderSeen)


def test_the_fill_of_a_leg_brings_its_trade_back_and_the_fills_of_the_entry_are_booked_first(
    start: Start,
) -> None:
    desk = start()
    listed = give_up(desk, desk.line)
    arrive(desk, listed)
    told = trade(desk, 175.50, 160.00)
    desk.report(of(told, STOP, kind=Exec.TRADE, listed=listed))
    assert desk.only(TradeRevived).client_order_id == listed[1].client_order_id
    assert [event.role for event in desk.events(FillBooked)] == [ENTRY, STOP]
    assert (desk.closed.reason, desk.closed.gross) == ("stop", 5 * (Decimal("160.00") - Decimal("175.50")))
    assert not desk.books.positions
    assert not desk.events(ReportQuarantined)
    audit(desk)


def test_a_cancel_of_a_leg_that_counts_fills_brings_its_trade_back(start: Start) -> None:
    desk = start(rules=A_TENTH)
    listed = give_up(desk, desk.line)
    arrive(desk, listed)
    told = trade(desk, 175.50, 160.00, volume=20)
    told += desk.exchange.cancel(listed[0].client_order_id, HAND)
    told += desk.exchange.cancel(listed[1].client_order_id, HAND)
    ends = [report for report in told if report.kind is Exec.CANCELED and report.cumulative]
    desk.report([report for report in ends if report.client_order_id == listed[1].client_order_id])
    assert {event.role for event in desk.events(FillBooked)} == {ENTRY, STOP}
    assert desk.books.units(SYMBOL) == desk.exchange.positions().get(SYMBOL, 0)
    assert not desk.books.trades or desk.working()  # whatever is still held is covered
    audit(desk)


def test_an_entry_that_comes_back_finds_the_legs_that_left_with_it(start: Start) -> None:
    desk = start()
    listed = give_up(desk, desk.line)
    arrive(desk, listed)
    desk.report(of(trade(desk, 175.50), ENTRY, kind=Exec.TRADE, listed=listed))
    back = desk.only(TradeRevived)
    assert (back.client_order_id, {*back.orders}) == (
        listed[0].client_order_id,
        {terms.client_order_id for terms in listed[1:]},
    )
    assert desk.stage() is TradeState.HOLDING
    assert desk.only(StopSet).client_order_id == listed[1].client_order_id
    assert not desk.events(ProtectionRequested)
    assert [line[0] for line in desk.working()] == [STOP, TARGET]
    desk.bar(160.00)
    assert (desk.closed.reason, desk.closed.quantity) == ("stop", Decimal(5))
    audit(desk)


@pytest.mark.parametrize("is_heard", [False, True], ids=["by asking", "by stream"])
def test_an_entry_that_comes_back_filled_and_stopped_out_is_booked_whole(
    start: Start, is_heard: bool
) -> None:
    desk = start(rules=A_TENTH)
    listed = give_up(desk, desk.line)
    told = [*arrive(desk, listed), *trade(desk, 175.50, 175.50, 175.50, 160.00, 160.00, 160.00, volume=20)]
    if is_heard:
        desk.report([report for report in told if report.kind is Exec.TRADE])
    desk.reconcile()
    assert (desk.closed.reason, desk.closed.quantity) == ("stop", Decimal(5))
    assert not desk.books.trades
    audit(desk)


def test_a_list_that_arrived_and_has_not_filled_is_taken_back_whole(start: Start) -> None:
    desk = start()
    listed = give_up(desk, desk.line)
    told = arrive(desk, listed)
    desk.report(of(told, STOP, TARGET, kind=Exec.NEW, listed=listed))
    assert not desk.events(TradeRevived)  # they sleep, and say nothing of the entry
    desk.report(of(told, ENTRY, kind=Exec.NEW, listed=listed))
    assert {event.role for event in desk.events(OrderCancelled)} == {ENTRY, STOP, TARGET}
    assert desk.working() == []
    assert not desk.books.trades
    assert len(desk.events(TradeAborted)) == 2
    audit(desk)


def test_killed_before_the_venue_was_asked_about_the_entry_the_next_process_asks(start: Start) -> None:
    first = start()
    listed = give_up(first, first.line)
    arrive(first, listed)
    told = trade(first, 175.50, 160.00)
    first.line.lose("order", UNREACHABLE)
    first.report(of(told, STOP, kind=Exec.TRADE, listed=listed))
    assert not first.events(FillBooked)
    desk = first.again()
    desk.quote(160.00)
    desk.reconcile("start")
    assert [event.role for event in desk.events(FillBooked)] == [ENTRY, STOP]
    assert desk.closed.reason == "stop"
    audit(desk)


def test_the_fill_of_a_leg_beside_another_trade_is_kept_for_a_person(start: Start) -> None:
    desk = start()
    listed = give_up(desk, desk.line)
    arrive(desk, listed)
    told = trade(desk, 175.50, 160.00)
    desk.order_entry(160.00)
    other = desk.trade
    desk.report(of(told, STOP, kind=Exec.TRADE, listed=listed))
    assert "another trade is open" in desk.events(ReportQuarantined)[-1].reason
    assert desk.trade == other
    assert not desk.books.positions


def test_a_leg_that_the_venue_had_cancelled_stays_so_when_its_entry_comes_back(start: Start) -> None:
    desk = start()
    desk.order_entry()
    listed = tuple(event.terms for event in desk.events(OrderRequested))
    late = trade(desk, 175.50)
    for leg in listed[1:]:
        desk.exchange.cancel(leg.client_order_id, HAND)
    ends = [
        ExecutionReport(
            at=desk.now, exec_id=f"v:{n}", client_order_id=one.client_order_id, kind=Exec.CANCELED
        )
        for n, one in enumerate(listed)
    ]
    desk.report(ends)
    assert not desk.books.trades
    desk.report(of(late, ENTRY, kind=Exec.TRADE, listed=listed))
    back = desk.only(TradeRevived)
    assert len(back.orders) == 2
    assert back.asked == ()
    assert desk.only(ProtectionRequested).quantity == 5  # by its own word nothing covers it any more
    assert not desk.events(OrderInDoubt)


# -- in any order


class Lost(World):
    """A desk in memory that has given a list up, and its venue, which has traded it."""

    def __init__(self, prices: Sequence[float], volume: float) -> None:
        super().__init__(broker=self._wire, rules=A_TENTH, **BRACKET)
        self.listed = give_up(self, self.line)
        self.told = [*arrive(self, self.listed), *trade(self, *prices, volume=volume)]

    def _wire(self, exchange: object) -> Unruly:
        self.line = Unruly(exchange)  # type: ignore[arg-type]
        return self.line


@settings(max_examples=100, deadline=None)
@given(
    prices=st.lists(st.sampled_from([160.00, 175.50, 210.00]), min_size=1, max_size=5),
    volume=st.sampled_from([10.0, 20.0, 30.0, 1e6]),
    data=st.data(),
)
def test_in_whatever_order_it_is_heard_the_books_come_to_what_the_venue_has(
    prices: list[float], volume: float, data: st.DataObject
) -> None:
    world = Lost(prices, volume)
    heard = data.draw(st.lists(st.sampled_from(world.told), max_size=2 * len(world.told)), label="heard")
    unreachable = data.draw(st.integers(0, 4), label="unreachable")
    world.line.lose("order", *[UNREACHABLE] * unreachable)
    for report in heard:
        world.report([report])
    for _ in range(3):
        world.desk.reconcile("minute")
        world.wait(20)
    assert world.books.units(SYMBOL) == world.exchange.positions().get(SYMBOL, Decimal(0))
    assert world.books.cash == world.exchange.cash
    assert not world.books.external
    assert not world.books.disputed
    assert not any(order.is_in_doubt for order in world.books.orders.values())
    traded = {report.exec_id for report in world.told if report.kind is Exec.TRADE}
    assert traded == {event.exec_id for event, _ in world.heard if isinstance(event, OrderPartiallyFilled)}
    working = {terms.client_order_id for terms in world.exchange.open_orders()}
    assert working == {order.id for order in world.books.orders.values() if order.is_live}
    held = abs(world.books.units(SYMBOL))
    covered = sum(terms.quantity for terms in world.exchange.open_orders() if terms.role in {STOP, EXIT})
    assert covered >= held
    world.audit()
