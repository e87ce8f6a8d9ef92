"""Whatever happens to writs, clocks and the authority: no effect is performed under a dead or insufficient one.

The line to the venue is watched: every call that reaches it is checked by itself, against what the issuer,
the clock and the venue know at that moment.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.desks import BUY, JOURNAL_ID, LEAVE, SELL, SYMBOL, World, oversold
from tests.unruly import Unruly
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.capabilities import Protection
from tradewrit.domain.constraints import Constraints, DayUse, day_of
from tradewrit.domain.events.orders import (
    CancelOrder,
    CancelRequested,
    GetOrderStatus,
    ModifyOrder,
    ModifyRequested,
    OrderAccepted,
    OrderFilled,
    OrderModified,
    OrderRejected,
    OrderReleased,
    OrderRequested,
)
from tradewrit.domain.events.positions import CloseTrade, UpdateStop
from tradewrit.domain.events.registry import name_of
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Approved, Order, OrderState, OrderTerms, Role, Side
from tradewrit.domain.scopes import Grant
from tradewrit.domain.writs import EXECUTOR, KEEPER
from tradewrit.errors import JournalUnwritable, TradewritError, Unreachable
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.records import Entry, Record
from tradewrit.runtime.kill_switch import Kill
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.ports import Replacement
from tradewrit.runtime.replay import replay
from tradewrit.runtime.roles import ROLE_SCOPES, Terms, roles

MOST: Final = 1
LARGEST: Final = 4
"""Units of one entry: at 240 the desk wants as many, at 175.50 one more."""
TERMS = roles(
    "paper",
    "paper",
    executor=Constraints(max_day_orders=MOST, max_quantity=Decimal(LARGEST)),
    protective_ttl_s=None,
)


class Fickle(LocalIssuer):
    """Out of reach, unwritable or well, as it is told."""

    failure: TradewritError | None = None

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    def issue(self, role: str, terms: Terms, now: int) -> Grant:
        self._fail()
        return super().issue(role, terms, now)

    def renew(self, grant: Grant, now: int) -> Grant | None:
        self._fail()
        return super().renew(grant, now)

    def kill(self, kill: Kill, now: int) -> None:
        self._fail()
        super().kill(kill, now)

    def rearm(self, by: str, now: int) -> None:
        self._fail()
        super().rearm(by, now)


class Sly(MemoryJournal):
    """A journal at whose every intent something can happen: after it is on disk, before anything leaves."""

    blow: Callable[[], None] | None = None

    def append(self, stream: str, entries: Sequence[Entry], **more: Any) -> list[Record]:
        stored = super().append(stream, entries, **more)
        if self.blow is not None and any(entry.type in INTENTS for entry in entries):
            blow, self.blow = self.blow, None
            blow()
        return stored


INTENTS: Final = {name_of(kind) for kind in (OrderRequested, CancelRequested, ModifyRequested)}


class Watched(Unruly):
    """The line to the venue, with a guard at it."""

    world: World
    issuer: Fickle
    entries: list[tuple[int, OrderTerms]]

    def place(self, approved: Approved, grant: Grant) -> Any:
        for terms in approved.orders:
            self._guard(grant, terms.symbol)
            order = self.world.books.orders[terms.client_order_id]
            assert (order.agent_id, order.token_id) == (grant.agent_id, grant.id), (
                "another writ than on record"
            )
            if terms.parent is not None:
                parent = self.world.books.orders[terms.parent].terms
                assert parent in approved.orders, "a leg without its entry"
                assert terms.side is parent.side.opposite
                assert terms.quantity == parent.quantity
                assert grant.agent == EXECUTOR
            elif terms.role is Role.ENTRY:
                assert grant.agent == EXECUTOR
                self.entries.append((self.world.now, terms))
                today = [
                    at
                    for at, _ in self.entries
                    if at // (86_400 * SECOND) == self.world.now // (86_400 * SECOND)
                ]
                assert len(today) <= MOST
                assert terms.quantity <= LARGEST
            else:
                assert grant.agent == KEEPER
                held = self.exchange.positions().get(terms.symbol, Decimal(0))
                assert terms.side is (Side.SELL if held > 0 else Side.BUY)
                assert terms.quantity <= abs(held), "more than is held"
        reports = super().place(approved, grant)
        assert not oversold(self.exchange), "more is on sale than is held"
        return reports

    def cancel(self, client_order_id: str, grant: Grant, broker_order_id: str = "") -> Any:
        self._guard(grant, SYMBOL)
        assert grant.agent == KEEPER
        self._on_record(grant, CancelRequested, client_order_id)
        return super().cancel(client_order_id, grant, broker_order_id)

    def replace(
        self, client_order_id: str, replacement: Replacement, grant: Grant, broker_order_id: str = ""
    ) -> Any:
        self._guard(grant, SYMBOL)
        is_entry = self.world.books.orders[client_order_id].terms.role is Role.ENTRY
        assert grant.agent == (EXECUTOR if is_entry else KEEPER)
        self._on_record(grant, ModifyRequested, client_order_id)
        return super().replace(client_order_id, replacement, grant, broker_order_id)

    def _on_record(self, grant: Grant, kind: Any, client_order_id: str) -> None:
        intent = [event for event in self.world.events(kind) if event.client_order_id == client_order_id][-1]
        assert (intent.agent_id, intent.token_id) == (grant.agent_id, grant.id)

    def _guard(self, grant: Grant, symbol: str) -> None:
        now = self.world.now
        assert now < grant.expires_at, "expired"
        assert grant.covers(f"write:trades:{symbol}", now), "out of scope"
        self.issuer.verify(grant, now)  # neither revoked, nor renewed, nor killed
        assert grant.agent == KEEPER or not self.world.books.halted


def watched(protection: Protection = Protection.AFTER_FILL) -> tuple[World, Fickle]:
    issuer = Fickle(JOURNAL_ID, ttl_s=300)
    world = World(
        issuer=issuer,
        terms=TERMS,
        broker=Watched,
        journal=Sly(JOURNAL_ID),
        protection=protection,
        rules=PaperRules(participation_fraction=Decimal("0.1")),
    )
    line = world.broker
    assert isinstance(line, Watched)
    line.world, line.issuer, line.entries = world, issuer, []
    return world, issuer


def act(world: World, issuer: Fickle, what: str, number: int) -> None:
    if what in SIGNALS:
        world.says(SIGNALS[what])
        price = 240.0 if number % 3 else 175.50
        # Some bars trade so little that an entry fills in parts.
        volume = 20 if number % 2 else 1e6
        world.bar(price, price + number % 40, price - number % 20, price, volume=volume)
    elif what in BLOWS:
        assert isinstance(world.journal, Sly)
        world.journal.blow = partial(act, world, issuer, BLOWS[what], number)
    elif what == "wait":
        world.clock.advance(number * SECOND)
    elif what == "back":
        world.clock.set(world.now - number * SECOND, is_jump=True)
    elif what == "tick":
        world.desk.tick()
    elif what == "revoke":
        issuer.revoke(sorted(ROLE_SCOPES)[number % len(ROLE_SCOPES)])
    elif what == "kill elsewhere":
        LocalIssuer.kill(issuer, Kill(by="admin:jonas", reason="elsewhere"), world.now)
    elif what == "kill":
        world.control.kill("enough", "maria", including_protection=number % 5 == 0)
    elif what == "rearm":
        world.control.rearm("go on", "maria")
    elif what == "fail":
        issuer.failure = (None, Unreachable("no route"), JournalUnwritable("disk full"))[number % 3]
    elif what == "close":
        for trade in list(world.books.trades):
            world.feed(CloseTrade(at=world.now, trade_id=trade, actor="human:maria"))
    elif what == "cancel":
        for order in list(world.books.orders):
            world.feed(CancelOrder(at=world.now, client_order_id=order, actor="human:maria"))
    elif what == "modify":
        for entry in _entries(world):
            less = Decimal(1 + number % 4)
            world.feed(
                ModifyOrder(
                    at=world.now,
                    client_order_id=entry.id,
                    version=entry.version,
                    quantity=less,
                    actor="human:maria",
                )
            )
    elif what == "move":
        stop = Price(Decimal(200 + number % 80))
        for held in list(world.books.trades):
            world.feed(UpdateStop(at=world.now, trade_id=held, stop_price=stop))


def _entries(world: World) -> list[Order]:
    return [order for order in world.books.orders.values() if order.terms.role is Role.ENTRY]


SIGNALS: Final = {"buy": BUY, "sell": SELL, "leave": LEAVE}
BLOWS: Final = {f"{what} at the intent": what for what in ("revoke", "wait", "kill elsewhere", "fail")}
DEEDS: Final = (
    *SIGNALS,
    *BLOWS,
    *(
        "wait",
        "back",
        "tick",
        "revoke",
        "kill elsewhere",
        "kill",
        "rearm",
        "fail",
        "close",
        "cancel",
        "modify",
        "move",
    ),
)


@given(
    st.sampled_from(Protection),
    st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 400)), min_size=3, max_size=30),
)
def test_no_effect_is_performed_under_a_dead_revoked_or_insufficient_writ(
    protection: Protection,
    deeds: list[tuple[str, int]],
) -> None:
    world, issuer = watched(protection)
    for what, number in deeds:
        act(world, issuer, what, number)
        _counted_exactly(world)
        _no_leg_outlives_a_refused_entry(world)
        if protection is Protection.BRACKET:
            _is_covered(world)
    assert world.journal.verify(world.desk.stream).is_intact
    assert replay(world.journal, world.desk.stream).state_hash == world.books.state_hash
    _same_token_to_the_end(world)


def _counted_exactly(world: World) -> None:
    """What the books say the executor has sent on its day is what went over the line on that day."""
    line = world.broker
    assert isinstance(line, Watched)
    used = world.books.sent.get(EXECUTOR, DayUse())
    day = [terms for at, terms in line.entries if day_of(at) == used.day]
    # One that was made smaller counts as what it became.
    now = {event.client_order_id: event.quantity for event in world.events(OrderModified)}
    quantity = sum((now.get(terms.client_order_id, terms.quantity) for terms in day), Decimal(0))
    assert (used.orders, used.quantity) == (len(day), quantity)


def _is_covered(world: World) -> None:
    """Whatever becomes of writs, a bracket's position has a stop of its size at the venue, or its exit."""
    held = world.held
    if held:
        working = world.exchange.working.get(SYMBOL, ())
        closing = [order for order in working if order.terms.role in {Role.STOP, Role.EXIT}]
        assert sum(order.leaves for order in closing) >= abs(held)


def _no_leg_outlives_a_refused_entry(world: World) -> None:
    for order in world.books.orders.values():
        parent = world.books.orders.get(order.terms.parent or "")
        if parent is not None and parent.state is OrderState.REJECTED:
            assert not order.is_live, "a leg of an entry that never left"


def _same_token_to_the_end(world: World) -> None:
    asked = {event.terms.client_order_id: event for event in world.events(OrderRequested)}
    released = {event.client_order_id: event for event in world.events(OrderReleased)}
    for fill in world.events(OrderFilled):
        order = released.get(fill.client_order_id) or asked[fill.client_order_id]
        assert (fill.agent_id, fill.token_id) == (order.agent_id, order.token_id)


def test_the_guard_sees_a_dead_token_when_there_is_one() -> None:
    """The property is no use if its guard sleeps."""
    world, issuer = watched()
    world.says(BUY)
    world.bar(240.0)
    grant = world.books.writs[KEEPER].grant
    issuer.revoke(KEEPER)
    order = next(iter(world.books.orders))
    with pytest.raises(TradewritError, match="revoked"):
        world.broker.cancel(order, grant)


@pytest.mark.parametrize("protection", Protection)
def test_an_entry_that_a_kill_overtook_before_it_left_is_refused_with_all_that_was_listed_with_it(
    protection: Protection,
) -> None:
    """The kill asks for its cancel before the denial of its sending is heard: that is not an answer to it."""
    world, issuer = watched(protection)
    act(world, issuer, "kill elsewhere at the intent", 0)
    act(world, issuer, "buy", 1)
    assert world.books.halted == "elsewhere"
    requested = [event.terms.client_order_id for event in world.events(OrderRequested)]
    refused = [event.client_order_id for event in world.events(OrderRejected)]
    assert sorted(requested) == sorted(refused)
    assert len(requested) == (3 if protection is Protection.BRACKET else 1)
    assert not world.books.trades
    assert not world.books.reserved
    _counted_exactly(world)


@pytest.mark.parametrize("state", [OrderState.SUBMITTED, OrderState.PENDING_CANCEL])
def test_that_nobody_may_ask_about_an_order_says_nothing_about_the_order(state: OrderState) -> None:
    world, issuer = watched()
    line = world.broker
    assert isinstance(line, Watched)
    line.is_slow = True
    act(world, issuer, "buy", 1)
    if state is OrderState.PENDING_CANCEL:
        act(world, issuer, "cancel", 0)
    assert not world.events(OrderAccepted)
    order = world.order(Role.ENTRY)
    assert order.state is state
    act(world, issuer, "revoke", sorted(ROLE_SCOPES).index(KEEPER))
    world.feed(GetOrderStatus(at=world.now, client_order_id=order.id, fresh=True), "query")
    assert world.only(WritDenied).effect == "AskVenue"
    assert world.order(Role.ENTRY).state is state
    _counted_exactly(world)


def test_a_leg_that_is_moved_to_the_price_of_the_fill_is_on_record_under_the_keepers_writ() -> None:
    world, issuer = watched(Protection.BRACKET)
    act(world, issuer, "buy", 1)
    world.bar(241.00)
    keeper = world.books.writs[KEEPER].grant
    moves = world.events(ModifyRequested)
    assert [world.books.orders[move.client_order_id].terms.role for move in moves] == [Role.STOP, Role.TARGET]
    assert {(move.agent_id, move.token_id) for move in moves} == {(keeper.agent_id, keeper.id)}


@pytest.mark.parametrize("is_expired", [False, True], ids=["renewed", "issued anew"])
def test_what_a_kill_takes_back_is_on_record_under_the_token_that_came_with_the_news(
    is_expired: bool,
) -> None:
    """The keeper's token is half over, or over, when the desk hears of a kill thrown elsewhere."""
    world, issuer = watched()
    act(world, issuer, "buy", 1)
    before = world.books.writs[KEEPER].grant
    act(world, issuer, "wait", 400 if is_expired else 160)
    act(world, issuer, "kill elsewhere", 0)
    act(world, issuer, "tick", 0)
    asked, keeper = world.only(CancelRequested), world.books.writs[KEEPER].grant
    assert keeper.id != before.id
    assert (asked.agent_id, asked.token_id) == (keeper.agent_id, keeper.id)
    assert not world.exchange.open_orders()


def test_a_writ_that_was_said_to_be_lost_does_not_come_to_life_when_the_clock_is_set_back() -> None:
    world, issuer = watched()
    act(world, issuer, "buy", 1)
    act(world, issuer, "fail", 1)
    act(world, issuer, "wait", 300)
    act(world, issuer, "tick", 0)
    act(world, issuer, "back", 250)
    act(world, issuer, "cancel", 0)
    assert {denied.reason for denied in world.events(WritDenied)} == {
        "position_keeper: no writ could be had: no route"
    }
    assert world.exchange.open_orders()
    # It is asked for anew at once, and not only when the clock has come back to where it was.
    act(world, issuer, "fail", 0)
    act(world, issuer, "wait", 1)
    act(world, issuer, "tick", 0)
    act(world, issuer, "cancel", 0)
    assert not world.exchange.open_orders()
