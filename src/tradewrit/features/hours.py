"""When a market is open, as a table, and what that says of a bar: from the bar's time alone.

The table comes from a calendar, which is known in advance, so a reading may speak of a close that is
still to come; of bars it knows this one and those before. Reads no calendar itself.

A bar belongs to the last session that had opened before the bar ended, unless that session was over
when the bar began. It is read as of its end, which is when a decision is made; one that reaches beyond
the close ended with the session. A break, for lunch, is a part of its session: minutes run on through it,
and only `is_open` knows of it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable
from typing import Any, ClassVar, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.market import DAY, MINUTE
from tradewrit.features.bars import Floats, Times

Flags = NDArray[np.bool_]
Column = NDArray[Any]
PERIODS: Final = ("week", "month", "quarter", "year")
_LONG_AGO: Final = -(2**62)
_NAN: Final = float("nan")


class Hours(msgspec.Struct, frozen=True, eq=False):
    """The regular sessions of one market, and how long the bars are that are held against them.

    name: of the calendar. opens, closes: UTC ns, rising; a close is outside its session.
    stretches: when trading is on, a row each of start and end: sessions, in two around a break.
    firsts, lasts: by session, a bit for each of `PERIODS` that begins, or ends, with it.
    interval: length of a bar, ns. leaves: how long before a close every position is to be left, ns; None
    where none is.
    """

    name: str
    opens: Times
    closes: Times
    stretches: Times
    firsts: NDArray[np.uint8]
    lasts: NDArray[np.uint8]
    interval: int
    leaves: int | None = None

    @property
    def key(self) -> Hashable:
        """Equal for hours that say the same of every bar."""
        edges = (int(self.opens[0]), int(self.closes[-1])) if len(self.opens) else ()
        return self.name, edges, self.interval, self.leaves

    @property
    def is_intraday(self) -> bool:
        """Whether a session holds several bars."""
        return self.interval < DAY

    def spread(self, ts: Times, values: Column, none: Any) -> Column:
        """For every bar the value of the last session that opened before the bar ended; `none` before one."""
        return _stairs(ts, ts.searchsorted(self.opens - self.interval, side="right"), values, none)

    def is_open(self, ts: Times) -> Flags:
        """Which bars open while trading is on."""
        starts, ends = self.stretches.T
        found: Flags = ts < _stairs(ts, ts.searchsorted(starts), ends, _LONG_AGO)
        return found


def _stairs(ts: Times, starts: NDArray[np.intp], values: Column, none: Any) -> Column:
    """`values[k]` from row `starts[k]` on, `none` before the first."""
    edges = np.concatenate(((0,), starts, (len(ts),)))
    return np.repeat(np.concatenate((np.array([none], dtype=values.dtype), values)), np.diff(edges))


class Reading(msgspec.Struct, frozen=True, eq=False):
    """A rule of a formula over the times of bars; what one gives is no number outside the sessions.

    `history` reads one symbol's times, oldest first; `stepper` one bar after the other; the same bits.
    """

    word: ClassVar[str] = ""
    """How an author writes it."""

    hours: Hours

    @property
    def key(self) -> Hashable:
        """Equal for the same reading with the same parameters under the same hours."""
        return tuple(getattr(self, name) for name in self.__struct_fields__[1:]), self.hours.key

    def column(self, _shape: tuple[int, ...], ts: Times) -> Column:
        """The reading over whole histories, a row each; what has the same times is read once."""
        if ts.ndim == 1:
            return self.history(ts)
        known: dict[bytes, Column] = {}
        rows = []
        for row in ts:
            times = row.tobytes()
            if times not in known:
                known[times] = self.history(row)
            rows.append(known[times])
        return np.stack(rows)

    def history(self, ts: Times) -> Column:
        """The reading of every bar."""
        raise NotImplementedError

    def stepper(self) -> Callable[[int], float]:
        """A fresh reader of one bar after the other."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.word


class _Place:
    """Finds the session of one bar: its open and close; both long ago where it belongs to none."""

    def __init__(self, hours: Hours) -> None:
        self._opens, self._closes = hours.opens.tolist(), hours.closes.tolist()
        self._length = hours.interval

    def of(self, ts: int) -> tuple[int, int, int]:
        """Number of the session, its open, and when the bar ended in it; -1 and long ago outside."""
        place = bisect_left(self._opens, ts + self._length) - 1
        if place < 0 or self._closes[place] <= ts:
            return -1, _LONG_AGO, _LONG_AGO
        return place, self._opens[place], min(ts + self._length, self._closes[place])


class SinceOpen(Reading, frozen=True, eq=False):
    """Minutes from the session's open to the bar's end."""

    word = "minutes_since_open"

    def history(self, ts: Times) -> Floats:
        """NaN outside the sessions."""
        opens, ended, is_inside = _sessions(self.hours, ts)
        return np.where(is_inside, (ended - opens) / MINUTE, _NAN)

    def stepper(self) -> Callable[[int], float]:
        """NaN outside the sessions."""
        place = _Place(self.hours)

        def step(ts: int) -> float:
            number, opened, ended = place.of(ts)
            return _NAN if number < 0 else (ended - opened) / MINUTE

        return step


class ToClose(Reading, frozen=True, eq=False):
    """Minutes from the bar's end to the session's close."""

    word = "minutes_to_close"

    def history(self, ts: Times) -> Floats:
        """NaN outside the sessions."""
        _, ended, is_inside = _sessions(self.hours, ts)
        closes = self.hours.spread(ts, self.hours.closes, _LONG_AGO)
        return np.where(is_inside, (closes - ended) / MINUTE, _NAN)

    def stepper(self) -> Callable[[int], float]:
        """NaN outside the sessions."""
        place, closes = _Place(self.hours), self.hours.closes.tolist()

        def step(ts: int) -> float:
            number, _, ended = place.of(ts)
            return _NAN if number < 0 else (closes[number] - ended) / MINUTE

        return step


class FirstBar(Reading, frozen=True, eq=False):
    """Whether the bar before belongs to another session; the very first bar has to begin with its own."""

    word = "first_bar_of_session"

    def history(self, ts: Times) -> Flags:
        """False outside the sessions."""
        hours = self.hours
        opens, _, is_inside = _sessions(hours, ts)
        is_new = np.ones(len(ts), dtype=np.bool_)
        is_new[1:] = opens[1:] != opens[:-1]
        is_new[:1] = ts[:1] < opens[:1] + hours.interval
        return is_new & is_inside

    def stepper(self) -> Callable[[int], bool]:
        """False outside the sessions."""
        place, length, seen = _Place(self.hours), self.hours.interval, [_LONG_AGO - 1]

        def step(ts: int) -> bool:
            number, opened, _ = place.of(ts)
            before, seen[0] = seen[0], opened
            if number < 0:
                return False
            return ts < opened + length if before < _LONG_AGO else opened != before

        return step


class LastBar(Reading, frozen=True, eq=False):
    """Whether the session is over at the bar's end."""

    word = "last_bar_of_session"

    def history(self, ts: Times) -> Flags:
        """False outside the sessions."""
        closes = self.hours.spread(ts, self.hours.closes, _LONG_AGO)
        ended: Flags = (closes > ts) & (ts + self.hours.interval >= closes)
        return ended

    def stepper(self) -> Callable[[int], bool]:
        """False outside the sessions."""
        place, closes = _Place(self.hours), self.hours.closes.tolist()

        def step(ts: int) -> bool:
            number, _, ended = place.of(ts)
            return number >= 0 and ended == closes[number]

        return step


class Begins(Reading, frozen=True, eq=False):
    """Whether a period begins with the bar's session."""

    period: str

    def __str__(self) -> str:
        return f"first_session_of {self.period}"

    def history(self, ts: Times) -> Flags:
        """False outside the sessions."""
        return _has_bit(self.hours, ts, self.hours.firsts, self.period)

    def stepper(self) -> Callable[[int], bool]:
        """False outside the sessions."""
        return _bit_stepper(self.hours, self.hours.firsts, self.period)


class Ends(Reading, frozen=True, eq=False):
    """Whether a period ends with the bar's session."""

    period: str

    def __str__(self) -> str:
        return f"last_session_of {self.period}"

    def history(self, ts: Times) -> Flags:
        """False outside the sessions."""
        return _has_bit(self.hours, ts, self.hours.lasts, self.period)

    def stepper(self) -> Callable[[int], bool]:
        """False outside the sessions."""
        return _bit_stepper(self.hours, self.hours.lasts, self.period)


class Every(Reading, frozen=True, eq=False):
    """Whether a multiple of `step` ns since the open has come to pass since the bar before ended.

    In a session's first bar that is since the open; in the very first bar, since it began.
    """

    step: int

    def __str__(self) -> str:
        return f"every {self.step // MINUTE} minutes"

    def history(self, ts: Times) -> Flags:
        """False outside the sessions."""
        opens, ended, is_inside = _sessions(self.hours, ts)
        passed = (ended - opens) // self.step
        before = np.zeros(len(ts), dtype=np.int64)
        before[1:] = np.where(opens[1:] == opens[:-1], passed[:-1], 0)
        before[:1] = np.maximum(ts[:1] - opens[:1], 0) // self.step
        return is_inside & (passed > before)

    def stepper(self) -> Callable[[int], bool]:
        """False outside the sessions."""
        place, length = _Place(self.hours), self.step
        seen: list[int] = []

        def step(ts: int) -> bool:
            number, opened, ended = place.of(ts)
            passed = (ended - opened) // length
            if not seen:
                before = max(ts - opened, 0) // length
            else:
                before = seen[1] if seen[0] == opened else 0
            seen[:] = opened, passed
            return number >= 0 and passed > before

        return step


class Leaving(Reading, frozen=True, eq=False):
    """Whether every position is to be left: from `hours.leaves` before a close until the next open.

    True as well in the bar that comes after all of that, where no bar of the symbol lay in it.
    """

    word = "session_end"

    def history(self, ts: Times) -> Flags:
        """False on every bar where nothing is to be left."""
        cuts = self._cuts()
        if cuts is None:
            return np.zeros(len(ts), dtype=np.bool_)
        ends = ts + self.hours.interval
        is_due: Flags = ends >= self.hours.spread(ts, cuts, 2**62)
        passed = _stairs(ts, ends.searchsorted(cuts), np.arange(1, len(cuts) + 1), 0)
        is_due[1:] |= passed[1:] > passed[:-1]
        return is_due

    def stepper(self) -> Callable[[int], bool]:
        """False on every bar where nothing is to be left."""
        cuts = self._cuts()
        if cuts is None:
            return lambda _: False
        opens, due, length = self.hours.opens.tolist(), cuts.tolist(), self.hours.interval
        seen: list[int] = []

        def step(ts: int) -> bool:
            end = ts + length
            place, passed = bisect_left(opens, end) - 1, bisect_right(due, end)
            has_passed = bool(seen) and passed > seen[0]
            seen[:] = (passed,)
            return has_passed or (place >= 0 and end >= due[place])

        return step

    def _cuts(self) -> Times | None:
        return None if self.hours.leaves is None else self.hours.closes - self.hours.leaves


def _sessions(hours: Hours, ts: Times) -> tuple[Times, Times, Flags]:
    """The open of each bar's session, when the bar ended in it, and whether it is in one.

    Open and end are the same long ago where it is not.
    """
    opens = hours.spread(ts, hours.opens, _LONG_AGO)
    closes = hours.spread(ts, hours.closes, _LONG_AGO)
    is_inside: Flags = closes > ts
    ended = np.minimum(ts + hours.interval, closes)
    if not is_inside.all():
        opens[~is_inside] = ended[~is_inside] = _LONG_AGO
    return opens, ended, is_inside


def _has_bit(hours: Hours, ts: Times, flags: NDArray[np.uint8], period: str) -> Flags:
    bit = np.uint8(1 << PERIODS.index(period))
    is_inside = hours.spread(ts, hours.closes, _LONG_AGO) > ts
    found: Flags = (hours.spread(ts, flags, 0) & bit != 0) & is_inside
    return found


def _bit_stepper(hours: Hours, flags: NDArray[np.uint8], period: str) -> Callable[[int], bool]:
    place, bit, known = _Place(hours), 1 << PERIODS.index(period), flags.tolist()

    def step(ts: int) -> bool:
        number = place.of(ts)[0]
        return number >= 0 and bool(known[number] & bit)

    return step
