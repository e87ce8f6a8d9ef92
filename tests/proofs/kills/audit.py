"""What must hold of an account however often its desk was killed: the venue's word against the journal's.

Pure: takes what both say, returns what does not hold.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from tradewrit.domain.books import Books
from tradewrit.domain.events import orders as said
from tradewrit.domain.events.account import ExternalBooked, TradingHalted, TradingResumed
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import Exec, ExecutionReport, OrderPartiallyFilled, OrderRequested
from tradewrit.domain.events.positions import FillBooked
from tradewrit.domain.money import ZERO, exactly
from tradewrit.domain.orders import TERMINAL, OrderState, OrderTerms, Role, Side

_OVER: Final = (
    said.OrderFilled,
    said.OrderCancelled,
    said.OrderRejected,
    said.OrderExpired,
    said.OrderRefused,
)
_IN_DOUBT: Final = frozenset(
    {OrderState.SUBMITTED, OrderState.UNKNOWN, OrderState.PENDING_CANCEL, OrderState.PENDING_REPLACE}
)


class Venue(msgspec.Struct, frozen=True, kw_only=True):
    """What the exchange says. reports: everything it ever reported, with the number of its event."""

    cash: Decimal
    positions: Mapping[str, Decimal]
    working: Sequence[OrderTerms]
    executions: Sequence[ExecutionReport]
    reports: Sequence[tuple[int, ExecutionReport]]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What the desk says. books: its journal, folded from the first record.

    shortcut: hash of the same from its last snapshot on. live_cash, live_held: of the process itself.
    fault: what is wrong with the chain, "" when it is intact.
    halts: (from, to) numbers of venue events between which trading was halted and nothing in flight.
    """

    events: Sequence[Event]
    books: Books
    shortcut: str
    live_cash: Decimal
    live_held: Mapping[str, Decimal]
    fault: str = ""
    halts: Sequence[tuple[int, int]] = ()


def audit(venue: Venue, account: Account) -> list[str]:
    """Everything that does not hold, in the words of a trader; empty when all does."""
    intents = {one.terms.client_order_id: one.terms for one in account.events if type(one) is OrderRequested}
    with exactly():
        return [
            *_doubled(venue, account, intents),
            *_lost(venue, account, intents),
            *_fills(venue, account),
            *_turned_over(venue, intents),
            *_money(venue, account),
            *_naked(venue),
            *_after_the_kill_switch(venue, account, intents),
            *_record(account),
        ]


def _doubled(venue: Venue, account: Account, intents: Mapping[str, OrderTerms]) -> Iterator[str]:
    """At most one order at the venue for each intent, and none without; one entry for each trade."""
    taken: dict[str, set[str]] = defaultdict(set)
    for _, report in venue.reports:
        if report.kind is Exec.NEW:
            taken[report.client_order_id].add(report.exec_id)
    for order_id, accepted in taken.items():
        if order_id not in intents:
            yield f"DOUBLED: the venue took order {order_id}, of which no intent is on record"
        if len(accepted) > 1:
            yield f"DOUBLED: the venue took {len(accepted)} orders for {order_id}"
    asked = Counter(one.terms.client_order_id for one in account.events if type(one) is OrderRequested)
    yield from (f"DOUBLED: {order_id} was decided on {n} times" for order_id, n in asked.items() if n > 1)
    entries = Counter(terms.trade_id for terms in intents.values() if terms.role is Role.ENTRY)
    yield from (f"DOUBLED: trade {trade} has {n} entries" for trade, n in entries.items() if n > 1)


def _lost(venue: Venue, account: Account, intents: Mapping[str, OrderTerms]) -> Iterator[str]:
    """Every intent has an outcome, or works at the venue as the books say."""
    working = {terms.client_order_id for terms in venue.working}
    over = {one.client_order_id for one in account.events if isinstance(one, _OVER)}
    books = account.books.orders
    for order_id, terms in intents.items():
        order = books.get(order_id)
        if order is not None and order.state in _IN_DOUBT:
            yield f"LOST: nobody settled what became of {terms.role} {order_id}: {order.state}"
        elif order_id not in over and order_id not in working:
            yield f"LOST: {terms.role} {order_id} of {terms.trade_id} has no outcome and does not work"
    live = {
        one.id for one in books.values() if one.state not in TERMINAL and one.state is not OrderState.DRAFT
    }
    for order_id in sorted(live ^ working):
        place = "in the books" if order_id in live else "at the venue"
        yield f"LOST: order {order_id} works {place} only"


def _fills(venue: Venue, account: Account) -> Iterator[str]:
    """What was taken in is what was traded, fill by fill; and all of it is booked."""
    traded = {
        one.exec_id: (one.client_order_id, one.last_quantity, one.last_price) for one in venue.executions
    }
    if len(traded) != len(venue.executions):
        yield "DOUBLED: the venue lists one execution twice"
    heard: dict[str, tuple[str, Decimal, Decimal]] = {}
    for one in account.events:
        if isinstance(one, OrderPartiallyFilled):
            if one.exec_id in heard:
                yield f"DOUBLED: fill {one.exec_id} was taken twice"
            heard[one.exec_id] = (one.client_order_id, one.quantity, one.price)
    for exec_id in sorted(traded.keys() | heard.keys()):
        if traded.get(exec_id) != heard.get(exec_id):
            yield f"FILLS: {exec_id} is {traded.get(exec_id)} at the venue, {heard.get(exec_id)} in the journal"
    # The desk may book a fill of its own as another's, where a leg's fill is heard before its entry's.
    booked: dict[tuple[str, Side], Decimal] = defaultdict(Decimal)
    for one in account.events:
        if isinstance(one, FillBooked | ExternalBooked):
            booked[one.fill.symbol, one.fill.side] += one.fill.quantity
    for report in venue.executions:
        if report.side is not None:
            booked[report.symbol, report.side] -= report.last_quantity
    yield from (
        f"FILLS: {-left:+f} {symbol} of what was {side} is not booked"
        for (symbol, side), left in booked.items()
        if left
    )


def _filled(venue: Venue) -> dict[str, Decimal]:
    filled: dict[str, Decimal] = defaultdict(Decimal)
    for one in venue.executions:
        filled[one.client_order_id] += one.last_quantity
    return filled


def _turned_over(venue: Venue, intents: Mapping[str, OrderTerms]) -> Iterator[str]:
    """What closes a position never opens the opposite one."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    for one in venue.executions:
        terms = intents.get(one.client_order_id)
        if terms is None:
            continue  # told by `_doubled`
        held[terms.symbol] += terms.side.sign * one.last_quantity
        if terms.role is not Role.ENTRY and held[terms.symbol] * terms.side.sign > 0:
            yield f"OVERSOLD: {terms.role} {one.client_order_id} left {held[terms.symbol]:+f} {terms.symbol}"


def _money(venue: Venue, account: Account) -> Iterator[str]:
    """Positions and cash: at the venue, in the journal and in the process."""
    books = account.books
    ours = {symbol: books.units(symbol) for symbol in (*books.positions, *books.external)}
    for name, held in (("the journal", ours), ("the process", account.live_held)):
        if held != dict(venue.positions):
            yield f"POSITIONS: {_shown(venue.positions)} at the venue, {_shown(held)} by {name}"
    for name, cash in (("the journal", books.cash), ("the process", account.live_cash)):
        if cash != venue.cash:
            yield f"CASH: {venue.cash} at the venue, {cash} by {name}"
    if books.external:
        yield f"POSITIONS: {', '.join(sorted(books.external))} count as others', and there are no others"


def _naked(venue: Venue) -> Iterator[str]:
    """Everything held is covered by working stops, or by an exit that waits for the next price."""
    filled = _filled(venue)
    for symbol, held in venue.positions.items():
        side, covered = Side.SELL if held > 0 else Side.BUY, ZERO
        for one in venue.working:
            if one.symbol != symbol or one.side is not side or one.role not in {Role.STOP, Role.EXIT}:
                continue
            # A leg of a bracket closes what its entry has opened, and no more.
            opened = one.quantity if one.parent is None else filled.get(one.parent, ZERO)
            covered += min(one.quantity, opened)
        if covered < abs(held):
            yield f"NAKED: {held:+f} {symbol}, of which a stop or an exit covers {covered}"


def _after_the_kill_switch(
    venue: Venue, account: Account, intents: Mapping[str, OrderTerms]
) -> Iterator[str]:
    """No entry is decided on, and none reaches the venue."""
    is_halted = False
    for event in account.events:
        if isinstance(event, TradingHalted | TradingResumed):
            is_halted = isinstance(event, TradingHalted)
        elif is_halted and isinstance(event, OrderRequested) and event.terms.role is Role.ENTRY:
            yield f"HALTED: entry {event.terms.client_order_id} was decided on all the same"
    for number, report in venue.reports:
        terms = intents.get(report.client_order_id)
        if report.kind is not Exec.NEW or terms is None or terms.role is not Role.ENTRY:
            continue
        if any(begin < number <= end for begin, end in account.halts):
            yield f"HALTED: entry {report.client_order_id} reached the venue all the same"


def _record(account: Account) -> Iterator[str]:
    """The chain is whole, and a snapshot with its tail says the same as all records."""
    if account.fault:
        yield f"JOURNAL: {account.fault}"
    if account.books.state_hash != account.shortcut:
        yield f"JOURNAL: folds to {account.books.state_hash[:12]}, from its snapshot to {account.shortcut[:12]}"


def _shown(held: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{units:+f} {symbol}" for symbol, units in sorted(held.items())) or "nothing"
