"""The watchdog protects what a dead desk holds, under the ids the desk itself would use, and does nothing else.

F-65; CORE 3.9: never naked, never doubled.
"""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.desks import BUY, JOURNAL_ID, START, SYMBOL, World
from tests.unruly import UNREACHABLE, Unruly
from tradewrit.domain.capabilities import PAPER, Dedupe, Protection
from tradewrit.domain.constraints import PROTECTIVE
from tradewrit.domain.events.market import MaintenanceBegan
from tradewrit.domain.events.registry import decode
from tradewrit.domain.events.running import PositionRescued
from tradewrit.domain.maintenance import Maintenance, window_of
from tradewrit.domain.market import MINUTE, SECOND, Bar
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side
from tradewrit.domain.scopes import Grant
from tradewrit.errors import PermissionDenied
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.desk import stream_of
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.kill_switch import Kill
from tradewrit.runtime.lease import Candidacy, LeasePolicy
from tradewrit.runtime.live.watchdog import WATCHDOG, Watchdog, WatchPolicy, terms_of_watchdog, uncovered
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.ports import Broker

# Bars are a minute long and nobody ticks between them.
LEASE = LeasePolicy(duration_ns=5 * MINUTE, renew_every_ns=MINUTE, margin_ns=MINUTE, skew_ns=SECOND)
POLICY = WatchPolicy()
NEVER = Maintenance()


def desk(journal: Journal | None = None, at: int = START, **more: Any) -> World:
    clock, journal = ManualClock(at), journal or MemoryJournal(JOURNAL_ID)
    tenure = Candidacy(journal, stream_of("paper"), f"desk at {at}", clock, LEASE).take()
    return World(broker=Unruly, journal=journal, clock=clock, tenure=tenure, at=at, **more)


class Guard:
    """A watchdog beside a desk, and what it logged."""

    def __init__(self, world: World, broker: Broker | None = None, maintenance: Maintenance = NEVER) -> None:
        self.world = world
        self.issuer = LocalIssuer("watchdog", "paper", ttl_s=86_400)
        self.said: list[str] = []
        self.dog = Watchdog(
            world.journal,
            "paper",
            broker or world.exchange,
            world.clock,
            self.issuer,
            terms_of_watchdog("paper", "paper"),
            policy=msgspec.structs.replace(POLICY, maintenance=maintenance),
            log=self.said.append,
        )

    def look(self, times: int = 4) -> list[PositionRescued]:
        """So many looks, each after its pause."""
        found: list[PositionRescued] = []
        for _ in range(times):
            self.world.clock.advance(POLICY.every_ns)
            found.extend(self.dog.look())
        return found


def fill_behind_its_back(world: World, price: float = 175.50) -> None:
    """A bar that the venue trades and no desk hears of."""
    bar = Bar(SYMBOL, world.now, price, price, price, price, 1e6)
    for phase in (world.exchange.open, world.exchange.trade, world.exchange.close):
        phase(bar)


def stops(world: World) -> list[OrderTerms]:
    return [terms for terms in world.exchange.open_orders() if terms.role is Role.STOP]


def entered(**more: Any) -> World:
    """A desk that dies between its entry's acceptance and its fill."""
    world = desk(**more)
    world.says(BUY)
    world.bar(175.50)
    fill_behind_its_back(world)
    return world


def test_a_position_that_a_dead_desk_never_heard_of_gets_the_stop_the_desk_would_place() -> None:
    world = entered()
    assert stops(world) == []
    guard = Guard(world)
    assert guard.look(2) == []
    (rescued,) = guard.look(1)
    (stop,) = stops(world)
    assert (stop.quantity, stop.side, stop.stop_price) == (world.held, Side.SELL, Price(Decimal("166.72")))
    assert stop.client_order_id in rescued.orders
    assert guard.look(4) == []
    # The desk comes back, hears of its fill, and asks for the same stop under the same id.
    second = desk(world.journal, world.now + 10 * MINUTE, exchange=world.exchange)
    second.desk.reconcile("start")
    assert [order.client_order_id for order in stops(world)] == [stop.client_order_id]
    assert second.order(Role.STOP).id == stop.client_order_id
    second.audit()


def test_a_stop_that_was_decided_and_never_sent_is_sent_as_it_stands_on_record() -> None:
    world = desk()
    world.says(BUY)
    world.bar(175.50)
    assert isinstance(world.broker, Unruly)
    world.broker.lose("place", *[UNREACHABLE] * 9)
    world.broker.lose("order", *[UNREACHABLE] * 9)
    world.bar(175.50)
    decided = world.order(Role.STOP).id
    guard = Guard(world)
    guard.look(2)
    (rescued,) = guard.look(30)
    assert rescued.orders[0] == decided
    assert [order.client_order_id for order in stops(world)] == [decided]


def test_where_the_desk_keeps_its_lease_the_watchdog_only_watches() -> None:
    world = entered()
    guard = Guard(world)
    for _ in range(8):
        world.clock.advance(MINUTE)
        world.desk.tick()
        assert guard.dog.look() == []
    assert stops(world) == []
    assert any("has no working stop" in line for line in guard.said)


def test_a_desk_that_stopped_properly_is_nobody_s_owner_either() -> None:
    world = entered()
    world.desk.stop()
    assert len(Guard(world).look(4)) == 1
    assert len(stops(world)) == 1


def test_a_position_that_is_covered_is_left_alone_however_dead_the_desk() -> None:
    world = desk()
    world.enter()
    before = world.working()
    assert Guard(world).look(20) == []
    assert world.working() == before


def test_a_bracket_is_cover_enough() -> None:
    world = entered(protection=Protection.BRACKET)
    assert len(stops(world)) == 1
    assert Guard(world).look(10) == []


def test_what_no_trade_explains_is_an_alarm_and_nothing_is_sent() -> None:
    world = desk()
    terms = OrderTerms(
        client_order_id="by-hand",
        trade_id="",
        symbol="MSFT",
        side=Side.BUY,
        quantity=Qty(Decimal(3)),
        type=OrderType.MARKET,
        role=Role.ENTRY,
    )
    grant = Grant(id="", agent="", scopes=frozenset(), issued_at=0, expires_at=0)
    world.exchange.place(Approved(orders=(terms,), by=("human:maria",), at=world.now), grant)
    bar = Bar("MSFT", world.now, 50.0, 50.0, 50.0, 50.0, 1e6)
    for phase in (world.exchange.open, world.exchange.trade, world.exchange.close):
        phase(bar)
    guard = Guard(world)
    assert guard.look(6) == []
    assert world.exchange.open_orders() == ()
    assert any(line.startswith("ALARM: +3 MSFT") and "only a person" in line for line in guard.said)


def test_where_ids_are_not_remembered_nothing_is_sent() -> None:
    world = entered()
    forgetful = Unruly(world.exchange, msgspec.structs.replace(PAPER, dedupe=Dedupe.OPEN_ONLY))
    guard = Guard(world, forgetful)
    assert guard.look(6) == []
    assert stops(world) == []
    assert sum(line.startswith("ALARM") for line in guard.said) == 1, "said once, not at every look"


def test_a_venue_that_cannot_be_reached_is_asked_again_and_nothing_is_doubled() -> None:
    world = entered()
    line = Unruly(world.exchange)
    line.lose("place", UNREACHABLE, is_done=True)
    line.lose("place", UNREACHABLE)
    guard = Guard(world, line)
    guard.look(10)
    assert len(stops(world)) == 1


def test_it_holds_a_writ_of_its_own_with_which_no_entry_can_leave() -> None:
    world = entered()
    guard = Guard(world)
    guard.look(3)
    (record,) = world.journal.read(f"{WATCHDOG}:paper")
    rescued = decode(record.entry.body)
    assert isinstance(rescued, PositionRescued)
    assert "/watchdog/" in record.entry.agent_id
    (terms,) = terms_of_watchdog("paper", "paper").values()
    assert terms.constraints.reduce_only
    assert terms.constraints == msgspec.structs.replace(PROTECTIVE, modes=("paper",), venues=("paper",))
    with pytest.raises(PermissionDenied, match="a watchdog only protects"):
        guard.dog.writ.live("executor", world.now)


def test_the_kill_switch_spares_it() -> None:
    world = entered()
    guard = Guard(world)
    guard.look(1)
    guard.issuer.kill(Kill(by="human:maria", reason="drill"), world.now)
    assert len(guard.look(4)) == 1


def terms(symbol: str, side: Side, quantity: int, kind: OrderType) -> OrderTerms:
    return OrderTerms(
        client_order_id=f"{symbol}{side}{quantity}",
        trade_id="",
        symbol=symbol,
        side=side,
        quantity=Qty(Decimal(quantity)),
        type=kind,
        role=Role.STOP,
    )


@given(
    st.dictionaries(st.sampled_from("AB"), st.integers(-9, 9).filter(bool).map(Decimal)),
    st.lists(
        st.builds(
            terms,
            st.sampled_from("AB"),
            st.sampled_from(Side),
            st.integers(1, 9),
            st.sampled_from([OrderType.STOP, OrderType.TRAILING_STOP, OrderType.LIMIT, OrderType.MARKET]),
        )
    ),
)
def test_uncovered_is_what_stops_on_the_right_side_do_not_reach(
    positions: dict[str, Decimal], working: list[OrderTerms]
) -> None:
    found = uncovered(positions, working)
    for symbol, units in positions.items():
        right = [one for one in working if one.symbol == symbol and one.side.sign * units < 0]
        reach = sum((one.quantity for one in right if one.type is not OrderType.LIMIT), Decimal(0))
        left = max(Decimal(0), abs(units) - reach)
        assert abs(found.get(symbol, Decimal(0))) == left
        assert found.get(symbol, units) * units > 0


# -- while the venue is down by its own word

# The desk has entered at 14:31 on a Monday.
SHUT = Maintenance((window_of("Mon 14:32 - 14:40 UTC"),), 5 * MINUTE)


def test_in_the_venues_maintenance_it_places_nothing_and_after_it_what_is_still_bare() -> None:
    world = entered()
    broker = Unruly(world.exchange)
    guard = Guard(world, broker, SHUT)
    world.clock.set(START + 2 * MINUTE)
    assert guard.look(20) == []
    assert "place" not in broker.calls
    (said,) = (line for line in guard.said if "maintenance" in line)
    assert said.endswith("in maintenance until 2024-03-04T14:40:00Z, its stop is placed then")
    assert not any("ALARM" in line for line in guard.said)
    world.clock.set(START + 10 * MINUTE)
    assert len(guard.look(1)) == 1, "its patience has run all the while"
    assert len(stops(world)) == 1


def test_before_a_maintenance_begins_it_still_protects() -> None:
    world = entered()
    guard = Guard(world, maintenance=Maintenance((window_of("Mon 14:34 - 14:40 UTC"),), 5 * MINUTE))
    assert len(guard.look(3)) == 1
    assert len(stops(world)) == 1


def test_a_venue_that_does_not_answer_in_its_maintenance_is_no_surprise() -> None:
    world = entered()
    broker = Unruly(world.exchange)
    broker.lose("positions", *[UNREACHABLE] * 4)
    guard = Guard(world, broker, SHUT)
    world.clock.set(START + 2 * MINUTE)
    assert guard.look(4) == []
    expected = "cannot look, in the venue's maintenance until 2024-03-04T14:40:00Z: the connection was reset"
    assert guard.said == [expected]


def test_a_desk_that_died_in_a_maintenance_is_stood_in_for_after_it_as_ever() -> None:
    """Its journal says that the venue is down, and nobody is there to write that it is back."""
    world = desk()
    world.says(BUY)
    world.bar(175.50)
    assert isinstance(world.broker, Unruly)
    world.broker.lose("cancel", UNREACHABLE)
    world.broker.lose("order", *[UNREACHABLE] * 9)
    world.feed(MaintenanceBegan(at=world.now, begins=world.now, ends=START + 3 * MINUTE), "market")
    fill_behind_its_back(world)
    guard = Guard(world)
    world.clock.set(START + 10 * MINUTE)
    assert len(guard.look(4)) == 1
    assert [terms.role for terms in world.exchange.open_orders()] == [Role.STOP, Role.TARGET]
