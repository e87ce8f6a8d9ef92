"""What market_watch hears and says: bars, quotes, ticks, the phase of the session."""

import msgspec

from tradewrit.domain.events.base import Command, Event, MarketEvent, Query
from tradewrit.domain.market import Bar, Interval, MarketStatus, Quote, Tick


class BarsClosed(MarketEvent, frozen=True, kw_only=True, gc=False, tag="market_data.bars.closed"):
    """All bars of one time have closed, and the market shows them. count: how many."""

    count: int = 1


class QuoteReceived(MarketEvent, frozen=True, kw_only=True, gc=False, tag="market_data.quote.received"):
    """A quote as the feed sent it, not yet looked at."""

    quote: Quote


class QuoteUpdated(MarketEvent, frozen=True, kw_only=True, gc=False, tag="market_data.quote.updated"):
    """A sane quote. is_stale: its source time lies further back than the limit allows."""

    quote: Quote
    is_stale: bool = False


class QuoteRefused(MarketEvent, frozen=True, kw_only=True, gc=False, tag="market_data.quote.refused"):
    """A quote nobody may trade on: zero, negative, crossed, not a number, or a wild jump."""

    quote: Quote
    reason: str


class BarRefused(Event, frozen=True, kw_only=True, gc=False, tag="market_data.bar.refused"):
    """An alert: a bar that nobody may trade on. The market does not know it.

    close: as text, since it need not be a number. opened_at: UTC ns.
    """

    symbol: str
    opened_at: int
    close: str
    reason: str


class PriceLevelBelieved(Event, frozen=True, kw_only=True, gc=False, tag="market_data.level.believed"):
    """An alert: prices far away from all before are let in, since so many bars in a row agreed on them.

    bars: how many; 1 where a person had said that they are real.
    """

    symbol: str
    before: float
    close: float
    bars: int


class BelievePrices(Command, frozen=True, kw_only=True, gc=False, tag="market_data.believe"):
    """A person, by name, says that prices which are refused as far away are real: the next bar is let in.

    One that cannot be true, such as a price of zero, stays refused.
    """

    symbol: str
    actor: str
    reason: str


class TickReceived(MarketEvent, frozen=True, kw_only=True, gc=False, tag="market_data.stream.tick"):
    """One trade print from the stream."""

    tick: Tick


class StreamGapDetected(MarketEvent, frozen=True, kw_only=True, gc=False, tag="market_data.stream.gap"):
    """The stream skipped: `expected` was the next sequence number, `received` came."""

    symbol: str
    expected: int
    received: int


class BarsReceived(MarketEvent, frozen=True, kw_only=True, gc=False, tag="market_data.bars.received"):
    """History that was asked for, oldest first. gaps: times (UTC ns) at which a bar is missing."""

    symbol: str
    interval: Interval
    bars: tuple[Bar, ...]
    gaps: tuple[int, ...] = ()


class MarketStatusReported(MarketEvent, frozen=True, kw_only=True, gc=False, tag="market_data.market.status"):
    """The phase of the session, with the next open and close."""

    status: MarketStatus


class SymbolHalted(Event, frozen=True, kw_only=True, gc=False, tag="market_data.symbol.halted"):
    """The venue, or the feed, says that a symbol is paused: a limit-up limit-down or volatility pause, news.

    An outside fact on which decisions hang, so it is journalled. Entries in the symbol are refused and taken
    back, stops stay, and exits wait for the resumption. Saying it twice changes nothing.
    """

    symbol: str
    reason: str = ""


class SymbolHaltLifted(Event, frozen=True, kw_only=True, gc=False, tag="market_data.symbol.resumed"):
    """The venue, or the feed, says that a paused symbol trades again: exits that waited go out."""

    symbol: str


class MaintenanceBegan(Event, frozen=True, kw_only=True, gc=False, tag="market_data.maintenance.began"):
    """The venue's maintenance is about to begin: entries are refused and taken back, stops stay, exits wait.

    begins, ends: as announced, UTC ns. Said again with another end, that counts.
    """

    begins: int
    ends: int


class MaintenanceEnded(Event, frozen=True, kw_only=True, gc=False, tag="market_data.maintenance.ended"):
    """Its time is over and the account has been compared since: exits that waited go out."""


class MarketDataUnavailable(
    MarketEvent, frozen=True, kw_only=True, gc=False, tag="market_data.request.failed"
):
    """What was asked for cannot be had; `reason` says why and what to do."""

    request: str
    symbol: str
    reason: str


class GetQuote(Query, frozen=True, kw_only=True, gc=False, tag="market_data.get_quote"):
    """Asks for the current quote."""

    symbol: str


class GetBars(Query, frozen=True, kw_only=True, gc=False, tag="market_data.get_bars"):
    """Asks for the last `count` completed bars."""

    symbol: str
    interval: Interval
    count: int = 100


class Subscribe(Query, frozen=True, kw_only=True, gc=False, tag="market_data.subscribe"):
    """Asks for the stream of these symbols; asking again changes nothing."""

    symbols: tuple[str, ...]


class CheckMarketStatus(Query, frozen=True, kw_only=True, gc=False, tag="market_data.check_status"):
    """Asks whether the market is open."""


class TimerFired(MarketEvent, frozen=True, kw_only=True, gc=False, tag="runtime.timer.fired"):
    """A time that somebody asked to be told of has come; whoever acts on it journals its own event."""

    timer: str
    subject: str = msgspec.field(default="")
