from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.times import iso, parse_iso

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(INT64)
def test_text_and_back_keeps_every_nanosecond(ns: int) -> None:
    assert parse_iso(iso(ns)) == ns


@given(st.datetimes(datetime(1700, 1, 1), datetime(2250, 1, 1)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_text_agrees_with_the_standard_library(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    assert datetime.fromisoformat(iso(parse_iso(moment.isoformat()))) == moment


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_500_000_000, "1970-01-01T00:00:01.500Z"),
        (1_000_001_000, "1970-01-01T00:00:01.000001Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
    ],
)
def test_a_fraction_is_written_only_where_there_is_one(ns: int, text: str) -> None:
    assert iso(ns) == text


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-02T09:00:00Z",
        "2024-01-02 09:00:00",
        "2024-01-02T09:00",
        "2024-01-02T04:00:00-05:00",
        "2024-01-02T14:30:00+0530",
        " 2024-01-02T09:00:00.000Z ",
    ],
)
def test_spellings_of_one_moment_mean_the_same(text: str) -> None:
    assert parse_iso(text) == 1_704_186_000 * 10**9


def test_a_date_is_midnight_in_utc() -> None:
    assert parse_iso("2024-01-02") == parse_iso("2024-01-02T00:00:00Z")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024-13-01",
        "2024-02-30T00:00:00Z",
        "2024-01-02T09:00:60Z",
        "2024-01-02T09:00:00.1234567890Z",
        "2024-01-02T09:00:00+99:00",
        "1704186000",
        "2024-01-02T09:00:00Z and more",
        "٢٠٢٤-01-02",
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 2024-01-02T09:00:00Z"):
        parse_iso(text)


@pytest.mark.parametrize("text", ["2999-01-01", "1600-01-01", "9999-12-31T23:59:59Z"])
def test_a_time_that_64_bits_cannot_hold_is_refused_with_the_range(text: str) -> None:
    with pytest.raises(ValueError, match="from 1677-09-22 to 2262-04-11"):
        parse_iso(text)
