"""How large a trade each rule wants, worked by hand; and that the limits cap every one of them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.risk.proposing import account, limits, listed, proposal
from tradewrit.domain.books import Books
from tradewrit.domain.fees import BpsFee, FeeModel, FixedFee, PerShareFee, fee
from tradewrit.domain.instruments import AssetClass, Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.money import exactly
from tradewrit.domain.orders import Side
from tradewrit.domain.sizing import (
    EquityFraction,
    FixedNotional,
    FixedQuantity,
    Largest,
    RiskPerTrade,
    Sizing,
    VolatilityTarget,
    name_of,
)
from tradewrit.risk.judgement import judge
from tradewrit.risk.limits import facts
from tradewrit.risk.sizing import affordable, complete, cost, largest, size

EQUITY = Decimal(100_000)
CALM = VolatilityTarget(volatility=Decimal("0.10"))


def wanted(
    sizing: Sizing, price: str = "100.00", equity: Decimal = EQUITY, **more: object
) -> tuple[str, str]:
    """Quantity and what bound it, in an account whose limits nothing reaches."""
    fitting = size(account(sizing=sizing), proposal(price, **more), equity)  # type: ignore[arg-type]
    return f"{fitting.quantity:f}", fitting.bound_by


# -- by hand


def test_a_fixed_quantity_is_that_many_units_whatever_they_cost() -> None:
    assert wanted(FixedQuantity(Decimal(250))) == ("250", "fixed_quantity")
    assert wanted(FixedQuantity(Decimal("7.5")), "3.00") == ("7", "fixed_quantity")


def test_a_fixed_notional_buys_what_it_pays_for() -> None:
    # 5000 / 175.50 = 28.49
    assert wanted(FixedNotional(Decimal(5000)), "175.50") == ("28", "fixed_notional")


def test_a_fraction_of_equity_leaves_the_buffer_and_pays_the_fee() -> None:
    # Lean on SPY: 0.9975 of 100,000 is 99,750; 685 shares at 145.45 cost 99,633.25 and 3.425 to trade,
    # 686 would cost 99,778.70.
    books = account(sizing=EquityFraction(), fees=PerShareFee())
    fitting = size(books, proposal("145.45"), EQUITY)
    assert (fitting.quantity, fitting.bound_by) == (Decimal(685), "equity_fraction")


def test_a_fee_that_does_not_fit_costs_a_share() -> None:
    # Half of 100,000 buys 500 at 100.00, and a fee of one dollar makes it 499.
    half = EquityFraction(Decimal("0.5"), buffer_fraction=Decimal(0))
    assert size(account(sizing=half), proposal(), EQUITY).quantity == 500
    assert size(account(sizing=half, fees=FixedFee(Decimal(1))), proposal(), EQUITY).quantity == 499


def test_risk_per_trade_loses_the_wanted_share_at_the_stop() -> None:
    # 1 % of 100,000 is 1000; the stop of 5 % is 5.00 away.
    assert wanted(RiskPerTrade()) == ("200", "risk_per_trade")
    assert wanted(RiskPerTrade(), stop_fraction=Decimal("0.02")) == ("500", "risk_per_trade")


def test_risk_per_trade_goes_by_the_stop_that_is_set_on_the_tick() -> None:
    # 5 % below 0.30 is 0.285, set at 0.28: two cents away, not one and a half.
    assert wanted(RiskPerTrade(Decimal("0.001")), "0.30") == ("5000", "risk_per_trade")
    assert wanted(RiskPerTrade(Decimal("0.001")), "0.30", side=Side.SELL) == ("5000", "risk_per_trade")


def test_volatility_twice_the_wanted_gets_half_of_equity() -> None:
    assert wanted(CALM, volatility=0.20) == ("500", "volatility_target")
    assert wanted(CALM, volatility=0.25) == ("400", "volatility_target")


def test_volatility_below_the_wanted_gets_no_more_than_the_most() -> None:
    most = VolatilityTarget(volatility=Decimal("0.10"), max_fraction=Decimal("0.6"))
    assert wanted(most, volatility=0.01) == ("600", "volatility_target")
    assert wanted(most, volatility=0.0) == ("600", "volatility_target")


def test_a_volatility_that_is_not_known_is_no_trade_and_the_refusal_says_so() -> None:
    books = account(sizing=CALM)
    judged = judge(books, proposal(), facts(books, lambda _: None, 0))
    assert judged.sized.quantity == 0
    (breach,) = judged.broken
    assert breach.limit == "volatility"
    assert "too few bars" in breach.message


def test_a_quantity_that_a_person_asked_for_is_not_sized() -> None:
    for sizing in (CALM, FixedQuantity(Decimal(3)), RiskPerTrade()):
        books = account(sizing=sizing)
        asked = proposal(quantity=Decimal("41.7"))
        judged = judge(books, asked, facts(books, lambda _: None, 0))
        assert (judged.sized.quantity, judged.size.bound_by) == (Decimal(41), "requested")
        assert not judged.broken


def test_a_contract_counts_with_its_multiplier() -> None:
    future = Instrument(symbol="ES", asset_class=AssetClass.FUTURE, multiplier=Decimal(50))
    for sizing, quantity in (
        (FixedNotional(Decimal(90_000)), 18),  # 90,000 / (100 x 50)
        (EquityFraction(Decimal("0.5"), Decimal(0)), 10),
        (RiskPerTrade(Decimal("0.01")), 4),  # 1000 / (5 x 50)
        (CALM, 10),  # 0.10 / 0.20 x 100,000 / 5000
    ):
        books = account(sizing=sizing, instruments=listed(future))
        assert size(books, proposal(symbol="ES", volatility=0.2), EQUITY).quantity == quantity


# -- the limits come first


@pytest.mark.parametrize(
    ("sizing", "rules", "quantity", "bound_by"),
    [
        (FixedQuantity(Decimal(500)), Limits(), 10, "max_position_notional"),
        (
            FixedQuantity(Decimal(10)),
            Limits(),
            10,
            "fixed_quantity",
        ),  # as much as both say: the rule is named
        (EquityFraction(), limits(max_position_fraction=Decimal("0.3")), 300, "max_position_fraction"),
        (RiskPerTrade(Decimal(1)), limits(max_order_quantity=Decimal(40)), 40, "max_order_quantity"),
        (CALM, limits(max_position_fraction=Decimal("0.25")), 250, "max_position_fraction"),
        (Largest(), limits(max_order_quantity=Decimal(40)), 40, "max_order_quantity"),
    ],
)
def test_a_limit_that_is_tighter_is_what_binds(
    sizing: Sizing, rules: Limits, quantity: int, bound_by: str
) -> None:
    fitting = size(account(rules=rules, sizing=sizing), proposal(volatility=0.1), EQUITY)
    assert (fitting.quantity, fitting.bound_by) == (Decimal(quantity), bound_by)


def test_without_equity_nothing_is_wanted() -> None:
    for sizing in (EquityFraction(), RiskPerTrade(), CALM):
        for equity in (Decimal(0), Decimal(-500)):
            assert wanted(sizing, equity=equity, volatility=0.1)[0] == "0"


# -- for all

PRICES = st.decimals(Decimal("0.05"), Decimal(3000), places=2)
CASH = st.decimals(Decimal(1), Decimal(10_000_000), places=2)
SHARES = st.decimals(Decimal("0.0001"), Decimal(1), places=4)
LOTS = st.sampled_from(["1", "0.001", "0.3", "10"]).map(Decimal)
SIDES = st.sampled_from(Side)
FEES: st.SearchStrategy[FeeModel] = st.sampled_from(
    [
        BpsFee(),
        BpsFee(Decimal("733.3")),
        PerShareFee(),
        PerShareFee(per_unit=Decimal("0.7"), maximum_fraction=Decimal("0.01")),
        FixedFee(Decimal("4.95")),
    ]
)
RULES: st.SearchStrategy[Sizing] = st.one_of(
    st.builds(FixedQuantity, st.decimals(Decimal("0.001"), Decimal(100_000), places=3)),
    st.builds(FixedNotional, CASH),
    st.builds(EquityFraction, SHARES),
    st.builds(RiskPerTrade, SHARES),
    st.builds(VolatilityTarget, volatility=SHARES, max_fraction=SHARES),
    st.just(Largest()),
)


def books_with(lot: Decimal, **changes: object) -> Books:
    return account(instruments=listed(Instrument(symbol="AAPL", lot=lot)), **changes)  # type: ignore[arg-type]


@given(RULES, CASH, PRICES, LOTS, FEES, SIDES, st.floats(0, 5))
def test_no_rule_ever_exceeds_the_limits_or_leaves_the_lot(
    sizing: Sizing, cash: Decimal, price: Decimal, lot: Decimal, fees: FeeModel, side: Side, moved: float
) -> None:
    rules = Limits(max_order_quantity=Decimal(700))
    books = books_with(lot, rules=rules, sizing=sizing, fees=fees)
    instrument = books.instrument("AAPL")
    asked = proposal(str(price), side, volatility=moved)
    with exactly():
        fitting = size(books, asked, cash)
        most = largest(rules, cash, price, instrument)
        assert fitting.quantity <= most.quantity
        assert instrument.value(price, fitting.quantity) <= min(Decimal(1000), cash * Decimal("0.2"))
        assert fitting.quantity % lot == 0
        assert fitting.bound_by in {most.bound_by, name_of(sizing)}


@given(st.decimals(Decimal("0.0001"), Decimal("0.05"), places=4), CASH, PRICES, LOTS, SIDES)
def test_what_is_lost_at_the_stop_is_within_one_lot_of_what_was_wanted(
    fraction: Decimal, equity: Decimal, price: Decimal, lot: Decimal, side: Side
) -> None:
    books = books_with(lot, sizing=RiskPerTrade(fraction))
    asked = proposal(str(price), side)
    with exactly():
        fitting = size(books, asked, equity)
        assert fitting.bound_by == "risk_per_trade"
        lost = complete(books, asked, fitting.quantity).worst_loss
        with_one_more = complete(books, asked, fitting.quantity + lot).worst_loss
        assert lost <= fraction * equity < with_one_more


@given(SHARES, CASH, PRICES, LOTS, FEES)
def test_a_fraction_of_equity_is_never_overspent_and_has_no_room_for_another_lot(
    fraction: Decimal, equity: Decimal, price: Decimal, lot: Decimal, fees: FeeModel
) -> None:
    sizing = EquityFraction(fraction)
    books = books_with(lot, sizing=sizing, fees=fees)
    instrument = books.instrument("AAPL")
    with exactly():
        budget = fraction * Decimal("0.9975") * equity
        fitting = size(books, proposal(str(price)), equity)
        assert fitting.bound_by == "equity_fraction"
        assert not fitting.quantity or cost(books, fitting.quantity, price, instrument) <= budget
        assert cost(books, fitting.quantity + lot, price, instrument) > budget


@given(st.decimals(Decimal(0), Decimal(500), places=2), PRICES, FEES)
def test_what_a_budget_pays_for_is_what_counting_up_finds(
    budget: Decimal, price: Decimal, fees: FeeModel
) -> None:
    price += 1
    share = Instrument(symbol="AAPL")
    with exactly():
        paid = [
            lots for lots in range(1, 501) if lots * price + fee(fees, Decimal(lots), lots * price) <= budget
        ]
        assert affordable(fees, budget, price, share) == max(paid, default=0)
