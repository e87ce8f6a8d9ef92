"""What must hold of the books by themselves, and of books and venue together when all is quiet."""

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tradewrit.domain.books import Books
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import exactly
from tradewrit.domain.orders import TERMINAL, Order, OrderState, Role
from tradewrit.domain.portfolio import equity
from tradewrit.domain.reviews import ReviewState
from tradewrit.domain.trades import TradeState
from tradewrit.risk.protection import working
from tradewrit.runtime.desk import Desk
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.replay import load, replay
from tradewrit.simulation.venue import MANUAL

if TYPE_CHECKING:
    from tradewrit.simulation.watch import Watch

Found = str | None


def i07_replay_gives_the_same_books(journal: Journal, stream: str, books: Books) -> Found:
    """Every record folded from the first, and from the last snapshot on, is the books that are at work."""
    whole, sooner = replay(journal, stream).state_hash, load(journal, stream).state_hash
    if whole != books.state_hash:
        return f"the journal folds to {whole[:12]}, and the books are {books.state_hash[:12]}"
    return None if sooner == whole else f"the snapshot and its tail fold to {sooner[:12]}, not {whole[:12]}"


def i14_nothing_vanishes(journal: Journal, stream: str, report: ExecutionReport) -> Found:
    """A report that was taken is on record, whatever was made of it."""
    key = f"exec:{report.exec_id}"
    if journal.has_seen(stream, key) or journal.has_seen(stream, f"{key}:lapsed"):
        return None
    return f"report {report.exec_id} ({report.kind}) about {report.client_order_id} left no record"


def i02_books_and_venue_hold_the_same(watch: "Watch", desk: Desk) -> Found:
    """Position by position."""
    books = desk.books
    symbols = (*books.positions, *books.external)
    ours = {symbol: held for symbol in symbols if (held := books.units(symbol))}
    theirs = {s: held for s, held in watch.world.venue.exchange.positions().items() if held}
    for symbol in filter(watch.is_a_persons, watch.unbooked.values()):
        ours.pop(symbol, None)
        theirs.pop(symbol, None)
    return None if ours == theirs else f"the books hold {_shown(ours)}, the venue {_shown(theirs)}"


def i05_books_and_venue_have_the_same_cash(watch: "Watch", desk: Desk) -> Found:
    """To the last decimal; where something is held in no trade, with positions at one price together."""
    if watch.unbooked:  # what it moved is on record as not booked: a person's
        return None
    exchange, mark = watch.world.venue.exchange, desk.market.mark
    theirs = exchange.cash
    if watch.foreign or desk.books.external:
        with exactly():
            ours, worth = equity(desk.books, mark), exchange.equity(mark)
        return None if ours == worth else f"the account is worth {ours} by the books, {worth} at the venue"
    return None if desk.books.cash == theirs else f"cash is {desk.books.cash}, at the venue {theirs}"


def i01_of_one_id_one_order_is_left(watch: "Watch", desk: Desk) -> Found:
    """Where the venue took an id twice, people were told, entries were halted, and at most one works.

    Which of them is ours is the desk's to say: whichever it heard of first.
    """
    del desk
    venue = watch.world.venue
    doubled = sorted(set(venue.twins.values()))
    for order_id in doubled:
        if order_id not in watch.alarmed:
            return f"the venue took {order_id} a second time, and nobody was told"
    if doubled and not watch.has_halted:
        return f"the venue took {doubled[0]} a second time, and entries were not halted"
    working = Counter(terms.client_order_id for terms in venue.working())
    left = [order_id for order_id in doubled if working[order_id] > 1]
    return f"the venue works {working[left[0]]} orders under {left[0]}" if left else None


def i07_the_end_replays(watch: "Watch", desk: Desk) -> Found:
    """As at every start."""
    del watch
    return i07_replay_gives_the_same_books(desk.journal, desk.stream, desk.books)


def i13_everything_comes_to_rest(watch: "Watch", desk: Desk) -> Found:
    """No order in doubt, no question past its time, no exit stuck, but where a person was called to look."""
    books, now = desk.books, desk.clock.now()
    for order in books.orders.values():
        is_late = order.terms.symbol not in books.suspended and watch.rests(order_id=order.id)
        if order.state in _IN_DOUBT and is_late:
            return f"order {order.id} of trade {order.terms.trade_id} is still {order.state}"
    for task in books.reviews.values():
        if task.state is ReviewState.PENDING and now > task.expires_at + 5 * SECOND:
            late = (now - task.expires_at) / SECOND
            return f"review {task.id} of trade {task.trade_id} is pending {late:g} s past its expiry"
    for trade in books.trades.values():
        is_late = trade.symbol not in books.suspended and watch.rests(trade_id=trade.id)
        # A target that has sold a part rests with its stop beside it, until the price reaches one of them.
        is_waiting = trade.state is TradeState.ORDER_CLOSING and working(books, trade, Role.STOP)
        if trade.state in _STUCK and is_late and not is_waiting:
            return f"trade {trade.id} in {trade.symbol} is stuck in {trade.state}"
    return _disagreement(watch, desk)


def _disagreement(watch: "Watch", desk: Desk) -> Found:
    theirs = {
        terms.client_order_id
        for terms in watch.world.venue.working()
        if not terms.client_order_id.startswith(MANUAL) and terms.symbol not in desk.books.suspended
    }
    orders = desk.books.orders.values()
    ours = {order.id for order in orders if _works(desk.books, order) and watch.rests(order_id=order.id)}
    theirs -= {order.id for order in orders if not watch.rests(order_id=order.id)}
    if ours == theirs:
        return None
    return f"working in the books only: {sorted(ours - theirs)}; at the venue only: {sorted(theirs - ours)}"


def _works(books: Books, order: Order) -> bool:
    if order.terms.symbol in books.suspended:
        return False
    return order.state not in TERMINAL and order.state is not OrderState.DRAFT


_IN_DOUBT: Final = frozenset(
    {OrderState.UNKNOWN, OrderState.SUBMITTED, OrderState.PENDING_CANCEL, OrderState.PENDING_REPLACE}
)
_STUCK: Final = frozenset(
    {TradeState.EXIT_TRIGGERED, TradeState.ORDER_CLOSING, TradeState.PROTECTING, TradeState.ENTRY_APPROVED}
)
WHEN_QUIET: Final[tuple[tuple[str, Callable[["Watch", Desk], Found]], ...]] = (
    ("I-1", i01_of_one_id_one_order_is_left),
    ("I-2", i02_books_and_venue_hold_the_same),
    ("I-5", i05_books_and_venue_have_the_same_cash),
    ("I-7", i07_the_end_replays),
    ("I-13", i13_everything_comes_to_rest),
)


def _shown(positions: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{held} {symbol}" for symbol, held in sorted(positions.items())) or "nothing"
