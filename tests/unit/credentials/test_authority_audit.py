"""One trail for everything: each kind of event has an operation that leaves it, and opening is safe for many."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.unit.credentials.authorities import (
    BY,
    CEILING,
    SCOPE,
    add_app,
    events,
    key,
    launch,
    opened,
    passed_on,
    register,
    registration,
)
from tradewrit.credentials.audit import EventType
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.requests import Bearer
from tradewrit.domain.constraints import Violation
from tradewrit.errors import CredentialRefused


def everything(authority: Authority) -> None:
    """A day on which everything happens that can."""
    app = add_app(authority)
    ana = authority.add_operator("ana", by=BY)
    authority.operator_token(ana.secret)
    authority.app_token(app.app.client_id, app.client_secret)
    first, second = register(authority, app), register(authority, app)
    passed_on(authority, first.token, second.claims.sub)
    renewed = authority.renew(first.token)
    dead = register(authority, app)
    authority.revoke("token", dead.claims.jti, by=BY)
    authority.note_refusal(second.claims, [Violation("sides", "buy", "sell")], resource="write:trades:AAPL")
    authority.note_rate_limited(app.app.client_id, "198.51.100.7")
    killed_under = authority.operator_token(ana.secret)
    refusals: list[Callable[[], object]] = [
        lambda: authority.operator_token("x"),
        lambda: authority.app_token(app.app.client_id, "x"),
        lambda: authority.renew(first.token),
        lambda: authority.authenticate(Bearer(authorization=None)),
        lambda: authority.authenticate(Bearer(authorization=f"Bearer {dead.token}")),
        lambda: authority.authenticate(Bearer(authorization=f"Bearer {second.token}"), "write:trades:TSLA"),
        lambda: launch(authority, app, allowed_scope=("write:trades:TSLA",)),
        lambda: passed_on(authority, second.token, first.claims.sub, scope=CEILING),
        lambda: authority.register(
            registration(launch(authority, app), authority.challenge(), key(), requested_scope=CEILING)
        ),
    ]
    for ask in refusals:
        with pytest.raises(CredentialRefused):
            ask()
    authority.release(renewed.token)
    authority.update_app(app.app.app_id, by=BY, scopes=SCOPE)
    authority.update_app(app.app.app_id, by=BY, token_ttl_s=60)
    authority.rotate(by=BY)
    protective = register(authority, app, is_protective=True)
    authority.kill(by=BY)
    with pytest.raises(CredentialRefused):
        launch(authority, app)
    kept = authority.renew(protective.token)
    authority.kill(by=BY, including_protection=True)
    authority.answer_kill(kept.token, cancelled=["one"], working=())
    authority.rearm(by=killed_under.claims.sub)
    authority.remove_operator("ana", by=BY)
    authority.remove_app(app.app.app_id, by=BY)


def test_every_kind_of_event_is_left_by_something(tmp_path: Path) -> None:
    with opened(tmp_path) as authority:
        everything(authority)
        told = {record.event.type for record in events(authority)}
    # A renewal that fails for want of life.
    assert {event.value for event in EventType} - told == {EventType.TOKEN_RENEWAL_FAILED.value}


def test_a_day_of_everything_is_one_whole_chain(tmp_path: Path) -> None:
    with opened(tmp_path) as authority:
        everything(authority)
        signed = authority.signed_head()
    with opened(tmp_path) as again:
        assert again.verify_audit(signed.head).is_intact
        assert again.event_count() == signed.head.seq


def test_a_change_of_time_to_live_alone_is_no_change_of_ceiling(tmp_path: Path) -> None:
    with opened(tmp_path) as authority:
        app = add_app(authority)
        authority.update_app(app.app.app_id, by=BY, token_ttl_s=60)
        authority.update_app(app.app.app_id, by=BY, scopes=SCOPE)
        assert [record.event.type for record in events(authority)][1:] == [
            "app_updated",
            "scopes_ceiling_updated",
        ]
        assert events(authority)[-1].event.detail == (
            "scopes read:trades:AAPL,write:trades:AAPL; constraints {}; ttl 60"
        )


def test_many_that_found_an_authority_together_found_one(tmp_path: Path) -> None:
    def found(_: int) -> tuple[str, str]:
        with opened(tmp_path, busy_timeout_s=60) as authority:
            return authority.id, authority.key_set().keys[0].key.kid

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(found, range(8)))) == 1
