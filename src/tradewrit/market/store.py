"""Bar files in and out: Parquet or CSV with symbol, ts, open, high, low, close, volume.

Strict: whatever would make a result wrong (a duplicate, a time that falls, a price that is no
price) is refused with its place. `market.quality` reads the same files without refusing anything.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market.csv_table import read_csv
from tradewrit.market.parquet_table import read_parquet
from tradewrit.market.stamps import iso
from tradewrit.market.table import COLUMNS, NUMBERS, Table, missing_columns

PARQUET_SUFFIXES: Final = (".parquet", ".pq")
CSV_SUFFIXES: Final = (".csv", ".csv.gz")
PRICES: Final = NUMBERS[:4]


def read_bars(path: str | Path) -> list[Bars]:
    """The bars of a file, or of all bar files of a directory taken in name order, one per symbol.

    Symbols come in the order of their first rows; rows of different symbols may be mixed. A
    directory's files are read as if they were one file.

    Raises DataError, naming file, row, symbol, time and value, when the file cannot be read, is
    empty, lacks a column, has a cell that is no time or number, a price that is not a positive
    number, a volume that is negative or no number, or a symbol whose times do not rise.
    """
    files = bar_files(Path(path))
    parts = [bars_of(read_table(file)) for file in files]
    return parts[0] if len(parts) == 1 else _joined(files, parts)


def bar_files(path: Path) -> list[Path]:
    """The file itself, or the bar files of a directory in name order; DataError when there is none."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if _is_bar_file(file) and file.is_file())
        if not files:
            raise DataError(f"{path}: no bar files in this directory ({_known_suffixes()})")
        return files
    if not path.exists():
        raise DataError(f"{path}: no such file")
    if not _is_bar_file(path):
        raise DataError(
            f"{path}: cannot tell the format from this name; bar files end in {_known_suffixes()}"
        )
    return [path]


def read_table(path: Path) -> Table:
    """The columns of one file as they are; DataError only when it cannot be opened or decoded."""
    return read_parquet(path) if path.name.endswith(PARQUET_SUFFIXES) else read_csv(path)


def bars_of(table: Table) -> list[Bars]:
    """The bars of a table; DataError at its first defect (see `read_bars`)."""
    if table.missing:
        raise DataError(missing_columns(table))
    if not len(table):
        raise DataError(f"{table.source}: no rows; there is nothing to trade on")
    _refuse_bad_cells(table)
    _refuse_bad_numbers(table)
    bars = []
    for name, rows in zip(table.names, table.rows_by_symbol(), strict=True):
        ts = table.ts[rows]
        steps = np.diff(ts)
        if len(steps) and int(steps.min()) <= 0:
            _refuse_order(table, np.arange(len(table))[rows], int(np.argmax(steps <= 0)))
        bars.append(Bars(name, ts, *(table.columns[column][rows] for column in NUMBERS)))
    return bars


def _is_bar_file(path: Path) -> bool:
    return path.name.endswith(PARQUET_SUFFIXES + CSV_SUFFIXES)


def _known_suffixes() -> str:
    return ", ".join(PARQUET_SUFFIXES + CSV_SUFFIXES)


def _refusal(table: Table, what: str, count: int) -> DataError:
    more = f" (and {count - 1} more like it)" if count > 1 else ""
    hint = f"`tradewrit data check {table.source}` shows everything"
    return DataError(f"{table.source}: {what}{more}; {hint}")


def _refuse_bad_cells(table: Table) -> None:
    if not table.bad.first:
        return
    cell = min(
        table.bad.first,
        key=lambda cell: (cell.row, COLUMNS.index(cell.column) if cell.column in COLUMNS else -1),
    )
    count = table.bad.counts[cell.column]
    if cell.column == "row":
        raise _refusal(table, f"row {cell.row} has {cell.text}", count)
    wanted = {"symbol": "a symbol", "ts": "a time (ISO-8601 or a number since 1970)"}.get(
        cell.column, "a number"
    )
    raise _refusal(table, f"row {cell.row}: {cell.column} is {cell.text!r}, not {wanted}", count)


def _refuse_bad_numbers(table: Table) -> None:
    for column in NUMBERS:
        values = table.columns[column]
        # One pass each, without temporaries, settles the common case; NaN makes every test fail.
        lowest, highest = float(values.min()), float(values.max())
        floor_holds = lowest >= 0 if column == "volume" else lowest > 0
        if floor_holds and highest < np.inf:
            continue
        fits = (values >= 0 if column == "volume" else values > 0) & (values < np.inf)
        row = int(np.argmin(fits))
        wanted = "zero or more" if column == "volume" else "a positive number"
        what = f"{table.place(row)}: {column} is {float(values[row])!r}, not {wanted}"
        raise _refusal(table, what, int((~fits).sum()))


def _refuse_order(table: Table, rows: np.ndarray, i: int) -> None:
    before, row = int(rows[i]), int(rows[i + 1])
    if table.ts[before] == table.ts[row]:
        what = f"{table.place(row)}: duplicate of row {before + 1}, the same symbol and time"
    else:
        what = f"{table.place(row)}: time falls behind row {before + 1} ({iso(int(table.ts[before]))})"
    count = int((np.diff(table.ts[rows]) <= 0).sum())
    raise _refusal(table, f"{what}; the rows of a symbol must rise in time", count)


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
    columns = (np.concatenate([getattr(bars, name) for _, bars in chunks]) for name in ("ts", *NUMBERS))
    return Bars(symbol, *columns)
