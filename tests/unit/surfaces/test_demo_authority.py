"""`tradewrit demo --authority`: a desk under the writs of a server that runs in a process of its own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.unit.credentials.http import servers
from tests.unit.credentials.http.brokers import broker
from tests.unit.surfaces.console import run
from tradewrit.app import command_line
from tradewrit.research import demo
from tradewrit.runtime.journal.sqlite import SqliteJournal

ROLES = {
    "desk",
    "market_watch",
    "bookkeeper",
    "risk_officer",
    "position_keeper",
    "reviewer",
    "executor",
    "strategist",
}


class There:
    """A server over one home folder, and the home of a desk with its own sealed store."""

    def __init__(self, folder: Path, url: str, server_home: Path) -> None:
        self.folder = folder
        self.url, self.server_home = url, server_home
        self.is_killed = False
        self.name = f"desk-{folder.name.lower().replace('_', '-')}"[:60].rstrip("-")
        self.env = {
            "TRADEWRIT_HOME": str(folder / "here"),
            "TRADEWRIT_KEY_FILE": str(folder / "desk.key"),
        }
        assert run("secrets", "keygen", folder / "desk.key").exit_code == 0

    def command(self, *words: str) -> Any:
        """A command at the authority."""
        done = run("credentials", *words, "--json", env={"TRADEWRIT_HOME": str(self.server_home)})
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def keep(self, secret: str, name: str = "authority") -> None:
        """Into the desk's sealed store."""
        done = CliRunner().invoke(
            command_line(), ["secrets", "set", name], input=secret, env=self.env, prog_name="tradewrit"
        )
        assert done.exit_code == 0, done.output

    def joins(self, *words: str) -> str:
        """An app for the desk; its client id."""
        made = self.command("app", "add", self.name, *(words or ("--desk",)))
        self.keep(made["client_secret"])
        client_id: str = made["client_id"]
        self.env["TRADEWRIT_WRITS__AUTHORITY__CLIENT_ID"] = client_id
        return client_id

    def demo(self, *words: str, url: str = "") -> Result:
        return run(
            "demo", "--out", self.folder / "demo", "--authority", url or self.url, *words, env=self.env
        )

    def refused(self, url: str = "") -> str:
        """What a person reads; nothing was begun."""
        done = self.demo(url=url)
        assert done.exit_code == 1
        assert not (self.folder / "demo").exists()
        assert done.stdout == ""
        return " ".join(done.stderr.split())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The server, in a process of its own, for all tests here."""
    home = tmp_path_factory.mktemp("there") / "home"
    home.mkdir(mode=0o700)
    with servers.command(home) as (url, _):
        yield url, home


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: tuple[str, Path]) -> Iterator[There]:
    bars = [one.head(120) for one in demo.demo_bars()]
    monkeypatch.setattr(demo, "demo_bars", lambda: bars)
    there = There(tmp_path, *server)
    yield there
    if there.is_killed:
        there.command("rearm")


def test_the_desk_trades_as_it_does_alone_and_the_authority_knows_every_agent(there: There) -> None:
    there.joins()
    done = there.demo("--json")
    assert (done.exit_code, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["authority"] == there.url
    alone = json.loads(run("demo", "--out", there.folder / "alone", "--json").stdout)
    assert told["trades"] > 0
    for name in ("trades", "orders", "fills", "final_equity", "journal_verified", "replay_hash_equal"):
        assert told[name] == alone[name]

    events = there.command("audit", "show", "--all")["events"]
    app = next(one for one in there.command("app", "list")["apps"] if one["name"] == there.name)["app_id"]
    registered = {
        event["agent_id"]
        for event in events
        if event["type"] == "agent_registered" and event["app_id"] == app
    }
    released = {event["agent_id"] for event in events if event["type"] == "token_released"}
    assert {agent.split("/")[5] for agent in registered} == ROLES
    assert released >= registered
    journal = SqliteJournal.open(there.folder / "demo" / "journal.sqlite")
    acted = {record.entry.agent_id for record in journal.read("acct:demo")} - {""}
    journal.close()
    assert acted <= registered
    assert not (there.folder / "demo" / "home").exists()


def test_people_are_told_whose_writs_they_were(there: There) -> None:
    there.joins()
    told = there.demo()
    assert told.exit_code == 0, told.stderr
    assert f"tokens of the authority at {there.url}" in " ".join(told.stdout.split())


TOKEN = b"eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIs"
"""How every token begins."""


def test_the_secret_is_in_nothing_that_is_written_or_said(there: There) -> None:
    made = there.command("app", "add", there.name, "--desk")
    there.keep(made["client_secret"])
    there.env["TRADEWRIT_WRITS__AUTHORITY__CLIENT_ID"] = made["client_id"]
    done = there.demo("--json")
    assert done.exit_code == 0
    secret = made["client_secret"].encode()
    assert secret not in done.output.encode()
    assert TOKEN not in done.output.encode()
    for file in (path for path in there.folder.rglob("*") if path.is_file()):
        assert secret not in file.read_bytes(), file
        assert TOKEN not in file.read_bytes(), file


def test_the_secret_may_have_another_name_and_the_configuration_may_be_a_file(there: There) -> None:
    made = there.command("app", "add", there.name, "--desk")
    there.keep(made["client_secret"], "paper_desk")
    file = there.folder / "desk.yaml"
    file.write_text(
        "writs:\n  authority:\n    sealed_as: paper_desk\n    needs_proof: true\n"
        f"    client_id: {made['client_id']}\n"
    )
    done = there.demo("--config", str(file), "--json")
    assert (done.exit_code, done.stderr) == (0, "")


# -- what can be wrong


def nobody_there(there: There) -> str:
    there.joins()
    with socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{nobody.getsockname()[1]}"


def wrong_secret(there: There) -> str:
    there.joins()
    there.keep("0" * 64)
    return ""


def no_store(there: There) -> str:
    there.env["TRADEWRIT_WRITS__AUTHORITY__CLIENT_ID"] = "des-0123456789ab"
    return ""


def no_client(there: There) -> str:
    there.joins()
    del there.env["TRADEWRIT_WRITS__AUTHORITY__CLIENT_ID"]
    return ""


def too_narrow(there: There) -> str:
    there.joins("--scope", "read:trades:*", "--protector")
    return ""


def no_protector(there: There) -> str:
    scopes = ("write:journal:*", "read:market:*", "read:trades:*", "write:trades:*", "write:reviews:*")
    there.joins(*(word for scope in (*scopes, "write:timers:*") for word in ("--scope", scope)))
    return ""


def killed(there: There) -> str:
    there.joins()
    there.command("kill")
    there.is_killed = True
    return ""


def not_safe(there: There) -> str:
    there.joins()
    return "http://192.0.2.1:8080"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (nobody_there, ("no authority answers", "tradewrit credentials serve")),
        (wrong_secret, ("does not let", "Authentication failed", "tradewrit secrets set")),
        (no_store, ("there is no sealed store yet", "tradewrit secrets set authority")),
        (no_client, ("writs.authority.client_id", "tradewrit credentials app add")),
        (too_narrow, ("too little", "exceed app ceiling", "write:trades:*", "--desk")),
        (no_protector, ("may not launch protective writs", "--desk")),
        (killed, ("issues nothing", "tradewrit credentials rearm")),
        (not_safe, ("over plain HTTP others could read the secrets",)),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_whoever_cannot_begin_is_told_why_and_loses_nothing(
    there: There, wrong: Callable[[There], str], words: tuple[str, ...]
) -> None:
    said = there.refused(wrong(there))
    for word in words:
        assert word in said
    assert "Traceback" not in said


def test_an_authority_of_the_plain_protocol_is_refused_unless_that_will_do(there: There) -> None:
    there.joins()
    with broker() as theirs:
        said = there.refused(theirs.url)
        assert "speaks the plain protocol only" in said
        assert "writs.authority.plain_protocol: true" in said


def test_a_configuration_without_an_authority_is_wrong_use(there: There) -> None:
    done = run("demo", "--config", there.folder / "desk.yaml", env=there.env)
    assert done.exit_code == 2
    assert "goes with --authority" in done.stderr
