"""Bars from the past as a market of now: each opens, trades and closes when its time has come.

Time runs `speed` times as fast as it did. Nights, weekends and gaps are passed over: between two bars
nothing is waited for longer than the length of one.

The first trade of a bar is shown a moment after the bar before has closed: what a client sends on a close is
there for the next open, as in a backtest.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from tradewrit.brokers.paper.http.inputs import BarsClosed, BarsOpened, MarketEnded, Quoted
from tradewrit.brokers.paper.http.venue import Impossible, Venue
from tradewrit.domain.market import SECOND, Bar, Quote
from tradewrit.domain.times import iso
from tradewrit.errors import DataError

log: Final = logging.getLogger(__name__)

_REPORT_S: Final = 30.0
_REACTION_S: Final = 1.0
_REACTION_SHARE: Final = 4
"""After a close the next open comes no sooner than so many seconds later, or a quarter of a bar if less."""


class Moment(msgspec.Struct, frozen=True):
    """All bars of one time, and the quotes at their close. opened_at, closed_at: UTC ns."""

    opened_at: int
    closed_at: int
    bars: Sequence[Bar]
    quotes: Sequence[Quote] = ()


class Replay:
    """What moves the market of a server.

    moments: rising in time. total: how many there are, for the log. speed: market seconds in a second; None
    for as fast as it goes. waits: begin when the first client listens, not at once.
    """

    def __init__(
        self, moments: Iterable[Moment], *, total: int, speed: float | None = 1.0, waits: bool = False
    ) -> None:
        self._moments = moments
        self._total = total
        self._speed = speed
        self._waits = waits
        self._due = 0.0
        self._reported = 0.0

    async def run(self, venue: Venue, begin: asyncio.Event) -> None:
        """Show every moment that the venue has not seen, then say that it is over.

        begin: set when a client begins to listen. Raises DataError for what does not follow what it has seen.
        """
        if self._waits and not venue.is_over:
            log.info("waiting for a client to listen")
            await begin.wait()
        loop = asyncio.get_running_loop()
        self._due = self._reported = loop.time()
        before: Moment | None = None
        for done, moment in enumerate(self._moments):
            if moment.opened_at <= venue.closed_at:
                continue  # seen by an earlier process
            length = moment.closed_at - moment.opened_at
            late = 0
            if before is not None:
                gap = min(moment.opened_at - before.closed_at, length)
                late = max(self._reaction(length) - gap, 0)
                await self._wait(gap + late)
            if moment.opened_at > venue.opened_at:
                _show(venue, BarsOpened(bars=tuple(moment.bars)))
            await self._wait(length - late)
            _show(venue, BarsClosed(bars=tuple(moment.bars), closed_at=moment.closed_at))
            for quote in moment.quotes:
                _show(venue, Quoted(quote=quote))
            before = moment
            self._tell(venue, done + 1, loop.time())
        if not venue.is_over:
            venue.take(MarketEnded())
            log.info("the data are at their end; orders are still taken")

    def _reaction(self, length: int) -> int:
        """Market ns between a close and the next open in which orders still meet that open."""
        return min(int(_REACTION_S * SECOND * (self._speed or 0.0)), length // _REACTION_SHARE)

    async def _wait(self, market_ns: int) -> None:
        """Let market time pass; a server that fell behind catches up."""
        loop = asyncio.get_running_loop()
        if self._speed is None:
            await asyncio.sleep(0)
            return
        self._due += max(market_ns, 0) / SECOND / self._speed
        await asyncio.sleep(max(self._due - loop.time(), 0.0))

    def _tell(self, venue: Venue, done: int, now: float) -> None:
        if now - self._reported < _REPORT_S and done < self._total:
            return
        self._reported = now
        log.info(
            "%s: %d of %d times shown; equity %s, %d positions, %d working orders, event %d",
            iso(venue.now),
            done,
            self._total,
            venue.equity(),
            len(venue.positions()),
            len(venue.open_orders()),
            venue.record.last,
        )


def _show(venue: Venue, prices: BarsOpened | BarsClosed | Quoted) -> None:
    try:
        venue.take(prices)
    except Impossible as why:
        raise DataError(
            f"{why}: these are other bars than the exchange has seen before; go on with those, or begin anew "
            "with another --state, or --journal"
        ) from None
