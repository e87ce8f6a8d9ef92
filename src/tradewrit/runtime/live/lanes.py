"""What comes in and has not been taken yet: by priority, bounded, with nothing lost in silence.

    sources ── put ─▶ Lanes ── take ─▶ the desk, one input at a time

Facts, exits and people are never dropped: their source is told to wait. An entry that finds no room is
refused, and one whose time is over when its turn comes is dropped; both are remembered until `dropped` has
been asked for. Of market data the latest counts: a newer quote takes the place of the one that waits, and of
a symbol's ticks the latest wait, whose numbers tell of those let go. Bars of one time are put together and
none is lost. Times are monotonic ns. Knows no desk and no clock.
"""

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum, IntEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from tradewrit.domain.events.account import HaltTrading
from tradewrit.domain.events.base import Event, MarketEvent
from tradewrit.domain.events.corporate import DividendWentEx, SharesDelisted, SharesSplit, SymbolChanged
from tradewrit.domain.events.funding import FundingSettled
from tradewrit.domain.events.market import (
    MarketStatusReported,
    QuoteReceived,
    SymbolHalted,
    SymbolHaltLifted,
    TickReceived,
    TimerFired,
)
from tradewrit.domain.events.orders import CancelOrder, CommissionReport, ExecutionReport, SubmitOrder
from tradewrit.domain.events.positions import CloseTrade, SetStop, UpdateStop
from tradewrit.domain.events.registry import name_of
from tradewrit.domain.events.strategy import CandidateFound, EntrySignalled, ExitSignalled
from tradewrit.domain.market import Bar


class Priority(IntEnum):
    """Whose turn it is; the lower number goes first, always."""

    FACTS = 0
    """Fills and all else a venue says, cancels, stops, the kill switch, timers."""
    EXITS = 1
    PEOPLE = 2
    ENTRIES = 3
    MARKET = 4


ROOM: Final[Mapping[Priority, int]] = {
    Priority.FACTS: 10_000,
    Priority.EXITS: 1_000,
    Priority.PEOPLE: 1_000,
    Priority.ENTRIES: 256,
    Priority.MARKET: 10_000,
}
"""How many inputs wait at most."""
MOST_TICKS: Final = 256
"""How many ticks of one symbol wait at most."""
_TICK: Final = "tick:"

_FACTS = (
    ExecutionReport,
    CommissionReport,
    HaltTrading,
    CancelOrder,
    SetStop,
    UpdateStop,
    SharesSplit,
    DividendWentEx,
    SharesDelisted,
    SymbolChanged,
    FundingSettled,
    SymbolHalted,
    SymbolHaltLifted,
    TimerFired,
)
_EXITS = (CloseTrade, ExitSignalled)
_ENTRIES = (CandidateFound, EntrySignalled, SubmitOrder)


def priority_of(event: Event) -> Priority:
    """By what it does; what no list names is somebody's question or command."""
    if isinstance(event, _FACTS):
        return Priority.FACTS
    if isinstance(event, _EXITS):
        return Priority.EXITS
    if isinstance(event, _ENTRIES):
        return Priority.ENTRIES
    return Priority.MARKET if isinstance(event, MarketEvent) else Priority.PEOPLE


Reply = Callable[[tuple[Event, ...] | Exception], None]


class Input(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What is fed in one breath.

    bars: that closed at `at` (UTC ns), instead of events. is_history: they are from before, and fill a gap:
        the market learns them, and nobody trades on them.
    good_until: dropped when its turn comes later.
    reply: told what it led to, or why it was not taken.
    """

    priority: Priority
    events: tuple[Event, ...] = ()
    bars: tuple[Bar, ...] = ()
    at: int = 0
    is_history: bool = False
    source: str = "input"
    good_until: int | None = None
    reply: Reply | None = None

    @property
    def what(self) -> str:
        """Its name, for messages."""
        return name_of(type(self.events[0])) if self.events else "bars"

    @property
    def about(self) -> str:
        """Its order, trade or symbol."""
        first: object = self.events[0] if self.events else self.bars[0] if self.bars else None
        for name in ("client_order_id", "trade_id", "symbol", "trace"):
            if found := getattr(first, name, ""):
                return str(found)
        price = getattr(first, "quote", None) or getattr(first, "tick", None)
        return "" if price is None else str(price.symbol)


def heard(*events: Event, source: str, good_until: int | None = None, reply: Reply | None = None) -> Input:
    """Events as an input of the most urgent priority among them."""
    priority = min(map(priority_of, events))
    return Input(priority=priority, events=events, source=source, good_until=good_until, reply=reply)


class Put(Enum):
    """What became of an input that was offered."""

    TAKEN = "taken"
    WAIT = "wait"
    """There is no room yet: offer it again, and read nothing more from its source until then."""
    REFUSED = "refused"


class Drop(msgspec.Struct, frozen=True):
    """Inputs that were not taken, and why."""

    what: str
    about: str
    source: str
    reason: str
    count: int = 1


_Key = tuple[str, str | int]


class Lanes:
    """Inputs that wait, by priority. Used from one thread. conflated: how many newer ones replaced."""

    def __init__(self, room: Mapping[Priority, int] = ROOM) -> None:
        self._room = {**ROOM, **room}
        self._waiting: dict[Priority, deque[Input]] = {
            lane: deque() for lane in Priority if lane is not Priority.MARKET
        }
        self._market: dict[_Key, Input] = {}  # in order of arrival; a newer one keeps the place
        self._drops: dict[tuple[str, str, str, str], int] = {}
        self._unique = 0
        self.conflated = 0

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values())) + len(self._market)

    def depth(self, lane: Priority) -> int:
        """How many wait in one lane."""
        return len(self._market) if lane is Priority.MARKET else len(self._waiting[lane])

    def put(self, item: Input) -> Put:
        """Offer an input."""
        if item.priority is Priority.MARKET:
            return self._put_market(item)
        lane = self._waiting[item.priority]
        if len(lane) < self._room[item.priority]:
            lane.append(item)
            return Put.TAKEN
        if item.priority is not Priority.ENTRIES:
            return Put.WAIT
        self.drop(item, f"{len(lane)} entries wait already")
        return Put.REFUSED

    def take(self, now: int) -> Input | None:
        """The most urgent one whose time is not over; the rest of what lies before it is dropped."""
        for waiting in self._waiting.values():
            while waiting:
                item = waiting.popleft()
                if item.good_until is None or now <= item.good_until:
                    return item
                self.drop(item, "too old when its turn came")
        if not self._market:
            return None
        return self._market.pop(next(iter(self._market)))

    def clear(self, *lanes: Priority, reason: str) -> None:
        """Drop all that waits in these lanes."""
        for lane in lanes:
            waiting = self._market.values() if lane is Priority.MARKET else self._waiting[lane]
            for item in waiting:
                self.drop(item, reason)
        for lane in lanes:
            (self._market if lane is Priority.MARKET else self._waiting[lane]).clear()

    def drop(self, item: Input, reason: str) -> None:
        """Remember that it was not taken, and tell who waits for it."""
        key = (item.what, item.about, item.source, reason)
        self._drops[key] = self._drops.get(key, 0) + 1
        if item.reply is not None:
            item.reply(NotTakenError(f"{item.what} {item.about}: {reason}"))

    def dropped(self) -> list[Drop]:
        """What was not taken since this was last asked."""
        found = [Drop(*key, count) for key, count in self._drops.items()]
        self._drops.clear()
        return found

    def _put_market(self, item: Input) -> Put:
        key = self._key(item)
        before = self._market.get(key)
        if before is not None:
            newer = _newer(before, item)
            if newer is item and key[0].startswith(_TICK):
                del self._market[key]  # it comes behind those between the two, or they would look late
            self._market[key] = newer
            self.conflated += 1
            return Put.TAKEN
        if len(self._market) >= self._room[Priority.MARKET]:
            oldest = next((name for name, one in self._market.items() if not one.bars), None)
            if oldest is None:
                return Put.WAIT
            self.drop(self._market.pop(oldest), "market data came faster than it was taken")
        self._market[key] = item
        return Put.TAKEN

    def _key(self, item: Input) -> _Key:
        if item.bars:
            return "bars", item.at
        match item.events:
            case (QuoteReceived(quote=quote),):
                return "quote", quote.symbol
            case (MarketStatusReported(),):
                return "status", ""
            case (TickReceived(tick=tick),):
                # One left out is told as a gap, so that happens to none before so many wait.
                return f"{_TICK}{tick.symbol}", tick.sequence % MOST_TICKS
            case _:
                self._unique += 1
                return "other", self._unique


class NotTakenError(Exception):
    """An input was not taken; for whoever waits for its answer."""


def _newer(before: Input, item: Input) -> Input:
    if not item.bars:
        older, newer = _stamp(before), _stamp(item)
        if older == newer and isinstance(item.events[0], TickReceived):
            return before  # the same print again
        return item if newer >= older else before
    together = {bar.symbol: bar for bar in (*before.bars, *item.bars)}
    is_history = before.is_history and item.is_history
    return replace(before, bars=tuple(together.values()), is_history=is_history)


def _stamp(item: Input) -> int:
    event = item.events[0]
    if isinstance(event, TickReceived):
        return event.tick.sequence
    return event.quote.ts if isinstance(event, QuoteReceived) else event.at
