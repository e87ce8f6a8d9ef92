"""Which bars of a source are wanted: of which symbols, from when to when, as known when."""

import msgspec
import numpy as np

from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market.stamps import iso


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Everything by default.

    symbols: their names, None for all. since, until: UTC ns; bars that open at or after `since` and
    before `until`. known_at: UTC ns; from a lake, the bars as they were known then.
    """

    symbols: tuple[str, ...] | None = None
    since: int | None = None
    until: int | None = None
    known_at: int | None = None

    def wants(self, symbol: str) -> bool:
        """Whether bars of this symbol are wanted."""
        return self.symbols is None or symbol in self.symbols

    def between(self, bars: Bars) -> Bars:
        """The bars of the wanted times, sharing memory."""
        if self.since is None and self.until is None:
            return bars
        start = 0 if self.since is None else int(np.searchsorted(bars.ts, self.since))
        stop = len(bars) if self.until is None else int(np.searchsorted(bars.ts, self.until))
        return bars.take(slice(start, stop))

    def check_symbols(self, source: str, known: list[str]) -> None:
        """Raise DataError for a wanted symbol that the source does not have."""
        unknown = [name for name in self.symbols or () if name not in known]
        if unknown:
            shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
            raise DataError(f"{source}: has no {', '.join(unknown)}; it has {shown}")

    def chosen(self, source: str, bars: list[Bars]) -> list[Bars]:
        """What is wanted of all bars of a source, in its order; DataError when that is nothing."""
        self.check_symbols(source, [one.symbol for one in bars])
        cut = [self.between(one) for one in bars if self.wants(one.symbol)]
        found = [one for one in cut if len(one)]
        if not found:
            raise DataError(f"{source}: no bars{self.span()}")
        return found

    def span(self) -> str:
        """The wanted times for a message; empty for all times."""
        since = "" if self.since is None else f" from {iso(self.since)}"
        until = "" if self.until is None else f" before {iso(self.until)}"
        return since + until


EVERYTHING = Selection()
"""All symbols, all times, as known now."""
