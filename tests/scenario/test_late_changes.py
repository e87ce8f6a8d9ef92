"""A change of an order that nobody answered, was taken for dead, and arrived after all.

The books follow the venue in the end, whatever of it was heard and in whatever order, and every fill counts.
"""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, SYMBOL
from tests.scenario.test_broker_trouble import A_TENTH, Troubled
from tests.unruly import UNREACHABLE
from tradewrit.domain.events.account import ExternalBooked
from tradewrit.domain.events.orders import (
    Exec,
    ExecutionReport,
    ModifyOrder,
    ModifyRefused,
    OrderModified,
    OrderRestated,
    ReportQuarantined,
)
from tradewrit.domain.events.positions import FillBooked
from tradewrit.domain.market import MINUTE, Bar
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Order, OrderState, OrderType, Role, Side
from tradewrit.runtime.ports import Replacement

ENTRY, STOP, TARGET = Role.ENTRY, Role.STOP, Role.TARGET
S = OrderState


class Growing(Troubled):
    """3 of an entry of 5 have filled and are protected; the changes that follow the other 2 were lost."""

    def __init__(self, **more: Any) -> None:
        super().__init__(rules=A_TENTH, **more)
        self.says(BUY)
        self.bar(175.50, volume=0)
        self.bar(175.50, volume=30)
        self.line.lose("replace", UNREACHABLE, UNREACHABLE)
        self.report(self.trades(175.50, 20))
        assert self.held == 5
        assert left(self) == (3, 3)
        assert {self.order(STOP).state, self.order(TARGET).state} == {S.PENDING_REPLACE}

    def trades(self, price: float, volume: float) -> list[ExecutionReport]:
        """What the venue says of a minute in which this much trades, a tenth of it with us."""
        self.clock.advance(MINUTE)
        return list(self.exchange.open(Bar(SYMBOL, self.now, price, price, price, price, volume)))

    def denied(self) -> None:
        """They are asked for once more, and the venue says no to that."""
        self.line.refuses_changes = True
        self.wait(1)
        self.line.refuses_changes = False
        assert len(self.events(ModifyRefused)) == 2
        assert {self.order(STOP).state, self.order(TARGET).state} == {S.ACCEPTED}


def told(order: Order) -> tuple[OrderState, int, int]:
    """Its state, what has filled, and what is left."""
    return order.state, int(order.filled), int(order.remaining)


def left(world: Troubled) -> tuple[int, int]:
    """What is left of stop and target."""
    return int(world.order(STOP).remaining), int(world.order(TARGET).remaining)


def arrives(world: Troubled, role: Role, **terms: int) -> list[ExecutionReport]:
    """The venue takes a change at last; what it says of it."""
    exact: Any = {name: Decimal(value) for name, value in terms.items()}
    grant = world.desk.writs.live("executor", world.now)
    return list(world.exchange.replace(world.order(role).id, Replacement(**exact), grant))


def fills(reports: list[ExecutionReport]) -> list[ExecutionReport]:
    return [one for one in reports if one.kind is Exec.TRADE]


class Waiting(Troubled):
    """An entry of 5 that works; a person has asked for another quantity, and that was lost."""

    def __init__(self, quantity: int) -> None:
        super().__init__(entry=OrderType.LIMIT)
        self.order_entry()
        self.line.lose("replace", UNREACHABLE)
        entry = self.order(ENTRY)
        self.feed(
            ModifyOrder(
                at=self.now, client_order_id=entry.id, version=entry.version, quantity=Decimal(quantity)
            )
        )
        assert self.order(ENTRY).state is S.PENDING_REPLACE


def test_a_change_that_was_late_and_unheard_of_is_found_by_the_next_question() -> None:
    world = Waiting(4)
    world.wait(6)
    arrives(world, ENTRY, quantity=4)
    world.wait(2)
    assert world.only(OrderModified).quantity == 4
    assert world.line.calls.count("replace") == 1
    assert world.line.calls.count("order") == 4
    world.audit()


def test_a_change_that_can_no_longer_arrive_is_off() -> None:
    world = Waiting(4)
    world.wait(14)
    assert not world.events(ModifyRefused)
    world.wait(1)
    assert world.only(ModifyRefused).is_unsent
    assert told(world.order(ENTRY)) == (S.ACCEPTED, 0, 5)
    world.audit()


def test_a_fill_of_the_old_quantity_is_not_the_last_while_a_larger_one_is_asked_for() -> None:
    world = Growing()
    replaced = arrives(world, TARGET, quantity=5)
    said = world.trades(203.0, 30)
    world.report(fills(said))  # it overtakes the confirmation
    target = world.order(TARGET)
    assert told(target) == (S.PENDING_REPLACE, 3, 0)
    world.report([*replaced, *said])
    # The venue has ended the stop with what was sold, and its target alone is no protection of the rest.
    assert told(world.books.orders[target.id]) == (S.CANCELLED, 3, 2)
    assert [(line[0], line[2]) for line in world.working()] == [(STOP, 2), (TARGET, 2)]
    assert not [terms for terms in world.line.sent if terms.role is Role.EXIT]
    world.report(world.trades(203.0, 50))
    assert world.closed.reason == "target"
    world.audit()


def test_a_fill_of_the_old_quantity_was_the_last_where_the_change_came_too_late() -> None:
    world = Growing()
    target = world.order(TARGET)
    world.report(fills(world.trades(203.0, 30)))
    assert told(world.order(TARGET)) == (S.PENDING_REPLACE, 3, 0)
    world.report(arrives(world, TARGET, quantity=5))
    refused = world.only(ModifyRefused)
    assert "filled" in refused.reason
    world.wait(2)
    assert told(world.books.orders[target.id]) == (S.CANCELLED, 3, 0)
    assert [(line[0], line[2]) for line in world.working()] == [(STOP, 2), (TARGET, 2)]  # of the rest, anew
    world.report(world.trades(203.0, 50))
    assert world.closed.reason == "target"
    world.audit()


@pytest.mark.parametrize("is_heard", [False, True])
def test_a_larger_quantity_that_was_denied_and_arrived_is_sold_to_the_last_share(is_heard: bool) -> None:
    world = Growing()
    world.denied()
    world.line.lose("order", *[UNREACHABLE] * 9)
    replaced = arrives(world, TARGET, quantity=5)
    world.report(world.trades(203.0, 30))
    if not is_heard:  # by its own count the books have all of it; the venue works the rest
        assert world.held == 2
        assert world.books.orders[replaced[0].client_order_id].state is S.FILLED
    world.report(replaced if is_heard else ())
    world.report(fills(world.trades(203.0, 50)))
    world.wait(120)
    assert world.held == 0
    assert not world.events(ReportQuarantined)
    sold = [one.fill.quantity for one in world.events(FillBooked) if one.role is not ENTRY]
    assert sold == [3, 2]
    assert world.closed.quantity == 5
    world.audit()


def test_what_was_taken_for_filled_and_is_larger_at_the_venue_is_found_by_asking() -> None:
    world = Growing()
    world.denied()
    target = world.order(TARGET)
    arrives(world, TARGET, quantity=5)
    world.report(fills(world.trades(203.0, 30)))
    assert told(world.books.orders[target.id]) == (S.CANCELLED, 3, 2)
    assert [(line[0], line[2]) for line in world.working()] == [(STOP, 2), (TARGET, 2)]
    world.report(world.trades(203.0, 50))
    assert world.closed.reason == "target"
    world.audit()


def test_what_turns_out_to_be_at_work_beside_its_successor_is_cancelled() -> None:
    world = Growing()
    world.denied()
    world.line.lose("order", *[UNREACHABLE] * 9)
    replaced = arrives(world, TARGET, quantity=5)
    world.report(world.trades(203.0, 30))
    before = world.books.orders[replaced[0].client_order_id]
    assert before.state is S.FILLED
    assert world.trade.target_id != before.id  # the rest was protected anew, and refused: it is spoken for
    world.report(replaced)
    assert world.books.orders[before.id].state is S.CANCELLED
    world.bar(203.0)
    world.bar(203.0)
    assert world.held == 0
    assert world.closed.quantity == 5
    world.audit()


def test_more_than_was_ever_asked_for_is_put_aside() -> None:
    world = Growing()
    world.denied()
    world.line.lose("order", *[UNREACHABLE] * 9)
    arrives(world, TARGET, quantity=5)
    (part,) = fills(world.trades(203.0, 30))
    world.report([part])
    held = world.books.units(SYMBOL)
    world.report([replace(part, exec_id="again", last_quantity=Decimal(3))])
    assert world.books.units(SYMBOL) == held
    assert "cannot fill_rest" in world.only(ReportQuarantined).reason


def test_a_fill_beyond_what_is_held_is_booked_and_is_nobodys() -> None:
    """Somebody sells 2 of 5 by hand while the target, of 3 in the books, is for 5 at a venue that checks nothing."""
    world = Growing()
    world.denied()
    world.report([by_hand(world, 2)])
    (part,) = fills([replace(by_hand(world, 5), client_order_id=world.order(TARGET).id, exec_id="all of it")])
    world.report([part])
    assert not world.events(ReportQuarantined)
    assert world.only(ExternalBooked).fill.quantity == 2
    assert world.books.units(SYMBOL) == -2
    assert world.books.external[SYMBOL].signed == -2


def by_hand(world: Troubled, quantity: int) -> ExecutionReport:
    return ExecutionReport(
        at=world.now,
        exec_id="by-hand",
        client_order_id="typed-by-hand",
        kind=Exec.TRADE,
        symbol=SYMBOL,
        side=Side.SELL,
        last_quantity=Decimal(quantity),
        last_price=Price(Decimal("203.00")),
    )


# -- the mirror: smaller at the venue than in the books


def test_an_order_made_smaller_by_a_change_that_was_denied_is_found_within_the_minute() -> None:
    world = Waiting(3)
    world.wait(16)
    assert world.only(ModifyRefused).is_answer
    arrives(world, ENTRY, quantity=3)
    for _ in range(2):
        world.desk.reconcile("minute")
        world.wait(2)
    assert world.only(OrderRestated).quantity == 3
    assert world.order(ENTRY).remaining == 3
    world.audit()


def test_a_stop_made_smaller_unheard_is_found_within_the_minute_and_covers_again() -> None:
    world = Growing()
    world.wait(1)
    assert left(world) == (5, 5)
    arrives(world, STOP, quantity=3)
    for _ in range(2):
        world.desk.reconcile("minute")
        world.wait(2)
    assert world.only(OrderRestated).quantity == 3
    assert world.order(STOP).remaining == 5  # and is made to cover what is held, at once
    assert [line[2] for line in world.working()] == [5, 5]
    world.audit()


def test_a_change_that_was_denied_is_asked_for_again_with_the_next_comparison() -> None:
    """A stop that is too large is no gap, so nothing hurries; nor does it stay so."""
    world = Growing()
    world.wait(1)
    world.line.refuses_changes = True
    world.report([by_hand(world, 2)])
    world.line.refuses_changes = False
    assert told(world.order(STOP)) == (S.ACCEPTED, 0, 5)
    world.desk.reconcile("minute")
    assert told(world.order(STOP)) == (S.ACCEPTED, 0, 3)
