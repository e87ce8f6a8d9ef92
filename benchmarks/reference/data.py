"""The bars that the published runs were made on: SPY, total-return adjusted, cut to their days.

They come from the Data folder of Lean's repository as it is, or from the same rows as Parquet files.
"""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from msgspec.structs import replace

from benchmarks.reference.lean import LeanFolder
from tradewrit.domain.market import SECOND
from tradewrit.domain.splits import Adjustment
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Floats, Times
from tradewrit.market import nyse
from tradewrit.market.adjustment import adjusted
from tradewrit.market.calendar import calendar_for
from tradewrit.market.factors import Factors, read_factors
from tradewrit.market.selection import Selection
from tradewrit.market.store import read_bars

SYMBOL: Final = "SPY"
FILES: Final = {
    "minute": "equity_minute.parquet",
    "quotes": "equity_minute_quotes.parquet",
    "hour": "equity_hour.parquet",
    "daily": "equity_daily.parquet",
    "factors": "equity_factors.parquet",
}
"""The Parquet files, with the columns of our bar files and factor tables; quotes have `symbol`, `ts`,
`bid_close`, `ask_close`."""
Quotes = tuple[Times, Floats, Floats]


class Source(Protocol):
    """Where raw bars, closing quotes and factors come from."""

    def bars(self, interval: str, first: date, last: date) -> Bars:
        """Raw bars of these days at the exchange, at least."""
        ...

    def quotes(self, first: date, last: date) -> Quotes:
        """Times of minute bars, and the bid and ask at their close."""
        ...

    def factors(self) -> Factors:
        """The factor table."""
        ...


class ParquetFolder:
    """A folder with the files of `FILES`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        missing = [name for name in FILES.values() if not (folder / name).is_file()]
        if missing:
            raise DataError(
                f"{folder}: neither Lean's Data folder (there is no equity/usa in it), nor one with "
                f"{', '.join(missing)}"
            )

    def bars(self, interval: str, first: date, last: date) -> Bars:
        """Of the one file that holds this interval."""
        since, until = midnight(first), midnight(last + timedelta(days=1))
        wanted = Selection(symbols=(SYMBOL,), since=since, until=until)
        return read_bars(self._folder / FILES[interval], wanted)[0]

    def quotes(self, first: date, last: date) -> Quotes:
        """All there are; the days do not matter."""
        del first, last
        frame = pl.read_parquet(self._folder / FILES["quotes"])
        frame = frame.filter(pl.col("symbol") == SYMBOL).sort("ts")
        ts = frame["ts"].dt.epoch("ns").to_numpy()
        return ts, frame["bid_close"].to_numpy(), frame["ask_close"].to_numpy()

    def factors(self) -> Factors:
        """Of the symbol."""
        return read_factors(self._folder / FILES["factors"])[SYMBOL]


def source_in(folder: Path) -> Source:
    """The source that a folder is; DataError when it is none."""
    return LeanFolder(folder, SYMBOL) if (folder / "equity" / "usa").is_dir() else ParquetFolder(folder)


def bars_of(source: Source, interval: str, first: date, last: date) -> Bars:
    """Adjusted bars of the exchange's days from `first` to `last`, both included.

    Minutes are those of the regular session, with the bid and ask of their close.
    """
    since, until = midnight(first), midnight(last + timedelta(days=1))
    bars = Selection(since=since, until=until).between(source.bars(interval, first, last))
    if interval == "minute":
        bars = _with_quotes(_in_session(bars, first, last), source.quotes(first, last))
    return adjusted(bars, source.factors(), Adjustment.TOTAL)


def midnight(day: date) -> int:
    """When a day begins at the exchange, UTC ns."""
    return int(datetime.combine(day, time(), ZoneInfo(nyse.ZONE)).timestamp()) * SECOND


def _in_session(bars: Bars, first: date, last: date) -> Bars:
    is_open = np.zeros(len(bars), dtype=np.bool_)
    for session in calendar_for("NYSE").sessions(first, last):
        is_open |= (bars.ts >= session.open) & (bars.ts < session.close)
    return bars.take(is_open)


def _with_quotes(bars: Bars, quotes: Quotes) -> Bars:
    """The bars with the closing quotes of the same minutes."""
    ts, bid, ask = quotes
    at = np.minimum(ts.searchsorted(bars.ts), len(ts) - 1)
    if not np.array_equal(ts[at], bars.ts):
        lost = int(bars.ts[ts[at] != bars.ts][0]) // SECOND
        raise DataError(f"no {SYMBOL} quote for the bar of {datetime.fromtimestamp(lost, UTC)}")
    return replace(bars, bid=bid[at], ask=ask[at])
