"""Calls in flight: deadlines, late answers, workers that hang."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from tests.virtual_loop import VirtualWorkers, in_virtual_time
from tradewrit.domain.effects import AskVenue, CancelAtVenue, Effect, PlaceOrders
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import Qty
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side
from tradewrit.domain.scopes import Grant
from tradewrit.kernel import Asked
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.live.calls import CallPolicy, Calls, Outcome, ThreadWorkers
from tradewrit.runtime.outbox import Lane
from tradewrit.runtime.perform import Departure

GRANT = Grant(id="", agent="", scopes=frozenset(), issued_at=0, expires_at=0)
POLICY = CallPolicy(most=3, reserved=1, deadline_ns=10 * SECOND)


def report(kind: Exec, exec_id: str = "venue:1") -> ExecutionReport:
    return ExecutionReport(at=1, exec_id=exec_id, client_order_id="o", kind=kind)


def placing() -> PlaceOrders:
    terms = OrderTerms(
        client_order_id="o",
        trade_id="t",
        symbol="AAPL",
        side=Side.BUY,
        quantity=Qty(Decimal(1)),
        type=OrderType.MARKET,
        role=Role.ENTRY,
    )
    return PlaceOrders(symbol="AAPL", approved=Approved(orders=(terms,), by=("risk:1",), at=1))


def departure(outcome: Sequence[Event] | Exception, effect: Effect | None = None) -> Departure:
    def handler(effect: Any, grant: Grant, now: int) -> Sequence[Event]:
        del effect, grant, now
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return Departure(Asked(effect or placing(), "executor"), GRANT, handler)


class Told:
    """What becomes of calls in virtual time."""

    def __init__(self, workers: VirtualWorkers) -> None:
        self.arrived: list[Outcome] = []
        self.late: list[Outcome] = []
        self.clock = ManualClock(1)
        self.workers = workers
        self.calls = Calls(
            workers,
            self.clock,
            POLICY,
            lambda _, outcome: self.arrived.append(outcome),
            lambda _, outcome: self.late.append(outcome),
        )

    def play(self, *departures: Departure, seconds: float = 60.0) -> "Told":
        async def story() -> None:
            for one in departures:
                self.calls.start(one)
            await asyncio.sleep(seconds)

        in_virtual_time(self.clock, story)
        return self

    def kinds(self, outcomes: list[Outcome]) -> list[list[Exec]]:
        return [
            [event.kind for event in outcome if isinstance(event, ExecutionReport)] for outcome in outcomes
        ]


def test_an_answer_in_time_is_the_outcome() -> None:
    told = Told(VirtualWorkers(1, 1)).play(departure([report(Exec.NEW)]))
    assert told.kinds(told.arrived) == [[Exec.NEW]]
    assert (told.late, told.calls.in_flight, told.calls.overdue) == ([], 0, 0)


def test_one_that_is_overdue_is_unknown_and_what_the_venue_says_later_counts_too() -> None:
    told = Told(VirtualWorkers(1, 11)).play(departure([report(Exec.NEW)]))
    assert told.kinds(told.arrived) == [[Exec.UNKNOWN]]
    assert told.kinds(told.late) == [[Exec.NEW]]
    assert (told.calls.in_flight, told.calls.overdue) == (0, 1)


def test_of_a_late_answer_only_what_the_venue_said_counts() -> None:
    """By now the order may have been sent again: that the first one never left is no news of it."""
    never_left = report(Exec.REJECTED, "desk:rejected:o:1:1")
    told = Told(VirtualWorkers(1, 11)).play(departure([never_left, report(Exec.NEW)]))
    assert told.kinds(told.late) == [[Exec.NEW]]


@pytest.mark.parametrize(
    ("effect", "means"),
    [
        (placing(), [Exec.UNKNOWN]),
        (CancelAtVenue(symbol="AAPL", client_order_id="o"), [Exec.UNKNOWN]),
        (AskVenue(symbol="AAPL", client_order_id="o"), [Exec.UNANSWERED]),
    ],
    ids=["place", "cancel", "ask"],
)
def test_a_worker_that_fails_says_no_more_than_a_lost_line(effect: Effect, means: list[Exec]) -> None:
    told = Told(VirtualWorkers()).play(departure(ZeroDivisionError("a bug in a gateway"), effect))
    assert told.kinds(told.arrived) == [means]


def test_the_last_worker_is_kept_for_what_reduces_risk() -> None:
    told = Told(VirtualWorkers(1, float("inf")))
    lanes: list[Lane | None] = [told.calls.least()]

    async def story() -> None:
        for _ in range(3):
            told.calls.start(departure([]))
            lanes.append(told.calls.least())

    in_virtual_time(told.clock, story)
    assert lanes == [Lane.DATA, Lane.DATA, Lane.EXITS, None]


# -- real threads


async def outcome_of(workers: ThreadWorkers, work: Callable[[], Outcome]) -> Outcome | BaseException:
    """Do it, and wait for what comes of it."""
    answered: asyncio.Future[Outcome | BaseException] = asyncio.get_running_loop().create_future()
    workers.start(work, answered.set_result)
    return await answered


def test_a_thread_that_hangs_hinders_neither_the_others_nor_the_end() -> None:
    never = threading.Event()

    def hang() -> Outcome:
        never.wait(30)
        return ()

    async def story() -> None:
        workers = ThreadWorkers(asyncio.get_running_loop(), most=2)
        workers.start(hang, lambda _: None)
        for _ in range(2):
            assert await outcome_of(workers, tuple) == ()
        workers.start(hang, lambda _: None)
        lost = await outcome_of(workers, tuple)
        assert str(lost) == "all 2 workers hang in calls"

    asyncio.run(story())
    never.set()


def test_threads_are_used_again() -> None:
    names: set[str] = set()

    def work() -> Outcome:
        names.add(threading.current_thread().name)
        return ()

    async def story() -> None:
        workers = ThreadWorkers(asyncio.get_running_loop())
        for _ in range(20):
            await outcome_of(workers, work)

    asyncio.run(story())
    assert len(names) == 1


def test_calls_need_more_workers_than_are_reserved() -> None:
    with pytest.raises(ValueError, match="more workers than are reserved"):
        CallPolicy(most=4, reserved=4)
