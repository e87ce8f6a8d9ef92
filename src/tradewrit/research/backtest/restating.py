"""What a strategy says of raw bars whose shares split or are gone: it sees earlier bars in the shares of now.

Each split lets it look at all bars before it anew, as the event engine's market does.
"""

from collections.abc import Sequence

import numpy as np

from tradewrit.domain.events.corporate import CorporateAction, Gone, SharesSplit
from tradewrit.domain.signals import ENTER
from tradewrit.features.hours import Hours
from tradewrit.features.rescaling import split_before
from tradewrit.research.backtest.tracks import Track
from tradewrit.strategies.base import Strategy
from tradewrit.strategies.evaluation import Columns


def restate(
    track: Track, strategy: Strategy, actions: Sequence[CorporateAction], hours: Hours | None
) -> None:
    """Have the track say of each bar what the strategy said when it closed.

    actions: of all symbols, by time. hours: of the track's market; None where nobody knows.
    Raises StrategyError as `Columns` does.
    """
    splits = [one for one in actions if isinstance(one, SharesSplit) and one.symbol == track.symbol]
    if not splits or not len(track):
        return
    bars, verdicts = track.bars, track.verdicts.copy()
    for split in splits:
        row = int(bars.ts.searchsorted(split.at))
        bars = split_before(bars, row, split.ratio)
        seen = Columns(strategy, track.instrument, bars, hours).verdicts
        verdicts[row:] = seen[row:]
        if row:
            track.restated[row] = int(seen[row - 1])
    track.verdicts = verdicts


def end(track: Track, actions: Sequence[CorporateAction]) -> None:
    """Have the track ask for no entry once its symbol trades no more: risk would refuse it."""
    gone = [one.at for one in actions if isinstance(one, Gone) and one.symbol == track.symbol]
    if gone:
        verdicts = track.verdicts.copy()
        verdicts[int(track.bars.ts.searchsorted(min(gone))) :] &= ~np.uint8(ENTER)
        track.verdicts = verdicts
