import pytest

from tradewrit.domain.market import DAY, HOUR, MINUTE, SECOND, Interval, MarketPhase, Quote


@pytest.mark.parametrize(
    ("spellings", "interval", "seconds"),
    [
        (("1m", "1min"), Interval.MINUTE, 60),
        (("5m", "5min"), Interval.FIVE_MINUTES, 300),
        (("1h", "1hour", "60m"), Interval.HOUR, 3600),
        (("1d", "1day"), Interval.DAY, 86_400),
    ],
)
def test_an_interval_has_one_length_under_every_spelling(
    spellings: tuple[str, ...], interval: Interval, seconds: int
) -> None:
    assert {Interval.of(text) for text in spellings} == {interval}
    assert interval.ns == seconds * SECOND


@pytest.mark.parametrize("text", ["", "2m", "1M", "daily"])
def test_an_unknown_interval_names_the_known_ones(text: str) -> None:
    with pytest.raises(ValueError, match=f"unknown bar interval '{text}'; known: 1m, 5m, 1h, 1d"):
        Interval.of(text)


def test_units_of_time_are_nanoseconds() -> None:
    assert (SECOND, MINUTE, HOUR, DAY) == (10**9, 60 * 10**9, 3600 * 10**9, 86_400 * 10**9)


def test_the_phases_of_a_market() -> None:
    assert [phase.value for phase in MarketPhase] == ["closed", "pre_market", "open", "break", "after_hours"]


def test_the_mid_lies_halfway() -> None:
    assert Quote("AAPL", 1, bid=100.0, ask=101.0).mid == 100.5
