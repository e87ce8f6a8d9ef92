"""Which tokens are dead: revocations against what is known of a token and its ancestors."""

import sqlite3
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import msgspec

from tradewrit.credentials.records import LaunchToken, Level, Link, Standing, Token, columns, read
from tradewrit.errors import JournalCorrupt

REPLACES: Final = "replaces "
"""What the event of a renewal says before the `jti` of the old token."""

FAMILY: Final = "family "
"""What the event of a revocation says before the family of the token it names, where that is another."""

EVERYTHING: Final = "everything"
UNPROTECTED: Final = "unprotected"
PROTECTED: Final = "protected"
"""The targets of `Level.ALL`: all tokens, all but protective ones, and these alone."""

_NOBODY: Final = "[]"
_read_lineage: Final = msgspec.json.Decoder(tuple[Link, ...]).decode
_TOKEN: Final = f"SELECT {columns(Token)} FROM tokens WHERE jti = ?"  # noqa: S608 - names of our own
_RENEWALS: Final = """
    SELECT substr(detail, ?), token_id FROM audit
    WHERE type = 'token_renewed' AND outcome = 'success' ORDER BY seq"""
_PROTECTION_END: Final = "SELECT protection_ends_at FROM kill_state"
_NAMED: Final = (
    (Level.TASK, "task_id"),
    (Level.TOKEN, "family"),
    (Level.AGENT, "subject"),
    (Level.APP, "app_id"),
)
"""What a revocation can name of a token itself, and the field that says it."""


def _given(level: Level, target: str) -> str:
    """SQL: whether such a revocation was given since the token was issued. target: an expression."""
    return (
        f"EXISTS (SELECT 1 FROM revocations WHERE level = '{level.value}' AND target = {target} "  # noqa: S608
        "AND revoked_after >= tokens.issued_after)"
    )


# All that decides over most tokens in one statement, for it is asked of every token that is used. Each
# part is one look into an index, however many revocations there are.
_FOUND: Final = f"""
    SELECT expires_at, successor, is_protective, lineage, issued_after, (
        {_given(Level.ALL, f"'{EVERYTHING}'")}
        OR {_given(Level.ALL, f"CASE WHEN is_protective THEN '{PROTECTED}' ELSE '{UNPROTECTED}' END")}
        OR {" OR ".join(_given(level, f"tokens.{name}") for level, name in _NAMED)}
        OR EXISTS (SELECT 1 FROM apps WHERE app_id = tokens.app_id AND deregistered_at IS NOT NULL)
    )
    FROM tokens WHERE jti = ?"""  # noqa: S608 - words of our own
_LAST_END: Final = """
    SELECT max(coalesce((SELECT max(expires_at) FROM tokens), 0),
               coalesce((SELECT max(expires_at) FROM launch_tokens), 0))"""
_REVOKE: Final = """
    INSERT INTO revocations VALUES (?, ?, ?, ?, ?) ON CONFLICT (level, target) DO UPDATE SET
        revoked_at = excluded.revoked_at, expires_at = excluded.expires_at,
        revoked_after = excluded.revoked_after"""


class _Found(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What `_FOUND` finds; is_ended: by what it says of the token itself."""

    expires_at: int
    successor: str | None
    is_protective: int
    lineage: str
    issued_after: int
    is_ended: int


def find_token(connection: sqlite3.Connection, jti: str) -> Token | None:
    """What is known of a token, or None when it was never issued here or has long expired."""
    row = connection.execute(_TOKEN, (jti,)).fetchone()
    return None if row is None else read(Token, row)


def family_of(connection: sqlite3.Connection, jti: str) -> str:
    """The family of a token, also of one that expired and is forgotten while what was renewed of it lives.

    Then the audit trail still knows what took its place. A token never heard of is its own family.
    """
    token = find_token(connection, jti)
    if token is not None:
        return token.family
    last = jti
    for replaced, successor in connection.execute(_RENEWALS, (len(REPLACES) + 1,)):
        if replaced == last:
            last = successor
    token = find_token(connection, last)
    return jti if token is None else token.family


def standing(connection: sqlite3.Connection, jti: str, now: int) -> Standing:
    """Whether a token counts at `now` (UTC ns); its last instant is `expires_at`, exclusively.

    A token the store does not know is no good, however genuine: the store is behind what was issued.
    """
    row = connection.execute(_FOUND, (jti,)).fetchone()
    if row is None:
        return Standing.UNKNOWN
    try:
        found = msgspec.convert(row, _Found)
        lineage = () if found.lineage == _NOBODY else _read_lineage(found.lineage)
    except msgspec.MsgspecError as why:
        raise JournalCorrupt(f"credential store: a Token was altered: {why}") from why
    if now >= found.expires_at:
        return Standing.EXPIRED
    if found.is_ended or (lineage and _is_ended_above(connection, lineage, found.issued_after)):
        return Standing.REVOKED
    if found.is_protective and is_protection_over(connection, now):
        return Standing.REVOKED
    return Standing.LIVE if found.successor is None else Standing.RENEWED


def _is_ended_above(connection: sqlite3.Connection, lineage: tuple[Link, ...], issued_after: int) -> bool:
    """Whether something ended one of those who delegated it."""
    given = [ground for link in lineage for ground in _grounds_above(link)]
    return _is_revoked(connection, given, [link.app for link in lineage], issued_after)


def protection_end(connection: sqlite3.Connection) -> int | None:
    """When the kill switch ends protective writs (UTC ns); None while it spares them, or is off."""
    row = connection.execute(_PROTECTION_END).fetchone()
    return None if row is None else row[0]


def is_protection_over(connection: sqlite3.Connection, now: int) -> bool:
    """Whether the time of protective writs has run out at `now` (UTC ns): nobody has to have noticed."""
    end = protection_end(connection)
    return end is not None and now >= end


def grounds(token: Token) -> Iterator[tuple[str, str]]:
    """Every level and target that would kill this token; `standing` asks for the same."""
    yield Level.ALL.value, EVERYTHING
    yield Level.ALL.value, PROTECTED if token.is_protective else UNPROTECTED
    for level, name in _NAMED:
        yield level.value, getattr(token, name)
    for link in token.lineage:
        yield from _grounds_above(link)


def _grounds_above(link: Link) -> Iterator[tuple[str, str]]:
    yield Level.TOKEN.value, link.family
    yield Level.AGENT.value, link.agent
    yield Level.CHAIN.value, link.agent
    yield Level.APP.value, link.app


def is_launch_revoked(connection: sqlite3.Connection, token: LaunchToken, issued_after: int) -> bool:
    """Whether a launch token died before it was used: with its app, its launcher, or with everything."""
    kind = PROTECTED if token.is_protective else UNPROTECTED
    grounds = [(Level.ALL.value, EVERYTHING), (Level.ALL.value, kind), (Level.APP.value, token.app_id)]
    if token.made_by:
        grounds += [(Level.AGENT.value, token.made_by), (Level.TOKEN.value, token.made_with)]
    return _is_revoked(connection, grounds, [token.app_id], issued_after)


def _is_revoked(
    connection: sqlite3.Connection, grounds: list[tuple[str, str]], apps: list[str], issued_after: int
) -> bool:
    """Whether one of the grounds was given since, or one of the apps was deregistered."""
    arguments = [issued_after, *(text for pair in grounds for text in pair), *apps]
    (found,) = connection.execute(_question(len(grounds), len(apps)), arguments).fetchone()
    return bool(found)


@lru_cache(maxsize=64)
def _question(grounds: int, apps: int) -> str:
    """Placeholders only; a chain has five links. Written so that each pair is looked up in the index."""
    pairs = " OR ".join(["(level = ? AND target = ?)"] * grounds)
    names = ", ".join("?" * apps)
    return (
        f"SELECT EXISTS (SELECT 1 FROM revocations WHERE revoked_after >= ? AND ({pairs})) "  # noqa: S608
        f"OR EXISTS (SELECT 1 FROM apps WHERE app_id IN ({names}) AND deregistered_at IS NOT NULL)"
    )


def add_revocation(connection: sqlite3.Connection, level: Level, target: str, now: int, after: int) -> None:
    """Kill what was issued up to now; kept for as long as any of that could have lived.

    target: for TOKEN the family. after: number of the last audit event.
    """
    (until,) = connection.execute(_LAST_END).fetchone()
    if until > 0:
        connection.execute(_REVOKE, (level.value, target, now, until, after))
