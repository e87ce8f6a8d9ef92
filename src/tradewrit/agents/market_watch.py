"""market_watch: prices in, sane prices out. Stateless; it writes nothing into any journal.

Knows no account and no strategy. It alone asks for market data.
"""

import math
from typing import Final, assert_never

from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.effects import FetchBars, FetchMarketStatus, FetchQuote, OpenStream
from tradewrit.domain.events.market import (
    CheckMarketStatus,
    GetBars,
    GetQuote,
    QuoteReceived,
    QuoteRefused,
    QuoteUpdated,
    StreamGapDetected,
    Subscribe,
    TickReceived,
)
from tradewrit.domain.market import SECOND, Bar, Quote
from tradewrit.domain.signals import Market
from tradewrit.risk.oddities import wild

NAME: Final = "market_watch"
Hears = GetQuote | GetBars | Subscribe | CheckMarketStatus | QuoteReceived | TickReceived


def decide(books: Books, market: Market, event: Hears) -> Decision:
    """Turn requests into reads, and raw quotes and ticks into ones that may be traded on."""
    match event:
        case GetQuote(symbol=symbol):
            return Decision(effects=(FetchQuote(symbol=symbol),))
        case GetBars(symbol=symbol, interval=interval, count=count):
            return Decision(effects=(FetchBars(symbol=symbol, interval=interval, count=count),))
        case Subscribe(symbols=symbols):
            return Decision(effects=tuple(OpenStream(symbol=symbol) for symbol in symbols))
        case CheckMarketStatus():
            return Decision(effects=(FetchMarketStatus(),))
        case QuoteReceived(quote=quote, at=at):
            return _judge(books, market, quote, at)
        case TickReceived():
            return _count(market, event)
        case _:
            assert_never(event)


def _judge(books: Books, market: Market, quote: Quote, at: int) -> Decision:
    reason = defect(quote, market.last(quote.symbol))
    if reason is not None:
        return Decision((QuoteRefused(at=at, quote=quote, reason=reason),))
    is_stale = at - quote.ts > books.limits.max_price_age_s * SECOND
    return Decision((QuoteUpdated(at=at, quote=quote, is_stale=is_stale),))


def defect(quote: Quote, last: float) -> str | None:
    """Why nobody may trade on this quote; None when it is sane. last: the price before, NaN for none."""
    bid, ask = quote.bid, quote.ask
    if not (math.isfinite(bid) and math.isfinite(ask)):
        return "not a number"
    if bid <= 0 or ask <= 0:
        return "zero or negative"
    if bid > ask:
        return "crossed: bid above ask"
    return wild(quote.mid, last)


def bar_defect(bar: Bar) -> str | None:
    """Why a bar cannot be true, whatever came before it; None when it can."""
    prices = (bar.open, bar.high, bar.low, bar.close)
    if not all(map(math.isfinite, (*prices, bar.volume))):
        return "not a number"
    if min(prices) <= 0:
        return "zero or negative"
    if bar.high < bar.low:
        return "high below low"
    if not (bar.low <= bar.close <= bar.high and bar.low <= bar.open <= bar.high):
        return "open or close outside low to high"
    return None


def _count(market: Market, event: TickReceived) -> Decision:
    tick = event.tick
    before = market.sequence(tick.symbol)
    if before == 0 or tick.sequence <= before + 1:  # a number from before is a late or repeated print
        return NOTHING
    gap = StreamGapDetected(at=event.at, symbol=tick.symbol, expected=before + 1, received=tick.sequence)
    return Decision((gap,))
