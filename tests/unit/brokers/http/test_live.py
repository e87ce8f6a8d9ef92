"""An exchange server as a line of a live desk: every report, bars of a gap as history, cuts as cuts."""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal

import pytest

from tests.unit.brokers.http.exchanges import GRANT, SETTINGS, Running, approved, bar, running, terms
from tradewrit.brokers.paper.http.live import ExchangeLine
from tradewrit.brokers.paper.http.venue import Venue
from tradewrit.domain.events.market import SymbolHalted, SymbolHaltLifted, TickReceived
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.market import DAY, MINUTE, SECOND, Tick
from tradewrit.errors import Unreachable, WrongVenue
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.live.lanes import Input, Priority
from tradewrit.runtime.live.venue_clock import VenueClock

LIMIT_S = 30.0
Heard = list[Input]


def line_to(
    world: Running, clock: VenueClock | None = None, ticks: Sequence[str] = ("NONE",)
) -> ExchangeLine:
    identity, clock = world.client.identity(), clock or VenueClock(ManualClock(0), 0)
    return ExchangeLine(world.client, clock, after=0, identity=identity, ticks=ticks)


def hear(line: ExchangeLine, until: Callable[[Heard], bool], act: Callable[[], object]) -> Heard:
    """What the line says from the moment it is connected, at which `act` is done."""

    async def listen() -> Heard:
        heard: Heard = []
        is_first = True
        async with asyncio.timeout(LIMIT_S):
            async for item in line.open():
                if is_first:
                    is_first = False
                    await asyncio.to_thread(act)
                if item is not None:
                    heard.append(item)
                if until(heard):
                    break
        return heard

    return asyncio.run(listen())


def bars_of(heard: Heard) -> list[tuple[int, bool]]:
    return [(item.at // MINUTE, item.is_history) for item in heard if item.bars]


def reports_of(heard: Heard) -> list[ExecutionReport]:
    return [event for item in heard for event in item.events if isinstance(event, ExecutionReport)]


def test_what_the_market_shows_is_news_and_what_it_showed_before_is_history() -> None:
    with running() as world:
        world.client.show_bars([bar(1, 50.0)])
        heard = hear(
            line_to(world),
            lambda heard: len(bars_of(heard)) == 2,
            lambda: world.client.show_bars([bar(2, 50.0)]),
        )
    assert bars_of(heard) == [(2, True), (3, False)]


def test_a_fill_is_a_fact_and_comes_before_the_bar_it_came_from() -> None:
    with running() as world:
        world.client.show_bars([bar(1, 50.0)])
        world.client.place(approved(terms("a")), GRANT)
        heard = hear(
            line_to(world),
            lambda heard: len(bars_of(heard)) == 2,
            lambda: world.client.show_bars([bar(2, 50.0)]),
        )
    assert [report.kind for report in reports_of(heard)] == [Exec.NEW, Exec.TRADE]
    assert [item.priority for item in heard[-2:]] == [Priority.FACTS, Priority.MARKET]


def test_a_line_that_was_cut_goes_on_behind_what_was_taken_in() -> None:
    with running() as world:
        line = line_to(world)
        first = hear(
            line,
            lambda heard: len(heard) == 2,
            lambda: [world.client.show_bars([bar(minute, 50.0)]) for minute in (1, 2)],
        )
        second = hear(line, lambda heard: len(heard) == 2, lambda: world.client.show_bars([bar(3, 50.0)]))
    # The last one was offered and not taken to its end, so it comes again; the market knows it already.
    assert bars_of(first) == [(2, False), (3, False)]
    assert bars_of(second) == [(3, True), (4, False)]


def test_it_tells_the_time_of_the_venue() -> None:
    machine = ManualClock(0)
    clock = VenueClock(machine, 0)
    with running() as world:
        hear(
            line_to(world, clock),
            lambda heard: len(bars_of(heard)) == 1,
            lambda: world.client.show_bars([bar(7, 50.0)]),
        )
    assert clock.now() == 8 * MINUTE


def test_the_clocks_are_compared_by_what_has_just_become_true_at_the_venue() -> None:
    machine = ManualClock(100 * SECOND)
    clock = VenueClock(machine, 60 * SECOND)
    clock.hear(61 * SECOND)  # the last that it showed, whenever that was
    before = clock.skew_s
    machine.set(123 * SECOND)
    clock.hear(120 * SECOND, is_fresh=True)
    assert (before, clock.skew_s) == (None, 3.0)
    machine.set(181 * SECOND)
    clock.hear(180 * SECOND, is_fresh=True)
    clock.hear(180 * SECOND, is_fresh=True)  # the same again says nothing new
    assert clock.skew_s == 1.0


def test_a_market_of_the_past_is_no_measure_of_a_clock() -> None:
    machine = ManualClock(100 * DAY)
    clock = VenueClock(machine, 1)
    clock.hear(60 * SECOND, is_fresh=True)
    assert clock.skew_s is None


def test_a_server_that_is_gone_is_a_cut() -> None:
    with running() as world:
        line = line_to(world)
        with pytest.raises(Unreachable):
            hear(line, lambda _: False, world.server.stop)
    with pytest.raises(Unreachable):
        hear(line, lambda _: False, lambda: None)


def test_another_exchange_at_the_same_address_is_no_way_to_go_on() -> None:
    with running() as world:
        world.client.show_bars([bar(1, 50.0)])
        line = line_to(world)
        hear(line, lambda heard: len(heard) == 1, lambda: None)
    with running(Venue(SETTINGS, "v2")) as other:
        line.client = other.client
        with pytest.raises(WrongVenue, match=r"belongs to paper exchange v1.*--state.*--journal"):
            hear(line, lambda _: False, lambda: None)


def test_a_line_can_be_handed_to_the_next_life() -> None:
    with running() as world:
        line = line_to(world)
        hear(
            line,
            lambda heard: len(heard) == 2,
            lambda: [world.client.show_bars([bar(minute, 50.0)]) for minute in (1, 2)],
        )
        heard = hear(line.again(), lambda heard: len(heard) == 1, lambda: None)
    assert bars_of(heard) == [(3, True)]


def test_the_time_of_a_venue_goes_on_between_its_words_and_never_back() -> None:
    machine = ManualClock(0)
    clock = VenueClock(machine, 100 * SECOND)
    machine.advance(5 * SECOND)
    assert clock.now() == 105 * SECOND
    clock.hear(102 * SECOND)
    assert clock.now() == 105 * SECOND
    machine.advance(4 * SECOND)
    assert clock.now() == 106 * SECOND
    clock.hear(90 * SECOND)
    assert clock.now() == 106 * SECOND
    clock.hear(3_600 * SECOND)
    assert clock.now() == 3_600 * SECOND
    assert clock.monotonic() == 9 * SECOND


def test_halts_and_corrections_are_facts_in_the_order_in_which_they_were_made() -> None:
    with running() as world:
        world.client.show_bars([bar(1, 50.0)])
        world.client.place(approved(terms("a")), GRANT)
        (fill,) = world.client.show_bars([bar(2, 50.0)]).reports

        def act() -> None:
            world.client.halt("AAPL", "LULD pause")
            world.client.correct(fill.exec_id, quantity=Decimal(3), reason="clearly erroneous")
            world.client.resume("AAPL")

        def is_all(heard: Heard) -> bool:
            return any(isinstance(event, SymbolHaltLifted) for item in heard for event in item.events)

        heard = hear(line_to(world), is_all, act)
    facts = [event for item in heard if item.priority is Priority.FACTS for event in item.events]
    halted, corrected, _ = facts[-3:]
    assert isinstance(halted, SymbolHalted)
    assert (halted.symbol, halted.reason) == ("AAPL", "LULD pause")
    assert isinstance(corrected, ExecutionReport)
    assert (corrected.kind, corrected.corrects, corrected.last_quantity) == (
        Exec.CORRECTED,
        fill.exec_id,
        Decimal(3),
    )


def ticks_of(heard: Heard) -> list[Tick]:
    return [event.tick for item in heard for event in item.events if isinstance(event, TickReceived)]


@pytest.mark.parametrize(
    "ticks", [("AAPL",), (), tuple(f"S{n}" for n in range(300))], ids=["one", "all", "many"]
)
def test_trade_prints_are_market_data_of_the_symbols_that_are_wanted(ticks: tuple[str, ...]) -> None:
    """No name asks for all of them, and so do more names than an address holds."""
    with running() as world:

        def act() -> None:
            world.client.place(approved(terms("a")), GRANT)
            world.client.show_bars([bar(1, 50.0), bar(1, 9.0, "MSFT")])

        most = 3 if ticks == ("AAPL",) else 5
        heard = hear(line_to(world, ticks=ticks), lambda heard: len(ticks_of(heard)) == most, act)
    assert {item.priority for item in heard if ticks_of([item])} == {Priority.MARKET}
    mine = [tick for tick in ticks_of(heard) if tick.symbol == "AAPL"]
    assert [(tick.price, tick.size, tick.sequence) for tick in mine] == [(50, 0, 1), (50, 5, 2), (50, 0, 3)]


def test_prints_missed_in_a_cut_are_known_by_the_number_of_the_first_after_it() -> None:
    with running() as world:
        line = line_to(world, ticks=["AAPL"])
        first = hear(
            line, lambda heard: len(ticks_of(heard)) == 2, lambda: world.client.show_bars([bar(1, 50.0)])
        )
        for minute in (2, 3):
            world.client.show_bars([bar(minute, 50.0)])
        again = hear(line, lambda heard: len(ticks_of(heard)) == 1, lambda: None)
    assert [tick.sequence for tick in ticks_of(first)] == [1, 2]
    assert [tick.sequence for tick in ticks_of(again)] == [6]
