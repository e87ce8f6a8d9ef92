"""The ceremony: a launch token within a ceiling, a challenge, a signature, and an identity at the end."""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.credentials.authorities import (
    BY,
    CEILING,
    NOW,
    SCOPE,
    START,
    add_app,
    events,
    is_live,
    key,
    last,
    launch,
    opened,
    register,
    registration,
)
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.claims import Confirmation
from tradewrit.credentials.identity import AgentId
from tradewrit.credentials.requests import AppCredentials, Bearer, LaunchRequest, Local
from tradewrit.credentials.settings import Terms
from tradewrit.domain.constraints import Constraints
from tradewrit.domain.market import SECOND
from tradewrit.domain.orders import Side
from tradewrit.errors import CredentialRefused
from tradewrit.runtime.clock import ManualClock


def test_an_agent_gets_an_identity_and_a_token_that_says_what_was_granted(
    authority: Authority, app: AppCredentials
) -> None:
    issued = register(authority, app, max_ttl_s=120)
    claims = issued.claims
    identity = AgentId.parse(claims.sub)
    assert (identity.trust_domain, identity.orch_id, identity.task_id) == ("agentwrit.local", "desk", "swing")
    assert (claims.iss, claims.scope, claims.task_id, claims.orch_id) == ("", SCOPE, "swing", "desk")
    assert (claims.iat, claims.nbf, claims.exp, issued.expires_in) == (START, START, START + 120, 120)
    assert (claims.trading, claims.cnf, claims.protective) == (None, None, False)
    assert authority.verify(issued.token) == claims
    registered = authority.agent(claims.sub)
    assert registered is not None
    assert (registered.public_key, registered.app_id) == (key().public.raw, app.app.app_id)
    assert [event.event.type for event in events(authority)][-2:] == ["agent_registered", "token_issued"]


def test_one_key_may_register_many_agents_and_each_is_another(
    authority: Authority, app: AppCredentials
) -> None:
    assert len({register(authority, app).claims.sub for _ in range(5)}) == 5


@pytest.mark.parametrize(("asked", "given"), [(0, 300), (-5, 300), (10**7, 86_400), (7, 7)])
def test_the_life_of_a_token_is_what_the_launch_said_within_bounds(
    authority: Authority, app: AppCredentials, asked: int, given: int
) -> None:
    assert register(authority, app, max_ttl_s=asked).expires_in == given


def test_the_terms_say_who_issues_and_for_whom(tmp_path: Path) -> None:
    terms = Terms(issuer="https://desk.example", audience=("orders",), trust_domain="desk.example")
    with opened(tmp_path, terms=terms) as authority:
        claims = register(authority, add_app(authority)).claims
    assert (claims.iss, claims.aud) == ("https://desk.example", ("orders",))
    assert claims.sub.startswith("spiffe://desk.example/agent/")


@pytest.mark.parametrize(
    "field", ["launch_token", "nonce", "public_key", "signature", "orch_id", "task_id", "requested_scope"]
)
def test_each_field_is_required(authority: Authority, app: AppCredentials, field: str) -> None:
    whole = registration(launch(authority, app), authority.challenge(), key())
    empty = () if field == "requested_scope" else ""
    with pytest.raises(CredentialRefused, match=f"{field} is required") as caught:
        authority.register(msgspec.structs.replace(whole, **{field: empty}))
    assert caught.value.code == "invalid_request"
    authority.register(whole)


@pytest.mark.parametrize("bad", ["a/b", "..", ".", "a b", "täsk", "a\n", "a%2fb"])
def test_a_bad_orchestration_or_task_is_refused_before_anything_is_used_up(
    authority: Authority, app: AppCredentials, bad: str
) -> None:
    whole = registration(launch(authority, app), authority.challenge(), key())
    for field in ("orch_id", "task_id"):
        with pytest.raises(CredentialRefused, match=field) as caught:
            authority.register(msgspec.structs.replace(whole, **{field: bad}))
        assert caught.value.code == "invalid_request"
    authority.register(whole)


def test_a_scope_refusal_costs_nothing(authority: Authority, app: AppCredentials) -> None:
    whole = registration(launch(authority, app), authority.challenge(), key())
    with pytest.raises(CredentialRefused) as caught:
        authority.register(msgspec.structs.replace(whole, requested_scope=("write:trades:MSFT",)))
    assert caught.value.code == "scope_violation"
    assert last(authority) == ("registration_policy_violation", "denied")
    authority.register(whole)


def test_a_bad_signature_uses_up_the_nonce_and_not_the_launch_token(
    authority: Authority, app: AppCredentials
) -> None:
    launched, nonce = launch(authority, app), authority.challenge()
    good = registration(launched, nonce, key())
    with pytest.raises(CredentialRefused, match="signature") as caught:
        authority.register(msgspec.structs.replace(good, signature=base64.b64encode(bytes(64)).decode()))
    assert caught.value.code == "unauthorized"
    with pytest.raises(CredentialRefused, match="already used"):
        authority.register(good)
    authority.register(registration(launched, authority.challenge(), key()))


def url_safe(text: str) -> str:
    return text.replace("+", "-").replace("/", "_")


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("public_key", lambda text: text.rstrip("=")),
        ("public_key", lambda text: text + "\n"),
        ("public_key", lambda text: text[:-2] + "9="),
        ("public_key", lambda _: base64.b64encode(bytes(31)).decode()),
        ("public_key", lambda _: "ключ"),
        ("signature", lambda text: text.rstrip("=")),
        ("signature", lambda text: f" {text}"),
        ("signature", lambda _: base64.b64encode(bytes(63)).decode()),
        ("signature", lambda _: "подпись"),
    ],
)
def test_a_key_or_signature_in_another_spelling_is_refused(
    authority: Authority, app: AppCredentials, field: str, change: Callable[[str], str]
) -> None:
    whole = registration(launch(authority, app), authority.challenge(), key())
    with pytest.raises(CredentialRefused) as caught:
        authority.register(msgspec.structs.replace(whole, **{field: change(getattr(whole, field))}))
    assert caught.value.code == "unauthorized"


def test_the_nonces_bytes_are_signed_not_its_text(authority: Authority, app: AppCredentials) -> None:
    nonce = authority.challenge()
    whole = registration(launch(authority, app), nonce, key())
    over_text = base64.b64encode(key().sign(nonce.nonce.encode())).decode()
    with pytest.raises(CredentialRefused, match="signature"):
        authority.register(msgspec.structs.replace(whole, signature=over_text))


def test_a_nonce_ends_after_its_time_and_one_of_another_authority_never_counts(
    authority: Authority, app: AppCredentials, clock: ManualClock, tmp_path: Path
) -> None:
    assert authority.challenge().expires_in == 30
    nonce = authority.challenge()
    clock.advance(30 * SECOND)
    with opened(tmp_path / "other", clock=clock) as other:
        theirs = other.challenge()
    for bad in (nonce, theirs):
        with pytest.raises(CredentialRefused, match="nonce is unknown or expired"):
            authority.register(registration(launch(authority, app), bad, key()))


@pytest.mark.parametrize("bad", ["0" * 64, "zz" * 32, "0" * 63, "\uff41" * 64, "\n"])
def test_a_nonce_that_was_made_up_is_refused(authority: Authority, app: AppCredentials, bad: str) -> None:
    whole = registration(launch(authority, app), authority.challenge(), key())
    with pytest.raises(CredentialRefused, match="nonce is unknown"):
        authority.register(msgspec.structs.replace(whole, nonce=bad))


def test_a_launch_token_is_used_once_or_until_it_expires(
    authority: Authority, app: AppCredentials, clock: ManualClock
) -> None:
    once, often = launch(authority, app), launch(authority, app, is_single_use=False, ttl_s=60)
    assert once.expires_at == NOW + 30 * SECOND
    authority.register(registration(once, authority.challenge(), key()))
    for _ in range(3):
        authority.register(registration(often, authority.challenge(), key()))
    clock.advance(60 * SECOND)
    for dead in (once, often):
        with pytest.raises(CredentialRefused, match="launch token") as caught:
            authority.register(registration(dead, authority.challenge(), key()))
        assert caught.value.code == "unauthorized"


def test_nobody_launches_beyond_the_ceiling_which_is_not_told(
    authority: Authority, app: AppCredentials
) -> None:
    for scope in ("write:trades:*", "write:trades:TSLA", "write:orders:AAPL", "read:trades"):
        with pytest.raises(CredentialRefused) as caught:
            launch(authority, app, allowed_scope=(scope,))
        assert caught.value.code in {"forbidden", "invalid_request"}
        assert not any(each in caught.value.detail for each in CEILING)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"agent_name": ""}, "agent_name is required"),
        ({"agent_name": "a\nb"}, "printable"),
        ({"agent_name": "\ud800"}, "printable"),
        ({"agent_name": "n" * 257}, "256"),
        ({"allowed_scope": ()}, "allowed_scope must not be empty"),
        ({"constraints": Constraints(max_quantity=Decimal("1E+999999"))}, "max_quantity"),
    ],
)
def test_a_launch_that_makes_no_sense_is_refused(
    authority: Authority, app: AppCredentials, changes: dict[str, Any], match: str
) -> None:
    with pytest.raises(CredentialRefused, match=match) as caught:
        launch(authority, app, **changes)
    assert caught.value.code == "invalid_request"


def test_a_launch_is_for_an_app_an_operator_or_somebody_local(
    authority: Authority, app: AppCredentials
) -> None:
    request = LaunchRequest(agent_name="x", allowed_scope=("write:anything:X",))
    operator = authority.operator_token(authority.add_operator("ana", by=BY).secret)
    authority.launch(operator.claims, request)
    authority.launch(Local("ana"), request)
    agent = register(authority, app)
    with pytest.raises(CredentialRefused) as caught:
        authority.launch(agent.claims, msgspec.structs.replace(request, allowed_scope=SCOPE))
    assert caught.value.code == "insufficient_scope"
    with pytest.raises(CredentialRefused) as caught:
        authority.launch(Local("ana", "app-nobody-000000"), request)
    assert caught.value.code == "not_found"


def test_a_launcher_whose_token_died_meanwhile_launches_nothing(
    authority: Authority, app: AppCredentials
) -> None:
    issued = authority.app_token(app.app.client_id, app.client_secret)
    claims = authority.authenticate(Bearer(authorization=f"Bearer {issued.token}"))
    authority.release(issued.token)
    with pytest.raises(CredentialRefused, match="verification failed"):
        authority.launch(claims, LaunchRequest(agent_name="x", allowed_scope=SCOPE))


def test_the_constraints_of_app_and_launch_meet_in_the_token(authority: Authority) -> None:
    app = add_app(authority, "narrow", constraints=Constraints(max_quantity=Decimal(100), sides=(Side.BUY,)))
    issued = register(
        authority, app, constraints=Constraints(max_quantity=Decimal("500.00"), max_notional=Decimal("1E+3"))
    )
    assert issued.claims.trading == Constraints(
        max_quantity=Decimal(100), max_notional=Decimal(1000), sides=(Side.BUY,)
    )
    assert str(issued.claims.constraints.max_notional) == "1000"


def test_a_protective_writ_can_only_shrink_and_not_every_app_may_launch_one(
    authority: Authority, app: AppCredentials
) -> None:
    issued = register(authority, app, is_protective=True)
    assert issued.claims.protective
    assert issued.claims.constraints.reduce_only
    plain = add_app(authority, "plain", is_protector=False)
    with pytest.raises(CredentialRefused, match="protective") as caught:
        launch(authority, plain, is_protective=True)
    assert caught.value.code == "forbidden"


def test_a_launch_can_ask_for_proof_by_the_agents_own_key(authority: Authority, app: AppCredentials) -> None:
    issued = register(authority, app, needs_proof=True)
    assert issued.claims.cnf == Confirmation(key().kid)


def test_more_than_a_token_can_hold_is_a_wrong_request_and_uses_nothing_up(authority: Authority) -> None:
    many = tuple(f"read:trades:{number:040}" for number in range(400))
    launched, nonce = launch(authority, None, allowed_scope=many), authority.challenge()
    with pytest.raises(CredentialRefused, match="fewer scopes") as caught:
        authority.register(registration(launched, nonce, key(), requested_scope=many))
    assert caught.value.code == "invalid_request"
    authority.register(registration(launched, nonce, key(), requested_scope=many[:9]))


def test_a_thousand_register_at_once_and_each_gets_its_own(authority: Authority, app: AppCredentials) -> None:
    launched = launch(authority, app, is_single_use=False)

    def one(number: int) -> str:
        agent = key(number)
        return authority.register(registration(launched, authority.challenge(), agent)).claims.sub

    with ThreadPoolExecutor(16) as pool:
        names = list(pool.map(one, range(1_000)))
    assert len(set(names)) == 1_000
    for number, name in enumerate(names):
        found = authority.agent(name)
        assert found is not None
        assert found.kid == key(number).kid
    assert authority.verify_audit().is_intact


def test_challenges_leave_nothing_behind(authority: Authority) -> None:
    count = authority.event_count()
    assert len({authority.challenge().nonce for _ in range(1_000)}) == 1_000
    assert authority.event_count() == count


def test_agents_launch_tokens_and_revocations_survive_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    with opened(tmp_path, clock=clock) as authority:
        app = add_app(authority)
        agent, dead = register(authority, app), register(authority, app)
        authority.revoke("token", dead.claims.jti, by=BY)
        launched, nonce = launch(authority, app), authority.challenge()
    with opened(tmp_path, clock=clock) as authority:
        assert is_live(authority, agent)
        assert not is_live(authority, dead)
        assert authority.agent(agent.claims.sub) is not None
        authority.register(registration(launched, nonce, key()))
