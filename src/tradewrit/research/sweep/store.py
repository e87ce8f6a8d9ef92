"""Finished runs on disk, by key: what makes a sweep that was killed go on where it was.

One SQLite file with a row per run, written as each run ends. Whoever dies in between loses what was
running then, nothing else.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import msgspec
import numpy as np

from tradewrit.errors import ConfigError
from tradewrit.research.backtest.window import Stretch
from tradewrit.research.sweep.runs import Figures, Ran

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS runs (
    key TEXT PRIMARY KEY,
    data TEXT NOT NULL,
    strategy TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    point TEXT NOT NULL,
    figures TEXT,
    returns BLOB NOT NULL,
    error TEXT NOT NULL,
    seconds REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS runs_by_data ON runs (data, strategy, since, until);
"""
_VERSION: Final = 1
_WAIT_S: Final = 30.0
_AT_ONCE: Final = 500


class Subject(msgspec.Struct, frozen=True):
    """What runs have in common. data: its key. strategy: its name."""

    data: str
    strategy: str


class Store:
    """The file of results in a folder. Use it as a context manager.

    Raises ConfigError when the file cannot be opened, is none of ours, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            # A run can be made again: nothing is worth waiting for the disk after each.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._check_version()
            self._connection.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def find(self, keys: Iterable[str]) -> dict[str, Ran]:
        """The runs that are kept under these keys."""
        wanted, found = list(keys), {}
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            with self._explained():
                rows = self._connection.execute(
                    f"SELECT key, figures, returns, error, seconds FROM runs WHERE key IN ({marks})",  # noqa: S608 - question marks only
                    part,
                ).fetchall()
            found.update({key: _ran(*rest) for key, *rest in rows})
        return found

    def keep(self, key: str, subject: Subject, stretch: Stretch, point: str, ran: Ran) -> None:
        """Write one run that ended. point: what it was set to, as text."""
        figures = None if ran.figures is None else msgspec.json.encode(ran.figures).decode()
        daily = np.array(ran.returns, dtype=np.float64).tobytes()
        row = (
            *(key, subject.data, subject.strategy, stretch.since, stretch.until, point),
            *(figures, daily, ran.error, ran.seconds),
        )
        with self._explained():
            self._connection.execute("INSERT OR REPLACE INTO runs VALUES (?,?,?,?,?,?,?,?,?,?)", row)

    def others(self, subject: Subject, stretch: Stretch, points: Collection[str]) -> list[Figures]:
        """What was tried here before of a strategy on a stretch of these data, at other points than these."""
        with self._explained():
            rows = self._connection.execute(
                "SELECT point, figures FROM runs WHERE data = ? AND strategy = ? AND since = ? AND until = ? "
                "AND figures IS NOT NULL GROUP BY point",
                (subject.data, subject.strategy, stretch.since, stretch.until),
            ).fetchall()
        return [msgspec.json.decode(text, type=Figures) for point, text in rows if point not in points]

    def _check_version(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version not in {0, _VERSION}:
            raise ConfigError(
                f"{self.path}: was written by another release (format {version}); "
                "name another folder with --out"
            )
        self._connection.execute(f"PRAGMA user_version = {_VERSION}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise ConfigError(
                f"{self.path}: results cannot be kept there: {error}; name another folder with --out"
            ) from error


def _ran(figures: str | None, returns: bytes, error: str, seconds: float) -> Ran:
    made = None if figures is None else msgspec.json.decode(figures, type=Figures)
    daily: list[float] = np.frombuffer(returns, dtype=np.float64).tolist()
    return Ran(figures=made, returns=tuple(daily), error=error, seconds=seconds)
