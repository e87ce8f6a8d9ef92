"""What a feed sends that nobody can use, said to people: the first at once, then how many there were.

Quotes and ticks are not journalled, so a log and a status are all that a person sees of those left out.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import QuoteRefused, StreamGapDetected, TickReceived
from tradewrit.domain.market import MINUTE
from tradewrit.runtime.clock import Clock

SILENCE: Final = MINUTE
"""Between two lines about one symbol: a broken feed sends thousands."""


class _Said(msgspec.Struct):
    """What was said of a symbol: when, ns of the monotonic clock, and how many more there were since."""

    at: int
    more: int = 0


class Complaints:
    """Counts and tells. refused: quotes not believed so far; ticks: heard; gaps: jumps in their numbers."""

    def __init__(self, clock: Clock, log: Callable[[str], None]) -> None:
        self._clock = clock
        self._log = log
        self._said: dict[tuple[str, str], _Said] = {}
        self.refused = self.ticks = self.gaps = 0

    def hear(self, events: Sequence[Event]) -> None:
        """Look through what an input led to."""
        for event in events:
            match event:
                case QuoteRefused(quote=quote, reason=reason):
                    self.refused += 1
                    self._tell("QUOTE REFUSED", quote.symbol, f"{quote.bid:g}/{quote.ask:g}: {reason}")
                case TickReceived():
                    self.ticks += 1
                case StreamGapDetected(symbol=symbol, expected=expected, received=received):
                    self.gaps += 1
                    lost = received - expected
                    self._tell("GAP", symbol, f"{lost} ticks lost: {received} came where {expected} was next")
                case _:
                    pass

    def _tell(self, kind: str, symbol: str, why: str) -> None:
        now = self._clock.monotonic()
        said = self._said.get((kind, symbol))
        if said is not None and now - said.at < SILENCE:
            said.more += 1
            return
        more = f" ({said.more} more since the last line)" if said is not None and said.more else ""
        self._said[kind, symbol] = _Said(now)
        self._log(f"{kind} {symbol}: {why}{more}")
