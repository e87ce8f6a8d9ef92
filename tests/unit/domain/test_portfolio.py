"""What fills do to cash and equity, to the last digit."""

from decimal import Decimal
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.domain.accounts import AAPL, FUTURE, PERP, a_fill, account, booked, marked, round_trips
from tradewrit.domain.books import Books
from tradewrit.domain.events.orders import OrderRequested
from tradewrit.domain.folding import evolve
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.money import ZERO, Qty
from tradewrit.domain.orders import OrderTerms, OrderType, Role, Side
from tradewrit.domain.portfolio import buying_power, drawdown, equity, exposure, margin
from tradewrit.domain.positions import Direction, Fill

BUY, SELL = Side.BUY, Side.SELL
SYMBOLS = (AAPL, PERP, FUTURE)
PRICES = st.decimals(Decimal("0.01"), Decimal(5000), places=2)
FILL = st.builds(
    lambda instrument, side, quantity, price, charged: a_fill(
        instrument, side, quantity, price, charged=charged
    ),
    st.sampled_from(SYMBOLS),
    st.sampled_from(Side),
    st.integers(1, 400).map(lambda n: Decimal(n) / 8),
    PRICES,
    st.decimals(Decimal(0), Decimal(50), places=4),
)
MARKS = st.fixed_dictionaries({one.symbol: PRICES for one in SYMBOLS})


# -- the worked examples of the decision cycle: 10 bps, no slippage, derivatives


def test_a_partial_close_adds_up_to_the_cent() -> None:
    books = booked(account(), a_fill(PERP, BUY, 10, "100"))
    assert (books.cash, equity(books, marked({"BTC-PERP": "110"}))) == (
        Decimal("9999.00"),
        Decimal("10099.00"),
    )

    half, matched = round_trips(books, [a_fill(PERP, SELL, 5, "110")])
    assert matched[0].gross == Decimal("50.00")
    assert half.stats.fees == Decimal("1.55")
    assert half.cash == Decimal("10048.45")
    assert half.positions["BTC-PERP"].unrealised(Decimal(110), PERP) == Decimal("50.00")
    assert equity(half, marked({"BTC-PERP": "110"})) == Decimal("10098.45")

    flat, rest = round_trips(half, [a_fill(PERP, SELL, 5, "110")])
    assert flat.cash == equity(flat, marked({})) == Decimal("10097.90")
    assert sum(lot.pnl for lot in (*matched, *rest)) == Decimal("97.90")
    assert not flat.positions


@pytest.mark.parametrize("legs", [("10", "10"), ("20",)])
def test_a_flip_realises_once_and_charges_every_leg(legs: tuple[str, ...]) -> None:
    books, matched = round_trips(
        account(),
        [a_fill(PERP, BUY, 10, "100"), *(a_fill(PERP, SELL, quantity, "110") for quantity in legs)],
    )
    assert [lot.gross for lot in matched] == [Decimal("100.00")]
    assert books.stats.fees == Decimal("3.20")
    assert books.cash == Decimal("10096.80")
    position = books.positions["BTC-PERP"]
    assert (position.signed, position.average_price()) == (Decimal(-10), Decimal("110.00"))


def test_a_share_that_is_bought_costs_its_notional_and_a_sale_brings_it_back() -> None:
    books = booked(account(), a_fill(AAPL, BUY, 5, "175.50"))
    assert books.cash == Decimal(10000) - Decimal("877.50") - Decimal("0.8775")
    books = booked(books, a_fill(AAPL, SELL, 5, "201.82"))
    assert books.cash == Decimal(10000) + Decimal("131.60") - Decimal("0.8775") - Decimal("1.0091")


# -- cash and margin accounts


def test_short_proceeds_are_not_cash_and_the_notional_is_set_aside() -> None:
    books = booked(account("1000"), a_fill(AAPL, SELL, 5, "100", charged=Decimal(1)))
    assert books.cash == Decimal(999)
    assert margin(books) == Decimal(500)
    assert buying_power(books, 1) == Decimal(499)
    assert equity(books, marked({"AAPL": "90"})) == Decimal(1049)
    closed = booked(books, a_fill(AAPL, BUY, 5, "90", charged=Decimal(1)))
    assert (closed.cash, margin(closed), buying_power(closed, 1)) == (Decimal(1048), ZERO, Decimal(1048))


def test_leverage_divides_what_a_margined_position_sets_aside() -> None:
    books = replace(account("1000"), limits=Limits(max_leverage=Decimal(4)))
    books = booked(books, a_fill(PERP, BUY, 10, "100", charged=ZERO))
    assert (margin(books), buying_power(books, 1)) == (Decimal(250), Decimal(750))


def test_the_cash_of_a_sale_is_spendable_when_it_settles_and_not_a_moment_earlier() -> None:
    books = booked(
        account("1000", margin=False),
        a_fill(AAPL, BUY, 5, "100", charged=ZERO, at=10),
        a_fill(AAPL, SELL, 5, "110", charged=ZERO, at=20, settles_at=100),
    )
    assert books.cash == Decimal(1050)
    assert [buying_power(books, at) for at in (20, 99, 100)] == [Decimal(500), Decimal(500), Decimal(1050)]
    on_margin = replace(books, margin=True)
    assert buying_power(on_margin, 20) == Decimal(1050)


def test_only_a_sale_that_has_yet_to_settle_is_waited_for() -> None:
    bought = booked(account(), a_fill(AAPL, BUY, 5, "100", at=10, settles_at=100))
    sold = booked(bought, a_fill(AAPL, SELL, 5, "110", at=20))
    assert (bought.unsettled, sold.unsettled) == ((), ())


def test_settled_sales_are_forgotten_with_the_next_fill_and_unsettled_ones_add_up() -> None:
    books = booked(account("1000", margin=False), a_fill(AAPL, BUY, 6, "100", charged=ZERO, at=1))
    for at in (10, 20, 30):
        books = booked(books, a_fill(AAPL, SELL, 1, "100", charged=ZERO, at=at, settles_at=at + 15))
    assert books.unsettled == ((35, Decimal("100.00")), (45, Decimal("100.00")))
    assert buying_power(books, 34) == Decimal(500)
    assert buying_power(books, 45) == Decimal(700)


def test_every_entry_not_yet_filled_holds_back_its_cost() -> None:
    terms = OrderTerms(
        client_order_id="order-1",
        trade_id="trade-1",
        symbol="AAPL",
        side=BUY,
        quantity=Qty(Decimal(5)),
        type=OrderType.MARKET,
        role=Role.ENTRY,
    )
    asked = OrderRequested(at=1, terms=terms, approved_by=(), reserved=Decimal("878.3775"))
    books = evolve(account("1000"), asked)
    assert books.reserved == Decimal("878.3775")
    assert buying_power(books, 1) == Decimal("121.6225")
    assert equity(books, marked({})) == Decimal(1000)


@pytest.mark.parametrize(
    ("worth", "mark", "fallen"),
    [
        ("80000", "100000", "0.2"),
        ("100000", "100000", "0"),
        ("120000", "100000", "0"),
        ("5", "0", "0"),
        ("-5", "0", "0"),
    ],
)
def test_a_drawdown_is_the_share_lost_since_the_high_water_mark(worth: str, mark: str, fallen: str) -> None:
    assert drawdown(Decimal(worth), Decimal(mark)) == Decimal(fallen)


def test_a_position_without_a_price_stands_at_its_cost() -> None:
    books = booked(
        account(), a_fill(AAPL, BUY, 5, "100", charged=ZERO), a_fill(PERP, SELL, 1, "50", charged=ZERO)
    )
    assert equity(books, marked({})) == Decimal(10_000)
    assert exposure(books, marked({})) == Decimal(550)
    assert exposure(books, marked({"AAPL": "110", "BTC-PERP": "40"})) == Decimal(590)


# -- conservation


def naive_equity(books: Books, prices: dict[str, Decimal]) -> Decimal:
    """Equity straight from its definition, position by position."""
    worth = books.cash
    for symbol, position in books.positions.items():
        instrument = books.instrument(symbol)
        now = prices[symbol] * position.quantity * instrument.multiplier
        paid = sum((lot.price * lot.quantity for lot in position.lots), ZERO) * instrument.multiplier
        if position.direction is Direction.LONG and not instrument.asset_class.is_derivative:
            worth += now
        else:
            worth += (now - paid) * position.direction.sign
    return worth


@given(st.lists(FILL, max_size=15), MARKS)
def test_equity_moves_by_exactly_what_was_realised_and_what_is_not_yet(
    fills: list[Fill], prices: dict[str, Decimal]
) -> None:
    start = account("250000")
    books, matched = round_trips(start, fills)
    held = books.positions.values()
    unrealised = sum((p.unrealised(prices[p.symbol], books.instrument(p.symbol)) for p in held), ZERO)
    open_fees = sum((lot.fee for position in held for lot in position.lots), ZERO)
    change = equity(books, marked(prices)) - start.cash
    assert change == sum((lot.pnl for lot in matched), ZERO) + unrealised - open_fees
    assert equity(books, marked(prices)) == naive_equity(books, prices)
    assert books.stats.fees == sum((fill.fee for fill in fills), ZERO)


@given(st.lists(FILL, max_size=15))
def test_what_is_set_aside_is_the_notional_of_everything_not_paid_for(fills: list[Fill]) -> None:
    books = booked(account("250000"), *fills)
    expected = sum(
        (
            held.cost(books.instrument(symbol))
            for symbol, held in books.positions.items()
            if held.direction is Direction.SHORT or symbol != AAPL.symbol
        ),
        ZERO,
    )
    assert margin(books) == expected


@given(st.lists(st.tuples(st.integers(1, 50), PRICES), min_size=1, max_size=12), st.data())
def test_long_only_cash_plus_cost_of_what_is_held_is_conserved(
    trades: list[tuple[int, Decimal]], data: st.DataObject
) -> None:
    books, held = account("1000000", AAPL), 0
    fills = []
    for quantity, price in trades:
        side = data.draw(st.sampled_from(Side)) if held >= quantity else BUY
        held += quantity * side.sign
        fills.append(a_fill(AAPL, side, quantity, price))
    after, matched = round_trips(books, fills)
    flows = [-fill.side.sign * fill.price * fill.quantity - fill.fee for fill in fills]
    assert after.cash == list(accumulate(flows, initial=books.cash))[-1]
    position = after.positions.get("AAPL")
    cost = ZERO if position is None else position.cost(AAPL)
    open_fees = sum((lot.fee for lot in position.lots), ZERO) if position else ZERO
    assert after.cash + cost + open_fees == books.cash + sum((lot.pnl for lot in matched), ZERO)


@pytest.mark.parametrize("instrument", SYMBOLS, ids=lambda one: one.symbol)
def test_a_round_trip_costs_the_same_however_it_is_cut(instrument: Instrument) -> None:
    whole = booked(account(), a_fill(instrument, SELL, 8, "100"), a_fill(instrument, BUY, 8, "99.50"))
    cut = booked(
        account(),
        *(a_fill(instrument, SELL, 2, "100") for _ in range(4)),
        a_fill(instrument, BUY, 5, "99.50"),
        a_fill(instrument, BUY, 3, "99.50"),
    )
    assert str(whole.cash) == str(cut.cash)
    assert not cut.positions
