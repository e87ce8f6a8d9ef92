"""Who is told to wait, and who is let through while others are."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

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
from tradewrit.credentials.http.limits import Limit, Limits, Rates
from tradewrit.credentials.http.settings import ServerSettings
from tradewrit.credentials.http.table import ENDPOINTS, OPEN
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.rate_limits import Rate
from tradewrit.credentials.remote import RemoteClient
from tradewrit.credentials.requests import DelegationRequest
from tradewrit.domain.market import SECOND
from tradewrit.errors import CredentialRefused, Throttled
from tradewrit.runtime.clock import ManualClock, SystemClock, system_entropy

FEW = Rate(burst=3, per_minute=1)
STINGY = Rates(open=FEW, app=FEW, operator=FEW, hashing=Rate(burst=8, per_minute=1), report=FEW, refused=FEW)


def limits(clock: ManualClock | None = None) -> Limits:
    return Limits(clock or ManualClock(SECOND), system_entropy, STINGY)


@pytest.fixture
def stingy(tmp_path: Path) -> Iterator[Served]:
    with thread(tmp_path / "home", ServerSettings(port=0, rates=STINGY)) as served:
        yield served


def test_every_open_route_has_a_limit() -> None:
    assert [endpoint.path for endpoint in ENDPOINTS if endpoint.needs == OPEN and not endpoint.limits] == []


def test_what_one_address_has_used_up_another_still_has() -> None:
    buckets = limits()
    for _ in range(3):
        buckets.arrive(Limit.OPEN, "/v1/challenge", "203.0.113.1")
    with pytest.raises(Throttled) as throttled:
        buckets.arrive(Limit.OPEN, "/v1/challenge", "203.0.113.1")
    assert 0 < throttled.value.retry_after_s <= 60
    buckets.arrive(Limit.OPEN, "/v1/challenge", "203.0.113.2")
    buckets.arrive(Limit.OPEN, "/v1/token/validate", "203.0.113.1")


def test_waiting_for_as_long_as_was_said_is_enough() -> None:
    clock = ManualClock(SECOND)
    buckets = limits(clock)
    for _ in range(3):
        buckets.arrive(Limit.OPEN, "/v1/challenge", "203.0.113.1")
    with pytest.raises(Throttled) as throttled:
        buckets.arrive(Limit.OPEN, "/v1/challenge", "203.0.113.1")
    clock.advance(round(throttled.value.retry_after_s * SECOND) + 1)
    buckets.arrive(Limit.OPEN, "/v1/challenge", "203.0.113.1")


def test_nobody_locks_an_app_out_from_elsewhere() -> None:
    buckets = limits()
    for _ in range(3):
        buckets.name(Limit.APP, "203.0.113.1", "tra-000000000000")
    with pytest.raises(Throttled):
        buckets.name(Limit.APP, "203.0.113.1", "tra-000000000000")
    buckets.name(Limit.APP, "198.51.100.7", "tra-000000000000")


def test_trying_many_names_does_not_get_around_the_limit_on_hashing() -> None:
    buckets = limits()
    for _ in range(8):
        buckets.arrive(Limit.OPERATOR, "/v1/admin/auth", "203.0.113.1")
    with pytest.raises(Throttled):
        buckets.arrive(Limit.OPERATOR, "/v1/admin/auth", "203.0.113.1")


def test_asking_whether_one_might_be_refused_costs_nothing() -> None:
    buckets = limits()
    for _ in range(100):
        buckets.may_be_refused("203.0.113.1", lambda: False)
    for _ in range(3):
        assert buckets.was_refused("203.0.113.1")
    assert not buckets.was_refused("203.0.113.1")
    with pytest.raises(Throttled):
        buckets.may_be_refused("203.0.113.1", lambda: False)
    buckets.may_be_refused("203.0.113.1", lambda: True)


def test_a_flood_of_garbage_is_stopped_and_a_live_token_still_passes(stingy: Served) -> None:
    with stingy.http() as http:
        header = operator(http, stingy)
        before = http.get("/v1/audit/events", headers=header).json()["total"]
        for _ in range(3):
            assert http.post("/v1/token/renew", headers=bearing("garbage")).status_code == 401
        answer = http.post("/v1/token/renew", headers=bearing("garbage"))
        assert (answer.status_code, problem_of(answer)["error_code"]) == (429, "rate_limited")
        assert int(answer.headers["retry-after"]) >= 1
        after = http.get("/v1/audit/events", headers=header)
        assert after.status_code == 200
        assert after.json()["total"] == before + 3


def test_a_holder_cannot_grow_the_audit_trail_without_bound_and_harms_nobody_else(tmp_path: Path) -> None:
    """Neither by renewing, which changes the token, nor by releasing what is dead."""
    settings = ServerSettings(port=0, rates=replace(UNLIMITED, holder=FEW))
    with (
        thread(tmp_path / "home", settings) as served,
        closing(RemoteClient(served.url, served.client_id, served.client_secret)) as client,
    ):
        key = SigningKey.draw(system_entropy)
        greedy, other = client.register(asked(), key), client.register(asked(), key)
        for _ in range(2):
            client.delegate(greedy.token, DelegationRequest(to=other.claims.sub, scope=("read:trades:AAPL",)))
        greedy = client.renew(greedy.token)
        for act in (client.renew, client.release):
            with pytest.raises(Throttled):
                act(greedy.token)
        with pytest.raises(Throttled):
            client.delegate(greedy.token, DelegationRequest(to=other.claims.sub, scope=("read:trades:AAPL",)))
        other = client.renew(other.token)
        client.release(other.token)
        assert served.authority is not None
        before = served.authority.event_count()
        for _ in range(3):
            client.release(other.token)
        with pytest.raises(Throttled):
            client.release(other.token)
        assert served.authority.event_count() == before + 3


def test_who_passes_a_token_on_cannot_use_up_what_its_delegate_may_do(tmp_path: Path) -> None:
    settings = ServerSettings(port=0, rates=replace(UNLIMITED, holder=FEW))
    with (
        thread(tmp_path / "home", settings) as served,
        closing(RemoteClient(served.url, served.client_id, served.client_secret)) as client,
    ):
        key = SigningKey.draw(system_entropy)
        greedy, victim = client.register(asked(), key), client.register(asked(), key)
        request = DelegationRequest(to=victim.claims.sub, scope=("read:trades:AAPL",))
        passed_on = client.delegate(greedy.token, request)
        for _ in range(3):
            passed_on = client.renew(passed_on.token)
        with pytest.raises(Throttled):
            client.renew(passed_on.token)
        client.renew(victim.token)
        client.renew(greedy.token)


def test_a_forged_token_does_not_count_against_the_agent_it_names(tmp_path: Path) -> None:
    settings = ServerSettings(port=0, rates=replace(UNLIMITED, holder=FEW))
    with (
        thread(tmp_path / "home", settings) as served,
        closing(RemoteClient(served.url, served.client_id, served.client_secret)) as client,
    ):
        issued = client.register(asked(), SigningKey.draw(system_entropy))
        for last in "ABCDEFGH":
            with pytest.raises(CredentialRefused):
                client.renew(f"{issued.token[:-12]}{last * 12}")
        client.renew(issued.token)


def test_logins_are_limited_by_name_and_the_audit_trail_says_so(stingy: Served) -> None:
    with stingy.http() as http:
        for _ in range(3):
            app(http, stingy)
        answer = http.post(
            "/v1/app/auth", json={"client_id": stingy.client_id, "client_secret": stingy.client_secret}
        )
        assert (answer.status_code, problem_of(answer)["error_code"]) == (429, "rate_limited")
        found = http.get(
            "/v1/audit/events", headers=operator(http, stingy), params={"event_type": "app_rate_limited"}
        ).json()["events"]
        assert [event["outcome"] for event in found] == ["denied"]


def test_an_open_route_is_limited_for_each_address(tmp_path: Path) -> None:
    from ipaddress import ip_network

    settings = ServerSettings(port=0, rates=STINGY, trusted_proxies=(ip_network("127.0.0.0/8"),))
    with thread(tmp_path / "home", settings) as served, served.http() as http:

        def asked(address: str) -> httpx.Response:
            return http.get("/v1/challenge", headers={"X-Forwarded-For": address})

        assert [asked("203.0.113.1").status_code for _ in range(4)] == [200, 200, 200, 429]
        assert asked("203.0.113.2").status_code == 200
        assert asked("spoofed, 203.0.113.1").status_code == 429


def test_a_live_token_may_be_validated_without_end_and_garbage_may_not(stingy: Served) -> None:
    with stingy.http() as http:
        token = app(http, stingy)["Authorization"].removeprefix("Bearer ")

        def validated(text: str) -> httpx.Response:
            return http.post("/v1/token/validate", json={"token": text})

        assert all(validated(token).json()["valid"] for _ in range(20))
        assert [validated("garbage").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_stranger_cannot_pretend_to_come_from_elsewhere(stingy: Served) -> None:
    with stingy.http() as http:
        answers = [
            http.get("/v1/challenge", headers={"X-Forwarded-For": f"203.0.113.{number}"}).status_code
            for number in range(4)
        ]
    assert answers == [200, 200, 200, 429]


def test_the_usual_rates_let_a_desk_work() -> None:
    clock = SystemClock()
    buckets = Limits(clock, system_entropy)
    for _ in range(1_000):
        buckets.arrive(Limit.OPEN, "/v1/challenge", "127.0.0.1")
        buckets.arrive(Limit.OPEN, "/v1/register", "127.0.0.1")
