"""The commands and a running server share one home: what a command does holds at the server at once."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from agentwrit import AgentWritApp
from agentwrit.errors import AgentWritError, AuthenticationError, AuthorizationError
from typer.testing import CliRunner

from tests.unit.credentials.http import servers
from tradewrit.app import command_line

SCOPE = "read:data:prices"


@contextmanager
def client(url: str, made: dict[str, Any]) -> Iterator[AgentWritApp]:
    """The real client, as the app that was just made."""
    with closing(AgentWritApp(url, made["client_id"], made["client_secret"])) as app:
        yield app


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def url(home: Path) -> Iterator[str]:
    home.mkdir(mode=0o700)
    with servers.command(home) as (url, _):
        yield url


def run(home: Path, *words: str, stdin: str = "") -> Any:
    done = CliRunner().invoke(
        command_line(),
        ["credentials", *words, "--json"],
        input=stdin,
        env={"TRADEWRIT_HOME": str(home)},
        prog_name="tradewrit",
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def validity(url: str, token: str) -> bool:
    answer = httpx.post(f"{url}/v1/token/validate", json={"token": token}, trust_env=False)
    return bool(answer.json()["valid"])


def test_an_app_made_by_the_command_works_with_the_real_client_until_it_is_removed(
    home: Path, url: str
) -> None:
    with client(url, run(home, "app", "add", "desk", "--scope", "read:data:*")) as app:
        agent = app.create_agent("desk", "swing", [SCOPE])
        assert run(home, "inspect", stdin=agent.access_token)["standing"] == "live"
        with pytest.raises(AuthorizationError):
            app.create_agent("desk", "swing", ["write:data:prices"])
        run(home, "app", "remove", "desk")
        assert not app.validate(agent.access_token).valid
        with pytest.raises(AuthenticationError):
            agent.renew()


def test_what_a_command_issues_and_revokes_counts_or_not_at_the_server(home: Path, url: str) -> None:
    one, other = (run(home, "issue", "--scope", SCOPE)["access_token"] for _ in range(2))
    assert (validity(url, one), validity(url, other)) == (True, True)
    run(home, "revoke", "--token", "-", stdin=one)
    assert (validity(url, one), validity(url, other)) == (False, True)


def test_the_kill_switch_ends_everything_at_the_server_until_apps_log_in_after_it(
    home: Path, url: str
) -> None:
    made = run(home, "app", "add", "desk", "--scope", "read:data:*")
    with client(url, made) as app:
        agent = app.create_agent("desk", "swing", [SCOPE])
        run(home, "kill")
        assert not validity(url, agent.access_token)
        with pytest.raises(AgentWritError):
            app.create_agent("desk", "swing", [SCOPE])
    with client(url, made) as app, pytest.raises(AgentWritError, match="kill switch"):
        app.create_agent("desk", "swing", [SCOPE])
    run(home, "rearm")
    with client(url, made) as app:
        assert validity(url, app.create_agent("desk", "swing", [SCOPE]).access_token)


def test_a_running_server_takes_up_a_rotation(home: Path, url: str) -> None:
    before = run(home, "issue", "--scope", SCOPE)["access_token"]
    assert validity(url, before)
    run(home, "rotate")
    after = run(home, "issue", "--scope", SCOPE)["access_token"]
    assert (validity(url, before), validity(url, after)) == (True, True)
    with client(url, run(home, "app", "add", "desk", "--scope", "read:data:*")) as app:
        theirs = app.create_agent("desk", "swing", [SCOPE]).access_token
    assert run(home, "inspect", stdin=theirs)["is_live"]
    run(home, "rotate", "--overlap", "0")
    assert (validity(url, before), validity(url, after), validity(url, theirs)) == (True, False, False)


def test_an_operator_made_by_the_command_administers_until_it_is_removed(home: Path, url: str) -> None:
    secret = run(home, "operator", "add", "maria")["secret"]
    with httpx.Client(base_url=url, trust_env=False) as http:
        answer = http.post("/v1/admin/auth", json={"secret": secret})
        assert answer.status_code == 200
        bearing = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        assert http.get("/v1/admin/apps", headers=bearing).status_code == 200
        run(home, "operator", "remove", "maria")
        assert http.get("/v1/admin/apps", headers=bearing).status_code == 401
        assert http.post("/v1/admin/auth", json={"secret": secret}).status_code == 401


def test_the_audit_trail_tells_of_both_and_verifies_while_the_server_runs(home: Path, url: str) -> None:
    with client(url, run(home, "app", "add", "desk", "--scope", "read:data:*")) as app:
        app.create_agent("desk", "swing", [SCOPE])
    kinds = [one["type"] for one in run(home, "audit", "show", "--all")["events"]]
    assert {"app_registered", "app_authenticated", "launch_token_issued", "agent_registered"} <= set(kinds)
    assert run(home, "audit", "verify")["events"] == len(kinds)
