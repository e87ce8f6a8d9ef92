"""Longer bars from shorter ones: sessions, half days, extended hours, and nothing lost on the way."""

from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewrit.domain.market import DAY, HOUR, MINUTE
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market.calendar import calendar_for
from tradewrit.market.intervals import interval_from, interval_text, usual_step
from tradewrit.market.resample import resample
from tradewrit.market.stamps import iso
from tradewrit.market.synth import synthetic_bars

NYSE, ALWAYS = calendar_for("NYSE"), calendar_for("24/7")
FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
COLUMNS = ("ts", "open", "high", "low", "close", "volume")


def minutes(*spans: tuple[int, int], step: int = MINUTE) -> Bars:
    """Bars from each start to before each end, priced by their place, ten units each."""
    ts = np.concatenate([np.arange(start, end, step, dtype=np.int64) for start, end in spans])
    level = 100.0 + np.arange(len(ts), dtype=np.float64)
    return Bars("A", ts, level, level + 0.5, level - 0.5, level + 0.25, np.full(len(ts), 10.0))


def same(a: Bars, b: Bars) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in COLUMNS)


def opens(bars: Bars) -> list[str]:
    return [iso(at) for at in bars.ts.tolist()]


def test_hourly_bars_count_from_the_open_and_the_last_is_what_is_left() -> None:
    (session,) = NYSE.sessions(date(2024, 1, 3), date(2024, 1, 3))
    hours = resample(minutes((session.open, session.close)), HOUR, NYSE).bars
    assert [at[11:16] for at in opens(hours)] == [
        "14:30", "15:30", "16:30", "17:30", "18:30", "19:30", "20:30",
    ]  # fmt: skip
    assert hours.volume.tolist() == [600.0] * 6 + [300.0]
    assert (hours.open[0], hours.high[0], hours.low[0], hours.close[0]) == (100.0, 159.5, 99.5, 159.25)


def test_a_half_day_ends_at_one_and_its_evening_at_five() -> None:
    (half,) = NYSE.sessions(date(2024, 7, 3), date(2024, 7, 3))
    assert half.is_half_day
    day = minutes((half.open - 5 * HOUR, half.close + 6 * HOUR))
    regular = resample(day, HOUR, NYSE)
    assert [at[11:16] for at in opens(regular.bars)] == ["13:30", "14:30", "15:30", "16:30"]
    extended = resample(day, 4 * HOUR, NYSE, extended=True)
    # 04:00 to 09:30, 09:30 to 13:00 and 13:00 to 17:00 in New York, each from its own start.
    assert [at[11:16] for at in opens(extended.bars)] == ["08:00", "12:00", "13:30", "17:00"]
    assert extended.left_out == 120  # the two hours after 17:00; the data begin at 04:30
    assert regular.left_out + len(minutes((half.open, half.close))) == len(day)


def test_a_daily_bar_carries_the_venues_midnight_and_the_regular_hours_alone() -> None:
    first, second = NYSE.sessions(date(2024, 3, 8), date(2024, 3, 11))  # the clocks change in between
    spans = [(one.open - 2 * HOUR, one.close + 2 * HOUR) for one in (first, second)]
    days = resample(minutes(*spans), DAY, NYSE)
    assert opens(days.bars) == ["2024-03-08T05:00:00Z", "2024-03-11T04:00:00Z"]
    assert days.bars.volume.tolist() == [3900.0, 3900.0]
    assert days.bars.open[0] == 100.0 + 120
    assert days.left_out == 2 * 240
    longer = resample(minutes(*spans), DAY, NYSE, extended=True).bars
    assert longer.open[0] == 100.0
    assert longer.volume.tolist() == [6300.0, 6300.0]


def test_bars_on_a_day_without_session_are_left_out() -> None:
    (friday,) = NYSE.sessions(date(2024, 1, 5), date(2024, 1, 5))
    bars = minutes((friday.open, friday.close), (friday.open + DAY, friday.open + DAY + HOUR))
    found = resample(bars, HOUR, NYSE, extended=True)
    assert found.left_out == 60
    assert len(found.bars) == 7


def test_a_market_that_never_closes_has_utc_days() -> None:
    start = 1_704_067_200_000_000_000  # 2024-01-01
    found = resample(minutes((start + 23 * HOUR, start + 2 * DAY)), DAY, ALWAYS).bars
    assert opens(found) == ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"]
    assert found.volume.tolist() == [600.0, 14_400.0]


def test_the_calendar_is_chosen_by_the_times() -> None:
    bars = synthetic_bars(1, 2000, seed=1, session=NYSE)[0]
    assert resample(bars, HOUR).calendar == "NYSE"
    assert resample(synthetic_bars(1, 30_000, seed=1, gaps=0.3)[0], HOUR).calendar == "24/7"


def test_a_bar_without_trades_is_not_invented() -> None:
    (session,) = NYSE.sessions(date(2024, 1, 3), date(2024, 1, 3))
    bars = minutes(
        (session.open + 2 * HOUR + MINUTE, session.open + 3 * HOUR), (session.open + 5 * HOUR, session.close)
    )
    hours = resample(bars, HOUR, NYSE).bars
    assert hours.ts[0] == session.open + 2 * HOUR  # stamped with its own open, not its first trade
    assert len(hours) == 3


@given(
    seed=st.integers(0, 1000),
    gaps=st.floats(0, 0.6),
    count=st.integers(2, 2500),
    extended=st.booleans(),
    steps=st.sampled_from([(5, 60), (5, 30), (15, 60), (1, 1), (10, 60), (30, 240)]),
)
@FEW
def test_the_steps_in_between_do_not_matter(
    seed: int, gaps: float, count: int, extended: bool, steps: tuple[int, int]
) -> None:
    bars = synthetic_bars(1, count, seed=seed, gaps=gaps, start="2024-07-02T10:00:00Z")[0]
    if usual_step(bars.ts) != MINUTE:
        return  # a handful of bars with holes: nobody can tell that they are minutes
    between, last = (step * MINUTE for step in steps)
    if between == MINUTE:
        between, last = 5 * MINUTE, DAY
    first = resample(bars, between, NYSE, extended=extended)
    if len(first.bars) < 2 or usual_step(first.bars.ts) != between:
        return
    directly = resample(bars, last, NYSE, extended=extended)
    assert same(resample(first.bars, last, NYSE, extended=extended).bars, directly.bars)


@given(seed=st.integers(0, 1000), gaps=st.floats(0, 0.6), extended=st.booleans())
@FEW
def test_volume_and_extremes_are_conserved_and_what_is_left_out_is_counted(
    seed: int, gaps: float, extended: bool
) -> None:
    bars = synthetic_bars(1, 1500, seed=seed, gaps=gaps, start="2024-11-27T12:00:00Z")[0]
    found = resample(bars, 15 * MINUTE, NYSE, extended=extended)
    status = [NYSE.status(at).phase.value for at in bars.ts.tolist()]
    wanted = {"open", "pre_market", "after_hours"} if extended else {"open"}
    kept = np.array([phase in wanted for phase in status])
    assert found.left_out == int((~kept).sum())
    assert found.rows_read == len(bars)
    assert found.bars.volume.sum() == bars.volume[kept].sum()
    if kept.any():
        assert found.bars.high.max() == bars.high[kept].max()
        assert found.bars.low.min() == bars.low[kept].min()
        assert (np.diff(found.bars.ts) > 0).all()


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        (MINUTE, "cannot become bars of 1m"),
        (7 * MINUTE, "do not fit into a day"),
        (7 * DAY, "do not fit into a day"),
        (8 * MINUTE, "cannot become bars of 8m"),
    ],
)
def test_a_length_that_cannot_be_is_refused(interval: int, said: str) -> None:
    (session,) = NYSE.sessions(date(2024, 1, 3), date(2024, 1, 3))
    bars = minutes((session.open, session.close), step=5 * MINUTE)
    with pytest.raises(DataError, match=said):
        resample(bars, interval, NYSE)


def test_a_bar_that_reaches_into_the_next_longer_one_is_refused() -> None:
    (session,) = NYSE.sessions(date(2024, 1, 3), date(2024, 1, 3))
    clock_hours = minutes((session.open + HOUR // 2, session.close), step=HOUR)  # 10:00, 11:00, ...
    with pytest.raises(DataError, match="reaches from one 2h bar into the next"):
        resample(clock_hours, 2 * HOUR, NYSE)


@given(count=st.integers(1, 59), unit=st.sampled_from("smhd"))
def test_a_length_reads_back_from_its_name(count: int, unit: str) -> None:
    ns = interval_from(f"{count}{unit}")
    assert interval_from(interval_text(ns)) == ns


@pytest.mark.parametrize("text", ["", "m", "0m", "1x", "-1m", "1.5h", "five"])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="is no bar length"):
        interval_from(text)


def test_the_commonest_step_is_the_length_where_many_bars_are_missing() -> None:
    bars = synthetic_bars(1, 5000, seed=3, gaps=0.7)[0]
    assert usual_step(bars.ts) == MINUTE
    with pytest.raises(DataError, match="a single bar"):
        usual_step(bars.ts[:1])
