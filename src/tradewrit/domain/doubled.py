"""One id that the venue took as two orders: which of them a report is about, and what follows from the other.

The one that was heard of first is ours: its trade counts on it. The other is the later one, the twin: it is
cancelled by the venue's own id for it, since ours goes by the same client order id, and asked to be cancelled
again until it is over. Its end ends nothing of ours. What it trades is a fact and is booked. That a venue
breaks its promise so is a person's to look into: entries halt.
Used by the executor. Knows no prices and sends nothing.
"""

from collections.abc import Iterable
from typing import Final

from tradewrit.domain.books import Books
from tradewrit.domain.conclusions import doubted, quarantine
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.defects import defect
from tradewrit.domain.effects import AskVenue, CancelAtVenue, SetTimer
from tradewrit.domain.events.account import HaltTrading
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.events.twins import TwinEnded, TwinFilled, TwinFound
from tradewrit.domain.executions import contradicts
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import OrderState
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.strays import unclaimed
from tradewrit.domain.twins import Known, Twin, known
from tradewrit.domain.writs import EXECUTOR

TIMER: Final = "twin"
"""The timer after which a twin is cancelled once more; about a client order id."""
_SOON: Final = 2 * SECOND
_GONE: Final = frozenset({Rejection.TOO_LATE, Rejection.UNKNOWN_ORDER})
_ENDS: Final = frozenset({Exec.CANCELED, Exec.EXPIRED, Exec.REJECTED})
_SHOWS: Final = _ENDS | {Exec.NEW, Exec.TRADE, Exec.REPLACED, Exec.RESTATED}
"""What tells of an order under the id that the venue has for it."""
_ANSWERS: Final = frozenset({Exec.CANCELED, Exec.CANCEL_REJECTED, Exec.REPLACED, Exec.REPLACE_REJECTED})
_PENDING: Final = frozenset({OrderState.PENDING_CANCEL, OrderState.PENDING_REPLACE})


def twin_of(books: Books, report: ExecutionReport) -> Known | None:
    """Our order, when a report under its client order id is about another one; None when it is about ours.

    A report that names no id of the venue's is about ours, and so is any while the venue has named none.
    """
    name = report.broker_order_id
    if not name:
        return None
    order, ours = books.orders.get(report.client_order_id), _ours(books, report.client_order_id)
    if ours is None or not ours.ids or name in ours.ids:
        return None
    if name in books.twins:
        return ours
    # A replacement may have brought the order this name, of which a lost report would have told.
    may_be_renamed = order is not None and order.changed_at > 0 and books.capabilities.renames
    return ours if report.kind in _SHOWS and not may_be_renamed else None


def _ours(books: Books, order_id: str) -> Known | None:
    """What there is to tell our order of this id by, in an open trade or in one of the last that ended."""
    order = books.orders.get(order_id)
    return books.gone.get(order_id) if order is None else known(order)


def judge(books: Books, ours: Known, report: ExecutionReport) -> Decision:
    """What a report about the twin of `ours` leads to."""
    found = _found(books, ours, report) + _misdirected(books, report)
    match report.kind:
        case Exec.TRADE:
            return found + _traded(books, ours, report)
        case Exec.CANCELED | Exec.EXPIRED | Exec.REJECTED:
            return found + _ended(books, report)
        case Exec.CANCEL_REJECTED if report.code in _GONE:
            return found + _ended(books, report) + _told(report, ours)
        case Exec.CANCEL_REJECTED | Exec.UNKNOWN:  # its cancel was lost, or came to nothing
            due_at = report.at + _SOON
            again = SetTimer(trace=ours.trade_id, timer=TIMER, about=report.client_order_id, due_at=due_at)
            return found + Decision(effects=(again,))
        case _:
            return found


def cancelled_again(books: Books, order_id: str = "") -> Decision:
    """Ask for the twins of one of our orders, or of all, to be cancelled, so far as they may still trade."""
    return Decision(
        effects=tuple(
            _cancel(name, twin)
            for name, twin in books.twins.items()
            if not twin.is_over and order_id in {"", twin.client_order_id}
        )
    )


def ask_about(books: Books, order_ids: Iterable[str]) -> Decision:
    """Ask for all that the venue has under ids that it lists more than once, if no twin of them is known."""
    questions: list[AskVenue] = []
    for order_id in order_ids:
        ours = _ours(books, order_id)
        is_known = any(twin.client_order_id == order_id for twin in books.twins.values())
        if ours is not None and not is_known:
            questions.append(_question(ours, order_id))
    return Decision(effects=tuple(questions))


def _misdirected(books: Books, report: ExecutionReport) -> Decision:
    """What was asked of ours before anybody knew of another may have been done to the other: it is asked."""
    order = books.orders.get(report.client_order_id)
    if order is None or order.state not in _PENDING or order.is_in_doubt or report.kind not in _ANSWERS:
        return NOTHING
    return doubted(order, report.at, f"{report.broker_order_id}, taken under the same id, is {report.kind}")


def _found(books: Books, ours: Known, report: ExecutionReport) -> Decision:
    """Word of one that was not known: alarm, no more entries, and it is cancelled if it may trade."""
    name, order_id = report.broker_order_id, report.client_order_id
    if name in books.twins:
        return NOTHING
    said: list[Event] = [
        TwinFound(
            at=report.at,
            trace=ours.trade_id,
            client_order_id=order_id,
            trade_id=ours.trade_id,
            symbol=ours.symbol,
            role=ours.role,
            broker_order_id=name,
            ours=ours.ids[0],
        )
    ]
    if not books.halted:
        reason = f"one id, two orders: {order_id} is {ours.ids[0]} and {name}"
        said.append(HaltTrading(at=report.at, actor=EXECUTOR, reason=reason))
    if report.kind in _ENDS:
        return Decision(tuple(said))
    twin = Twin(client_order_id=order_id, trade_id=ours.trade_id, symbol=ours.symbol, at=report.at)
    return Decision(tuple(said), (_cancel(name, twin),))


def _traded(books: Books, ours: Known, report: ExecutionReport) -> Decision:
    price = report.last_price
    wrong = defect(report, None)
    if price is None or price <= 0 or report.last_quantity <= 0:
        wrong = wrong or "a fill without a price or a quantity"
    if report.symbol not in {"", ours.symbol} or report.side not in {None, ours.side}:
        wrong = wrong or "a fill of another symbol or side than the order's"
    if contradicts(books.executions, report.exec_id, report.last_quantity, price):
        wrong = wrong or "reported before with another quantity or price, and not corrected"
    if wrong or price is None:
        return quarantine(report, "twin", wrong, ours.trade_id)
    traded = TwinFilled(
        at=report.at,
        trace=ours.trade_id,
        client_order_id=report.client_order_id,
        trade_id=ours.trade_id,
        symbol=ours.symbol,
        role=ours.role,
        broker_order_id=report.broker_order_id,
        exec_id=report.exec_id,
        fill=unclaimed(books, report, ours.symbol, ours.side, price),
    )
    return Decision((traded,))


def _ended(books: Books, report: ExecutionReport) -> Decision:
    name = report.broker_order_id
    twin = books.twins.get(name)
    if twin is not None and twin.is_over:
        return NOTHING
    over = TwinEnded(
        at=report.at,
        trace=report.trace or ("" if twin is None else twin.trade_id),
        client_order_id=report.client_order_id,
        symbol=report.symbol or ("" if twin is None else twin.symbol),
        broker_order_id=name,
        reason=report.reason or report.kind.value,
    )
    filled = ZERO if twin is None else twin.filled
    ours = _ours(books, report.client_order_id)
    hides = report.kind in _ENDS and report.cumulative > filled
    return Decision((over,)) + (_told(report, ours) if hides and ours is not None else NOTHING)


def _told(report: ExecutionReport, ours: Known) -> Decision:
    """It may have traded more than was told: what is not on record yet comes with the answer."""
    return Decision(effects=(_question(ours, report.client_order_id),))


def _question(ours: Known, order_id: str) -> AskVenue:
    return AskVenue(
        trace=ours.trade_id, symbol=ours.symbol, client_order_id=order_id, since=ours.at, known=ours.ids
    )


def _cancel(name: str, twin: Twin) -> CancelAtVenue:
    return CancelAtVenue(
        trace=twin.trade_id,
        symbol=twin.symbol,
        client_order_id=twin.client_order_id,
        broker_order_id=name,
        is_stray=True,
    )
