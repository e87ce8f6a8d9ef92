"""Splits: no test overlaps another, none is trained on, and the last bar is tested."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tradewrit.errors import ConfigError
from tradewrit.research.sweep.walk_forward import Leg, Part, Plan, Walk, legs_of, whole

WALKS = st.sampled_from(list(Walk))
LENGTHS = st.none() | st.integers(2, 200)


def times(count: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return 1_000 * np.arange(count, dtype=np.int64)


def places(leg: Leg) -> range:
    """Which of `times` a leg holds."""
    return range(leg.stretch.since // 1_000, -(-leg.stretch.until // 1_000))


@given(
    total=st.integers(4, 500), walk=WALKS, splits=st.none() | st.integers(1, 12), train=LENGTHS, test=LENGTHS
)
def test_tests_follow_each_other_to_the_last_bar_and_come_after_what_they_were_chosen_on(
    total: int, walk: Walk, splits: int | None, train: int | None, test: int | None
) -> None:
    try:
        legs = legs_of(Plan(walk=walk, splits=splits, train=train, test=test), times(total))
    except ConfigError:
        assume(False)
        raise
    trains = [places(leg) for leg in legs if leg.part is Part.IN_SAMPLE]
    tests = [places(leg) for leg in legs if leg.part is Part.OUT_OF_SAMPLE]
    assert [leg.split for leg in legs] == [split for split in range(len(tests)) for _ in range(2)]
    tested = [place for one in tests for place in one]
    assert tested == list(range(tested[0], total))
    for trained, one in zip(trains, tests, strict=True):
        assert trained.stop == one.start
        assert trained.start >= 0
        assert len(trained) >= 2
    assert splits is None or len(tests) == splits
    assert test is None or all(len(one) == test for one in tests)
    if walk is Walk.ANCHORED:
        assert all(trained.start == 0 for trained in trains)
    else:
        assert len({len(trained) for trained in trains}) == 1
        assert train is None or len(trains[0]) == train


def test_without_lengths_a_train_part_is_three_tests_long() -> None:
    legs = legs_of(Plan(walk=Walk.ROLLING), times(800))
    assert [len(places(leg)) for leg in legs] == [300, 100] * 5


def test_with_both_lengths_there_are_as_many_splits_as_fit() -> None:
    legs = legs_of(Plan(walk=Walk.ROLLING, train=100, test=50), times(260))
    assert [(places(leg).start, places(leg).stop) for leg in legs] == [
        (10, 110),
        (110, 160),
        (60, 160),
        (160, 210),
        (110, 210),
        (210, 260),
    ]


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (Plan(walk=Walk.ROLLING, train=90, test=20), "the data have 100 bar times, too few for one split"),
        (Plan(walk=Walk.ROLLING, splits=80), "too few for 80 splits"),
        (
            Plan(walk=Walk.ANCHORED, splits=3, test=40),
            "too few for 3 splits with 0 to train on and 40 to test",
        ),
        (Plan(walk=Walk.ROLLING, splits=0), "--splits 0: must be at least 1"),
        (Plan(walk=Walk.ROLLING, train=1), "--train 1: must be at least 2"),
        (Plan(walk=Walk.ROLLING, test=0), "--test 0: must be at least 2"),
    ],
)
def test_windows_longer_than_the_data_are_refused_with_both_lengths(plan: Plan, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        legs_of(plan, times(100))
    assert told in str(error.value)


def test_without_splits_everything_is_one_leg() -> None:
    (leg,) = whole(times(7))
    assert places(leg) == range(7)
    assert leg.part is Part.WHOLE
