from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.unit.credentials.stores import (
    AUTHORITY,
    CAP,
    LATER,
    NOW,
    SECOND,
    agent,
    app,
    event,
    furnish,
    issue,
    launch_token,
    opened,
)
from tradewrit.credentials.records import Level, Standing
from tradewrit.credentials.store import AGENTS_KEPT_NS, CredentialStore
from tradewrit.errors import OurFault
from tradewrit.runtime.journal.sqlite_file import Settings

SECRET = "5e" * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CredentialStore]:
    store = opened(tmp_path)
    yield store
    store.close()


def test_all_that_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    store = opened(tmp_path)
    furnish(store, "a", "b")
    with store.change(NOW) as change:
        assert change.add_launch_token(SECRET, launch_token())
        assert change.consume_nonce("n1", expires_at=LATER)
        assert change.renew("a", "a2", expires_at=LATER)
        change.revoke(Level.TOKEN, "b")
        change.record(event())
    kept = (store.app("app-desk"), store.agent("a"), store.token("a2"), store.head())
    store.close()

    store = CredentialStore.open(tmp_path / "credentials.db")
    assert store.authority == AUTHORITY
    assert (store.app("app-desk"), store.agent("a"), store.token("a2"), store.head()) == kept
    assert store.launch_token(SECRET, NOW) == launch_token()
    assert [store.standing(jti, NOW) for jti in ("a", "a2", "b")] == ["renewed", "live", "revoked"]
    with store.change(NOW) as change:
        assert not change.consume_nonce("n1", expires_at=LATER)
    store.close()


def test_no_secret_reaches_the_disk(store: CredentialStore, tmp_path: Path) -> None:
    furnish(store)
    with store.change(NOW) as change:
        change.add_launch_token(SECRET, launch_token())
        change.record(event())
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert SECRET.encode() not in content
        assert bytes.fromhex(SECRET) not in content


def test_only_its_owner_may_read_the_file(store: CredentialStore, tmp_path: Path) -> None:
    furnish(store)
    assert {file.stat().st_mode & 0o077 for file in tmp_path.iterdir()} == {0}


def test_a_change_without_an_audit_event_is_refused_whole(store: CredentialStore) -> None:
    with pytest.raises(OurFault, match="needs an audit event"), store.change(NOW) as change:
        change.add_app(app())
    assert store.apps() == []


def test_a_change_whose_block_fails_leaves_neither_state_nor_event(store: CredentialStore) -> None:
    def fail_halfway() -> None:
        with store.change(NOW) as change:
            change.add_app(app())
            change.record(event())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert (store.apps(), store.event_count()) == ([], 0)


def test_a_change_is_of_no_use_after_its_block(store: CredentialStore) -> None:
    with store.change(NOW) as change:
        change.record(event())
    with pytest.raises(OurFault, match="is over"):
        change.add_app(app())


def test_a_change_inside_a_change_is_refused_and_spoils_nothing(store: CredentialStore) -> None:
    with store.change(NOW) as outer:
        outer.add_app(app())
        outer.record(event())
        with pytest.raises(OurFault, match="inside another"), store.change(NOW):
            pass
    assert [found.name for found in store.apps()] == ["desk"]


def test_a_name_is_free_again_once_its_app_is_deregistered(store: CredentialStore) -> None:
    second = msgspec.structs.replace(app(), app_id="app-2", client_id="client-2")
    with store.change(NOW) as change:
        assert change.add_app(app())
        assert not change.add_app(second)
        assert change.deregister_app("app-desk")
        assert not change.deregister_app("app-desk")
        assert change.add_app(second)
        change.record(event())
    gone = store.app_of_client("client-desk")
    assert gone is not None
    assert gone.deregistered_at == NOW
    assert store.app_of_client("nobody") is None


def test_an_update_changes_what_is_given_and_only_an_active_app(store: CredentialStore) -> None:
    furnish(store)
    with store.change(NOW + 1) as change:
        assert change.update_app("app-desk", token_ttl_s=60)
        assert not change.update_app("app-nobody", token_ttl_s=60)
        change.record(event())
    found = store.app("app-desk")
    assert found is not None
    assert (found.token_ttl_s, found.scopes, found.updated_at) == (60, app().scopes, NOW + 1)


def test_a_launch_token_is_used_once(store: CredentialStore) -> None:
    furnish(store)
    with store.change(NOW) as change:
        change.add_launch_token(SECRET, launch_token())
        assert change.consume_launch_token(SECRET) == launch_token()
        assert change.consume_launch_token(SECRET) is None
        change.record(event())
    assert store.launch_token(SECRET, NOW) is None


def test_a_launch_token_for_many_is_used_until_its_last_instant(store: CredentialStore) -> None:
    furnish(store)
    with store.change(NOW) as change:
        change.add_launch_token(SECRET, launch_token(is_single_use=False))
        assert change.consume_launch_token(SECRET) is not None
        assert change.consume_launch_token(SECRET) is not None
        change.record(event())
    assert store.launch_token(SECRET, LATER - 1) is not None
    assert store.launch_token(SECRET, LATER) is None
    assert store.launch_token("another", NOW) is None


@pytest.mark.parametrize("blow", ["deregistered", Level.APP, Level.ALL])
def test_launch_tokens_die_with_their_app_and_with_everything(store: CredentialStore, blow: str) -> None:
    furnish(store)
    with store.change(NOW) as change:
        change.add_launch_token(SECRET, launch_token())
        change.record(event())
    with store.change(NOW) as change:
        if blow == "deregistered":
            change.deregister_app("app-desk")
        else:
            change.revoke(Level(blow), "app-desk")
        change.record(event())
    with store.change(NOW) as change:
        assert change.consume_launch_token(SECRET) is None


def test_nothing_new_is_made_for_an_app_that_left_or_never_was(store: CredentialStore) -> None:
    furnish(store, "a")
    with store.change(NOW) as change:
        change.deregister_app("app-desk")
        assert not change.add_launch_token(SECRET, launch_token())
        assert not change.add_agent(agent("b"))
        assert not change.add_agent(agent("b", of="nobody"))
        assert not issue(change, "t", subject="a")
        change.record(event())


def test_a_nonce_counts_once_and_never_after_its_end(store: CredentialStore) -> None:
    with store.change(NOW) as change:
        assert change.consume_nonce("n", expires_at=NOW + 1)
        assert not change.consume_nonce("n", expires_at=NOW + 1)
        assert not change.consume_nonce("late", expires_at=NOW)
        change.record(event())


def test_a_token_is_dead_at_the_very_instant_it_expires(store: CredentialStore) -> None:
    furnish(store, "a")
    assert store.standing("a", LATER - 1) == Standing.LIVE
    assert store.standing("a", LATER) == Standing.EXPIRED


def test_a_genuine_token_that_the_store_never_heard_of_is_dead(store: CredentialStore) -> None:
    assert store.standing("f" * 32, NOW) == Standing.UNKNOWN
    assert store.standing("f" * 32, NOW) != Standing.LIVE


def test_a_renewal_kills_the_predecessor_and_keeps_the_identity(store: CredentialStore) -> None:
    furnish(store, "a")
    with store.change(NOW + 1) as change:
        assert change.renew("a", "a2", expires_at=LATER + 1)
        change.record(event())
    old, new = store.token("a"), store.token("a2")
    assert old is not None
    assert new is not None
    assert store.standing("a", NOW) == Standing.RENEWED
    assert store.standing("a2", NOW) == Standing.LIVE
    same = ("family", "subject", "app_id", "task_id", "lineage", "family_started_at", "family_ends_at")
    assert [getattr(new, name) for name in same] == [getattr(old, name) for name in same]
    with store.change(NOW) as change:
        assert not change.renew("a", "a3", expires_at=LATER)
    assert store.token("a3") is None


def test_renewals_reach_the_cap_on_total_life_and_not_beyond(store: CredentialStore) -> None:
    furnish(store, "a")
    with pytest.raises(OurFault, match="may not live beyond"), store.change(NOW) as change:
        change.renew("a", "a2", expires_at=CAP + 1)
    assert store.standing("a", NOW) == Standing.LIVE
    with store.change(NOW) as change:
        assert change.renew("a", "a2", expires_at=CAP)
        change.record(event())


def test_a_delegated_token_ends_with_its_delegator_however_often_either_is_renewed(
    store: CredentialStore,
) -> None:
    furnish(store, "a", "b")
    with store.change(NOW) as change:
        assert issue(change, "ab", subject="b", parent="a")
        assert change.renew("a", "a2", expires_at=CAP)
        change.record(event())
    child = store.token("ab")
    assert child is not None
    assert child.family_ends_at == LATER
    assert store.standing("ab", NOW) == Standing.LIVE
    with pytest.raises(OurFault, match="end of its delegator"), store.change(NOW) as change:
        change.renew("ab", "ab2", expires_at=LATER + 1)


@pytest.mark.parametrize("parent", ["nobody's", "renewed", "expired", "revoked"])
def test_nothing_is_delegated_from_a_token_that_is_not_live(store: CredentialStore, parent: str) -> None:
    furnish(store, "a", "b")
    with store.change(NOW) as change:
        if parent == "renewed":
            change.renew("a", "a2", expires_at=LATER)
        if parent == "revoked":
            change.revoke(Level.TOKEN, "a")
        change.record(event())
    at = LATER if parent == "expired" else NOW
    with store.change(at) as change:
        assert not change.issue(
            "ab",
            subject="b",
            app_id="app-desk",
            parent="missing" if parent == "nobody's" else "a",
            expires_at=at + SECOND,
            family_ends_at=CAP,
        )


def test_nothing_is_delegated_to_a_stranger_or_under_a_number_that_is_taken(store: CredentialStore) -> None:
    furnish(store, "a", "b")
    with store.change(NOW) as change:
        assert not issue(change, "new", subject="stranger", parent="a")
        assert not issue(change, "b", subject="b", parent="a")


def test_a_release_is_granted_once_and_a_dead_predecessor_cannot_release_its_successor(
    store: CredentialStore,
) -> None:
    furnish(store, "a")
    with store.change(NOW) as change:
        change.renew("a", "a2", expires_at=LATER)
        change.record(event())
    with store.change(NOW) as change:
        assert not change.release("a")
        assert change.release("a2")
        assert not change.release("a2")
        change.record(event())
    assert store.standing("a2", NOW) == Standing.REVOKED


def test_the_generation_changes_with_every_change_here_or_elsewhere(
    store: CredentialStore, tmp_path: Path
) -> None:
    other = CredentialStore.open(tmp_path / "credentials.db")
    marks = [store.generation(), store.generation()]
    assert marks[0] == marks[1]
    for writer in (store, other, store):
        with writer.change(NOW) as change:
            change.record(event())
        marks.append(store.generation())
    assert len(set(marks)) == 4
    other.close()


def test_what_expired_is_forgotten_and_what_is_in_force_stays(store: CredentialStore) -> None:
    furnish(store, "a")
    sizes = []
    for round_ in range(20):
        now = NOW + (round_ + 1) * 400 * SECOND
        with store.change(now) as change:
            for number in range(100):
                assert change.issue(
                    f"{round_}-{number}", subject="a", expires_at=now + SECOND, family_ends_at=now + SECOND
                )
                assert change.consume_nonce(f"{round_}-{number}", expires_at=now + SECOND)
            change.revoke(Level.TOKEN, f"{round_}-0")
            change.record(event())
        pruned = store.prune(now + SECOND)
        sizes.append(store._connection.execute("PRAGMA page_count").fetchone()[0])
        assert (pruned.nonces, pruned.revocations, pruned.agents) == (100, 1, 0)
    assert sizes[-1] - sizes[0] <= 3, sizes
    assert store.agent("a") is not None


def test_a_revocation_is_kept_for_as_long_as_what_it_killed(store: CredentialStore) -> None:
    furnish(store, "a")
    with store.change(NOW) as change:
        change.revoke(Level.AGENT, "a")
        change.record(event())
    assert store.prune(LATER - 1).revocations == 0
    assert store.standing("a", LATER - 1) == Standing.REVOKED
    assert store.prune(LATER).revocations == 1
    assert store.standing("a", LATER - 1) == Standing.UNKNOWN


def test_an_agent_is_forgotten_a_day_after_its_last_token(store: CredentialStore) -> None:
    furnish(store, "a")
    assert store.prune(LATER + AGENTS_KEPT_NS - 1).agents == 0
    assert store.prune(LATER + AGENTS_KEPT_NS).agents == 1
    assert store.agent("a") is None


def test_a_store_opened_to_read_can_be_read_and_not_changed(store: CredentialStore, tmp_path: Path) -> None:
    furnish(store, "a")
    reader = CredentialStore.open(tmp_path / "credentials.db", settings=Settings(read_only=True))
    assert reader.standing("a", NOW) == Standing.LIVE
    with pytest.raises(OurFault, match="read-only"), reader.change(NOW) as change:
        change.record(event())
    reader.close()
