"""Reports of orders that no open trade has: another's trades in the account, and ours that came back to life.

Used by the executor. Knows nothing of orders that are open: those are `domain.reports`'.
"""

from tradewrit.domain.books import Books, Lapsed
from tradewrit.domain.conclusions import ask, quarantine, works
from tradewrit.domain.decisions import Decision
from tradewrit.domain.events.account import ExternalTraded
from tradewrit.domain.events.orders import CancelOrder, ExecutionReport, OrderInDoubt
from tradewrit.domain.events.positions import TradeRevived
from tradewrit.domain.fees import in_account_currency
from tradewrit.domain.money import ZERO, Price, canonical_qty
from tradewrit.domain.orders import Order, Side
from tradewrit.domain.positions import Fill


def unwanted(lapsed: Lapsed, at: int, broker_order_id: str = "") -> Decision:
    """An entry that was given up for lost works after all, and nobody wants it any more: it is cancelled."""
    entry, trade = lapsed.entry, lapsed.trade
    cancel = CancelOrder(
        at=at, trace=trade.id, client_order_id=entry.id, reason="it arrived after it was given up"
    )
    back = revived(lapsed, entry, at, is_open=True)
    return Decision((back, works(entry, at, broker_order_id), cancel))


def recalled(lapsed: Lapsed, order: Order, at: int) -> Decision:
    """An order of its trade has filled, or may have, and not all of that was told: the venue is asked.

    What a leg traded its entry had brought, so the entry is asked about first; what was heard of the leg is
    taken in when it is told again, after that.
    """
    entry = lapsed.entry
    doubt = OrderInDoubt(
        at=at,
        trace=lapsed.trade.id,
        client_order_id=entry.id,
        times=0,
        reason="it was taken for dead, and has filled",
    )
    back = revived(lapsed, order, at, is_open=True)
    return Decision((back, works(entry, at), doubt), (ask(entry),))


def revived(lapsed: Lapsed, order: Order, at: int, *, is_open: bool) -> TradeRevived:
    """Its trade is open again, with all that left for it. order: the one that says so. is_open: it may trade.

    What was given up with it is in doubt again.
    """
    trade, entry = lapsed.trade, lapsed.entry
    others = [lapsed.orders[key] for key in sorted(lapsed.orders) if key != order.id]
    asked = [other for other in others if other.is_given_up or other.id == entry.id]
    return TradeRevived(
        at=at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        client_order_id=order.id,
        is_open=is_open,
        orders=tuple(other.id for other in others),
        asked=tuple(other.id for other in asked),
    )


def external(books: Books, report: ExecutionReport) -> Decision:
    """A fill of an order that nobody here ever placed: somebody else trades in the account."""
    price = report.last_price
    if price is None or price <= 0 or report.last_quantity <= 0 or report.side is None or not report.symbol:
        return quarantine(report, "none", "a fill of an unknown order, without all it takes to book it")
    fill = unclaimed(books, report, report.symbol, report.side, price)
    traded = ExternalTraded(
        at=report.at, exec_id=report.exec_id, client_order_id=report.client_order_id, fill=fill
    )
    return Decision((traded,))


def unclaimed(books: Books, report: ExecutionReport, symbol: str, side: Side, price: Price) -> Fill:
    """What a report says was traded, in no trade of ours so far. A fee at no known rate is left out."""
    fee = in_account_currency(report.fee, report.fee_currency, report.fee_rate, books.currency)
    return Fill(
        trade_id="",
        symbol=symbol,
        side=side,
        quantity=canonical_qty(report.last_quantity),
        price=price,
        fee=fee or ZERO,
        at=report.at,
        settles_at=report.settles_at,
    )
