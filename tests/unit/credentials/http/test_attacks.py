"""What people send who mean no good, to the running server: nothing is handed out, nothing breaks."""

import base64
import hashlib
import hmac
import json
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.credentials.http.servers import (
    UNLIMITED,
    Served,
    app,
    asked,
    bearing,
    operator,
    problem_of,
    running,
    thread,
)
from tests.unit.credentials.http.wire import connected, head, one_answer, said, until_closed
from tradewrit.credentials import apps, operators
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.encoding import decode, encode
from tradewrit.credentials.home import open_home
from tradewrit.credentials.http.settings import MAX_BODY_BYTES, ServerSettings
from tradewrit.credentials.http.table import ENDPOINTS
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.remote import RemoteClient
from tradewrit.runtime.clock import system_entropy
from tradewrit.runtime.journal.sqlite_file import Settings

TAKING = [endpoint for endpoint in ENDPOINTS if endpoint.takes is not None]
DEEP = 150_000


@pytest.fixture(autouse=True)
def armed(served: Served) -> Iterator[None]:
    """Some of these requests pull the kill switch, as they may; the next test wants it back."""
    yield
    assert served.authority is not None
    if served.authority.kill_state() is not None:
        served.authority.rearm(by="test")


@pytest.fixture
def client(served: Served) -> Iterator[RemoteClient]:
    remote = RemoteClient(served.url, served.client_id, served.client_secret)
    yield remote
    remote.close()


@pytest.fixture
def token(client: RemoteClient, key: SigningKey) -> str:
    return client.register(asked("read:trades:AAPL", "write:trades:AAPL"), key).token


def is_valid(http: httpx.Client, token: str) -> bool:
    answer = http.post("/v1/token/validate", json={"token": token})
    assert answer.status_code == 200
    valid: bool = answer.json()["valid"]
    return valid


def header_for(http: httpx.Client, served: Served, needs: str, token: str) -> dict[str, str]:
    """A header that satisfies what an endpoint needs."""
    if needs.startswith("admin:"):
        return operator(http, served)
    if needs.startswith("app:"):
        return app(http, served)
    return bearing(token)


# Bodies

BODIES: list[bytes] = [
    b"{",
    b"[]",
    b"null",
    b"1",
    b'"text"',
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b'{"token":}',
    b"{'token':'x'}",
    b'{"token":"\\ud800"}',
    b'{"a":' * 1000,
    b"[" * DEEP,
    b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}",
    b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    b"\x00" * 100,
    b"{}" * 2,
]


@pytest.mark.parametrize("endpoint", TAKING, ids=lambda one: f"{one.method} {one.path}")
def test_a_malformed_body_is_a_bad_request_wherever_it_is_sent(
    http: httpx.Client, served: Served, token: str, endpoint: Any
) -> None:
    header = header_for(http, served, endpoint.needs, token)
    path = endpoint.path.replace("{app_id}", "nobody")
    for body in BODIES:
        answer = http.request(endpoint.method, path, headers=header, content=body)
        document = problem_of(answer)
        assert (answer.status_code, document["error_code"]) == (400, "invalid_request"), body[:40]
        assert len(document["detail"]) < 500


VALUES: list[Any] = [None, 1, 1.5, True, [], {}, ["x"], {"x": 1}, "x" * 100_000, "\x00", "\n"]


@pytest.mark.parametrize("endpoint", TAKING, ids=lambda one: f"{one.method} {one.path}")
def test_fields_of_the_wrong_type_are_refused_and_never_fail(
    http: httpx.Client, served: Served, token: str, endpoint: Any
) -> None:
    header = header_for(http, served, endpoint.needs, token)
    path = endpoint.path.replace("{app_id}", "nobody")
    for value in VALUES:
        body = dict.fromkeys(endpoint.takes.__struct_fields__, value)
        answer = http.request(endpoint.method, path, headers=header, json=body)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert len(problem_of(answer)["detail"]) < 1000


def test_fields_nobody_knows_are_ignored_but_not_inside_constraints(
    http: httpx.Client, served: Served
) -> None:
    body = {"agent_name": "x", "allowed_scope": ["read:trades:AAPL"], "unheard": {"of": 1}}
    header = app(http, served)
    assert http.post("/v1/app/launch-tokens", headers=header, json=body).status_code == 201
    body["constraints"] = {"max_quantiti": "1"}
    assert http.post("/v1/app/launch-tokens", headers=header, json=body).status_code == 400


@pytest.mark.parametrize("size", [MAX_BODY_BYTES + 1, 50 * MAX_BODY_BYTES])
def test_a_body_over_the_limit_is_refused_before_it_is_read(served: Served, size: int) -> None:
    with connected(served) as wire:
        wire.sendall(head("POST", "/v1/token/validate", f"Content-Length: {size}"))
        reply = one_answer(wire)
    assert reply.status == 413
    assert json.loads(reply.body)["error_code"] == "payload_too_large"


def test_a_body_that_does_not_say_how_long_it_is_is_cut_at_the_limit(served: Served) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with connected(served) as wire:
        wire.sendall(head("POST", "/v1/token/validate", "Transfer-Encoding: chunked"))
        for _ in range(17):
            wire.sendall(chunk)
        reply = one_answer(wire)
    assert reply.status == 413


def test_a_body_of_just_the_limit_is_read(http: httpx.Client) -> None:
    body = b'{"token":"' + b"x" * (MAX_BODY_BYTES - 12) + b'"}'
    assert len(body) == MAX_BODY_BYTES
    assert http.post("/v1/token/validate", content=body).json()["valid"] is False


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "99999999999999999999999", "٣"])
def test_a_content_length_that_is_none_is_refused(served: Served, length: str) -> None:
    request = head("POST", "/v1/token/validate").replace(
        b"\r\n\r\n", b"\r\nContent-Length: " + length.encode() + b"\r\n\r\n"
    )
    with connected(served) as wire:
        wire.sendall(request)
        assert one_answer(wire).status in {400, 413}


# Headers

HEADS: list[bytes] = [
    b"\r\n\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET /v1/health HTTP/1.1\r\n\r\n",  # no Host
    b"GET /v1/health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /v1/health HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    b"GET /v1/health HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"POST /v1/token/validate HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"POST /v1/token/validate HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]


@pytest.mark.parametrize("request_text", HEADS, ids=range(len(HEADS)))
def test_what_is_not_http_is_told_so_and_the_server_goes_on(
    served: Served, http: httpx.Client, request_text: bytes
) -> None:
    reply = said(served, request_text + b"\r\n\r\n")
    assert reply.status in {0, 400, 501, 505}
    if reply.status:
        assert json.loads(reply.body)["error_code"] == "invalid_request"
        assert b"nosniff" in reply.raw
    assert http.get("/v1/health").status_code == 200


@pytest.mark.parametrize("name", ["Authorization", "DPoP"])
def test_a_header_that_could_be_read_two_ways_is_refused(http: httpx.Client, token: str, name: str) -> None:
    doubled = [("Authorization", f"Bearer {token}"), (name, "Bearer other")]
    if name == "DPoP":
        doubled.append(("DPoP", "x"))
    answer = http.post("/v1/token/renew", headers=doubled)
    assert (answer.status_code, problem_of(answer)["error_code"]) == (400, "invalid_request")
    assert is_valid(http, token)


def test_no_header_of_the_request_comes_back_but_the_request_id(served: Served) -> None:
    reply = said(
        served,
        head(
            "GET", "/v1/health", "X-Request-ID: abc\r\nX-Evil: 1", "Connection: close", "Origin: http://evil"
        ),
    )
    lower = reply.raw.lower()
    assert b"x-evil" not in lower
    assert b"access-control" not in lower


def test_two_requests_in_one_packet_get_two_answers(served: Served) -> None:
    with connected(served) as wire:
        wire.sendall(head("GET", "/v1/health") + head("GET", "/v1/nowhere", "Connection: close"))
        raw = until_closed(wire).raw
    assert raw.count(b"HTTP/1.1 200") == 1
    assert raw.count(b"HTTP/1.1 404") == 1


def test_a_body_whose_end_two_readers_see_at_two_places_is_refused_with_all_behind_it(
    served: Served,
) -> None:
    """A proxy that goes by the length would take what follows for somebody else's request."""
    body = b"0\r\n\r\n" + head("GET", "/v1/health")
    lengths = (f"Content-Length: {len(body)}", "Transfer-Encoding: chunked")
    for headers in (lengths, lengths[::-1]):
        with connected(served) as wire:
            wire.sendall(head("POST", "/v1/token/validate", *headers) + body)
            raw = until_closed(wire).raw
        assert raw.startswith(b"HTTP/1.1 400")
        assert b"both a content-length and a transfer-encoding header" in raw
        assert raw.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "path", ["/v1/admin/apps/..%2f..%2fetc", "/v1/admin/apps/%00", "/v1/admin/apps/%ff", "/v1/admin/apps/'--"]
)
def test_a_path_is_a_name_and_nothing_else(http: httpx.Client, served: Served, path: str) -> None:
    answer = http.get(path, headers=operator(http, served))
    assert problem_of(answer)["error_code"] == "not_found"


# Tokens


def resigned(token: str, header: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """The same claims under another header and signature."""
    signed = f"{encode(json.dumps(header, separators=(',', ':')).encode())}.{token.split('.')[1]}"
    return f"{signed}.{encode(sign(signed.encode()))}"


def forgeries(http: httpx.Client, token: str) -> Iterator[str]:
    head_part, body, signature = token.split(".")
    kid = json.loads(decode(head_part))["kid"]
    public = decode(http.get("/.well-known/jwks.json").json()["keys"][0]["x"])
    stranger = SigningKey.draw(system_entropy)
    yield resigned(token, {"alg": "none", "typ": "JWT", "kid": kid}, lambda _: b"")
    yield f"{head_part}.{body}."
    for algorithm, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
        yield resigned(
            token,
            {"alg": algorithm, "typ": "JWT", "kid": kid},
            lambda signed, digest=digest: hmac.new(public, signed, digest).digest(),  # type: ignore[misc]
        )
    yield resigned(token, {"alg": "EdDSA", "typ": "JWT", "kid": kid}, stranger.sign)
    yield resigned(token, {"alg": "EdDSA", "typ": "JWT", "kid": stranger.kid}, stranger.sign)
    yield resigned(
        token,
        {"alg": "EdDSA", "typ": "JWT", "kid": stranger.kid, "jwk": stranger.public.jwk()},
        stranger.sign,
    )
    yield f"{head_part}.{encode(decode(body).replace(b'AAPL', b'TSLA'))}.{signature}"
    spare = chr(ord(signature[-1]) + 1)
    yield f"{head_part}.{body}.{signature[:-1]}{spare}"
    yield f"{token}\n"
    yield f"{token}="
    yield f" {token}"
    yield f"{head_part}.{body}.{signature[:40]}\n{signature[40:]}"
    yield f"{token}.{signature}"
    yield token[:-1]
    yield token.upper()
    yield "." * 1000
    yield "x" * 20_000


def test_no_forgery_is_a_token_on_any_route(http: httpx.Client, token: str) -> None:
    for forged in forgeries(http, token):
        assert not is_valid(http, forged)
        if forged.isprintable() and not forged.startswith(" ") and len(forged) < 10_000:
            for path in ("/v1/token/renew", "/v1/token/release", "/v1/delegate"):
                answer = http.post(
                    path, headers=bearing(forged), json={"delegate_to": "x", "scope": ["a:b:c"]}
                )
                assert problem_of(answer)["status"] == 401
    assert is_valid(http, token)


def test_an_agents_token_administers_nothing(http: httpx.Client, token: str) -> None:
    for endpoint in ENDPOINTS:
        if endpoint.needs.startswith(("admin:", "app:")):
            path = endpoint.path.replace("{app_id}", "x").replace("{name}", "x")
            assert http.request(endpoint.method, path, headers=bearing(token)).status_code == 403


def test_an_apps_token_does_not_administer(http: httpx.Client, served: Served) -> None:
    header = app(http, served)
    for method, path in (("POST", "/v1/admin/apps"), ("POST", "/v1/kill"), ("GET", "/v1/audit/events")):
        answer = http.request(method, path, headers=header, json={"name": "x", "scopes": ["a:b:*"]})
        assert problem_of(answer)["error_code"] == "insufficient_scope"


# Concurrency


def test_a_thousand_registrations_at_once_give_a_thousand_agents(http: httpx.Client, served: Served) -> None:
    header = app(http, served)
    body = {
        "agent_name": "crowd",
        "allowed_scope": ["read:trades:AAPL"],
        "max_ttl": 60,
        "single_use": False,
    }
    launch = http.post("/v1/app/launch-tokens", headers=header, json=body).json()["launch_token"]
    key = SigningKey.draw(system_entropy)

    def register(number: int) -> str:
        nonce = crowd.get("/v1/challenge").json()["nonce"]
        answer = crowd.post(
            "/v1/register",
            json={
                "launch_token": launch,
                "nonce": nonce,
                "public_key": base64.b64encode(key.public.raw).decode(),
                "signature": base64.b64encode(key.sign(bytes.fromhex(nonce))).decode(),
                "orch_id": "crowd",
                "task_id": f"task-{number}",
                "requested_scope": ["read:trades:AAPL"],
            },
        )
        assert answer.status_code == 200, answer.text
        agent_id: str = answer.json()["agent_id"]
        return agent_id

    # A client that closes idle connections while others take them up breaks some of them itself.
    kept = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    with served.http(limits=kept) as crowd, ThreadPoolExecutor(64) as pool:
        agents = list(pool.map(register, range(1_000)))
    assert len(set(agents)) == 1_000
    # What a crowd leaves behind is counted, not guessed.
    total = http.get(
        "/v1/audit/events",
        headers=operator(http, served),
        params={"event_type": "agent_registered", "limit": 0},
    ).json()["total"]
    assert total >= 1_000


def test_of_many_who_renew_one_token_at_once_one_wins(http: httpx.Client, token: str) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: http.post("/v1/token/renew", headers=bearing(token)), range(64)))
    won = [answer.json()["access_token"] for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert {answer.status_code for answer in answers} == {200, 401}
    assert is_valid(http, won[0])


def test_of_many_who_use_one_launch_token_at_once_one_wins(http: httpx.Client, served: Served) -> None:
    body = {"agent_name": "race", "allowed_scope": ["read:trades:AAPL"]}
    launch = http.post("/v1/app/launch-tokens", headers=app(http, served), json=body).json()["launch_token"]

    def register(_: int) -> int:
        key = SigningKey.draw(system_entropy)
        nonce = http.get("/v1/challenge").json()["nonce"]
        return http.post(
            "/v1/register",
            json={
                "launch_token": launch,
                "nonce": nonce,
                "public_key": base64.b64encode(key.public.raw).decode(),
                "signature": base64.b64encode(key.sign(bytes.fromhex(nonce))).decode(),
                "orch_id": "race",
                "task_id": "race",
                "requested_scope": ["read:trades:AAPL"],
            },
        ).status_code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(register, range(32)))
    assert sorted(set(answers)) == [200, 401]
    assert answers.count(200) == 1


# What can be learnt from how long something takes


def test_an_unknown_client_costs_as_many_hashes_as_a_known_one(
    http: httpx.Client, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []

    def counting(module: Any, name: str) -> None:
        real = getattr(module, name)

        def count(secret: str, hashed: str | None) -> bool:
            counted.append(name)
            result: bool = real(secret, hashed)
            return result

        monkeypatch.setattr(module, name, count)

    counting(apps, "verify_client_secret")
    counting(operators, "verify_password")
    wrong = "0" * 64
    for client_id in (served.client_id, "tra-000000000000", "nobody", "\x00"):
        counted.clear()
        answer = http.post("/v1/app/auth", json={"client_id": client_id, "client_secret": wrong})
        assert (answer.status_code, problem_of(answer)["detail"]) == (401, "Authentication failed")
        assert counted == ["verify_client_secret"]
    for secret in (f"op-maria-{wrong}", f"op-nobody-{wrong}", "guess", "op--"):
        counted.clear()
        answer = http.post("/v1/admin/auth", json={"secret": secret})
        assert (answer.status_code, problem_of(answer)["detail"]) == (401, "invalid credentials")
        assert counted == ["verify_password"]


def test_many_logins_at_once_keep_nobody_from_renewing(
    served: Served, http: httpx.Client, token: str
) -> None:
    """The slow hash has threads of its own; the event loop and the others go on."""
    with ThreadPoolExecutor(8) as pool, served.http(timeout=60) as guessing:
        guesses = [
            pool.submit(guessing.post, "/v1/admin/auth", json={"secret": f"op-maria-{number:064x}"})
            for number in range(40)
        ]
        answers = 0
        while not all(guess.done() for guess in guesses):
            assert is_valid(http, token)
            answers += 1
        assert {guess.result().status_code for guess in guesses} == {401}
    assert answers > len(guesses)


# A store that cannot be used


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[Served]:
    settings = ServerSettings(port=0, rates=UNLIMITED)
    with thread(tmp_path / "home", settings, file=Settings(busy_timeout_s=0.2)) as running:
        yield running


def test_while_the_store_is_locked_nothing_is_handed_out(fragile: Served, key: SigningKey) -> None:
    with fragile.http(timeout=60) as http:
        remote = RemoteClient(fragile.url, fragile.client_id, fragile.client_secret, timeout_s=60)
        token = remote.register(asked(), key).token
        header = app(http, fragile)
        body = {"agent_name": "x", "allowed_scope": ["read:trades:AAPL"]}
        elsewhere = sqlite3.connect(fragile.home / "credentials.db", isolation_level=None)
        elsewhere.execute("BEGIN IMMEDIATE")
        try:
            for answer in (
                http.post("/v1/app/launch-tokens", headers=header, json=body),
                http.post("/v1/token/renew", headers=bearing(token)),
            ):
                document = problem_of(answer)
                assert (answer.status_code, document["error_code"]) == (503, "unavailable")
                assert answer.headers["retry-after"] == "1"
                assert str(fragile.home) not in answer.text
                assert "database" not in answer.text
        finally:
            elsewhere.rollback()
            elsewhere.close()
        assert is_valid(http, token)
        assert http.post("/v1/token/renew", headers=bearing(token)).status_code == 200
        remote.close()


def test_on_a_read_only_store_tokens_are_validated_and_nothing_is_handed_out(tmp_path: Path) -> None:
    settings = ServerSettings(port=0, rates=UNLIMITED)
    with thread(tmp_path / "home", settings) as served, served.http() as http:
        token = app(http, served)["Authorization"].removeprefix("Bearer ")
        with (
            Authority.open(open_home(served.home), file=Settings(read_only=True)) as reading,
            running(reading, settings) as url,
            httpx.Client(base_url=url, trust_env=False) as reader,
        ):
            login = {"client_id": served.client_id, "client_secret": served.client_secret}
            answer = reader.post("/v1/app/auth", json=login)
            assert (answer.status_code, problem_of(answer)["error_code"]) == (503, "unavailable")
            assert "access_token" not in answer.text
            assert is_valid(reader, token)


def test_when_the_disk_is_full_nothing_is_handed_out(tmp_path: Path) -> None:
    settings = ServerSettings(port=0, rates=UNLIMITED)
    with thread(tmp_path / "home", settings, file=Settings(max_pages=60)) as served, served.http() as http:
        header = app(http, served)
        body = {"agent_name": "x", "allowed_scope": ["read:trades:" + "A" * 5_000]}
        answers = [http.post("/v1/app/launch-tokens", headers=header, json=body)]
        while answers[-1].status_code == 201 and len(answers) < 200:
            answers.append(http.post("/v1/app/launch-tokens", headers=header, json=body))
        assert len(answers) > 1
        assert problem_of(answers[-1])["error_code"] == "unavailable"
        assert is_valid(http, header["Authorization"].removeprefix("Bearer "))


def test_when_the_store_is_edited_nothing_is_handed_out(fragile: Served) -> None:
    with fragile.http(timeout=60) as http:
        header = app(http, fragile)
        elsewhere = sqlite3.connect(fragile.home / "credentials.db", isolation_level=None)
        elsewhere.execute("UPDATE audit_head SET hash = 'touched'")
        elsewhere.close()
        body = {"agent_name": "x", "allowed_scope": ["read:trades:AAPL"]}
        answer = http.post("/v1/app/launch-tokens", headers=header, json=body)
        assert (answer.status_code, problem_of(answer)["error_code"]) == (503, "unavailable")


def test_without_its_key_the_server_says_so_and_nothing_is_handed_out(fragile: Served) -> None:
    with fragile.http() as http:
        (fragile.home / "signing.pem").rename(fragile.home / "elsewhere.pem")
        answer = http.post(
            "/v1/app/auth",
            json={"client_id": fragile.client_id, "client_secret": fragile.client_secret},
        )
        if answer.status_code != 200:  # the key in memory may serve until it is looked at again
            assert problem_of(answer)["error_code"] == "unavailable"
        health = http.get("/v1/health")
        assert health.status_code == 200


def test_a_bug_of_ours_is_told_without_its_details_and_logged(
    http: httpx.Client, served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(served.authority, "challenge", broken)
    answer = http.get("/v1/challenge")
    assert (answer.status_code, problem_of(answer)["error_code"]) == (500, "internal_error")
    assert "secret detail" not in answer.text
    assert "secret detail" in caplog.text
