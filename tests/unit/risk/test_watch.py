"""What the market asks of an open trade: the same answers for the keeper and for whoever only asks."""

from decimal import Decimal
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.risk.proposing import account, sized
from tradewrit.domain.market import Bar
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Side
from tradewrit.domain.positions import OPENED_BY
from tradewrit.domain.signals import Market
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.risk.exits import is_tighter
from tradewrit.risk.watch import due, is_time_up, trailed

BOOKS = account()
CENTS = st.integers(5_000, 20_000).map(lambda cents: cents / 100)


class LastBar:
    """The last completed bar, and how many there were since the trade was opened."""

    def __init__(self, high: float = 100.0, low: float = 100.0, bars: int = 0) -> None:
        self._bar = Bar("AAPL", 7, low, high, low, low, 1000.0)
        self._bars = bars

    def bar(self, symbol: str) -> Bar | None:
        return self._bar if symbol == "AAPL" else None

    def bars_since(self, symbol: str, at: int) -> int:
        return self._bars if (symbol, at) == ("AAPL", 7) else 0


def market(high: float = 100.0, low: float = 100.0, bars: int = 0) -> Market:
    return cast("Market", LastBar(high, low, bars))


def trade(side: Side = Side.BUY, **asked: object) -> Trade:
    frozen = sized(BOOKS, 5, "100.00", side=side, **asked)
    return Trade(
        id="trade-1",
        symbol="AAPL",
        strategy="s",
        direction=OPENED_BY[side],
        state=TradeState.HOLDING,
        sized=frozen,
        stop_price=frozen.stop_price,
        target_price=frozen.target_price,
        opened_at=7,
    )


@pytest.mark.parametrize(
    ("side", "price", "reason"),
    [
        (Side.BUY, "95.00", "stop"),
        (Side.BUY, "95.01", None),
        (Side.BUY, "114.99", None),
        (Side.BUY, "115.00", "target"),
        (Side.SELL, "105.00", "stop"),
        (Side.SELL, "104.99", None),
        (Side.SELL, "85.01", None),
        (Side.SELL, "85.00", "target"),
    ],
)
def test_a_price_at_stop_or_target_is_a_reason_to_leave(side: Side, price: str, reason: str | None) -> None:
    assert due(market(), trade(side), Price(Decimal(price))) == reason


@pytest.mark.parametrize(("bars", "is_up"), [(9, False), (10, True), (11, True)])
def test_time_is_up_after_exactly_so_many_bars(bars: int, *, is_up: bool) -> None:
    held = trade(max_bars=10)
    assert is_time_up(market(bars=bars), held) is is_up
    assert due(market(bars=bars), held, Price(Decimal(100))) == ("time" if is_up else None)


def test_a_touched_stop_comes_before_the_time() -> None:
    assert due(market(bars=10), trade(max_bars=10), Price(Decimal(95))) == "stop"


def test_time_never_runs_for_a_trade_without_a_limit_or_without_a_position() -> None:
    assert not is_time_up(market(bars=99), trade())
    assert not is_time_up(market(bars=99), replace(trade(max_bars=1), opened_at=0))
    assert not is_time_up(market(bars=99), replace(trade(max_bars=1), sized=None))


def test_a_stop_follows_the_high_of_a_long_and_the_low_of_a_short() -> None:
    five = Decimal("0.05")
    assert trailed(BOOKS, market(high=110.0, low=90.0), trade(trail_fraction=five)) == Decimal("104.50")
    assert trailed(BOOKS, market(high=110.0, low=90.0), trade(Side.SELL, trail_fraction=five)) == Decimal(
        "94.50"
    )


def test_a_stop_does_not_follow_a_bar_that_began_before_the_position() -> None:
    held = trade(trail_fraction=Decimal("0.05"))
    assert trailed(BOOKS, market(high=110.0), replace(held, opened_at=8)) is None


def test_a_stop_that_does_not_trail_stays_where_it_is() -> None:
    rising = market(high=150.0)
    assert trailed(BOOKS, rising, trade()) is None
    trailing = trade(trail_fraction=Decimal("0.05"))
    assert trailed(BOOKS, rising, replace(trailing, opened_at=0)) is None
    assert trailed(BOOKS, rising, replace(trailing, stop_price=None)) is None
    assert trailed(BOOKS, rising, replace(trailing, sized=None)) is None
    assert trailed(BOOKS, rising, replace(trailing, symbol="TSLA")) is None


@given(st.sampled_from(Side), st.lists(st.tuples(CENTS, CENTS), max_size=15))
def test_a_trailing_stop_never_moves_away_from_the_price(side: Side, bars: list[tuple[float, float]]) -> None:
    held = trade(side, trail_fraction=Decimal("0.05"))
    for one, other in bars:
        moved = trailed(BOOKS, market(max(one, other), min(one, other)), held)
        if moved is None:
            continue
        assert held.stop_price is not None
        assert is_tighter(held.direction, moved, held.stop_price)
        held = replace(held, stop_price=moved)
