"""Writes bar files: whole or not at all, and only what `read_bars` would take back."""

import gzip
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import IO, Final

import numpy as np

from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Floats
from tradewrit.market.parquet_table import load_polars
from tradewrit.market.stamps import iso_column
from tradewrit.market.store import CSV_SUFFIXES, PARQUET_SUFFIXES, bars_of
from tradewrit.market.table import COLUMNS, NUMBERS, Table, table_of

_BLOCK: Final = 65_536
_SPECIAL: Final = frozenset(',"\r\n')


def write_bars(path: str | Path, bars: Sequence[Bars]) -> None:
    """Write bars symbol after symbol, to Parquet or CSV as the name ends.

    The file appears complete or not at all: it is written beside its place and moved there.

    Raises DataError when the bars are such that `read_bars` would refuse the file, when a symbol
    comes twice, when the format is unknown or polars is missing, or when the disk refuses.
    """
    target = Path(path)
    write = _writer(target)
    table = table_of(bars, str(target))
    if len(table.names) != len(bars):
        raise DataError(f"{target}: not written: a symbol comes twice among the bars")
    empty = next((one.symbol for one in bars if not len(one)), None)
    if empty is not None:
        raise DataError(f"{target}: not written: {empty} has no bars")
    if "" in table.names:
        raise DataError(f"{target}: not written: a symbol must have a name")
    bars_of(table)
    _replace(target, lambda file: write(file, table))


def _writer(target: Path) -> Callable[[IO[bytes], Table], None]:
    if target.name.endswith(PARQUET_SUFFIXES):
        load_polars(target)
        return _write_parquet
    if target.name.endswith(".csv.gz"):
        return _write_gzip
    if target.name.endswith(".csv"):
        return _write_csv
    known = ", ".join(PARQUET_SUFFIXES + CSV_SUFFIXES)
    raise DataError(f"{target}: cannot tell the format from this name; bar files end in {known}")


def _replace(target: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Write beside `target`, make it durable, then move it into place; leave nothing on failure."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise DataError(f"{target}: cannot be written: {error.strerror}") from error
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o666 & ~_umask())
        draft.replace(target)
    except OSError as error:
        raise DataError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _write_parquet(file: IO[bytes], table: Table) -> None:
    polars = load_polars(Path(table.source))
    names = polars.Series(list(table.names), dtype=polars.String)
    ts = polars.Series(table.ts).cast(polars.Datetime("ns", "UTC"))
    columns = {"symbol": names.gather(table.codes), "ts": ts}
    columns |= {name: polars.Series(table.columns[name]) for name in NUMBERS}
    polars.DataFrame(columns).write_parquet(file)


def _write_gzip(file: IO[bytes], table: Table) -> None:
    # No name and no time inside: the same bars give the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        _write_csv(packed, table)  # type: ignore[arg-type]


def _write_csv(file: IO[bytes], table: Table) -> None:
    file.write((",".join(COLUMNS) + "\n").encode())
    for block in _csv_blocks(table):
        file.write(block.encode())


def _csv_blocks(table: Table) -> Iterator[str]:
    for name, rows in zip(table.names, table.rows_by_symbol(), strict=True):
        quoted = f'"{name.replace(chr(34), chr(34) * 2)}"' if _SPECIAL & set(name) else name
        ts = table.ts[rows]
        columns = [table.columns[column][rows] for column in NUMBERS]
        for start in range(0, len(ts), _BLOCK):
            part = slice(start, start + _BLOCK)
            cells = [_texts(column[part]) for column in columns]
            lines = zip(repeat(quoted), iso_column(ts[part]), *cells, strict=False)
            yield "\n".join(map(",".join, lines)) + "\n"


def _texts(values: Floats) -> list[str]:
    """Each value as the shortest text that reads back the same; whole columns of integers plain."""
    if bool((values == np.trunc(values)).all()) and bool((values < 2.0**53).all()):
        return list(map(str, values.astype(np.int64).tolist()))
    return list(map(repr, values.tolist()))
