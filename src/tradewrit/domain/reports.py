"""What a venue's execution report means for an order in the books. Used by the executor alone.

A report is believed only if the order's table has the move; anything else is quarantined whole, to
be reconciled, never dropped and never acted on.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from tradewrit.domain.books import Books, Lapsed
from tradewrit.domain.corrections import restated
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.defects import defect
from tradewrit.domain.effects import AskVenue
from tradewrit.domain.events.account import ExternalTraded, TransitionRefused
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import (
    CORRECTIONS,
    CancelOrder,
    CancelRefused,
    Exec,
    ExecutionReport,
    FeePending,
    FillCorrected,
    ModifyRefused,
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
from tradewrit.domain.events.positions import TradeAborted, TradeRevived
from tradewrit.domain.executions import contradicts, find
from tradewrit.domain.fees import in_account_currency
from tradewrit.domain.ids import is_ours
from tradewrit.domain.money import ZERO, Price, canonical_qty
from tradewrit.domain.orders import On, Order, OrderState, Role, can
from tradewrit.domain.positions import Fill
from tradewrit.domain.rejections import UNSENT, Rejection


def interpret(books: Books, report: ExecutionReport) -> Decision:
    """The facts a report of the venue amounts to; a quarantine when it fits nothing we know.

    What the desk itself says of a question or a write that was lost, and a venue that knows nothing of an
    order it is to cancel, is `risk.doubts`.
    """
    if report.kind in CORRECTIONS:
        return _corrected(books, report)
    if report.kind is Exec.TRADE:
        if contradicts(books.executions, report.exec_id, report.last_quantity, report.last_price):
            reason = f"{report.exec_id} was reported before with another quantity or price, and not corrected"
            return _quarantine(report, "booked", reason)
        early = books.early.get(report.exec_id)
        if early is not None:
            return _foretold(books, report, early)
    order = books.orders.get(report.client_order_id)
    if wrong := defect(report, None if order is None else order.terms):
        if order is None:
            return _quarantine(report, "none", wrong)
        return _quarantine(report, order.state, wrong, order.terms.trade_id)
    if order is None:
        return _late(books, report)
    match report.kind:
        case Exec.TRADE:
            return _trade(books, order, report)
        case Exec.NEW:
            # A second acknowledgement says nothing new; the report itself is on record.
            return Decision((_accepted(order, report),)) if can(order.state, On.ACCEPT) else NOTHING
        case Exec.CANCELED:
            return _move(order, report, On.CANCEL, cancelled(order, report.at, report.reason))
        case Exec.EXPIRED:
            return _move(order, report, On.EXPIRE, _expired(order, report))
        case Exec.REJECTED if order.resent and report.code in UNSENT:
            return unproven(order, report.at, report.reason)
        case Exec.REJECTED:
            if not can(order.state, On.REJECT):
                return _impossible(order, report, On.REJECT)
            return rejected(order, report.at, report.code, report.reason)
        case Exec.CANCEL_REJECTED if order.state is not OrderState.PENDING_CANCEL:
            return NOTHING
        case Exec.CANCEL_REJECTED:
            return _not_cancelled(order, report)
        case Exec.REPLACED if not order.is_live:
            return NOTHING  # overtaken by its end; the report itself is on record
        case Exec.REPLACED:
            return _move(order, report, On.REPLACE, _modified(order, report))
        case Exec.REPLACE_REJECTED if order.state is not OrderState.PENDING_REPLACE:
            return NOTHING  # settled meanwhile; the report itself is on record
        case Exec.REPLACE_REJECTED:
            kept = ModifyRefused(
                at=report.at,
                trace=order.terms.trade_id,
                client_order_id=order.id,
                reason=report.reason,
                is_answer=True,
                is_unsent=report.code in UNSENT,
            )
            return Decision((kept,))
        case Exec.RESTATED:
            return _restated(order, report)
        case Exec.CORRECTED | Exec.BUSTED | Exec.UNKNOWN | Exec.ABSENT | Exec.ANSWERED | Exec.UNANSWERED:
            return NOTHING


def _corrected(books: Books, report: ExecutionReport) -> Decision:
    """A fill was other than reported, or none: the difference is booked, where it can be known."""
    known = find(books.executions, report.corrects)
    if known is None:
        reason = f"no fill that can still be corrected is called {report.corrects!r}"
        return _quarantine(report, "none", reason)
    fill = known.fill
    if wrong := _no_correction(books, report):
        return _quarantine(report, "booked", wrong, fill.trade_id)
    facts = _Corrected(known.client_order_id, fill, known.role, known.told[0].exec_id)
    corrected = _correction(books, facts, report, fill.quantity, Price(fill.price))
    outcome = restated(books, corrected)
    if isinstance(outcome, str):
        return _quarantine(report, "booked", outcome, fill.trade_id)
    return Decision((corrected, *_overtaking(books, facts, corrected)))


class _Corrected(NamedTuple):
    """The fill that a correction is about. exec_id: under which it was first reported."""

    client_order_id: str
    fill: Fill
    role: Role
    exec_id: str


def _no_correction(books: Books, report: ExecutionReport) -> str:
    """What is wrong with a correction by itself; "" when nothing is."""
    is_empty = report.last_price is None or report.last_price <= 0 or report.last_quantity <= 0
    if report.kind is not Exec.BUSTED and is_empty:
        return "a correction without a price or a quantity"
    if in_account_currency(report.fee, report.fee_currency, report.fee_rate, books.currency) is None:
        return f"its fee in {report.fee_currency} comes without a rate"
    return ""


def _correction(
    books: Books, of: _Corrected, report: ExecutionReport, was_quantity: Decimal, was_price: Price
) -> FillCorrected:
    is_busted, price = report.kind is Exec.BUSTED, report.last_price
    fee = in_account_currency(report.fee, report.fee_currency, report.fee_rate, books.currency)
    return FillCorrected(
        at=report.at,
        trace=of.fill.trade_id,
        client_order_id=of.client_order_id,
        trade_id=of.fill.trade_id,
        symbol=of.fill.symbol,
        side=of.fill.side,
        role=of.role,
        exec_id=report.exec_id,
        corrects=of.exec_id,
        quantity=ZERO if is_busted else canonical_qty(report.last_quantity),
        price=was_price if is_busted or price is None else price,
        fee=ZERO if is_busted or fee is None else fee,
        was_quantity=was_quantity,
        was_price=was_price,
        reason=report.reason,
    )


def _overtaking(books: Books, of: _Corrected, last: FillCorrected) -> Iterator[FillCorrected]:
    """Corrections that were heard before the one that they correct, one after another."""
    while (early := books.early.get(last.exec_id)) is not None and not _no_correction(books, early):
        last = _correction(books, of, early, last.quantity, last.price)
        yield last


def _foretold(books: Books, report: ExecutionReport, early: ExecutionReport) -> Decision:
    """A fill whose correction overtook it is booked as the last says; a busted one, and then busted."""
    chain = [early]
    while (later := books.early.get(chain[-1].exec_id)) is not None:
        chain.append(later)
    last = chain[-1]
    others = {key: one for key, one in books.early.items() if key != report.exec_id}
    trade = report if last.kind is Exec.BUSTED or _no_correction(books, last) else _as_told(report, last)
    booked = interpret(replace(books, early=others), trade)
    filled = next((event for event in booked.events if isinstance(event, OrderPartiallyFilled)), None)
    if filled is None or _no_correction(books, last):
        return booked
    fill = Fill(
        trade_id=filled.trade_id,
        symbol=filled.symbol,
        side=filled.side,
        quantity=filled.quantity,
        price=filled.price,
        fee=filled.fee,
        at=filled.at,
    )
    facts = _Corrected(filled.client_order_id, fill, filled.role, filled.exec_id)
    # Each is put on record under its own name, by which the next may know the fill.
    said = (replace(last, exec_id=one.exec_id, at=one.at) for one in chain)
    quantity, corrected = filled.quantity, []
    for one in said:
        corrected.append(_correction(books, facts, one, quantity, filled.price))
        quantity = corrected[-1].quantity
    return booked + Decision(tuple(corrected))


def _as_told(report: ExecutionReport, correction: ExecutionReport) -> ExecutionReport:
    return replace(
        report,
        last_quantity=correction.last_quantity,
        last_price=correction.last_price,
        fee=correction.fee,
        fee_currency=correction.fee_currency,
        fee_rate=correction.fee_rate,
    )


def _late(books: Books, report: ExecutionReport) -> Decision:
    """A fill that crossed the cancel of an entry on the wire is ours all the same."""
    lapsed = books.lapsed.get(report.client_order_id)
    if report.kind is Exec.TRADE and lapsed is None and not is_ours(report.client_order_id):
        return _external(books, report)
    is_telling = report.kind is Exec.TRADE or (
        report.kind is Exec.NEW and lapsed and lapsed.order.is_given_up
    )
    if lapsed is None or not is_telling:
        return _quarantine(report, "none", "no open order has this id")
    trade, order = lapsed.trade, lapsed.order
    if trade.symbol in books.active:
        reason = "a late report, and another trade is open in the symbol by now"
        return _quarantine(report, order.state, reason, trade.id)
    if report.kind is Exec.NEW:
        return unwanted(lapsed, report.at, report.broker_order_id)
    is_open = order.is_given_up
    filled = _trade(books, replace(order, state=OrderState.UNKNOWN) if is_open else order, report)
    return Decision((_revived(lapsed, report.at, is_open=is_open), *filled.events), filled.effects)


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
    return Decision((_revived(lapsed, at, is_open=True), works, cancel))


def _revived(lapsed: Lapsed, at: int, *, is_open: bool) -> TradeRevived:
    trade = lapsed.trade
    return TradeRevived(
        at=at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        client_order_id=lapsed.order.id,
        is_open=is_open,
    )


def _external(books: Books, report: ExecutionReport) -> Decision:
    """A fill of an order that nobody here ever placed: somebody else trades in the account."""
    price = report.last_price
    if price is None or price <= 0 or report.last_quantity <= 0 or report.side is None or not report.symbol:
        return _quarantine(report, "none", "a fill of an unknown order, without all it takes to book it")
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


def _trade(books: Books, order: Order, report: ExecutionReport) -> Decision:
    price = report.last_price
    if price is None or report.last_quantity <= 0:
        reason = "a fill without a price or a quantity"
        return _quarantine(report, order.state, reason, order.terms.trade_id)
    # Our own sum, not the venue's: reports may arrive in any order, each fill counts once.
    cumulative = canonical_qty(order.filled + report.last_quantity)
    is_last = cumulative >= order.terms.quantity
    on = On.FILL_REST if is_last else On.FILL_SOME
    if not can(order.state, on):
        return _impossible(order, report, on)
    events: list[Event] = []
    if order.state in {OrderState.SUBMITTED, OrderState.UNKNOWN}:
        events.append(_accepted(order, report))  # a fill implies the acknowledgement
    fee = in_account_currency(report.fee, report.fee_currency, report.fee_rate, books.currency)
    events.append(_filled(order, report, price, cumulative, fee or ZERO, is_last=is_last))
    if fee is None:  # the fill is protected first: what it cost can wait
        events.append(_pending(order, report))
    return Decision(tuple(events))


def _pending(order: Order, report: ExecutionReport) -> FeePending:
    return FeePending(
        at=report.at,
        trace=order.terms.trade_id,
        exec_id=report.exec_id,
        trade_id=order.terms.trade_id,
        symbol=order.terms.symbol,
        fee=report.fee,
        fee_currency=report.fee_currency,
    )


def _filled(
    order: Order, report: ExecutionReport, price: Decimal, cumulative: Decimal, fee: Decimal, *, is_last: bool
) -> OrderPartiallyFilled:
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


def _accepted(order: Order, report: ExecutionReport) -> OrderAccepted:
    return OrderAccepted(
        at=report.at,
        trace=order.terms.trade_id,
        client_order_id=order.id,
        broker_order_id=report.broker_order_id,
        symbol=order.terms.symbol,
        role=order.terms.role,
    )


def _expired(order: Order, report: ExecutionReport) -> OrderExpired:
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


def _modified(order: Order, report: ExecutionReport) -> OrderModified:
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


def _restated(order: Order, report: ExecutionReport) -> Decision:
    terms = order.terms
    if not order.is_live or report.quantity is None:
        reason = "a restatement of an order that is over, or without a quantity"
        return _quarantine(report, order.state, reason, terms.trade_id)
    restated = OrderRestated(
        at=report.at,
        trace=terms.trade_id,
        client_order_id=order.id,
        trade_id=terms.trade_id,
        symbol=terms.symbol,
        role=terms.role,
        quantity=canonical_qty(report.quantity),
        filled=canonical_qty(report.cumulative),
        limit_price=terms.limit_price if report.limit_price is None else report.limit_price,
        stop_price=terms.stop_price if report.stop_price is None else report.stop_price,
    )
    return Decision((restated,))


def _not_cancelled(order: Order, report: ExecutionReport) -> Decision:
    refused = CancelRefused(
        at=report.at,
        trace=order.terms.trade_id,
        client_order_id=order.id,
        reason=report.reason,
        is_answer=True,
    )
    if report.code != Rejection.TOO_LATE:
        return Decision((refused,))
    # It is over at the venue, and not in the books: something was missed.
    missed = OrderInDoubt(
        at=report.at,
        trace=order.terms.trade_id,
        client_order_id=order.id,
        times=order.doubts,
        reason=report.reason,
    )
    return Decision((refused, missed), (ask(order),))


def ask(order: Order) -> AskVenue:
    """The question what became of it."""
    return AskVenue(
        trace=order.terms.trade_id,
        symbol=order.terms.symbol,
        client_order_id=order.id,
        since=order.sent_at,
    )


def _move(order: Order, report: ExecutionReport, on: On, event: Event) -> Decision:
    return Decision((event,)) if can(order.state, on) else _impossible(order, report, on)


def _impossible(order: Order, report: ExecutionReport, on: On) -> Decision:
    terms = order.terms
    refused = TransitionRefused(
        at=report.at,
        trace=terms.trade_id,
        machine="order",
        subject=order.id,
        state=order.state,
        wanted=on,
        cause=report.exec_id,
    )
    held = _quarantine(report, order.state, f"an order that is {order.state} cannot {on}", terms.trade_id)
    if order.state is OrderState.DRAFT and terms.role is Role.ENTRY and on in {On.FILL_SOME, On.FILL_REST}:
        # It was never sent, and the venue says it traded: sending it now could buy it a second time.
        aborted = TradeAborted(
            at=report.at,
            trace=terms.trade_id,
            trade_id=terms.trade_id,
            symbol=terms.symbol,
            outcome="aborted",
            reason=f"{report.exec_id} reports a fill of an order that was never sent",
        )
        return Decision((refused, *held.events, aborted))
    return Decision((refused, *held.events))


def _quarantine(report: ExecutionReport, state: str, reason: str, trace: str = "") -> Decision:
    trace = trace or report.trace
    return Decision(
        (ReportQuarantined(at=report.at, trace=trace, report=report, state=state, reason=reason),)
    )
