"""Whoever issues writs keeps to this: in memory, the authority in this process, and one behind HTTP."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import socket
from typing import Any, Protocol

import pytest

from tests.unit.credentials.authorities import opened
from tests.unit.credentials.http.servers import UNLIMITED, thread
from tradewrit.credentials.audit import EventType
from tradewrit.credentials.audit_table import AuditQuery
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.client_desk import ClientIssuer
from tradewrit.credentials.desk import AuthorityIssuer
from tradewrit.credentials.http.settings import ServerSettings
from tradewrit.credentials.identity import AgentId
from tradewrit.credentials.remote import RemoteClient
from tradewrit.credentials.settings import Terms as AuthorityTerms
from tradewrit.domain.constraints import Constraints, Violation
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.market import SECOND
from tradewrit.domain.orders import Side
from tradewrit.domain.scopes import Grant
from tradewrit.domain.writs import EXECUTOR, KEEPER
from tradewrit.errors import PermissionDenied, Unreachable
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.issuer import Issuer
from tradewrit.runtime.kill_switch import Kill
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.roles import roles

TERMS = roles("paper", "paper", symbols=["AAPL"], executor=Constraints(sides=(Side.BUY,)))
NOW = 2_000_000_000 * SECOND
"""Later than any clock that a test's server has read when it was founded."""
KILL = Kill(by="admin:maria", reason="enough")
TTL = 100


class Bench(Protocol):
    """An issuer, its clock, and an operator's hand."""

    issuer: Issuer
    clock: ManualClock

    def revoke(self, grant: Grant) -> None: ...


class InMemory:
    def __init__(self, folder: Path) -> None:
        del folder
        self.clock = ManualClock(NOW)
        self.local = LocalIssuer("journal", "my desk", ttl_s=TTL)
        self.issuer: Issuer = self.local

    def revoke(self, grant: Grant) -> None:
        self.local.revoke(grant.agent)


class InProcess:
    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(NOW)
        self.folder = folder
        self.authority: Authority = opened(
            folder, clock=self.clock, terms=AuthorityTerms(total_life_s=10 * TTL)
        )
        self.issuer: Issuer = AuthorityIssuer(self.authority, "my desk", TERMS, ttl_s=TTL)

    def revoke(self, grant: Grant) -> None:
        """By another process on the same home, as the command does it."""
        with opened(self.folder, clock=self.clock) as elsewhere:
            elsewhere.revoke("agent", grant.agent_id, by="admin:maria")


class OverHttp:
    """A real server over loopback, on a clock that is moved by hand."""

    needs_proof = False

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(NOW)
        self.stack = ExitStack()
        settings = ServerSettings(port=0, rates=UNLIMITED)
        served = self.stack.enter_context(
            thread(folder / "home", settings, clock=self.clock, total_life_s=10 * TTL)
        )
        assert served.authority is not None
        self.authority = served.authority
        scopes = sorted({scope for one in TERMS.values() for scope in one.scopes})
        app = self.authority.add_app("my-desk", scopes, by="test", is_protector=True)
        self.client = RemoteClient(served.url, app.app.client_id, app.client_secret, clock=self.clock)
        self.stack.callback(self.client.close)
        self.issuer: Issuer = ClientIssuer(
            self.client, "my desk", ttl_s=TTL, needs_proof=self.needs_proof, clock=self.clock
        )

    def revoke(self, grant: Grant) -> None:
        self.authority.revoke("agent", grant.agent_id, by="admin:maria")


class OverHttpWithProof(OverHttp):
    needs_proof = True


EVERYWHERE = (InMemory, InProcess, OverHttp, OverHttpWithProof)


@contextmanager
def made(make: Callable[[Path], Any], folder: Path) -> Iterator[Any]:
    bench = make(folder)
    try:
        yield bench
    finally:
        if isinstance(bench, InProcess):
            bench.authority.close()
        if isinstance(bench, OverHttp):
            bench.stack.close()


@pytest.fixture(params=EVERYWHERE, ids=lambda make: make.__name__)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with made(request.param, tmp_path) as bench:
        yield bench


@pytest.fixture
def over_http(tmp_path: Path) -> Iterator[OverHttp]:
    with made(OverHttp, tmp_path) as bench:
        yield bench


@pytest.fixture
def in_process(tmp_path: Path) -> Iterator[InProcess]:
    with made(InProcess, tmp_path) as bench:
        yield bench


def issued(bench: Bench, role: str = EXECUTOR) -> Grant:
    return bench.issuer.issue(role, TERMS[role], bench.clock.now())


def is_live(bench: Bench, grant: Grant) -> bool:
    try:
        bench.issuer.verify(grant, bench.clock.now())
    except PermissionDenied:
        return False
    return True


def advance(bench: Bench, seconds: float) -> int:
    bench.clock.advance(int(seconds * SECOND))
    return bench.clock.now()


def renewed(bench: Bench, grant: Grant) -> Grant:
    after = bench.issuer.renew(grant, bench.clock.now())
    assert after is not None
    return after


def test_a_writ_says_who_holds_it_for_what_and_how_long(bench: Bench) -> None:
    grant = issued(bench)
    assert (grant.agent, grant.issued_at, grant.expires_at) == (EXECUTOR, NOW, NOW + TTL * SECOND)
    assert grant.scopes == {"write:trades:AAPL", "write:journal:executor"}
    assert grant.constraints == TERMS[EXECUTOR].constraints
    assert not grant.is_protective
    assert AgentId.parse(grant.agent_id).task_id == EXECUTOR
    assert len(grant.id) == 32
    assert is_live(bench, grant)


def test_the_protective_writ_is_reduce_only(bench: Bench) -> None:
    grant = issued(bench, KEEPER)
    assert (grant.is_protective, grant.constraints.reduce_only) == (True, True)


def test_every_role_and_every_registration_has_an_identity_of_its_own(bench: Bench) -> None:
    grants = [issued(bench, role) for role in (*TERMS, EXECUTOR)]
    assert len({grant.agent_id for grant in grants}) == len({grant.id for grant in grants}) == len(grants)


def test_it_is_dead_at_the_instant_it_expires(bench: Bench) -> None:
    grant = issued(bench)
    advance(bench, TTL - 0.5)
    assert is_live(bench, grant)
    advance(bench, 0.5)
    assert not is_live(bench, grant)
    assert bench.issuer.renew(grant, bench.clock.now()) is None


def test_renewal_keeps_the_identity_and_kills_the_token_it_replaces(bench: Bench) -> None:
    first = issued(bench)
    advance(bench, TTL / 2)
    second = renewed(bench, first)
    assert (second.agent_id, second.constraints, second.scopes) == (
        first.agent_id,
        first.constraints,
        first.scopes,
    )
    assert second.id != first.id
    assert second.expires_at == bench.clock.now() + TTL * SECOND
    assert is_live(bench, second)
    assert not is_live(bench, first)


def test_a_revocation_is_heard_of_within_a_second(bench: Bench) -> None:
    grant = issued(bench)
    before = bench.issuer.version()
    bench.revoke(grant)
    advance(bench, 1)
    assert bench.issuer.version() != before


def test_a_revocation_counts_at_once(bench: Bench) -> None:
    grant, other = issued(bench), issued(bench, "reviewer")
    assert is_live(bench, grant)
    bench.revoke(grant)
    assert not is_live(bench, grant)
    assert is_live(bench, other)
    with pytest.raises(PermissionDenied):
        bench.issuer.renew(grant, bench.clock.now())


def test_what_was_revoked_and_has_expired_meanwhile_is_still_known_to_be_revoked(bench: Bench) -> None:
    grant = issued(bench)
    bench.revoke(grant)
    advance(bench, 3 * TTL)
    with pytest.raises(PermissionDenied, match="revoked"):
        bench.issuer.renew(grant, bench.clock.now())


def test_releasing_is_harmless_to_repeat_and_on_the_dead(bench: Bench) -> None:
    first = issued(bench)
    second = renewed(bench, first)
    bench.issuer.release(first, bench.clock.now())
    assert is_live(bench, second)
    for _ in range(2):
        bench.issuer.release(second, bench.clock.now())
    assert not is_live(bench, second)
    third = issued(bench)
    now = advance(bench, 2 * TTL)
    bench.issuer.release(third, now)


def test_the_kill_switch_spares_what_is_protective_until_a_person_puts_it_back(bench: Bench) -> None:
    grant, protective = issued(bench), issued(bench, KEEPER)
    assert bench.issuer.killed() is None
    bench.issuer.kill(KILL, bench.clock.now())
    assert bench.issuer.killed() == KILL
    assert not is_live(bench, grant)
    assert is_live(bench, renewed(bench, protective))
    assert is_live(bench, issued(bench, KEEPER))
    with pytest.raises(PermissionDenied):
        issued(bench)
    bench.issuer.rearm("human:maria", bench.clock.now())
    bench.issuer.rearm("human:maria", bench.clock.now())
    assert bench.issuer.killed() is None
    assert not is_live(bench, grant)
    assert is_live(bench, issued(bench))


ALL = Kill(by="admin:maria", reason="all", including_protection=True, grace_s=10)


def test_a_kill_that_includes_protection_leaves_it_to_cancel_entries_until_none_works(bench: Bench) -> None:
    grant, protective = issued(bench), issued(bench, KEEPER)
    bench.issuer.kill(ALL, bench.clock.now())
    assert (is_live(bench, grant), is_live(bench, protective)) == (False, True)
    with pytest.raises(PermissionDenied):
        issued(bench, KEEPER)
    with pytest.raises(PermissionDenied):
        renewed(bench, protective)
    bench.issuer.answer_kill(protective, ("one",), ("two",), bench.clock.now())
    assert is_live(bench, protective)
    bench.issuer.answer_kill(protective, ("one", "two"), (), bench.clock.now())
    assert not is_live(bench, protective)


def test_and_not_longer_than_its_grace(bench: Bench) -> None:
    protective = issued(bench, KEEPER)
    bench.issuer.kill(ALL, bench.clock.now())
    killed = bench.issuer.killed()
    assert killed is not None
    assert killed.protection_ends_at == NOW + 10 * SECOND
    advance(bench, 9.999)
    assert is_live(bench, protective)
    advance(bench, 0.001)
    assert not is_live(bench, protective)
    bench.issuer.rearm("human:maria", bench.clock.now())
    assert not is_live(bench, protective)
    assert is_live(bench, issued(bench, KEEPER))


def test_put_back_in_time_protection_is_what_it_was(bench: Bench) -> None:
    protective = issued(bench, KEEPER)
    bench.issuer.kill(ALL, bench.clock.now())
    bench.issuer.rearm("human:maria", bench.clock.now())
    advance(bench, 20)
    assert is_live(bench, renewed(bench, protective))


def test_a_refusal_is_taken_note_of_even_of_a_token_nobody_knows(bench: Bench) -> None:
    grant = issued(bench)
    for token in (grant.id, "f" * 32):
        bench.issuer.note_refusal(refusal(token))


def refusal(token_id: str) -> WritDenied:
    return WritDenied(
        at=NOW,
        agent=EXECUTOR,
        scope="write:trades:AAPL",
        effect="PlaceOrders",
        subject="o-1",
        reason="sides",
        token_id=token_id,
        violations=(Violation("sides", "buy", "sell"), Violation("max_quantity", "5", "6")),
    )


# -- the authority


def test_a_refusal_stands_in_the_audit_chain_with_every_constraint(in_process: InProcess) -> None:
    grant = issued(in_process)
    in_process.issuer.note_refusal(refusal(grant.id))
    (record,), _ = in_process.authority.events(AuditQuery(type=EventType.CONSTRAINT_REFUSED))
    event = record.event
    assert (event.agent_id, event.token_id, event.resource) == (grant.agent_id, grant.id, "write:trades:AAPL")
    assert "sides: sell, allowed buy" in event.detail
    assert "max_quantity: 6, allowed 5" in event.detail


def test_a_new_process_uses_the_desks_app_again_and_leaves_old_tokens_to_die(in_process: InProcess) -> None:
    first = issued(in_process)
    again = AuthorityIssuer(in_process.authority, "my desk", TERMS, ttl_s=TTL)
    assert len(in_process.authority.apps()) == 1
    second = again.issue(EXECUTOR, TERMS[EXECUTOR], in_process.clock.now())
    assert second.agent_id != first.agent_id
    with pytest.raises(PermissionDenied, match="not held here"):
        again.verify(first, in_process.clock.now())


def test_a_desk_that_asks_for_less_than_before_has_a_lower_ceiling(in_process: InProcess) -> None:
    narrower = roles("paper", "paper", symbols=[])
    again = AuthorityIssuer(in_process.authority, "my desk", narrower, ttl_s=TTL)
    with pytest.raises(PermissionDenied, match="ceiling"):
        again.issue("market_watch", msgspec_replace(TERMS["market_watch"]), NOW)


def msgspec_replace(terms: Any) -> Any:
    from msgspec.structs import replace

    return replace(terms, scopes=("write:bank:*",))


@pytest.mark.parametrize(
    "take_away",
    [
        lambda authority, grant: authority.revoke("agent", grant.agent_id, by="admin:maria"),
        lambda authority, grant: authority.revoke("token", grant.id, by="admin:maria"),
        lambda authority, grant: authority.revoke("task", grant.agent, by="admin:maria"),
        lambda authority, _: authority.revoke("all", "", by="admin:maria"),
        lambda authority, _: authority.revoke("app", authority.apps()[0].app_id, by="admin:maria"),
    ],
    ids=["agent", "token", "task", "all", "app"],
)
def test_by_whatever_level_it_was_taken_away_it_is_not_registered_anew(
    in_process: InProcess, take_away: Callable[[Authority, Grant], object]
) -> None:
    grant = renewed(in_process, issued(in_process))
    take_away(in_process.authority, grant)
    with pytest.raises(PermissionDenied):
        in_process.issuer.renew(grant, in_process.clock.now())
    now = advance(in_process, 3 * TTL)
    with pytest.raises(PermissionDenied):
        in_process.issuer.renew(grant, now)


@pytest.mark.parametrize("make", [InProcess, OverHttp])
def test_after_its_total_life_it_can_only_be_registered_anew(
    make: Callable[[Path], Any], tmp_path: Path
) -> None:
    with made(make, tmp_path) as bench:
        grant = issued(bench)
        while bench.clock.now() < NOW + 10 * TTL * SECOND - SECOND:
            advance(bench, TTL / 2)
            after = bench.issuer.renew(grant, bench.clock.now())
            if after is None:
                break
            grant = after
        assert grant.expires_at == NOW + 10 * TTL * SECOND


def test_a_token_prints_as_its_id_and_nothing_prints_its_text(in_process: InProcess) -> None:
    grant = issued(in_process)
    held = in_process.issuer._tokens[grant.id]  # type: ignore[attr-defined]
    assert repr(held) == f"_Token({grant.id})"
    assert held.text not in repr(vars(in_process.issuer))
    assert held.text not in repr(grant)


# -- an authority behind HTTP


def test_while_it_does_not_answer_only_what_is_protective_goes_on(over_http: OverHttp) -> None:
    entry, protective = issued(over_http), issued(over_http, KEEPER)
    with socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        gone = RemoteClient(address, "x", "y", clock=over_http.clock)
    over_http.issuer._client = over_http.issuer._watch._client = gone  # type: ignore[attr-defined]
    over_http.stack.callback(gone.close)
    now = over_http.clock.now()
    over_http.issuer.verify(protective, now)
    with pytest.raises(Unreachable):
        over_http.issuer.verify(entry, now)
    with pytest.raises(PermissionDenied):
        over_http.issuer.verify(protective, protective.expires_at)


def test_a_refusal_reaches_the_audit_chain_over_the_wire(over_http: OverHttp) -> None:
    grant = issued(over_http)
    over_http.issuer.note_refusal(refusal(grant.id))
    (record,), _ = over_http.authority.events(AuditQuery(type=EventType.CONSTRAINT_REFUSED))
    assert record.event.token_id == grant.id
    assert "max_quantity" in record.event.detail
