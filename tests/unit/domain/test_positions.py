"""Positions as FIFO lots: what a fill closes, what it opens, and whose fee is whose."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.accounts import AAPL, FUTURE, PERP, a_fill
from tradewrit.domain.fees import PerShareFee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import ZERO, canonical
from tradewrit.domain.orders import Side
from tradewrit.domain.positions import OPENED_BY, ClosedLot, Direction, Fill, Position, book, is_paid_in_full

BUY, SELL = Side.BUY, Side.SELL
PRICES = st.decimals(Decimal("0.01"), Decimal(5000), places=2)
SIZES = st.integers(1, 500).map(lambda n: Decimal(n) / 4)
FEES = st.decimals(Decimal(0), Decimal(50), places=4)
FILLS = st.lists(
    st.builds(
        lambda side, quantity, price, charged: a_fill(AAPL, side, quantity, price, charged=charged),
        st.sampled_from(Side),
        SIZES,
        PRICES,
        FEES,
    ),
    max_size=12,
)


def run(fills: list[Fill], instrument: Instrument = AAPL) -> tuple[Position | None, list[ClosedLot]]:
    position: Position | None = None
    matched: list[ClosedLot] = []
    for fill in fills:
        position, closed = book(position, fill, instrument)
        matched.extend(closed)
    return position, matched


def test_the_oldest_lot_is_closed_first() -> None:
    fills = [
        a_fill(AAPL, BUY, 3, "100.00", at=1, charged=ZERO),
        a_fill(AAPL, BUY, 3, "120.00", at=2, charged=ZERO),
        a_fill(AAPL, SELL, 4, "130.00", at=3, charged=ZERO),
    ]
    position, matched = run(fills)
    assert [(lot.quantity, lot.entry_at, lot.entry_price, lot.gross) for lot in matched] == [
        (Decimal(3), 1, Decimal("100.00"), Decimal("90.00")),
        (Decimal(1), 2, Decimal("120.00"), Decimal("10.00")),
    ]
    assert position is not None
    assert [(lot.quantity, lot.price) for lot in position.lots] == [(Decimal(2), Decimal("120.00"))]


def test_an_exact_close_leaves_nothing() -> None:
    position, (lot,) = run([a_fill(AAPL, BUY, 5, "175.50"), a_fill(AAPL, SELL, 5, "201.82")])
    assert position is None
    assert (lot.gross, lot.fees, lot.pnl) == (Decimal("131.60"), Decimal("1.8866"), Decimal("129.7134"))


def test_more_than_there_is_closes_all_and_opens_the_rest_the_other_way() -> None:
    position, (lot,) = run([a_fill(AAPL, BUY, 10, "100"), a_fill(AAPL, SELL, 25, "110", at=7)])
    assert (lot.quantity, lot.gross) == (Decimal(10), Decimal("100.00"))
    assert position is not None
    assert (position.direction, position.quantity, position.signed) == (
        Direction.SHORT,
        Decimal(15),
        Decimal(-15),
    )
    assert [(rest.price, rest.opened_at) for rest in position.lots] == [(Decimal(110), 7)]


def test_a_fee_minimum_is_split_over_partial_closes_without_losing_a_penny() -> None:
    entry = a_fill(AAPL, BUY, 3, "10.00", charged=PerShareFee())
    assert entry.fee == Decimal("1.00")
    position, _ = book(None, entry, AAPL)
    shares = []
    for _ in range(3):
        position, (lot,) = book(position, a_fill(AAPL, SELL, 1, "10.00", charged=ZERO), AAPL)
        shares.append(lot.fees)
    assert position is None
    assert sum(shares) == Decimal("1.00")
    assert max(shares) - min(shares) < Decimal("1E-9")


def test_a_flip_divides_its_own_fee_between_what_it_closes_and_what_it_opens() -> None:
    position, (lot,) = run(
        [a_fill(AAPL, BUY, 10, "100", charged=ZERO), a_fill(AAPL, SELL, 30, "100", charged=Decimal(3))]
    )
    assert lot.fees == Decimal("1.00")
    assert position is not None
    assert position.lots[0].fee == Decimal("2.00")


def test_a_contract_is_worth_its_multiplier() -> None:
    position, matched = run(
        [a_fill(FUTURE, BUY, 2, "5000.00"), a_fill(FUTURE, SELL, 1, "5000.25", charged=ZERO)], FUTURE
    )
    assert matched[0].gross == Decimal("12.50")
    assert position is not None
    assert position.cost(FUTURE) == Decimal(250000)
    assert position.unrealised(Decimal("4999.00"), FUTURE) == Decimal("-50.00")


@pytest.mark.parametrize(
    ("direction", "instrument", "paid"),
    [
        (Direction.LONG, AAPL, True),
        (Direction.SHORT, AAPL, False),
        (Direction.LONG, PERP, False),
        (Direction.SHORT, PERP, False),
    ],
)
def test_only_a_long_in_something_unmargined_is_paid_in_full(
    direction: Direction, instrument: Instrument, *, paid: bool
) -> None:
    assert is_paid_in_full(direction, instrument) is paid


def test_a_direction_knows_its_sides() -> None:
    assert (Direction.LONG.entry_side, Direction.LONG.exit_side, Direction.LONG.sign) == (BUY, SELL, 1)
    assert (Direction.SHORT.entry_side, Direction.SHORT.exit_side, Direction.SHORT.sign) == (SELL, BUY, -1)
    assert [OPENED_BY[side] for side in (BUY, SELL)] == [Direction.LONG, Direction.SHORT]


@given(FILLS)
def test_the_position_is_the_sum_of_its_fills(fills: list[Fill]) -> None:
    position, matched = run(fills)
    net = sum((fill.quantity * fill.side.sign for fill in fills), ZERO)
    assert (ZERO if position is None else position.signed) == net
    assert (position is None) == (net == 0)
    bought = sum((fill.quantity for fill in fills), ZERO)
    assert bought == 2 * sum((lot.quantity for lot in matched), ZERO) + abs(net)


@given(FILLS)
def test_every_fee_belongs_to_exactly_one_lot(fills: list[Fill]) -> None:
    position, matched = run(fills)
    still_open = () if position is None else position.lots
    assert all(lot.fee >= 0 for lot in still_open)
    assert all(lot.fees >= 0 for lot in matched)
    assert sum((lot.fees for lot in matched), ZERO) + sum((lot.fee for lot in still_open), ZERO) == sum(
        (fill.fee for fill in fills), ZERO
    )


@given(FILLS)
def test_lots_lie_in_one_direction_oldest_first_and_never_empty(fills: list[Fill]) -> None:
    numbered = [msgspec.structs.replace(fill, at=at) for at, fill in enumerate(fills)]
    position, matched = run(numbered)
    times = [] if position is None else [lot.opened_at for lot in position.lots]
    assert times == sorted(times)
    assert all(lot.quantity > 0 for lot in (() if position is None else position.lots))
    assert all(lot.quantity > 0 and lot.entry_at < lot.exit_at for lot in matched)


@given(FILLS, PRICES)
def test_a_short_is_a_long_with_the_signs_flipped(fills: list[Fill], price: Decimal) -> None:
    flipped = [msgspec.structs.replace(fill, side=fill.side.opposite) for fill in fills]
    position, matched = run(fills, PERP)
    mirror, mirrored = run(flipped, PERP)
    assert [(lot.quantity, lot.fees, lot.gross) for lot in matched] == [
        (lot.quantity, lot.fees, -lot.gross) for lot in mirrored
    ]
    if position is None or mirror is None:
        assert position is mirror
        return
    assert position.lots == mirror.lots
    assert position.signed == -mirror.signed
    assert position.unrealised(price, PERP) == -mirror.unrealised(price, PERP)


@given(FILLS)
def test_every_figure_is_in_its_one_spelling(fills: list[Fill]) -> None:
    _, matched = run(fills)
    for lot in matched:
        for amount in (lot.gross, lot.fees, lot.pnl):
            assert str(amount) == str(canonical(amount))
        assert lot.pnl == lot.gross - lot.fees


def test_the_average_price_weighs_by_quantity() -> None:
    position, _ = run([a_fill(AAPL, BUY, 1, "100.00"), a_fill(AAPL, BUY, 3, "200.00")])
    assert position is not None
    assert position.average_price() == Decimal("175.00")
