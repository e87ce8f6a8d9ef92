"""The market side: which working orders meet which part of a bar, or a quote.

Prices are decided by `fills`, consequences by `lifecycle`; here is the order of things. Nothing is
looked at twice: a screen per symbol tells whether a price concerns any of its orders.
"""

from collections.abc import Callable, Sequence

from tradewrit.brokers.paper import fills
from tradewrit.brokers.paper.book import Kind, Part, SymbolBook, Working
from tradewrit.brokers.paper.fills import Span
from tradewrit.brokers.paper.forms import AUCTIONS
from tradewrit.brokers.paper.lifecycle import Lifecycle
from tradewrit.brokers.paper.volume import Volume
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.market import Bar, Quote
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Side, TimeInForce
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.splits import Ratio

Reports = Sequence[ExecutionReport]
_NOT_AT_ONCE = "what could not trade at once is canceled"


class Matching:
    """Shows the market to the orders that wait for it."""

    def __init__(
        self,
        life: Lifecycle,
        marks: Callable[[str], float | None] | None,
        quotes: Callable[[str], Quote | None] | None,
        last_at: Callable[[str], int | None] | None,
    ) -> None:
        self._life = life
        self._marks = marks
        self._quote_now = quotes
        self._last_at = last_at
        self._books = life.books
        self._is_aware = life.sessions.is_aware
        self._last: dict[str, tuple[int, float]] = {}
        self._quotes: dict[str, Quote] = {}
        self._volume = Volume(life.rules.participation_fraction)

    def price_of(self, symbol: str) -> float | None:
        """The last price: ours if it is of the bar in progress, else the caller's, else ours."""
        seen = self._last.get(symbol)
        if seen is not None and (self._marks is None or seen[0] == self._life.now):
            return seen[1]
        marked = None if self._marks is None else self._marks(symbol)
        if marked is not None:
            return marked
        return None if seen is None else seen[1]

    # -- market orders that need not wait

    def take(self, order: Working) -> None:
        """Fill a market order that has just been accepted, where it need not wait for the next first trade.

        Between bars, it does as `market_fills` says. An entry that answers a fill at a bar's first trade
        (the other side of a reversal) trades at that too. Nothing trades where there is no price yet.
        """
        if order.kind is not Kind.MARKET or not order.leaves or order.terms.time_in_force in AUCTIONS:
            return
        if order.terms.symbol in self._life.halted:
            return
        if self._life.part is Part.AFTER:
            self._take_last(order)
        elif self._life.part is Part.OPEN and not order.is_reducing:
            self._take_open(order)

    def _take_last(self, order: Working) -> None:
        printed = self._printed(order)
        if printed is not None and self._is_open(order.terms.symbol):
            slippage = self._life.rules.slippage_bps
            price = fills.market(order.terms.side, printed, order.instrument, slippage)
            self._life.fill(order, order.leaves, price, self._life.now)

    def _is_open(self, symbol: str) -> bool:
        """Whether the last price of a symbol was one of the regular session."""
        if not self._is_aware:
            return True
        seen_at = None if self._last_at is None else self._last_at(symbol)
        if seen_at is None:
            return self._life.sessions.is_open(symbol, self._life.now)
        return self._life.sessions.is_bar_open(symbol, seen_at)

    def _take_open(self, order: Working) -> None:
        bar = self._books[order.terms.symbol].traded_at_open
        if bar is not None and bar.ts == self._life.ts:
            self._attempt(order, Span.at(bar.open), bar.ts, bar.volume)
            self._end_if_at_once(order, bar.ts)

    def _printed(self, order: Working) -> float | None:
        """The price that a market order takes at once; None when it waits."""
        match self._life.rules.market_fills:
            case "next_open":
                return None
            case "close":
                return self.price_of(order.terms.symbol)
            case "quote":
                return self._quoted(order)

    def _quoted(self, order: Working) -> float | None:
        symbol = order.terms.symbol
        quote = self._quotes.get(symbol) if self._quote_now is None else self._quote_now(symbol)
        if quote is None:
            return None
        return quote.ask if order.terms.side is Side.BUY else quote.bid

    # -- bars

    def open(self, bar: Bar) -> Reports:
        """The bar's first trade, met by what was working before it."""
        book = self._books.get(bar.symbol)
        if book is None:
            return ()
        ts, price = bar.ts, bar.open
        self._enter(ts, Part.OPEN)
        if not book.is_eager and book.down < price < book.up and ts < book.expires_at:
            return ()
        self._expire(book, ts)
        if not self._trades(bar):
            return self._life.drain()
        span = Span.at(price)
        for order in book.ranked:
            if order.leaves and order.saw_open_of(ts) and _wants_open(order, ts):
                if _yields_to_stop(book, order, bar):
                    continue
                filled = order.filled
                self._attempt(order, span, ts, bar.volume)
                self._end_if_at_once(order, ts)
                if order.filled > filled:
                    book.traded_at_open = bar
        return self._life.drain()

    def trade(self, bar: Bar) -> Reports:
        """The rest of the bar, met by what rests in the book."""
        book = self._books.get(bar.symbol)
        if book is None:
            return ()
        self._enter(bar.ts, Part.INSIDE)
        if bar.low > book.down and bar.high < book.up:
            return ()
        if not self._trades(bar):
            return ()
        span = Span.of(bar)
        for order in book.ranked:
            is_waiting = order.leaves and order.is_resting and order.kind is not Kind.MARKET
            if is_waiting and order.sees_inside_of(bar.ts):
                self._attempt(order, span, bar.ts, bar.volume)
        return self._life.drain()

    def close(self, bar: Bar) -> Reports:
        """The bar's end."""
        book = self._books.get(bar.symbol)
        if book is None:
            return ()
        self._enter(bar.ts, Part.AFTER)
        sessions = self._life.sessions
        if book.wants_close and (not self._is_aware or sessions.is_bar_open(bar.symbol, bar.ts)):
            is_halted = bar.symbol in self._life.halted
            if not is_halted:
                self._trade_close(book, bar)
            self._end_bar(book, bar, is_halted=is_halted)
        self._last[bar.symbol] = (bar.ts, bar.close)
        if not book.orders:
            del self._books[bar.symbol]
        return self._life.drain()

    def _trades(self, bar: Bar) -> bool:
        """Whether a bar is of the session, and its symbol not halted."""
        is_open = not self._is_aware or self._life.sessions.is_bar_open(bar.symbol, bar.ts)
        return is_open and bar.symbol not in self._life.halted

    def _trade_close(self, book: SymbolBook, bar: Bar) -> None:
        ts, sessions = bar.ts, self._life.sessions
        ends_at = sessions.end_of(ts)
        for order in book.ranked:
            if order.leaves and order.kind in _STOPS and order.was_born_inside(ts):
                self._attempt(order, Span(order.first, bar.low, bar.high), ts, bar.volume)
        for order in book.ranked:
            is_auction = order.terms.time_in_force is TimeInForce.ON_CLOSE
            if order.leaves and is_auction and order.saw_end_of(ts) and order.due_at <= ends_at:
                self._attempt(order, Span.at(bar.close), ts, bar.volume)
                self._end_if_at_once(order, ts)

    def _end_bar(self, book: SymbolBook, bar: Bar, *, is_halted: bool) -> None:
        ts, sessions = bar.ts, self._life.sessions
        for order in list(book):
            if not order.saw_end_of(ts):
                continue
            is_day = order.terms.time_in_force is TimeInForce.DAY
            if is_day and sessions.is_over_after_bar(order.expires_at, ts):
                self._life.end(order, Exec.EXPIRED, ts, reason="its day is over")
                continue
            if order.is_trailing and order.leaves and not (order.is_triggered or is_halted):
                self._trail(order, bar)
                self._life.touch(book)
            if order.born_part is Part.INSIDE:  # the bar of its birth is over: nothing special any more
                order.born_part = Part.AFTER
                self._life.touch(book)

    def _trail(self, order: Working, bar: Bar) -> None:
        if order.was_born_inside(bar.ts):
            best = bar.close  # the extreme may have been before its time; the close was not
        else:
            best = bar.high if order.terms.side is Side.SELL else bar.low
        self._pull(order, best)

    def _pull(self, order: Working, best: float) -> None:
        price = order.instrument.traded(best)
        if order.extreme:
            price = fills.tighter(order.terms.side, price, order.extreme)
        self._life.follow(order, price)

    # -- quotes

    def quote(self, quote: Quote) -> Reports:
        """The same order types against bid and ask."""
        book = self._books.get(quote.symbol)
        if book is None:
            return ()
        ts = quote.ts
        self._enter(ts, Part.AFTER)
        self._last[quote.symbol] = (ts, quote.mid)
        self._quotes[quote.symbol] = quote
        self._expire(book, ts)
        is_open = not self._is_aware or self._life.sessions.is_open(quote.symbol, ts)
        if is_open and quote.symbol not in self._life.halted:
            for order in book.ranked:
                if order.leaves and _wants_open(order, ts):
                    self._meet(order, quote)
        self._life.drop_if_empty(quote.symbol)
        return self._life.drain()

    def _meet(self, order: Working, quote: Quote) -> None:
        is_buy = order.terms.side is Side.BUY
        price, size = (quote.ask, quote.ask_size) if is_buy else (quote.bid, quote.bid_size)
        # No size is no limit: many feeds quote none.
        self._attempt(order, Span.at(price), quote.ts, size or None, is_quote=True)
        self._end_if_at_once(order, quote.ts)
        if order.leaves and order.is_trailing and not order.is_triggered:
            self._pull(order, price)
            self._life.touch(self._books[quote.symbol])

    def session_closed(self, at: int) -> Reports:
        """The session ended at `at`; orders accepted from then on belong to the next."""
        # The bar in progress stays what it was: the next one may open at this very moment.
        self._life.told_at, self._life.part = max(self._life.told_at, at), Part.AFTER
        for order in list(self._life.orders.values()):
            terms = order.terms
            last = self._quotes.get(terms.symbol)
            is_due = terms.time_in_force is TimeInForce.ON_CLOSE and order.accepted_at < at
            if is_due and order.leaves and last is not None and terms.symbol not in self._life.halted:
                price = last.ask if terms.side is Side.BUY else last.bid
                self._attempt(order, Span.at(price), at, None, is_quote=True)
            was_there = order.is_live and order.accepted_at < at
            if was_there and terms.time_in_force in _ENDS_WITH_SESSION:
                self._life.end(order, Exec.EXPIRED, at, reason="its session is over")
            self._life.drop_if_empty(terms.symbol)
        return self._life.drain()

    def split(self, symbol: str, ratio: Ratio) -> None:
        """Prices seen before a split are remembered in the new shares."""
        quote = self._quotes.get(symbol)
        if quote is not None:
            self._quotes[symbol] = ratio.quote(quote)
        seen = self._last.get(symbol)
        if seen is not None:
            self._last[symbol] = (seen[0], ratio.rough_price(seen[1]))

    # -- one order

    def _attempt(
        self, order: Working, span: Span, at: int, volume: float | None, *, is_quote: bool = False
    ) -> None:
        """Fill what `span` lets this order have."""
        price = self._price(order, span, is_quote=is_quote)
        if price is None:
            return
        quantity = order.leaves
        available = self._volume.left(order.instrument, at, volume)
        if available is not None and available < quantity:
            if order.terms.time_in_force is TimeInForce.FOK:
                return
            quantity = available
        if quantity <= 0:
            return
        if available is not None:
            self._volume.take(order.terms.symbol, at, quantity)
        self._last[order.terms.symbol] = (self._life.ts, float(price))
        self._life.fill(order, quantity, price, at)

    def _price(self, order: Working, span: Span, *, is_quote: bool) -> Price | None:
        side, instrument, rules = order.terms.side, order.instrument, self._life.rules
        match order.kind:
            case Kind.MARKET:
                return fills.market(side, span.first, instrument, rules.slippage_bps)
            case Kind.LIMIT:
                # A quote is an offer to trade: it needs no trade beyond the limit.
                through = rules.is_through and not is_quote
                return fills.limit(side, order.limit, span, instrument, through=through)
            case Kind.STOP:
                if not order.stop:
                    self._life.follow(order, instrument.traded(span.first))
                    self._life.touch(self._books[order.terms.symbol])
                    return None
                price = fills.stop(side, order.stop, span, instrument, rules.slippage_bps)
                if price is not None:
                    self._trigger(order)
                return price
            case Kind.STOP_LIMIT:
                price = fills.stop_trigger(side, order.stop, span, instrument)
                if price is None:
                    return None
                self._trigger(order)
                return price if fills.is_within(side, order.limit, price) else None

    def _trigger(self, order: Working) -> None:
        """From here on it is a market or a limit order."""
        order.is_triggered = True
        self._life.touch(self._books[order.terms.symbol])

    def _end_if_at_once(self, order: Working, at: int) -> None:
        if order.is_live and order.leaves and not order.is_resting:
            self._life.end(order, Exec.CANCELED, at, reason=_NOT_AT_ONCE, code=Rejection.UNFILLABLE)

    def _expire(self, book: SymbolBook, at: int) -> None:
        if at < book.expires_at:
            return
        for order in list(book):
            if at >= order.expires_at:
                self._life.end(order, Exec.EXPIRED, at, reason="its day is over")

    def _enter(self, ts: int, part: Part) -> None:
        self._life.ts, self._life.part = ts, part


_STOPS = frozenset({Kind.STOP, Kind.STOP_LIMIT})
_ENDS_WITH_SESSION = frozenset({TimeInForce.DAY, TimeInForce.ON_OPEN, TimeInForce.ON_CLOSE})


def _yields_to_stop(book: SymbolBook, order: Working, bar: Bar) -> bool:
    """Whether a target gapped over waits, because the same bar touches the stop of its OCO group.

    Stop before target when one bar touches both, wherever it opened: the less kind of the two readings.
    """
    if order.kind is not Kind.LIMIT or not order.is_reducing or order.terms.oco is None:
        return False
    return any(
        other.leaves
        and other.stop
        and other.kind in _STOPS
        and fills.is_stop_hit(other.terms.side, other.stop, Span.of(bar))
        for other in book.group(order)
    )


def _wants_open(order: Working, ts: int) -> bool:
    return order.terms.time_in_force is not TimeInForce.ON_CLOSE and order.due_at <= ts
