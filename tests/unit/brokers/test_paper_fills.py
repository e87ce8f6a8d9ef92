"""At what price each order type trades: the numbered rules of docs/reference/paper-exchange.md."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.brokers.paper import fills
from tradewrit.brokers.paper.fills import Span
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Side

STOCK = Instrument(symbol="AAPL")
BUY, SELL = Side.BUY, Side.SELL


def exact(text: str | None) -> Price | None:
    return None if text is None else Price(Decimal(text))


@pytest.mark.parametrize(
    ("side", "stop", "span", "gets"),
    [
        pytest.param(SELL, "95", Span(100, 95.01, 101), None, id="a tick short"),
        pytest.param(SELL, "95", Span(100, 95.0, 101), "95.00", id="touched"),
        pytest.param(SELL, "95", Span(100, 90, 101), "95.00", id="passed inside the bar"),
        pytest.param(SELL, "95", Span(92.5, 90, 101), "92.50", id="gapped below: at the open"),
        pytest.param(SELL, "95", Span(95.0, 90, 101), "95.00", id="opens on it"),
        pytest.param(BUY, "105", Span(100, 99, 104.99), None, id="buy: a tick short"),
        pytest.param(BUY, "105", Span(100, 99, 105.0), "105.00", id="buy: touched"),
        pytest.param(BUY, "105", Span(107.25, 104, 108), "107.25", id="buy: gapped above: at the open"),
    ],
)
def test_a_stop_trades_at_its_price_or_at_the_open_beyond_it(
    side: Side, stop: str, span: Span, gets: str | None
) -> None:
    assert fills.stop(side, Price(Decimal(stop)), span, STOCK) == exact(gets)


@pytest.mark.parametrize(
    ("side", "limit", "span", "touch", "through"),
    [
        pytest.param(SELL, "115", Span(100, 99, 114.99), None, None, id="a tick short"),
        pytest.param(SELL, "115", Span(100, 99, 115.0), "115", None, id="touched"),
        pytest.param(SELL, "115", Span(100, 99, 115.01), "115", "115", id="traded through"),
        pytest.param(SELL, "115", Span(118.5, 110, 119), "118.50", "118.50", id="opens above: at the open"),
        pytest.param(SELL, "115", Span(115.0, 110, 116), "115", "115", id="opens on it, then through"),
        pytest.param(BUY, "95", Span(100, 95.01, 101), None, None, id="buy: a tick short"),
        pytest.param(BUY, "95", Span(100, 95.0, 101), "95", None, id="buy: touched"),
        pytest.param(BUY, "95", Span(100, 94.99, 101), "95", "95", id="buy: traded through"),
        pytest.param(BUY, "95", Span(93.5, 93, 101), "93.50", "93.50", id="buy: opens below: at the open"),
    ],
)
def test_a_limit_trades_at_its_price_or_at_the_better_open(
    side: Side, limit: str, span: Span, touch: str | None, through: str | None
) -> None:
    assert fills.limit(side, Price(Decimal(limit)), span, STOCK) == exact(touch)
    assert fills.limit(side, Price(Decimal(limit)), span, STOCK, through=True) == exact(through)


@pytest.mark.parametrize(
    ("side", "printed", "bps", "gets"),
    [
        (BUY, 100.0, "0", "100.00"),
        (BUY, 100.0, "5", "100.05"),
        (SELL, 100.0, "5", "99.95"),
        (BUY, 33.33, "1", "33.34"),  # 33.333333: rounded up
        (SELL, 33.33, "1", "33.32"),  # 33.326667: rounded down
        (BUY, 100.005, "0", "100.005"),  # an adjusted price is not moved onto the tick
        (SELL, 0.01, "5000", "0.01"),  # nothing is sold for nothing
    ],
)
def test_slippage_is_against_us_and_so_is_its_rounding(
    side: Side, printed: float, bps: str, gets: str
) -> None:
    assert fills.market(side, printed, STOCK, Decimal(bps)) == Decimal(gets)


@pytest.mark.parametrize(
    ("side", "extreme", "gets"),
    [(SELL, "175.50", "166.72"), (BUY, "175.50", "184.28")],
)
def test_a_trailing_stop_is_rounded_as_a_fixed_one_is(side: Side, extreme: str, gets: str) -> None:
    assert fills.trail(side, Price(Decimal(extreme)), Decimal("0.05"), STOCK) == Decimal(gets)


cents = st.integers(min_value=1, max_value=100_000)


@given(side=st.sampled_from(Side), order=cents, prints=st.lists(cents, min_size=3, max_size=3))
def test_no_fill_is_better_than_the_market_or_worse_than_the_limit(
    side: Side, order: int, prints: list[int]
) -> None:
    low, first, high = (value / 100 for value in sorted(prints))
    wanted = Price(Decimal(order) / 100)
    got = fills.limit(side, wanted, Span(first, low, high), STOCK)
    if got is not None:
        assert fills.is_within(side, wanted, got)
        assert Decimal(repr(low)) <= got <= Decimal(repr(high))
    stopped = fills.stop(side, wanted, Span(first, low, high), STOCK)
    if stopped is not None:
        assert fills.is_within(side.opposite, wanted, stopped)
        assert Decimal(repr(low)) <= stopped <= Decimal(repr(high))


@given(side=st.sampled_from(Side), order=cents, prints=st.lists(cents, min_size=3, max_size=3))
def test_floats_decide_what_exact_prices_would(side: Side, order: int, prints: list[int]) -> None:
    low, first, high = sorted(prints)
    span = Span(first / 100, low / 100, high / 100)
    reached = low <= order if side is SELL else high >= order
    assert (fills.stop(side, Price(Decimal(order) / 100), span, STOCK) is not None) is reached


@given(side=st.sampled_from(Side), order=cents, prints=st.lists(cents, min_size=3, max_size=3))
def test_buys_and_sells_are_mirror_images(side: Side, order: int, prints: list[int]) -> None:
    low, first, high = sorted(prints)
    top = 100_001
    span = Span(first / 100, low / 100, high / 100)
    mirrored = Span((top - first) / 100, (top - high) / 100, (top - low) / 100)
    for rule in (fills.stop, fills.limit):
        got = rule(side, Price(Decimal(order) / 100), span, STOCK)
        image = rule(side.opposite, Price(Decimal(top - order) / 100), mirrored, STOCK)
        assert (got is None) is (image is None)
        if got is not None and image is not None:
            assert got + image == Decimal(top) / 100


@pytest.mark.parametrize(
    ("volume", "fraction", "lot", "most"),
    [
        (1000.0, "0.1", "1", "100"),
        (999.0, "0.1", "1", "99"),
        (9.0, "0.1", "1", "0"),
        (12.5, "0.5", "0.1", "6.2"),
    ],
)
def test_a_share_of_the_volume_is_rounded_down_to_the_lot(
    volume: float, fraction: str, lot: str, most: str
) -> None:
    coin = Instrument(symbol="COIN", lot=Decimal(lot))
    assert fills.share_of_volume(volume, Decimal(fraction), coin) == Decimal(most)
