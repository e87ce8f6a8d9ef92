"""executor: turns approvals into orders, and the venue's reports into facts. The one broker writer.

It commits an intent with a derived client order id before anything leaves, checks the facts again
at that moment, and never believes a report that asks for an impossible move.
Knows no strategy and no position arithmetic.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final, assert_never

from tradewrit.domain import reports
from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.denials import denied
from tradewrit.domain.drafts import drafts, listed, restated
from tradewrit.domain.effects import CancelAtVenue, PlaceOrders, ReplaceAtVenue, SetTimer
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
from tradewrit.domain.events.market import MarketStatusReported, SymbolHalted, SymbolHaltLifted, TimerFired
from tradewrit.domain.events.orders import (
    CancelOrder,
    CancelRefused,
    CancelRequested,
    ExecutionReport,
    FillQuestioned,
    GetOrderStatus,
    ModifyOrder,
    ModifyRefused,
    ModifyRequested,
    OrderRefused,
    OrderReleased,
    OrderRequested,
    OrderStatusReported,
    SubmitOrder,
)
from tradewrit.domain.events.positions import (
    ExitRequested,
    ProtectionMoved,
    ProtectionRequested,
    TradeAborted,
)
from tradewrit.domain.events.review import ReviewApproved, ReviewConsumed, ReviewInvalidated
from tradewrit.domain.events.writs import WritDenied, WritRevoked
from tradewrit.domain.market import SECOND, MarketPhase
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import Approved, On, Order, OrderState, OrderTerms, Role, can
from tradewrit.domain.signals import Market
from tradewrit.domain.terms import (
    entry_terms,
    exit_terms,
    listed_terms,
    order_id,
    order_notional,
    protection_terms,
)
from tradewrit.domain.writs import EXECUTOR, KEEPER
from tradewrit.risk import doubts
from tradewrit.risk.pretrade import objection_to_modify, objection_to_submit, objections
from tradewrit.risk.reconciling import TIMER as RECONCILE
from tradewrit.risk.reconciling import question, reconcile

NAME: Final = EXECUTOR
_HELD: Final = "held"
"""The timer after which what waits for the market is looked at once more."""
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
    | SharesSplit
    | TradingHalted
    | SymbolSuspended
    | FillQuestioned
    | WritDenied
    | WritRevoked
    | DeskStarted
    | ReconcileAccount
    | AccountReported
    | AccountUnavailable
    | PositionDisputed
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
        case ExecutionReport() if doubts.concerns(books, event):
            return doubts.judge(books, market, event)
        case ExecutionReport():
            return reports.interpret(books, event)
        case CancelOrder():
            return _cancel(books, event)
        case ModifyOrder():
            return _modify(books, event)
        case GetOrderStatus():
            return _status(books, event)
        case MarketStatusReported(status=status):
            is_open = status.phase is MarketPhase.OPEN
            return _released_drafts(books, event.at) if is_open else NOTHING
        case SymbolHalted(symbol=symbol):
            entries = (order for order in _entries(books) if order.terms.symbol == symbol)
            return _take_back(entries, event.at, NAME, f"halted by the venue: {books.paused[symbol]}")
        case SymbolHaltLifted():
            return _release(books, market, event.at)
        case SharesSplit():
            return _split(books, event)
        case TradingHalted():
            return _halt(books, event)
        case SymbolSuspended():
            return _suspend(books, event)
        case WritDenied():
            return denied(books, event)
        case WritRevoked():
            return _disown(books, event)
        case DeskStarted():
            return doubts.reopened(books, event.at) + Decision(effects=(question(books, "start"),))
        case ReconcileAccount(cause=cause):
            return Decision(effects=(question(books, cause),))
        case AccountReported():
            return reconcile(books, event) + _release(books, market, event.at)
        case AccountUnavailable():
            soon = SetTimer(timer=RECONCILE, about="", due_at=event.at + _SOON)
            return Decision(effects=(soon,))
        case PositionDisputed(symbol=symbol):
            entries = (order for order in _entries(books) if order.terms.symbol == symbol)
            return _take_back(entries, event.at, NAME, f"disputed: {books.disputed.get(symbol, symbol)}")
        case FillQuestioned(symbol=symbol):
            entries = (order for order in _entries(books) if order.terms.symbol == symbol)
            return _take_back(entries, event.at, NAME, f"questioned: {event.reason}")
        case TimerFired():
            return _look_again(books, market, event)
        case _:
            assert_never(event)


# -- entries


def _enter(books: Books, market: Market, event: ReviewApproved) -> Decision:
    trade, sized = event.trade_id, event.sized
    symbol = sized.proposal.symbol
    reasons = objections(books, market, event)
    is_asked = event.review_id in books.reviews
    if reasons:
        aborted = TradeAborted(
            at=event.at,
            trace=trade,
            trade_id=trade,
            symbol=symbol,
            outcome="rejected",
            reason="; ".join(reasons),
        )
        invalidated = ReviewInvalidated(
            at=event.at,
            trace=trade,
            review_id=event.review_id,
            trade_id=trade,
            reasons=reasons,
        )
        return Decision((invalidated, aborted))
    consumed = ReviewConsumed(at=event.at, trace=trade, review_id=event.review_id, trade_id=trade)
    entry = entry_terms(
        books.instrument(symbol), sized, order_id(books, sized.proposal.trade_id, Role.ENTRY, 0)
    )
    by = (f"risk:{event.risk_id}", *event.approved_by)
    orders, decided = listed_terms(books, sized, entry), sized.proposal.entry_price
    requested = _request(books, market, orders, by, event.at, decided, sized.cost)
    return Decision((consumed,)) + requested if is_asked else requested


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
    return _let_go(books, order, event.at)


def _release(books: Books, market: Market, at: int) -> Decision:
    """Drafts that were held leave as soon as the market is seen to be open."""
    return _released_drafts(books, at) if market.phase(at) is MarketPhase.OPEN else NOTHING


def _released_drafts(books: Books, at: int) -> Decision:
    decision = NOTHING
    for order in drafts(books):
        if order.terms.parent is None and order.terms.symbol not in books.paused:
            decision += _let_go(books, order, at)
    return decision


def _let_go(books: Books, order: Order, at: int) -> Decision:
    whole = listed(books, order)
    trade, terms = order.terms.trade_id, tuple(one.terms for one in whole)
    released = tuple(_released(books, one, at) for one in whole)
    return Decision(released, (_place(terms, order.approved_by, at, trade),))


def _released(books: Books, order: Order, at: int) -> OrderReleased:
    agent_id, token_id = books.standing(_holder(order.terms))
    return OrderReleased(
        at=at, trace=order.terms.trade_id, client_order_id=order.id, agent_id=agent_id, token_id=token_id
    )


def _split(books: Books, event: SharesSplit) -> Decision:
    changed = restated(books, event)
    return Decision(changed) if changed else NOTHING


# -- protection and exits: never wait for a human, a budget or a limit


def _protect(books: Books, event: ProtectionRequested) -> Decision:
    legs, by = protection_terms(books, event), ("protection",)
    return Decision(
        tuple(_intent(books, leg, by, event.at, event.stop_price) for leg in legs),
        (_place(legs, by, event.at, event.trace),),
    )


def _move(books: Books, event: ProtectionMoved) -> Decision:
    order = books.orders.get(event.client_order_id)
    if order is None or not can(order.state, On.ASK_REPLACE):
        return NOTHING  # it is being filled, cancelled or replaced: the keeper looks again after that
    return _replace(books, order, event.at, event.quantity, event.limit_price, event.stop_price)


def _exit(books: Books, market: Market, event: ExitRequested) -> Decision:
    terms, by = exit_terms(books, event), (f"exit:{event.reason}",)
    requested = _request(books, market, (terms,), by, event.at, market.mark(terms.symbol))
    if requested.effects:
        return requested
    # The report that led here may be from before the opening, by the venue's clock.
    timer = SetTimer(trace=event.trace, timer=_HELD, about=terms.client_order_id, due_at=event.at + _SOON)
    return requested + Decision(effects=(timer,))


# -- cancel, modify, status


def _cancel(books: Books, event: CancelOrder) -> Decision:
    order = books.orders.get(event.client_order_id)
    if order is None:
        return _no_cancel(event, "there is no such open order")
    if not order.is_live:
        return _no_cancel(event, f"the order is already {order.state}")
    if order.state is OrderState.PENDING_CANCEL:  # whoever asks again wants to know now
        return Decision(effects=(reports.ask(order),)) if order.is_in_doubt else NOTHING
    terms = order.terms
    needed_for = _needed_for(books, order)
    if needed_for and event.actor != KEEPER:
        return _no_cancel(event, needed_for)
    if order.state is OrderState.DRAFT:  # taken back without asking anybody
        reason = event.reason or "withdrawn before it was sent"
        return Decision(tuple(reports.cancelled(one, event.at, reason) for one in listed(books, order)))
    agent_id, token_id = books.standing(KEEPER)
    asked = CancelRequested(
        at=event.at,
        trace=terms.trade_id,
        client_order_id=order.id,
        reason=event.reason,
        agent_id=agent_id,
        token_id=token_id,
    )
    effect = CancelAtVenue(trace=terms.trade_id, symbol=terms.symbol, client_order_id=order.id)
    return Decision((asked,), (effect,))


def _needed_for(books: Books, order: Order) -> str:
    """Why nobody but the keeper may take a stop back; "" where it is not needed."""
    terms = order.terms
    if terms.role is not Role.STOP:
        return ""
    if terms.symbol in books.positions:
        return "it protects an open position; close the trade instead"
    entry = books.orders.get(terms.parent or "")
    is_asleep = entry is not None and entry.is_live
    return "it will protect what its entry brings; cancel the entry instead" if is_asleep else ""


def _no_cancel(event: CancelOrder, reason: str) -> Decision:
    refused = CancelRefused(
        at=event.at, trace=event.trace, client_order_id=event.client_order_id, reason=reason
    )
    return Decision((refused,))


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
    return _replace(books, order, event.at, event.quantity, event.limit_price, event.stop_price)


def _replace(
    books: Books,
    order: Order,
    at: int,
    quantity: Decimal | None,
    limit_price: Decimal | None,
    stop_price: Decimal | None,
) -> Decision:
    terms = order.terms
    # A leg leaves with its entry, under the entry's writ; once it is at the venue it is protection like any.
    agent_id, token_id = books.standing(KEEPER if terms.role.is_protective else EXECUTOR)
    asked = ModifyRequested(
        at=at,
        trace=terms.trade_id,
        client_order_id=order.id,
        quantity=quantity,
        limit_price=limit_price,  # type: ignore[arg-type]  # already a Price on every path
        stop_price=stop_price,  # type: ignore[arg-type]
        agent_id=agent_id,
        token_id=token_id,
    )
    effect = ReplaceAtVenue(
        trace=terms.trade_id,
        symbol=terms.symbol,
        client_order_id=order.id,
        quantity=asked.quantity,
        limit_price=asked.limit_price,
        stop_price=asked.stop_price,
    )
    return Decision((asked,), (effect,))


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
    return Decision((answer,), (reports.ask(order),))


def _look_again(books: Books, market: Market, event: TimerFired) -> Decision:
    if event.timer == doubts.TIMER:
        return doubts.asked_again(books, event.subject)
    if event.timer == _HELD:
        return _release(books, market, event.at)
    return Decision(effects=(question(books, "again"),)) if event.timer == RECONCILE else NOTHING


# -- a halt of the desk or of a symbol


def _halt(books: Books, event: TradingHalted) -> Decision:
    """Entries that may still trade are taken back; stops, targets and exits go on."""
    return _take_back(_entries(books), event.at, NAME, f"halted: {event.reason}")


def _disown(books: Books, event: WritRevoked) -> Decision:
    """What was sent under a writ that somebody took away is taken back: it must not outlive it.

    One that expired unrenewed is another matter: nobody has said no, and its entries may work on.
    """
    if event.agent != EXECUTOR:
        return NOTHING
    return _take_back(_entries(books), event.at, NAME, f"its writ was revoked: {event.reason}")


def _entries(books: Books) -> Iterator[Order]:
    return (order for order in _live(books) if order.terms.role is Role.ENTRY)


def _suspend(books: Books, event: SymbolSuspended) -> Decision:
    """Entries are taken back, and what never left stays here; the rest is the venue's to end."""
    ours = (
        order
        for order in _live(books)
        if order.terms.symbol == event.symbol
        if order.terms.role is Role.ENTRY or order.state is OrderState.DRAFT
        if order.terms.parent is None  # legs end with their entry
    )
    return _take_back(ours, event.at, KEEPER, f"suspended: {event.reason}")


def _live(books: Books) -> Iterator[Order]:
    return (order for order in books.orders.values() if order.is_live)


def _take_back(orders: Iterable[Order], at: int, actor: str, reason: str) -> Decision:
    return Decision(
        tuple(
            CancelOrder(
                at=at, trace=order.terms.trade_id, client_order_id=order.id, actor=actor, reason=reason
            )
            for order in orders
        )
    )


# -- intents and what leaves


def _request(
    books: Books,
    market: Market,
    orders: tuple[OrderTerms, ...],
    by: tuple[str, ...],
    at: int,
    decided: Decimal | None,
    reserved: Decimal = ZERO,
) -> Decision:
    """The intents, and with them the orders; held as drafts while nobody trades.

    reserved: for the first, which is the entry where there is one.
    """
    first, *legs = orders
    is_paused = first.symbol in books.paused
    is_open = market.phase(at) is MarketPhase.OPEN and not is_paused
    held = "" if is_open else "symbol halted" if is_paused else "market closed"
    requested = (
        _intent(books, first, by, at, decided, reserved, held),
        *(_intent(books, leg, by, at, decided, ZERO, held) for leg in legs),
    )
    return Decision(requested, (_place(orders, by, at, first.trade_id),) if is_open else ())


def _intent(
    books: Books,
    terms: OrderTerms,
    by: tuple[str, ...],
    at: int,
    decided: Decimal | None,
    reserved: Decimal = ZERO,
    held: str = "",
) -> OrderRequested:
    agent_id, token_id = books.standing(_holder(terms))
    return OrderRequested(
        at=at,
        trace=terms.trade_id,
        terms=terms,
        approved_by=by,
        reserved=reserved,
        held=held,
        agent_id=agent_id,
        token_id=token_id,
        notional=order_notional(books.instrument(terms.symbol), terms, decided),
    )


def _holder(terms: OrderTerms) -> str:
    """Whose writ an order goes out under; what only reduces risk does not depend on ours.

    Legs that are listed with an entry leave with it, under the entry's.
    """
    return KEEPER if terms.role.is_protective and terms.parent is None else EXECUTOR


def _place(orders: tuple[OrderTerms, ...], by: tuple[str, ...], at: int, trace: str) -> PlaceOrders:
    approved = Approved(orders=orders, by=by, at=at)
    return PlaceOrders(trace=trace, symbol=orders[0].symbol, approved=approved)
