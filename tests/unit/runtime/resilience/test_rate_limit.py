"""The rate limit: never more than the venue allows in any window, and always room for a stop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.market import SECOND
from tradewrit.runtime.resilience.rate_limit import ALPACA, SCHWAB, Budget, RateLimit

MINUTE = 60 * SECOND


def sent_at(limit: RateLimit, count: int, *, is_protective: bool = False) -> list[int]:
    """When `count` queued calls leave, each as early as it may."""
    now = 0
    times: list[int] = []
    while len(times) < count:
        limit, wait = limit.take(now, is_protective=is_protective)
        if wait == 0:
            times.append(now)
        now += wait
    return times


def most_in_a_window(times: list[int], window: int) -> int:
    return max(sum(start <= at < start + window for at in times) for start in times)


@pytest.mark.parametrize(("budget", "most"), [(ALPACA, 200), (SCHWAB, 120)])
def test_a_thousand_queued_calls_never_exceed_the_venues_minute(budget: Budget, most: int) -> None:
    times = sent_at(RateLimit(budget=budget), 1_000, is_protective=True)
    assert most_in_a_window(times, MINUTE) == most


def test_ordinary_calls_leave_room_for_stops() -> None:
    limit = RateLimit(budget=ALPACA)
    for _ in range(140):
        limit, wait = limit.take(0)
        assert wait == 0
    assert limit.take(0)[1] == MINUTE
    for _ in range(60):
        limit, wait = limit.take(1, is_protective=True)
        assert wait == 0
    assert limit.take(1, is_protective=True)[1] == MINUTE - 1


def test_a_venue_that_complains_gets_half_until_a_window_has_passed() -> None:
    limit = RateLimit(budget=Budget(calls=10, reserved_fraction=0.2)).squeeze(0)
    assert limit.left(0) == 4
    assert limit.left(0, is_protective=True) == 10
    assert limit.left(MINUTE) == 8


def test_a_complaint_with_a_time_is_kept_to() -> None:
    limit = RateLimit(budget=Budget(calls=10)).squeeze(0, retry_after_ns=3 * MINUTE)
    assert limit.left(3 * MINUTE - 1) < limit.left(3 * MINUTE)


@pytest.mark.parametrize(
    "wrong", [{"calls": 0}, {"calls": 1, "window_ns": 0}, {"calls": 1, "reserved_fraction": 1.0}]
)
def test_a_budget_that_lets_nothing_through_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"nothing through|reserved_fraction"):
        Budget(**wrong)


def waits_until_let_through(limit: RateLimit, now: int, *, is_protective: bool) -> int:
    for waits in range(10):
        limit, again = limit.take(now, is_protective=is_protective)
        if again == 0:
            return waits
        now += again
    raise AssertionError("it never lets this call through")


asked = st.lists(st.tuples(st.integers(0, 20 * SECOND), st.booleans(), st.booleans()), max_size=80)


@given(st.integers(1, 12), st.floats(0, 0.9), asked)
def test_no_window_ever_holds_more_than_the_budget(
    most: int, reserved: float, sequence: list[tuple[int, bool, bool]]
) -> None:
    budget = Budget(calls=most, reserved_fraction=reserved)
    limit, now = RateLimit(budget=budget), 0
    went: list[int] = []
    ordinary: list[int] = []
    for wait, is_protective, is_complaint in sequence:
        now += wait
        if is_complaint:
            limit = limit.squeeze(now)
        limit, again = limit.take(now, is_protective=is_protective)
        if again == 0:
            went.append(now)
            if not is_protective:
                ordinary.append(now)
        else:
            assert waits_until_let_through(limit, now, is_protective=is_protective) <= 3
    if went:
        assert most_in_a_window(went, MINUTE) <= budget.calls
    if ordinary:
        assert most_in_a_window(ordinary, MINUTE) <= budget.open_to_all
