"""One desk per account: the second refuses to start, and one that lost its lease writes and sends nothing.

R35, F-26, F-39, F-40. Times are those of the default policy in minutes instead of seconds, since the bars
of these tests are a minute long.
"""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.desks import BUY, JOURNAL_ID, START, World
from tests.unruly import Unruly
from tradewrit.domain.events.orders import OrderRequested
from tradewrit.domain.events.positions import CloseTrade
from tradewrit.domain.events.registry import name_of
from tradewrit.domain.market import MINUTE, SECOND
from tradewrit.domain.orders import OrderState
from tradewrit.errors import JournalConflict, JournalUnwritable, LeaseHeld, LeaseLost, OurFault
from tradewrit.runtime.clock import ManualClock, SystemClock
from tradewrit.runtime.desk import stream_of
from tradewrit.runtime.journal.leases import Lease
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.journal.records import Entry, Record
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.lease import Candidacy, LeasePolicy, Tenure
from tradewrit.runtime.local_writs import LocalIssuer

STREAM = stream_of("paper")
POLICY = LeasePolicy(
    duration_ns=10 * MINUTE, renew_every_ns=3 * MINUTE, margin_ns=3 * MINUTE, skew_ns=5 * MINUTE
)
DAY_S = 86_400


class Eventful(MemoryJournal):
    """Lets something happen in the very moment in which an order's intent is on disk and nothing has left."""

    then: Callable[[], object] | None = None

    def append(self, stream: str, entries: Sequence[Entry], **more: Any) -> list[Record]:
        stored = super().append(stream, entries, **more)
        if self.then is not None and any(entry.type == name_of(OrderRequested) for entry in entries):
            then, self.then = self.then, None
            then()
        return stored


def tenure_of(journal: Journal, clock: ManualClock, owner: str) -> Tenure:
    return Candidacy(journal, STREAM, owner, clock, POLICY).take()


def leased(
    owner: str = "first", *, journal: Journal | None = None, at: int = START, **more: Any
) -> tuple[World, Unruly]:
    """A desk under a lease, and the line to its broker."""
    clock, journal = ManualClock(at), journal or MemoryJournal(JOURNAL_ID)
    tenure = tenure_of(journal, clock, owner)
    issuer = LocalIssuer(JOURNAL_ID, ttl_s=DAY_S)  # so that it is the lease that ends, and not a writ
    world = World(broker=Unruly, journal=journal, clock=clock, tenure=tenure, issuer=issuer, at=at, **more)
    assert isinstance(world.broker, Unruly)
    return world, world.broker


def epochs(world: World) -> list[int]:
    return [record.epoch for record in world.records()]


def close(world: World) -> CloseTrade:
    return CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria")


# -- starting and stopping


def test_everything_a_desk_writes_carries_the_epoch_of_its_lease() -> None:
    world, line = leased()
    world.enter()
    assert line.calls == ["place", "place"]
    assert set(epochs(world)) == {1}
    world.audit()


def test_a_second_desk_on_the_same_account_refuses_to_start_and_says_who_has_it() -> None:
    world, _ = leased()
    world.enter()
    head = world.journal.head(STREAM)
    with pytest.raises(LeaseHeld, match=r"acct:paper is run by first since 2024-03-04T14:30:00Z, until "):
        leased("second", journal=world.journal, at=world.now)
    assert world.journal.head(STREAM) == head
    world.feed(close(world))  # and the first one did not notice


def test_a_desk_that_stops_gives_its_lease_up_and_the_next_one_need_not_wait() -> None:
    first, _ = leased()
    first.enter()
    first.desk.stop()
    first.desk.stop()
    with pytest.raises(LeaseLost, match="the desk has stopped"):
        first.desk.tick()
    second, _ = leased("second", journal=first.journal, at=first.now, exchange=first.exchange)
    assert second.books.positions == first.books.positions
    second.feed(close(second))
    assert sorted(set(epochs(second))) == [1, 2]
    assert epochs(second) == sorted(epochs(second))
    second.audit()


def test_after_a_crash_the_next_one_waits_until_the_lease_is_over() -> None:
    first, _ = leased()
    first.enter()
    held = first.journal.lease(STREAM)
    assert held is not None
    for wait in (0, POLICY.skew_ns - 1):
        with pytest.raises(LeaseHeld):
            leased("second", journal=first.journal, at=held.expires_at + wait)
    second, _ = leased(
        "second", journal=first.journal, at=held.expires_at + POLICY.skew_ns, exchange=first.exchange
    )
    second.feed(close(second))
    second.audit()


def test_a_desk_without_a_lease_cannot_write_to_an_account_that_has_one() -> None:
    world, _ = leased()
    world.enter()
    before = world.journal.head(STREAM)
    with pytest.raises(JournalConflict, match=r"under the lease of first .*this writer has no lease"):
        World(journal=world.journal, at=world.now)
    assert world.journal.head(STREAM) == before


def test_a_lease_on_another_account_is_of_no_use() -> None:
    journal, clock = MemoryJournal(JOURNAL_ID), ManualClock(START)
    other = Candidacy(journal, stream_of("other"), "first", clock).take()
    with pytest.raises(OurFault, match="the lease is that of acct:other"):
        World(journal=journal, clock=clock, tenure=other)


def test_a_desk_that_is_ticked_keeps_its_lease_for_as_long_as_it_runs() -> None:
    world, _ = leased()
    for _ in range(100):
        world.clock.advance(MINUTE)
        world.desk.tick()
    found = world.journal.lease(STREAM)
    assert found is not None
    assert (found.owner, found.epoch, found.since) == ("first", 1, START)
    assert found.expires_at > world.now + POLICY.margin_ns


# -- losing it


def take_over(journal: Journal) -> Tenure:
    """Another process, whose wall clock was set a day ahead."""
    return tenure_of(journal, ManualClock(START + DAY_S * SECOND), "second")


@pytest.mark.parametrize("by", ["a pause", "a takeover"])
def test_what_was_decided_before_the_lease_was_lost_is_not_sent(by: str) -> None:
    journal = Eventful(JOURNAL_ID)
    world, line = leased(journal=journal)
    happens = {"a pause": lambda: world.clock.advance(60 * MINUTE), "a takeover": lambda: take_over(journal)}
    why = {"a pause": "was paused or kept too busy", "a takeover": r"it went to second \(epoch 2\)"}
    journal.then = happens[by]
    world.says(BUY)
    with pytest.raises(LeaseLost, match=f"lease of first is lost: .*{why[by]}.*stop this desk and start it"):
        world.bar(175.50)
    assert line.calls == []
    (order,) = world.books.orders.values()
    assert order.state is OrderState.SUBMITTED  # on record without an outcome: the next one asks
    before = journal.head(STREAM)
    for attempt in (lambda: world.bar(175.50), world.desk.tick, world.desk.keep, lambda: world.quote(176.0)):
        with pytest.raises(LeaseLost):
            attempt()
    world.desk.stop()
    assert journal.head(STREAM) == before
    assert line.calls == []


def test_one_that_slept_for_an_hour_between_two_inputs_takes_no_more() -> None:
    world, line = leased()
    world.enter()
    calls, before = list(line.calls), world.journal.head(STREAM)
    world.clock.advance(60 * MINUTE)
    with pytest.raises(LeaseLost, match="paused"):
        world.feed(close(world))
    assert (line.calls, world.journal.head(STREAM)) == (calls, before)
    # Nobody took over, so what it frees can be taken at once.
    world.desk.stop()
    second, _ = leased("second", journal=world.journal, at=world.now, exchange=world.exchange)
    second.feed(close(second))
    second.audit()


def test_one_that_was_replaced_cannot_write_whatever_its_own_clock_says() -> None:
    world, line = leased()
    world.enter()
    calls, before = list(line.calls), world.journal.head(STREAM)
    take_over(world.journal)
    with pytest.raises(JournalConflict, match=r"under the lease of second \(epoch 2\).*must stop"):
        world.feed(close(world))
    assert (line.calls, world.journal.head(STREAM)) == (calls, before)
    world.clock.advance(3 * MINUTE)
    with pytest.raises(LeaseLost, match="it went to second"):
        world.desk.tick()


def test_a_venue_that_takes_its_time_costs_a_renewal_between_two_orders_and_not_the_lease() -> None:
    world, line = leased()
    world.enter()
    line.spy = lambda _: world.clock.advance(6 * MINUTE)
    world.feed(close(world))  # two cancels and an exit
    assert line.calls[2:] == ["cancel", "cancel", "place"]
    world.clock.advance(2 * MINUTE)
    world.desk.tick()


def test_where_the_lease_cannot_be_renewed_nothing_is_sent() -> None:
    class Full(Eventful):
        is_full = False

        def set_lease(self, wanted: Lease, *, expected: Lease | None) -> Lease:
            if self.is_full:
                raise JournalUnwritable("no space left on device")
            return super().set_lease(wanted, expected=expected)

    journal = Full(JOURNAL_ID)
    world, line = leased(journal=journal)

    def fill_up() -> None:
        journal.is_full = True
        world.clock.advance(8 * MINUTE)

    journal.then = fill_up
    world.says(BUY)
    with pytest.raises(JournalUnwritable, match="no space"):
        world.bar(175.50)
    assert line.calls == []


# -- two processes

PAUSED = """
    import sys
    from tests.scenario.test_single_writer import STREAM, real_tenure
    from tradewrit.errors import LeaseLost
    from tradewrit.runtime.journal.records import Entry
    from tradewrit.runtime.journal.sqlite import SqliteJournal

    journal = SqliteJournal.open(sys.argv[1], create=False)
    tenure = real_tenure(journal, "first")
    entry = Entry(type="account.cash.moved", at=1, body=b"{}")
    journal.append(STREAM, [entry], expected_seq=0, recorded_at=1, epoch=tenure.epoch)
    print("decided", flush=True)
    sys.stdin.readline()  # here it is stopped: the intent is on disk and has not left
    try:
        tenure.assure()
    except LeaseLost as lost:
        sys.exit(str(lost))
    print("sent", flush=True)
"""
SHORT = LeasePolicy(
    duration_ns=SECOND // 2, renew_every_ns=SECOND // 10, margin_ns=SECOND // 10, skew_ns=SECOND // 10
)


def real_tenure(journal: Journal, owner: str) -> Tenure:
    return Candidacy(journal, STREAM, owner, SystemClock(), SHORT).take()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot stop a process")
def test_a_process_that_is_stopped_and_goes_on_after_another_took_over_sends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with (
        closing(SqliteJournal.open(path, id=JOURNAL_ID)) as journal,
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PAUSED), path],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as first,
    ):
        try:
            assert first.stdin is not None
            assert first.stdout is not None
            assert first.stdout.readline() == "decided\n", first.communicate()
            os.kill(first.pid, signal.SIGSTOP)
            second = patiently(lambda: real_tenure(journal, "second"))
            entry = Entry(type="account.cash.moved", at=1, body=b"{}")
            journal.append(STREAM, [entry], expected_seq=1, recorded_at=1, epoch=second.epoch)
            first.stdin.write("go on\n")
            first.stdin.flush()
            os.kill(first.pid, signal.SIGCONT)
            said, why = first.communicate(timeout=30)
        finally:
            first.kill()
        assert said == ""
        assert first.returncode == 1
        assert "lease of first is lost" in why
        assert [record.epoch for record in journal.read(STREAM)] == [1, 2]


def patiently(attempt: Callable[[], Tenure]) -> Tenure:
    """Try until the other's lease is over, by the real clock: about half a second."""
    clock = SystemClock()
    until = clock.monotonic() + 30 * SECOND
    while clock.monotonic() < until:
        try:
            return attempt()
        except LeaseHeld:
            pass
    raise AssertionError("the lease of a stopped process never ended")
