"""What the holder of a token is told of it, live or dead, and what nobody else is."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.credentials.http.servers import (
    UNLIMITED,
    Served,
    asked,
    bearing,
    problem_of,
    thread,
)
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.claims import Claims
from tradewrit.credentials.endings import Ending
from tradewrit.credentials.http.settings import ServerSettings
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.records import Standing
from tradewrit.credentials.remote import RemoteClient
from tradewrit.credentials.status import MAX_ASKED
from tradewrit.domain.market import SECOND
from tradewrit.errors import CredentialRefused
from tradewrit.runtime.clock import ManualClock

NOW = 2_000_000_000 * SECOND
BY = "admin:jonas"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def own(tmp_path: Path, clock: ManualClock) -> Iterator[Served]:
    """A server for this test alone, on a clock that is moved by hand."""
    with thread(tmp_path / "home", ServerSettings(port=0, rates=UNLIMITED), clock=clock) as running:
        yield running


@pytest.fixture
def authority(own: Served) -> Authority:
    assert own.authority is not None
    return own.authority


@pytest.fixture
def client(own: Served, clock: ManualClock) -> Iterator[RemoteClient]:
    with closing(RemoteClient(own.url, own.client_id, own.client_secret, clock=clock)) as remote:
        yield remote


def ending(client: RemoteClient, token: str) -> Ending | None:
    told = client.status(token)
    assert told is not None
    return told.tokens[0].ending


def standings(client: RemoteClient, *tokens: str) -> list[Standing]:
    told = client.status(tokens[0], tokens[1:])
    assert told is not None
    return [one.standing for one in told.tokens]


@pytest.mark.parametrize(
    ("take_away", "how"),
    [
        (lambda authority, claims: authority.revoke("agent", claims.sub, by=BY), "token_revoked"),
        (lambda authority, claims: authority.revoke("token", claims.jti, by=BY), "token_revoked"),
        (lambda authority, claims: authority.revoke("task", claims.task_id, by=BY), "token_revoked"),
        (lambda authority, _: authority.revoke("all", "", by=BY), "token_revoked"),
        (lambda authority, _: authority.kill(by=BY, reason="enough"), "kill_switch"),
    ],
    ids=["agent", "token", "task", "all", "kill"],
)
def test_the_holder_of_a_dead_token_is_told_who_ended_it_and_when(
    authority: Authority,
    client: RemoteClient,
    clock: ManualClock,
    key: SigningKey,
    take_away: Callable[[Authority, Claims], object],
    how: str,
) -> None:
    issued = client.register(asked(), key)
    assert ending(client, issued.token) is None
    clock.advance(SECOND)
    take_away(authority, issued.claims)
    assert ending(client, issued.token) == Ending(how=how, by=BY, at=NOW + SECOND)
    assert standings(client, issued.token) == [Standing.REVOKED]
    clock.advance(400 * SECOND)
    assert standings(client, issued.token) == [Standing.EXPIRED]
    assert ending(client, issued.token) == Ending(how=how, by=BY, at=NOW + SECOND)


def test_what_was_ended_after_its_own_end_only_expired(
    authority: Authority, client: RemoteClient, clock: ManualClock, key: SigningKey
) -> None:
    issued = client.register(asked(), key)
    clock.advance(300 * SECOND)
    authority.kill(by=BY)
    assert standings(client, issued.token) == [Standing.EXPIRED]
    assert ending(client, issued.token) is None


def test_the_holder_is_told_of_the_kill_switch_until_it_is_put_back(
    authority: Authority, client: RemoteClient, key: SigningKey
) -> None:
    issued = client.register(asked(), key)
    for total in (False, True):
        authority.kill(by=BY, reason="enough", including_protection=total)
        told = client.status(issued.token)
        assert told is not None
        assert told.killed == authority.kill_state()
        assert told.killed is not None
        assert (told.killed.by, told.killed.reason, told.killed.is_total) == (BY, "enough", total)
        assert told.now == NOW
    authority.rearm(by=BY)
    told = client.status(issued.token)
    assert told is not None
    assert told.killed is None


def test_several_tokens_are_told_of_at_once_in_their_order(client: RemoteClient, key: SigningKey) -> None:
    live, renewed, released = (client.register(asked(), key).token for _ in range(3))
    client.renew(renewed)
    client.release(released)
    assert standings(client, live, renewed, released, "junk") == [
        Standing.LIVE,
        Standing.RENEWED,
        Standing.REVOKED,
        Standing.UNKNOWN,
    ]


def test_nothing_is_told_of_the_tokens_of_another_app(
    authority: Authority, own: Served, client: RemoteClient, clock: ManualClock, key: SigningKey
) -> None:
    other = authority.add_app("other", ["read:trades:*"], by="test")
    with closing(RemoteClient(own.url, other.app.client_id, other.client_secret, clock=clock)) as theirs:
        stranger = theirs.register(asked(), key).token
    mine = client.register(asked(), key).token
    told = client.status(mine, [stranger])
    assert told is not None
    assert (told.tokens[1].standing, told.tokens[1].token_id) == (Standing.UNKNOWN, "")


def test_whose_token_was_never_ours_or_is_forgotten_is_told_nothing(
    authority: Authority, own: Served, client: RemoteClient, clock: ManualClock, key: SigningKey
) -> None:
    issued = client.register(asked(), key)
    with own.http() as http:
        for header in ({}, bearing("junk"), bearing(issued.token[:-4] + "AAAA")):
            answer = http.post("/v1/token/status", headers=header, json={})
            assert problem_of(answer)["error_code"] == "unauthorized"
    clock.advance(400 * SECOND)
    authority.prune()
    with pytest.raises(CredentialRefused) as refused:
        client.status(issued.token)
    assert refused.value.code == "unauthorized"


def test_a_bound_token_needs_its_proof_here_as_well(client: RemoteClient, key: SigningKey) -> None:
    issued = client.register(asked(needs_proof=True), key)
    with pytest.raises(CredentialRefused):
        client.status(issued.token)
    told = client.status(issued.token, key=key)
    assert told is not None
    assert told.tokens[0].standing is Standing.LIVE


def test_asking_leaves_nothing_in_the_audit_trail(
    authority: Authority, client: RemoteClient, key: SigningKey
) -> None:
    issued = client.register(asked(), key)
    before = authority.event_count()
    for _ in range(20):
        client.status(issued.token, ["junk", issued.token])
    client.release(issued.token)
    after = authority.event_count()
    for _ in range(20):
        client.status(issued.token)
    assert (after, authority.event_count()) == (before + 1, before + 1)


def test_a_protective_token_whose_grace_is_over_was_ended_by_the_kill_switch(
    authority: Authority, client: RemoteClient, clock: ManualClock, key: SigningKey
) -> None:
    issued = client.register(asked("write:trades:AAPL", is_protective=True), key)
    authority.kill(by=BY, including_protection=True, grace_s=20)
    assert standings(client, issued.token) == [Standing.LIVE]
    clock.advance(20 * SECOND)
    assert standings(client, issued.token) == [Standing.REVOKED]
    assert ending(client, issued.token) == Ending(how="kill_switch", by=BY, at=NOW + 20 * SECOND)


@pytest.mark.parametrize("tokens", [["x"] * (MAX_ASKED + 1), "x", [1], {"a": 1}])
def test_a_question_about_too_much_or_nonsense_is_refused(
    own: Served, client: RemoteClient, key: SigningKey, tokens: Any
) -> None:
    issued = client.register(asked(), key)
    with own.http() as http:
        answer: httpx.Response = http.post(
            "/v1/token/status", headers=bearing(issued.token), json={"tokens": tokens}
        )
    assert problem_of(answer)["error_code"] == "invalid_request"
