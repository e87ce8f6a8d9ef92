"""A store that an older version wrote is brought up to date, and gives nobody more than before."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.credentials.authorities import BY, NOW, add_app, key, launch, opened, passed_on, register
from tradewrit.credentials.home import open_home
from tradewrit.errors import CredentialRefused, JournalCorrupt, JournalError

TO_2 = """
    ALTER TABLE agents DROP COLUMN is_proof_needed;
    UPDATE meta SET value = 2 WHERE key = 'schema_version';"""
TO_1 = f"""{TO_2}
    DROP TABLE desk_answers;
    DROP TABLE kill_state;
    CREATE TABLE kill_state (one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1), killed_at INTEGER NOT NULL,
        "by" TEXT NOT NULL, reason TEXT NOT NULL, is_total INTEGER NOT NULL);
    UPDATE meta SET value = 1 WHERE key = 'schema_version';"""


def alter(folder: Path, script: str) -> None:
    with closing(sqlite3.connect(open_home(folder / "home").store)) as connection:
        connection.executescript(script)


@pytest.mark.parametrize(("is_total", "ends_at"), [(0, None), (1, NOW)])
def test_a_store_of_version_1_stays_killed(tmp_path: Path, is_total: int, ends_at: int | None) -> None:
    with opened(tmp_path) as authority:
        app = add_app(authority)
        authority.kill(by=BY, reason="before", including_protection=bool(is_total))
    alter(tmp_path, f"{TO_1} INSERT INTO kill_state VALUES (1, {NOW}, '{BY}', 'before', {is_total});")
    for _ in range(2):
        with opened(tmp_path) as authority:
            state = authority.kill_state()
            assert state is not None
            assert (state.reason, state.protection_ends_at) == ("before", ends_at)
            with pytest.raises(CredentialRefused):
                launch(authority, app)


def test_an_agent_of_version_2_of_which_nobody_knows_is_delegated_to_with_proof_only(tmp_path: Path) -> None:
    with opened(tmp_path) as authority:
        giver, bound = (register(authority, None, agent=key(seed)) for seed in (7, 8))
        register(authority, None, agent=key(9), needs_proof=True)
    alter(tmp_path, TO_2)
    with opened(tmp_path) as authority:
        assert passed_on(authority, giver.token, bound.claims.sub).claims.cnf is not None
        anew = register(authority, None, agent=key(8))
        assert passed_on(authority, giver.token, anew.claims.sub).claims.cnf is None


def test_processes_that_start_together_bring_it_up_to_date_once(tmp_path: Path) -> None:
    with opened(tmp_path) as authority:
        issued = register(authority, None)
    alter(tmp_path, TO_1)
    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(lambda _: opened(tmp_path), range(8)))
    for authority in started:
        with authority:
            assert authority.validate(issued.token) == issued.claims


def test_who_may_only_read_an_older_store_is_told_what_to_do(tmp_path: Path) -> None:
    opened(tmp_path).close()
    alter(tmp_path, TO_2)
    with pytest.raises(JournalError, match="older version; `tradewrit credentials audit head`"):
        opened(tmp_path, read_only=True)
    opened(tmp_path).close()
    opened(tmp_path, read_only=True).close()


@pytest.mark.parametrize("version", ["0", "-1", "'2'", "NULL"])
def test_a_version_that_never_was_is_damage(tmp_path: Path, version: str) -> None:
    opened(tmp_path).close()
    what = f"UPDATE meta SET value = {version} WHERE key = 'schema_version'"
    alter(tmp_path, what if version != "NULL" else "DELETE FROM meta WHERE key = 'schema_version'")
    with pytest.raises(JournalCorrupt, match="schema version is missing"):
        opened(tmp_path)
