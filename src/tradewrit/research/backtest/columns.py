"""The market as a backtest sees it: columns that are complete from the start, and a cursor per symbol.

Nothing after the cursor is ever shown. Says, bar for bar, what the live view would say.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np

from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import SharesSplit
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Bar, MarketPhase, Quote
from tradewrit.domain.money import Price
from tradewrit.domain.signals import Signal
from tradewrit.domain.sizing import Largest, Sizing
from tradewrit.features.bars import QUOTES, Bars, Floats
from tradewrit.features.hours import Hours
from tradewrit.features.rescaling import split_before
from tradewrit.research.backtest.tape import Row
from tradewrit.risk.volatility import if_known, volatility_column
from tradewrit.strategies.base import Strategy
from tradewrit.strategies.evaluation import Columns, decide_on_bar, overruled, session_ends

_NOBODY: tuple[tuple[str, int], ...] = ()
_LARGEST: Final = Largest()


def _nobody_knows(symbol: str) -> None:
    """The hours of a market without a calendar."""
    del symbol


class ColumnMarket:
    """Implements `Market` over columns; the engine moves it with `advance`.

    sizing: the account's, which may want to know how volatile prices are. hours: of a symbol's market.
    """

    is_backtest = True

    def __init__(
        self,
        bars: Sequence[Bars],
        strategy: Strategy,
        instrument: Callable[[str], Instrument],
        sizing: Sizing = _LARGEST,
        hours: Callable[[str], Hours | None] = _nobody_knows,
    ) -> None:
        self._bars = bars = [_read_only(one) for one in bars]
        self._sizing = sizing
        self._volatility: list[Floats | None] = [volatility_column(sizing, one) for one in bars]
        self._strategy = strategy
        self._instrument = instrument
        self._names = tuple(one.symbol for one in bars)
        self._rank = {name: rank for rank, name in enumerate(self._names)}
        self._at = [-1] * len(bars)
        self._close = [math.nan] * len(bars)
        self._marks: dict[str, Price] = {}
        self._speaking: Sequence[tuple[str, int]] = _NOBODY
        self._columns: list[Columns] | None = None
        self._verdicts: list[bytes] = []
        self._said: dict[str, Signal] = {}
        self._hours = hours
        if strategy.is_columnar():
            self._columns = [
                Columns(strategy, instrument(one.symbol), one, hours(one.symbol)) for one in bars
            ]
            self._verdicts = [column.verdicts.tobytes() for column in self._columns]
        else:
            self._ending = [session_ends(one, hours(one.symbol)) for one in bars]

    def advance(self, rows: list[Row]) -> None:
        """These bars have closed: show them, and ask the strategy."""
        at, close = self._at, self._close
        if self._marks:
            self._marks = {}
        if self._columns is None:
            self._ask(rows)
            return
        verdicts = self._verdicts
        speaking: list[tuple[str, int]] | None = None
        for row in rows:
            rank = row[0]
            at[rank] = i = row[1]
            close[rank] = row[5]
            if verdict := verdicts[rank][i]:
                if speaking is None:
                    speaking = []
                speaking.append((self._names[rank], verdict))
        self._speaking = _NOBODY if speaking is None else speaking

    def _ask(self, rows: list[Row]) -> None:
        """The escape hatch: the strategy decides in Python on each bar's history."""
        speaking = []
        for row in rows:
            rank, i = row[0], row[1]
            self._at[rank], self._close[rank] = i, row[5]
            name = self._names[rank]
            signal = decide_on_bar(self._strategy, name, self._bars[rank].head(i + 1))
            if self._ending[rank][i]:
                signal = overruled(signal, name)
            self._said[name] = signal or Signal(symbol=name)
            if signal is not None:
                speaking.append((name, signal.verdict))
        self._speaking = speaking

    def absorb(self, bars: Iterable[Bar]) -> int:
        """Nothing to take in: the columns are complete."""
        return sum(1 for _ in bars)

    def objections(self, at: int) -> tuple[Event, ...]:
        """Nothing: data are checked before a backtest begins."""
        del at
        return ()

    def hear(self, event: Event) -> None:
        """Only splits have anything to tell: the columns are complete."""
        if isinstance(event, SharesSplit):
            self._split(event)

    def _split(self, event: SharesSplit) -> None:
        """Put every bar before it in the new shares, and let the strategy look at them anew."""
        rank = self._rank.get(event.symbol)
        if rank is None:
            return
        row = int(self._bars[rank].ts.searchsorted(event.at))
        bars = self._bars[rank] = _read_only(split_before(self._bars[rank], row, event.ratio))
        if self._at[rank] >= 0:
            self._close[rank] = float(bars.close[self._at[rank]])
        self._marks.pop(event.symbol, None)
        self._volatility[rank] = volatility_column(self._sizing, bars)
        if self._columns is not None:
            instrument, hours = self._instrument(event.symbol), self._hours(event.symbol)
            self._columns[rank] = Columns(self._strategy, instrument, bars, hours)
            self._verdicts[rank] = self._columns[rank].verdicts.tobytes()

    def bar(self, symbol: str) -> Bar | None:
        """The last completed bar."""
        rank = self._rank[symbol]
        i = self._at[rank]
        return None if i < 0 else self._bars[rank].row(i)

    def quote(self, symbol: str) -> Quote | None:
        """The closing quote of the last completed bar; None where the bars have none."""
        rank = self._rank[symbol]
        i = self._at[rank]
        return None if i < 0 else self._bars[rank].quote(i)

    def mark(self, symbol: str) -> Price | None:
        """The last close, exact."""
        known = self._marks.get(symbol)
        if known is None:
            last = self.last(symbol)
            if math.isnan(last):
                return None
            known = self._marks[symbol] = self._instrument(symbol).traded(last)
        return known

    def last(self, symbol: str) -> float:
        """The last close as a float; NaN before the first."""
        return self._close[self._rank[symbol]]

    def last_at(self, symbol: str) -> int | None:
        """When the last completed bar opened; None before the first."""
        rank = self._rank[symbol]
        i = self._at[rank]
        return None if i < 0 else int(self._bars[rank].ts[i])

    def sequence(self, symbol: str) -> int:
        """Bars have no tick stream."""
        del symbol
        return 0

    def bars_since(self, symbol: str, at: int) -> int:
        """How many completed bars opened at or after `at`."""
        rank = self._rank[symbol]
        seen = self._at[rank] + 1
        return seen - int(np.searchsorted(self._bars[rank].ts[:seen], at))

    def phase(self, at: int) -> MarketPhase:
        """A backtest's market is open whenever it has a bar."""
        del at
        return MarketPhase.OPEN

    def speaking(self) -> Sequence[tuple[str, int]]:
        """What the strategy has to say of the bars that just closed, by rank."""
        return self._speaking

    def signal(self, symbol: str) -> Signal | None:
        """What the strategy says of the last bar; None before the first."""
        if self._columns is None:
            return self._said.get(symbol)
        rank = self._rank[symbol]
        i = self._at[rank]
        return None if i < 0 else self._columns[rank].signal(i, symbol)

    def volatility(self, symbol: str) -> float | None:
        """The annualised volatility that the account sizes by; None while it is not known."""
        rank = self._rank[symbol]
        column, i = self._volatility[rank], self._at[rank]
        return None if column is None or i < 0 else if_known(float(column[i]))

    def symbols(self) -> Sequence[str]:
        """Every symbol that has had a bar, by rank."""
        return tuple(name for name, i in zip(self._names, self._at, strict=True) if i >= 0)


def _read_only(bars: Bars) -> Bars:
    """The same memory, safe to hand to a strategy: none can change the bars that others will see."""
    view = bars.head(len(bars))
    for name in ("ts", "open", "high", "low", "close", "volume", *QUOTES):
        column = getattr(view, name)
        if column is not None:
            column.flags.writeable = False
    return view
