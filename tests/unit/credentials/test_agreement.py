"""A store that was edited so that something ended lives again is not opened."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.credentials.authorities import BY, NOW, add_app, is_live, opened, passed_on, register
from tests.unit.credentials.test_authority_audit import everything
from tradewrit.credentials.home import open_home
from tradewrit.credentials.requests import Issued
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


def test_so_is_one_by_the_id_of_a_token_that_was_forgotten_since(tmp_path: Path) -> None:
    clock = ManualClock(at=NOW)
    with opened(tmp_path, clock=clock) as authority:
        first = register(authority, None)
        clock.set(NOW + 299 * SECOND)
        second = authority.renew(first.token)
        clock.set(NOW + 598 * SECOND)
        third = authority.renew(second.token)
        authority.revoke("token", second.claims.jti, by=BY)
        clock.set(NOW + 600 * SECOND)
        authority.prune()
        assert not is_live(authority, third)
    edit(tmp_path, "DELETE FROM revocations")
    with pytest.raises(JournalCorrupt, match=r"ended token .*, which is live"):
        opened(tmp_path, clock=clock)


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


@pytest.mark.parametrize("statement", ["is_proof_needed = 0", "public_key = zeroblob(32)"])
def test_an_agent_that_need_not_prove_its_key_any_more_or_has_another_is_missed(
    tmp_path: Path, statement: str
) -> None:
    with opened(tmp_path) as authority:
        register(authority, None, needs_proof=True)
    opened(tmp_path).close()
    edit(tmp_path, f"UPDATE agents SET {statement}")
    with pytest.raises(
        JournalCorrupt, match=r"evt-.* registered spiffe://.* with another key, or with proof"
    ):
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


def test_a_token_that_is_given_back_after_its_end_leaves_a_store_that_opens(tmp_path: Path) -> None:
    clock = ManualClock(at=NOW)
    with opened(tmp_path, clock=clock) as authority:
        issued = register(authority, add_app(authority), max_ttl_s=5)
        clock.advance(7 * SECOND)
        authority.release(issued.token)
    opened(tmp_path, clock=clock).close()


@pytest.mark.parametrize("is_answered", [False, True])
def test_whoever_logs_in_after_a_kill_outlives_the_end_of_protection(
    tmp_path: Path, *, is_answered: bool
) -> None:
    clock = ManualClock(at=NOW)
    with opened(tmp_path, clock=clock) as authority:
        protective = register(authority, add_app(authority), is_protective=True)
        authority.kill(by=BY, including_protection=True)
        clock.advance(5 * SECOND)
        person = authority.operator_token(authority.add_operator("ana", by=BY).secret)
        if is_answered:
            authority.answer_kill(protective.token, cancelled=(), working=())
        else:
            clock.advance(60 * SECOND)
        authority.rearm(by=BY)
        assert [is_live(authority, one) for one in (person, protective)] == [True, False]
    opened(tmp_path, clock=clock).close()


class Session:
    """Whatever callers may do with an authority, in any order; what it refuses is no news here."""

    def __init__(self, folder: Path, random: Random) -> None:
        self.folder, self.random, self.clock = folder, random, ManualClock(at=NOW)
        self.authority = opened(folder, clock=self.clock)
        self.apps = [add_app(self.authority)]
        self.issued: list[Issued] = [register(self.authority, self.apps[0])]

    def act(self) -> None:
        with suppress(CredentialRefused):
            self.random.choice(self.acts)(self)

    def _any(self) -> Issued:
        return self.random.choice(self.issued)

    def _register(self) -> None:
        app = self.random.choice([*self.apps, None])
        ttl, is_protective = self.random.choice([2, 30, 300]), self.random.random() < 0.3
        task = self.random.choice(["swing", "scalp"])
        self.issued.append(
            register(self.authority, app, max_ttl_s=ttl, is_protective=is_protective, task=task)
        )

    def _renew(self) -> None:
        self.issued.append(self.authority.renew(self._any().token))

    def _release(self) -> None:
        self.authority.release(self._any().token)

    def _delegate(self) -> None:
        self.issued.append(passed_on(self.authority, self._any().token, self._any().claims.sub))

    def _revoke(self) -> None:
        chosen = self._any().claims
        level = self.random.choice(LEVELS)
        target = {"token": chosen.jti, "task": chosen.task_id, "app": self.apps[-1].app.app_id, "all": ""}
        self.authority.revoke(
            level,
            target.get(level, chosen.sub),
            by=BY,
            including_protection=level == "all" and self.random.random() < 0.5,
        )

    def _kill(self) -> None:
        self.authority.kill(by=BY, including_protection=self.random.random() < 0.3)

    def _rearm(self) -> None:
        self.authority.rearm(by=BY)

    def _add_app(self) -> None:
        self.apps.append(add_app(self.authority, f"desk-{len(self.apps)}"))

    def _narrow(self) -> None:
        chosen = self.random.choice(self.apps).app.app_id
        self.authority.update_app(chosen, by=BY, scopes=("read:trades:*",))

    def _remove_app(self) -> None:
        self.authority.remove_app(self.random.choice(self.apps).app.app_id, by=BY)

    def _operate(self) -> None:
        name = self.random.choice(["ana", "ben"])
        with suppress(CredentialRefused):
            self.issued.append(self.authority.operator_token(self.authority.add_operator(name, by=BY).secret))
        if self.random.random() < 0.5:
            self.authority.remove_operator(name, by=BY)

    def _wait(self) -> None:
        self.clock.advance(self.random.choice([1, 5, 60, 400]) * SECOND)

    def _prune(self) -> None:
        self.authority.prune()

    def _restart(self) -> None:
        self.authority.close()
        self.authority = opened(self.folder, clock=self.clock)

    acts = (
        _register, _register, _renew, _release, _release, _delegate, _revoke, _kill, _rearm, _add_app, _narrow,
        _remove_app, _operate, _wait, _wait, _prune, _restart, _restart,
    )  # fmt: skip


@given(seed=st.integers(0, 2**32))
def test_whatever_an_authority_did_its_store_opens_again(seed: int) -> None:
    with TemporaryDirectory() as folder:
        session = Session(Path(folder), Random(seed))
        for _ in range(25):
            session.act()
        session.authority.close()
        opened(Path(folder), clock=session.clock).close()
