"""What clients send and what they are answered: the JSON of the protocol, field by field in its order.

Fields that a body does not know are ignored. Durations are whole seconds, times ISO-8601 in UTC.
"""

from collections.abc import Sequence
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from tradewrit.credentials.claims import Claims, DelegationRecord
from tradewrit.credentials.endings import TokenStatus
from tradewrit.credentials.records import App, DeskAnswer, KillState, Level, Operator, Standing
from tradewrit.credentials.refusals import invalid
from tradewrit.credentials.settings import MAX_KILL_GRACE_S
from tradewrit.credentials.status import MAX_ASKED, Status
from tradewrit.credentials.winding_down import LONGEST_ID, MOST_ORDERS
from tradewrit.domain.constraints import UNRESTRICTED, Constraints
from tradewrit.domain.times import iso

MAX_SECONDS: Final = 2**53
Seconds = Annotated[int, Meta(ge=-MAX_SECONDS, le=MAX_SECONDS)]
OrderIds = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)], ...], Meta(max_length=MOST_ORDERS)
]
Body = TypeVar("Body", bound=msgspec.Struct)
_MISSING: Final = "Object missing required field `"


class In(msgspec.Struct, frozen=True):
    """What a client sends."""


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """What it is answered."""


class ToValidate(In, frozen=True):
    """A token to look at."""

    token: str


class ToAskStatus(In, frozen=True):
    """More tokens of the same app to tell of, beside the bearer's own."""

    tokens: Annotated[tuple[str, ...], Meta(max_length=MAX_ASKED)] = ()


class ToRegister(In, frozen=True):
    """An agent's part of the registration ceremony.

    public_key, signature: standard base64 with padding. nonce: the challenge, 64 hex characters.
    """

    launch_token: str
    nonce: str
    public_key: str
    signature: str
    orch_id: str
    task_id: str
    requested_scope: tuple[str, ...]


class ToDelegate(In, frozen=True):
    """Whom to pass a part of one's permission to, and which part. ttl: 60 when it is left out."""

    delegate_to: str
    scope: tuple[str, ...]
    ttl: Seconds | None = None
    constraints: Constraints = UNRESTRICTED


class ToLaunch(In, frozen=True):
    """What the holder of a launch token may register.

    max_ttl: life of the agent's token, 300 when 0 or less. ttl: life of the launch token, 30 when it is
    left out. needs_proof: the agent must prove with every request that it holds its key. protective: a
    writ that may only shrink positions and outlives the kill switch.
    """

    agent_name: str
    allowed_scope: tuple[str, ...]
    max_ttl: Seconds = 300
    single_use: bool = True
    ttl: Seconds | None = None
    constraints: Constraints = UNRESTRICTED
    needs_proof: bool = False
    protective: bool = False


class OperatorLogin(In, frozen=True):
    """An operator's secret, `op-<name>-<64 hex>`. proves_only: for a token that can do nothing else."""

    secret: str
    proves_only: bool = False


class AppLogin(In, frozen=True):
    """An app's credentials."""

    client_id: str
    client_secret: str


class NewApp(In, frozen=True):
    """An app and its ceiling. protector: whether it may launch protective writs."""

    name: str
    scopes: tuple[str, ...]
    token_ttl: Seconds | None = None
    constraints: Constraints = UNRESTRICTED
    protector: bool = False


class AppChange(In, frozen=True):
    """What of an app to change; what is left out stays."""

    scopes: tuple[str, ...] | None = None
    token_ttl: Seconds | None = None
    constraints: Constraints | None = None


class NewOperator(In, frozen=True):
    """A person who may administer over HTTP."""

    name: str


class ToRevoke(In, frozen=True):
    """What to kill: token, agent, task, chain, app or all. including_protection: protective writs too."""

    level: str
    target: str
    including_protection: bool = False


class ToKill(In, frozen=True):
    """Why the kill switch is pulled. including_protection: end the protective writs too.

    grace_s: how many seconds they live on at most, for the desks to cancel their entries.
    """

    reason: str = ""
    including_protection: bool = False
    grace_s: Annotated[int, Meta(ge=0, le=MAX_KILL_GRACE_S)] | None = None


class ToAnswer(In, frozen=True):
    """What a desk says of its entries under a kill that includes protection: client order ids.

    cancelled: those it has cancelled since. working: those that may still trade; with none its writ ends.
    """

    cancelled: OrderIds = ()
    working: OrderIds = ()


class Broken(In, frozen=True):
    """One constraint that an order broke, with both sides of the comparison."""

    constraint: Annotated[str, Meta(max_length=64)]
    allowed: Annotated[str, Meta(max_length=512)]
    actual: Annotated[str, Meta(max_length=512)]


class Refused(In, frozen=True):
    """An order that the constraints of the bearer's writ refused. resource: the scope it asked for."""

    resource: Annotated[str, Meta(max_length=512)]
    violations: Annotated[tuple[Broken, ...], Meta(min_length=1, max_length=32)]


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


def read(kind: type[Body], raw: bytes, *, hint: str = "") -> Body:
    """The body in `raw`; refused with invalid_request, naming the field, when it is none.

    An empty body stands for `{}`. hint: what to add when a field is missing.
    """
    try:
        return msgspec.json.decode(raw or b"{}", type=kind)
    except msgspec.ValidationError as why:
        raise invalid(_explained(str(why), hint)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise invalid("malformed JSON body") from None


def app_view(app: App) -> AppView:
    """An app as it is shown."""
    removed = app.deregistered_at
    return AppView(
        app_id=app.app_id,
        name=app.name,
        client_id=app.client_id,
        scopes=app.scopes,
        token_ttl=app.token_ttl_s,
        status="active" if removed is None else "inactive",
        created_at=iso(app.created_at),
        updated_at=iso(app.updated_at),
        deregistered_at="" if removed is None else iso(removed),
        constraints=restricting(app.constraints),
    )


def restricting(constraints: Constraints) -> Constraints | None:
    """The constraints as they are shown: not at all when they restrict nothing."""
    return None if constraints == UNRESTRICTED else constraints


def operator_view(operator: Operator) -> OperatorView:
    """An operator as it is shown."""
    return OperatorView(name=operator.name, status="active" if operator.removed_at is None else "inactive")


def killed_view(state: KillState | None, answers: Sequence[DeskAnswer] = ()) -> Killed:
    """The kill switch as it is shown, and what desks have said since."""
    if state is None:
        return Killed(killed=False)
    return Killed(
        killed=True,
        by=state.by,
        at=iso(state.killed_at),
        reason=state.reason,
        including_protection=state.is_total,
        protection_ends_at="" if state.protection_ends_at is None else iso(state.protection_ends_at),
        desks=tuple(desk_view(answer) for answer in answers),
    )


def desk_view(answer: DeskAnswer) -> DeskView:
    """What a desk said, as it is shown."""
    return DeskView(
        desk=answer.orch_id,
        app_id=answer.app_id,
        answered_at=None if answer.answered_at is None else iso(answer.answered_at),
        cancelled=answer.cancelled,
        working=answer.working,
    )


def status_view(status: Status) -> StatusView:
    """The answer as it is shown."""
    return StatusView(
        now=iso(status.now),
        kill_switch=killed_view(status.killed),
        tokens=tuple(_token_view(one) for one in status.tokens),
    )


def _token_view(one: TokenStatus) -> TokenView:
    ending = one.ending
    if ending is None:
        return TokenView(standing=one.standing, token_id=one.token_id)
    return TokenView(
        standing=one.standing, token_id=one.token_id, how=ending.how, by=ending.by, at=iso(ending.at)
    )


def _explained(why: str, hint: str) -> str:
    if why.startswith(_MISSING):
        name = why[len(_MISSING) :].partition("`")[0]
        return f"{name} is required{hint and f': {hint}'}"
    return f"wrong body: {why[:300]}"
