"""Grid, random and learning searches: complete, without repeats, and the same for the same seed."""

import pytest

from tradewrit.errors import ConfigError
from tradewrit.research.sweep.search import TOGETHER, Learning, Places, drawn, grid
from tradewrit.research.sweep.space import Space, space_of

SPACE = space_of(["window=0..1000", "kind=x,y,z", "stop=0.01,0.02"])


def learnt(space: Space, trials: int, seed: int) -> list[Places]:
    """Asked until it is over; the best lies at 700 of the first axis."""
    search, found = Learning(space, trials, seed, "test"), []
    while points := search.ask():
        assert len(points) <= TOGETHER
        found += points
        search.tell([None if point[0] < 100 else -abs(point[0] - 700.0) for point in points])
    return found


def test_a_grid_is_every_point_once() -> None:
    space = space_of(["a=1,2,3", "b=x,y"])
    assert grid(space) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]


def test_a_grid_over_a_range_says_how_to_write_steps() -> None:
    with pytest.raises(ConfigError, match=r"window is a range.*write window=0:1000:STEP"):
        grid(SPACE)


def test_drawn_points_differ_and_are_the_same_for_the_same_seed() -> None:
    points = drawn(SPACE, 200, seed=1)
    assert len(set(points)) == len(points) == 200
    assert points == drawn(SPACE, 200, seed=1)
    assert points != drawn(SPACE, 200, seed=2)


def test_a_space_no_larger_than_the_trials_is_tried_whole() -> None:
    space = space_of(["a=1,2,3", "b=x,y"])
    assert drawn(space, 6, seed=1) == drawn(space, 99, seed=5) == grid(space)


def test_a_learning_search_is_the_same_for_the_same_seed_and_closes_in() -> None:
    pytest.importorskip("optuna", reason="optuna is not installed (extra `sweep`)")
    points = learnt(SPACE, 60, seed=1)
    assert len(points) == 60
    assert points == learnt(SPACE, 60, seed=1)
    assert points != learnt(SPACE, 60, seed=2)
    assert all(
        0 <= place < len(axis.values)
        for point in points
        for place, axis in zip(point, SPACE.axes, strict=True)
    )
    early, late = (sum(abs(point[0] - 700) for point in part) for part in (points[:20], points[40:]))
    assert late < early
