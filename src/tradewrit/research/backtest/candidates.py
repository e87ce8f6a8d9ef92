"""Every bar on which the strategy would enter, over all symbols, and the search for the next that may.

The search is a screen in floats: it passes over bars that risk would certainly refuse for want of cash
or in a drawdown. What it stops at is judged exactly.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Self

import msgspec
import numpy as np

from tradewrit.domain.limits import Limits
from tradewrit.domain.orders import Side
from tradewrit.domain.signals import ENTER, Verdict
from tradewrit.features.bars import Floats
from tradewrit.research.backtest.tracks import Indices, Track
from tradewrit.research.backtest.worth import Worth

_NEAR = 1e-9
_SLACK = 1e-6
_FIRST_LOOK = 16


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

    def __init__(self, tracks: Sequence[Track], limits: Limits, worth: Worth) -> None:
        self._screen = _Screen.of(limits)
        self._worth = worth
        codes = 2 * len(tracks)
        self._times, self._codes = _aligned(tracks) if _is_aligned(tracks) else _merged(tracks)
        self._lots: Floats = np.array([float(one.instrument.lot) for one in tracks])
        multipliers = np.array([float(one.instrument.multiplier) for one in tracks])
        self._per_lot: Floats = self._lots * multipliers
        self._may_enter = np.ones(codes, dtype=np.bool_)
        self._closed = np.zeros(codes, dtype=np.bool_)
        self._free = len(tracks)
        self._at = 0

    @property
    def is_anyone_free(self) -> bool:
        """Whether any symbol may be entered."""
        return self._free > 0

    def block(self, rank: int) -> None:
        """The symbol is taken."""
        self._may_enter[2 * rank : 2 * rank + 2] = False
        self._free -= 1

    def unblock(self, rank: int) -> None:
        """The symbol is flat again, with nothing pending."""
        both = slice(2 * rank, 2 * rank + 2)
        self._may_enter[both] = ~self._closed[both]
        self._free += 1

    def close_for_ever(self, rank: int, side: Side) -> None:
        """Risk refuses this side of this symbol for a reason that will not change."""
        code = 2 * rank + (side is Side.SELL)
        self._closed[code] = True
        self._may_enter[code] = False

    def skip_to(self, time: int) -> None:
        """Pass over everything before a time."""
        at = self._at
        if at < len(self._times) and self._times[at] < time:
            self._at = at + int(self._times[at:].searchsorted(time))

    def next(self, stop: int, worth: Floats, start: int, room: Room) -> Candidate | None:
        """The next candidate before time `stop` that might pass, or None. worth: by time, from `start`."""
        length = _FIRST_LOOK
        while self._at < len(self._times):
            i = self._at
            times = self._times[i : i + length]
            if times[-1] >= stop:
                times = times[: int(times.searchsorted(stop))]
                if not len(times):
                    return None
            codes = self._codes[i : i + len(times)]
            wanted = self._may_enter[codes].nonzero()[0]
            if len(wanted):
                # Nearly always the first passes, and one is looked at faster than many.
                k = int(wanted[0])
                if not self._may_pass(int(codes[k]) >> 1, int(times[k]), worth, start, room):
                    if not self._screen.may_any_pass(float(worth.min()), room):
                        self.skip_to(stop)
                        return None
                    passing = self._may_pass(codes[wanted] >> 1, times[wanted], worth, start, room)
                    k = int(wanted[int(passing.argmax())]) if passing.any() else -1
                if k >= 0:
                    self._at = i + k + 1
                    side = Side.SELL if codes[k] & 1 else Side.BUY
                    return Candidate(int(codes[k]) >> 1, int(times[k]), side)
            self._at = i + len(times)
            length *= 2
        return None

    def _may_pass(self, ranks: Any, times: Any, worth: Floats, start: int, room: Room) -> Any:
        """Whether one candidate may pass, or each of several."""
        lot = self._worth.closes(ranks, times) * self._per_lot[ranks]
        return self._screen.may_pass(lot, self._lots[ranks], worth[times - start], room)


class _Screen(msgspec.Struct, frozen=True):
    """The limits that change with cash and equity, in floats."""

    notional: float
    fraction: float
    quantity: float
    cash: float

    @classmethod
    def of(cls, limits: Limits) -> Self:
        return cls(
            _or_any(limits.max_position_notional),
            float(limits.max_position_fraction),
            _or_any(limits.max_order_quantity),
            float(limits.min_cash_fraction),
        )

    def may_any_pass(self, equity: float, room: Room) -> bool:
        """False: whatever the price, cash refuses. equity: the least of a stretch."""
        if self.quantity < float("inf"):
            return True
        # What is bought is more than half of what may be: at least one lot, and no lot is left out.
        cost = min(self.fraction * equity, self.notional) / 2
        return room.free - cost - self.cash * equity > -_SLACK * abs(equity)

    def may_pass(self, lot_value: Any, lot: Any, equity: Any, room: Room) -> Any:
        """False: cash or drawdown certainly refuse. True: they may not. For one candidate, or each of many.

        lot_value: what a lot costs, less its fee. lot: its units.
        """
        lots = np.minimum(self.fraction * equity, self.notional) / lot_value
        lots = np.minimum(lots, self.quantity / lot) + _NEAR
        left = room.free - (lots - 2 * _NEAR) // 1 * lot_value - self.cash * equity
        return (lots >= 1.0) & (left > -_SLACK * abs(equity)) & (equity > room.floor * (1 - _NEAR))


def _or_any(limit: Decimal | None) -> float:
    return float("inf") if limit is None else float(limit)


# By verdict: 1 where the strategy wants to be long, 2 for short, 0 for neither or both.
_LONG, _SHORT = 1, 2
_SIDE_OF = {int(Verdict.ENTER_LONG): _LONG, int(Verdict.ENTER_SHORT): _SHORT}
_SIDES = np.array([_SIDE_OF.get(verdict & ENTER, 0) for verdict in range(16)], dtype=np.uint8)


def _is_aligned(tracks: Sequence[Track]) -> bool:
    return all(one.place is None for one in tracks)


def _aligned(tracks: Sequence[Track]) -> tuple[Indices, Indices]:
    """Times and codes where every symbol has every time: a table, read time by time."""
    wants = _SIDES[np.stack([one.verdicts for one in tracks], axis=1)].reshape(-1)
    found = wants.nonzero()[0]
    times = found // len(tracks)
    return times, 2 * (found - times * len(tracks)) + (wants[found] == _SHORT)


def _merged(tracks: Sequence[Track]) -> tuple[Indices, Indices]:
    """Times and codes of symbols with times of their own."""
    keys, codes = [], 2 * len(tracks)
    for rank, track in enumerate(tracks):
        wants = _SIDES[track.verdicts]
        rows = wants.nonzero()[0]
        times = rows if track.place is None else track.place[rows]
        keys.append(times * codes + 2 * rank + (wants[rows] == _SHORT))
    merged = np.sort(np.concatenate(keys), kind="stable")  # runs that are sorted already
    times = merged // codes
    return times, merged - times * codes
