"""Canaries through every way in; then everything that came out is searched for them."""

import base64
import json
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from tests.canaries import Canaries
from tests.unit.credentials.http import servers
from tests.unit.surfaces.console import shell
from tests.unit.surfaces.terminal import typing
from tradewrit.app import command_line
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.home import open_home
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.requests import Bearer, DelegationRequest, LaunchRequest, Local, Registration
from tradewrit.credentials.sealed.key_file import read_key_file
from tradewrit.credentials.sealed.store import SealedStore
from tradewrit.errors import TradewritError
from tradewrit.runtime.clock import system_entropy

SCOPE = "read:trades:AAPL"


@pytest.fixture
def birds() -> Canaries:
    return Canaries()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def run(
    birds: Canaries, home: Path, *words: str | Path, stdin: str = "", env: dict[str, str] | None = None
) -> Result:
    """A command whose every output, and whose exception, is searched."""
    done = CliRunner().invoke(
        command_line(),
        [*map(str, words)],
        input=stdin,
        env={"TRADEWRIT_HOME": str(home), **(env or {})},
        prog_name="tradewrit",
    )
    birds.refuse(done.output, f"what `{words[0]} {words[1]}` prints")
    if done.exception is not None:
        birds.refuse_error(done.exception)
    return done


def shown_once(home: Path, *words: str) -> Any:
    """A command that has to show a secret: what it prints is the one place where it may stand."""
    done = CliRunner().invoke(
        command_line(),
        ["credentials", *words, "--json"],
        env={"TRADEWRIT_HOME": str(home)},
        prog_name="tradewrit",
    )
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


# The search itself


@pytest.mark.parametrize(
    "hide",
    [
        str.encode,
        lambda text: text.upper().encode(),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode().hex().encode(),
        lambda text: text.encode().hex().upper().encode(),
        lambda text: base64.b64encode(text.encode()),
        lambda text: base64.b64encode(b'{"a":"' + text.encode() + b'"}'),
        lambda text: base64.urlsafe_b64encode(b"..." + text.encode()),
        lambda text: base64.urlsafe_b64encode(b".." + text.encode()).rstrip(b"="),
        lambda text: json.dumps({"key": text}).encode(),
    ],
)
def test_a_canary_is_found_in_every_spelling(birds: Canaries, tmp_path: Path, hide: Any) -> None:
    hidden = b"before\x00" + hide(birds.new("bird")) + b"\xffafter"
    assert birds.found_in(hidden) == {"bird"}
    assert birds.found_in(b"before after") == set()
    (tmp_path / "file").write_bytes(hidden)
    with pytest.raises(AssertionError, match="bird can be read in"):
        birds.refuse_under(tmp_path)


def test_a_canary_is_found_in_tables_names_logs_and_causes(birds: Canaries, tmp_path: Path) -> None:
    import logging

    text = birds.new("bird")
    folder = tmp_path / "tables"
    folder.mkdir()
    with sqlite3.connect(folder / "data") as connection:
        connection.execute("CREATE TABLE t (v)")
        connection.execute("INSERT INTO t VALUES (?)", ("x" * 4_090 + text,))
    connection.close()
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / text).touch()
    for place in (folder, tmp_path / "names"):
        with pytest.raises(AssertionError, match="bird can be read in"):
            birds.refuse_under(place)
    with pytest.raises(AssertionError, match=r"a log record of some\.library"), birds.watched_logs():
        logging.getLogger("some.library").debug("using %s", text)
    error = RuntimeError("outer")
    error.__context__ = ValueError(text)
    with pytest.raises(AssertionError, match="bird can be read in"):
        birds.refuse_error(error)


# Broker keys


@pytest.mark.parametrize("way", ["passphrase", "key"])
def test_broker_keys_and_what_opens_them_are_nowhere(
    birds: Canaries, home: Path, tmp_path: Path, way: str
) -> None:
    opens = tmp_path / "opens"
    if way == "key":
        made = run(birds, home, "secrets", "keygen", opens, "--json")
        assert made.exit_code == 0
        birds.watch("key", opens.read_text().splitlines()[-1])
        option = "--key-file"
    else:
        opens.touch(0o600)
        opens.write_text(birds.new("passphrase"))
        option = "--passphrase-file"
    value = birds.new("broker key")
    with birds.watched_logs():
        for words, stdin, code in (
            (("set", "alpaca_key"), value, 0),
            (("set", "alpaca_key", "--json"), value + "\n", 0),
            (("set", "alpaca_key", value), "", 2),
            (("set", value, "alpaca_key"), "", 2),
            (("set", f"alpaca_key={value}"), "", 2),
            (("set", "alpaca_key", f"--value={value}"), "", 2),
            (("list",), "", 0),
            (("list", "--json"), "", 0),
            (("remove", "nothing"), "", 1),
            (("remove", f"{value}="), "", 2),
        ):
            done = run(birds, home, "secrets", *words, option, opens, stdin=stdin)
            assert done.exit_code == code, (words[0], done.output)
        _spoil_and_retry(birds, home, option, opens)
    assert birds.refuse_under(home) == 2


def _spoil_and_retry(birds: Canaries, home: Path, option: str, opens: Path) -> None:
    """The failures of a store that was altered, and of a passphrase that is another one."""
    sealed = home / "secrets.sealed"
    good = sealed.read_bytes()
    for bad in (good[:-1], good[:40], b"", good.replace(b"--- ", b"--- A")):
        sealed.write_bytes(bad)
        for words in (("list",), ("remove", "alpaca_key"), ("set", "other")):
            done = run(
                birds, home, "--debug", "secrets", *words, option, opens, stdin=birds.new("second key")
            )
            assert done.exit_code == 1
    sealed.write_bytes(good)
    text = opens.read_text()
    opens.write_text(text[:-1] + ("Q" if text[-1] != "Q" else "P"))
    assert run(birds, home, "--debug", "secrets", "list", option, opens).exit_code == 1
    alone = shell("--debug", "secrets", "list", option, opens, env={"TRADEWRIT_HOME": str(home)})
    assert "Traceback" in alone.stderr
    birds.refuse(alone.stdout + alone.stderr, "a traceback")
    opens.write_text(text)


@pytest.mark.skipif(os.name != "posix", reason="terminals are POSIX's")
def test_what_is_typed_at_a_terminal_is_nowhere(birds: Canaries, home: Path) -> None:
    passphrase, value = birds.new("passphrase"), birds.new("broker key")
    env = {"TRADEWRIT_HOME": str(home)}
    for words, answers in (
        (["set", "a"], [("New passphrase", passphrase), ("Again", passphrase), ("Value of a", value)]),
        (["list"], [("Passphrase", passphrase)]),
        (["remove", "b"], [("Passphrase", passphrase)]),
        (["remove", "a"], [("Passphrase", birds.new("wrong passphrase"))]),
    ):
        _, shown = typing(["secrets", *words], answers, env)
        birds.refuse(shown, f"the terminal of `secrets {words[0]}`")
    birds.refuse_under(home)


def test_a_secret_in_use_is_in_no_error_of_who_uses_it(birds: Canaries, home: Path, tmp_path: Path) -> None:
    run(birds, home, "secrets", "keygen", tmp_path / "key")
    value = birds.new("broker key")
    run(birds, home, "secrets", "set", "alpaca_key", "--key-file", tmp_path / "key", stdin=value)
    secret = SealedStore(home / "secrets.sealed", read_key_file(tmp_path / "key")).secret("alpaca_key")
    assert birds.found_in(secret.reveal()) == {"broker key"}, "it is the right one"
    uses: Sequence[Any] = (json.dumps, int, len, lambda held: held + "!", lambda held: {}[held])
    for use in uses:
        with pytest.raises((TypeError, KeyError)) as raised:
            use(secret)
        birds.refuse_error(raised.value)


# Credentials


def test_credentials_are_shown_once_and_kept_nowhere(birds: Canaries, home: Path, tmp_path: Path) -> None:
    with birds.watched_logs():
        app = shown_once(home, "app", "add", "desk", "--scope", "read:trades:*")
        birds.watch("client secret", app["client_secret"])
        birds.watch(
            "operator secret", shown_once(home, "operator", "add", "maria")["secret"].rpartition("-")[2]
        )
        birds.watch("launch token", shown_once(home, "issue", "--scope", SCOPE, "--launch")["launch_token"])
        token = birds.watch("access token", shown_once(home, "issue", "--scope", SCOPE)["access_token"])
        dead = birds.watch("second token", shown_once(home, "issue", "--scope", SCOPE)["access_token"])
        for words, stdin in (
            (("app", "list", "--all"), ""),
            (("app", "list", "--json"), ""),
            (("operator", "list", "--json"), ""),
            (("inspect",), token),
            (("inspect", token), ""),
            (("inspect", token[:-3] + "AAA"), ""),
            (("inspect", token + "x", "--json"), ""),
            (("inspect", token, dead), ""),
            (("revoke", "--token", dead), ""),
            (("revoke", "--token", "-"), dead),
            (("revoke", "--token", dead[:-1]), ""),
            (("inspect", dead, "--json"), ""),
            (("audit", "show", "--all"), ""),
            (("audit", "show", "--all", "--json"), ""),
            (("audit", "head", "--out", str(tmp_path / "head.json")), ""),
            (("audit", "verify", "--against", str(tmp_path / "head.json")), ""),
            (("rotate", "--json"), ""),
            (("kill", "--reason", "test"), ""),
            (("rearm",), ""),
            (("app", "remove", "desk"), ""),
            (("operator", "remove", "maria"), ""),
        ):
            run(birds, home, "credentials", *words, stdin=stdin)
    birds.refuse((tmp_path / "head.json").read_bytes(), "the head of the audit trail")
    assert birds.refuse_under(home) >= 3
    birds.watch("signing key", (home / "signing.pem").read_text().splitlines()[1])
    assert birds.found_in((home / "signing.pem").read_bytes()) == {"signing key"}, (
        "the one place where it lies"
    )
    (home / "signing.pem").unlink()
    birds.refuse_under(home)


def refused(birds: Canaries, attempts: Sequence[Any]) -> None:
    """Attempts that fail, and whose failures are searched."""
    for attempt in attempts:
        with pytest.raises(TradewritError) as raised:
            attempt()
        birds.refuse_error(raised.value)


def test_an_authority_in_use_keeps_and_tells_no_secret(birds: Canaries, home: Path) -> None:
    with birds.watched_logs(), Authority.open(open_home(home)) as authority:
        app = authority.add_app("desk", ["read:trades:*"], by="local:test")
        client_secret = birds.watch("client secret", app.client_secret)
        operator = authority.add_operator("maria", by="local:test")
        secret = operator.secret
        birds.watch("operator secret", secret.rpartition("-")[2])
        birds.watch("operator token", authority.operator_token(secret).token)
        own = authority.app_token(app.app.client_id, client_secret)
        birds.watch("app token", own.token)
        refused(
            birds,
            [
                lambda: authority.app_token(app.app.client_id, birds.new("wrong client secret")),
                lambda: authority.app_token(birds.new("unknown client"), birds.new("its secret")),
                lambda: authority.operator_token(birds.new("wrong operator secret")),
                lambda: authority.operator_token(secret[:-1] + ("0" if secret[-1] != "0" else "1")),
            ],
        )
        launch = authority.launch(own.claims, LaunchRequest(agent_name="a", allowed_scope=(SCOPE,)))
        birds.watch("launch token", launch.secret)
        nonce = authority.challenge().nonce
        key = SigningKey.draw(system_entropy)
        registration = Registration(
            launch_token=launch.secret,
            nonce=nonce,
            public_key=base64.b64encode(key.public.raw).decode(),
            signature=base64.b64encode(key.sign(bytes.fromhex(nonce))).decode(),
            orch_id="desk",
            task_id="swing",
            requested_scope=(SCOPE,),
        )
        issued = authority.register(registration)
        birds.watch("access token", issued.token)
        renewed = authority.renew(issued.token)
        birds.watch("renewed token", renewed.token)
        helper = authority.launch(Local("local:test"), LaunchRequest(agent_name="b", allowed_scope=(SCOPE,)))
        birds.watch("second launch token", helper.secret)
        refused(
            birds,
            [
                lambda: authority.register(registration),
                lambda: authority.renew(issued.token),
                lambda: authority.verify(issued.token),
                lambda: authority.verify(renewed.token[:-2] + "AA"),
                lambda: authority.authenticate(Bearer(authorization=f"bearer {renewed.token}")),
                lambda: authority.authenticate(
                    Bearer(authorization=f"Bearer {renewed.token}"), "write:trades:AAPL"
                ),
                lambda: authority.delegate(renewed.token, DelegationRequest(to="nobody", scope=(SCOPE,))),
            ],
        )
        for shown in (app, operator, own, launch, helper, registration, issued, renewed, authority):
            birds.refuse(f"{shown!r} {shown}", f"how a {type(shown).__name__} prints")
        authority.release(renewed.token)
        # While it is open, what was written last stands in the write-ahead log alone.
        assert (home / "credentials.db-wal").stat().st_size > 0
        birds.refuse_under(home)
    birds.refuse_under(home)


# The server


def test_a_server_answers_logs_and_keeps_no_secret(birds: Canaries, home: Path) -> None:
    def search(answer: httpx.Response) -> None:
        """What an answer shows for the first time is watched only after it."""
        answer.read()
        birds.refuse(
            answer.content + str(answer.headers.raw).encode(), f"the answer of {answer.request.url.path}"
        )

    with (
        birds.watched_logs(but=("httpx", "httpcore")),
        servers.thread(home) as served,
        served.http(event_hooks={"response": [search]}) as http,
    ):
        birds.watch("client secret", served.client_secret)
        birds.watch("operator secret", served.operator_secret.rpartition("-")[2])
        person, app = servers.operator(http, served), servers.app(http, served)
        birds.watch("operator token", person["Authorization"])
        birds.watch("app token", app["Authorization"])
        made = http.post("/v1/admin/apps", headers=person, json={"name": "other", "scopes": ["read:data:*"]})
        birds.watch("second client secret", made.json()["client_secret"])
        launch = http.post(
            "/v1/app/launch-tokens", headers=app, json={"agent_name": "a", "allowed_scope": [SCOPE]}
        )
        secret = birds.watch("launch token", launch.json()["launch_token"])
        key, nonce = SigningKey.draw(system_entropy), http.get("/v1/challenge").json()["nonce"]
        ceremony = {
            "launch_token": secret,
            "nonce": nonce,
            "public_key": base64.b64encode(key.public.raw).decode(),
            "signature": base64.b64encode(key.sign(bytes.fromhex(nonce))).decode(),
            "orch_id": "desk",
            "task_id": "swing",
            "requested_scope": [SCOPE],
        }
        token = http.post("/v1/register", json=ceremony).json()["access_token"]
        agent = servers.bearing(birds.watch("access token", token))
        renewed = http.post("/v1/token/renew", headers=agent).json()["access_token"]
        renewing = servers.bearing(birds.watch("renewed token", renewed))
        for path, headers, body in (
            ("/v1/register", {}, ceremony),
            ("/v1/register", {}, ceremony | {"nonce": "x", "more": secret}),
            ("/v1/token/renew", agent, None),
            ("/v1/token/validate", {}, {"token": renewed}),
            ("/v1/token/validate", {}, {"token": [renewed]}),
            ("/v1/token/validate", {}, {"token": renewed + "x"}),
            ("/v1/delegate", renewing, {"delegate_to": "nobody", "scope": [SCOPE]}),
            ("/v1/admin/auth", {}, {"secret": birds.new("wrong secret")}),
            ("/v1/admin/auth", {}, {"secret": {"nested": birds.new("nested secret")}}),
            ("/v1/admin/auth", {}, {"client_id": "x", "client_secret": birds.new("old form")}),
            (
                "/v1/app/auth",
                {},
                {"client_id": served.client_id, "client_secret": birds.new("wrong client secret")},
            ),
            ("/v1/app/auth", {}, {"client_id": birds.new("secret as id"), "client_secret": "x"}),
            ("/v1/admin/apps", agent, {"name": "third", "scopes": ["a:b:c"]}),
            ("/v1/revoke", person, {"level": "token", "target": birds.new("no such id")[:8]}),
            ("/v1/token/release", renewing, None),
        ):
            http.post(path, headers=headers, json=body)
        for raw in (b'{"secret": "%s"', b'{"secret": %s}', b"%s", b'{"secret": "%s", "secret"}'):
            http.post("/v1/admin/auth", content=raw % birds.new("malformed body").encode())
        for headers in (
            {"Authorization": birds.new("bare token")},
            {"Authorization": f"bearer {renewed}"},
            renewing,
        ):
            http.post("/v1/token/renew", headers=headers)
        http.get("/v1/health", params={"access_token": birds.new("token in the address")})
        for path in ("/v1/health", "/v1/metrics", "/openapi.json", "/v1/challenge"):
            http.get(path)
        for path in ("/v1/admin/apps", "/v1/audit/events", f"/v1/admin/apps/{made.json()['app_id']}"):
            assert http.get(path, headers=person).status_code == 200
        birds.refuse_under(home)
    birds.refuse_under(home)


# The desk


def test_keys_in_the_environment_are_in_no_journal_report_or_output_of_the_desk(
    birds: Canaries, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "passphrase").touch(0o600)
    (tmp_path / "passphrase").write_text(birds.new("passphrase"))
    env = {
        "TRADEWRIT_PASSPHRASE_FILE": str(tmp_path / "passphrase"),
        "APCA_API_KEY_ID": birds.new("broker key id"),
        "APCA_API_SECRET_KEY": birds.new("broker key"),
    }
    with birds.watched_logs():
        for words in (
            ("demo", "--out", tmp_path / "demo"),
            ("journal", "show", tmp_path / "demo" / "journal.sqlite", "--all", "--json"),
            ("config", "show", "--explain"),
            ("doctor", "--json"),
        ):
            assert run(birds, home, *words, env=env).exit_code == 0
    assert {path.suffix for path in (tmp_path / "demo").iterdir()} >= {".sqlite", ".html"}
    birds.refuse_under(tmp_path / "demo")
