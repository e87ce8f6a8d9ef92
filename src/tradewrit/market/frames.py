"""Columns of a polars frame as the arrays of a `Table`. Whole columns only.

The only file beside `parquet_table` and `fast_csv` that knows polars, and it never imports it.
"""

from types import ModuleType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tradewrit.features.bars import Floats, Times
from tradewrit.market.stamps import NO_TIME, from_epoch, read_times
from tradewrit.market.table import EXAMPLES, BadCells, Codes, is_symbol

if TYPE_CHECKING:
    import polars as pl

_UNIT_NS: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000}
_DAY_NS: Final = 86_400 * 10**9
_LARGEST: Final = int(np.iinfo(np.int64).max)


def symbols(column: "pl.Series", bad: BadCells, polars: ModuleType) -> tuple[tuple[str, ...], Codes]:
    """Names in the order of their first rows, and the code of each row; a null becomes ""."""
    text = column.cast(polars.String, strict=False).fill_null("")
    names: list[str] = text.unique(maintain_order=True).to_list()
    if len(names) <= 1:
        codes = np.zeros(len(text), dtype=np.int32)
    else:
        codes = text.cast(polars.Enum(names)).to_physical().to_numpy().astype(np.int32)
    wrong = [code for code, name in enumerate(names) if not is_symbol(name)]
    if wrong:
        _mark(bad, "symbol", np.isin(codes, wrong), column)
    return tuple(names), codes


def times(column: "pl.Series", bad: BadCells, polars: ModuleType) -> Times:
    """UTC ns from timestamps of any unit (naive = UTC), dates, whole numbers or ISO text."""
    ts = _times(column, polars)
    _mark(bad, "ts", ts == NO_TIME, column)
    return ts


def floats(column: "pl.Series", bad: BadCells, polars: ModuleType) -> Floats:
    """float64 values, NaN for nulls and for what is no number; not copied when float64 already."""
    values = column if column.dtype == polars.Float64 else column.cast(polars.Float64, strict=False)
    if values.null_count():
        _mark(bad, column.name, values.is_null().to_numpy(), column)
        values = values.fill_null(float("nan"))
    return values.rechunk().to_numpy()


def _times(column: "pl.Series", polars: ModuleType) -> Times:
    kind = column.dtype
    if kind == polars.Datetime:
        unit: str = kind.time_unit  # type: ignore[attr-defined]
        return _scaled(_ints(column.to_physical()), _UNIT_NS[unit])
    if kind == polars.Date:
        return _scaled(_ints(column.to_physical().cast(polars.Int64)), _DAY_NS)
    if kind.is_integer():
        return from_epoch(_ints(column.cast(polars.Int64, strict=False)))
    if kind == polars.String:
        ts, are_counts = read_times(column.fill_null("").to_list())
        return from_epoch(ts) if are_counts else ts
    return np.full(len(column), NO_TIME, dtype=np.int64)


def _ints(column: "pl.Series") -> Times:
    return column.fill_null(NO_TIME).rechunk().to_numpy()


def _scaled(counts: Times, unit_ns: int) -> Times:
    """Counts of `unit_ns` as ns; NO_TIME where 64 bits do not hold them."""
    if unit_ns == 1:
        return counts
    bound = _LARGEST // unit_ns
    fits = (counts >= -bound) & (counts <= bound)
    if bool(fits.all()):
        return counts * unit_ns
    return np.where(fits, counts * unit_ns, NO_TIME)


def _mark(bad: BadCells, column: str, is_bad: NDArray[np.bool_], source: "pl.Series") -> None:
    rows = np.flatnonzero(is_bad)
    for i in rows[:EXAMPLES].tolist():
        value = source[i]
        bad.add(i + 1, column, "null" if value is None else str(value))
    if len(rows) > EXAMPLES:
        bad.counts[column] += len(rows) - EXAMPLES
