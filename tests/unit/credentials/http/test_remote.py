"""The remote client where it differs from the one in process: errors, another broker, connections, TLS."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.x509.oid import NameOID

from tests.unit.credentials.http.brokers import Broker, Reply, broker, problem
from tests.unit.credentials.http.servers import UNLIMITED, Served, asked, thread
from tradewrit.credentials.http.settings import ServerSettings
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.remote import RemoteClient
from tradewrit.credentials.remote_http import MAX_ANSWER_BYTES
from tradewrit.credentials.requests import DelegationRequest
from tradewrit.domain.constraints import Constraints, Violation
from tradewrit.domain.market import SECOND
from tradewrit.errors import (
    ConfigError,
    CredentialRefused,
    OurFault,
    Throttled,
    TradewritError,
    Unauthorized,
    Unreachable,
)
from tradewrit.runtime.clock import ManualClock, system_entropy

SECRET = "5" * 64


@pytest.fixture
def theirs() -> Iterator[Broker]:
    with broker() as running:
        yield running


@pytest.fixture
def client(theirs: Broker) -> Iterator[RemoteClient]:
    with closing(RemoteClient(theirs.url, "id", SECRET, timeout_s=5)) as remote:
        yield remote


# Another broker


def test_the_plain_protocol_is_enough(client: RemoteClient, theirs: Broker, key: SigningKey) -> None:
    issued = client.register(asked(), key)
    assert issued.claims.sub.endswith("0" * 16)
    assert (issued.claims.task_id, issued.claims.orch_id) == ("", "")
    assert client.validate(issued.token) == issued.claims
    renewed = client.renew(issued.token)
    assert client.validate(issued.token) is None
    given = client.delegate(renewed.token, DelegationRequest(to="x", scope=("read:trades:AAPL",), ttl_s=9))
    assert given.claims.sub.endswith("0" * 16) or given.token in theirs.live
    client.release(renewed.token)
    paths = [path for _, path, _, _ in theirs.asked if not path.startswith("/.well-known")]
    assert paths[:4] == ["/v1/app/auth", "/v1/app/launch-tokens", "/v1/challenge", "/v1/register"]
    assert paths.count("/v1/app/auth") == 1


def test_nothing_it_would_not_understand_is_sent(
    client: RemoteClient, theirs: Broker, key: SigningKey
) -> None:
    client.register(asked(), key)
    (launch,) = [body for _, path, _, body in theirs.asked if path == "/v1/app/launch-tokens"]
    assert list(launch) == ["agent_name", "allowed_scope", "max_ttl", "single_use"]


def test_the_release_of_a_dead_token_is_safe_although_it_refuses(
    client: RemoteClient, theirs: Broker, key: SigningKey
) -> None:
    issued = client.register(asked(), key)
    theirs.live.clear()
    client.release(issued.token)


def test_without_published_keys_it_is_asked(client: RemoteClient, theirs: Broker, key: SigningKey) -> None:
    issued = client.register(asked(), key)
    assert client.keys() is None
    assert client.verify(issued.token) == issued.claims
    theirs.live.clear()
    assert client.verify(issued.token) is None


def test_it_is_asked_only_once_whether_it_publishes_keys(
    client: RemoteClient, theirs: Broker, key: SigningKey
) -> None:
    for _ in range(3):
        client.register(asked(), key)
    assert sum(path.startswith("/.well-known") for _, path, _, _ in theirs.asked) == 1


@pytest.mark.parametrize(
    "more",
    [{"constraints": Constraints(max_day_orders=1)}, {"needs_proof": True}, {"is_protective": True}],
)
def test_a_constraint_it_would_ignore_is_not_asked_of_it(
    client: RemoteClient, theirs: Broker, key: SigningKey, more: dict[str, object]
) -> None:
    with pytest.raises(OurFault, match="plain protocol only"):
        client.register(asked(**more), key)  # type: ignore[arg-type]
    assert "/v1/app/launch-tokens" not in {path for _, path, _, _ in theirs.asked}


def test_a_claim_nobody_knows_may_be_a_restriction(client: RemoteClient, theirs: Broker) -> None:
    claims = {**theirs.claims("0" * 16), "only_on_mondays": True}
    theirs.replies["/v1/token/validate"] = (200, {"valid": True, "claims": claims})
    with pytest.raises(Unreachable, match="claims are not those of the protocol"):
        client.validate("x")


def test_a_refusal_cannot_be_reported_where_nobody_hears_it(client: RemoteClient, theirs: Broker) -> None:
    client.report("x", [Violation("hours", "a", "b")], resource="a:b:c")
    assert "/v1/refusals" not in {path for _, path, _, _ in theirs.asked}


# Errors


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        ((400, problem(400, "invalid_request", "no")), CredentialRefused, "invalid_request"),
        ((401, problem(401, "unauthorized", "no")), Unauthorized, "unauthorized"),
        ((401, "plain text"), CredentialRefused, "unauthorized"),
        ((403, problem(403, "scope_violation", "no")), CredentialRefused, "scope_violation"),
        ((403, {}), CredentialRefused, "forbidden"),
        ((404, "404 page not found"), CredentialRefused, "not_found"),
        ((409, None), CredentialRefused, "conflict"),
        ((408, problem(408, "timeout", "no")), Unreachable, None),
        ((500, "boom"), Unreachable, None),
        ((503, problem(503, "unavailable", "no")), Unreachable, None),
        ((302, ""), Unreachable, None),
        ((200, "not json"), Unreachable, None),
        ((200, []), Unreachable, None),
        ((200, {"access_token": 1}), Unreachable, None),
        ((200, {"access_token": "no token", "expires_in": 1}), Unreachable, None),
        ((200, '{"a":' * 100_000), Unreachable, None),
        ((200, " " * (MAX_ANSWER_BYTES + 1)), Unreachable, None),
    ],
)
def test_whatever_comes_back_is_one_of_our_own_exceptions(
    client: RemoteClient, theirs: Broker, reply: Reply, kind: type[TradewritError], code: str | None
) -> None:
    theirs.replies["/v1/token/renew"] = reply
    with pytest.raises(kind) as raised:
        client.renew("x")
    assert getattr(raised.value, "code", None) == code


@pytest.mark.parametrize(("said", "meant"), [("7", 7.0), ("", 1.0), ("Wed, 21 Oct 2026", 1.0), ("-1", 1.0)])
def test_how_long_to_wait_is_told(client: RemoteClient, theirs: Broker, said: str, meant: float) -> None:
    theirs.replies["/v1/token/renew"] = (429, problem(429, "rate_limited", "slower"))
    theirs.headers["Retry-After"] = said
    with pytest.raises(Throttled) as raised:
        client.renew("x")
    assert raised.value.retry_after_s == meant


def test_nobody_there_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with closing(RemoteClient(url, "id", SECRET)) as client, pytest.raises(Unreachable) as raised:
            client.validate("x")
    assert SECRET not in str(raised.value)


def test_a_server_that_says_nothing_is_given_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            closing(RemoteClient(url, "id", SECRET, timeout_s=0.1)) as client,
            pytest.raises(Unreachable, match="Timeout"),
        ):
            client.validate("x")


def test_an_unreachable_renewal_is_not_sent_twice(client: RemoteClient, theirs: Broker) -> None:
    theirs.replies["/v1/token/renew"] = (500, "boom")
    with pytest.raises(Unreachable):
        client.renew("x")
    assert [path for _, path, _, _ in theirs.asked] == ["/v1/token/renew"]


# The app's own token


def test_the_apps_token_is_replaced_before_it_ends(theirs: Broker, key: SigningKey) -> None:
    clock = ManualClock(SECOND)
    with closing(RemoteClient(theirs.url, "id", SECRET, clock=clock)) as client:
        logins = []
        for _ in range(3):
            client.register(asked(), key)
            logins.append(sum(path == "/v1/app/auth" for _, path, _, _ in theirs.asked))
            clock.advance(1_741 * SECOND)
    assert logins == [1, 2, 3]


def test_an_apps_token_of_a_minute_is_used_for_half_of_it(theirs: Broker, key: SigningKey) -> None:
    theirs.replies["/v1/app/auth"] = (200, {"access_token": "app", "expires_in": 60})
    clock = ManualClock(SECOND)
    with closing(RemoteClient(theirs.url, "id", SECRET, clock=clock)) as client:
        for _ in range(4):
            client.register(asked(), key)
            clock.advance(9 * SECOND)
    assert sum(path == "/v1/app/auth" for _, path, _, _ in theirs.asked) == 1


def test_an_apps_token_that_is_refused_is_replaced_once(
    client: RemoteClient, theirs: Broker, key: SigningKey
) -> None:
    client.register(asked(), key)
    theirs.replies["/v1/app/launch-tokens"] = (401, problem(401, "unauthorized", "no"))
    with pytest.raises(CredentialRefused):
        client.register(asked(), key)
    assert [path for _, path, _, _ in theirs.asked].count("/v1/app/launch-tokens") == 3
    assert [path for _, path, _, _ in theirs.asked].count("/v1/app/auth") == 2


def test_many_threads_log_in_once(client: RemoteClient, theirs: Broker) -> None:
    threads = [
        threading.Thread(target=client.register, args=(asked(), SigningKey.draw(system_entropy)))
        for _ in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [path for _, path, _, _ in theirs.asked].count("/v1/app/auth") == 1


# Addresses and TLS


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:80", "ftp://x", "https://", "https://x?y", "https://x#y", "https://u:p@x"]
)
def test_what_is_no_address_of_an_authority_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        RemoteClient(url, "id", SECRET)


def test_secrets_do_not_travel_in_the_open_by_accident() -> None:
    with pytest.raises(ConfigError, match="over plain HTTP others could read"):
        RemoteClient("http://writs.example", "id", SECRET)
    RemoteClient("http://writs.example", "id", SECRET, is_plain_allowed=True).close()
    RemoteClient("https://writs.example", "id", SECRET).close()


def test_the_environment_names_no_proxy_for_our_secrets(
    client: RemoteClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://192.0.2.1:1")
    assert client.validate("x") is None


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[Served, Path]]:
    path, key = certificate(tmp_path)
    settings = ServerSettings(port=0, tls_certificate=path, tls_key=key, rates=UNLIMITED)
    with thread(tmp_path / "home", settings) as served:
        yield served, path


def test_over_tls_everything_works_and_browsers_are_told_to_stay(
    secure: tuple[Served, Path], key: SigningKey
) -> None:
    served, authorities = secure
    assert served.url.startswith("https://")
    with closing(
        RemoteClient(served.url, served.client_id, served.client_secret, authorities=authorities)
    ) as client:
        issued = client.register(asked(needs_proof=True), key)
        assert client.validate(client.renew(issued.token, key).token) is not None
    with served.http(verify=ssl.create_default_context(cafile=authorities)) as http:
        answer = http.get("/v1/health")
    assert answer.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"


def test_a_certificate_nobody_vouches_for_is_not_trusted(secure: tuple[Served, Path]) -> None:
    with closing(RemoteClient(secure[0].url, "id", SECRET)) as client, pytest.raises(Unreachable):
        client.validate("x")


def test_a_certificate_that_is_none_is_told_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "none.pem"
    path.write_text("nothing")
    with pytest.raises(ConfigError, match="no certificates can be read"):
        RemoteClient("https://writs.example", "id", SECRET, authorities=path)
