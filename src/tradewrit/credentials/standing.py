"""Which tokens are dead: revocations against what is known of a token and its ancestors."""

import sqlite3
from collections.abc import Iterator
from typing import Final

from tradewrit.credentials.records import LaunchToken, Level, Standing, Token, columns, read

EVERYTHING: Final = "everything"
UNPROTECTED: Final = "unprotected"
"""The two targets of `Level.ALL`: with protective tokens, and without."""

_TOKEN: Final = f"SELECT {columns(Token)} FROM tokens WHERE jti = ?"  # noqa: S608 - names of our own
_LAST_END: Final = """
    SELECT max(coalesce((SELECT max(expires_at) FROM tokens), 0),
               coalesce((SELECT max(expires_at) FROM launch_tokens), 0))"""
_REVOKE: Final = """
    INSERT INTO revocations VALUES (?, ?, ?, ?, ?) ON CONFLICT (level, target) DO UPDATE SET
        revoked_at = excluded.revoked_at, expires_at = excluded.expires_at,
        revoked_after = excluded.revoked_after"""


def find_token(connection: sqlite3.Connection, jti: str) -> Token | None:
    """What is known of a token, or None when it was never issued here or has long expired."""
    row = connection.execute(_TOKEN, (jti,)).fetchone()
    return None if row is None else read(Token, row)


def standing(connection: sqlite3.Connection, token: Token | None, now: int) -> Standing:
    """Whether a token counts at `now` (UTC ns); its last instant is `expires_at`, exclusively.

    A token the store does not know is no good, however genuine: the store is behind what was issued.
    """
    if token is None:
        return Standing.UNKNOWN
    if now >= token.expires_at:
        return Standing.EXPIRED
    apps = {token.app_id, *(link.app for link in token.lineage)}
    if _is_revoked(connection, list(_grounds(token)), token.issued_after) or has_left(connection, apps):
        return Standing.REVOKED
    return Standing.LIVE if token.successor is None else Standing.RENEWED


def _grounds(token: Token) -> Iterator[tuple[str, str]]:
    """Every level and target that would kill this token."""
    yield Level.ALL.value, EVERYTHING
    if not token.is_protective:
        yield Level.ALL.value, UNPROTECTED
    yield Level.TASK.value, token.task_id
    yield Level.TOKEN.value, token.family
    yield Level.AGENT.value, token.subject
    yield Level.APP.value, token.app_id
    for link in token.lineage:
        yield Level.TOKEN.value, link.family
        yield Level.AGENT.value, link.agent
        yield Level.CHAIN.value, link.agent
        yield Level.APP.value, link.app


def is_launch_revoked(connection: sqlite3.Connection, token: LaunchToken, issued_after: int) -> bool:
    """Whether a launch token died before it was used: with its app, or with everything."""
    grounds = [(Level.ALL.value, EVERYTHING), (Level.APP.value, token.app_id)]
    if not token.is_protective:
        grounds.append((Level.ALL.value, UNPROTECTED))
    return _is_revoked(connection, grounds, issued_after) or has_left(connection, {token.app_id})


def _is_revoked(connection: sqlite3.Connection, grounds: list[tuple[str, str]], issued_after: int) -> bool:
    pairs = ", ".join(["(?, ?)"] * len(grounds))
    found = connection.execute(
        # Placeholders only; at most some thirty, a chain has five links.
        f"SELECT 1 FROM revocations WHERE (level, target) IN (VALUES {pairs}) "  # noqa: S608
        "AND revoked_after >= ? LIMIT 1",
        [*(text for pair in grounds for text in pair), issued_after],
    )
    return found.fetchone() is not None


def has_left(connection: sqlite3.Connection, apps: set[str]) -> bool:
    """Whether one of these apps was deregistered."""
    marks = ", ".join("?" * len(apps))
    found = connection.execute(
        f"SELECT 1 FROM apps WHERE app_id IN ({marks}) AND deregistered_at IS NOT NULL LIMIT 1",  # noqa: S608
        list(apps),
    )
    return found.fetchone() is not None


def add_revocation(connection: sqlite3.Connection, level: Level, target: str, now: int, after: int) -> None:
    """Kill what was issued up to now; kept for as long as any of that could have lived.

    target: for TOKEN the family. after: number of the last audit event.
    """
    (until,) = connection.execute(_LAST_END).fetchone()
    if until > 0:
        connection.execute(_REVOKE, (level.value, target, now, until, after))
