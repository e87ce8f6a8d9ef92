"""Synthetic bars keep the promises of real ones; bridges keep those of their day."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewrit.domain.market import DAY, MINUTE
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market.bridge import brownian_bridge
from tradewrit.market.calendar import calendar_for
from tradewrit.market.quality import check
from tradewrit.market.synth import synthetic_bars

NYSE = calendar_for("NYSE")
COLUMNS = ("ts", "open", "high", "low", "close", "volume")
ticks = st.sampled_from(["0.01", "0.05", "0.25", "1", "0.0001", "0.125"])


def equal(one: Bars, other: Bars) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in COLUMNS)


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**32),
    ticks,
    st.floats(0, 0.5),
    st.floats(0, 0.9),
    st.floats(0, 1),
    st.integers(1, 300),
)
def test_prices_lie_on_the_grid_enclose_their_bodies_and_stay_positive(
    seed: int, tick: str, sigma: float, gaps: float, jumps: float, n: int
) -> None:
    for bars in synthetic_bars(2, n, seed=seed, sigma=sigma, tick=tick, gaps=gaps, jumps=jumps):
        assert bool((np.diff(bars.ts) > 0).all())
        assert bool((bars.high >= np.maximum(bars.open, bars.close)).all())
        assert bool((bars.low <= np.minimum(bars.open, bars.close)).all())
        assert bool((bars.volume >= 1).all())
        assert bool((bars.volume == np.rint(bars.volume)).all())
        for price in (*bars.low.tolist(), *bars.open.tolist()):
            assert price >= float(tick)
            # Above 1e9 ticks a float's shortest text may lie beside the grid; no test price is there.
            assert price > 1e9 * float(tick) or Decimal(repr(price)) % Decimal(tick) == 0
        assert len(bars) == n - min(round(gaps * n), max(0, n - 2))


def test_the_seed_alone_decides_and_symbols_do_not_disturb_each_other() -> None:
    first, second = synthetic_bars(["A", "B"], 500, seed=5)
    assert equal(first, synthetic_bars(["A"], 500, seed=5)[0])
    assert not np.array_equal(first.close, second.close)
    assert not np.array_equal(first.close, synthetic_bars(1, 500, seed=6)[0].close)


def test_counted_symbols_are_named_as_synthetic() -> None:
    assert [bars.symbol for bars in synthetic_bars(3, 1, seed=0)] == ["SYN000", "SYN001", "SYN002"]


def test_sigma_is_the_volatility_of_a_bar_and_volume_remembers() -> None:
    (bars,) = synthetic_bars(1, 50_000, seed=3, sigma=0.003)
    assert np.diff(np.log(bars.close)).std() == pytest.approx(0.003, rel=0.03)
    assert np.corrcoef(bars.volume[1:], bars.volume[:-1])[0, 1] > 0.5
    average = np.convolve(bars.volume, np.ones(20) / 20, "valid")
    assert 0.3 < (bars.volume[19:] > average).mean() < 0.6


def test_jumps_make_rare_moves_ten_times_as_large() -> None:
    (calm,) = synthetic_bars(1, 20_000, seed=3)
    (wild,) = synthetic_bars(1, 20_000, seed=3, jumps=0.01)
    sizes = [np.abs(np.diff(np.log(bars.close))) > 0.012 for bars in (calm, wild)]
    assert sizes[0].sum() == 0
    assert 0.002 < sizes[1].mean() < 0.01


def test_bars_follow_the_interval_or_the_sessions_of_a_calendar() -> None:
    (bars,) = synthetic_bars(1, 5, seed=1, interval="5min")
    assert set(np.diff(bars.ts).tolist()) == {5 * MINUTE}
    (inside,) = synthetic_bars(1, 1000, seed=1, session=NYSE, start="2024-07-03T13:40:00Z")
    assert len(inside) == 1000
    assert all(NYSE.is_open(at) for at in inside.ts.tolist())
    assert check([inside], NYSE).findings == ()
    (days,) = synthetic_bars(1, 300, seed=1, session=NYSE, interval="1d")
    assert len(days) == 300
    assert check([days], NYSE).findings == ()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"bars": 0}, "bars must be at least 1"),
        ({"sigma": -0.1}, "sigma"),
        ({"sigma": float("nan")}, "sigma"),
        ({"gaps": 1.0}, "gaps"),
        ({"jumps": 1.5}, "jumps"),
        ({"tick": 0.0}, "tick"),
        ({"start_price": 0.001}, "start_price"),
        ({"start": "soon"}, "'soon' is no ISO-8601 time"),
    ],
)
def test_arguments_out_of_range_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        synthetic_bars(1, **{"bars": 10, "seed": 1, **wrong})


cents = st.integers(100, 100_000)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(cents, min_size=4, max_size=4), min_size=1, max_size=4), st.integers(0, 10**6))
def test_a_day_rebuilt_from_its_bridge_is_the_day(prices: list[list[int]], volume: int) -> None:
    sessions = NYSE.sessions(date(2024, 7, 2), date(2024, 7, 9))[: len(prices)]
    rows = np.array([[p[0], max(p), min(p), p[1]] for p in prices]) / 100
    ts = np.array([NYSE.midnight(session.date) for session in sessions])
    daily = Bars("A", ts, *[*rows.T, np.full(len(rows), float(volume))])
    inner = brownian_bridge(daily, NYSE, seed=9, interval="5m")
    for i, session in enumerate(sessions):
        today = (inner.ts >= session.open) & (inner.ts < session.close)
        assert today.sum() == (session.close - session.open) // (5 * MINUTE)
        assert inner.open[today][0] == daily.open[i]
        assert inner.close[today][-1] == daily.close[i]
        assert inner.high[today].max() == daily.high[i]
        assert inner.low[today].min() == daily.low[i]
        assert inner.volume[today].sum() == volume
    assert bool((inner.high >= np.maximum(inner.open, inner.close)).all())
    assert bool((inner.low <= np.minimum(inner.open, inner.close)).all())


def test_a_bridge_stays_the_same_when_more_days_follow(daily: Callable[..., Bars]) -> None:
    days = daily([10.0, 11.0, 10.5], days=[19_905, 19_906, 19_907])  # 1 to 3 July 2024
    whole = brownian_bridge(days, calendar_for("24/7"), seed=2, interval="1h")
    begun = brownian_bridge(days.head(2), calendar_for("24/7"), seed=2, interval="1h")
    assert equal(whole.head(48), begun)


def test_a_date_at_midnight_utc_is_that_date_in_new_york(daily: Callable[..., Bars]) -> None:
    inner = brownian_bridge(daily([10.0], days=[19_905]), NYSE, seed=2)
    assert inner.ts[0] == NYSE.sessions(date(2024, 7, 1), date(2024, 7, 1))[0].open


def test_a_bridge_needs_a_session_and_a_sane_bar(daily: Callable[..., Bars]) -> None:
    with pytest.raises(DataError, match="no session on the day of daily bar 1"):
        brownian_bridge(daily([10.0], days=[19_910]), NYSE, seed=2)
    odd = Bars("A", np.array([19_905 * DAY]), *(np.array([value]) for value in (1.0, 0.5, 2.0, 1.0, 9.0)))
    with pytest.raises(DataError, match="do not enclose"):
        brownian_bridge(odd, calendar_for("24/7"), seed=2)
