"""At a venue whose stops end with the session, the night is unprotected, said so, and over at the open."""

import msgspec

from tests.desks import LEAVE, SYMBOL, World
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.capabilities import PAPER, Capabilities, Protection
from tradewrit.domain.events.orders import OrderRequested
from tradewrit.domain.events.positions import ProtectionRequested, SetStop, StopFailed, StopLapsed, StopSet
from tradewrit.domain.market import HOUR, MINUTE, Bar
from tradewrit.domain.orders import Role, TimeInForce
from tradewrit.domain.times import parse_iso
from tradewrit.domain.trades import TradeState
from tradewrit.market.calendar import calendar_for
from tradewrit.runtime.live.status import naked, overnight

EVENING = parse_iso("2024-03-04T20:50:00Z")  # ten minutes before the NYSE closes
CLOSE = parse_iso("2024-03-04T21:00:00Z")
OPEN = parse_iso("2024-03-05T14:30:00Z")
ENDING = msgspec.structs.replace(PAPER, stop_gtc=False)


def evening(capabilities: Capabilities = ENDING, protection: Protection = Protection.AFTER_FILL) -> World:
    """A position with its stop, minutes before the close."""
    world = World(
        at=EVENING,
        calendar=calendar_for("NYSE"),
        rules=PaperRules(sessions=True),
        capabilities=capabilities,
        protection=protection,
    )
    world.status()
    world.enter(175.0)
    return world


def close(world: World) -> None:
    world.clock.set(CLOSE)
    world.report(world.exchange.session_closed(CLOSE))
    world.status()


def morning(world: World) -> None:
    world.clock.set(OPEN)
    world.status()


def stops(world: World) -> list[tuple[Role, TimeInForce]]:
    return [(terms.role, terms.time_in_force) for terms in world.exchange.open_orders()]


def test_protection_is_for_the_day_where_stops_end_with_it_and_gtc_elsewhere() -> None:
    assert {tif for _, tif in stops(evening())} == {TimeInForce.DAY}
    assert {tif for _, tif in stops(evening(protection=Protection.BRACKET))} == {TimeInForce.DAY}
    assert {tif for _, tif in stops(evening(PAPER))} == {TimeInForce.GTC}


def test_a_gtc_stop_outlives_the_night() -> None:
    world = evening(PAPER)
    before = world.working()
    close(world)
    morning(world)
    assert world.working() == before
    assert not world.events(StopLapsed)


def test_the_night_is_told_and_nothing_is_sent_into_it() -> None:
    world = evening()
    requested = len(world.events(OrderRequested))
    close(world)
    lapsed = world.only(StopLapsed)
    assert (lapsed.symbol, lapsed.quantity) == (SYMBOL, world.held)
    assert "StopLapsed" in world.names()
    assert not world.events(StopFailed)
    for _ in range(5):  # comparisons and prices of the night move nothing
        world.clock.advance(HOUR)
        world.desk.reconcile("minute")
        world.quote(176.0)
    assert len(world.events(OrderRequested)) == requested
    assert world.working() == []
    assert naked(world.books) == overnight(world.books) == (SYMBOL,)
    world.audit()


def test_the_open_puts_stop_and_target_back_before_anything_else() -> None:
    world = evening()
    before = world.working()
    close(world)
    since = len(world.names())
    morning(world)
    assert world.working() == before
    said = [
        name for name in world.names(since) if not name.startswith("Writ")
    ]  # those of the day have expired
    assert said[0] == "ProtectionRequested"
    assert world.stage() is TradeState.HOLDING
    assert (world.trade.failures, overnight(world.books), naked(world.books)) == (0, (), ())
    world.audit()


def test_nights_in_a_row_never_use_up_the_patience_with_a_venue() -> None:
    world = evening()
    for night in range(5):
        at = CLOSE if night == 0 else calendar_for("NYSE").status(world.now).next_close
        world.clock.set(at)
        world.report(world.exchange.session_closed(at))
        world.status()
        world.clock.set(calendar_for("NYSE").status(at).next_open)
        world.status()
        assert world.stage() is TradeState.HOLDING
    assert len(world.events(StopLapsed)) == 5
    assert len({event.client_order_id for event in world.events(StopSet)}) == 6
    world.audit()


def test_a_desk_that_was_down_at_the_open_puts_the_stop_back_with_the_first_price() -> None:
    world = evening()
    close(world)
    world.clock.set(OPEN + 10 * MINUTE)
    world.quote(176.0)
    assert world.order(Role.STOP).is_live
    world.audit()


def test_a_person_may_have_the_stop_put_back_in_the_night() -> None:

    world = evening()
    close(world)
    world.feed(SetStop(at=world.now, trade_id=world.trade.id))
    assert len(world.events(ProtectionRequested)) == 2
    assert overnight(world.books) == ()


def test_a_gap_beyond_the_stop_at_the_open_is_left_at_market() -> None:
    world = evening()
    close(world)
    morning(world)
    at = world.now
    for _ in range(3):
        if not world.held:
            break
        world.show(Bar(SYMBOL, at, 120.0, 120.0, 120.0, 120.0, 1e6))
        at = world.now
    assert not world.held
    world.audit()


def test_a_trade_that_is_to_be_left_in_the_night_is_left_at_the_open() -> None:
    world = evening()
    world.clock.set(CLOSE - MINUTE)
    world.says(LEAVE)
    close(world)
    world.desk.close_bars([Bar(SYMBOL, CLOSE - MINUTE, 175.0, 175.0, 175.0, 175.0, 1.0)], world.now)
    morning(world)
    world.bar(175.0)
    world.bar(175.0)
    assert not world.held
    world.audit()
