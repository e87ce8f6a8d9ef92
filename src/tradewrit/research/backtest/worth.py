"""What an account is worth from time to time: in floats over a stretch, exactly at any one time.

Prices are the symbols' last closes. Where all of them are printed with a few decimals, the exact sum
is one of integers; it is the same sum.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from tradewrit.domain.money import Price, canonical
from tradewrit.features.bars import Floats
from tradewrit.research.backtest.tracks import PRINTED, Track

_CELLS = 1 << 18
_SHORTEST = 64
_FEW = 3
_MANY = 8
_WHOLE = 2.0**53
"""Below this, sums and products of whole numbers in float64 are exact, in whatever order."""

Units = Mapping[int, int]
"""Rank -> units held, negative when short, multiplier included; in steps of `Worth.step`."""


class Worth:
    """Equity as cash plus units times closes.

    step: what the units are counted in, fine enough for every lot and multiplier. units: what is held.
    """

    def __init__(self, tracks: Sequence[Track], times: int) -> None:
        self._tracks = tracks
        self._times = times
        finest = max(_decimals(one.instrument.lot * one.instrument.multiplier) for one in tracks)
        self.step = Decimal(1).scaleb(-finest)
        self._step = float(self.step)
        self.units: dict[int, int] = {}
        self._amounts: Floats = np.zeros(len(tracks))
        self._is_printed = True
        self._begin, self._end = 0, 0
        self._closes: Floats = np.empty((0, 0))

    def hold(self, rank: int, amount: Decimal) -> None:
        """Hold so many units of a symbol from now on: signed, multiplier included."""
        steps = int(amount / self.step)
        self._amounts[rank] = steps * self._step
        if not steps:
            self.units.pop(rank, None)
            return
        self.units[rank] = steps
        if self._is_printed and len(self._tracks) > _FEW:
            self._is_printed = self._tracks[rank].is_printed

    def reach(self, time: int) -> int:
        """Up to which time a stretch that begins at `time` may last."""
        self._show(time)
        return self._end

    def closes(self, ranks: Any, times: Any) -> Any:
        """The last close of a rank at a time, or of each pair of several; within the stretch last reached."""
        return self._closes[ranks, times - self._begin]

    def roughly(self, start: int, stop: int, base: Decimal) -> Floats:
        """Worth at each time from `start` to before `stop`, within `reach(start)`."""
        i, j = start - self._begin, stop - self._begin
        if len(self.units) <= _FEW:
            worth = np.empty(j - i)
            worth.fill(float(base))
            for rank in self.units:
                worth += self._amounts[rank] * self._closes[rank, i:j]
            return worth
        amounts, closes = self._amounts, self._closes[:, i:j]
        if len(self.units) * _MANY < len(amounts):
            held = np.fromiter(self.units, np.int64, len(self.units))
            amounts, closes = amounts[held], closes[held]
        together: Floats = np.einsum("k,kt->t", amounts, closes)
        together += float(base)
        return together

    def highest(self, start: int, stop: int, base: Decimal) -> tuple[float, int]:
        """The most it was `roughly` worth from `start` to before `stop`, and when first."""
        if len(self.units) != 1:
            worth = self.roughly(start, stop, base)
            at = int(worth.argmax())
            return float(worth[at]), start + at
        ((rank, steps),) = self.units.items()
        closes = self._closes[rank, start - self._begin : stop - self._begin]
        at = int(closes.argmax() if steps > 0 else closes.argmin())
        return float(base) + float(self._amounts[rank]) * float(closes[at]), start + at

    def exactly(self, time: int, base: Decimal, units: Units) -> Decimal:
        """Worth at one time."""
        if len(units) > _FEW and self._is_printed and self._begin <= time < self._end:
            held = np.fromiter(units, np.int64, len(units))
            ticks = np.rint(self._closes[held, time - self._begin] * PRINTED)
            ticks *= np.fromiter(units.values(), np.float64, len(units))
            if np.abs(ticks).sum() < _WHOLE:
                return canonical(base + int(ticks.sum()) * self.step / int(PRINTED))
        return canonical(base + sum(self._value(rank, amount, time) for rank, amount in units.items()))

    def restated(self, rank: int, time: int, mark: Price) -> Decimal:
        """What is added to the worth at a time when what is held of a symbol goes by another mark."""
        return self.units.get(rank, 0) * self.step * (mark - self._tracks[rank].mark(time))

    def _value(self, rank: int, amount: int, time: int) -> Decimal:
        return amount * self.step * self._tracks[rank].mark(time)

    def _show(self, time: int) -> None:
        """Have the last closes of all symbols at `time`, and of a stretch after it, at hand."""
        if self._begin <= time < self._end:
            return
        length = max(_SHORTEST, _CELLS // len(self._tracks))
        self._begin, self._end = time, min(time + length, self._times)
        self._closes = np.stack([one.closes(self._begin, self._end) for one in self._tracks])


def _decimals(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    return max(0, -int(exponent))
