"""Inputs that wait: urgent ones first, none lost in silence."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.events.account import HaltTrading
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import MarketStatusReported, QuoteReceived, TickReceived, TimerFired
from tradewrit.domain.events.orders import CancelOrder, Exec, ExecutionReport, GetOrderStatus, SubmitOrder
from tradewrit.domain.events.positions import CloseTrade, UpdateStop
from tradewrit.domain.market import Bar, MarketPhase, MarketStatus, Quote, Tick
from tradewrit.domain.money import Price
from tradewrit.runtime.live.lanes import (
    MOST_TICKS,
    Input,
    Lanes,
    NotTakenError,
    Priority,
    Put,
    heard,
    priority_of,
)


def report(number: int = 1) -> ExecutionReport:
    return ExecutionReport(at=number, exec_id=f"e{number}", client_order_id=f"o{number}", kind=Exec.NEW)


def quote(symbol: str = "AAPL", ts: int = 1, bid: float = 10.0) -> Input:
    return heard(QuoteReceived(at=ts, quote=Quote(symbol, ts, bid, bid)), source="feed")


def bars(at: int, *symbols: str, price: float = 10.0) -> Input:
    shown = tuple(Bar(symbol, at - 60, price, price, price, price, 1.0) for symbol in symbols)
    return Input(priority=Priority.MARKET, bars=shown, at=at, source="feed")


def entry(number: int = 1, good_until: int | None = None) -> Input:
    submit = SubmitOrder(at=number, trade_id=f"t{number}", risk_id="r", review_id="v")
    return heard(submit, source="signals", good_until=good_until)


def everything(lanes: Lanes, now: int = 0) -> list[Input]:
    return list(iter(lambda: lanes.take(now), None))


@pytest.mark.parametrize(
    ("event", "priority"),
    [
        (report(), Priority.FACTS),
        (HaltTrading(at=1, actor="human:maria", reason="drill"), Priority.FACTS),
        (CancelOrder(at=1, client_order_id="o"), Priority.FACTS),
        (UpdateStop(at=1, trade_id="t", stop_price=Price(Decimal(1))), Priority.FACTS),
        (TimerFired(at=1, timer="review"), Priority.FACTS),
        (CloseTrade(at=1, trade_id="t", actor="human:maria"), Priority.EXITS),
        (GetOrderStatus(at=1, client_order_id="o"), Priority.PEOPLE),
        (SubmitOrder(at=1, trade_id="t", risk_id="r", review_id="v"), Priority.ENTRIES),
        (QuoteReceived(at=1, quote=Quote("AAPL", 1, 1.0, 1.0)), Priority.MARKET),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Event) else str(value),
)
def test_a_fill_a_cancel_a_stop_and_the_kill_switch_come_before_everything(
    event: Event, priority: Priority
) -> None:
    assert priority_of(event) is priority


def test_what_is_most_urgent_is_taken_first_whatever_came_first() -> None:
    lanes = Lanes()
    close = heard(CloseTrade(at=1, trade_id="t", actor="human:maria"), source="input")
    for item in (quote(), entry(), close, heard(report(), source="venue")):
        assert lanes.put(item) is Put.TAKEN
    assert [item.priority for item in everything(lanes)] == [0, 1, 3, 4]


@pytest.mark.parametrize("lane", [Priority.FACTS, Priority.EXITS, Priority.PEOPLE])
def test_where_facts_exits_or_people_find_no_room_their_source_waits(lane: Priority) -> None:
    events: dict[Priority, Callable[[int], Event]] = {
        Priority.FACTS: report,
        Priority.EXITS: lambda n: CloseTrade(at=n, trade_id=f"t{n}", actor="human:maria"),
        Priority.PEOPLE: lambda n: GetOrderStatus(at=n, client_order_id=f"o{n}"),
    }
    lanes = Lanes({lane: 2})
    put = [lanes.put(heard(events[lane](n), source="s")) for n in (1, 2, 3)]
    assert put == [Put.TAKEN, Put.TAKEN, Put.WAIT]
    assert lanes.dropped() == []
    assert lanes.take(0) is not None
    assert lanes.put(heard(events[lane](3), source="s")) is Put.TAKEN


def test_an_entry_that_finds_no_room_is_refused_with_a_reason() -> None:
    lanes = Lanes({Priority.ENTRIES: 1})
    refused: list[object] = []
    lanes.put(entry(1))
    late = Input(priority=Priority.ENTRIES, events=entry(2).events, source="signals", reply=refused.append)
    assert lanes.put(late) is Put.REFUSED
    (drop,) = lanes.dropped()
    assert (drop.what, drop.about, drop.source) == ("order.submit", "t2", "signals")
    assert drop.reason == "1 entries wait already"
    assert isinstance(refused[0], NotTakenError)
    assert lanes.dropped() == []


def test_an_entry_that_has_waited_too_long_is_dropped_with_a_reason() -> None:
    lanes = Lanes()
    lanes.put(entry(1, good_until=10))
    lanes.put(entry(2, good_until=30))
    taken = lanes.take(20)
    assert taken is not None
    assert taken.about == "t2"
    assert [(drop.about, drop.reason) for drop in lanes.dropped()] == [("t1", "too old when its turn came")]


def test_a_newer_quote_takes_the_place_of_the_one_that_waits_and_an_older_does_not() -> None:
    lanes = Lanes()
    for item in (quote("AAPL", 5, 10.0), quote("MSFT", 6), quote("AAPL", 9, 11.0), quote("AAPL", 7, 12.0)):
        assert lanes.put(item) is Put.TAKEN
    taken = everything(lanes)
    assert [item.about for item in taken] == ["AAPL", "MSFT"]
    (first,) = taken[0].events
    assert isinstance(first, QuoteReceived)
    assert first.quote.bid == 11.0
    assert lanes.conflated == 2


def test_bars_of_one_time_are_put_together_and_bars_of_another_stand_alone() -> None:
    lanes = Lanes()
    for item in (bars(60, "AAPL"), bars(120, "AAPL"), bars(60, "MSFT"), bars(60, "AAPL", price=11.0)):
        lanes.put(item)
    taken = everything(lanes)
    assert [(item.at, [bar.symbol for bar in item.bars]) for item in taken] == [
        (60, ["AAPL", "MSFT"]),
        (120, ["AAPL"]),
    ]
    assert taken[0].bars[0].close == 11.0


def test_where_the_market_is_too_fast_quotes_are_dropped_and_bars_wait() -> None:
    lanes = Lanes({Priority.MARKET: 2})
    lanes.put(bars(60, "AAPL"))
    lanes.put(quote("AAPL"))
    assert lanes.put(bars(120, "AAPL")) is Put.TAKEN
    assert [(drop.what, drop.about) for drop in lanes.dropped()] == [("market_data.quote.received", "AAPL")]
    assert lanes.put(bars(180, "AAPL")) is Put.WAIT
    assert lanes.put(quote("MSFT")) is Put.WAIT
    assert [item.at for item in everything(lanes)] == [60, 120]


def test_ticks_are_counted_so_none_of_them_is_left_out() -> None:
    lanes = Lanes()
    for number in (1, 2, 3):
        lanes.put(heard(TickReceived(at=1, tick=Tick("AAPL", 1, 10.0, 1.0, number)), source="feed"))
    assert len(everything(lanes)) == 3


def test_when_too_many_ticks_of_a_symbol_wait_the_latest_stay_in_their_order() -> None:
    lanes = Lanes()
    for number in range(1, MOST_TICKS + 11):
        lanes.put(heard(TickReceived(at=1, tick=Tick("AAPL", 1, 10.0, 1.0, number)), source="feed"))
    lanes.put(heard(TickReceived(at=1, tick=Tick("AAPL", 1, 10.0, 1.0, 11)), source="feed"))  # it comes again
    lanes.put(
        heard(TickReceived(at=1, tick=Tick("AAPL", 1, 10.0, 1.0, 3)), source="feed")
    )  # and one that is late
    lanes.put(heard(TickReceived(at=1, tick=Tick("MSFT", 1, 10.0, 1.0, 1)), source="feed"))
    events = [event for item in everything(lanes) for event in item.events]
    waiting = [event.tick for event in events if isinstance(event, TickReceived)]
    mine = [tick.sequence for tick in waiting if tick.symbol == "AAPL"]
    assert mine == list(range(11, MOST_TICKS + 11))
    assert [tick.sequence for tick in waiting if tick.symbol == "MSFT"] == [1]
    assert lanes.conflated == 12
    assert not lanes.dropped()


def test_of_the_session_the_last_word_counts() -> None:
    lanes = Lanes()
    for at, phase in ((1, MarketPhase.CLOSED), (2, MarketPhase.OPEN)):
        status = MarketStatus(phase, at, 10, 20)
        lanes.put(heard(MarketStatusReported(at=at, status=status), source="feed"))
    (item,) = everything(lanes)
    (event,) = item.events
    assert isinstance(event, MarketStatusReported)
    assert event.status.phase is MarketPhase.OPEN


def test_what_is_cleared_is_remembered_until_somebody_asks() -> None:
    lanes = Lanes()
    lanes.put(entry(1))
    lanes.put(entry(1))
    lanes.clear(Priority.ENTRIES, reason="the desk is stopping")
    assert [(drop.reason, drop.count) for drop in lanes.dropped()] == [("the desk is stopping", 2)]
    assert lanes.dropped() == [], "said once"
    assert lanes.take(0) is None


_ITEMS = st.one_of(
    st.integers(0, 3).map(lambda n: heard(report(n), source="s")),
    st.integers(0, 3).map(
        lambda n: heard(CloseTrade(at=n, trade_id=f"t{n}", actor="human:maria"), source="s")
    ),
    st.tuples(st.integers(0, 3), st.none() | st.integers(0, 9)).map(lambda pair: entry(*pair)),
    st.tuples(st.sampled_from(["A", "B"]), st.integers(0, 9)).map(lambda pair: quote(*pair)),
    st.tuples(st.integers(1, 3), st.sampled_from(["A", "B"])).map(lambda pair: bars(*pair)),
)


@given(
    st.lists(st.one_of(_ITEMS, st.integers(0, 9)), max_size=60),
    st.fixed_dictionaries({lane: st.integers(1, 4) for lane in Priority}),
)
def test_nothing_vanishes(steps: list[Input | int], room: dict[Priority, int]) -> None:
    """Each input offered was taken, made to wait, replaced by a newer one, or is on the list of drops."""
    lanes = Lanes(room)
    offered = waits = taken = 0
    shown: set[tuple[int, str]] = set()
    seen: set[tuple[int, str]] = set()
    for step in (*steps, *[9] * 60):
        if isinstance(step, int):
            found = lanes.take(step)
            if found is not None:
                taken += 1
                seen.update((found.at, bar.symbol) for bar in found.bars)
            continue
        offered += 1
        put = lanes.put(step)
        waits += put is Put.WAIT
        if put is Put.TAKEN:
            shown.update((step.at, bar.symbol) for bar in step.bars)
        assert all(lanes.depth(lane) <= room[lane] for lane in Priority)
    dropped = sum(drop.count for drop in lanes.dropped())
    assert len(lanes) == 0
    assert taken + waits + dropped + lanes.conflated == offered
    assert shown == seen, "a bar was lost"
