"""Every bar on which the strategy would enter, over all symbols, and the search for the next that may.

The search is a screen in floats: it passes over bars that risk would certainly refuse for want of cash
or in a drawdown. What it stops at is judged exactly.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.limits import Limits
from tradewrit.domain.orders import Side
from tradewrit.domain.signals import ENTER, Verdict
from tradewrit.features.bars import Floats
from tradewrit.research.backtest.tracks import Indices, Track
from tradewrit.research.backtest.wanted import Wanted, calm_shares
from tradewrit.research.backtest.worth import Worth
from tradewrit.strategies.evaluation import Verdicts

_NEAR = 1e-9
_SLACK = 1e-6
_FIRST_LOOK = 128


class Candidate(msgspec.Struct, frozen=True):
    """A symbol that the strategy wants to enter at the close of a time."""

    rank: int
    time: int
    side: Side


class Room(msgspec.Struct, frozen=True):
    """What an entry may use, in floats.

    free: cash neither reserved nor margin. floor: of equity, below which the drawdown limit blocks entries.
    """

    free: float
    floor: float


class Candidates:
    """Entry bars of all symbols by time, then rank. `next` moves on: nothing is seen twice.

    may_enter: whether a symbol is flat, with nothing pending and not refused for ever; by rank and side.
    """

    def __init__(self, tracks: Sequence[Track], limits: Limits, wanted: Wanted, worth: Worth) -> None:
        self._screen = screen = _Screen.of(limits, wanted)
        self._most = screen.fraction
        self._worth = worth
        codes = 2 * len(tracks)
        self._times, self._codes = _aligned(tracks) if _is_aligned(tracks) else _merged(tracks)
        calm = calm_shares(wanted, tracks, self._times, self._codes >> 1)
        self._shares = None if calm is None else np.minimum(calm, screen.fraction)
        self._lots: Floats = np.array([float(one.instrument.lot) for one in tracks])
        multipliers = np.array([float(one.instrument.multiplier) for one in tracks])
        self._per_lot: Floats = self._lots * multipliers
        # One memory, seen twice: bytes are quick to set and to ask one by one, an array to ask many at once.
        self._is_open = bytearray(b"\1" * codes)
        self._may_enter = np.frombuffer(self._is_open, dtype=np.bool_)
        self._closed: set[int] = set()
        self._free = len(tracks)
        self._at = 0

    @property
    def is_anyone_free(self) -> bool:
        """Whether any symbol may be entered."""
        return self._free > 0

    def block(self, rank: int) -> None:
        """The symbol is taken."""
        self._is_open[2 * rank] = self._is_open[2 * rank + 1] = False
        self._free -= 1

    def unblock(self, rank: int) -> None:
        """The symbol is flat again, with nothing pending."""
        for code in (2 * rank, 2 * rank + 1):
            self._is_open[code] = code not in self._closed
        self._free += 1

    def close_for_ever(self, rank: int, side: Side) -> None:
        """Risk refuses this side of this symbol for a reason that will not change."""
        code = 2 * rank + (side is Side.SELL)
        self._closed.add(code)
        self._is_open[code] = False

    def skip_to(self, time: int) -> None:
        """Pass over everything before a time."""
        at = self._at
        if at < len(self._times) and self._times[at] < time:
            self._at = at + int(self._times[at:].searchsorted(time))

    def next(self, stop: int, worth: Floats, start: int, room: Room) -> Candidate | None:
        """The next candidate before time `stop` that might pass, or None. worth: by time, from `start`."""
        length = _FIRST_LOOK
        while (i := self._at) < len(self._times):
            if self._times[i] >= stop:
                return None
            # Often the very first passes, and one is looked at faster than many.
            if self._may_one_pass(i, worth, start, room):
                return self._take(i)
            times = self._times[i : i + length]
            if times[-1] >= stop:
                times = times[: int(times.searchsorted(stop))]
            codes = self._codes[i : i + len(times)]
            wanted = self._may_enter[codes].nonzero()[0]
            if len(wanted):
                if self._may_one_pass(i + int(wanted[0]), worth, start, room):
                    return self._take(i + int(wanted[0]))
                if not self._screen.may_any_pass(float(worth.min()), room):
                    self.skip_to(stop)
                    return None
                passing = self._may_pass(i + wanted, worth, start, room)
                first = int(passing.argmax())
                if passing[first]:
                    return self._take(i + int(wanted[first]))
            self._at = i + len(times)
            length *= 2
        return None

    def _take(self, which: int) -> Candidate:
        """A candidate, and on to what is behind it."""
        self._at = which + 1
        code = self._codes.item(which)
        return Candidate(code >> 1, self._times.item(which), Side.SELL if code & 1 else Side.BUY)

    def _may_one_pass(self, which: int, worth: Floats, start: int, room: Room) -> bool:
        """Whether a candidate's symbol is free, and it may pass."""
        code = self._codes.item(which)
        if not self._is_open[code]:
            return False
        rank, time = code >> 1, self._times.item(which)
        lot = float(self._worth.closes(rank, time)) * self._per_lot.item(rank)
        most = self._most if self._shares is None else self._shares.item(which)
        equity = worth.item(time - start)
        return bool(self._screen.may_pass(lot, self._lots.item(rank), most, equity, room))

    def _may_pass(self, which: Indices, worth: Floats, start: int, room: Room) -> Any:
        """Whether each of several candidates may pass, whose symbols are free."""
        ranks, times = self._codes[which] >> 1, self._times[which]
        lot = self._worth.closes(ranks, times) * self._per_lot[ranks]
        most = self._most if self._shares is None else self._shares[which]
        return self._screen.may_pass(lot, self._lots[ranks], most, worth[times - start], room)


class _Screen(msgspec.Struct, frozen=True):
    """The limits that change with cash and equity, in floats.

    kept, spared: of `Wanted`. is_sure: whether they leave nothing out. is_alike: and every entry is as large.
    """

    notional: float
    fraction: float
    quantity: float
    cash: float
    kept: float
    spared: float
    is_sure: bool
    is_alike: bool

    @classmethod
    def of(cls, limits: Limits, wanted: Wanted) -> Self:
        is_sure = wanted.kept == 1.0 and not wanted.spared
        return cls(
            min(_or_any(limits.max_position_notional), wanted.notional),
            min(float(limits.max_position_fraction), wanted.fraction),
            min(_or_any(limits.max_order_quantity), wanted.quantity),
            float(limits.min_cash_fraction),
            wanted.kept,
            wanted.spared,
            is_sure=is_sure,
            is_alike=is_sure and wanted.target is None,
        )

    def may_any_pass(self, equity: float, room: Room) -> bool:
        """False: whatever the price, cash refuses. equity: the least of a stretch."""
        if self.quantity < float("inf") or not self.is_alike:
            return True
        # What is bought is more than half of what may be: at least one lot, and no lot is left out.
        cost = min(self.fraction * equity, self.notional) / 2
        return room.free - cost - self.cash * equity > -_SLACK * abs(equity)

    def may_pass(self, lot_value: Any, lot: Any, most: Any, equity: Any, room: Room) -> Any:
        """False: cash or drawdown certainly refuse. True: they may not. For one candidate, or each of many.

        lot_value: what a lot costs, less its fee. lot: its units. most: of equity that it may cost.
        """
        least = min if isinstance(equity, float) else np.minimum
        lots = least(most * equity, self.notional) / lot_value
        lots = least(lots, self.quantity / lot) + _NEAR
        surely = lots if self.is_sure else self._surely(lots, lot_value)
        left = room.free - (surely - 2 * _NEAR) // 1 * lot_value - self.cash * equity
        return (lots >= 1.0) & (left > -_SLACK * abs(equity)) & (equity > room.floor * (1 - _NEAR))

    def _surely(self, lots: Any, lot_value: Any) -> Any:
        """As many lots as are bought at least, if any are: one, then."""
        return np.maximum(lots * self.kept - self.spared / lot_value, 1 + 3 * _NEAR)


def _or_any(limit: Decimal | None) -> float:
    return float("inf") if limit is None else float(limit)


def _entering(verdicts: Verdicts) -> tuple[Indices, NDArray[np.bool_]]:
    """Where the strategy wants to be long or short, not both; and whether it is short."""
    wanted = verdicts & np.uint8(ENTER)
    is_short = wanted == Verdict.ENTER_SHORT
    found = ((wanted == Verdict.ENTER_LONG) | is_short).nonzero()[0]
    return found, is_short[found]


def _is_aligned(tracks: Sequence[Track]) -> bool:
    return all(one.place is None for one in tracks)


def _aligned(tracks: Sequence[Track]) -> tuple[Indices, Indices]:
    """Times and codes where every symbol has every time: a table, read time by time."""
    found, is_short = _entering(np.stack([one.verdicts for one in tracks], axis=1).reshape(-1))
    times = found // len(tracks)
    return times, 2 * (found - times * len(tracks)) + is_short


def _merged(tracks: Sequence[Track]) -> tuple[Indices, Indices]:
    """Times and codes of symbols with times of their own."""
    keys, codes = [], 2 * len(tracks)
    for rank, track in enumerate(tracks):
        rows, is_short = _entering(track.verdicts)
        times = rows if track.place is None else track.place[rows]
        keys.append(times * codes + 2 * rank + is_short)
    merged = np.sort(np.concatenate(keys), kind="stable")  # runs that are sorted already
    times = merged // codes
    return times, merged - times * codes
