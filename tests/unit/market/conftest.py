"""Small bar files for the tests of market data."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from tradewrit.domain.market import DAY
from tradewrit.features.bars import Bars

HEADER = "symbol,ts,open,high,low,close,volume"
GOOD = ("A,2024-01-02,1,2,0.5,1.5,100", "A,2024-01-03,1.5,2.5,1,2,200")


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows under a header; two good rows by default."""

    def write(*rows: str, header: str = HEADER, name: str = "bars.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *(rows or GOOD)]) + "\n")
        return path

    return write


@pytest.fixture
def daily() -> Callable[..., Bars]:
    """Daily bars from closes: opens at the last close, half a percent of wick, steady volume."""

    def make(
        closes: Sequence[float],
        *,
        symbol: str = "A",
        days: Sequence[int] | None = None,
        volume: Sequence[float] | None = None,
    ) -> Bars:
        close = np.asarray(closes, dtype=np.float64)
        open_ = np.concatenate([close[:1], close[:-1]])
        high, low = np.maximum(open_, close) * 1.005, np.minimum(open_, close) * 0.995
        ts = np.asarray(range(len(close)) if days is None else days, dtype=np.int64) * DAY
        shares = np.full(len(close), 1000.0) if volume is None else np.asarray(volume, dtype=np.float64)
        return Bars(symbol, ts, open_, high, low, close, shares)

    return make
