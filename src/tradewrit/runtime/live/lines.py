"""Lines to venues and feeds: kept open, called again when they are cut, and never trusted when silent.

    Stream.open ─▶ Line ─▶ what it sends, offered until there is room
                    └─ cut, refused or silent ─▶ a pause that doubles, with jitter ─▶ open again

Knows no desk: whoever owns a line is told when it is cut and when it is back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from msgspec.structs import replace

from tradewrit.domain.market import SECOND
from tradewrit.errors import TheirFault
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.live.lanes import Input, Priority
from tradewrit.runtime.live.supervise import Patience, Pulse


class Stream(Protocol):
    """Where reports or prices come from.

    At least once, in order per symbol; may repeat after a reconnect, and says nothing of what it missed.
    name: for messages. carries_prices: whether its silence while the market is open means it is broken; it
        may change, where no more prices are to come.
    """

    name: str
    carries_prices: bool

    def open(self) -> AsyncIterator[Input | None]:
        """Connect, and yield what comes; None is a sign of life, the first when it is connected.

        Raises TheirFault when it cannot be reached or is cut; ends when the other side hangs up.
        """
        ...


class Line:
    """One stream, kept open. offer: takes an input, and returns once there was room for it.

    told: with the reason whenever it is cut, and with "" when it is back. chance: draws from 0 to 1.
    """

    def __init__(
        self,
        stream: Stream,
        clock: Clock,
        patience: Patience,
        chance: Callable[[], float],
        offer: Callable[[Input], Awaitable[None]],
        told: Callable[["Line", str], None],
    ) -> None:
        self.name: Final = stream.name
        self._stream = stream
        self._clock = clock
        self._patience = patience
        self._chance = chance
        self._offer = offer
        self._told = told
        now = clock.monotonic()
        self.pulse = Pulse(beat_at=now, data_at=now, carries_prices=stream.carries_prices)
        self.priced_at = now
        self.is_up = False
        self.attempts = self.cuts = 0
        self._up_at = 0
        self._is_cut = False
        self._reading: asyncio.Task[None] | None = None
        self._silence = ""
        self._is_held_up = False

    async def keep_open(self) -> None:
        """For as long as it is not cancelled."""
        while True:
            self.attempts += 1
            self._cut(await self._read_out())
            pause = self._patience.pause_ns(self.attempts, self._chance())
            await asyncio.sleep(pause / SECOND)

    def look(self, now: int, *, is_open: bool) -> None:
        """To be called about once a second: a silent line is cut. now: monotonic ns."""
        self.pulse = replace(self.pulse, carries_prices=self._stream.carries_prices)
        if not is_open:
            self.pulse = self.pulse.rested(now)
            self.priced_at = now
        if self._is_held_up:  # it is we who do not listen
            self.pulse = self.pulse.heard(now, is_data=True)
        silence = self.pulse.silence(now, self._patience, is_open=is_open)
        if silence and self._reading is not None:
            self._silence = silence
            self._reading.cancel()

    @property
    def is_stale(self) -> bool:
        """Whether its prices are too old to trade on. That it was called again does not make them newer."""
        age = self._clock.monotonic() - self.priced_at
        return self.pulse.carries_prices and age > self._patience.data_ns

    def heard_ago_s(self, now: int) -> float:
        """Seconds since its last sign of life."""
        return (now - self.pulse.beat_at) / SECOND

    async def _read_out(self) -> str:
        """Read until it ends, and say why it did."""
        now = self._clock.monotonic()
        self.pulse = self.pulse.heard(now, is_data=True)  # each attempt has the whole of our patience
        self._silence, self._is_held_up = "", False
        self._reading = asyncio.ensure_future(self._read())
        try:
            await self._reading
        except TheirFault as why:
            return str(why)
        except asyncio.CancelledError:
            if not self._silence:
                self._reading.cancel()
                raise
            return self._silence
        finally:
            self._reading = None
        return "the other side hung up"

    async def _read(self) -> None:
        async for item in self._stream.open():
            is_data, now = item is not None and item.priority is Priority.MARKET, self._clock.monotonic()
            self.pulse = self.pulse.heard(now, is_data=is_data)
            if is_data:
                self.priced_at = now
            if not self.is_up:
                self.is_up, self._is_cut, self._up_at = True, False, self._clock.monotonic()
                self._told(self, "")
            if item is not None:
                self._is_held_up = True
                await self._offer(item)
                self._is_held_up = False

    def _cut(self, reason: str) -> None:
        # One that hangs up as soon as it was called is called ever more rarely, too.
        if self.is_up and self._clock.monotonic() - self._up_at > self._patience.beat_ns:
            self.attempts = 1
        self.cuts += self.is_up
        self.is_up = False
        if not self._is_cut:
            self._is_cut = True
            self._told(self, reason)
