"""Messages: events as others see them on a bus, in one envelope.

{"event": ..., "timestamp": ISO-8601 UTC, "trace_id": ..., "data": {...},
 "metadata": {"source", "correlation_id", "priority", "causation_id", "account", "version", ...}}
"""

from typing import Any, Final

import msgspec

from tradewrit.domain.events.account import AccountOpened, SymbolSuspended, TradingHalted
from tradewrit.domain.events.base import Event, MarketEvent, Query
from tradewrit.domain.events.market import TimerFired
from tradewrit.domain.events.orders import (
    ExecutionReport,
    FeePending,
    FillCorrected,
    FillQuestioned,
    OrderCancelled,
    OrderFilled,
    OrderPartiallyFilled,
    OrderStatusReported,
)
from tradewrit.domain.events.positions import (
    ExitChecked,
    ExitRequested,
    PnlUpdated,
    PositionReported,
    ProtectionRequested,
    StopFailed,
    StopHit,
    StopLapsed,
    StopSet,
)
from tradewrit.domain.events.registry import BY_NAME, canonical_name, name_of
from tradewrit.domain.events.risk import LimitsChecked, PortfolioAssessed
from tradewrit.domain.events.strategy import CandidatesListed, ExitJudged, SetupEvaluated
from tradewrit.domain.events.writs import WritDenied, WritLost, WritRenewalFailed, WritRevoked
from tradewrit.domain.times import iso, parse_iso
from tradewrit.errors import DataError
from tradewrit.runtime.journal.records import Record

_URGENT: Final = (
    ExecutionReport,
    OrderPartiallyFilled,
    OrderFilled,
    OrderCancelled,
    ProtectionRequested,
    ExitRequested,
    StopSet,
    StopHit,
    StopFailed,
    StopLapsed,
    SymbolSuspended,
    FeePending,
    FillCorrected,
    FillQuestioned,
    TradingHalted,
    WritDenied,
    WritLost,
    WritRevoked,
    WritRenewalFailed,
)


_ANSWERED_BY: Final[dict[type[Event], str]] = {
    CandidatesListed: "strategist",
    SetupEvaluated: "strategist",
    ExitJudged: "strategist",
    LimitsChecked: "risk_officer",
    PortfolioAssessed: "risk_officer",
    OrderStatusReported: "executor",
    ExitChecked: "position_keeper",
    PnlUpdated: "bookkeeper",
    PositionReported: "bookkeeper",
    TimerFired: "schedule",
}


class Metadata(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Who says so, and what it belongs to. causation_id: the record that led to this one."""

    source: str
    correlation_id: str
    priority: str = msgspec.field(default="")
    causation_id: str = ""
    tenant: str = ""
    account: str = ""
    version: int = 1


class Message(msgspec.Struct, kw_only=True):
    """One event in its envelope. Times are text here and nanoseconds everywhere else."""

    event: str
    timestamp: str
    trace_id: str
    data: dict[str, Any]
    metadata: Metadata

    @property
    def at(self) -> int:
        """The timestamp as UTC ns."""
        return parse_iso(self.timestamp)


def message_of(event: Event, record: Record | None, account: str, tenant: str = "local") -> Message:
    """The envelope of an event; `record` is None for what is not journalled."""
    data = msgspec.to_builtins(event)
    for name in ("event", "at", "trace"):
        data.pop(name, None)
    return Message(
        event=name_of(type(event)),
        timestamp=iso(event.at),
        trace_id=event.trace,
        data=data,
        metadata=Metadata(
            source=_speaker(event) if record is None else record.entry.source,
            correlation_id=event.trace if record is None else record.entry.correlation,
            causation_id=str(record.entry.caused_by) if record is not None else "",
            priority=priority(event),
            tenant=tenant,
            account=event.account if isinstance(event, AccountOpened) else account,
        ),
    )


def _speaker(event: Event) -> str:
    """Who says what is not journalled: a question comes from outside, an answer from whoever is asked."""
    if isinstance(event, Query):
        return "query"
    return _ANSWERED_BY.get(type(event), "market_watch")


def priority(event: Event) -> str:
    """Returns high for fills, stops, exits and alerts, low for market data, normal for the rest."""
    if isinstance(event, _URGENT):
        return "high"
    return "low" if isinstance(event, MarketEvent) else "normal"


def encode_message(message: Message) -> bytes:
    """The message as JSON."""
    return msgspec.json.encode(message)


def decode_message(body: bytes) -> Message:
    """A message from JSON, under its canonical name.

    Raises DataError for bytes that are no message, and for an event nobody knows.
    """
    try:
        message = msgspec.json.decode(body, type=Message)
    except msgspec.MsgspecError as wrong:
        raise DataError(f"not a message: {wrong}") from wrong
    try:
        message.event = canonical_name(message.event)
    except KeyError:
        raise DataError(
            f"no event is called {message.event!r}; {len(BY_NAME)} names are known, "
            "see docs/reference/events.md"
        ) from None
    return message
