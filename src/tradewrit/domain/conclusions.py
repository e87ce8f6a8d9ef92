"""What is concluded about one order, as an event: it works, it filled, it ended; or the venue is asked first.

The words only: whether an order may move so is `domain.reports`' to look up, and what a silence means is
`risk.doubts`'.
"""

from decimal import Decimal

from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.effects import AskVenue
from tradewrit.domain.events.orders import (
    Exec,
    ExecutionReport,
    FeePending,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderInDoubt,
    OrderModified,
    OrderPartiallyFilled,
    OrderRejected,
    OrderRestated,
    OrderUnknown,
    ReportQuarantined,
)
from tradewrit.domain.events.positions import TradeAborted
from tradewrit.domain.money import Price, canonical_qty
from tradewrit.domain.orders import On, Order, can
from tradewrit.domain.twins import known


def unproven(order: Order, at: int, reason: str) -> Decision:
    """This request did nothing; of one that was sent before and not answered it proves nothing."""
    if not can(order.state, On.LOSE):
        return NOTHING  # the other has got through meanwhile
    unknown = OrderUnknown(at=at, trace=order.terms.trade_id, client_order_id=order.id, reason=reason)
    return Decision((unknown,), (ask(order),))


def rejected(order: Order, at: int, code: str, reason: str) -> Decision:
    """The order will not trade."""
    terms = order.terms
    event = OrderRejected(
        at=at,
        trace=terms.trade_id,
        client_order_id=order.id,
        trade_id=terms.trade_id,
        symbol=terms.symbol,
        role=terms.role,
        code=code,
        reason=reason,
    )
    return Decision((event,))


def over(order: Order, report: ExecutionReport) -> OrderCancelled | OrderExpired:
    """The venue, asked, says that the order has ended; `report.code` says how."""
    if report.code == Exec.EXPIRED:
        return expired(order, report)
    return cancelled(order, report.at, report.reason)


def cancelled(order: Order, at: int, reason: str) -> OrderCancelled:
    """The order is over, with what it has filled."""
    terms = order.terms
    return OrderCancelled(
        at=at,
        trace=terms.trade_id,
        client_order_id=order.id,
        trade_id=terms.trade_id,
        symbol=terms.symbol,
        role=terms.role,
        filled=order.filled,
        reason=reason,
    )


def whole(order: Order, at: int) -> Decision:
    """It is over, if nothing of it was left when a change or a cancel of it was answered."""
    if order.remaining > 0:
        return NOTHING
    return Decision((cancelled(order, at, "it had filled whole before that was answered"),))


def accepted(order: Order, report: ExecutionReport) -> OrderAccepted:
    """The venue has it, and works it."""
    return works(order, report.at, report.broker_order_id)


def works(order: Order, at: int, broker_order_id: str = "") -> OrderAccepted:
    """The same, where it is known by what another order of its list did."""
    return OrderAccepted(
        at=at,
        trace=order.terms.trade_id,
        client_order_id=order.id,
        broker_order_id=broker_order_id,
        symbol=order.terms.symbol,
        role=order.terms.role,
    )


def filled(
    order: Order, report: ExecutionReport, price: Decimal, cumulative: Decimal, fee: Decimal, *, is_last: bool
) -> OrderPartiallyFilled:
    """Some of it traded, or the rest; fee: in account currency. cumulative: filled so far, by our own sum."""
    terms = order.terms
    kind = OrderFilled if is_last else OrderPartiallyFilled
    return kind(
        at=report.at,
        trace=terms.trade_id,
        client_order_id=order.id,
        trade_id=terms.trade_id,
        symbol=terms.symbol,
        side=terms.side,
        role=terms.role,
        exec_id=report.exec_id,
        quantity=canonical_qty(report.last_quantity),
        price=price,  # type: ignore[arg-type]  # narrowed from the report's Price
        cumulative=cumulative,
        fee=fee,
        settles_at=report.settles_at,
        is_late=not order.is_live,
        agent_id=order.agent_id,
        token_id=order.token_id,
    )


def fee_pending(order: Order, report: ExecutionReport) -> FeePending:
    """What the fill cost cannot be said yet."""
    return FeePending(
        at=report.at,
        trace=order.terms.trade_id,
        exec_id=report.exec_id,
        trade_id=order.terms.trade_id,
        symbol=order.terms.symbol,
        fee=report.fee,
        fee_currency=report.fee_currency,
    )


def expired(order: Order, report: ExecutionReport) -> OrderExpired:
    """Its time is over, with what it has filled."""
    terms = order.terms
    return OrderExpired(
        at=report.at,
        trace=terms.trade_id,
        client_order_id=order.id,
        trade_id=terms.trade_id,
        symbol=terms.symbol,
        role=terms.role,
        filled=order.filled,
    )


def modified(order: Order, report: ExecutionReport) -> OrderModified:
    """It works under new terms; what the report does not name stays."""
    terms = order.terms
    return OrderModified(
        at=report.at,
        trace=terms.trade_id,
        client_order_id=order.id,
        trade_id=terms.trade_id,
        role=terms.role,
        version=order.version + 1,
        quantity=terms.quantity if report.quantity is None else canonical_qty(report.quantity),
        limit_price=terms.limit_price if report.limit_price is None else report.limit_price,
        stop_price=terms.stop_price if report.stop_price is None else report.stop_price,
        broker_order_id=report.broker_order_id or order.broker_order_id,
    )


def restated(
    order: Order,
    at: int,
    quantity: Decimal,
    filled: Decimal,
    limit_price: Price | None,
    stop_price: Price | None,
) -> OrderRestated:
    """It has been other than the books had it; quantity: whole, `filled` included."""
    terms = order.terms
    return OrderRestated(
        at=at,
        trace=terms.trade_id,
        client_order_id=order.id,
        trade_id=terms.trade_id,
        symbol=terms.symbol,
        role=terms.role,
        quantity=canonical_qty(quantity),
        filled=canonical_qty(filled),
        limit_price=limit_price,
        stop_price=stop_price,
    )


def aborted(trade_id: str, symbol: str, at: int, outcome: str, reason: str) -> TradeAborted:
    """A trade is over that never held anything. outcome: aborted, rejected or expired."""
    return TradeAborted(
        at=at, trace=trade_id, trade_id=trade_id, symbol=symbol, outcome=outcome, reason=reason
    )


def ask(order: Order) -> AskVenue:
    """The question what became of it."""
    return AskVenue(
        trace=order.terms.trade_id,
        symbol=order.terms.symbol,
        client_order_id=order.id,
        since=order.sent_at,
        known=known(order).ids,
    )


def doubted(order: Order, at: int, reason: str) -> Decision:
    """The venue may know better than the books: it is asked."""
    trace, times = order.terms.trade_id, order.doubts
    doubt = OrderInDoubt(at=at, trace=trace, client_order_id=order.id, times=times, reason=reason)
    return Decision((doubt,), (ask(order),))


def quarantine(report: ExecutionReport, state: str, reason: str, trace: str = "") -> Decision:
    """The report is put aside whole, to be reconciled. state: the order's, or why there is none."""
    trace = trace or report.trace
    return Decision(
        (ReportQuarantined(at=report.at, trace=trace, report=report, state=state, reason=reason),)
    )
