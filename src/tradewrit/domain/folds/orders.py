"""Folds of orders: asked for, sent, worked, filled and ended, as the venue reports them.

Knows no cash and no lots: what a fill does to those is `domain.folds.account`.
"""

from typing import Final

from msgspec.structs import replace

from tradewrit.domain.books import Books, Withheld
from tradewrit.domain.constraints import DayUse
from tradewrit.domain.events import orders as od
from tradewrit.domain.folds.base import Fold, Folds, with_item, without
from tradewrit.domain.folds.trades import change_trade
from tradewrit.domain.money import ZERO, Qty, canonical, canonical_qty
from tradewrit.domain.orders import On, Order, OrderState, OrderTerms, Role, can
from tradewrit.domain.orders import advance as advance_order
from tradewrit.domain.rejections import UNSENT
from tradewrit.domain.trades import On as TradeOn
from tradewrit.domain.writs import EXECUTOR, given_back, is_counted, renotional, taken, use_of


def _order(books: Books, order_id: str, on: On | None, **changes: object) -> Books:
    order = books.orders.get(order_id)
    if order is None:
        return books
    if on is not None:
        if not can(order.state, on):
            return books
        changes["state"] = _next(order, on)
        if order.doubt_since and changes["state"] is not order.state:
            changes = {"doubt_since": 0, "doubts": 0} | changes
    return replace(books, orders=with_item(books.orders, order_id, replace(order, **changes)))


def _next(order: Order, on: On) -> OrderState:
    state = advance_order(order.state, on)
    # The table speaks of orders in general: after a refused cancel or a confirmed replacement, one
    # that had already traded is partially filled, not merely accepted.
    if state is OrderState.ACCEPTED and order.filled:
        return OrderState.PARTIALLY_FILLED
    return state


def _order_requested(books: Books, event: od.OrderRequested) -> Books:
    terms = event.terms
    if terms.client_order_id in books.orders:
        return books
    state = OrderState.DRAFT if event.held else advance_order(OrderState.DRAFT, On.SUBMIT)
    order = Order(
        terms=terms,
        state=state,
        reserved=event.reserved,
        approved_by=event.approved_by,
        is_sent=not event.held,
        agent_id=event.agent_id,
        token_id=event.token_id,
        notional=event.notional,
        sent_at=0 if event.held else event.at,
    )
    books = replace(books, orders=with_item(books.orders, order.id, order), sent=_sent(books, order))
    match terms.role:
        case Role.ENTRY:
            on = None if event.held else TradeOn.PLACE
            return change_trade(books, terms.trade_id, on, entry_id=order.id)
        case Role.STOP:
            return change_trade(books, terms.trade_id, None, stop_id=order.id)
        case Role.TARGET:
            return change_trade(books, terms.trade_id, None, target_id=order.id)
        case Role.EXIT:
            return change_trade(books, terms.trade_id, None, exit_id=order.id)


def _order_released(books: Books, event: od.OrderReleased) -> Books:
    order = books.orders.get(event.client_order_id)
    if order is None:
        return books
    if can(order.state, On.SUBMIT):
        books = _order(
            books,
            order.id,
            On.SUBMIT,
            is_sent=True,
            sent_at=event.at,
            agent_id=event.agent_id,
            token_id=event.token_id,
        )
        books = _counted(books, books.orders[order.id])
    if order.terms.role.is_entry:
        return change_trade(books, order.terms.trade_id, TradeOn.PLACE)
    return books


def _counted(books: Books, order: Order) -> Books:
    return replace(books, sent=_sent(books, order))


def _sent(books: Books, order: Order) -> dict[str, DayUse]:
    """An entry that leaves takes its share of the day of whoever sends it."""
    if not order.terms.role.is_entry or not order.sent_at:
        return books.sent
    used = taken(books.sent.get(EXECUTOR, DayUse()), use_of(order))
    return with_item(books.sent, EXECUTOR, used)


def _uncounted(books: Books, order: Order) -> Books:
    """An entry that turns out never to have left gives its share back."""
    if not order.terms.role.is_entry or EXECUTOR not in books.sent:
        return books
    used = given_back(books.sent[EXECUTOR], use_of(order))
    return replace(books, sent=with_item(books.sent, EXECUTOR, used))


def _recounted(books: Books, before: Order, after: Order) -> Books:
    if not is_counted(books.sent.get(EXECUTOR, DayUse()), use_of(before)):
        return books
    return _counted(_uncounted(books, before), after)


def _in_doubt(books: Books, event: od.OrderInDoubt) -> Books:
    order = books.orders.get(event.client_order_id)
    if order is None or not order.is_live:
        return books
    return _order(books, order.id, None, doubt_since=order.doubt_since or event.at, doubts=event.times)


def _resent(books: Books, event: od.OrderResent) -> Books:
    order = books.orders.get(event.client_order_id)
    if order is None:
        return books
    return _order(
        books,
        order.id,
        On.SUBMIT,
        reason="",
        agent_id=event.agent_id,
        token_id=event.token_id,
        resent=order.resent + 1,
    )


def _rejected(books: Books, event: od.OrderRejected) -> Books:
    order = books.orders.get(event.client_order_id)
    if order is None or event.code not in UNSENT or not can(order.state, On.REJECT):
        return _order(books, event.client_order_id, On.REJECT, reason=event.reason)
    return _order(
        _uncounted(books, order), order.id, On.REJECT, reason=event.reason, doubt_since=order.doubt_since
    )


def _filled(books: Books, event: od.OrderPartiallyFilled) -> Books:
    order = books.orders.get(event.client_order_id)
    if order is None:
        return books
    on = On.FILL_REST if isinstance(event, od.OrderFilled) else On.FILL_SOME
    terms, filled = order.terms, canonical_qty(event.cumulative)
    if event.exec_id in books.withheld:
        books = replace(books, withheld=without(books.withheld, event.exec_id))
    if terms.quantity < filled <= order.most_asked:  # so it was for that much at least
        terms = replace(terms, quantity=Qty(filled))
    return _order(
        books,
        order.id,
        on,
        terms=terms,
        filled=filled,
        value=canonical(order.value + event.price * event.quantity),
    )


def _withheld(books: Books, event: od.FillWithheld) -> Books:
    if event.client_order_id not in books.orders:
        return books
    waiting = Withheld(event.report, event.answers)
    return replace(books, withheld=with_item(books.withheld, event.report.exec_id, waiting))


def _corrected(books: Books, event: od.FillCorrected) -> Books:
    order = books.orders.get(event.client_order_id)
    if order is None:
        return books
    filled = canonical_qty(order.filled + event.quantity - event.was_quantity)
    value = order.value + event.price * event.quantity - event.was_price * event.was_quantity
    is_whole = order.is_live and filled >= order.terms.quantity
    return _order(books, order.id, On.FILL_REST if is_whole else None, filled=filled, value=canonical(value))


def _refused(pending: OrderState) -> Fold:
    """Back to work, if what was refused is what the order waits for."""

    def fold(books: Books, event: od.CancelRefused | od.ModifyRefused) -> Books:
        order = books.orders.get(event.client_order_id)
        if order is None or not event.is_answer or order.state is not pending:
            return books
        return _order(books, order.id, On.REFUSE)

    return fold


def _modify_requested(books: Books, event: od.ModifyRequested) -> Books:
    order = books.orders.get(event.client_order_id)
    if order is None:
        return books
    most_asked = max(order.most_asked, event.quantity or ZERO)
    on = None if order.state is OrderState.PENDING_REPLACE else On.ASK_REPLACE  # asked for once more
    return _order(books, order.id, on, most_asked=most_asked, changed_at=event.at)


def _modified(books: Books, event: od.OrderModified) -> Books:
    order = books.orders.get(event.client_order_id)
    if order is None:
        return books
    terms, instrument = _new_terms(order, event), books.instrument(order.terms.symbol)
    notional = renotional(order, instrument, terms.quantity, terms.limit_price)
    if can(order.state, On.REPLACE):
        books = _recounted(books, order, replace(order, terms=terms, notional=notional))
    return _order(
        books,
        order.id,
        On.REPLACE,
        terms=terms,
        notional=notional,
        version=event.version,
        broker_order_id=event.broker_order_id,
        former=_former(order, event.broker_order_id),
    )


def _former(order: Order, name: str) -> tuple[str, ...]:
    """What the venue has called it, apart from what it is called now."""
    before = (order.broker_order_id, *order.former) if order.broker_order_id else order.former
    return tuple(one for one in before if one != name)


def _restated(books: Books, event: od.OrderRestated) -> Books:
    order = books.orders.get(event.client_order_id)
    if order is None or not order.is_live:
        return books
    # After a split, what was asked for before is in other shares.
    most_asked = order.most_asked if event.filled == order.filled else ZERO
    terms = _new_terms(order, event)
    return _order(books, order.id, None, terms=terms, filled=event.filled, most_asked=most_asked)


def _new_terms(order: Order, event: od.OrderModified | od.OrderRestated) -> OrderTerms:
    return replace(
        order.terms,
        quantity=event.quantity,
        limit_price=event.limit_price,
        stop_price=event.stop_price,
    )


FOLDS: Final[Folds] = {
    od.OrderRequested: _order_requested,
    od.OrderReleased: _order_released,
    od.OrderAccepted: lambda books, e: _order(
        books, e.client_order_id, On.ACCEPT, broker_order_id=e.broker_order_id
    ),
    od.OrderRejected: _rejected,
    od.OrderUnknown: lambda books, e: _order(
        books, e.client_order_id, On.LOSE, reason=e.reason, doubt_since=e.at, doubts=0
    ),
    od.OrderInDoubt: _in_doubt,
    od.OrderDoubtSettled: lambda books, e: _order(books, e.client_order_id, None, doubt_since=0, doubts=0),
    od.OrderResent: _resent,
    od.OrderPartiallyFilled: _filled,
    od.OrderFilled: _filled,
    od.FillWithheld: _withheld,
    od.FillCorrected: _corrected,
    od.CancelRequested: lambda books, e: _order(books, e.client_order_id, On.ASK_CANCEL),
    od.OrderCancelled: lambda books, e: _order(books, e.client_order_id, On.CANCEL, reason=e.reason),
    od.CancelRefused: _refused(OrderState.PENDING_CANCEL),
    od.ModifyRequested: _modify_requested,
    od.OrderModified: _modified,
    od.ModifyRefused: _refused(OrderState.PENDING_REPLACE),
    od.OrderRestated: _restated,
    od.OrderExpired: lambda books, e: _order(books, e.client_order_id, On.EXPIRE),
    od.OrderRefused: lambda books, e: _order(books, e.client_order_id, On.CANCEL, reason=e.reason),
}
