"""How volatile raw bars were, as one knew at each close: earlier bars in the shares of then.

Every split restates the bars before it, as the markets of the event engine and of a live desk do.
"""

from collections.abc import Sequence

import msgspec

from tradewrit.domain.events.corporate import CorporateAction, SharesSplit
from tradewrit.domain.sizing import Sizing
from tradewrit.features.bars import Bars, Floats
from tradewrit.features.rescaling import split_before
from tradewrit.risk.volatility import if_known, volatility_column


class Volatility(msgspec.Struct, frozen=True, eq=False):
    """One symbol's annualised volatility.

    closes: by row, at its close. restated: by the row with which a split takes effect, that of the row
    before, in the new shares.
    """

    closes: Floats
    restated: dict[int, float]

    def at(self, row: int, *, is_split_since: bool = False) -> float | None:
        """As of a row's close, or as of a split since then; None while it is not known."""
        return if_known(self.restated[row + 1] if is_split_since else float(self.closes[row]))

    def part(self, rows: slice) -> "Volatility":
        """That of some of the rows."""
        moved = {row - rows.start: value for row, value in self.restated.items()}
        return Volatility(self.closes[rows], moved)


def volatility_of(bars: Bars, sizing: Sizing, actions: Sequence[CorporateAction]) -> Volatility | None:
    """What an account that sizes by volatility knew of these bars; None where none is asked for.

    actions: of all symbols, by time.
    """
    closes = volatility_column(sizing, bars)
    if closes is None:
        return None
    restated = {}
    for split in actions:
        if not isinstance(split, SharesSplit) or split.symbol != bars.symbol:
            continue
        row = int(bars.ts.searchsorted(split.at))
        bars = split_before(bars, row, split.ratio)
        seen = volatility_column(sizing, bars)
        if seen is None:
            raise AssertionError(f"{bars.symbol}: {sizing} asks for a volatility, and then for none")
        closes[row:] = seen[row:]
        if row:
            restated[row] = float(seen[row - 1])
    return Volatility(closes, restated)
