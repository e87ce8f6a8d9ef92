"""The real AgentWrit client, as it is published, against the server as a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from agentwrit import Agent, AgentWritApp, scope_is_subset, validate
from agentwrit.errors import AgentWritError, AuthenticationError, AuthorizationError, ProblemResponseError

from tests.unit.credentials.http.servers import Served, bearing
from tradewrit.runtime.clock import Stopwatch

DOCUMENT = "AGENTWRIT_EXAMPLE"
"""Names a document with the published example program in it (see the last test)."""


@pytest.fixture(scope="module")
def desk(real: Served) -> Iterator[AgentWritApp]:
    app = AgentWritApp(real.url, real.client_id, real.client_secret)
    yield app
    app.close()


def agent(desk: AgentWritApp, *scope: str, task: str = "swing", max_ttl: int = 300) -> Agent:
    return desk.create_agent("desk", task, list(scope) or ["read:data:prices"], max_ttl=max_ttl)


def test_an_agent_is_created_with_an_identity_and_a_live_token(desk: AgentWritApp) -> None:
    made = agent(desk, "read:data:prices", "write:data:signals")
    assert re.fullmatch(r"spiffe://agentwrit\.local/agent/desk/swing/[0-9a-f]{16}", made.agent_id)
    assert made.expires_in == 300
    assert made.access_token.startswith("eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIs")
    result = desk.validate(made.access_token)
    assert result.valid
    assert result.claims is not None
    assert result.claims.sub == made.agent_id
    assert result.claims.scope == ["read:data:prices", "write:data:signals"]
    assert (result.claims.orch_id, result.claims.task_id, result.claims.iss) == ("desk", "swing", "")
    assert result.claims.exp - result.claims.iat == 300
    assert result.claims.nbf == result.claims.iat
    assert result.claims.aud == []


def test_renewal_changes_the_token_and_not_the_agent(desk: AgentWritApp) -> None:
    made = agent(desk)
    before, identity = made.access_token, made.agent_id
    made.renew()
    assert made.agent_id == identity
    assert made.access_token != before
    assert made.expires_in == 300
    assert not validate(desk.broker_url, before).valid
    assert validate(desk.broker_url, made.access_token).valid


def test_a_released_token_is_dead_and_releasing_again_does_nothing(desk: AgentWritApp) -> None:
    made = agent(desk)
    made.release()
    made.release()
    result = desk.validate(made.access_token)
    assert not result.valid
    assert result.error == "token is invalid or expired"
    assert result.claims is None


def test_a_released_agent_cannot_renew(desk: AgentWritApp, real: Served) -> None:
    made = agent(desk)
    made.release()
    with pytest.raises(AgentWritError, match="released"):
        made.renew()
    answer = httpx.post(f"{real.url}/v1/token/renew", headers=made.bearer_header)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "unauthorized")


def test_a_part_of_a_permission_is_delegated(desk: AgentWritApp) -> None:
    giver = agent(desk, "read:data:prices", "write:data:signals", task="giver")
    taker = agent(desk, "read:data:other", task="taker")
    given = giver.delegate(taker.agent_id, ["read:data:prices"])
    assert given.expires_in == 60
    assert [record.agent for record in given.delegation_chain] == [giver.agent_id]
    assert given.delegation_chain[0].scope == ["read:data:prices", "write:data:signals"]
    claims = desk.validate(given.access_token).claims
    assert claims is not None
    assert claims.sub == taker.agent_id
    assert claims.scope == ["read:data:prices"]
    assert claims.chain_hash
    assert claims.delegation_chain is not None
    assert claims.delegation_chain[0].agent == giver.agent_id


def test_all_of_a_permission_may_be_delegated(desk: AgentWritApp) -> None:
    giver, taker = agent(desk, task="giver"), agent(desk, task="taker")
    given = giver.delegate(taker.agent_id, giver.scope, ttl=30)
    assert given.expires_in == 30
    assert desk.validate(given.access_token).valid


def test_what_one_does_not_hold_cannot_be_delegated(desk: AgentWritApp) -> None:
    giver, taker = agent(desk, task="giver"), agent(desk, task="taker")
    with pytest.raises(AuthorizationError) as refused:
        giver.delegate(taker.agent_id, ["write:data:prices"])
    assert refused.value.problem.error_code == "scope_violation"
    assert refused.value.problem.detail == "delegated scope exceeds delegator scope"


def test_nobody_delegates_to_somebody_who_is_not_registered(desk: AgentWritApp) -> None:
    with pytest.raises(ProblemResponseError) as refused:
        agent(desk).delegate(
            "spiffe://agentwrit.local/agent/desk/swing/0123456789abcdef", ["read:data:prices"]
        )
    assert refused.value.status_code == 404
    assert refused.value.problem.error_code == "not_found"


def test_a_permission_narrows_along_a_chain_and_dies_with_its_root(desk: AgentWritApp, real: Served) -> None:
    first = agent(desk, "read:data:a", "read:data:b", "read:data:c", task="first")
    second, third = agent(desk, task="second"), agent(desk, task="third")
    to_second = first.delegate(second.agent_id, ["read:data:a", "read:data:b"])
    answer = httpx.post(
        f"{real.url}/v1/delegate",
        headers=bearing(to_second.access_token),
        json={"delegate_to": third.agent_id, "scope": ["read:data:a"]},
    )
    assert answer.status_code == 200
    assert [link["agent"] for link in answer.json()["delegation_chain"]] == [first.agent_id, second.agent_id]
    to_third = answer.json()["access_token"]
    claims = desk.validate(to_third).claims
    assert claims is not None
    assert (claims.sub, claims.scope) == (third.agent_id, ["read:data:a"])
    refused = httpx.post(
        f"{real.url}/v1/delegate",
        headers=bearing(to_third),
        json={"delegate_to": first.agent_id, "scope": ["read:data:b"]},
    )
    assert refused.status_code == 403
    first.release()
    assert not desk.validate(to_second.access_token).valid
    assert not desk.validate(to_third).valid


def test_a_tool_is_gated_by_what_the_agent_holds(desk: AgentWritApp) -> None:
    made = agent(desk, "read:trades:AAPL")
    claims = desk.validate(made.access_token).claims
    assert claims is not None
    assert scope_is_subset(["read:trades:AAPL"], claims.scope)
    assert not scope_is_subset(["write:trades:AAPL"], claims.scope)
    assert not scope_is_subset(["read:trades:TSLA"], claims.scope)


def test_a_token_dies_of_its_age_and_releasing_it_is_safe(desk: AgentWritApp) -> None:
    made = agent(desk, max_ttl=1)
    assert made.expires_in == 1
    watch = Stopwatch()
    while desk.validate(made.access_token).valid and watch.wall() < 10:
        pass
    assert not desk.validate(made.access_token).valid
    with pytest.raises(AuthenticationError):
        made.renew()
    made.release()


def test_a_refusal_is_a_problem_with_every_field(desk: AgentWritApp) -> None:
    with pytest.raises(AuthorizationError) as refused:
        agent(desk, "delete:everything:now")
    problem = refused.value.problem
    assert refused.value.status_code == problem.status == 403
    assert problem.type == "urn:agentwrit:error:forbidden"
    assert problem.title == "Forbidden"
    assert problem.error_code == "forbidden"
    assert problem.instance == "/v1/app/launch-tokens"
    assert problem.detail
    assert problem.request_id
    assert str(refused.value) == f"Forbidden: {problem.detail}"


def test_a_wrong_secret_is_refused(real: Served) -> None:
    app = AgentWritApp(real.url, real.client_id, "0" * 64)
    with pytest.raises(AuthenticationError) as refused:
        app.create_agent("desk", "swing", ["read:data:prices"])
    assert refused.value.problem.error_code == "unauthorized"
    app.close()


def test_agents_of_one_app_stand_apart(desk: AgentWritApp) -> None:
    agents = [agent(desk, f"read:data:{name}", task=name) for name in ("one", "two", "three")]
    assert len({made.agent_id for made in agents}) == 3
    agents[0].release()
    agents[1].renew()
    assert [desk.validate(made.access_token).valid for made in agents] == [False, True, True]


@pytest.mark.parametrize("token", ["garbage", "a.b.c", "", "eyJhbGciOiJub25lIn0.e30.", "é"])
def test_garbage_is_no_token(desk: AgentWritApp, token: str) -> None:
    result = desk.validate(token)
    assert not result.valid
    assert result.error == "token is invalid or expired"


def test_the_server_is_well(desk: AgentWritApp) -> None:
    agent(desk)
    health = desk.health()
    assert health.status == "ok"
    assert health.version
    assert health.uptime >= 0
    assert health.db_connected
    assert health.audit_events_count > 0


def test_the_ceiling_of_an_app_is_where_its_agents_end(desk: AgentWritApp) -> None:
    with pytest.raises(AuthorizationError) as refused:
        agent(desk, "read:secrets:all")
    assert "read:trades" not in refused.value.problem.detail


TRADER = """
import os, time
from agentwrit import AgentWritApp, scope_is_subset, validate

app = AgentWritApp(
    os.environ["AGENTWRIT_BROKER_URL"],
    os.environ["AGENTWRIT_CLIENT_ID"],
    os.environ["AGENTWRIT_CLIENT_SECRET"],
)
long = app.create_agent("engine", "long", ["read:trades:AAPL", "write:trades:AAPL"], max_ttl=300)
for cycle in range(3):
    old = long.access_token
    assert scope_is_subset(["write:trades:AAPL"], long.scope)
    long.renew()
    print(cycle, long.expires_in, long.access_token[:24], validate(app.broker_url, old).valid)
long.release()
print("long", validate(app.broker_url, long.access_token).valid)
short = app.create_agent("engine", "short", ["read:trades:TSLA", "write:trades:TSLA"], max_ttl=10)
short.release()
print("short", short.expires_in, validate(app.broker_url, short.access_token).valid)
left = app.create_agent("engine", "left", ["read:trades:SPY"], max_ttl=4)
print("left", validate(app.broker_url, left.access_token).valid)
time.sleep(4)  # whole seconds: it lives at most four
result = validate(app.broker_url, left.access_token)
print("left", result.valid, result.error)
left.release()
print("done")
"""
EXPECTED = """\
0 300 eyJhbGciOiJFZERTQSIsInR5 False
1 300 eyJhbGciOiJFZERTQSIsInR5 False
2 300 eyJhbGciOiJFZERTQSIsInR5 False
long False
short 10 False
left True
left False token is invalid or expired
done
"""


def run(program: Path, served: Served) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, program],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={
            "PATH": os.environ.get("PATH", ""),
            "LANG": "C.UTF-8",
            "AGENTWRIT_BROKER_URL": served.url,
            "AGENTWRIT_CLIENT_ID": served.client_id,
            "AGENTWRIT_CLIENT_SECRET": served.client_secret,
        },
    )


def test_a_trading_program_renews_releases_and_outlives_an_expiry(real: Served, tmp_path: Path) -> None:
    program = tmp_path / "trader.py"
    program.write_text(TRADER, encoding="utf-8")
    done = run(program, real)
    assert (done.stdout, done.stderr, done.returncode) == (EXPECTED, "", 0)


@pytest.mark.skipif(DOCUMENT not in os.environ, reason=f"{DOCUMENT} names no document with the program in it")
def test_the_published_example_program_runs_unmodified_to_its_end(real: Served, tmp_path: Path) -> None:
    text = Path(os.environ[DOCUMENT]).read_text(encoding="utf-8")
    found = re.search(
        r'^# trading_agent\.py\n.*?^if __name__ == "__main__":\n    main\(\)\n',
        text,
        re.MULTILINE | re.DOTALL,
    )
    assert found is not None, "the program is not in the document"
    program = tmp_path / "trading_agent.py"
    program.write_text(found[0], encoding="utf-8")
    done = run(program, real)
    assert (done.returncode, done.stderr) == (0, "")
    shown = text[text.rindex("Expected Output") :].partition("\n")[2]
    wanted = shown[: shown.index("All sessions complete.") + len("All sessions complete.")]
    assert plain(done.stdout) == plain(wanted)


def plain(output: str) -> list[str]:
    """The lines, without what is drawn anew for every agent and without blank ones."""
    drawn = re.sub(r"/[0-9a-f]{4,16}(?:\.\.\.)?$|eyJ[A-Za-z0-9.]+\.\.\.$", "*", output, flags=re.MULTILINE)
    return [line.rstrip() for line in drawn.splitlines() if line.strip()]
