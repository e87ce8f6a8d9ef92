"""`credentials kill --including-protection` as a desk lives through it: entries are cancelled, then all is over."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.desks import BUY, JOURNAL_ID, World
from tests.unit.credentials.authorities import opened
from tests.unruly import UNREACHABLE, Unruly
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.desk import AuthorityIssuer
from tradewrit.credentials.records import DeskAnswer
from tradewrit.domain.events.account import TradingHalted
from tradewrit.domain.events.orders import CancelOrder, OrderRequested
from tradewrit.domain.events.positions import UpdateStop
from tradewrit.domain.events.writs import HaltRegistered, WritDenied, WritRevoked
from tradewrit.domain.market import MINUTE, SECOND
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderType, Role
from tradewrit.domain.writs import EXECUTOR, KEEPER
from tradewrit.errors import JournalUnwritable, TradewritError
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.kill_switch import Kill
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.roles import roles

ENTRY, STOP, TARGET = Role.ENTRY, Role.STOP, Role.TARGET
GRACE = 30 * SECOND
FAR = "170.00"


class Real:
    """A desk with a limit entry at work, its authority on disk, and an operator at another process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock(1_709_562_600 * SECOND)
        self.authority = opened(folder, clock=self.clock)
        terms = roles("paper", "paper")
        issuer = AuthorityIssuer(self.authority, "paper", terms, ttl_s=300)
        self.world = World(
            issuer=issuer,
            terms=terms,
            clock=self.clock,
            at=self.clock.now(),
            broker=Unruly,
            entry=OrderType.LIMIT,
        )
        self.world.says(BUY)
        self.world.bar(175.50)
        assert [line[0] for line in self.world.working()] == [ENTRY]

    @property
    def line(self) -> Unruly:
        assert isinstance(self.world.broker, Unruly)
        return self.world.broker

    def elsewhere(self) -> Authority:
        return opened(self.folder, clock=self.clock)

    def kill(self, **more: Any) -> None:
        """From another process."""
        with self.elsewhere() as elsewhere:
            elsewhere.kill(by="local:jonas", reason="all of it", including_protection=True, **more)

    def said(self) -> DeskAnswer:
        with self.elsewhere() as elsewhere:
            (answer,) = elsewhere.desk_answers()
            return answer

    def tick(self, seconds: int = 1) -> None:
        for _ in range(seconds):
            self.clock.advance(SECOND)
            self.world.desk.tick()

    def is_over(self) -> bool:
        return all(writ.ended for writ in self.world.books.writs.values())


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    made = Real(tmp_path)
    yield made
    made.authority.close()


def test_the_entries_of_a_running_desk_are_cancelled_before_its_last_writ_ends(real: Real) -> None:
    world, entry = real.world, real.world.order(ENTRY).id
    real.kill()
    world.desk.tick()
    assert not world.exchange.open_orders()
    assert real.is_over()
    assert world.only(TradingHalted).actor == "local:jonas"
    answer = real.said()
    assert (answer.cancelled, answer.working, answer.answered_at) == ((entry,), (), world.now)
    assert not world.events(WritDenied)
    with real.elsewhere() as elsewhere:
        assert elsewhere.verify_audit().is_intact
    world.audit()


def test_a_venue_that_times_out_is_asked_again_and_again(real: Real) -> None:
    world, entry = real.world, real.world.order(ENTRY).id
    real.line.lose("cancel", *[UNREACHABLE] * 3)
    real.kill()
    world.desk.tick()
    assert [line[0] for line in world.working()] == [ENTRY]
    assert (real.said().working, real.said().answered_at) == ((entry,), None)
    assert not world.books.writs[KEEPER].ended
    assert real.line.calls.count("cancel") == 2, "a second time at once, then with patience"
    real.tick()
    assert real.line.calls.count("cancel") == 3
    assert [line[0] for line in world.working()] == [ENTRY]
    real.tick()
    assert not world.exchange.open_orders()
    assert real.is_over()
    assert (real.said().cancelled, real.said().answered_at) == ((entry,), world.now)
    world.audit()


def test_a_venue_whose_answer_does_not_come_is_asked_what_became_of_the_order(real: Real) -> None:
    world = real.world
    real.line.is_slow = True
    real.line.lose("order", *[UNREACHABLE] * 2)
    real.kill()
    real.tick(3)
    assert not real.is_over()
    assert real.line.calls.count("cancel") == 1
    real.tick()
    assert real.is_over()
    assert real.said().working == ()
    world.report(real.line.let_go())
    world.audit()


def test_a_venue_that_never_answers_costs_no_more_than_the_grace(real: Real) -> None:
    world, entry = real.world, real.world.order(ENTRY).id
    real.line.lose("cancel", *[UNREACHABLE] * 1_000)
    real.kill()
    real.tick(29)
    assert not world.books.writs[KEEPER].ended
    real.tick(1)
    assert real.is_over()
    assert (real.said().working, real.said().answered_at) == ((entry,), None)
    calls = len(real.line.calls)
    world.feed(CancelOrder(at=world.now, client_order_id=entry, actor="human:maria"))
    real.tick(70)
    assert len(real.line.calls) == calls, "nothing whatever is sent any more"
    assert world.events(WritDenied)
    world.audit()


def test_a_desk_that_sleeps_through_the_grace_sends_nothing_when_it_wakes(real: Real) -> None:
    world = real.world
    real.kill(grace_s=10)
    calls = len(real.line.calls)
    real.clock.advance(10 * SECOND)
    world.desk.tick()
    assert len(real.line.calls) == calls
    assert [line[0] for line in world.working()] == [ENTRY]
    assert real.is_over()
    assert real.said().answered_at is None


def test_what_fills_before_its_cancel_is_protected_first(real: Real) -> None:
    world = real.world
    real.line.lose("cancel", *[UNREACHABLE] * 2)
    real.kill()
    world.desk.tick()
    world.quote(175.00)
    assert world.held == 5
    real.tick()
    assert [line[0] for line in world.working()] == [STOP, TARGET]
    assert real.is_over()
    assert real.said().answered_at


def test_protection_that_already_works_stays_at_the_venue_and_can_no_longer_be_moved(real: Real) -> None:
    world = real.world
    world.quote(175.00)
    world.desk.tick()
    assert [line[0] for line in world.working()] == [STOP, TARGET]
    real.kill()
    world.desk.tick()
    assert real.is_over()
    world.feed(UpdateStop(at=world.now, trade_id=world.trade.id, stop_price=Price(Decimal(FAR))))
    assert world.events(WritDenied)[-1].agent == KEEPER
    assert [line[0] for line in world.working()] == [STOP, TARGET]


def test_put_back_in_time_the_desk_goes_on_protecting_and_a_person_lets_it_trade_again(real: Real) -> None:
    world = real.world
    real.line.lose("cancel", *[UNREACHABLE] * 1_000)
    real.kill()
    world.desk.tick()
    with real.elsewhere() as elsewhere:
        elsewhere.rearm(by="local:jonas")
    real.tick(31)
    assert not world.books.writs[KEEPER].ended
    assert world.books.halted
    real.line.lost_before.clear()
    world.feed(CancelOrder(at=world.now, client_order_id=world.order(ENTRY).id, actor="human:maria"))
    assert not world.exchange.open_orders()
    world.control.rearm("it was a drill", "maria")
    world.says(BUY)
    world.bar(175.50)
    assert world.events(OrderRequested)[-1].token_id == world.books.writs[EXECUTOR].grant.id


def test_thrown_at_the_desk_itself_it_takes_the_same_path(real: Real) -> None:
    world, entry = real.world, real.world.order(ENTRY).id
    real.line.lose("cancel", *[UNREACHABLE] * 4)
    world.control.kill("all of it", "maria", including_protection=True)
    assert not world.books.writs[KEEPER].ended
    assert real.said().working == (entry,)
    real.tick(3)
    assert not world.exchange.open_orders()
    assert real.is_over()
    assert real.said().cancelled == (entry,)
    world.control.rearm("done", "maria")
    assert not [role for role, writ in world.books.writs.items() if writ.ended]
    world.audit()


# -- the authority could not be told


class Deaf(LocalIssuer):
    """An authority that cannot be written to."""

    failure: TradewritError | None = JournalUnwritable("disk full")

    def kill(self, kill: Kill, now: int) -> None:
        if self.failure is not None:
            raise self.failure
        super().kill(kill, now)


@pytest.mark.parametrize("including_protection", [False, True])
def test_a_desk_that_was_killed_while_its_authority_was_deaf_tells_it_after_a_restart(
    tmp_path: Path, including_protection: bool
) -> None:
    path, issuer = tmp_path / "desk.journal", Deaf(JOURNAL_ID)
    first = World(issuer=issuer, journal=SqliteJournal.open(path, id=JOURNAL_ID, created_at=0))
    first.control.kill("enough", "maria", including_protection=including_protection)
    assert issuer.killed() is None
    assert not first.events(HaltRegistered)
    first.journal.close()
    issuer.failure = None
    second = World(
        issuer=issuer,
        journal=SqliteJournal.open(path, id=JOURNAL_ID),
        exchange=first.exchange,
        at=first.now + MINUTE,
    )
    killed = issuer.killed()
    assert killed is not None
    assert (killed.by, killed.reason) == ("human:maria", "enough")
    assert killed.including_protection is including_protection
    assert second.only(HaltRegistered).including_protection is including_protection
    assert second.books.unheard is None
    second.audit()
    second.journal.close()


def test_a_restart_does_not_throw_again_what_a_person_has_put_back_for_the_other_desks(
    tmp_path: Path,
) -> None:
    path, issuer = tmp_path / "desk.journal", LocalIssuer(JOURNAL_ID)
    first = World(issuer=issuer, journal=SqliteJournal.open(path, id=JOURNAL_ID, created_at=0))
    issuer.kill(Kill(by="admin:jonas", reason="elsewhere"), first.now)
    first.desk.tick()
    assert not first.only(HaltRegistered).including_protection
    issuer.rearm("admin:jonas", first.now)
    first.journal.close()
    second = World(
        issuer=issuer,
        journal=SqliteJournal.open(path, id=JOURNAL_ID),
        exchange=first.exchange,
        at=first.now + MINUTE,
    )
    assert issuer.killed() is None
    assert second.books.halted == "elsewhere"
    assert not second.events(WritRevoked)
    second.journal.close()
