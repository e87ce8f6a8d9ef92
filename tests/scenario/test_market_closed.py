"""Scenario 5 and its like: what is decided while the market is closed waits for the open, and loses nothing."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.desks import BUY, LEAVE, START, WITHOUT_OCO, World
from tests.unruly import UNREACHABLE, Unruly
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.account import HaltTrading, ResumeTrading, TradingHalted, TransitionRefused
from tradewrit.domain.events.market import MarketStatusReported
from tradewrit.domain.events.orders import (
    CancelOrder,
    Exec,
    ExecutionReport,
    OrderCancelled,
    OrderRefused,
    OrderReleased,
    OrderRequested,
    ReportQuarantined,
    SubmitOrder,
)
from tradewrit.domain.events.positions import CloseTrade, ExitRequested, StopHit, TargetHit, TradeAborted
from tradewrit.domain.events.review import ReviewApproved
from tradewrit.domain.events.strategy import ExitSignalled
from tradewrit.domain.market import HOUR, MINUTE
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderState, Role, Side
from tradewrit.domain.times import parse_iso
from tradewrit.domain.trades import TradeState
from tradewrit.market.calendar import calendar_for

ENTRY, STOP, TARGET, EXIT = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT
NYSE = calendar_for("NYSE")
CLOSE = parse_iso("2024-03-04T21:00:00Z")
NEXT_OPEN = parse_iso("2024-03-05T14:30:00Z")
TOKYO = calendar_for("XTKS")
LUNCH = parse_iso("2024-03-04T02:30:00Z")
AFTERNOON = parse_iso("2024-03-04T03:30:00Z")
SESSIONS = PaperRules(sessions=True)


def evening(**more: object) -> World:
    """A desk on the last minute of Monday's session."""
    return World(rules=SESSIONS, calendar=NYSE, at=CLOSE - MINUTE, **more)  # type: ignore[arg-type]


@pytest.fixture
def held() -> Iterator[World]:
    """5 AAPL held since the morning; the session has just closed."""
    world = World(rules=SESSIONS, calendar=NYSE, at=START)
    world.enter()
    world.clock.set(CLOSE)
    yield world
    world.audit()


def test_an_entry_decided_at_the_close_is_a_draft_until_the_market_opens() -> None:
    world = evening()
    world.says(BUY)
    world.bar(175.50)
    order = world.order(ENTRY)
    assert order.state is OrderState.DRAFT
    assert world.stage() is TradeState.ENTRY_APPROVED
    assert world.only(OrderRequested).held == "market closed"
    assert not world.working()
    assert world.books.reserved == Decimal("878.3775")
    world.clock.advance(HOUR)
    world.status()
    assert world.order(ENTRY).state is OrderState.DRAFT
    world.clock.set(NEXT_OPEN)
    world.status()
    assert world.only(OrderReleased).client_order_id == order.id
    assert world.stage() is TradeState.ORDER_PLACED
    assert world.working() == [(ENTRY, Side.BUY, 5, None)]
    world.bar(175.50)
    assert world.stage() is TradeState.HOLDING
    world.audit()


def test_the_draft_leaves_once_however_often_the_open_is_told() -> None:
    world = evening()
    world.says(BUY)
    world.bar(175.50)
    world.clock.set(NEXT_OPEN)
    for _ in range(3):
        world.status()
    assert len(world.events(OrderReleased)) == 1
    assert len(world.working()) == 1


def test_a_draft_is_sent_by_command_only_with_its_own_risk_and_review_and_in_an_open_market() -> None:
    world = evening()
    world.says(BUY)
    world.bar(175.50)
    trade, approved = world.trade, world.only(ReviewApproved)
    right = SubmitOrder(at=NEXT_OPEN, trade_id=trade.id, risk_id=trade.risk_id, review_id=approved.review_id)
    wrong = {
        "market": replace(right, at=world.now),
        "risk": replace(right, risk_id="made-up"),
        "no risk": replace(right, risk_id=""),
        "review": replace(right, review_id="made-up"),
        "no review": replace(right, review_id=""),
        "trade": replace(right, trade_id="nobody's"),
    }
    for name, command in wrong.items():
        said = world.feed(command)
        assert isinstance(said[-1], OrderRefused), name
        assert not world.working()
        assert world.order(ENTRY).state is OrderState.DRAFT
    world.clock.set(NEXT_OPEN)
    world.feed(right)
    assert len(world.working()) == 1
    said = world.feed(right)
    assert isinstance(said[-1], OrderRefused)
    assert len(world.working()) == 1
    world.audit()


def test_a_draft_can_be_withdrawn_without_a_word_to_the_venue() -> None:
    world = evening()
    world.says(BUY)
    world.bar(175.50)
    world.feed(CancelOrder(at=world.now, client_order_id=world.order(ENTRY).id))
    assert world.only(OrderCancelled).filled == 0
    assert world.only(TradeAborted).outcome == "aborted"
    world.clock.set(NEXT_OPEN)
    world.status()
    assert not world.working()
    world.audit()


def test_a_halt_overnight_takes_the_draft_back() -> None:
    world = evening()
    world.says(BUY)
    world.bar(175.50)
    world.feed(HaltTrading(at=world.now, actor="human:maria", reason="news"))
    assert world.only(TradingHalted).reason == "news"
    assert not world.books.trades
    world.clock.set(NEXT_OPEN)
    world.status()
    assert not world.working()
    world.feed(ResumeTrading(at=world.now, actor="software", reason="looks fine"))
    assert world.books.halted
    assert world.only(TransitionRefused).wanted == "resume"
    world.feed(ResumeTrading(at=world.now, actor="human:maria", reason="read it"))
    assert not world.books.halted
    world.audit()


def test_a_fill_of_an_order_that_was_never_sent_opens_nothing_and_ends_the_trade() -> None:
    """Scenario 4: a stale or duplicate fill arrives in state entry_approved."""
    world = evening()
    world.says(BUY)
    world.bar(175.50)
    trade, order = world.trade, world.order(ENTRY)
    assert trade.state is TradeState.ENTRY_APPROVED
    stale = ExecutionReport(
        at=world.now,
        exec_id="venue:99",
        client_order_id=order.id,
        kind=Exec.TRADE,
        symbol="AAPL",
        side=Side.BUY,
        last_quantity=Decimal(5),
        last_price=Price(Decimal("175.50")),
        cumulative=Decimal(5),
    )
    world.report([stale])
    refused, kept = world.only(TransitionRefused), world.only(ReportQuarantined)
    assert (refused.machine, refused.state, refused.wanted) == ("order", "draft", "fill_rest")
    assert refused.trace == kept.trace == trade.id
    assert kept.report == stale
    assert world.only(TradeAborted).trade_id == trade.id
    assert not world.books.positions
    assert world.books.cash == 100_000
    # Sending it now could buy a second time what the venue says was bought.
    world.clock.set(NEXT_OPEN)
    world.status()
    assert not world.working()
    world.audit()


# -- exits


def test_an_exit_wanted_after_the_close_keeps_its_stop_and_goes_out_at_the_open(held: World) -> None:
    held.feed(CloseTrade(at=held.now, trade_id=held.trade.id, actor="human:maria"))
    assert held.stage() is TradeState.EXIT_TRIGGERED
    assert [line[0] for line in held.working()] == [STOP, TARGET]
    held.clock.advance(HOUR)
    held.status()
    held.desk.close_bars([], held.now)
    held.quote(180.0)
    assert [line[0] for line in held.working()] == [STOP, TARGET]
    assert not held.events(ExitRequested)
    held.clock.set(NEXT_OPEN)
    held.status()
    assert held.working() == [(EXIT, Side.SELL, 5, None)]
    assert held.stage() is TradeState.ORDER_CLOSING
    held.status()
    held.bar(181.0)
    assert (held.closed.reason, held.closed.gross) == ("manual", 5 * (Decimal(181) - Decimal("175.50")))


def test_the_first_quote_of_the_session_is_as_good_as_being_told_that_it_opened(held: World) -> None:
    held.feed(CloseTrade(at=held.now, trade_id=held.trade.id, actor="human:maria"))
    held.clock.set(NEXT_OPEN)
    held.quote(180.0)
    assert held.working() == [(EXIT, Side.SELL, 5, None)]


def test_a_stop_that_trades_at_the_open_before_the_exit_goes_out_closes_the_trade(held: World) -> None:
    held.feed(CloseTrade(at=held.now, trade_id=held.trade.id, actor="human:maria"))
    held.clock.set(NEXT_OPEN)
    held.bar(150.0)
    assert held.closed.gross == 5 * (Decimal(150) - Decimal("175.50"))
    assert not held.events(StopHit)  # the exit had been decided: the stop only carried it out
    assert not held.working()


def test_an_exit_the_strategy_decides_on_the_last_bar_waits_as_well() -> None:
    world = World(rules=SESSIONS, calendar=NYSE, at=CLOSE - 3 * MINUTE)
    world.enter()
    world.says(LEAVE)
    world.bar(180.0)
    assert world.only(ExitSignalled).reason == "signal"
    assert world.stage() is TradeState.EXIT_TRIGGERED
    assert [line[0] for line in world.working()] == [STOP, TARGET]
    world.clock.set(NEXT_OPEN)
    world.status()
    world.bar(180.0)
    assert world.closed.reason == "signal"
    world.audit()


def test_an_exit_at_the_open_goes_out_though_the_answer_to_its_cancel_was_lost() -> None:
    """The venue, asked what became of the order, dates its answer by the last that it saw: last evening.

    Decided by that date the exit would wait for a market that is open, and the position without its stop.
    """
    world = World(rules=SESSIONS, calendar=NYSE, at=START, broker=Unruly)
    line = world.broker
    assert isinstance(line, Unruly)
    world.enter()
    world.clock.set(CLOSE - MINUTE)
    world.says(LEAVE)
    world.bar(175.50)
    world.quote(175.50, after_s=60)
    line.lose("cancel", UNREACHABLE, UNREACHABLE, is_done=True)
    world.clock.set(NEXT_OPEN)
    world.status()
    assert world.order(EXIT).state is OrderState.ACCEPTED
    assert [terms.role for terms in world.exchange.open_orders()] == [EXIT]


def test_without_oco_a_target_reached_after_hours_is_sold_at_the_open() -> None:
    world = World(rules=SESSIONS, calendar=NYSE, at=START, capabilities=WITHOUT_OCO)
    world.enter()
    world.clock.set(CLOSE)
    world.quote(202.0)
    assert world.only(TargetHit).price == Decimal("202.00")
    assert [line[0] for line in world.working()] == [STOP]
    world.clock.set(NEXT_OPEN)
    world.status()
    world.bar(203.0)
    assert (world.closed.reason, world.closed.gross) == ("target", 5 * (Decimal(203) - Decimal("175.50")))
    world.audit()


def test_a_status_that_says_closed_moves_nothing(held: World) -> None:
    held.feed(CloseTrade(at=held.now, trade_id=held.trade.id, actor="human:maria"))
    before = len(held.names())
    held.feed(MarketStatusReported(at=held.now, status=NYSE.status(held.now)))
    assert held.names(before) == []


# -- the break for lunch, in Tokyo


def morning(minutes: int = 1) -> World:
    """A desk so many minutes before lunch."""
    return World(rules=SESSIONS, calendar=TOKYO, at=LUNCH - minutes * MINUTE)


def test_an_entry_decided_at_the_start_of_lunch_leaves_after_it_once() -> None:
    world = morning()
    world.says(BUY)
    world.bar(175.50)  # whose close is the start of the break
    assert world.order(ENTRY).state is OrderState.DRAFT
    world.status()
    assert world.order(ENTRY).state is OrderState.DRAFT
    assert not world.working()
    world.clock.set(AFTERNOON)
    world.status()
    world.status()
    assert len(world.events(OrderReleased)) == 1
    world.bar(175.50)
    assert world.stage() is TradeState.HOLDING
    world.audit()


def test_what_protects_a_position_works_on_through_lunch_though_it_is_for_the_day() -> None:
    world = morning(30)
    world.enter()
    before = world.working()
    assert (before[0][0], before[1][0]) == (STOP, TARGET)
    world.clock.set(LUNCH)
    world.status()
    world.clock.set(AFTERNOON)
    world.status()
    assert world.working() == before
    assert not world.events(OrderRequested)[3:]
    world.audit()


def test_an_exit_asked_for_at_lunch_waits_for_the_afternoon() -> None:
    world = morning(30)
    world.enter()
    world.clock.set(LUNCH + 20 * MINUTE)
    world.status()
    world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria", reason="manual"))
    assert EXIT not in [role for role, *_ in world.working()]
    assert STOP in [role for role, *_ in world.working()]
    world.clock.set(AFTERNOON)
    world.status()
    world.bar(175.50)
    assert world.held == 0
    world.audit()
