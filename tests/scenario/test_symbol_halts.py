"""The venue halts a symbol (limit up limit down, a volatility pause): nothing new, stops stay, exits wait."""

from decimal import Decimal

from tests.desks import BUY, LEAVE, SYMBOL, WITHOUT_OCO, World
from tradewrit.domain.events.market import SymbolHalted, SymbolHaltLifted
from tradewrit.domain.events.orders import CancelRequested, OrderReleased, OrderRequested
from tradewrit.domain.events.positions import CloseTrade, ExitRequested, TradeAborted
from tradewrit.domain.events.risk import LimitExceeded
from tradewrit.domain.orders import OrderState, OrderType, Role, Side
from tradewrit.domain.trades import TradeState

ENTRY, STOP, EXIT = Role.ENTRY, Role.STOP, Role.EXIT


def halt(world: World, symbol: str = SYMBOL) -> None:
    world.feed(SymbolHalted(at=world.now, symbol=symbol, reason="LULD pause"), "broker")


def lift(world: World, symbol: str = SYMBOL) -> None:
    world.feed(SymbolHaltLifted(at=world.now, symbol=symbol), "broker")


def test_an_entry_in_a_halted_symbol_is_refused_by_name() -> None:
    world = World()
    halt(world)
    world.says(BUY)
    world.bar(175.50)
    (breach,) = world.only(LimitExceeded).breaches
    assert (breach.limit, breach.actual) == ("symbol_halt", "LULD pause")
    assert not world.events(OrderRequested)
    lift(world)
    world.enter()
    assert world.stage() is TradeState.HOLDING
    world.audit()


def test_the_halt_of_another_symbol_is_no_matter() -> None:
    world = World()
    halt(world, "MSFT")
    world.enter()
    assert world.stage() is TradeState.HOLDING


def test_a_working_entry_is_taken_back() -> None:
    world = World(entry=OrderType.LIMIT)
    world.says(BUY)
    world.bar(175.50)
    assert world.working()
    halt(world)
    assert not world.working()
    assert "LULD pause" in world.only(CancelRequested).reason
    assert world.only(TradeAborted).outcome == "aborted"
    world.audit()


def test_the_stop_stays_and_the_exit_goes_out_on_the_resumption() -> None:
    world = World()
    world.enter()
    before = world.working()
    halt(world)
    world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:ann"))
    assert world.stage() is TradeState.EXIT_TRIGGERED
    assert world.working() == before
    lift(world)
    assert [line[:3] for line in world.working()] == [(EXIT, Side.SELL, Decimal(5))]
    world.bar(170.00)
    assert world.closed.reason == "manual"
    world.audit()


def test_a_strategy_that_leaves_meanwhile_asks_once_however_many_bars_come() -> None:
    world = World()
    world.enter()
    halt(world)
    world.says(LEAVE)
    for _ in range(3):
        world.bar(175.50)
    assert not world.events(ExitRequested)
    assert {line[0] for line in world.working()} >= {STOP}
    lift(world)
    world.bar(175.50)
    assert len(world.events(ExitRequested)) == 1
    assert not world.books.trades
    world.audit()


def test_an_exit_without_anything_in_its_way_waits_as_a_draft() -> None:
    world = World(capabilities=WITHOUT_OCO)
    world.enter()
    world.says(LEAVE)
    stop = world.order(STOP)
    halt(world)
    world.bar(175.50)
    # The venue ends the stop by itself while the symbol is halted.
    world.exchange.cancel(stop.id, None)  # type: ignore[arg-type]  # the paper exchange checks no grant
    world.report(world.exchange.order(stop.id)[-1:])
    exit_ = world.order(EXIT)
    assert exit_.state is OrderState.DRAFT
    assert world.events(OrderRequested)[-1].held == "symbol halted"
    assert not world.working()
    world.wait(10)
    assert world.order(EXIT).state is OrderState.DRAFT, "the timer of a closed market does not let it go"
    lift(world)
    assert world.only(OrderReleased).client_order_id == exit_.id
    world.bar(175.50)
    assert not world.books.trades
    world.audit()


def compare(world: World) -> None:
    """The desk asks the venue for the account, and then once more, a while later."""
    for _ in range(2):
        world.wait(3)
        world.desk.reconcile("minute")


def test_a_halt_whose_notice_was_lost_is_found_by_comparing() -> None:
    world = World()
    world.enter()
    world.exchange.halt(SYMBOL, "news pending")
    world.desk.reconcile("minute")
    assert not world.books.paused, "the notice of its end may be on its way: once is not enough"
    compare(world)
    assert world.books.paused == {SYMBOL: "news pending"}
    world.says(LEAVE)
    world.bar(175.50)
    assert {line[0] for line in world.working()} >= {STOP}
    world.exchange.resume(SYMBOL)
    compare(world)
    assert not world.books.paused
    world.bar(175.50)
    world.bar(175.50)
    assert not world.books.trades
    world.audit()
