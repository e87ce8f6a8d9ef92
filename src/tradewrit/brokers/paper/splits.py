"""A split of shares at the exchange: the account and every working order of the symbol, in the new shares.

Knows no prices but those of the orders.
"""

import msgspec

from tradewrit.brokers.paper.book import Working
from tradewrit.brokers.paper.lifecycle import Lifecycle
from tradewrit.domain.events.corporate import SharesSplit
from tradewrit.domain.events.orders import Exec
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import Price, Qty, canonical_qty
from tradewrit.domain.positions import OPENED_BY
from tradewrit.domain.splits import Ratio


def split_all(life: Lifecycle, split: SharesSplit, instrument: Instrument) -> None:
    """RESTATED for each order, CANCELED for one of which no whole lot is left."""
    life.ledger.split(split.symbol, split.ratio.new, split.ratio.old, split.price)
    life.reports.executions.begin_anew(split.symbol)
    book = life.books.get(split.symbol)
    if book is None:
        return
    for order in list(book):
        if not order.is_live:
            continue  # it ended with its parent, of which the split left less than a lot
        _restate(order, split.ratio, instrument)
        if order.terms.quantity == order.filled:
            life.end(order, Exec.CANCELED, split.at, reason="a split left it less than a lot")
        else:
            life.say_restated(order, split.at)
    life.trim(book, split.at)
    life.touch(book)


def _restate(order: Working, ratio: Ratio, instrument: Instrument) -> None:
    opens = OPENED_BY[order.terms.side.opposite if order.is_reducing else order.terms.side]

    def moved(price: Price) -> Price:
        return ratio.order_price(price, opens, instrument) if price else price

    left = instrument.qty(ratio.quantity(order.terms.quantity - order.filled))
    order.leaves = instrument.qty(ratio.quantity(order.leaves))
    order.filled = ratio.quantity(order.filled)
    parent = order.parent
    if parent is not None and parent.is_live:
        # What its parent holds and what it still buys are rounded apart, and come to less than both at once.
        left = min(left, instrument.qty(parent.terms.quantity - order.filled))
    order.limit, order.stop, order.extreme = moved(order.limit), moved(order.stop), moved(order.extreme)
    order.first = float(ratio.price(instrument.traded(order.first))) if order.first else 0.0
    order.terms = msgspec.structs.replace(
        order.terms,
        quantity=Qty(canonical_qty(order.filled + left)),
        limit_price=None if order.terms.limit_price is None else order.limit,
        stop_price=None if order.terms.stop_price is None else order.stop,
    )
