"""A store that was edited so that something ended lives again is not opened."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.credentials.authorities import BY, NOW, add_app, is_live, opened, passed_on, register
from tests.unit.credentials.test_authority_audit import everything
from tradewrit.credentials.home import open_home
from tradewrit.credentials.settings import Terms
from tradewrit.domain.market import SECOND
from tradewrit.errors import CredentialRefused, JournalCorrupt
from tradewrit.runtime.clock import ManualClock

LEVELS = ("token", "agent", "task", "app", "chain", "all")


def edit(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(open_home(folder / "home").store)) as connection, connection:
        assert connection.execute(statement).rowcount > 0


@pytest.mark.parametrize("level", LEVELS)
def test_a_revocation_taken_out_is_missed(tmp_path: Path, level: str) -> None:
    with opened(tmp_path) as authority:
        app = add_app(authority)
        first, second = register(authority, app), register(authority, app)
        passed_on(authority, first.token, second.claims.sub)
        targets = {
            "token": first.claims.jti,
            "agent": first.claims.sub,
            "task": "swing",
            "app": app.app.app_id,
            "chain": first.claims.sub,
            "all": "",
        }
        authority.revoke(level, targets[level], by=BY)
    opened(tmp_path).close()
    edit(tmp_path, "DELETE FROM revocations")
    with pytest.raises(
        JournalCorrupt, match=r"not what its audit trail says: evt-.* ended token .*, which is live"
    ):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("DELETE FROM kill_state", "kill switch is off"),
        ("UPDATE apps SET deregistered_at = NULL", "removed app .*, which is active"),
        ("UPDATE tokens SET successor = NULL", "ended token .*, which is live"),
        ("UPDATE tokens SET issued_after = 1000000", "ended token .*, which is live"),
    ],
)
def test_so_are_other_endings(tmp_path: Path, statement: str, match: str) -> None:
    with opened(tmp_path) as authority:
        gone = add_app(authority, "gone")
        authority.remove_app(gone.app.app_id, by=BY)
        authority.renew(register(authority, None).token)
        authority.release(register(authority, None).token)
        protective = register(authority, None, is_protective=True)
        authority.renew(protective.token)
        authority.kill(by=BY)
    opened(tmp_path).close()
    edit(tmp_path, statement)
    with pytest.raises(JournalCorrupt, match=match):
        opened(tmp_path)


def test_a_kill_switch_put_in_by_hand_is_noticed_too(tmp_path: Path) -> None:
    opened(tmp_path).close()
    edit(tmp_path, "INSERT INTO kill_state VALUES (1, 1, 'x', '', 0)")
    with pytest.raises(JournalCorrupt, match="kill switch is on, which nobody did"):
        opened(tmp_path)


def test_what_the_authority_did_itself_always_agrees(tmp_path: Path) -> None:
    """Also after what has expired was forgotten, and for those who came after a revocation."""
    clock = ManualClock(at=NOW)
    with opened(tmp_path, clock=clock) as authority:
        everything(authority)
    opened(tmp_path, clock=clock).close()
    for _ in range(3):
        with opened(tmp_path, clock=clock) as authority:
            app = add_app(authority, f"desk-{clock.now()}")
            first, second = register(authority, app), register(authority, app)
            protective = register(authority, app, is_protective=True)
            passed_on(authority, protective.token, second.claims.sub)
            renewed = authority.renew(first.token)
            authority.release(first.token)
            authority.kill(by=BY, reason="protective writs too")
            assert [is_live(authority, each) for each in (renewed, protective)] == [False, True]
            authority.rearm(by=BY)
            authority.revoke("task", "swing", by=BY)
            assert is_live(authority, register(authority, app))
            clock.advance(200 * SECOND)
            authority.prune()
        opened(tmp_path, clock=clock).close()


def test_reuse_on_the_strictest_terms_agrees_as_well(tmp_path: Path) -> None:
    with opened(tmp_path, terms=Terms(ends_family_on_reuse=True)) as authority:
        first = register(authority, add_app(authority))
        authority.renew(first.token)
        with pytest.raises(CredentialRefused):
            authority.renew(first.token)
    opened(tmp_path).close()


def test_one_that_is_opened_while_others_write_agrees_too(tmp_path: Path) -> None:
    with opened(tmp_path, busy_timeout_s=60) as authority:
        app = add_app(authority)

        def write(_: int) -> None:
            for _ in range(40):
                authority.renew(register(authority, app).token)
                authority.revoke("app", app.app.app_id, by=BY)
                authority.kill(by=BY)
                authority.rearm(by=BY)

        with ThreadPoolExecutor(2) as pool:
            writing = pool.submit(write, 0)
            while not writing.done():
                opened(tmp_path, busy_timeout_s=60).close()
            writing.result()
