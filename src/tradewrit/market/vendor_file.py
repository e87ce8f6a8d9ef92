"""A vendor's file as columns of text, whatever its format. Knows nothing of what they mean."""

import csv
import gzip
import zlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from tradewrit.errors import DataError
from tradewrit.market.parquet_table import load_frame, load_polars
from tradewrit.market.table import PARQUET_SUFFIXES

if TYPE_CHECKING:
    import polars as pl

_DELIMITERS: Final = ",;\t|"
Cells = dict[str, list[str]]


def cells_of(path: Path) -> Cells:
    """Every column of a CSV or Parquet file as texts; DataError says why it cannot be read."""
    if not path.is_file():
        raise DataError("no such file")
    return _parquet_cells(path) if path.name.endswith(PARQUET_SUFFIXES) else _csv_cells(path)


def _parquet_cells(path: Path) -> Cells:
    polars = load_polars(path)
    _, frame = load_frame(path, polars)
    return {name: _texts(frame[name], polars) for name in frame.columns}


def _texts(column: "pl.Series", polars: ModuleType) -> list[str]:
    if column.dtype == polars.Datetime:
        zone: str | None = column.dtype.time_zone  # type: ignore[attr-defined]
        suffix = "" if zone is None else "Z"
        column = column if zone is None else column.dt.convert_time_zone("UTC")
        column = column.dt.strftime(f"%Y-%m-%dT%H:%M:%S%.f{suffix}")
    elif column.dtype.is_float():
        # repr is the shortest text that reads back the same, which a cast to text need not be.
        return ["" if value is None else repr(value) for value in column.to_list()]
    return column.cast(polars.String).fill_null("").to_list()


def _csv_cells(path: Path) -> Cells:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as text:
            first = text.readline()
            delimiter = max(_DELIMITERS, key=first.count)
            header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
            rows = [row for row in csv.reader(text, delimiter=delimiter) if row]
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot be read: {error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"not a CSV file in UTF-8: {error}") from error
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"the column {twice[0]!r} appears twice")
    for i, row in enumerate(rows):
        if len(row) != len(header):
            raise DataError(f"row {i + 1} has {len(row)} cells, the header has {len(header)}")
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
