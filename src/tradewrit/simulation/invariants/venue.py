"""What must hold at the venue: after every step of a process, and whenever it says something."""

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tradewrit.domain.books import Books
from tradewrit.domain.events.orders import CORRECTIONS, Exec, ExecutionReport
from tradewrit.domain.market import SECOND, MarketPhase
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import Role, Side
from tradewrit.runtime.desk import Desk
from tradewrit.simulation.venue import MANUAL

if TYPE_CHECKING:
    from tradewrit.simulation.watch import Watch

Found = str | None
_MOST_REQUESTS: Final = 200
"""Of one minute: what the most patient venue allows."""


def i04_what_is_held_is_covered(watch: "Watch", desk: Desk) -> Found:
    """By a live stop at the venue or an exit on its way, but for a budget of time in which one could act.

    What is in no trade, because others bought it or a correction brought it back, is a person's; so is a
    symbol with a correction that could not be booked.
    """
    world = watch.world
    now, last = world.scheduler.now, watch.able_at
    watch.able_at = now
    is_able = now - last <= 2 * SECOND and not (
        all(road.is_cut for road in world.wire.roads)
        or world.venue.refusal is not None
        or world.authority.is_out
        or world.disk.is_full
        or world.disk.is_broken
    )
    for symbol, held in world.venue.exchange.positions().items():
        if symbol in watch.foreign or symbol in desk.books.suspended or symbol in watch.unbooked.values():
            continue
        cannot_be = _is_night(watch) or _is_shut(watch, symbol)
        apart = desk.books.external.get(symbol)
        ours = held if apart is None else held - apart.signed
        if cannot_be or closing(watch, symbol, ours) >= abs(ours) or _is_leaving(desk.books, symbol):
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


def _is_night(watch: "Watch") -> bool:
    """Whether stops of this venue have ended with its session, so that nothing can be covered."""
    world = watch.world
    is_open = world.hours.status(world.scheduler.now).phase is MarketPhase.OPEN
    return not (is_open or world.plan.capabilities.stop_gtc)


def _is_shut(watch: "Watch", symbol: str) -> bool:
    """Whether the symbol is halted at a venue that takes nothing new meanwhile."""
    return watch.world.plan.refuses_in_halts and symbol in watch.world.venue.exchange.halts()


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


def i01_one_venue_order_per_intent(watch: "Watch", reports: Sequence[ExecutionReport]) -> Found:
    """The venue took one order under each id, and none that nobody decided on.

    But for what it took twice against its promise, of which the desk has to get rid; see `quiet`.
    """
    placed, twins = watch.world.venue.placed, Counter(watch.world.venue.twins.values())
    for report in reports:
        order_id = report.client_order_id
        if report.kind is Exec.NEW and order_id not in watch.order_states and not order_id.startswith(MANUAL):
            return f"the venue took order {order_id}, of which no intent is on record"
        if placed.get(order_id, 0) - twins[order_id] > 1:
            return f"the venue took {placed[order_id]} orders for {order_id}"
    return None


def i03_never_more_sold_than_held(watch: "Watch", reports: Sequence[ExecutionReport]) -> Found:
    """A fill of ours never turns a position over; closing orders never add up to more than is held.

    But for the time that the desk needs to hear of it when the venue corrects a fill, or makes two orders of
    one.
    """
    world = watch.world
    for report in reports:
        terms = world.venue.terms.get(report.client_order_id)
        if terms is None or terms.role is Role.ENTRY or terms.symbol in watch.foreign:
            continue
        if report.kind in CORRECTIONS or watch.is_shaken(terms.symbol):
            continue
        held = world.venue.exchange.positions().get(terms.symbol, ZERO)
        if report.last_quantity and held * terms.side.sign > 0:
            return (
                f"{terms.symbol}: {terms.role} {terms.client_order_id} of trade {terms.trade_id} traded "
                f"{report.last_quantity} {terms.side} and the account now holds {held}"
            )
    return _oversold(watch, {report.symbol for report in reports})


def _oversold(watch: "Watch", symbols: set[str]) -> Found:
    """What works to close adds up to what is held at most; of orders that exclude each other the largest."""
    exchange = watch.world.venue.exchange
    for symbol, held in exchange.positions().items():
        if symbol not in symbols or symbol in watch.foreign or watch.is_shaken(symbol) or not held:
            continue
        if watch.is_a_persons(symbol):
            continue
        book, side = exchange.working.get(symbol), Side.SELL if held > 0 else Side.BUY
        groups: dict[str, Decimal] = {}
        for order in () if book is None else book.orders.values():
            terms = order.terms
            is_ours = terms.role is not Role.ENTRY and not terms.client_order_id.startswith(MANUAL)
            if terms.side is side and is_ours:
                group = terms.oco or terms.client_order_id
                groups[group] = max(groups.get(group, ZERO), order.leaves)
        total = sum(groups.values(), ZERO)
        if total > abs(held):
            return f"{symbol}: {held} held, and orders that close {total} of it work: {', '.join(groups)}"
    return None


ON_VENUE: Final[tuple[tuple[str, Callable[["Watch", Sequence[ExecutionReport]], Found]], ...]] = (
    ("I-1", i01_one_venue_order_per_intent),
    ("I-3", i03_never_more_sold_than_held),
)
