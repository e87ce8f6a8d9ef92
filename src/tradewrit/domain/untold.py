"""Reports that count fills of which nobody told: these are asked for, and until they come nothing is over.

Used by the executor. Only an order's own fills count, each once; what the venue has counted is no fill.
"""

from tradewrit.domain.books import Books
from tradewrit.domain.conclusions import accepted, ask
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.events.orders import ENDS, Exec, ExecutionReport, OrderInDoubt
from tradewrit.domain.orders import On, Order, OrderState, can


def hides_fills(order: Order, report: ExecutionReport) -> bool:
    """Whether an order that ends, or is restated, has filled more by then than is in the books."""
    if report.cumulative <= order.filled or order.state is OrderState.DRAFT:
        return False
    if report.kind is Exec.RESTATED and report.quantity is not None:
        # After a split it is the same fills in more shares, and so is the whole.
        return not order.filled or report.quantity <= order.terms.quantity
    return report.kind in ENDS


def untold(books: Books, order: Order, report: ExecutionReport) -> Decision:
    """Ask for what such a report hides; of an end nothing else is concluded before the answer.

    Of a leg the entry's fills can be missing as well, which come before its own; and an entry is not over
    while a leg has filled more than it.
    """
    entry = books.orders.get(order.terms.parent or "")
    first = order if entry is None or entry.filled >= report.cumulative else entry
    question = Decision(effects=(ask(first),))
    if not order.is_live:  # its fills count all the same
        return question
    doubt = OrderInDoubt(
        at=report.at,
        trace=order.terms.trade_id,
        client_order_id=order.id,
        times=0,
        reason=f"it is {report.kind} with {report.cumulative} filled, and {order.filled} are in the books",
    )
    known = Decision((accepted(order, report),)) if can(order.state, On.ACCEPT) else NOTHING
    return known + Decision((doubt,)) + question
