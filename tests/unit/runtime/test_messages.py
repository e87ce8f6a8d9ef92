"""One envelope for every event: the source document's example goes in and comes out unchanged."""

import json

import pytest

from tests.desks import SYMBOL, World
from tradewrit.domain.events.market import QuoteReceived
from tradewrit.domain.events.orders import OrderFilled
from tradewrit.domain.events.positions import CalculatePnl, PositionClosed, StopHit
from tradewrit.domain.events.registry import ALIASES, BY_NAME
from tradewrit.domain.events.risk import AssessPortfolio
from tradewrit.domain.events.strategy import CandidateFound
from tradewrit.domain.market import Quote
from tradewrit.domain.times import parse_iso
from tradewrit.errors import DataError
from tradewrit.runtime.messages import Message, decode_message, encode_message, message_of, priority

EXAMPLE = {
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
        "strategy": "trend_following_3_to_1",
    },
    "metadata": {"source": "StrategyAgent", "correlation_id": "scan-456", "priority": "high"},
}


def test_the_documents_example_parses_and_is_written_again_unchanged() -> None:
    message = decode_message(json.dumps(EXAMPLE).encode())
    assert message.at == parse_iso("2025-10-28T14:30:00Z")
    written = json.loads(encode_message(message))
    assert {key: written[key] for key in ("event", "timestamp", "trace_id", "data")} == {
        key: EXAMPLE[key] for key in ("event", "timestamp", "trace_id", "data")
    }
    assert EXAMPLE["metadata"].items() <= written["metadata"].items()  # type: ignore[attr-defined]


@pytest.mark.parametrize("alias", ALIASES)
def test_every_other_spelling_is_understood_and_written_canonically(alias: str) -> None:
    message = decode_message(json.dumps(EXAMPLE | {"event": alias}).encode())
    assert message.event == ALIASES[alias]
    assert message.event in BY_NAME


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not a message"),
        (b"[]", "not a message"),
        (b"{}", "not a message"),
        (json.dumps({key: EXAMPLE[key] for key in EXAMPLE if key != "metadata"}).encode(), "not a message"),
        (json.dumps(EXAMPLE | {"event": "order.teleported"}).encode(), "no event is called"),
    ],
)
def test_what_is_no_message_is_refused_with_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        decode_message(body)


def messages(world: World) -> list[Message]:
    return [message_of(event, record, "paper") for event, record in world.heard]


def test_every_message_of_a_trade_is_complete_and_survives_the_wire() -> None:
    world = World()
    world.enter()
    world.bar(180.0, 202.0)
    for message in messages(world):
        assert message.metadata.source
        assert message.metadata.priority in {"high", "normal", "low"}
        assert message.metadata.account == "paper"
        assert not {"event", "at", "trace"} & message.data.keys()
        assert decode_message(encode_message(message)).timestamp == message.timestamp
    closed = next(message for message in messages(world) if message.event == "position.trade.closed")
    assert closed.data["gross"] == "131.60"
    assert closed.trace_id == world.only(CandidateFound).trade_id
    assert closed.metadata.correlation_id == world.only(CandidateFound).scan


def test_a_message_names_the_record_that_led_to_it() -> None:
    world = World()
    world.enter()
    by_seq = {record.seq: message_of(event, record, "paper") for event, record in world.heard if record}
    stop = next(message for message in by_seq.values() if message.event == "position.stop.set")
    cause = by_seq[int(stop.metadata.causation_id)]
    assert (cause.event, cause.data["role"]) == ("order.submit.accepted", "stop")


def test_money_travels_as_text_and_nothing_is_lost() -> None:
    world = World()
    world.enter()
    event = world.only(OrderFilled)
    data = message_of(event, None, "paper").data
    assert (data["price"], data["fee"]) == ("175.50", "0.8775")


def test_fills_stops_and_exits_go_first_and_market_data_last() -> None:
    world = World()
    world.enter()
    world.quote(176.0)
    world.bar(160.0)
    found = {type(event): priority(event) for event, _ in world.heard}
    assert found[OrderFilled] == found[StopHit] == "high"
    assert found[PositionClosed] == "normal"
    assert found[QuoteReceived] == "low"


def test_an_answer_is_said_by_whoever_was_asked() -> None:
    world = World()
    world.enter()
    heard = world.control.follow("*")
    world.control.ask(AssessPortfolio(at=world.now))
    world.control.ask(CalculatePnl(at=world.now, symbol=SYMBOL))
    world.quote(176.0)
    sources = [(message.event, message.metadata.source) for message in heard.drain()]
    assert sources == [
        ("risk.assess_portfolio", "query"),
        ("risk.portfolio.assessed", "risk_officer"),
        ("position.calculate_pnl", "query"),
        ("position.report.given", "bookkeeper"),
        ("market_data.quote.received", "market_watch"),
        ("market_data.quote.updated", "market_watch"),
        ("position.pnl.updated", "bookkeeper"),
    ]


def test_a_message_of_something_unrecorded_has_no_cause() -> None:
    quote = QuoteReceived(at=5, quote=Quote(SYMBOL, 5, 1.0, 1.0))
    message = message_of(quote, None, "paper", tenant="t1")
    assert (message.metadata.causation_id, message.metadata.tenant) == ("", "t1")
    assert message.timestamp == "1970-01-01T00:00:00.000000005Z"
