"""Planted: positions without their stop, stops without their position, exits that run into each other."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.simulation.planted.orders import NAKED_VENUE
from tests.simulation.planting import Aim, always, everywhere, planted
from tradewrit.domain.books import Books
from tradewrit.domain.capabilities import PAPER, Protection
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.positions import ExitRequested, PositionClosed
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import Order, OrderState, Role
from tradewrit.domain.signals import Market
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.risk import closing, doubts, protection
from tradewrit.runtime import gate
from tradewrit.simulation.plan import Faults, Whims

LEAVING_OFTEN = Whims(enter=0.7, leave=0.9)


def alone(books: Books, order: Order, quantity: Decimal, unsent: object) -> bool:
    """Whether so much is held, whatever else works to close it."""
    del unsent
    position = books.positions.get(order.terms.symbol)
    return position is not None and quantity <= position.quantity


def _exit(books: Books, trade: Trade, at: int, attempt: int) -> ExitRequested:
    return ExitRequested(
        at=at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        side=trade.direction.exit_side,
        quantity=protection.held(books, trade),
        reason=trade.exit_reason,
        limit_price=None,
        attempt=attempt,
    )


@planted(
    kind="account goes short: sold by the exit and again by the stop that still worked",
    aim=Aim(
        faults=Faults(gaps=0.3),
        account={
            "capabilities": NAKED_VENUE,
            "whims": LEAVING_OFTEN,
            "protection": Protection.AFTER_FILL,
        },
    ),
    caught_by=("I-3",),
    seed=10,
)
def exit_beside_the_stop(patch: pytest.MonkeyPatch) -> None:
    """An exit is sent without cancelling the stop first, and the gate does not count what works beside it."""

    def leaving(books: Books, market: Market, trade: Trade, at: int, reason: str = "") -> Iterator[Event]:
        del market, reason
        if not protection.working(books, trade, Role.EXIT) and protection.held(books, trade):
            yield _exit(books, trade, at, trade.attempts + 1)

    patch.setattr(gate, "_fits", alone)
    everywhere(patch, closing, "leave", leaving)


@planted(
    kind="sold twice: the exit was sent again while the first had no answer yet",
    aim=Aim(
        faults=Faults(gaps=0.2, slow=0.2),
        account={"capabilities": NAKED_VENUE, "whims": LEAVING_OFTEN},
    ),
    caught_by=("I-1", "I-3"),
    seed=10,
)
def exit_sent_again(patch: pytest.MonkeyPatch) -> None:
    """Each quote sends another exit for as long as the position is there, and the gate lets it."""

    def leaving(books: Books, market: Market, trade: Trade, at: int, reason: str = "") -> Iterator[Event]:
        others = [order for order in protection.working(books, trade) if order.terms.role is not Role.EXIT]
        if others:
            yield from leave(books, market, trade, at, reason)
        elif protection.held(books, trade):
            yield _exit(books, trade, at, len(books.orders_of(trade.id)) + 1)

    leave = closing.leave
    patch.setattr(gate, "_fits", alone)
    everywhere(patch, closing, "leave", leaving)


@planted(
    kind="stop for the first lot only: the entry went on filling and nobody resized it",
    aim=Aim(faults=Faults(thin=0.9), account={"protection": Protection.AFTER_FILL}),
    caught_by=("I-4",),
    seed=12,
)
def stop_not_resized(patch: pytest.MonkeyPatch) -> None:
    """A stop keeps the size that it was placed with."""

    def as_it_is(books: Books, trade: Trade, at: int) -> Iterator[Event]:
        del books, trade, at
        yield from ()

    everywhere(patch, protection, "fit", as_it_is)


@planted(
    kind="stop too small for the position: a lost change of it was given up at the first look",
    aim=Aim(faults=Faults(slow=0.5, drop=0.1, thin=0.9), account={"protection": Protection.AFTER_FILL}),
    caught_by=("I-4", "I-2"),
    seed=1,
)
def first_denial_believed(patch: pytest.MonkeyPatch) -> None:
    """A change that the venue does not show at the first question is off, and is not asked for again meanwhile."""
    is_dead = doubts._is_dead

    def dead_at_once(books: Books, order: Order, at: int) -> bool:
        return order.state is OrderState.PENDING_REPLACE or is_dead(books, order, at)

    patch.setattr(doubts, "_is_dead", dead_at_once)
    patch.setattr(doubts, "_changed_again", always(None))


@planted(
    kind="naked position: the venue refused the stop and the program never tried again",
    aim=Aim(
        faults=Faults(rejects=0.5),
        account={
            "whims": Whims(enter=0.7, leave=0.0),
            "protection": Protection.AFTER_FILL,
            "volatility": 0.001,
        },
    ),
    caught_by=("I-4", "I-13"),
    seed=15,
)
def lost_stop_not_replaced(patch: pytest.MonkeyPatch) -> None:
    """A stop that was refused, or ended without the position, is not put back."""

    def no_more(books: Books, trade: Trade, at: int) -> Iterator[Event]:
        del books, trade, at
        yield from ()

    everywhere(patch, protection, "mend", no_more)


@planted(
    kind="opens a position out of nothing: the stop of a closed trade was left at the venue",
    aim=Aim(
        faults=Faults(gaps=0.1),
        account={
            "capabilities": replace(PAPER, oco=False, bracket=False, reduce_only=False),
            "whims": Whims(enter=0.7, leave=0.3),
        },
    ),
    caught_by=("I-3", "I-13", "I-1"),
    seed=3,
)
def stop_left_behind(patch: pytest.MonkeyPatch) -> None:
    """A trade is closed as soon as it is flat, whatever of it still works; its exit cancels nothing, and the gate lets it."""

    def closing_at_once(books: Books, trade: Trade, at: int, reason: str) -> Iterator[Event]:
        del books
        yield PositionClosed(
            at=at,
            trace=trade.id,
            trade_id=trade.id,
            symbol=trade.symbol,
            reason=reason,
            quantity=ZERO,
            gross=trade.realised,
            fees=trade.fees,
            pnl=trade.realised - trade.fees,
        )

    def leaving(books: Books, market: Market, trade: Trade, at: int, reason: str = "") -> Iterator[Event]:
        del market, reason
        if not protection.working(books, trade, Role.EXIT) and protection.held(books, trade):
            yield _exit(books, trade, at, trade.attempts + 1)

    patch.setattr(gate, "_fits", alone)
    everywhere(patch, closing, "close", closing_at_once)
    everywhere(patch, closing, "leave", leaving)


@planted(
    kind="exit never filled: it was sent, refused once, and forgotten",
    aim=Aim(
        faults=Faults(rejects=0.4),
        account={"whims": Whims(enter=0.7, leave=0.6), "capabilities": PAPER},
    ),
    caught_by=("I-4", "I-13"),
    seed=11,
)
def refused_exit_forgotten(patch: pytest.MonkeyPatch) -> None:
    """An exit that the venue refused is not tried again."""
    leave = closing.leave

    def leaving(books: Books, market: Market, trade: Trade, at: int, reason: str = "") -> Iterator[Event]:
        exits = [order for order in books.orders_of(trade.id) if order.terms.role is Role.EXIT]
        if not any(order.state is OrderState.REJECTED for order in exits):
            yield from leave(books, market, trade, at, reason)

    everywhere(patch, closing, "leave", leaving)
    mend = protection.mend

    def mending(books: Books, trade: Trade, at: int) -> Iterator[Event]:
        if trade.state not in {TradeState.EXIT_TRIGGERED, TradeState.ORDER_CLOSING}:
            yield from mend(books, trade, at)

    everywhere(patch, protection, "mend", mending)


@planted(
    kind="position without a stop: the fill was booked, and nobody asked for protection",
    aim=Aim(account={"protection": Protection.AFTER_FILL}),
    caught_by=("I-4",),
    seed=27,
)
def no_stop_at_all(patch: pytest.MonkeyPatch) -> None:
    """What an entry brings is left without a stop."""
    everywhere(patch, protection, "cover", always(()))
