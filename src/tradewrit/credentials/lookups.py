"""Reading what the credential store keeps; inside a change or outside."""

import sqlite3
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Final

from tradewrit.credentials.records import (
    NO_APP,
    Agent,
    App,
    DeskAnswer,
    KillState,
    LaunchToken,
    Operator,
    Standing,
    Token,
    columns,
    digest,
    read,
)
from tradewrit.credentials.standing import find_token, is_launch_revoked, standing

_AGENT: Final = f"SELECT {columns(Agent)} FROM agents WHERE agent_id = ?"  # noqa: S608 - names of our own
_APPS: Final = f"SELECT {columns(App)} FROM apps"  # noqa: S608
_KILL: Final = f"SELECT {columns(KillState)} FROM kill_state"  # noqa: S608
_ANSWERS: Final = f"SELECT {columns(DeskAnswer)} FROM desk_answers ORDER BY app_id, orch_id"  # noqa: S608
_DESKS: Final = """
    SELECT DISTINCT tokens.jti, agents.app_id, agents.orch_id
    FROM tokens JOIN agents ON agents.agent_id = tokens.subject
    WHERE tokens.is_protective AND tokens.expires_at > ? AND agents.app_id != ?"""
_LAUNCH: Final = f"SELECT {columns(LaunchToken)}, issued_after FROM launch_tokens WHERE digest = ?"  # noqa: S608
_OPERATORS: Final = f"SELECT {columns(Operator)} FROM operators"  # noqa: S608
_OF_APP: Final = f"SELECT {columns(Token)} FROM tokens WHERE app_id = ? AND expires_at > ?"  # noqa: S608


class Lookups(ABC):
    """What can be asked by name, of the store and within a change of it."""

    @abstractmethod
    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """The connection, for as long as something is read."""

    def app(self, app_id: str) -> App | None:
        """An app, active or deregistered, or None."""
        with self._reading() as connection:
            return find_app(connection, app_id)

    def agent(self, agent_id: str) -> Agent | None:
        """A registered agent, or None."""
        with self._reading() as connection:
            return find_agent(connection, agent_id)

    def token(self, jti: str) -> Token | None:
        """What is known of a token, or None."""
        with self._reading() as connection:
            return find_token(connection, jti)

    def operator(self, name: str) -> Operator | None:
        """The active operator of that name, or None."""
        with self._reading() as connection:
            return find_operator(connection, name)

    def kill_state(self) -> KillState | None:
        """The kill switch, if it is on."""
        with self._reading() as connection:
            return find_kill_state(connection)

    def answers(self) -> list[DeskAnswer]:
        """The desks that were asked to cancel their entries, and what each has said; none but then."""
        with self._reading() as connection:
            return find_answers(connection)


def find_agent(connection: sqlite3.Connection, agent_id: str) -> Agent | None:
    """A registered agent, or None."""
    row = connection.execute(_AGENT, (agent_id,)).fetchone()
    return None if row is None else read(Agent, row)


def find_app(connection: sqlite3.Connection, app_id: str) -> App | None:
    """An app, active or deregistered, or None."""
    row = connection.execute(f"{_APPS} WHERE app_id = ?", (app_id,)).fetchone()
    return None if row is None else read(App, row)


def find_app_of_client(connection: sqlite3.Connection, client_id: str) -> App | None:
    """The app that authenticates under this client id, or None; it may be deregistered."""
    row = connection.execute(f"{_APPS} WHERE client_id = ?", (client_id,)).fetchone()
    return None if row is None else read(App, row)


def find_apps(connection: sqlite3.Connection) -> list[App]:
    """All apps, the oldest first."""
    return [read(App, row) for row in connection.execute(f"{_APPS} ORDER BY created_at, app_id")]


def find_operator(connection: sqlite3.Connection, name: str) -> Operator | None:
    """The active operator of that name, or None."""
    row = connection.execute(f"{_OPERATORS} WHERE name = ? AND removed_at IS NULL", (name,)).fetchone()
    return None if row is None else read(Operator, row)


def find_operators(connection: sqlite3.Connection) -> list[Operator]:
    """All operators, the oldest first, those removed too."""
    return [read(Operator, row) for row in connection.execute(f"{_OPERATORS} ORDER BY created_at, rowid")]


def find_kill_state(connection: sqlite3.Connection) -> KillState | None:
    """The kill switch, if it is on."""
    row = connection.execute(_KILL).fetchone()
    return None if row is None else read(KillState, row)


def find_answers(connection: sqlite3.Connection) -> list[DeskAnswer]:
    """The desks that were asked to cancel their entries, and what each has said; none but then."""
    return [read(DeskAnswer, row) for row in connection.execute(_ANSWERS)]


def find_desks(connection: sqlite3.Connection, now: int) -> set[tuple[str, str]]:
    """App and orchestration of every desk that could act at `now` (UTC ns): it holds a protective writ.

    What an operator issued belongs to no app, and to no desk.
    """
    rows = connection.execute(_DESKS, (now, NO_APP)).fetchall()
    return {
        (app_id, orch_id) for jti, app_id, orch_id in rows if standing(connection, jti, now) == Standing.LIVE
    }


def find_launch_token(connection: sqlite3.Connection, secret: str, now: int) -> LaunchToken | None:
    """The launch token with this secret if it can be used at `now` (UTC ns), or None."""
    row = connection.execute(_LAUNCH, (digest(secret),)).fetchone()
    if row is None:
        return None
    found = read(LaunchToken, row[:-1])
    is_spent = found.is_single_use and found.consumed_at is not None
    if is_spent or now >= found.expires_at or is_launch_revoked(connection, found, row[-1]):
        return None
    return found


def tokens_of_app(connection: sqlite3.Connection, app_id: str, now: int) -> list[Token]:
    """The tokens of an app's agents that have not expired at `now` (UTC ns), dead or live."""
    return [read(Token, row) for row in connection.execute(_OF_APP, (app_id, now))]
