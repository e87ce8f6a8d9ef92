"""What a venue's execution report means for an order in the books. Used by the executor alone.

A report is believed only if the order's table has the move; anything else is quarantined whole, to
be reconciled, never dropped and never acted on.
"""

from decimal import Decimal

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.conclusions import (
    aborted,
    accepted,
    ask,
    cancelled,
    doubted,
    expired,
    fee_pending,
    filled,
    modified,
    quarantine,
    rejected,
    restated,
    unproven,
    whole,
)
from tradewrit.domain.corrections import as_corrected, correction, named, overtaken
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.defects import defect
from tradewrit.domain.events.account import TransitionRefused
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import (
    CORRECTIONS,
    CancelOrder,
    CancelRefused,
    Exec,
    ExecutionReport,
    ModifyRefused,
    OrderPartiallyFilled,
)
from tradewrit.domain.executions import contradicts
from tradewrit.domain.fees import in_account_currency
from tradewrit.domain.ids import is_ours
from tradewrit.domain.money import ZERO, canonical_qty
from tradewrit.domain.orders import UNHEARD, On, Order, OrderState, can
from tradewrit.domain.rejections import UNSENT, Rejection
from tradewrit.domain.strays import external, recalled, revived, unwanted
from tradewrit.domain.untold import hides_fills, untold
from tradewrit.domain.withheld import comes_early, covered, waiting_for, withhold
from tradewrit.domain.writs import KEEPER

_UNANSWERED = frozenset({OrderState.PENDING_REPLACE, OrderState.PENDING_CANCEL})


def interpret(books: Books, report: ExecutionReport) -> Decision:
    """The facts a report of the venue amounts to; a quarantine when it fits nothing we know.

    What the desk itself says of a question or a write that was lost, and a venue that knows nothing of an
    order it is to cancel, is `risk.doubts`.
    """
    if report.kind in CORRECTIONS:
        return correction(books, report)
    if report.kind is Exec.TRADE:
        if contradicts(books.executions, report.exec_id, report.last_quantity, report.last_price):
            reason = f"{report.exec_id} was reported before with another quantity or price, and not corrected"
            return quarantine(report, "booked", reason)
        early = books.early.get(report.exec_id)
        if early is not None:
            return _foretold(books, report, early)
    order = books.orders.get(report.client_order_id)
    if wrong := defect(report, order):
        if order is None:
            return quarantine(report, "none", wrong)
        return quarantine(report, order.state, wrong, order.terms.trade_id)
    if order is None:
        return _late(books, report)
    match report.kind:
        case Exec.TRADE:
            return _trade(books, order, report)
        case Exec.NEW:
            # A second acknowledgement says nothing new; the report itself is on record.
            return Decision((accepted(order, report),)) if can(order.state, On.ACCEPT) else NOTHING
        case Exec.CANCELED | Exec.EXPIRED if hides_fills(order, report) or waiting_for(books, order):
            return untold(books, order, report)
        case Exec.CANCELED:
            return _move(order, report, On.CANCEL, cancelled(order, report.at, report.reason))
        case Exec.EXPIRED:
            return _move(order, report, On.EXPIRE, expired(order, report))
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
        case Exec.REPLACED if order.state is OrderState.FILLED:
            return _reopened(books, order, report)
        case Exec.REPLACED if not order.is_live:
            return NOTHING  # overtaken by its end; the report itself is on record
        case Exec.REPLACED:
            return _replaced(order, report)
        case Exec.REPLACE_REJECTED if order.state is not OrderState.PENDING_REPLACE:
            return NOTHING  # settled meanwhile; the report itself is on record
        case Exec.REPLACE_REJECTED:
            return _not_replaced(order, report)
        case Exec.RESTATED:
            return _restated(books, order, report)
        case Exec.CORRECTED | Exec.BUSTED | Exec.UNKNOWN | Exec.ABSENT | Exec.ANSWERED | Exec.UNANSWERED:
            return NOTHING


def interpret_withheld(books: Books, exec_id: str) -> Decision:
    """Book a fill that was withheld."""
    waiting = books.withheld.get(exec_id)
    return NOTHING if waiting is None else interpret(books, waiting.report)


def _foretold(books: Books, report: ExecutionReport, early: ExecutionReport) -> Decision:
    """A fill whose correction overtook it is booked as the last says; a busted one, and then busted."""
    chain = overtaken(books, early)
    others = {key: one for key, one in books.early.items() if key != report.exec_id}
    booked = interpret(replace(books, early=others), as_corrected(books, report, chain[-1]))
    fill = next((event for event in booked.events if isinstance(event, OrderPartiallyFilled)), None)
    return booked if fill is None else booked + Decision(tuple(named(books, fill, chain)))


def _late(books: Books, report: ExecutionReport) -> Decision:
    """A fill that crossed the cancel of an entry on the wire is ours all the same, and so is one of a leg."""
    lapsed = books.lapsed_with(report.client_order_id)
    if lapsed is None:
        if report.kind is Exec.TRADE and not is_ours(report.client_order_id):
            return external(books, report)
        return quarantine(report, "none", "no open order has this id")
    trade, order = lapsed.trade, lapsed.orders[report.client_order_id]
    is_entry = order.id == trade.entry_id
    is_unwanted = report.kind is Exec.NEW and is_entry and order.is_given_up
    if not (is_unwanted or report.kind is Exec.TRADE or hides_fills(order, report)):
        return quarantine(report, "none", "no open order has this id")
    if trade.symbol in books.active:
        reason = "a late report, and another trade is open in the symbol by now"
        return quarantine(report, order.state, reason, trade.id)
    if is_unwanted:
        return unwanted(lapsed, report.at, report.broker_order_id)
    if report.kind is not Exec.TRADE or not is_entry:
        return recalled(lapsed, order, report.at)
    is_open = order.is_given_up
    back = revived(lapsed, order, report.at, is_open=is_open)
    # Whatever else the entry has filled comes first, and then what its legs have.
    question = (ask(order),) if back.asked else ()
    if is_open:
        order = replace(order, state=OrderState.UNKNOWN)
    return Decision((back,), question) + _trade(books, order, report)


def _trade(books: Books, order: Order, report: ExecutionReport) -> Decision:
    price = report.last_price
    if price is None or report.last_quantity <= 0:
        reason = "a fill without a price or a quantity"
        return quarantine(report, order.state, reason, order.terms.trade_id)
    # Our own sum, not the venue's: reports may arrive in any order, each fill counts once.
    cumulative = canonical_qty(order.filled + report.last_quantity)
    may_be_larger = order.most_asked > cumulative
    # While a change or a cancel has no answer, the venue may be working the larger quantity.
    is_last = cumulative >= order.terms.quantity and not (may_be_larger and order.state in _UNANSWERED)
    on = On.FILL_REST if is_last else On.FILL_SOME
    if not can(order.state, on) or _is_too_much(order, cumulative):
        return _impossible(order, report, on)
    if comes_early(books, order, report):
        return withhold(books, order, report)
    events: list[Event] = []
    if order.state in UNHEARD:
        events.append(accepted(order, report))  # a fill implies the acknowledgement
    fee = in_account_currency(report.fee, report.fee_currency, report.fee_rate, books.currency)
    events.append(filled(order, report, price, cumulative, fee or ZERO, is_last=is_last))
    if fee is None:  # the fill is protected first: what it cost can wait
        events.append(fee_pending(order, report))
    events += covered(books, replace(order, filled=cumulative), report.at)
    # Whether that was the rest of it hangs on a change that was denied: the venue knows.
    return Decision(tuple(events), (ask(order),) if is_last and may_be_larger else ())


def _is_too_much(order: Order, cumulative: Decimal) -> bool:
    """Whether an order that is filled whole has filled more than was ever asked for, as if told twice."""
    if order.state is not OrderState.FILLED:
        return False
    return not order.terms.quantity < cumulative <= order.most_asked


def _reopened(books: Books, order: Order, report: ExecutionReport) -> Decision:
    """A change of an order that is filled whole: it was made larger before that, and is not over."""
    if report.quantity is None or report.quantity <= order.filled:
        return NOTHING  # overtaken by its end
    # Its end may have been heard already; and a position that others cover by now needs it no more.
    again = Decision((modified(order, report),))
    again += doubted(order, report.at, "it was filled whole, and had been made larger before")
    trade = books.trades.get(order.terms.trade_id)
    if trade is not None and order.id not in (trade.entry_id, trade.stop_id, trade.target_id, trade.exit_id):
        reason = "it was taken for filled, and another has its place"
        again += Decision(
            (
                CancelOrder(
                    at=report.at, trace=trade.id, client_order_id=order.id, actor=KEEPER, reason=reason
                ),
            )
        )
    return again


def _restated(books: Books, order: Order, report: ExecutionReport) -> Decision:
    terms = order.terms
    if not order.is_live or report.quantity is None:
        reason = "a restatement of an order that is over, or without a quantity"
        return quarantine(report, order.state, reason, terms.trade_id)
    limit_price = terms.limit_price if report.limit_price is None else report.limit_price
    stop_price = terms.stop_price if report.stop_price is None else report.stop_price
    missed = untold(books, order, report) if hides_fills(order, report) else NOTHING
    filled = report.cumulative if missed is NOTHING else order.filled
    now = restated(order, report.at, report.quantity, filled, limit_price, stop_price)
    return Decision((now,)) + missed


def _not_cancelled(order: Order, report: ExecutionReport) -> Decision:
    refused = CancelRefused(
        at=report.at,
        trace=order.terms.trade_id,
        client_order_id=order.id,
        reason=report.reason,
        is_answer=True,
    )
    return Decision((refused,)) + _missed(order, report)


def _replaced(order: Order, report: ExecutionReport) -> Decision:
    now = modified(order, report)
    if report.quantity is not None and report.quantity > order.filled:
        return _move(order, report, On.REPLACE, now)
    return _move(order, report, On.REPLACE, now) + whole(order, report.at)


def _not_replaced(order: Order, report: ExecutionReport) -> Decision:
    kept = ModifyRefused(
        at=report.at,
        trace=order.terms.trade_id,
        client_order_id=order.id,
        reason=report.reason,
        is_answer=True,
        is_unsent=report.code in UNSENT,
    )
    return Decision((kept,)) + _missed(order, report)


def _missed(order: Order, report: ExecutionReport) -> Decision:
    """What comes too late finds an order that is over at the venue, and may not be so in the books.

    What never left finds it as it was; after any other answer one that has nothing left is asked about.
    """
    is_over = report.code == Rejection.TOO_LATE
    has_left = order.state is OrderState.PENDING_CANCEL or report.code not in UNSENT
    if order.remaining <= 0 and (is_over or not has_left):
        return whole(order, report.at)
    return doubted(order, report.at, report.reason) if is_over or order.remaining <= 0 else NOTHING


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
    held = quarantine(report, order.state, f"an order that is {order.state} cannot {on}", terms.trade_id)
    if order.state is OrderState.DRAFT and terms.role.is_entry and on in {On.FILL_SOME, On.FILL_REST}:
        # It was never sent, and the venue says it traded: sending it now could buy it a second time.
        why = f"{report.exec_id} reports a fill of an order that was never sent"
        ended = aborted(terms.trade_id, terms.symbol, report.at, "aborted", why)
        return Decision((refused, *held.events, ended))
    return Decision((refused, *held.events))
