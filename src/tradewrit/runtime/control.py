"""What code in a desk's own process may do with it: submit a command, query a view, follow the stream.

Whoever is in another process, or at another terminal, comes through the door: `runtime.live.reception`.
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from tradewrit.domain.events.account import HaltTrading, ResumeTrading
from tradewrit.domain.events.base import Command, Event, Query
from tradewrit.domain.events.registry import TRANSIENT
from tradewrit.domain.orders import Order
from tradewrit.domain.portfolio import drawdown, equity
from tradewrit.domain.positions import Position
from tradewrit.domain.reviews import Review, ReviewState
from tradewrit.domain.trades import Trade
from tradewrit.domain.writs import Writ
from tradewrit.errors import PermissionDenied
from tradewrit.runtime.bus.port import Bus, Subscription
from tradewrit.runtime.desk import Desk
from tradewrit.runtime.journal.port import Verification
from tradewrit.runtime.journal.records import Record
from tradewrit.runtime.replay import event_of


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """The account at a glance; money in account currency, as of `as_of` (UTC ns)."""

    account: str
    mode: str
    as_of: int
    cash: Decimal
    reserved: Decimal
    equity: Decimal
    high_water: Decimal
    drawdown: Decimal
    open_trades: int
    pending_reviews: int
    halted: str
    state_hash: str


class Control:
    """A desk in this process, for whoever looks at it or speaks to it in a person's name."""

    def __init__(self, desk: Desk, bus: Bus) -> None:
        self._desk = desk
        self._bus = bus

    def submit(self, command: Command, actor: str) -> tuple[Event, ...]:
        """Put a command in and return every event it led to, answers included, in order.

        actor: who is at the surface. A command that names nobody goes in under this name; one that
        names somebody else is not taken: PermissionDenied.
        """
        return tuple(self._desk.feed(_signed(command, actor), f"human:{actor}"))

    def ask(self, query: Query) -> tuple[Event, ...]:
        """Put a question in and return what it was answered with; none of it is journalled."""
        said = self._desk.feed(query, "query")
        return tuple(event for event in said if type(event) in TRANSIENT and event is not query)

    def kill(self, reason: str, actor: str, *, including_protection: bool = False) -> tuple[Event, ...]:
        """The kill switch: working entries are cancelled, and every writ but the protective one ends.

        Stops stay at the venue, can be resized, and positions can be flattened. It outlives a restart,
        and only a person puts it back.
        including_protection: then end the protective writ too, once no entry works any more, or when the
        grace is over (`writs.kill_grace_s`): nothing whatever is sent after that.
        """
        now, by = self._desk.clock.now(), f"human:{actor}"
        said = self._desk.feed(HaltTrading(at=now, actor=by, reason=reason), by)
        if including_protection:
            last = HaltTrading(at=now, actor=by, reason=reason, including_protection=True)
            said = [*said, *self._desk.feed(last, by), *self._desk.keep()]
        return tuple(said)

    def rearm(self, reason: str, actor: str) -> tuple[Event, ...]:
        """A person puts the kill switch back: the agents get new writs, and entries may go out again."""
        by = f"human:{actor}"
        return tuple(self._desk.feed(ResumeTrading(at=self._desk.clock.now(), actor=by, reason=reason), by))

    def writs(self) -> tuple[Writ, ...]:
        """The last writ of every role, and why it counts no more where it does not."""
        return tuple(self._desk.books.writs.values())

    def account(self) -> AccountView:
        """Cash, equity, drawdown, and whether trading is halted."""
        books, market = self._desk.books, self._desk.market
        worth = equity(books, market.mark)
        pending = [task for task in books.reviews.values() if task.state is ReviewState.PENDING]
        return AccountView(
            account=books.account,
            mode=books.mode,
            as_of=self._desk.clock.now(),
            cash=books.cash,
            reserved=books.reserved,
            equity=worth,
            high_water=books.high_water,
            drawdown=drawdown(worth, books.high_water),
            open_trades=len(books.trades),
            pending_reviews=len(pending),
            halted=books.halted,
            state_hash=books.state_hash,
        )

    def positions(self) -> tuple[Position, ...]:
        """Everything held."""
        return tuple(self._desk.books.positions.values())

    def orders(self) -> tuple[Order, ...]:
        """Orders of open trades."""
        return tuple(self._desk.books.orders.values())

    def trades(self) -> tuple[Trade, ...]:
        """Open trades."""
        return tuple(self._desk.books.trades.values())

    def reviews(self) -> tuple[Review, ...]:
        """Questions that wait for an answer."""
        return tuple(task for task in self._desk.books.reviews.values() if task.state is ReviewState.PENDING)

    def history(self, trace: str = "", *, after: int = 0) -> Iterator[tuple[Record, Event]]:
        """Journalled events of one trade, or of all; oldest first."""
        for record in self._desk.journal.read(self._desk.stream, after=after):
            if not trace or record.entry.trace == trace:
                yield record, event_of(record)

    def verify(self) -> Verification:
        """Check the account's journal, record by record."""
        return self._desk.journal.verify(self._desk.stream)

    def follow(self, pattern: str = "*") -> Subscription:
        """Events as they happen, as messages; `order.*` and the like select."""
        return self._bus.subscribe(pattern)


_NOBODY = "desk"
"""The actor of a command that names none."""


def _signed(command: Command, actor: str) -> Command:
    named = getattr(command, "actor", None)
    if named in {None, actor, f"human:{actor}"}:
        return command
    if named == _NOBODY:
        return msgspec.structs.replace(command, actor=f"human:{actor}")
    raise PermissionDenied(f"{actor} cannot give a command in the name of {named}")
