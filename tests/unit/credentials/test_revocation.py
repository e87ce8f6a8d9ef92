"""Who dies of what: every level against a root, its child, grandchild and bystanders."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.credentials.stores import (
    CAP,
    LATER,
    NOW,
    agent,
    app,
    event,
    issue,
    opened,
)
from tradewrit.credentials.records import Level, Standing
from tradewrit.credentials.store import CredentialStore
from tradewrit.errors import OurFault

# a, b, c, d: each agent's own token. ab: delegated by a to b, abc: from there to c; ad: by a to d.
# a2: what a's token became by renewal. e: of another app and task; eb: delegated by e to b.
TOKENS = ("a2", "b", "c", "d", "ab", "abc", "ad", "e", "eb")
WHO_DIES = [
    (Level.TOKEN, "a", "a2 ab abc ad"),
    (Level.TOKEN, "a2", "a2 ab abc ad"),
    (Level.TOKEN, "ab", "ab abc"),
    (Level.TOKEN, "abc", "abc"),
    (Level.TOKEN, "b", "b"),
    (Level.TOKEN, "never issued", ""),
    (Level.AGENT, "a", "a2 ab abc ad"),
    (Level.AGENT, "b", "b ab abc eb"),
    (Level.AGENT, "c", "c abc"),
    (Level.AGENT, "d", "d ad"),
    (Level.AGENT, "nobody", ""),
    (Level.CHAIN, "a", "ab abc ad"),
    (Level.CHAIN, "b", "abc"),
    (Level.CHAIN, "c", ""),
    (Level.TASK, "t1", "a2 b c d ab abc ad"),
    (Level.TASK, "t2", "e eb"),
    (Level.APP, "app-desk", "a2 b c d ab abc ad eb"),
    (Level.APP, "app-other", "e eb"),
    (Level.ALL, "", "a2 b c d ab abc ad e eb"),
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CredentialStore]:
    store = opened(tmp_path)
    with store.change(NOW) as change:
        assert change.add_app(app())
        assert change.add_app(app("other"))
        for name in "abcd":
            assert change.add_agent(agent(name))
            assert issue(change, name, subject=name)
        assert change.add_agent(agent("e", of="other", task="t2"))
        assert change.issue(
            "e", subject="e", app_id="app-other", task_id="t2", expires_at=LATER, family_ends_at=CAP
        )
        assert issue(change, "ab", subject="b", parent="a")
        assert issue(change, "abc", subject="c", parent="ab")
        assert issue(change, "ad", subject="d", parent="a")
        assert issue(change, "eb", subject="b", parent="e")
        assert change.renew("a", "a2", expires_at=LATER)
        change.record(event())
    yield store
    store.close()


def dead(store: CredentialStore, *, at: int = NOW) -> list[str]:
    return [jti for jti in TOKENS if store.standing(jti, at) != Standing.LIVE]


@pytest.mark.parametrize(("level", "target", "victims"), WHO_DIES)
def test_a_revocation_kills_these_and_no_others_at_once_and_after_a_restart(
    store: CredentialStore, tmp_path: Path, level: Level, target: str, victims: str
) -> None:
    assert dead(store) == []
    with store.change(NOW) as change:
        change.revoke(level, target)
        change.record(event())
    assert dead(store) == victims.split()
    again = CredentialStore.open(tmp_path / "credentials.db")
    assert dead(again) == victims.split()
    again.close()


@pytest.mark.parametrize(
    ("app_id", "victims"), [("app-desk", "a2 b c d ab abc ad eb"), ("app-other", "e eb")]
)
def test_deregistering_an_app_kills_its_tokens_and_what_was_delegated_from_them(
    store: CredentialStore, app_id: str, victims: str
) -> None:
    with store.change(NOW) as change:
        assert change.deregister_app(app_id)
        change.record(event())
    assert dead(store) == victims.split()


@pytest.mark.parametrize("level", [level for level in Level if level != Level.ALL])
def test_a_revocation_without_a_target_is_refused(store: CredentialStore, level: Level) -> None:
    with store.change(NOW) as change:
        with pytest.raises(OurFault, match="needs a target"):
            change.revoke(level, "")
        change.record(event())
    assert dead(store) == []


@pytest.mark.parametrize("jti", TOKENS)
def test_a_revoked_token_cannot_be_renewed(store: CredentialStore, jti: str) -> None:
    with store.change(NOW) as change:
        change.revoke(Level.TOKEN, jti)
        change.record(event())
    with store.change(NOW) as change:
        assert not change.renew(jti, "new", expires_at=LATER)
    assert store.token("new") is None


def test_a_revoked_agent_gets_no_new_token_and_nothing_is_delegated_to_it(store: CredentialStore) -> None:
    with store.change(NOW) as change:
        change.revoke(Level.AGENT, "d")
        assert not issue(change, "d2", subject="d")
        assert not issue(change, "ad2", subject="d", parent="a2")
        change.record(event())
    found = store.agent("d")
    assert found is not None
    assert found.revoked_at == NOW


def test_a_task_can_be_taken_up_again_after_its_tokens_were_revoked(store: CredentialStore) -> None:
    with store.change(NOW) as change:
        change.revoke(Level.TASK, "t1")
        change.record(event())
    with store.change(NOW) as change:
        assert issue(change, "tomorrow's", subject="a", task="t1")
        change.record(event())
    assert store.standing("tomorrow's", NOW) == Standing.LIVE
    assert store.standing("a2", NOW) == Standing.REVOKED


def test_what_is_issued_in_the_same_change_as_a_revocation_is_caught_by_it(store: CredentialStore) -> None:
    with store.change(NOW) as change:
        assert issue(change, "before", subject="a")
        change.revoke(Level.TASK, "t1")
        assert issue(change, "after", subject="a")
        change.record(event())
    assert store.standing("before", NOW) == Standing.REVOKED
    assert store.standing("after", NOW) == Standing.REVOKED


def test_a_clock_that_is_set_back_brings_no_revoked_token_back(store: CredentialStore) -> None:
    with store.change(LATER - 1) as change:
        assert change.issue(
            "ahead", subject="a", app_id="app-desk", task_id="t1", expires_at=CAP, family_ends_at=CAP
        )
        change.record(event())
    with store.change(NOW) as change:
        change.revoke(Level.TASK, "t1")
        change.record(event())
    assert store.standing("ahead", LATER) == Standing.REVOKED


def test_the_kill_switch_spares_the_protective_token_unless_told_to_include_it(
    store: CredentialStore,
) -> None:
    with store.change(NOW) as change:
        assert change.issue(
            "stops", subject="position_keeper", expires_at=LATER, family_ends_at=CAP, is_protective=True
        )
        change.record(event())
    with store.change(NOW) as change:
        change.revoke(Level.ALL)
        assert not change.renew("b", "b2", expires_at=LATER)
        assert change.renew("stops", "stops2", expires_at=LATER)
        change.record(event())
    assert dead(store) == list(TOKENS)
    assert store.standing("stops2", NOW) == Standing.LIVE
    with store.change(NOW) as change:
        change.revoke(Level.ALL, including_protection=True)
        change.record(event())
    assert store.standing("stops2", NOW) == Standing.REVOKED
