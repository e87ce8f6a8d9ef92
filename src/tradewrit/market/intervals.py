"""Bar lengths: as people write them (30s, 1m, 15m, 4h, 1d, 1w), and as the times of bars show them."""

import re
from typing import Final

import numpy as np

from tradewrit.domain.market import DAY, HOUR, MINUTE, SECOND
from tradewrit.errors import DataError
from tradewrit.features.bars import Times

_UNITS: Final = {"w": 7 * DAY, "d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND}
_SPELLINGS: Final = {
    "min": "m",
    "minute": "m",
    "hour": "h",
    "day": "d",
    "week": "w",
    "sec": "s",
    "second": "s",
}
_TEXT: Final = re.compile(r"(\d{1,6})\s*([a-z]+)")


def interval_text(ns: int) -> str:
    """The shortest name of a length of whole seconds.

    Raises DataError for lengths without a name.

    >>> interval_text(60_000_000_000), interval_text(900_000_000_000), interval_text(86_400_000_000_000)
    ('1m', '15m', '1d')
    """
    for unit, length in _UNITS.items():
        if ns >= length and ns % length == 0 and (unit != "w" or ns == length):
            return f"{ns // length}{unit}"
    raise DataError(f"bars of {ns / SECOND:g} s have no name; a length is whole seconds")


def interval_from(text: str) -> int:
    """Nanoseconds of a length such as 5m, 5min, 1h or 1day; raises DataError for anything else.

    >>> interval_from("5min") // 10**9, interval_from("60m") == interval_from("1h")
    (300, True)
    """
    found = _TEXT.fullmatch(text.strip().lower())
    if found is not None:
        count, word = int(found[1]), found[2]
        unit = _UNITS.get(word) or _UNITS.get(_SPELLINGS.get(word.removesuffix("s"), ""))
        if unit is not None and count:
            return count * unit
    raise DataError(f"{text!r} is no bar length; write it like 1m, 15m, 1h or 1d")


def usual_step(ts: Times) -> int:
    """The commonest step between rising times, ns: what a bar's length is also where many are missing.

    The shorter of two that are equally common. Raises DataError for fewer than two times.
    """
    if len(ts) < 2:
        raise DataError("a single bar does not show its length; give it (--interval)")
    steps, counts = np.unique(np.diff(ts), return_counts=True)
    return int(steps[np.argmax(counts)])
