"""Planted: journals that say less than was done, or that do not say the same twice; and arithmetic."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import force_setattr, replace

from tests.simulation.planting import Aim, always, everywhere, planted
from tradewrit.agents import executor
from tradewrit.domain import portfolio, strays
from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.effects import AskAccount, OrderEffect
from tradewrit.domain.events.account import DeskStarted, ReconcileAccount
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.events.positions import FillBooked
from tradewrit.domain.folding import FOLDS
from tradewrit.kernel import Step
from tradewrit.risk import doubts, limits
from tradewrit.runtime import messages, replay
from tradewrit.runtime.pump import Pump
from tradewrit.simulation.disk import Append, Disk
from tradewrit.simulation.plan import Faults
from tradewrit.simulation.process import Process
from tradewrit.simulation.world import Outcome, World


@planted(
    kind="order that no log knows of: it was sent before it was written down",
    aim=Aim(faults=Faults(kill=0.02)),
    caught_by=("I-1", "I-6"),
    seed=29,
)
def sent_before_commit(patch: pytest.MonkeyPatch) -> None:
    """What a step asks for is sent first and written down after."""
    commit, open_ = Pump._commit, Process._open
    senders: dict[int, Callable[[], None]] = {}

    def opening(process: Process) -> None:
        open_(process)
        desk = process.desk
        if desk is not None:
            senders[id(desk.pump)] = lambda: process._send(desk)

    def committing(pump: Pump, step: Step) -> Any:
        send, before = senders.get(id(pump)), pump.books
        early = [asked for asked in step.effects if isinstance(asked.effect, OrderEffect)]
        if send is not None and early and pump._outbox is not None:
            pump.books = step.books
            for asked in early:
                pump._outbox.put(asked, step.books)
            force_setattr(step, "effects", tuple(one for one in step.effects if one not in early))
            try:
                send()
            finally:
                pump.books = before
        return commit(pump, step)

    patch.setattr(Process, "_open", opening)
    patch.setattr(Pump, "_commit", committing)


@planted(
    kind="lost the last seconds in a power cut: the disk said 'written' before it was",
    aim=Aim(faults=Faults(kill=0.03, power_loss=1.0)),
    caught_by=("I-1", "I-2", "I-7", "I-13"),
    seed=23,
)
def sync_that_lies(patch: pytest.MonkeyPatch) -> None:
    """A sync returns while the last transaction is still in the cache."""
    sync = Disk.sync

    def lying(disk: Disk) -> None:
        sync(disk)
        disk._synced = len(disk._changes) - 1

    patch.setattr(Disk, "sync", lying)


@planted(
    kind="half a transaction after a crash: the torn end of the journal was taken for good",
    aim=Aim(faults=Faults(kill=0.04, power_loss=1.0)),
    caught_by=("I-2", "I-4", "I-5", "I-6", "I-7", "I-13"),
    seed=29,
)
def torn_record_accepted(patch: pytest.MonkeyPatch) -> None:
    """Of a transaction that a power cut tore, its first records count."""
    lose = Disk.lose_power

    def losing(disk: Disk) -> None:
        lost = disk._changes[disk._synced :]
        lose(disk)
        if lost and isinstance(lost[0], Append) and len(lost[0].entries) > 1:
            entries = lost[0].entries
            disk.write(replace(lost[0], entries=entries[: len(entries) // 2]))
            disk._synced = len(disk._changes)
            disk._mount()

    patch.setattr(Disk, "lose_power", losing)


@planted(
    kind="state after a restart is another: it was computed from something that is not in the log",
    aim=Aim(faults=Faults(kill=0.01)),
    caught_by=("I-7",),
    seed=2,
)
def replay_depends_on_the_process(patch: pytest.MonkeyPatch) -> None:
    """A fold numbers fills by a counter of its process, instead of by the event."""
    fold, count = FOLDS[FillBooked], Counter[str]()

    def counting(books: Books, event: FillBooked) -> Books:
        count["fills"] += 1
        changed = fold(books, event)
        return replace(changed, stats=replace(changed.stats, wins=count["fills"]))

    folds: Any = FOLDS
    patch.setitem(folds, FillBooked, counting)


@planted(
    kind="cash off by the commissions",
    aim=Aim(),
    caught_by=("I-5",),
    seed=16,
)
def fees_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Fills are booked without what they cost."""
    booked = portfolio.cash_change
    everywhere(
        patch,
        portfolio,
        "cash_change",
        lambda fill, closed, instrument: booked(fill, closed, instrument) + fill.fee,
    )


@planted(
    kind="fill never seen: the stream had a hole and nothing was compared with the broker",
    aim=Aim(
        faults=Faults(drop=0.05, half_open_per_hour=60),
    ),
    caught_by=("I-2", "I-3", "I-4", "I-5", "I-13"),
    seed=11,
)
def no_reconciliation(patch: pytest.MonkeyPatch) -> None:
    """The books are never held against the venue."""
    decide = executor.decide

    def alone(books: Books, market: Any, event: Any) -> Decision:
        if isinstance(event, ReconcileAccount):
            return NOTHING
        decision = decide(books, market, event)
        if any(isinstance(effect, AskAccount) for effect in decision.effects):
            kept = tuple(effect for effect in decision.effects if not isinstance(effect, AskAccount))
            return Decision(decision.events, kept)
        return decision

    patch.setattr(executor, "decide", alone)


@planted(
    kind="orders in limbo after a restart: nobody asked what became of them",
    aim=Aim(faults=Faults(kill=0.03, drop=0.1)),
    caught_by=("I-1", "I-2", "I-4", "I-13"),
    seed=2,
)
def restart_asks_nothing(patch: pytest.MonkeyPatch) -> None:
    """A desk that comes up takes its orders for what they were, and asks the venue nothing."""
    decide = executor.decide

    def silent(books: Books, market: Any, event: Any) -> Decision:
        return NOTHING if isinstance(event, DeskStarted) else decide(books, market, event)

    patch.setattr(executor, "decide", silent)
    patch.setattr(doubts, "reopened", always(NOTHING))


@planted(
    kind="limits and positions wrong after somebody traded by hand",
    aim=Aim(faults=Faults(manual_trades_per_hour=60)),
    caught_by=("I-2", "I-5"),
    seed=0,
)
def others_ignored(patch: pytest.MonkeyPatch) -> None:
    """A fill of an order that is not ours is recorded and nothing else."""
    everywhere(patch, strays, "external", always(NOTHING))


@planted(
    kind="missing from the audit log: a message that fitted nothing was dropped",
    aim=Aim(faults=Faults(manual_trades_per_hour=60)),
    caught_by=("I-14",),
    seed=28,
)
def strange_reports_dropped(patch: pytest.MonkeyPatch) -> None:
    """A report about an order that nobody knows is thrown away at the door."""
    take = Pump._take

    def taking(pump: Pump, event: Any, source: str, said: Any) -> None:
        known = pump.books.orders
        if isinstance(event, ExecutionReport) and event.client_order_id not in known:
            return
        take(pump, event, source, said)

    patch.setattr(Pump, "_take", taking)


@planted(
    kind="wrong position after a restart: a snapshot was believed that was of another moment",
    aim=Aim(faults=Faults(kill=0.02), account={"snapshot_every": 20}),
    caught_by=("I-7",),
    seed=3,
)
def snapshot_of_another_moment(patch: pytest.MonkeyPatch) -> None:
    """A snapshot holds the books of now under the number of the record before."""
    snapshot_of = replay.snapshot_of
    everywhere(patch, replay, "snapshot_of", lambda books, stream, seq: snapshot_of(books, stream, seq - 1))


@planted(
    kind="one customer's numbers show up in another's: something of the account was kept by the module",
    aim=Aim(is_compared=True),
    caught_by=("I-16",),
    seed=1,
)
def accounts_share_a_memory(patch: pytest.MonkeyPatch) -> None:
    """How often limits were asked for is counted for all accounts together, and every fifth time is refused."""
    asked = Counter[str]()
    facts = _absent_minded(patch, asked)

    def counting(books: Books, mark: Any, at: int) -> limits.Facts:
        asked["facts"] += 1
        return facts(books, mark, at)

    everywhere(patch, limits, "facts", counting)


@planted(
    kind="behaves differently with the dashboard open",
    aim=Aim(is_compared=True),
    caught_by=("I-15",),
    seed=16,
)
def watched_desk_decides_otherwise(patch: pytest.MonkeyPatch) -> None:
    """What is decided depends on how much was published to whoever listens."""
    told = Counter[str]()
    message_of = messages.message_of

    def telling(*said: Any) -> Any:
        told["facts"] += 1
        return message_of(*said)

    everywhere(patch, messages, "message_of", telling)
    everywhere(patch, limits, "facts", _absent_minded(patch, told))


def _absent_minded(patch: pytest.MonkeyPatch, count: Counter[str]) -> Callable[..., limits.Facts]:
    """Facts that are wrong at every fifth count, which begins anew with each run."""
    facts, run = limits.facts, World.run

    def running(world: World) -> Outcome:
        count.clear()
        return run(world)

    def remembering(books: Books, mark: Any, at: int) -> limits.Facts:
        found = facts(books, mark, at)
        return replace(found, drawdown=Decimal(1)) if count["facts"] % 5 == 1 else found

    patch.setattr(World, "run", running)
    return remembering
