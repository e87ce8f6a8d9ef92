"""A clock that is set back does not take time back."""

from hypothesis import given
from hypothesis import strategies as st

from tradewrit.credentials.steady_clock import SteadyClock
from tradewrit.runtime.clock import ManualClock

T = 1_000_000


def test_it_is_the_wall_clock_as_long_as_that_goes_forward() -> None:
    wall = ManualClock(at=T)
    steady = SteadyClock(wall)
    wall.advance(5)
    assert steady.now() == T + 5
    wall.set(T + 1_000, is_jump=True)
    assert steady.now() == T + 1_000


def test_set_back_it_goes_on_by_the_time_that_passes_until_the_wall_has_caught_up() -> None:
    wall = ManualClock(at=T)
    steady = SteadyClock(wall)
    assert steady.now() == T
    wall.set(T - 100, is_jump=True)
    assert steady.now() == T
    wall.advance(30)
    assert steady.now() == T + 30
    wall.set(T + 500, is_jump=True)
    assert steady.now() == T + 500


def test_what_is_known_to_have_passed_has_passed() -> None:
    wall = ManualClock(at=T)
    steady = SteadyClock(wall, not_before=T + 70)
    assert steady.now() == T + 70
    steady.learn(T + 90)
    assert steady.now() == T + 90
    steady.learn(T)
    wall.advance(1)
    assert steady.now() == T + 91


@given(st.lists(st.tuples(st.booleans(), st.integers(-10_000, 10_000)), max_size=40))
def test_it_never_goes_back_and_never_stands_still(steps: list[tuple[bool, int]]) -> None:
    wall = ManualClock(at=T)
    steady = SteadyClock(wall)
    before = steady.now()
    for is_jump, step in steps:
        if is_jump:
            wall.set(wall.now() + step, is_jump=True)
            passed = 0
        else:
            passed = abs(step)
            wall.advance(passed)
        assert steady.now() >= max(before + passed, wall.now())
        before = steady.now()
