"""When the New York Stock Exchange trades, and the calendar that never closes."""

import warnings
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.market import DAY, HOUR, MINUTE, MarketPhase
from tradewrit.errors import ConfigError, DataError
from tradewrit.market import nyse
from tradewrit.market.calendar import calendar_for

Oracle = dict[int, dict[date, tuple[int, int]]]
NYSE = calendar_for("NYSE")
ALWAYS = calendar_for("24/7")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


@pytest.mark.parametrize("year", range(1995, 2027))
def test_sessions_and_half_days_are_those_of_exchange_calendars(year: int, xnys: Oracle) -> None:
    ours = {s.date: (s.open, s.close) for s in NYSE.sessions(date(year, 1, 1), date(year, 12, 31))}
    assert ours == xnys[year]


@pytest.fixture(scope="module")
def xnys() -> Oracle:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the oracle's own use of its data frame library
        oracle = pytest.importorskip("exchange_calendars")
        schedule = oracle.get_calendar("XNYS", start="1995-01-01", end="2026-12-31").schedule
    years: Oracle = {}
    for day, opens, closes in zip(schedule.index, schedule["open"], schedule["close"], strict=True):
        years.setdefault(day.year, {})[day.date()] = (int(opens.value), int(closes.value))
    return years


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(2001, 9, 11), "attacks"),
        (date(2004, 6, 11), "Reagan"),
        (date(2007, 1, 2), "Ford"),
        (date(2012, 10, 30), "Sandy"),
        (date(2018, 12, 5), "Bush"),
        (date(2025, 1, 9), "Carter"),
        (date(2022, 6, 20), "Juneteenth"),
        (date(1998, 1, 19), "King"),
        (date(2026, 7, 3), "Independence"),
        (date(2024, 3, 29), "Good Friday"),
    ],
)
def test_the_exchange_is_closed_and_says_why(day: date, why: str) -> None:
    assert why in nyse.holidays(day.year)[day]
    assert NYSE.sessions(day, day) == []


def test_new_year_on_a_saturday_is_not_moved_to_friday() -> None:
    assert date(2022, 1, 1).weekday() == 5
    assert [s.date for s in NYSE.sessions(date(2021, 12, 31), date(2022, 1, 3))] == [
        date(2021, 12, 31),
        date(2022, 1, 3),
    ]


def test_holidays_that_did_not_exist_yet_were_trading_days() -> None:
    assert len(NYSE.sessions(date(2021, 6, 18), date(2021, 6, 18))) == 1
    assert len(NYSE.sessions(date(1997, 1, 20), date(1997, 1, 20))) == 1


@pytest.mark.parametrize(
    ("moment", "phase", "next_open", "next_close"),
    [
        ("2024-01-02T03:59:59-05:00", "closed", "2024-01-02T09:30-05:00", "2024-01-02T16:00-05:00"),
        ("2024-01-02T04:00:00-05:00", "pre_market", "2024-01-02T09:30-05:00", "2024-01-02T16:00-05:00"),
        ("2024-01-02T09:30:00-05:00", "open", "2024-01-03T09:30-05:00", "2024-01-02T16:00-05:00"),
        ("2024-01-02T15:59:59-05:00", "open", "2024-01-03T09:30-05:00", "2024-01-02T16:00-05:00"),
        ("2024-01-02T16:00:00-05:00", "after_hours", "2024-01-03T09:30-05:00", "2024-01-03T16:00-05:00"),
        ("2024-01-02T20:00:00-05:00", "closed", "2024-01-03T09:30-05:00", "2024-01-03T16:00-05:00"),
        ("2024-07-03T12:59:59-04:00", "open", "2024-07-05T09:30-04:00", "2024-07-03T13:00-04:00"),
        ("2024-07-03T13:00:00-04:00", "after_hours", "2024-07-05T09:30-04:00", "2024-07-05T16:00-04:00"),
        ("2024-07-03T17:00:00-04:00", "closed", "2024-07-05T09:30-04:00", "2024-07-05T16:00-04:00"),
        ("2024-03-09T12:00:00-05:00", "closed", "2024-03-11T09:30-04:00", "2024-03-11T16:00-04:00"),
        ("2024-12-31T19:30:00-05:00", "after_hours", "2025-01-02T09:30-05:00", "2025-01-02T16:00-05:00"),
    ],
)
def test_status_names_the_phase_and_what_comes_next(
    moment: str, phase: str, next_open: str, next_close: str
) -> None:
    status = NYSE.status(at(moment))
    assert (status.phase, status.next_open, status.next_close) == (phase, at(next_open), at(next_close))
    assert NYSE.is_open(at(moment)) is (phase == "open")


def test_the_open_moves_with_daylight_saving_time() -> None:
    friday, monday = NYSE.sessions(date(2024, 3, 8), date(2024, 3, 11))
    assert monday.open - friday.open == 3 * DAY - HOUR
    assert monday.close - monday.open == friday.close - friday.open == 6 * HOUR + 30 * MINUTE


def test_every_hour_of_a_trading_date_belongs_to_its_session() -> None:
    for clock in ("00:00", "05:00", "12:00", "19:00", "23:59"):
        session = NYSE.session_of(at(f"2024-01-02T{clock}-05:00"))
        assert session is not None
        assert session.date == date(2024, 1, 2)
    assert NYSE.session_of(at("2024-01-01T12:00-05:00")) is None
    assert NYSE.midnight(date(2024, 1, 2)) == at("2024-01-02T00:00-05:00")
    with pytest.raises(DataError, match="no session on 2024-01-01"):
        NYSE.midnight(date(2024, 1, 1))


def test_the_next_session_is_strictly_after_the_moment() -> None:
    opening = at("2024-01-02T09:30-05:00")
    assert NYSE.next_session(opening - 1).date == date(2024, 1, 2)
    assert NYSE.next_session(opening).date == date(2024, 1, 3)


def test_settlement_counts_trading_days_only() -> None:
    assert NYSE.trading_day_after(date(2024, 7, 3), 1) == date(2024, 7, 5)
    assert NYSE.trading_day_after(date(2024, 7, 3), 2) == date(2024, 7, 8)
    assert NYSE.trading_day_after(date(2024, 12, 31), 1) == date(2025, 1, 2)
    assert NYSE.trading_day_after(date(2024, 7, 3), 0) == date(2024, 7, 3)
    assert NYSE.trading_day_after(date(2024, 7, 4), 0) == date(2024, 7, 5)
    with pytest.raises(ValueError, match="forward"):
        NYSE.trading_day_after(date(2024, 7, 3), -1)


@given(st.integers(at("1990-01-01T00:00Z"), at("2040-01-01T00:00Z")))
def test_what_comes_next_lies_ahead_and_phase_and_sessions_agree(moment: int) -> None:
    status = NYSE.status(moment)
    assert moment < status.next_open
    assert moment < status.next_close
    assert NYSE.next_session(moment).open == status.next_open
    day = datetime.fromtimestamp(moment // 10**9, UTC).date()
    around = NYSE.sessions(day - timedelta(days=1), day + timedelta(days=1))
    assert (status.phase is MarketPhase.OPEN) is any(s.open <= moment < s.close for s in around)


def test_asking_in_any_order_gives_the_same_answers() -> None:
    moments = [at("2024-01-02T12:00-05:00") + n * 7 * HOUR for n in range(-2000, 2000)]
    forward = [NYSE.status(moment) for moment in moments]
    assert [NYSE.status(moment) for moment in reversed(moments)] == forward[::-1]


def test_the_market_that_never_closes_is_always_open() -> None:
    moment = at("2024-12-31T23:59:59Z")
    status = ALWAYS.status(moment)
    assert status.phase is MarketPhase.OPEN
    assert status.next_close == at("2025-01-01T00:00Z")
    assert ALWAYS.is_open(at("2024-12-25T03:00Z"))
    assert len(ALWAYS.sessions(date(2024, 1, 1), date(2024, 12, 31))) == 366
    assert ALWAYS.trading_day_after(date(2024, 12, 30), 2) == date(2025, 1, 1)


def test_calendars_go_by_several_names_and_others_are_refused() -> None:
    assert calendar_for("xnys") is calendar_for("nasdaq") is NYSE
    assert calendar_for("always") is ALWAYS
    with pytest.raises(ConfigError, match=r"'LSE'.*NYSE"):
        calendar_for("LSE")


def test_a_year_before_the_rules_is_refused_with_the_years_known() -> None:
    with pytest.raises(DataError, match="1986 to 2261, not 1985"):
        NYSE.status(at("1985-06-03T12:00Z"))
