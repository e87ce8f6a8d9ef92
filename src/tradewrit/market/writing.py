"""Puts tables into files, whole or not at all. Does not judge what it writes."""

import gzip
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import IO, Final

import numpy as np

from tradewrit.errors import DataError
from tradewrit.features.bars import Floats
from tradewrit.market.parquet_table import load_polars
from tradewrit.market.stamps import iso_column
from tradewrit.market.table import BAR_SUFFIXES, COLUMNS, PARQUET_SUFFIXES, Table
from tradewrit.runtime.whole_file import whole_file

_BLOCK: Final = 65_536
_SPECIAL: Final = frozenset(',"\r\n')


def writer_for(target: Path) -> Callable[[IO[bytes], Table], None]:
    """What writes a table in the format that the name ends in; DataError when it is none of ours."""
    if target.name.endswith(PARQUET_SUFFIXES):
        load_polars(target)
        return _write_parquet
    if target.name.endswith(".csv.gz"):
        return _write_gzip
    if target.name.endswith(".csv"):
        return _write_csv
    known = ", ".join(BAR_SUFFIXES)
    raise DataError(f"{target}: cannot tell the format from this name; bar files end in {known}")


def replace_file(target: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Write a file, durable, whole or not at all (see `whole_file`); DataError when the storage refuses."""
    try:
        with whole_file(target, is_durable=True) as file:
            write(file)
    except OSError as error:
        raise DataError(f"{target}: cannot be written: {error.strerror or error}") from error


def _write_parquet(file: IO[bytes], table: Table) -> None:
    polars = load_polars(Path(table.source))
    names = polars.Series(list(table.names), dtype=polars.String)
    ts = polars.Series(table.ts).cast(polars.Datetime("ns", "UTC"))
    columns = {"symbol": names.gather(table.codes), "ts": ts}
    columns |= {name: polars.Series(values) for name, values in table.columns.items()}
    try:
        polars.DataFrame(columns).write_parquet(file)
    except polars.exceptions.ComputeError as error:
        raise OSError(str(error)) from error  # how polars reports that the storage refused


def _write_gzip(file: IO[bytes], table: Table) -> None:
    # No name and no time inside: the same bars give the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        _write_csv(packed, table)  # type: ignore[arg-type]


def _write_csv(file: IO[bytes], table: Table) -> None:
    file.write((",".join((*COLUMNS[:2], *table.columns)) + "\n").encode())
    for block in _csv_blocks(table):
        file.write(block.encode())


def _csv_blocks(table: Table) -> Iterator[str]:
    for name, rows in zip(table.names, table.rows_by_symbol(), strict=True):
        quoted = f'"{name.replace(chr(34), chr(34) * 2)}"' if _SPECIAL & set(name) else name
        ts = table.ts[rows]
        columns = [column[rows] for column in table.columns.values()]
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
