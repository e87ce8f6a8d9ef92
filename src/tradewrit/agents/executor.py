"""executor: turns approvals into orders, and the venue's reports into facts. The one broker writer.

It commits an intent with a derived client order id before anything leaves, checks the facts again
at that moment, and never believes a report that asks for an impossible move.
Knows no strategy and no position arithmetic.
"""

from decimal import Decimal
from typing import Final, assert_never

from tradewrit.domain import reports
from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.effects import AskVenue, CancelAtVenue, PlaceOrders, ReplaceAtVenue
from tradewrit.domain.events.account import SymbolSuspended, TradingHalted, WritDenied
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import SharesSplit
from tradewrit.domain.events.market import MarketStatusReported
from tradewrit.domain.events.orders import (
    CancelOrder,
    CancelRefused,
    CancelRequested,
    ExecutionReport,
    GetOrderStatus,
    ModifyOrder,
    ModifyRefused,
    ModifyRequested,
    OrderCancelled,
    OrderRefused,
    OrderReleased,
    OrderRequested,
    OrderRestated,
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
from tradewrit.domain.ids import client_order_id, review_id
from tradewrit.domain.market import MarketPhase
from tradewrit.domain.money import EXACT, ZERO
from tradewrit.domain.orders import (
    Approved,
    On,
    Order,
    OrderState,
    OrderTerms,
    OrderType,
    Role,
    Side,
    TimeInForce,
    can,
)
from tradewrit.domain.positions import Direction
from tradewrit.domain.proposals import Sized
from tradewrit.domain.signals import Market
from tradewrit.risk.limits import breaches, facts
from tradewrit.risk.protection import KEEPER
from tradewrit.risk.sizing import cost

NAME: Final = "executor"
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
    | SharesSplit
    | TradingHalted
    | SymbolSuspended
    | WritDenied
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
        case ExecutionReport():
            return reports.interpret(books, event)
        case CancelOrder():
            return _cancel(books, event)
        case ModifyOrder():
            return _modify(books, event)
        case GetOrderStatus():
            return _status(books, event)
        case MarketStatusReported():
            return _release(books, event)
        case SharesSplit():
            return _restate_drafts(books, event)
        case TradingHalted():
            return _halt(books, event)
        case SymbolSuspended():
            return _suspend(books, event)
        case WritDenied():
            return _denied(books, event)
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
    is_open = market.phase(event.at) is MarketPhase.OPEN
    requested = OrderRequested(
        at=event.at,
        trace=trade,
        terms=entry_terms(books, sized),
        approved_by=(f"risk:{event.risk_id}", *event.approved_by),
        reserved=sized.cost,
        held="" if is_open else "market closed",
    )
    events: tuple[Event, ...] = (consumed, requested) if is_asked else (requested,)
    return Decision(events, (_place(requested),) if is_open else ())


def objections(books: Books, market: Market, event: ReviewApproved) -> tuple[str, ...]:
    """Why an approval may no longer be used: the facts are checked again at the last moment."""
    found = []
    sized = event.sized
    proposal = sized.proposal
    if event.at >= event.expires_at:
        found.append("the approval has expired")
    if event.sized_hash != sized.hash:
        found.append("the terms are not those that were approved")
    price = market.mark(proposal.symbol)
    if price is None:
        found.append("there is no price")
    else:
        drift = EXACT.divide(abs(price - proposal.entry_price) * 10_000, proposal.entry_price)
        if drift > books.review.max_drift_bps:
            shown = drift.quantize(Decimal("0.1"), context=EXACT)
            found.append(f"the price moved {shown} bps, at most {books.review.max_drift_bps} are allowed")
    now = facts(books, market.mark, event.at)
    found.extend(f"{b.limit}: {b.message}" for b in breaches(books, sized, now))
    return tuple(found)


def entry_terms(books: Books, sized: Sized) -> OrderTerms:
    """The entry order of a sized trade: at market until it fills, or a limit for the day."""
    proposal = sized.proposal
    is_limit = proposal.entry_type is OrderType.LIMIT
    instrument = books.instrument(proposal.symbol)
    # A price the market printed need not be on the grid; ours is, and never worse than was approved.
    snap = instrument.price_down if proposal.side is Side.BUY else instrument.price_up
    return OrderTerms(
        client_order_id=_id(books, proposal.trade_id, Role.ENTRY, 0),
        trade_id=proposal.trade_id,
        symbol=proposal.symbol,
        side=proposal.side,
        quantity=instrument.qty(sized.quantity),
        type=OrderType.LIMIT if is_limit else OrderType.MARKET,
        role=Role.ENTRY,
        time_in_force=TimeInForce.DAY if is_limit else TimeInForce.GTC,
        limit_price=snap(proposal.entry_price) if is_limit else None,
    )


def _submit(books: Books, market: Market, event: SubmitOrder) -> Decision:
    trade = books.trades.get(event.trade_id)
    order = None if trade is None else books.orders.get(trade.entry_id)
    reason = None
    if trade is None:
        reason = "there is no such open trade"
    elif event.risk_id != trade.risk_id or not trade.risk_id:
        reason = "the risk decision is not the one this trade passed"
    elif order is None:
        reason = "no approved entry is waiting for this trade"
    elif order.state is not OrderState.DRAFT:
        reason = f"the entry is already {order.state}"
    elif event.review_id != review_id(books.journal_id, trade.id):
        reason = "the review is not the one that let this trade through"
    elif market.phase(event.at) is not MarketPhase.OPEN:
        reason = "the market is closed; the order leaves when it opens"
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
    return _let_go(order, event.at)


def _release(books: Books, event: MarketStatusReported) -> Decision:
    """The market opened: drafts that were held leave now."""
    if event.status.phase is not MarketPhase.OPEN:
        return NOTHING
    decision = NOTHING
    for order in books.orders.values():
        if order.state is OrderState.DRAFT:
            decision += _let_go(order, event.at)
    return decision


def _let_go(order: Order, at: int) -> Decision:
    terms = order.terms
    released = OrderReleased(at=at, trace=terms.trade_id, client_order_id=order.id)
    approved = Approved(orders=(terms,), by=order.approved_by, at=at)
    return Decision((released,), (PlaceOrders(trace=terms.trade_id, symbol=terms.symbol, approved=approved),))


def _restate_drafts(books: Books, event: SharesSplit) -> Decision:
    """Orders that never left are in nobody's book but ours; the venue restates those it has."""
    restated = tuple(
        _restated(books, order, event)
        for order in books.orders.values()
        if order.state is OrderState.DRAFT and order.terms.symbol == event.symbol
    )
    return Decision(restated) if restated else NOTHING


def _restated(books: Books, order: Order, event: SharesSplit) -> OrderRestated | OrderCancelled:
    terms, ratio, instrument = order.terms, event.ratio, books.instrument(event.symbol)
    quantity = instrument.qty(ratio.quantity(terms.quantity))
    if not quantity:
        return _withdrawn(order, event.at, "a split left it less than a lot")
    direction = Direction.opened_by(terms.side if terms.role is Role.ENTRY else terms.side.opposite)
    limit_price, stop_price = (
        None if price is None else ratio.order_price(price, direction, instrument)
        for price in (terms.limit_price, terms.stop_price)
    )
    return OrderRestated(
        at=event.at,
        trace=terms.trade_id,
        client_order_id=order.id,
        trade_id=terms.trade_id,
        symbol=terms.symbol,
        role=terms.role,
        quantity=quantity,
        filled=order.filled,
        limit_price=limit_price,
        stop_price=stop_price,
    )


# -- protection and exits: never wait for a human, a budget or a limit


def _protect(books: Books, event: ProtectionRequested) -> Decision:
    can_reduce = books.capabilities.reduce_only
    pair = f"oco:{event.trade_id}:{event.attempt}" if books.capabilities.oco else None
    stop = OrderTerms(
        client_order_id=_id(books, event.trade_id, Role.STOP, event.attempt),
        trade_id=event.trade_id,
        symbol=event.symbol,
        side=event.side,
        quantity=books.instrument(event.symbol).qty(event.quantity),
        type=OrderType.STOP,
        role=Role.STOP,
        stop_price=event.stop_price,
        reduce_only=can_reduce,
        oco=pair if event.target_price is not None else None,
    )
    legs = [stop]
    if pair is not None and event.target_price is not None:
        legs.append(
            OrderTerms(
                client_order_id=_id(books, event.trade_id, Role.TARGET, event.attempt),
                trade_id=event.trade_id,
                symbol=event.symbol,
                side=event.side,
                quantity=stop.quantity,
                type=OrderType.LIMIT,
                role=Role.TARGET,
                limit_price=event.target_price,
                reduce_only=can_reduce,
                oco=pair,
            )
        )
    by = ("protection",)
    return Decision(
        tuple(OrderRequested(at=event.at, trace=event.trace, terms=leg, approved_by=by) for leg in legs),
        (
            PlaceOrders(
                trace=event.trace,
                symbol=event.symbol,
                approved=Approved(orders=tuple(legs), by=by, at=event.at),
            ),
        ),
    )


def _move(books: Books, event: ProtectionMoved) -> Decision:
    order = books.orders.get(event.client_order_id)
    if order is None or not can(order.state, On.ASK_REPLACE):
        return NOTHING  # it is being filled, cancelled or replaced: the keeper looks again after that
    return _replace(order, event.at, event.quantity, event.limit_price, event.stop_price)


def _exit(books: Books, market: Market, event: ExitRequested) -> Decision:
    is_limit = event.limit_price is not None
    terms = OrderTerms(
        client_order_id=_id(books, event.trade_id, Role.EXIT, event.attempt),
        trade_id=event.trade_id,
        symbol=event.symbol,
        side=event.side,
        quantity=books.instrument(event.symbol).qty(event.quantity),
        type=OrderType.LIMIT if is_limit else OrderType.MARKET,
        role=Role.EXIT,
        limit_price=event.limit_price,
        reduce_only=books.capabilities.reduce_only,
    )
    is_open = market.phase(event.at) is MarketPhase.OPEN
    requested = OrderRequested(
        at=event.at,
        trace=event.trace,
        terms=terms,
        approved_by=(f"exit:{event.reason}",),
        held="" if is_open else "market closed",
    )
    return Decision((requested,), (_place(requested),) if is_open else ())


# -- cancel, modify, status


def _cancel(books: Books, event: CancelOrder) -> Decision:
    order = books.orders.get(event.client_order_id)
    if order is None:
        return _no_cancel(event, "there is no such open order")
    if not order.is_live:
        return _no_cancel(event, f"the order is already {order.state}")
    if order.state is OrderState.PENDING_CANCEL:
        return NOTHING
    terms = order.terms
    is_naked = terms.role is Role.STOP and terms.symbol in books.positions
    if is_naked and event.actor != KEEPER:
        return _no_cancel(event, "it protects an open position; close the trade instead")
    if order.state is OrderState.DRAFT:
        return Decision((_withdrawn(order, event.at, event.reason or "withdrawn before it was sent"),))
    asked = CancelRequested(at=event.at, trace=terms.trade_id, client_order_id=order.id, reason=event.reason)
    effect = CancelAtVenue(trace=terms.trade_id, symbol=terms.symbol, client_order_id=order.id)
    return Decision((asked,), (effect,))


def _withdrawn(order: Order, at: int, reason: str) -> OrderCancelled:
    """A draft is taken back without asking anybody."""
    terms = order.terms
    return OrderCancelled(
        at=at,
        trace=terms.trade_id,
        client_order_id=order.id,
        trade_id=terms.trade_id,
        symbol=terms.symbol,
        role=terms.role,
        filled=ZERO,
        reason=reason,
    )


def _no_cancel(event: CancelOrder, reason: str) -> Decision:
    refused = CancelRefused(
        at=event.at, trace=event.trace, client_order_id=event.client_order_id, reason=reason
    )
    return Decision((refused,))


def _modify(books: Books, event: ModifyOrder) -> Decision:
    order = books.orders.get(event.client_order_id)
    reason = _no_modify(books, order, event)
    if reason is not None or order is None:
        refused = ModifyRefused(
            at=event.at,
            trace=event.trace,
            client_order_id=event.client_order_id,
            reason=reason or "there is no such open order",
        )
        return Decision((refused,))
    return _replace(order, event.at, event.quantity, event.limit_price, event.stop_price)


def _no_modify(books: Books, order: Order | None, event: ModifyOrder) -> str | None:
    if order is None:
        return "there is no such open order"
    if not can(order.state, On.ASK_REPLACE):
        return f"the order is {order.state}"
    if event.version != order.version:
        return f"you saw version {event.version}, the order is at version {order.version}: look again"
    if order.terms.role is not Role.ENTRY:
        return "protective orders are moved by position_keeper: use position.update_stop"
    quantity = event.quantity if event.quantity is not None else order.terms.quantity
    price = event.limit_price if event.limit_price is not None else order.terms.limit_price
    if quantity <= order.filled:
        return f"{order.filled} have already filled"
    if quantity > order.terms.quantity:
        return "more than was approved: that needs a new proposal"
    instrument = books.instrument(order.terms.symbol)
    if not instrument.is_on_lot(quantity):
        return f"{quantity} is not a multiple of the lot {instrument.lot}"
    if price is not None and cost(books, quantity, price, instrument) > order.reserved:
        return "it would cost more than was approved: that needs a new proposal"
    return None


def _replace(
    order: Order,
    at: int,
    quantity: Decimal | None,
    limit_price: Decimal | None,
    stop_price: Decimal | None,
) -> Decision:
    terms = order.terms
    asked = ModifyRequested(
        at=at,
        trace=terms.trade_id,
        client_order_id=order.id,
        quantity=quantity,
        limit_price=limit_price,  # type: ignore[arg-type]  # already a Price on every path
        stop_price=stop_price,  # type: ignore[arg-type]
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
    return Decision((answer,), (AskVenue(symbol=order.terms.symbol, client_order_id=event.client_order_id),))


def _halt(books: Books, event: TradingHalted) -> Decision:
    """Entries that may still trade are taken back; stops, targets and exits go on."""
    return Decision(
        tuple(
            CancelOrder(
                at=event.at,
                trace=order.terms.trade_id,
                client_order_id=order.id,
                actor=NAME,
                reason=f"halted: {event.reason}",
            )
            for order in books.orders.values()
            if order.terms.role is Role.ENTRY and order.is_live
        )
    )


def _suspend(books: Books, event: SymbolSuspended) -> Decision:
    """Entries are taken back, and what never left stays here; the rest is the venue's to end."""
    return Decision(
        tuple(
            CancelOrder(
                at=event.at,
                trace=order.terms.trade_id,
                client_order_id=order.id,
                actor=KEEPER,
                reason=f"suspended: {event.reason}",
            )
            for order in books.orders.values()
            if order.terms.symbol == event.symbol and order.is_live
            if order.terms.role is Role.ENTRY or order.state is OrderState.DRAFT
        )
    )


def _denied(books: Books, event: WritDenied) -> Decision:
    """Without a writ nothing was sent: the intent becomes a refusal, not an unknown."""
    order = books.orders.get(event.subject)
    if order is None:
        return NOTHING
    at, trace, reason = event.at, order.terms.trade_id, f"no writ: {event.reason}"
    match order.state:
        case OrderState.SUBMITTED:
            decision = NOTHING
            for listed in _listed_with(books, order):
                decision += reports.rejected(listed, at, "no_writ", reason)
            return decision
        case OrderState.PENDING_CANCEL:
            return Decision(
                (CancelRefused(at=at, trace=trace, client_order_id=order.id, reason=reason, is_answer=True),)
            )
        case OrderState.PENDING_REPLACE:
            return Decision(
                (ModifyRefused(at=at, trace=trace, client_order_id=order.id, reason=reason, is_answer=True),)
            )
        case _:
            return NOTHING


def _listed_with(books: Books, order: Order) -> list[Order]:
    """The order and, for the first of an OCO, the other that was to be sent in the same list."""
    label = order.terms.oco
    if label is None:
        return [order]
    return [
        other
        for other in books.orders_of(order.terms.trade_id)
        if other.terms.oco == label and other.state is OrderState.SUBMITTED
    ]


def _place(requested: OrderRequested) -> PlaceOrders:
    terms = requested.terms
    approved = Approved(orders=(terms,), by=requested.approved_by, at=requested.at)
    return PlaceOrders(trace=requested.trace, symbol=terms.symbol, approved=approved)


def _id(books: Books, trade: str, role: Role, attempt: int) -> str:
    return client_order_id(books.journal_id, books.account, trade, role, attempt)
