"""The strategy of the proof: it does what a bar's volume says, so that whoever moves the market drives it."""

from tradewrit import Signal, Strategy, enter_long, enter_short, leave
from tradewrit.features.bars import Bars

QUIET, LONG, SHORT, LEAVE = 1_000, 1_001, 1_002, 1_003
"""Volumes, and what they say."""

_MEANING = {LONG: enter_long(), SHORT: enter_short(), LEAVE: leave("told")}


class Told(Strategy, frozen=True, kw_only=True):
    """Stops and targets are near, so that the market meets them often."""

    stop_fraction: float = 0.01
    target_fraction: float = 0.03

    def on_bar(self, bars: Bars) -> Signal | None:
        """What the last bar says."""
        return _MEANING.get(int(bars.volume[-1]))
