"""What an authority answers over HTTP, ours or another of the AgentWrit protocol, and how it is read."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tradewrit.credentials.claims import Claims
from tradewrit.credentials.encoding import decode
from tradewrit.credentials.endings import Ending, TokenStatus
from tradewrit.credentials.records import KillState, Standing
from tradewrit.credentials.status import Status
from tradewrit.domain.times import parse_iso
from tradewrit.errors import Unreachable


class AppToken(msgspec.Struct, frozen=True):
    """An app's own token; expires_in: seconds."""

    access_token: str
    expires_in: int


class Launched(msgspec.Struct, frozen=True):
    """The right to register one agent."""

    launch_token: str


class Challenge(msgspec.Struct, frozen=True):
    """Bytes to sign, in hex."""

    nonce: str


class Token(msgspec.Struct, frozen=True):
    """An agent's token."""

    access_token: str


class Validity(msgspec.Struct, frozen=True):
    """Whether a token is live, and what it says."""

    valid: bool
    claims: dict[str, Any] = {}


class _Switch(msgspec.Struct, frozen=True):
    killed: bool
    by: str = ""
    at: str = ""
    reason: str = ""
    protection_ends_at: str = ""


class _Standing(msgspec.Struct, frozen=True):
    standing: Standing
    token_id: str = ""
    how: str = ""
    by: str = ""
    at: str = ""


class StatusAnswer(msgspec.Struct, frozen=True):
    """How tokens stand, and the kill switch; ours only."""

    now: str
    kill_switch: _Switch
    tokens: tuple[_Standing, ...]


def key_id(token: str) -> str:
    """The key a token names, "" when it names none that can be read."""
    try:
        return str(msgspec.json.decode(decode(token.partition(".")[0]), type=dict[str, Any]).get("kid", ""))
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return ""


def status_of(told: StatusAnswer, url: str) -> Status:
    """The answer with its times read; raises Unreachable when they are none."""
    try:
        switch = told.kill_switch
        killed = None
        if switch.killed:
            killed = KillState(
                killed_at=parse_iso(switch.at),
                by=switch.by,
                reason=switch.reason,
                protection_ends_at=(
                    parse_iso(switch.protection_ends_at) if switch.protection_ends_at else None
                ),
            )
        now = parse_iso(told.now)
        tokens = tuple(
            TokenStatus(
                token_id=one.token_id,
                standing=one.standing,
                ending=Ending(how=one.how, by=one.by, at=parse_iso(one.at)) if one.at else None,
            )
            for one in told.tokens
        )
    except ValueError as error:
        raise Unreachable(f"{url}: its answer names a time that is none: {error}") from None
    return Status(killed=killed, tokens=tokens, now=now)


def unverified(token: str, url: str) -> Claims:
    """What a token says, on the word of whoever just issued it to us."""
    try:
        said = msgspec.json.decode(decode(token.split(".")[1]), type=dict[str, Any])
    except (ValueError, IndexError, msgspec.MsgspecError, RecursionError):
        raise Unreachable(f"{url}: it issued something that is no token") from None
    return claims_of(said, url)


def claims_of(said: Mapping[str, Any], url: str) -> Claims:
    """Claims as another broker may write them: without task and orchestration where these are empty.

    A claim that we do not know may be a restriction, so it is not passed over.
    """
    try:
        return msgspec.convert({"task_id": "", "orch_id": "", **said}, Claims)
    except msgspec.ValidationError as error:
        raise Unreachable(f"{url}: its claims are not those of the protocol: {error}") from None
