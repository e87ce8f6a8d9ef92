from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.research.backtests import MONDAY, random_bars, random_result, result, trade
from tradewrit.domain.market import DAY
from tradewrit.features.bars import Bars
from tradewrit.research.metrics import compute
from tradewrit.research.metrics.excursions import excursions
from tradewrit.research.results import RoundTrip

#          open, high, low, close
ROWS = [
    (99.0, 101.0, 98.0, 100.0),
    (100.0, 104.0, 97.0, 103.0),
    (103.0, 110.0, 102.0, 109.0),
    (109.0, 112.0, 90.0, 95.0),
    (95.0, 99.0, 94.0, 96.0),
]
BARS = Bars("AAPL", MONDAY + DAY * np.arange(5, dtype=np.int64), *np.array([(*row, 1.0) for row in ROWS]).T)


def held(first: int, entry: str, last: int, leave: str, pnl: str = "1", **changes: Any) -> RoundTrip:
    return trade(
        pnl,
        entry_time=MONDAY + first * DAY,
        entry_price=Decimal(entry),
        exit_time=MONDAY + last * DAY,
        exit_price=Decimal(leave),
        **changes,
    )


def of(one: RoundTrip, bars: Bars = BARS) -> tuple[float, float]:
    found = excursions([one], {"AAPL": bars})
    return float(found.adverse[0]), float(found.favourable[0])


def test_whole_bars_count_until_the_bar_of_the_exit() -> None:
    assert of(held(1, "100", 3, "109", exit_reason="time")) == pytest.approx((-0.03, 0.10))


def test_of_the_bar_of_the_exit_only_open_and_exit_count() -> None:
    """The 112 and the 90 of that bar may have come after the exit."""
    assert of(held(1, "100", 3, "99.5", exit_reason="stop")) == pytest.approx((-0.03, 0.10))
    assert of(held(1, "100", 3, "92", exit_reason="stop")) == pytest.approx((-0.08, 0.10))


def test_a_short_mirrors_a_long() -> None:
    assert of(held(1, "100", 3, "109", side="short", exit_reason="time")) == pytest.approx((-0.10, 0.03))


def test_a_trade_of_one_bar_knows_its_two_prices_only() -> None:
    assert of(held(3, "109", 3, "103.55", exit_reason="stop")) == pytest.approx((-0.05, 0.0))


def test_a_fill_at_the_close_owns_nothing_of_its_own_bar_but_all_of_its_last() -> None:
    """Entered at the close of bar 0, left at the close of bar 3: bars 1 to 3 were held whole."""
    assert of(held(0, "100", 3, "95", exit_reason="time")) == pytest.approx((-0.10, 0.12))


def test_a_stop_that_equals_the_close_was_hit_inside_the_bar() -> None:
    assert of(held(0, "100", 3, "95", exit_reason="stop")) == pytest.approx((-0.05, 0.10))


def test_a_fill_between_two_bar_times_belongs_to_the_bar_it_is_in() -> None:
    late = held(1, "100", 3, "109", exit_reason="time")
    shifted = trade(
        "1",
        entry_time=late.entry_time + DAY // 2,
        entry_price=late.entry_price,
        exit_time=late.exit_time + DAY // 3,
        exit_price=late.exit_price,
        exit_reason="time",
    )
    assert of(shifted) == of(late)


def test_a_trade_without_bars_is_not_known() -> None:
    before = held(-2, "100", 1, "101")
    other = held(1, "100", 2, "101", symbol="MSFT")
    found = excursions([before, other, held(1, "100", 2, "103")], {"AAPL": BARS})
    assert np.isnan(found.adverse).tolist() == [True, True, False]
    assert np.isnan(found.favourable).tolist() == [True, True, False]


def test_means_part_winners_from_losers() -> None:
    made = result(
        trades=[
            held(1, "100", 3, "109", pnl="9", exit_reason="time"),
            held(1, "100", 3, "92", pnl="-8", exit_reason="stop"),
        ]
    )
    found = compute(made, bars={"AAPL": BARS})
    assert found.average_mae == pytest.approx((-0.03 - 0.08) / 2)
    assert found.average_mfe == pytest.approx(0.10)
    assert found.winners_mae == pytest.approx(-0.03)
    assert found.losers_mfe == pytest.approx(0.10)


def test_without_bars_no_excursion_is_defined() -> None:
    found = compute(result(trades=[trade("1")]))
    assert {found.average_mae, found.average_mfe, found.winners_mae, found.losers_mfe} == {None}


def slow(one: RoundTrip, bars: Bars) -> tuple[float, float]:
    """The definition, bar by bar."""
    sign, entry, leave = (1 if one.side == "long" else -1), float(one.entry_price), float(one.exit_price)
    first, last = (int(np.searchsorted(bars.ts, at)) for at in (one.entry_time, one.exit_time))
    seen = [entry, leave]
    if last > first:
        seen.append(float(bars.open[last]))
    late = entry == bars.close[first] != bars.open[first]
    until_close = leave == bars.close[last] != bars.open[last] and one.exit_reason not in {"stop", "target"}
    for k in range(first + late, last + until_close):
        seen += [float(bars.high[k]), float(bars.low[k])]
    moves = [sign * (price / entry - 1) for price in seen]
    return min(moves), max(moves)


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_the_columns_say_what_a_walk_over_the_bars_says(seed: int, count: int) -> None:
    bars = [random_bars(symbol, 60, seed=seed + k) for k, symbol in enumerate(("AAPL", "MSFT"))]
    trades = random_result(bars, count, seed=seed).trades
    by_symbol = {one.symbol: one for one in bars}
    found = excursions(trades, by_symbol)
    expected = np.array([slow(one, by_symbol[one.symbol]) for one in trades])
    assert found.adverse == pytest.approx(expected[:, 0], abs=1e-12)
    assert found.favourable == pytest.approx(expected[:, 1], abs=1e-12)
    assert (found.adverse <= 0).all()
    assert (found.favourable >= 0).all()
