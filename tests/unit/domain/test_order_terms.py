"""What an order may ask for, whatever the venue."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.domain.anything import a
from tradewrit.domain.money import ZERO, Price, Qty
from tradewrit.domain.orders import Order, OrderState, OrderTerms, OrderType, Role, Side, TimeInForce

T = OrderType
WANTS = {
    T.MARKET: set(),
    T.LIMIT: {"limit_price"},
    T.STOP: {"stop_price"},
    T.STOP_LIMIT: {"stop_price", "limit_price"},
    T.TRAILING_STOP: {"trail_fraction"},
}
GIVEN = {
    "limit_price": Price(Decimal(10)),
    "stop_price": Price(Decimal(9)),
    "trail_fraction": Decimal("0.05"),
}


def terms(kind: OrderType, **changes: object) -> OrderTerms:
    well_formed = OrderTerms(
        client_order_id="order-1",
        trade_id="trade-1",
        symbol="AAPL",
        side=Side.BUY,
        quantity=Qty(Decimal(5)),
        type=kind,
        role=Role.ENTRY,
    )
    return replace(well_formed, **({name: GIVEN[name] for name in WANTS[kind]} | changes))


@pytest.mark.parametrize("kind", OrderType)
def test_an_order_with_what_its_type_needs_has_no_defects(kind: OrderType) -> None:
    assert terms(kind).defects() == ()


@pytest.mark.parametrize("kind", OrderType)
@pytest.mark.parametrize("name", GIVEN)
def test_a_price_too_few_or_too_many_is_named(kind: OrderType, name: str) -> None:
    needed = name in WANTS[kind]
    wrong = replace(terms(kind), **{name: None if needed else GIVEN[name]})
    assert wrong.defects() == (f"a {kind} order {'needs' if needed else 'takes no'} {name}",)


@pytest.mark.parametrize(
    ("wrong", "defects"),
    [
        (terms(T.LIMIT, limit_price=Price(ZERO)), ("limit_price must be positive, not 0",)),
        (terms(T.STOP, stop_price=Price(Decimal(-1))), ("stop_price must be positive, not -1",)),
        (terms(T.TRAILING_STOP, trail_fraction=Decimal(1)), ("trail_fraction must be below 1, not 1",)),
        (terms(T.TRAILING_STOP, trail_fraction=ZERO), ("trail_fraction must be positive, not 0",)),
        (terms(T.MARKET, quantity=Qty(ZERO)), ("quantity must be positive, not 0",)),
        (terms(T.STOP, time_in_force=TimeInForce.ON_OPEN), ("a stop order cannot be opg",)),
        (
            terms(T.TRAILING_STOP, time_in_force=TimeInForce.ON_CLOSE),
            ("a trailing_stop order cannot be cls",),
        ),
        (terms(T.LIMIT, time_in_force=TimeInForce.ON_CLOSE), ()),
        (
            terms(T.LIMIT, limit_price=None, quantity=Qty(Decimal(-2))),
            ("a limit order needs limit_price", "quantity must be positive, not -2"),
        ),
    ],
)
def test_every_defect_is_named(wrong: OrderTerms, defects: tuple[str, ...]) -> None:
    assert wrong.defects() == defects


@given(a(OrderTerms))
def test_any_terms_can_be_judged(asked: OrderTerms) -> None:
    complete = {name for name in GIVEN if getattr(asked, name) is not None} == WANTS[asked.type]
    fits = asked.trail_fraction is None or asked.trail_fraction < 1
    auction = asked.time_in_force in {TimeInForce.ON_OPEN, TimeInForce.ON_CLOSE}
    may_auction = asked.type in {T.MARKET, T.LIMIT}
    assert (not asked.defects()) == (complete and fits and (may_auction or not auction))


@given(st.integers(1, 500), st.data(), st.decimals(Decimal("0.01"), Decimal(10_000), places=4))
def test_a_reservation_shrinks_with_every_fill_and_ends_with_the_order(
    quantity: int, data: st.DataObject, reserved: Decimal
) -> None:
    filled = sorted(data.draw(st.lists(st.integers(0, quantity), min_size=1, max_size=5)))
    order = Order(
        terms=terms(T.MARKET, quantity=Qty(Decimal(quantity))), state=OrderState.ACCEPTED, reserved=reserved
    )
    reserves = [replace(order, filled=Decimal(done)).reserve for done in filled]
    assert all(0 <= reserve <= reserved for reserve in reserves)
    assert reserves == sorted(reserves, reverse=True)
    assert replace(order, filled=Decimal(quantity)).reserve == 0
    assert replace(order, state=OrderState.CANCELLED).reserve == 0


def test_only_an_entry_may_be_kept_waiting() -> None:
    assert [role for role in Role if not role.is_protective] == [Role.ENTRY]


def test_an_order_that_never_filled_has_no_price() -> None:
    assert Order(terms=terms(T.MARKET)).average_price is None


def test_a_side_undoes_the_other() -> None:
    assert [(side.opposite, side.sign) for side in Side] == [(Side.SELL, 1), (Side.BUY, -1)]
