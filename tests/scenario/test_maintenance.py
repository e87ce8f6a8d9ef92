"""The venue is down by its own word: nothing new before and in it, stops stay, exits wait, and then it is compared."""

from decimal import Decimal

from tests.desks import BUY, LEAVE, WITHOUT_OCO, World
from tests.live import Live, Wire, play
from tests.unruly import UNREACHABLE
from tradewrit.domain.events.account import AccountReconciled
from tradewrit.domain.events.market import MaintenanceBegan, MaintenanceEnded
from tradewrit.domain.events.orders import CancelRequested, OrderRequested
from tradewrit.domain.events.positions import CloseTrade, ExitRequested, TradeAborted
from tradewrit.domain.events.risk import LimitExceeded
from tradewrit.domain.events.running import EntriesWithheld, StreamCut, StreamLost
from tradewrit.domain.maintenance import Maintenance, window_of
from tradewrit.domain.market import MINUTE, SECOND
from tradewrit.domain.orders import OrderType, Role, Side
from tradewrit.domain.trades import TradeState
from tradewrit.runtime.live.policy import LivePolicy
from tradewrit.runtime.live.status import Mode

STOP, EXIT = Role.STOP, Role.EXIT
# The tests begin on a Monday at 14:30 UTC.
WINDOW = Maintenance((window_of("Mon 14:40 - 14:50 UTC"),), 5 * MINUTE)


def announce(world: World, minutes: int = 10) -> int:
    ends = world.now + minutes * MINUTE
    world.feed(MaintenanceBegan(at=world.now, begins=world.now + 5 * MINUTE, ends=ends), "market")
    return ends


def test_an_entry_is_refused_by_name_until_the_account_was_compared_after_it() -> None:
    world = World()
    ends = announce(world)
    world.says(BUY)
    world.bar(175.50)
    (breach,) = world.only(LimitExceeded).breaches
    assert breach.limit == "maintenance"
    assert breach.actual == "until 2024-03-04T14:40:00Z"
    assert not world.events(OrderRequested)
    world.clock.set(ends - SECOND)
    world.desk.tick()
    assert not world.events(MaintenanceEnded)
    world.wait(1)
    assert world.only(MaintenanceEnded).at == ends
    assert world.events(AccountReconciled)[-1].cause == "maintenance"
    world.enter()
    assert world.stage() is TradeState.HOLDING
    world.audit()


def test_an_entry_at_work_is_taken_back_before_nobody_can_hear_of_its_fill() -> None:
    world = World(entry=OrderType.LIMIT)
    world.says(BUY)
    world.bar(175.50)
    assert world.working()
    announce(world)
    assert not world.working()
    assert "maintenance" in world.only(CancelRequested).reason
    assert world.only(TradeAborted).outcome == "aborted"
    world.audit()


def test_the_stop_stays_and_an_exit_waits_for_the_end() -> None:
    for capabilities in (WITHOUT_OCO, World().books.capabilities):
        world = World(capabilities=capabilities)
        world.enter()
        before = world.working()
        ends = announce(world)
        world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:ann"))
        world.says(LEAVE)
        world.bar(175.50)
        assert world.stage() is TradeState.EXIT_TRIGGERED
        assert world.working() == before
        assert not world.events(ExitRequested)
        world.clock.set(ends)
        world.desk.tick()
        assert [line[:3] for line in world.working()] == [(EXIT, Side.SELL, Decimal(5))]
        world.bar(170.00)
        assert world.closed.reason == "manual"
        world.audit()


def test_what_the_venue_does_with_its_stop_meanwhile_is_believed() -> None:
    world = World()
    world.enter()
    announce(world)
    world.bar(160.00)
    assert world.closed.reason == "stop"
    world.audit()


def test_a_window_that_is_extended_lasts_longer() -> None:
    world = World()
    announce(world, minutes=10)
    ends = announce(world, minutes=20)
    world.wait(11 * 60)
    assert not world.events(MaintenanceEnded)
    world.clock.set(ends)
    world.desk.tick()
    assert world.only(MaintenanceEnded).at == ends


# -- in a live desk, by its configuration


def maintained(**more: object) -> LivePolicy:
    return LivePolicy(maintenance=WINDOW, outage_ns=2 * MINUTE, **more)  # type: ignore[arg-type]


def test_the_desk_announces_it_by_the_clock_and_goes_on_after_a_comparison() -> None:
    async def story(live: Live) -> None:
        await live.settle(5 * 60 - 10)
        assert live.shell.status().mode is Mode.RUNNING
        await live.settle(12)
        status = live.shell.status()
        assert (status.mode, status.because) == (
            Mode.GUARDED,
            "maintenance of the venue until 2024-03-04T14:50:00Z",
        )
        # The venue is still down when its time is over, and entries wait until it has answered.
        await live.settle(15 * 60 - 10)
        live.broker.lose("open_orders", *[UNREACHABLE] * 3)
        await live.settle(12)
        assert live.shell.status().mode is Mode.GUARDED
        await live.settle(30)
        assert live.shell.status().mode is Mode.RUNNING
        await live.enter()
        assert live.books.positions

    live = play(story, policy=maintained())
    (began,) = live.events(MaintenanceBegan)
    (ended,) = live.events(MaintenanceEnded)
    assert 0 <= began.at - (began.begins - 5 * MINUTE) <= 2 * SECOND
    assert ended.at > began.ends
    live.audit()


def test_a_restart_in_the_middle_of_it_changes_nothing() -> None:
    async def story(live: Live) -> None:
        await live.settle(6 * 60)
        await live.crash()
        live.start()
        await live.settle(60)
        assert live.shell.status().mode is Mode.GUARDED
        await live.settle(15 * 60)
        assert live.shell.status().mode is Mode.RUNNING

    live = play(story, policy=maintained())
    assert len(live.events(MaintenanceBegan)) == 1
    assert len(live.events(MaintenanceEnded)) == 1


def test_a_line_that_is_cut_in_it_is_told_quietly_and_one_that_outlasts_it_is_an_alarm() -> None:
    async def story(live: Live) -> None:
        await live.settle(11 * 60)
        live.wires[0].refuses = True
        live.wires[0].cut()
        await live.settle(10 * 60)
        assert [event.is_expected for event in live.events(StreamCut)] == [True]
        assert not live.events(StreamLost)
        await live.settle(90)
        (lost,) = live.events(StreamLost)
        assert (lost.stream, lost.seconds) == ("venue", 120)
        await live.settle(5 * 60)
        assert len(live.events(StreamLost)) == 1
        live.wires[0].refuses = False
        await live.settle(20 * 60)
        assert live.shell.status().mode is Mode.RUNNING

    live = play(story, policy=maintained(), wires=[Wire(carries_prices=False)])
    assert any("ALARM: venue has been cut for 120 s" in line for line in live.said)


def test_outside_of_it_a_cut_is_an_alarm_when_it_lasts_and_none_when_it_does_not() -> None:
    async def story(live: Live) -> None:
        live.wires[0].cut()
        await live.settle(60)
        assert [event.is_expected for event in live.events(StreamCut)] == [False]
        assert not live.events(StreamLost)
        live.wires[0].refuses = True
        live.wires[0].cut()
        await live.settle(150)
        assert len(live.events(StreamLost)) == 1

    live = play(story, policy=maintained(), wires=[Wire(carries_prices=False)])
    assert live.events(EntriesWithheld)
