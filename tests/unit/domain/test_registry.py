"""Every event is in one registry under one name, and every other spelling leads there."""

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.anything import a
from tradewrit.domain.events.base import Answer, Command, Event, MarketEvent, Query
from tradewrit.domain.events.registry import (
    ALIASES,
    BY_NAME,
    EVENTS,
    JOURNALLED,
    TRANSIENT,
    canonical_name,
    decode,
    encode,
    name_of,
)
from tradewrit.domain.events.strategy import CandidateFound

# Every message of the source documents, by the names they use.
INPUTS = """
market_data.get_quote market_data.get_bars market_data.subscribe market_data.check_status
order.submit order.cancel order.modify order.get_status
strategy.scan_candidates strategy.evaluate_setup strategy.manage_position strategy.should_exit
risk.calculate_size risk.check_limits risk.assess_portfolio risk.approve_trade
position.track position.set_stop position.update_stop position.calculate_pnl position.check_exit
"""
OUTPUTS = """
market_data.quote_updated       market_data.quote.updated
market_data.bars_received       market_data.bars.received
market_data.stream_tick         market_data.stream.tick
market_data.market_status       market_data.market.status
order.submitted                 order.submit.accepted
order.submit.success            order.submit.accepted
order.filled                    order.fill.completed
order.partially_filled          order.fill.partial
order.rejected                  order.submit.rejected
order.cancelled                 order.cancel.confirmed
strategy.candidate_found        strategy.candidate.found
strategy.entry_signal           strategy.entry.signal
strategy.hold_signal            strategy.hold.signal
strategy.exit_signal            strategy.exit.signal
risk.size_calculated            risk.size.calculated
risk.limit_exceeded             risk.limit.exceeded
risk.trade_approved             risk.trade.approved
risk.drawdown_alert             risk.drawdown.alert
position.opened                 position.track.opened
position.closed                 position.trade.closed
position.stop_set               position.stop.set
position.stop_hit               position.stop.hit
position.target_hit             position.target.hit
position.pnl_updated            position.pnl.updated
MarketUpdate                    market_data.quote.updated
TradeOpportunityDetected        strategy.candidate.found
TradeSuggested                  strategy.entry.signal
HumanReviewRequired             review.task.requested
HumanResponseReceived           review.decide
TradeExecuted                   order.fill.completed
"""
EXAMPLES = """
market_data.quote.updated strategy.entry.signal risk.limit.exceeded position.stop.hit
strategy.scan.started strategy.evaluate.started risk.trade.approved position.stop.set position.target.hit
strategy.trade.logged
order.submit.requested order.submit.accepted order.submit.unknown
"""
SPELLINGS = [(spelling, name) for spelling, name in map(str.split, OUTPUTS.strip().splitlines())]


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_a_fact_has_three_parts_and_a_command_two(kind: type[Event]) -> None:
    name = name_of(kind)
    assert re.fullmatch(r"[a-z_]+(\.[a-z_]+){1,2}", name)
    assert name.count(".") == (1 if issubclass(kind, Command) else 2)
    assert BY_NAME[name] is kind
    assert canonical_name(name) == name


def test_no_two_events_share_a_name() -> None:
    assert len({name_of(kind) for kind in EVENTS}) == len(EVENTS) == len(BY_NAME)


def test_every_event_class_there_is_stands_in_the_registry() -> None:
    found, open_ = set(), [Event]
    while open_:
        kind = open_.pop()
        open_ += kind.__subclasses__()
        if kind.__module__.startswith("tradewrit.") and name_of(kind):
            found.add(kind)
    assert found == set(EVENTS)


@pytest.mark.parametrize("name", [*INPUTS.split(), *EXAMPLES.split()])
def test_the_names_of_the_source_documents_that_are_canonical_are_in_the_registry(name: str) -> None:
    assert name in BY_NAME


@pytest.mark.parametrize("name", INPUTS.split())
def test_every_input_of_an_agent_is_a_command(name: str) -> None:
    assert issubclass(BY_NAME[name], Command)


@pytest.mark.parametrize(("spelling", "name"), SPELLINGS)
def test_every_other_spelling_of_the_source_documents_is_understood(spelling: str, name: str) -> None:
    assert canonical_name(spelling) == name
    assert name in BY_NAME


def test_every_alias_is_one_the_source_documents_use_and_hides_no_event() -> None:
    assert dict(SPELLINGS) == dict(ALIASES)
    assert not ALIASES.keys() & BY_NAME.keys()


def test_a_name_nobody_knows_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        canonical_name("order.teleported")


def test_market_data_questions_and_answers_are_never_journalled() -> None:
    assert {kind for kind in EVENTS if issubclass(kind, MarketEvent | Query | Answer)} == TRANSIENT
    assert set(EVENTS) == TRANSIENT | JOURNALLED
    assert not TRANSIENT & JOURNALLED


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_every_event_says_what_it_means(kind: type[Event]) -> None:
    assert kind.__doc__
    assert kind.__doc__.strip().endswith(".")


@given(st.sampled_from(EVENTS).flatmap(a))
def test_an_event_survives_its_bytes_and_has_only_one_spelling(event: Event) -> None:
    body = encode(event)
    again = decode(body)
    assert type(again) is type(event)
    assert again == event
    assert encode(again) == body
    assert json.loads(body)["event"] == name_of(type(event))


@given(a(CandidateFound))
def test_the_order_of_a_mapping_is_no_part_of_an_event(event: CandidateFound) -> None:
    turned = msgspec.structs.replace(event, inputs=dict(reversed(event.inputs.items())))
    assert encode(turned) == encode(event)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"event": "order.teleported", "at": 1}',
        b'{"event": "order.submitted", "at": 1}',
        b'{"event": "position.close", "at": 1, "trade_id": "t"}',
        b'{"event": "position.close", "at": "now", "trade_id": "t", "actor": "maria"}',
    ],
)
def test_bytes_that_are_no_event_are_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(body)


def test_storage_holds_canonical_names_only() -> None:
    fields = b'"at": 1, "trade_id": "t", "symbol": "A", "price": "1.00"'
    assert decode(b'{"event": "position.stop.hit", ' + fields + b"}").at == 1
    with pytest.raises(msgspec.ValidationError, match=r"position\.stop_hit"):
        decode(b'{"event": "position.stop_hit", ' + fields + b"}")
