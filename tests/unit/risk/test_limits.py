"""Every limit at its exact boundary: at most the maximum, at least the minimum."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.risk.proposing import (
    account,
    broken,
    holding,
    limits,
    listed,
    pending,
    proposal,
    sized,
)
from tradewrit.domain.books import Books
from tradewrit.domain.fees import BpsFee
from tradewrit.domain.instruments import AssetClass, Instrument
from tradewrit.domain.limits import PROFILES, Limits
from tradewrit.domain.orders import OrderState, Role, Side
from tradewrit.domain.positions import Direction
from tradewrit.domain.proposals import Sized
from tradewrit.risk.limits import breaches, facts
from tradewrit.risk.sizing import complete, largest

SHORT = Side.SELL


def test_a_modest_trade_on_a_fresh_account_breaks_nothing() -> None:
    books = account(rules=Limits())
    assert broken(books, sized(books, 5, "175.50")) == ()


@pytest.mark.parametrize(("price", "names"), [("1000.00", ()), ("1000.01", ("max_position_notional",))])
def test_a_position_may_cost_exactly_the_cap(price: str, names: tuple[str, ...]) -> None:
    books = account(rules=limits(max_position_notional=Decimal(1000)))
    assert broken(books, sized(books, 1, price)) == names


@pytest.mark.parametrize(("cash", "names"), [("4387.50", ()), ("4387.49", ("max_position_fraction",))])
def test_a_position_may_be_exactly_a_fifth_of_equity(cash: str, names: tuple[str, ...]) -> None:
    books = account(cash, limits(max_position_fraction=Decimal("0.20")))
    assert broken(books, sized(books, 5, "175.50")) == names


def test_equity_counts_what_is_held_at_its_last_price() -> None:
    books = account(
        "1000", limits(max_position_fraction=Decimal("0.20")), positions=holding("TSLA", "10", "100")
    )
    asked = sized(books, 4, "100")
    assert broken(books, asked, mark="100") == ()
    assert broken(books, asked, mark="99.99") == ("max_position_fraction",)


@pytest.mark.parametrize(("price", "names"), [("500.00", ()), ("500.01", ("min_cash_fraction",))])
def test_half_of_equity_stays_in_cash(price: str, names: tuple[str, ...]) -> None:
    books = account("1000", limits(min_cash_fraction=Decimal("0.50")))
    assert broken(books, sized(books, 1, price)) == names


@pytest.mark.parametrize(("price", "names"), [("300.00", ()), ("300.01", ("min_cash_fraction",))])
def test_the_cash_reserve_counts_orders_that_have_not_filled(price: str, names: tuple[str, ...]) -> None:
    books = account("1000", limits(min_cash_fraction=Decimal("0.50")), orders=pending("TSLA", "200.00"))
    assert broken(books, sized(books, 1, price)) == names


def test_the_cash_reserve_counts_the_fee() -> None:
    books = account("1000", limits(min_cash_fraction=Decimal("0.50")), fees=BpsFee(Decimal(10)))
    assert broken(books, sized(books, 1, "499.50")) == ()
    assert broken(books, sized(books, 1, "499.51")) == ("min_cash_fraction",)


def test_the_cash_reserve_counts_what_a_short_has_set_aside() -> None:
    short = holding("TSLA", "2", "100", Direction.SHORT)
    books = account("1000", limits(min_cash_fraction=Decimal("0.50")), positions=short)
    assert broken(books, sized(books, 3, "100"), mark="100") == ()
    assert broken(books, sized(books, 3, "100.01"), mark="100") == ("min_cash_fraction",)


@pytest.mark.parametrize(("cash", "names"), [("80000.01", ()), ("80000.00", ("max_drawdown_fraction",))])
def test_entries_are_blocked_from_a_fifth_below_the_high_water_mark(
    cash: str, names: tuple[str, ...]
) -> None:
    books = replace(account(cash, limits(max_drawdown_fraction=Decimal("0.20"))), high_water=Decimal(100_000))
    assert broken(books, sized(books, 1)) == names


@pytest.mark.parametrize(("stop", "names"), [("0.05", ()), ("0.0501", ("stop_fraction",)), ("0.01", ())])
@pytest.mark.parametrize("side", Side)
def test_a_stop_may_be_tighter_than_the_profile_and_never_wider(
    stop: str, names: tuple[str, ...], side: Side
) -> None:
    books = account()
    assert broken(books, sized(books, 1, side=side, stop_fraction=Decimal(stop))) == names


@pytest.mark.parametrize("stop", ["0", "-0.01"])
def test_a_trade_without_a_stop_is_refused(stop: str) -> None:
    books = account()
    asked = sized(books, 1, stop_fraction=Decimal(stop), target_fraction=Decimal(0))
    assert broken(books, asked) == ("stop_fraction",)


@pytest.mark.parametrize(
    ("stop", "target", "names"),
    [
        ("0.05", "0.125", ("min_reward_risk",)),  # 2.5
        ("0.05", "0.125005", ()),  # 2.5001
        ("0.05", "0.15", ()),  # 3.0
        ("0.04", "0.1", ("min_reward_risk",)),  # 2.5
        ("0.05", "0.05", ("min_reward_risk",)),
        ("0.05", "0", ()),  # no target: the strategy decides when to leave
    ],
)
def test_reward_over_risk_must_be_greater_than_the_minimum(
    stop: str, target: str, names: tuple[str, ...]
) -> None:
    books = account(rules=limits(min_reward_risk=Decimal("2.5")))
    asked = sized(books, 1, stop_fraction=Decimal(stop), target_fraction=Decimal(target))
    assert broken(books, asked) == names


@pytest.mark.parametrize(("cash", "is_refused"), [("877.50", False), ("877.49", True)])
def test_a_trade_may_cost_exactly_what_may_be_spent(cash: str, *, is_refused: bool) -> None:
    books = account(cash, positions=holding("TSLA", "100", "100"))
    # What is not there cannot be kept in reserve either, even where nothing has to be.
    names = ("min_cash_fraction", "buying_power") if is_refused else ()
    assert broken(books, sized(books, 5, "175.50")) == names


def test_877_50_does_not_fit_into_buying_power_of_500() -> None:
    books = account("500.00", positions=holding("TSLA", "100", "100"))
    found = breaches(books, sized(books, 5, "175.50"), facts(books, lambda _: None, 0))
    (breach,) = (one for one in found if one.limit == "buying_power")
    assert (breach.allowed, breach.actual) == ("500.00", "877.50")


@pytest.mark.parametrize(("at", "names"), [(99, ("buying_power",)), (100, ())])
def test_a_cash_account_waits_for_a_sale_to_settle(at: int, names: tuple[str, ...]) -> None:
    books = account("1000", margin=False, unsettled=((100, Decimal("600.00")),))
    assert broken(books, sized(books, 5, "100.00"), at=at) == names


@pytest.mark.parametrize(
    ("quantity", "names"),
    [("0.25", ()), ("0.3", ("lot",)), ("0", ("lot",)), ("0.1", ("lot", "minimum_notional"))],
)
def test_a_size_is_a_whole_number_of_lots_and_at_least_one(quantity: str, names: tuple[str, ...]) -> None:
    coin = Instrument(symbol="AAPL", lot=Decimal("0.05"), minimum_notional=Decimal(20))
    books = account(instruments=listed(replace(coin, lot=Decimal("0.25"))))
    assert broken(books, sized(books, quantity)) == names


def test_what_buys_nothing_is_not_blamed_for_what_it_would_cost() -> None:
    broke = account("100", Limits(), orders=pending("TSLA", "150.00"))
    assert broken(broke, sized(broke, 0)) == ("lot",)


@pytest.mark.parametrize(("price", "names"), [("10.00", ()), ("9.99", ("minimum_notional",))])
def test_a_venue_takes_no_order_below_its_minimum(price: str, names: tuple[str, ...]) -> None:
    books = account(instruments=listed(Instrument(symbol="AAPL", minimum_notional=Decimal(10))))
    assert broken(books, sized(books, 1, price)) == names


@pytest.mark.parametrize(("quantity", "names"), [(100, ()), (101, ("max_order_quantity",))])
def test_an_order_may_have_exactly_so_many_units(quantity: int, names: tuple[str, ...]) -> None:
    books = account(rules=limits(max_order_quantity=Decimal(100)))
    assert broken(books, sized(books, quantity, "1.00")) == names


@pytest.mark.parametrize(("symbol", "names"), [("AAPL", ()), ("TSLA", ("allowed_symbols",))])
def test_only_listed_symbols_may_be_traded(symbol: str, names: tuple[str, ...]) -> None:
    books = account(rules=limits(allowed_symbols=frozenset({"AAPL"})))
    assert broken(books, sized(books, 1, symbol=symbol)) == names


def test_a_foreign_currency_is_not_traded_without_a_rate() -> None:
    books = account(instruments=listed(Instrument(symbol="SAP", currency="EUR")))
    assert broken(books, sized(books, 1, symbol="SAP")) == ("currency",)


@pytest.mark.parametrize(
    "no_shorts",
    [
        {"limits": limits(allow_short=False)},
        {"margin": False},
        {"instruments": listed(Instrument(symbol="AAPL", is_shortable=False))},
    ],
    ids=["profile", "cash account", "instrument"],
)
def test_a_short_needs_the_profile_a_margin_account_and_a_borrowable_instrument(
    no_shorts: dict[str, object],
) -> None:
    assert broken(account(), sized(account(), 1, side=SHORT)) == ()
    books = account(**no_shorts)  # type: ignore[arg-type]
    assert broken(books, sized(books, 1, side=SHORT)) == ("allow_short",)
    assert broken(books, sized(books, 1)) == ()


@pytest.mark.parametrize(("target", "names"), [("0.99", ()), ("1", ("target_fraction",))])
def test_a_short_cannot_gain_all_of_its_price(target: str, names: tuple[str, ...]) -> None:
    books = account()
    assert broken(books, sized(books, 1, side=SHORT, target_fraction=Decimal(target))) == names
    assert broken(books, sized(books, 1, target_fraction=Decimal(target))) == ()


def test_nothing_enters_while_trading_is_halted() -> None:
    books = account(halted="odd prices")
    assert broken(books, sized(books, 1)) == ("halted",)


@pytest.mark.parametrize(("allowed", "names"), [(4, ()), (3, ("max_open_positions",))])
def test_open_positions_and_entries_under_way_count_once_each(allowed: int, names: tuple[str, ...]) -> None:
    orders = {
        **pending("MSFT", "100.00", "one"),
        **pending("NFLX", "100.00", "another"),
        **pending("TSLA", "100.00", "adds-to-what-is-held"),
        **pending("GOOG", "0", "protects", Role.STOP),
    }
    dead = {key: replace(o, state=OrderState.CANCELLED) for key, o in pending("IBM", "1", "dead").items()}
    books = account(
        rules=limits(max_open_positions=allowed),
        positions=holding("TSLA", "1", "100"),
        orders=orders | dead,
    )
    assert broken(books, sized(books, 1)) == names


def test_every_violated_limit_is_named_in_one_fixed_order() -> None:
    rules = Limits(
        max_open_positions=1,
        max_order_quantity=Decimal(2),
        allow_short=False,
        allowed_symbols=frozenset({"IBM"}),
    )
    books = replace(
        account("500.00", rules, positions=holding("TSLA", "1", "100"), halted="maintenance"),
        high_water=Decimal(10_000),
        instruments=listed(
            Instrument(symbol="AAPL", currency="EUR", lot=Decimal(2), minimum_notional=Decimal(10_000))
        ),
    )
    asked = sized(books, 15, "175.50", side=SHORT, stop_fraction=Decimal("0.5"), target_fraction=Decimal(1))
    found = breaches(books, asked, facts(books, lambda _: None, 0))
    assert [(breach.limit, breach.allowed, breach.actual) for breach in found] == [
        ("halted", "not halted", "maintenance"),
        ("allowed_symbols", "a listed symbol", "AAPL"),
        ("currency", "USD", "EUR"),
        ("allow_short", "long only", "short"),
        ("lot", "2", "15"),
        ("max_order_quantity", "2", "15"),
        ("minimum_notional", "10000", "2632.50"),
        ("max_position_notional", "1000", "2632.50"),
        ("max_position_fraction", "120.00", "2632.50"),
        ("min_cash_fraction", "300.00", "-2132.50"),
        ("buying_power", "500.00", "2632.50"),
        ("max_drawdown_fraction", "0.20", "0.94"),
        ("max_open_positions", "1", "1"),
        ("stop_fraction", "0.05", "0.5"),
        ("min_reward_risk", "2.5", "2.00"),
        ("target_fraction", "below 1", "1"),
    ]


def test_a_breach_gives_both_numbers_and_a_sentence() -> None:
    books = account(rules=Limits())
    (breach,) = breaches(books, sized(books, 6, "175.50"), facts(books, lambda _: None, 0))
    assert (breach.limit, breach.allowed, breach.actual, breach.message) == (
        "max_position_notional",
        "1000",
        "1053.00",
        "the position would be too large",
    )


@pytest.mark.parametrize(("symbol", "quantity", "price"), [("AAPL", 100, "188.48"), ("TSLA", 50, "248.30")])
def test_orders_of_the_size_people_type_by_hand_run_under_the_large_demo_profile(
    symbol: str, quantity: int, price: str
) -> None:
    large = account(rules=PROFILES["demo_large"])
    assert broken(large, sized(large, quantity, price, symbol=symbol)) == ()
    default = account(rules=PROFILES["default"])
    assert broken(default, sized(default, quantity, price, symbol=symbol)) == ("max_position_notional",)


PRICES = st.decimals(Decimal("0.01"), Decimal(5000), places=2)


@given(
    st.decimals(Decimal(0), Decimal(1_000_000), places=2),
    PRICES,
    st.sampled_from([Decimal(1), Decimal("0.001"), Decimal(100)]),
    st.sampled_from(list(PROFILES.values())),
)
def test_what_sizing_gives_never_breaks_a_limit_of_size(
    cash: Decimal, price: Decimal, lot: Decimal, rules: Limits
) -> None:
    books = account(str(cash), rules, instruments=listed(Instrument(symbol="AAPL", lot=lot)))
    fitting = largest(rules, cash, price, books.instrument("AAPL"))
    names = broken(books, complete(books, proposal(str(price)), fitting.quantity))
    if fitting.quantity:
        assert not {"lot", "max_position_notional", "max_position_fraction", "max_order_quantity"} & set(
            names
        )
    else:
        assert "lot" in names


@given(
    st.decimals(Decimal(1), Decimal(20_000), places=2),
    st.decimals(Decimal(0), Decimal(5_000), places=2),
    PRICES,
    st.integers(1, 50),
)
def test_the_limits_say_what_their_formulas_say(
    cash: Decimal, reserved: Decimal, price: Decimal, quantity: int
) -> None:
    books: Books = account(
        str(cash), Limits(), orders=pending("TSLA", str(reserved)), fees=BpsFee(Decimal(10))
    )
    asked: Sized = sized(books, quantity, str(price))
    notional = price * quantity
    cost = notional * Decimal("1.001")
    expected = {
        "max_position_notional": notional > 1000,
        "max_position_fraction": notional > cash / 5,
        "min_cash_fraction": cash - reserved - cost < cash / 2,
        "buying_power": cost > cash - reserved,
    }
    assert set(broken(books, asked)) == {name for name, is_broken in expected.items() if is_broken}


def test_a_future_is_measured_with_its_multiplier() -> None:
    future = Instrument(symbol="ES", asset_class=AssetClass.FUTURE, multiplier=Decimal(50))
    books = account(rules=limits(max_position_notional=Decimal(5000)), instruments=listed(future))
    assert broken(books, sized(books, 1, "100.00", symbol="ES")) == ()
    assert broken(books, sized(books, 1, "100.01", symbol="ES")) == ("max_position_notional",)


# -- what the venue and others hold


def test_nothing_is_entered_in_a_symbol_on_which_the_venue_differs() -> None:
    books = account(disputed={"AAPL": "5 in the books, 7 at the venue"})
    assert broken(books, sized(books, 1)) == ("disputed",)
    assert broken(books, sized(books, 1, symbol="TSLA")) == ()


@pytest.mark.parametrize(
    ("direction", "names"), [(Direction.LONG, ()), (Direction.SHORT, ("external",))], ids=str
)
def test_nothing_is_entered_against_what_others_hold(direction: Direction, names: tuple[str, ...]) -> None:
    books = account(external=holding("AAPL", "3", "100", direction))
    assert broken(books, sized(books, 1), mark="100") == names


def test_what_others_hold_counts_in_equity_and_in_every_share_of_it() -> None:
    held = holding("TSLA", "10", "100")
    for own in ({"positions": held}, {"external": held}):
        books = account("1000", limits(max_position_fraction=Decimal("0.20")), **own)
        assert broken(books, sized(books, 4, "100"), mark="100") == ()
        assert broken(books, sized(books, 4, "100"), mark="99.99") == ("max_position_fraction",)
