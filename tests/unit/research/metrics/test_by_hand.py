"""Every figure equals a second one, worked out from the page in fractions, on random curves and trades."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.research.backtests import CASH, MONDAY, result, trade
from tests.unit.research.metrics import by_hand
from tradewrit.domain.market import DAY, HOUR
from tradewrit.features.bars import Bars
from tradewrit.research.metrics import Metrics, compute
from tradewrit.research.metrics.benchmark import buy_and_hold
from tradewrit.research.results import EquityCurve, Result, RoundTrip

EXCURSIONS = {"average_mae", "average_mfe", "winners_mae", "losers_mfe"}
WORDS = {"benchmark"}
STEPS = st.sampled_from([5 * HOUR, DAY, DAY, 3 * DAY, 7 * DAY, 45 * DAY])


@st.composite
def times(draw: st.DrawFn, count: int) -> list[int]:
    """Rising, in steps of one length with some left out; on weekdays alone, or on all days."""
    step, at = draw(STEPS), MONDAY + draw(st.integers(0, 40)) * DAY + draw(st.integers(0, 23)) * HOUR
    rests = draw(st.booleans())
    found: list[int] = []
    gaps = iter(draw(st.lists(st.sampled_from([1, 1, 1, 2, 4]), min_size=count, max_size=count)))
    while len(found) < count:
        if not rests or by_hand.moment(at).weekday() < 5:
            found.append(at)
            at += next(gaps, 1) * step
        else:
            at += DAY
    return found


@st.composite
def trips(draw: st.DrawFn, at: Sequence[int]) -> RoundTrip:
    first = draw(st.integers(0, len(at) - 1))
    return trade(
        str(draw(st.decimals(-500, 500, places=2) | st.sampled_from([0, 1, -1]))),
        symbol=draw(st.sampled_from("ABC")),
        side=draw(st.sampled_from(["long", "short"])),
        quantity=draw(st.decimals("0.001", 900, places=3)),
        entry_price=draw(st.decimals("0.01", 900, places=2)),
        exit_price=draw(st.decimals("0.01", 900, places=2)),
        entry_time=at[first],
        exit_time=at[draw(st.integers(first, len(at) - 1))],
        exit_reason=draw(st.sampled_from(["stop", "target", "signal"])),
        fees=draw(st.decimals(0, 9, places=3)),
        multiplier=draw(st.sampled_from([Decimal(1), Decimal(50)])),
    )


@st.composite
def results(draw: st.DrawFn) -> Result:
    """Whole amounts, so that returns differ clearly or not at all; now and then all is lost."""
    count = draw(st.integers(1, 30))
    lowest = draw(st.sampled_from([50_000, 50_000, -2_000]))
    at = draw(times(count))
    equity = draw(st.lists(st.integers(lowest, 200_000), min_size=count, max_size=count))
    if draw(st.booleans()):
        equity[0] = int(CASH)
    shares = draw(st.lists(st.sampled_from([0.0, 0.25, 1.5]), min_size=count, max_size=count))
    return result(
        trades=draw(st.lists(trips(at), max_size=12)),
        curve=EquityCurve(np.array(at, dtype=np.int64), np.array(equity, dtype=np.float64), np.array(shares)),
        final_equity=Decimal(equity[-1]) + draw(st.decimals(0, 1, places=4)),
        fees=draw(st.decimals(0, 99, places=2)),
    )


def same(ours: Any, theirs: Any) -> bool:
    """Equal to the last digit where it is a sum, a time or a count; to a millionth where it is a mean."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return ours == pytest.approx(theirs, rel=1e-6, abs=1e-9)
    if isinstance(ours, msgspec.Struct):
        ours = msgspec.structs.asdict(ours)
        theirs = theirs if isinstance(theirs, dict) else dict(zip(ours, theirs, strict=True))
        return set(ours) == set(theirs) and all(same(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, tuple):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return bool(ours == theirs)


def differences(found: Metrics, expected: dict[str, Any]) -> dict[str, Any]:
    shown = {name: (getattr(found, name), value) for name, value in expected.items()}
    return {name: pair for name, pair in shown.items() if not same(*pair)}


def test_no_figure_is_left_out() -> None:
    expected = by_hand.figures(result(), 0.0, None)
    assert set(expected) == set(Metrics.__struct_fields__) - EXCURSIONS - WORDS


@given(results(), st.sampled_from([0.0, 0.03, -0.01]))
def test_every_figure_is_what_the_page_says(made: Result, rate: float) -> None:
    found = compute(made, risk_free=rate)
    assert differences(found, by_hand.figures(made, rate, None)) == {}


@given(results(), st.data())
def test_every_figure_against_a_benchmark_is_what_the_page_says(made: Result, data: st.DataObject) -> None:
    at = made.curve.ts
    prices = data.draw(st.lists(st.integers(50, 300), min_size=len(at), max_size=len(at)))
    close = np.array(prices, dtype=np.float64)
    bars = Bars("AAPL", at, *[close] * 5)
    held = buy_and_hold([bars], at, float(CASH))
    assert held is not None
    assert held.tolist() == pytest.approx([float(CASH) * price / prices[0] for price in prices])
    found = compute(made, bars={"AAPL": bars})
    assert differences(found, by_hand.figures(made, 0.0, held.tolist())) == {}


NO, ONE, WON, LOST = ((), ("3",), ("1", "2", "3"), ("-1", "-2", "-3"))


@pytest.mark.parametrize("pnls", [NO, ONE, ("-3",), ("0",), ("0", "0"), WON, LOST, ("2", "2"), ("-1", "1")])
@pytest.mark.parametrize("equity", [(1e5,), (1e5, 0.0), (1e5, -5.0, 7.0), (0.0, 1e5), (9e4, 1e5, 1e5)])
def test_the_edges_are_what_the_page_says(pnls: tuple[str, ...], equity: tuple[float, ...]) -> None:
    made = result(equity, trades=[trade(pnl, exit_time=MONDAY + DAY * k) for k, pnl in enumerate(pnls)])
    assert differences(compute(made), by_hand.figures(made, 0.0, None)) == {}
