"""Credential servers to test against: a process of its own, or a thread of this one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from tests.unit.serving import started
from tests.unit.surfaces.console import PROGRAM
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.client import AgentRequest
from tradewrit.credentials.home import open_home
from tradewrit.credentials.http.limits import Rates
from tradewrit.credentials.http.serving import CredentialServer
from tradewrit.credentials.http.settings import ServerSettings
from tradewrit.credentials.rate_limits import Rate
from tradewrit.credentials.settings import Terms
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.journal.sqlite_file import Settings

CEILING = ("read:trades:*", "write:trades:*", "read:data:*", "write:data:*")

MANY = Rate(burst=1_000_000, per_minute=60_000_000)
UNLIMITED = Rates(open=MANY, app=MANY, operator=MANY, hashing=MANY, report=MANY, holder=MANY, refused=MANY)
"""For tests that ask more often than anybody would."""


class Served(msgspec.Struct, frozen=True):
    """A running server, and who may use it."""

    url: str
    home: Path
    client_id: str
    client_secret: str
    operator_secret: str
    authority: Authority | None = None
    server: CredentialServer | None = None

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def http(self, **named: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, **named)


def founded(folder: Path, **terms: Any) -> tuple[str, str, str]:
    """A home with an app and an operator: client id, client secret, operator's secret."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with Authority.open(open_home(folder), terms=Terms(**terms)) as authority:
        app = authority.add_app("trading-engine", CEILING, by="test", is_protector=True)
        operator = authority.add_operator("maria", by="test")
    return app.app.client_id, app.client_secret, operator.secret


@contextmanager
def process(folder: Path, *options: str) -> Iterator[Served]:
    """`tradewrit credentials serve` in a process of its own, on a free port."""
    login = founded(folder)
    with command(folder, *options) as (url, _):
        yield Served(url, folder, *login)


@contextmanager
def command(folder: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The same over a home that is there: its URL, and the process."""
    server = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "credentials", "serve", "--port", "0", "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"TRADEWRIT_HOME": str(folder), "PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
    )
    try:
        yield _told(server), server
    finally:
        server.terminate()
        server.communicate(timeout=30)


def _told(server: subprocess.Popen[str]) -> str:
    """The address, from the JSON object that the server prints once it listens."""
    assert server.stdout is not None
    text = ""
    while not text.endswith("}\n"):
        line = server.stdout.readline()
        if not line:
            raise AssertionError(f"the server did not start: {server.communicate()[1]}")
        text += line
    url: str = json.loads(text)["url"]
    return url


@contextmanager
def thread(
    folder: Path,
    settings: ServerSettings | None = None,
    *,
    clock: Clock | None = None,
    file: Settings | None = None,
    **terms: Any,
) -> Iterator[Served]:
    """A server in this process, whose authority a test can reach into."""
    login = founded(folder, **terms)
    with Authority.open(open_home(folder), clock=clock, terms=Terms(**terms), file=file) as authority:
        server = CredentialServer(authority, settings or ServerSettings(port=0), clock=clock)
        with started(server) as url:
            yield Served(url, folder, *login, authority, server)


@contextmanager
def running(authority: Authority, settings: ServerSettings) -> Iterator[str]:
    """A server over an authority that is open already: its URL."""
    with started(CredentialServer(authority, settings)) as url:
        yield url


def asked(
    *scope: str, orch_id: str = "desk", task_id: str = "swing", max_ttl_s: int = 300, **more: Any
) -> AgentRequest:
    """An agent to start."""
    return AgentRequest(
        name=f"{orch_id}/{task_id}",
        orch_id=orch_id,
        task_id=task_id,
        scope=scope or ("read:trades:AAPL",),
        max_ttl_s=max_ttl_s,
        **more,
    )


def bearing(token: str) -> dict[str, str]:
    """The header that presents a token."""
    return {"Authorization": f"Bearer {token}"}


def operator(http: httpx.Client, served: Served) -> dict[str, str]:
    """The header of a person who has just logged in."""
    answer = http.post("/v1/admin/auth", json={"secret": served.operator_secret})
    assert answer.status_code == 200, answer.text
    return bearing(answer.json()["access_token"])


def app(http: httpx.Client, served: Served) -> dict[str, str]:
    """The header of an app that has just logged in."""
    login = {"client_id": served.client_id, "client_secret": served.client_secret}
    answer = http.post("/v1/app/auth", json=login)
    assert answer.status_code == 200, answer.text
    return bearing(answer.json()["access_token"])


def problem_of(answer: httpx.Response) -> dict[str, Any]:
    """The problem document of a refusal, which must be a whole and truthful one."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: dict[str, Any] = answer.json()
    fields = ["type", "title", "status", "detail", "instance", "error_code", "request_id"]
    assert list(document) == fields
    assert document["status"] == answer.status_code
    assert document["type"] == f"urn:agentwrit:error:{document['error_code']}"
    assert document["instance"] == answer.url.path
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["detail"]
    return document


def names(documents: Sequence[dict[str, Any]], name: str) -> list[Any]:
    """One field of many documents."""
    return [document[name] for document in documents]
