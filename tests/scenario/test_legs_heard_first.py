"""A stop trades what its entry has brought, and is heard of first: its fill waits for the entry's.

Booked at once it would be others' in part, and so would the entry's when that comes: the trade's result
would be wrong, and no correction of either could find it.
"""

from collections.abc import Callable
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
from tradewrit.brokers.paper.corrections import Correction
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.capabilities import Protection
from tradewrit.domain.events.account import ExternalBooked
from tradewrit.domain.events.orders import (
    Exec,
    ExecutionReport,
    FillCorrected,
    FillReleased,
    FillWithheld,
    GetOrderStatus,
    OrderPartiallyFilled,
    OrderRequested,
    ReportQuarantined,
)
from tradewrit.domain.events.positions import CloseTrade, FillBooked, PositionClosed
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderTerms, OrderType, Role, Side

ENTRY, STOP, TARGET = Role.ENTRY, Role.STOP, Role.TARGET
A_TENTH = PaperRules(participation_fraction=Decimal("0.1"))
Start = Callable[..., Process]


@pytest.fixture(params=["inline", "outbox"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start the first process of a desk that lists an entry's stop and target with it."""

    def begin(**more: Any) -> Process:
        has_outbox = request.param == "outbox"
        return Process(
            tmp_path / "desk.journal", has_outbox=has_outbox, protection=Protection.BRACKET, **more
        )

    return begin


def ordered(world: World) -> tuple[OrderTerms, ...]:
    """An entry for five that works at the venue, and its legs: their terms."""
    world.says(BUY)
    world.bar(175.50)
    return tuple(event.terms for event in world.events(OrderRequested))


def stopped_out(desk: World) -> tuple[tuple[OrderTerms, ...], Told]:
    """An entry and its legs; the venue fills it and stops it out, and nothing of that is heard."""
    return ordered(desk), trade(desk, 175.50, 160.00)


def stopped_out_after_two_fills(desk: World) -> tuple[tuple[OrderTerms, ...], Told]:
    """The same, where the entry is filled in two parts."""
    return ordered(desk), [*trade(desk, 175.50, volume=20), *trade(desk, 175.50, 160.00)]


def fills(told: Told, *roles: Role, listed: tuple[OrderTerms, ...]) -> Told:
    return of(told, *roles, kind=Exec.TRADE, listed=listed)


def audit(world: World) -> None:
    """As ever; nothing of ours counts as others'."""
    world.audit()
    assert not world.books.external
    assert not world.books.withheld
    assert not world.events(ExternalBooked)
    assert not any(event.report.kind is Exec.TRADE for event in world.events(ReportQuarantined))


def test_a_stop_that_is_heard_of_before_its_entry_is_booked_after_it(start: Start) -> None:
    desk = start()
    listed, told = stopped_out(desk)
    desk.report(fills(told, STOP, listed=listed))
    assert [event.role for event in desk.events(FillBooked)] == [ENTRY, STOP]
    desk.reconcile()  # what became of the target
    assert (desk.closed.reason, desk.closed.gross) == ("stop", 5 * (Decimal("160.00") - Decimal("175.50")))
    assert desk.only(FillWithheld).report == fills(told, STOP, listed=listed)[0]
    assert not desk.books.trades
    audit(desk)


def test_of_an_entry_that_was_heard_in_part_the_rest_is_asked_for(start: Start) -> None:
    desk = start(rules=A_TENTH)
    listed, told = stopped_out_after_two_fills(desk)
    first, lost, sold = fills(told, ENTRY, STOP, listed=listed)
    desk.report([first])
    desk.report([sold])
    assert [event.exec_id for event in desk.events(FillBooked)] == [
        first.exec_id,
        lost.exec_id,
        sold.exec_id,
    ]
    desk.reconcile()
    assert (desk.closed.quantity, desk.closed.reason) == (Decimal(5), "stop")
    audit(desk)


def test_a_fill_of_the_entry_that_was_only_late_lets_the_stop_go_by_itself(start: Start) -> None:
    desk = start()
    listed, told = stopped_out(desk)
    desk.line.lose("order", *[UNREACHABLE] * 9)
    desk.report(fills(told, STOP, listed=listed))
    assert not desk.events(FillBooked)
    assert desk.books.withheld
    desk.report(fills(told, ENTRY, listed=listed))
    assert [event.role for event in desk.events(FillBooked)] == [ENTRY, STOP]
    audit(desk)


def test_while_the_venue_cannot_be_reached_it_waits_and_asks_again(start: Start) -> None:
    desk = start()
    listed, told = stopped_out(desk)
    desk.line.lose("order", *[UNREACHABLE] * 3)
    desk.report(fills(told, STOP, listed=listed))
    assert not desk.events(FillBooked)
    desk.wait(5)
    assert [event.role for event in desk.events(FillBooked)] == [ENTRY, STOP]
    audit(desk)


def test_killed_before_the_venue_was_asked_the_next_process_asks(start: Start) -> None:
    first = start()
    listed, told = stopped_out(first)
    first.line.lose("order", UNREACHABLE)
    first.report(fills(told, STOP, listed=listed))
    assert not first.events(FillBooked)
    desk = first.again()
    desk.quote(160.00)
    assert [event.role for event in desk.events(FillBooked)] == [ENTRY, STOP]
    assert desk.closed.reason == "stop"
    audit(desk)


def test_nothing_is_concluded_about_a_stop_while_its_fill_waits(start: Start) -> None:
    desk = start()
    listed, told = stopped_out(desk)
    desk.line.lose("order", UNREACHABLE)
    desk.report(fills(told, STOP, listed=listed))
    for _ in range(2):  # it is over at the venue, which says so
        desk.feed(GetOrderStatus(at=desk.now, client_order_id=listed[1].client_order_id, fresh=True))
        assert desk.books.orders[listed[1].client_order_id].is_live
    desk.wait(3)
    desk.reconcile()
    assert desk.closed.reason == "stop"
    audit(desk)


def test_an_entry_is_not_over_while_its_stop_has_filled_more_than_it(start: Start) -> None:
    desk = start()
    listed, told = stopped_out(desk)
    desk.line.lose("order", *[UNREACHABLE] * 9)
    desk.report(fills(told, STOP, listed=listed))
    over = ExecutionReport(
        at=desk.now, exec_id="v:1", client_order_id=listed[0].client_order_id, kind=Exec.CANCELED
    )
    desk.report([over])
    assert desk.order(ENTRY).is_live
    desk.report(fills(told, ENTRY, listed=listed))
    assert [event.role for event in desk.events(FillBooked)] == [ENTRY, STOP]
    desk.line.lost_before.clear()
    desk.reconcile()
    assert desk.closed.reason == "stop"
    audit(desk)


def test_a_lost_fill_that_is_corrected_later_is_found(start: Start) -> None:
    desk = start(rules=A_TENTH)
    listed, told = stopped_out_after_two_fills(desk)
    first, lost, sold = fills(told, ENTRY, STOP, listed=listed)
    desk.report([first, sold])
    desk.reconcile()
    assert not desk.books.trades
    desk.report(desk.exchange.correct(Correction(exec_id=lost.exec_id, price=Price(Decimal("170.50")))))
    assert desk.only(FillCorrected).corrects == lost.exec_id
    assert desk.books.cash == desk.exchange.cash
    audit(desk)


def test_where_the_venue_has_no_more_of_the_entry_to_tell_the_stop_is_booked_as_it_stands(
    start: Start,
) -> None:
    desk = start()
    listed = ordered(desk)
    (bought,) = fills(trade(desk, 175.50), ENTRY, listed=listed)
    desk.report([bought])
    fewer = ExecutionReport(  # which the venue has from its own venue, and never told its stop
        at=desk.now,
        exec_id="c-1",
        client_order_id=bought.client_order_id,
        kind=Exec.CORRECTED,
        symbol=SYMBOL,
        side=Side.BUY,
        last_quantity=Decimal(4),
        last_price=bought.last_price,
        fee=bought.fee,
        corrects=bought.exec_id,
    )
    desk.line.lose("replace", *[UNREACHABLE] * 9)
    desk.report([fewer])
    sold = fills(trade(desk, 160.00), STOP, listed=listed)
    desk.report(sold)
    assert not desk.events(PositionClosed)
    desk.wait(10)
    assert [event.answers for event in desk.events(FillWithheld)] == [0, 1, 2]
    assert len(desk.events(FillReleased)) == 1
    assert desk.closed.quantity == Decimal(4)
    assert desk.books.units(SYMBOL) == -1
    assert not desk.books.withheld


def test_what_others_have_sold_of_a_position_keeps_no_stop_waiting(start: Start) -> None:
    desk = start()
    listed = ordered(desk)
    desk.report(fills(trade(desk, 175.50), ENTRY, listed=listed))
    theirs = ExecutionReport(
        at=desk.now,
        exec_id="m-1",
        client_order_id="by-hand",
        kind=Exec.TRADE,
        symbol=SYMBOL,
        side=Side.SELL,
        last_quantity=Decimal(2),
        last_price=Price(Decimal("175.50")),
    )
    sold = fills(trade(desk, 160.00), STOP, listed=listed)
    desk.report([theirs, *sold])
    assert not desk.events(FillWithheld)
    assert not desk.books.positions
    assert desk.books.units(SYMBOL) == -2


def test_an_exit_that_is_wanted_meanwhile_sells_nothing_twice(start: Start) -> None:
    desk = start(rules=A_TENTH)
    listed, told = stopped_out_after_two_fills(desk)
    first, _, sold = fills(told, ENTRY, STOP, listed=listed)
    desk.report([first])
    desk.line.lose("order", *[UNREACHABLE] * 2)
    desk.report([sold])
    desk.feed(CloseTrade(at=desk.now, trade_id=desk.trade.id, actor="maria"))
    desk.wait(10)
    desk.reconcile()
    assert [event.terms.role for event in desk.events(OrderRequested)] == [ENTRY, STOP, TARGET]
    assert desk.books.units(SYMBOL) == desk.held == 0
    assert not desk.books.trades
    audit(desk)


# -- in any order


class Unheard(World):
    """A desk in memory with an entry at work, and its venue, which has traded it."""

    def __init__(self, prices: list[float], volume: float) -> None:
        super().__init__(
            broker=self._wire, rules=A_TENTH, protection=Protection.BRACKET, entry=OrderType.LIMIT
        )
        self.listed = ordered(self)
        self.told = trade(self, *prices, volume=volume)

    def _wire(self, exchange: Any) -> Unruly:
        self.line = Unruly(exchange)
        return self.line


@settings(max_examples=100, deadline=None)
@given(
    prices=st.lists(st.sampled_from([160.00, 175.50, 210.00]), min_size=1, max_size=6),
    volume=st.sampled_from([10.0, 20.0, 30.0, 1e6]),
    is_cancelled=st.booleans(),
    data=st.data(),
)
def test_in_whatever_order_it_is_heard_each_fill_is_booked_once_and_as_ours(
    prices: list[float], volume: float, is_cancelled: bool, data: st.DataObject
) -> None:
    world = Unheard(prices, volume)
    if is_cancelled:
        world.told += world.exchange.cancel(world.listed[0].client_order_id, HAND)
    heard = (
        data.draw(st.lists(st.sampled_from(world.told), max_size=2 * len(world.told))) if world.told else []
    )
    world.line.lose("order", *[UNREACHABLE] * data.draw(st.integers(0, 4), label="unreachable"))
    for report in heard:
        world.report([report])
    for _ in range(3):
        world.desk.reconcile("minute")
        world.wait(20)
    assert world.books.units(SYMBOL) == world.held
    assert world.books.cash == world.exchange.cash
    assert not world.books.disputed
    traded = {report.exec_id for report in world.told if report.kind is Exec.TRADE}
    assert traded == {event.exec_id for event in world.events(OrderPartiallyFilled)}
    assert not any(order.is_in_doubt for order in world.books.orders.values())
    audit(world)
