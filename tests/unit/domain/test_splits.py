"""A split changes how many and at what price, and nothing that they are worth."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.accounts import AAPL, FUTURE
from tradewrit.domain.market import Quote
from tradewrit.domain.money import EXACT, Price, exactly
from tradewrit.domain.positions import Direction, Lot, Position
from tradewrit.domain.splits import Ratio, split_position


def ratio(new: int | str, old: int | str = 1) -> Ratio:
    return Ratio(Decimal(new), Decimal(old))


def position(*lots: tuple[str, str], direction: Direction = Direction.LONG) -> Position:
    made = (
        Lot(trade_id=f"t{i}", quantity=Decimal(quantity), price=Decimal(price), opened_at=i, fee=Decimal(i))
        for i, (quantity, price) in enumerate(lots)
    )
    return Position(symbol="AAPL", direction=direction, lots=tuple(made))


RATIOS = st.builds(Ratio, st.integers(1, 30).map(Decimal), st.integers(1, 30).map(Decimal))
QUANTITIES = st.integers(1, 5000).map(Decimal)
PRICES = st.decimals(Decimal("0.01"), Decimal(2000), places=2)


def test_seven_for_one_makes_seven_of_one_at_a_seventh() -> None:
    split = ratio(7)
    assert split.quantity(Decimal(15)) == 105
    assert split.price(Decimal("645.57")) == Decimal("92.2242857143")
    assert str(split) == "7 for 1"


def test_a_reverse_split_leaves_fractions_to_ten_decimals() -> None:
    split = ratio(1, 8)
    assert split.quantity(Decimal(100)) == Decimal("12.5")
    assert ratio(1, 3).quantity(Decimal(10)) == Decimal("3.3333333333")
    assert split.price(Decimal("2.13")) == Decimal("17.04")


@pytest.mark.parametrize("new", ["0", "-1", "NaN", "Infinity"])
def test_no_split_is_for_nothing(new: str) -> None:
    with pytest.raises(ValueError, match="positive numbers of shares"):
        ratio(new)


@pytest.mark.parametrize(
    ("direction", "before", "after"),
    [
        (Direction.LONG, "613.29", "87.61"),
        (Direction.SHORT, "613.29", "87.62"),
        (Direction.LONG, "0.02", "0.01"),
    ],
)
def test_order_prices_are_rounded_down_for_longs_and_up_for_shorts_but_not_to_nothing(
    direction: Direction, before: str, after: str
) -> None:
    assert ratio(7).order_price(Decimal(before), direction, AAPL) == Decimal(after)


def test_a_quote_keeps_its_worth() -> None:
    before = Quote("AAPL", 1, 700.0, 700.7, bid_size=2.0, ask_size=3.0)
    assert ratio(7).quote(before) == Quote("AAPL", 1, 100.0, 100.1, bid_size=14.0, ask_size=21.0)


def test_lots_keep_their_cost_their_fee_and_their_age() -> None:
    after = split_position(position(("3", "70"), ("2", "84")), ratio(7), Decimal(11), AAPL, at=9).position
    assert after is not None
    assert [(lot.quantity, lot.price, lot.fee, lot.opened_at) for lot in after.lots] == [
        (Decimal(21), Decimal(10), Decimal(0), 0),
        (Decimal(14), Decimal(12), Decimal(1), 1),
    ]


def test_fractions_of_several_lots_come_together_before_one_is_paid_out() -> None:
    # 5 + 5 old shares at 1 for 2 are five whole ones, though neither lot is whole by itself.
    after = split_position(position(("5", "10"), ("5", "10")), ratio(1, 2), Decimal(20), AAPL, at=9)
    assert after.closed == ()
    assert after.position is not None
    assert after.position.quantity == 5


def test_a_fraction_is_sold_from_the_oldest_lot_without_a_fee_of_its_own() -> None:
    after = split_position(position(("5", "10"), ("4", "10")), ratio(1, 2), Decimal(22), AAPL, at=9)
    (closed,) = after.closed
    assert (closed.trade_id, closed.quantity, closed.entry_price, closed.exit_price) == (
        "t0",
        Decimal("0.5"),
        Decimal(20),
        Decimal(22),
    )
    assert closed.gross == 1
    assert after.position is not None
    assert after.position.quantity == 4


def test_a_short_pays_for_its_fraction() -> None:
    after = split_position(
        position(("5", "10"), direction=Direction.SHORT), ratio(1, 2), Decimal(22), AAPL, at=9
    )
    assert [lot.gross for lot in after.closed] == [Decimal(-1)]


@given(RATIOS, st.lists(st.tuples(QUANTITIES, PRICES), min_size=1, max_size=4), st.sampled_from(Direction))
def test_what_is_held_and_what_was_paid_out_is_worth_what_was_held_before(
    split: Ratio, lots: list[tuple[Decimal, Decimal]], direction: Direction
) -> None:
    before = position(*((str(quantity), str(price)) for quantity, price in lots), direction=direction)
    mark = Price(Decimal(100))
    now = split.price(mark)
    with exactly():
        after = split_position(before, split, now, AAPL, at=9)
        left = Decimal(0) if after.position is None else after.position.quantity
        assert left % AAPL.lot == 0
        assert left <= EXACT.divide(before.quantity * split.new, split.old) < left + 1
        unrealised = Decimal(0) if after.position is None else after.position.unrealised(now, AAPL)
        gross = sum((lot.gross for lot in after.closed), Decimal(0))
        # Both prices are kept to ten decimals, for up to 600,000 new shares.
        assert abs(unrealised + gross - before.unrealised(mark, AAPL)) < Decimal("1E-3")


def test_contracts_split_by_the_contract() -> None:
    held = Position(symbol="ES", direction=Direction.LONG, lots=position(("3", "100")).lots)
    after = split_position(held, ratio(1, 2), Decimal(200), FUTURE, at=9)
    assert [lot.gross for lot in after.closed] == [Decimal(0)]
    assert after.position is not None
    assert after.position.quantity == 1
