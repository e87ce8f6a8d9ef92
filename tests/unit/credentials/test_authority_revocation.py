"""Ending permissions: each level, at once, everywhere; and the kill switch."""

from pathlib import Path

import pytest

from tests.unit.credentials.authorities import (
    BY,
    NOW,
    SCOPE,
    add_app,
    events,
    is_live,
    key,
    launch,
    opened,
    passed_on,
    register,
    registration,
)
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.requests import AppCredentials, Bearer, Issued, LaunchRequest, Local
from tradewrit.domain.market import SECOND
from tradewrit.errors import CredentialRefused
from tradewrit.runtime.clock import ManualClock


@pytest.fixture
def chain(authority: Authority, app: AppCredentials) -> dict[str, Issued]:
    """A passed a part on to B, B to C, C to D; each has a token of its own besides."""
    own = {name: register(authority, app, task=f"task-{name}") for name in "abcd"}
    ab = passed_on(authority, own["a"].token, own["b"].claims.sub)
    abc = passed_on(authority, ab.token, own["c"].claims.sub)
    abcd = passed_on(authority, abc.token, own["d"].claims.sub)
    return own | {"ab": ab, "abc": abc, "abcd": abcd}


def renewed_often(authority: Authority, clock: ManualClock, first: Issued, times: int) -> list[Issued]:
    """The token and its renewals, each at half its life; what expired meanwhile is forgotten."""
    family = [first]
    for _ in range(times):
        clock.set(clock.now() + 150 * SECOND)
        family.append(authority.renew(family[-1].token))
    authority.prune()
    return family


@pytest.mark.parametrize("named", range(6))
def test_a_token_is_revoked_by_the_id_of_any_it_was_renewed_from_however_old(
    tmp_path: Path, named: int
) -> None:
    """An order names the token it went out under, which may have been renewed many times since."""
    clock = ManualClock(at=NOW)
    with opened(tmp_path, clock=clock) as authority:
        app = add_app(authority)
        family = renewed_often(authority, clock, register(authority, app), 5)
        others = renewed_often(authority, clock, register(authority, app), 1)
        assert is_live(authority, family[-1])
        authority.revoke("token", family[named].claims.jti, by=BY)
        assert not is_live(authority, family[-1])
        assert is_live(authority, others[-1])
    opened(tmp_path, clock=clock).close()


def dead(authority: Authority, tokens: dict[str, Issued]) -> set[str]:
    return {name for name, issued in tokens.items() if not is_live(authority, issued)}


@pytest.mark.parametrize(
    ("level", "target", "killed"),
    [
        ("token", lambda chain: chain["a"].claims.jti, {"a", "ab", "abc", "abcd"}),
        ("token", lambda chain: chain["ab"].claims.jti, {"ab", "abc", "abcd"}),
        ("token", lambda chain: chain["abc"].claims.jti, {"abc", "abcd"}),
        ("agent", lambda chain: chain["a"].claims.sub, {"a", "ab", "abc", "abcd"}),
        ("agent", lambda chain: chain["b"].claims.sub, {"b", "ab", "abc", "abcd"}),
        ("agent", lambda chain: chain["c"].claims.sub, {"c", "abc", "abcd"}),
        ("agent", lambda chain: chain["d"].claims.sub, {"d", "abcd"}),
        ("chain", lambda chain: chain["a"].claims.sub, {"ab", "abc", "abcd"}),
        ("chain", lambda chain: chain["b"].claims.sub, {"abc", "abcd"}),
        ("chain", lambda chain: chain["c"].claims.sub, {"abcd"}),
        ("task", lambda _: "task-a", {"a", "ab", "abc", "abcd"}),
        ("task", lambda _: "task-b", {"b"}),
        ("token", lambda _: "0" * 32, set()),
        ("all", lambda _: "", {"a", "b", "c", "d", "ab", "abc", "abcd"}),
    ],
)
def test_a_revocation_kills_what_it_names_and_all_that_came_of_it(
    authority: Authority, chain: dict[str, Issued], level: str, target: object, killed: set[str]
) -> None:
    done = authority.revoke(level, target(chain), by=BY)  # type: ignore[operator]
    assert done.level == level
    assert dead(authority, chain) == killed
    assert events(authority)[-1].event.type == "token_revoked"


def test_a_whole_app_is_revoked_and_may_go_on_with_new_tokens(
    authority: Authority, app: AppCredentials, chain: dict[str, Issued]
) -> None:
    authority.revoke("app", app.app.app_id, by=BY)
    assert dead(authority, chain) == set(chain)
    assert is_live(authority, register(authority, app))


def test_the_dead_are_dead_on_every_route(authority: Authority, app: AppCredentials) -> None:
    issued, other = register(authority, app), register(authority, app)
    assert is_live(authority, issued)
    authority.revoke("token", issued.claims.jti, by=BY)
    assert authority.validate(issued.token) is None
    for ask in (
        lambda: authority.authenticate(Bearer(authorization=f"Bearer {issued.token}")),
        lambda: authority.renew(issued.token),
        lambda: passed_on(authority, issued.token, other.claims.sub),
        lambda: authority.launch(issued.claims, LaunchRequest(agent_name="x", allowed_scope=SCOPE)),
    ):
        with pytest.raises(CredentialRefused, match="verification failed"):
            ask()


def test_a_revocation_counts_at_once_in_every_process_and_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as here, opened(tmp_path) as there:
        app = add_app(here)
        first, second = register(here, app), register(here, app)
        assert [is_live(each, token) for each in (here, there) for token in (first, second)] == [True] * 4
        there.revoke("token", first.claims.jti, by=BY)
        assert [is_live(here, token) for token in (first, second)] == [False, True]
        here.renew(second.token)
        assert not is_live(there, second)
    with opened(tmp_path) as again:
        assert [is_live(again, token) for token in (first, second)] == [False, False]


@pytest.mark.parametrize(
    ("level", "target", "match"),
    [
        ("", "x", "required"),
        ("token", "", "required"),
        ("everything", "x", "invalid revocation level: everything"),
        ("token", "eyJhbGciOiJFZERTQSJ9.e30.AA", "jti"),
        ("agent", "spiffe://a b", "printable"),
        ("task", "t\n", "printable"),
        ("agent", "x" * 3_000, "printable"),
    ],
)
def test_a_revocation_that_would_do_nothing_is_refused(
    authority: Authority, level: str, target: str, match: str
) -> None:
    count = authority.event_count()
    with pytest.raises(CredentialRefused, match=match) as caught:
        authority.revoke(level, target, by=BY)
    assert caught.value.code == "invalid_request"
    assert authority.event_count() == count


# The kill switch


def test_the_kill_switch_kills_every_writ_but_the_protective_ones(
    authority: Authority, app: AppCredentials
) -> None:
    writ, protective = register(authority, app), register(authority, app, is_protective=True)
    helper = register(authority, app)
    delegated = passed_on(authority, protective.token, helper.claims.sub)
    state = authority.kill(by=BY, reason="drawdown")
    assert (state.by, state.reason, state.is_total) == (BY, "drawdown", False)
    assert authority.kill_state() == state
    assert [is_live(authority, each) for each in (writ, helper, protective, delegated)] == [
        False,
        False,
        True,
        True,
    ]
    assert is_live(authority, authority.renew(protective.token))


def test_while_killed_nothing_but_protection_is_given(authority: Authority, app: AppCredentials) -> None:
    before = launch(authority, app)
    protection_before = launch(authority, app, is_protective=True)
    plain = add_app(authority, "plain", is_protector=False)
    authority.kill(by=BY)
    for ask in (
        lambda: launch(authority, app),
        lambda: authority.launch(Local("desk"), LaunchRequest(agent_name="x", allowed_scope=SCOPE)),
        lambda: authority.app_token(plain.app.client_id, plain.client_secret),
    ):
        with pytest.raises(CredentialRefused, match="kill switch") as caught:
            ask()
        assert caught.value.code == "killed"
    with pytest.raises(CredentialRefused):
        authority.register(registration(before, authority.challenge(), key()))
    register(authority, app, is_protective=True)
    authority.register(registration(protection_before, authority.challenge(), key()))
    own = authority.app_token(app.app.client_id, app.client_secret)
    claims = authority.authenticate(Bearer(authorization=f"Bearer {own.token}"))
    authority.launch(claims, LaunchRequest(agent_name="x", allowed_scope=SCOPE, is_protective=True))


def test_a_protectors_own_token_is_renewed_while_killed_and_nobody_elses(
    authority: Authority, app: AppCredentials
) -> None:
    plain = add_app(authority, "plain", is_protector=False)
    before = [authority.app_token(one.app.client_id, one.client_secret) for one in (app, plain)]
    authority.kill(by=BY)
    for issued in before:
        with pytest.raises(CredentialRefused, match="verification failed"):
            authority.renew(issued.token)
    own = authority.app_token(app.app.client_id, app.client_secret)
    again = authority.renew(own.token)
    authority.launch(again.claims, LaunchRequest(agent_name="x", allowed_scope=SCOPE, is_protective=True))
    with pytest.raises(CredentialRefused, match="kill switch"):
        authority.launch(again.claims, LaunchRequest(agent_name="x", allowed_scope=SCOPE))
    authority.kill(by=BY, including_protection=True)
    with pytest.raises(CredentialRefused, match="verification failed"):
        authority.renew(again.token)


def test_including_protection_nothing_is_left_and_nothing_is_given(
    authority: Authority, app: AppCredentials
) -> None:
    protective = register(authority, app, is_protective=True)
    launched = launch(authority, app, is_protective=True)
    authority.kill(by=BY)
    assert authority.kill(by="bob", including_protection=True, grace_s=0).is_total
    assert not is_live(authority, protective)
    with pytest.raises(CredentialRefused, match="kill switch"):
        launch(authority, app, is_protective=True)
    with pytest.raises(CredentialRefused):
        authority.register(registration(launched, authority.challenge(), key()))
    assert authority.kill(by=BY).is_total


def test_the_kill_switch_outlives_a_restart_and_counts_in_every_process(tmp_path: Path) -> None:
    with opened(tmp_path) as here, opened(tmp_path) as there:
        app = add_app(here)
        writ = register(here, app)
        assert is_live(there, writ)
        here.kill(by=BY)
        assert not is_live(there, writ)
        with pytest.raises(CredentialRefused, match="kill switch"):
            launch(there, app)
    with opened(tmp_path) as again, pytest.raises(CredentialRefused, match="kill switch"):
        launch(again, app)


def test_only_a_person_re_arms_and_what_died_stays_dead(authority: Authority, app: AppCredentials) -> None:
    ana = authority.add_operator("ana", by=BY)
    writ = register(authority, app)
    authority.kill(by=BY)
    for by in (f"app:{app.app.app_id}", writ.claims.sub):
        with pytest.raises(CredentialRefused, match="only a person") as caught:
            authority.rearm(by=by)
        assert caught.value.code == "forbidden"
    person = authority.operator_token(ana.secret)
    assert is_live(authority, authority.renew(person.token))
    authority.rearm(by=person.claims.sub)
    assert authority.kill_state() is None
    assert not is_live(authority, writ)
    assert is_live(authority, register(authority, app))
    with pytest.raises(CredentialRefused, match="not on"):
        authority.rearm(by=BY)


def test_each_pull_of_the_switch_is_recorded(authority: Authority) -> None:
    authority.kill(by=BY, reason="drawdown\nof 5 %")
    authority.kill(by=BY, including_protection=True)
    authority.rearm(by=BY)
    told = [record.event.detail for record in events(authority, "kill_switch")]
    assert told == [
        "killed, protective writs spared: drawdown?of 5 %",
        "killed, protective writs too",
        "re-armed",
    ]


# Clocks


def test_what_expired_does_not_come_back_when_the_clock_does(tmp_path: Path) -> None:
    clock = ManualClock(at=NOW)
    with opened(tmp_path, clock=clock) as authority:
        app = add_app(authority)
        issued = register(authority, app)
        assert is_live(authority, issued)
        clock.set(NOW + 3_600 * SECOND, is_jump=True)
        assert not is_live(authority, issued)
        clock.set(NOW, is_jump=True)
        assert not is_live(authority, issued)
        late = register(authority, app)
        clock.advance(299 * SECOND)
        assert is_live(authority, late)
        clock.advance(SECOND)
        assert not is_live(authority, late)


def test_nor_after_a_restart_nor_in_another_process(tmp_path: Path) -> None:
    clock, theirs = ManualClock(at=NOW), ManualClock(at=NOW)
    with opened(tmp_path, clock=clock) as authority, opened(tmp_path, clock=theirs) as other:
        issued = register(authority, add_app(authority))
        clock.set(NOW + 3_600 * SECOND, is_jump=True)
        assert not is_live(authority, issued)
        authority.note_rate_limited("", "somebody")
        assert not is_live(other, issued)
    with opened(tmp_path, clock=ManualClock(at=NOW)) as again:
        assert not is_live(again, issued)


@pytest.mark.parametrize("jump", [-(10**18), -SECOND, SECOND, 10**17])
def test_a_clock_that_jumps_breaks_nothing(tmp_path: Path, jump: int) -> None:
    clock = ManualClock(at=NOW)
    with opened(tmp_path, clock=clock) as authority:
        app = add_app(authority)
        for _ in range(5):
            clock.set(clock.now() + jump, is_jump=True)
            issued = register(authority, app)
            assert is_live(authority, authority.renew(issued.token))
            clock.set(NOW, is_jump=True)
        assert authority.verify_audit().is_intact
