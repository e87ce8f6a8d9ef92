"""Whether the store still says what the audit trail says was done: nobody revives a token with an editor.

The trail is chained, the other tables are not. So what was revoked, released, renewed or removed according
to the trail is looked up in them when the store is opened, and so is each agent's key.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec

from tradewrit.credentials.audit import EventType, Outcome, event_id
from tradewrit.credentials.lookups import find_kill_state
from tradewrit.credentials.records import Agent, Level, Standing, Token, columns, read
from tradewrit.credentials.standing import (
    EVERYTHING,
    FAMILY,
    PROTECTED,
    REPLACES,
    UNPROTECTED,
    grounds,
    standing,
)
from tradewrit.domain.times import iso, parse_iso

REARMED: Final = "re-armed"
DEAD_BEFORE: Final = "was dead before"
TOTAL: Final = "protective writs too"
UNTIL: Final = "protective writs until "
OVER: Final = "protective writs as well by now"
PROVEN: Final = ", proof needed"
"""What the detail of an event says that is read again here."""

_NEVER: Final = 2**63 - 1
T = TypeVar("T", bound=msgspec.Struct)
_TOKENS: Final = f"SELECT {columns(Token)} FROM tokens"  # noqa: S608 - names of our own
_AGENTS: Final = f"SELECT {columns(Agent)} FROM agents"  # noqa: S608
_TOLD: Final = """
    SELECT seq, type, agent_id, task_id, app_id, token_id, resource, detail FROM audit
    WHERE outcome = ? AND type IN (?, ?, ?, ?, ?, ?, ?) ORDER BY seq"""
_TYPES: Final = (
    EventType.AGENT_REGISTERED,
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
    tokens = {token.jti: token for token in _all(connection, Token, _TOKENS)}
    agents = {agent.agent_id: agent for agent in _all(connection, Agent, _AGENTS)}
    ended: dict[tuple[str, str], int] = {}
    is_killed = False
    due: int | None = None
    arguments = (Outcome.SUCCESS.value, *(kind.value for kind in _TYPES))
    for seq, kind, agent_id, task_id, app_id, token_id, level, detail in connection.execute(_TOLD, arguments):
        match kind:
            case EventType.AGENT_REGISTERED:
                if agent_id in agents and not _is_key_told(agents[agent_id], detail):
                    return f"{event_id(seq)} registered {agent_id} with another key, or with proof of it"
            case EventType.KILL_SWITCH:
                is_killed = detail != REARMED
                due = _due(detail, due)
                if is_killed and not _says(OVER, detail):
                    ended[Level.ALL.value, UNPROTECTED] = seq
                if _says(TOTAL, detail) or _says(OVER, detail):
                    ended[Level.ALL.value, PROTECTED] = seq
            case EventType.APP_DEREGISTERED:
                if connection.execute(_ACTIVE, (app_id,)).fetchone():
                    return f"{event_id(seq)} removed app {app_id}, which is active"
            case EventType.TOKEN_RELEASED if detail.startswith(DEAD_BEFORE):
                continue  # it ended nothing: the token had expired, or something before had ended it
            case EventType.TOKEN_RENEWED | EventType.TOKEN_RELEASED:
                dead = detail.removeprefix(REPLACES) if kind == EventType.TOKEN_RENEWED else token_id
                if dead in tokens and _is_live(connection, tokens[dead]):
                    return f"{event_id(seq)} ended token {dead}, which is live"
            case EventType.OPERATOR_REMOVED:
                ended[Level.AGENT.value, agent_id] = seq
            case _ if level == Level.ALL:
                ended[level, EVERYTHING if _says(TOTAL, detail) else UNPROTECTED] = seq
            case _ if level in {"", Level.TOKEN}:
                ended[Level.TOKEN.value, detail.rpartition(FAMILY)[2] if FAMILY in detail else token_id] = seq
            case _:
                ended[level, agent_id or task_id or app_id] = seq
    state = find_kill_state(connection)
    if is_killed != (state is not None):
        return f"the kill switch is {'off' if is_killed else 'on'}, which nobody did"
    if state is not None and due is not None and (state.protection_ends_at or _NEVER) > due:
        return f"protective writs end later than at {iso(due)}, which nobody decided"
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
    return standing(connection, token.jti, 0) == Standing.LIVE


def _says(words: str, detail: str) -> bool:
    """Whether they are the event's own, and not the reason that somebody gave."""
    return words in detail.partition(":")[0]


def _due(detail: str, before: int | None) -> int | None:
    """When protective writs are to end after this kill (UTC ns), where they have not ended yet."""
    _, is_there, rest = detail.partition(": ")[0].partition(UNTIL)
    if is_there:
        return min(parse_iso(rest), before or _NEVER)
    is_done = detail == REARMED or _says(TOTAL, detail) or _says(OVER, detail)
    return None if is_done else before


def key_told(agent: Agent) -> str:
    """How the event of a registration ends: the agent's key, and whether its tokens need proof of it."""
    return f"key {agent.kid}{PROVEN if agent.is_proof_needed else ''}"


def _is_key_told(agent: Agent, detail: str) -> bool:
    """Also where proof is needed and not told of: older versions told nobody."""
    return detail.endswith(key_told(agent)) or (agent.is_proof_needed and detail.endswith(f"key {agent.kid}"))


def _all(connection: sqlite3.Connection, kind: type[T], question: str) -> Iterator[T]:
    return (read(kind, row) for row in connection.execute(question))
