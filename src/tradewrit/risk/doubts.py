"""What is concluded when the venue did not answer, or says that it knows no such order. Never a guess.

A write that was lost is neither done nor undone: the venue is asked, again and again at growing
intervals. Only when it denies the order, and the lost request can no longer be taken, does the order go
out again, under the same id and where the venue tells the second from the first; or it is given up. So
with a change of an order: the old terms stand once it is dead, and not when they are seen at work.
What reduces risk does not wait that long where the venue never takes an id twice; nor does protection that
is to be changed to cover what is held, for of the same terms twice one does nothing. Used by the executor.
Knows no prices of its own and sends nothing.
"""

from typing import Final

from tradewrit.domain.books import Books
from tradewrit.domain.capabilities import Dedupe
from tradewrit.domain.conclusions import ask, cancelled, doubted, over, rejected, whole
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.effects import CancelAtVenue, SetTimer
from tradewrit.domain.events.account import SymbolSuspended
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import (
    Exec,
    ExecutionReport,
    ModifyRefused,
    OrderDoubtSettled,
    OrderInDoubt,
    OrderResent,
    OrderUnknown,
)
from tradewrit.domain.intents import change, holder, place
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import UNHEARD, On, Order, OrderState, can
from tradewrit.domain.rejections import UNSENT, Rejection
from tradewrit.domain.signals import Market
from tradewrit.domain.withheld import has_waiting, not_told, waiting_for
from tradewrit.risk.pretrade import objection_to_resend
from tradewrit.risk.protection import off_by

TIMER: Final = "ask"
"""The timer after which the venue is asked again; about a client order id."""
_SAID_BY_THE_DESK: Final = frozenset({Exec.UNKNOWN, Exec.ABSENT, Exec.ANSWERED, Exec.UNANSWERED})
LOOKUPS: Final = 3
"""How often the venue must have denied an order, or a change of one, before it is believed."""
LONGEST_WAIT_S: Final = 60
LONGEST_WAIT_FOR_PROTECTION_S: Final = 8
"""A position may be without its stop meanwhile."""
_TOLD: Final = frozenset({Exec.ANSWERED, Exec.ABSENT})
"""What the venue traded of an order has been told, and there is no more of it if the order is over."""
_ANSWERS: Final = _TOLD | {Exec.UNANSWERED}
_PENDING: Final = frozenset({OrderState.PENDING_CANCEL, OrderState.PENDING_REPLACE})
_NEVER_SEEN: Final = frozenset({OrderState.UNKNOWN, OrderState.PENDING_CANCEL})
"""States in which an order without the venue's own id may never have reached it."""


def concerns(books: Books, report: ExecutionReport) -> bool:
    """Whether nothing is certain after it: a lost write, an answer to a question, a cancel of nothing."""
    if report.kind in _SAID_BY_THE_DESK:
        return True
    order = books.orders.get(report.client_order_id)
    if order is None:
        return False
    if report.kind is Exec.CANCEL_REJECTED and report.code == Rejection.UNKNOWN_ORDER:
        # Neither dead nor at work: the order itself may still be on its way.
        return order.state is OrderState.PENDING_CANCEL
    # This request for a change did nothing; of one that was lost before it proves nothing.
    is_again = order.state is OrderState.PENDING_REPLACE and order.doubts > 0
    return is_again and report.kind is Exec.REPLACE_REJECTED and report.code in UNSENT


def judge(books: Books, market: Market, report: ExecutionReport) -> Decision:
    """What a report that `concerns` leads to."""
    order = books.orders.get(report.client_order_id)
    if order is None:
        return NOTHING
    if report.kind in _ANSWERS and waiting_for(books, order):
        return not_told(books, order, report.at, is_answer=report.kind in _TOLD)
    if report.kind in _TOLD and has_waiting(books, order):  # by what is in the books it has not traded yet
        return _wait(order, report) if order.is_in_doubt else NOTHING
    if not order.is_live:
        return legs_in_doubt(books, order) if report.kind in _TOLD else NOTHING
    if report.kind in {Exec.UNKNOWN, Exec.CANCEL_REJECTED, Exec.REPLACE_REJECTED}:
        return _lost(books, order, report)
    legs = legs_in_doubt(books, order) if report.kind is Exec.ANSWERED else NOTHING
    if report.kind is Exec.ANSWERED and report.code:
        return Decision((over(order, report),)) + legs  # also where its fills have settled the doubt
    if not order.is_in_doubt:
        return legs  # settled meanwhile, or its own answer is still to come
    match report.kind:
        case Exec.ABSENT:
            return _absent(books, market, order, report)
        case Exec.ANSWERED:
            return _answered(books, order, report) + legs
        case _:
            return _wait(order, report)


def reopened(books: Books, at: int) -> Decision:
    """The process was restarted: whatever had no answer by then is asked about."""
    decision = NOTHING
    for order in books.orders.values():
        if order.state is OrderState.SUBMITTED:
            decision += Decision((_unknown(order, at, "the desk was restarted before it was answered"),))
        elif order.state in _PENDING:
            decision += Decision((_doubt(order, at, 0, "the desk was restarted before it was answered"),))
        elif not (order.is_in_doubt or waiting_for(books, order)):
            continue
        decision += _asked(books, order)
    return decision


def _asked(books: Books, order: Order) -> Decision:
    """Ask about it; about a leg only once it is known what its entry brought, whose fills come first."""
    entry = books.orders.get(order.terms.parent or "")
    waits = entry is not None and (entry.state in UNHEARD or entry.is_in_doubt)
    return NOTHING if waits else Decision(effects=(ask(order),))


def legs_in_doubt(books: Books, order: Order) -> Decision:
    """What became of an entry is known: now for the legs that left with it."""
    return Decision(effects=tuple(ask(leg) for leg in books.legs_of(order.id) if leg.is_in_doubt))


def asked_again(books: Books, order_id: str, at: int) -> Decision:
    """The time has come to ask once more, if there still is a doubt."""
    order = books.orders.get(order_id)
    if order is None or not order.is_in_doubt:
        return NOTHING
    return _changed_again(books, order, at) or Decision(effects=(ask(order),))


def _changed_again(books: Books, order: Order, at: int) -> Decision | None:
    """Ask again for the change of a stop or target, for what is held by now; None for any other order.

    Of two requests for the same terms the second does nothing, and what is held must not wait for the first
    to be dead. Its answer tells as much as that to a question.
    """
    trade = books.trades.get(order.terms.trade_id)
    if trade is None or order.state is not OrderState.PENDING_REPLACE:
        return None
    lacks = off_by(books, trade, order, is_doubted=True)
    if "quantity" not in lacks:
        return None
    return change(books, order, at, lacks["quantity"], lacks.get("limit_price"), lacks.get("stop_price"))


def _lost(books: Books, order: Order, report: ExecutionReport) -> Decision:
    if can(order.state, On.LOSE):
        return Decision((_unknown(order, report.at, report.reason),)) + _asked(books, order)
    if order.state not in _PENDING:
        return NOTHING
    if order.doubts:  # lost again: the line to the venue may be cut for writes alone
        return _wait(order, report)
    return doubted(order, report.at, report.reason)


def _answered(books: Books, order: Order, report: ExecutionReport) -> Decision:
    """The venue has told all it knows, and what was asked of it is not among that."""
    at, terms = report.at, order.terms
    quantity = terms.quantity if report.quantity is None else report.quantity
    is_over = quantity <= report.cumulative
    if is_over and (order.remaining > 0 or order.state not in _PENDING):
        # What is over stays so, when a fill of it is corrected and when older word of it comes late.
        return Decision((cancelled(order, at, "by the venue's count it is over"),))
    match order.state:
        case OrderState.PENDING_CANCEL:  # asking twice is harmless
            again = CancelAtVenue(
                trace=terms.trade_id,
                symbol=terms.symbol,
                client_order_id=order.id,
                broker_order_id=books.venue_name(order),
            )
            return Decision(
                (_doubt(order, at, order.doubts + 1, "it is to be cancelled, and works"),), (again,)
            )
        case OrderState.PENDING_REPLACE if not (is_over or _is_dead(books, order, at)):
            return _wait(order, report)  # it works the old terms; the request may still be on its way
        case OrderState.PENDING_REPLACE:
            kept = ModifyRefused(
                at=at,
                trace=terms.trade_id,
                client_order_id=order.id,
                reason="nobody answered, and the venue works the old terms",
                is_answer=True,
                is_unsent=True,
            )
            return Decision((kept,)) + whole(order, at)
        case OrderState.UNKNOWN:
            return _wait(order, report)
        case _:
            return Decision((OrderDoubtSettled(at=at, trace=terms.trade_id, client_order_id=order.id),))


def _wait(order: Order, report: ExecutionReport) -> Decision:
    times = order.doubts + 1
    most = LONGEST_WAIT_FOR_PROTECTION_S if order.terms.role.is_protective else LONGEST_WAIT_S
    due_at = report.at + _patience(order.doubts, most)
    timer = SetTimer(trace=order.terms.trade_id, timer=TIMER, about=order.id, due_at=due_at)
    return Decision((_doubt(order, report.at, times, report.reason),), (timer,))


def _patience(times: int, most_s: int = LONGEST_WAIT_S) -> int:
    """How long to wait after so many attempts that settled nothing, ns."""
    return int(min(2**times, most_s) * SECOND)


def _absent(books: Books, market: Market, order: Order, report: ExecutionReport) -> Decision:
    """The venue knows no order of that name; whether it never will is another matter."""
    at, able = report.at, books.capabilities
    is_over = _is_dead(books, order, at)
    if order.broker_order_id or order.state not in _NEVER_SEEN:  # it had it once
        gone = cancelled(order, at, "the venue no longer knows it")
        return Decision((gone,)) if is_over else _wait(order, report)
    if order.state is OrderState.PENDING_CANCEL:
        return _given_up([order], at, "it never reached the venue") if is_over else _wait(order, report)
    listed = [other for other in books.listed_with(order) if other.state is OrderState.UNKNOWN]
    entry = books.orders.get(order.terms.parent or "")
    if entry is not None and entry.is_live and entry.state is not OrderState.UNKNOWN and not is_over:
        return _wait(order, report)  # its list has arrived: the venue was asked too early
    # A venue that never takes an id twice can be sent it again at once: one of the two does nothing.
    is_urgent = (
        able.dedupe is Dedupe.FOREVER
        and all(one.terms.role.is_protective for one in listed)
        and objection_to_resend(books, market, listed[0], at) == ""
        and (not order.resent or at >= order.doubt_since + _patience(order.resent))
    )
    if not (is_over or is_urgent):
        return _wait(order, report)
    if able.dedupe is Dedupe.NONE:
        return _beyond_us(books, listed, at)
    objection = objection_to_resend(books, market, listed[0], at)
    if objection:
        return _given_up(listed, at, f"the venue never received it, and it is not sent again: {objection}")
    return _resent(books, listed, at, report.reason)


def _is_dead(books: Books, order: Order, at: int) -> bool:
    """Whether a request that the venue denies having seen can no longer be taken."""
    return order.doubts + 1 >= LOOKUPS and _has_passed(order, books.capabilities.acceptance_s, at)


def _has_passed(order: Order, seconds: int, at: int) -> bool:
    """Whether a doubt is so old; by the growing waits between the questions where the clock was set back."""
    since = max(order.doubt_since, order.changed_at)
    if at < since:
        return bool(2**order.doubts > seconds)
    return at >= since + seconds * SECOND


def _resent(books: Books, listed: list[Order], at: int, reason: str) -> Decision:
    first = listed[0]
    agent_id, token_id = books.standing(holder(first.terms))
    said = tuple(
        OrderResent(
            at=at,
            trace=order.terms.trade_id,
            client_order_id=order.id,
            reason=reason,
            agent_id=agent_id,
            token_id=token_id,
        )
        for order in listed
    )
    again = place(tuple(order.terms for order in listed), first.approved_by, at)
    return Decision(said, (again,))


def _given_up(listed: list[Order], at: int, reason: str) -> Decision:
    decision = NOTHING
    for order in listed:
        decision += rejected(order, at, Rejection.NOT_SENT, reason)
    return decision


def _beyond_us(books: Books, listed: list[Order], at: int) -> Decision:
    """A venue takes an id twice: what protects is decided anew, an entry is a person's to settle."""
    first = listed[0]
    if all(order.terms.role.is_protective for order in listed):
        return _given_up(listed, at, "the venue does not know it")
    terms = first.terms
    if terms.symbol in books.suspended:
        return NOTHING
    position = books.positions.get(terms.symbol)
    suspended = SymbolSuspended(
        at=at,
        trace=terms.trade_id,
        symbol=terms.symbol,
        reason=f"nobody can say whether {first.id} reached the venue",
        quantity=ZERO if position is None else position.signed,
        orders=tuple(order.id for order in listed),
        todo=f"look at the venue for an order to {terms.side} {terms.quantity} {terms.symbol}; "
        f"cancel it there if it works, then resume {terms.symbol} by name",
    )
    return Decision((suspended,))


def _unknown(order: Order, at: int, reason: str) -> Event:
    return OrderUnknown(at=at, trace=order.terms.trade_id, client_order_id=order.id, reason=reason)


def _doubt(order: Order, at: int, times: int, reason: str) -> Event:
    return OrderInDoubt(
        at=at, trace=order.terms.trade_id, client_order_id=order.id, times=times, reason=reason
    )
