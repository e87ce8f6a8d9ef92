"""Rotation: with overlap nobody notices, without it a stolen key is worth nothing; and the signed head."""

from pathlib import Path

import pytest

from tests.unit.credentials.authorities import BY, NOW, add_app, events, is_live, opened, passed_on, register
from tests.unit.credentials.rings import b64
from tradewrit.credentials.audit import is_signed
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.home import open_home
from tradewrit.credentials.keyring import KeySet
from tradewrit.credentials.settings import Terms
from tradewrit.credentials.tokens import verify
from tradewrit.domain.market import SECOND
from tradewrit.errors import CredentialRefused, KeyMaterialError
from tradewrit.runtime.clock import ManualClock


def test_tokens_of_the_old_key_live_on_and_new_ones_are_signed_by_the_new(tmp_path: Path) -> None:
    clock = ManualClock(at=NOW)
    with opened(tmp_path, clock=clock) as authority:
        app = add_app(authority)
        old = register(authority, app, max_ttl_s=86_400)
        second = register(authority, app)
        delegated = passed_on(authority, old.token, second.claims.sub, ttl_s=86_400)
        authority.rotate(by=BY)
        new = register(authority, app)
        assert old.token.split(".")[0] != new.token.split(".")[0]
        clock.advance(86_399 * SECOND)
        assert [is_live(authority, each) for each in (old, delegated)] == [True, True]
        renewed = authority.renew(old.token)
        assert renewed.token.split(".")[0] == new.token.split(".")[0]
        clock.advance(SECOND)
        assert is_live(authority, renewed)
        assert len(authority.key_set().live(clock.now())) == 1
        assert events(authority, "key_rotated")[0].event.by == BY


@pytest.mark.parametrize("overlap", [None, 0])
def test_another_process_that_rotates_is_followed_without_a_restart(
    tmp_path: Path, overlap: int | None
) -> None:
    with opened(tmp_path) as here, opened(tmp_path) as there:
        app = add_app(here)
        old = register(here, app)
        assert is_live(here, old)
        there.rotate(by=BY, overlap_s=overlap)
        assert is_live(here, old) == (overlap is None)
        new = register(here, app)
        assert new.token.split(".")[0] != old.token.split(".")[0]
        assert is_live(there, new)
        assert here.key_set() == there.key_set()


def test_a_stolen_key_is_ended_at_once_also_for_tokens_that_were_verified_before(tmp_path: Path) -> None:
    with opened(tmp_path) as authority:
        app = add_app(authority)
        old = register(authority, app)
        assert is_live(authority, old)
        authority.rotate(by=BY, overlap_s=0)
        assert not is_live(authority, old)
        with pytest.raises(CredentialRefused, match="in the past"):
            authority.rotate(by=BY, overlap_s=-1)


def test_a_verified_token_ends_with_its_key_while_nothing_else_changes(tmp_path: Path) -> None:
    clock = ManualClock(at=NOW)
    with opened(tmp_path, clock=clock) as authority:
        old = register(authority, add_app(authority), max_ttl_s=3_600)
        authority.rotate(by=BY, overlap_s=100)
        assert is_live(authority, old)
        clock.advance(100 * SECOND - 1)
        assert is_live(authority, old)
        clock.advance(1)
        assert not is_live(authority, old)


def test_a_chain_ends_with_the_key_that_signed_it_also_for_who_has_verified_it_before(
    tmp_path: Path,
) -> None:
    clock = ManualClock(at=NOW)
    with opened(tmp_path, clock=clock) as authority, opened(tmp_path, clock=clock) as other:
        app = add_app(authority)
        first, second = (register(authority, app, max_ttl_s=1_000) for _ in range(2))
        passed = passed_on(authority, first.token, second.claims.sub, ttl_s=900)
        authority.rotate(by=BY, overlap_s=100)
        renewed = authority.renew(passed.token)
        unchained = authority.renew(second.token)
        for at, is_good in ((99, True), (100, False)):
            clock.set(NOW + at * SECOND)
            assert [is_live(each, renewed) for each in (authority, other)] == [is_good] * 2
            assert is_live(authority, unchained)


def test_anybody_can_verify_offline_with_the_published_keys(tmp_path: Path) -> None:
    with opened(tmp_path) as authority:
        issued = register(authority, add_app(authority))
        authority.rotate(by=BY)
        published = KeySet.read_jwks(authority.jwks())
    assert verify(issued.token, published, now=NOW) == issued.claims


def test_an_overlap_shorter_than_a_tokens_life_is_no_term(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shorter than the longest life"):
        Terms(rotation_overlap_s=60)
    with pytest.raises(ValueError, match="at least 1"):
        Terms(nonce_ttl_s=0)
    with pytest.raises(ValueError, match="longer than max_ttl_s"):
        Terms(default_ttl_s=100, max_ttl_s=60)
    assert tmp_path.exists()


def test_a_key_file_that_is_gone_exposed_or_damaged_stops_everything_new(tmp_path: Path) -> None:
    file = open_home(tmp_path / "home").signing_key
    with opened(tmp_path) as authority:
        app = add_app(authority)
        whole = file.read_bytes()
        for harm in (file.unlink, lambda: file.write_bytes(b"x"), lambda: file.chmod(0o644)):
            harm()
            with pytest.raises(KeyMaterialError):
                register(authority, app)
            assert not authority.is_healthy()
            file.unlink(missing_ok=True)
            file.touch(mode=0o600)
            file.write_bytes(whole)
        assert is_live(authority, register(authority, app))
        assert authority.is_healthy()


def test_the_end_of_the_audit_trail_is_signed_and_a_cut_trail_shows(tmp_path: Path) -> None:
    with opened(tmp_path) as authority:
        add_app(authority)
        signed = authority.signed_head()
        key = authority.key_set().find(signed.key_id, NOW)
        assert key is not None
        assert is_signed(signed, key.has_signed)
        assert signed.head.seq == authority.event_count()
        assert authority.verify_audit(signed.head).is_intact
        authority.rotate(by=BY)
        assert authority.signed_head().key_id != signed.key_id
        assert b64(key.raw) in authority.jwks().decode()
    with opened(tmp_path / "another") as other:
        assert not other.verify_audit(signed.head).is_intact


# Second thoughts about a rotation


def test_an_overlap_can_be_ended_early_in_every_process_and_on_what_was_verified_before(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as here, opened(tmp_path) as there:
        app = add_app(here)
        oldest = register(here, app)
        here.rotate(by=BY)
        old, second = register(here, app), register(here, app)
        delegated = passed_on(here, old.token, second.claims.sub)
        here.rotate(by=BY)
        new = register(here, app)
        everything = (oldest, old, second, delegated, new)
        for one in (here, there):
            assert all(is_live(one, each) for each in everything)
        keys = there.end_overlap(by=BY).keys
        assert [(held.key.kid, held.until) for held in keys] == [(new_kid(here), None)]
        for one in (here, there):
            assert [is_live(one, each) for each in everything] == [False] * 4 + [True]
        event = events(here, "key_rotated")[-1].event
        assert (event.by, event.detail.startswith("the overlap is ended")) == (BY, True)
    opened(tmp_path).close()


def new_kid(authority: Authority) -> str:
    return authority.key_set().keys[0].key.kid


def test_where_no_overlap_runs_there_is_none_to_end(tmp_path: Path) -> None:
    clock = ManualClock(at=NOW)
    with opened(tmp_path, clock=clock) as authority:
        authority.rotate(by=BY, overlap_s=10)
        clock.advance(10 * SECOND)
        for _ in range(2):
            with pytest.raises(CredentialRefused, match="no retired key"):
                authority.end_overlap(by=BY)
        assert events(authority, "key_rotated")[-1].event.outcome == "denied"
