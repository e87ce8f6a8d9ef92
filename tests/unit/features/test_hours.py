"""What a calendar says of a bar: the same bits as a column and bar by bar, and nothing of later bars."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.features.markets import assert_same_bits
from tradewrit import (
    Inputs,
    every,
    first_bar_of_session,
    first_session_of,
    last_bar_of_session,
    last_session_of,
    minutes_since_open,
    minutes_to_close,
)
from tradewrit.domain.market import DAY, HOUR, MINUTE
from tradewrit.domain.times import parse_iso
from tradewrit.errors import StrategyError
from tradewrit.features.bars import Bars, Times
from tradewrit.features.evaluate import Stepper, columns
from tradewrit.features.hours import PERIODS, Hours
from tradewrit.features.series import Series
from tradewrit.features.sessions import Period, leaving
from tradewrit.market.calendar import calendar_for
from tradewrit.market.hours import hours_of

# Thanksgiving on the 28th, a half day on the 29th (until 18:00 UTC), and the end of a month.
START, END = parse_iso("2024-11-25T00:00:00Z"), parse_iso("2024-12-04T00:00:00Z")
PERIOD_OF: dict[str, Callable[[date], object]] = {
    "week": lambda day: day.isocalendar()[:2],
    "month": lambda day: (day.year, day.month),
    "quarter": lambda day: (day.year, (day.month - 1) // 3),
    "year": lambda day: day.year,
}


def hours(name: str = "NYSE", length: int = 30 * MINUTE, leaves: int | None = None) -> Hours:
    return hours_of(calendar_for(name), START, END, length, leaves=leaves)


def bars(ts: Times, symbol: str = "A") -> Bars:
    flat = np.ones(len(ts))
    return Bars(symbol, ts, flat, flat, flat, flat, flat)


def every_half_hour() -> Times:
    return np.arange(START, END, 30 * MINUTE, dtype=np.int64)


def formulas(known: Hours) -> list[Series]:
    x = Inputs(hours=known)
    ending = leaving(known)
    return [
        minutes_since_open(x),
        minutes_to_close(x),
        first_bar_of_session(x),
        last_bar_of_session(x),
        every(x, minutes=45),
        every(x, minutes=120),
        *(first_session_of(x, period) for period in get_args(Period)),
        *(last_session_of(x, period) for period in get_args(Period)),
        ~first_bar_of_session(x) & (minutes_to_close(x) > 60),
        *([] if ending is None else [ending]),
    ]


def read(formula: Series, ts: Times) -> dict[str, float]:
    """The values by the time at which each bar opened, as text without the year and the seconds."""
    (column,) = columns([formula], bars(ts))
    names = (datetime.fromtimestamp(at / 1e9, UTC).strftime("%m-%d %H:%M") for at in ts.tolist())
    return dict(zip(names, column.tolist(), strict=True))


def held(formula: Series, ts: Times) -> list[str]:
    return [name for name, value in read(formula, ts).items() if value]


def _drawn(seed: int) -> tuple[Hours, Times]:
    """Bars of any length, on a grid or beside it, with holes, in a market that closes or does not.

    Drawn by our own generator: most histories of hypothesis are too short to see a session end.
    """
    rng = random.Random(seed)
    length = rng.choice([5 * MINUTE, 30 * MINUTE, 45 * MINUTE, HOUR, 4 * HOUR, DAY])
    first = rng.choice([rng.randrange(48) * length % DAY, rng.randrange(DAY // MINUTE) * MINUTE + 7])
    share, step = rng.choice([0.0, 0.3, 0.8]), rng.choice([1, 1, 3])
    kept = [k * step for k in range(rng.choice([3, 60, 200])) if not k or rng.random() >= share]
    leaves = rng.choice([None, 0, 10 * MINUTE, 2 * HOUR])
    known = hours(rng.choice(["NYSE", "XTKS", "24/7"]), length, leaves)
    return known, START + first + np.array(kept, dtype=np.int64) * length


def times() -> st.SearchStrategy[tuple[Hours, Times]]:
    """Hours, and the times of bars that are held against them."""
    return st.integers(0, 2**32).map(_drawn)


@given(drawn=times())
def test_a_calendar_says_the_same_in_columns_and_bar_by_bar(drawn: tuple[Hours, Times]) -> None:
    known, ts = drawn
    outputs = formulas(known)
    stepper = Stepper(outputs)
    stepped = [stepper.update(bar) for bar in bars(ts).rows()]
    for k, column in enumerate(columns(outputs, bars(ts))):
        assert_same_bits(column, np.array([row[k] for row in stepped], dtype=column.dtype))


@given(drawn=times(), kept=st.integers(0, 200))
def test_a_calendar_says_nothing_of_later_bars(drawn: tuple[Hours, Times], kept: int) -> None:
    known, ts = drawn
    outputs = formulas(known)
    for whole, part in zip(columns(outputs, bars(ts)), columns(outputs, bars(ts[:kept])), strict=True):
        assert_same_bits(whole[:kept], part)


@given(drawn=st.lists(times(), min_size=1, max_size=3))
def test_symbols_side_by_side_are_read_as_each_alone(drawn: list[tuple[Hours, Times]]) -> None:
    known, length = drawn[0][0], min(len(ts) for _, ts in drawn)
    symbols = [bars(ts[:length], f"S{k}") for k, (_, ts) in enumerate(drawn * 2)]
    outputs = formulas(known)
    for rows, k in zip(columns(outputs, *symbols), range(len(outputs)), strict=True):
        for row, one in zip(rows, symbols, strict=True):
            assert_same_bits(np.ascontiguousarray(row), columns(outputs, one)[k])


def test_minutes_count_to_the_end_of_a_bar_and_stop_outside_the_session() -> None:
    since = read(minutes_since_open(Inputs(hours=hours())), every_half_hour())
    left = read(minutes_to_close(Inputs(hours=hours())), every_half_hour())
    assert (since["11-25 14:30"], left["11-25 14:30"]) == (30, 360)
    assert (since["11-25 20:30"], left["11-25 20:30"]) == (390, 0)
    assert np.isnan([since["11-25 14:00"], since["11-25 21:00"], since["11-28 15:00"]]).all()


def test_a_half_day_closes_early() -> None:
    left = read(minutes_to_close(Inputs(hours=hours())), every_half_hour())
    assert (left["11-29 14:30"], left["11-29 17:30"]) == (180, 0)
    assert np.isnan(left["11-29 18:00"])


def test_an_hour_that_holds_the_open_belongs_to_the_session_and_one_that_holds_the_close_ends_with_it() -> (
    None
):
    x = Inputs(hours=hours(length=HOUR))
    whole_hours = np.arange(START, END, HOUR, dtype=np.int64)
    assert read(minutes_since_open(x), whole_hours)["11-25 14:00"] == 30
    since_open = np.arange(START + 30 * MINUTE, END, HOUR, dtype=np.int64)
    assert read(minutes_to_close(x), since_open)["11-25 20:30"] == 0
    assert "11-25 20:30" in held(last_bar_of_session(x), since_open)


def test_the_first_bar_is_the_first_there_is_and_the_last_is_the_one_that_ends_the_session() -> None:
    x, ts = Inputs(hours=hours()), every_half_hour()
    assert held(first_bar_of_session(x), ts)[:2] == ["11-25 14:30", "11-26 14:30"]
    assert held(last_bar_of_session(x), ts)[:2] == ["11-25 20:30", "11-26 20:30"]
    is_missing = np.isin(ts, [parse_iso("2024-11-25T14:30:00Z"), parse_iso("2024-11-25T20:30:00Z")])
    assert held(first_bar_of_session(x), ts[~is_missing])[0] == "11-25 15:00"
    assert held(last_bar_of_session(x), ts[~is_missing])[0] == "11-26 20:30"


def test_data_that_begin_within_a_session_do_not_begin_it() -> None:
    ts = every_half_hour()
    late = ts[ts >= parse_iso("2024-11-25T16:00:00Z")]
    assert held(first_bar_of_session(Inputs(hours=hours())), late)[0] == "11-26 14:30"


def test_a_timer_goes_off_on_the_bar_that_ends_on_it_or_on_the_next() -> None:
    x, ts = Inputs(hours=hours()), every_half_hour()
    due = [name for name in held(every(x, minutes=120), ts) if name.startswith("11-25")]
    assert due == ["11-25 16:00", "11-25 18:00", "11-25 20:00"]
    without = ts[~np.isin(ts, [parse_iso("2024-11-25T16:00:00Z"), parse_iso("2024-11-25T20:00:00Z")])]
    due = [name for name in held(every(x, minutes=120), without) if name.startswith("11-25")]
    assert due == ["11-25 16:30", "11-25 18:00", "11-25 20:30"]


def test_a_market_that_never_closes_counts_utc_days() -> None:
    x, ts = Inputs(hours=hours("24/7")), every_half_hour()
    since = read(minutes_since_open(x), ts)
    assert (since["11-25 00:00"], since["11-25 23:30"], since["11-26 00:00"]) == (30, 1440, 30)
    assert held(every(x, minutes=720), ts)[:3] == ["11-25 11:30", "11-25 23:30", "11-26 11:30"]
    assert held(last_bar_of_session(x), ts)[0] == "11-25 23:30"


@pytest.mark.parametrize("midnight", ["00:00", "05:00"])
def test_a_bar_of_a_day_is_its_session_by_utc_date_and_by_the_venues_midnight(midnight: str) -> None:
    x = Inputs(hours=hours(length=DAY))
    days = ["2024-11-27", "2024-11-28", "2024-11-29", "2024-12-02", "2024-12-03"]
    ts = np.array([parse_iso(f"{day}T{midnight}:00Z") for day in days], dtype=np.int64)
    assert held(last_session_of(x, "month"), ts) == [f"11-29 {midnight}"]
    assert held(first_session_of(x, "month"), ts) == [f"12-02 {midnight}"]
    left = list(read(minutes_to_close(x), ts).values())
    assert left[:1] + left[2:] == [0, 0, 0, 0]
    assert np.isnan(left[1])  # Thanksgiving


@pytest.mark.parametrize("name", ["NYSE", "XTKS", "24/7"])
def test_periods_begin_and_end_with_the_sessions_of_the_calendar(name: str) -> None:
    calendar = calendar_for(name)
    first, last = parse_iso("2019-01-01T00:00:00Z"), parse_iso("2026-06-30T00:00:00Z")
    known = hours_of(calendar, first, last, DAY)
    dates = [one.date for one in calendar.sessions(date(2018, 1, 1), date(2028, 1, 1))]
    places = {one: k for k, one in enumerate(dates)}
    wanted = calendar.sessions(date(2019, 1, 1), date(2026, 6, 30))
    start = int(known.opens.searchsorted(wanted[0].open))
    for bit, period in enumerate(PERIODS):
        part = PERIOD_OF[period]
        for k, one in enumerate(wanted, start):
            before, after = dates[places[one.date] - 1], dates[places[one.date] + 1]
            assert bool(known.firsts[k] >> bit & 1) == (part(before) != part(one.date)), (period, one)
            assert bool(known.lasts[k] >> bit & 1) == (part(after) != part(one.date)), (period, one)


def test_leaving_lasts_from_so_long_before_a_close_until_the_next_open() -> None:
    ending = leaving(hours(leaves=HOUR))
    assert ending is not None
    due = [name for name in held(ending, every_half_hour()) if "11-25 14:30" <= name <= "11-26 15:00"]
    assert (due[0], due[-1]) == ("11-25 19:30", "11-26 14:00")
    assert len(due) == 38  # every half hour from the one to the other


def test_what_could_not_be_left_in_time_is_left_on_the_next_bar() -> None:
    ending = leaving(hours(leaves=HOUR))
    assert ending is not None
    ts = every_half_hour()
    is_evening = (ts >= parse_iso("2024-11-25T19:00:00Z")) & (ts < parse_iso("2024-11-26T15:30:00Z"))
    due = held(ending, ts[~is_evening])
    assert [name for name in due if "11-25 14:30" <= name <= "11-26 17:00"] == ["11-26 15:30"]


def test_a_formula_that_asks_needs_to_be_told_when_the_market_is_open() -> None:
    with pytest.raises(StrategyError, match="minutes_to_close needs to know when the market is open"):
        minutes_to_close(Inputs())


def test_a_formula_is_written_as_its_author_wrote_it() -> None:
    x = Inputs(hours=hours())
    assert repr(minutes_to_close(x) <= 30) == "(minutes_to_close <= 30)"
    assert repr(every(x, minutes=30) & first_session_of(x, "month")) == (
        "(every 30 minutes & first_session_of month)"
    )


def test_mistakes_are_named() -> None:
    x = Inputs(hours=hours())
    with pytest.raises(ValueError, match="minutes must be a whole number of at least 1, not 0"):
        every(x, minutes=0)
    with pytest.raises(ValueError, match="period must be one of week, month, quarter, year, not 'day'"):
        first_session_of(x, "day")  # type: ignore[arg-type]


def test_the_same_question_is_computed_once_and_another_is_not() -> None:
    x, other = Inputs(hours=hours()), Inputs(hours=hours("24/7"))
    assert every(x, minutes=30).rule.key == every(Inputs(hours=hours()), minutes=30).rule.key
    assert every(x, minutes=30).rule.key != every(x, minutes=31).rule.key
    assert every(x, minutes=30).rule.key != every(other, minutes=30).rule.key
