"""What a surface may do: speak in its own person's name, ask, look and listen."""

from decimal import Decimal

import pytest

from tests.desks import BUY, START, SYMBOL, World
from tests.feeds import TableFeed
from tradewrit.domain.events.account import HaltTrading, TradingHalted
from tradewrit.domain.events.market import (
    BarsReceived,
    CheckMarketStatus,
    GetBars,
    GetQuote,
    MarketDataUnavailable,
    MarketStatusReported,
    QuoteReceived,
    QuoteUpdated,
    Subscribe,
)
from tradewrit.domain.events.orders import (
    CancelOrder,
    CancelRefused,
    GetOrderStatus,
    OrderStatusReported,
    SubmitOrder,
)
from tradewrit.domain.events.positions import (
    CalculatePnl,
    CheckExit,
    CloseTrade,
    ExitChecked,
    PositionReported,
    TrackPosition,
)
from tradewrit.domain.events.review import AnswerRefused, HumanDecided
from tradewrit.domain.events.risk import AssessPortfolio, PortfolioAssessed
from tradewrit.domain.events.strategy import (
    CandidatesListed,
    EvaluateSetup,
    ExitJudged,
    ScanCandidates,
    SetupEvaluated,
    ShouldExit,
)
from tradewrit.domain.events.writs import HaltRegistered, WritRevoked
from tradewrit.domain.market import Bar, Interval, Quote
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderState, Role
from tradewrit.errors import PermissionDenied


@pytest.fixture
def world() -> World:
    world = World(
        feed=TableFeed({SYMBOL: Quote(SYMBOL, START, 176.0, 176.2)}, [Bar(SYMBOL, 1, 1, 1, 1, 1, 1)])
    )
    world.enter()
    return world


def test_every_question_comes_back_with_its_answer_and_leaves_no_record(world: World) -> None:
    at, trade, head = world.now, world.trade.id, world.journal.head(world.desk.stream)
    questions = {
        TrackPosition(at=at, symbol=SYMBOL): PositionReported,
        CalculatePnl(at=at, symbol=SYMBOL): PositionReported,
        CheckExit(at=at, trade_id=trade, price=Price(Decimal(100))): ExitChecked,
        AssessPortfolio(at=at): PortfolioAssessed,
        ScanCandidates(at=at): CandidatesListed,
        EvaluateSetup(at=at, symbol=SYMBOL): SetupEvaluated,
        ShouldExit(at=at, trade_id=trade): ExitJudged,
        GetOrderStatus(at=at, client_order_id=world.order(Role.STOP).id): OrderStatusReported,
        CheckMarketStatus(at=at): MarketStatusReported,
        GetBars(at=at, symbol=SYMBOL, interval=Interval.DAY): BarsReceived,
        GetQuote(at=at, symbol="MSFT"): MarketDataUnavailable,
    }
    for question, kind in questions.items():
        (answer,) = world.control.ask(question)
        assert type(answer) is kind
    received, updated, *_ = world.control.ask(GetQuote(at=at, symbol=SYMBOL))
    assert isinstance(received, QuoteReceived)
    assert isinstance(updated, QuoteUpdated)
    assert world.control.ask(Subscribe(at=at, symbols=(SYMBOL,))) == ()
    assert world.journal.head(world.desk.stream) == head


def test_a_fresh_order_status_asks_the_venue(world: World) -> None:
    (answer,) = world.control.ask(
        GetOrderStatus(at=world.now, client_order_id=world.order(Role.ENTRY).id, fresh=True)
    )
    assert isinstance(answer, OrderStatusReported)
    assert (answer.state, answer.filled, answer.at) == (OrderState.FILLED, Decimal(5), world.now)
    assert answer.average_price == Decimal("175.50")
    (unknown,) = world.control.ask(GetOrderStatus(at=world.now, client_order_id="x", fresh=True))
    assert isinstance(unknown, OrderStatusReported)
    assert unknown.state is None


def test_a_command_is_recorded_under_the_name_of_whoever_gave_it(world: World) -> None:
    halt = HaltTrading(at=world.now, actor="human:maria", reason="lunch")
    said = world.control.submit(halt, "maria")
    kinds = [type(event) for event in said]
    assert kinds[:2] == [HaltTrading, TradingHalted]
    assert set(kinds[2:]) == {
        HaltRegistered,
        WritRevoked,
    }  # the kill switch: every writ but the protective one
    (record,) = [record for record in world.records() if record.entry.type == "account.halt"]
    assert record.entry.source == "human:maria"
    assert world.control.account().halted == "lunch"


def test_a_command_that_names_nobody_is_signed(world: World) -> None:
    target = world.order(Role.TARGET).id
    said = world.control.submit(CancelOrder(at=world.now, client_order_id=target), "maria")
    assert isinstance(said[0], CancelOrder)
    assert said[0].actor == "human:maria"


@pytest.mark.parametrize("name", ["position_keeper", "jonas", "human:jonas"])
def test_nobody_speaks_in_somebody_elses_name(world: World, name: str) -> None:
    stop = world.order(Role.STOP).id
    head = world.journal.head(world.desk.stream)
    with pytest.raises(PermissionDenied, match="in the name of"):
        world.control.submit(CancelOrder(at=world.now, client_order_id=stop, actor=name), "maria")
    assert world.journal.head(world.desk.stream) == head
    assert [line[0] for line in world.working()] == [Role.STOP, Role.TARGET]


def test_an_answer_in_ones_own_name_counts_in_either_spelling(world: World) -> None:
    for actor in ("maria", "human:maria"):
        decided = HumanDecided(
            at=world.now,
            review_id="none",
            version=1,
            shown_hash="",
            decision="approve",
            actor=actor,
            nonce="n",
        )
        assert isinstance(world.control.submit(decided, "maria")[-1], AnswerRefused)


def test_a_command_without_an_actor_goes_in_as_it_is(world: World) -> None:
    submit = SubmitOrder(at=world.now, trade_id="x", risk_id="", review_id="")
    assert world.control.submit(submit, "maria")[0] == submit


def test_the_views_show_what_the_books_hold(world: World) -> None:
    account = world.control.account()
    assert (account.account, account.mode, account.as_of) == ("paper", "paper", world.now)
    assert account.cash == world.books.cash == 100_000 - Decimal("878.3775")
    assert account.equity == account.cash + Decimal("877.50")
    assert account.open_trades == 1
    assert account.state_hash == world.books.state_hash
    (position,) = world.control.positions()
    assert position.signed == 5
    assert {order.terms.role for order in world.control.orders()} == {Role.ENTRY, Role.STOP, Role.TARGET}
    assert world.control.trades() == (world.trade,)
    assert world.control.reviews() == ()
    assert world.control.verify().is_intact


def test_history_tells_one_trade_or_all_and_from_any_record_on(world: World) -> None:
    everything = list(world.control.history())
    assert [record.seq for record, _ in everything] == list(range(1, len(everything) + 1))
    trade = [event for _, event in world.control.history(world.trade.id)]
    assert {event.trace for event in trade} == {world.trade.id}
    others = [type(event).__name__ for _, event in everything if event.trace != world.trade.id]
    assert others == ["AccountOpened", "WritsIssued", "ScanStarted"]
    assert len(trade) == len(everything) - len(others)
    assert next(record.seq for record, _ in world.control.history(after=5)) == 6


def test_following_hears_what_matches_as_it_happens(world: World) -> None:
    orders, everything = world.control.follow("order.*"), world.control.follow()
    world.control.submit(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria"), "maria")
    assert [message.event for message in orders.drain()][:2] == ["order.cancel", "order.cancel.requested"]
    names = {message.event for message in everything.drain()}
    assert {"position.close", "strategy.exit.signal", "order.submit.requested"} <= names
    world.says(BUY)
    assert not isinstance(world.heard[-1][0], CancelRefused)
