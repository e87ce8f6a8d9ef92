"""A lake: bars in partitioned Parquet, each with the time since which it is known.

    LAKE/lake.json
    LAKE/imports.jsonl                                         one line per import
    LAKE/interval=1m/symbol=AAPL/year=2013.parquet             bars as known now
    LAKE/interval=1d/symbol=AAPL/all.parquet
    LAKE/superseded/interval=1m/symbol=AAPL/year=2013.parquet  what replaced bars were

Importing the same again changes nothing. Importing other numbers for a known bar is refused, or
replaces it and keeps the old one, so that a backtest can ask for the bars as they were known.
Symbols rank by name. Needs polars (extra `data`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import unquote

import msgspec

from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market.intervals import interval_text, usual_step
from tradewrit.market.merging import Merged, Rows, as_known, joined, merge, no_rows
from tradewrit.market.parquet_table import load_polars, read_parquet
from tradewrit.market.partitions import (
    Partition,
    check_rows,
    file_of,
    is_by_year,
    partitions,
    read_rows,
    write_rows,
    years_of,
)
from tradewrit.market.selection import EVERYTHING, Selection
from tradewrit.market.stamps import iso
from tradewrit.market.strict import bars_of
from tradewrit.market.table import BAR_SUFFIXES, NUMBERS
from tradewrit.market.writing import replace_file

_MARK: Final = "lake.json"
_LOG: Final = "imports.jsonl"
_SUPERSEDED: Final = "superseded"
_FORMAT: Final = 1


class _Mark(msgspec.Struct, frozen=True):
    """What stands in `lake.json`: the format of everything else."""

    tradewrit_lake: int = _FORMAT


class Deposit(msgspec.Struct, frozen=True, kw_only=True):
    """What an import put into a lake. known_at: ISO-8601. files: how many were written."""

    source: str
    known_at: str
    intervals: tuple[str, ...]
    symbols: tuple[str, ...]
    added: int
    same: int
    replaced: int
    files: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **msgspec.structs.asdict(self),
            "intervals": list(self.intervals),
            "symbols": list(self.symbols),
        }


class Lake:
    """The bars under one directory, or a part of them: one length, one symbol."""

    def __init__(self, root: Path, interval: str | None = None, symbol: str | None = None) -> None:
        self.root = root
        self._interval = interval
        self._symbol = symbol

    def intervals(self) -> list[str]:
        """The lengths of bars there are."""
        found = sorted(place.name.removeprefix("interval=") for place in self.root.glob("interval=*"))
        return found if self._interval is None else [name for name in found if name == self._interval]

    def files(self) -> list[Partition]:
        """The partitions of all lengths, by symbol and year."""
        found = [one for name in self.intervals() for one in partitions(self.root / f"interval={name}")]
        return [one for one in found if self._symbol in (None, one.symbol)]

    def read(self, selection: Selection = EVERYTHING) -> list[Bars]:
        """The bars of one length, one per symbol by name.

        Raises DataError when there are several lengths to choose from, for an unknown symbol, and when
        nothing is left of what was selected.
        """
        files = self._of_one_length()
        selection.check_symbols(str(self.root), sorted({one.symbol for one in files}))
        wanted = [one for one in files if selection.wants(one.symbol)]
        wanted = [one for one in wanted if one.covers(selection.since, selection.until)]
        bars = []
        for _, group in groupby(wanted, key=lambda one: one.symbol):
            found = selection.between(self._bars(list(group), selection.known_at))
            if len(found):
                bars.append(found)
        if not bars:
            known = "" if selection.known_at is None else f" known at {iso(selection.known_at)}"
            raise DataError(f"{self.root}: no bars{selection.span()}{known}")
        return bars

    def add(
        self,
        bars: Sequence[Bars],
        *,
        known_at: int,
        source: str = "",
        interval: int | None = None,
        replace: bool = False,
    ) -> Deposit:
        """Put bars among the known ones.

        known_at: UTC ns since which they are known. interval: their length, ns; by default each symbol's
        commonest step. replace: let other numbers for a known bar replace it.

        All is compared before anything is written, and a file is written whole or not at all; an import
        that was interrupted between two files is completed by importing again.

        Raises DataError, with nothing written, for bars that no bar file may hold and for contradictions.
        """
        with self._writing():
            merged: dict[Path, Merged] = {}
            intervals = {}
            for one in bars:
                check_rows(one, source or "bars")
                length = intervals[one.symbol] = _length(one, interval)
                for part, path in self._parts(one, length):
                    known = read_rows(path) if path.exists() else no_rows(one.symbol)
                    merged[path] = merge(known, part, known_at, replace=replace, place=str(self.root))
            changed = {path: found for path, found in merged.items() if found.is_change}
            for path, found in changed.items():
                if found.replaced:
                    self._supersede(path, found.superseded)
                write_rows(path, found.rows)
            deposit = Deposit(
                source=source,
                known_at=iso(known_at),
                intervals=tuple(sorted(set(intervals.values()))),
                symbols=tuple(sorted(intervals)),
                added=sum(found.added for found in merged.values()),
                same=sum(found.same for found in merged.values()),
                replaced=sum(found.replaced for found in merged.values()),
                files=len(changed),
            )
            if changed:
                self._log(deposit)
        return deposit

    def imports(self) -> list[Deposit]:
        """What was imported, oldest first."""
        path = self.root / _LOG
        if not path.exists():
            return []
        try:
            return [msgspec.json.decode(line, type=Deposit) for line in path.read_bytes().splitlines()]
        except msgspec.DecodeError as error:
            raise DataError(f"{path}: not a list of imports: {error}") from None

    def _bars(self, files: list[Partition], known_at: int | None) -> Bars:
        if known_at is None:
            return _chained([_current(one.path) for one in files])
        old = [self._superseded(one.path) for one in files]
        parts = [read_rows(path) for path in old if path.exists()]
        parts += [read_rows(one.path) for one in files]
        return as_known(parts, known_at).bars

    def _of_one_length(self) -> list[Partition]:
        files = self.files()
        lengths = sorted({one.interval for one in files})
        if not lengths:
            raise DataError(f"{self.root}: this lake is empty; `tradewrit data import` fills it")
        if len(lengths) > 1:
            raise DataError(
                f"{self.root}: has bars of {', '.join(lengths)}; name one, such as "
                f"{self.root / f'interval={lengths[0]}'}"
            )
        return files

    def _parts(self, bars: Bars, interval: str) -> Iterator[tuple[Bars, Path]]:
        """The bars by the files they belong into."""
        if not is_by_year(interval):
            yield bars, file_of(self.root, interval, bars.symbol, None)
            return
        for year, rows in years_of(bars.ts):
            columns = (getattr(bars, name)[rows] for name in NUMBERS)
            part = Bars(bars.symbol, bars.ts[rows], *columns)
            yield part, file_of(self.root, interval, bars.symbol, year)

    def _superseded(self, path: Path) -> Path:
        return self.root / _SUPERSEDED / path.relative_to(self.root)

    def _supersede(self, path: Path, rows: Rows) -> None:
        place = self._superseded(path)
        write_rows(place, joined([read_rows(place), rows]) if place.exists() else rows)

    def _log(self, deposit: Deposit) -> None:
        path = self.root / _LOG
        lines = path.read_bytes() if path.exists() else b""
        _put(path, lines + msgspec.json.encode(deposit) + b"\n")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Make the lake where there is none, and keep a second import out meanwhile."""
        load_polars(self.root)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{self.root}: cannot be made: {error.strerror or error}") from error
        if not (self.root / _MARK).exists():
            _put(self.root / _MARK, msgspec.json.encode(_Mark()) + b"\n")
        with (self.root / _MARK).open("rb") as mark, _locked(mark, self.root):
            yield


def lake_at(path: Path) -> Lake | None:
    """The lake that a path is, or the part of one that it is: LAKE/interval=..., .../symbol=...

    None when it is neither. Raises DataError for a lake of another format.
    """
    parts: dict[str, str] = {}
    place = path
    while place.name.startswith(("symbol=", "interval=")):
        key, _, value = place.name.partition("=")
        parts[key] = unquote(value)
        place = place.parent
    if not (place / _MARK).is_file() or not path.is_dir():
        return None
    try:
        is_ours = msgspec.json.decode((place / _MARK).read_bytes(), type=_Mark).tradewrit_lake == _FORMAT
    except msgspec.DecodeError:
        is_ours = False
    if not is_ours:
        raise DataError(f"{place / _MARK}: not the mark of a lake that this version knows")
    return Lake(place, parts.get("interval"), parts.get("symbol"))


def lake_for(path: Path) -> Lake | None:
    """The lake that bars go into when this is where they shall go; None when it names a bar file.

    A directory that is not there yet, or is empty, becomes one. Raises DataError for a directory of other
    things, and for a part of a lake.
    """
    if path.name.endswith(BAR_SUFFIXES) or (path.suffix and not path.is_dir()):
        return None
    lake = lake_at(path)
    if lake is not None:
        if lake.root != path:
            raise DataError(f"{path}: a part of a lake; bars go into the whole: {lake.root}")
        return lake
    if path.is_dir() and any(path.iterdir()):
        raise DataError(
            f"{path}: a directory, but no lake; name an empty one, or a file such as bars.parquet"
        )
    return Lake(path)


def _put(path: Path, content: bytes) -> None:
    def write(file: IO[bytes]) -> None:
        file.write(content)

    replace_file(path, write)


def _current(path: Path) -> Bars:
    (bars,) = bars_of(read_parquet(path))
    return bars


def _chained(parts: list[Bars]) -> Bars:
    """Years one after the other; they cannot overlap, since a year's file holds that year alone."""
    if len(parts) == 1:
        return parts[0]
    return joined([Rows(part, part.ts) for part in parts]).bars


def _length(bars: Bars, given: int | None) -> str:
    if given is not None:
        return interval_text(given)
    try:
        return interval_text(usual_step(bars.ts))
    except DataError as error:
        raise DataError(f"{bars.symbol}: {error}") from None


@contextmanager
def _locked(mark: Any, root: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # a system without it: imports must not be run side by side there
        yield
        return
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise DataError(f"{root}: another import is writing into this lake; wait until it is done") from None
    yield
