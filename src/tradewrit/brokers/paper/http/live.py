"""An exchange server as a line of a live desk: its stream, read by a thread, as inputs of the desk's loop."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.brokers.paper.http.stream import Cut, EventStream, Seen
from tradewrit.brokers.paper.http.tape import EVERY_SYMBOL
from tradewrit.brokers.paper.http.wire import (
    BarsShown,
    Beat,
    Halted,
    Hello,
    MarketOver,
    QuoteShown,
    Reported,
    Resumed,
    TicksShown,
)
from tradewrit.domain.events.market import QuoteReceived, SymbolHalted, SymbolHaltLifted, TickReceived
from tradewrit.domain.venues import VenueIdentity, objection
from tradewrit.errors import TheirFault, Unreachable, WrongVenue
from tradewrit.runtime.live.lanes import Input, Priority, heard
from tradewrit.runtime.live.venue_clock import VenueClock

_ROOM: Final = 1_000
_LOOK_S: Final = 0.5
_MOST_NAMED: Final = 200
"""Symbols in one address; who wants more hears them all."""


class ExchangeLine:
    """Implements `Stream`. Taken up again behind the last event that was taken in.

    after: the number of that event. identity: of the exchange it is from. clock: told the venue's time.
    ticks: symbols whose trade prints are heard as well; none for all. What the market showed while the line
    was cut comes as history: nobody trades on it. Of prints the latest comes then, whose number tells of the
    others.
    """

    def __init__(
        self,
        client: ExchangeClient,
        clock: VenueClock,
        *,
        after: int,
        identity: VenueIdentity,
        ticks: Sequence[str] = (),
    ) -> None:
        self.client = client
        self._clock = clock
        self._after = after
        self._identity = identity
        self._ticks = ticks
        self._known = 0
        self.name = "exchange"
        self.carries_prices = True

    def again(self) -> "ExchangeLine":
        """The same line for another desk, to go on where this one is."""
        return ExchangeLine(
            self.client, self._clock, after=self._after, identity=self._identity, ticks=self._ticks
        )

    async def open(self) -> AsyncIterator[Input | None]:
        """See `Stream.open`. Raises WrongVenue when another exchange answers: its account is another."""
        wanted = self._ticks if 0 < len(self._ticks) <= _MOST_NAMED else (EVERY_SYMBOL,)
        events = self.client.events(self._after, self._identity.exchange, wanted)
        pipe = _Pipe(events, asyncio.get_running_loop())
        try:
            while True:
                number, message = await pipe.next()
                if isinstance(message, Cut):
                    if message.is_other_venue:
                        raise WrongVenue(objection(self._identity, f"another one answers ({message.reason})"))
                    raise Unreachable(message.reason)
                for item in self._inputs(number, message):
                    yield item
                self._after = max(self._after, number)
        finally:
            pipe.close()

    def _inputs(self, number: int, message: object) -> Iterator[Input | None]:
        match message:
            case Hello(at=at, last=last):
                self._known = last
                self._clock.hear(at)
                yield None
            case Beat(at=at):
                self._clock.hear(at, is_fresh=True)
                yield None
            case Reported(reports=reports) if reports:
                yield heard(*reports, source="venue")
            case BarsShown(bars=bars, closed_at=at):
                past = number <= self._known
                self._clock.hear(at, is_fresh=not past)
                yield Input(priority=Priority.MARKET, bars=bars, at=at, source="market", is_history=past)
            case QuoteShown(quote=quote):
                yield heard(QuoteReceived(at=self._clock.now(), quote=quote), source="market")
            case TicksShown(ticks=ticks):
                for tick in ticks:
                    yield heard(TickReceived(at=self._clock.now(), tick=tick), source="market")
            case Halted(symbol=symbol, reason=reason):
                yield heard(SymbolHalted(at=self._clock.now(), symbol=symbol, reason=reason), source="venue")
            case Resumed(symbol=symbol):
                yield heard(SymbolHaltLifted(at=self._clock.now(), symbol=symbol), source="venue")
            case MarketOver():
                self.carries_prices = False  # its data are at their end
                yield None
            case _:
                yield None


class _Pipe:
    """From the thread that reads to the loop that takes; the thread waits when it is too far ahead."""

    def __init__(self, events: EventStream, loop: asyncio.AbstractEventLoop) -> None:
        self._events = events
        self._loop = loop
        self._queue: asyncio.Queue[Seen | TheirFault] = asyncio.Queue()
        self._room = threading.Semaphore(_ROOM)
        self._is_closed = threading.Event()
        threading.Thread(target=self._read, name="tradewrit-exchange", daemon=True).start()

    async def next(self) -> Seen:
        """What comes next; raises TheirFault when nothing will."""
        seen = await self._queue.get()
        self._room.release()
        if isinstance(seen, TheirFault):
            raise seen
        return seen

    def close(self) -> None:
        """Read no more."""
        self._is_closed.set()
        self._events.close()

    def _read(self) -> None:
        try:
            for seen in self._events:
                if not self._put(seen):
                    return
            self._put(Unreachable("the stream has ended"))
        except TheirFault as refused:
            self._put(refused)

    def _put(self, seen: "Seen | TheirFault") -> bool:
        while not self._room.acquire(timeout=_LOOK_S):
            if self._is_closed.is_set():
                return False
        if self._is_closed.is_set():
            return False
        try:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, seen)
        except RuntimeError:
            return False  # the loop has ended
        return True
