"""What is due in a run that jumps, in the order in which a desk would come to it.

Knows no account and no prices.
"""

import heapq
from enum import IntEnum
from typing import Final, Generic, TypeVar

Thing = TypeVar("Thing")


class Phase(IntEnum):
    """When something happens: at the close of a bar, once all decisions there have been made, or in the next.

    At a close the desk hears of what it sent in this order: exits that were refused before, and have
    nothing to take back first, each with its reversal judged; entries; those reversals; exits by time, then
    all others, each with its reversal judged; the reversals; positions that nothing would protect. Splits
    and dividends come before the next bar opens.

    is_at_close: whether it follows the decisions of its own bar; else it comes before them.
    is_ahead_at_venue: whether the venue has filled it before the desk books anything of that close.
    """

    RETRIES_AT_CLOSE = 0
    ENTERS_AT_CLOSE = 1
    REENTERS_AT_CLOSE = 2
    TIMED_OUT_AT_CLOSE = 3
    LEAVES_AT_CLOSE = 4
    REVERSES_AT_CLOSE = 5
    DROPPED_AT_CLOSE = 6
    GOES_EX = 7
    OPENS = 8
    TRADES = 9
    ENDS = 10

    is_at_close: bool
    is_ahead_at_venue: bool

    def __init__(self, place: int) -> None:
        self.is_at_close = place < 7
        self.is_ahead_at_venue = place < 6


_NEVER: Final = 2**63


class Agenda(Generic[Thing]):
    """Things by time, then phase, then rank: at most one per symbol.

    A time is an index into all bar times; a thing is due at the time before whose decisions it happens.
    due, phase: of the first thing; beyond every time when there is none.
    """

    def __init__(self) -> None:
        self._things: list[tuple[int, Phase, int, Thing]] = []
        self.due = _NEVER

    def add(self, time: int, phase: Phase, rank: int, thing: Thing) -> None:
        """Something happens to a symbol in the bar of a time."""
        heapq.heappush(self._things, (time + phase.is_at_close, phase, rank, thing))
        self.due = self._things[0][0]

    def pop(self) -> tuple[int, Thing]:
        """The first thing, and whose it is."""
        _, _, rank, thing = heapq.heappop(self._things)
        self.due = self._things[0][0] if self._things else _NEVER
        return rank, thing

    @property
    def phase(self) -> Phase:
        """Of the first thing, which there has to be."""
        return self._things[0][1]

    def at(self, due: int, *phases: Phase) -> list[tuple[int, Thing]]:
        """What is due at a time in these phases, in no order; and whose it is."""
        return [(rank, thing) for at, phase, rank, thing in self._things if at == due and phase in phases]
