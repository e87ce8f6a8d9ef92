"""Apps and operators: who may launch and administer, how they prove it, and what ends with them."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.unit.credentials.authorities import (
    BY,
    CEILING,
    SCOPE,
    add_app,
    events,
    is_live,
    key,
    last,
    launch,
    passed_on,
    register,
    registration,
)
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.requests import Bearer, Issued, LaunchRequest
from tradewrit.domain.constraints import Constraints
from tradewrit.domain.orders import Side
from tradewrit.errors import CredentialRefused

Ask = Callable[[Authority], object]


def test_an_apps_ids_look_as_clients_expect(authority: Authority) -> None:
    made = authority.add_app("my-desk-2", CEILING, by=BY)
    assert made.app.app_id.startswith("app-my-desk-2-")
    assert len(made.app.app_id) == len("app-my-desk-2-") + 6
    prefix, _, rest = made.app.client_id.partition("-")
    assert (prefix, len(rest)) == ("myd", 12)
    assert len(bytes.fromhex(made.client_secret)) == 32
    assert authority.add_app("a1", CEILING, by=BY).app.client_id.startswith("ax-")


@pytest.mark.parametrize(
    "name",
    ["", "a", "Desk", "1desk", "my desk", "desk-", "my--desk", "désk", "d" * 65, "desk\n", "a" * 64 + "!"],
)
def test_a_name_that_could_be_mistaken_is_refused(authority: Authority, name: str) -> None:
    for add in (lambda: authority.add_app(name, CEILING, by=BY), lambda: authority.add_operator(name, by=BY)):
        with pytest.raises(CredentialRefused, match="name") as caught:
            add()
        assert caught.value.code == "invalid_request"


@pytest.mark.parametrize("ttl", [-1, 0, 59, 86_401, 10**9])
def test_a_token_life_out_of_bounds_is_refused(authority: Authority, ttl: int) -> None:
    with pytest.raises(CredentialRefused, match="60 to 86400") as caught:
        authority.add_app("desk", CEILING, by=BY, token_ttl_s=ttl)
    assert caught.value.code == "invalid_ttl"
    assert authority.apps() == []


def test_a_second_app_of_a_name_is_a_conflict_until_the_first_is_gone(authority: Authority) -> None:
    first = add_app(authority)
    with pytest.raises(CredentialRefused, match="exists") as caught:
        add_app(authority)
    assert caught.value.code == "conflict"
    assert last(authority) == ("app_registered", "denied")
    authority.remove_app(first.app.app_id, by=BY)
    assert add_app(authority).app.app_id != first.app.app_id


def test_an_app_says_who_it_is_and_gets_a_token_to_launch_with(authority: Authority) -> None:
    made = add_app(authority)
    issued = authority.app_token(made.app.client_id, made.client_secret)
    assert issued.claims.sub == f"app:{made.app.app_id}"
    assert issued.claims.scope == ("app:launch-tokens:*", "app:agents:*", "app:audit:read")
    assert issued.expires_in == 1_800
    claims = authority.authenticate(Bearer(authorization=f"Bearer {issued.token}"), "app:launch-tokens:*")
    authority.launch(claims, LaunchRequest(agent_name="x", allowed_scope=SCOPE))
    assert events(authority, "launch_token_issued")[0].event.by == f"app:{made.app.app_id}"


@pytest.mark.parametrize("client", ["des-0123456789ab", "not a client id", ""])
def test_unknown_and_wrong_get_the_same_answer(authority: Authority, client: str) -> None:
    made = add_app(authority)
    answers = []
    for client_id, secret in ((client or "xx-000000000000", "f" * 64), (made.app.client_id, "f" * 64)):
        with pytest.raises(CredentialRefused) as caught:
            authority.app_token(client_id, secret)
        answers.append((caught.value.code, caught.value.detail))
    assert answers == [("unauthorized", "Authentication failed")] * 2
    assert last(authority) == ("app_auth_failed", "denied")


def test_what_is_no_client_id_does_not_reach_the_audit_trail(authority: Authority) -> None:
    made = add_app(authority)
    with pytest.raises(CredentialRefused):
        authority.app_token(made.client_secret, made.app.client_id)
    assert made.client_secret not in repr(events(authority))


@pytest.mark.parametrize(
    "ask",
    [
        lambda authority: authority.app_token("", "x"),
        lambda authority: authority.app_token("x", ""),
        lambda authority: authority.operator_token(""),
    ],
)
def test_an_empty_field_is_a_wrong_request(authority: Authority, ask: Ask) -> None:
    with pytest.raises(CredentialRefused) as caught:
        ask(authority)
    assert caught.value.code == "invalid_request"


def test_with_an_app_die_its_tokens_its_launch_tokens_and_all_delegated_from_them(
    authority: Authority,
) -> None:
    desk, other = add_app(authority), add_app(authority, "other")
    app_token = authority.app_token(desk.app.client_id, desk.client_secret)
    agent, stranger = register(authority, desk), register(authority, other)
    delegated = passed_on(authority, agent.token, stranger.claims.sub)
    launched = launch(authority, desk)
    authority.remove_app(desk.app.app_id, by=BY)
    assert [is_live(authority, each) for each in (app_token, agent, delegated, stranger)] == [False] * 3 + [
        True
    ]
    with pytest.raises(CredentialRefused, match="launch token"):
        authority.register(registration(launched, authority.challenge(), key()))
    with pytest.raises(CredentialRefused) as caught:
        authority.app_token(desk.app.client_id, desk.client_secret)
    assert caught.value.code == "unauthorized"


def test_nothing_can_be_done_to_an_app_that_is_not_there(authority: Authority) -> None:
    gone = add_app(authority).app.app_id
    authority.remove_app(gone, by=BY)
    asks: list[Callable[[], object]] = [
        lambda: authority.remove_app(gone, by=BY),
        lambda: authority.update_app(gone, by=BY, token_ttl_s=60),
        lambda: authority.app("app-nobody-000000"),
    ]
    for ask in asks:
        with pytest.raises(CredentialRefused) as caught:
            ask()
        assert caught.value.code == "not_found"


def test_narrowing_a_ceiling_kills_what_lies_beyond_and_nothing_else(authority: Authority) -> None:
    made = add_app(authority)
    app_token = authority.app_token(made.app.client_id, made.client_secret)
    reader = register(authority, made, scope=("read:trades:AAPL",))
    writer = register(authority, made)
    delegated = passed_on(authority, writer.token, reader.claims.sub)
    authority.update_app(made.app.app_id, by=BY, scopes=("read:trades:*",))
    assert [is_live(authority, each) for each in (app_token, reader, writer, delegated)] == [
        True,
        True,
        False,
        False,
    ]
    assert events(authority, "token_revoked")[-1].event.token_id == writer.claims.jti
    authority.update_app(made.app.app_id, by=BY, scopes=CEILING)
    assert not is_live(authority, writer)


def test_narrowing_constraints_kills_what_allows_more(authority: Authority) -> None:
    made = add_app(authority, constraints=Constraints(max_quantity=Decimal(100)))
    small = register(authority, made, constraints=Constraints(max_quantity=Decimal(10)))
    large = register(authority, made)
    assert large.claims.constraints.max_quantity == 100
    narrowed = authority.update_app(
        made.app.app_id, by=BY, constraints=Constraints(max_quantity=Decimal("50.0"))
    )
    assert str(narrowed.constraints.max_quantity) == "50"
    assert [is_live(authority, each) for each in (small, large)] == [True, False]


def test_a_launch_token_from_before_the_narrowing_gives_no_more_than_the_ceiling_of_now(
    authority: Authority,
) -> None:
    made = add_app(authority)
    launched = launch(authority, made)
    authority.update_app(
        made.app.app_id, by=BY, scopes=("read:trades:*",), constraints=Constraints(sides=(Side.SELL,))
    )
    with pytest.raises(CredentialRefused) as caught:
        authority.register(registration(launched, authority.challenge(), key()))
    assert caught.value.code == "scope_violation"
    issued = authority.register(
        registration(launched, authority.challenge(), key(), requested_scope=("read:trades:AAPL",))
    )
    assert issued.claims.trading == Constraints(sides=(Side.SELL,))


def test_an_operator_gets_a_token_under_its_own_name(authority: Authority) -> None:
    ana = authority.add_operator("ana-2", by=BY)
    assert ana.secret.startswith("op-ana-2-")
    issued = authority.operator_token(ana.secret)
    assert (issued.claims.sub, issued.expires_in) == ("admin:ana-2", 300)
    assert issued.claims.scope == ("admin:launch-tokens:*", "admin:revoke:*", "admin:audit:*")
    assert last(authority) == ("admin_auth", "success")


def test_only_a_hash_that_is_slow_to_guess_is_kept_of_an_operators_secret(authority: Authority) -> None:
    authority.add_operator("ana", by=BY)
    assert authority.operators()[0].secret_hash.startswith("$argon2id$")


def test_with_an_operator_die_its_tokens_and_its_secret(authority: Authority) -> None:
    ana, bob = (authority.add_operator(name, by=BY) for name in ("ana", "bob"))
    tokens = [authority.operator_token(each.secret) for each in (ana, bob)]
    authority.remove_operator("ana", by=BY)
    assert [is_live(authority, each) for each in tokens] == [False, True]
    with pytest.raises(CredentialRefused, match="invalid credentials"):
        authority.operator_token(ana.secret)
    again = authority.add_operator("ana", by=BY)
    assert is_live(authority, authority.operator_token(again.secret))
    with pytest.raises(CredentialRefused, match="invalid credentials"):
        authority.operator_token(ana.secret)
    with pytest.raises(CredentialRefused) as caught:
        authority.remove_operator("nobody", by=BY)
    assert caught.value.code == "not_found"


@pytest.mark.parametrize(
    "end",
    [
        lambda authority, _: authority.remove_operator("ana", by=BY),
        lambda authority, _: authority.revoke("agent", "admin:ana", by=BY),
        lambda authority, token: authority.revoke("token", token.claims.jti, by=BY),
        lambda authority, token: authority.release(token.token),
    ],
    ids=["removed", "subject revoked", "token revoked", "released"],
)
def test_with_an_operator_die_the_launch_tokens_it_left_behind(
    authority: Authority, end: Callable[[Authority, Issued], object]
) -> None:
    token = authority.operator_token(authority.add_operator("ana", by=BY).secret)
    renewed = authority.renew(token.token)
    asked = LaunchRequest(agent_name="later", allowed_scope=SCOPE, is_single_use=False, ttl_s=86_400)
    left = authority.launch(renewed.claims, asked)
    agent = authority.register(registration(left, authority.challenge(), key()))
    end(authority, renewed)
    with pytest.raises(CredentialRefused, match="launch token"):
        authority.register(registration(left, authority.challenge(), key()))
    assert is_live(authority, agent)


def test_launch_tokens_die_with_the_app_token_that_made_them_and_no_others(authority: Authority) -> None:
    desk = add_app(authority)
    bad, good = (authority.app_token(desk.app.client_id, desk.client_secret).claims for _ in range(2))
    asked = LaunchRequest(agent_name="later", allowed_scope=SCOPE)
    theirs, ours = authority.launch(bad, asked), authority.launch(good, asked)
    authority.revoke("token", bad.jti, by=BY)
    with pytest.raises(CredentialRefused, match="launch token"):
        authority.register(registration(theirs, authority.challenge(), key()))
    assert is_live(authority, authority.register(registration(ours, authority.challenge(), key())))


@pytest.mark.parametrize(
    "wrong", ["op-ana-" + "5" * 64, "op-bob-" + "5" * 64, "5" * 64, "op-ana", "op-ana-\n"]
)
def test_a_wrong_secret_a_wrong_name_and_a_wrong_form_get_the_same_answer(
    authority: Authority, wrong: str
) -> None:
    authority.add_operator("ana", by=BY)
    with pytest.raises(CredentialRefused, match="invalid credentials") as caught:
        authority.operator_token(wrong)
    assert caught.value.code == "unauthorized"
    assert last(authority) == ("admin_auth_failed", "denied")
    assert wrong not in repr(events(authority))


def test_no_secret_is_printed(authority: Authority) -> None:
    made, ana = add_app(authority), authority.add_operator("ana", by=BY)
    token, launched = authority.app_token(made.app.client_id, made.client_secret), launch(authority, made)
    for thing, secret in (
        (made, made.client_secret),
        (ana, ana.secret),
        (token, token.token),
        (launched, launched.secret),
        (registration(launched, authority.challenge(), key()), launched.secret),
        (Bearer(authorization=f"Bearer {token.token}"), token.token),
    ):
        assert secret not in repr(thing)
        assert secret not in f"{thing}"
