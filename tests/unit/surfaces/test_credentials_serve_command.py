"""`tradewrit credentials serve`: what it says, what it refuses, and how it ends."""

import signal
import socket
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.unit.credentials.http.servers import asked, command, founded
from tests.unit.surfaces.console import run, shell
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.remote import RemoteClient
from tradewrit.runtime.clock import system_entropy

SERVE = ("credentials", "serve")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


def refused(home: Path, *options: str) -> str:
    """What is said on standard error when it does not start; exit code 1 and no traceback."""
    done = shell(*SERVE, *options, env={"TRADEWRIT_HOME": str(home)})
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_quietly_when_told(home: Path, how: signal.Signals) -> None:
    with command(home) as (url, server):
        assert url.startswith("http://127.0.0.1:")
        assert not url.endswith(":0")
        assert httpx.get(f"{url}/v1/health", trust_env=False).json()["status"] == "ok"
        server.send_signal(how)
        _, errors = server.communicate(timeout=30)
        assert (server.returncode, errors) == (0, "")


def test_a_port_that_somebody_listens_on_is_told(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"cannot listen on 127.0.0.1 port {port}" in refused(home, "--port", port)


def test_it_does_not_speak_plain_http_to_the_world_by_accident(home: Path) -> None:
    said = refused(home, "--host", "0.0.0.0", "--port", "0")
    assert "over plain HTTP they could read every secret" in said
    with command(home, "--host", "0.0.0.0", "--allow-plain-http") as (url, _):
        port = url.rpartition(":")[2]
        assert httpx.get(f"http://127.0.0.1:{port}/v1/health", trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--host", "192.0.2.1", "--allow-plain-http"), "cannot listen on 192.0.2.1"),
        (("--tls-certificate", "cert.pem"), "both a certificate and its key"),
        (("--tls-certificate", "/none.pem", "--tls-key", "/none.pem"), "cannot be used for TLS"),
        (("--trust-proxy", "10.0.0.1/8"), "--trust-proxy 10.0.0.1/8"),
        (("--trust-domain", "Not A Domain"), "trust domain"),
    ],
)
def test_what_cannot_be_served_is_told_before_anything_is_served(
    home: Path, options: tuple[str, ...], said: str
) -> None:
    assert said in refused(home, "--port", "0", *options)


def test_wrong_use_is_told_as_such(home: Path) -> None:
    done = shell(*SERVE, "--port", "70000", env={"TRADEWRIT_HOME": str(home)})
    assert done.returncode == 2


def test_a_home_that_others_may_write_to_is_not_served_from(home: Path) -> None:
    home.chmod(0o777)
    assert "other users may write to the home folder" in refused(home, "--port", "0")


def test_a_trail_that_was_edited_is_not_continued(home: Path) -> None:
    founded(home)
    with closing(sqlite3.connect(home / "credentials.db", isolation_level=None)) as store:
        store.execute("UPDATE audit SET detail = 'nothing happened' WHERE seq = 1")
    assert "the audit chain cannot be trusted from evt-000001" in refused(home, "--port", "0")


def test_a_restart_forgets_neither_agents_nor_what_was_released(home: Path) -> None:
    client_id, secret, _ = founded(home)
    key = SigningKey.draw(system_entropy)
    with command(home) as (url, _), closing(RemoteClient(url, client_id, secret)) as client:
        kept, gone = client.register(asked(), key), client.register(asked(), key)
        client.release(gone.token)
    with command(home) as (url, _), closing(RemoteClient(url, client_id, secret)) as client:
        assert client.validate(kept.token) is not None
        assert client.validate(gone.token) is None
        assert client.validate(client.renew(kept.token).token) is not None


def test_two_servers_on_one_home_agree_at_once(home: Path) -> None:
    client_id, secret, _ = founded(home)
    key = SigningKey.draw(system_entropy)
    with (
        command(home) as (one, _),
        command(home) as (other, _),
        closing(RemoteClient(one, client_id, secret)) as first,
        closing(RemoteClient(other, client_id, secret)) as second,
    ):
        issued = first.register(asked(), key)
        assert second.validate(issued.token) is not None
        renewed = second.renew(issued.token)
        assert first.validate(issued.token) is None
        assert first.validate(renewed.token) is not None
        first.release(renewed.token)
        assert second.validate(renewed.token) is None


def test_without_the_extra_it_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    done = run(*SERVE, "--port", "0", env={"TRADEWRIT_HOME": str(home)})
    assert done.exit_code == 1
    assert "pip install 'tradewrit[server]'" in done.output


def test_its_help_shows_how_it_is_called() -> None:
    done = run(*SERVE, "--help")
    assert done.exit_code == 0
    assert "tradewrit credentials serve --port 0 --json" in done.output
    assert "--allow-plain-http" in done.output


def test_no_secret_is_printed_or_logged(home: Path) -> None:
    client_id, secret, operator_secret = founded(home)
    with command(home) as (url, server):
        with closing(RemoteClient(url, client_id, secret)) as client:
            issued = client.register(asked(), SigningKey.draw(system_entropy))
        login = {"secret": operator_secret}
        token = httpx.post(f"{url}/v1/admin/auth", json=login, trust_env=False).json()["access_token"]
        httpx.post(f"{url}/v1/token/renew", headers={"Authorization": f"Bearer {token}x"}, trust_env=False)
        server.terminate()
        out, errors = server.communicate(timeout=30)
    for text in (secret, operator_secret, issued.token, token):
        assert text not in out + errors
        for file in home.iterdir():
            assert text.encode() not in file.read_bytes()


def test_issuer_and_trust_domain_are_configuration_and_an_option_has_the_last_word(
    home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "desk.yaml"
    file.write_text("writs: {issuer: https://desk.example, trust_domain: desk.example}\n")
    login = founded(home)
    key = SigningKey.draw(system_entropy)
    for options, issuer, domain in (
        (("--config", str(file)), "https://desk.example", "desk.example"),
        (("--config", str(file), "--issuer", "", "--trust-domain", "other.example"), "", "other.example"),
        ((), "", "agentwrit.local"),
    ):
        with command(home, *options) as (url, _), closing(RemoteClient(url, *login[:2])) as client:
            claims = client.register(asked(), key).claims
        assert (claims.iss, claims.sub.split("/")[2]) == (issuer, domain)


def test_a_token_issued_on_the_spot_is_good_at_a_server_of_the_same_configuration(
    home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "desk.yaml"
    file.write_text("writs: {issuer: https://desk.example, trust_domain: desk.example}\n")
    environment = {"TRADEWRIT_HOME": str(home), "TRADEWRIT_CONFIG": str(file)}
    login = founded(home)
    issued = run("credentials", "issue", "--scope", "read:trades:AAPL", env=environment)
    assert issued.exit_code == 0, issued.output
    with (
        command(home, "--config", str(file)) as (url, _),
        closing(RemoteClient(url, *login[:2])) as client,
    ):
        claims = client.validate(issued.stdout.strip())
        assert claims is not None
        assert claims.sub.startswith("spiffe://desk.example/")


def test_a_configuration_with_a_mistake_serves_nothing(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "desk.yaml"
    file.write_text("writs: {trust_domain: Not A Domain}\n")
    assert "desk.yaml:1: writs.trust_domain" in refused(home, "--config", str(file))
