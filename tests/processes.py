"""A desk as a process that can be killed: its journal is a real file, and the venue outlives it.

It either stands still until the venue has answered, or puts its calls into an outbox and goes on.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, JOURNAL_ID, SYMBOL, World
from tests.unruly import Unruly
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.events.base import Event
from tradewrit.domain.market import Bar
from tradewrit.domain.orders import OrderTerms, Role
from tradewrit.domain.scopes import Grant
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.outbox import Outbox
from tradewrit.runtime.perform import Departure

HAND = Grant(id="h", agent="hand", scopes=frozenset({"write:trades:*"}), issued_at=0, expires_at=2**62)


class Killed(BaseException):
    """SIGKILL: nothing between here and the operating system catches it."""


class Process(World):
    """One run of the desk; the next one opens the same file, and meets the same venue."""

    def __init__(self, path: Path, *, has_outbox: bool, after: "Process | None" = None, **more: Any) -> None:
        self.path, self.has_outbox, self.more = path, has_outbox, more
        if after is not None:
            more = more | {"exchange": after.exchange, "at": after.clock.now()}
        self.sent: list[OrderTerms] = [] if after is None else after.sent
        super().__init__(
            journal=SqliteJournal.open(path, id=JOURNAL_ID, created_at=0),
            broker=self._line,
            outbox=Outbox() if has_outbox else None,
            **more,
        )
        self.run()

    def _line(self, exchange: PaperExchange) -> Unruly:
        self.line = Unruly(exchange, self.more.get("capabilities"))
        self.line.sent = self.sent  # what was ever passed on, by whichever process
        return self.line

    # -- what an outbox holds leaves, if there is one

    def run(self) -> None:
        """Whatever may leave does, and its outcome arrives, until nothing is left to do."""
        while (departure := self.desk.depart()) is not None:
            self.desk.arrive(departure, departure.work(self.now))

    def feed(self, event: Event, source: str = "input") -> list[Event]:
        said = super().feed(event, source)
        self.run()
        return said

    def show(self, *bars: Bar) -> None:
        super().show(*bars)
        self.run()

    def report(self, reports: Any) -> None:
        super().report(reports)
        self.run()

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            super().wait(1)
            self.run()

    def reconcile(self, cause: str = "minute") -> None:
        """The account is asked for, and once more where that is called for."""
        self.desk.reconcile(cause)
        self.run()
        self.wait(3)

    # -- the end of it

    def killed(self, do: Callable[[], object], *, at: str, is_done: bool) -> None:
        """Die in the next call of this name: before it reaches the venue, or before its answer is known."""
        if self.has_outbox:
            self._killed_with_a_call_in_flight(do, at, is_done=is_done)
        else:
            self.line.lose(at, Killed(), is_done=is_done)  # type: ignore[arg-type]
            with pytest.raises(Killed):
                do()
        self.journal.close()

    def _killed_with_a_call_in_flight(self, do: Callable[[], object], at: str, *, is_done: bool) -> None:
        def until_then() -> None:
            while (departure := self.desk.depart()) is not None:
                is_it = _call(departure) == at
                if is_it and not is_done:
                    raise Killed
                outcome = departure.work(self.now)
                if is_it:
                    raise Killed
                self.desk.arrive(departure, outcome)

        self.run = until_then  # type: ignore[method-assign]
        with pytest.raises(Killed):
            do()

    def again(self, **more: Any) -> "Process":
        """The next process on the same file."""
        self.journal.close()
        return Process(self.path, has_outbox=self.has_outbox, after=self, **(self.more | more))

    @property
    def roles_sent(self) -> list[Role]:
        """The role of every order that was ever passed on to the venue, repeats included."""
        return [terms.role for terms in self.sent]

    def order_entry(self, price: float = 175.50, symbol: str = SYMBOL) -> None:
        """A signal at the close of a bar, and the order it leads to."""
        self.says(BUY, symbol)
        self.bar(price, symbol=symbol)


def _call(departure: Departure) -> str:
    name = type(departure.asked.effect).__name__
    return {"PlaceOrders": "place", "CancelAtVenue": "cancel", "ReplaceAtVenue": "replace"}.get(name, name)


def settled(desk: World) -> Any:
    return settled_books(desk.books)


def settled_books(books: Any) -> Any:
    """The books without what a restart may change: who acts, when it was looked, and how much was said."""
    return replace(books, writs={}, reconciled_at=0, events=0)
