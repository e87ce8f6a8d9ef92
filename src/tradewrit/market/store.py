"""Bar files in and out: Parquet or CSV with symbol, ts, open, high, low, close, volume.

Strict: whatever would make a result wrong (a duplicate, a time that falls, a price that is no
price) is refused with its place. `market.quality` reads the same files without refusing anything.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from tradewrit.errors import DataError
from tradewrit.features.bars import QUOTES, Bars
from tradewrit.market.csv_table import read_csv
from tradewrit.market.lake import lake_at
from tradewrit.market.parquet_table import read_parquet
from tradewrit.market.selection import EVERYTHING, Selection
from tradewrit.market.stamps import iso
from tradewrit.market.strict import bars_of
from tradewrit.market.table import BAR_SUFFIXES, NUMBERS, PARQUET_SUFFIXES, Table, table_of
from tradewrit.market.writing import replace_file, writer_for


def read_bars(path: str | Path, selection: Selection = EVERYTHING) -> list[Bars]:
    """The bars of a file, a lake, or all bar files of a directory taken in name order, one per symbol.

    Symbols come in the order of their first rows, those of a lake by name; rows of different symbols
    may be mixed. A directory's files are read as if they were one file. selection: which bars.

    Raises DataError, naming file, row, symbol, time and value, when the file cannot be read, is
    empty, lacks a column, has a cell that is no time or number, a price that is not a positive
    number, a volume that is negative or no number, or a symbol whose times do not rise; for a symbol
    that is not there, when nothing is left, and when anything but a lake is asked what it knew.
    """
    lake = lake_at(Path(path))
    if lake is not None:
        return lake.read(selection)
    files = bar_files(Path(path))
    if selection.known_at is not None:
        raise DataError(f"{path}: only a lake knows since when it knows its bars (`tradewrit data import`)")
    parts = [bars_of(read_table(file)) for file in files]
    bars = parts[0] if len(parts) == 1 else _joined(files, parts)
    return bars if selection == EVERYTHING else selection.chosen(str(path), bars)


def bar_files(path: Path) -> list[Path]:
    """The file itself, or the bar files of a directory or lake in name order; DataError without any."""
    lake = lake_at(path)
    if lake is not None:
        return [one.path for one in lake.files()]
    if path.is_dir():
        found = (file for file in path.iterdir() if file.name.endswith(BAR_SUFFIXES) and file.is_file())
        # What begins with a dot is hidden: the leftovers of another system, or a file half written.
        files = sorted(file for file in found if not file.name.startswith("."))
        if not files:
            raise DataError(f"{path}: no bar files in this directory ({', '.join(BAR_SUFFIXES)})")
        return files
    if not path.exists():
        raise DataError(f"{path}: no such file")
    if not path.name.endswith(BAR_SUFFIXES):
        raise DataError(
            f"{path}: cannot tell the format from this name; bar files end in {', '.join(BAR_SUFFIXES)}"
        )
    return [path]


def read_table(path: Path) -> Table:
    """The columns of one file as they are; DataError only when it cannot be opened or decoded."""
    return read_parquet(path) if path.name.endswith(PARQUET_SUFFIXES) else read_csv(path)


def write_bars(path: str | Path, bars: Sequence[Bars]) -> None:
    """Write bars symbol after symbol, to Parquet or CSV as the name ends.

    The file appears complete or not at all: it is written beside its place and moved there.

    Raises DataError when the bars are such that `read_bars` would refuse the file, when a symbol
    comes twice, when the format is unknown or polars is missing, or when the disk refuses.
    """
    target = Path(path)
    write = writer_for(target)
    table = table_of(bars, str(target))
    if len(table.names) != len(bars):
        raise DataError(f"{target}: not written: a symbol comes twice among the bars")
    empty = next((one.symbol for one in bars if not len(one)), None)
    if empty is not None:
        raise DataError(f"{target}: not written: {empty} has no bars")
    if "" in table.names:
        raise DataError(f"{target}: not written: a symbol must have a name")
    bars_of(table)
    replace_file(target, lambda file: write(file, table))


def _joined(files: Sequence[Path], parts: Sequence[Sequence[Bars]]) -> list[Bars]:
    """Bars of several files as one: each symbol's chunks in file order."""
    chunks: dict[str, list[tuple[Path, Bars]]] = {}
    for file, part in zip(files, parts, strict=True):
        for bars in part:
            chunks.setdefault(bars.symbol, []).append((file, bars))
    return [_chained(symbol, found) for symbol, found in chunks.items()]


def _chained(symbol: str, chunks: Sequence[tuple[Path, Bars]]) -> Bars:
    for (earlier, before), (later, after) in pairwise(chunks):
        end, start = int(before.ts[-1]), int(after.ts[0])
        if start <= end:
            raise DataError(
                f"{later}: {symbol} begins at {iso(start)}, but {earlier} already reaches {iso(end)}; "
                "files of a directory are read in name order and must not overlap"
            )
    if len(chunks) == 1:
        return chunks[0][1]
    parts = [bars for _, bars in chunks]
    shared = [name for name in QUOTES if all(getattr(part, name) is not None for part in parts)]
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in ("ts", *NUMBERS, *shared)
    }
    return Bars(symbol, **columns)
