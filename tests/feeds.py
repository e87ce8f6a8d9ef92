"""A feed that answers from a table."""

from collections.abc import Mapping, Sequence

from tradewrit.domain.effects import Effect, FetchBars, FetchMarketStatus, FetchQuote, OpenStream
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import (
    BarsReceived,
    MarketDataUnavailable,
    MarketStatusReported,
    QuoteReceived,
)
from tradewrit.domain.market import Bar, MarketPhase, MarketStatus, Quote


class TableFeed:
    """Knows these quotes and bars, and nothing else. streams: what has been opened, each once."""

    def __init__(self, quotes: Mapping[str, Quote] | None = None, bars: Sequence[Bar] = ()) -> None:
        self._quotes = dict(quotes or {})
        self._bars = tuple(bars)
        self.streams: dict[str, None] = {}

    def answer(self, request: Effect, now: int) -> Sequence[Event]:
        """The `Feed` port."""
        match request:
            case FetchQuote(symbol=symbol) if symbol in self._quotes:
                return (QuoteReceived(at=now, quote=self._quotes[symbol]),)
            case FetchBars(symbol=symbol, interval=interval, count=count):
                bars = tuple(bar for bar in self._bars if bar.symbol == symbol)[-count:]
                return (BarsReceived(at=now, symbol=symbol, interval=interval, bars=bars),)
            case OpenStream(symbol=symbol):
                self.streams[symbol] = None
                return ()
            case FetchMarketStatus():
                status = MarketStatus(MarketPhase.OPEN, now, now + 2, now + 1)
                return (MarketStatusReported(at=now, status=status),)
            case _:
                reason = f"no price of {request.subject} is known here"
                return (
                    MarketDataUnavailable(at=now, request="quote", symbol=request.subject, reason=reason),
                )
