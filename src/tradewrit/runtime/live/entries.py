"""Why no entry leaves at this moment: reasons by cause, each of which has to pass before one does.

What protects and what closes is never held back here. Every change is said, so that it goes on record.
"""

from collections.abc import Callable, Iterator

from tradewrit.domain.books import Books
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import CancelOrder
from tradewrit.domain.events.running import EntriesAllowed, EntriesWithheld
from tradewrit.domain.writs import DESK, EXECUTOR
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.live.status import because
from tradewrit.runtime.writs import Writs


class Entries:
    """The entries of one desk, held back at its executor's writ. say: puts an event on record."""

    def __init__(self, writs: Writs, clock: Clock, say: Callable[[Event], None]) -> None:
        self._writs = writs
        self._clock = clock
        self._say = say
        self._reasons: dict[str, str] = {}

    @property
    def withheld(self) -> str:
        """Why none leaves; "" where they may."""
        return because(list(self._reasons.values()))

    def is_withheld_for(self, cause: str) -> bool:
        """Whether this is one of the reasons."""
        return cause in self._reasons

    def withhold(self, cause: str, reason: str, todo: str = "") -> None:
        """Let none leave until `allow(cause)`. todo: what a person has to do."""
        if self._reasons.get(cause) != reason:
            self._reasons[cause] = reason
            self._writs.withhold(EXECUTOR, self.withheld)
            self._say(EntriesWithheld(at=self._clock.now(), reason=reason, todo=todo))

    def allow(self, cause: str) -> None:
        """This is no reason any more."""
        was = self._reasons.pop(cause, None)
        if was is not None:
            self._writs.withhold(EXECUTOR, self.withheld)
            self._say(EntriesAllowed(at=self._clock.now(), was=was))


def taking_back(books: Books, at: int, reason: str) -> Iterator[CancelOrder]:
    """The cancels of all entries at work: what fills while nobody is there could be without a stop."""
    for order in books.orders.values():
        if order.is_live and order.terms.role.is_entry:
            yield CancelOrder(
                at=at, trace=order.terms.trade_id, client_order_id=order.id, actor=DESK, reason=reason
            )
