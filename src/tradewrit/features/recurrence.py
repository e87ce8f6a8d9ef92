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
    y = np.empty(rows.shape)
    y[:, :start] = NAN
    y[:, start] = begin
    lanes, run_up = _cut(len(rows), rows.shape[1] - start - 1, rest)
    if lanes:
        _side_by_side(begin, rows[:, start + 1 :], (weight, rest), (lanes, run_up), y[:, start + 1 :])
    else:
        for k, row in enumerate(rows):
            added = (weight * row[start + 1 :]).tolist()
            y[k, start + 1 :] = np.fromiter(_one_by_one(float(begin[k]), added, rest), np.float64, len(added))
    return y.reshape(values.shape)


def _cut(count: int, length: int, rest: float) -> tuple[int, int]:
    """How many lanes to a row, and how long they run up; no lane where one by one is faster."""
    if not (0.0 < rest < 1.0 and count * length >= _WORTH_IT):
        return 0, 0
    # Of where a lane started, 2**-53 is left after 37 / -log(rest) steps; some more let the last bits meet.
    run_up = ceil(46 / -log(rest))
    lanes = length // max(_LANE, run_up)
    if count >= _LANE // 8 or run_up > _LONGEST_RUN_UP or lanes < 2:
        lanes, run_up = 1, 0
    return (lanes, run_up) if count * lanes >= _FEWEST_LANES else (0, 0)


def _side_by_side(
    first: Floats, values: Floats, factors: tuple[float, float], cut: tuple[int, int], y: Floats
) -> None:
    """Fill y from values, both a row per symbol."""
    lanes, run_up = cut
    count, length = values.shape
    lane = length // lanes
    value = np.zeros((count, lanes))
    value[:, 0] = first
    if lanes > 1:  # all but the first begin before their own start, in the lane before
        run = _lanes(values[:, lane - run_up :], lanes - 1, lane)[:, :, :run_up]
        for at in range(0, run_up, _BLOCK):
            value[:, 1:] = _advanced(value[:, 1:], run[:, :, at : at + _BLOCK], factors)[-1]
    begun, steps, filled = value, _lanes(values, lanes, lane), _lanes(y, lanes, lane)
    for at in range(0, lane, _BLOCK):
        reached = _advanced(value, steps[:, :, at : at + _BLOCK], factors)
        filled[:, :, at : at + _BLOCK] = np.moveaxis(reached, 0, -1)
        value = reached[-1]
    _mend(begun, filled, steps, factors)
    left = values[:, None, lanes * lane :]
    if left.size:
        ended = np.ascontiguousarray(filled[:, -1:, -1])
        y[:, lanes * lane :] = np.moveaxis(_advanced(ended, left, factors), 0, -1)[:, 0]


def _lanes(rows: Floats, lanes: int, lane: int) -> Floats:
    """The same memory, each row cut into lanes: (row, lane, step)."""
    return as_strided(
        rows, (len(rows), lanes, lane), (rows.strides[0], lane * rows.strides[1], rows.strides[1])
    )


def _advanced(value: Floats, values: Floats, factors: tuple[float, float]) -> Floats:
    """All lanes some steps further; steps first, so that each is one stretch of memory."""
    weight, rest = factors
    reached = np.multiply(np.moveaxis(values, -1, 0), weight, order="C")
    scratch = np.empty_like(value)
    for step in reached:
        np.multiply(value, rest, out=scratch)
        value = np.add(step, scratch, out=step)
    return reached


def _mend(begun: Floats, y: Floats, values: Floats, factors: tuple[float, float]) -> None:
    """Put right, in their order, the lanes that did not begin where the lane before ended."""
    wrong = _bits(begun[:, 1:]) != _bits(y[:, :-1, -1])
    for row, before in zip(*(index.tolist() for index in np.nonzero(wrong)), strict=True):
        lane = before + 1
        while lane < y.shape[1] and not _has_met(y[row], lane, values[row, lane], factors):
            lane += 1


def _has_met(y: Floats, lane: int, values: Floats, factors: tuple[float, float]) -> bool:
    """Compute a lane from the end of the one before; whether it came to what the lane already held."""
    weight, rest = factors
    added = (weight * values).tolist()
    true = np.fromiter(_one_by_one(float(y[lane - 1, -1]), added, rest), np.float64, len(added))
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
