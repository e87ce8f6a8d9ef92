"""Reports of orders that no open trade has: another's trades in the account, and ours that came back to life.

Used by the executor. Knows nothing of orders that are open: those are `domain.reports`'.
"""

from tradewrit.domain.books import Books, Lapsed
from tradewrit.domain.conclusions import quarantine
from tradewrit.domain.decisions import Decision
from tradewrit.domain.events.account import ExternalTraded
from tradewrit.domain.events.orders import CancelOrder, ExecutionReport, OrderAccepted
from tradewrit.domain.events.positions import TradeRevived
from tradewrit.domain.fees import in_account_currency
from tradewrit.domain.money import ZERO, canonical_qty
from tradewrit.domain.positions import Fill


def unwanted(lapsed: Lapsed, at: int, broker_order_id: str = "") -> Decision:
    """An entry that was given up for lost works after all, and nobody wants it any more: it is cancelled."""
    order, trade = lapsed.order, lapsed.trade
    works = OrderAccepted(
        at=at,
        trace=trade.id,
        client_order_id=order.id,
        broker_order_id=broker_order_id,
        symbol=trade.symbol,
        role=order.terms.role,
    )
    cancel = CancelOrder(
        at=at, trace=trade.id, client_order_id=order.id, reason="it arrived after it was given up"
    )
    return Decision((revived(lapsed, at, is_open=True), works, cancel))


def revived(lapsed: Lapsed, at: int, *, is_open: bool) -> TradeRevived:
    """Its trade is open again. is_open: the order may still trade."""
    trade = lapsed.trade
    return TradeRevived(
        at=at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        client_order_id=lapsed.order.id,
        is_open=is_open,
    )


def external(books: Books, report: ExecutionReport) -> Decision:
    """A fill of an order that nobody here ever placed: somebody else trades in the account."""
    price = report.last_price
    if price is None or price <= 0 or report.last_quantity <= 0 or report.side is None or not report.symbol:
        return quarantine(report, "none", "a fill of an unknown order, without all it takes to book it")
    fee = in_account_currency(report.fee, report.fee_currency, report.fee_rate, books.currency)
    fill = Fill(
        trade_id="",
        symbol=report.symbol,
        side=report.side,
        quantity=canonical_qty(report.last_quantity),
        price=price,
        fee=fee or ZERO,
        at=report.at,
        settles_at=report.settles_at,
    )
    traded = ExternalTraded(
        at=report.at, exec_id=report.exec_id, client_order_id=report.client_order_id, fill=fill
    )
    return Decision((traded,))
