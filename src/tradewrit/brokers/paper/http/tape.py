"""The tape of an exchange: every trade print under a number of its symbol that rises by one.

    add ─▶ AAPL 1, MSFT 1, AAPL 2, ... ─▶ Reader.take

Prints are not on record: a reader that is too slow, or was away, gets the latest of each symbol, and knows by
its number that something was left out. Whoever reads keeps a place of its own, so a slow reader holds up
nobody. The numbers are counted from the inputs alone, so they go on after a restart. Used from one event
loop.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

import msgspec

from tradewrit.domain.market import Tick

KEPT_PRINTS: Final = 20_000
EVERY_SYMBOL: Final = "*"
_MOST: Final = 256


class Print(msgspec.Struct, frozen=True, gc=False):
    """A tick and when it was printed. number: of the tape. behind: the event of the record it came after."""

    number: int
    behind: int
    tick: Tick


class Tape:
    """kept: how many of the latest prints are kept at least."""

    def __init__(self, kept: int = KEPT_PRINTS) -> None:
        self._kept = kept
        self._prints: list[Print] = []
        self._latest: dict[str, Print] = {}
        self.last = 0
        self.readers = 0
        """How many listen at this moment."""

    def add(self, symbol: str, at: int, price: float, size: float, *, behind: int) -> None:
        """Put a trade on the tape. at: UTC ns. size: in units, 0 where it is not known."""
        before = self._latest.get(symbol)
        sequence = 1 if before is None else before.tick.sequence + 1
        self.last += 1
        one = Print(self.last, behind, Tick(symbol, at, price, size, sequence))
        self._latest[symbol] = one
        self._prints.append(one)
        if len(self._prints) > 2 * self._kept:
            del self._prints[: -self._kept]

    def read(self, symbols: Iterable[str]) -> "Reader":
        """Read from now on, beginning with the latest print of each of these symbols; `*` for every one."""
        wanted = frozenset(symbols)
        return Reader(self, None if EVERY_SYMBOL in wanted else wanted)

    @property
    def forgotten(self) -> int:
        """Number of the last print that is no longer kept."""
        return self._prints[0].number - 1 if self._prints else self.last

    def behind(self, number: int) -> list[Print]:
        """The prints that are kept behind a number, oldest first, a page at most."""
        start = max(number - self.forgotten, 0)
        return self._prints[start : start + _MOST]

    def latest(self, after: int, upto: int) -> list[Print]:
        """The latest of each symbol whose number lies behind `after` and up to `upto`, oldest first."""
        found = [one for one in self._latest.values() if after < one.number <= upto]
        return sorted(found, key=lambda one: one.number)


class Reader:
    """One that reads the tape. wanted: these symbols; None for every one."""

    def __init__(self, tape: Tape, wanted: frozenset[str] | None) -> None:
        self._tape = tape
        self._wanted = wanted
        self._number = tape.last
        self._waiting = self._of_mine(tape.latest(0, tape.last))

    def next_behind(self) -> int | None:
        """The event of the record behind which the next print comes; None while there is none."""
        while not self._waiting and self._number < self._tape.last:
            self._fill()
        return self._waiting[0].behind if self._waiting else None

    def take(self, upto: int) -> tuple[Tick, ...]:
        """The next prints that came before the event behind `upto`, oldest first."""
        self.next_behind()
        end = bisect_right(self._waiting, upto, key=lambda one: one.behind)
        taken, self._waiting = self._waiting[:end], self._waiting[end:]
        return tuple(one.tick for one in taken)

    def _fill(self) -> None:
        forgotten = self._tape.forgotten
        if self._number < forgotten:  # too slow: the latest of each symbol counts
            found = self._tape.latest(self._number, forgotten)
            self._number = forgotten
        else:
            found = self._tape.behind(self._number)
            self._number = found[-1].number
        self._waiting = self._of_mine(found)

    def _of_mine(self, prints: list[Print]) -> list[Print]:
        return prints if self._wanted is None else [one for one in prints if one.tick.symbol in self._wanted]
