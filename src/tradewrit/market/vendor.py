"""How vendors spell things: column names, dates, numbers. Cell texts in, arrays out.

A whole column is read with one spelling; when two spellings fit and disagree there is no answer.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from tradewrit.domain.market import SECOND
from tradewrit.errors import DataError
from tradewrit.features.bars import Floats, Times
from tradewrit.market.stamps import NO_TIME, from_epoch, read_times

SPELLINGS: Final[dict[str, tuple[str, ...]]] = {
    "symbol": ("symbol", "ticker", "sym", "instrument", "code", "name"),
    "ts": ("ts", "timestamp", "datetime", "date", "time", "opentime", "gmttime", "localtime", "dateutc"),
    "open": ("open", "o", "openprice", "1open", "firsttrade"),
    "high": ("high", "h", "highprice", "2high", "max"),
    "low": ("low", "l", "lowprice", "3low", "min"),
    "close": ("close", "c", "last", "closeprice", "4close", "closelast", "price"),
    "volume": ("volume", "v", "vol", "totalvolume", "5volume", "6volume", "volumeusd", "qty"),
}
_CLOCKS: Final = ("", " %H:%M:%S", " %H:%M", " %H%M%S", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S", "T%H:%M")
_DATES: Final = (
    "%d-%b-%y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y%m%d",
)
_COMPACT: Final = "%Y%m%d"
_ABSENT: Final = frozenset({"", "-", "--", "n/a", "na", "null", "none", "nan", "#n/a"})
_GROUPED: Final = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")
_PLAIN_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - wall-clock arithmetic; the zone comes after


def column_for(wanted: str, header: Sequence[str]) -> str | None:
    """The vendor's column for one of ours, or None; DataError when several could be meant.

    Letter case and punctuation do not count; our spellings are tried in order of preference.
    """
    bare = {name: re.sub("[^a-z0-9]", "", name.lower()) for name in header}
    for spelling in SPELLINGS[wanted]:
        found = [name for name, plain in bare.items() if plain == spelling]
        if len(found) > 1:
            raise DataError(f"columns {' and '.join(found)} could both be {wanted}; say which one")
        if found:
            return found[0]
    return None


def is_absent(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.strip().lower() in _ABSENT


def number(cell: str) -> float | None:
    """A number with or without thousands separators and a currency sign; None when it is none.

    >>> number("$1,234.50"), number("1.234,50")
    (1234.5, None)
    """
    bare = cell.strip().removeprefix("$").removeprefix("\u20ac").removeprefix("\u00a3")
    if _GROUPED.fullmatch(bare):
        bare = bare.replace(",", "")
    return float(bare) if _PLAIN_NUMBER.fullmatch(bare) else None


def numbers(cells: Sequence[str]) -> Floats:
    """Every cell as a number, NaN where it is none."""
    try:
        return np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        values = (number(cell) for cell in cells)
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def times(cells: Sequence[str], zone: ZoneInfo, date_format: str | None) -> tuple[Times, str]:
    """UTC ns of a column of times, and the spelling in words. Texts without offset are in `zone`.

    Raises DataError when no spelling reads every cell, or several do and disagree.
    """
    if date_format is not None:
        walls = _walls(cells, date_format)
        if walls is None:
            raise DataError(
                f"not every time reads as {date_format!r}, for instance {_failing(cells, date_format)!r}"
            )
        return _to_utc(walls, zone), date_format
    iso = _iso(cells, zone)
    if iso is not None:
        return iso
    readings = {layout: walls for layout in _layouts(cells) if (walls := _walls(cells, layout)) is not None}
    if not readings:
        raise DataError(f"cannot read the times, for instance {cells[0]!r}; give the date format")
    if len({tuple(walls) for walls in readings.values()}) > 1:
        raise DataError(f"the dates read as {' and as '.join(readings)}; give the date format")
    layout = next(iter(readings))
    return _to_utc(readings[layout], zone), layout


def _iso(cells: Sequence[str], zone: ZoneInfo) -> tuple[Times, str] | None:
    at, are_counts = read_times(cells)
    if are_counts:
        at = from_epoch(at)
        return None if bool((at == NO_TIME).any()) else (at, "a number since 1970")
    if bool((at == NO_TIME).any()):
        return None
    offsets = [bool(re.search(r"(Z|[+-][0-9]{2}:?[0-9]{2})$", cell[10:])) for cell in cells]
    if all(offsets):
        return at, "ISO-8601 with offset"
    if any(offsets):
        raise DataError("some times have an offset and some have none; write them all in one way")
    return _to_utc([int(value) // SECOND for value in at], zone, at % SECOND), "ISO-8601"


def _layouts(cells: Sequence[str]) -> list[str]:
    """The layouts that read the first cell: only they can read all."""
    layouts = [day + clock for day in _DATES for clock in _CLOCKS]
    return [layout for layout in layouts if _walls(cells[:1], layout) is not None]


def _walls(cells: Sequence[str], layout: str) -> list[int] | None:
    """Wall-clock seconds since 1970 of every cell, or None when one does not read."""
    found = []
    for cell in cells:
        wall = _wall(cell.strip(), layout)
        if wall is None:
            return None
        found.append(wall)
    return found


def _wall(cell: str, layout: str) -> int | None:
    if layout.startswith(_COMPACT) and not cell[:8].isdigit():
        return None  # strptime would take 2024-1-2 apart in its own way
    try:
        since = datetime.strptime(cell, layout).replace(tzinfo=None) - _EPOCH  # noqa: DTZ007 - zone comes after
    except ValueError:
        return None
    return since.days * 86_400 + since.seconds


def _failing(cells: Sequence[str], layout: str) -> str:
    return next((cell for cell in cells if _wall(cell.strip(), layout) is None), "")


def _to_utc(walls: Sequence[int], zone: ZoneInfo, nanos: Times | int = 0) -> Times:
    """UTC ns of wall-clock seconds in `zone`; DataError for a time that the clocks skipped."""
    known: dict[int, int] = {}
    for wall in walls:
        hour = wall // 900
        if hour not in known:
            known[hour] = _offset(wall, zone)
    seconds = np.array([wall - known[wall // 900] for wall in walls], dtype=np.int64)
    return seconds * SECOND + nanos


def _offset(wall: int, zone: ZoneInfo) -> int:
    """Seconds that `zone` is ahead of UTC at a wall-clock time; offsets change on quarter hours."""
    at = np.datetime64(wall, "s").astype(datetime).replace(tzinfo=zone)
    ahead = at.utcoffset()
    utc = at.astimezone(ZoneInfo("UTC"))
    if utc.astimezone(zone).replace(tzinfo=None) != at.replace(tzinfo=None):
        raise DataError(f"{at:%Y-%m-%d %H:%M} does not exist in {zone.key}: the clocks went forward")
    return int(ahead.total_seconds()) if ahead else 0
