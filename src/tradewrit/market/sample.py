"""Real daily prices of five US stocks, 2000 to 2013, from the package bokeh_sampledata (extra `demo`).

Only its compressed CSV is read: none of its modules is imported, nor the libraries they need.
"""

import csv
import gzip
import importlib.util
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from tradewrit.domain.market import SECOND
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Floats
from tradewrit.market import nyse

SYMBOLS: Final = ("AAPL", "IBM", "MSFT", "GOOG", "FB")
PROVENANCE: Final = (
    "Real daily prices of AAPL, IBM, MSFT, GOOG and FB, 2000-03-01 to 2013-03-01: Quandl WIKI prices, "
    "declared public domain by the package bokeh_sampledata that carries them"
)
DECIMALS: Final = 4
"""Adjusted prices are rounded to this many decimals: an exchange fills at the exact decimal printed."""

_COLUMNS: Final = ("Ticker", "Date", "Open", "High", "Low", "Close", "Volume", "Adj Close")
_INSTALL: Final = "pip install 'tradewrit[demo]'"
_Row = dict[str, str]


def sample_bars(symbols: Sequence[str] | None = None, *, adjusted: bool = True) -> list[Bars]:
    """Daily bars, oldest first; `ts` is midnight in New York. All of SYMBOLS by default.

    adjusted: prices times (adjusted close / close), so that neither a split nor a dividend moves
    them, rounded to DECIMALS; volumes in shares as they counted on the last day of the data. The
    source's factor also holds what happened after that day (AAPL 7:1 in 2014, GOOG 2:1 in 2014),
    which the volumes do not. Otherwise prices and volumes are as they were printed on the day.

    Raises DataError when the package is missing or of another version, or a symbol is not in it.
    """
    wanted = tuple(SYMBOLS if symbols is None else symbols)
    unknown = [symbol for symbol in wanted if symbol not in SYMBOLS]
    if unknown:
        raise DataError(f"the sample has no {', '.join(unknown)}; it has {', '.join(SYMBOLS)}")
    rows = _rows(_file())
    return [_bars(symbol, rows[symbol], adjusted=adjusted) for symbol in wanted]


def _file() -> Path:
    spec = importlib.util.find_spec("bokeh_sampledata")
    if spec is None or spec.origin is None:
        raise DataError(f"the sample prices are not installed: {_INSTALL}")
    path = Path(spec.origin).parent / "_data" / "stocks.csv.gz"
    if not path.is_file():
        raise DataError(f"bokeh_sampledata is installed without stock prices; 2026.1 has them: {_INSTALL} -U")
    return path


def _rows(path: Path) -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = {symbol: [] for symbol in SYMBOLS}
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            reader = csv.DictReader(text)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(
                    f"{path}: the sample lacks {', '.join(missing)}; install it anew: {_INSTALL} -U"
                )
            for row in reader:
                found.setdefault(row["Ticker"], []).append(row)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: the sample cannot be read ({error}); install it anew: {_INSTALL}"
        ) from error
    return found


def _bars(symbol: str, rows: list[_Row], *, adjusted: bool) -> Bars:
    ts = np.array([_midnight(row["Date"]) for row in rows], dtype=np.int64)
    columns = [_column(rows, name) for name in _COLUMNS[2:7]]
    if not adjusted:
        return Bars(symbol, ts, *columns)
    factor = _column(rows, "Adj Close") / columns[3]
    prices = [np.round(price * factor, DECIMALS) for price in columns[:4]]
    adjusted_columns = [*prices, np.round(columns[4] * shares_per_share(factor))]
    return Bars(symbol, ts, *adjusted_columns)


def shares_per_share(factor: Floats) -> Floats:
    """How many shares of the last day one share of each day has become by splits.

    factor: adjusted close / close, oldest first. A split shows as a step of the factor by a whole
    number from 2 on (or its inverse) to within half a percent; dividends make far smaller steps.

    >>> shares_per_share(np.array([0.25, 0.25, 0.5, 0.51])).tolist()
    [2.0, 2.0, 1.0, 1.0]
    """
    steps = factor[1:] / factor[:-1]
    size = np.maximum(steps, 1 / steps)
    whole = np.rint(size)
    is_split = (whole >= 2) & (np.abs(size / whole - 1) < 0.005)
    splits = np.where(is_split, np.where(steps > 1, whole, 1 / whole), 1.0)
    return np.append(np.cumprod(splits[::-1])[::-1], 1.0)


def _column(rows: list[_Row], name: str) -> Floats:
    return np.array([float(row[name]) for row in rows])


def _midnight(day: str) -> int:
    local = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(nyse.ZONE))
    return int(local.astimezone(UTC).timestamp()) * SECOND
