from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.instruments import AssetClass, Instrument, plain
from tradewrit.domain.money import canonical, canonical_qty

STEPS = st.sampled_from(
    [Decimal("0.0001"), Decimal("0.01"), Decimal("0.05"), Decimal("0.25"), Decimal(1), Decimal(100)]
)
RAW = st.decimals(Decimal("0.0001"), Decimal(1_000_000), places=6)


def stepping(tick: Decimal = Decimal("0.01"), lot: Decimal = Decimal(1)) -> Instrument:
    return Instrument(symbol="AAPL", tick=tick, lot=lot)


@given(STEPS, RAW)
def test_a_price_lands_on_the_grid_in_the_direction_that_was_asked(tick: Decimal, raw: Decimal) -> None:
    instrument = stepping(tick=tick)
    down, near, up = instrument.price_down(raw), instrument.price(raw), instrument.price_up(raw)
    assert all(instrument.is_on_tick(price) for price in (down, near, up))
    assert down <= raw <= up
    assert up - down in {0, tick}
    assert near in {down, up}
    assert abs(near - raw) <= tick / 2


@given(STEPS, RAW)
def test_a_size_is_never_rounded_up(lot: Decimal, raw: Decimal) -> None:
    size = stepping(lot=lot).qty(raw)
    assert raw - lot < size <= raw
    assert size % lot == 0
    assert stepping(lot=lot).is_on_lot(size) == (size > 0)


@given(STEPS, RAW)
def test_what_comes_through_the_door_is_in_its_one_spelling(step: Decimal, raw: Decimal) -> None:
    assert str(stepping(tick=step).price(raw)) == str(canonical(stepping(tick=step).price(raw)))
    assert str(stepping(lot=step).qty(raw)) == str(canonical_qty(stepping(lot=step).qty(raw)))


@pytest.mark.parametrize(("raw", "price"), [("166.725", "166.72"), ("166.735", "166.74"), ("0.005", "0.00")])
def test_a_tie_goes_to_the_even_tick(raw: str, price: str) -> None:
    assert str(stepping().price(raw)) == price


@given(st.floats(min_value=1e-6, max_value=1e9))
def test_a_traded_price_is_the_shortest_decimal_that_names_the_float(raw: float) -> None:
    price = stepping().traded(raw)
    assert float(price) == raw
    assert price == Decimal(repr(raw))


@pytest.mark.parametrize("raw", [0.0, -1.0, float("nan"), float("inf"), float("-inf")])
def test_what_is_no_price_does_not_come_through_the_door(raw: float) -> None:
    with pytest.raises(ValueError, match=r"AAPL: .* is not a price"):
        stepping().traded(raw)


@pytest.mark.parametrize("raw", ["NaN", "Infinity"])
def test_what_is_no_number_is_neither_a_price_nor_a_size(raw: str) -> None:
    with pytest.raises(ValueError, match="not a number that can be traded"):
        stepping().price(raw)
    with pytest.raises(ValueError, match="not a number that can be traded"):
        stepping().qty(raw)


@pytest.mark.parametrize("field", ["tick", "lot", "multiplier"])
@pytest.mark.parametrize("step", ["0", "-1", "NaN", "Infinity"])
def test_a_step_must_be_a_positive_number(field: str, step: str) -> None:
    with pytest.raises(ValueError, match=f"AAPL: {field} must be a positive number, not {step}"):
        Instrument(symbol="AAPL", **{field: Decimal(step)})  # type: ignore[arg-type]


def test_a_notional_is_price_times_quantity_times_multiplier() -> None:
    future = Instrument(symbol="ES", multiplier=Decimal(50), currency="USD")
    assert str(future.notional(Decimal("5000.25"), Decimal(2))) == "500025.00 USD"
    assert stepping().value(Decimal("175.50"), Decimal(5)) == Decimal("877.50")


def test_futures_perpetuals_and_currencies_are_margined_and_the_rest_is_paid_for() -> None:
    assert {kind.value for kind in AssetClass if kind.is_derivative} == {"future", "perpetual", "fx"}


def test_an_undefined_symbol_is_one_and_the_same_plain_instrument() -> None:
    assert plain("XYZ", "USD") is plain("XYZ", "USD")
    assert plain("XYZ", "USD") == Instrument(
        symbol="XYZ", tick=Decimal("0.01"), lot=Decimal(1), currency="USD"
    )


@pytest.mark.parametrize("spelling", ["0.01", "0.010", "1E-2"])
def test_a_step_means_its_value_however_it_is_spelt(spelling: str) -> None:
    aapl = Instrument(symbol="AAPL", tick=Decimal(spelling), lot=Decimal(spelling) * 100)
    assert aapl.price_down("175.509") == Decimal("175.50")
    assert aapl.price_up("175.501") == Decimal("175.51")
    assert aapl.qty("5.9") == 5
