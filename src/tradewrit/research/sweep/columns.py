"""Bars in one file that any number of processes map into memory: the pages are shared, nothing is copied.

Why a file: a forked worker would inherit the threads of libraries that do not survive it (polars says so of
itself, and Python warns), and shared memory is a few megabytes in many containers. A mapped file works
with fresh processes on every platform, and costs what the page cache holds anyway.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.errors import ConfigError
from tradewrit.features.bars import Bars

_Numbers = NDArray[np.int64]


class Place(msgspec.Struct, frozen=True):
    """Where one symbol's columns lie: one after the other, from the file's number `start` on."""

    symbol: str
    rows: int
    names: tuple[str, ...]
    start: int

    @property
    def end(self) -> int:
        """The number after its last."""
        return self.start + self.rows * len(self.names)


class Columns(msgspec.Struct, frozen=True):
    """A file of columns, and where in it each symbol lies, by rank."""

    path: str
    places: tuple[Place, ...]

    def read(self) -> list[Bars]:
        """The bars, as views of the mapped file; nobody can write into them."""
        count = self.places[-1].end if self.places else 0
        numbers: _Numbers = np.asarray(np.memmap(self.path, dtype=np.int64, mode="r", shape=(count,)))
        found: list[Bars] = []
        for place in self.places:
            rows = numbers[place.start : place.end].reshape(len(place.names), place.rows)
            columns = dict(zip(place.names, rows, strict=True))
            ts = columns.pop("ts")
            # One array for the times of symbols that share them: engines ask for that first.
            if found and np.array_equal(found[-1].ts, ts):
                ts = found[-1].ts
            values = {name: column.view(np.float64) for name, column in columns.items()}
            found.append(Bars(place.symbol, ts, **values))
        return found


def columns_of(bars: Bars) -> list[tuple[str, NDArray[Any]]]:
    """The columns a symbol has, by name, its times first."""
    named = ((name, getattr(bars, name)) for name in Bars.__struct_fields__ if name != "symbol")
    return [(name, column) for name, column in named if column is not None]


def write_columns(bars: Sequence[Bars], path: Path) -> Columns:
    """Put the bars there; raises ConfigError when the file cannot be written."""
    part = path.with_name(f"{path.name}.part")
    places: list[Place] = []
    try:
        with part.open("wb") as file:
            for one in bars:
                names = tuple(name for name, _ in columns_of(one))
                places.append(Place(one.symbol, len(one), names, places[-1].end if places else 0))
                for _, column in columns_of(one):
                    file.write(np.ascontiguousarray(column).data)
        part.replace(path)
    except OSError as error:
        raise ConfigError(
            f"{path}: the bars cannot be put there for the workers: {error.strerror or error}"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return Columns(str(path), tuple(places))
