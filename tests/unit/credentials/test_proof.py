"""Proof of possession: a stolen token is of no use, and neither is a stolen proof."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.credentials.authorities import NOW, START, add_app, is_live, key, opened, passed_on, register
from tests.unit.credentials.rings import b64
from tradewrit.credentials import proof as proofs
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.encoding import encode
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.proof import MAX_SEEN_PER_KEY, Proofs, make_proof
from tradewrit.credentials.requests import Bearer, DelegationRequest, Issued
from tradewrit.domain.constraints import Violation
from tradewrit.domain.market import SECOND
from tradewrit.errors import CredentialRefused, TokenRefused
from tradewrit.runtime.clock import ManualClock, system_entropy

URL = "https://desk.example/v1/token/renew"


@pytest.fixture
def bound(authority: Authority) -> Issued:
    """A token that counts only with proof of the key it names."""
    return register(authority, add_app(authority), needs_proof=True)


def proof(token: str, *, by: SigningKey | None = None, now: int = NOW, **changes: str) -> str:
    request = {"method": "POST", "url": URL} | changes
    return make_proof(by or key(), token, now=now, entropy=system_entropy, **request)


def presented(token: str, dpop: str, **changes: str) -> Bearer:
    request = {"method": "POST", "url": URL, "authorization": f"Bearer {token}"} | changes
    return Bearer(proof=dpop, **request)


def forged(token: str, head: dict[str, Any] | None = None, body: dict[str, Any] | None = None) -> str:
    """A proof of which the signature is good and something else is not."""
    agent = key()
    public = {"crv": "Ed25519", "kty": "OKP", "x": encode(agent.public.raw)}
    header = {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": public} | (head or {})
    claims = {"jti": "1", "htm": "POST", "htu": URL, "iat": START, "ath": proofs._token_hash(token)} | (
        body or {}
    )
    kept = {name: value for name, value in claims.items() if value is not None}
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(kept).encode())}"
    return f"{text}.{b64(agent.sign(text.encode()))}"


def test_with_proof_a_bound_token_counts_on_every_route(authority: Authority, bound: Issued) -> None:
    assert authority.authenticate(presented(bound.token, proof(bound.token))) == bound.claims
    by_scheme = presented(bound.token, proof(bound.token), authorization=f"DPoP {bound.token}")
    assert authority.authenticate(by_scheme) == bound.claims
    renewed = authority.renew(presented(bound.token, proof(bound.token)))
    assert renewed.claims.cnf == bound.claims.cnf
    authority.release(presented(renewed.token, proof(renewed.token)))
    assert not is_live(authority, renewed)


def test_without_it_a_stolen_token_is_of_no_use(authority: Authority, bound: Issued) -> None:
    for how in (bound.token, Bearer(authorization=f"Bearer {bound.token}")):
        for ask in (authority.renew, authority.release):
            with pytest.raises(CredentialRefused, match="verification failed") as caught:
                ask(how)
            assert caught.value.code == "unauthorized"
    with pytest.raises(CredentialRefused):
        authority.authenticate(Bearer(authorization=f"Bearer {bound.token}"))
    assert is_live(authority, bound)


ROUTES: dict[str, Callable[[Authority, Bearer | str], object]] = {
    "renew": lambda authority, how: authority.renew(how),
    "release": lambda authority, how: authority.release(how),
    "status": lambda authority, how: authority.status(how),
    "delegate": lambda authority, how: authority.delegate(
        how, DelegationRequest(to=register(authority, None).claims.sub, scope=("read:trades:AAPL",))
    ),
    "answer": lambda authority, how: authority.answer_kill(how, cancelled=(), working=()),
    "authenticate": lambda authority, how: authority.authenticate(how),  # type: ignore[arg-type]
    "report": lambda authority, how: authority.note_refusal(
        authority.authenticate(how),  # type: ignore[arg-type]
        [Violation("hours", "a", "b")],
        resource="write:trades:AAPL",
    ),
}


def delegated(authority: Authority, to: Issued, **of_launch: Any) -> Issued:
    """A part of the permission of an agent that proves nothing itself."""
    giver = register(authority, None, agent=key(9), **of_launch)
    return passed_on(authority, giver.token, to.claims.sub)


@pytest.mark.parametrize("route", ROUTES)
def test_what_is_delegated_to_an_agent_registered_with_proof_needs_proof_on_every_route(
    authority: Authority, bound: Issued, route: str
) -> None:
    given = delegated(authority, bound, is_protective=True)
    assert given.claims.cnf == bound.claims.cnf
    if route == "answer":
        authority.kill(by="ana", including_protection=True)
    of_another_key = presented(given.token, proof(given.token, by=key(9)))
    for how in (given.token, Bearer(authorization=f"Bearer {given.token}"), of_another_key):
        if isinstance(how, str) and route in {"authenticate", "report"}:
            continue  # these take what came over HTTP only
        with pytest.raises(CredentialRefused, match="verification failed"):
            ROUTES[route](authority, how)
        assert is_live(authority, given)
    ROUTES[route](authority, presented(given.token, proof(given.token)))


def test_a_renewal_of_what_was_delegated_needs_proof_again(authority: Authority, bound: Issued) -> None:
    given = delegated(authority, bound)
    renewed = authority.renew(presented(given.token, proof(given.token)))
    with pytest.raises(CredentialRefused):
        authority.renew(renewed.token)
    assert authority.renew(presented(renewed.token, proof(renewed.token))).claims.cnf == bound.claims.cnf


def test_that_an_agent_needs_proof_is_still_known_after_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    with opened(tmp_path, clock=clock) as authority:
        bound = register(authority, add_app(authority), needs_proof=True)
        before = delegated(authority, bound)
    with opened(tmp_path, clock=clock) as authority:
        for given in (before, delegated(authority, bound)):
            with pytest.raises(CredentialRefused, match="verification failed"):
                authority.renew(given.token)
            authority.renew(presented(given.token, proof(given.token)))


def test_a_proof_counts_once(authority: Authority, bound: Issued, clock: ManualClock) -> None:
    used = presented(bound.token, proof(bound.token))
    authority.authenticate(used)
    for _ in range(12):
        with pytest.raises(CredentialRefused, match="verification failed"):
            authority.authenticate(used)
        clock.advance(11 * SECOND)


def test_a_proof_from_a_clock_that_is_ahead_counts_once_too(
    authority: Authority, bound: Issued, clock: ManualClock
) -> None:
    used = presented(bound.token, proof(bound.token, now=NOW + 60 * SECOND))
    authority.authenticate(used)
    for _ in range(121):
        clock.advance(SECOND)
        with pytest.raises(CredentialRefused):
            authority.authenticate(used)


@pytest.mark.parametrize(
    "changes",
    [
        {"by": key(8)},
        {"method": "GET"},
        {"url": "https://desk.example/v1/token/release"},
        {"url": "http://desk.example/v1/token/renew"},
        {"url": "https://desk.example:8443/v1/token/renew"},
        {"now": NOW - 61 * SECOND},
        {"now": NOW + 61 * SECOND},
    ],
)
def test_a_proof_of_something_else_is_refused(
    authority: Authority, bound: Issued, changes: dict[str, Any]
) -> None:
    with pytest.raises(CredentialRefused, match="verification failed"):
        authority.authenticate(presented(bound.token, proof(bound.token, **changes)))


def test_a_proof_for_another_token_is_refused(authority: Authority, bound: Issued) -> None:
    other = register(authority, None, needs_proof=True)
    with pytest.raises(CredentialRefused):
        authority.authenticate(presented(bound.token, proof(other.token)))


@pytest.mark.parametrize(
    "url",
    ["https://DESK.example/v1/token/renew", "https://desk.example:443/v1/token/renew", f"{URL}?a=b#c"],
)
def test_the_same_address_in_another_spelling_is_the_same(
    authority: Authority, bound: Issued, url: str
) -> None:
    assert authority.authenticate(presented(bound.token, proof(bound.token, url=url)))  # type: ignore[truthy-bool]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ({"alg": "none"}, {}),
        ({"alg": "HS256"}, {}),
        ({"typ": "JWT"}, {}),
        ({"jwk": {"crv": "Ed25519", "kty": "OKP", "x": "AA"}}, {}),
        ({"jwk": {"crv": "P-256", "kty": "EC", "x": "AA", "y": "AA"}}, {}),
        ({"jwk": None}, {}),
        ({"crit": ["exp"]}, {}),
        ({}, {"jti": ""}),
        ({}, {"jti": "x" * 129}),
        ({}, {"jti": None}),
        ({}, {"iat": str(START)}),
        ({}, {"iat": 10**30}),
        ({}, {"ath": None}),
        ({}, {"ath": ""}),
        ({}, {"htu": "https://[desk.example/"}),
        ({}, {"htm": "post"}),
    ],
)
def test_a_proof_of_another_kind_is_refused(
    authority: Authority, bound: Issued, head: dict[str, Any], body: dict[str, Any]
) -> None:
    assert authority.authenticate(presented(bound.token, forged(bound.token))) == bound.claims
    with pytest.raises(CredentialRefused):
        authority.authenticate(presented(bound.token, forged(bound.token, head, body)))


def test_a_proof_that_carries_its_private_key_is_refused(authority: Authority, bound: Issued) -> None:
    public = {"crv": "Ed25519", "kty": "OKP", "x": encode(key().public.raw), "d": encode(bytes(32))}
    with pytest.raises(CredentialRefused):
        authority.authenticate(presented(bound.token, forged(bound.token, {"jwk": public})))


@pytest.mark.parametrize("text", ["x", "a.b", "a.b.c", "a.b.c.d", "..", "\ud800.a.b", "ü.ü.ü", "a" * 5_000])
def test_what_is_no_proof_is_refused(authority: Authority, bound: Issued, text: str) -> None:
    with pytest.raises(CredentialRefused):
        authority.authenticate(presented(bound.token, text))


def test_a_changed_signature_is_refused(authority: Authority, bound: Issued) -> None:
    good = proof(bound.token)
    for bad in (good[:-4] + "AAAA", good + "A", good + "=", good[:-1] + ("B" if good[-1] == "A" else "A")):
        with pytest.raises(CredentialRefused):
            authority.authenticate(presented(bound.token, bad))


def test_a_proof_with_a_token_that_needs_none_must_be_right_all_the_same(authority: Authority) -> None:
    issued = register(authority, add_app(authority))
    assert authority.authenticate(presented(issued.token, proof(issued.token))) == issued.claims
    with pytest.raises(CredentialRefused):
        authority.authenticate(presented(issued.token, proof(issued.token, by=key(8))))
    operator = authority.operator_token(authority.add_operator("ana", by="bob").secret)
    with pytest.raises(CredentialRefused):
        authority.authenticate(presented(operator.token, proof(operator.token)))


def test_the_proofs_of_one_key_cannot_fill_the_memory_nor_hold_another_back() -> None:
    clock = ManualClock(at=NOW)
    seen = Proofs(clock, age_s=60)
    agents = (key(1), key(2))

    def check(agent: SigningKey) -> None:
        seen.check("t", presented("t", proof("t", by=agent)), agent.kid, NOW)

    for _ in range(MAX_SEEN_PER_KEY):
        check(agents[0])
    with pytest.raises(TokenRefused):
        check(agents[0])
    check(agents[1])
    clock.advance(121 * SECOND)
    check(agents[0])
    assert sum(len(ids) for ids, _ in seen._seen.values()) == 1
