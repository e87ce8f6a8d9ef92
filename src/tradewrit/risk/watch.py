"""What the market asks of an open trade: leave, tighten the stop, or nothing.

The same answers for the keeper that acts on them and for whoever only asks.
"""

from tradewrit.domain.books import Books
from tradewrit.domain.market import SECOND, Quote
from tradewrit.domain.money import Price
from tradewrit.domain.signals import Market
from tradewrit.domain.trades import Trade
from tradewrit.risk.exits import hit, trailed_stop


def due(market: Market, trade: Trade, price: Price) -> str | None:
    """Why to leave at this price: `stop`, `target` or `time`, in that order; None to stay."""
    reached = hit(trade.direction, price, trade.stop_price, trade.target_price)
    if reached is not None:
        return reached
    return "time" if is_time_up(market, trade) else None


def needs_watching(books: Books, trade: Trade) -> bool:
    """Whether a bar can ask anything of a held trade: a trail, a time limit, or a target left to us."""
    if not books.capabilities.oco:
        return True
    sized = trade.sized
    return sized is not None and (
        sized.proposal.trail_fraction is not None or sized.proposal.max_bars is not None
    )


def is_at_target(books: Books, trade: Trade, price: Price) -> bool:
    """Whether we have to act on the target ourselves: the venue has no OCO to leave it to."""
    return not books.capabilities.oco and hit(trade.direction, price, None, trade.target_price) is not None


def is_time_up(market: Market, trade: Trade) -> bool:
    """Whether the trade has been held for as many completed bars as it was meant to."""
    sized = trade.sized
    limit = None if sized is None else sized.proposal.max_bars
    if limit is None or not trade.opened_at:
        return False
    return market.bars_since(trade.symbol, trade.opened_at) >= limit


def is_first_of_second(market: Market, quote: Quote) -> bool:
    """Whether no other quote of the symbol was taken in the same second of the source's clock.

    market: as it was before this quote.
    """
    before = market.quote(quote.symbol)
    return before is None or before.ts // SECOND != quote.ts // SECOND


def best_price(books: Books, market: Market, trade: Trade) -> Price | None:
    """The best price of the last completed bar: its high for a long, its low for a short.

    None where that bar began before the trade was opened: its extreme may be older than the position.
    """
    bar = market.bar(trade.symbol)
    if bar is None or bar.ts < trade.opened_at:
        return None
    return books.instrument(trade.symbol).traded(bar.high if trade.direction.sign > 0 else bar.low)


def trailed(books: Books, market: Market, trade: Trade) -> Price | None:
    """Where a trailing stop belongs after the last bar; None when it does not move, or does not trail."""
    sized, best = trade.sized, best_price(books, market, trade)
    if sized is None or best is None or trade.stop_price is None or not trade.opened_at:
        return None
    fraction = sized.proposal.trail_fraction
    if fraction is None:
        return None
    instrument = books.instrument(trade.symbol)
    return trailed_stop(trade.direction, best, fraction, trade.stop_price, instrument)
