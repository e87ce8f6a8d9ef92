"""A desk whose authority is elsewhere: behind HTTP, on another clock, out of reach, or somebody else's."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.desks import BUY, World
from tests.unit.credentials.http.brokers import Broker, broker
from tests.unit.credentials.http.servers import UNLIMITED, process, thread
from tests.unit.surfaces.console import run
from tests.unruly import UNREACHABLE, Unruly
from tradewrit.credentials.client_desk import ClientIssuer
from tradewrit.credentials.encoding import decode
from tradewrit.credentials.http.settings import ServerSettings
from tradewrit.credentials.remote import RemoteClient
from tradewrit.domain.constraints import Constraints
from tradewrit.domain.events.account import HaltTrading, ResumeTrading, TradingHalted, TradingResumed
from tradewrit.domain.events.orders import OrderCancelled
from tradewrit.domain.events.positions import StopMoved, UpdateStop
from tradewrit.domain.events.writs import (
    WritDenied,
    WritLost,
    WritRenewalFailed,
    WritRevoked,
    WritsIssued,
    WritsRenewed,
)
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderType, Role
from tradewrit.domain.writs import EXECUTOR, KEEPER
from tradewrit.errors import TradewritError, Unreachable
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.roles import roles

AT = 2_000_000_000 * SECOND
"""Later than any clock that a test's server has read when it was founded."""
TERMS = roles("paper", "paper")
TTL = 300


class Line:
    """An app's way to the authority, which can be cut; every call it carries is counted."""

    def __init__(self, client: RemoteClient) -> None:
        self.client = client
        self.is_cut = False
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        whole = getattr(self.client, name)

        def carried(*arguments: Any, **named: Any) -> Any:
            self.calls.append(name)
            if self.is_cut:
                raise Unreachable("no route to the authority")
            return whole(*arguments, **named)

        return carried


class Elsewhere:
    """A desk, and a real server over loopback; each has a clock of its own.

    ahead_s: how far the desk's clock is ahead of the authority's.
    """

    def __init__(
        self,
        folder: Path,
        stack: ExitStack,
        *,
        ahead_s: float = 0.0,
        broker: Any = None,
        **issuing: Any,
    ) -> None:
        self.clock = ManualClock(AT)
        self.theirs = ManualClock(AT - round(ahead_s * SECOND))
        settings = ServerSettings(port=0, rates=UNLIMITED)
        served = stack.enter_context(thread(folder / "home", settings, clock=self.theirs))
        assert served.authority is not None
        self.authority = served.authority
        scopes = sorted({scope for one in TERMS.values() for scope in one.scopes})
        app = self.authority.add_app("desk", scopes, by="test", is_protector=True)
        client = RemoteClient(served.url, app.app.client_id, app.client_secret, clock=self.clock)
        stack.callback(client.close)
        self.line = Line(client)
        self.issuer = ClientIssuer(
            self.line,
            "paper",
            ttl_s=TTL,
            clock=self.clock,
            **issuing,
        )
        self.world = World(
            issuer=self.issuer,
            terms=TERMS,
            clock=self.clock,
            entry=OrderType.LIMIT,
            broker=broker,
            at=AT,
        )

    def wait(self, seconds: float) -> None:
        """Time passes, on both clocks; the desk has its tick."""
        for clock in (self.clock, self.theirs):
            clock.advance(round(seconds * SECOND))
        self.world.desk.tick()

    def bar(self) -> None:
        """The next minute, on both clocks."""
        before = self.clock.monotonic()
        self.world.bar(175.50)
        self.theirs.advance(self.clock.monotonic() - before)

    def enter(self) -> None:
        """An entry at work at the venue."""
        self.world.says(BUY)
        self.bar()
        assert self.roles == [Role.ENTRY]

    def hold(self) -> None:
        """A position with its stop and its target."""
        self.enter()
        self.bar()
        assert self.roles == [Role.STOP, Role.TARGET]

    @property
    def roles(self) -> list[Role]:
        """Of what works at the venue."""
        return [line[0] for line in self.world.working()]

    def is_live(self, role: str) -> bool:
        """Whether the desk has a writ for it that counts, as the gate would ask."""
        try:
            return self.world.desk.writs.live(role, self.world.now).agent == role
        except TradewritError:
            return False


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def there(tmp_path: Path, stack: ExitStack) -> Elsewhere:
    return Elsewhere(tmp_path, stack)


# -- the kill switch


def test_a_kill_at_the_authority_halts_the_desk_within_one_interval_and_says_who_and_why(
    there: Elsewhere,
) -> None:
    there.enter()
    there.authority.kill(by="admin:jonas", reason="from the train")
    there.wait(1)
    halted = there.world.only(TradingHalted)
    assert (halted.actor, halted.reason) == ("admin:jonas", "from the train")
    assert there.world.only(HaltTrading).reason == "from the train"
    assert there.world.books.halted == "from the train"
    assert len(there.world.events(OrderCancelled)) == 1
    assert there.roles == []
    assert {writ.reason for writ in there.world.events(WritRevoked)} == {"revoked by the kill switch"}
    assert KEEPER not in {writ.agent for writ in there.world.events(WritRevoked)}
    assert there.world.events(WritLost) == []


def test_the_command_halts_a_desk_that_another_process_serves(tmp_path: Path, stack: ExitStack) -> None:
    served = stack.enter_context(process(tmp_path / "home"))
    made = run(
        "credentials", "app", "add", "desk", "--desk", "--json", env={"TRADEWRIT_HOME": str(served.home)}
    )
    app = json.loads(made.stdout)
    client = RemoteClient(served.url, app["client_id"], app["client_secret"])
    stack.callback(client.close)
    issuer = ClientIssuer(client, "paper", ttl_s=TTL, poll_s=0.0)
    world = World(issuer=issuer, terms=TERMS, entry=OrderType.LIMIT)
    world.says(BUY)
    world.bar(175.50)
    assert world.exchange.open_orders()
    words = ("credentials", "kill", "--reason", "fat finger", "--json")
    killed = run(*words, env={"TRADEWRIT_HOME": str(served.home)})
    assert killed.exit_code == 0
    world.desk.tick()
    halted = world.only(TradingHalted)
    assert (halted.actor, halted.reason) == (json.loads(killed.stdout)["by"], "fat finger")
    assert not world.exchange.open_orders()


def test_the_interval_is_as_configured(tmp_path: Path, stack: ExitStack) -> None:
    there = Elsewhere(tmp_path, stack, poll_s=10.0)
    there.authority.kill(by="admin:jonas", reason="enough")
    there.wait(9)
    assert there.world.books.halted == ""
    there.wait(1)
    assert there.world.books.halted == "enough"


def test_looking_costs_one_request_an_interval_whatever_happens_on_the_desk(there: Elsewhere) -> None:
    there.wait(1)
    there.line.calls.clear()
    for _ in range(50):
        there.world.desk.tick()
    assert there.line.calls == []
    there.wait(1)
    assert there.line.calls == ["status"]


def test_a_killed_desk_still_moves_stops_under_the_protective_writ(there: Elsewhere) -> None:
    there.hold()
    there.authority.kill(by="admin:jonas", reason="enough")
    there.wait(1)
    trade = there.world.trade
    there.world.feed(UpdateStop(at=there.world.now, trade_id=trade.id, stop_price=Price(Decimal("170.00"))))
    assert there.world.only(StopMoved).stop_price == 170
    assert not there.world.events(WritDenied)


@pytest.mark.parametrize("ahead_s", [-86_400.0, 0.0, 86_400.0])
def test_a_kill_that_includes_protection_leaves_time_to_cancel_whatever_the_clocks_say(
    tmp_path: Path, stack: ExitStack, ahead_s: float
) -> None:
    there = Elsewhere(tmp_path, stack, ahead_s=ahead_s)
    there.enter()
    there.authority.kill(by="admin:jonas", reason="all of it", including_protection=True)
    there.wait(1)
    assert there.roles == []
    assert len(there.world.events(OrderCancelled)) == 1
    there.wait(1)
    assert not there.is_live(KEEPER)
    (answer,) = there.authority.desk_answers()
    assert (len(answer.cancelled), answer.working) == (1, ())


def test_the_grace_of_such_a_kill_is_over_by_the_desks_own_clock_as_well(
    tmp_path: Path, stack: ExitStack
) -> None:
    """It heard of the kill, and then nothing more; its entry cannot be cancelled."""
    there = Elsewhere(tmp_path, stack, ahead_s=3_600.0, broker=Unruly)
    there.enter()
    assert isinstance(there.world.broker, Unruly)
    there.world.broker.lose("cancel", *[UNREACHABLE] * 100)
    there.authority.kill(by="admin:jonas", reason="all of it", including_protection=True, grace_s=20)
    there.wait(1)
    assert there.world.books.halted == "all of it"
    there.line.is_cut = True
    there.wait(10)
    assert there.is_live(KEEPER)
    there.wait(10)
    assert not there.is_live(KEEPER)


def test_the_desk_trades_again_when_both_the_authority_and_the_desk_were_put_back(there: Elsewhere) -> None:
    there.authority.kill(by="admin:jonas", reason="enough")
    there.wait(1)
    resume = ResumeTrading(at=there.world.now, actor="human:maria", reason="dealt with")
    there.world.feed(resume)
    assert "is on at the authority" in there.world.books.halted
    there.authority.rearm(by="admin:jonas")
    there.wait(1)
    assert there.world.books.halted
    there.world.feed(resume)
    assert there.world.events(TradingResumed)
    assert there.world.books.halted == ""
    there.wait(1)
    there.enter()


def test_a_desk_that_starts_while_the_authority_is_killed_halts_and_keeps_its_protection(
    tmp_path: Path, stack: ExitStack
) -> None:
    there = Elsewhere(tmp_path, stack)
    there.authority.kill(by="admin:jonas", reason="enough")
    again = World(
        issuer=ClientIssuer(there.line, "other", ttl_s=TTL, clock=there.clock),
        terms=TERMS,
        clock=there.clock,
        at=there.clock.now(),
    )
    again.desk.tick()
    assert again.only(TradingHalted).actor == "admin:jonas"
    assert {grant.agent for event in again.events(WritsIssued) for grant in event.grants} == {KEEPER}


# -- expired, revoked, forgotten


def test_a_revoked_executor_is_noticed_within_the_interval_and_its_entry_is_taken_back(
    there: Elsewhere,
) -> None:
    there.enter()
    there.authority.revoke("task", EXECUTOR, by="admin:jonas")
    there.wait(1)
    revoked = there.world.only(WritRevoked)
    assert (revoked.agent, revoked.reason) == (EXECUTOR, "executor: its writ was revoked by admin:jonas")
    assert there.roles == []
    assert there.world.books.halted == ""


def test_what_only_expired_is_registered_anew(there: Elsewhere) -> None:
    there.enter()
    there.wait(3 * TTL)
    assert there.world.events(WritRevoked) == []
    assert {lost.agent for lost in there.world.events(WritLost)} == set(TERMS) - {KEEPER}
    assert there.roles == [Role.ENTRY]
    assert len(there.world.events(WritsIssued)) == 2


def test_an_app_that_was_removed_is_told_from_one_whose_tokens_ran_out(there: Elsewhere) -> None:
    app = next(app for app in there.authority.apps() if app.name == "desk")
    there.authority.remove_app(app.app_id, by="admin:jonas")
    there.wait(1)
    assert {"its app was removed" in writ.reason for writ in there.world.events(WritRevoked)} == {True}


def test_a_renewal_whose_answer_was_lost_bars_nobody(there: Elsewhere) -> None:
    """The token was renewed there, and the desk never saw the new one."""
    there.hold()
    for held in list(there.issuer._held.values()):
        there.line.client.renew(held.token)
    there.wait(1)
    assert there.world.events(WritRevoked) == []
    assert len(there.world.events(WritsIssued)) == 2
    there.wait(1)
    assert there.is_live(KEEPER)


# -- clocks


@pytest.mark.parametrize(
    ("ahead_s", "needs_proof"),
    [(-86_400.0, True), (-1.5, False), (1.5, True), (TTL, False), (40 * 365 * 86_400.0, True)],
)
def test_whatever_the_two_clocks_say_writs_are_renewed_in_time_and_none_is_lost(
    tmp_path: Path, stack: ExitStack, ahead_s: float, needs_proof: bool
) -> None:
    there = Elsewhere(tmp_path, stack, ahead_s=ahead_s, needs_proof=needs_proof)
    there.hold()
    for _ in range(12):
        there.wait(TTL / 4)
    assert there.world.events(WritLost) == []
    assert there.world.events(WritRevoked) == []
    assert there.world.events(WritRenewalFailed) == []
    assert len(there.world.events(WritsRenewed)) == 6
    assert there.roles == [Role.STOP, Role.TARGET]
    assert there.is_live(KEEPER)
    assert there.is_live(EXECUTOR)


@pytest.mark.parametrize("jump_s", [-3_600, 3_600, 90 * 86_400])
def test_a_clock_that_is_set_in_the_middle_bars_nobody(tmp_path: Path, stack: ExitStack, jump_s: int) -> None:
    there = Elsewhere(tmp_path, stack, needs_proof=True)
    there.hold()
    there.clock.set(there.clock.now() + jump_s * SECOND, is_jump=True)
    for _ in range(3):
        there.wait(1)
    assert there.world.events(WritRevoked) == []
    assert there.is_live(KEEPER)
    assert there.is_live(EXECUTOR)


# -- out of reach


def test_an_authority_out_of_reach_has_revoked_nothing(there: Elsewhere) -> None:
    there.enter()
    there.line.is_cut = True
    for _ in range(5):
        there.wait(TTL)
    assert there.world.events(WritRevoked) == []
    assert there.world.books.halted == ""
    assert there.roles == [Role.ENTRY]
    there.line.is_cut = False
    for _ in range(20):
        there.wait(1)
    assert there.is_live(EXECUTOR)


def test_while_it_is_silent_nothing_waits_for_it_and_it_is_asked_less_and_less(there: Elsewhere) -> None:
    there.hold()
    there.line.is_cut = True
    there.wait(1)
    there.line.calls.clear()
    for _ in range(200):
        assert there.is_live(KEEPER)
    assert there.line.calls == []
    for _ in range(60):
        there.wait(1)
    assert 2 <= len(there.line.calls) <= 8


# -- another authority, of the plain protocol


class Theirs(Broker):
    """It gives every agent a token of its own, and can take all of them away."""

    count: int = 0
    scope: tuple[str, ...] = ()

    def claims(self, name: str) -> dict[str, Any]:
        said = super().claims(name)
        sub = f"{said['sub'][:-16]}{name.zfill(16)}"
        return said | {"jti": name.zfill(32), "sub": sub, "scope": self.scope}

    def answer(self, method: str, path: str, headers: Any, body: Any) -> Any:
        bearer = headers.get("Authorization", "").removeprefix("Bearer ")
        if path == "/v1/register":
            return self.fresh(body["requested_scope"])
        if path == "/v1/token/renew" and bearer in self.live:
            self.live.discard(bearer)
            return self.fresh(json.loads(decode(bearer.split(".")[1]))["scope"])
        return super().answer(method, path, headers, body)

    def fresh(self, scope: Sequence[str]) -> Any:
        self.scope, self.count = tuple(scope), self.count + 1
        return 200, {"agent_id": "x", "access_token": self.token(f"{self.count:x}"), "expires_in": 300}


class Plain:
    """A desk over it."""

    def __init__(self, theirs: Broker, stack: ExitStack) -> None:
        self.clock = ManualClock(AT)
        client = RemoteClient(theirs.url, "them", "secret", clock=self.clock)
        stack.callback(client.close)
        issuer = ClientIssuer(client, "paper", ttl_s=TTL, clock=self.clock, is_plain=True)
        terms = roles("paper", "paper", executor=Constraints(max_quantity=Decimal(1)))
        self.world = World(issuer=issuer, terms=terms, clock=self.clock, entry=OrderType.LIMIT, at=AT)

    def wait(self, seconds: float) -> None:
        self.clock.advance(round(seconds * SECOND))
        self.world.desk.tick()


@pytest.fixture
def theirs(stack: ExitStack) -> Broker:
    return stack.enter_context(broker(Theirs))


def test_a_desk_trades_under_the_tokens_of_another_authority_and_keeps_its_constraints_itself(
    theirs: Broker, stack: ExitStack
) -> None:
    desk = Plain(theirs, stack)
    desk.world.says(BUY)
    desk.world.bar(175.50)
    (violation,) = desk.world.only(WritDenied).violations
    assert (violation.constraint, violation.allowed) == ("max_quantity", "1")
    for _, path, _, body in theirs.asked:
        if path == "/v1/app/launch-tokens":
            assert set(body) == {"agent_name", "allowed_scope", "max_ttl", "single_use"}
    for _ in range(6):
        desk.wait(TTL / 4)
    assert desk.world.events(WritsRenewed)
    assert not desk.world.events(WritLost)


def test_one_token_that_another_authority_took_away_is_known_to_be_gone_and_no_more(
    theirs: Broker, stack: ExitStack
) -> None:
    desk = Plain(theirs, stack)
    issuer = desk.world.issuer
    assert isinstance(issuer, ClientIssuer)
    (token,) = (held.token for held in issuer._held.values() if held.role == EXECUTOR)
    theirs.live.discard(token)
    desk.wait(1)
    assert "the authority does not say by whom" in desk.world.only(WritRevoked).reason
    assert desk.world.books.halted == ""


def test_a_desk_of_which_another_authority_took_every_token_halts(theirs: Broker, stack: ExitStack) -> None:
    desk = Plain(theirs, stack)
    theirs.live.clear()
    desk.wait(1)
    halted = desk.world.only(TradingHalted)
    assert halted.actor == "the authority"
    assert "it does not say why" in halted.reason
    desk.world.feed(ResumeTrading(at=desk.world.now, actor="human:maria", reason="they restarted it"))
    assert desk.world.books.halted == ""
    assert len(desk.world.events(WritsIssued)) == 2


def test_tokens_that_ran_out_there_are_no_halt(theirs: Broker, stack: ExitStack) -> None:
    desk = Plain(theirs, stack)
    theirs.live.clear()
    desk.wait(TTL)
    assert desk.world.books.halted == ""
    assert desk.world.events(WritRevoked) == []
    assert len(desk.world.events(WritsIssued)) == 2
