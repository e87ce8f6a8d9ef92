from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.instruments import Instrument
from tradewrit.domain.positions import Direction
from tradewrit.risk.exits import hit, is_tighter, stop_price, target_price, trailed_stop

LONG, SHORT = Direction.LONG, Direction.SHORT
AAPL = Instrument(symbol="AAPL")
PRICES = st.decimals(Decimal("1.00"), Decimal(5000), places=2)
FRACTIONS = st.decimals(Decimal("0.001"), Decimal("0.99"), places=3)
TICKS = st.sampled_from([Decimal("0.01"), Decimal("0.05"), Decimal("0.25")]).map(
    lambda tick: Instrument(symbol="X", tick=tick)
)


@pytest.mark.parametrize(
    ("direction", "entry", "stop", "target"),
    [
        (LONG, "175.50", "166.72", "201.82"),  # exactly 166.725 and 201.825: both down
        (SHORT, "175.50", "184.28", "149.18"),  # exactly 184.275 and 149.175: both up
        (LONG, "100.00", "95.00", "115.00"),
        (SHORT, "100.00", "105.00", "85.00"),
        (LONG, "0.99", "0.94", "1.13"),
        (SHORT, "0.99", "1.04", "0.85"),
    ],
)
def test_golden_stops_and_targets(direction: Direction, entry: str, stop: str, target: str) -> None:
    assert stop_price(direction, Decimal(entry), Decimal("0.05"), AAPL) == Decimal(stop)
    assert target_price(direction, Decimal(entry), Decimal("0.15"), AAPL) == Decimal(target)


@given(st.sampled_from(Direction), PRICES, FRACTIONS, TICKS)
def test_a_stop_is_never_closer_than_asked_and_a_target_never_further(
    direction: Direction, entry: Decimal, fraction: Decimal, instrument: Instrument
) -> None:
    stop = stop_price(direction, entry, fraction, instrument)
    target = target_price(direction, entry, fraction, instrument)
    exact_stop = entry * (1 - direction.sign * fraction)
    exact_target = entry * (1 + direction.sign * fraction)
    assert 0 <= (exact_stop - stop) * direction.sign < instrument.tick
    assert 0 <= (exact_target - target) * direction.sign < instrument.tick
    assert instrument.is_on_tick(stop)
    assert instrument.is_on_tick(target)


@given(st.sampled_from(Direction), st.lists(PRICES, min_size=1, max_size=20), FRACTIONS, TICKS)
def test_a_trailing_stop_only_ever_tightens(
    direction: Direction, path: list[Decimal], fraction: Decimal, instrument: Instrument
) -> None:
    stop = stop_price(direction, path[0], fraction, instrument)
    best = path[0]
    for price in path:
        moved = trailed_stop(direction, price, fraction, stop, instrument)
        assert moved is None or is_tighter(direction, moved, stop)
        stop = stop if moved is None else moved
        best = max(best, price) if direction is LONG else min(best, price)
    # Bar by bar it arrives where the best price alone would have put it.
    assert stop == stop_price(direction, best, fraction, instrument)


@given(PRICES, PRICES)
def test_tighter_is_higher_for_a_long_and_lower_for_a_short(proposed: Decimal, current: Decimal) -> None:
    assert is_tighter(LONG, proposed, current) == (proposed > current)
    assert is_tighter(SHORT, proposed, current) == (proposed < current)


@pytest.mark.parametrize(
    ("direction", "price", "reached"),
    [
        (LONG, "166.73", None),
        (LONG, "166.72", "stop"),
        (LONG, "160.00", "stop"),
        (LONG, "201.81", None),
        (LONG, "201.82", "target"),
        (SHORT, "201.81", None),
        (SHORT, "201.82", "stop"),
        (SHORT, "166.72", "target"),
        (SHORT, "166.73", None),
    ],
)
def test_a_price_at_the_level_touches_it(direction: Direction, price: str, reached: str | None) -> None:
    low, high = Decimal("166.72"), Decimal("201.82")
    stop, target = (low, high) if direction is LONG else (high, low)
    assert hit(direction, Decimal(price), stop, target) == reached


def test_the_stop_comes_before_the_target_and_what_is_not_there_is_not_hit() -> None:
    assert hit(LONG, Decimal(100), Decimal(100), Decimal(100)) == "stop"
    assert hit(LONG, Decimal(100), None, Decimal(100)) == "target"
    assert hit(LONG, Decimal(100), None, None) is None


@given(PRICES, PRICES, PRICES)
def test_a_short_touches_where_its_mirrored_long_does(price: Decimal, stop: Decimal, target: Decimal) -> None:
    assert hit(SHORT, price, stop, target) == hit(LONG, -price, -stop, -target)
