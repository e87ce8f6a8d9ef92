"""Which values a sweep tries: `name=1,2,3`, `name=1:10:1` and `name=0.01..0.2`, as one axis each.

Every axis is a finite row of values, a range too: in steps of about a thousandth of its width. So a
point is a few whole numbers, equal points are equal, and a value reads like something a person would type.
Knows no strategy: what a value means is found out when the point is run.
"""

import math
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from tradewrit.errors import ConfigError

_MOST_VALUES: Final = 100_000
_FINENESS: Final = 3  # powers of ten below the width of a range
_GRAMMAR: Final = "write NAME=1,2,3 for values, NAME=1:10:1 for steps, or NAME=0.01..0.2 for a range"


class Axis(msgspec.Struct, frozen=True):
    """One parameter and its values, as text, in the order in which they are tried.

    name: a parameter of the strategy, or a key of the configuration such as `risk.max_drawdown_fraction`.
    is_range: drawn from, not walked through. is_ordered: numbers, so that neighbours are alike.
    """

    name: str
    values: tuple[str, ...]
    is_range: bool = False
    is_ordered: bool = False

    @property
    def is_setting(self) -> bool:
        """Whether it is a key of the configuration and no parameter of the strategy."""
        return "." in self.name


class Space(msgspec.Struct, frozen=True):
    """The axes of a sweep; a point names a value of each by its place."""

    axes: tuple[Axis, ...]

    @property
    def size(self) -> int:
        """How many points there are."""
        return math.prod(len(axis.values) for axis in self.axes)

    def values(self, places: Sequence[int]) -> dict[str, str]:
        """What the point sets, by name."""
        return {axis.name: axis.values[place] for axis, place in zip(self.axes, places, strict=True)}


def space_of(texts: Sequence[str]) -> Space:
    """The space that `--param` options describe; raises ConfigError that quotes the one that is wrong."""
    axes: dict[str, Axis] = {}
    for text in texts:
        axis = axis_of(text)
        if axis.name in axes:
            raise ConfigError(f"--param {text}: {axis.name} is given twice; put all its values into one")
        axes[axis.name] = axis
    return Space(tuple(axes.values()))


def axis_of(text: str) -> Axis:
    """One axis.

    >>> axis_of("window=10:30:10").values, axis_of("kind=fast,slow").values
    (('10', '20', '30'), ('fast', 'slow'))

    Raises ConfigError for a text that is none, an empty range and a value that comes twice.
    """
    name, sign, told = (part.strip() for part in text.partition("="))
    if not (sign and name and told):
        raise ConfigError(f"--param {text}: names no values; {_GRAMMAR}")
    if ".." in told:
        low, high = (_number(text, end) for end in told.split("..", 1))
        return Axis(name, _steps(text, low, high, _grain(text, low, high)), is_range=True, is_ordered=True)
    if ":" in told:
        parts = [_number(text, part) for part in told.split(":")]
        if len(parts) != 3:
            raise ConfigError(f"--param {text}: steps are FROM:TO:STEP, such as {name}=10:30:5")
        return Axis(name, _steps(text, *parts), is_ordered=True)
    values = tuple(part.strip() for part in told.split(","))
    if not all(values):
        raise ConfigError(f"--param {text}: has an empty value; {_GRAMMAR}")
    numbers = [_number_or_none(value) for value in values]
    keys = [value if number is None else number for value, number in zip(values, numbers, strict=True)]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            raise ConfigError(f"--param {text}: {values[place]} comes twice; name every value once")
    return Axis(name, values, is_ordered=None not in numbers)


def _steps(text: str, low: Decimal, high: Decimal, step: Decimal) -> tuple[str, ...]:
    """low, low + step and so on up to `high`, which is one of them where the step divides the way."""
    if step <= 0:
        raise ConfigError(f"--param {text}: the step {step} must be above 0")
    if high < low:
        raise ConfigError(f"--param {text}: the range is empty: it ends at {high}, before it begins at {low}")
    count = int((high - low) / step) + 1
    if count > _MOST_VALUES:
        raise ConfigError(
            f"--param {text}: that is {count:,} values, more than {_MOST_VALUES:,}; take a larger step"
        )
    return tuple(_plain(low + k * step) for k in range(count))


def _grain(text: str, low: Decimal, high: Decimal) -> Decimal:
    """The step in which a range is drawn from: a power of ten, a thousandth of the width or a little more.

    Whole numbers stay whole.
    """
    if not low < high:
        raise ConfigError(f"--param {text}: the range is empty: {high} is not above {low}")
    grain = Decimal(1).scaleb((high - low).adjusted() - _FINENESS)
    is_whole = low == low.to_integral_value() and high == high.to_integral_value()
    return max(grain, Decimal(1)) if is_whole and not _has_point(text) else grain


def _has_point(text: str) -> bool:
    """Whether a bound is written with decimals: 1.0..2.0 means fractions, 1..2 whole numbers."""
    return re.search(r"\d\.\d", text.partition("=")[2]) is not None


def _number(text: str, part: str) -> Decimal:
    found = _number_or_none(part)
    if found is None:
        raise ConfigError(f"--param {text}: {part.strip() or 'nothing'} is not a number; {_GRAMMAR}")
    return found


def _number_or_none(part: str) -> Decimal | None:
    try:
        found = Decimal(part.strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _plain(number: Decimal) -> str:
    """Without an exponent and without trailing zeros: 0.05, 20."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
