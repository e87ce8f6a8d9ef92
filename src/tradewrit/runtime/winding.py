"""What a desk does while its protective writ lives only to cancel entries: ask again, and tell.

Knows no authority and no venue.
"""

from collections.abc import Iterator
from typing import Final

from tradewrit.domain.books import Books
from tradewrit.domain.events.account import TradingHalted, TradingResumed
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import CancelOrder, GetOrderStatus, OrderCancelled
from tradewrit.domain.market import SECOND
from tradewrit.domain.orders import On, Order, can
from tradewrit.domain.writs import DESK
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.pump import Pump
from tradewrit.runtime.writs import Writs

_AGAIN: Final = SECOND
HEARS: Final = frozenset({TradingHalted, TradingResumed, OrderCancelled})
"""The events that `Winding.hear` has to be told of."""
_REASON: Final = "halted: the kill switch ends protection as well"


class Winding:
    """One desk's entries under a kill that includes protection."""

    def __init__(self, pump: Pump, writs: Writs, clock: Clock) -> None:
        self._pump = pump
        self._writs = writs
        self._clock = clock
        self._cancelled: list[str] = []
        self._ask_at = 0

    def hear(self, event: Event) -> None:
        """Remember which entries were cancelled since the halt; its own asking comes a second after."""
        if type(event) is TradingHalted:
            self._ask_at = self._clock.now() + _AGAIN
        elif type(event) is TradingResumed:
            self._cancelled.clear()
        elif type(event) is OrderCancelled and event.role.is_entry and self._pump.books.halted:
            self._cancelled.append(event.client_order_id)

    def go_on(self) -> list[Event]:
        """Ask the venue again for what still works, and tell the authority; returns all it led to.

        When nothing works any more, the protective writ is over.
        """
        now = self._clock.now()
        if not self._writs.is_winding_down(now):
            return []
        said: list[Event] = []
        if now >= self._ask_at:
            self._ask_at = now + _AGAIN
            for order in list(_at_work(self._pump.books)):
                said += self._pump.feed(_asked(order, now), DESK)
        working = tuple(order.id for order in _at_work(self._pump.books))
        self._writs.answer_kill(tuple(self._cancelled), working, now)
        return [*said, *self._pump.keep()]


def _at_work(books: Books) -> Iterator[Order]:
    return (order for order in books.orders.values() if order.is_live and order.terms.role.is_entry)


def _asked(order: Order, now: int) -> Event:
    """What to ask of an entry: its cancel, or, where that is under way or unknown, what became of it."""
    if not can(order.state, On.ASK_CANCEL):
        return GetOrderStatus(at=now, client_order_id=order.id, fresh=True)
    return CancelOrder(
        at=now, trace=order.terms.trade_id, client_order_id=order.id, actor=DESK, reason=_REASON
    )
