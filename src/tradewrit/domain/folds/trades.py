"""Folds of trades: from the candidate over its protection to the log, or to an early end.

An ended trade leaves the books with its orders and reviews; what it earned stays in the totals. Knows no
cash and no lots.
"""

from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from tradewrit.domain.books import Books, Lapsed
from tradewrit.domain.events import positions as ps
from tradewrit.domain.events import risk as rk
from tradewrit.domain.events import strategy as st
from tradewrit.domain.folds.base import Fold, Folds, latest, with_item, without
from tradewrit.domain.money import EXACT, ZERO, canonical
from tradewrit.domain.orders import OrderState
from tradewrit.domain.positions import OPENED_BY
from tradewrit.domain.trades import On as TradeOn
from tradewrit.domain.trades import Trade
from tradewrit.domain.trades import advance as trade_advance
from tradewrit.domain.trades import can as trade_can
from tradewrit.domain.twins import Known, known

# A fill that crossed our cancel comes within seconds; the rest is for the reconciliation.
_MOST_LAPSED: Final = 32
_MOST_GONE: Final = 64
_LATE: Final = frozenset({OrderState.CANCELLED, OrderState.EXPIRED})


def change_trade(books: Books, trade_id: str, on: TradeOn | None, **changes: object) -> Books:
    """The books with an open trade moved by `on`, None for no move, and these fields changed.

    As they were if the trade is not open, or its table knows no such move.
    """
    trade = books.trades.get(trade_id)
    if trade is None:
        return books
    if on is not None:
        if not trade_can(trade.state, on):
            return books
        changes["state"] = trade_advance(trade.state, on)
    return replace(books, trades=with_item(books.trades, trade_id, replace(trade, **changes)))


def _end(books: Books, trade_id: str) -> Books:
    """Forget an ended trade: what it did is in the totals and in the journal."""
    trade = books.trades.get(trade_id)
    if trade is None:
        return books
    orders = {key: order for key, order in books.orders.items() if order.terms.trade_id != trade_id}
    return replace(
        books,
        gone=_gone(books, trade_id),
        trades=without(books.trades, trade_id),
        active={symbol: active for symbol, active in books.active.items() if active != trade_id},
        orders=orders,
        withheld={key: one for key, one in books.withheld.items() if one.report.client_order_id in orders},
        reviews={key: task for key, task in books.reviews.items() if task.trade_id != trade_id},
    )


def _gone(books: Books, trade_id: str) -> dict[str, Known]:
    """By what the venue called the orders of a trade that ends: word of another under their ids may come."""
    sent = {order.id: known(order) for order in books.orders_of(trade_id) if order.broker_order_id}
    return latest(books.gone | sent, lambda one: one.at, _MOST_GONE) if sent else books.gone


def _candidate(books: Books, event: st.CandidateFound) -> Books:
    if event.trade_id in books.trades:
        return books
    trade = Trade(
        id=event.trade_id,
        symbol=event.symbol,
        strategy=event.strategy,
        direction=OPENED_BY[event.side],
        correlation=event.scan,
    )
    trade = replace(trade, state=trade_advance(trade.state, TradeOn.DETECT))
    return replace(
        books,
        trades=with_item(books.trades, trade.id, trade),
        active=with_item(books.active, event.symbol, trade.id),
    )


def _risk_approved(books: Books, event: rk.RiskApproved) -> Books:
    trade_id = event.sized.proposal.trade_id
    books = change_trade(books, trade_id, None, risk_id=event.decision, sized=event.sized)
    symbol = event.sized.proposal.symbol
    if symbol in books.refused:
        books = replace(books, refused=without(books.refused, symbol))
    return books


def _limit_exceeded(books: Books, event: rk.LimitExceeded) -> Books:
    names = tuple(breach.limit for breach in event.breaches)
    books = replace(books, refused=with_item(books.refused, event.symbol, names))
    if event.review_id:  # an edit was refused: the question stands
        return books
    return _end(books, event.trade_id)


def _opened(books: Books, event: ps.PositionOpened) -> Books:
    return change_trade(
        books,
        event.trade_id,
        None,
        stop_price=event.stop_price,
        target_price=event.target_price,
        extreme=event.entry_price,
        opened_at=event.at,
    )


def _added(books: Books, event: ps.PositionAdded) -> Books:
    return change_trade(
        books, event.trade_id, None, stop_price=event.stop_price, target_price=event.target_price
    )


def _stop_failed(books: Books, event: ps.StopFailed) -> Books:
    trade = books.trades.get(event.trade_id)
    if trade is None:
        return books
    # It counts whatever the state: a trade that is being left can fail to be protected as well.
    books = change_trade(books, trade.id, None, failures=trade.failures + event.is_refused)
    return change_trade(books, trade.id, TradeOn.LOSE_STOP)


def _stop_lapsed(books: Books, event: ps.StopLapsed) -> Books:
    # No failure of anybody's, and the trade can be left as before: that is how the venue is.
    return change_trade(books, event.trade_id, None, stop_lapsed=True)


def _triggered(reason: str) -> Fold:
    def fold(books: Books, event: ps.StopHit | ps.TargetHit) -> Books:
        return change_trade(books, event.trade_id, TradeOn.TRIGGER, exit_reason=reason)

    return fold


def _exit_requested(books: Books, event: ps.ExitRequested) -> Books:
    trade = books.trades.get(event.trade_id)
    if trade is None:
        return books
    return change_trade(
        books, trade.id, None, attempts=event.attempt, exit_reason=event.reason, stop_lapsed=False
    )


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


def _aborted(books: Books, event: ps.TradeAborted) -> Books:
    trade = books.trades.get(event.trade_id)
    entry = None if trade is None else books.orders.get(trade.entry_id)
    others = {order.id: order for order in books.orders_of(event.trade_id) if order.is_sent}
    books = _end(books, event.trade_id)
    if trade is None or entry is None or not entry.is_sent:
        return books
    if entry.state not in _LATE and not entry.is_given_up:
        return books
    lapsed = with_item(books.lapsed, entry.id, Lapsed(trade, others | {entry.id: entry}))
    return replace(books, lapsed=latest(lapsed, lambda one: one.entry.sent_at, _MOST_LAPSED))


def _revived(books: Books, event: ps.TradeRevived) -> Books:
    lapsed = books.lapsed_with(event.client_order_id)
    if lapsed is None or event.symbol in books.active:
        return books
    trade, named = lapsed.trade, event.client_order_id
    # A record from before legs were remembered names none, and what followed it counts on none.
    back = {key: order for key, order in lapsed.orders.items() if key == named or key in event.orders}
    for key, order in back.items():
        if key in event.asked or (key == named and event.is_open):
            back[key] = replace(order, state=OrderState.UNKNOWN, doubt_since=event.at, doubts=0, reason="")
    return replace(
        books,
        trades=with_item(books.trades, trade.id, trade),
        orders=books.orders | back,
        active=with_item(books.active, event.symbol, trade.id),
        lapsed=without(books.lapsed, trade.entry_id),
    )


FOLDS: Final[Folds] = {
    st.CandidateFound: _candidate,
    st.HoldSignalled: lambda books, e: replace(
        books, refused=with_item(books.refused, e.symbol, (e.reason,))
    ),
    st.ExitSignalled: lambda books, e: change_trade(books, e.trade_id, TradeOn.TRIGGER, exit_reason=e.reason),
    st.TradeLogged: _trade_logged,
    rk.LimitExceeded: _limit_exceeded,
    rk.RiskApproved: _risk_approved,
    ps.PositionOpened: _opened,
    ps.PositionAdded: _added,
    ps.ProtectionRequested: lambda books, e: change_trade(
        books, e.trade_id, None, attempts=e.attempt, stop_lapsed=False
    ),
    ps.StopSet: lambda books, e: change_trade(books, e.trade_id, TradeOn.PROTECT, failures=0),
    ps.StopMoved: lambda books, e: change_trade(
        books, e.trade_id, TradeOn.PROTECT, stop_price=e.stop_price, failures=0
    ),
    ps.StopFailed: _stop_failed,
    ps.StopLapsed: _stop_lapsed,
    ps.StopHit: _triggered("stop"),
    ps.TargetHit: _triggered("target"),
    ps.ExitRequested: _exit_requested,
    ps.ExitSent: lambda books, e: change_trade(
        books, e.trade_id, TradeOn.SEND_EXIT, exit_id=e.client_order_id
    ),
    ps.PositionClosed: lambda books, e: change_trade(books, e.trade_id, TradeOn.CLOSE),
    ps.TradeAborted: _aborted,
    ps.TradeRevived: _revived,
    ps.ProtectionRestated: lambda books, e: change_trade(
        books,
        e.trade_id,
        None,
        stop_price=e.stop_price,
        target_price=e.target_price,
        extreme=e.extreme,
    ),
}
