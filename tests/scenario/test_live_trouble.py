"""A live desk through long cuts, poisoned messages, a broken promise of the venue, and a hundred trades at once.

F-36, F-59, F-64; R15; MD-4, P-4, FL-14, UT-6.
"""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, SYMBOL
from tests.live import Live, Wire, play
from tests.unit.runtime.live.test_keeper import kept
from tradewrit.domain.events.account import AccountReconciled, TradingHalted
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import ExecutionReport, OrderFilled, OrderRequested
from tradewrit.domain.events.positions import StopSet
from tradewrit.domain.events.running import InputDropped, StreamCut, StreamRestored
from tradewrit.domain.events.twins import TwinFound
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import MINUTE, SECOND, Bar
from tradewrit.domain.orders import OrderState, Role
from tradewrit.runtime.live.keeper import Keeper
from tradewrit.runtime.live.lanes import Input, Priority
from tradewrit.runtime.live.status import Mode


def minute(live: Live, price: float, symbol: str = SYMBOL) -> Bar:
    """A bar that closes now."""
    return Bar(symbol, live.clock.now() - MINUTE, price, price, price, price, 1e6)


def entries(live: Live) -> list[Any]:
    return [asked for asked in live.events(OrderRequested) if asked.terms.role is Role.ENTRY]


@pytest.mark.parametrize("seconds", [1, 300, 3 * 3600], ids=["a second", "five minutes", "three hours"])
def test_a_cut_across_bars_is_made_up_for_and_nothing_is_traded_on_what_was_missed(seconds: int) -> None:
    wire = Wire()

    async def story(live: Live) -> None:
        await live.enter()
        wire.cut()
        wire.refuses = True
        missed = []
        for _ in range(max(1, seconds // 60)):
            live.says(BUY, "MSFT")  # what the strategy would have said
            opened_at = live.clock.now()
            await live.settle(min(60, seconds))
            missed.append(Bar("MSFT", opened_at, 50.0, 50.0, 50.0, 50.0, 1e6))
        status = live.shell.status()
        assert status.mode is Mode.GUARDED
        assert "venue is cut" in status.because
        assert not status.lines[0].is_up
        assert order(live, Role.STOP).is_live
        wire.refuses = False
        await live.settle(62)
        for bar in missed:
            wire.send(Input(priority=Priority.MARKET, bars=(bar,), at=bar.ts + MINUTE, is_history=True))
        await live.settle(2)
        assert live.shell.status().lines[0].is_up
        assert live.market.bars_since("MSFT", missed[0].ts) == len(missed)
        live.quote(176.0)
        await live.settle(2)
        assert live.shell.status().mode is Mode.RUNNING
        assert len(entries(live)) == 1
        live.says(BUY, "MSFT")
        await live.bar(50.0, "MSFT")
        assert len(entries(live)) == 2, "on a bar of now it enters"

    live = play(story, wires=[wire])
    assert len(live.events(StreamCut)) == 1
    assert live.events(StreamRestored)
    # The account was compared before any entry could leave again, and each minute of the cut.
    causes = [event.cause for event in live.events(AccountReconciled)]
    assert causes.count("reconnect") == 2
    assert causes.count("minute") >= seconds // 60
    live.audit()


def order(live: Live, role: Role) -> Any:
    return [order for order in live.books.orders.values() if order.terms.role is role][-1]


def test_a_fill_behind_a_cut_line_is_found_within_the_minute() -> None:
    wire = Wire()

    async def story(live: Live) -> None:
        live.says()
        await live.bar(175.50)
        wire.cut()
        wire.refuses = True
        await live.settle(1)
        for phase in (live.exchange.open, live.exchange.trade, live.exchange.close):
            phase(minute(live, 175.50))
        await live.settle(62)
        assert live.books.positions[SYMBOL].signed == live.held > 0
        assert order(live, Role.STOP).state is OrderState.ACCEPTED
        assert not live.shell.status().lines[0].is_up

    live = play(story, wires=[wire])
    assert len(live.events(OrderFilled)) == 1
    live.audit()


def test_a_fill_on_which_an_agent_fails_halts_entries_and_is_found_again() -> None:
    """It is on record as not taken; the account is compared, and the fill is booked and protected after all."""

    async def story(live: Live) -> None:
        live.says()
        await live.bar(175.50)
        feed_all = live.desk.feed_all

        def poisoned(events: Sequence[Event], source: str) -> list[Event]:
            if any(isinstance(event, ExecutionReport) for event in events):
                raise ZeroDivisionError("division by zero")
            return feed_all(events, source)

        live.desk.feed_all = poisoned  # type: ignore[method-assign,assignment]
        live.report(live.exchange.open(minute(live, 175.50)))
        await live.settle(2)
        assert not live.books.positions
        assert live.shell.status().mode is Mode.HALTED
        live.desk.feed_all = feed_all  # type: ignore[method-assign]
        await live.settle(62)
        assert live.books.positions[SYMBOL].signed == live.held > 0
        assert order(live, Role.STOP).state is OrderState.ACCEPTED
        live.says(BUY, "MSFT")
        await live.bar(50.0, "MSFT")
        assert len(entries(live)) == 1, "halted until a person has looked"

    live = play(story)
    (drop,) = live.events(InputDropped)
    assert "ZeroDivisionError" in drop.reason
    assert live.events(TradingHalted)
    live.audit()


def test_a_venue_that_made_two_orders_of_one_halts_entries_and_keeps_the_stop(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        await live.enter()
        stop = order(live, Role.STOP)
        (told, *_) = live.exchange.order(stop.id)
        twin = replace(told, exec_id="venue:twin", broker_order_id="twin")
        asyncio.get_running_loop().call_soon_threadsafe(one.say, twin)
        live.says(BUY, "MSFT")
        await live.bar(50.0, "MSFT")
        assert live.shell.status().mode is Mode.HALTED
        (halt,) = live.events(TradingHalted)
        assert halt.reason == f"one id, two orders: {stop.id} is {stop.broker_order_id} and twin"
        assert live.events(TwinFound)
        assert len(entries(live)) == 1
        assert order(live, Role.STOP).is_live

    kept(tmp_path, story).audit()


def test_from_the_bar_to_the_stop_takes_no_longer_than_the_calls_it_needs() -> None:
    """Each takes half a second there and half a second back, of a clock that does not wait: entry and stop."""

    async def story(live: Live) -> None:
        live.workers.there_s = live.workers.back_s = 0.5
        live.says()
        await live.bar(175.50, settle=0)
        began = live.clock.monotonic()
        await live.settle(0.6)
        assert live.exchange.open_orders(), "the entry is at the venue"
        live.report(live.exchange.open(minute(live, 175.50)))
        await live.settle(1.9)
        assert live.events(StopSet)
        assert live.clock.monotonic() - began < 3 * SECOND

    play(story).audit()


MANY = [f"S{n:03}" for n in range(110)]


def test_a_hundred_trades_at_once_over_a_slow_venue_and_a_crash_are_each_bought_and_protected_once() -> None:
    limits = Limits(
        max_open_positions=None, max_position_notional=Decimal(500), min_cash_fraction=Decimal("0.2")
    )

    async def story(live: Live) -> None:
        async def show(price: float, settle: float) -> None:
            at = live.clock.now()
            await live.settle(60)
            bars = tuple(Bar(symbol, at, price, price, price, price, 1e6) for symbol in MANY)
            for phase in (live.exchange.open, live.exchange.trade, live.exchange.close):
                for bar in bars:
                    live.report(phase(bar))
            live.send(Input(priority=Priority.MARKET, bars=bars, at=live.clock.now(), source="market"))
            await live.settle(settle)

        live.workers.there_s = live.workers.back_s = 0.05
        for symbol in MANY:
            live.says(BUY, symbol)
        await show(50.0, 20)
        assert len(live.exchange.open_orders()) == len(MANY)
        await show(50.0, 1)  # all fill at once; few have their stop yet
        assert len(live.exchange.positions()) == len(MANY)
        await live.crash()
        live.start()
        await live.settle(60)
        stops = [terms for terms in live.exchange.open_orders() if terms.role is Role.STOP]
        assert sorted(terms.symbol for terms in stops) == MANY
        assert {terms.symbol: terms.quantity for terms in stops} == dict(live.exchange.positions())
        assert live.shell.status().naked == ()
        await show(40.0, 20)  # through every stop
        assert not live.exchange.positions()

    live = play(story, limits=limits)
    bought = [terms.client_order_id for terms in live.broker.sent if terms.role is Role.ENTRY]
    assert len(bought) == len(set(bought)) == len(MANY)
    assert live.names().count("PositionClosed") == len(MANY)
    live.audit()
