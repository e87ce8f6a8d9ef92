"""A grant is short-lived, renewed in time, checked at every use, and gone at once when revoked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.market import SECOND
from tradewrit.errors import PermissionDenied
from tradewrit.kernel import AGENTS
from tradewrit.runtime.grants import DEFAULT_TTL_S, ROLE_SCOPES, Grants


def test_a_grant_covers_its_scopes_until_the_instant_it_expires() -> None:
    grant = Grants("desk", ttl_s=10).live("executor", 0)
    assert grant.covers("write:trades:AAPL", 0)
    assert grant.covers("write:trades:AAPL", 10 * SECOND - 1)
    assert not grant.covers("write:trades:AAPL", 10 * SECOND)
    assert not grant.covers("write:reviews:*", 0)
    assert not grant.covers("read:market:AAPL", 0)


def test_it_is_the_same_grant_until_half_its_life_and_then_a_new_one() -> None:
    grants = Grants("desk", ttl_s=10)
    first = grants.live("executor", 0)
    assert grants.live("executor", 5 * SECOND - 1) is first
    second = grants.live("executor", 5 * SECOND)
    assert second.id != first.id
    assert (second.issued_at, second.expires_at) == (5 * SECOND, 15 * SECOND)


@given(st.lists(st.integers(0, 40 * SECOND), min_size=1))
def test_whenever_it_is_asked_for_a_grant_is_alive_for_half_its_life_to_come(steps: list[int]) -> None:
    grants, now = Grants("desk", ttl_s=10), 0
    for step in steps:
        now += step
        grant = grants.live("executor", now)
        assert grant.issued_at <= now
        assert now + 5 * SECOND <= grant.expires_at
        assert grant.covers("write:trades:AAPL", now)


def test_a_revoked_role_holds_nothing_and_cannot_renew() -> None:
    grants = Grants("desk")
    grants.live("executor", 0)
    grants.revoke("executor")
    grants.revoke("executor")
    for now in (0, 10**18):
        with pytest.raises(PermissionDenied, match="executor: its writ was revoked"):
            grants.live("executor", now)
    assert grants.live("reviewer", 0).agent == "reviewer"


def test_a_role_that_is_not_listed_holds_nothing() -> None:
    with pytest.raises(PermissionDenied, match="strategist holds no writ"):
        Grants("desk").live("strategist", 0)


def test_only_the_executor_writes_trades_and_only_market_watch_reads_the_market() -> None:
    names = {agent.NAME for agent in AGENTS}
    assert set(ROLE_SCOPES) <= names
    writers = {role for role, scopes in ROLE_SCOPES.items() if "write:trades:*" in scopes}
    readers = {role for role, scopes in ROLE_SCOPES.items() if "read:market:*" in scopes}
    assert (writers, readers) == ({"executor"}, {"market_watch"})


def test_two_desks_grants_have_different_names() -> None:
    assert Grants("one").live("executor", 0).id != Grants("two").live("executor", 0).id
    assert DEFAULT_TTL_S <= 300


@pytest.mark.parametrize("scope", ["write", "write:trades", "write::AAPL", "*:trades:AAPL", "write:*:AAPL"])
def test_a_malformed_scope_is_refused_when_the_desk_is_made(scope: str) -> None:
    with pytest.raises(ValueError, match="scope"):
        Grants("desk", {"executor": (scope,)})


def test_a_grant_lives_at_least_a_second() -> None:
    with pytest.raises(ValueError, match="at least a second"):
        Grants("desk", ttl_s=0)
