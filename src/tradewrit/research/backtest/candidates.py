"""Every bar on which the strategy would enter, over all symbols, and the search for the next that may.

The search is a float screen: it passes over bars that risk would certainly refuse for want of cash
or in a drawdown. What it stops at is judged exactly.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.limits import Limits
from tradewrit.domain.signals import Verdict
from tradewrit.features.bars import Floats
from tradewrit.research.backtest.tracks import Indices, Track

_NEAR = 1e-9
_SLACK = 1e-6


class Room(msgspec.Struct, frozen=True):
    """What an entry may use, in floats. free: cash not reserved and not margin. floor: of equity, below
    which the drawdown limit blocks entries."""

    free: float
    floor: float


class Candidates:
    """Entry bars of all symbols by time, then rank; `next` moves on, nothing is seen twice."""

    def __init__(self, tracks: Sequence[Track], limits: Limits) -> None:
        self._limits = limits
        times, ranks, rows, sides, prices, steps = [], [], [], [], [], []
        for rank, track in enumerate(tracks):
            side = _entry_side(track.verdicts)
            at = np.flatnonzero(side)
            rows.append(at)
            times.append(at if track.place is None else track.place[at])
            ranks.append(np.full(len(at), rank))
            sides.append(side[at])
            prices.append(track.bars.close[at] * float(track.instrument.multiplier))
            steps.append(np.full(len(at), float(track.instrument.lot)))
        order = np.lexsort((np.concatenate(ranks), np.concatenate(times)))
        self.times: Indices = np.concatenate(times)[order]
        self.ranks: Indices = np.concatenate(ranks)[order]
        self.rows: Indices = np.concatenate(rows)[order]
        self.sides: NDArray[np.int8] = np.concatenate(sides)[order]
        self._prices: Floats = np.concatenate(prices)[order]
        self._steps: Floats = np.concatenate(steps)[order]
        self._at = 0

    def skip_to(self, time: int) -> None:
        """Pass over everything before a time."""
        self._at = max(self._at, int(np.searchsorted(self.times, time)))

    def next(
        self, stop: int, may_enter: NDArray[np.bool_], equity: Floats, start: int, room: Room
    ) -> int | None:
        """The next candidate before time `stop` that might pass, or None; its index, and move past it.

        may_enter: per rank and side (column 0 long, 1 short). equity: at each time from `start` on.
        """
        end = int(np.searchsorted(self.times, stop))
        length = 64
        while self._at < end:
            i, j = self._at, min(self._at + length, end)
            length *= 2
            wanted = may_enter[self.ranks[i:j], (self.sides[i:j] < 0).view(np.int8)]
            if wanted.any():
                worth = equity[self.times[i:j] - start]
                wanted &= self._may_pass(i, j, worth, room)
                k = int(wanted.argmax())
                if wanted[k]:
                    self._at = i + k + 1
                    return i + k
            self._at = j
        return None

    def _may_pass(self, i: int, j: int, worth: Floats, room: Room) -> NDArray[np.bool_]:
        """Whether cash and drawdown certainly refuse: False; anything that is close: True."""
        limits = self._limits
        cap = float(limits.max_position_fraction) * worth
        if limits.max_position_notional is not None:
            cap = np.minimum(cap, float(limits.max_position_notional))
        if limits.max_order_quantity is not None:
            cap = np.minimum(cap, float(limits.max_order_quantity) * self._prices[i:j])
        lots = cap / (self._prices[i:j] * self._steps[i:j])
        least = np.floor(lots - _NEAR) * self._steps[i:j] * self._prices[i:j]
        left = room.free - least - float(limits.min_cash_fraction) * worth
        possible: NDArray[np.bool_] = (
            (np.floor(lots + _NEAR) > 0)
            & (left > -_SLACK * np.abs(worth))
            & (worth > room.floor * (1 - _NEAR))
        )
        return possible


def _entry_side(verdicts: NDArray[np.uint8]) -> NDArray[np.int8]:
    """+1 where the strategy wants to be long, -1 for short, 0 for neither or both."""
    long = (verdicts & int(Verdict.ENTER_LONG)) != 0
    short = (verdicts & int(Verdict.ENTER_SHORT)) != 0
    return long.astype(np.int8) - short.astype(np.int8)
