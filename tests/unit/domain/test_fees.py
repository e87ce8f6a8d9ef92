from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.fees import BpsFee, FeeModel, FixedFee, PerShareFee, fee
from tradewrit.domain.money import canonical

NOTIONALS = st.decimals(Decimal("0.01"), Decimal(1_000_000), places=4)
SIZES = st.integers(1, 10_000).map(Decimal)
MODELS: st.SearchStrategy[FeeModel] = st.sampled_from(
    [
        BpsFee(),
        BpsFee(Decimal("2.5")),
        PerShareFee(),
        PerShareFee(maximum_fraction=Decimal("0.01")),
        FixedFee(Decimal(3)),
    ]
)


@pytest.mark.parametrize(
    ("model", "quantity", "notional", "charge"),
    [
        (BpsFee(Decimal(10)), "5", "877.50", "0.8775"),
        (BpsFee(Decimal(10)), "1", "1000", "1.00"),
        (BpsFee(Decimal(0)), "5", "877.50", "0.00"),
        (PerShareFee(), "100", "5000", "1.00"),
        (PerShareFee(), "200", "5000", "1.00"),
        (PerShareFee(), "201", "5000", "1.005"),
        (PerShareFee(maximum_fraction=Decimal("0.01")), "1", "20", "0.20"),
        (PerShareFee(maximum_fraction=Decimal("0.01")), "1000", "5000", "5.00"),
        (FixedFee(Decimal("4.95")), "1", "1", "4.95"),
        (FixedFee(), "1", "1", "0.00"),
    ],
)
def test_a_model_charges_exactly(model: FeeModel, quantity: str, notional: str, charge: str) -> None:
    assert str(fee(model, Decimal(quantity), Decimal(notional))) == charge


@given(MODELS, SIZES, NOTIONALS)
def test_a_fee_is_never_negative_and_never_rounded(
    model: FeeModel, quantity: Decimal, notional: Decimal
) -> None:
    charge = fee(model, quantity, notional)
    assert charge >= 0
    assert str(charge) == str(canonical(charge))
    if isinstance(model, BpsFee):
        assert charge * 10_000 == notional * model.rate_bps
    if isinstance(model, PerShareFee) and model.maximum_fraction is not None:
        assert charge <= model.maximum_fraction * notional


@given(NOTIONALS, NOTIONALS)
def test_basis_points_do_not_care_how_a_fill_is_cut(one: Decimal, other: Decimal) -> None:
    model = BpsFee(Decimal(10))
    assert fee(model, Decimal(1), one) + fee(model, Decimal(1), other) == fee(model, Decimal(2), one + other)


@given(MODELS)
def test_a_model_is_read_back_from_its_tag(model: FeeModel) -> None:
    assert msgspec.json.decode(msgspec.json.encode(model), type=FeeModel) == model
