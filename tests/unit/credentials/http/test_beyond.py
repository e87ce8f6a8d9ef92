"""What goes beyond the protocol: keys anybody can verify with, proof of possession, constraints, the kill
switch, the audit trail, reports."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet as JoseKeySet

from tests.unit.credentials.http.servers import (
    UNLIMITED,
    Served,
    app,
    asked,
    bearing,
    operator,
    problem_of,
    thread,
)
from tradewrit.credentials.audit import SignedHead, is_signed
from tradewrit.credentials.encoding import decode
from tradewrit.credentials.http.settings import ServerSettings
from tradewrit.credentials.keys import SigningKey, VerificationKey
from tradewrit.credentials.proof import make_proof
from tradewrit.credentials.remote import RemoteClient
from tradewrit.runtime.clock import SystemClock, system_entropy
from tradewrit.runtime.journal.records import Head


@pytest.fixture
def client(served: Served) -> Iterator[RemoteClient]:
    remote = RemoteClient(served.url, served.client_id, served.client_secret)
    yield remote
    remote.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A server for this test alone."""
    with thread(tmp_path / "home", ServerSettings(port=0, rates=UNLIMITED)) as running:
        yield running


# Offline verification


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_anybody_can_verify_a_token_offline_with_the_published_keys(
    http: httpx.Client, client: RemoteClient, key: SigningKey
) -> None:
    issued = client.register(asked("read:trades:AAPL"), key)
    published = JoseKeySet.import_key_set(http.get("/.well-known/jwks.json").json())
    read = jwt.decode(issued.token, published, algorithms=["EdDSA"])
    assert read.header["typ"] == "JWT"
    assert read.claims["sub"] == issued.claims.sub
    assert read.claims["scope"] == ["read:trades:AAPL"]
    forged = issued.token[:-8] + ("A" * 8 if issued.token[-8:] != "A" * 8 else "B" * 8)
    with pytest.raises(JoseError):
        jwt.decode(forged, published, algorithms=["EdDSA"])


def test_after_a_rotation_both_keys_are_published_and_old_tokens_live_on(
    own: Served, key: SigningKey
) -> None:
    with own.http() as http, closing(RemoteClient(own.url, own.client_id, own.client_secret)) as client:
        before = client.register(asked(), key)
        assert own.authority is not None
        own.authority.rotate(by="test")
        after = client.register(asked(), key)
        keys = http.get("/.well-known/jwks.json").json()["keys"]
        assert len(keys) == 2
        assert "exp" not in keys[0]
        assert keys[1]["exp"] > 0
        for issued in (before, after):
            assert client.validate(issued.token) is not None
            assert client.verify(issued.token) is not None


# Proof of possession


def proven(served: Served, key: SigningKey, token: str, path: str, **wrong: Any) -> dict[str, str]:
    named: dict[str, Any] = {
        "method": "POST",
        "url": served.url + path,
        "now": SystemClock().now(),
        "entropy": system_entropy,
    } | wrong
    return {**bearing(token), "DPoP": make_proof(key, token, **named)}


def test_a_bound_token_counts_only_with_a_fresh_proof_for_this_very_request(
    served: Served, http: httpx.Client, client: RemoteClient, key: SigningKey
) -> None:
    issued = client.register(asked(needs_proof=True), key)
    other = client.register(asked(needs_proof=True), key)
    path = "/v1/token/renew"
    minute = 60 * 10**9
    wrong = (
        bearing(issued.token),
        proven(served, SigningKey.draw(system_entropy), issued.token, path),
        proven(served, key, issued.token, "/v1/token/release"),
        proven(served, key, issued.token, path, method="GET"),
        proven(served, key, issued.token, path, url=f"http://evil.example{path}"),
        proven(served, key, issued.token, path, now=SystemClock().now() - 3 * minute),
        proven(served, key, issued.token, path, now=SystemClock().now() + 3 * minute),
        {**bearing(issued.token), "DPoP": proven(served, key, other.token, path)["DPoP"]},
        {**bearing(issued.token), "DPoP": "garbage"},
    )
    for headers in wrong:
        assert problem_of(http.post(path, headers=headers))["detail"] == "token verification failed"
    right = proven(served, key, issued.token, path)
    assert http.post(path, headers=right).status_code == 200
    assert http.post(path, headers=right).status_code == 401


def test_a_proof_is_used_up_by_one_request(
    served: Served, http: httpx.Client, client: RemoteClient, key: SigningKey
) -> None:
    issued = client.register(asked(needs_proof=True), key)
    headers = proven(served, key, issued.token, "/v1/refusals")
    body = {"resource": "r:t:A", "violations": [{"constraint": "hours", "allowed": "a", "actual": "b"}]}
    assert http.post("/v1/refusals", headers=headers, json=body).status_code == 204
    assert http.post("/v1/refusals", headers=headers, json=body).status_code == 401


def test_a_host_header_does_not_make_a_proof_for_elsewhere_good(
    served: Served, http: httpx.Client, client: RemoteClient, key: SigningKey
) -> None:
    issued = client.register(asked(needs_proof=True), key)
    headers = proven(served, key, issued.token, "/v1/token/renew", url="http://evil.example/v1/token/renew")
    answer = http.post("/v1/token/renew", headers={**headers, "Host": "evil.example"})
    assert answer.status_code == 401


# Constraints


def test_the_constraints_of_app_and_launch_meet_in_the_token(http: httpx.Client, served: Served) -> None:
    body = {
        "name": "constrained",
        "scopes": ["write:trades:*"],
        "constraints": {"max_quantity": "100", "modes": ["paper"]},
    }
    made = http.post("/v1/admin/apps", headers=operator(http, served), json=body)
    assert made.status_code == 201, made.text
    assert made.json()["constraints"] == {"max_quantity": "100", "modes": ["paper"]}
    remote = RemoteClient(served.url, made.json()["client_id"], made.json()["client_secret"])
    header = bearing(remote._signed_in(None).token)
    launch = {
        "agent_name": "x",
        "allowed_scope": ["write:trades:AAPL"],
        "constraints": {"max_quantity": "500", "sides": ["buy"]},
    }
    policy = http.post("/v1/app/launch-tokens", headers=header, json=launch).json()["policy"]
    assert policy["constraints"] == {"sides": ["buy"], "max_quantity": "100", "modes": ["paper"]}
    remote.close()


@pytest.mark.parametrize(
    "constraints",
    [
        {"max_quantity": "-1"},
        {"max_quantity": "NaN"},
        {"max_quantity": "1e999999999"},
        {"sides": ["sell", "buy"]},
        {"sides": ["sideways"]},
        {"hours": [{"opens": 0, "closes": 9999}]},
        {"venues": ["a b"]},
        {"unheard": 1},
        [],
        "none",
    ],
)
def test_constraints_that_make_no_sense_are_refused(
    http: httpx.Client, served: Served, constraints: Any
) -> None:
    body = {"agent_name": "x", "allowed_scope": ["write:trades:AAPL"], "constraints": constraints}
    answer = http.post("/v1/app/launch-tokens", headers=app(http, served), json=body)
    assert (answer.status_code, problem_of(answer)["error_code"]) == (400, "invalid_request")


# The kill switch


def test_the_kill_switch_stops_everything_but_protection_until_a_person_rearms(
    own: Served, key: SigningKey
) -> None:
    client = RemoteClient(own.url, own.client_id, own.client_secret)
    trader, guard = client.register(asked(), key), client.register(asked(is_protective=True), key)
    with own.http() as http:
        header = operator(http, own)
        assert http.get("/v1/kill", headers=header).json() == {"killed": False}
        killed = http.post("/v1/kill", headers=header, json={"reason": "fat finger"})
        assert killed.status_code == 200
        assert list(killed.json()) == ["killed", "by", "at", "reason"]
        assert (killed.json()["by"], killed.json()["reason"]) == ("admin:maria", "fat finger")
        assert client.validate(trader.token) is None
        assert client.validate(guard.token) is not None
        renewed = client.renew(guard.token)
        launch = {"agent_name": "x", "allowed_scope": ["read:trades:AAPL"]}
        refused = http.post("/v1/app/launch-tokens", headers=app(http, own), json=launch)
        assert problem_of(refused)["error_code"] == "killed"

        header = operator(http, own)
        now = {"including_protection": True, "grace_s": 0}
        assert http.post("/v1/kill", headers=header, json=now).status_code == 200
        assert client.validate(renewed.token) is None

        header = operator(http, own)
        assert http.post("/v1/rearm", headers=header).json() == {"killed": False}
        assert problem_of(http.post("/v1/rearm", headers=header))["error_code"] == "invalid_request"
        assert client.validate(client.register(asked(), key).token) is not None
    client.close()


def test_a_desk_says_over_http_which_entries_it_has_cancelled_and_loses_its_writ_with_the_last(
    own: Served, key: SigningKey
) -> None:
    client = RemoteClient(own.url, own.client_id, own.client_secret)
    trader, guard = client.register(asked(), key), client.register(asked(is_protective=True), key)
    with own.http() as http:
        killed = http.post(
            "/v1/kill", headers=operator(http, own), json={"including_protection": True}
        ).json()
        assert killed["including_protection"]
        assert killed["desks"][0]["answered_at"] is None
        assert client.validate(guard.token) is not None

        def answer(token: str, **said: list[str]) -> int:
            return http.post("/v1/kill/answer", headers=bearing(token), json=said).status_code

        assert answer(trader.token, cancelled=[], working=[]) == 401
        assert answer(guard.token, working=["x" * 65]) == 400
        assert answer(guard.token, cancelled=["one"], working=["two"]) == 204
        assert client.validate(guard.token) is not None
        assert answer(guard.token, cancelled=["one", "two"]) == 204
        assert client.validate(guard.token) is None
        (desk,) = http.get("/v1/kill", headers=operator(http, own)).json()["desks"]
        assert (desk["cancelled"], desk["working"]) == (["one", "two"], [])
        assert desk["answered_at"]
    client.close()


def test_in_an_emergency_no_body_is_needed(own: Served) -> None:
    with own.http() as http:
        assert http.post("/v1/kill", headers=operator(http, own)).json()["killed"] is True


def test_an_agent_can_neither_kill_nor_rearm(
    http: httpx.Client, client: RemoteClient, key: SigningKey
) -> None:
    token = client.register(asked(), key).token
    for path in ("/v1/kill", "/v1/rearm"):
        assert problem_of(http.post(path, headers=bearing(token)))["error_code"] == "insufficient_scope"


# The audit trail


def test_the_head_of_the_audit_chain_is_signed_with_a_published_key(
    http: httpx.Client, served: Served
) -> None:
    answer = http.get("/v1/audit/head", headers=operator(http, served)).json()
    assert list(answer) == ["journal_id", "stream", "seq", "hash", "key_id", "signature"]
    (found,) = [
        key for key in http.get("/.well-known/jwks.json").json()["keys"] if key["kid"] == answer["key_id"]
    ]
    public = VerificationKey(decode(found["x"]))
    head = Head(answer["journal_id"], answer["stream"], answer["seq"], answer["hash"])
    signed = SignedHead(head=head, key_id=answer["key_id"], signature=answer["signature"])
    assert is_signed(signed, public.has_signed)
    moved = Head(head.journal_id, head.stream, head.seq + 1, head.hash)
    assert not is_signed(
        SignedHead(head=moved, key_id=signed.key_id, signature=signed.signature), public.has_signed
    )


def test_the_chain_is_checked_on_demand_and_against_a_head_that_was_kept(own: Served) -> None:
    with own.http() as http:
        header = operator(http, own)
        kept = http.get("/v1/audit/head", headers=header).json()
        operator(http, own)
        good = http.get("/v1/audit/verify", headers=header, params={"seq": kept["seq"], "hash": kept["hash"]})
        assert good.json()["intact"] is True
        assert good.json()["records"] == good.json()["last_good"] > kept["seq"]
        elsewhere = {"seq": kept["seq"], "hash": "0" * 64}
        bad = http.get("/v1/audit/verify", headers=header, params=elsewhere).json()
        assert bad["intact"] is False
        assert bad["fault"]
        for wrong in ({"seq": "1"}, {"hash": "0" * 64}, {"seq": "1", "hash": "x"}):
            answer = http.get("/v1/audit/verify", headers=header, params=wrong)
            assert problem_of(answer)["error_code"] == "invalid_request"


def test_a_reported_refusal_stands_in_the_audit_trail(
    http: httpx.Client, served: Served, client: RemoteClient, key: SigningKey
) -> None:
    issued = client.register(asked("write:trades:AAPL"), key)
    body = {
        "resource": "write:trades:AAPL",
        "violations": [{"constraint": "max_quantity", "allowed": "100", "actual": "250"}],
    }
    answer = http.post("/v1/refusals", headers=bearing(issued.token), json=body)
    assert (answer.status_code, answer.content) == (204, b"")
    (event,) = http.get(
        "/v1/audit/events",
        headers=operator(http, served),
        params={"event_type": "constraint_refused", "agent_id": issued.claims.sub},
    ).json()["events"]
    assert event["outcome"] == "denied"
    assert event["token_id"] == issued.claims.jti
    assert re.search("max_quantity.*250.*100", event["detail"])
    assert event["resource"] == "write:trades:AAPL"


def test_nobody_reports_in_anothers_name_or_without_end(own: Served, key: SigningKey) -> None:
    with own.http() as http:
        assert http.post("/v1/refusals", headers=bearing("x"), json={}).status_code == 401
        client = RemoteClient(own.url, own.client_id, own.client_secret)
        token = client.register(asked(), key).token
        many = {"constraint": "c", "allowed": "a", "actual": "b"}
        for violations in ([], [many] * 33, [{**many, "actual": "x" * 513}]):
            body = {"resource": "a:b:c", "violations": violations}
            answer = http.post("/v1/refusals", headers=bearing(token), json=body)
            assert problem_of(answer)["error_code"] == "invalid_request"
        client.close()
