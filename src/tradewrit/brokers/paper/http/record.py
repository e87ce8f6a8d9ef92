"""The numbered record of what an exchange said: reports for ever, prices for a while.

    add ─▶ 1 2 3 4 ... ─▶ after(cursor)

Whoever reads keeps a cursor of its own, so a slow reader holds up nobody and costs nothing. Used from one
event loop.
"""

import asyncio
from bisect import bisect_right
from typing import Final

from tradewrit.brokers.paper.http.wire import BarsShown, Message, Missed, QuoteShown, encode, frame

KEPT_PRICES: Final = 200_000


class Record:
    """Events under numbers that count up from 1.

    kept: how many of the latest price events are kept at least; reports are never let go.
    """

    def __init__(self, kept: int = KEPT_PRICES) -> None:
        self._kept = kept
        self._numbers: list[int] = []
        self._events: list[tuple[bytes, bool]] = []
        self._prices = 0
        self._changed = asyncio.Event()
        self.last = 0
        self.forgotten = 0
        """Number of the last price event that is no longer kept."""
        self.is_closed = False
        """Whether the server is about to end: readers should leave."""

    def add(self, message: Message) -> int:
        """Put a message on record; returns its number."""
        self.last += 1
        is_price = isinstance(message, BarsShown | QuoteShown)
        self._numbers.append(self.last)
        self._events.append((frame(encode(message), self.last), is_price))
        self._prices += is_price
        if self._prices > 2 * self._kept:
            self._forget()
        self.wake()
        return self.last

    def after(self, cursor: int, most: int = 256, *, upto: int | None = None) -> tuple[int, list[bytes]]:
        """The next frames after a cursor, oldest first, and the cursor behind them.

        upto: the last event that is wanted. Begins with `Missed` where prices between have been let go; all
        that follows them is given then.
        """
        frames: list[bytes] = []
        start = bisect_right(self._numbers, cursor)
        end = start + most
        if cursor < self.forgotten:
            frames.append(frame(encode(Missed(upto=self.forgotten))))
        elif upto is not None:
            end = min(end, bisect_right(self._numbers, upto))
        found = self._events[start:end]
        frames += [data for data, _ in found]
        return (self._numbers[start + len(found) - 1] if found else cursor), frames

    async def changed(self, within_s: float) -> bool:
        """Wait until something is added, or for so many seconds; returns whether something was."""
        waiting = self._changed
        try:
            await asyncio.wait_for(waiting.wait(), within_s)
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Send every reader home."""
        self.is_closed = True
        self.wake()

    def wake(self) -> None:
        """Let every reader look again."""
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()

    def _forget(self) -> None:
        spare = self._prices - self._kept
        numbers, events = [], []
        for number, event in zip(self._numbers, self._events, strict=True):
            if event[1] and spare:
                spare -= 1
                self.forgotten = number
                continue
            numbers.append(number)
            events.append(event)
        self._numbers, self._events, self._prices = numbers, events, self._kept
