"""A lease is held by one at a time, whatever the clocks do, and whoever lost it neither writes nor sends."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.market import SECOND
from tradewrit.domain.times import parse_iso
from tradewrit.errors import ConfigError, JournalConflict, JournalUnwritable, LeaseHeld, LeaseLost
from tradewrit.runtime.clock import ManualClock, seeded
from tradewrit.runtime.journal.leases import Lease
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.journal.records import Entry
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.lease import DEFAULT, Candidacy, LeasePolicy, Tenure, owner_name

ID = "0123456789abcdef" * 2
STREAM = "acct:paper"
START = parse_iso("2026-03-02T14:30:00Z")
HOUR = 3_600 * SECOND


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal(ID)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def candidate(journal: Journal, clock: ManualClock, owner: str = "b") -> Candidacy:
    return Candidacy(journal, STREAM, owner, clock)


def take(journal: Journal, clock: ManualClock, owner: str = "a") -> Tenure:
    return candidate(journal, clock, owner).take()


def stored(journal: Journal) -> Lease:
    found = journal.lease(STREAM)
    assert found is not None
    return found


def append(journal: Journal, epoch: int) -> None:
    entry = Entry(type="account.cash.moved", at=1, body=b"{}")
    journal.append(STREAM, [entry], expected_seq=journal.head(STREAM).seq, recorded_at=1, epoch=epoch)


# -- taking it


def test_the_defaults_are_ten_seconds_renewed_every_three_with_three_to_spare() -> None:
    assert LeasePolicy() == DEFAULT
    assert (DEFAULT.duration_ns, DEFAULT.renew_every_ns, DEFAULT.margin_ns, DEFAULT.skew_ns) == (
        10 * SECOND,
        3 * SECOND,
        3 * SECOND,
        5 * SECOND,
    )


@pytest.mark.parametrize(
    "wrong",
    [{"renew_every_ns": 0}, {"margin_ns": 0}, {"skew_ns": -1}, {"renew_every_ns": 7 * SECOND}],
    ids=str,
)
def test_a_policy_under_which_a_renewal_comes_too_late_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="lease"):
        LeasePolicy(**wrong)


def test_an_owner_is_named_after_its_machine_its_process_and_this_run_of_it() -> None:
    names = {owner_name(seeded(seed, "owner").randbytes) for seed in (1, 1, 2)}
    assert len(names) == 2
    assert {len(name.rsplit(":", 1)[1]) for name in names} == {8}


def test_an_owner_needs_a_name(journal: MemoryJournal, clock: ManualClock) -> None:
    with pytest.raises(ConfigError, match="owner"):
        take(journal, clock, "")


def test_a_second_one_is_told_who_has_it_since_when_and_until_when(
    journal: MemoryJournal, clock: ManualClock
) -> None:
    first = take(journal, clock)
    clock.advance(3 * SECOND)
    first.keep()
    before = stored(journal)
    with pytest.raises(LeaseHeld) as refused:
        take(journal, clock, "b")
    assert str(refused.value) == (
        "acct:paper is run by a since 2026-03-02T14:30:00Z, until 2026-03-02T14:30:13Z unless that renews "
        "its lease: two desks on one account would send everything twice. Stop the other one, or, if it has "
        "crashed, start this one after 2026-03-02T14:30:18Z"
    )
    assert stored(journal) == before


def test_what_a_crashed_one_held_is_taken_over_five_seconds_after_its_end(
    journal: MemoryJournal, clock: ManualClock
) -> None:
    take(journal, clock)
    clock.advance(15 * SECOND - 1)
    with pytest.raises(LeaseHeld):
        take(journal, clock, "a")  # the same name, another run: it waits like anybody
    clock.advance(1)
    assert take(journal, clock, "a").epoch == 2


def test_what_was_given_up_is_taken_at_once(journal: MemoryJournal, clock: ManualClock) -> None:
    first = take(journal, clock)
    first.give_up()
    first.give_up()
    assert take(journal, clock, "b").epoch == 2
    first.give_up()
    assert stored(journal).owner == "b"


def test_of_two_who_find_it_free_in_the_same_moment_one_is_refused(clock: ManualClock) -> None:
    class Faster(MemoryJournal):
        """Somebody else is in between looking and taking."""

        def set_lease(self, wanted: Lease, *, expected: Lease | None) -> Lease:
            if wanted.owner == "b":
                take(self, clock, "a")
            return super().set_lease(wanted, expected=expected)

    journal = Faster(ID)
    with pytest.raises(LeaseHeld, match="is run by a since"):
        take(journal, clock, "b")
    assert stored(journal).owner == "a"


def test_of_many_who_run_for_it_at_once_exactly_one_has_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    SqliteJournal.open(path, id=ID, synchronous="OFF").close()
    gun = Barrier(8)

    def run(n: int) -> int | None:
        with closing(SqliteJournal.open(path, synchronous="OFF", busy_timeout_s=60)) as own:
            gun.wait(60)
            try:
                return take(own, ManualClock(START), f"owner-{n}").epoch
            except LeaseHeld:
                return None

    with ThreadPoolExecutor(8) as runners:
        won = [epoch for epoch in runners.map(run, range(8)) if epoch is not None]
    assert won == [1]


# -- clocks


def test_a_wall_clock_set_back_an_hour_does_not_keep_the_next_one_out_for_an_hour(
    journal: MemoryJournal, clock: ManualClock
) -> None:
    take(journal, clock)
    clock.set(START - HOUR, is_jump=True)
    waiting = candidate(journal, clock)
    for seconds in (0, 5, 9):
        clock.advance(seconds * SECOND)
        with pytest.raises(LeaseHeld):
            waiting.take()
    clock.advance(SECOND)  # fifteen seconds in which the holder said nothing
    assert waiting.take().epoch == 2


def test_a_holder_that_renews_is_never_seen_to_stand_still(
    journal: MemoryJournal, clock: ManualClock
) -> None:
    held, waiting = take(journal, clock), candidate(journal, clock)
    for _ in range(20):
        clock.advance(4 * SECOND)
        held.keep()
        clock.set(START, is_jump=True)  # what it wrote is the same to the nanosecond, but for the beat
        with pytest.raises(LeaseHeld):
            waiting.take()
    held.assure()


def test_a_wall_clock_set_forward_lets_the_next_one_in_and_the_holder_sends_nothing_more(
    journal: MemoryJournal, clock: ManualClock
) -> None:
    held = take(journal, clock)
    clock.set(START + HOUR, is_jump=True)
    taken = take(journal, clock, "b")
    assert held.left_ns() == 10 * SECOND  # as far as its own clock knows
    with pytest.raises(LeaseLost, match=r"it went to b \(epoch 2\)"):
        held.assure()
    with pytest.raises(JournalConflict, match="must stop"):
        append(journal, held.epoch)
    taken.assure()
    append(journal, taken.epoch)


def test_a_wall_clock_set_back_or_forward_takes_nothing_from_the_holder(
    journal: MemoryJournal, clock: ManualClock
) -> None:
    held = take(journal, clock)
    for jump in (-HOUR, 2 * HOUR, -HOUR):
        clock.set(clock.now() + jump, is_jump=True)
        clock.advance(4 * SECOND)
        held.assure()
        assert stored(journal).expires_at == clock.now() + 10 * SECOND


# -- keeping it


def test_it_is_renewed_every_three_seconds_and_not_more_often(
    journal: MemoryJournal, clock: ManualClock
) -> None:
    held = take(journal, clock)
    beats = []
    for _ in range(9):
        clock.advance(SECOND)
        held.keep()
        beats.append(stored(journal).beat)
    assert beats == [1, 1, 2, 2, 2, 3, 3, 3, 4]
    assert (stored(journal).epoch, stored(journal).since) == (1, START)


def test_one_that_was_not_renewed_in_time_is_lost_even_if_nobody_took_over(
    journal: MemoryJournal, clock: ManualClock
) -> None:
    held = take(journal, clock)
    clock.advance(10 * SECOND - 1)
    held.keep()
    clock.advance(10 * SECOND)
    before = stored(journal)
    for attempt in (held.assure, held.keep, held.assure):
        with pytest.raises(LeaseLost, match=r"of a is lost: it was not renewed for .* stop this desk"):
            attempt()
    assert held.is_lost
    assert held.left_ns() == 0
    assert stored(journal) == before
    held.give_up()  # still its own to free: the next start need not wait
    assert take(journal, clock, "b").epoch == 2


def test_with_less_than_the_margin_left_nothing_may_leave(clock: ManualClock) -> None:
    class Slow(MemoryJournal):
        """A store that needs long to answer a renewal."""

        delay = 0

        def set_lease(self, wanted: Lease, *, expected: Lease | None) -> Lease:
            answer = super().set_lease(wanted, expected=expected)
            clock.advance(self.delay)
            return answer

    journal = Slow(ID)
    held = take(journal, clock)
    journal.delay = 7 * SECOND
    clock.advance(3 * SECOND)
    held.assure()  # three seconds left, to the nanosecond
    journal.delay = 7 * SECOND + 1
    with pytest.raises(LeaseLost, match="too few to send"):
        held.assure()


def test_a_store_that_cannot_be_written_loses_nothing_while_there_is_time(clock: ManualClock) -> None:
    class Full(MemoryJournal):
        is_full = False

        def set_lease(self, wanted: Lease, *, expected: Lease | None) -> Lease:
            if self.is_full:
                raise JournalUnwritable("no space left on device")
            return super().set_lease(wanted, expected=expected)

    journal = Full(ID)
    held = take(journal, clock)
    journal.is_full = True
    held.assure()  # no renewal is due
    clock.advance(8 * SECOND)
    with pytest.raises(JournalUnwritable):
        held.assure()
    journal.is_full = False
    held.assure()
    assert held.left_ns() == 10 * SECOND


def test_a_lease_that_vanished_from_the_store_is_lost(clock: ManualClock, tmp_path: Path) -> None:
    with closing(SqliteJournal.open(tmp_path / "j", id=ID, synchronous="OFF")) as journal:
        held = take(journal, clock)
        with closing(sqlite3.connect(tmp_path / "j")) as other, other:
            other.execute("DELETE FROM leases")
        with pytest.raises(LeaseLost, match="gone from the journal"):
            held.assure()


# -- whatever happens in whatever order

OWNERS = 3
skews = st.integers(-DEFAULT.skew_ns // 2, DEFAULT.skew_ns // 2)
lengths = st.one_of(
    st.sampled_from([SECOND, 3 * SECOND, 7 * SECOND, 10 * SECOND, 15 * SECOND, 60 * SECOND]),
    st.integers(0, 20 * SECOND),
)
passes = st.tuples(st.just("pass"), lengths)
acts = st.tuples(
    st.sampled_from(["take", "take", "keep", "send", "send", "give up", "crash"]), st.integers(0, OWNERS - 1)
)
jumps = st.tuples(st.just("jump"), st.tuples(st.integers(0, OWNERS - 1), st.integers(-HOUR, HOUR)))
steady = st.lists(st.one_of(acts, acts, passes), max_size=40)
jumpy = st.lists(st.one_of(acts, acts, passes, jumps), max_size=40)


@contextmanager
def in_memory() -> Iterator[list[Journal]]:
    yield [MemoryJournal(ID)] * OWNERS


@contextmanager
def in_one_file() -> Iterator[list[Journal]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite"
        journals = [SqliteJournal.open(path, id=ID, synchronous="OFF") for _ in range(OWNERS)]
        yield list(journals)
        for journal in journals:
            journal.close()


class Rivals:
    """Some processes on one store, each with a wall clock of its own."""

    def __init__(self, journals: list[Journal], skew: list[int]) -> None:
        self.journals = journals
        self.clocks = [ManualClock(START + by) for by in skew]
        self.candidates = [self._candidate(n) for n in range(OWNERS)]
        self.tenures: list[Tenure | None] = [None] * OWNERS
        self.epochs = [0]

    def _candidate(self, n: int) -> Candidacy:
        return Candidacy(self.journals[n], STREAM, f"owner-{n}", self.clocks[n])

    def do(self, what: str, how: object) -> None:
        match what, how:
            case "pass", int(ns):
                for clock in self.clocks:
                    clock.advance(ns)
            case "jump", (int(n), int(by)):
                self.clocks[n].set(self.clocks[n].now() + by, is_jump=True)
            case "take", int(n) if self.tenures[n] is None:
                with suppress(LeaseHeld):
                    self.tenures[n] = self.candidates[n].take()
            case "crash", int(n):
                self.tenures[n], self.candidates[n] = None, self._candidate(n)
            case _, int(n) if (held := self.tenures[n]) is not None:
                self._act(what, held)

    def _act(self, what: str, held: Tenure) -> None:
        if what == "give up":
            held.give_up()
            return
        with suppress(LeaseLost):
            if what == "send":
                held.assure()
                holder = stored(self.journals[0])
                assert (held.epoch, holder.is_given_up) == (holder.epoch, False)
            else:
                held.keep()

    def writers(self) -> list[Tenure]:
        """Who can append at this moment, each trying with its own hands, however its own clock stands."""
        able = []
        for journal, held in zip(self.journals, self.tenures, strict=True):
            if held is not None:
                with suppress(JournalConflict):
                    append(journal, held.epoch)
                    able.append(held)
        return able

    def check(self) -> None:
        found = self.journals[0].lease(STREAM)
        self.epochs.append(0 if found is None else found.epoch)
        assert self.epochs == sorted(self.epochs)
        writers = self.writers()
        assert len(writers) <= 1
        for held in writers:
            assert found is not None
            assert (held.epoch, found.is_given_up) == (found.epoch, False)


Store = Callable[[], AbstractContextManager[list[Journal]]]


@pytest.mark.parametrize("store", [in_memory, in_one_file])
@given(steps=jumpy, skew=st.lists(st.integers(-HOUR, HOUR), min_size=OWNERS, max_size=OWNERS))
def test_one_can_append_and_nobody_sends_after_another_took_over_whatever_the_clocks_say(
    store: Store, steps: list[tuple[str, object]], skew: list[int]
) -> None:
    with store() as journals:
        rivals = Rivals(journals, skew)
        for what, how in steps:
            rivals.do(what, how)
            rivals.check()
        records = [record.epoch for record in journals[0].read(STREAM)]
        assert records == sorted(records)
        assert journals[0].verify(STREAM).is_intact


@given(steps=steady, skew=st.lists(skews, min_size=OWNERS, max_size=OWNERS))
def test_with_clocks_five_seconds_apart_whoever_has_its_margin_left_has_not_been_replaced(
    steps: list[tuple[str, object]], skew: list[int]
) -> None:
    """Time alone keeps two from sending, before the store is asked."""
    with in_memory() as journals:
        rivals = Rivals(journals, skew)
        for what, how in steps:
            rivals.do(what, how)
            rivals.check()
            for held in rivals.tenures:
                if held is not None and held.left_ns() >= DEFAULT.margin_ns:
                    assert held.epoch == rivals.epochs[-1]
