"""What a source of past bars is asked, and what it gives back. One contract suite serves every source."""

from collections.abc import Callable
from typing import Final, Protocol

import msgspec
import numpy as np

from tradewrit.errors import TheirFault
from tradewrit.features.bars import Bars
from tradewrit.market.stamps import iso

_LATEST: Final = int(np.iinfo(np.int64).max)

Tell = Callable[[int], None]
"""Told how many bars have been received so far."""


class BarRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Bars of some symbols that open from `since` to before `until`, both UTC ns.

    interval: their length, ns. adjusted: for splits and dividends; else as the source prints them.
    """

    symbols: tuple[str, ...]
    interval: int
    since: int
    until: int
    adjusted: bool = False

    def told(self) -> str:
        """For a message."""
        return f"{', '.join(self.symbols)} from {iso(self.since)} to {iso(self.until)}"


class Fetched(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a source gave. notes: what was left out, and what the numbers are.

    bars: one per symbol that has any, in the order asked for; times rise, none repeats, all lie within
    the request, and every bar is finished: the one that is still forming is left out.
    """

    bars: tuple[Bars, ...]
    requests: int
    notes: tuple[str, ...] = ()


class BarSource(Protocol):
    """A place that tells past prices. Asking twice is harmless.

    Raises DataError for what it cannot be asked (a length, an adjustment, a symbol it does not know),
    Unreachable when nothing answers, Throttled when patience is asked for longer than is had,
    Unauthorized for credentials that are missing or not accepted, TheirFault for an answer that makes
    no sense.
    """

    @property
    def name(self) -> str:
        """How the command line calls it."""
        ...

    def fetch(self, request: BarRequest, tell: Tell) -> Fetched:
        """The bars that were asked for."""
        ...


def bar_time(source: str, at: int) -> int:
    """`at`, UTC ns, as the source tells it; raises TheirFault where 64 bits do not hold it."""
    if abs(at) > _LATEST:
        raise TheirFault(f"{source}: answered with a bar of a time outside the years 1678 to 2261")
    return at


class Received:
    """Rows of one symbol as they come in, page by page."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._ts: list[int] = []
        self._values: list[tuple[float, float, float, float, float]] = []

    def __len__(self) -> int:
        return len(self._ts)

    def add(self, ts: int, values: tuple[float, float, float, float, float]) -> None:
        """One more row: time of the open, UTC ns (`bar_time`); open, high, low, close, volume."""
        self._ts.append(ts)
        self._values.append(values)

    def bars(self, request: BarRequest, now: int) -> tuple[Bars, int]:
        """The finished bars within the request, rising, and how many unfinished ones were left out.

        now: UTC ns, from before anything was asked: a bar may end while its pages come in.
        A time that comes twice, as it does where pages meet, counts once: the last row of it.
        """
        ts = np.array(self._ts, dtype=np.int64)
        values = np.array(self._values, dtype=np.float64).reshape(len(ts), 5)
        order = np.argsort(ts, kind="stable")
        ts, values = ts[order], values[order]
        is_last = np.ones(len(ts), dtype=np.bool_)
        is_last[:-1] = ts[1:] != ts[:-1]
        wanted = is_last & (ts >= request.since) & (ts < request.until)
        is_finished = ts + request.interval <= now
        kept = wanted & is_finished
        columns = (np.ascontiguousarray(values[kept, k]) for k in range(5))
        return Bars(self._symbol, ts[kept], *columns), int((wanted & ~is_finished).sum())


def fetched(
    received: dict[str, Received], request: BarRequest, now: int, requests: int, notes: list[str]
) -> Fetched:
    """What the sources give back of what they received; notes what is not there."""
    found = []
    notes = list(notes)
    for symbol in request.symbols:
        bars, unfinished = received[symbol].bars(request, now)
        if unfinished:
            notes.append(f"{symbol}: {unfinished} bar that is still forming left out")
        if len(bars):
            found.append(bars)
        else:
            notes.append(f"{symbol}: no bars")
    return Fetched(bars=tuple(found), requests=requests, notes=tuple(notes))
