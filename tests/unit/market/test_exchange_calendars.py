"""The exchanges of the world: breaks for lunch, half days, clocks that change on other days than New York's."""

import sys
import warnings
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewrit.domain.market import DAY, HOUR, MINUTE, MarketPhase
from tradewrit.errors import ConfigError, DataError
from tradewrit.features.bars import Bars
from tradewrit.market.bridge import brownian_bridge
from tradewrit.market.calendar import calendar_for
from tradewrit.market.exchanges import exchange_days
from tradewrit.market.gaps import find_gaps
from tradewrit.market.resample import resample
from tradewrit.market.synth import synthetic_bars

EXCHANGES = ["XLON", "XETR", "XFRA", "XTKS", "XHKG", "XTSE"]
FIRST, LAST = date(2006, 1, 1), date(2025, 12, 31)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


def clock(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%H:%M")


def shown(mic: str, day: str) -> list[str]:
    """The stretches of one session in UTC."""
    (session,) = calendar_for(mic).sessions(date.fromisoformat(day), date.fromisoformat(day))
    return [f"{clock(start)}-{clock(end)}" for start, end in session.stretches]


@pytest.fixture(scope="module")
def oracles() -> dict[str, Any]:
    """The library itself, asked in its own way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import exchange_calendars

        return {mic: exchange_calendars.get_calendar(mic, FIRST, LAST, "left") for mic in EXCHANGES}


@pytest.mark.parametrize("mic", EXCHANGES)
def test_twenty_years_of_sessions_have_the_hours_of_their_exchange(mic: str, oracles: dict[str, Any]) -> None:
    ours = calendar_for(mic).sessions(FIRST, LAST)
    assert [one.date for one in ours] == [day.date() for day in oracles[mic].sessions]
    assert {one.date for one in ours if one.is_half_day} == {d.date() for d in oracles[mic].early_closes}
    minutes = sum((end - start) // MINUTE for one in ours for start, end in one.stretches)
    assert minutes == len(oracles[mic].minutes)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore:.*:FutureWarning")  # the library's own
@settings(max_examples=300)
@given(
    mic=st.sampled_from(EXCHANGES), minute=st.integers(at("2006-01-10") // MINUTE, at("2025-12-20") // MINUTE)
)
def test_at_any_minute_of_twenty_years_it_is_open_or_not_as_the_exchange_is(
    mic: str, minute: int, oracles: dict[str, Any]
) -> None:
    import pandas as pd

    calendar, oracle = calendar_for(mic), oracles[mic]
    now, moment = minute * MINUTE, pd.Timestamp(minute * MINUTE, tz="UTC")
    status = calendar.status(now)
    is_open = oracle.is_open_on_minute(moment, ignore_breaks=False)
    assert calendar.is_open(now) is is_open
    assert (status.phase is MarketPhase.OPEN) is is_open
    assert (status.phase is MarketPhase.BREAK) is oracle.is_break_minute(moment)
    assert status.next_close == oracle.next_close(moment).value
    assert calendar.is_open(status.next_open)
    assert not calendar.is_open(status.next_open - 1)
    session = calendar.session_of(status.next_open)
    assert session is not None
    if status.next_open == session.open:
        assert status.next_open == oracle.next_open(moment).value
    else:
        assert session.open <= now < status.next_open == session.break_end


@pytest.mark.parametrize(
    ("mic", "day", "hours"),
    [
        ("XLON", "2024-03-12", ["08:00-16:30"]),  # New York has changed its clocks, London has not
        ("XLON", "2024-04-02", ["07:00-15:30"]),
        ("XETR", "2024-10-29", ["08:00-16:30"]),  # Berlin has changed them back, New York has not
        ("XLON", "2024-12-24", ["08:00-12:30"]),
        ("XTKS", "2024-02-29", ["00:00-02:30", "03:30-06:00"]),
        ("XTKS", "2024-11-05", ["00:00-02:30", "03:30-06:30"]),  # from then on to half past three
        ("XHKG", "2024-02-09", ["01:30-04:00"]),  # half a day ends with its lunch
        ("XHKG", "2024-02-14", ["01:30-04:00", "05:00-08:00"]),
        ("XTSE", "2024-12-24", ["14:30-18:00"]),
    ],
)
def test_days_that_went_wrong_elsewhere(mic: str, day: str, hours: list[str]) -> None:
    assert shown(mic, day) == hours


@pytest.mark.parametrize(
    ("mic", "day"),
    [
        ("XLON", "2022-09-19"),  # a funeral
        ("XETR", "2024-12-24"),
        ("XTKS", "2024-01-02"),
        ("XHKG", "2024-02-12"),  # the new year of the moon
        ("XTSE", "2024-10-14"),  # thanksgiving, six weeks before New York's
    ],
)
def test_holidays_of_their_own(mic: str, day: str) -> None:
    assert calendar_for(mic).sessions(date.fromisoformat(day), date.fromisoformat(day)) == []


def test_the_day_of_a_bar_is_the_venues_own_on_either_side_of_greenwich() -> None:
    mumbai = calendar_for("XBOM")
    session = mumbai.session_of(at("2023-12-31T18:30:00+00:00"))  # midnight there; the first is no holiday
    assert session is not None
    assert session.date == date(2024, 1, 1)
    tokyo = calendar_for("XTKS")
    assert tokyo.midnight(date(2024, 1, 4)) == at("2024-01-03T15:00:00+00:00")
    assert tokyo.session_of(at("2024-01-02T01:00:00+00:00")) is None


def test_in_the_break_the_session_goes_on_and_trading_does_not() -> None:
    tokyo = calendar_for("xtks")
    before, lunch = (
        tokyo.status(at("2024-03-04T02:29:59+00:00")),
        tokyo.status(at("2024-03-04T02:30:00+00:00")),
    )
    assert (before.phase, lunch.phase) == (MarketPhase.OPEN, MarketPhase.BREAK)
    assert before.next_close == lunch.next_close == at("2024-03-04T06:00:00+00:00")
    assert lunch.next_open == at("2024-03-04T03:30:00+00:00")
    assert tokyo.status(lunch.next_open).phase is MarketPhase.OPEN
    assert tokyo.session_of(lunch.at) == tokyo.session_of(before.at)


def test_an_hour_never_mixes_what_lies_before_and_after_lunch() -> None:
    (session,) = calendar_for("XTKS").sessions(date(2024, 3, 4), date(2024, 3, 4))
    ts = np.arange(session.open, session.close, MINUTE, dtype=np.int64)
    level = np.arange(len(ts), dtype=np.float64) + 100
    bars = Bars("7203", ts, level, level, level, level, np.ones(len(ts)))
    hours = resample(bars, HOUR, calendar_for("XTKS"))
    assert [clock(one) for one in hours.bars.ts.tolist()] == [
        "00:00",
        "01:00",
        "02:00",
        "03:30",
        "04:30",
        "05:30",
    ]
    assert hours.bars.volume.tolist() == [60, 60, 30, 60, 60, 30]
    assert hours.left_out == 60  # whatever somebody printed at lunch
    (day,) = resample(bars, DAY, calendar_for("XTKS")).bars.rows()
    assert (day.ts, day.volume, day.close) == (at("2024-03-03T15:00:00+00:00"), 300, level[-1])


@pytest.mark.parametrize("mic", EXCHANGES)
def test_bars_that_are_all_there_have_no_gap_and_one_that_lacks_is_found(mic: str) -> None:
    calendar = calendar_for(mic)
    (bars,) = synthetic_bars(1, 6000, seed=3, start="2024-03-04T00:00:00Z", interval="5m", session=calendar)
    assert not any(calendar.status(ts).phase is MarketPhase.BREAK for ts in bars.ts.tolist())
    assert list(find_gaps("A", bars.ts, calendar)) == []
    (lost,) = find_gaps("A", np.delete(bars.ts, 500), calendar)
    assert (lost.count, calendar.name in lost.message) == (1, True)
    days = resample(bars, DAY, calendar)
    assert days.left_out == 0
    inside = brownian_bridge(days.bars, calendar, interval="5m", seed=1)
    assert set(inside.ts.tolist()) >= set(bars.ts.tolist())


def test_years_nobody_knows_are_refused_with_what_to_do() -> None:
    shanghai = calendar_for("XSHG")  # which announces its holidays year by year
    with pytest.raises(DataError, match=f"knows 1991 to {shanghai.last_year}.*newer exchange_calendars"):
        shanghai.sessions(date(shanghai.last_year + 1, 1, 1), date(shanghai.last_year + 1, 2, 1))
    with pytest.raises(DataError, match="check the times of the data"):
        calendar_for("XTKS").status(at("1995-01-05T03:00:00+00:00"))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("XZZZ", "unknown calendar 'XZZZ'"),
        ("CMES", "evening before"),
        ("Tokyo", "ISO 10383"),
        ("HKEX", "ISO 10383"),
    ],
)
def test_what_is_no_calendar_here_is_refused_with_its_reason(name: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        calendar_for(name)


def test_without_the_library_a_person_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    with pytest.raises(ConfigError, match=r"pip install 'tradewrit\[calendars\]'"):
        exchange_days("XLON")
