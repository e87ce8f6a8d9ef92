"""The results as a table: one row per point, in Parquet for other programs."""

from pathlib import Path
from typing import Any

import msgspec

from tradewrit.errors import ConfigError
from tradewrit.market.writing import replace_file
from tradewrit.research.sweep.judging import Judgement, Row, Side
from tradewrit.research.sweep.runs import Value

_SIDES = {"in_sample": "inside", "out_of_sample": "outside"}


def write_table(judged: Judgement, path: Path) -> None:
    """Every point: its number, a column per parameter, its figures in and out of sample, its error.

    Raises ConfigError without polars (extra `data`), and DataError when the file cannot be written.
    """
    try:
        import polars as pl
    except ImportError:
        raise ConfigError(
            f"{path}: Parquet files need polars: pip install 'tradewrit[data]'; results are in the store and "
            "on the page all the same"
        ) from None
    rows = [as_row(row) for row in judged.rows]
    # A parameter that is a number here and a word there has no type of its own.
    mixed = {
        name
        for name in (rows[0] if rows else {})
        if len({type(row[name]) for row in rows} - {type(None)}) > 1
    }
    for row in rows:
        row.update({name: _number_or_text(row[name], rows, name) for name in mixed})
    frame = pl.DataFrame(rows, infer_schema_length=None)
    replace_file(path, frame.write_parquet)


def as_row(row: Row) -> dict[str, Any]:
    """A point as flat names and values: `param.` before parameters, `in_sample.` and `out_of_sample.`."""
    sides = {
        f"{side}.{name}": value
        for side, field in _SIDES.items()
        for name, value in _figures(getattr(row, field)).items()
    }
    values = {f"param.{name}": value for name, value in row.values.items()}
    return {"number": row.number, **values, **sides, "is_eligible": row.is_eligible, "error": row.error}


def _figures(side: Side | None) -> dict[str, Any]:
    if side is None:
        return dict.fromkeys(Side.__struct_fields__)
    return msgspec.structs.asdict(side)


def _number_or_text(value: Value, rows: list[dict[str, Any]], name: str) -> Value:
    if value is None:
        return None
    are_numbers = all(isinstance(row[name], int | float | None) for row in rows)
    return float(value) if are_numbers else str(value)
