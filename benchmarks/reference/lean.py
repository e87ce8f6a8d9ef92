"""Reads the Data folder of Lean's repository: zipped CSV, prices in hundredths of a cent, New York time.

The formats are those of its Data/equity/readme.md.
"""

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from tradewrit.domain.market import SECOND, Bar
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Floats, Times, bars_from_rows
from tradewrit.market import nyse
from tradewrit.market.factors import FactorRow, Factors

_ZONE = ZoneInfo(nyse.ZONE)
_SCALE = 10_000
_MILLISECOND = SECOND // 1000
# Places in a row of quotes: the time, four bids, their size, four asks, their size.
_BID_CLOSE, _ASK_CLOSE = 4, 9


class LeanFolder:
    """One symbol of one such folder."""

    def __init__(self, folder: Path, symbol: str) -> None:
        self._folder = folder / "equity" / "usa"
        self._symbol = symbol
        self._name = symbol.lower()

    def bars(self, interval: str, first: date, last: date) -> Bars:
        """All hours or days there are; the minutes of the days asked for."""
        if interval == "minute":
            found = [
                self._bar(at, row)
                for day, rows in self._days("trade", first, last)
                for row in rows
                for at in [_at(day, row[0])]
            ]
        else:
            rows = _rows(self._folder / interval / f"{self._name}.zip")
            found = [self._bar(_stamp(row[0]), row) for row in rows]
        return bars_from_rows(self._symbol, found)

    def quotes(self, first: date, last: date) -> tuple[Times, Floats, Floats]:
        """Times of the minute bars, and the bid and ask at their close; NaN for a side without a quote."""
        found = [
            (_at(day, row[0]), _price(row[_BID_CLOSE]), _price(row[_ASK_CLOSE]))
            for day, rows in self._days("quote", first, last)
            for row in rows
        ]
        ts, bid, ask = zip(*found, strict=True) if found else ((), (), ())
        return np.array(ts, dtype=np.int64), np.array(bid, dtype=np.float64), np.array(ask, dtype=np.float64)

    def factors(self) -> Factors:
        """The factor file; older ones name no reference price."""
        path = self._folder / "factor_files" / f"{self._name}.csv"
        try:
            rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from error
        return tuple(
            FactorRow(
                last_date=datetime.strptime(row[0], "%Y%m%d").replace(tzinfo=_ZONE).date(),
                price_factor=Decimal(row[1]),
                split_factor=Decimal(row[2]),
                reference_price=Decimal(row[3]) if len(row) > 3 else Decimal(0),
            )
            for row in rows
        )

    def _days(self, kind: str, first: date, last: date) -> Iterator[tuple[date, Iterator[Sequence[str]]]]:
        """The days that have a file."""
        for ahead in range((last - first).days + 1):
            day = first + timedelta(days=ahead)
            path = self._folder / "minute" / self._name / f"{day:%Y%m%d}_{kind}.zip"
            if path.is_file():
                yield day, _rows(path)

    def _bar(self, at: int, row: Sequence[str]) -> Bar:
        opened, high, low, close = map(_price, row[1:5])
        return Bar(self._symbol, at, opened, high, low, close, float(row[5]))


def _rows(path: Path) -> Iterator[Sequence[str]]:
    """The rows of the one CSV file in an archive."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
            yield from csv.reader(io.TextIOWrapper(file, encoding="utf-8"))
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _at(day: date, milliseconds: str) -> int:
    midnight = datetime.combine(day, time(), _ZONE)
    return int(midnight.timestamp()) * SECOND + int(milliseconds) * _MILLISECOND


def _stamp(text: str) -> int:
    return int(datetime.strptime(text, "%Y%m%d %H:%M").replace(tzinfo=_ZONE).timestamp()) * SECOND


def _price(text: str) -> float:
    """Exact where the text is a whole number, as it is."""
    return int(text) / _SCALE if text else float("nan")
