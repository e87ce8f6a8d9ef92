"""One symbol's bars as columns: what features read and engines walk.

Columns are float64 and equally long; row i is one bar. Knows no file format.
"""

import math
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.market import DAY, Bar, Quote

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
QUOTES: Final = ("bid", "ask")
"""The columns that bars may be without."""


class Bars(msgspec.Struct, frozen=True, eq=False):
    """Bars of one symbol, oldest first.

    ts: UTC ns of each bar's OPEN, strictly rising.
    open, high, low, close: quote currency per unit. volume: units traded.
    bid, ask: the quotes at each bar's close, NaN where there was none; None where the source has no such
        column. No feature sees them: an order can be filled at them.
    """

    symbol: str
    ts: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    bid: Floats | None = None
    ask: Floats | None = None

    def __len__(self) -> int:
        return len(self.ts)

    def row(self, i: int) -> Bar:
        """Bar i as a value."""
        return Bar(
            self.symbol,
            int(self.ts[i]),
            float(self.open[i]),
            float(self.high[i]),
            float(self.low[i]),
            float(self.close[i]),
            float(self.volume[i]),
        )

    def rows(self) -> Iterator[Bar]:
        """Every bar as a value, oldest first."""
        columns = (self.ts, self.open, self.high, self.low, self.close, self.volume)
        for values in zip(*(column.tolist() for column in columns), strict=True):
            yield Bar(self.symbol, *values)

    def head(self, n: int) -> "Bars":
        """The first n bars, sharing memory."""
        return self.take(slice(n))

    def take(self, rows: slice | NDArray[Any]) -> "Bars":
        """The bars at these rows, quotes included; a slice shares memory, places and masks copy."""
        return Bars(
            self.symbol,
            self.ts[rows],
            self.open[rows],
            self.high[rows],
            self.low[rows],
            self.close[rows],
            self.volume[rows],
            None if self.bid is None else self.bid[rows],
            None if self.ask is None else self.ask[rows],
        )

    def quote(self, i: int) -> Quote | None:
        """The quote at the close of bar i; None where the columns do not have one."""
        if self.bid is None or self.ask is None:
            return None
        bid, ask = float(self.bid[i]), float(self.ask[i])
        return Quote(self.symbol, int(self.ts[i]), bid, ask) if bid > 0 and ask > 0 else None


def interval_ns(bars: Bars) -> int:
    """The bar length: the smallest step between two bars; one day when there is no step."""
    if len(bars) < 2:
        return DAY
    return int(np.diff(bars.ts).min())


def bars_from_rows(symbol: str, rows: list[Bar]) -> Bars:
    """Columns from bar values; raises ValueError when they are not one symbol's rising times."""
    if any(bar.symbol != symbol for bar in rows):
        raise ValueError(f"rows of another symbol among those of {symbol}")
    ts = np.array([bar.ts for bar in rows], dtype=np.int64)
    if len(ts) > 1 and not bool((np.diff(ts) > 0).all()):
        raise ValueError(f"{symbol}: bar times must rise")
    prices = np.array([(b.open, b.high, b.low, b.close, b.volume) for b in rows], dtype=np.float64).reshape(
        len(rows), 5
    )
    if rows and not math.isfinite(float(prices.sum())):
        raise ValueError(f"{symbol}: a price or volume is not a number")
    return Bars(symbol, ts, *(np.ascontiguousarray(prices[:, k]) for k in range(5)))
