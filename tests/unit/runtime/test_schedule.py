"""Timers fire once, in the order of their times, and move to the later time when set again."""

from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.events.market import TimerFired
from tradewrit.runtime.schedule import Schedule


def test_a_timer_fires_at_its_time_and_not_before() -> None:
    schedule = Schedule()
    schedule.set("review", "r1", 100)
    assert schedule.fire(99) == []
    assert schedule.fire(100) == [TimerFired(at=100, timer="review", subject="r1")]
    assert schedule.fire(1_000) == []


def test_what_is_overdue_fires_earliest_first_at_the_time_of_asking() -> None:
    schedule = Schedule()
    for about, due in (("c", 30), ("a", 10), ("b", 20)):
        schedule.set("review", about, due)
    assert [(fired.subject, fired.at) for fired in schedule.fire(25)] == [("a", 25), ("b", 25)]


def test_set_again_it_moves_to_the_later_time_and_fires_once() -> None:
    schedule = Schedule()
    schedule.set("review", "r1", 100)
    schedule.set("review", "r1", 200)
    schedule.set("review", "r1", 150)
    schedule.set("review", "r1", 200)
    assert schedule.fire(199) == []
    assert len(schedule.fire(200)) == 1
    assert schedule.fire(10**18) == []


def test_a_timer_is_known_by_its_name_and_its_subject() -> None:
    schedule = Schedule()
    schedule.set("review", "x", 1)
    schedule.set("report", "x", 1)
    assert {(fired.timer, fired.subject) for fired in schedule.fire(1)} == {("review", "x"), ("report", "x")}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50))), st.lists(st.integers(0, 60)))
def test_each_subject_fires_exactly_once_at_its_latest_time(
    wanted: list[tuple[str, int]], moments: list[int]
) -> None:
    schedule = Schedule()
    latest: dict[str, int] = {}
    for about, due in wanted:
        schedule.set("t", about, due)
        latest[about] = max(due, latest.get(about, 0))
    fired: dict[str, int] = {}
    now = 0
    for now in sorted(moments):
        for timer in schedule.fire(now):
            assert timer.subject not in fired
            fired[timer.subject] = now
    assert set(fired) == {about for about, due in latest.items() if due <= now and moments}
    for about, at in fired.items():
        assert at == min(moment for moment in moments if moment >= latest[about])
