"""bookkeeper enters fills exactly and says what a position is worth."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.desks import BUY, SELL, SYMBOL, World
from tradewrit.agents.bookkeeper import decide
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.account import HighWaterRaised
from tradewrit.domain.events.market import BarsClosed, QuoteUpdated
from tradewrit.domain.events.orders import OrderFilled
from tradewrit.domain.events.positions import (
    CalculatePnl,
    FillBooked,
    PnlUpdated,
    PositionReported,
    TrackPosition,
)
from tradewrit.domain.fees import FixedFee
from tradewrit.domain.market import SECOND, Quote
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Role


@pytest.fixture
def world() -> World:
    world = World()
    world.enter()
    return world


def report(world: World, price: str | None = None, symbol: str = SYMBOL) -> PositionReported:
    asked = CalculatePnl(at=world.now, symbol=symbol, price=None if price is None else Price(Decimal(price)))
    (answer,) = decide(world.books, world.market, asked).events
    assert isinstance(answer, PositionReported)
    return answer


def test_gross_is_five_times_the_distance_and_fees_stand_apart(world: World) -> None:
    answer = report(world, "201.82")
    assert answer.unrealised == Decimal("131.60")
    assert answer.fees == Decimal("0.8775")
    assert (answer.quantity, answer.average_price) == (Decimal(5), Decimal("175.50"))


def test_a_short_gains_what_a_long_loses() -> None:
    world = World()
    world.enter(signal=SELL)
    answer = report(world, "149.18")
    assert answer.quantity == -5
    assert answer.unrealised == Decimal("131.60")


def test_without_a_price_the_last_one_counts(world: World) -> None:
    world.quote(180.0, 181.0)
    assert report(world).price == Decimal("180.50")
    assert report(world).unrealised == 25


def test_a_flat_symbol_is_reported_as_zero(world: World) -> None:
    answer = report(world, "10.00", "MSFT")
    assert answer == PositionReported(
        at=world.now, symbol="MSFT", quantity=Decimal(0), price=Price(Decimal("10.00"))
    )


def test_asking_after_a_position_makes_none(world: World) -> None:
    for symbol in (SYMBOL, "MSFT"):
        decision = decide(world.books, world.market, TrackPosition(at=world.now, symbol=symbol))
        assert [type(event) for event in decision.events] == [PositionReported]
        assert decision.effects == ()


def test_a_fill_is_booked_with_what_it_does_to_cash() -> None:
    world = World()
    world.says(BUY)
    world.bar(175.50)
    world.bar(175.50)
    booked = world.only(FillBooked)
    assert booked.role is Role.ENTRY
    assert booked.cash_change == Decimal("-878.3775")
    assert booked.closed == ()
    world.bar(201.82)
    _, exit_ = world.events(FillBooked)
    (lot,) = exit_.closed
    assert (lot.gross, lot.fees) == (Decimal("131.60"), Decimal("0.8775") + Decimal("1.0091"))
    assert exit_.cash_change == Decimal("1009.10") - Decimal("1.0091")


def test_equity_above_the_mark_raises_it_and_equity_below_does_not(world: World) -> None:
    said = []
    for price in (176.0, 175.0, 176.0, 180.0):
        world.bar(price)
        said.append(len(world.events(HighWaterRaised)))
    assert said == [1, 1, 1, 2]
    assert world.books.high_water == world.books.cash + 5 * Decimal(180)
    assert decide(world.books, world.market, BarsClosed(at=world.now)).events == ()


# -- marks on quotes


def quoted(world: World, price: float, at: int, *, is_stale: bool = False) -> list[PnlUpdated]:
    event = QuoteUpdated(at=at, quote=Quote(SYMBOL, at, price, price), is_stale=is_stale)
    said = decide(world.books, world.market, event).events
    world.market.hear(event)
    return [event for event in said if isinstance(event, PnlUpdated)]


def test_a_quote_marks_the_position_at_its_own_price_and_not_at_the_one_before(world: World) -> None:
    (updated,) = quoted(world, 201.82, world.now)
    assert (updated.price, updated.unrealised) == (Decimal("201.82"), Decimal("131.60"))


def test_a_stale_quote_and_a_symbol_that_is_not_held_mark_nothing(world: World) -> None:
    assert quoted(world, 201.82, world.now, is_stale=True) == []
    other = QuoteUpdated(at=world.now, quote=Quote("MSFT", world.now, 1.0, 1.0))
    assert decide(world.books, world.market, other).events == ()


@given(st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=40))
def test_at_most_one_mark_a_second(steps: list[int]) -> None:
    world = World()
    world.enter()
    seconds, now = [], world.now
    for step in steps:
        now += step
        seconds += [updated.at // SECOND for updated in quoted(world, 180.0, now)]
    assert seconds == sorted(set(seconds))
    assert now // SECOND in seconds  # and the last one is never left out


@given(
    st.lists(
        st.tuples(st.integers(100, 300), st.sampled_from([BUY, SELL]), st.integers(-4, 4)),
        min_size=1,
        max_size=6,
    )
)
def test_positions_and_cash_are_the_sum_of_the_fills(days: list[tuple[int, object, int]]) -> None:
    world = World(rules=PaperRules(fees=FixedFee(Decimal("0.25"))))
    for price, signal, move in days:
        world.enter(float(price), signal)  # type: ignore[arg-type]
        world.bar(price * (1 + move / 20))
    fills = [event.fill for event in world.events(FillBooked)]
    held = sum((fill.side.sign * fill.quantity for fill in fills), Decimal(0))
    position = world.books.positions.get(SYMBOL)
    assert (Decimal(0) if position is None else position.signed) == held
    assert world.books.stats.fees == Decimal("0.25") * len(fills)
    assert len(fills) == len(world.events(OrderFilled))
    world.audit()
