"""Parquet bar files into a `Table`, through polars (extra `data`)."""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

import numpy as np

from tradewrit.errors import DataError
from tradewrit.market import frames
from tradewrit.market.stamps import NO_TIME
from tradewrit.market.table import NUMBERS, BadCells, Table, check_header, quote_columns

if TYPE_CHECKING:
    import polars as pl

    from tradewrit.features.bars import Floats

_MAGIC: Final = b"PAR1"  # first and last four bytes; the Apache Parquet format specification


def load_polars(path: Path) -> ModuleType:
    """The polars module; raises DataError that says how to install it."""
    try:
        import polars  # noqa: ICN001 - handed around as a module, under its name
    except ImportError:
        raise DataError(
            f"{path}: Parquet files need polars: pip install 'tradewrit[data]', or use CSV"
        ) from None
    return polars


def read_parquet(path: Path) -> Table:
    """The content of a Parquet file; columns outside the contract are not read.

    Raises DataError when the file cannot be opened or is not Parquet, or polars is missing.
    """
    polars = load_polars(path)
    _check_magic(path)
    header, first = load_frame(path, polars, ("symbol",))
    missing = check_header(str(path), header)
    bad = BadCells()
    # One column at a time: what reading a column takes is given back before the next is read.
    rows = first.height or _height(path, polars)
    names: tuple[str, ...] = ("",)
    codes = np.zeros(rows, dtype=np.int32)
    if "symbol" not in missing:
        names, codes = frames.symbols(first.drop_in_place("symbol"), bad, polars)
    ts = np.full(rows, NO_TIME, dtype=np.int64)
    if "ts" not in missing:
        ts = frames.times(_column(path, polars, "ts"), bad, polars)
    columns: dict[str, Floats] = {}
    for name in NUMBERS:
        if name in missing:
            columns[name] = np.full(rows, np.nan)
        else:
            columns[name] = frames.floats(_column(path, polars, name), bad, polars)
    for name, own in quote_columns(header).items():
        columns[name] = frames.floats(_column(path, polars, own), BadCells(), polars)
    return Table(str(path), names if rows else (), codes, ts, columns, bad, missing, header)


def _column(path: Path, polars: ModuleType, name: str) -> "pl.Series":
    return load_frame(path, polars, (name,))[1].drop_in_place(name)


def _height(path: Path, polars: ModuleType) -> int:
    """Rows of a file that has no column of ours to count them by, or none at all."""
    height: int = polars.scan_parquet(path, glob=False).select(polars.len()).collect().item()
    return height


def load_frame(
    path: Path, polars: ModuleType, wanted: tuple[str, ...] | None = None
) -> "tuple[tuple[str, ...], pl.DataFrame]":
    """Names of all columns, and a frame of the `wanted` ones (all when None).

    Raises DataError when the file is damaged.
    """
    try:
        header = tuple(polars.read_parquet_schema(path))
        columns = [name for name in header if wanted is None or name in wanted]
        frame = polars.read_parquet(path, columns=columns, glob=False, hive_partitioning=False)
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError) as error:
        first_line = str(error).partition("\n")[0]
        raise DataError(f"{path}: damaged Parquet file: {first_line}") from error
    return header, frame


def _check_magic(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(4)
            file.seek(max(0, file.seek(0, 2) - 4))
            tail = file.read(4)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if (head, tail) != (_MAGIC, _MAGIC):
        raise DataError(f"{path}: not a Parquet file, or cut short; write it again from its source")
