"""What a desk at work says of itself: what it could not take, what it lost sight of, why entries wait."""

from decimal import Decimal

import msgspec

from tradewrit.domain.events.base import Event
from tradewrit.domain.orders import Side


class InputDropped(Event, frozen=True, kw_only=True, gc=False, tag="runtime.input.dropped"):
    """Something was not taken, and why: too old when its turn came, no room for it, or an agent failed on it.

    what: the name of the event. about: its order, trade or symbol. count: how many alike.
    """

    what: str
    about: str
    source: str
    reason: str
    count: int = 1


class StreamCut(Event, frozen=True, kw_only=True, gc=False, tag="runtime.stream.cut"):
    """An alert: what a venue or a feed sends is not heard any more; it is called again until it answers.

    is_expected: the venue's maintenance is on, so this is no surprise.
    """

    stream: str
    reason: str
    is_expected: bool = False


class StreamLost(Event, frozen=True, kw_only=True, gc=False, tag="runtime.stream.lost"):
    """An alarm: it has not been heard for longer than allowed, the venue's maintenance left out.

    seconds: for how long. todo: what a person does.
    """

    stream: str
    seconds: int
    todo: str


class StreamRestored(Event, frozen=True, kw_only=True, gc=False, tag="runtime.stream.restored"):
    """It is heard again. attempts: how often it was called."""

    stream: str
    attempts: int


class EntriesWithheld(Event, frozen=True, kw_only=True, gc=False, tag="runtime.entries.withheld"):
    """The desk lets no entry leave for now; stops, exits and cancels go on. todo: what a person can do."""

    reason: str
    todo: str = ""


class EntriesAllowed(Event, frozen=True, kw_only=True, gc=False, tag="runtime.entries.allowed"):
    """What kept entries back is over. was: what it was."""

    was: str


class BreakerOpened(Event, frozen=True, kw_only=True, gc=False, tag="runtime.breaker.opened"):
    """An alert: calls of one kind to a venue fail, and are not made for a while.

    endpoint: entries, protection or queries. reason: outage, rate or token. failures: in a row.
    until: when one is tried again, UTC ns; None when time will not help: then do what `todo` says.
    """

    venue: str
    endpoint: str
    reason: str
    failures: int
    until: int | None
    todo: str = ""


class BreakerClosed(Event, frozen=True, kw_only=True, gc=False, tag="runtime.breaker.closed"):
    """Calls of this kind are answered again."""

    venue: str
    endpoint: str


class Closing(msgspec.Struct, frozen=True, gc=False):
    """One order of an emergency liquidation: it only closes, and only what the venue says is held."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal


class FlattenRound(Event, frozen=True, kw_only=True, gc=False, tag="account.flatten.round"):
    """One round of an emergency liquidation, on record before anything of it leaves.

    run: names the whole of it. held: symbol -> units, signed, as the venue said. trades: those asked to
    close in the usual way. closings: orders for what no trade of ours explains.
    """

    run: str
    round: int
    held: dict[str, Decimal]
    trades: tuple[str, ...] = ()
    closings: tuple[Closing, ...] = ()


class FlattenEnded(Event, frozen=True, kw_only=True, gc=False, tag="account.flatten.ended"):
    """An emergency liquidation is over. held: what is left; empty when the account is flat."""

    run: str
    rounds: int
    held: dict[str, Decimal]
    reason: str


class PositionRescued(Event, frozen=True, kw_only=True, gc=False, tag="runtime.position.rescued"):
    """An alert: the watchdog protected a position that nobody looked after.

    orders: client order ids, those that the desk itself would use. answer: what the venue said.
    """

    symbol: str
    trade_id: str
    quantity: Decimal
    orders: tuple[str, ...]
    reason: str
    answer: str
