"""The cache of verified tokens: never wrong, never large, and no obstacle to the store."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.unit.credentials.authorities import BY, NOW, add_app, is_live, opened, register
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.settings import Terms
from tradewrit.credentials.tokens import verify_genuine
from tradewrit.credentials.verifier import _digest
from tradewrit.domain.market import SECOND
from tradewrit.errors import TokenRefused
from tradewrit.runtime.clock import ManualClock


def test_a_signature_is_checked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as authority:
        issued = register(authority, add_app(authority))
        first = authority.verify(issued.token)
        monkeypatch.setattr("tradewrit.credentials.verifier.verify_genuine", None)
        assert authority.verify(issued.token) is first
        authority.note_rate_limited("", "somebody")
        assert authority.verify(issued.token) is first


def test_no_more_tokens_are_remembered_than_the_terms_say(tmp_path: Path) -> None:
    with opened(tmp_path, terms=Terms(verified_tokens=5)) as authority:
        app = add_app(authority)
        tokens = [register(authority, app) for _ in range(20)]
        assert all(is_live(authority, each) for each in tokens * 2)
        assert len(authority._verifier._verified) == 5


def test_what_is_refused_is_not_remembered(tmp_path: Path) -> None:
    clock = ManualClock(at=NOW)
    with opened(tmp_path, clock=clock) as authority:
        issued = register(authority, add_app(authority))
        for garbage in ("", "a.b.c", issued.token[:-1], *(f"x{number}" for number in range(100))):
            assert authority.validate(garbage) is None
        assert is_live(authority, issued)
        clock.advance(300 * SECOND)
        assert not is_live(authority, issued)
        assert not authority._verifier._verified


def test_the_refusal_says_why_to_the_audit_trail_and_not_to_the_bearer(tmp_path: Path) -> None:
    with opened(tmp_path) as authority:
        issued = register(authority, add_app(authority))
        authority.verify(issued.token)
        authority.revoke("all", "", by=BY)
        with pytest.raises(TokenRefused, match=r"^token verification failed$") as caught:
            authority.verify(issued.token)
        assert caught.value.reason == "revoked"


def test_looking_whether_something_changed_holds_nothing_in_the_file_open(tmp_path: Path) -> None:
    with opened(tmp_path) as authority:
        issued = register(authority, add_app(authority))
        assert is_live(authority, issued)
        store = authority._context.store
        (busy, _, _) = store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert busy == 0


def test_keys_that_end_while_a_token_is_looked_at_for_the_first_time_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as here, opened(tmp_path) as there:
        app = add_app(here)
        known, new = register(here, app), register(here, app)
        assert is_live(here, known)  # so that it has seen what there is to see of the store
        endings = iter([lambda: there.rotate(by=BY, overlap_s=0)])

        def slowly(*given: object, **named: object) -> object:
            claims = verify_genuine(*given, **named)  # type: ignore[arg-type]
            next(endings, lambda: None)()
            return claims

        monkeypatch.setattr("tradewrit.credentials.verifier.verify_genuine", slowly)
        assert [is_live(here, new) for _ in range(2)] == [False, False]
        assert not here._verifier._verified.keys() - {_digest(known.token)}


def test_a_first_look_at_a_token_holds_nothing_in_the_file_open(tmp_path: Path) -> None:
    with opened(tmp_path) as authority:
        app = add_app(authority)
        for issued in [register(authority, app) for _ in range(3)]:
            authority.verify(issued.token)
            store = authority._context.store
            (busy, _, _) = store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            assert busy == 0


def test_no_thread_sees_a_token_alive_after_its_revocation_was_confirmed(tmp_path: Path) -> None:
    with opened(tmp_path) as here, opened(tmp_path) as there:
        app = add_app(here)
        tokens = [register(here, app) for _ in range(100)]
        confirmed: set[str] = set()

        def watch(authority: Authority) -> list[str]:
            late = []
            while len(confirmed) < len(tokens):
                for issued in tokens:
                    was_confirmed = issued.claims.jti in confirmed
                    if was_confirmed and is_live(authority, issued):
                        late.append(issued.claims.jti)
            return late

        def revoke(authority: Authority) -> list[str]:
            for issued in tokens:
                authority.revoke("token", issued.claims.jti, by=BY)
                confirmed.add(issued.claims.jti)
            return []

        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(watch, each) for each in (here, there, here)]
            done = pool.submit(revoke, there)
            try:
                assert [each.result() for each in (*asked, done)] == [[], [], [], []]
            finally:
                confirmed.update(issued.claims.jti for issued in tokens)
