"""The one union of all events, their canonical names, and every other spelling that is understood.

Adding an event means adding it here; the type checker and the tests then show every place that has
to think about it.
"""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any, Final

import msgspec

from tradewrit.domain.events import (
    account,
    corporate,
    funding,
    market,
    orders,
    positions,
    review,
    risk,
    running,
    strategy,
    twins,
    writs,
)
from tradewrit.domain.events.base import Answer, Event, MarketEvent, Query


def _members(*modules: object) -> tuple[type[Event], ...]:
    found: dict[str, type[Event]] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Event) and name_of(value):
                found.setdefault(name_of(value), value)
    return tuple(found.values())


def name_of(event: type[Event]) -> str:
    """The canonical name of an event class; "" for the bases, which are not events themselves."""
    tag = event.__struct_config__.tag
    return tag if isinstance(tag, str) and "." in tag else ""


EVENTS: Final = _members(
    market, strategy, risk, review, orders, twins, positions, corporate, funding, account, writs, running
)
BY_NAME: Final[Mapping[str, type[Event]]] = {name_of(event): event for event in EVENTS}
NAMES: Final[Mapping[type[Event], str]] = {event: name for name, event in BY_NAME.items()}
TRANSIENT: Final = frozenset(event for event in EVENTS if issubclass(event, MarketEvent | Query | Answer))
"""Events that are never journalled."""
JOURNALLED: Final = frozenset(EVENTS) - TRANSIENT

# Other spellings of the same facts: two-part past-tense names, and CamelCase names of event-driven
# designs. Accepted on input and offered as a view; storage holds canonical names only.
ALIASES: Final[Mapping[str, str]] = {
    "market_data.quote_updated": "market_data.quote.updated",
    "market_data.bars_received": "market_data.bars.received",
    "market_data.stream_tick": "market_data.stream.tick",
    "market_data.market_status": "market_data.market.status",
    "strategy.candidate_found": "strategy.candidate.found",
    "strategy.entry_signal": "strategy.entry.signal",
    "strategy.hold_signal": "strategy.hold.signal",
    "strategy.exit_signal": "strategy.exit.signal",
    "risk.size_calculated": "risk.size.calculated",
    "risk.limit_exceeded": "risk.limit.exceeded",
    "risk.trade_approved": "risk.trade.approved",
    "risk.drawdown_alert": "risk.drawdown.alert",
    "order.submitted": "order.submit.accepted",
    "order.submit.success": "order.submit.accepted",
    "order.filled": "order.fill.completed",
    "order.partially_filled": "order.fill.partial",
    "order.rejected": "order.submit.rejected",
    "order.cancelled": "order.cancel.confirmed",
    "position.opened": "position.track.opened",
    "position.closed": "position.trade.closed",
    "position.stop_set": "position.stop.set",
    "position.stop_hit": "position.stop.hit",
    "position.target_hit": "position.target.hit",
    "position.pnl_updated": "position.pnl.updated",
    "MarketUpdate": "market_data.quote.updated",
    "TradeOpportunityDetected": "strategy.candidate.found",
    "TradeSuggested": "strategy.entry.signal",
    "HumanReviewRequired": "review.task.requested",
    "HumanResponseReceived": "review.decide",
    "TradeExecuted": "order.fill.completed",
}


def canonical_name(name: str) -> str:
    """The canonical name for any accepted spelling; raises KeyError for an unknown one.

    >>> canonical_name("order.submitted"), canonical_name("TradeExecuted")
    ('order.submit.accepted', 'order.fill.completed')
    """
    if name in BY_NAME:
        return name
    return ALIASES[name]


AnyEvent: Final[Any] = reduce(or_, EVENTS)
_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(AnyEvent)
encode = _encoder.encode


def decode(body: bytes) -> Event:
    """An event from its canonical bytes; raises msgspec.ValidationError when they are not one."""
    event: Event = _decoder.decode(body)
    return event
