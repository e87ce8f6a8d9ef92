"""The live shell in virtual time: slow venues, cut lines, full disks, stops and crashes.

F-22, F-24, F-33..F-37, F-41..F-43, F-53, F-58, F-65; R13..R18, R20, R22, R24, R35.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import pytest

from tests.desks import BUY, JOURNAL_ID, LEAVE, SYMBOL
from tests.live import STREAM, Live, Wire, play
from tests.unruly import UNAUTHORIZED, UNREACHABLE
from tradewrit.domain.events.account import AccountReconciled, HaltTrading, TradingHalted
from tradewrit.domain.events.orders import (
    Exec,
    ExecutionReport,
    GetOrderStatus,
    OrderFilled,
    OrderRejected,
    OrderReleased,
    SubmitOrder,
)
from tradewrit.domain.events.positions import CloseTrade
from tradewrit.domain.events.running import (
    BreakerClosed,
    BreakerOpened,
    EntriesWithheld,
    InputDropped,
    StreamCut,
)
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import SECOND, Bar, MarketPhase, MarketStatus, Quote
from tradewrit.domain.orders import OrderState, Role
from tradewrit.domain.times import parse_iso
from tradewrit.errors import ConfigError, JournalBroken, JournalUnwritable, LeaseHeld, LeaseLost, OurFault
from tradewrit.market.calendar import calendar_for
from tradewrit.runtime.journal.leases import Lease
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.records import Entry, Record
from tradewrit.runtime.live.calls import CallPolicy
from tradewrit.runtime.live.lanes import Input, Lanes, Priority, Put, heard
from tradewrit.runtime.live.policy import LivePolicy
from tradewrit.runtime.live.shell import Ended
from tradewrit.runtime.live.status import Mode


def order(live: Live, role: Role) -> Any:
    return [order for order in live.books.orders.values() if order.terms.role is role][-1]


def placed(live: Live, role: Role) -> list[str]:
    """Ids of the orders of a role that reached the venue, repeats included."""
    return [terms.client_order_id for terms in live.broker.sent if terms.role is role]


# -- a quiet day


def test_a_trade_from_signal_to_stop_and_out_again() -> None:
    async def story(live: Live) -> None:
        await live.enter()
        assert live.held > 0
        assert order(live, Role.STOP).state is OrderState.ACCEPTED
        assert live.shell.status().mode is Mode.RUNNING
        (trade,) = live.books.trades.values()
        await live.shell.ask(CloseTrade(at=live.clock.now(), trade_id=trade.id, actor="human:maria"))
        await live.bar(176.0)
        assert live.held == 0

    live = play(story)
    assert "PositionClosed" in live.names()
    live.audit()


def test_the_books_are_held_against_the_venue_at_the_start_every_minute_and_at_the_close() -> None:
    async def story(live: Live) -> None:
        await live.enter()
        live.heard.clear()
        await live.settle(185)
        causes = [event.cause for event in live.events(AccountReconciled)]
        assert causes == ["minute"] * 3

    live = play(story)
    assert live.events(AccountReconciled)[0].cause == "minute"

    async def evening(live: Live) -> None:
        await live.settle(45 * 60)
        assert "close" in [event.cause for event in live.events(AccountReconciled)]
        assert live.events(AccountReconciled)[0].cause == "start"

    play(evening, sessions=calendar_for("NYSE"), at=parse_iso("2024-03-04T20:30:00Z"))

    async def lunch(live: Live) -> None:
        await live.settle(90 * 60)
        assert "close" not in [event.cause for event in live.events(AccountReconciled)]

    play(lunch, sessions=calendar_for("XTKS"), at=parse_iso("2024-03-04T02:15:00Z"))


def test_the_lease_is_renewed_while_a_call_takes_longer_than_it_lasts() -> None:
    async def story(live: Live) -> None:
        live.workers.there_s = 25.0
        live.says()
        await live.bar(175.50)
        await live.settle(40)
        lease = live.journal.lease(STREAM)
        assert lease is not None
        assert (lease.epoch, lease.owner) == (1, "life-1")
        assert lease.expires_at > live.clock.now()
        assert live.running is not None
        assert not live.running.done()

    play(story, policy=LivePolicy(calls=CallPolicy(deadline_ns=60 * SECOND)))


# -- calls that are slow, lost or late


def test_a_call_that_misses_its_deadline_is_unknown_and_its_late_answer_settles_it() -> None:
    async def story(live: Live) -> None:
        live.workers.back_s = 11.0
        live.says()
        await live.bar(175.50, settle=10.5)
        assert order(live, Role.ENTRY).state is OrderState.UNKNOWN
        live.workers.back_s = 0.01
        await live.settle(3)
        assert order(live, Role.ENTRY).state is OrderState.ACCEPTED
        await live.bar(175.50)

    live = play(story)
    assert any(line.startswith("late answer about") for line in live.said)
    assert len(placed(live, Role.ENTRY)) == 1
    assert live.held > 0
    live.audit()


def test_a_call_that_never_comes_back_is_looked_up_and_nothing_is_doubled() -> None:
    async def story(live: Live) -> None:
        live.workers.back_s = math.inf
        live.says()
        await live.bar(175.50, settle=5)
        live.workers.back_s = 0.01
        await live.settle(30)
        await live.bar(175.50)

    live = play(story)
    assert len(set(placed(live, Role.ENTRY))) == 1
    assert live.held == order(live, Role.ENTRY).filled > 0
    assert order(live, Role.STOP).state is OrderState.ACCEPTED
    live.audit()


def test_slow_entries_do_not_hold_up_a_stop() -> None:
    """Every worker that entries may have is busy; the exit and its cancels leave all the same."""

    async def story(live: Live) -> None:
        await live.enter()
        (trade,) = live.books.trades.values()
        live.workers.back_s = 8.0
        others = [f"S{n}" for n in range(6)]
        for symbol in others:
            live.says(BUY, symbol)
            await live.bar(50.0, symbol, settle=0.1)
        flying = live.shell.calls.in_flight
        assert flying <= 4
        live.workers.back_s = 0.01
        await live.shell.ask(CloseTrade(at=live.clock.now(), trade_id=trade.id, actor="human:maria"))
        await live.settle(0.5)
        assert Role.EXIT in {terms.role for terms in live.broker.sent}

    play(story)


# -- lines


def test_no_entry_leaves_before_every_line_is_heard_and_the_account_compared() -> None:
    wire = Wire()
    wire.refuses = True

    async def story(live: Live) -> None:
        live.says()
        await live.bar(175.50)
        assert live.shell.status().mode is Mode.GUARDED
        assert placed(live, Role.ENTRY) == []
        wire.refuses = False
        await live.settle(70)
        assert live.shell.status().mode is Mode.RUNNING

    live = play(story, wires=[wire])
    (refused,) = live.events(OrderRejected)
    assert "its writ is withheld for now" in refused.reason


def test_no_entry_leaves_while_the_clocks_are_apart_and_stops_do() -> None:
    told = [0.3]

    async def story(live: Live) -> None:
        await live.enter()
        told[0] = -2.5
        await live.settle(5)
        status = live.shell.status()
        assert (status.mode, status.skew_s) == (Mode.GUARDED, -2.5)
        assert "clock is -2.5 s against the venue's" in status.because
        (withheld,) = [one for one in live.events(EntriesWithheld) if "clock" in one.reason]
        assert "NTP" in withheld.todo
        told[0] = -1.5  # not yet well within the limit
        await live.settle(3)
        assert live.shell.status().mode is Mode.GUARDED
        live.says(LEAVE)
        await live.bar(175.0)
        await live.bar(175.0)
        assert not live.held
        told[0] = 0.2
        await live.settle(3)
        assert live.shell.status().mode is Mode.RUNNING

    play(story, wires=[Wire()], skew_s=lambda: told[0])


def test_a_breaker_that_opens_and_closes_is_told_and_stands_in_the_status() -> None:
    async def story(live: Live) -> None:
        await live.settle(5)
        live.broker.lose("executions", UNREACHABLE, UNREACHABLE, UNREACHABLE)
        for _ in range(4):
            live.shell.compare("test")
            await live.settle(3)
        (opened,) = live.events(BreakerOpened)
        assert (opened.endpoint, opened.reason, opened.failures) == ("queries", "outage", 3)
        assert opened.until is not None
        assert opened.until > live.clock.now()
        queries = {one.endpoint: one for one in live.shell.status().breakers}["queries"]
        assert (queries.gate, queries.reason, queries.failures, queries.opened) == ("open", "outage", 3, 1)
        assert queries.rejected >= 1
        assert "breaker of queries OPEN (outage), again in" in live.shell.status().line()
        await live.settle(70)
        live.shell.compare("test")
        await live.settle(3)
        assert [event.endpoint for event in live.events(BreakerClosed)] == ["queries"]
        assert "breaker" not in live.shell.status().line()

    live = play(story, wires=[Wire()], is_guarded=True)
    assert {"BreakerOpened", "BreakerClosed"} <= set(live.names())


def test_a_key_that_is_not_accepted_says_what_a_person_does() -> None:
    async def story(live: Live) -> None:
        await live.settle(5)
        live.broker.lose("executions", UNAUTHORIZED)
        live.shell.compare("test")
        await live.settle(3)
        (opened,) = live.events(BreakerOpened)
        assert (opened.reason, opened.until, opened.todo) == ("token", None, "give it a key")
        assert "a person must act" in live.shell.status().line()

    play(story, wires=[Wire()], is_guarded=True)


def test_a_silent_line_counts_as_cut_within_thirty_seconds_and_is_called_again() -> None:
    async def story(live: Live) -> None:
        live.beats = False
        await live.settle(32)
        live.beats = True
        (cut,) = live.events(StreamCut)
        assert "no sign of life" in cut.reason
        await live.settle(3)
        assert live.wires[0].opened == 2
        assert live.shell.status().mode is Mode.RUNNING

    live = play(story, wires=[Wire()])
    causes = [event.cause for event in live.events(AccountReconciled)]
    assert causes.count("reconnect") == 2


def test_a_line_that_beats_but_tells_no_prices_is_cut_and_entries_wait_for_a_price() -> None:
    async def story(live: Live) -> None:
        await live.bar(175.50)
        await live.settle(155)
        (cut,) = live.events(StreamCut)
        assert "no price for" in cut.reason
        await live.settle(5)
        status = live.shell.status()
        assert status.mode is Mode.GUARDED
        assert "stale" in status.because
        live.quote(175.50)
        await live.settle(2)
        assert live.shell.status().mode is Mode.RUNNING

    play(story, wires=[Wire()])


def test_at_night_nobody_expects_prices() -> None:
    async def story(live: Live) -> None:
        await live.settle(3600)
        assert live.events(StreamCut) == []

    play(story, wires=[Wire()], sessions=calendar_for("NYSE"), at=parse_iso("2024-03-04T23:00:00Z"))


def test_a_venue_that_refuses_is_called_ever_more_rarely() -> None:
    wire = Wire()
    wire.refuses = True

    async def story(live: Live) -> None:
        await live.settle(1200)
        gaps = [later - earlier for earlier, later in zip(wire.opened_at, wire.opened_at[1:], strict=False)]
        assert gaps[:7] == pytest.approx([1, 2, 4, 8, 16, 32, 60], abs=0.01)
        assert max(gaps) < 60.1

    play(story, wires=[wire])


def test_a_fill_that_no_stream_told_is_found_within_a_minute_and_protected() -> None:
    async def story(live: Live) -> None:
        live.says()
        await live.bar(175.50)
        for phase in (live.exchange.open, live.exchange.trade, live.exchange.close):
            bar = live.market.bar(SYMBOL)
            assert bar is not None
            phase(type(bar)(SYMBOL, live.clock.now(), 175.5, 175.5, 175.5, 175.5, 1e6))
        await live.settle(62)
        assert live.books.positions[SYMBOL].signed == live.held > 0
        assert order(live, Role.STOP).state is OrderState.ACCEPTED

    live = play(story)
    assert len(live.events(OrderFilled)) == 1
    live.audit()


def test_while_the_line_is_cut_a_fill_is_asked_for_every_ten_seconds() -> None:
    wire = Wire()

    async def story(live: Live) -> None:
        live.says()
        await live.bar(175.50)
        wire.cut()
        wire.refuses = True
        await live.settle(2)
        for phase in (live.exchange.open, live.exchange.trade, live.exchange.close):
            phase(Bar(SYMBOL, live.clock.now(), 175.5, 175.5, 175.5, 175.5, 1e6))
        await live.settle(14)
        assert live.books.positions[SYMBOL].signed == live.held > 0
        assert order(live, Role.STOP).state is OrderState.ACCEPTED
        assert not live.shell.status().lines[0].is_up

    live = play(story, wires=[wire])
    assert len(live.events(OrderFilled)) == 1
    live.audit()


def test_no_entry_leaves_while_the_venue_cannot_say_what_the_account_holds() -> None:
    async def story(live: Live) -> None:
        live.broker.lose("executions", *[UNREACHABLE] * 3)
        live.wires[0].cut()
        await live.settle(5)
        status = live.shell.status()
        assert status.mode is Mode.GUARDED
        assert "compared with the venue (reconnect)" in status.because
        await live.settle(40)
        assert live.shell.status().mode is Mode.RUNNING

    play(story, wires=[Wire()])


def test_where_nothing_can_be_taken_a_line_waits_and_nothing_it_says_is_lost() -> None:
    """A full lane of facts while the disk is full, for longer than a silent line is borne with."""
    disk = Disk(JOURNAL_ID)

    async def story(live: Live) -> None:
        await live.enter()
        disk.fault = FULL
        told = [live.exchange.quote(Quote(SYMBOL, live.clock.now() + n, 175.0, 175.0)) for n in range(5)]
        assert told == [()] * 5
        reports = [
            ExecutionReport(at=1, exec_id=f"x{n}", client_order_id=f"stranger-{n}", kind=Exec.NEW)
            for n in range(40)
        ]
        for report in reports:
            live.wires[0].send(heard(report, source="venue"))
        await live.settle(9)
        assert live.shell.lanes.depth(Priority.FACTS) == 3
        disk.fault = None
        await live.settle(5)
        seen = {event.exec_id for event in live.events(ExecutionReport)}
        assert {report.exec_id for report in reports} <= seen
        assert live.events(StreamCut) == []

    live = play(story, journal=disk, wires=[Wire()], lanes=Lanes({Priority.FACTS: 3}))
    live.audit()


# -- stopping


def test_a_stop_lets_no_entry_leave_and_leaves_the_stops_at_the_venue() -> None:
    async def story(live: Live) -> None:
        await live.enter()
        stop = order(live, Role.STOP).id
        live.says(BUY, "MSFT")
        await live.bar(50.0, "MSFT", settle=0)
        ended = await live.stop("SIGTERM")
        assert ended is Ended.STOPPED
        working = {terms.role: terms.client_order_id for terms in live.exchange.open_orders()}
        assert working.keys() == {Role.STOP, Role.TARGET}
        assert working[Role.STOP] == stop

    live = play(story)
    assert len(placed(live, Role.ENTRY)) == 1
    lease = live.journal.lease(STREAM)
    assert lease is not None
    assert lease.is_given_up
    assert not live.books.writs["executor"].grant.id or live.books.writs["executor"].ended
    live.audit()


def test_a_stop_waits_for_what_is_in_flight_but_not_for_ever() -> None:
    async def story(live: Live) -> None:
        live.workers.back_s = 2.0
        live.says()
        await live.bar(175.50, settle=0.5)
        began = live.clock.monotonic()
        await live.stop()
        assert live.clock.monotonic() - began < 5 * SECOND

    live = play(story, policy=LivePolicy(drain_ns=5 * SECOND))
    assert placed(live, Role.ENTRY)
    assert live.exchange.open_orders() == (), "it was taken back: nobody would protect its fill"
    assert "TradeAborted" in live.names()
    live.audit()

    async def hanging(live: Live) -> None:
        live.workers.back_s = math.inf
        live.says()
        await live.bar(175.50, settle=0.5)
        began = live.clock.monotonic()
        await live.stop()
        assert live.clock.monotonic() - began < 5 * SECOND
        assert order(live, Role.ENTRY).state is OrderState.PENDING_CANCEL  # the next start asks

    play(hanging)


def test_after_a_crash_in_the_middle_of_a_call_the_next_life_finds_out_and_nothing_is_doubled() -> None:
    async def story(live: Live) -> None:
        live.workers.back_s = math.inf
        live.says()
        await live.bar(175.50, settle=1)
        await live.crash()
        live.workers.back_s = 0.01
        live.start()
        await live.settle(5)
        assert order(live, Role.ENTRY).state is OrderState.ACCEPTED
        await live.bar(175.50)
        assert order(live, Role.STOP).state is OrderState.ACCEPTED

    live = play(story)
    assert len(set(placed(live, Role.ENTRY))) == 1
    live.audit()


def test_a_second_desk_does_not_start_beside_a_live_one() -> None:
    async def story(live: Live) -> None:
        await live.settle(60)
        with pytest.raises(LeaseHeld, match="life-1"):
            Live(live.clock, journal=live.journal).start()

    play(story)


def test_a_desk_that_slept_sends_nothing_and_ends() -> None:
    async def story(live: Live) -> None:
        live.says()
        live.clock.advance(60 * SECOND)  # the process was stopped; time was not
        assert live.running is not None
        with pytest.raises(LeaseLost, match="was paused"):
            await live.running

    live = play(story)
    assert live.broker.sent == []


# -- the journal


class Disk(MemoryJournal):
    """Refuses to be written while `fault` is set."""

    fault: Exception | None = None

    def append(self, stream: str, entries: Sequence[Entry], **more: Any) -> list[Record]:
        if self.fault is not None:
            raise self.fault
        return super().append(stream, entries, **more)

    def set_lease(self, wanted: Lease, *, expected: Lease | None) -> Lease:
        if self.fault is not None:
            raise self.fault
        return super().set_lease(wanted, expected=expected)


FULL = JournalUnwritable("the disk is full; free some space and try again")


def test_on_a_full_disk_nothing_leaves_and_when_there_is_room_again_nothing_is_missing() -> None:
    disk = Disk(JOURNAL_ID)

    async def story(live: Live) -> None:
        await live.enter()
        disk.fault = FULL
        calls = len(live.broker.calls)
        live.quote(170.0)
        live.quote(140.0)  # through the stop, which fills at the venue
        live.says(BUY, "MSFT")
        submit = SubmitOrder(at=1, trade_id="t", risk_id="r", review_id="v")
        await live.settle(2)
        assert live.shell.put(heard(submit, source="signals")) is Put.REFUSED
        status = live.shell.status()
        assert status.mode is Mode.SAFE
        assert "disk is full" in status.because
        assert len(live.broker.calls) == calls
        assert live.books.positions, "the fill has not been taken yet"
        disk.fault = None
        await live.settle(3)
        assert live.shell.status().mode is Mode.RUNNING
        assert not live.books.positions

    live = play(story, journal=disk)
    assert "PositionClosed" in live.names()
    (drop,) = live.events(InputDropped)
    assert (drop.what, drop.source) == ("order.submit", "signals")
    live.audit()


def test_a_disk_that_is_full_for_longer_than_the_lease_lasts_ends_this_life_and_not_the_next() -> None:
    disk = Disk(JOURNAL_ID)

    async def story(live: Live) -> None:
        await live.enter()
        disk.fault = FULL
        await live.settle(15)
        assert live.running is not None
        assert await live.running is Ended.OUT_OF_JOURNAL
        disk.fault = None
        await asyncio.sleep(10)
        live.start()
        await live.settle(5)
        assert live.shell.status().mode is Mode.RUNNING

    live = play(story, journal=disk)
    assert len(placed(live, Role.STOP)) == 1
    live.audit()


def test_after_a_disk_error_the_desk_ends_at_once() -> None:
    disk = Disk(JOURNAL_ID)

    async def story(live: Live) -> None:
        await live.enter()
        disk.fault = JournalBroken("the disk reports an error; check it, then open the journal anew")
        (trade,) = live.books.trades.values()
        live.shell.put(heard(CloseTrade(at=1, trade_id=trade.id, actor="human:maria"), source="people"))
        assert live.running is not None
        with pytest.raises(JournalBroken):
            await live.running

    live = play(story, journal=disk)
    assert Role.EXIT not in {terms.role for terms in live.broker.sent}


# -- what cannot be taken


def test_an_agent_that_fails_halts_trading_and_the_position_is_looked_after() -> None:
    async def story(live: Live) -> None:
        await live.enter()

        def broken(*_: object) -> None:
            raise ZeroDivisionError("division by zero")

        absorb, live.market.absorb = live.market.absorb, broken  # type: ignore[method-assign,assignment]
        await live.bar(176.0)
        live.market.absorb = absorb  # type: ignore[method-assign]
        assert live.shell.status().mode is Mode.HALTED
        (halt,) = live.events(TradingHalted)
        assert "ZeroDivisionError" in halt.reason
        live.quote(140.0)
        await live.settle(2)
        assert live.held == 0
        assert not live.books.positions

    live = play(story)
    (drop,) = live.events(InputDropped)
    assert drop.what == "bars"
    live.audit()


def test_an_entry_from_outside_that_waits_too_long_is_dropped_on_record() -> None:
    async def story(live: Live) -> None:
        submit = SubmitOrder(at=1, trade_id="t", risk_id="r", review_id="v")
        live.shell.put(heard(submit, source="signals", good_until=live.clock.monotonic() - 1))
        await live.settle(1)

    (drop,) = play(story).events(InputDropped)
    assert drop.reason == "too old when its turn came"


def test_who_asks_is_answered_and_who_cannot_be_served_is_told() -> None:
    async def story(live: Live) -> None:
        said = await live.shell.ask(
            GetOrderStatus(at=1, client_order_id="nobody"), source="query", priority=Priority.PEOPLE
        )
        assert [type(event).__name__ for event in said] == ["GetOrderStatus", "OrderStatusReported"]
        submit = SubmitOrder(at=1, trade_id="t", risk_id="r", review_id="v")
        live.shell.stop("over")
        with pytest.raises(OurFault, match="over"):
            await live.shell.ask(submit, priority=Priority.ENTRIES)

    play(story)


# -- the kill switch


def test_the_kill_switch_is_obeyed_before_anything_that_waits() -> None:
    async def story(live: Live) -> None:
        await live.enter()
        for n in range(50):
            live.quote(175.0 + n / 100)
        live.says(BUY, "MSFT")
        halt = HaltTrading(at=live.clock.now(), actor="human:maria", reason="drill")
        live.shell.put(heard(halt, source="human:maria"))
        await live.bar(50.0, "MSFT")
        assert live.shell.status().mode is Mode.HALTED
        assert len(placed(live, Role.ENTRY)) == 1
        assert order(live, Role.STOP).is_live

    live = play(story)
    live.audit()


def test_the_kill_switch_with_many_orders_in_flight_and_a_venue_that_times_out() -> None:
    """R20: nothing new leaves; what works is cancelled or known to be unresolved; it outlives a restart."""
    symbols = [f"S{n:02d}" for n in range(40)]
    limits = Limits(max_position_fraction=Decimal("0.01"), max_position_notional=Decimal(500))

    async def story(live: Live) -> None:
        at = live.clock.now()
        for symbol in symbols:
            live.script[symbol, at] = BUY
        await live.settle(60)
        shown = tuple(Bar(symbol, at, 50.0, 50.0, 50.0, 50.0, 1e6) for symbol in symbols)
        for phase in (live.exchange.open, live.exchange.trade, live.exchange.close):
            for bar in shown:
                live.report(phase(bar))
        live.workers.back_s = 3.0
        live.send(Input(priority=Priority.MARKET, bars=shown, at=live.clock.now(), source="market"))
        await live.settle(4)
        assert live.shell.calls.in_flight > 0
        sent = len(placed(live, Role.ENTRY))
        live.workers.back_s = math.inf  # from here on nobody answers
        halt = HaltTrading(at=live.clock.now(), actor="human:maria", reason="drill")
        await live.shell.ask(halt, source="human:maria")
        await live.settle(1)
        live.workers.back_s = 0.01
        await live.settle(45)
        assert len(placed(live, Role.ENTRY)) == sent < len(symbols)
        assert [terms for terms in live.exchange.open_orders() if terms.role is Role.ENTRY] == []
        assert live.shell.status().unknown == ()
        await live.crash()
        live.start()
        await live.settle(5)
        assert live.shell.status().mode is Mode.HALTED

    live = play(story, limits=limits)
    live.audit()


class Blink:
    """A market that pauses for half a second: shorter than anybody looks away."""

    def __init__(self, pauses_at: int) -> None:
        self.pauses_at, self.goes_on_at = pauses_at, pauses_at + SECOND // 2

    def status(self, at: int) -> MarketStatus:
        far = self.pauses_at + 3600 * SECOND
        if at < self.pauses_at:
            return MarketStatus(MarketPhase.OPEN, at, self.goes_on_at, far)
        if at < self.goes_on_at:
            return MarketStatus(MarketPhase.BREAK, at, self.goes_on_at, far)
        return MarketStatus(MarketPhase.OPEN, at, far + 3600 * SECOND, far)


def test_an_entry_that_waits_for_the_end_of_a_break_leaves_though_nobody_saw_the_break() -> None:
    async def story(live: Live) -> None:
        live.says()
        opened_at = live.clock.now()
        await live.settle(60.25)  # it looks once a second
        bar = Bar(SYMBOL, opened_at, 175.5, 175.5, 175.5, 175.5, 1e6)
        live.send(Input(priority=Priority.MARKET, bars=(bar,), at=live.clock.now(), source="market"))
        await live.settle(0.1)
        assert order(live, Role.ENTRY).state is OrderState.DRAFT
        await live.settle(2)
        assert order(live, Role.ENTRY).state is OrderState.ACCEPTED
        assert "close" not in [event.cause for event in live.events(AccountReconciled)]

    at = parse_iso("2024-03-04T15:00:00Z")
    live = play(story, sessions=Blink(at + 62 * SECOND + SECOND // 5), at=at)  # it has run for two
    assert len(live.events(OrderReleased)) == 1


def test_a_wall_clock_that_jumps_an_hour_fires_nothing_twice_and_costs_no_lease() -> None:
    async def story(live: Live) -> None:
        await live.enter()
        live.clock.set(live.clock.now() + 3600 * SECOND, is_jump=True)
        await live.settle(5)
        live.clock.set(live.clock.now() - 7200 * SECOND, is_jump=True)
        await live.settle(65)
        assert live.running is not None
        assert not live.running.done()
        assert order(live, Role.STOP).is_live

    live = play(story)
    assert len(placed(live, Role.STOP)) == 1
    live.audit()


def test_a_line_to_another_account_ends_the_desk_and_gives_the_lease_free() -> None:
    class Wrong(Wire):
        async def open(self) -> AsyncIterator[Input | None]:
            async for item in super().open():
                yield item
                raise ConfigError("another exchange answers there now")

    async def story(live: Live) -> None:
        assert live.running is not None
        with pytest.raises(ConfigError):
            await live.running

    live = play(story, wires=[Wrong()])
    lease = live.journal.lease(STREAM)
    assert lease is not None
    assert lease.is_given_up
