"""The kill switch that ends protection too lets the desks cancel their entries first, and not for long."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
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
from tradewrit.credentials.home import open_home
from tradewrit.credentials.requests import AppCredentials, Bearer, Issued, LaunchRequest, Local
from tradewrit.credentials.settings import Terms
from tradewrit.credentials.winding_down import MOST_ORDERS
from tradewrit.domain.market import SECOND
from tradewrit.domain.times import iso
from tradewrit.errors import CredentialRefused, JournalCorrupt, TokenRefused
from tradewrit.runtime.clock import ManualClock

GRACE = 30 * SECOND


def keeper(authority: Authority, app: AppCredentials) -> Issued:
    return register(authority, app, is_protective=True)


def done(authority: Authority, writ: Issued, *cancelled: str) -> None:
    authority.answer_kill(writ.token, cancelled=cancelled, working=())


def test_ordinary_writs_die_at_once_and_protective_ones_live_on_to_cancel(
    authority: Authority, app: AppCredentials
) -> None:
    ordinary, protective = register(authority, app), keeper(authority, app)
    state = authority.kill(by=BY, including_protection=True)
    assert state.protection_ends_at == NOW + GRACE
    assert [is_live(authority, one) for one in (ordinary, protective)] == [False, True]
    (asked,) = authority.desk_answers()
    assert (asked.app_id, asked.orch_id, asked.answered_at) == (app.app.app_id, "desk", None)


def test_meanwhile_nothing_is_issued_renewed_launched_or_passed_on(
    authority: Authority, app: AppCredentials
) -> None:
    protective, helper = keeper(authority, app), keeper(authority, app)
    launched = launch(authority, app, is_protective=True)
    authority.kill(by=BY, including_protection=True)
    asks: list[Callable[[], object]] = [
        lambda: authority.renew(protective.token),
        lambda: passed_on(authority, protective.token, helper.claims.sub),
        lambda: launch(authority, app, is_protective=True),
        lambda: authority.launch(Local("x"), LaunchRequest(agent_name="x", allowed_scope=SCOPE)),
        lambda: authority.register(registration(launched, authority.challenge(), key())),
        lambda: authority.app_token(app.app.client_id, app.client_secret),
    ]
    for ask in asks:
        with pytest.raises(CredentialRefused) as caught:
            ask()
        assert caught.value.code == "killed"
    assert is_live(authority, protective)


def test_a_desk_that_has_answered_loses_its_writ_and_with_the_last_one_all_is_over(
    authority: Authority, app: AppCredentials, clock: ManualClock
) -> None:
    other = add_app(authority, "other")
    first, second = keeper(authority, app), keeper(authority, other)
    authority.kill(by=BY, reason="all of it", including_protection=True)
    clock.advance(SECOND)
    done(authority, first, "a", "b")
    assert [is_live(authority, one) for one in (first, second)] == [False, True]
    clock.advance(SECOND)
    done(authority, second)
    assert not is_live(authority, second)
    state = authority.kill_state()
    assert state is not None
    assert state.protection_ends_at == NOW + 2 * SECOND
    told = {one.app_id: (one.cancelled, one.answered_at) for one in authority.desk_answers()}
    assert told == {
        app.app.app_id: (("a", "b"), NOW + SECOND),
        other.app.app_id: ((), NOW + 2 * SECOND),
    }
    details = [record.event.detail for record in events(authority, "kill_switch")]
    assert details == [
        f"killed, protective writs until {iso(NOW + GRACE)}: all of it",
        "killed, protective writs as well by now: every desk has cancelled its entries",
    ]


def test_a_desk_may_say_what_still_works_and_keeps_its_writ(
    authority: Authority, app: AppCredentials
) -> None:
    protective = keeper(authority, app)
    authority.kill(by=BY, including_protection=True)
    authority.answer_kill(protective.token, cancelled=["a"], working=["b"])
    (said,) = authority.desk_answers()
    assert (said.cancelled, said.working, said.answered_at) == (("a",), ("b",), None)
    assert events(authority)[-1].event.detail == "1 entries cancelled, 1 at work: b"
    assert is_live(authority, protective)
    done(authority, protective, "a", "b")
    assert not is_live(authority, protective)


def test_when_the_time_is_over_a_protective_writ_is_dead_though_nobody_looked(
    authority: Authority, app: AppCredentials, clock: ManualClock, tmp_path: Path
) -> None:
    protective = keeper(authority, app)
    with opened(tmp_path, clock=clock) as elsewhere:
        assert is_live(elsewhere, protective)
        authority.kill(by=BY, including_protection=True)
        count = authority.event_count()
        clock.advance(GRACE - 1)
        assert is_live(authority, protective)
        assert is_live(elsewhere, protective)
        clock.advance(1)
        for one in (authority, elsewhere):
            with pytest.raises(TokenRefused) as caught:
                one.verify(protective.token)
            assert caught.value.reason == "revoked"
        assert authority.event_count() == count
        with pytest.raises(CredentialRefused, match="verification failed"):
            authority.authenticate(Bearer(authorization=f"Bearer {protective.token}"))
        with pytest.raises(CredentialRefused, match="verification failed"):
            done(authority, protective)
    (asked,) = authority.desk_answers()
    assert asked.answered_at is None


def test_the_deadline_outlives_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    with opened(tmp_path, clock=clock) as before:
        app = add_app(before)
        first, second = keeper(before, app), keeper(before, add_app(before, "other"))
        before.kill(by=BY, including_protection=True)
    clock.advance(GRACE - SECOND)
    with opened(tmp_path, clock=clock) as after:
        assert is_live(after, first)
        done(after, first)
    clock.advance(SECOND)
    with opened(tmp_path, clock=clock) as late:
        assert not is_live(late, second)
        with pytest.raises(CredentialRefused):
            launch(late, app, is_protective=True)


def test_a_clock_that_is_set_back_gives_no_time_back(
    authority: Authority, app: AppCredentials, clock: ManualClock
) -> None:
    protective = keeper(authority, app)
    authority.kill(by=BY, including_protection=True)
    clock.advance(GRACE)
    assert not is_live(authority, protective)
    clock.set(NOW, is_jump=True)
    assert not is_live(authority, protective)


def test_without_a_desk_to_wait_for_protection_ends_at_once(
    authority: Authority, app: AppCredentials, clock: ManualClock
) -> None:
    """What an operator issued is no desk, and a desk whose writ expired cannot cancel anything."""
    gone, loose = keeper(authority, app), register(authority, None, is_protective=True, max_ttl_s=3_600)
    clock.advance(300 * SECOND)
    assert not is_live(authority, gone)
    assert is_live(authority, loose)
    state = authority.kill(by=BY, including_protection=True)
    assert state.protection_ends_at == clock.now()
    assert not is_live(authority, loose)
    assert authority.desk_answers() == []


def test_killing_again_only_ever_shortens(
    authority: Authority, app: AppCredentials, clock: ManualClock
) -> None:
    protective = keeper(authority, app)
    authority.kill(by=BY)
    assert is_live(authority, protective)
    authority.kill(by=BY, including_protection=True, grace_s=10)
    clock.advance(5 * SECOND)
    for more in ({}, {"including_protection": True}):
        state = authority.kill(by=BY, **more)  # type: ignore[arg-type]
        assert state.protection_ends_at == NOW + 10 * SECOND
    authority.kill(by=BY, including_protection=True, grace_s=0)
    assert not is_live(authority, protective)


@pytest.mark.parametrize("grace_s", [-1, 3_601])
def test_the_grace_is_bounded(authority: Authority, grace_s: int) -> None:
    with pytest.raises(CredentialRefused, match="0 to 3600"):
        authority.kill(by=BY, including_protection=True, grace_s=grace_s)
    assert authority.kill_state() is None
    with pytest.raises(ValueError, match="at most 3600"):
        Terms(kill_grace_s=3_601)


def test_re_arming_in_time_leaves_protection_as_it_was(tmp_path: Path, clock: ManualClock) -> None:
    with opened(tmp_path, clock=clock) as authority:
        app = add_app(authority)
        ordinary, protective = register(authority, app), keeper(authority, app)
        authority.kill(by=BY, including_protection=True)
        assert is_live(authority, protective)
        authority.rearm(by=BY)
        clock.advance(GRACE)
        assert [is_live(authority, one) for one in (ordinary, protective)] == [False, True]
        assert is_live(authority, authority.renew(protective.token))
        assert authority.desk_answers() == []
    opened(tmp_path, clock=clock).close()


@pytest.mark.parametrize("restarts", [False, True])
def test_re_arming_too_late_revives_nothing(tmp_path: Path, clock: ManualClock, restarts: bool) -> None:
    authority = opened(tmp_path, clock=clock)
    app = add_app(authority)
    protective = keeper(authority, app)
    authority.kill(by=BY, including_protection=True)
    clock.advance(GRACE)
    if restarts:
        authority.close()
        authority = opened(tmp_path, clock=clock)
    authority.rearm(by=BY)
    assert not is_live(authority, protective)
    assert is_live(authority, keeper(authority, app))
    details = [record.event.detail for record in events(authority, "kill_switch")]
    assert details[1:] == [
        "killed, protective writs as well by now: the time to cancel entries was over",
        "re-armed",
    ]
    authority.close()
    opened(tmp_path, clock=clock).close()


def test_only_a_desk_that_was_asked_can_answer_and_only_then(
    authority: Authority, app: AppCredentials
) -> None:
    protective = keeper(authority, app)
    loose = register(authority, None, is_protective=True)
    with pytest.raises(CredentialRefused, match="has not ended protection"):
        done(authority, protective)
    authority.kill(by=BY)
    with pytest.raises(CredentialRefused, match="has not ended protection"):
        done(authority, protective)
    authority.kill(by=BY, including_protection=True)
    with pytest.raises(CredentialRefused, match="was not asked"):
        done(authority, loose)
    with pytest.raises(CredentialRefused, match="verification failed"):
        authority.answer_kill("eyJ.x.y", cancelled=(), working=())
    for odd in ([""], ["x" * 65], ["a\nb"], ["a"] * (MOST_ORDERS + 1)):
        with pytest.raises(CredentialRefused) as caught:
            authority.answer_kill(protective.token, cancelled=odd, working=())
        assert caught.value.code == "invalid_request"
    assert is_live(authority, protective)


EDITS = {
    "protective writs end later": "UPDATE kill_state SET protection_ends_at = protection_ends_at + 1",
    "nobody decided": "UPDATE kill_state SET protection_ends_at = NULL",
    "the kill switch is off": "DELETE FROM kill_state",
}


@pytest.mark.parametrize("why", EDITS)
def test_a_deadline_that_was_put_off_with_an_editor_opens_no_authority(
    tmp_path: Path, clock: ManualClock, why: str
) -> None:
    with opened(tmp_path, clock=clock) as authority:
        keeper(authority, add_app(authority))
        authority.kill(by=BY, including_protection=True)
    with closing(sqlite3.connect(open_home(tmp_path / "home").store)) as connection:
        connection.execute(EDITS[why])
        connection.commit()
    with pytest.raises(JournalCorrupt, match=why):
        opened(tmp_path, clock=clock)
