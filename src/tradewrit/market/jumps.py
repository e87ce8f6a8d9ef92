"""Levels that change as no market does: splits that were not applied, and prices in another unit.

Only suspicions: a real crash can look like a 3:2 split. Each says what speaks for it.
"""

import math
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.market import DAY
from tradewrit.features.bars import Floats
from tradewrit.market.clean import Series
from tradewrit.market.findings import SHOWN, Finding, Kind, Severity
from tradewrit.market.stamps import iso

# New shares per old one. 5:4 and 4:3 are left out: on real prices nearly every gap of that size was
# a bad day (measured on 23 years of seven US stocks and funds), and 3:2 needs volume to support it.
_WHOLE: Final = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50)
_BROKEN: Final = ((3, 2), (5, 2), (7, 2))
_RATIOS: Final = tuple(sorted([(n, 1) for n in _WHOLE] + list(_BROKEN)))
_LOG_RATIOS: Final = np.log([a / b for a, b in _RATIOS])

_COLUMNS: Final = ("rows", "ts", "open", "high", "low", "close", "volume")
_AROUND: Final = 5  # bars before and after that establish a level
_JUMP: Final = math.log(1.8)  # close to open; from here on unexplained jumps are reported
_GAP: Final = 10 * DAY  # after a longer silence a jump is no single event
_POWER_TOLERANCE: Final = 0.15  # in log10: a factor of 1.4 around x10, x100, x1000


class Jumps(msgspec.Struct, frozen=True, eq=False):
    """What is off, as positions in a series.

    cells: bars with some price in another unit, alone. blocks: (first, after last, power of ten).
    shifts: (first, power of ten) where the unit changes for good.
    """

    cells: NDArray[np.intp]
    blocks: tuple[tuple[int, int, int], ...]
    shifts: tuple[tuple[int, int], ...]


def find_jumps(series: Series) -> Iterator[Finding]:
    """Suspected unit errors, splits and unexplained jumps of one symbol."""
    if len(series) < 2:
        return
    units = unit_jumps(series)
    yield from _unit_findings(series, units)
    keep = np.ones(len(series), dtype=bool)
    keep[units.cells] = False
    for first, after, _ in units.blocks:
        keep[first:after] = False
    shifted = {int(series.rows[first]) for first, _ in units.shifts}
    yield from _level_changes(_without(series, keep), shifted)


def unit_jumps(series: Series) -> Jumps:
    """Prices that are a power of ten away from their neighbours."""
    logs = np.log10(np.column_stack([series.open, series.high, series.low, series.close]))
    powers = _powers(np.diff(logs[:, 3]))
    changes = [(i + 1, int(powers[i])) for i in np.flatnonzero(powers).tolist()]
    blocks, shifts = _paired(changes)
    # Single cells are sought where the closes already agree: at the edge of a block a bar is alone
    # only because its neighbours are wrong.
    keep = np.ones(len(series), dtype=bool)
    for first, after, _ in blocks:
        keep[first:after] = False
    places = np.flatnonzero(keep)
    logs = logs[keep]
    before = np.concatenate([logs[:1, 3], logs[:-1, 3]])
    odd = np.flatnonzero(np.abs(logs - before[:, None]).max(axis=1) > 0.7)
    starts = {first for first, _ in shifts}
    cells = [places[i] for i in odd.tolist() if int(places[i]) not in starts and _is_alone(logs, i)]
    return Jumps(np.array(cells, dtype=np.intp), tuple(blocks), tuple(shifts))


def _is_alone(logs: Floats, i: int) -> bool:
    """Whether a price of bar i is a power of ten off the closes around it."""
    around = np.concatenate([logs[max(0, i - _AROUND) : i, 3], logs[i + 1 : i + 1 + _AROUND, 3]])
    return bool(_powers(logs[i] - float(np.median(around))).any()) and len(around) >= 2


def _powers(logs: Floats) -> NDArray[np.int64]:
    """The power of ten, -3 to 3, that each distance is close to; 0 for none."""
    nearest = np.rint(logs).astype(np.int64)
    fits = (np.abs(logs - nearest) < _POWER_TOLERANCE) & (np.abs(nearest) <= 3)
    return np.where(fits, nearest, 0)


def _paired(changes: list[tuple[int, int]]) -> tuple[list[tuple[int, int, int]], list[tuple[int, int]]]:
    """Changes that the next one takes back are blocks; a lone factor of ten is left to the splits."""
    blocks, shifts = [], []
    i = 0
    while i < len(changes):
        place, power = changes[i]
        if i + 1 < len(changes) and changes[i + 1][1] == -power:
            blocks.append((place, changes[i + 1][0], power))
            i += 2
            continue
        if abs(power) > 1:
            shifts.append((place, power))
        i += 1
    return blocks, shifts


def _unit_findings(series: Series, units: Jumps) -> Iterator[Finding]:
    places = units.cells.tolist()
    if places:
        yield _finding(
            series,
            Kind.SUSPECTED_UNIT_ERROR,
            places,
            len(places),
            f"{len(places)} bar(s) with a price about x10, x100 or x1000 away from the bars around",
            [_bar(series, i) for i in places[:SHOWN]],
        )
    if units.blocks:
        count = sum(after - first for first, after, _ in units.blocks)
        yield _finding(
            series,
            Kind.SUSPECTED_UNIT_ERROR,
            [units.blocks[0][0], units.blocks[-1][1] - 1],
            count,
            f"{count} bar(s) in {len(units.blocks)} block(s) whose prices are in another unit",
            [
                f"x{10.0**power:g} from {iso(int(series.ts[first]))} to {iso(int(series.ts[after - 1]))}"
                for first, after, power in units.blocks[:SHOWN]
            ],
        )
    for first, power in units.shifts:
        yield _finding(
            series,
            Kind.SUSPECTED_UNIT_ERROR,
            [first],
            1,
            f"prices are x{10.0**power:g} from here on: another unit, or another company under this symbol",
            [f"{_bar(series, first)}, before it {float(series.close[first - 1]):g}"],
        )


def _level_changes(series: Series, shifted: set[int]) -> Iterator[Finding]:
    steps = np.log(series.close[:-1]) - np.log(series.open[1:])
    if not len(steps):
        return
    noise = 1.4826 * float(np.median(np.abs(steps - np.median(steps))))
    splits, jumps = [], []
    for i in (np.flatnonzero(np.abs(steps) > math.log(1.2)) + 1).tolist():
        if int(series.rows[i]) in shifted:
            continue
        step = float(steps[i - 1])
        words = _split_words(series, i, step, noise)
        if words:
            splits.append((i, words))
        elif abs(step) > _JUMP:
            jumps.append((i, _jump_words(series, i, step)))
    for kind, found, what in (
        (Kind.SUSPECTED_SPLIT, splits, "change(s) of level that look like a split not applied to the prices"),
        (Kind.PRICE_JUMP, jumps, "jump(s) from close to open that no common split explains"),
    ):
        if found:
            places = [i for i, _ in found]
            examples = [words for _, words in found[: 4 * SHOWN]]
            yield _finding(series, kind, places, len(found), f"{len(found)} {what}", examples)


def _split_words(series: Series, i: int, step: float, noise: float) -> str:
    """The split that explains the step from bar i - 1 to i, in words; "" when none does."""
    if int(series.ts[i]) - int(series.ts[i - 1]) > _GAP:
        return ""
    which = int(np.argmin(np.abs(_LOG_RATIOS - abs(step))))
    ratio = float(_LOG_RATIOS[which])
    new, old = _RATIOS[which]
    is_whole = old == 1
    if not is_whole and step < 0:
        return ""
    # A stock can halve overnight, but hardly quarter: from 4:1 on the nearest ratio is good enough.
    tolerance = 0.10 if new >= 4 and is_whole else min(max(3 * noise, 0.03), 0.05)
    before, after = slice(max(0, i - _AROUND), i), slice(i, i + _AROUND)
    level = math.log(np.median(series.close[before])) - math.log(np.median(series.close[after]))
    is_lasting = abs(abs(level) - ratio) < 0.25 and level * step > 0
    volume = _volume_step(series.volume[before], series.volume[after])
    # A split multiplies the shares traded as well; half the way in logarithms is evidence.
    is_backed = volume is not None and volume * math.copysign(1.0, step) > ratio / 2
    if abs(abs(step) - ratio) > tolerance or not is_lasting or not (is_whole or is_backed):
        return ""
    split = f"{new}:{old}" if step > 0 else f"{old}:{new} (reverse)"
    traded = "no volume to compare" if volume is None else f"volume x{_factor(volume):.2g}"
    return (
        f"{iso(int(series.ts[i]))}: {split}, close {float(series.close[i - 1]):g} to open "
        f"{float(series.open[i]):g}, {traded}{' (supports it)' if is_backed else ''}"
    )


def _volume_step(before: Floats, after: Floats) -> float | None:
    """Logarithm of how much more is traded afterwards; None when nothing is."""
    old, new = float(np.median(before)), float(np.median(after))
    return math.log(new) - math.log(old) if old > 0 and new > 0 else None


def _factor(logarithm: float) -> float:
    """Its exponential, held inside what a float can be: dirty prices reach either end."""
    return math.exp(max(-700.0, min(700.0, logarithm)))


def _jump_words(series: Series, i: int, step: float) -> str:
    days = (int(series.ts[i]) - int(series.ts[i - 1])) // DAY
    silence = f", after {days} days without a bar" if days > _GAP // DAY else ""
    return f"{_bar(series, i)}: open is x{_factor(-step):.3g} of the last close{silence}"


def _bar(series: Series, i: int) -> str:
    prices = [float(column[i]) for column in (series.open, series.high, series.low, series.close)]
    words = "/".join(f"{price:g}" for price in prices)
    return f"row {int(series.rows[i]) + 1}, {iso(int(series.ts[i]))}: {words}"


def _without(series: Series, keep: NDArray[np.bool_]) -> Series:
    if keep.all():
        return series
    return msgspec.structs.replace(series, **{name: getattr(series, name)[keep] for name in _COLUMNS})


def _finding(
    series: Series, kind: Kind, places: list[int], count: int, message: str, examples: list[str]
) -> Finding:
    return Finding(
        kind=kind,
        severity=Severity.WARNING,
        symbol=series.symbol,
        count=count,
        message=message,
        first_at=int(series.ts[places[0]]),
        last_at=int(series.ts[places[-1]]),
        examples=tuple(examples),
    )
