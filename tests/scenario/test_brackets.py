"""Entries that leave with their stop and target: covered from the first share, at the prices of the fill."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, LEAVE, SELL, START, World
from tests.unruly import UNREACHABLE, Unruly
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.capabilities import PAPER, Capabilities, Protection
from tradewrit.domain.constraints import Constraints
from tradewrit.domain.events.account import HaltTrading
from tradewrit.domain.events.orders import (
    CancelOrder,
    CancelRefused,
    CancelRequested,
    Exec,
    ExecutionReport,
    ModifyOrder,
    OrderCancelled,
    OrderExpired,
    OrderPartiallyFilled,
    OrderRejected,
    OrderReleased,
    OrderRequested,
    OrderRestated,
    ReportQuarantined,
)
from tradewrit.domain.events.positions import (
    CloseTrade,
    FillBooked,
    PositionOpened,
    ProtectionRequested,
    StopFailed,
    StopMoved,
    StopSet,
    TradeAborted,
)
from tradewrit.domain.events.review import Edit, HumanDecided
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.market import MINUTE, Bar
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderState, OrderType, Role, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.reviews import PolicyKind, ReviewPolicy
from tradewrit.domain.times import parse_iso
from tradewrit.domain.trades import TradeState
from tradewrit.market.calendar import calendar_for
from tradewrit.runtime.roles import roles

ENTRY, STOP, TARGET, EXIT = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT
A_TENTH = PaperRules(participation_fraction=Decimal("0.1"))
CLOSE = parse_iso("2024-03-04T21:00:00Z")
NEXT_OPEN = parse_iso("2024-03-05T14:30:00Z")


def bracketing(**more: Any) -> World:
    """A desk that lists an entry's stop and target with it."""
    return World(protection=Protection.BRACKET, **more)


def ordered(signal: Any = BUY, price: float = 175.50, **more: Any) -> World:
    """One that has just sent an entry."""
    world = bracketing(**more)
    world.says(signal)
    world.bar(price, volume=20)
    return world


def covering(world: World) -> dict[Role, Decimal]:
    """What each order of the symbol may trade at the venue right now."""
    return {order.terms.role: order.leaves for order in world.exchange.working.get("AAPL", ())}


def audit(world: World) -> None:
    """As ever; and no client order id stands for two orders."""
    world.audit()
    ids = [event.terms.client_order_id for event in world.events(OrderRequested)]
    assert len(ids) == len(set(ids))
    assert not world.events(ReportQuarantined)


# -- the list


def test_an_entry_leaves_as_one_list_with_a_stop_and_a_target_that_sleep() -> None:
    world = ordered()
    assert world.working() == [
        (ENTRY, Side.BUY, 5, None),
        (STOP, Side.SELL, 5, Decimal("166.72")),
        (TARGET, Side.SELL, 5, Decimal("201.82")),
    ]
    assert covering(world) == {ENTRY: 5, STOP: 0, TARGET: 0}
    entry, stop, target = (event.terms for event in world.events(OrderRequested))
    assert stop.parent == target.parent == entry.client_order_id
    assert stop.oco == target.oco
    assert world.stage() is TradeState.ORDER_PLACED
    assert not world.events(StopSet)
    audit(world)


def test_the_legs_are_those_that_were_approved_at_the_prices_that_were_shown() -> None:
    world = ordered(review=ReviewPolicy(kind=PolicyKind.REQUIRE))
    edit = Edit(quantity=Decimal(3), stop_fraction=Decimal("0.04"), target_fraction=Decimal("0.20"))
    _answer(world, "edit", edit)
    shown = world.task.shown
    _answer(world, "approve")
    assert (shown.stop_price, shown.target_price) == (Decimal("168.48"), Decimal("210.60"))
    assert world.working() == [
        (ENTRY, Side.BUY, 3, None),
        (STOP, Side.SELL, 3, shown.stop_price),
        (TARGET, Side.SELL, 3, shown.target_price),
    ]
    assert {event.approved_by for event in world.events(OrderRequested)} == {
        (f"risk:{world.trade.risk_id}", "human:maria")
    }
    world.bar(176.50)
    assert world.trade.stop_price == Decimal("169.44")  # four per cent below the fill
    audit(world)


def _answer(world: World, decision: Any, edit: Edit | None = None) -> None:
    task = world.task
    decided = HumanDecided(
        at=world.now,
        review_id=task.id,
        version=task.version,
        shown_hash=task.shown_hash,
        decision=decision,
        actor="maria",
        nonce=f"{decision}-{task.version}",
        edit=edit,
    )
    world.feed(decided, "human:maria")


@pytest.mark.parametrize("lacking", ["bracket", "replace"])
def test_a_venue_that_cannot_is_asked_for_protection_after_the_fill(lacking: str) -> None:
    can: Capabilities = replace(PAPER, **{lacking: False})
    world = ordered(capabilities=can)
    assert world.working() == [(ENTRY, Side.BUY, 5, None)]
    world.bar(175.50)
    assert world.only(ProtectionRequested).attempt == 1
    audit(world)


def test_without_oco_the_stop_goes_along_alone_and_the_target_is_watched() -> None:
    world = ordered(capabilities=replace(PAPER, oco=False))
    assert [line[0] for line in world.working()] == [ENTRY, STOP]
    world.bar(175.50)
    assert world.stage() is TradeState.HOLDING
    world.bar(202.0)
    world.bar(202.0)
    assert world.closed.reason == "target"
    audit(world)


def test_an_entry_whose_stop_would_be_no_price_leaves_alone() -> None:
    world = ordered(price=0.01, signal=replace(BUY, stop_fraction=Decimal("0.05")))
    assert [line[0] for line in world.working()] == [ENTRY]
    audit(world)


# -- the fill


@pytest.mark.parametrize(
    ("fill", "stop", "target"),
    [
        (175.50, "166.72", "201.82"),
        (176.50, "167.67", "202.97"),
        (174.00, "165.30", "200.10"),
        # Beyond the stop as it was listed: what counts is what was paid.
        (160.00, "152.00", "184.00"),
        (210.00, "199.50", "241.50"),
    ],
)
def test_the_legs_move_to_the_prices_of_the_fill(fill: float, stop: str, target: str) -> None:
    world = ordered()
    world.bar(fill)
    assert world.working() == [
        (STOP, Side.SELL, 5, Decimal(stop)),
        (TARGET, Side.SELL, 5, Decimal(target)),
    ]
    assert covering(world) == {STOP: 5, TARGET: 5}
    assert world.stage() is TradeState.HOLDING
    opened, was_set = world.only(PositionOpened), world.only(StopSet)
    assert (opened.stop_price, opened.target_price) == (Decimal(stop), Decimal(target))
    assert (was_set.stop_price, was_set.quantity) == (Decimal("166.72"), Decimal(5))
    moved = [event.stop_price for event in world.events(StopMoved)]
    assert moved == ([] if stop == "166.72" else [Decimal(stop)])
    assert not world.events(ProtectionRequested)
    audit(world)


def test_the_golden_trade_is_the_same_to_the_cent() -> None:
    world = ordered(entry=OrderType.LIMIT)
    world.bar(175.50)
    world.bar(201.82)
    assert (world.closed.reason, world.closed.gross) == ("target", Decimal("131.60"))
    assert not world.working()
    assert not world.books.trades
    audit(world)


def test_a_short_is_the_mirror_of_a_long() -> None:
    world = ordered(SELL)
    assert world.working()[1:] == [
        (STOP, Side.BUY, 5, Decimal("184.28")),
        (TARGET, Side.BUY, 5, Decimal("149.18")),
    ]
    world.bar(174.50)
    assert world.working() == [
        (STOP, Side.BUY, 5, Decimal("183.23")),
        (TARGET, Side.BUY, 5, Decimal("148.33")),
    ]
    world.bar(170.0, 184.0, 170.0, 180.0)
    assert (world.closed.reason, world.closed.gross) == ("stop", 5 * (Decimal("174.50") - Decimal("183.23")))
    audit(world)


@pytest.mark.parametrize(("low", "high", "reason"), [(150.0, 180.0, "stop"), (150.0, 210.0, "stop")])
def test_a_leg_may_trade_on_the_bar_its_entry_filled_in(low: float, high: float, reason: str) -> None:
    world = ordered()
    world.bar(176.50, high, low)
    assert (world.closed.reason, world.closed.gross) == (reason, 5 * (Decimal("167.67") - Decimal("176.50")))
    audit(world)


def test_an_entry_that_fills_in_three_parts_is_covered_exactly_at_each() -> None:
    world = ordered(rules=A_TENTH)
    world.bar(175.50, volume=20)
    assert covering(world) == {ENTRY: 3, STOP: 2, TARGET: 2}
    assert world.order(STOP).terms.stop_price == Decimal("166.72")
    world.bar(176.50, volume=20)
    assert covering(world) == {ENTRY: 1, STOP: 4, TARGET: 4}
    # The average fill is 176.00 now: its stop is tighter.
    assert world.working()[1:] == [
        (STOP, Side.SELL, 5, Decimal("167.20")),
        (TARGET, Side.SELL, 5, Decimal("202.40")),
    ]
    world.bar(171.0)
    assert covering(world) == {STOP: 5, TARGET: 5}
    assert world.trade.stop_price == Decimal("167.20")  # a lower average loosens nothing
    assert len(world.events(PositionOpened)) == len(world.events(StopSet)) == 1
    world.bar(160.0)
    assert (world.closed.reason, world.closed.quantity) == ("stop", Decimal(5))
    audit(world)


def test_a_trailing_stop_trails_a_leg() -> None:
    world = ordered(replace(BUY, trail_fraction=Decimal("0.05")))
    world.bar(175.50)
    for low, high in ((175.0, 180.0), (175.0, 178.0), (185.0, 190.0)):
        world.bar(low, high)
    assert [event.stop_price for event in world.events(StopMoved)] == [Decimal("171.00"), Decimal("180.50")]
    world.bar(181.0, 181.0, 180.0)
    assert (world.closed.reason, world.closed.gross) == ("stop", 5 * (Decimal("180.50") - Decimal("175.50")))
    audit(world)


def test_a_strategys_exit_takes_the_legs_back_before_it_sells() -> None:
    world = ordered()
    world.bar(175.50)
    world.says(LEAVE)
    world.bar(180.0)
    assert world.working() == [(EXIT, Side.SELL, 5, None)]
    world.bar(181.0)
    assert world.closed.reason == "signal"
    audit(world)


def test_a_close_while_the_entry_still_fills_takes_everything_back_first() -> None:
    world = ordered(rules=A_TENTH)
    world.bar(175.50, volume=20)
    world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria"))
    assert world.working() == [(EXIT, Side.SELL, 2, None)]
    world.bar(175.50)
    assert (world.closed.reason, world.closed.quantity) == ("manual", Decimal(2))
    audit(world)


# -- an entry that ends early


def _cancelled(world: World) -> None:
    world.feed(CancelOrder(at=world.now, client_order_id=world.order(ENTRY).id, reason="changed my mind"))


def _expired(world: World) -> None:
    world.report(world.exchange.session_closed(world.now + 1))


def _halted(world: World) -> None:
    world.feed(HaltTrading(at=world.now, actor="human:maria", reason="news"))


@pytest.mark.parametrize(
    ("ends", "outcome"), [(_cancelled, "aborted"), (_expired, "expired"), (_halted, "aborted")]
)
def test_the_legs_of_an_entry_that_never_filled_end_with_it(
    ends: Callable[[World], None], outcome: str
) -> None:
    world = ordered(entry=OrderType.LIMIT)
    ends(world)
    assert not world.working()
    assert world.only(TradeAborted).outcome == outcome
    over = [event.role for event, _ in world.heard if isinstance(event, OrderCancelled | OrderExpired)]
    assert over == [ENTRY, STOP, TARGET]
    assert not world.books.trades
    assert not world.books.orders
    assert world.books.reserved == 0
    audit(world)


def test_a_partly_filled_entry_that_is_cancelled_leaves_legs_for_what_it_bought() -> None:
    world = ordered(entry=OrderType.LIMIT, rules=A_TENTH)
    world.bar(175.50, volume=20)
    _cancelled(world)
    assert covering(world) == {STOP: 2, TARGET: 2}
    assert [order.terms.quantity for order in (world.order(STOP), world.order(TARGET))] == [2, 2]
    assert world.stage() is TradeState.HOLDING
    world.bar(202.0)
    assert (world.closed.quantity, world.closed.gross) == (Decimal(2), 2 * (Decimal(202) - Decimal("175.50")))
    audit(world)


def test_a_stop_that_is_hit_while_the_entry_still_works_takes_the_rest_of_it_back() -> None:
    world = ordered(entry=OrderType.LIMIT, rules=A_TENTH)
    world.bar(175.50, volume=20)
    world.bar(166.0, volume=20)
    assert (world.closed.reason, world.closed.quantity) == ("stop", Decimal(2))
    assert [event.reason for event in world.events(CancelRequested)] == ["position closed"]
    assert not world.working()
    assert world.books.reserved == 0
    audit(world)


def test_legs_that_the_venue_forgets_to_end_are_taken_back_on_the_next_bar() -> None:
    world = ordered(entry=OrderType.LIMIT)
    entry = world.order(ENTRY).id
    world.report([_report(world, entry, Exec.CANCELED, "v:1")])
    assert world.stage() is TradeState.ORDER_PLACED
    world.bar(180.0)
    assert {event.client_order_id for event in world.events(CancelRequested)} == {
        world.events(OrderRequested)[1].terms.client_order_id,
        world.events(OrderRequested)[2].terms.client_order_id,
    }
    assert world.only(TradeAborted).outcome == "aborted"


def test_a_smaller_entry_has_smaller_legs_and_a_new_limit_moves_them_when_it_fills() -> None:
    world = ordered(entry=OrderType.LIMIT)
    order = world.order(ENTRY)
    limit = Price(Decimal("174.00"))
    world.feed(
        ModifyOrder(at=world.now, client_order_id=order.id, version=1, quantity=Decimal(3), limit_price=limit)
    )
    assert world.working() == [
        (ENTRY, Side.BUY, 3, limit),
        (STOP, Side.SELL, 3, Decimal("166.72")),
        (TARGET, Side.SELL, 3, Decimal("201.82")),
    ]
    world.bar(174.0)
    assert world.working() == [
        (STOP, Side.SELL, 3, Decimal("165.30")),
        (TARGET, Side.SELL, 3, Decimal("200.10")),
    ]
    audit(world)


def test_nobody_takes_back_a_stop_that_sleeps() -> None:
    world = ordered()
    world.feed(CancelOrder(at=world.now, client_order_id=world.order(STOP).id, actor="human:maria"))
    assert "cancel the entry instead" in world.only(CancelRefused).reason
    assert len(world.working()) == 3
    audit(world)


# -- a closed market


def evening() -> World:
    """A desk that decided on the last minute of a session: the list waits for the morning."""
    world = bracketing(rules=PaperRules(sessions=True), calendar=calendar_for("NYSE"), at=CLOSE - MINUTE)
    world.says(BUY)
    world.bar(175.50)
    return world


def test_a_held_list_leaves_whole_when_the_market_opens() -> None:
    world = evening()
    assert {order.state for order in world.books.orders.values()} == {OrderState.DRAFT}
    assert not world.working()
    world.clock.set(NEXT_OPEN)
    for _ in range(2):
        world.status()
    assert len(world.events(OrderReleased)) == 3
    assert [line[0] for line in world.working()] == [ENTRY, STOP, TARGET]
    world.bar(170.0)
    assert world.working()[0] == (STOP, Side.SELL, 5, Decimal("161.50"))
    assert world.stage() is TradeState.HOLDING
    audit(world)


def test_a_leg_that_was_withdrawn_does_not_leave_with_the_rest() -> None:
    world = evening()
    world.feed(CancelOrder(at=world.now, client_order_id=world.order(TARGET).id))
    world.clock.set(NEXT_OPEN)
    world.status()
    assert [line[0] for line in world.working()] == [ENTRY, STOP]
    world.bar(175.50)
    assert world.working() == [(STOP, Side.SELL, 5, Decimal("166.72"))]
    audit(world)


def test_a_held_list_is_withdrawn_whole() -> None:
    world = evening()
    _cancelled(world)
    assert [event.role for event in world.events(OrderCancelled)] == [ENTRY, STOP, TARGET]
    assert world.only(TradeAborted).reason == "changed my mind"
    assert not world.books.orders
    audit(world)


# -- trouble


def spoilt(**more: Any) -> tuple[World, Unruly]:
    """A bracketing desk on a bad line."""
    world = bracketing(broker=Unruly, **more)
    assert isinstance(world.broker, Unruly)
    return world, world.broker


def _report(world: World, order_id: str, kind: Exec, exec_id: str, **more: Any) -> ExecutionReport:
    return ExecutionReport(at=world.now, exec_id=exec_id, client_order_id=order_id, kind=kind, **more)


@pytest.mark.parametrize("role", [ENTRY, STOP, TARGET])
def test_a_list_of_which_the_venue_refuses_one_buys_nothing(role: Role) -> None:
    world, line = spoilt()
    line.refuses = {role}
    world.says(BUY)
    world.bar(175.50)
    assert [event.role for event in world.events(OrderRejected)] == [ENTRY, STOP, TARGET]
    aborted = world.only(TradeAborted)
    assert (aborted.outcome, aborted.reason) == ("rejected", "refused_by_venue: not today")
    assert not world.books.orders
    assert world.books.reserved == 0
    audit(world)


@pytest.mark.parametrize("role", [STOP, TARGET])
def test_a_leg_that_is_refused_in_its_sleep_is_made_good_when_the_entry_fills(role: Role) -> None:
    world = ordered()
    lost = world.order(role)
    world.exchange.cancel(lost.id, None)  # type: ignore[arg-type]  # the venue itself drops it
    world.report([_report(world, lost.id, Exec.REJECTED, "v:1", code=Rejection.VENUE, reason="not today")])
    assert world.stage() is TradeState.ORDER_PLACED
    world.bar(176.50)
    assert world.stage() is TradeState.HOLDING
    stops = [line for line in world.working() if line[0] is STOP]
    assert stops == [(STOP, Side.SELL, 5, Decimal("167.67"))]
    assert len(world.events(ProtectionRequested)) == (role is STOP)
    assert world.held == 5
    audit(world)


def test_a_stop_that_is_refused_after_the_fill_is_put_back() -> None:
    world = ordered()
    world.bar(175.50)
    stop = world.order(STOP)
    world.exchange.cancel(stop.id, None)  # type: ignore[arg-type]  # as above
    world.report([_report(world, stop.id, Exec.REJECTED, "v:1", code=Rejection.VENUE, reason="not today")])
    assert world.only(StopFailed).reason == "refused_by_venue: not today"
    assert world.working() == [
        (STOP, Side.SELL, 5, Decimal("166.72")),
        (TARGET, Side.SELL, 5, Decimal("201.82")),
    ]
    assert world.order(STOP).id != stop.id
    assert world.stage() is TradeState.HOLDING
    audit(world)


@pytest.mark.parametrize("is_mended", [False, True])
def test_a_stop_that_cannot_be_moved_covers_where_it_is_and_then_makes_way(is_mended: bool) -> None:
    world, line = spoilt()
    world.says(BUY)
    world.bar(175.50)
    line.refuses_changes = True
    world.report(world.exchange.open(Bar("AAPL", world.now, 176.50, 176.50, 176.50, 176.50, 1e6)))
    assert world.only(StopFailed).reason == "it stands at 166.72, not where the fill puts it: not today"
    assert world.working()[0] == (STOP, Side.SELL, 5, Decimal("166.72"))
    assert world.stage() is TradeState.PROTECTING
    line.refuses_changes = not is_mended
    world.bar(176.50)
    assert world.working()[0] == (STOP, Side.SELL, 5, Decimal("167.67"))
    assert world.stage() is TradeState.HOLDING
    assert world.trade.failures == 0
    asked = world.events(ProtectionRequested)
    assert [event.stop_price for event in asked] == ([] if is_mended else [Decimal("167.67")])
    world.bar(160.0)
    assert (world.closed.reason, world.closed.gross) == ("stop", 5 * (Decimal(160) - Decimal("176.50")))
    audit(world)


def test_a_fill_at_which_there_is_no_stop_price_is_left_as_without_legs() -> None:
    world = ordered(price=0.02, signal=replace(BUY, stop_fraction=Decimal("0.05")))
    assert world.order(STOP).terms.stop_price == Decimal("0.01")
    world.bar(0.01)
    assert world.working()[0][0] is EXIT
    assert world.trade.exit_reason == "stop_failed"
    world.bar(0.01)
    assert world.closed.reason == "stop_failed"
    audit(world)


@pytest.mark.parametrize("is_done", [False, True])
def test_a_list_lost_on_the_way_is_asked_about_and_leaves_again_as_one_list_or_not_at_all(
    is_done: bool,
) -> None:
    world, line = spoilt()
    line.lose("place", UNREACHABLE, is_done=is_done)
    world.says(BUY)
    world.bar(175.50)
    assert line.calls.count("order") == (3 if is_done else 1), "the legs, once their entry is heard of"
    assert len(world.books.orders) == 3
    world.wait(30)
    assert line.calls.count("place") == (1 if is_done else 2)
    assert len(line.sent) == len({terms.client_order_id for terms in line.sent}) == 3
    assert [terms.role for terms in line.sent] == [ENTRY, STOP, TARGET]
    world.bar(176.50)
    assert world.working()[0] == (STOP, Side.SELL, 5, Decimal("167.67"))
    assert world.stage() is TradeState.HOLDING
    audit(world)


def test_a_fill_that_overtakes_the_acknowledgements_is_covered_when_they_come() -> None:
    world, line = spoilt()
    line.is_slow = True
    world.says(BUY)
    world.bar(175.50)
    acknowledged = line.let_go()
    line.is_slow = False
    world.bar(176.50)
    assert world.stage() is TradeState.FILLED
    assert not world.events(StopSet)
    world.report(acknowledged)
    assert world.only(StopSet).quantity == 5
    assert world.working()[0] == (STOP, Side.SELL, 5, Decimal("167.67"))
    assert world.stage() is TradeState.HOLDING
    audit(world)


def test_a_late_fill_of_an_entry_that_seemed_cancelled_finds_its_legs() -> None:
    world = ordered(entry=OrderType.LIMIT)
    entry = world.order(ENTRY).id
    world.report([_report(world, entry, Exec.CANCELED, "v:1")])
    world.bar(175.50)
    assert world.held == 5
    assert covering(world) == {STOP: 5, TARGET: 5}
    assert world.stage() is TradeState.HOLDING
    world.bar(201.82)
    assert world.closed.reason == "target"
    audit(world)


def test_fills_that_were_missed_before_a_leg_was_restated_count_once() -> None:
    world = ordered(entry=OrderType.LIMIT, rules=A_TENTH)
    for price, volume in ((175.50, 30), (160.00, 10)):  # three bought, one of them sold: the stream loses it
        world.clock.advance(MINUTE)
        world.exchange.open(Bar("AAPL", world.now, price, price, price, price, volume))
    _cancelled(world)
    assert {event.role: event.filled for event in world.events(OrderRestated)} == {STOP: 0, TARGET: 0}
    assert [(event.role, event.cumulative) for event in world.events(OrderPartiallyFilled)] == [
        (ENTRY, Decimal(3)),
        (STOP, Decimal(1)),
    ]
    assert world.held == 2
    assert world.books.units("AAPL") == world.exchange.positions()["AAPL"]
    audit(world)


def test_where_the_writ_does_not_allow_the_entry_nothing_of_the_list_is_sent() -> None:
    world, line = spoilt(terms=roles("paper", "paper", executor=Constraints(max_quantity=Decimal(4))))
    world.says(BUY)
    world.bar(175.50)
    assert world.only(WritDenied).effect == "PlaceOrders"
    assert {event.code for event in world.events(OrderRejected)} == {"no_writ"}
    assert world.only(TradeAborted).outcome == "rejected"
    assert line.calls == []
    assert not world.books.orders
    audit(world)


def test_a_trade_after_another_has_ids_of_its_own() -> None:
    world = ordered()
    world.bar(175.50)
    world.says(BUY)
    world.bar(160.0)
    world.bar(160.0)
    assert len(world.events(PositionOpened)) == 2
    assert world.trade.opened_at > START
    audit(world)


# -- where it is not the same as protection after the fill


@pytest.mark.parametrize(
    ("protection", "sold"),
    [
        # A leg covers at once what the same print has bought; an order sent after the fill comes too late for it.
        (Protection.BRACKET, [4]),
        (Protection.AFTER_FILL, [2, 2]),
    ],
)
def test_a_stop_that_is_reached_by_the_print_that_fills_more_of_the_entry(
    protection: Protection, sold: list[int]
) -> None:
    world = World(protection=protection, rules=A_TENTH)
    world.says(BUY)
    world.bar(175.50)
    world.bar(175.50, volume=20)
    world.bar(160.0, volume=70)
    assert [event.fill.quantity for event in world.events(FillBooked) if event.role is STOP] == sold
    world.audit()
