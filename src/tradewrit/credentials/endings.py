"""How one token stands, and what ended it: read from the store's tables. Never said to a stranger."""

import sqlite3
from typing import Final

import msgspec

from tradewrit.credentials.audit import EventType, Outcome
from tradewrit.credentials.lookups import find_kill_state
from tradewrit.credentials.records import Standing, Token
from tradewrit.credentials.standing import grounds, standing

_LOOKED_AT: Final = 16
"""Events after a revocation among which its own is found: it is in the same change."""
_GIVEN: Final = "SELECT revoked_at, revoked_after FROM revocations WHERE level = ? AND target = ?"
_TOLD: Final = 'SELECT type, "by", at FROM audit WHERE seq > ? AND outcome = ? ORDER BY seq LIMIT ?'
_REMOVED: Final = "SELECT deregistered_at FROM apps WHERE app_id = ?"


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What ended a token before its time. how: the type of the audit event; by: "" where it does not say."""

    how: str
    by: str
    at: int


class TokenStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a token stands. UNKNOWN for whatever the asker may not know of. ending: None for its own end.

    One that expired can have been revoked before.
    """

    token_id: str
    standing: Standing
    ending: Ending | None = None


def find_status(connection: sqlite3.Connection, token: Token, now: int) -> TokenStatus:
    """How a token stands at `now` (UTC ns), and what ended it."""
    return TokenStatus(
        token_id=token.jti,
        standing=standing(connection, token.jti, now),
        ending=_ending(connection, token) or _run_out(connection, token, now),
    )


def _ending(connection: sqlite3.Connection, token: Token) -> Ending | None:
    """The first ground that was given for its death while it lived."""
    given = [
        row
        for ground in dict.fromkeys(grounds(token))
        if (row := connection.execute(_GIVEN, ground).fetchone()) is not None
        and row[1] >= token.issued_after
        and row[0] < token.expires_at
    ]
    if given:
        at, after = min(given)
        return _told(connection, at, after)
    return _removal(connection, token)


def _run_out(connection: sqlite3.Connection, token: Token, now: int) -> Ending | None:
    """The time that the kill switch left to a protective token is over, and nobody has noticed yet."""
    state = find_kill_state(connection)
    if state is None or not token.is_protective or not state.is_over(now):
        return None
    at = state.protection_ends_at or 0
    return Ending(how=EventType.KILL_SWITCH.value, by=state.by, at=at) if at < token.expires_at else None


def _told(connection: sqlite3.Connection, at: int, after: int) -> Ending:
    """The event of a revocation: the first of its change."""
    rows = connection.execute(_TOLD, (after, Outcome.SUCCESS.value, _LOOKED_AT))
    found = next(((how, by) for how, by, told_at in rows if told_at == at), ("", ""))
    return Ending(how=found[0], by=found[1], at=at)


def _removal(connection: sqlite3.Connection, token: Token) -> Ending | None:
    """Its app, or that of one who delegated it, was removed."""
    for app in dict.fromkeys([token.app_id, *(link.app for link in token.lineage)]):
        row = connection.execute(_REMOVED, (app,)).fetchone()
        if row is not None and row[0] is not None and row[0] < token.expires_at:
            return Ending(how=EventType.APP_DEREGISTERED.value, by="", at=row[0])
    return None
