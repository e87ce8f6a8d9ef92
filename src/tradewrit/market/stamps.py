"""Times as bar files spell them, read into UTC nanoseconds and written back.

Text is ISO-8601: with `Z`, with an offset, or bare (then UTC); a date alone is midnight UTC. Whole
numbers are time since 1970 in seconds, milliseconds, microseconds or nanoseconds, told apart by the
size of the largest one in the file. Whole columns at once where the spelling is plain.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.market import SECOND
from tradewrit.features.bars import Times

NO_TIME: Final = int(np.iinfo(np.int64).min)
"""Stands for a time that could not be read."""

# Below each bound, a count of time since 1970 is in units of so many nanoseconds: 1e11 seconds are
# the year 5138, and as milliseconds 1973; the next bounds are a thousand times that.
_UNITS: Final = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3))
_LARGEST: Final = int(np.iinfo(np.int64).max)

_PLAIN: Final = frozenset(
    "dddd-dd-dd" + clock
    for clock in ("", *(f"{gap}dd:dd:dd{zone}" for gap in "T " for zone in ("", "Z", "+dd:dd")))
)
_NUMBER: Final = re.compile(r"-?[0-9]+")
_FRACTION: Final = re.compile(r"[0-9]:[0-9]{2}[.,]([0-9]+)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def iso(at: int) -> str:
    """ISO-8601 in UTC with `Z`, a fraction only where there is one.

    >>> iso(1_704_205_800_000_000_000), iso(1_500_000_000)
    ('2024-01-02T14:30:00Z', '1970-01-01T00:00:01.5Z')
    """
    if at == NO_TIME:
        return "no time"
    text = str(np.datetime64(at, "ns"))
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "Z"


def iso_column(ts: Times) -> list[str]:
    """Every time as `iso` writes it."""
    if bool((ts % SECOND == 0).all()):
        whole = (ts // SECOND).astype("datetime64[s]")
        return [text + "Z" for text in np.datetime_as_string(whole).tolist()]
    return [iso(at) for at in ts.tolist()]


def read_time(text: str) -> int | None:
    """UTC ns of one ISO-8601 text, or None when it is not one that fits into 64 bits.

    >>> read_time("2024-01-02T09:30:00-05:00"), read_time("2024-02-30")
    (1704205800000000000, None)
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if _NUMBER.fullmatch(text):
        return None  # 20240102 is a date to the library and a number to us: too easy to misread
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    fraction = _FRACTION.search(text)
    nanos = int(fraction[1][:9].ljust(9, "0")) if fraction else 0
    at = (since.days * 86_400 + since.seconds) * SECOND + nanos
    return at if abs(at) <= _LARGEST else None


def read_times(cells: Sequence[str]) -> tuple[Times, bool]:
    """Times of one block of cells, and whether they are numbers since 1970 still to be scaled.

    A cell that is no time gives NO_TIME. The numbers of a file must be scaled together, by
    `from_epoch`, so that every block takes the same unit. A block that mixes numbers and text is
    read as text, and its numbers give NO_TIME.
    """
    plain = _read_plain(cells)
    if plain is not None:
        return plain, False
    if all(map(_NUMBER.fullmatch, cells)):
        counts = [int(cell) for cell in cells]
        return np.array([n if abs(n) <= _LARGEST else NO_TIME for n in counts], dtype=np.int64), True
    found = map(read_time, cells)
    return np.array([NO_TIME if at is None else at for at in found], dtype=np.int64), False


def from_epoch(counts: Times) -> Times:
    """UTC ns from numbers since 1970: seconds below 1e11, then milliseconds, microseconds, nanoseconds.

    The largest number decides for all. Numbers that are dates or times of day written without
    separators (20240102, 202401021430) and numbers outside the years 1678 to 2261 give NO_TIME.
    """
    known = counts != NO_TIME
    if not bool(known.any()):
        return counts
    sizes = np.abs(counts[known])
    largest = int(sizes.max())
    scale = next((ns for bound, ns in _UNITS if largest < bound), 1)
    if largest > _LARGEST // scale or _is_compact_date(sizes):
        return np.full(len(counts), NO_TIME, dtype=np.int64)
    return np.where(known, counts * scale, NO_TIME)


def _is_compact_date(sizes: Times) -> bool:
    """Whether every number reads as YYYYMMDD or YYYYMMDDhhmm of 1900 to 2099."""
    days = sizes // 10**4 if int(sizes.max()) >= 10**9 else sizes
    year, month, day = days // 10**4, days // 100 % 100, days % 100
    looks = (year >= 1900) & (year <= 2099) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    clock = sizes % 10**4 if days is not sizes else np.zeros_like(sizes)
    return bool((looks & (clock // 100 < 24) & (clock % 100 < 60)).all())


def _read_plain(cells: Sequence[str]) -> Times | None:
    """All cells at once when all have one plain layout and are valid; otherwise None."""
    layout = re.sub("[0-9]", "d", cells[0]) if cells else ""
    if layout not in _PLAIN:
        return None
    texts = np.array(cells)
    if not _has_layout(texts, layout) or ("+" in layout and not all(c.endswith("+00:00") for c in cells)):
        return None
    try:
        seconds = texts.astype("U19").astype("datetime64[s]").astype(np.int64)
    except ValueError:
        return None
    if bool((np.abs(seconds) > _LARGEST // SECOND).any()):
        return None
    return np.asarray(seconds * SECOND, dtype=np.int64)


def _has_layout(texts: NDArray[np.str_], layout: str) -> bool:
    """Whether every text has the layout's length, digits where it has d, and its other letters."""
    if texts.dtype.itemsize != 4 * len(layout):
        return False
    letters = texts.view(np.uint32).reshape(len(texts), len(layout))
    for place, wanted in enumerate(layout):
        column = letters[:, place]
        fits = (column >= 48) & (column <= 57) if wanted == "d" else column == ord(wanted)
        if not bool(fits.all()):
            return False
    return True
