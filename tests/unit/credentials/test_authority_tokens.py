"""A token in use: presenting, renewing, passing on a part of it, giving it up."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.credentials.authorities import (
    BY,
    NOW,
    SCOPE,
    START,
    add_app,
    events,
    is_live,
    key,
    last,
    opened,
    passed_on,
    register,
)
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.claims import Claims, Confirmation
from tradewrit.credentials.delegation import chain_hash
from tradewrit.credentials.proof import make_proof
from tradewrit.credentials.requests import AppCredentials, Bearer, DelegationRequest
from tradewrit.credentials.settings import Terms
from tradewrit.domain.constraints import Constraints, Violation, is_within
from tradewrit.domain.market import SECOND
from tradewrit.domain.orders import Side
from tradewrit.errors import CredentialRefused
from tradewrit.runtime.clock import ManualClock, system_entropy

READ = ("read:trades:AAPL",)


def bearer(token: str) -> Bearer:
    return Bearer(authorization=f"Bearer {token}")


# Presenting


def test_a_bearer_is_who_its_token_says(authority: Authority, app: AppCredentials) -> None:
    issued = register(authority, app)
    assert authority.authenticate(bearer(issued.token)) == issued.claims
    assert authority.authenticate(bearer(issued.token), "write:trades:AAPL") == issued.claims


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (None, "missing authorization header"),
        ("", "invalid authorization scheme"),
        ("bearer x", "invalid authorization scheme"),
        ("Bearer", "invalid authorization scheme"),
        ("Basic eDp5", "invalid authorization scheme"),
        ("Bearer x", "token verification failed"),
        ("Bearer ", "token verification failed"),
        ("Bearer \ud800", "token verification failed"),
    ],
)
def test_a_header_that_is_no_permission_is_refused(
    authority: Authority, header: str | None, detail: str
) -> None:
    with pytest.raises(CredentialRefused) as caught:
        authority.authenticate(Bearer(authorization=header))
    assert (caught.value.code, caught.value.detail) == ("unauthorized", detail)
    assert last(authority) == ("token_auth_failed", "denied")


def test_two_blanks_after_the_scheme_are_one_too_many(authority: Authority, app: AppCredentials) -> None:
    issued = register(authority, app)
    for header in (f"Bearer  {issued.token}", f"Bearer {issued.token} ", f" Bearer {issued.token}"):
        with pytest.raises(CredentialRefused):
            authority.authenticate(Bearer(authorization=header))


def test_a_scope_that_the_token_lacks_is_named_and_recorded(
    authority: Authority, app: AppCredentials
) -> None:
    issued = register(authority, app)
    with pytest.raises(CredentialRefused, match="lacks required scope: write:trades:MSFT") as caught:
        authority.authenticate(bearer(issued.token), "write:trades:MSFT")
    assert caught.value.code == "insufficient_scope"
    event = events(authority)[-1].event
    assert (event.type, event.outcome, event.token_id) == ("scope_violation", "denied", issued.claims.jti)


@pytest.mark.parametrize("scope", ["admin:launch-tokens:*", "admin:revoke:*", "admin:audit:*"])
def test_to_administer_counts_in_a_persons_hand_only(authority: Authority, scope: str) -> None:
    """Whoever launched the agent so: it could name operators, and re-arm the authority with them."""
    agent = register(authority, None, scope=(scope,))
    with pytest.raises(CredentialRefused) as caught:
        authority.authenticate(bearer(agent.token), scope)
    assert caught.value.code == "insufficient_scope"
    person = authority.operator_token(authority.add_operator("ana", by=BY).secret)
    assert authority.authenticate(bearer(person.token), scope) == person.claims


def test_a_token_for_another_audience_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path, terms=Terms(audience=("orders",))) as authority:
        issued = register(authority, add_app(authority))
        assert authority.authenticate(bearer(issued.token)) == issued.claims
    with opened(tmp_path, terms=Terms(audience=("data",))) as authority:
        with pytest.raises(CredentialRefused, match="audience mismatch"):
            authority.authenticate(bearer(issued.token))
        assert authority.validate(issued.token) is not None


def test_expired_revoked_renewed_and_forged_look_the_same_and_are_recorded_as_what_they_are(
    authority: Authority, app: AppCredentials, clock: ManualClock
) -> None:
    expired = register(authority, app, max_ttl_s=1)
    revoked, renewed = register(authority, app), register(authority, app)
    authority.revoke("token", revoked.claims.jti, by=BY)
    authority.renew(renewed.token)
    clock.advance(SECOND)
    answers, told = set(), []
    for token in (expired.token, revoked.token, renewed.token, "a.b.c"):
        with pytest.raises(CredentialRefused) as caught:
            authority.authenticate(bearer(token))
        answers.add((caught.value.code, caught.value.detail))
        told.append((events(authority)[-1].event.type, events(authority)[-1].event.token_id))
    assert answers == {("unauthorized", "token verification failed")}
    assert told == [
        ("token_auth_failed", expired.claims.jti),
        ("token_revoked_access", revoked.claims.jti),
        ("token_reused", renewed.claims.jti),
        ("token_auth_failed", ""),
    ]


def test_expiry_is_exclusive(authority: Authority, app: AppCredentials, clock: ManualClock) -> None:
    issued = register(authority, app, max_ttl_s=10)
    clock.advance(10 * SECOND - 1)
    assert is_live(authority, issued)
    clock.advance(1)
    assert not is_live(authority, issued)


def test_validation_is_not_recorded(authority: Authority, app: AppCredentials) -> None:
    issued = register(authority, app)
    count = authority.event_count()
    assert authority.validate(issued.token) == issued.claims
    assert authority.validate("") is None
    assert authority.event_count() == count


# Renewal


def test_a_renewal_keeps_all_but_the_id_and_the_times(
    authority: Authority, app: AppCredentials, clock: ManualClock
) -> None:
    constraints = Constraints(max_quantity=Decimal(5))
    issued = register(authority, app, constraints=constraints, needs_proof=False, max_ttl_s=100)
    clock.advance(50 * SECOND)
    renewed = authority.renew(issued.token)
    assert renewed.claims.jti != issued.claims.jti
    assert (renewed.claims.iat, renewed.claims.exp) == (START + 50, START + 150)

    def said(claims: Claims) -> tuple[object, ...]:
        return (claims.sub, claims.scope, claims.task_id, claims.orch_id, claims.trading, claims.cnf)

    assert said(renewed.claims) == said(issued.claims)
    assert (is_live(authority, issued), is_live(authority, renewed)) == (False, True)


def test_app_and_operator_tokens_can_be_renewed_too(authority: Authority, app: AppCredentials) -> None:
    for issued in (
        authority.app_token(app.app.client_id, app.client_secret),
        authority.operator_token(authority.add_operator("ana", by=BY).secret),
    ):
        assert is_live(authority, authority.renew(issued.token))


def test_renewals_together_reach_no_further_than_the_total_life(tmp_path: Path, clock: ManualClock) -> None:
    with opened(tmp_path, clock=clock, terms=Terms(total_life_s=1_000)) as authority:
        issued = register(authority, add_app(authority))
        while True:
            clock.advance(299 * SECOND)
            try:
                issued = authority.renew(issued.token)
            except CredentialRefused:
                break
            assert issued.claims.exp <= START + 1_000
        assert clock.now() >= NOW + 1_000 * SECOND


def test_a_renewed_token_presented_again_is_an_alarm(authority: Authority, app: AppCredentials) -> None:
    issued = register(authority, app)
    successor = authority.renew(issued.token)
    with pytest.raises(CredentialRefused, match="verification failed"):
        authority.renew(issued.token)
    assert last(authority) == ("token_reused", "denied")
    assert is_live(authority, successor)


def test_on_the_strictest_terms_reuse_ends_the_successor_as_well(tmp_path: Path) -> None:
    with opened(tmp_path, terms=Terms(ends_family_on_reuse=True)) as authority:
        issued = register(authority, add_app(authority))
        successor = authority.renew(authority.renew(issued.token).token)
        with pytest.raises(CredentialRefused):
            authority.renew(issued.token)
        assert not is_live(authority, successor)


# Release


def test_a_released_token_is_dead_and_releasing_it_again_is_no_error(
    authority: Authority, app: AppCredentials, clock: ManualClock
) -> None:
    released, expired, revoked, renewed = (register(authority, app, max_ttl_s=60) for _ in range(4))
    authority.release(released.token)
    assert not is_live(authority, released)
    authority.release(released.token)
    authority.revoke("token", revoked.claims.jti, by=BY)
    authority.release(revoked.token)
    successor = authority.renew(renewed.token)
    authority.release(renewed.token)
    assert is_live(authority, successor)
    clock.advance(60 * SECOND)
    authority.release(expired.token)
    assert last(authority) == ("token_released", "success")


def test_what_was_never_a_token_of_ours_cannot_be_released(
    authority: Authority, app: AppCredentials, tmp_path: Path
) -> None:
    with opened(tmp_path / "other") as other:
        theirs = register(other, add_app(other))
    issued = register(authority, app)
    for bad in ("", "garbage", theirs.token, issued.token[:-4] + "AAAA"):
        with pytest.raises(CredentialRefused) as caught:
            authority.release(bad)
        assert caught.value.code == "unauthorized"
    assert is_live(authority, issued)


def test_what_was_delegated_dies_with_a_release(authority: Authority, app: AppCredentials) -> None:
    first, second = register(authority, app), register(authority, app)
    delegated = passed_on(authority, first.token, second.claims.sub)
    authority.release(first.token)
    assert not is_live(authority, delegated)
    assert is_live(authority, second)


# Delegation


def test_a_delegated_token_says_who_passed_what_on(authority: Authority, app: AppCredentials) -> None:
    first, second = register(authority, app), register(authority, app, task="other")
    delegated = passed_on(authority, first.token, second.claims.sub)
    claims = delegated.claims
    assert (claims.sub, claims.scope, claims.task_id) == (second.claims.sub, READ, "swing")
    assert [(hop.agent, hop.scope) for hop in claims.delegation_chain] == [(first.claims.sub, SCOPE)]
    assert claims.chain_hash == chain_hash(claims.delegation_chain)
    assert delegated.expires_in == 60
    event = events(authority)[-1].event
    assert (event.type, event.deleg_depth, event.deleg_chain_hash) == (
        "delegation_created",
        1,
        claims.chain_hash,
    )


def test_a_delegated_token_never_outlives_its_delegator_however_it_is_renewed(
    authority: Authority, app: AppCredentials, clock: ManualClock
) -> None:
    first = register(authority, app, max_ttl_s=5)
    second = register(authority, app)
    delegated = passed_on(authority, first.token, second.claims.sub, ttl_s=86_400)
    assert delegated.claims.exp == first.claims.exp
    clock.advance(2 * SECOND)
    delegated = authority.renew(delegated.token)
    assert delegated.claims.exp == first.claims.exp
    authority.renew(first.token)
    assert authority.renew(delegated.token).claims.exp == first.claims.exp


def test_to_oneself_one_can_pass_on_no_more_life_either(authority: Authority, app: AppCredentials) -> None:
    first = register(authority, app, max_ttl_s=5)
    again = passed_on(authority, first.token, first.claims.sub, ttl_s=86_400)
    assert again.claims.exp == first.claims.exp


@pytest.mark.parametrize("ttl", [None, 0, -5])
def test_no_life_asked_for_is_the_default(authority: Authority, app: AppCredentials, ttl: int | None) -> None:
    first, second = register(authority, app), register(authority, app)
    assert passed_on(authority, first.token, second.claims.sub, ttl_s=ttl).expires_in == 60


@pytest.mark.parametrize("scope", [("write:trades:MSFT",), ("read:trades:*",), ("read:trades",), ("*:*:*",)])
def test_nothing_widens_at_a_hop(authority: Authority, app: AppCredentials, scope: tuple[str, ...]) -> None:
    first, second = register(authority, app), register(authority, app)
    with pytest.raises(CredentialRefused) as caught:
        passed_on(authority, first.token, second.claims.sub, scope=scope)
    assert caught.value.code == "scope_violation"
    assert last(authority) == ("delegation_attenuation_violation", "denied")


def test_five_hops_and_not_a_sixth(authority: Authority, app: AppCredentials) -> None:
    token = register(authority, app).token
    for _ in range(5):
        token = passed_on(authority, token, register(authority, app).claims.sub).token
    with pytest.raises(CredentialRefused, match="depth limit") as caught:
        passed_on(authority, token, register(authority, app).claims.sub)
    assert caught.value.code == "scope_violation"


def test_constraints_only_narrow_on_the_way(authority: Authority) -> None:
    app = add_app(authority, "narrow", constraints=Constraints(max_quantity=Decimal(100)))
    first = register(authority, app, constraints=Constraints(sides=(Side.BUY,)))
    second = register(authority, app)
    third = register(authority, app)
    hop = passed_on(
        authority, first.token, second.claims.sub, constraints=Constraints(max_quantity=Decimal(10))
    )
    wide = passed_on(
        authority,
        hop.token,
        third.claims.sub,
        constraints=Constraints(max_quantity=Decimal(1_000), sides=(Side.BUY, Side.SELL)),
    )
    assert wide.claims.trading == Constraints(max_quantity=Decimal(10), sides=(Side.BUY,))
    for outer, inner in ((first, hop), (hop, wide), (wide, authority.renew(wide.token))):
        assert is_within(inner.claims.constraints, outer.claims.constraints)


def test_a_chain_that_no_token_can_hold_is_refused_and_its_delegator_lives_on(authority: Authority) -> None:
    many = tuple(f"read:trades:{number:020}" for number in range(120))
    agents = [register(authority, None, scope=many) for _ in range(5)]
    second = passed_on(authority, agents[0].token, agents[1].claims.sub, scope=many)
    with pytest.raises(CredentialRefused, match="fewer scopes") as caught:
        passed_on(authority, second.token, agents[2].claims.sub, scope=many)
    assert caught.value.code == "invalid_request"
    assert is_live(authority, passed_on(authority, second.token, agents[2].claims.sub, scope=many[:9]))


def test_a_protective_writ_goes_to_no_app_that_may_not_launch_one(
    authority: Authority, app: AppCredentials
) -> None:
    writ = register(authority, app, is_protective=True)
    plain = register(authority, add_app(authority, "plain", is_protector=False))
    with pytest.raises(CredentialRefused, match="protective") as caught:
        passed_on(authority, writ.token, plain.claims.sub)
    assert caught.value.code == "forbidden"
    assert last(authority) == ("delegation_attenuation_violation", "denied")
    assert passed_on(authority, writ.token, register(authority, app).claims.sub).claims.protective


def test_another_apps_agent_gets_no_more_than_its_own_app_may_have(
    authority: Authority, app: AppCredentials
) -> None:
    reader = authority.add_app(
        "reader", ("read:trades:*",), by=BY, constraints=Constraints(max_quantity=Decimal(1))
    )
    first, theirs = register(authority, app), register(authority, reader, scope=READ)
    with pytest.raises(CredentialRefused, match="ceiling of the delegate's app"):
        passed_on(authority, first.token, theirs.claims.sub, scope=SCOPE)
    assert passed_on(authority, first.token, theirs.claims.sub).claims.constraints.max_quantity == 1


def test_where_the_delegator_must_prove_its_key_so_must_the_delegate(
    authority: Authority, app: AppCredentials
) -> None:
    first = register(authority, app, needs_proof=True)
    second = register(authority, app, agent=key(9))
    url = "https://desk.example/v1/delegate"
    proof = make_proof(key(), first.token, method="POST", url=url, now=NOW, entropy=system_entropy)
    presented = Bearer(authorization=f"Bearer {first.token}", proof=proof, method="POST", url=url)
    delegated = authority.delegate(presented, DelegationRequest(to=second.claims.sub, scope=READ))
    assert delegated.claims.cnf == Confirmation(key(9).kid)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": ""}, "invalid_request"),
        ({"scope": ()}, "invalid_request"),
        ({"constraints": Constraints(max_quantity=Decimal("1E+99"))}, "invalid_request"),
        ({"to": "spiffe://agentwrit.local/agent/desk/swing/0011223344556677"}, "not_found"),
        ({"to": "nobody"}, "not_found"),
    ],
)
def test_a_delegation_to_nobody_or_of_nothing_is_refused(
    authority: Authority, app: AppCredentials, changes: dict[str, object], code: str
) -> None:
    first, second = register(authority, app), register(authority, app)
    with pytest.raises(CredentialRefused) as caught:
        passed_on(authority, first.token, **({"to": second.claims.sub} | changes))  # type: ignore[arg-type]
    assert caught.value.code == code


def test_a_revoked_agent_is_given_nothing_and_an_app_gives_nothing(
    authority: Authority, app: AppCredentials
) -> None:
    first, second = register(authority, app), register(authority, app)
    app_token = authority.app_token(app.app.client_id, app.client_secret)
    with pytest.raises(CredentialRefused, match="only an agent"):
        passed_on(authority, app_token.token, second.claims.sub, scope=("app:agents:*",))
    authority.revoke("agent", second.claims.sub, by=BY)
    with pytest.raises(CredentialRefused, match="revoked") as caught:
        passed_on(authority, first.token, second.claims.sub)
    assert caught.value.code == "forbidden"


# What the desk tells


def test_an_order_that_a_writ_forbids_stands_in_the_audit_trail(
    authority: Authority, app: AppCredentials
) -> None:
    issued = register(authority, app)
    authority.note_refusal(
        issued.claims, [Violation("max_quantity", "100", "500")], resource="write:trades:AAPL", by="gateway"
    )
    event = events(authority)[-1].event
    assert (event.type, event.outcome, event.agent_id) == ("constraint_refused", "denied", issued.claims.sub)
    assert (event.token_id, event.resource) == (issued.claims.jti, "write:trades:AAPL")
    assert event.detail == "max_quantity: 500, allowed 100"


def test_a_peer_that_was_held_back_stands_in_the_audit_trail(
    authority: Authority, app: AppCredentials
) -> None:
    authority.note_rate_limited(app.app.client_id, "198.51.100.7")
    event = events(authority)[-1].event
    assert (event.type, event.resource, event.by) == ("app_rate_limited", app.app.client_id, "198.51.100.7")
    authority.note_rate_limited(app.client_secret, "198.51.100.7")
    assert app.client_secret not in repr(events(authority))
