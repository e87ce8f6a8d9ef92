"""`evolve`: how each event changes the books. The one place that knows every event."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from tradewrit.domain.books import Books, Lapsed, PendingFee
from tradewrit.domain.events import account as ac
from tradewrit.domain.events import corporate as co
from tradewrit.domain.events import funding as fu
from tradewrit.domain.events import orders as od
from tradewrit.domain.events import positions as ps
from tradewrit.domain.events import review as rv
from tradewrit.domain.events import risk as rk
from tradewrit.domain.events import strategy as st
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.registry import JOURNALLED
from tradewrit.domain.funding import funded
from tradewrit.domain.money import EXACT, ZERO, canonical, canonical_qty
from tradewrit.domain.orders import On, Order, OrderState, Role, can
from tradewrit.domain.orders import advance as advance_order
from tradewrit.domain.positions import Direction, book
from tradewrit.domain.reviews import Review, ReviewState, Verdict
from tradewrit.domain.reviews import advance as review_advance
from tradewrit.domain.reviews import can as review_can
from tradewrit.domain.splits import split_position
from tradewrit.domain.trades import On as TradeOn
from tradewrit.domain.trades import Trade
from tradewrit.domain.trades import advance as trade_advance
from tradewrit.domain.trades import can as trade_can

Fold = Callable[[Books, Any], Books]
# A fill that crossed our cancel comes within seconds; the rest is for the reconciliation.
_MOST_LAPSED: Final = 32
_LATE: Final = frozenset({OrderState.CANCELLED, OrderState.EXPIRED})
K = TypeVar("K")
V = TypeVar("V")


def evolve(books: Books, event: Event) -> Books:
    """The books after `event`. Pure and total; events that carry no state only raise the count."""
    fold = FOLDS.get(type(event))
    if fold is None:
        return replace(books, events=books.events + 1)
    changed = fold(books, event)
    return replace(changed, events=books.events + 1)


def _with(mapping: dict[K, V], key: K, value: V) -> dict[K, V]:
    copy = dict(mapping)
    copy[key] = value
    return copy


def _without(mapping: dict[K, V], *keys: K) -> dict[K, V]:
    return {key: value for key, value in mapping.items() if key not in keys}


# -- trades


def _trade(books: Books, trade_id: str, on: TradeOn | None, **changes: object) -> Books:
    trade = books.trades.get(trade_id)
    if trade is None:
        return books
    if on is not None:
        if not trade_can(trade.state, on):
            return books
        changes["state"] = trade_advance(trade.state, on)
    return replace(books, trades=_with(books.trades, trade_id, replace(trade, **changes)))


def _end(books: Books, trade_id: str) -> Books:
    """Forget an ended trade: what it did is in the totals and in the journal."""
    trade = books.trades.get(trade_id)
    if trade is None:
        return books
    return replace(
        books,
        trades=_without(books.trades, trade_id),
        active={symbol: active for symbol, active in books.active.items() if active != trade_id},
        orders={key: order for key, order in books.orders.items() if order.terms.trade_id != trade_id},
        reviews={key: task for key, task in books.reviews.items() if task.trade_id != trade_id},
    )


def _aborted(books: Books, event: ps.TradeAborted) -> Books:
    trade = books.trades.get(event.trade_id)
    entry = None if trade is None else books.orders.get(trade.entry_id)
    books = _end(books, event.trade_id)
    if trade is None or entry is None or not entry.is_sent or entry.state not in _LATE:
        return books
    lapsed = _with(books.lapsed, entry.id, Lapsed(trade, entry))
    return replace(books, lapsed=dict(list(lapsed.items())[-_MOST_LAPSED:]))


def _revived(books: Books, event: ps.TradeRevived) -> Books:
    lapsed = books.lapsed.get(event.client_order_id)
    if lapsed is None or event.symbol in books.active:
        return books
    return replace(
        books,
        trades=_with(books.trades, lapsed.trade.id, lapsed.trade),
        orders=_with(books.orders, lapsed.order.id, lapsed.order),
        active=_with(books.active, event.symbol, lapsed.trade.id),
        lapsed=_without(books.lapsed, event.client_order_id),
    )


def _candidate(books: Books, event: st.CandidateFound) -> Books:
    if event.trade_id in books.trades:
        return books
    trade = Trade(
        id=event.trade_id,
        symbol=event.symbol,
        strategy=event.strategy,
        direction=Direction.opened_by(event.side),
        correlation=event.scan,
    )
    trade = replace(trade, state=trade_advance(trade.state, TradeOn.DETECT))
    return replace(
        books,
        trades=_with(books.trades, trade.id, trade),
        active=_with(books.active, event.symbol, trade.id),
    )


def _limit_exceeded(books: Books, event: rk.LimitExceeded) -> Books:
    names = tuple(breach.limit for breach in event.breaches)
    books = replace(books, refused=_with(books.refused, event.symbol, names))
    if event.review_id:  # an edit was refused: the question stands
        return books
    return _end(books, event.trade_id)


def _risk_approved(books: Books, event: rk.RiskApproved) -> Books:
    trade_id = event.sized.proposal.trade_id
    books = _trade(books, trade_id, None, risk_id=event.decision, sized=event.sized)
    symbol = event.sized.proposal.symbol
    if symbol in books.refused:
        books = replace(books, refused=_without(books.refused, symbol))
    return books


def _trade_logged(books: Books, event: st.TradeLogged) -> Books:
    trade = books.trades.get(event.trade_id)
    if trade is None:
        return books
    stats = books.stats
    planned = trade.sized.worst_loss if trade.sized is not None else ZERO
    reward = EXACT.divide(event.pnl, planned) if planned else ZERO
    stats = replace(
        stats,
        trades=event.trades,
        wins=event.wins,
        realised=canonical(stats.realised + event.pnl),
        reward_risk_sum=canonical(stats.reward_risk_sum + reward.quantize(Decimal("1E-8"), context=EXACT)),
    )
    return replace(_end(books, event.trade_id), stats=stats)


# -- reviews


def _review(books: Books, review_id: str, verdict: Verdict | None, **changes: object) -> Books:
    task = books.reviews.get(review_id)
    if task is None:
        return books
    if verdict is not None:
        if not review_can(task.state, verdict):
            return books
        changes["state"] = review_advance(task.state, verdict)
    nonce = changes.pop("nonce", "")
    if nonce:
        changes["seen"] = (*task.seen, nonce)
    return replace(books, reviews=_with(books.reviews, review_id, replace(task, **changes)))


def _review_requested(books: Books, event: rv.ReviewRequested) -> Books:
    known = books.reviews.get(event.review_id)
    if known is not None and not review_can(known.state, Verdict.REISSUE):
        return books
    task = Review(
        id=event.review_id,
        trade_id=event.trade_id,
        version=event.version,
        state=ReviewState.PENDING,
        shown=event.shown,
        shown_hash=event.shown_hash,
        people_needed=event.people_needed,
        created_at=event.at if known is None else known.created_at,
        expires_at=event.expires_at,
        seen=() if known is None else known.seen,
    )
    books = replace(books, reviews=_with(books.reviews, task.id, task))
    return _trade(books, event.trade_id, TradeOn.ASK)


def _review_endorsed(books: Books, event: rv.ReviewEndorsed) -> Books:
    task = books.reviews.get(event.review_id)
    if task is None:
        return books
    return _review(
        books,
        event.review_id,
        None,
        approved_by=(*task.approved_by, event.actor),
        nonce=event.nonce,
    )


def _review_approved(books: Books, event: rv.ReviewApproved) -> Books:
    books = _review(
        books,
        event.review_id,
        Verdict.APPROVE,
        approved_by=event.approved_by,
        nonce=event.nonce,
    )
    return _trade(books, event.trade_id, TradeOn.APPROVE, sized=event.sized)


# -- orders


def _order(books: Books, order_id: str, on: On | None, **changes: object) -> Books:
    order = books.orders.get(order_id)
    if order is None:
        return books
    if on is not None:
        if not can(order.state, on):
            return books
        changes["state"] = _next(order, on)
    return replace(books, orders=_with(books.orders, order_id, replace(order, **changes)))


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
    )
    books = replace(books, orders=_with(books.orders, order.id, order))
    match terms.role:
        case Role.ENTRY:
            on = None if event.held else TradeOn.PLACE
            return _trade(books, terms.trade_id, on, entry_id=order.id)
        case Role.STOP:
            return _trade(books, terms.trade_id, None, stop_id=order.id)
        case Role.TARGET:
            return _trade(books, terms.trade_id, None, target_id=order.id)
        case Role.EXIT:
            return _trade(books, terms.trade_id, None, exit_id=order.id)


def _order_released(books: Books, event: od.OrderReleased) -> Books:
    order = books.orders.get(event.client_order_id)
    if order is None:
        return books
    books = _order(books, order.id, On.SUBMIT, is_sent=True)
    if order.terms.role is Role.ENTRY:
        return _trade(books, order.terms.trade_id, TradeOn.PLACE)
    return books


def _filled(books: Books, event: od.OrderPartiallyFilled) -> Books:
    order = books.orders.get(event.client_order_id)
    if order is None:
        return books
    on = On.FILL_REST if isinstance(event, od.OrderFilled) else On.FILL_SOME
    return _order(
        books,
        order.id,
        on,
        filled=canonical_qty(event.cumulative),
        value=canonical(order.value + event.price * event.quantity),
    )


def _refused(pending: OrderState) -> Fold:
    """Back to work, if what was refused is what the order waits for."""

    def fold(books: Books, event: od.CancelRefused | od.ModifyRefused) -> Books:
        order = books.orders.get(event.client_order_id)
        if order is None or not event.is_answer or order.state is not pending:
            return books
        return _order(books, order.id, On.REFUSE)

    return fold


def _modified(books: Books, event: od.OrderModified) -> Books:
    order = books.orders.get(event.client_order_id)
    if order is None:
        return books
    terms = replace(
        order.terms,
        quantity=event.quantity,
        limit_price=event.limit_price,
        stop_price=event.stop_price,
    )
    return _order(
        books,
        order.id,
        On.REPLACE,
        terms=terms,
        version=event.version,
        broker_order_id=event.broker_order_id,
    )


def _restated(books: Books, event: od.OrderRestated) -> Books:
    order = books.orders.get(event.client_order_id)
    if order is None or not order.is_live:
        return books
    terms = replace(
        order.terms,
        quantity=event.quantity,
        limit_price=event.limit_price,
        stop_price=event.stop_price,
    )
    return _order(books, order.id, None, terms=terms, filled=event.filled)


# -- positions and cash


def _fill_booked(books: Books, event: ps.FillBooked) -> Books:
    fill = event.fill
    held = books.positions.get(fill.symbol)
    position, closed = book(held, fill, books.instrument(fill.symbol))
    positions = (
        _without(books.positions, fill.symbol)
        if position is None
        else _with(books.positions, fill.symbol, position)
    )
    unsettled = tuple(entry for entry in books.unsettled if entry[0] > fill.at)
    if fill.settles_at > fill.at and event.cash_change > 0:
        unsettled = (*unsettled, (fill.settles_at, event.cash_change))
    books = replace(
        books,
        positions=positions,
        cash=canonical(books.cash + event.cash_change),
        unsettled=unsettled,
        stats=replace(books.stats, fees=canonical(books.stats.fees + fill.fee)),
    )
    trade = books.trades.get(fill.trade_id)
    if trade is None:
        return books
    return _trade(
        books,
        trade.id,
        TradeOn.FILL if event.role is Role.ENTRY else None,
        realised=canonical(trade.realised + sum((lot.gross for lot in closed), ZERO)),
        fees=canonical(trade.fees + fill.fee),
    )


def _opened(books: Books, event: ps.PositionOpened) -> Books:
    return _trade(
        books,
        event.trade_id,
        None,
        stop_price=event.stop_price,
        target_price=event.target_price,
        extreme=event.entry_price,
        opened_at=event.at,
    )


def _added(books: Books, event: ps.PositionAdded) -> Books:
    return _trade(books, event.trade_id, None, stop_price=event.stop_price, target_price=event.target_price)


def _stop_failed(books: Books, event: ps.StopFailed) -> Books:
    trade = books.trades.get(event.trade_id)
    if trade is None:
        return books
    # It counts whatever the state: a trade that is being left can fail to be protected as well.
    books = _trade(books, trade.id, None, failures=trade.failures + 1)
    return _trade(books, trade.id, TradeOn.LOSE_STOP)


def _triggered(reason: str) -> Fold:
    def fold(books: Books, event: ps.StopHit | ps.TargetHit) -> Books:
        return _trade(books, event.trade_id, TradeOn.TRIGGER, exit_reason=reason)

    return fold


def _exit_requested(books: Books, event: ps.ExitRequested) -> Books:
    trade = books.trades.get(event.trade_id)
    if trade is None:
        return books
    return _trade(books, trade.id, None, attempts=event.attempt, exit_reason=event.reason)


# -- corporate actions


def _split_booked(books: Books, event: co.SplitBooked) -> Books:
    held = books.positions.get(event.symbol)
    if held is None:
        return books
    instrument = books.instrument(event.symbol)
    after = split_position(held, event.ratio, event.price, instrument, event.at)
    positions = (
        _without(books.positions, event.symbol)
        if after.position is None
        else _with(books.positions, event.symbol, after.position)
    )
    books = replace(books, positions=positions, cash=canonical(books.cash + event.cash_change))
    return _earned(books, event.symbol, sum((lot.gross for lot in after.closed), ZERO))


def _dividend_booked(books: Books, event: co.DividendBooked) -> Books:
    books = replace(books, cash=canonical(books.cash + event.cash_change))
    return _earned(books, event.symbol, event.cash_change)


def _delisting_booked(books: Books, event: co.DelistingBooked) -> Books:
    books = replace(
        books,
        positions=_without(books.positions, event.symbol),
        cash=canonical(books.cash + event.cash_change),
    )
    return _earned(books, event.symbol, sum((lot.gross for lot in event.closed), ZERO))


def _earned(books: Books, symbol: str, amount: Decimal) -> Books:
    """What a corporate action brought belongs to the open trade."""
    trade = books.trade_in(symbol)
    if trade is None or not amount:
        return books
    return _trade(books, trade.id, None, realised=canonical(trade.realised + amount))


# -- funding and late fees


def _funding_booked(books: Books, event: fu.FundingBooked) -> Books:
    held, paid = books.positions.get(event.symbol), event.cash_change
    if held is None:
        return books
    after = funded(held, event.price, event.rate, books.instrument(event.symbol))
    books = replace(
        books,
        positions=_with(books.positions, event.symbol, after),
        cash=canonical(books.cash + paid),
        stats=replace(books.stats, funding=canonical(books.stats.funding + paid)),
    )
    trade = books.trade_in(event.symbol)
    if trade is None:
        return books
    return _trade(books, trade.id, None, funding=canonical(trade.funding + paid))


def _fee_booked(books: Books, event: od.FeeBooked) -> Books:
    """A fee that comes after its trade was logged still comes out of what was realised."""
    trade, stats = books.trades.get(event.trade_id), books.stats
    realised = stats.realised if trade is not None else canonical(stats.realised - event.fee)
    books = replace(
        books,
        cash=canonical(books.cash - event.fee),
        pending_fees=_without(books.pending_fees, event.exec_id),
        stats=replace(stats, fees=canonical(stats.fees + event.fee), realised=realised),
    )
    if trade is None:
        return books
    return _trade(books, trade.id, None, fees=canonical(trade.fees + event.fee))


# -- suspended symbols


def _symbol_suspended(books: Books, event: ac.SymbolSuspended) -> Books:
    books = replace(books, suspended=_with(books.suspended, event.symbol, event.reason))
    return _trade(books, books.active.get(event.symbol, ""), TradeOn.SUSPEND)


def _symbol_resumed(books: Books, event: ac.SymbolResumed) -> Books:
    books = replace(books, suspended=_without(books.suspended, event.symbol))
    return _trade(books, books.active.get(event.symbol, ""), TradeOn.RESUME)


FOLDS: Final[Mapping[type[Event], Fold]] = {
    ac.AccountOpened: lambda books, e: replace(
        books,
        journal_id=e.journal_id,
        account=e.account,
        currency=e.currency,
        mode=e.mode,
        margin=e.margin,
        strategy=e.strategy,
        entry_type=e.entry_type,
        reverse=e.reverse,
        sizing=e.sizing,
        limits=e.limits,
        review=e.review,
        fees=e.fees,
        capabilities=e.capabilities,
        instruments={instrument.symbol: instrument for instrument in e.instruments},
        initial_cash=e.initial_cash,
        cash=e.initial_cash,
        high_water=e.initial_cash,
    ),
    ac.InstrumentListed: lambda books, e: replace(
        books, instruments=_with(books.instruments, e.instrument.symbol, e.instrument)
    ),
    ac.LimitsChanged: lambda books, e: replace(books, limits=e.limits),
    ac.HighWaterRaised: lambda books, e: replace(books, high_water=e.equity),
    ac.CashMoved: lambda books, e: replace(
        books,
        cash=canonical(books.cash + e.amount),
        # A deposit is not a profit and a withdrawal no loss: the mark moves along.
        high_water=canonical(books.high_water + e.amount),
    ),
    ac.TradingHalted: lambda books, e: replace(books, halted=e.reason or "halted"),
    ac.TradingResumed: lambda books, _: replace(books, halted=""),
    ac.SymbolSuspended: _symbol_suspended,
    ac.SymbolResumed: _symbol_resumed,
    st.CandidateFound: _candidate,
    st.HoldSignalled: lambda books, e: replace(books, refused=_with(books.refused, e.symbol, (e.reason,))),
    st.ExitSignalled: lambda books, e: _trade(books, e.trade_id, TradeOn.TRIGGER, exit_reason=e.reason),
    st.TradeLogged: _trade_logged,
    rk.LimitExceeded: _limit_exceeded,
    rk.RiskApproved: _risk_approved,
    rk.DrawdownAlerted: lambda books, _: replace(books, is_drawdown_blocked=True),
    rk.DrawdownCleared: lambda books, _: replace(books, is_drawdown_blocked=False),
    rv.ReviewRequested: _review_requested,
    rv.ReviewEndorsed: _review_endorsed,
    rv.ReviewApproved: _review_approved,
    rv.ReviewModified: lambda books, e: _review(books, e.review_id, Verdict.MODIFY, nonce=e.nonce),
    rv.ReviewKept: lambda books, e: _review(books, e.review_id, Verdict.REISSUE, note=e.reason),
    rv.ReviewRejected: lambda books, e: _review(
        books, e.review_id, Verdict.REJECT, nonce=e.nonce, note=e.reason
    ),
    rv.ReviewExpired: lambda books, e: _review(books, e.review_id, Verdict.EXPIRE),
    rv.ReviewWithdrawn: lambda books, e: _review(books, e.review_id, Verdict.WITHDRAW, note=e.reason),
    rv.ReviewInvalidated: lambda books, e: _review(
        books, e.review_id, Verdict.INVALIDATE, note="; ".join(e.reasons)
    ),
    rv.ReviewConsumed: lambda books, e: _review(books, e.review_id, Verdict.CONSUME),
    od.OrderRequested: _order_requested,
    od.OrderReleased: _order_released,
    od.OrderAccepted: lambda books, e: _order(
        books, e.client_order_id, On.ACCEPT, broker_order_id=e.broker_order_id
    ),
    od.OrderRejected: lambda books, e: _order(books, e.client_order_id, On.REJECT, reason=e.reason),
    od.OrderUnknown: lambda books, e: _order(books, e.client_order_id, On.LOSE, reason=e.reason),
    od.OrderPartiallyFilled: _filled,
    od.OrderFilled: _filled,
    od.CancelRequested: lambda books, e: _order(books, e.client_order_id, On.ASK_CANCEL),
    od.OrderCancelled: lambda books, e: _order(books, e.client_order_id, On.CANCEL, reason=e.reason),
    od.CancelRefused: _refused(OrderState.PENDING_CANCEL),
    od.ModifyRequested: lambda books, e: _order(books, e.client_order_id, On.ASK_REPLACE),
    od.OrderModified: _modified,
    od.ModifyRefused: _refused(OrderState.PENDING_REPLACE),
    od.OrderRestated: _restated,
    od.OrderExpired: lambda books, e: _order(books, e.client_order_id, On.EXPIRE),
    od.OrderRefused: lambda books, e: _order(books, e.client_order_id, On.CANCEL, reason=e.reason),
    ps.FillBooked: _fill_booked,
    ps.PositionOpened: _opened,
    ps.PositionAdded: _added,
    ps.ProtectionRequested: lambda books, e: _trade(books, e.trade_id, None, attempts=e.attempt),
    ps.StopSet: lambda books, e: _trade(books, e.trade_id, TradeOn.PROTECT, failures=0),
    ps.StopMoved: lambda books, e: _trade(
        books, e.trade_id, TradeOn.PROTECT, stop_price=e.stop_price, failures=0
    ),
    ps.StopFailed: _stop_failed,
    ps.StopHit: _triggered("stop"),
    ps.TargetHit: _triggered("target"),
    ps.ExitRequested: _exit_requested,
    ps.ExitSent: lambda books, e: _trade(books, e.trade_id, TradeOn.SEND_EXIT, exit_id=e.client_order_id),
    ps.PositionClosed: lambda books, e: _trade(books, e.trade_id, TradeOn.CLOSE),
    ps.TradeAborted: _aborted,
    ps.TradeRevived: _revived,
    ps.ProtectionRestated: lambda books, e: _trade(
        books,
        e.trade_id,
        None,
        stop_price=e.stop_price,
        target_price=e.target_price,
        extreme=e.extreme,
    ),
    co.SplitBooked: _split_booked,
    co.DividendBooked: _dividend_booked,
    co.DelistingBooked: _delisting_booked,
    fu.FundingBooked: _funding_booked,
    od.FeePending: lambda books, e: replace(
        books,
        pending_fees=_with(
            books.pending_fees, e.exec_id, PendingFee(e.trade_id, e.symbol, e.fee, e.fee_currency)
        ),
    ),
    od.FeeBooked: _fee_booked,
}
STATELESS: Final = JOURNALLED - frozenset(FOLDS)
"""Journalled events that explain, and change nothing."""
