"""executor: turns approvals into orders, and the venue's reports into facts. The one broker writer.

It commits an intent with a derived client order id before anything leaves, checks the facts again
at that moment, and never believes a report that asks for an impossible move.
Knows no strategy and no position arithmetic.
"""

from typing import Final, assert_never

from tradewrit.domain.books import Books
from tradewrit.domain.conclusions import aborted, ask
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.denials import denied
from tradewrit.domain.doubled import TIMER as TWIN
from tradewrit.domain.doubled import cancelled_again, judge, twin_of
from tradewrit.domain.drafts import let_go, released, released_if_open, split
from tradewrit.domain.effects import SetTimer
from tradewrit.domain.events.account import (
    AccountReported,
    AccountUnavailable,
    DeskStarted,
    PositionDisputed,
    ReconcileAccount,
    SymbolSuspended,
    TradingHalted,
)
from tradewrit.domain.events.corporate import SharesSplit
from tradewrit.domain.events.market import (
    MaintenanceBegan,
    MaintenanceEnded,
    MarketStatusReported,
    SymbolHalted,
    SymbolHaltLifted,
    TimerFired,
)
from tradewrit.domain.events.orders import (
    CancelOrder,
    ExecutionReport,
    FillQuestioned,
    FillReleased,
    GetOrderStatus,
    ModifyOrder,
    ModifyRefused,
    OrderRefused,
    OrderStatusReported,
    SubmitOrder,
)
from tradewrit.domain.events.positions import (
    ExitRequested,
    ProtectionMoved,
    ProtectionRequested,
)
from tradewrit.domain.events.review import EntryRequoted, ReviewApproved, ReviewConsumed, ReviewInvalidated
from tradewrit.domain.events.writs import WritDenied, WritRevoked
from tradewrit.domain.intents import change, intent, place, request
from tradewrit.domain.market import SECOND, MarketPhase
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import On, Role, can
from tradewrit.domain.reports import interpret, interpret_withheld
from tradewrit.domain.signals import Market
from tradewrit.domain.terms import (
    entry_terms,
    exit_terms,
    listed_terms,
    order_id,
    protection_terms,
)
from tradewrit.domain.withheld import TIMER as WITHHELD
from tradewrit.domain.withheld import asked_again
from tradewrit.domain.writs import EXECUTOR
from tradewrit.risk import doubts
from tradewrit.risk.pretrade import objection_to_modify, objection_to_submit, objections, requoted
from tradewrit.risk.reconciling import TIMER as RECONCILE
from tradewrit.risk.reconciling import question, reconcile
from tradewrit.risk.withdrawing import cancel, disowned, disputed, doubted, halted, shut, suspended

NAME: Final = EXECUTOR
_HELD: Final = "held"
"""The timer after which what waits for the market is looked at once more."""
_MAINTENANCE: Final = "maintenance"
"""The timer at whose time the venue should be at work again."""
_SOON: Final = 5 * SECOND
Hears = (
    ReviewApproved
    | SubmitOrder
    | ProtectionRequested
    | ProtectionMoved
    | ExitRequested
    | ExecutionReport
    | CancelOrder
    | ModifyOrder
    | GetOrderStatus
    | MarketStatusReported
    | SymbolHalted
    | SymbolHaltLifted
    | MaintenanceBegan
    | MaintenanceEnded
    | SharesSplit
    | TradingHalted
    | SymbolSuspended
    | WritDenied
    | WritRevoked
    | DeskStarted
    | ReconcileAccount
    | AccountReported
    | AccountUnavailable
    | PositionDisputed
    | FillQuestioned
    | FillReleased
    | TimerFired
)


def decide(books: Books, market: Market, event: Hears) -> Decision:
    """Send what was approved, ask for what was asked, and say what the venue's answers mean."""
    match event:
        case ReviewApproved():
            return _enter(books, market, event)
        case SubmitOrder():
            return _submit(books, market, event)
        case ProtectionRequested():
            return _protect(books, event)
        case ProtectionMoved():
            return _move(books, event)
        case ExitRequested():
            return _exit(books, market, event)
        case ExecutionReport() if (ours := twin_of(books, event)) is not None:
            return judge(books, ours, event)
        case ExecutionReport() if doubts.concerns(books, event):
            return doubts.judge(books, market, event)
        case ExecutionReport():
            return interpret(books, event)
        case FillReleased(exec_id=exec_id):
            return interpret_withheld(books, exec_id)
        case CancelOrder():
            return cancel(books, event)
        case ModifyOrder():
            return _modify(books, event)
        case GetOrderStatus():
            return _status(books, event)
        case MarketStatusReported(status=status):
            is_open = status.phase is MarketPhase.OPEN
            return released(books, event.at) if is_open else NOTHING
        case PositionDisputed():
            return disputed(books, event)
        case FillQuestioned():
            return doubted(books, event)
        case SymbolHalted():
            return shut(books, event)
        case MaintenanceBegan():
            return shut(books, event) + Decision(effects=(_compare_after(books),))
        case SymbolHaltLifted() | MaintenanceEnded():
            return released_if_open(books, market, event.at)
        case SharesSplit():
            return split(books, event)
        case TradingHalted():
            return halted(books, event)
        case SymbolSuspended():
            return suspended(books, event)
        case WritDenied():
            return denied(books, event)
        case WritRevoked():
            return disowned(books, event)
        case DeskStarted():
            asked = question(books, "start")
            again = (_compare_after(books),) if books.maintenance else ()
            reopened = doubts.reopened(books, event.at) + cancelled_again(books)
            return reopened + Decision(effects=(asked, *again))
        case ReconcileAccount(cause=cause):
            return Decision(effects=(question(books, cause),))
        case AccountReported():
            return (
                reconcile(books, event) + _reopened(books, event) + released_if_open(books, market, event.at)
            )
        case AccountUnavailable():
            soon = SetTimer(timer=RECONCILE, about="", due_at=event.at + _SOON)
            return Decision(effects=(soon,))
        case TimerFired():
            return _look_again(books, market, event)
        case _:
            assert_never(event)


def _compare_after(books: Books) -> SetTimer:
    """As soon as the venue's maintenance is over the account is compared: what was in flight is known."""
    return SetTimer(timer=_MAINTENANCE, about="", due_at=books.maintenance)


def _reopened(books: Books, event: AccountReported) -> Decision:
    is_over = 0 < books.maintenance <= event.at
    return Decision((MaintenanceEnded(at=event.at),)) if is_over else NOTHING


# -- entries


def _enter(books: Books, market: Market, event: ReviewApproved) -> Decision:
    trade, sized = event.trade_id, event.sized
    symbol = sized.proposal.symbol
    reasons = objections(books, market, event)
    is_asked = event.review_id in books.reviews
    if reasons:
        return _not_entered(books, market, event, reasons, is_asked=is_asked)
    consumed = ReviewConsumed(at=event.at, trace=trade, review_id=event.review_id, trade_id=trade)
    entry = entry_terms(
        books.instrument(symbol), sized, order_id(books, sized.proposal.trade_id, Role.ENTRY, 0)
    )
    by = (f"risk:{event.risk_id}", *event.approved_by)
    orders, decided = listed_terms(books, sized, entry), sized.proposal.entry_price
    requested = request(books, market, orders, by, event.at, decided, sized.cost)
    return Decision((consumed,)) + requested if is_asked else requested


def _not_entered(
    books: Books, market: Market, event: ReviewApproved, reasons: tuple[str, ...], *, is_asked: bool
) -> Decision:
    """An approval that may not be used: it is dead, and the trade with it, or asked about at a new price."""
    trade, symbol = event.trade_id, event.sized.proposal.symbol
    invalidated = ReviewInvalidated(
        at=event.at, trace=trade, review_id=event.review_id, trade_id=trade, reasons=reasons
    )
    proposal = requoted(books, market, event, reasons) if is_asked else None
    if proposal is not None:
        anew = EntryRequoted(
            at=event.at, trace=trade, trade_id=trade, proposal=proposal, replaces=event.review_id
        )
        return Decision((invalidated, anew))
    over = aborted(trade, symbol, event.at, "rejected", "; ".join(reasons))
    return Decision((invalidated, over))


def _submit(books: Books, market: Market, event: SubmitOrder) -> Decision:
    trade = books.trades.get(event.trade_id)
    order = None if trade is None else books.orders.get(trade.entry_id)
    reason = objection_to_submit(books, market, event, trade, order)
    if reason is not None or order is None:
        refused = OrderRefused(
            at=event.at,
            trace=event.trade_id,
            trade_id=event.trade_id,
            symbol="" if trade is None else trade.symbol,
            client_order_id="",
            reason=reason or "nothing to send",
        )
        return Decision((refused,))
    return let_go(books, order, event.at)


# -- protection and exits: never wait for a human, a budget or a limit


def _protect(books: Books, event: ProtectionRequested) -> Decision:
    legs, by = protection_terms(books, event), ("protection",)
    return Decision(
        tuple(intent(books, leg, by, event.at, event.stop_price) for leg in legs),
        (place(legs, by, event.at),),
    )


def _move(books: Books, event: ProtectionMoved) -> Decision:
    order = books.orders.get(event.client_order_id)
    if order is None or not can(order.state, On.ASK_REPLACE):
        return NOTHING  # it is being filled, cancelled or replaced: the keeper looks again after that
    return change(books, order, event.at, event.quantity, event.limit_price, event.stop_price)


def _exit(books: Books, market: Market, event: ExitRequested) -> Decision:
    terms, by = exit_terms(books, event), (f"exit:{event.reason}",)
    requested = request(books, market, (terms,), by, event.at, market.mark(terms.symbol))
    if requested.effects:
        return requested
    # The report that led here may be from before the opening, by the venue's clock.
    timer = SetTimer(trace=event.trace, timer=_HELD, about=terms.client_order_id, due_at=event.at + _SOON)
    return requested + Decision(effects=(timer,))


# -- modify, status


def _modify(books: Books, event: ModifyOrder) -> Decision:
    order = books.orders.get(event.client_order_id)
    reason = objection_to_modify(books, event, order)
    if reason is not None or order is None:
        refused = ModifyRefused(
            at=event.at,
            trace=event.trace,
            client_order_id=event.client_order_id,
            reason=reason or "there is no such open order",
        )
        return Decision((refused,))
    return change(books, order, event.at, event.quantity, event.limit_price, event.stop_price)


def _status(books: Books, event: GetOrderStatus) -> Decision:
    order = books.orders.get(event.client_order_id)
    answer = OrderStatusReported(
        at=event.at,
        client_order_id=event.client_order_id,
        state=None if order is None else order.state,
        filled=ZERO if order is None else order.filled,
        average_price=None if order is None else order.average_price,
    )
    if not event.fresh or order is None:
        return Decision((answer,))
    return Decision((answer,), (ask(order),))


def _look_again(books: Books, market: Market, event: TimerFired) -> Decision:
    if event.timer == doubts.TIMER:
        return doubts.asked_again(books, event.subject, event.at)
    if event.timer == TWIN:
        return cancelled_again(books, event.subject)
    if event.timer == WITHHELD:
        return asked_again(books, event.subject, event.at)
    if event.timer == _HELD:
        return released_if_open(books, market, event.at)
    cause = {RECONCILE: "again", _MAINTENANCE: "maintenance"}.get(event.timer)
    return NOTHING if cause is None else Decision(effects=(question(books, cause),))
