from decimal import Decimal, InvalidOperation

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.money import EXACT, Money, canonical, canonical_qty

AMOUNTS = st.decimals(Decimal("-1E12"), Decimal("1E12"), places=6)
ZEROS = st.integers(0, 8)


def respelt(amount: Decimal, zeros: int) -> Decimal:
    """The same number with more digits behind the point."""
    return amount.quantize(Decimal(1).scaleb(-6 - zeros))


@given(AMOUNTS, ZEROS)
def test_equal_amounts_have_one_spelling(amount: Decimal, zeros: int) -> None:
    assert str(canonical(respelt(amount, zeros))) == str(canonical(amount))
    assert str(canonical_qty(respelt(amount, zeros))) == str(canonical_qty(amount))


@given(AMOUNTS)
def test_the_one_spelling_changes_no_value_and_is_a_fixed_point(amount: Decimal) -> None:
    for spell in (canonical, canonical_qty):
        assert spell(amount) == amount
        assert str(spell(spell(amount))) == str(spell(amount))
        assert "E" not in str(spell(amount))


@pytest.mark.parametrize(
    ("amount", "money", "quantity"),
    [
        ("1.5000", "1.50", "1.5"),
        ("1E+3", "1000.00", "1000"),
        ("0.12345", "0.12345", "0.12345"),
        ("-0.00", "0.00", "0"),
        ("-0", "0.00", "0"),
        ("0E-10", "0.00", "0"),
        ("1.50E+1", "15.00", "15"),
        ("-2.30", "-2.30", "-2.3"),
        ("100", "100.00", "100"),
    ],
)
def test_amounts_show_cents_and_quantities_do_not(amount: str, money: str, quantity: str) -> None:
    assert str(canonical(Decimal(amount))) == money
    assert str(canonical_qty(Decimal(amount))) == quantity


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_an_amount_must_be_finite(amount: str) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        canonical(Decimal(amount))


def test_a_division_without_a_result_is_an_error_not_a_nan() -> None:
    with pytest.raises((InvalidOperation, ZeroDivisionError)):
        EXACT.divide(Decimal(0), Decimal(0))


@given(AMOUNTS, AMOUNTS)
def test_money_of_one_currency_adds_up_exactly(one: Decimal, other: Decimal) -> None:
    total = Money.of(one, "USD") + Money.of(other, "USD")
    assert total.amount == one + other
    assert total - Money.of(other, "USD") == Money.of(one, "USD")
    assert -total == Money.of(0, "USD") - total
    assert (Money.of(one, "USD") < Money.of(other, "USD")) == (one < other)
    assert (Money.of(one, "USD") <= Money.of(other, "USD")) == (one <= other)


def test_money_multiplies_and_shows_its_currency() -> None:
    assert str(Money.of("12.5", "USD") * 3) == "37.50 USD"
    assert Money.of("0.01", "USD")
    assert not Money.of(0, "USD")


@pytest.mark.parametrize("combine", ["__add__", "__sub__", "__lt__", "__le__"])
def test_two_currencies_do_not_mix(combine: str) -> None:
    with pytest.raises(ValueError, match="cannot combine USD with EUR: convert at a stated rate first"):
        getattr(Money.of(1, "USD"), combine)(Money.of(1, "EUR"))


def test_equal_money_needs_the_same_currency() -> None:
    assert Money.of("1.0", "USD") == Money.of("1.00", "USD")
    assert Money.of(1, "USD") != Money.of(1, "EUR")
