"""The float screens: they may ask for the exact sum once too often, never once too rarely."""

from decimal import Decimal
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.domain.accounts import AAPL, FUTURE, PERP, a_fill, account, booked
from tradewrit.domain.books import Books
from tradewrit.domain.limits import Limits
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Side
from tradewrit.domain.portfolio import drawdown, equity
from tradewrit.domain.signals import Market
from tradewrit.risk.drawdown import may_be_higher, may_have_crossed, rough_equity

INSTRUMENTS = {one.symbol: one for one in (AAPL, PERP, FUTURE)}
FILLS = st.builds(
    lambda symbol, side, quantity, price: a_fill(INSTRUMENTS[symbol], side, quantity, price),
    st.sampled_from(list(INSTRUMENTS)),
    st.sampled_from(Side),
    st.integers(1, 2000).map(lambda n: Decimal(n) / 1000),
    st.decimals(Decimal("0.01"), Decimal(5000), places=2),
)
FLOATS = st.floats(0.01, 5000.0)
PRICES = st.fixed_dictionaries(dict.fromkeys(INSTRUMENTS, FLOATS))
NEAR = st.sampled_from([Decimal(0), Decimal("0.01"), Decimal("-0.01"), Decimal("1E-9"), Decimal("-1E-9")])


class Prices:
    """The two prices of the market that the screens and the exact sum look at."""

    def __init__(self, last: dict[str, float]) -> None:
        self._last = last

    def last(self, symbol: str) -> float:
        return self._last.get(symbol, float("nan"))

    def mark(self, symbol: str) -> Price | None:
        return AAPL.traded(self._last[symbol]) if symbol in self._last else None


def market(last: dict[str, float]) -> Market:
    return cast("Market", Prices(last))


def has_crossed(books: Books, seen: Market) -> bool:
    return drawdown(equity(books, seen.mark), books.high_water) >= books.limits.max_drawdown_fraction


@given(st.lists(FILLS, max_size=6), PRICES, NEAR, st.sampled_from(["0.05", "0.2", "0.5", "0.99"]))
def test_a_drawdown_is_never_missed_however_close_to_the_limit(
    fills: list[object], last: dict[str, float], off: Decimal, fraction: str
) -> None:
    limits = Limits(max_drawdown_fraction=Decimal(fraction))
    books = replace(booked(account("10000"), *fills), limits=limits)  # type: ignore[arg-type]
    worth = equity(books, market(last).mark)
    at_the_limit = replace(books, high_water=max(worth / (1 - Decimal(fraction)) + off, Decimal("0.01")))
    if has_crossed(at_the_limit, market(last)):
        assert may_have_crossed(at_the_limit, market(last))


@given(st.lists(FILLS, max_size=6), PRICES, NEAR)
def test_a_new_high_is_never_missed_however_small(
    fills: list[object], last: dict[str, float], off: Decimal
) -> None:
    books = booked(account("10000"), *fills)  # type: ignore[arg-type]
    worth = equity(books, market(last).mark)
    books = replace(books, high_water=max(worth + off, Decimal("0.01")))
    if worth > books.high_water:
        assert may_be_higher(books, market(last))


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from(list(INSTRUMENTS))), min_size=2, max_size=4))
def test_losing_everything_to_the_last_cent_is_seen_when_that_is_the_limit(
    legs: list[tuple[int, str]],
) -> None:
    fills = [
        a_fill(INSTRUMENTS[symbol], Side.SELL, 1, Decimal(n) / 10, charged=Decimal(0)) for n, symbol in legs
    ]
    books = booked(account("0"), *fills)
    last = {symbol: 0.7 for _, symbol in legs}
    owed = -equity(books, market(last).mark)
    books = replace(books, cash=owed, high_water=Decimal(1), limits=Limits(max_drawdown_fraction=Decimal(1)))
    assert equity(books, market(last).mark) == 0
    assert may_have_crossed(books, market(last))


def test_a_position_without_a_price_asks_for_the_exact_sum() -> None:
    books = booked(account(), a_fill(AAPL, Side.BUY, 5, "100"))
    assert may_have_crossed(books, market({}))
    assert may_be_higher(books, market({}))


def test_far_from_both_marks_the_exact_sum_is_spared() -> None:
    books = booked(account(), a_fill(AAPL, Side.BUY, 5, "100"))
    assert not may_have_crossed(books, market({"AAPL": 99.0}))
    assert not may_be_higher(books, market({"AAPL": 99.0}))


def test_a_flat_account_compares_its_cash() -> None:
    assert not may_be_higher(replace(account(), high_water=Decimal("10000.01")), market({}))
    assert may_be_higher(replace(account(), high_water=Decimal("9999.99")), market({}))


@given(st.lists(FILLS, max_size=6), PRICES)
def test_rough_equity_is_equity_up_to_float_noise(fills: list[object], last: dict[str, float]) -> None:
    books = booked(account("10000"), *fills)  # type: ignore[arg-type]
    exact = float(equity(books, market(last).mark))
    gross = sum(abs(float(units)) * last[symbol] for symbol, units, _ in books.holdings.units) + 10_000
    assert abs(rough_equity(books, market(last)) - exact) <= gross * 1e-12
