"""Whether the store still says what the audit trail says was done: nobody revives a token with an editor.

The trail is chained, the other tables are not. So what was revoked, released, renewed or removed according
to the trail is looked up in them when the store is opened.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final

from tradewrit.credentials.audit import EventType, Outcome, event_id
from tradewrit.credentials.lookups import find_kill_state
from tradewrit.credentials.records import Level, Standing, Token, columns, read
from tradewrit.credentials.standing import EVERYTHING, UNPROTECTED, grounds, standing

REARMED: Final = "re-armed"
REPLACES: Final = "replaces "
TOTAL: Final = "protective writs too"
"""What the detail of an event says that is read again here."""

_TOKENS: Final = f"SELECT {columns(Token)} FROM tokens"  # noqa: S608 - names of our own
_ENDINGS: Final = """
    SELECT seq, type, agent_id, task_id, app_id, token_id, resource, detail FROM audit
    WHERE outcome = ? AND type IN (?, ?, ?, ?, ?, ?) ORDER BY seq"""
_TYPES: Final = (
    EventType.TOKEN_REVOKED,
    EventType.TOKEN_RENEWED,
    EventType.TOKEN_RELEASED,
    EventType.OPERATOR_REMOVED,
    EventType.APP_DEREGISTERED,
    EventType.KILL_SWITCH,
)
_ACTIVE: Final = "SELECT 1 FROM apps WHERE app_id = ? AND deregistered_at IS NULL"


def disagreement(connection: sqlite3.Connection) -> str:
    """What the store no longer says although the trail does, "" when they agree."""
    tokens = {token.jti: token for token in _tokens(connection)}
    ended: dict[tuple[str, str], int] = {}
    is_killed = False
    arguments = (Outcome.SUCCESS.value, *(kind.value for kind in _TYPES))
    for seq, kind, agent_id, task_id, app_id, token_id, level, detail in connection.execute(
        _ENDINGS, arguments
    ):
        match kind:
            case EventType.KILL_SWITCH:
                is_killed = detail != REARMED
                if is_killed:
                    ended[Level.ALL.value, _reach(detail)] = seq
            case EventType.APP_DEREGISTERED:
                if connection.execute(_ACTIVE, (app_id,)).fetchone():
                    return f"{event_id(seq)} removed app {app_id}, which is active"
            case EventType.TOKEN_RENEWED | EventType.TOKEN_RELEASED:
                dead = detail.removeprefix(REPLACES) if kind == EventType.TOKEN_RENEWED else token_id
                if dead in tokens and _is_live(connection, tokens[dead]):
                    return f"{event_id(seq)} ended token {dead}, which is live"
            case EventType.OPERATOR_REMOVED:
                ended[Level.AGENT.value, agent_id] = seq
            case _ if level == Level.ALL:
                ended[level, _reach(detail)] = seq
            case _ if level in {"", Level.TOKEN}:
                family = tokens[token_id].family if token_id in tokens else token_id
                ended[Level.TOKEN.value, family] = seq
            case _:
                ended[level, agent_id or task_id or app_id] = seq
    if is_killed != (find_kill_state(connection) is not None):
        return f"the kill switch is {'off' if is_killed else 'on'}, which nobody did"
    return _revived(connection, tokens, ended)


def _revived(
    connection: sqlite3.Connection, tokens: dict[str, Token], ended: dict[tuple[str, str], int]
) -> str:
    for token in tokens.values():
        last = max(ended.get(ground, 0) for ground in grounds(token))
        if last > token.issued_after and _is_live(connection, token):
            return f"{event_id(last)} ended token {token.jti}, which is live"
    return ""


def _is_live(connection: sqlite3.Connection, token: Token) -> bool:
    """Apart from its end: what is expired and what revoked it are forgotten together."""
    return standing(connection, token, 0) == Standing.LIVE


def _reach(detail: str) -> str:
    return EVERYTHING if TOTAL in detail.partition(":")[0] else UNPROTECTED


def _tokens(connection: sqlite3.Connection) -> Iterator[Token]:
    for row in connection.execute(_TOKENS):
        yield read(Token, row)
