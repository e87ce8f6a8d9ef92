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

from tests.desks import BUY, JOURNAL_ID, LEAVE, SELL, SYMBOL, World
from tests.unruly import Unruly
from tradewrit.domain.constraints import Constraints
from tradewrit.domain.events.orders import (
    CancelOrder,
    CancelRequested,
    ModifyRequested,
    OrderFilled,
    OrderRequested,
)
from tradewrit.domain.events.positions import CloseTrade
from tradewrit.domain.events.registry import name_of
from tradewrit.domain.market import SECOND
from tradewrit.domain.orders import Approved, OrderTerms, Role, Side
from tradewrit.domain.scopes import Grant
from tradewrit.domain.writs import EXECUTOR, KEEPER
from tradewrit.errors import JournalUnwritable, TradewritError, Unreachable
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.records import Entry, Record
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.ports import Replacement
from tradewrit.runtime.roles import ROLE_SCOPES, Terms, roles
from tradewrit.runtime.writs import Kill

MOST: Final = 1
LARGEST: Final = 4
"""Units of one entry: at 240 the desk wants as many, at 175.50 one more."""
TERMS = roles("paper", "paper", executor=Constraints(max_day_orders=MOST, max_quantity=Decimal(LARGEST)))


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
            if terms.role is Role.ENTRY:
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
                held = self.exchange.positions.get(terms.symbol, Decimal(0))
                assert terms.side is (Side.SELL if held > 0 else Side.BUY)
                assert terms.quantity <= abs(held), "more than is held"
        return super().place(approved, grant)

    def cancel(self, client_order_id: str, grant: Grant) -> Any:
        self._guard(grant, SYMBOL)
        assert grant.agent == KEEPER
        self._on_record(grant, CancelRequested, client_order_id)
        return super().cancel(client_order_id, grant)

    def replace(self, client_order_id: str, replacement: Replacement, grant: Grant) -> Any:
        self._guard(grant, SYMBOL)
        self._on_record(grant, ModifyRequested, client_order_id)
        return super().replace(client_order_id, replacement, grant)

    def _on_record(self, grant: Grant, kind: Any, client_order_id: str) -> None:
        intent = [event for event in self.world.events(kind) if event.client_order_id == client_order_id][-1]
        assert (intent.agent_id, intent.token_id) == (grant.agent_id, grant.id)

    def _guard(self, grant: Grant, symbol: str) -> None:
        now = self.world.now
        assert now < grant.expires_at, "expired"
        assert grant.covers(f"write:trades:{symbol}", now), "out of scope"
        self.issuer.verify(grant, now)  # neither revoked, nor renewed, nor killed
        assert grant.agent == KEEPER or not self.world.books.halted


def watched() -> tuple[World, Fickle]:
    issuer = Fickle(JOURNAL_ID, ttl_s=300)
    world = World(issuer=issuer, terms=TERMS, broker=Watched, journal=Sly(JOURNAL_ID))
    line = world.broker
    assert isinstance(line, Watched)
    line.world, line.issuer, line.entries = world, issuer, []
    return world, issuer


def act(world: World, issuer: Fickle, what: str, number: int) -> None:
    if what in SIGNALS:
        world.says(SIGNALS[what])
        price = 240.0 if number % 3 else 175.50
        world.bar(price, price + number % 40, price - number % 20, price)
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


SIGNALS: Final = {"buy": BUY, "sell": SELL, "leave": LEAVE}
BLOWS: Final = {f"{what} at the intent": what for what in ("revoke", "wait", "kill elsewhere", "fail")}
DEEDS: Final = (
    *SIGNALS,
    *BLOWS,
    *("wait", "back", "tick", "revoke", "kill elsewhere", "kill", "rearm", "fail", "close", "cancel"),
)


@given(st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 400)), min_size=3, max_size=30))
def test_no_effect_is_performed_under_a_dead_revoked_or_insufficient_writ(
    deeds: list[tuple[str, int]],
) -> None:
    world, issuer = watched()
    for what, number in deeds:
        act(world, issuer, what, number)
    assert world.journal.verify(world.desk.stream).is_intact
    _same_token_to_the_end(world)


def _same_token_to_the_end(world: World) -> None:
    sent = {event.terms.client_order_id: event for event in world.events(OrderRequested)}
    for fill in world.events(OrderFilled):
        order = sent[fill.client_order_id]
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
