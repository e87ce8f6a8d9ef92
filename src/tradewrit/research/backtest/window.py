"""A stretch of bars with an account of its own, whose features know every bar before it.

What a walk-forward trades: features are computed over the whole history and only looked at here, so
there is no warm-up to wait for, and nothing after the stretch is seen: element i of a feature uses the
bars up to i only.
"""

from collections.abc import Sequence

import msgspec

from tradewrit.features.bars import Bars
from tradewrit.research.backtest.prepared import Prepared
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.backtest.tracks import Track
from tradewrit.strategies.base import Strategy


class Stretch(msgspec.Struct, frozen=True):
    """Bars that open at or after `since` and before `until`; UTC ns."""

    since: int
    until: int

    def rows(self, bars: Bars) -> slice:
        """Which rows of a symbol those are."""
        return slice(*bars.ts.searchsorted((self.since, self.until)).tolist())

    def of(self, bars: Bars) -> Bars:
        """Those bars, sharing memory."""
        return bars.take(self.rows(bars))


class Window(Prepared):
    """Prepared bars of which only a stretch is traded; columns are computed by the whole, once.

    Raises DataError when no bar lies in the stretch.
    """

    def __init__(self, whole: Prepared, stretch: Stretch) -> None:
        super().__init__(cut(whole.tape.bars, stretch), is_kept=False)
        # A few bars with gaps between them are no reason to take the interval for a longer one.
        self.tape.interval = whole.tape.interval
        self._whole = whole
        self._rows = [stretch.rows(one) for one in whole.tape.bars]

    def tracks(self, strategy: Strategy, setup: Setup) -> list[Track]:
        """As `Prepared.tracks`, of the stretch."""
        whole = self._whole.tracks(strategy, setup)
        return [
            track.part(bars, rows, place)
            for bars, track, rows, place in zip(self.tape.bars, whole, self._rows, self._places, strict=True)
        ]


def cut(bars: Sequence[Bars], stretch: Stretch) -> list[Bars]:
    """The stretch of every symbol; one that has no bar in it stays, empty, so that ranks do not move."""
    return [stretch.of(one) for one in bars]
