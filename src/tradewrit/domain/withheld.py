"""Fills of a leg that were heard before those of its entry: they wait while the venue is asked for these.

What a stop or target has sold its entry had bought. Booked at once, such a fill would count as somebody
else's, and the entry's as well when it comes; no correction of either could be booked then. Used by the
executor.
"""

from collections.abc import Iterator
from typing import Final

from tradewrit.domain.books import Books, Withheld
from tradewrit.domain.conclusions import accepted, ask, works
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.effects import SetTimer
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import ExecutionReport, FillReleased, FillWithheld
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import UNHEARD, Order

TIMER: Final = "withheld"
"""The timer after which the entry is asked about once more; about its client order id."""
ENOUGH: Final = 3
"""How often the venue must have told all of the entry, before a fill that is not covered by it is booked."""


def comes_early(books: Books, order: Order, report: ExecutionReport) -> bool:
    """Whether a leg has traded more than its trade holds, and than its entry is known to have brought."""
    entry = books.orders.get(order.terms.parent or "")
    if entry is None or report.exec_id in books.withheld:  # what waits comes here again when it is let go
        return False
    ours = books.positions.get(order.terms.symbol)
    held = ours.quantity if ours is not None and ours.direction.exit_side is order.terms.side else ZERO
    if report.last_quantity <= held:  # also after a split, when the entry's count is in other shares
        return False
    return sum((leg.filled for leg in books.legs_of(entry.id)), report.last_quantity) > entry.filled


def withhold(books: Books, order: Order, report: ExecutionReport) -> Decision:
    """Put a fill aside that `comes_early`, and ask what its entry has traded: that it works is certain."""
    entry = books.orders[order.terms.parent or ""]
    events: list[Event] = [_put_aside(order, report, report.at, 0)]
    if order.state in UNHEARD:
        events.append(accepted(order, report))
    if entry.state in UNHEARD:
        events.append(works(entry, report.at))
    return Decision(tuple(events), (ask(entry),))


def covered(books: Books, entry: Order, at: int) -> Iterator[FillReleased]:
    """Let go, in the order of their times, what the entry covers by what it has filled."""
    if not books.withheld:
        return
    left = entry.filled - sum((leg.filled for leg in books.legs_of(entry.id)), ZERO)
    for waiting in waiting_for(books, entry):
        left -= waiting.report.last_quantity
        if left < 0:
            return
        yield _let_go(entry, waiting, at)


def waiting_for(books: Books, entry: Order) -> list[Withheld]:
    """The fills that wait for this entry's, the first to have traded first."""
    if not books.withheld:
        return []
    legs = {leg.id for leg in books.legs_of(entry.id)}
    waiting = [one for one in books.withheld.values() if one.report.client_order_id in legs]
    return sorted(waiting, key=lambda one: (one.report.at, one.report.exec_id))


def has_waiting(books: Books, order: Order) -> bool:
    """Whether fills of this order itself wait."""
    return any(one.report.client_order_id == order.id for one in books.withheld.values())


def not_told(books: Books, entry: Order, at: int, *, is_answer: bool) -> Decision:
    """The venue was asked for the entry's fills, and those that are waited for are not among what it said.

    is_answer: whether it said anything. After some answers what waits is booked as it stands: a fill of the
    entry may have been corrected, or others have sold what it brought.
    """
    waiting = waiting_for(books, entry)
    answers = min((one.answers for one in waiting), default=0) + is_answer
    if answers >= ENOUGH:  # and now for the entry itself, of which nothing was concluded meanwhile
        question = (ask(entry),) if entry.is_in_doubt else ()
        return Decision(tuple(_let_go(entry, one, at) for one in waiting), question)
    again = SetTimer(trace=entry.terms.trade_id, timer=TIMER, about=entry.id, due_at=at + 2**answers * SECOND)
    if not is_answer:
        return Decision(effects=(again,))
    legs = books.orders
    counted = (_put_aside(legs[one.report.client_order_id], one.report, at, answers) for one in waiting)
    return Decision(tuple(counted), (again,))


def asked_again(books: Books, entry_id: str, at: int) -> Decision:
    """Look whether a correction has brought what is waited for by now, and ask the venue once more."""
    entry = books.orders.get(entry_id)
    waiting = () if entry is None else waiting_for(books, entry)
    if entry is None or not waiting:
        return NOTHING
    enough = tuple(covered(books, entry, at))
    return Decision(enough, () if len(enough) == len(waiting) else (ask(entry),))


def _put_aside(order: Order, report: ExecutionReport, at: int, answers: int) -> FillWithheld:
    return FillWithheld(
        at=at, trace=order.terms.trade_id, client_order_id=order.id, report=report, answers=answers
    )


def _let_go(entry: Order, waiting: Withheld, at: int) -> FillReleased:
    report = waiting.report
    return FillReleased(
        at=at, trace=entry.terms.trade_id, client_order_id=report.client_order_id, exec_id=report.exec_id
    )
