"""One symbol's usable bars in time order, for the checks that look along the series."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.features.bars import Floats, Times
from tradewrit.market.stamps import NO_TIME
from tradewrit.market.table import NUMBERS, Table


class Series(msgspec.Struct, frozen=True, eq=False):
    """Bars with a time and four positive prices, sorted, the first of each time.

    rows: row indices in the table. ts: rising UTC ns. volume: zero where it was no number.
    """

    symbol: str
    rows: NDArray[np.intp]
    ts: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    has_volume: bool

    def __len__(self) -> int:
        return len(self.ts)


def series_of(table: Table, symbol: str, rows: NDArray[np.intp]) -> Series:
    """What is usable of the rows of one symbol; possibly nothing."""
    usable = table.ts[rows] != NO_TIME
    for name in NUMBERS[:4]:
        values = table.columns[name][rows]
        usable &= (values > 0) & np.isfinite(values)
    rows = rows[usable]
    ts = table.ts[rows]
    if len(ts) > 1 and int(np.diff(ts).min()) <= 0:
        _, first = np.unique(ts, return_index=True)
        rows, ts = rows[first], ts[first]
    open_, high, low, close, volume = (table.columns[name][rows] for name in NUMBERS)
    volume = np.where(np.isfinite(volume) & (volume > 0), volume, 0.0)
    return Series(symbol, rows, ts, open_, high, low, close, volume, "volume" not in table.missing)
