"""A store with apps and agents in it, for the tests beside this file."""

from pathlib import Path
from typing import Final

from tradewrit.credentials.audit import AuditEvent, EventType
from tradewrit.credentials.change import Change
from tradewrit.credentials.records import Agent, App, LaunchToken
from tradewrit.credentials.store import CredentialStore
from tradewrit.runtime.journal.sqlite_file import Settings

AUTHORITY: Final = "a" * 32
SECOND: Final = 1_000_000_000
NOW: Final = 1_700_000_000 * SECOND
LATER: Final = NOW + 300 * SECOND
CAP: Final = NOW + 3_600 * SECOND


def opened(folder: Path, **settings: object) -> CredentialStore:
    return CredentialStore.open(
        folder / "credentials.db",
        authority=AUTHORITY,
        created_at=NOW,
        settings=Settings(**settings),  # type: ignore[arg-type]
    )


def event(what: str = EventType.TOKEN_ISSUED, detail: str = "") -> AuditEvent:
    return AuditEvent(type=what, at=NOW, agent_id="spiffe://desk/agent/o/t/1", detail=detail)


def app(name: str = "desk") -> App:
    return App(
        app_id=f"app-{name}",
        name=name,
        client_id=f"client-{name}",
        secret_hash="$argon2id$made-by-the-caller",
        scopes=("read:trades:*", "write:trades:AAPL"),
        token_ttl_s=1800,
        created_at=NOW,
        updated_at=NOW,
    )


def agent(name: str, *, of: str = "desk", task: str = "t1") -> Agent:
    return Agent(
        agent_id=name,
        app_id=f"app-{of}",
        public_key=bytes(32),
        orch_id="o",
        task_id=task,
        registered_at=NOW,
        alive_until=NOW,
    )


def launch_token(*, is_single_use: bool = True) -> LaunchToken:
    return LaunchToken(
        app_id="app-desk",
        agent_name="screener",
        allowed_scope=("read:trades:AAPL",),
        max_ttl_s=300,
        is_single_use=is_single_use,
        issued_at=NOW,
        expires_at=LATER,
    )


def furnish(store: CredentialStore, *agents: str) -> None:
    """An app `desk` and agents, each with a live token under its own name."""
    with store.change(NOW) as change:
        assert change.add_app(app())
        for name in agents:
            assert change.add_agent(agent(name))
            assert issue(change, name, subject=name)
        change.record(event(EventType.APP_REGISTERED))


def issue(change: Change, jti: str, *, subject: str, parent: str | None = None, task: str = "t1") -> bool:
    return change.issue(
        jti,
        subject=subject,
        app_id="app-desk",
        task_id=task,
        parent=parent,
        expires_at=LATER,
        family_ends_at=CAP,
    )
