"""position_keeper by itself: what it asks for on each thing it hears. Whole stories are tests/scenario."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.desks import BUY, SELL, SYMBOL, WITHOUT_OCO, World
from tradewrit.agents.position_keeper import decide
from tradewrit.domain.decisions import Decision
from tradewrit.domain.events.market import BarsClosed, QuoteUpdated
from tradewrit.domain.events.orders import ModifyRefused, OrderAccepted, OrderCancelled, OrderRejected
from tradewrit.domain.events.positions import (
    CheckExit,
    CloseTrade,
    ExitChecked,
    FillBooked,
    PositionOpened,
    ProtectionMoved,
    ProtectionRequested,
    SetStop,
    StopMoved,
    StopRefused,
    StopSet,
    UpdateStop,
)
from tradewrit.domain.events.strategy import ExitSignalled
from tradewrit.domain.market import Bar, Quote
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Role, Side
from tradewrit.domain.signals import Signal
from tradewrit.kernel import AGENTS

STOP, TARGET = Role.STOP, Role.TARGET
TRAILING = replace(BUY, trail_fraction=Decimal("0.05"))


def holding(signal: Signal = BUY, **more: Any) -> World:
    world = World(**more)
    world.enter(signal=signal)
    return world


def asked(world: World, event: Any) -> Decision:
    return decide(world.books, world.market, event)


def price(text: str) -> Price:
    return Price(Decimal(text))


def test_an_entry_fill_opens_the_position_and_asks_for_its_protection() -> None:
    world = World()
    world.says(BUY)
    world.bar(175.50)
    world.bar(175.50)
    opened, wanted = world.only(PositionOpened), world.only(ProtectionRequested)
    assert (opened.stop_price, opened.target_price) == (Decimal("166.72"), Decimal("201.82"))
    assert (wanted.side, wanted.quantity, wanted.attempt) == (Side.SELL, Decimal(5), 1)
    assert (wanted.stop_price, wanted.target_price) == (opened.stop_price, opened.target_price)


def test_asking_for_a_stop_calls_no_broker() -> None:
    """Every word of the keeper is an event; orders are the executor's."""
    world = holding()
    for event in (
        world.only(FillBooked),
        SetStop(at=1, trade_id=world.trade.id),
        UpdateStop(at=1, trade_id=world.trade.id, stop_price=price("170.00")),
        CloseTrade(at=1, trade_id=world.trade.id, actor="human:maria"),
        BarsClosed(at=world.now),
    ):
        assert asked(world, event).effects == ()


def test_the_stop_is_set_only_when_the_venue_has_acknowledged_it() -> None:
    world = holding()
    accepted = [event for event in world.events(OrderAccepted) if event.role is STOP]
    names = world.names()
    assert names.index("StopSet") == names.index("OrderAccepted", names.index("ProtectionRequested")) + 1
    (said,) = asked(world, accepted[0]).events
    assert isinstance(said, StopSet)
    assert (said.stop_price, said.quantity) == (Decimal("166.72"), Decimal(5))


@pytest.mark.parametrize(
    ("signal", "at", "hit"),
    [
        (BUY, "166.72", "stop"),
        (BUY, "166.73", None),
        (BUY, "201.81", None),
        (BUY, "201.82", "target"),
        (SELL, "184.28", "stop"),
        (SELL, "184.27", None),
        (SELL, "149.19", None),
        (SELL, "149.18", "target"),
    ],
)
def test_an_exit_is_checked_inclusively_and_shorts_mirror_it(
    signal: Signal, at: str, hit: str | None
) -> None:
    world = holding(signal)
    checked = CheckExit(at=1, trade_id=world.trade.id, price=price(at))
    assert asked(world, checked).events == (ExitChecked(at=1, trade_id=world.trade.id, hit=hit),)


def test_an_exit_of_a_trade_nobody_knows_is_none() -> None:
    checked = CheckExit(at=1, trade_id="x", price=price("1"))
    assert asked(World(), checked).events == (ExitChecked(at=1, trade_id="x", hit=None),)


@given(st.lists(st.integers(15_000, 20_000), min_size=1, max_size=12), st.booleans())
def test_however_often_it_is_asked_to_move_a_stop_never_moves_away(cents: list[int], is_short: bool) -> None:
    world = holding(SELL if is_short else BUY)
    sign = -1 if is_short else 1
    before = world.trade.stop_price
    for one in cents:
        wanted = Price(Decimal(one) / 100)
        said = world.feed(UpdateStop(at=world.now, trade_id=world.trade.id, stop_price=wanted))
        after = world.trade.stop_price
        assert before is not None
        assert after is not None
        is_tighter = (wanted - before) * sign > 0
        assert (after == wanted) if is_tighter else isinstance(said[-1], StopRefused)
        assert (after - before) * sign >= 0
        before = after
    assert world.working()[0][3] == before


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=10))
def test_a_short_does_at_every_price_the_mirror_of_what_a_long_does(steps: list[tuple[int, int]]) -> None:
    """Signs flipped around 1000: what a long does at 1000 + x, a short does at 1000 - x."""
    long, short = World(), World()
    distances = {"stop_fraction": Decimal("0.04"), "trail_fraction": Decimal("0.04")}
    flat = replace(BUY, target_fraction=Decimal(0), **distances)
    long.enter(1000.0, flat)
    short.enter(1000.0, replace(flat, enter=Side.SELL))
    for up, back in steps:
        if not long.books.trades or not short.books.trades:
            break
        long.bar(1000.0 + back, 1000.0 + back + up)
        short.bar(1000.0 - back, 1000.0 - back, 1000.0 - back - up, 1000.0 - back)
        mirrored = [len(world.books.trades) for world in (long, short)]
        assert mirrored[0] == mirrored[1] or not all(mirrored)
        if all(mirrored):
            for world, sign in ((long, 1), (short, -1)):
                stop = world.trade.stop_price
                assert stop is not None
                # Never on the far side of where it was first put, and never beyond the price.
                assert (stop - 1000) * sign >= -40
    assert long.names()[:8] == short.names()[:8]


def test_a_bar_in_which_nothing_moves_says_nothing() -> None:
    world = holding(TRAILING)
    world.bar(175.50)
    assert asked(world, BarsClosed(at=world.now)) == Decision()
    world.market.absorb([Bar(SYMBOL, world.now, 180.0, 180.0, 180.0, 180.0, 1.0)])
    (moved,) = asked(world, BarsClosed(at=world.now)).events
    assert isinstance(moved, ProtectionMoved)
    assert (moved.stop_price, moved.quantity, moved.limit_price) == (Decimal("171.00"), None, None)


def test_a_symbol_without_a_trade_is_not_watched() -> None:
    world = holding(capabilities=WITHOUT_OCO)
    other = QuoteUpdated(at=world.now, quote=Quote("MSFT", world.now, 1e6, 1e6))
    assert asked(world, other) == Decision()


@pytest.mark.parametrize("role", [STOP, TARGET])
def test_an_event_about_a_trade_that_is_over_says_nothing(role: Role) -> None:
    gone: dict[str, Any] = {"at": 1, "client_order_id": "x", "trade_id": "x", "symbol": SYMBOL, "role": role}
    world = World()
    for event in (
        OrderCancelled(**gone, filled=Decimal(0), reason=""),
        OrderRejected(**gone, code="", reason=""),
        OrderAccepted(at=1, client_order_id="x", broker_order_id="", symbol=SYMBOL, role=role),
        ModifyRefused(at=1, client_order_id="x", reason="", is_answer=True),
        ExitSignalled(at=1, trade_id="x", symbol=SYMBOL, reason="", price=price("1")),
    ):
        assert asked(world, event) == Decision()


def test_every_command_about_nothing_is_refused_with_a_reason() -> None:
    world = World()
    for command in (
        SetStop(at=1, trade_id="x"),
        UpdateStop(at=1, trade_id="x", stop_price=price("1")),
        CloseTrade(at=1, trade_id="x", actor="human:maria"),
    ):
        (refused,) = asked(world, command).events
        assert isinstance(refused, StopRefused)
        assert refused.reason


def test_a_confirmed_change_of_the_stop_is_told_with_its_new_terms() -> None:
    world = holding()
    world.feed(UpdateStop(at=world.now, trade_id=world.trade.id, stop_price=price("170.00")))
    moved = world.only(StopMoved)
    assert (moved.stop_price, moved.quantity) == (Decimal("170.00"), Decimal(5))


def test_it_is_the_only_one_that_asks_for_protection_and_exits() -> None:
    world = holding()
    world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria"))
    askers = {
        record.entry.source
        for event, record in world.heard
        if record is not None and type(event).__name__ in {"ProtectionRequested", "ExitRequested"}
    }
    assert askers == {"position_keeper"}
    assert len(AGENTS) == 7
