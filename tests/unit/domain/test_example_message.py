"""The example message of the source document, and the envelope around every event."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tradewrit.domain.events.market import BarsClosed
from tradewrit.domain.events.positions import CloseTrade, StopHit
from tradewrit.domain.events.registry import ALIASES, BY_NAME
from tradewrit.domain.money import Price
from tradewrit.errors import DataError
from tradewrit.runtime.messages import decode_message, encode_message, message_of, priority

EXAMPLE = """
{
  "event": "strategy.entry.signal",
  "timestamp": "2025-10-28T14:30:00Z",
  "trace_id": "trade-123-abc",
  "data": {
    "symbol": "AAPL",
    "entry_price": 175.50,
    "stop_price": 166.72,
    "target_price": 201.82,
    "quantity": 5,
    "risk_reward_ratio": 3.0,
    "strategy": "trend_following_3_to_1"
  },
  "metadata": {
    "source": "StrategyAgent",
    "correlation_id": "scan-456",
    "priority": "high"
  }
}
"""


def test_the_example_message_parses_field_by_field() -> None:
    message = decode_message(EXAMPLE.encode())
    assert message.event == "strategy.entry.signal"
    assert message.at == 1_761_661_800 * 10**9
    assert message.trace_id == "trade-123-abc"
    assert message.data["entry_price"] == 175.50
    assert message.data["quantity"] == 5
    assert (message.metadata.source, message.metadata.correlation_id, message.metadata.priority) == (
        "StrategyAgent",
        "scan-456",
        "high",
    )


def test_the_example_message_is_emitted_again_unchanged() -> None:
    message = decode_message(EXAMPLE.encode())
    assert json.loads(encode_message(message)) == json.loads(EXAMPLE)
    assert decode_message(encode_message(message)) == message


@pytest.mark.parametrize("spelling", [*ALIASES, *BY_NAME])
def test_a_message_under_any_known_name_arrives_under_its_canonical_one(spelling: str) -> None:
    body: dict[str, Any] = {**json.loads(EXAMPLE), "event": spelling}
    message = decode_message(json.dumps(body).encode())
    assert message.event == ALIASES.get(spelling, spelling)


@pytest.mark.parametrize("missing", ["event", "timestamp", "trace_id", "data", "metadata"])
def test_no_field_of_the_envelope_may_be_missing(missing: str) -> None:
    body = {key: value for key, value in json.loads(EXAMPLE).items() if key != missing}
    with pytest.raises(DataError, match=f"not a message: .*`{missing}`"):
        decode_message(json.dumps(body).encode())


@pytest.mark.parametrize("missing", ["source", "correlation_id"])
def test_no_required_metadata_may_be_missing(missing: str) -> None:
    body: dict[str, Any] = json.loads(EXAMPLE)
    del body["metadata"][missing]
    with pytest.raises(DataError, match=f"not a message: .*`{missing}`"):
        decode_message(json.dumps(body).encode())


def test_a_message_about_an_event_nobody_knows_says_where_the_names_are() -> None:
    body = {**json.loads(EXAMPLE), "event": "order.teleported"}
    with pytest.raises(DataError, match=r"no event is called 'order.teleported'; .*docs/reference/events.md"):
        decode_message(json.dumps(body).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'{"event": 7}'])
def test_bytes_that_are_no_message_are_refused_in_words(body: bytes) -> None:
    with pytest.raises(DataError, match="not a message"):
        decode_message(body)


def test_an_events_message_carries_its_time_its_trace_and_its_data() -> None:
    event = StopHit(
        at=1_500_000_000, trace="trade-1", trade_id="trade-1", symbol="AAPL", price=Price(Decimal("166.72"))
    )
    message = message_of(event, None, "paper-1")
    assert (message.event, message.timestamp, message.trace_id) == (
        "position.stop.hit",
        "1970-01-01T00:00:01.500Z",
        "trade-1",
    )
    assert message.data == {"trade_id": "trade-1", "symbol": "AAPL", "price": "166.72", "slip": "0"}
    assert (message.metadata.account, message.metadata.tenant) == ("paper-1", "local")
    assert message.at == event.at
    assert decode_message(encode_message(message)) == message


def test_stops_are_urgent_and_market_data_can_wait() -> None:
    assert priority(StopHit(at=1, trade_id="t", symbol="A", price=Price(Decimal(1)))) == "high"
    assert priority(CloseTrade(at=1, trade_id="t", actor="maria")) == "normal"
    assert priority(BarsClosed(at=1)) == "low"
