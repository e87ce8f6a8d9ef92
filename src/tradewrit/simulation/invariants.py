"""What must hold in every world. One function each: None, or what is wrong, naming order, trade and numbers.

I-7 is asked at every start and at the end, I-13 and the agreement with the venue when all is quiet, the
rest after every event, departure, step or report that could break it.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tradewrit.domain.books import Books
from tradewrit.domain.effects import PlaceOrders
from tradewrit.domain.events.account import ExternalBooked
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import (
    ExecutionReport,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderModified,
    OrderPartiallyFilled,
    OrderRejected,
    OrderRequested,
    OrderUnknown,
)
from tradewrit.domain.events.positions import FillBooked
from tradewrit.domain.events.review import ReviewApproved, ReviewConsumed
from tradewrit.domain.events.risk import RiskApproved
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import ZERO, exactly
from tradewrit.domain.orders import TERMINAL, TRANSITIONS, Order, OrderState, Role, Side
from tradewrit.domain.portfolio import equity
from tradewrit.domain.reviews import ReviewState
from tradewrit.domain.trades import TradeState
from tradewrit.runtime.desk import Desk
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.perform import Departure
from tradewrit.runtime.replay import load, replay
from tradewrit.simulation.venue import MANUAL

if TYPE_CHECKING:
    from tradewrit.simulation.watch import Watch

Found = str | None
_BUDGET: Final = 15 * SECOND
_MOST_REQUESTS: Final = 200


# -- after every event of the journal


def i01_an_intent_is_requested_once(watch: "Watch", books: Books, event: OrderRequested) -> Found:
    """An order id is decided on once, ever; and a trade has one entry."""
    del books
    terms = event.terms
    if terms.client_order_id in watch.order_states:
        return f"order {terms.client_order_id} of trade {terms.trade_id} is requested a second time"
    if terms.role is not Role.ENTRY:
        return None
    if terms.trade_id in watch.entered:
        return f"trade {terms.trade_id} asks for a second entry, {terms.client_order_id}"
    watch.entered[terms.trade_id] = ZERO
    return None


def i01_an_entry_fills_no_more_than_approved(
    watch: "Watch", books: Books, event: OrderPartiallyFilled
) -> Found:
    """The sum of entry fills of a trade stays within what risk let through."""
    del books
    if event.role is not Role.ENTRY:
        return None
    filled = watch.entered.get(event.trade_id, ZERO) + event.quantity
    watch.entered[event.trade_id] = filled
    sized = watch.risk.get(event.trade_id)
    if sized is None or filled > sized.quantity:
        most = None if sized is None else sized.quantity
        return f"trade {event.trade_id}: {filled} entered, and {most} were approved"
    return None


def i02_the_position_is_the_sum_of_its_fills(watch: "Watch", books: Books, event: FillBooked) -> Found:
    """By our own sum over fills."""
    symbol = event.fill.symbol
    position = books.positions.get(symbol)
    held = ZERO if position is None else position.signed
    summed = watch.positions.get(symbol, ZERO) + event.fill.quantity * event.fill.side.sign
    return None if held == summed else f"{symbol}: the books hold {held}, the fills add up to {summed}"


def i05_cash_is_conserved(watch: "Watch", books: Books, event: FillBooked | ExternalBooked) -> Found:
    """Cash is what it was and what each fill moved, to the cent and beyond."""
    with exactly():
        due = watch.cash + event.cash_change
    return None if books.cash == due else f"cash is {books.cash}, and the fills leave {due}"


def i06_an_entry_has_a_risk_decision_and_an_approval(
    watch: "Watch", books: Books, event: OrderRequested
) -> Found:
    """No entry without both, on record, for this trade and this quantity."""
    del books
    terms = event.terms
    if terms.role is not Role.ENTRY:
        return None
    sized = watch.risk.get(terms.trade_id)
    if sized is None:
        return f"entry {terms.client_order_id} of trade {terms.trade_id} has no risk decision"
    if watch.reviewed.get(terms.trade_id) != sized.hash:
        return f"entry {terms.client_order_id} of trade {terms.trade_id} was not approved as it was sized"
    if terms.quantity > sized.quantity:
        return f"entry {terms.client_order_id} is for {terms.quantity}, and {sized.quantity} were approved"
    return None


def i08_only_legal_moves(watch: "Watch", books: Books, event: Any) -> Found:
    """An order goes from state to state as its table says; what is over stays over, but for late fills."""
    order = books.orders.get(event.client_order_id)
    before = watch.order_states.get(event.client_order_id)
    if order is None or before is None or before in {"draft", order.state.value}:
        return None
    moves = TRANSITIONS[OrderState(before)].values()
    if order.state in moves or (order.state is OrderState.PARTIALLY_FILLED and order.filled):
        return None
    return f"order {order.id} of trade {order.terms.trade_id} went from {before} to {order.state}"


def i10_an_approval_is_in_time_and_of_what_was_shown(
    watch: "Watch", books: Books, event: ReviewApproved
) -> Found:
    """Never after expiry, never twice on one click, and its hash is that of the terms."""
    del books
    if event.at >= event.expires_at:
        return f"review {event.review_id} was approved {(event.at - event.expires_at) / SECOND:g} s too late"
    if event.sized_hash != event.sized.hash:
        return f"review {event.review_id} approves other terms than its hash says"
    if event.nonce and event.nonce in watch.nonces:
        return f"review {event.review_id}: the click {event.nonce} counted twice"
    watch.nonces.add(event.nonce)
    watch.reviewed[event.trade_id] = event.sized_hash
    return None


def i10_an_approval_is_consumed_once(watch: "Watch", books: Books, event: ReviewConsumed) -> Found:
    """One approval, one order."""
    del books
    if event.review_id in watch.consumed:
        return f"review {event.review_id} of trade {event.trade_id} was consumed a second time"
    watch.consumed.add(event.review_id)
    return None


def i11_limits_hold_with_what_is_pending(watch: "Watch", books: Books, event: OrderRequested) -> Found:
    """At most 1000, at most a fifth of equity, half of it left in cash, and no drawdown block."""
    terms, limits = event.terms, books.limits
    if terms.role is not Role.ENTRY or watch.market is None:
        return None
    with exactly():
        worth = equity(books, watch.market.mark)
        if limits.max_position_notional is not None and event.notional > limits.max_position_notional:
            most = limits.max_position_notional
            return f"entry {terms.client_order_id} is worth {event.notional}: above {most}"
        if event.notional > limits.max_position_fraction * worth:
            return f"entry {terms.client_order_id} is worth {event.notional}, of {worth} in all"
        left = books.cash - books.reserved
        if left < limits.min_cash_fraction * worth:
            return f"entry {terms.client_order_id} leaves {left} in cash, of {worth}"
    if books.is_drawdown_blocked:
        return f"entry {terms.client_order_id} goes out while the drawdown blocks entries"
    return None


def i09_nothing_is_entered_while_halted(watch: "Watch", books: Books, event: OrderRequested) -> Found:
    """After the kill switch no entry is decided on."""
    del books
    if watch.halted and event.terms.role is Role.ENTRY:
        return f"entry {event.terms.client_order_id} is asked for while halted ({watch.halted})"
    return None


def _note_risk(watch: "Watch", books: Books, event: RiskApproved) -> Found:
    del books
    watch.risk[event.sized.proposal.trade_id] = event.sized
    return None


ON_EVENT: Final[Mapping[type[Event], tuple[Callable[..., Found], ...]]] = {
    OrderRequested: (
        i01_an_intent_is_requested_once,
        i06_an_entry_has_a_risk_decision_and_an_approval,
        i09_nothing_is_entered_while_halted,
        i11_limits_hold_with_what_is_pending,
    ),
    OrderPartiallyFilled: (i01_an_entry_fills_no_more_than_approved, i08_only_legal_moves),
    OrderFilled: (i01_an_entry_fills_no_more_than_approved, i08_only_legal_moves),
    **dict.fromkeys(
        (OrderAccepted, OrderRejected, OrderCancelled, OrderExpired, OrderModified, OrderUnknown),
        (i08_only_legal_moves,),
    ),
    ExternalBooked: (i05_cash_is_conserved,),
    FillBooked: (i02_the_position_is_the_sum_of_its_fills, i05_cash_is_conserved),
    RiskApproved: (_note_risk,),
    ReviewApproved: (i10_an_approval_is_in_time_and_of_what_was_shown,),
    ReviewConsumed: (i10_an_approval_is_consumed_once,),
}


# -- before a call leaves


def i06_a_call_leaves_under_a_live_writ(watch: "Watch", desk: Desk, departure: Departure, now: int) -> Found:
    """The grant covers the scope and lives at this moment."""
    del watch, desk
    what, grant = departure.asked.effect, departure.grant
    if grant.covers(what.scope, now):
        return None
    return (
        f"{type(what).__name__} {what.subject} leaves under {grant.agent}'s writ, which does not cover it now"
    )


def i09_nothing_leaves_under_a_dead_writ(watch: "Watch", desk: Desk, departure: Departure, now: int) -> Found:
    """Not under a revoked token; and after the kill switch only what protects."""
    what, grant = departure.asked.effect, departure.grant
    held = watch.world.authority.live_token(grant)
    if held is not None:
        return f"{type(what).__name__} {what.subject} leaves under a dead token: {held}"
    if not desk.books.halted or not isinstance(what, PlaceOrders):
        return None
    entries = [terms for terms in what.approved.orders if terms.role is Role.ENTRY]
    return f"entry {entries[0].client_order_id} leaves while halted at {now}" if entries else None


def i06_what_leaves_is_on_record(watch: "Watch", desk: Desk, departure: Departure, now: int) -> Found:
    """An order leaves only as the journal has it, after its transaction."""
    del desk, now
    what = departure.asked.effect
    if not isinstance(what, PlaceOrders):
        return None
    for terms in what.approved.orders:
        if terms.client_order_id not in watch.order_states:
            return f"order {terms.client_order_id} leaves, and no intent is on record"
    return None


ON_DEPARTURE: Final[tuple[Callable[["Watch", Desk, Departure, int], Found], ...]] = (
    i06_a_call_leaves_under_a_live_writ,
    i09_nothing_leaves_under_a_dead_writ,
    i06_what_leaves_is_on_record,
)


# -- after every input of a process


def i04_what_is_held_is_covered(watch: "Watch", desk: Desk) -> Found:
    """By a live stop at the venue or an exit on its way, but for a budget of time in which one could act."""
    world = watch.world
    now, last = world.scheduler.now, watch.able_at
    watch.able_at = now
    is_able = now - last <= 2 * SECOND and not (
        world.wire.is_cut or world.authority.is_out or world.disk.is_full or world.disk.is_broken
    )
    for symbol, held in world.venue.exchange.positions().items():
        if symbol in watch.foreign or symbol in desk.books.suspended:
            continue
        if closing(watch, symbol, held) >= abs(held) or _is_leaving(desk.books, symbol):
            watch.uncovered[symbol] = 0
        elif is_able:
            watch.uncovered[symbol] = watch.uncovered.get(symbol, 0) + now - last
            if watch.uncovered[symbol] > watch.budget:
                naked = watch.uncovered[symbol] / SECOND
                return f"{symbol}: {held} held at the venue, without enough of a stop for {naked:g} s"
    for symbol in tuple(watch.uncovered):
        if symbol not in world.venue.exchange.positions():
            del watch.uncovered[symbol]
    return None


def closing(watch: "Watch", symbol: str, held: Decimal) -> Decimal:
    """How much of a position the venue's stops and market orders will close, whatever the price does."""
    book = watch.world.venue.exchange.working.get(symbol)
    side = Side.SELL if held > 0 else Side.BUY
    covered = ZERO
    for order in () if book is None else book.orders.values():
        terms = order.terms
        if terms.side is side and terms.limit_price is None and not terms.client_order_id.startswith(MANUAL):
            covered += order.leaves
    return covered


def _is_leaving(books: Books, symbol: str) -> bool:
    return any(
        order.terms.symbol == symbol and order.terms.role is Role.EXIT and order.is_live
        for order in books.orders.values()
    )


def i12_the_venue_is_not_flooded(watch: "Watch", desk: Desk) -> Found:
    """At most so many requests in any minute."""
    del desk
    count = len(watch.world.venue.requests)
    return None if count <= _MOST_REQUESTS else f"{count} requests within a minute"


ON_STEP: Final[tuple[tuple[str, Callable[["Watch", Desk], Found]], ...]] = (
    ("I-4", i04_what_is_held_is_covered),
    ("I-12", i12_the_venue_is_not_flooded),
)


# -- whenever the venue says something


def i01_one_venue_order_per_intent(watch: "Watch", reports: Sequence[ExecutionReport]) -> Found:
    """The venue took one order under each id."""
    placed = watch.world.venue.placed
    for report in reports:
        if placed.get(report.client_order_id, 0) > 1:
            return f"the venue took {placed[report.client_order_id]} orders for {report.client_order_id}"
    return None


def i03_never_more_sold_than_held(watch: "Watch", reports: Sequence[ExecutionReport]) -> Found:
    """A fill of ours never turns a position over; closing orders never add up to more than is held."""
    world = watch.world
    for report in reports:
        terms = world.venue.terms.get(report.client_order_id)
        if terms is None or terms.role is Role.ENTRY or terms.symbol in watch.foreign:
            continue
        held = world.venue.exchange.positions().get(terms.symbol, ZERO)
        if report.last_quantity and held * terms.side.sign > 0:
            return (
                f"{terms.symbol}: {terms.role} {terms.client_order_id} of trade {terms.trade_id} traded "
                f"{report.last_quantity} {terms.side} and the account now holds {held}"
            )
    return None


ON_VENUE: Final[tuple[tuple[str, Callable[["Watch", Sequence[ExecutionReport]], Found]], ...]] = (
    ("I-1", i01_one_venue_order_per_intent),
    ("I-3", i03_never_more_sold_than_held),
)


# -- at every start, and at the end


def i07_replay_gives_the_same_books(journal: Journal, stream: str, books: Books) -> Found:
    """Every record folded from the first, and from the last snapshot on, is the books that are at work."""
    whole, sooner = replay(journal, stream).state_hash, load(journal, stream).state_hash
    if whole != books.state_hash:
        return f"the journal folds to {whole[:12]}, and the books are {books.state_hash[:12]}"
    return None if sooner == whole else f"the snapshot and its tail fold to {sooner[:12]}, not {whole[:12]}"


def i14_nothing_vanishes(journal: Journal, stream: str, report: ExecutionReport) -> Found:
    """A report that was taken is on record, whatever was made of it."""
    if journal.has_seen(stream, f"exec:{report.exec_id}"):
        return None
    return f"report {report.exec_id} ({report.kind}) about {report.client_order_id} left no record"


# -- when all is quiet


def i02_books_and_venue_hold_the_same(watch: "Watch", desk: Desk) -> Found:
    """Position by position."""
    books = desk.books
    symbols = (*books.positions, *books.external)
    ours = {symbol: held for symbol in symbols if (held := books.units(symbol))}
    theirs = {s: held for s, held in watch.world.venue.exchange.positions().items() if held}
    return None if ours == theirs else f"the books hold {_shown(ours)}, the venue {_shown(theirs)}"


def i05_books_and_venue_have_the_same_cash(watch: "Watch", desk: Desk) -> Found:
    """To the last decimal; where others trade against us, cash and positions are worth the same together."""
    exchange, mark = watch.world.venue.exchange, desk.market.mark
    theirs = exchange.cash
    if watch.foreign:
        with exactly():
            ours, worth = equity(desk.books, mark), exchange.equity(mark)
        return None if ours == worth else f"the account is worth {ours} by the books, {worth} at the venue"
    return None if desk.books.cash == theirs else f"cash is {desk.books.cash}, at the venue {theirs}"


def i07_the_end_replays(watch: "Watch", desk: Desk) -> Found:
    """As at every start."""
    del watch
    return i07_replay_gives_the_same_books(desk.journal, desk.stream, desk.books)


def i13_everything_comes_to_rest(watch: "Watch", desk: Desk) -> Found:
    """No order in doubt, no question past its time, no exit stuck, nothing waiting to leave."""
    books, now = desk.books, desk.clock.now()
    for order in books.orders.values():
        if order.state in _IN_DOUBT:
            return f"order {order.id} of trade {order.terms.trade_id} is still {order.state}"
    for task in books.reviews.values():
        if task.state is ReviewState.PENDING and now > task.expires_at + 5 * SECOND:
            late = (now - task.expires_at) / SECOND
            return f"review {task.id} of trade {task.trade_id} is pending {late:g} s past its expiry"
    for trade in books.trades.values():
        if trade.state in _STUCK:
            return f"trade {trade.id} in {trade.symbol} is stuck in {trade.state}"
    return _disagreement(watch, desk)


def _disagreement(watch: "Watch", desk: Desk) -> Found:
    theirs = {
        terms.client_order_id
        for terms in watch.world.venue.exchange.open_orders()
        if not terms.client_order_id.startswith(MANUAL)
    }
    ours = {order.id for order in desk.books.orders.values() if _works(order)}
    if ours == theirs:
        return None
    return f"working in the books only: {sorted(ours - theirs)}; at the venue only: {sorted(theirs - ours)}"


def _works(order: Order) -> bool:
    return order.state not in TERMINAL and order.state is not OrderState.DRAFT


_IN_DOUBT: Final = frozenset(
    {OrderState.UNKNOWN, OrderState.SUBMITTED, OrderState.PENDING_CANCEL, OrderState.PENDING_REPLACE}
)
_STUCK: Final = frozenset(
    {TradeState.EXIT_TRIGGERED, TradeState.ORDER_CLOSING, TradeState.PROTECTING, TradeState.ENTRY_APPROVED}
)
WHEN_QUIET: Final[tuple[tuple[str, Callable[["Watch", Desk], Found]], ...]] = (
    ("I-2", i02_books_and_venue_hold_the_same),
    ("I-5", i05_books_and_venue_have_the_same_cash),
    ("I-7", i07_the_end_replays),
    ("I-13", i13_everything_comes_to_rest),
)


def _shown(positions: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{held} {symbol}" for symbol, held in sorted(positions.items())) or "nothing"
