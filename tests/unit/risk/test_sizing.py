from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.risk.proposing import account, limits, listed, proposal
from tradewrit.domain.fees import BpsFee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.orders import Side
from tradewrit.risk.sizing import complete, cost, largest, reward_risk, target_fraction

AAPL = Instrument(symbol="AAPL")


def test_a_thousand_at_175_50_is_five_shares_for_877_50() -> None:
    fitting = largest(Limits(), Decimal(100_000), Decimal("175.50"), AAPL)
    assert (fitting.quantity, fitting.bound_by) == (Decimal(5), "max_position_notional")
    assert AAPL.value(Decimal("175.50"), fitting.quantity) == Decimal("877.50")


@pytest.mark.parametrize(
    ("equity", "price", "quantity", "bound_by"),
    [
        ("5000", "1000", 1, "max_position_notional"),  # both say 1000: the cap is named
        ("4999.99", "1000", 0, "max_position_fraction"),
        ("4387.50", "175.50", 5, "max_position_fraction"),
        ("4387.49", "175.50", 4, "max_position_fraction"),
        ("100000", "1000.00", 1, "max_position_notional"),
        ("100000", "1000.01", 0, "max_position_notional"),
        ("0", "1", 0, "max_position_fraction"),
        ("-500", "1", 0, "max_position_fraction"),
    ],
)
def test_the_tighter_of_cap_and_share_holds_the_size_down(
    equity: str, price: str, quantity: int, bound_by: str
) -> None:
    fitting = largest(Limits(), Decimal(equity), Decimal(price), AAPL)
    assert (fitting.quantity, fitting.bound_by) == (Decimal(quantity), bound_by)


def test_a_profile_may_cap_the_units_of_one_order() -> None:
    few = largest(limits(max_order_quantity=Decimal("7.5")), Decimal(100_000), Decimal(1), AAPL)
    assert (few.quantity, few.bound_by) == (Decimal(7), "max_order_quantity")
    enough = largest(Limits(max_order_quantity=Decimal(5)), Decimal(100_000), Decimal("175.50"), AAPL)
    assert (enough.quantity, enough.bound_by) == (Decimal(5), "max_position_notional")


def test_a_contract_is_sized_with_its_multiplier() -> None:
    future = Instrument(symbol="ES", multiplier=Decimal(50))
    assert largest(limits(), Decimal(100_000), Decimal(100), future).quantity == 20


@given(
    st.decimals(Decimal(0), Decimal(1_000_000), places=2),
    st.decimals(Decimal("0.01"), Decimal(5000), places=2),
    st.sampled_from([Decimal(1), Decimal("0.001"), Decimal(10)]),
    st.sampled_from([Decimal(1), Decimal(50)]),
)
def test_a_size_is_the_largest_number_of_lots_that_fits(
    equity: Decimal, price: Decimal, lot: Decimal, multiplier: Decimal
) -> None:
    instrument = Instrument(symbol="X", lot=lot, multiplier=multiplier)
    quantity = largest(Limits(), equity, price, instrument).quantity
    most = min(Decimal(1000), equity / 5)
    assert quantity % lot == 0
    assert instrument.value(price, quantity) <= most < instrument.value(price, quantity + lot)


@given(st.integers(0, 1000).map(Decimal), st.decimals(Decimal("0.01"), Decimal(5000), places=2))
def test_a_cost_is_the_notional_and_its_fee(quantity: Decimal, price: Decimal) -> None:
    books = account(fees=BpsFee(Decimal(10)))
    assert cost(books, quantity, price, AAPL) == price * quantity * Decimal("1.001")


def test_the_golden_trade_is_frozen_whole() -> None:
    sized = complete(account(rules=Limits(), fees=BpsFee(Decimal(10))), proposal("175.50"), Decimal(5))
    assert (sized.stop_fraction, sized.target_fraction) == (Decimal("0.05"), Decimal("0.15"))
    assert (sized.stop_price, sized.target_price) == (Decimal("166.72"), Decimal("201.82"))
    assert (sized.cost, sized.reward_risk, sized.worst_loss) == (
        Decimal("878.3775"),
        Decimal("3.00"),
        Decimal("43.90"),
    )


def test_its_mirror_image_is_frozen_whole() -> None:
    sized = complete(account(rules=Limits()), proposal("175.50", Side.SELL), Decimal(5))
    assert (sized.stop_price, sized.target_price) == (Decimal("184.28"), Decimal("149.18"))
    assert (sized.reward_risk, sized.worst_loss) == (Decimal("3.00"), Decimal("43.90"))


def test_a_proposals_own_distances_come_before_the_profiles() -> None:
    own = proposal("100.00", stop_fraction=Decimal("0.02"), target_fraction=Decimal("0.08"))
    sized = complete(account(rules=Limits()), own, Decimal(1))
    assert (sized.stop_price, sized.target_price, sized.reward_risk) == (
        Decimal("98.00"),
        Decimal("108.00"),
        Decimal("4.00"),
    )


def test_a_target_of_zero_means_none_is_wanted() -> None:
    without = proposal(target_fraction=Decimal(0))
    assert target_fraction(Limits(), without) is None
    sized = complete(account(), without, Decimal(1))
    assert (sized.target_fraction, sized.target_price, sized.reward_risk) == (None, None, Decimal(0))


def test_the_worst_loss_counts_the_multiplier() -> None:
    books = account(instruments=listed(Instrument(symbol="ES", multiplier=Decimal(50))))
    assert complete(books, proposal("100.00", symbol="ES"), Decimal(2)).worst_loss == Decimal("500.00")


@pytest.mark.parametrize(
    ("stop", "target", "ratio"),
    [
        ("0.05", "0.15", "3.00"),
        ("0.05", "0.125005", "2.5001"),
        ("0.03", "0.1", "3.3333"),
        ("0.05", None, "0"),
    ],
)
def test_reward_over_risk_is_told_from_the_fractions(stop: str, target: str | None, ratio: str) -> None:
    assert reward_risk(Decimal(stop), None if target is None else Decimal(target)) == Decimal(ratio)
