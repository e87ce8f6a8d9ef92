"""What is on record, is to be done outside, and has not been: which goes next, and which must wait.

    pump ── put ─▶ Outbox ── next ─▶ a call in flight ── done ─▶ (its outcome is fed to the pump)

For desks that go on while a venue thinks. What reduces risk goes before what adds it, and of one symbol
at most one write is under way, in the order in which they were decided. Knows no writ, no venue and no
thread: whoever owns it asks, calls and tells.
"""

from collections import deque
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from tradewrit.domain.books import Books
from tradewrit.domain.effects import (
    AskAccount,
    AskVenue,
    CancelAtVenue,
    Effect,
    MarketDataEffect,
    OrderEffect,
    PlaceOrders,
    ReplaceAtVenue,
)
from tradewrit.domain.orders import OrderState, Role
from tradewrit.kernel import Asked


class Lane(IntEnum):
    """How urgent something is; the lower number goes first, always."""

    PROTECTION = 0
    """Cancels, stops, targets, and every change of a protective order."""
    EXITS = 1
    QUESTIONS = 2
    """What became of an order, what the account holds."""
    ENTRIES = 3
    DATA = 4


_READS: Final = (Lane.QUESTIONS, Lane.DATA)
"""The lanes of what changes nothing at the venue, so that it may leave beside anything else."""
OUTSIDE: Final = (OrderEffect, AskVenue, AskAccount, MarketDataEffect)
"""The effects that leave the desk; people and timers are told at once."""


class Outbox:
    """Waiting calls by lane, and those in flight. Used from one thread.

    most_asked: how many questions may be under way at a time; writes are limited by their symbols.
    """

    def __init__(self, most_asked: int = 4) -> None:
        self._lanes: dict[Lane, deque[Asked]] = {lane: deque() for lane in Lane}
        self._flying: dict[int, Asked] = {}
        self._busy: set[str] = set()
        self._asking = 0
        self._most_asked = most_asked

    def __len__(self) -> int:
        """How much waits, without what is in flight."""
        return sum(map(len, self._lanes.values()))

    @property
    def in_flight(self) -> int:
        """Calls whose outcome is not known yet."""
        return len(self._flying)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is in flight."""
        return not self._flying and not len(self)

    def put(self, asked: Asked, books: Books) -> None:
        """It is on record and may leave. A question that waits already is not asked twice."""
        lane = self._lanes[lane_of(asked.effect, books)]
        if isinstance(asked.effect, OrderEffect) or asked not in lane:
            lane.append(asked)

    def next(self, least: Lane = Lane.DATA) -> Asked | None:
        """The most urgent one that may leave now, in flight from here on; None when all must wait.

        least: the least urgent lane that may leave.
        """
        waiting: set[str] = set()
        for lane, queue in self._lanes.items():
            if lane > least:
                return None
            if not queue:
                continue
            if lane in _READS:
                if self._asking < self._most_asked:
                    self._asking += 1
                    return self._leave(queue, 0)
                continue
            for place, asked in enumerate(queue):
                symbol = _symbol(asked.effect)
                if symbol not in self._busy and symbol not in waiting:
                    self._busy.add(symbol)
                    return self._leave(queue, place)
                waiting.add(symbol)  # of one symbol and lane, the first goes first
        return None

    def done(self, asked: Asked) -> None:
        """Its outcome is known, or it never left: the next of its symbol may go."""
        if self._flying.pop(id(asked), None) is None:
            return
        if isinstance(asked.effect, OrderEffect):
            self._busy.discard(_symbol(asked.effect))
        else:
            self._asking -= 1

    def back(self, asked: Asked, books: Books) -> None:
        """It could not leave after all, and is the first of its lane again."""
        self.done(asked)
        self._lanes[lane_of(asked.effect, books)].appendleft(asked)

    def take_back(self, client_order_id: str) -> Asked | None:
        """The list with this order, if it still waits: it leaves no more."""
        for lane, queue in self._lanes.items():
            if lane in _READS:
                continue
            for place, asked in enumerate(queue):
                effect = asked.effect
                if isinstance(effect, PlaceOrders) and client_order_id in {
                    terms.client_order_id for terms in effect.approved.orders
                }:
                    del queue[place]
                    return asked
        return None

    def waiting(self) -> Iterator[Asked]:
        """What waits, most urgent first."""
        for queue in self._lanes.values():
            yield from queue

    def _leave(self, queue: deque[Asked], place: int) -> Asked:
        asked = queue[place]
        del queue[place]
        self._flying[id(asked)] = asked
        return asked


def lane_of(effect: Effect, books: Books) -> Lane:
    """By what it does to the risk that is held."""
    match effect:
        case PlaceOrders():
            roles = {terms.role for terms in effect.approved.orders}
            if Role.ENTRY in roles:
                return Lane.ENTRIES
            return Lane.EXITS if Role.EXIT in roles else Lane.PROTECTION
        case CancelAtVenue():
            return Lane.PROTECTION
        case ReplaceAtVenue():
            order = books.orders.get(effect.client_order_id)
            is_entry = order is not None and order.terms.role.is_entry
            return Lane.ENTRIES if is_entry else Lane.PROTECTION
        case MarketDataEffect():
            return Lane.DATA
        case _:
            return Lane.QUESTIONS


def outdated(effect: Effect, books: Books) -> bool:
    """Whether the books have gone on while it waited, so that it has nothing left to do.

    An order that is to be cancelled does not leave; what is over is neither cancelled nor changed.
    """
    match effect:
        case PlaceOrders():
            orders = [books.orders.get(terms.client_order_id) for terms in effect.approved.orders]
            return any(order is None or order.state is not OrderState.SUBMITTED for order in orders)
        case CancelAtVenue(is_stray=True, broker_order_id=name) if name:
            twin = books.twins.get(name)
            return twin is None or twin.is_over
        case CancelAtVenue():
            order = books.orders.get(effect.client_order_id)
            return order is None or not (order.is_live or effect.is_stray)
        case ReplaceAtVenue():
            order = books.orders.get(effect.client_order_id)
            return order is None or order.state is not OrderState.PENDING_REPLACE
        case _:
            return False


def _symbol(effect: Effect) -> str:
    return effect.symbol if isinstance(effect, OrderEffect) else ""
