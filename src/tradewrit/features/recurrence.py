"""`y = weight * value + rest * y` over a whole history: what bar after bar gives, bit for bit, and fast.

A step needs the result of the one before, so a column cannot simply be computed as one. But the
recurrence forgets where it began: started anywhere, it comes to the very same float64 after a while.
So a history is cut into lanes that advance side by side, each from a little before its own start;
then every lane's beginning is compared with the end of the lane before, and where they differ by a
single bit (they hardly ever do) the true values are computed one by one until the two meet.
"""

from collections.abc import Iterable, Iterator
from math import ceil, log
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from tradewrit.features.bars import Floats
from tradewrit.features.floats import NAN

_WORTH_IT: Final = 20_000
"""Values from which on lanes pay."""
_LANE: Final = 1_000
_FEWEST_LANES: Final = 16
_LONGEST_RUN_UP: Final = 10_000
_BLOCK: Final = 64


def decaying(first: Floats, values: Floats, start: int, weight: float, rest: float) -> Floats:
    """y[start] = first, then y[i] = weight * values[i] + rest * y[i - 1]; NaN before. Along the last axis.

    values: one row, or one row per symbol. first: where each row begins; one dimension less.
    rest: 0..1. The same bits as the same operations on one value after another.
    """
    begin = np.asarray(first, dtype=np.float64).reshape(-1)
    rows = values.reshape(len(begin), values.shape[-1])
    count, length = len(rows), rows.shape[1] - start - 1
    lane, run_up = _cut(count, length, rest)
    lanes = ceil(length / lane) if length else 0
    room = np.empty((count, start + 1 + lanes * lane))
    room[:, :start] = NAN
    room[:, start] = begin
    if length and (run_up or count >= _FEWEST_LANES):
        after = room[:, start + 1 :]
        y = as_strided(after, (count, lanes, lane), (after.strides[0], lane * 8, 8))
        _side_by_side(begin, rows[:, start + 1 :], (weight, rest), run_up, y)
    else:
        for k, row in enumerate(rows):
            added = (weight * row[start + 1 :]).tolist()
            room[k, start + 1 :] = np.fromiter(_one_by_one(float(begin[k]), added, rest), np.float64, length)
    return room[:, : rows.shape[1]].reshape(values.shape)


def _cut(count: int, length: int, rest: float) -> tuple[int, int]:
    """How long a lane is, and how long it runs up; no run-up: each row is one lane."""
    if not (0.0 < rest < 1.0 and count * length >= _WORTH_IT):
        return max(length, 1), 0
    # Of where a lane started, 2**-53 is left after 37 / -log(rest) steps; some more let the last bits meet.
    run_up = ceil(46 / -log(rest))
    lane = max(_LANE, run_up)
    if count >= _LANE // 8 or run_up > _LONGEST_RUN_UP or count * length < _FEWEST_LANES * lane:
        return length, 0
    return lane, run_up


def _side_by_side(
    first: Floats, values: Floats, factors: tuple[float, float], run_up: int, y: Floats
) -> None:
    """Fill y, of shape (row, lane, step)."""
    weight, rest = factors
    count, lanes, lane = y.shape
    padded = np.zeros((count, run_up + lanes * lane))
    np.multiply(values, weight, out=padded[:, run_up : run_up + values.shape[1]])
    # A row of steps per lane; a lane runs up over what the lane before ends with.
    steps = as_strided(
        padded, (count, lanes, run_up + lane), (padded.strides[0], lane * 8, 8), writeable=False
    )
    value = np.zeros((count, lanes))
    for at in range(0, run_up, _BLOCK):
        value = _advanced(value, steps[:, :, at : min(at + _BLOCK, run_up)], rest)[-1]
    value[:, 0] = first
    begun = value
    for at in range(run_up, run_up + lane, _BLOCK):
        reached = _advanced(value, steps[:, :, at : at + _BLOCK], rest)
        y[:, :, at - run_up : at - run_up + _BLOCK] = np.moveaxis(reached, 0, -1)
        value = reached[-1]
    _mend(begun, y, steps[:, :, run_up:], rest)


def _advanced(value: Floats, added: Floats, rest: float) -> Floats:
    """All lanes some steps further; steps first, so that each is one stretch of memory."""
    reached = np.ascontiguousarray(np.moveaxis(added, -1, 0))
    scratch = np.empty_like(value)
    for step in reached:
        np.multiply(value, rest, out=scratch)
        value = np.add(step, scratch, out=step)
    return reached


def _mend(begun: Floats, y: Floats, added: Floats, rest: float) -> None:
    """Put right, in their order, the lanes that did not begin where the lane before ended."""
    wrong = _bits(begun[:, 1:]) != _bits(y[:, :-1, -1])
    for row, before in zip(*(index.tolist() for index in np.nonzero(wrong)), strict=True):
        lane = before + 1
        while lane < y.shape[1] and not _has_met(y[row], lane, added[row, lane], rest):
            lane += 1


def _has_met(y: Floats, lane: int, added: Floats, rest: float) -> bool:
    """Compute a lane from the end of the one before; whether it came to what the lane already held."""
    true = np.fromiter(_one_by_one(float(y[lane - 1, -1]), added.tolist(), rest), np.float64, len(added))
    is_same = bool(_bits(true[-1:])[0] == _bits(y[lane, -1:])[0])
    y[lane] = true
    return is_same


def _one_by_one(value: float, added: Iterable[float], rest: float) -> Iterator[float]:
    for more in added:
        value = more + rest * value
        yield value


def _bits(values: Floats) -> NDArray[Any]:
    """The same memory as integers: two zeros of different sign are two values."""
    return np.ascontiguousarray(values).view(np.int64)
