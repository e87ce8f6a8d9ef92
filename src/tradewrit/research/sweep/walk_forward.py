"""How the data are split into what parameters are chosen on and what they are then tried on.

Tests follow each other without overlap and reach to the last bar. A rolling train part has one length
and moves along; an anchored one begins where the data begin, and grows. Features know every bar before
the part they are looked at in (`backtest.window`), so a test needs no warm-up of its own.
"""

from enum import StrEnum
from typing import Final

import msgspec

from tradewrit.errors import ConfigError
from tradewrit.features.bars import Times
from tradewrit.research.backtest.window import Stretch

SPLITS: Final = 5
_TRAINS_PER_TEST: Final = 3  # length of the first train part in tests, where nothing is said
_SHORTEST: Final = 2  # bars of a part: one to decide on and one to fill at


class Part(StrEnum):
    """What a stretch is for."""

    WHOLE = "whole"
    IN_SAMPLE = "in_sample"
    OUT_OF_SAMPLE = "out_of_sample"


class Walk(StrEnum):
    """How the train part moves."""

    ROLLING = "rolling"
    ANCHORED = "anchored"


class Leg(msgspec.Struct, frozen=True):
    """One stretch that is traded. split: which, from 0; a sweep without splits has one leg, the whole."""

    split: int
    part: Part
    stretch: Stretch


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to walk. splits, train, test: how many and how many bar times each; None leaves it open.

    train is the length of an anchored walk's first train part.
    """

    walk: Walk
    splits: int | None = None
    train: int | None = None
    test: int | None = None


def whole(times: Times) -> tuple[Leg, ...]:
    """No split: everything is in sample."""
    return (Leg(0, Part.WHOLE, _between(times, 0, len(times))),)


def legs_of(plan: Plan, times: Times) -> tuple[Leg, ...]:
    """Train and test part of each split, oldest first.

    times: of all bars, rising. Raises ConfigError for parts that are longer than the data or too short.
    """
    splits, train, test = _lengths(plan, len(times))
    legs = []
    for split in range(splits):
        begin = len(times) - (splits - split) * test
        start = 0 if plan.walk is Walk.ANCHORED else begin - train
        legs.append(Leg(split, Part.IN_SAMPLE, _between(times, start, begin)))
        legs.append(Leg(split, Part.OUT_OF_SAMPLE, _between(times, begin, begin + test)))
    return tuple(legs)


def _lengths(plan: Plan, total: int) -> tuple[int, int, int]:
    """Splits, and the bar times of the first train part and of each test."""
    for name, value in (("splits", plan.splits), ("train", plan.train), ("test", plan.test)):
        least = 1 if name == "splits" else _SHORTEST
        if value is not None and value < least:
            raise ConfigError(f"--{name} {value}: must be at least {least}")
    splits, train, test = plan.splits, plan.train, plan.test
    if splits is None:
        splits = SPLITS if train is None or test is None else max(1, (total - train) // test)
    if test is None:
        test = (total - train) // splits if train is not None else total // (splits + _TRAINS_PER_TEST)
    if train is None:
        train = (
            total - splits * test
            if plan.walk is Walk.ANCHORED
            else min(_TRAINS_PER_TEST * test, total - splits * test)
        )
    if min(train, test) < _SHORTEST or train + splits * test > total:
        wanted = f"{splits} splits" if splits > 1 else "one split"
        raise ConfigError(
            f"the data have {total:,} bar times, too few for {wanted} with {max(train, 0):,} to train on and "
            f"{max(test, 0):,} to test each; take fewer splits, a shorter --train or --test, or more data"
        )
    return splits, train, test


def _between(times: Times, start: int, stop: int) -> Stretch:
    until = int(times[stop]) if stop < len(times) else int(times[-1]) + 1
    return Stretch(int(times[start]), until)
