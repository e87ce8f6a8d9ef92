"""Puts new bars of one symbol among known ones: what is new, what is the same, what contradicts.

Knows no files.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Floats, Times
from tradewrit.market.stamps import iso
from tradewrit.market.table import NUMBERS

_EMPTY: Final = np.empty(0, dtype=np.int64)


class Rows(msgspec.Struct, frozen=True, eq=False):
    """Bars of one symbol with the time since which each is known, UTC ns.

    The bars rise in time, but for superseded ones, of which several may be of one time.
    """

    bars: Bars
    known_at: Times

    def __len__(self) -> int:
        return len(self.bars)

    def take(self, where: NDArray[np.bool_] | NDArray[np.intp]) -> "Rows":
        """The rows at these places."""
        columns: list[Floats] = [getattr(self.bars, name)[where] for name in NUMBERS]
        return Rows(Bars(self.bars.symbol, self.bars.ts[where], *columns), self.known_at[where])


class Merged(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Bars after a merge. superseded: what `replaced` bars were before."""

    rows: Rows
    superseded: Rows
    added: int
    same: int
    replaced: int

    @property
    def is_change(self) -> bool:
        """Whether anything is other than before."""
        return bool(self.added or self.replaced)


def no_rows(symbol: str) -> Rows:
    """Rows of a symbol of which nothing is known."""
    return Rows(Bars(symbol, _EMPTY, *(np.empty(0) for _ in NUMBERS)), _EMPTY)


def joined(parts: list[Rows]) -> Rows:
    """Rows one part after the other."""
    columns = (np.concatenate([getattr(part.bars, name) for part in parts]) for name in ("ts", *NUMBERS))
    return Rows(Bars(parts[0].bars.symbol, *columns), np.concatenate([part.known_at for part in parts]))


def merge(known: Rows, bars: Bars, known_at: int, *, replace: bool, place: str) -> Merged:
    """The known rows with these bars among them, known since `known_at`.

    A bar of a known time with the same numbers is left as it is. One with other numbers replaces the
    known one when `replace` says so, and is refused otherwise.

    Raises DataError, naming `place`, for a contradiction, and for a replacement that would be known
    before what it replaces.
    """
    at = np.searchsorted(known.bars.ts, bars.ts)
    is_known = np.zeros(len(bars), dtype=np.bool_)
    inside = at < len(known)
    is_known[inside] = known.bars.ts[at[inside]] == bars.ts[inside]
    differs = np.zeros(len(bars), dtype=np.bool_)
    old, new = at[is_known], np.flatnonzero(is_known)
    for name in NUMBERS:
        differs[new] |= getattr(known.bars, name)[old] != getattr(bars, name)[new]
    if differs.any():
        _check(known, bars, at, differs, known_at, replace=replace, place=place)
    fresh = Rows(bars, np.full(len(bars), known_at, dtype=np.int64))
    kept = np.ones(len(known), dtype=np.bool_)
    kept[at[differs]] = False
    rows = joined([known.take(kept), fresh.take(~is_known | differs)])
    return Merged(
        rows=rows.take(np.argsort(rows.bars.ts, kind="stable")),
        superseded=known.take(~kept),
        added=int((~is_known).sum()),
        same=int((is_known & ~differs).sum()),
        replaced=int(differs.sum()),
    )


def as_known(parts: list[Rows], known_at: int) -> Rows:
    """The bars as they were known at `known_at`: of each time the latest version until then.

    parts: what was replaced before what replaced it, which decides between versions known since the
    same moment.
    """
    rows = joined(parts)
    rows = rows.take(rows.known_at <= known_at)
    rows = rows.take(np.lexsort((rows.known_at, rows.bars.ts)))
    is_last = np.ones(len(rows), dtype=np.bool_)
    is_last[:-1] = rows.bars.ts[1:] != rows.bars.ts[:-1]
    return rows.take(is_last)


def _check(
    known: Rows,
    bars: Bars,
    at: NDArray[np.intp],
    differs: NDArray[np.bool_],
    known_at: int,
    *,
    replace: bool,
    place: str,
) -> None:
    i = int(np.argmax(differs))
    j = int(at[i])
    where = f"{place}: {bars.symbol} at {iso(int(bars.ts[i]))}"
    if not replace:
        name = next(name for name in NUMBERS if getattr(known.bars, name)[j] != getattr(bars, name)[i])
        stored, given = float(getattr(known.bars, name)[j]), float(getattr(bars, name)[i])
        count = int(differs.sum())
        more = f", and {count - 1:,} more bars of that file differ" if count > 1 else ""
        raise DataError(
            f"{where}: {name} is {stored!r} in the lake and {given!r} in what is imported{more}; "
            "nothing was imported. Import with --replace to use the new ones from now on: the old ones "
            "stay readable as of a date"
        )
    latest = int(known.known_at[at[differs]].max())
    if known_at < latest:
        raise DataError(
            f"{where}: what is stored is known since {iso(latest)}, and cannot be replaced by what was "
            f"known at {iso(known_at)}; give a later known-at"
        )
