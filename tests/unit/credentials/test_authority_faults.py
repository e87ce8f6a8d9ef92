"""A store that cannot be written, read or believed: nothing is issued, and the error says what to do."""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

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
from tradewrit.credentials.audit_table import AuditQuery
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.home import open_home
from tradewrit.credentials.requests import AppCredentials, Bearer, Issued, LaunchRequest, Local, Registration
from tradewrit.credentials.settings import Terms
from tradewrit.credentials.store import CredentialStore
from tradewrit.errors import CredentialRefused, JournalCorrupt, JournalError, JournalUnwritable
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.journal.sqlite_file import Settings


class Scene:
    """An authority with everything that somebody could want to use."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.app: AppCredentials = add_app(authority)
        self.operator = authority.add_operator("ana", by=BY)
        self.first, self.second = register(authority, self.app), register(authority, self.app)
        self.waiting: Registration = registration(launch(authority, self.app), authority.challenge(), key())


WRITES: Final[dict[str, Callable[[Scene], object]]] = {
    "add_app": lambda scene: scene.authority.add_app("other", SCOPE, by=BY),
    "update_app": lambda scene: scene.authority.update_app(scene.app.app.app_id, by=BY, token_ttl_s=60),
    "remove_app": lambda scene: scene.authority.remove_app(scene.app.app.app_id, by=BY),
    "app_token": lambda scene: scene.authority.app_token(scene.app.app.client_id, scene.app.client_secret),
    "wrong_secret": lambda scene: scene.authority.app_token(scene.app.app.client_id, "x"),
    "add_operator": lambda scene: scene.authority.add_operator("bob", by=BY),
    "operator_token": lambda scene: scene.authority.operator_token(scene.operator.secret),
    "launch": lambda scene: launch(scene.authority, scene.app),
    "register": lambda scene: scene.authority.register(scene.waiting),
    "renew": lambda scene: scene.authority.renew(scene.first.token),
    "delegate": lambda scene: passed_on(scene.authority, scene.first.token, scene.second.claims.sub),
    "release": lambda scene: scene.authority.release(scene.first.token),
    "revoke": lambda scene: scene.authority.revoke("token", scene.first.claims.jti, by=BY),
    "kill": lambda scene: scene.authority.kill(by=BY),
    "rotate": lambda scene: scene.authority.rotate(by=BY),
    "refuse": lambda scene: scene.authority.authenticate(Bearer(authorization="Bearer x")),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return open_home(tmp_path / "home").store


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with opened(tmp_path, busy_timeout_s=0.01) as authority:
        yield Scene(authority)


@contextmanager
def locked(_: Scene, path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def read_only(scene: Scene, _: Path) -> Iterator[None]:
    connection = scene.authority._context.store._connection
    connection.execute("PRAGMA query_only = ON")
    yield
    connection.execute("PRAGMA query_only = OFF")


@contextmanager
def full(scene: Scene) -> Iterator[None]:
    """No page can be added, and those that are there have no room for another event."""

    def fill_up() -> None:
        for _ in range(1_000):
            scene.authority.note_rate_limited("", "x" * 256)

    connection = scene.authority._context.store._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalUnwritable):
        fill_up()
    yield
    connection.execute("PRAGMA max_page_count = 1000000")


@pytest.mark.parametrize("what", WRITES)
@pytest.mark.parametrize("fault", [locked, read_only])
def test_a_store_that_cannot_be_written_issues_nothing_and_recovers(
    scene: Scene, path: Path, fault: Callable[[Scene, Path], Iterator[None]], what: str
) -> None:
    before = scene.authority.event_count()
    with fault(scene, path), pytest.raises(JournalUnwritable, match="file"):  # type: ignore[attr-defined]
        WRITES[what](scene)
    assert scene.authority.event_count() == before
    assert is_live(scene.authority, scene.first)
    try:
        WRITES[what](scene)
    except CredentialRefused:
        assert what in {"wrong_secret", "refuse"}
    assert scene.authority.event_count() > before
    assert scene.authority.verify_audit().is_intact


@pytest.mark.parametrize("what", ["register", "renew", "delegate", "launch", "app_token", "revoke", "kill"])
def test_on_a_full_disk_nothing_is_done_by_half_and_all_goes_on_once_there_is_room(
    scene: Scene, what: str
) -> None:
    with full(scene):
        before = scene.authority.event_count()
        # The last page may have room for a short event; a refusal of the store is one all the same.
        for _ in range(20):
            with suppress(JournalUnwritable, CredentialRefused):
                WRITES[what](scene)
        with pytest.raises(JournalUnwritable, match="disk is full"):
            scene.authority.revoke("task", "x" * 2_000, by=BY)
        assert scene.authority.verify_audit().last_good == scene.authority.event_count() <= before + 20
    scene.authority.revoke("all", "", by=BY)
    assert not is_live(scene.authority, scene.second)
    assert scene.authority.verify_audit().is_intact


def test_a_revocation_that_was_not_written_is_not_confirmed(scene: Scene, path: Path) -> None:
    with locked(scene, path), pytest.raises(JournalUnwritable):
        scene.authority.revoke("token", scene.first.claims.jti, by=BY)
    assert is_live(scene.authority, scene.first)
    scene.authority.revoke("token", scene.first.claims.jti, by=BY)
    assert not is_live(scene.authority, scene.first)


def edit(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET detail = 'nothing happened' WHERE seq = 3",
        "UPDATE audit SET at = at + 1 WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 4",
        "DELETE FROM audit WHERE seq >= 5",
        "UPDATE audit_head SET seq = seq - 1",
        "DELETE FROM audit_head",
        "UPDATE audit SET detail = x'00' WHERE seq = 2",
    ],
)
def test_an_audit_trail_that_was_edited_opens_no_authority(
    tmp_path: Path, path: Path, statement: str
) -> None:
    with opened(tmp_path) as authority:
        Scene(authority)
    edit(path, statement)
    with pytest.raises(JournalCorrupt):
        opened(tmp_path)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
        "UPDATE audit SET hash = 'x' WHERE seq = (SELECT max(seq) FROM audit)",
        "UPDATE audit_head SET hash = 'x'",
        "DELETE FROM audit_head",
    ],
)
def test_an_end_that_was_edited_under_a_running_authority_stops_it(
    scene: Scene, path: Path, statement: str
) -> None:
    assert is_live(scene.authority, scene.first)
    edit(path, statement)
    for what in ("register", "renew", "launch", "revoke"):
        with pytest.raises(JournalCorrupt, match="audit verify"):
            WRITES[what](scene)
    for read in (
        scene.authority.signed_head,
        scene.authority.event_count,
        lambda: scene.authority.validate(scene.first.token),
    ):
        with pytest.raises(JournalCorrupt, match="audit verify"):
            read()
    assert not scene.authority.is_healthy()


def test_a_rotation_that_cannot_be_recorded_does_not_happen(scene: Scene, path: Path) -> None:
    before = scene.authority.key_set()
    for fault in (locked, read_only):
        with fault(scene, path), pytest.raises(JournalUnwritable):
            scene.authority.rotate(by=BY, overlap_s=0)
    assert scene.authority.key_set() == before


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE tokens SET lineage = 'x'", "a Token was altered"),
        ("UPDATE tokens SET expires_at = 'never'", "a Token was altered"),
        ("UPDATE tokens SET issued_after = 'soon'", "a Token was altered"),
    ],
)
def test_a_token_row_that_makes_no_sense_lets_nobody_in(
    scene: Scene, path: Path, statement: str, what: str
) -> None:
    assert is_live(scene.authority, scene.first)
    edit(path, statement)
    for ask in (
        lambda: scene.authority.validate(scene.first.token),
        lambda: scene.authority.verify(scene.first.token),
        lambda: scene.authority.renew(scene.first.token),
    ):
        with pytest.raises(JournalCorrupt, match=what):
            ask()


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE apps SET scopes = 'x'", "an? App was altered"),
        ("UPDATE apps SET constraints = 'x'", "an? App was altered"),
        ("UPDATE launch_tokens SET allowed_scope = '7'", "a LaunchToken was altered"),
        ("INSERT INTO kill_state VALUES (1, 'x', 1, 1, 1)", "a KillState was altered"),
    ],
)
def test_a_row_that_makes_no_sense_registers_nobody(
    scene: Scene, path: Path, statement: str, what: str
) -> None:
    edit(path, statement)
    with pytest.raises(JournalCorrupt, match=what):
        scene.authority.register(scene.waiting)


def test_a_token_taken_out_of_the_store_is_dead(scene: Scene, path: Path) -> None:
    assert is_live(scene.authority, scene.first)
    edit(path, f"DELETE FROM tokens WHERE jti = '{scene.first.claims.jti}'")
    assert not is_live(scene.authority, scene.first)


def test_a_closed_authority_says_so(tmp_path: Path) -> None:
    authority = opened(tmp_path)
    issued: Issued = register(authority, None)
    authority.close()
    assert not authority.is_healthy()
    for ask in (
        lambda: authority.validate(issued.token),
        lambda: authority.renew(issued.token),
        authority.event_count,
    ):
        with pytest.raises(JournalUnwritable, match="cannot be used any more"):
            ask()


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
def test_a_store_that_others_may_write_to_issues_nothing_and_can_still_be_looked_at(
    tmp_path: Path, mode: int
) -> None:
    with opened(tmp_path) as authority:
        add_app(authority)
    store = open_home(tmp_path / "home").store
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    store.chmod(mode)
    with pytest.raises(JournalError, match="other users may write to the credential store"):
        opened(tmp_path)
    with closing(CredentialStore.open(store, settings=Settings(read_only=True))) as looked_at:
        assert looked_at.verify().is_intact


def test_somebody_elses_file_in_the_place_of_the_store_is_refused(tmp_path: Path, path: Path) -> None:
    path.write_text("a letter to a friend\n" * 300)
    with pytest.raises(JournalError, match="not a credential store"):
        opened(tmp_path)


def test_what_expired_is_forgotten_in_time_without_being_asked(tmp_path: Path) -> None:
    clock = ManualClock(at=NOW)
    with opened(tmp_path, clock=clock, terms=Terms(prune_after_writes=50)) as authority:
        for _ in range(10):
            for _ in range(50):
                issued = register(authority, None, max_ttl_s=1)
                authority.revoke("token", issued.claims.jti, by=BY)
            clock.advance(90_000 * 10**9)
        connection = authority._context.store._connection
        for table in ("tokens", "launch_tokens", "spent_nonces", "revocations", "agents"):
            (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            assert rows <= 102, table
        assert authority.prune().tokens <= 102


def test_audit_queries_find_what_they_name(scene: Scene) -> None:
    first = scene.first.claims
    found, total = scene.authority.events(AuditQuery(agent_id=first.sub, limit=1))
    assert (len(found), total) == (1, 2)
    assert {record.event.token_id for record in found} == {first.jti}
    assert not scene.authority.events(AuditQuery(since=NOW + 1))[0]
    assert len(events(scene.authority)) == scene.authority.event_count()


def test_a_local_launch_needs_no_credential_but_the_home_folder(scene: Scene) -> None:
    scene.authority.launch(Local("desk"), LaunchRequest(agent_name="x", allowed_scope=("write:trades:AAPL",)))
    assert events(scene.authority)[-1].event.by == "desk"
