"""Every endpoint as it is on the wire: status, fields in their order, headers, refusals."""

import base64
import re
from typing import Any

import httpx
import pytest

from tests.unit.credentials.http.servers import Served, app, bearing, operator, problem_of
from tradewrit.credentials.http.problems import STATUSES, TITLES
from tradewrit.credentials.http.table import ENDPOINTS, OPEN, Endpoint
from tradewrit.credentials.keys import SigningKey
from tradewrit.runtime.clock import system_entropy

SCOPE = ["read:trades:AAPL", "write:trades:AAPL"]
RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def launched(http: httpx.Client, header: dict[str, str], **more: Any) -> dict[str, Any]:
    body = {"agent_name": "desk/swing", "allowed_scope": SCOPE, **more}
    answer = http.post("/v1/app/launch-tokens", headers=header, json=body)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def ceremony(http: httpx.Client, launched_with: str, key: SigningKey, **more: Any) -> httpx.Response:
    nonce = http.get("/v1/challenge").json()["nonce"]
    body = {
        "launch_token": launched_with,
        "nonce": nonce,
        "public_key": base64.b64encode(key.public.raw).decode(),
        "signature": base64.b64encode(key.sign(bytes.fromhex(nonce))).decode(),
        "orch_id": "desk",
        "task_id": "swing",
        "requested_scope": SCOPE,
    }
    return http.post("/v1/register", json={**body, **more})


def registered(http: httpx.Client, served: Served, **launch: Any) -> dict[str, Any]:
    answer = ceremony(
        http, launched(http, app(http, served), **launch)["launch_token"], SigningKey.draw(system_entropy)
    )
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_health_has_the_five_fields(http: httpx.Client) -> None:
    answer = http.get("/v1/health")
    assert answer.status_code == 200
    assert list(answer.json()) == ["status", "version", "uptime", "db_connected", "audit_events_count"]
    assert answer.json()["status"] == "ok"
    assert type(answer.json()["uptime"]) is int


def test_a_challenge_is_32_bytes_in_hex_for_half_a_minute(http: httpx.Client) -> None:
    answer = http.get("/v1/challenge")
    assert answer.status_code == 200
    assert list(answer.json()) == ["nonce", "expires_in"]
    assert re.fullmatch(r"[0-9a-f]{64}", answer.json()["nonce"])
    assert answer.json()["expires_in"] == 30
    assert http.get("/v1/challenge").json()["nonce"] != answer.json()["nonce"]


def test_an_app_logs_in(http: httpx.Client, served: Served) -> None:
    answer = http.post(
        "/v1/app/auth", json={"client_id": served.client_id, "client_secret": served.client_secret}
    )
    assert answer.status_code == 200
    assert list(answer.json()) == ["access_token", "expires_in", "token_type", "scopes"]
    assert answer.json()["expires_in"] == 1800
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["scopes"] == ["app:launch-tokens:*", "app:agents:*", "app:audit:read"]


def test_an_operator_logs_in(http: httpx.Client, served: Served) -> None:
    answer = http.post("/v1/admin/auth", json={"secret": served.operator_secret})
    assert answer.status_code == 200
    assert list(answer.json()) == ["access_token", "expires_in", "token_type"]
    assert answer.json()["expires_in"] == 300


def test_a_launch_token_says_what_it_permits(http: httpx.Client, served: Served) -> None:
    made = launched(http, app(http, served))
    assert list(made) == ["launch_token", "expires_at", "policy"]
    assert re.fullmatch(r"[0-9a-f]{64}", made["launch_token"])
    assert re.fullmatch(RFC3339, made["expires_at"])
    assert made["policy"] == {"allowed_scope": SCOPE, "max_ttl": 300}
    assert list(made["policy"]) == ["allowed_scope", "max_ttl"]


@pytest.mark.parametrize(("asked", "given"), [(0, 300), (-5, 300), (10**7, 86_400), (10, 10)])
def test_the_life_of_a_token_is_cut_to_what_is_allowed(
    http: httpx.Client, served: Served, asked: int, given: int
) -> None:
    assert launched(http, app(http, served), max_ttl=asked)["policy"]["max_ttl"] == given


def test_an_operator_launches_without_a_ceiling(http: httpx.Client, served: Served) -> None:
    body = {"agent_name": "any", "allowed_scope": ["read:anything:at-all"]}
    answer = http.post("/v1/admin/launch-tokens", headers=operator(http, served), json=body)
    assert answer.status_code == 201


def test_registration_answers_200_with_the_agent(http: httpx.Client, served: Served) -> None:
    agent = registered(http, served)
    assert list(agent) == ["agent_id", "access_token", "expires_in"]
    assert re.fullmatch(r"spiffe://agentwrit\.local/agent/desk/swing/[0-9a-f]{16}", agent["agent_id"])
    assert agent["expires_in"] == 300


def test_the_claims_stand_in_their_order(http: httpx.Client, served: Served) -> None:
    agent = registered(http, served)
    answer = http.post("/v1/token/validate", json={"token": agent["access_token"]})
    assert answer.status_code == 200
    assert list(answer.json()) == ["valid", "claims"]
    claims = answer.json()["claims"]
    assert list(claims) == ["iss", "sub", "exp", "nbf", "iat", "jti", "scope", "task_id", "orch_id"]
    assert claims["sub"] == agent["agent_id"]


def test_task_and_orchestration_are_there_even_for_an_app(http: httpx.Client, served: Served) -> None:
    token = app(http, served)["Authorization"].removeprefix("Bearer ")
    claims = http.post("/v1/token/validate", json={"token": token}).json()["claims"]
    assert (claims["task_id"], claims["orch_id"]) == ("", "")


def test_a_bad_token_is_200_and_not_valid(http: httpx.Client) -> None:
    for token in ("", "garbage"):
        answer = http.post("/v1/token/validate", json={"token": token})
        assert (answer.status_code, answer.json()) == (
            200,
            {"valid": False, "error": "token is invalid or expired"},
        )


def test_a_missing_token_is_a_bad_request(http: httpx.Client) -> None:
    answer = http.post("/v1/token/validate", json={})
    assert answer.status_code == 400
    assert problem_of(answer)["error_code"] == "invalid_request"


def test_renewal_kills_what_it_replaces(http: httpx.Client, served: Served) -> None:
    agent = registered(http, served)
    answer = http.post("/v1/token/renew", headers=bearing(agent["access_token"]))
    assert answer.status_code == 200
    assert list(answer.json()) == ["access_token", "expires_in"]
    assert answer.json()["expires_in"] == 300
    again = http.post("/v1/token/renew", headers=bearing(agent["access_token"]))
    assert again.status_code == 401
    assert problem_of(again)["detail"] == "token verification failed"


def test_release_is_204_without_a_body_and_may_be_repeated(http: httpx.Client, served: Served) -> None:
    agent = registered(http, served)
    for _ in range(2):
        answer = http.post("/v1/token/release", headers=bearing(agent["access_token"]))
        assert (answer.status_code, answer.content) == (204, b"")
        assert "content-length" not in answer.headers
    forged = http.post("/v1/token/release", headers=bearing(agent["access_token"][:-4] + "AAAA"))
    assert problem_of(forged)["status"] == 401


def test_delegation_answers_with_the_chain(http: httpx.Client, served: Served) -> None:
    giver, taker = registered(http, served), registered(http, served)
    answer = http.post(
        "/v1/delegate",
        headers=bearing(giver["access_token"]),
        json={"delegate_to": taker["agent_id"], "scope": ["read:trades:AAPL"]},
    )
    assert answer.status_code == 200
    assert list(answer.json()) == ["access_token", "expires_in", "delegation_chain"]
    assert answer.json()["expires_in"] == 60
    (record,) = answer.json()["delegation_chain"]
    assert list(record) == ["agent", "scope", "delegated_at", "signature"]
    assert (record["agent"], record["scope"]) == (giver["agent_id"], SCOPE)


def test_a_delegated_token_lives_no_longer_than_its_delegator(http: httpx.Client, served: Served) -> None:
    giver, taker = registered(http, served, max_ttl=5), registered(http, served)
    answer = http.post(
        "/v1/delegate",
        headers=bearing(giver["access_token"]),
        json={"delegate_to": taker["agent_id"], "scope": SCOPE, "ttl": 86_400},
    )
    assert answer.json()["expires_in"] <= 5


@pytest.mark.parametrize("missing", ["delegate_to", "scope"])
def test_delegation_with_a_field_missing_is_a_bad_request(
    http: httpx.Client, served: Served, missing: str
) -> None:
    body = {"delegate_to": "spiffe://agentwrit.local/agent/a/b/0123456789abcdef", "scope": SCOPE}
    del body[missing]
    agent = registered(http, served)
    answer = http.post("/v1/delegate", headers=bearing(agent["access_token"]), json=body)
    assert problem_of(answer)["detail"] == f"{missing} is required"
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "missing", ["launch_token", "nonce", "public_key", "signature", "orch_id", "task_id"]
)
def test_registration_with_a_field_missing_costs_nothing(
    http: httpx.Client, served: Served, key: SigningKey, missing: str
) -> None:
    launch_token = launched(http, app(http, served))["launch_token"]
    answer = ceremony(http, launch_token, key, **{missing: ""})
    assert answer.status_code == 400
    assert problem_of(answer)["detail"] == f"{missing} is required"
    assert ceremony(http, launch_token, key).status_code == 200


@pytest.mark.parametrize("task_id", ["a/b", "..", "a b", "ä", "a\n"])
def test_a_bad_task_is_refused_before_anything_is_used_up(
    http: httpx.Client, served: Served, key: SigningKey, task_id: str
) -> None:
    launch_token = launched(http, app(http, served))["launch_token"]
    answer = ceremony(http, launch_token, key, task_id=task_id)
    assert problem_of(answer)["error_code"] == "invalid_request"
    assert ceremony(http, launch_token, key).status_code == 200


def test_a_launch_token_is_good_once(http: httpx.Client, served: Served, key: SigningKey) -> None:
    launch_token = launched(http, app(http, served))["launch_token"]
    assert ceremony(http, launch_token, key).status_code == 200
    answer = ceremony(http, launch_token, key)
    assert (answer.status_code, problem_of(answer)["error_code"]) == (401, "unauthorized")


def test_a_nonce_is_good_once_and_a_bad_signature_uses_it_up(
    http: httpx.Client, served: Served, key: SigningKey
) -> None:
    launch_token = launched(http, app(http, served))["launch_token"]
    nonce = http.get("/v1/challenge").json()["nonce"]
    over_the_text = base64.b64encode(key.sign(nonce.encode())).decode()
    over_the_bytes = base64.b64encode(key.sign(bytes.fromhex(nonce))).decode()
    wrong = ceremony(http, launch_token, key, nonce=nonce, signature=over_the_text)
    assert problem_of(wrong)["status"] == 401
    late = ceremony(http, launch_token, key, nonce=nonce, signature=over_the_bytes)
    assert problem_of(late)["detail"] == "nonce was already used"
    assert ceremony(http, launch_token, key).status_code == 200


def test_more_scope_than_was_launched_costs_nothing(
    http: httpx.Client, served: Served, key: SigningKey
) -> None:
    launch_token = launched(http, app(http, served))["launch_token"]
    answer = ceremony(http, launch_token, key, requested_scope=["write:trades:*"])
    assert (answer.status_code, problem_of(answer)["error_code"]) == (403, "scope_violation")
    assert ceremony(http, launch_token, key).status_code == 200


def test_the_life_of_an_app(http: httpx.Client, served: Served) -> None:
    header = operator(http, served)
    made = http.post(
        "/v1/admin/apps", headers=header, json={"name": "life-of-one", "scopes": SCOPE, "token_ttl": 600}
    )
    assert made.status_code == 201
    assert list(made.json()) == [
        "app_id",
        "name",
        "client_id",
        "client_secret",
        "scopes",
        "token_ttl",
        "status",
    ]
    app_id = made.json()["app_id"]
    assert re.fullmatch(r"app-life-of-one-[0-9a-f]{6}", app_id)
    assert re.fullmatch(r"[a-z]{2,3}-[0-9a-f]{12}", made.json()["client_id"])
    assert re.fullmatch(r"[0-9a-f]{64}", made.json()["client_secret"])
    again = http.post("/v1/admin/apps", headers=header, json={"name": "life-of-one", "scopes": SCOPE})
    assert (again.status_code, problem_of(again)["error_code"]) == (409, "conflict")

    login = {name: made.json()[name] for name in ("client_id", "client_secret")}
    token = http.post("/v1/app/auth", json=login).json()["access_token"]
    agent = ceremony(
        http, launched(http, bearing(token))["launch_token"], SigningKey.draw(system_entropy)
    ).json()

    shown = http.get(f"/v1/admin/apps/{app_id}", headers=header)
    assert shown.json()["status"] == "active"
    assert "client_secret" not in shown.json()
    listed = http.get("/v1/admin/apps", headers=header).json()
    assert listed["total"] == len(listed["apps"])
    assert app_id in {one["app_id"] for one in listed["apps"]}

    changed = http.put(f"/v1/admin/apps/{app_id}", headers=header, json={"scopes": ["read:trades:*"]})
    assert (changed.status_code, changed.json()["scopes"], changed.json()["token_ttl"]) == (
        200,
        ["read:trades:*"],
        600,
    )
    wrong = http.put(f"/v1/admin/apps/{app_id}", headers=header, json={"token_ttl": 59})
    assert (wrong.status_code, problem_of(wrong)["error_code"]) == (400, "invalid_ttl")

    removed = http.delete(f"/v1/admin/apps/{app_id}", headers=header)
    assert removed.status_code == 200
    assert list(removed.json()) == ["app_id", "status", "deregistered_at"]
    assert removed.json()["status"] == "inactive"
    assert http.post("/v1/app/auth", json=login).status_code == 401
    for dead in (token, agent["access_token"]):
        assert not http.post("/v1/token/validate", json={"token": dead}).json()["valid"]
    missing = http.delete("/v1/admin/apps/app-nothing-000000", headers=header)
    assert (missing.status_code, problem_of(missing)["error_code"]) == (404, "not_found")


def test_operators_have_names_of_their_own(http: httpx.Client, served: Served) -> None:
    header = operator(http, served)
    made = http.post("/v1/admin/operators", headers=header, json={"name": "jonas"})
    assert (made.status_code, list(made.json())) == (201, ["name", "secret"])
    login = http.post("/v1/admin/auth", json={"secret": made.json()["secret"]})
    token = login.json()["access_token"]
    claims = http.post("/v1/token/validate", json={"token": token}).json()["claims"]
    assert claims["sub"] == "admin:jonas"
    listed = http.get("/v1/admin/operators", headers=header).json()["operators"]
    assert {"name": "jonas", "status": "active"} in listed
    assert http.delete("/v1/admin/operators/jonas", headers=header).status_code == 204
    assert not http.post("/v1/token/validate", json={"token": token}).json()["valid"]
    assert http.post("/v1/admin/auth", json={"secret": made.json()["secret"]}).status_code == 401


@pytest.mark.parametrize("level", ["token", "agent", "task", "chain", "app"])
def test_a_revocation_is_in_force_at_once(http: httpx.Client, served: Served, level: str) -> None:
    header = operator(http, served)
    body = {"name": f"revoked-by-{level}", "scopes": SCOPE}
    made = http.post("/v1/admin/apps", headers=header, json=body).json()
    login = {name: made[name] for name in ("client_id", "client_secret")}
    app_token = http.post("/v1/app/auth", json=login).json()["access_token"]
    launch_token = launched(http, bearing(app_token))["launch_token"]
    task = f"task-{level}"
    agent = ceremony(http, launch_token, SigningKey.draw(system_entropy), task_id=task).json()
    given = http.post(
        "/v1/delegate",
        headers=bearing(agent["access_token"]),
        json={"delegate_to": agent["agent_id"], "scope": ["read:trades:AAPL"]},
    ).json()
    claims = http.post("/v1/token/validate", json={"token": agent["access_token"]}).json()["claims"]
    target = {
        "token": claims["jti"],
        "agent": agent["agent_id"],
        "task": task,
        "chain": agent["agent_id"],
        "app": made["app_id"],
    }[level]
    answer = http.post("/v1/revoke", headers=header, json={"level": level, "target": target})
    assert answer.status_code == 200
    assert answer.json() == {"revoked": True, "level": level, "target": target, "count": 1}
    assert list(answer.json()) == ["revoked", "level", "target", "count"]
    root = http.post("/v1/token/validate", json={"token": agent["access_token"]}).json()["valid"]
    assert root is (level == "chain")
    assert not http.post("/v1/token/validate", json={"token": given["access_token"]}).json()["valid"]


@pytest.mark.parametrize(
    "body", [{}, {"level": "agent"}, {"level": "galaxy", "target": "x"}, {"target": "x"}]
)
def test_a_revocation_of_nothing_in_particular_is_refused(
    http: httpx.Client, served: Served, body: dict[str, str]
) -> None:
    answer = http.post("/v1/revoke", headers=operator(http, served), json=body)
    assert problem_of(answer)["error_code"] == "invalid_request"


def test_the_audit_trail_can_be_searched_and_leafed_through(http: httpx.Client, served: Served) -> None:
    agent = registered(http, served)
    header = operator(http, served)
    answer = http.get("/v1/audit/events", headers=header, params={"agent_id": agent["agent_id"]})
    assert answer.status_code == 200
    page = answer.json()
    assert list(page) == ["events", "total", "offset", "limit"]
    assert (page["offset"], page["limit"]) == (0, 100)
    kinds = [event["event_type"] for event in page["events"]]
    assert kinds == ["agent_registered", "token_issued"]
    assert page["total"] == 2
    first = page["events"][0]
    assert re.fullmatch(r"evt-\d{6}", first["id"])
    assert {"timestamp", "outcome", "hash", "prev_hash", "task_id", "orch_id"} <= first.keys()
    assert "bytes_transferred" not in first
    second = http.get(
        "/v1/audit/events",
        headers=header,
        params={"agent_id": agent["agent_id"], "limit": 1, "offset": 1, "since": first["timestamp"]},
    ).json()
    assert [event["event_type"] for event in second["events"]] == ["token_issued"]
    assert http.get("/v1/audit/events", headers=header, params={"limit": 10**6}).json()["limit"] == 1000


@pytest.mark.parametrize(
    "query", [{"limit": "-1"}, {"limit": "x"}, {"limit": "٣"}, {"offset": "1_0"}, {"since": "yesterday"}]
)
def test_a_query_nobody_can_answer_is_refused(
    http: httpx.Client, served: Served, query: dict[str, str]
) -> None:
    answer = http.get("/v1/audit/events", headers=operator(http, served), params=query)
    assert problem_of(answer)["error_code"] == "invalid_request"


def test_head_works_wherever_get_does(http: httpx.Client) -> None:
    got, head = http.get("/v1/health"), http.head("/v1/health")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(got.content)


def test_an_unknown_path_is_a_problem(http: httpx.Client) -> None:
    for path in ("/", "/v1", "/v1/health/", "/v1//health", "/V1/health", "/docs", "/openapi.json"):
        answer = http.get(path)
        assert (answer.status_code, problem_of(answer)["error_code"]) == (404, "not_found"), path


def test_a_wrong_method_says_which_are_right(http: httpx.Client) -> None:
    answer = http.delete("/v1/admin/apps")
    assert (answer.status_code, problem_of(answer)["error_code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"
    assert http.get("/v1/token/renew").headers["allow"] == "POST"
    assert http.post("/v1/admin/apps/x").headers["allow"] == "DELETE, GET, HEAD, PUT"


@pytest.mark.parametrize("path", ["/v1/health", "/v1/nowhere", "/v1/token/validate"])
def test_every_answer_has_its_safety_headers(http: httpx.Client, path: str) -> None:
    answer = http.get(path, headers={"X-Request-ID": "my-own-1"})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-request-id"] == "my-own-1"
    assert "strict-transport-security" not in answer.headers
    assert "server" not in answer.headers


@pytest.mark.parametrize("own", ["", "x" * 129, "two words", "\x80"])
def test_a_request_id_that_is_none_is_replaced(http: httpx.Client, own: str) -> None:
    answer = http.get("/v1/health", headers=[(b"X-Request-ID", own.encode("latin-1"))])
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["x-request-id"])


NEEDING = [endpoint for endpoint in ENDPOINTS if endpoint.needs != OPEN]


def named(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def called(http: httpx.Client, endpoint: Endpoint, **named: Any) -> httpx.Response:
    path = re.sub(r"\{\w+\}", "nobody", endpoint.path)
    return http.request(endpoint.method, path, **named)


@pytest.mark.parametrize("endpoint", NEEDING, ids=named)
def test_nobody_gets_in_without_a_token(http: httpx.Client, endpoint: Endpoint) -> None:
    for header, detail in (
        ({}, "missing authorization header"),
        ({"Authorization": "bearer x"}, "invalid authorization scheme"),
        ({"Authorization": "Bearer"}, "invalid authorization scheme"),
        ({"Authorization": "Basic eDp5"}, "invalid authorization scheme"),
        ({"Authorization": "Bearer garbage"}, "token verification failed"),
    ):
        answer = called(http, endpoint, headers=header, json={})
        if endpoint.takes is not None and answer.status_code == 400:
            assert detail == "token verification failed"
            continue
        assert (answer.status_code, problem_of(answer)["detail"]) == (401, detail)
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("endpoint", [one for one in NEEDING if ":" in one.needs], ids=named)
def test_the_wrong_kind_of_token_lacks_the_scope(
    http: httpx.Client, served: Served, endpoint: Endpoint
) -> None:
    token = registered(http, served)["access_token"]
    answer = called(http, endpoint, headers=bearing(token), json={})
    assert answer.status_code == 403
    document = problem_of(answer)
    assert document["error_code"] == "insufficient_scope"
    assert document["detail"] == f"token lacks required scope: {endpoint.needs}"


def test_every_error_code_has_a_status_and_every_status_a_title() -> None:
    assert set(STATUSES.values()) <= set(TITLES)
    for endpoint in ENDPOINTS:
        assert set(endpoint.error_codes) <= set(STATUSES)


def test_a_private_key_is_in_no_key_set(http: httpx.Client) -> None:
    answer = http.get("/.well-known/jwks.json")
    assert answer.headers["content-type"] == "application/jwk-set+json"
    for key in answer.json()["keys"]:
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
        assert "d" not in key


def test_the_figures_name_routes_and_not_what_was_sent(http: httpx.Client) -> None:
    http.get("/v1/admin/apps/somebody-elses-secret")
    http.get("/somewhere/else")
    text = http.get("/v1/metrics").text
    assert 'route="/v1/admin/apps/{app_id}",status="401"' in text
    assert 'method="any",route="unmatched",status="404"' in text
    assert "somebody-elses-secret" not in text
