"""The protective writ has a life of its own: a position is looked after while the authority is down for hours."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from tests.desks import BUY, WITHOUT_OCO, World
from tests.unit.credentials.authorities import opened
from tests.unruly import Unruly
from tradewrit.credentials.audit import EventType
from tradewrit.credentials.audit_table import AuditQuery
from tradewrit.credentials.desk import AuthorityIssuer
from tradewrit.credentials.home import open_home
from tradewrit.credentials.settings import Terms as AuthorityTerms
from tradewrit.domain.events.orders import OrderRequested
from tradewrit.domain.events.positions import CloseTrade, StopMoved, UpdateStop
from tradewrit.domain.events.risk import LimitExceeded
from tradewrit.domain.events.writs import WritDenied, WritLost, WritRenewalFailed, WritRevoked, WritsIssued
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Role
from tradewrit.domain.writs import EXECUTOR, KEEPER
from tradewrit.errors import PermissionDenied
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.roles import PROTECTIVE_TTL_S, roles

ENTRY, STOP, EXIT = Role.ENTRY, Role.STOP, Role.EXIT
HOUR = 3_600 * SECOND


class Real:
    """A desk that holds a position, under writs of an authority on disk that answers at once or not at all."""

    def __init__(self, folder: Path, terms: AuthorityTerms | None = None) -> None:
        self.folder = folder
        self.clock = ManualClock(1_709_562_600 * SECOND)
        self.authority = opened(folder, clock=self.clock, terms=terms, busy_timeout_s=0.0)
        given = roles("paper", "paper")
        issuer = AuthorityIssuer(self.authority, "paper", given, ttl_s=300)
        self.world = World(
            issuer=issuer,
            terms=given,
            clock=self.clock,
            at=self.clock.now(),
            broker=lambda exchange: Unruly(exchange, WITHOUT_OCO),
            capabilities=WITHOUT_OCO,
        )
        self.world.enter()
        assert self.world.held == 5

    @property
    def line(self) -> Unruly:
        assert isinstance(self.world.broker, Unruly)
        return self.world.broker

    @contextmanager
    def down(self) -> Iterator[None]:
        """Somebody else holds the store's lock: nothing is issued or renewed."""
        path = open_home(self.folder / "home").store
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    def hours(self, count: float) -> None:
        """Pass, with a tick every quarter."""
        for _ in range(int(count * 4)):
            self.clock.advance(HOUR // 4)
            self.world.desk.tick()

    def is_lost(self, role: str) -> bool:
        try:
            self.world.desk.writs.live(role, self.clock.now())
        except PermissionDenied:
            return True
        return False

    def move_stop(self, price: str) -> None:
        world = self.world
        world.feed(UpdateStop(at=world.now, trade_id=world.trade.id, stop_price=Price(Decimal(price))))

    def close(self) -> None:
        world = self.world
        world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria"))


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    made = Real(tmp_path)
    yield made
    made.authority.close()


def test_stops_move_and_the_position_is_closed_after_ten_hours_without_an_authority(real: Real) -> None:
    world = real.world
    with real.down():
        real.hours(10)
        assert real.is_lost(EXECUTOR)
        assert {event.agent for event in world.events(WritLost)} == set(world.books.writs) - {KEEPER}
        real.move_stop("170.00")
        assert world.only(StopMoved).stop_price == 170
        world.says(BUY, "MSFT")
        world.bar(175.50, symbol="MSFT")
        assert [breach.limit for breach in world.only(LimitExceeded).breaches] == ["writ"]
        real.close()
        world.bar(175.50)
        assert world.held == 0
    assert not world.events(WritDenied)
    world.audit()


def test_an_outage_that_begins_at_the_worst_moment_leaves_half_a_life(real: Real) -> None:
    """Just before the renewal at half."""
    world = real.world
    real.clock.advance(PROTECTIVE_TTL_S * SECOND // 2 - SECOND)
    with real.down():
        real.hours(11.75)
        assert KEEPER in {event.agent for event in world.events(WritRenewalFailed)}
        real.move_stop("170.00")
        assert world.events(StopMoved)
        end = world.books.writs[KEEPER].grant.expires_at
        real.clock.set(end - 1)
        assert not real.is_lost(KEEPER)
        real.clock.advance(1)
        assert real.is_lost(KEEPER)
        real.move_stop("171.00")
        assert world.events(WritDenied)[-1].agent == KEEPER
    real.clock.advance(SECOND)
    world.desk.tick()
    assert not real.is_lost(KEEPER)


def test_the_exit_goes_out_though_all_fails_between_the_cancel_of_the_stop_and_it(real: Real) -> None:
    """The venue takes its time over the cancel; meanwhile the authority goes and every ordinary writ dies."""
    world = real.world
    real.line.is_slow = True
    real.close()
    assert real.line.calls.count("cancel") == 1
    assert [event.terms.role for event in world.events(OrderRequested)] == [ENTRY, STOP]
    with real.down():
        real.hours(3)
        assert all(real.is_lost(role) for role in world.books.writs if role != KEEPER)
        world.report(real.line.let_go())
        requested = world.events(OrderRequested)[-1]
        assert requested.terms.role is EXIT
        assert requested.token_id == world.books.writs[KEEPER].grant.id
        real.line.is_slow = False
        world.report(real.line.let_go())
        world.bar(175.50)
        assert world.held == 0
        assert not world.exchange.open_orders()
    assert not world.events(WritDenied)
    world.audit()


def test_with_a_store_that_cannot_even_be_read_the_desk_halts_and_still_protects(real: Real) -> None:
    world = real.world
    real.authority.close()
    world.desk.tick()
    assert world.books.halted
    real.move_stop("170.00")
    assert world.only(StopMoved).stop_price == 170
    real.close()
    world.bar(175.50)
    assert world.held == 0
    world.says(BUY)
    world.bar(175.50)
    assert len([event for event in world.events(OrderRequested) if event.terms.role is ENTRY]) == 1


def test_a_protective_writ_that_is_revoked_is_dead_at_once_however_long_it_would_have_lived(
    real: Real,
) -> None:
    world = real.world
    held = world.books.writs[KEEPER].grant
    assert held.expires_at - held.issued_at == PROTECTIVE_TTL_S * SECOND
    with opened(real.folder, clock=real.clock) as elsewhere:
        elsewhere.revoke("agent", held.agent_id, by="admin:jonas")
    real.move_stop("170.00")
    assert not world.events(StopMoved)
    world.desk.tick()
    assert world.only(WritRevoked).agent == KEEPER
    assert [line[0] for line in world.working()] == [STOP]


def test_ordinary_writs_are_renewed_in_minutes_and_the_protective_one_twice_a_day(real: Real) -> None:
    for _ in range(60):
        real.clock.advance(149 * SECOND)
        real.world.desk.tick()
    records, _ = real.authority.events(AuditQuery(type=EventType.TOKEN_RENEWED, limit=1_000))
    assert KEEPER not in {record.event.task_id for record in records}
    assert EXECUTOR in {record.event.task_id for record in records}


DAYS_3 = AuthorityTerms(total_life_s=86_400, protective_total_life_s=3 * 86_400)


@pytest.mark.parametrize("fails", [False, True])
def test_before_its_total_life_is_over_it_is_registered_anew_with_a_whole_one(
    tmp_path: Path, fails: bool
) -> None:
    """The last renewal of a family would leave less and less to survive an outage with."""
    real = Real(tmp_path, DAYS_3)
    world = real.world
    first = world.books.writs[KEEPER].grant
    whole = first.expires_at - first.issued_at
    while world.books.writs[KEEPER].grant.agent_id == first.agent_id:
        real.hours(1)
        held = world.books.writs[KEEPER].grant
        left = held.expires_at - real.clock.now()
        assert left >= whole // 2
        assert real.clock.now() - first.issued_at < 3 * 86_400 * SECOND
    assert held.expires_at - held.issued_at == whole
    assert KEEPER not in {event.agent for event in world.events(WritLost)}
    assert KEEPER in {grant.agent for grant in world.events(WritsIssued)[-1].grants}
    if fails:
        with real.down():
            real.hours(11)
            real.move_stop("170.00")
            assert world.events(StopMoved)
    real.authority.close()
