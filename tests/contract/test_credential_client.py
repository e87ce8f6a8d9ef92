"""What every way to an authority keeps to: in this process, and over HTTP as a process of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.credentials.http.servers import asked, founded, process
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.client import CredentialClient, LocalClient
from tradewrit.credentials.home import open_home
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.records import Standing
from tradewrit.credentials.remote import RemoteClient
from tradewrit.credentials.requests import DelegationRequest, Issued
from tradewrit.domain.constraints import Constraints, Violation
from tradewrit.domain.orders import Side
from tradewrit.errors import CredentialRefused
from tradewrit.runtime.clock import Stopwatch, system_entropy

Way = CredentialClient


@pytest.fixture(scope="module", params=["local", "remote"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    folder: Path = tmp_path_factory.mktemp(request.param) / "home"
    if request.param == "local":
        client_id, secret, _ = founded(folder)
        with Authority.open(open_home(folder)) as authority:
            yield LocalClient(authority, client_id, secret)
        return
    with process(folder) as served:
        remote = RemoteClient(served.url, served.client_id, served.client_secret)
        yield remote
        remote.close()


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.draw(system_entropy)


def registered(client: Way, *scope: str, **more: Any) -> Issued:
    return client.register(asked(*scope, **more), SigningKey.draw(system_entropy))


def refusal(error: pytest.ExceptionInfo[CredentialRefused]) -> str:
    return error.value.code


def test_an_agent_gets_an_identity_and_what_it_asked_for(client: Way, key: SigningKey) -> None:
    issued = client.register(asked("read:trades:AAPL", "write:trades:AAPL", max_ttl_s=120), key)
    claims = issued.claims
    assert claims.sub.startswith("spiffe://agentwrit.local/agent/desk/swing/")
    assert claims.scope == ("read:trades:AAPL", "write:trades:AAPL")
    assert (claims.orch_id, claims.task_id, issued.expires_in) == ("desk", "swing", 120)
    assert client.validate(issued.token) == claims


def test_two_agents_are_never_the_same(client: Way, key: SigningKey) -> None:
    one, other = client.register(asked(), key), client.register(asked(), key)
    assert one.claims.sub != other.claims.sub
    assert one.claims.jti != other.claims.jti


def test_renewal_keeps_all_but_the_token(client: Way) -> None:
    before = registered(client)
    after = client.renew(before.token)
    assert after.claims.jti != before.claims.jti
    assert after.claims.sub == before.claims.sub
    assert after.expires_in == before.expires_in
    assert client.validate(before.token) is None
    assert client.validate(after.token) == after.claims
    with pytest.raises(CredentialRefused) as refused:
        client.renew(before.token)
    assert refusal(refused) == "unauthorized"


def test_the_holder_is_told_how_its_tokens_stand(client: Way) -> None:
    live, dead = registered(client), registered(client)
    client.release(dead.token)
    told = client.status(dead.token, [live.token, "junk"])
    assert told is not None
    assert told.killed is None
    assert [(one.token_id, one.standing) for one in told.tokens] == [
        (dead.claims.jti, Standing.REVOKED),
        (live.claims.jti, Standing.LIVE),
        ("", Standing.UNKNOWN),
    ]
    assert told.tokens[0].ending is not None
    assert told.tokens[0].ending.how == "token_released"
    with pytest.raises(CredentialRefused) as refused:
        client.status("junk")
    assert refusal(refused) == "unauthorized"


def test_releasing_ends_a_token_and_may_be_repeated(client: Way) -> None:
    issued = registered(client)
    client.release(issued.token)
    client.release(issued.token)
    assert client.validate(issued.token) is None
    with pytest.raises(CredentialRefused):
        client.renew(issued.token)


def test_garbage_is_not_released(client: Way) -> None:
    with pytest.raises(CredentialRefused) as refused:
        client.release("garbage")
    assert refusal(refused) == "unauthorized"


def test_an_expired_token_is_dead_and_its_release_is_safe(client: Way) -> None:
    issued = registered(client, max_ttl_s=1)
    watch = Stopwatch()
    while client.validate(issued.token) is not None:
        assert watch.wall() < 10
    client.release(issued.token)


def test_a_delegate_gets_no_more_and_no_longer(client: Way) -> None:
    giver = registered(client, "read:trades:AAPL", "write:trades:AAPL", max_ttl_s=30)
    taker = registered(client)
    request = DelegationRequest(to=taker.claims.sub, scope=("read:trades:AAPL",), ttl_s=86_400)
    given = client.delegate(giver.token, request)
    assert given.claims.sub == taker.claims.sub
    assert given.claims.scope == ("read:trades:AAPL",)
    assert given.claims.exp <= giver.claims.exp
    assert [record.agent for record in given.claims.delegation_chain] == [giver.claims.sub]
    client.release(giver.token)
    assert client.validate(given.token) is None


@pytest.mark.parametrize(
    ("scope", "to", "code"),
    [
        (("write:trades:AAPL",), "", "scope_violation"),
        (("read:trades:*",), "", "scope_violation"),
        (("read:trades:AAPL",), "spiffe://agentwrit.local/agent/desk/swing/0123456789abcdef", "not_found"),
    ],
)
def test_a_delegation_beyond_what_one_has_is_refused(
    client: Way, scope: tuple[str, ...], to: str, code: str
) -> None:
    giver = registered(client, "read:trades:AAPL")
    with pytest.raises(CredentialRefused) as refused:
        client.delegate(giver.token, DelegationRequest(to=to or giver.claims.sub, scope=scope))
    assert refusal(refused) == code


def test_more_than_the_app_may_give_is_refused(client: Way, key: SigningKey) -> None:
    with pytest.raises(CredentialRefused) as refused:
        client.register(asked("delete:everything:now"), key)
    assert refusal(refused) == "forbidden"


def test_a_bad_task_is_refused(client: Way, key: SigningKey) -> None:
    with pytest.raises(CredentialRefused) as refused:
        client.register(asked(task_id="a/b"), key)
    assert refusal(refused) == "invalid_request"


def test_constraints_arrive_in_the_token_and_narrow_on_the_way(client: Way, key: SigningKey) -> None:
    held = Constraints(sides=(Side.BUY,), max_day_orders=5)
    issued = client.register(asked(constraints=held), key)
    assert issued.claims.constraints == held
    taker = registered(client)
    request = DelegationRequest(
        to=taker.claims.sub, scope=issued.claims.scope, constraints=Constraints(max_day_orders=3)
    )
    given = client.delegate(issued.token, request)
    assert given.claims.constraints == Constraints(sides=(Side.BUY,), max_day_orders=3)
    assert client.renew(issued.token).claims.constraints == held


def test_a_token_bound_to_a_key_is_of_no_use_without_it(client: Way, key: SigningKey) -> None:
    issued = client.register(asked(needs_proof=True), key)
    assert issued.claims.cnf is not None
    assert issued.claims.cnf.jkt == key.kid
    for thief in (None, SigningKey.draw(system_entropy)):
        with pytest.raises(CredentialRefused) as refused:
            client.renew(issued.token, thief)
        assert refusal(refused) == "unauthorized"
    renewed = client.renew(issued.token, key)
    client.release(renewed.token, key)


def test_what_is_delegated_to_an_agent_with_proof_is_of_no_use_without_its_key(
    client: Way, key: SigningKey
) -> None:
    bound, giver = client.register(asked(needs_proof=True), key), registered(client)
    given = client.delegate(giver.token, DelegationRequest(to=bound.claims.sub, scope=giver.claims.scope))
    assert given.claims.cnf == bound.claims.cnf
    onward = DelegationRequest(to=giver.claims.sub, scope=given.claims.scope)
    uses: list[Callable[[SigningKey | None], object]] = [
        lambda by: client.delegate(given.token, onward, by),
        lambda by: client.report(given.token, [Violation("hours", "a", "b")], resource="r:t:A", key=by),
        lambda by: client.status(given.token, (), by),
        lambda by: client.renew(given.token, by),
    ]
    for use in uses:
        for thief in (None, SigningKey.draw(system_entropy)):
            with pytest.raises(CredentialRefused) as refused:
                use(thief)
            assert refusal(refused) == "unauthorized"
        use(key)


def test_a_protective_writ_can_only_shrink_positions(client: Way, key: SigningKey) -> None:
    issued = client.register(asked(is_protective=True), key)
    assert issued.claims.protective
    assert issued.claims.constraints.reduce_only


def test_a_refused_order_can_be_reported(client: Way) -> None:
    issued = registered(client)
    violations = [Violation("max_quantity", "100", "101")]
    client.report(issued.token, violations, resource="write:trades:AAPL")
    client.release(issued.token)
    with pytest.raises(CredentialRefused):
        client.report(issued.token, violations, resource="write:trades:AAPL")


@pytest.mark.parametrize("token", ["", "garbage", "a.b.c", "é", "\n", "x" * 20_000])
def test_what_is_no_token_is_none(client: Way, token: str) -> None:
    assert client.validate(token) is None


def test_no_secret_is_in_what_is_printed(client: Way, key: SigningKey) -> None:
    issued = client.register(asked(), key)
    assert issued.token not in repr(issued)
