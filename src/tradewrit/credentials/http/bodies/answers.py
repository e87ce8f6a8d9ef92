"""What clients are answered: the JSON of the protocol, field by field in its order.

Durations are whole seconds, times ISO-8601 in UTC.
"""

import msgspec

from tradewrit.credentials.claims import Claims, DelegationRecord
from tradewrit.credentials.records import Level, Standing
from tradewrit.domain.constraints import Constraints


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """What it is answered."""


class ChallengeAnswer(Out, frozen=True, kw_only=True):
    """A nonce to sign: the 32 bytes that its 64 hex characters stand for."""

    nonce: str
    expires_in: int


class Health(Out, frozen=True, kw_only=True):
    """uptime: seconds. audit_events_count: events in the audit chain."""

    status: str
    version: str
    uptime: int
    db_connected: bool
    audit_events_count: int


class Validity(Out, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a token is live; the error never says why not."""

    valid: bool
    claims: Claims | None = None
    error: str = ""


class Registered(Out, frozen=True, kw_only=True):
    """agent_id: the SPIFFE id the agent has from now on."""

    agent_id: str
    access_token: str
    expires_in: int


class Renewed(Out, frozen=True, kw_only=True):
    """The token that takes the place of the one that was presented."""

    access_token: str
    expires_in: int


class Delegated(Out, frozen=True, kw_only=True):
    """The delegate's token, and who passed it on, the root first."""

    access_token: str
    expires_in: int
    delegation_chain: tuple[DelegationRecord, ...]


class OperatorToken(Out, frozen=True, kw_only=True):
    """A token for administration."""

    access_token: str
    expires_in: int
    token_type: str


class AppToken(OperatorToken, frozen=True, kw_only=True):
    """A token to launch agents with."""

    scopes: tuple[str, ...]


class Policy(Out, frozen=True, kw_only=True, omit_defaults=True):
    """What a launch token permits."""

    allowed_scope: tuple[str, ...]
    max_ttl: int
    constraints: Constraints | None = None


class Launched(Out, frozen=True, kw_only=True):
    """A launch token: 64 hex characters, shown once."""

    launch_token: str
    expires_at: str
    policy: Policy


class AppCreated(Out, frozen=True, kw_only=True, omit_defaults=True):
    """A new app; its secret is shown this once."""

    app_id: str
    name: str
    client_id: str
    client_secret: str
    scopes: tuple[str, ...]
    token_ttl: int
    status: str
    constraints: Constraints | None = None


class AppView(Out, frozen=True, kw_only=True, omit_defaults=True):
    """An app. status: `active` or `inactive`."""

    app_id: str
    name: str
    client_id: str
    scopes: tuple[str, ...]
    token_ttl: int
    status: str
    created_at: str
    updated_at: str
    deregistered_at: str = ""
    constraints: Constraints | None = None


class Apps(Out, frozen=True, kw_only=True):
    """Every app, the oldest first."""

    apps: tuple[AppView, ...]
    total: int


class AppRemoved(Out, frozen=True, kw_only=True):
    """An app that is no more; so are its tokens."""

    app_id: str
    status: str
    deregistered_at: str


class OperatorCreated(Out, frozen=True, kw_only=True):
    """A new operator; the secret is shown this once."""

    name: str
    secret: str


class OperatorView(Out, frozen=True, kw_only=True):
    """An operator. status: `active` or `inactive`."""

    name: str
    status: str


class Operators(Out, frozen=True, kw_only=True):
    """Every operator, the oldest first."""

    operators: tuple[OperatorView, ...]
    total: int


class Revoked(Out, frozen=True, kw_only=True):
    """A revocation; it is in force. count: 1, as the target need not have existed."""

    revoked: bool
    level: Level
    target: str
    count: int = 1


class DeskView(Out, frozen=True, kw_only=True):
    """A desk that was asked to cancel its entries, and what it said last.

    desk: its orchestration. answered_at: when it said that none of its entries works any more, null until it
    has. cancelled, working: client order ids.
    """

    desk: str
    app_id: str
    answered_at: str | None
    cancelled: tuple[str, ...]
    working: tuple[str, ...]


class Killed(Out, frozen=True, kw_only=True, omit_defaults=True):
    """The kill switch: while it is on, nothing but protective writs is issued.

    including_protection: nor are these. protection_ends_at: when they die or died, where that is decided.
    """

    killed: bool
    by: str = ""
    at: str = ""
    reason: str = ""
    including_protection: bool = False
    protection_ends_at: str = ""
    desks: tuple[DeskView, ...] = ()


class TokenView(Out, frozen=True, kw_only=True, omit_defaults=True):
    """How a token stands: `live`, `expired`, `revoked`, `renewed`, or `unknown`.

    how: the audit event that ended it before its time, such as `kill_switch` or `token_revoked`; by: who did.
    """

    standing: Standing
    token_id: str = ""
    how: str = ""
    by: str = ""
    at: str = ""


class StatusView(Out, frozen=True, kw_only=True):
    """The kill switch, and the tokens asked about: the bearer's first, the others in their order.

    now: the authority's time, by which its other times are to be read.
    """

    now: str
    kill_switch: Killed
    tokens: tuple[TokenView, ...]


class AuditEntry(Out, frozen=True, kw_only=True, omit_defaults=True):
    """One audit event; what does not apply is left out."""

    id: str
    timestamp: str
    event_type: str
    agent_id: str = ""
    task_id: str = ""
    orch_id: str = ""
    detail: str = ""
    resource: str = ""
    outcome: str = ""
    deleg_depth: int = 0
    deleg_chain_hash: str = ""
    bytes_transferred: int = 0
    hash: str
    prev_hash: str
    app_id: str = ""
    token_id: str = ""
    by: str = ""


class AuditPage(Out, frozen=True, kw_only=True):
    """Events, oldest first. total: how many fit the query. limit: the one that held."""

    events: tuple[AuditEntry, ...]
    total: int
    offset: int
    limit: int


class AuditHead(Out, frozen=True, kw_only=True):
    """Where the audit chain ends, signed with the key `key_id` (hex, Ed25519)."""

    journal_id: str
    stream: str
    seq: int
    hash: str
    key_id: str
    signature: str


class AuditCheck(Out, frozen=True, kw_only=True, omit_defaults=True):
    """Whether the audit chain is whole. last_good: number of the last event that can be trusted."""

    intact: bool
    records: int
    last_good: int
    head: str
    fault: str = ""
