"""Nothing leaves without a live writ that allows it, and what protects a position outlives everything else."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, JOURNAL_ID, SELL, SYMBOL, World
from tests.unit.credentials.authorities import opened
from tests.unruly import THROTTLED, UNREACHABLE, Unruly
from tradewrit.app import writs_from
from tradewrit.config.loading import load
from tradewrit.credentials.audit import EventType
from tradewrit.credentials.audit_table import AuditQuery
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.desk import AuthorityIssuer
from tradewrit.credentials.settings import Terms as AuthorityTerms
from tradewrit.domain.books import Books
from tradewrit.domain.capabilities import Protection
from tradewrit.domain.constraints import Constraints, Hours
from tradewrit.domain.effects import CancelAtVenue, Effect, PlaceOrders, ReplaceAtVenue
from tradewrit.domain.events.account import HaltTrading, TradingHalted, TransitionRefused
from tradewrit.domain.events.orders import (
    CancelOrder,
    CancelRequested,
    ModifyOrder,
    ModifyRefused,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    OrderRequested,
)
from tradewrit.domain.events.positions import CloseTrade, PositionClosed, StopMoved, TradeAborted, UpdateStop
from tradewrit.domain.events.risk import LimitExceeded
from tradewrit.domain.events.writs import (
    WritDenied,
    WritLost,
    WritReleased,
    WritRenewalFailed,
    WritRevoked,
    WritsIssued,
    WritsRenewed,
)
from tradewrit.domain.folding import evolve
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import MINUTE, SECOND, Bar
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Approved, OrderState, OrderTerms, OrderType, Role, Side
from tradewrit.domain.scopes import Grant
from tradewrit.domain.trades import TradeState
from tradewrit.domain.writs import EXECUTOR, KEEPER
from tradewrit.errors import JournalUnwritable, TheirFault, Unreachable
from tradewrit.runtime.clock import ManualClock, SystemClock
from tradewrit.runtime.gate import Gate
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.roles import Terms, roles
from tradewrit.runtime.secret import Secret

ENTRY, STOP, TARGET, EXIT = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT
DAY = 86_400 * SECOND


def restricted(**constraints: Any) -> Mapping[str, Terms]:
    return roles("paper", "paper", executor=Constraints(**constraints))


class Cut(LocalIssuer):
    """An authority that does not answer where one role is concerned."""

    role = ""
    failure: TheirFault = Unreachable("no route to the authority")

    def renew(self, grant: Grant, now: int) -> Grant | None:
        if grant.agent == self.role:
            raise self.failure
        return super().renew(grant, now)

    def issue(self, role: str, terms: Terms, now: int) -> Grant:
        if role == self.role:
            raise self.failure
        return super().issue(role, terms, now)


class Real:
    """A world whose writs come from an authority on disk, and that authority's operator."""

    def __init__(self, folder: Path, terms: Mapping[str, Terms] | None = None, **more: Any) -> None:
        terms = terms or roles("paper", "paper")
        self.folder = folder
        self.clock = ManualClock(more.pop("at", 1_709_562_600 * SECOND))
        self.authority = opened(folder, clock=self.clock, terms=AuthorityTerms())
        issuer = AuthorityIssuer(self.authority, "paper", terms, ttl_s=300)
        self.world = World(issuer=issuer, terms=terms, clock=self.clock, at=self.clock.now(), **more)

    def elsewhere(self) -> Authority:
        """The same authority as another process has it."""
        return opened(self.folder, clock=self.clock)

    def audited(self, kind: str) -> list[Any]:
        return [record.event for record in self.authority.events(AuditQuery(type=kind, limit=10_000))[0]]


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    made = Real(tmp_path, broker=Unruly, entry=OrderType.LIMIT)
    yield made
    made.authority.close()


def close_trade(world: World) -> CloseTrade:
    return CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:maria")


# -- every constraint, at the gate

HERE = ("paper", "paper")
BROKEN: list[tuple[str, Mapping[str, Terms], tuple[str, str]]] = [
    ("sides", restricted(sides=(Side.SELL,)), ("sell", "buy")),
    ("max_quantity", restricted(max_quantity=Decimal(4)), ("4", "5")),
    ("max_notional", restricted(max_notional=Decimal("877.49")), ("877.49", "877.50")),
    ("max_day_quantity", restricted(max_day_quantity=Decimal(4)), ("4", "5")),
    ("max_day_notional", restricted(max_day_notional=Decimal(800)), ("800", "877.50")),
    ("max_day_orders", restricted(max_day_orders=0), ("0", "1")),
    (
        "hours",
        restricted(hours=(Hours.parse("15:00-15:30 America/New_York"),)),
        ("15:00-15:30 America/New_York", "closed"),
    ),
    ("venues", roles("paper", "alpaca"), ("alpaca", "paper")),
    ("modes", roles("live", "paper"), ("live", "paper")),
    ("reduce_only", restricted(reduce_only=True), ("orders that shrink a position", "buy 5")),
]


@pytest.mark.parametrize(("name", "terms", "sides"), BROKEN, ids=[name for name, _, _ in BROKEN])
def test_an_order_that_breaks_a_constraint_is_refused_in_the_journal_and_in_the_audit_chain(
    tmp_path: Path, name: str, terms: Mapping[str, Terms], sides: tuple[str, str]
) -> None:
    real = Real(tmp_path, terms, broker=Unruly)
    world, line = real.world, real.world.broker
    world.says(BUY)
    world.bar(175.50)
    denied = world.only(WritDenied)
    assert [(one.constraint, one.allowed, one.actual) for one in denied.violations] == [(name, *sides)]
    assert (denied.agent, denied.effect) == (EXECUTOR, "PlaceOrders")
    requested = world.only(OrderRequested)
    assert (denied.agent_id, denied.token_id) == (requested.agent_id, requested.token_id)
    assert world.only(OrderRejected).code == "no_writ"
    assert world.only(TradeAborted).outcome == "rejected"
    assert isinstance(line, Unruly)
    assert line.calls == []
    (refusal,) = real.audited(EventType.CONSTRAINT_REFUSED)
    assert (refusal.agent_id, refusal.token_id) == (denied.agent_id, denied.token_id)
    assert str(denied.violations[0]) in refusal.detail
    assert real.authority.verify_audit().is_intact
    world.audit()
    real.authority.close()


def test_a_refusal_names_every_constraint_that_is_broken() -> None:
    world = World(
        terms=restricted(sides=(Side.SELL,), max_quantity=Decimal(1), max_day_orders=0), broker=Unruly
    )
    world.says(BUY)
    world.bar(175.50)
    names = [one.constraint for one in world.only(WritDenied).violations]
    assert names == ["sides", "max_quantity", "max_day_orders"]


def test_an_order_within_every_constraint_goes_out() -> None:
    hours = (Hours.parse("09:30-16:00 America/New_York"),)
    world = World(
        terms=restricted(
            sides=(Side.BUY,),
            max_quantity=Decimal(5),
            max_notional=Decimal("877.50"),
            max_day_quantity=Decimal(5),
            max_day_notional=Decimal("877.50"),
            max_day_orders=1,
            hours=hours,
        )
    )
    world.enter()
    assert world.stage() is TradeState.HOLDING
    # The way out sells, a second time on the same day: that is not the executor's to be held to.
    world.feed(close_trade(world))
    world.bar(175.50)
    assert world.closed.quantity == 5
    world.audit()


def test_a_sell_only_writ_still_lets_a_short_be_bought_back() -> None:
    world = World(terms=restricted(sides=(Side.SELL,)))
    world.enter(signal=SELL)
    assert world.held == -5
    world.feed(close_trade(world))
    world.bar(175.50)
    assert world.held == 0


def test_a_writ_for_one_symbol_lets_no_other_in() -> None:
    world = World(terms=roles("paper", "paper", symbols=["MSFT"]))
    world.says(BUY)
    world.bar(175.50)
    assert "does not cover write:trades:AAPL" in world.only(WritDenied).reason


def nobodys_secret(name: str) -> Secret:
    raise AssertionError(f"an authority on this machine asks for no secret, and not for {name}")


def test_a_configured_desk_gets_the_writs_that_its_file_describes(tmp_path: Path) -> None:
    file = tmp_path / "desk.yaml"
    file.write_text(
        "account: {name: Swing_desk}\n"
        "risk: {allowed_symbols: [MSFT, AAPL]}\n"
        "writs:\n  ttl_s: 60\n  executor: {sides: [buy], max_quantity: 7, hours: [09:30-15:30 America/New_York]}\n"
    )
    config = load(file, {"TRADEWRIT_WRITS__TRUST_DOMAIN": "desk.example"})
    with writs_from(config, "paper", tmp_path / "home", nobodys_secret) as writs:
        (issued,) = writs.keep(SystemClock().now())
        assert isinstance(issued, WritsIssued)
        grants = {grant.agent: grant for grant in issued.grants}
    entries = grants[EXECUTOR]
    assert entries.scopes == {"write:trades:AAPL", "write:trades:MSFT", "write:journal:executor"}
    assert entries.constraints == Constraints(
        sides=(Side.BUY,),
        max_quantity=Decimal(7),
        hours=(Hours.parse("09:30-15:30 America/New_York"),),
        modes=("paper",),
        venues=("paper",),
    )
    assert entries.expires_at - entries.issued_at == 60 * SECOND
    assert entries.agent_id.startswith("spiffe://desk.example/agent/Swing_desk/executor/")
    assert grants[KEEPER].constraints == Constraints(reduce_only=True, modes=("paper",), venues=("paper",))


# -- what a day has room for


def both_at_once(world: World) -> None:
    world.says(BUY)
    world.says(BUY, "MSFT")
    world.show(*(Bar(symbol, world.now, 175.5, 175.5, 175.5, 175.5, 1e6) for symbol in (SYMBOL, "MSFT")))


def test_two_entries_in_one_breath_are_judged_one_after_the_other() -> None:
    world = World(terms=restricted(max_day_orders=1))
    both_at_once(world)
    assert [terms.symbol for terms in world.exchange.open_orders()] == [SYMBOL]
    assert world.only(WritDenied).violations[0].constraint == "max_day_orders"
    assert world.books.sent[EXECUTOR].orders == 1
    world.audit()


def test_what_was_refused_is_not_held_against_what_comes_next() -> None:
    terms = roles("paper", "paper", symbols=["MSFT"], executor=Constraints(max_day_quantity=Decimal(5)))
    world = World(terms=terms)
    both_at_once(world)
    assert [terms.symbol for terms in world.exchange.open_orders()] == ["MSFT"]
    assert world.books.sent[EXECUTOR].quantity == 5
    world.audit()


def test_an_order_that_never_reached_the_venue_gives_back_what_it_took() -> None:
    world = World(terms=restricted(max_day_orders=1), broker=Unruly)
    assert isinstance(world.broker, Unruly)
    world.broker.lose("place", THROTTLED)
    world.says(BUY)
    world.bar(175.50)
    assert world.books.sent[EXECUTOR].orders == 0
    world.says(BUY)
    world.bar(175.50)
    assert world.exchange.open_orders()


def test_an_order_that_was_sent_counts_even_if_it_came_to_nothing() -> None:
    world = World(terms=restricted(max_day_orders=1), broker=Unruly)
    assert isinstance(world.broker, Unruly)
    world.broker.refuses.add(ENTRY)
    world.says(BUY)
    world.bar(175.50)
    assert world.books.sent[EXECUTOR].orders == 1


def test_a_new_day_has_room_again() -> None:
    world = World(terms=restricted(max_day_orders=1))
    for refusals in (0, 1, 1):
        world.enter()
        if world.books.trades:
            world.feed(close_trade(world))
            world.bar(175.50)
        assert len(world.events(WritDenied)) == refusals
        if refusals:
            world.clock.advance(DAY)
    assert len(world.events(PositionClosed)) == 2


def test_a_clock_set_back_past_midnight_does_not_give_the_day_again() -> None:
    world = World(terms=restricted(max_day_orders=1))
    world.enter()
    yesterday = world.now - DAY
    requested = world.events(OrderRequested)[0]
    terms = replace(requested.terms, client_order_id="again")
    books = evolve(world.books, replace(requested, at=yesterday, terms=terms))
    effect = PlaceOrders(symbol=SYMBOL, approved=Approved(orders=(terms,), by=("me",), at=yesterday))
    gate = Gate(world.desk.writs)
    gate.expect([effect])
    denied = gate.admit(effect, EXECUTOR, books, yesterday)
    assert isinstance(denied, WritDenied)
    assert [one.constraint for one in denied.violations] == ["max_day_orders"]


def test_a_restart_does_not_reset_the_day(tmp_path: Path) -> None:
    path = tmp_path / "desk.journal"
    first = World(
        terms=restricted(max_day_orders=1), journal=SqliteJournal.open(path, id=JOURNAL_ID, created_at=0)
    )
    first.enter()
    first.feed(close_trade(first))
    first.bar(175.50)
    first.journal.close()
    second = World(
        terms=restricted(max_day_orders=1),
        journal=SqliteJournal.open(path, id=JOURNAL_ID),
        exchange=first.exchange,
        at=first.now + MINUTE,
    )
    second.says(BUY)
    second.bar(175.50)
    assert second.only(WritDenied).violations[0].constraint == "max_day_orders"
    second.journal.close()


# -- replacements


def entering(**constraints: Any) -> World:
    """A limit entry at work: 5 at 175.50."""
    world = World(entry=OrderType.LIMIT, terms=restricted(**constraints))
    world.says(BUY)
    world.bar(175.50)
    return world


def modify(world: World, quantity: str) -> ModifyOrder:
    order = world.order(ENTRY)
    return ModifyOrder(
        at=world.now,
        client_order_id=order.id,
        version=order.version,
        quantity=Decimal(quantity),
        actor="human:maria",
    )


def test_a_replacement_is_judged_like_an_order_and_the_day_follows_it() -> None:
    world = entering(max_day_quantity=Decimal(5))
    world.feed(modify(world, "3"))
    assert world.books.sent[EXECUTOR].quantity == 3
    assert world.books.sent[EXECUTOR].notional == Decimal("526.50")
    assert world.books.sent[EXECUTOR].orders == 1
    world.audit()


def test_a_replacement_outside_the_hours_is_refused_and_the_old_terms_stand() -> None:
    world = entering(hours=(Hours.parse("09:30-09:35 America/New_York"),))
    world.clock.advance(10 * MINUTE)
    world.feed(modify(world, "3"))
    assert world.only(WritDenied).violations[0].constraint == "hours"
    assert world.only(ModifyRefused).is_answer
    assert world.order(ENTRY).terms.quantity == 5
    assert world.order(ENTRY).state is OrderState.ACCEPTED
    world.audit()


# -- the executor's credential dies in the middle of a trade (F-21)


def lose(issuer: Cut, world: World, how: str) -> None:
    """The executor is without a live writ, one way or the other."""
    if how == "revoked":
        issuer.revoke(EXECUTOR)
    else:
        issuer.role = EXECUTOR
        world.clock.advance(149 * SECOND)
        world.desk.tick()
        for _ in range(3):
            world.clock.advance(100 * SECOND)
            world.desk.tick()
    world.desk.tick()


def test_an_entry_at_work_when_the_credential_expires_works_on_and_its_fill_is_protected() -> None:
    issuer = Cut(JOURNAL_ID)
    world = World(issuer=issuer)
    world.says(BUY)
    world.bar(175.50)
    lose(issuer, world, "cannot be renewed")
    world.bar(175.50)
    assert world.stage() is TradeState.HOLDING
    assert [line[0] for line in world.working()] == [STOP, TARGET]
    assert {order.token_id for order in world.events(OrderRequested)[1:]} == {
        world.books.writs[KEEPER].grant.id
    }


def test_an_entry_at_work_when_the_credential_expires_can_be_cancelled() -> None:
    issuer = Cut(JOURNAL_ID)
    world = World(issuer=issuer, entry=OrderType.LIMIT)
    world.says(BUY)
    world.bar(175.50)
    lose(issuer, world, "cannot be renewed")
    world.feed(CancelOrder(at=world.now, client_order_id=world.order(ENTRY).id, actor="human:maria"))
    assert world.only(OrderCancelled).role is ENTRY
    assert not world.exchange.open_orders()


@pytest.mark.parametrize("protection", Protection)
def test_an_entry_at_work_does_not_outlive_a_writ_that_was_revoked(protection: Protection) -> None:
    issuer = Cut(JOURNAL_ID)
    world = World(issuer=issuer, entry=OrderType.LIMIT, protection=protection)
    world.says(BUY)
    world.bar(175.50)
    lose(issuer, world, "revoked")
    assert ENTRY in {cancelled.role for cancelled in world.events(OrderCancelled)}
    assert world.only(TradeAborted).outcome == "aborted"
    assert not world.exchange.open_orders()
    asked = world.events(CancelRequested)[0]
    assert "its writ was revoked" in asked.reason
    assert asked.token_id == world.books.writs[KEEPER].grant.id


@pytest.mark.parametrize("how", ["revoked", "cannot be renewed"])
class TestWithoutAnExecutor:
    """The stop stays at the venue, moves and closes; entries do not go out; a person is told."""

    def test_the_stop_stays_can_be_moved_and_the_position_can_be_closed(self, how: str) -> None:
        issuer = Cut(JOURNAL_ID)
        world = World(issuer=issuer)
        world.enter()
        lose(issuer, world, how)
        assert [line[0] for line in world.working()] == [STOP, TARGET]
        world.feed(UpdateStop(at=world.now, trade_id=world.trade.id, stop_price=Price(Decimal("170.00"))))
        assert world.only(StopMoved).stop_price == Decimal("170.00")
        world.feed(close_trade(world))
        world.bar(175.50)
        assert world.closed.quantity == 5
        assert not world.events(WritDenied)
        world.audit()

    def test_entries_do_not_go_out_until_there_is_a_writ_again(self, how: str) -> None:
        issuer = Cut(JOURNAL_ID)
        world = World(issuer=issuer)
        lose(issuer, world, how)
        for _ in range(3):
            world.says(BUY)
            world.bar(175.50)
        assert [breach.limit for breach in world.only(LimitExceeded).breaches] == ["writ"]
        assert not world.events(OrderRequested)
        issuer.role = ""
        if how == "revoked":
            assert not world.events(WritRevoked)[0].todo.isspace()
            world.desk.writs.rearm("human:maria", world.now)
        world.clock.advance(2 * SECOND)
        world.desk.tick()
        world.says(BUY)
        world.bar(175.50)
        assert world.only(OrderRequested).token_id == world.books.writs[EXECUTOR].grant.id

    def test_a_person_is_told_what_to_do(self, how: str) -> None:
        issuer = Cut(JOURNAL_ID)
        world = World(issuer=issuer)
        lose(issuer, world, how)
        if how == "revoked":
            assert "resume" in world.only(WritRevoked).todo
        else:
            assert "tradewrit credentials" in world.only(WritRenewalFailed).todo
            assert "tradewrit credentials" in world.only(WritLost).todo


# -- the kill switch

MANY = [f"S{number:03}" for number in range(100)]


def test_kill_with_a_hundred_entries_at_work_and_a_venue_that_times_out(tmp_path: Path) -> None:
    real = Real(
        tmp_path,
        broker=Unruly,
        entry=OrderType.LIMIT,
        cash="100000000",
        limits=Limits(max_open_positions=None),
    )
    world, line = real.world, real.world.broker
    assert isinstance(line, Unruly)
    for symbol in MANY:
        world.says(BUY, symbol)
    world.show(*(Bar(symbol, world.now, 175.5, 175.5, 175.5, 175.5, 1e6) for symbol in MANY))
    assert len(world.exchange.open_orders()) == 100
    line.lose("cancel", *[UNREACHABLE] * 7)
    line.lose("order", *[UNREACHABLE] * 7)
    world.control.kill("the market has gone mad", "maria")
    cancelled = {event.client_order_id for event in world.events(OrderCancelled)}
    unresolved = {order.id for order in world.books.orders.values() if order.is_in_doubt}
    assert (len(cancelled), len(unresolved)) == (93, 7)
    assert {event.client_order_id for event in world.events(OrderInDoubt)} == unresolved
    assert {terms.client_order_id for terms in world.exchange.open_orders()} == unresolved
    assert len(world.events(WritRevoked)) == len(world.books.writs) - 1
    # Nothing new, whoever asks; and what is left is cancelled as soon as the venue answers.
    world.says(BUY, "NEW")
    world.bar(175.50, symbol="NEW")
    assert [breach.limit for breach in world.events(LimitExceeded)[-1].breaches] == ["halted"]
    world.wait(2)
    assert not world.books.orders
    assert not world.exchange.open_orders()
    assert len(line.sent) == 100
    real.authority.close()


def test_the_kill_switch_outlives_a_restart_and_only_a_person_puts_it_back(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path / "desk.journal", id=JOURNAL_ID, created_at=0)
    real = Real(tmp_path, journal=journal)
    real.world.control.kill("enough", "maria")
    journal.close()
    real.authority.close()
    journal = SqliteJournal.open(tmp_path / "desk.journal", id=JOURNAL_ID)
    again = Real(tmp_path, journal=journal, at=real.clock.now() + MINUTE)
    world = again.world
    assert world.books.halted == "enough"
    live = [role for role, writ in world.books.writs.items() if not writ.ended]
    assert live == [KEEPER]
    world.feed(HaltTrading(at=world.now, actor="risk_officer", reason="software"))
    world.says(BUY)
    world.bar(175.50)
    assert not world.events(OrderRequested)
    assert world.control.rearm("it was a drill", "maria")
    assert not world.books.halted
    assert not [role for role, writ in world.books.writs.items() if writ.ended]
    world.says(BUY)
    world.bar(175.50)
    assert world.exchange.open_orders()
    journal.close()
    again.authority.close()


def test_a_desk_notices_the_switch_that_another_process_has_thrown(real: Real) -> None:
    world = real.world
    world.says(BUY)
    world.bar(175.50)
    assert world.exchange.open_orders()
    with real.elsewhere() as elsewhere:
        elsewhere.kill(by="admin:jonas", reason="from the train")
    world.desk.tick()
    halted = world.only(TradingHalted)
    assert (halted.actor, halted.reason) == ("admin:jonas", "from the train")
    assert not world.exchange.open_orders()
    assert world.books.writs[EXECUTOR].ended
    assert not world.books.writs[KEEPER].ended


def test_between_the_switch_and_the_next_tick_nothing_leaves_either(real: Real) -> None:
    world = real.world
    with real.elsewhere() as elsewhere:
        elsewhere.kill(by="admin:jonas", reason="from the train")
    world.says(BUY)
    world.bar(175.50)
    assert world.books.halted == "from the train"
    assert not world.exchange.open_orders()


def test_a_writ_that_expired_by_the_clock_of_the_authority_alone_was_not_revoked(real: Real) -> None:
    """Another process, whose clock is ahead, has moved the authority's time past the end of our tokens."""
    world = real.world
    world.says(BUY)
    world.bar(175.50)
    before = dict(world.books.writs)
    with opened(real.folder, clock=ManualClock(real.clock.now() + 2 * DAY)) as ahead:
        ahead.kill(by="admin:jonas", reason="from the train")
    world.desk.tick()
    keeper = world.books.writs[KEEPER]
    assert not keeper.ended
    assert keeper.grant.agent_id != before[KEEPER].grant.agent_id
    assert KEEPER not in {event.agent for event in world.events(WritRevoked)}
    assert [event.agent for event in world.events(WritLost)] == [KEEPER]
    assert not world.exchange.open_orders()


def test_a_killed_desk_still_protects_moves_stops_and_gets_flat(real: Real) -> None:
    world = real.world
    world.says(BUY)
    world.bar(175.50)
    world.bar(175.50)
    assert world.held == 5
    world.control.kill("enough", "maria")
    world.feed(UpdateStop(at=world.now, trade_id=world.trade.id, stop_price=Price(Decimal("170.00"))))
    assert world.only(StopMoved).stop_price == 170
    world.clock.advance(3600 * SECOND)
    world.feed(close_trade(world))
    world.bar(175.50)
    assert world.events(PositionClosed)
    assert not world.events(WritDenied)


def test_ending_protection_takes_a_person_a_halt_and_the_word_for_it(real: Real) -> None:
    world = real.world
    world.says(BUY)
    world.bar(175.50)
    world.bar(175.50)
    for actor in ("human:maria", "risk_officer"):
        early = HaltTrading(at=world.now, actor=actor, reason="all", including_protection=True)
        world.feed(early)
        assert not world.books.halted
    assert len(world.events(TransitionRefused)) == 2
    world.control.kill("all of it", "maria", including_protection=True)
    assert all(writ.ended for writ in world.books.writs.values())
    world.feed(close_trade(world))
    assert world.events(WritDenied)
    # What is at the venue stays there: nobody here can touch it any more.
    assert [line[0] for line in world.working()] == [STOP, TARGET]


class Broken(LocalIssuer):
    """A kill switch that cannot be read."""

    is_broken = False

    def version(self) -> int:
        if self.is_broken:
            raise ZeroDivisionError("a bug in the evaluator")
        return super().version()


def test_a_switch_that_cannot_be_read_counts_as_thrown() -> None:
    issuer = Broken(JOURNAL_ID)
    world = World(issuer=issuer, entry=OrderType.LIMIT)
    world.says(BUY)
    world.bar(175.50)
    issuer.is_broken = True
    world.desk.tick()
    assert "ZeroDivisionError" in world.only(TradingHalted).reason
    assert not world.exchange.open_orders()
    world.desk.tick()
    assert len(world.events(TradingHalted)) == 1


def test_a_halt_that_cannot_be_put_back_at_the_authority_is_a_halt_still() -> None:
    class Stuck(LocalIssuer):
        def rearm(self, by: str, now: int) -> None:
            raise JournalUnwritable(f"disk full at {now}, says {by}")

    world = World(issuer=Stuck(JOURNAL_ID))
    world.control.kill("enough", "maria")
    world.control.rearm("go on", "maria")
    assert "disk full" in world.books.halted
    assert world.books.writs[EXECUTOR].ended


# -- who did what, under what


def test_every_record_order_fill_and_broker_write_says_who_and_under_which_token(tmp_path: Path) -> None:
    terms = roles("paper", "paper", protective_ttl_s=300)
    real = Real(tmp_path, terms, broker=Unruly, entry=OrderType.LIMIT)
    world = real.world
    world.says(BUY)
    world.bar(175.50)
    world.bar(175.50)
    for _ in range(2):
        world.desk.tick()
        world.clock.advance(100 * SECOND)
    world.feed(close_trade(world))
    world.bar(175.50)
    world.desk.stop()
    genesis, *records = world.records()
    assert (genesis.entry.agent_id, genesis.entry.token_id) == ("", "")
    known = {record.event.agent_id for record in real.authority.events(AuditQuery(limit=10_000))[0]}
    for record in records[: -len(world.books.writs)]:
        assert record.entry.agent_id in known, record.entry.type
        assert len(record.entry.token_id) == 32, record.entry.type
        role = record.entry.agent_id.split("/")[-2]
        assert role == (record.entry.source if record.entry.source in world.books.writs else "desk")
    under = {event.client_order_id: event.token_id for event in world.events(OrderFilled)}
    sent = {event.terms.client_order_id: event for event in world.events(OrderRequested)}
    assert {name: event.token_id for name, event in sent.items() if name in under} == under
    keeper = {record.entry.agent_id for record in records if record.entry.source == KEEPER}
    assert {event.agent_id for event in world.events(CancelRequested)} == keeper
    holders = [(event.terms.role, event.agent_id.split("/")[-2]) for event in sent.values()]
    assert holders == [(ENTRY, EXECUTOR), (STOP, KEEPER), (TARGET, KEEPER), (EXIT, KEEPER)]
    # The stop went out under one token of the keeper's, the exit under the next.
    tokens = {event.terms.role: event.token_id for event in sent.values()}
    assert tokens[STOP] != tokens[EXIT]
    assert world.events(OrderAccepted)
    assert world.events(WritsRenewed)
    real.authority.close()


def test_a_desk_that_stops_gives_every_writ_back_once_and_leaves_the_venue_as_it_is(real: Real) -> None:
    world = real.world
    world.says(BUY)
    world.bar(175.50)
    world.bar(175.50)
    for _ in range(2):
        world.desk.stop()
    assert len(world.events(WritReleased)) == len(world.books.writs)
    assert len(real.audited(EventType.TOKEN_RELEASED)) == len(world.books.writs)
    assert [line[0] for line in world.working()] == [STOP, TARGET]


def test_the_first_thing_after_the_genesis_is_who_everybody_is() -> None:
    world = World()
    assert world.names() == ["AccountOpened", "WritsIssued"]
    assert {grant.agent for grant in world.only(WritsIssued).grants} == set(world.books.writs)


def test_an_order_that_is_not_on_record_does_not_leave() -> None:
    world = entering()
    order = world.order(ENTRY)
    effect = PlaceOrders(
        symbol=SYMBOL,
        approved=Approved(
            orders=(replace(order.terms, quantity=order.terms.quantity + 1),), by=("me",), at=world.now
        ),
    )
    denied = Gate(world.desk.writs).admit(effect, EXECUTOR, world.books, world.now)
    assert isinstance(denied, WritDenied)
    assert "not on record with these terms" in denied.reason


def test_the_keepers_writ_opens_nothing_whatever_an_order_calls_itself() -> None:
    # An "exit" of twice what is held would leave a short position behind.
    world = World(terms=roles("paper", "paper"))
    world.enter()
    held = world.books.positions[SYMBOL]
    requested = world.events(OrderRequested)[-1]
    terms = replace(
        requested.terms, client_order_id="greedy", role=EXIT, quantity=2 * held.quantity, oco=None
    )
    books = evolve(world.books, replace(requested, terms=terms))
    effect = PlaceOrders(symbol=SYMBOL, approved=Approved(orders=(terms,), by=("me",), at=world.now))
    denied = Gate(world.desk.writs).admit(effect, EXECUTOR, books, world.now)
    assert isinstance(denied, WritDenied)
    assert [one.constraint for one in denied.violations] == ["reduce_only"]
    assert denied.agent == KEEPER


def test_an_order_for_another_symbol_does_not_leave_under_the_scope_of_this_one() -> None:
    world = World(entry=OrderType.LIMIT, terms=roles("paper", "paper", symbols=[SYMBOL]))
    world.says(BUY)
    world.bar(175.50)
    requested = world.events(OrderRequested)[0]
    terms = replace(requested.terms, client_order_id="stray", symbol="MSFT")
    books = evolve(world.books, replace(requested, terms=terms))
    gate = Gate(world.desk.writs)
    for effect in (
        PlaceOrders(symbol=SYMBOL, approved=Approved(orders=(terms,), by=("me",), at=world.now)),
        CancelAtVenue(symbol=SYMBOL, client_order_id="stray"),
        ReplaceAtVenue(symbol=SYMBOL, client_order_id="stray", quantity=Decimal(1)),
    ):
        denied = gate.admit(effect, EXECUTOR, books, world.now)
        assert isinstance(denied, WritDenied)
        assert denied.reason == "order stray is for MSFT, not for AAPL"


LEGS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("on the side of its entry", {"side": Side.BUY}, {}),
    ("larger than its entry", {"quantity": Decimal(6)}, {}),
    ("an entry itself", {"role": ENTRY}, {}),
    ("two that close it twice", {"oco": None}, {"oco": None}),
    ("two in pairs of their own", {"oco": "one"}, {"oco": "other"}),
]


@pytest.mark.parametrize(("stop", "target"), [legs[1:] for legs in LEGS], ids=[legs[0] for legs in LEGS])
def test_a_leg_that_could_do_more_than_close_its_entry_takes_the_whole_list_down(
    stop: dict[str, Any], target: dict[str, Any]
) -> None:
    world = World(protection=Protection.BRACKET)
    world.says(BUY)
    world.bar(175.50)
    requested = world.events(OrderRequested)
    gate = Gate(world.desk.writs)

    def admitted(*changes: dict[str, Any]) -> Grant | WritDenied:
        """The list once more, under other ids and changed."""
        books, orders = world.books, []
        for event, changed in zip(requested, changes, strict=True):
            parent = event.terms.parent and "again:entry"
            name = f"again:{event.terms.role}"
            terms = replace(event.terms, client_order_id=name, parent=parent, **changed)
            books = evolve(books, replace(event, terms=terms))
            orders.append(terms)
        effect = PlaceOrders(symbol=SYMBOL, approved=Approved(orders=tuple(orders), by=("me",), at=world.now))
        return gate.admit(effect, EXECUTOR, books, world.now)

    assert isinstance(admitted({}, {}, {}), Grant)
    denied = admitted({}, stop, target)
    assert isinstance(denied, WritDenied)
    assert {one.constraint for one in denied.violations} == {"reduce_only"}


def without_protection(world: World) -> Books:
    """The books as if stop and target had been cancelled."""
    books = world.books
    for role in (STOP, TARGET):
        order = world.order(role)
        cancelled = OrderCancelled(
            at=world.now,
            client_order_id=order.id,
            trade_id=order.terms.trade_id,
            symbol=SYMBOL,
            role=role,
            filled=order.filled,
            reason="",
        )
        books = evolve(books, cancelled)
    return books


class Held:
    """Five shares, and protective orders of them in the books as a test says; asks the gate about more."""

    def __init__(self, *, is_bare: bool = True) -> None:
        self.world = World()
        self.world.enter()
        self.books = without_protection(self.world) if is_bare else self.world.books
        self.gate = Gate(self.world.desk.writs)
        self.requested = [event for event in self.world.events(OrderRequested) if event.terms.role is STOP][
            -1
        ]

    def record(self, name: str, **changed: Any) -> OrderTerms:
        terms = replace(self.requested.terms, client_order_id=name, **({"oco": None} | changed))
        self.books = evolve(self.books, replace(self.requested, terms=terms))
        return terms

    def placing(self, *orders: OrderTerms) -> PlaceOrders:
        approved = Approved(orders=orders, by=("me",), at=self.world.now)
        return PlaceOrders(symbol=SYMBOL, approved=approved)

    def may(self, *orders: OrderTerms) -> bool:
        return self.admits(self.placing(*orders))

    def admits(self, effect: Effect) -> bool:
        answer = self.gate.admit(effect, EXECUTOR, self.books, self.world.now)
        if isinstance(answer, WritDenied):
            assert {one.constraint for one in answer.violations} == {"reduce_only"}
        return isinstance(answer, Grant)


def test_two_stops_that_would_each_close_all_that_is_held_do_not_both_leave() -> None:
    held = Held()
    first = held.record("first")
    assert held.may(first)
    second = held.record("second")
    assert not held.may(second)
    assert not held.may(held.record("exit", role=EXIT, type=OrderType.MARKET, stop_price=None))


def test_nor_in_one_list_nor_beside_what_works_at_the_venue() -> None:
    held = Held()
    assert not held.may(held.record("first"), held.record("second"))
    held = Held(is_bare=False)
    assert not held.may(held.record("again"))


def test_a_stop_and_a_target_of_which_one_cancels_the_other_count_once() -> None:
    held = Held()
    stop, target = held.record("stop", oco="pair"), held.record("target", oco="pair", role=TARGET)
    assert held.may(stop, target)
    assert held.may(held.record("late", oco="pair"))
    assert not held.may(held.record("other", oco="another pair"))


def test_parts_fit_until_together_they_are_all_that_is_held() -> None:
    held = Held()
    two = held.record("two", quantity=Decimal(2))
    assert held.may(two)
    assert held.may(held.record("three", quantity=Decimal(3)))
    assert not held.may(held.record("one", quantity=Decimal(1)))
    assert not held.admits(ReplaceAtVenue(symbol=SYMBOL, client_order_id="two", quantity=Decimal(3)))
    assert held.admits(ReplaceAtVenue(symbol=SYMBOL, client_order_id="two", quantity=Decimal(1)))


def test_what_is_on_record_behind_it_and_has_not_left_is_not_held_against_an_order() -> None:
    held = Held()
    first, second = held.record("first"), held.record("second")
    held.gate.expect([held.placing(first), held.placing(second)])
    assert held.may(first)
    assert not held.may(second)


def test_what_is_asked_to_be_cancelled_may_still_trade_and_counts() -> None:
    held = Held()
    held.record("first")
    held.books = evolve(held.books, CancelRequested(at=held.world.now, client_order_id="first", reason=""))
    assert held.books.orders["first"].state is OrderState.PENDING_CANCEL
    assert not held.may(held.record("second"))


def test_the_keepers_writ_opens_nothing_through_the_child_of_a_stop_either() -> None:
    world = World()
    world.enter()
    requested = [event for event in world.events(OrderRequested) if event.terms.role is STOP][-1]
    stop = replace(requested.terms, client_order_id="again", oco=None)
    child = replace(stop, client_order_id="child", role=EXIT, side=Side.BUY, parent="again")
    books = without_protection(world)
    for terms in (stop, child):
        books = evolve(books, replace(requested, terms=terms))
    effect = PlaceOrders(symbol=SYMBOL, approved=Approved(orders=(stop, child), by=("me",), at=world.now))
    denied = Gate(world.desk.writs).admit(effect, EXECUTOR, books, world.now)
    assert isinstance(denied, WritDenied)
    assert (denied.agent, [one.constraint for one in denied.violations]) == (KEEPER, ["reduce_only"])
