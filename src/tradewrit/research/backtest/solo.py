"""The market of a desk that trades one symbol: columns whose verdicts are known, and a cursor.

Nothing after the cursor is ever shown. Says of its symbol what `ColumnMarket` says of all.
"""

import math
from collections.abc import Iterable, Sequence

from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import SharesSplit
from tradewrit.domain.market import Bar, MarketPhase, Quote
from tradewrit.domain.money import Price
from tradewrit.domain.signals import Signal
from tradewrit.features.rescaling import split_before
from tradewrit.research.backtest.tracks import Track
from tradewrit.strategies.evaluation import signal_of


class SoloMarket:
    """Implements `Market` over one track; the engine moves it with `show` and `hush`.

    row: of the last completed bar. protection: what the strategy says of every entry.
    """

    is_backtest = True

    def __init__(self, track: Track, protection: Signal, row: int) -> None:
        self._track = track
        self._protection = protection
        self._bars = track.bars
        self.row = row
        self._verdict = 0
        self._is_new = False

    def show(self, row: int) -> None:
        """This bar has closed."""
        self.row, self._is_new = row, True
        self._verdict = int(self._track.verdicts[row])

    def hush(self) -> None:
        """Bars of other symbols have closed: of this one there is nothing new to say."""
        self._is_new = False

    def absorb(self, bars: Iterable[Bar]) -> int:
        """Nothing to take in: the columns are complete."""
        return sum(1 for _ in bars)

    def objections(self, at: int) -> tuple[Event, ...]:
        """Nothing: data are checked before a backtest begins."""
        del at
        return ()

    def hear(self, event: Event) -> None:
        """Put every bar before a split in the new shares."""
        if isinstance(event, SharesSplit):
            row = int(self._bars.ts.searchsorted(event.at))
            self._bars = split_before(self._bars, row, event.ratio)
            self._verdict = self._track.restated.get(row, self._verdict)

    def bar(self, symbol: str) -> Bar | None:
        """The last completed bar."""
        del symbol
        return self._bars.row(self.row)

    def quote(self, symbol: str) -> Quote | None:
        """The closing quote of the last completed bar; None where the bars have none."""
        del symbol
        return self._bars.quote(self.row)

    def mark(self, symbol: str) -> Price:
        """The last close, exact."""
        return self._track.instrument.traded(self.last(symbol))

    def last(self, symbol: str) -> float:
        """The last close as a float; NaN for any other symbol."""
        return float(self._bars.close[self.row]) if symbol == self._track.symbol else math.nan

    def last_at(self, symbol: str) -> int:
        """When the last completed bar opened."""
        del symbol
        return int(self._bars.ts[self.row])

    def sequence(self, symbol: str) -> int:
        """Bars have no tick stream."""
        del symbol
        return 0

    def bars_since(self, symbol: str, at: int) -> int:
        """How many completed bars opened at or after `at`."""
        del symbol
        seen = self.row + 1
        return seen - int(self._bars.ts[:seen].searchsorted(at))

    def phase(self, at: int) -> MarketPhase:
        """A backtest's market is open whenever it has a bar."""
        del at
        return MarketPhase.OPEN

    def speaking(self) -> Sequence[tuple[str, int]]:
        """What the strategy has to say of the bar that just closed."""
        return ((self._track.symbol, self._verdict),) if self._is_new and self._verdict else ()

    def signal(self, symbol: str) -> Signal | None:
        """What the strategy says of the last bar, the values behind it left out."""
        return signal_of(self._protection, symbol, self._verdict, {})

    def volatility(self, symbol: str) -> float | None:
        """Nothing: risk has sized the trade before it comes here."""
        del symbol
        return None

    def symbols(self) -> Sequence[str]:
        """The one symbol."""
        return (self._track.symbol,)
