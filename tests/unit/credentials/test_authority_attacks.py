"""What somebody might try at the door: each is refused, recorded, and leaves everything as it was."""

import base64
import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.credentials.authorities import (
    BY,
    SCOPE,
    START,
    events,
    is_live,
    key,
    launch,
    passed_on,
    register,
    registration,
)
from tests.unit.credentials.rings import b64
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.claims import Claims, Confirmation
from tradewrit.credentials.home import open_home
from tradewrit.credentials.key_file import load_keyring
from tradewrit.credentials.keyring import Keyring
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.requests import AppCredentials, Bearer, Issued, LaunchRequest, Local
from tradewrit.credentials.tokens import mint
from tradewrit.domain.constraints import Constraints
from tradewrit.domain.market import SECOND
from tradewrit.errors import CredentialRefused, TokenRefused
from tradewrit.runtime.clock import ManualClock, system_entropy


@pytest.fixture
def issued(authority: Authority, app: AppCredentials) -> Issued:
    return register(authority, app)


@pytest.fixture
def ring(authority: Authority, tmp_path: Path) -> Keyring:
    """What only the authority has: for tokens that a careless one might have signed."""
    assert authority.id
    return load_keyring(open_home(tmp_path / "home").signing_key)


def header(**changes: object) -> str:
    return b64(json.dumps({"alg": "EdDSA", "typ": "JWT"} | changes, separators=(",", ":")).encode())


def refused_everywhere(authority: Authority, token: str) -> None:
    """On every route, with one and the same answer, and on record."""
    to = register(authority, None).claims.sub
    for ask in (
        lambda: authority.authenticate(Bearer(authorization=f"Bearer {token}")),
        lambda: authority.renew(token),
        lambda: passed_on(authority, token, to),
        lambda: authority.release(token),
    ):
        with pytest.raises(CredentialRefused, match="token verification failed") as caught:
            ask()
        assert caught.value.code == "unauthorized"
        assert events(authority)[-1].event.outcome == "denied"
    assert authority.validate(token) is None
    with pytest.raises(TokenRefused):
        authority.verify(token)


def test_a_token_that_says_it_needs_no_signature(authority: Authority, issued: Issued) -> None:
    body = issued.token.split(".")[1]
    kid = authority.key_set().keys[0].key.kid
    for alg in ("none", "None", "NONE", ""):
        for signature in ("", issued.token.split(".")[2]):
            refused_everywhere(authority, f"{header(alg=alg, kid=kid)}.{body}.{signature}")


def test_a_token_signed_with_the_public_key_as_a_shared_secret(authority: Authority, issued: Issued) -> None:
    body, public = issued.token.split(".")[1], authority.key_set().keys[0].key
    for secret in (public.raw, public.kid.encode(), authority.jwks(), b64(public.raw).encode()):
        text = f"{header(alg='HS256', kid=public.kid)}.{body}"
        signature = b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())
        refused_everywhere(authority, f"{text}.{signature}")


def test_a_token_signed_by_somebody_else(authority: Authority, issued: Issued) -> None:
    stranger = SigningKey.draw(system_entropy)
    refused_everywhere(authority, mint(issued.claims, stranger))
    body, ours = issued.token.split(".")[1], authority.key_set().keys[0].key.kid
    text = f"{header(kid=ours)}.{body}"
    refused_everywhere(authority, f"{text}.{b64(stranger.sign(text.encode()))}")
    with_key = {"kid": stranger.kid, "jwk": stranger.public.jwk()}
    text = f"{header(**with_key)}.{body}"
    refused_everywhere(authority, f"{text}.{b64(stranger.sign(text.encode()))}")


def test_another_spelling_of_a_good_token(authority: Authority, issued: Issued) -> None:
    assert is_live(authority, issued)
    spare = issued.token[:-1] + ("B" if issued.token[-1] == "A" else chr(ord(issued.token[-1]) + 1))
    standard = base64.b64encode(base64.urlsafe_b64decode(issued.token.split(".")[2] + "==")).decode()
    for bad in (
        spare,
        issued.token + "=",
        issued.token + "\n",
        issued.token + ".",
        f"{issued.token.rpartition('.')[0]}.{standard}",
        issued.token.upper(),
        issued.token[:-1],
        issued.token.replace(".", ".."),
    ):
        refused_everywhere(authority, bad)
    assert is_live(authority, issued)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_character_of_a_token_can_be_replaced_or_left_out(
    authority: Authority, issued: Issued, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(issued.token) - 1))
    by = data.draw(st.sampled_from(["", *"Aa0_-.=\n\u0410"]))
    if issued.token[at] != by:
        assert authority.validate(issued.token[:at] + by + issued.token[at + 1 :]) is None


def test_a_genuine_token_that_the_store_does_not_know(
    authority: Authority, issued: Issued, ring: Keyring
) -> None:
    stray = msgspec.structs.replace(issued.claims, jti="0" * 32)
    token = mint(stray, ring.signing)
    assert authority.validate(token) is None
    with pytest.raises(CredentialRefused, match="verification failed"):
        authority.renew(token)


def test_a_token_for_later(authority: Authority, issued: Issued, ring: Keyring, clock: ManualClock) -> None:
    later = msgspec.structs.replace(issued.claims, nbf=START + 60, iat=START + 60)
    token = mint(later, ring.signing)
    assert authority.validate(token) is None
    clock.advance(60 * SECOND)
    assert authority.validate(token) == later


def test_an_expired_token_however_often_it_was_seen_live(
    authority: Authority, issued: Issued, clock: ManualClock
) -> None:
    for _ in range(5):
        assert is_live(authority, issued)
    clock.advance(300 * SECOND)
    assert authority.validate(issued.token) is None


def test_the_renewed_predecessor_replayed_a_hundred_times(authority: Authority, issued: Issued) -> None:
    successor = authority.renew(issued.token)
    for _ in range(100):
        with pytest.raises(CredentialRefused):
            authority.renew(issued.token)
    assert is_live(authority, successor)
    assert len(events(authority, "token_reused")) == 100


def test_a_nonce_and_a_launch_token_used_again(authority: Authority, app: AppCredentials) -> None:
    launched, nonce = launch(authority, app), authority.challenge()
    whole = registration(launched, nonce, key())
    authority.register(whole)
    for again, match in (
        (whole, "launch token"),
        (registration(launched, authority.challenge(), key()), "launch token"),
        (registration(launch(authority, app), nonce, key()), "nonce"),
    ):
        with pytest.raises(CredentialRefused, match=match) as caught:
            authority.register(again)
        assert caught.value.code == "unauthorized"


STRANGE = [
    "write:trades",
    "write",
    "",
    ":",
    "::",
    "write::AAPL",
    ":trades:AAPL",
    "write:trades:",
    "write:*:*",
    "*:trades:AAPL",
    "*:*:*",
    "*",
    "write:trades:AAPL\n",
    " write:trades:AAPL",
    "write:trades:A APL",
    "write:trades:AAPL\t",
    "write:trades:AAPL\x00",
    "write:trades:\u0410APL",
    "writ\u0435:trades:AAPL",
    "write:trades:\uff21APL",
    "write:trades:AAPL\u200b",
    "write:trades:AAPL,read:trades:AAPL",
    "write:trades:AAPL|",
    "write:trades:\ud800",
]


@pytest.mark.parametrize("scope", STRANGE)
def test_a_strange_scope_is_never_granted(authority: Authority, app: AppCredentials, scope: str) -> None:
    for ask in (
        lambda: authority.add_app("other", (scope,), by=BY),
        lambda: authority.update_app(app.app.app_id, by=BY, scopes=(scope,)),
        lambda: launch(authority, app, allowed_scope=(scope,)),
        lambda: authority.launch(Local(BY), LaunchRequest(agent_name="x", allowed_scope=(scope,))),
    ):
        with pytest.raises(CredentialRefused) as caught:
            ask()
        assert caught.value.code == "invalid_request"
    launched = launch(authority, app)
    with pytest.raises(CredentialRefused) as caught:
        authority.register(
            registration(launched, authority.challenge(), key(), requested_scope=(*SCOPE, scope))
        )
    assert caught.value.code == "scope_violation"
    first, second = register(authority, app), register(authority, app)
    with pytest.raises(CredentialRefused) as caught:
        passed_on(authority, first.token, second.claims.sub, scope=(scope,))
    assert caught.value.code == "scope_violation"


@pytest.mark.parametrize(
    "scope", ["write:trades:AA*", "write:trades:**", "write:trades:*AAPL", "write:trades:AAPL:x"]
)
def test_a_wildcard_within_a_name_is_a_name(authority: Authority, scope: str) -> None:
    app = authority.add_app("other", (scope, "read:trades:*"), by=BY)
    with pytest.raises(CredentialRefused):
        launch(authority, app, allowed_scope=("write:trades:AAPL",))
    issued = register(authority, app, scope=(scope,))
    with pytest.raises(CredentialRefused, match="lacks required scope"):
        authority.authenticate(Bearer(authorization=f"Bearer {issued.token}"), "write:trades:AAPL")


@pytest.mark.parametrize("scope", [text for text in STRANGE if text])
def test_a_route_that_asks_for_a_strange_scope_lets_nobody_in(
    authority: Authority, issued: Issued, scope: str
) -> None:
    with pytest.raises((CredentialRefused, ValueError)):
        authority.authenticate(Bearer(authorization=f"Bearer {issued.token}"), scope)


BAD_CLAIMS: list[dict[str, Any]] = [
    {"trading": Constraints()},
    {"trading": Constraints(max_day_orders=1), "protective": True},
    {"protective": True},
    {"cnf": Confirmation("")},
    {"cnf": Confirmation("x" * 42)},
    {"cnf": Confirmation("x" * 42 + "=")},
    {"scope": ("write:*:*",)},
]


@pytest.mark.parametrize("changes", BAD_CLAIMS)
def test_even_a_signed_token_with_claims_that_make_no_sense_is_refused(
    authority: Authority, issued: Issued, ring: Keyring, changes: dict[str, Any]
) -> None:
    bad = msgspec.structs.replace(issued.claims, **changes)
    with pytest.raises(ValueError, match="these claims make no token"):
        mint(bad, ring.signing)
    refused_everywhere(authority, signed_anyway(ring, bad))


def signed_anyway(ring: Keyring, claims: Claims) -> str:
    text = f"{header(kid=ring.signing.kid)}.{b64(msgspec.json.encode(claims))}"
    return f"{text}.{b64(ring.signing.sign(text.encode()))}"


TRADING = [
    '{"max_quantity":100}',
    '{"max_quantity":"100.0"}',
    '{"max_quantity":"1E+2"}',
    '{"max_quantity":"0100"}',
    '{"max_quantity":"-1"}',
    '{"max_quantity":"-0"}',
    '{"max_quantity":"NaN"}',
    '{"max_quantity":"Infinity"}',
    '{"max_quantity":"1e999999"}',
    '{"max_quantity":null}',
    '{"max_quantity":"1","max_quantity":"2"}',
    '{"max_shares":"1"}',
    '{"sides":["up"]}',
    '{"sides":["sell","buy"]}',
    '{"sides":"buy"}',
    '{"reduce_only":false}',
    '{"reduce_only":1}',
    '{"hours":[[1,2]]}',
    '{"hours":[{"opens":0,"closes":10,"zone":"Mars/Base"}]}',
    '{"venues":["a b"]}',
    "{}",
    "[]",
    "null",
    '"none"',
]


@pytest.mark.parametrize("trading", TRADING)
def test_constraints_have_one_spelling(
    authority: Authority, issued: Issued, ring: Keyring, trading: str
) -> None:
    def token(constraints: str) -> str:
        body = msgspec.json.encode(issued.claims)[:-1] + f',"trading":{constraints}}}'.encode()
        text = f"{header(kid=ring.signing.kid)}.{b64(body)}"
        return f"{text}.{b64(ring.signing.sign(text.encode()))}"

    assert authority.validate(token('{"max_quantity":"100"}')) is not None
    refused_everywhere(authority, token(trading))


def test_nothing_secret_is_on_disk_or_in_the_audit_trail(
    authority: Authority, app: AppCredentials, issued: Issued, tmp_path: Path
) -> None:
    operator = authority.add_operator("ana", by=BY)
    launched, nonce = launch(authority, app), authority.challenge()
    admin = authority.operator_token(operator.secret)
    own = authority.app_token(app.app.client_id, app.client_secret)
    renewed = authority.renew(issued.token)
    delegated = passed_on(authority, renewed.token, register(authority, app).claims.sub)
    whole = registration(launched, nonce, key())
    authority.register(whole)
    for failing in (
        lambda: authority.app_token(app.app.client_id, operator.secret),
        lambda: authority.operator_token(app.client_secret),
        lambda: authority.authenticate(Bearer(authorization=f"bearer {renewed.token}")),
        lambda: authority.register(whole),
        lambda: authority.revoke("token", renewed.token, by=BY),
    ):
        with pytest.raises(CredentialRefused):
            failing()
    secrets = [app.client_secret, operator.secret, launched.secret, whole.signature]
    secrets += [each.token.rpartition(".")[2] for each in (admin, own, issued, renewed, delegated)]
    told = repr(events(authority))
    files = [
        Path(folder) / name
        for folder, _, names in os.walk(tmp_path)
        for name in names
        if "signing" not in name
    ]
    assert files
    for secret in secrets:
        assert secret not in told
        assert not [file for file in files if secret.encode() in file.read_bytes()]
