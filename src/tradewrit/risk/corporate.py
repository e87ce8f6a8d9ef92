"""What a split and a delisting do to an open trade: its stop and target restated, or the trade closed.

Facts in, events out. Used by the position keeper. Knows no cash: lots and payments are booked already.
"""

from collections.abc import Iterable, Iterator

from tradewrit.domain.books import Books
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import DelistingBooked, SplitBooked
from tradewrit.domain.events.orders import OrderRestated
from tradewrit.domain.events.positions import ProtectionRestated
from tradewrit.domain.money import Price
from tradewrit.domain.trades import Trade
from tradewrit.risk.closing import LEAVING, close, signal_exit
from tradewrit.risk.protection import fit_order, held


def split(books: Books, event: SplitBooked) -> Iterable[Event]:
    """Stop and target keep their distance; the venue restates its orders. What is gone is closed."""
    trade = books.trade_in(event.symbol)
    if trade is None or not trade.opened_at:
        return ()
    return _split(books, trade, event)


def _split(books: Books, trade: Trade, event: SplitBooked) -> Iterator[Event]:
    instrument = books.instrument(trade.symbol)

    def moved(price: Price | None) -> Price | None:
        return None if price is None else event.ratio.order_price(price, trade.direction, instrument)

    yield ProtectionRestated(
        at=event.at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        stop_price=moved(trade.stop_price),
        target_price=moved(trade.target_price),
        extreme=moved(trade.extreme),
    )
    if not held(books, trade):
        yield signal_exit(trade, "split", event.price, event.at)
        yield from close(books, trade, event.at, "split")


def delisted(books: Books, event: DelistingBooked) -> Iterable[Event]:
    """What was paid out is closed."""
    trade = books.trade_in(event.symbol)
    if trade is None or not trade.opened_at:
        return ()
    closing = close(books, trade, event.at, "delisted")
    return (signal_exit(trade, "delisted", event.price, event.at), *closing)


def restated(books: Books, event: OrderRestated) -> Iterable[Event]:
    """The venue may have rounded otherwise: what protects must cover all that is held."""
    order, trade = books.orders.get(event.client_order_id), books.trades.get(event.trade_id)
    if order is None or trade is None or not trade.opened_at or trade.state in LEAVING:
        return ()
    return fit_order(books, trade, order, event.at)
