"""Windows of maintenance: of the week and of a date, in their own zone, across midnight, Sunday and the clocks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.config.tree import Config, VenueConfig
from tradewrit.domain.maintenance import Maintenance, window_of
from tradewrit.domain.market import HOUR, MINUTE
from tradewrit.domain.times import iso, parse_iso


def period(text: str, at: str, margin_ns: int = 0) -> tuple[str, str] | None:
    found = Maintenance((window_of(text),), margin_ns).at(parse_iso(at))
    return None if found is None else (iso(found.begins), iso(found.ends))


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("Sat 22:00 - Sun 02:00 UTC", "2024-03-09T21:59:59Z", None),
        (
            "Sat 22:00 - Sun 02:00 UTC",
            "2024-03-09T22:00:00Z",
            ("2024-03-09T22:00:00Z", "2024-03-10T02:00:00Z"),
        ),
        (
            "Sat 22:00 - Sun 02:00 UTC",
            "2024-03-10T01:59:59Z",
            ("2024-03-09T22:00:00Z", "2024-03-10T02:00:00Z"),
        ),
        ("Sat 22:00 - Sun 02:00 UTC", "2024-03-10T02:00:00Z", None),
        (
            "Sun 23:00 - Mon 01:00 UTC",
            "2024-03-11T00:30:00Z",
            ("2024-03-10T23:00:00Z", "2024-03-11T01:00:00Z"),
        ),
        ("sun 02:00 - 04:00 UTC", "2024-03-10T03:00:00Z", ("2024-03-10T02:00:00Z", "2024-03-10T04:00:00Z")),
        # New York puts its clocks ahead on 10 March at two: the window is an hour shorter.
        (
            "Sun 01:00 - 05:00 America/New_York",
            "2024-03-10T08:59:59Z",
            ("2024-03-10T06:00:00Z", "2024-03-10T09:00:00Z"),
        ),
        (
            "Sun 01:00 - 05:00 America/New_York",
            "2024-03-17T05:00:00Z",
            ("2024-03-17T05:00:00Z", "2024-03-17T09:00:00Z"),
        ),
        (
            "2026-12-05 22:00 - 23:30 UTC",
            "2026-12-05T23:00:00Z",
            ("2026-12-05T22:00:00Z", "2026-12-05T23:30:00Z"),
        ),
        ("2026-12-05 22:00 - 23:30 UTC", "2026-12-12T23:00:00Z", None),
        (
            "2026-12-31 23:00 - 2027-01-02 01:00 Europe/London",
            "2027-01-01T12:00:00Z",
            ("2026-12-31T23:00:00Z", "2027-01-02T01:00:00Z"),
        ),
    ],
)
def test_a_window_is_open_when_it_was_announced(text: str, at: str, expected: tuple[str, str] | None) -> None:
    assert period(text, at) == expected


def test_the_margin_comes_before_it_and_not_after() -> None:
    text = "Sat 22:00 - 23:00 UTC"
    assert period(text, "2024-03-09T21:55:00Z", 5 * MINUTE) is not None
    assert period(text, "2024-03-09T21:54:59Z", 5 * MINUTE) is None
    assert period(text, "2024-03-09T23:00:00Z", 5 * MINUTE) is None


def test_of_windows_that_overlap_the_one_that_ends_last_counts() -> None:
    both = Maintenance((window_of("Sat 22:00 - 23:00 UTC"), window_of("Sat 20:00 - Sun 06:00 UTC")))
    found = both.at(parse_iso("2024-03-09T22:30:00Z"))
    assert found is not None
    assert iso(found.ends) == "2024-03-10T06:00:00Z"


@given(
    first=st.integers(0, 6),
    begins=st.integers(0, 1439),
    minutes=st.integers(1, 7 * 1440 - 1),
    at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - hypothesis wants it naive
)
def test_a_weekly_window_covers_its_share_of_any_week(
    first: int, begins: int, minutes: int, at: datetime
) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=first, minutes=begins)  # a Monday
    end = start + timedelta(minutes=minutes)
    window = window_of(f"{start:%a %H:%M} - {end:%a %H:%M} UTC")
    moment = at.replace(tzinfo=UTC)
    since_start = (moment - start) % timedelta(days=7)
    now = int(moment.timestamp()) * 1_000_000_000
    is_open = Maintenance((window,)).at(now) is not None
    assert is_open is (since_start - timedelta(microseconds=moment.microsecond) < timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no window"),
        ("Sat 22:00", "is no window"),
        ("Sat 25:00 - 26:00 UTC", "is no window"),
        ("Xyz 22:00 - 23:00 UTC", "is no day of the week"),
        ("Sat 22:00 - 23:00 Mars/Olympus", "there is no time zone 'Mars/Olympus'"),
        ("Sat 22:00 - 2026-12-05 23:00 UTC", "both ends have a date"),
        ("2026-12-05 22:00 - 21:00 UTC", "ends before it begins"),
        ("2026-02-30 22:00 - 23:00 UTC", "is no window"),
    ],
)
def test_what_is_no_window_is_refused_with_an_example(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="write it like") as refused:
        window_of(text)
    assert why in str(refused.value)
    with pytest.raises(ValueError, match="write it like"):
        VenueConfig(maintenance=(text,))


def test_by_default_a_venue_announces_nothing() -> None:
    assert Config().venue.windows().at(parse_iso("2024-03-09T22:30:00Z")) is None
    assert VenueConfig(maintenance_margin_s=3600).windows().margin_ns == HOUR
    with pytest.raises(ValueError, match="outage_alarm_s must be at least 0"):
        VenueConfig(outage_alarm_s=-1)
