"""Times as files spell them."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.market.stamps import NO_TIME, from_epoch, iso, iso_column, read_time, read_times

HALF_PAST = 1_704_205_800_000_000_000  # 2024-01-02T14:30:00Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-02T14:30:00Z", HALF_PAST),
        ("2024-01-02T09:30:00-05:00", HALF_PAST),
        ("2024-01-02 14:30:00", HALF_PAST),
        ("2024-01-02T14:30", HALF_PAST),
        ("2024-01-02T14:30:00.000000001Z", HALF_PAST + 1),
        ("2024-01-02T14:30:00.25+00:00", HALF_PAST + 250_000_000),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
        ("2024-01-02", 1_704_153_600_000_000_000),
        ("2024-02-30", None),
        ("20240102", None),
        ("now", None),
        ("", None),
        ("2500-01-01", None),
        ("02/01/2024", None),
    ],
)
def test_a_text_is_a_time_or_nothing(text: str, expected: int | None) -> None:
    assert read_time(text) == expected
    times, are_counts = read_times([text, "2024-01-02"])
    assert times.tolist() == [NO_TIME if expected is None else expected, 1_704_153_600_000_000_000]
    assert not are_counts


@given(
    st.lists(st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)), min_size=1),  # noqa: DTZ001
    st.sampled_from(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+00:00"]),
)
def test_reading_a_column_at_once_equals_reading_cell_by_cell(moments: list[datetime], layout: str) -> None:
    cells = [moment.strftime(layout) for moment in moments]
    times, _ = read_times(cells)
    assert times.tolist() == [read_time(cell) for cell in cells]


@given(
    st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001
    st.integers(-12 * 60, 14 * 60),
)
def test_an_offset_is_taken_off(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    expected = ((since.days * 86_400 + since.seconds) * 10**6 + since.microseconds) * 1000
    assert read_time(aware.isoformat()) == expected


@given(st.integers(-(2**62), 2**62))
def test_a_written_time_reads_back(at: int) -> None:
    assert read_time(iso(at)) == at
    assert iso_column(np.array([at])) == [iso(at)]


@pytest.mark.parametrize("unit", [10**9, 10**6, 10**3, 1])
def test_the_size_of_the_largest_number_tells_the_unit(unit: int) -> None:
    counts = np.array([HALF_PAST // unit - 60 * 10**9 // unit, HALF_PAST // unit])
    assert from_epoch(counts).tolist() == [HALF_PAST - 60 * 10**9, HALF_PAST]


def test_the_first_milliseconds_of_1970_take_the_unit_of_the_last() -> None:
    counts = np.array([0, 86_400_000, HALF_PAST // 10**6])
    assert from_epoch(counts).tolist() == [0, 86_400 * 10**9, HALF_PAST]


@pytest.mark.parametrize("counts", [[20240102, 20240103], [202401021430, 202401021431]])
def test_dates_without_separators_are_no_seconds(counts: list[int]) -> None:
    assert from_epoch(np.array(counts)).tolist() == [NO_TIME, NO_TIME]


def test_numbers_beyond_the_nanoseconds_of_64_bits_are_no_times() -> None:
    assert from_epoch(np.array([99_999_999_999])).tolist() == [NO_TIME]
    times, are_counts = read_times(["9" * 25])
    assert are_counts
    assert times.tolist() == [NO_TIME]
