"""Every way out of a position, and what works at the venue on the way."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.desks import BUY, LEAVE, SELL, WITHOUT_OCO, World
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.market import QuoteReceived
from tradewrit.domain.events.orders import (
    CancelOrder,
    CancelRefused,
    Exec,
    ExecutionReport,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    OrderRequested,
    ReportQuarantined,
)
from tradewrit.domain.events.positions import (
    CloseTrade,
    ExitRequested,
    PositionAdded,
    PositionOpened,
    SetStop,
    StopHit,
    StopMoved,
    StopRefused,
    TargetHit,
    TradeAborted,
    UpdateStop,
)
from tradewrit.domain.events.strategy import ExitSignalled
from tradewrit.domain.market import MINUTE, SECOND, Quote
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderType, Role, Side
from tradewrit.domain.trades import TradeState
from tradewrit.surfaces.words import words

ENTRY, STOP, TARGET, EXIT = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT
A_TENTH = PaperRules(participation_fraction=Decimal("0.1"))
TRAILING = replace(BUY, trail_fraction=Decimal("0.05"))


@pytest.fixture
def world() -> Iterator[World]:
    """A desk that holds 5 AAPL from 175.50; audited when the test is done."""
    world = World()
    world.enter()
    yield world
    world.audit()


# -- stop and target


def test_a_stop_that_trades_closes_the_trade_at_the_stop(world: World) -> None:
    world.bar(170.0, 170.0, 166.0, 168.0)
    assert (world.closed.reason, world.closed.gross) == ("stop", 5 * (Decimal("166.72") - Decimal("175.50")))
    assert world.only(StopHit).price == Decimal("166.72")
    assert not world.working()
    assert not world.books.trades


def test_a_gap_through_the_stop_sells_at_the_open(world: World) -> None:
    world.bar(160.0)
    assert world.closed.gross == 5 * (Decimal(160) - Decimal("175.50"))


def test_stop_comes_before_target_when_one_bar_touches_both(world: World) -> None:
    world.bar(180.0, 210.0, 160.0, 180.0)
    assert world.closed.reason == "stop"


def test_a_symbol_that_exited_on_a_bar_may_enter_again_on_it(world: World) -> None:
    world.says(BUY)
    world.bar(170.0, 170.0, 166.0, 170.0)
    assert world.closed.reason == "stop"
    assert world.stage() is TradeState.ORDER_PLACED


# -- the strategy's own exit


def test_a_strategys_exit_cancels_the_protection_before_it_sells(world: World) -> None:
    before = len(world.names())
    world.says(LEAVE)
    world.bar(180.0)
    asked = [
        name for name in world.names(before) if name in {"CancelRequested", "OrderCancelled", "ExitRequested"}
    ]
    assert asked == ["CancelRequested"] * 2 + ["OrderCancelled"] * 2 + ["ExitRequested"]
    assert world.working() == [(EXIT, Side.SELL, 5, None)]
    assert world.stage() is TradeState.ORDER_CLOSING
    world.bar(181.0)
    assert (world.closed.reason, world.closed.gross) == ("signal", 5 * (Decimal(181) - Decimal("175.50")))


def test_an_exit_that_is_under_way_is_not_asked_for_again(world: World) -> None:
    world.says(LEAVE)
    world.bar(180.0)
    world.says(LEAVE)
    world.desk.close_bars([], world.now)
    assert len(world.events(ExitSignalled)) == len(world.events(ExitRequested)) == 1
    refused = world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria"))
    assert isinstance(refused[-1], StopRefused)


def test_a_time_exit_comes_after_so_many_completed_bars() -> None:
    world = World()
    world.enter(signal=replace(BUY, max_bars=3))
    world.bar(176.0)
    assert world.stage() is TradeState.HOLDING
    world.bar(177.0)
    assert world.only(ExitSignalled).reason == "time"
    world.bar(178.0)
    assert (world.closed.reason, world.closed.gross) == ("time", 5 * (Decimal(178) - Decimal("175.50")))
    world.audit()


def test_a_person_may_close_a_trade_at_any_time(world: World) -> None:
    world.control.submit(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria"), "maria")
    assert world.working() == [(EXIT, Side.SELL, 5, None)]
    world.bar(179.0)
    assert world.closed.reason == "manual"


def test_there_is_nothing_to_close_before_the_entry_has_filled() -> None:
    world = World(entry=OrderType.LIMIT)
    world.says(BUY)
    world.bar(175.50)
    said = world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria"))
    assert isinstance(said[-1], StopRefused)
    assert world.working() == [(ENTRY, Side.BUY, 5, Decimal("175.50"))]


# -- moving the stop


def test_a_trailing_stop_follows_the_highs_and_never_moves_back() -> None:
    world = World()
    world.enter(signal=TRAILING)
    stops = []
    for low, high in ((175.0, 180.0), (175.0, 178.0), (185.0, 190.0), (184.0, 186.0)):
        world.bar(low, high)
        stops.append(world.order(STOP).terms.stop_price)
    assert stops == [Decimal(text) for text in ("171.00", "171.00", "180.50", "180.50")]
    assert [moved.stop_price for moved in world.events(StopMoved)] == [Decimal("171.00"), Decimal("180.50")]
    assert world.working()[0] == (STOP, Side.SELL, 5, Decimal("180.50"))
    world.audit()


def test_a_short_trails_downwards() -> None:
    world = World()
    world.enter(signal=replace(SELL, trail_fraction=Decimal("0.05")))
    world.bar(175.0, 175.0, 160.0, 165.0)
    assert world.order(STOP).terms.stop_price == Decimal("168.00")
    world.bar(165.0, 166.0, 162.0, 165.0)
    assert world.order(STOP).terms.stop_price == Decimal("168.00")
    world.bar(165.0, 170.0, 165.0, 165.0)
    assert world.closed.reason == "stop"
    assert world.closed.gross == 5 * (Decimal("175.50") - Decimal(168))


def test_a_strategy_that_leaves_on_the_bar_that_trails_gets_out() -> None:
    world = World()
    world.enter(signal=TRAILING)
    world.says(LEAVE)
    world.bar(180.0, 185.0, 179.0, 184.0)
    # The new stop and the wish to be rid of it cross on the way: nothing of that is an anomaly.
    assert [report.kind for report in world.events(ExecutionReport)[-4:]] == [
        Exec.REPLACED,
        Exec.CANCELED,
        Exec.CANCELED,
        Exec.NEW,
    ]
    assert not world.events(ReportQuarantined)
    world.bar(183.0)
    assert world.closed.reason == "signal"
    world.audit()


def test_update_stop_tightens_and_refuses_to_widen(world: World) -> None:
    trade = world.trade.id
    world.feed(UpdateStop(at=world.now, trade_id=trade, stop_price=Price(Decimal("170.00"))))
    assert world.working()[0] == (STOP, Side.SELL, 5, Decimal("170.00"))
    assert world.trade.stop_price == Decimal("170.00")
    for wider in ("170.00", "169.99", "150.00"):
        said = world.feed(UpdateStop(at=world.now, trade_id=trade, stop_price=Price(Decimal(wider))))
        assert isinstance(said[-1], StopRefused)
    assert world.working()[0] == (STOP, Side.SELL, 5, Decimal("170.00"))


def test_set_stop_is_refused_while_a_stop_works_or_nothing_is_held(world: World) -> None:
    said = world.feed(SetStop(at=world.now, trade_id=world.trade.id))
    assert said[-1] == StopRefused(
        at=world.now, trace=world.trade.id, trade_id=world.trade.id, reason="a stop is already accepted"
    )
    said = world.feed(SetStop(at=world.now, trade_id="nobody's"))
    assert isinstance(said[-1], StopRefused)


def test_set_stop_is_refused_while_the_exit_works(world: World) -> None:
    world.says(LEAVE)
    world.bar(180.0)
    world.feed(SetStop(at=world.now, trade_id=world.trade.id))
    assert world.working() == [(EXIT, Side.SELL, 5, None)]


def test_the_stop_of_an_open_position_cannot_be_cancelled(world: World) -> None:
    stop = world.order(STOP).id
    said = world.control.submit(CancelOrder(at=world.now, client_order_id=stop), "maria")
    assert isinstance(said[-1], CancelRefused)
    assert [line[0] for line in world.working()] == [STOP, TARGET]


def test_a_refused_cancel_does_not_disturb_a_change_that_is_under_way() -> None:
    # The refusal is the desk's own: it must not pass for the venue's answer to the pending change.
    world = World()
    world.enter()
    stop = world.order(STOP)
    world.feed(UpdateStop(at=world.now, trade_id=world.trade.id, stop_price=Price(Decimal(170))))
    world.feed(CancelOrder(at=world.now, client_order_id=stop.id))
    assert world.order(STOP).state == "accepted"
    world.audit()


# -- parts


def test_protection_grows_with_a_partly_filled_entry() -> None:
    world = World(rules=A_TENTH)
    world.says(BUY)
    world.bar(175.50, volume=20)
    world.bar(175.50, volume=20)
    assert world.held == 2
    assert [line[2] for line in world.working() if line[0] in {STOP, TARGET}] == [2, 2]
    world.bar(176.50, volume=20)
    added = world.only(PositionAdded)
    assert added.quantity == 4
    # The average fill is 176.00 now: its stop lies at 167.20, tighter than before.
    assert (added.stop_price, added.target_price) == (Decimal("167.20"), Decimal("202.40"))
    assert [line for line in world.working() if line[0] in {STOP, TARGET}] == [
        (STOP, Side.SELL, 4, Decimal("167.20")),
        (TARGET, Side.SELL, 4, Decimal("202.40")),
    ]
    world.bar(176.00)
    assert [line[2] for line in world.working()] == [5, 5]
    assert len(world.events(PositionOpened)) == 1
    assert world.stage() is TradeState.HOLDING
    world.audit()


def test_a_better_later_fill_does_not_loosen_the_stop() -> None:
    world = World(rules=A_TENTH)
    world.says(BUY)
    world.bar(175.50, volume=20)
    world.bar(175.50, volume=20)
    world.bar(171.50, volume=20)
    assert world.only(PositionAdded).stop_price == Decimal("166.72")
    assert world.trade.stop_price == Decimal("166.72")
    assert world.working()[1][3] == Decimal("166.72")
    world.audit()


def test_a_stop_hit_takes_back_the_rest_of_the_entry_and_closes_the_trade() -> None:
    world = World(entry=OrderType.LIMIT, rules=A_TENTH)
    world.says(BUY)
    world.bar(175.50, volume=20)
    world.bar(175.50, volume=20)
    world.bar(166.0, volume=20)  # stops go before limits: the two that were held are sold
    assert (world.closed.reason, world.closed.quantity) == ("stop", Decimal(2))
    assert not world.working()
    assert not world.books.trades
    assert world.books.reserved == 0
    world.audit()


def test_a_stop_that_fills_in_parts_stays_the_exit_until_the_last_share() -> None:
    world = World(rules=A_TENTH)
    world.enter()
    world.bar(165.0, volume=20)
    assert world.held == 3
    assert world.stage() is TradeState.ORDER_CLOSING
    assert len(world.events(StopHit)) == 1
    world.bar(164.0, volume=20)
    world.bar(163.0, volume=20)
    assert world.closed.gross == 2 * Decimal("-10.50") + 2 * Decimal("-11.50") + Decimal("-12.50")
    assert len(world.events(StopHit)) == 1
    world.audit()


def test_the_rest_of_an_entry_that_dies_leaves_a_smaller_trade() -> None:
    world = World(entry=OrderType.LIMIT, rules=A_TENTH)
    world.says(BUY)
    world.bar(175.50, volume=20)
    world.bar(175.50, volume=20)
    entry = world.order(ENTRY)
    world.feed(CancelOrder(at=world.now, client_order_id=entry.id))
    assert world.stage() is TradeState.HOLDING
    assert world.books.reserved == 0
    world.bar(202.0, volume=1e6)
    assert (world.closed.quantity, world.closed.gross) == (Decimal(2), 2 * (Decimal(202) - Decimal("175.50")))
    world.audit()


# -- entries that never fill


def test_a_rejected_entry_ends_the_trade_and_frees_the_symbol() -> None:
    world = World(broker_cash="500")
    world.says(BUY)
    world.bar(175.50)
    assert world.only(OrderRejected).code == "insufficient_buying_power"
    assert world.only(TradeAborted).outcome == "rejected"
    assert not world.books.trades
    assert world.books.reserved == 0
    world.audit(is_in_step=False)


def test_a_cancelled_entry_ends_the_trade_and_frees_the_symbol() -> None:
    world = World(entry=OrderType.LIMIT)
    world.says(BUY)
    world.bar(175.50)
    world.feed(CancelOrder(at=world.now, client_order_id=world.order(ENTRY).id, reason="changed my mind"))
    assert world.only(TradeAborted).outcome == "aborted"
    assert world.only(OrderCancelled).filled == 0
    assert not world.books.trades
    assert not world.books.active
    assert not world.working()
    world.audit()


def test_an_entry_whose_day_is_over_expires_with_its_trade() -> None:
    world = World(entry=OrderType.LIMIT)
    world.says(BUY)
    world.bar(175.50)
    world.report(world.exchange.session_closed(world.now + 1))
    assert world.only(OrderExpired).filled == 0
    assert world.only(TradeAborted).outcome == "expired"
    assert not world.books.trades
    world.audit()


# -- a venue without OCO


def test_without_oco_only_the_stop_lies_at_the_venue_and_the_target_is_ours() -> None:
    world = World(capabilities=WITHOUT_OCO)
    world.enter()
    assert world.working() == [(STOP, Side.SELL, 5, Decimal("166.72"))]
    world.quote(201.81)
    assert not world.events(TargetHit)
    world.quote(201.82)
    assert world.only(TargetHit).price == Decimal("201.82")
    assert world.working() == [(EXIT, Side.SELL, 5, None)]
    assert world.stage() is TradeState.ORDER_CLOSING
    world.quote(201.82)
    assert (world.closed.reason, world.closed.gross) == ("target", Decimal("131.60"))
    order = [name for name in world.names() if name in {"CancelRequested", "OrderCancelled", "ExitRequested"}]
    assert order == ["CancelRequested", "OrderCancelled", "ExitRequested"]
    world.audit()


def test_without_oco_the_bar_path_gives_the_same_answer() -> None:
    world = World(capabilities=WITHOUT_OCO)
    world.enter()
    world.bar(180.0, 201.81, 180.0, 201.0)
    assert not world.events(TargetHit)
    world.bar(200.0, 201.82, 199.0, 201.0)
    assert world.only(TargetHit).price == Decimal("201.82")
    world.bar(201.82)
    assert (world.closed.reason, world.closed.gross) == ("target", Decimal("131.60"))
    assert len(world.events(OrderRequested)) == 3
    world.audit()


def test_without_oco_a_stop_that_trades_still_closes_the_trade() -> None:
    world = World(capabilities=WITHOUT_OCO)
    world.enter()
    world.bar(166.0)
    assert world.closed.reason == "stop"
    world.audit()


def test_a_stale_quote_triggers_nothing() -> None:
    world = World(capabilities=WITHOUT_OCO)
    world.enter()
    world.clock.advance(10 * MINUTE)
    old = Quote("AAPL", world.now - 301 * SECOND, 201.82, 201.82)
    world.feed(QuoteReceived(at=world.now, quote=old))
    assert not world.events(TargetHit)
    assert world.stage() is TradeState.HOLDING
    world.audit()


@pytest.mark.parametrize(("opens", "slip"), [(160.00, "6.72"), (166.72, "0")])
def test_what_a_gap_cost_is_said_with_the_stop(opens: float, slip: str) -> None:
    world = World()
    world.enter()
    world.bar(opens)
    hit = world.only(StopHit)
    assert hit.slip == Decimal(slip)
    assert ("beyond its stop" in words(hit)) is bool(hit.slip)
    world.audit()
