"""The books held against the venue: what differs, and what is done about it. Used by the executor.

The venue's answer took its time, and so did the reports on their way to us: a difference counts once it
was seen twice in a row, the same each time, and not both times at one moment. An order that the venue does
not list is asked about at once; that harms nobody. Whatever others do in the account is taken into the books
apart and never undone.
Knows no venue and sends nothing.
"""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from tradewrit.domain.books import Books, Lapsed
from tradewrit.domain.conclusions import ask, doubted, restated
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.differences import Difference, Differs
from tradewrit.domain.doubled import ask_about, cancelled_again
from tradewrit.domain.effects import AskAccount, CancelAtVenue, SetTimer
from tradewrit.domain.events.account import (
    AccountReconciled,
    AccountReported,
    ExternalOrderSeen,
    OrderFound,
    PositionAgreed,
    PositionDisputed,
)
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import SymbolHalted, SymbolHaltLifted
from tradewrit.domain.market import MINUTE, SECOND
from tradewrit.domain.money import ZERO, canonical_qty
from tradewrit.domain.orders import Order, OrderState, OrderTerms
from tradewrit.domain.strays import recalled, unwanted
from tradewrit.domain.withheld import has_waiting, waiting_for
from tradewrit.risk.protection import is_growing

TIMER: Final = "reconcile"
"""The timer after which the account is asked for once more; about nothing."""
SOON: Final = 2 * SECOND
"""After a difference that is new, when to look whether it stays; what is seen again sooner proves nothing."""
OVERLAP: Final = 15 * MINUTE
"""From how long before the last time on executions are asked for."""
_TRADES: Final = "trades"
_WORKS: Final = frozenset({OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED})
_AT_VENUE: Final = _WORKS | {OrderState.PENDING_CANCEL, OrderState.PENDING_REPLACE}


def question(books: Books, cause: str) -> AskAccount:
    """Ask for the account; its executions from well before those that are known, since they may come late.

    Our clock may be an hour off, so the venue's own time counts: that of the last fill that is booked. Before
    the first there is only the opening, and what was traded before that is part of the opening's cash.
    """
    if not books.filled_at:
        return AskAccount(since=books.opened_at, cause=cause)
    known = min(books.reconciled_at, books.filled_at) - OVERLAP
    return AskAccount(since=max(known, min(books.opened_at, books.filled_at)), cause=cause)


def reconcile(books: Books, report: AccountReported) -> Decision:
    """What differs goes on record; what has differed before in the same way is acted on."""
    at, listed = report.at, {terms.client_order_id: terms for terms in report.orders}
    found = tuple(_differences(books, report, listed))
    summary = AccountReconciled(
        at=at,
        cause=report.cause,
        orders=len(report.orders),
        positions=len(report.positions),
        differences=found,
        strangers=tuple(name for name in listed if not _is_at_work(books, name)),
    )
    # A question that was denied, or whose timer was lost, is put again: of entries
    # first, which had brought what their legs traded.
    unsettled = [one for one in books.orders.values() if one.is_in_doubt or waiting_for(books, one)]
    unsettled.sort(key=lambda order: order.terms.parent is not None)
    asked = tuple(ask(order) for order in unsettled)
    count = Counter(terms.client_order_id for terms in report.orders)
    twice = sorted(name for name in count if count[name] > 1)
    decision = Decision((summary, *_agreed(books, found, at)), asked)
    decision += cancelled_again(books) + ask_about(books, twice)
    is_new, is_later = False, at - books.reconciled_at >= SOON
    for one in found:
        if one.kind is Differs.MISSING:
            decision += doubted(books.orders[one.subject], at, "the venue does not list it as working")
        elif is_later and books.suspects.get(one.key) == one.said:
            decision += _acted_on(books, one, listed, at)
        else:
            is_new = True
    if is_new:
        decision += Decision(effects=(SetTimer(timer=TIMER, about="", due_at=at + SOON),))
    return decision


def _differences(
    books: Books, report: AccountReported, listed: dict[str, OrderTerms]
) -> Iterator[Difference]:
    doubled = {twin.client_order_id for twin in books.twins.values() if not twin.is_over}
    for order in books.orders.values():
        if order.state not in _AT_VENUE or has_waiting(books, order):
            continue
        terms = listed.get(order.id)
        if terms is None:
            if not order.doubt_since:
                yield Difference(kind=Differs.MISSING, subject=order.id, ours=order.state, theirs="none")
        elif order.id in doubled:
            continue  # which of the two is listed nobody can say
        elif order.state in _WORKS and not is_growing(books, order) and not order.is_in_doubt:
            ours, theirs = _worked(order), _asked(terms)
            if ours != theirs:
                yield Difference(kind=Differs.TERMS, subject=order.id, ours=ours, theirs=theirs)
    for name, terms in listed.items():
        if not _is_at_work(books, name) and name not in books.strangers and name not in doubled:
            ours = books.orders[name].state if name in books.orders else "none"
            yield Difference(kind=Differs.STRANGER, subject=name, ours=ours, theirs=_asked(terms))
    yield from _halts(books, report)
    symbols = books.positions.keys() | books.external.keys() | report.positions.keys()
    for symbol in sorted(symbols - books.suspended.keys()):
        ours_held, theirs_held = books.units(symbol), report.positions.get(symbol, ZERO)
        if ours_held != theirs_held:
            yield Difference(
                kind=Differs.POSITION, subject=symbol, ours=f"{ours_held:f}", theirs=f"{theirs_held:f}"
            )


def _halts(books: Books, report: AccountReported) -> Iterator[Difference]:
    """Symbols that are halted by the one and trade by the other; for what reason is no matter."""
    if report.halts is None:
        return
    for symbol in sorted(books.paused.keys() ^ report.halts.keys()):
        ours, theirs = books.paused.get(symbol, _TRADES), report.halts.get(symbol, _TRADES)
        yield Difference(kind=Differs.HALT, subject=symbol, ours=ours, theirs=theirs)


def _is_at_work(books: Books, order_id: str) -> bool:
    order = books.orders.get(order_id)
    return order is not None and order.is_live


def _worked(order: Order) -> str:
    return _said(order.remaining, order.terms)


def _asked(terms: OrderTerms) -> str:
    return _said(terms.quantity, terms)


def _said(quantity: Decimal, terms: OrderTerms) -> str:
    # A trailing stop's price is the venue's to move.
    stop = None if terms.trail_fraction is not None else terms.stop_price
    prices = "".join(
        f" {name} {price:f}" for name, price in (("limit", terms.limit_price), ("stop", stop)) if price
    )
    return f"{canonical_qty(quantity):f}{prices}"


def _agreed(books: Books, found: tuple[Difference, ...], at: int) -> Iterator[Event]:
    disputed = {one.subject for one in found if one.kind is Differs.POSITION}
    for symbol in books.disputed:
        if symbol not in disputed and symbol not in books.suspended:
            yield PositionAgreed(at=at, symbol=symbol)


def _acted_on(books: Books, one: Difference, listed: dict[str, OrderTerms], at: int) -> Decision:
    match one.kind:
        case Differs.POSITION:
            return _disputed(books, one, at)
        case Differs.TERMS:
            order, terms = books.orders[one.subject], listed[one.subject]
            whole, prices = order.filled + terms.quantity, (terms.limit_price, terms.stop_price)
            if whole > order.terms.quantity:
                # No venue asks for more by itself: the list is older than a fill, or than our last change.
                return doubted(order, at, f"the venue lists more of it than the {order.remaining} left to it")
            return Decision((restated(order, at, whole, order.filled, *prices),))
        case Differs.HALT if one.theirs == _TRADES:
            return Decision((SymbolHaltLifted(at=at, symbol=one.subject),))
        case Differs.HALT:
            return Decision((SymbolHalted(at=at, symbol=one.subject, reason=one.theirs),))
        case _:
            return _stranger(books, one.subject, listed, at)


def _disputed(books: Books, one: Difference, at: int) -> Decision:
    symbol, theirs = one.subject, Decimal(one.theirs)
    ours = Decimal(one.ours)
    if books.disputed.get(symbol) == f"{ours} in the books, {theirs} at the venue":
        return NOTHING
    disputed = PositionDisputed(
        at=at,
        trace=books.active.get(symbol, ""),
        symbol=symbol,
        ours=ours,
        theirs=theirs,
        todo=f"find out what happened to {symbol} at the venue; then adopt what it holds, by name",
    )
    return Decision((disputed,))


def _stranger(books: Books, name: str, listed: dict[str, OrderTerms], at: int) -> Decision:
    """An order that was given up, and works after all, is ours to end; anybody else's is not."""
    ours = books.orders.get(name)
    if ours is not None:
        found = OrderFound(
            at=at,
            trace=ours.terms.trade_id,
            client_order_id=ours.id,
            symbol=ours.terms.symbol,
            state=ours.state,
        )
        cancel = CancelAtVenue(
            trace=ours.terms.trade_id, symbol=ours.terms.symbol, client_order_id=ours.id, is_stray=True
        )
        return Decision((found,), (cancel,))
    lapsed, terms = books.lapsed_with(name), listed[name]
    if lapsed is None or terms.symbol in books.active:  # beside another trade it is a person's to settle
        # Unless the venue took the id of one that is over a second time.
        return Decision((ExternalOrderSeen(at=at, terms=terms),)) + ask_about(books, (name,))
    if name == lapsed.trade.entry_id:
        return unwanted(lapsed, at)
    return _leg(lapsed, name, listed, at)


def _leg(lapsed: Lapsed, name: str, listed: dict[str, OrderTerms], at: int) -> Decision:
    """A leg of a trade that was given up works; so does its entry, which is looked at, or that is over."""
    order = lapsed.orders[name]
    if not order.is_given_up:  # the venue has ended it itself
        return Decision((ExternalOrderSeen(at=at, terms=listed[name]),))
    is_first = name == next(one for one in listed if one in lapsed.orders)
    is_alone = lapsed.trade.entry_id not in listed
    return recalled(lapsed, order, at) if is_alone and is_first else NOTHING
