"""An authority with an app and agents, for the tests beside this file."""

import base64
from pathlib import Path
from random import Random
from typing import Any, Final

from tradewrit.credentials.audit import AuditRecord
from tradewrit.credentials.audit_table import AuditQuery
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.home import open_home
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.requests import (
    AppCredentials,
    Challenge,
    DelegationRequest,
    Issued,
    Launch,
    LaunchRequest,
    Local,
    Registration,
)
from tradewrit.credentials.settings import Terms
from tradewrit.domain.constraints import UNRESTRICTED, Constraints
from tradewrit.domain.market import SECOND
from tradewrit.runtime.clock import Clock, ManualClock, system_entropy
from tradewrit.runtime.journal.sqlite_file import Settings

START: Final = 1_790_000_000
NOW: Final = START * SECOND
CEILING: Final = ("read:trades:*", "write:trades:AAPL", "write:trades:MSFT")
SCOPE: Final = ("read:trades:AAPL", "write:trades:AAPL")
BY: Final = "ana"


def opened(folder: Path, *, clock: Clock | None = None, terms: Terms | None = None, **file: Any) -> Authority:
    """The authority of that folder; a second one there is another process as far as the two can tell."""
    settings = Settings(synchronous="OFF", **file)
    return Authority.open(
        open_home(folder / "home"),
        clock=ManualClock(at=NOW) if clock is None else clock,
        entropy=system_entropy,
        terms=terms,
        file=settings,
    )


def add_app(
    authority: Authority,
    name: str = "desk",
    *,
    constraints: Constraints = UNRESTRICTED,
    is_protector: bool = True,
) -> AppCredentials:
    return authority.add_app(name, CEILING, by=BY, constraints=constraints, is_protector=is_protector)


def launch(authority: Authority, app: AppCredentials | None, **changes: Any) -> Launch:
    request = LaunchRequest(**({"agent_name": "screener", "allowed_scope": SCOPE} | changes))
    return authority.launch(Local(BY, "" if app is None else app.app.app_id), request)


def key(seed: int = 7) -> SigningKey:
    return SigningKey.draw(Random(seed).randbytes)


def registration(launched: Launch, challenge: Challenge, agent: SigningKey, **changes: Any) -> Registration:
    fields: dict[str, Any] = {
        "launch_token": launched.secret,
        "nonce": challenge.nonce,
        "public_key": base64.b64encode(agent.public.raw).decode(),
        "signature": base64.b64encode(agent.sign(bytes.fromhex(challenge.nonce))).decode(),
        "orch_id": "desk",
        "task_id": "swing",
        "requested_scope": SCOPE,
    }
    return Registration(**(fields | changes))


def register(
    authority: Authority,
    app: AppCredentials | None,
    *,
    agent: SigningKey | None = None,
    scope: tuple[str, ...] = SCOPE,
    task: str = "swing",
    **of_launch: Any,
) -> Issued:
    """An agent with a live token."""
    launched = launch(authority, app, allowed_scope=scope, **of_launch)
    return authority.register(
        registration(launched, authority.challenge(), agent or key(), requested_scope=scope, task_id=task)
    )


def passed_on(authority: Authority, token: str, to: str, **changes: Any) -> Issued:
    request = {"to": to, "scope": ("read:trades:AAPL",)} | changes
    return authority.delegate(token, DelegationRequest(**request))


def is_live(authority: Authority, issued: Issued) -> bool:
    return authority.validate(issued.token) is not None


def events(authority: Authority, what: str = "") -> list[AuditRecord]:
    return authority.events(AuditQuery(type=what, limit=100_000))[0]


def last(authority: Authority) -> tuple[str, str]:
    """Type and outcome of the last event."""
    event = events(authority)[-1].event
    return event.type, event.outcome
