"""What the credential store keeps of apps, agents, launch tokens and tokens. Times are UTC ns.

Nothing here opens a door: of a launch token or a client secret only the digest is stored, and of a
token its number.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec

from tradewrit.credentials.keys import thumbprint
from tradewrit.domain.constraints import UNRESTRICTED, Constraints
from tradewrit.errors import JournalCorrupt

NO_APP: Final = ""
"""The app of what an operator issued."""


class App(msgspec.Struct, frozen=True, kw_only=True):
    """Someone who may launch agents, within a ceiling of scopes and constraints.

    secret_hash: as `client_secrets` gives it, never the secret.
    deregistered_at: when it was removed for good; None while it is active.
    is_protector: whether it may launch protective writs.
    """

    app_id: str
    name: str
    client_id: str
    secret_hash: str
    scopes: tuple[str, ...]
    token_ttl_s: int
    created_at: int
    updated_at: int
    deregistered_at: int | None = None
    constraints: Constraints = UNRESTRICTED
    is_protector: bool = False


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """A person who may administer. secret_hash: argon2id. removed_at: None while it is active."""

    name: str
    secret_hash: str
    created_at: int
    removed_at: int | None = None


class KillState(msgspec.Struct, frozen=True, kw_only=True):
    """The kill switch is on: since when, by whom and why.

    protection_ends_at: when protective writs die as well; None while they are spared. Until then they
    live to cancel the entries that work, and nothing new is issued.
    """

    killed_at: int
    by: str
    reason: str
    protection_ends_at: int | None = None

    @property
    def is_total(self) -> bool:
        """Whether protective writs are not spared: they are dead, or about to be."""
        return self.protection_ends_at is not None

    def is_over(self, now: int) -> bool:
        """Whether protective writs are dead at `now` (UTC ns), whoever has noticed."""
        return self.protection_ends_at is not None and now >= self.protection_ends_at


class DeskAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a desk has said since the kill switch ended protection too.

    app_id, orch_id: whose desk. answered_at: when it said that none of its entries works any more; None
    until it has. cancelled, working: client order ids of its entries, as it said last.
    """

    app_id: str
    orch_id: str
    asked_at: int
    answered_at: int | None = None
    cancelled: tuple[str, ...] = ()
    working: tuple[str, ...] = ()


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A registered agent under its SPIFFE id.

    public_key: raw Ed25519, 32 bytes. alive_until: the end of its longest token so far.
    revoked_at: since when it may hold no token; None while it may.
    is_proof_needed: its tokens count only with proof of its key, those that others delegate to it as well.
    """

    agent_id: str
    app_id: str
    public_key: bytes
    orch_id: str
    task_id: str
    registered_at: int
    alive_until: int
    revoked_at: int | None = None
    is_proof_needed: bool = False

    @property
    def kid(self) -> str:
        """The id of its key: the thumbprint."""
        return thumbprint(self.public_key)


class LaunchToken(msgspec.Struct, frozen=True, kw_only=True):
    """The right to register an agent; whoever holds the secret may use it, once or until it expires.

    constraints: those of the agent's token. is_proof_needed: it counts only with proof that its holder has
    the agent's key. is_protective: it is a protective writ. made_by: the launcher's subject; made_with: the
    family of its token; both are empty for somebody local.
    """

    app_id: str
    agent_name: str
    allowed_scope: tuple[str, ...]
    max_ttl_s: int
    is_single_use: bool
    issued_at: int
    expires_at: int
    consumed_at: int | None = None
    constraints: Constraints = UNRESTRICTED
    is_proof_needed: bool = False
    is_protective: bool = False
    made_by: str = ""
    made_with: str = ""


class Link(msgspec.Struct, frozen=True, array_like=True):
    """One delegator on the way to a token: its family of tokens, who it is, and its app."""

    family: str
    agent: str
    app: str


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was issued.

    family: the `jti` of the first of the tokens that renewals made of one another.
    lineage: those who delegated, the root first; empty for a token of one's own.
    family_ends_at: the total-life cap; no renewal reaches beyond it.
    successor: the `jti` that a renewal put in its place.
    is_protective: spared by a kill switch that does not include protection.
    issued_after: number of the last audit event before it was issued.
    scope, constraints: as in the token, so that one beyond a narrowed ceiling can be found.
    """

    jti: str
    family: str
    subject: str
    app_id: str
    task_id: str
    is_protective: bool
    lineage: tuple[Link, ...]
    family_started_at: int
    family_ends_at: int
    issued_at: int
    expires_at: int
    successor: str | None
    issued_after: int
    scope: tuple[str, ...] = ()
    constraints: Constraints = UNRESTRICTED


class Level(StrEnum):
    """What a revocation names, and what dies of it at once.

    TOKEN: a `jti`: it, all that renewals made of it, and all delegated from these.
    AGENT: an agent's tokens and all delegated from them, however far; it gets no new ones.
    TASK: every token of a task. APP: every token and launch token of an app, and all delegated.
    CHAIN: every token that an agent delegated, or that was delegated on from there; not its own.
    TOKEN and AGENT, where they name an app's or an operator's: the launch tokens it made as well.
    ALL: everything issued so far; protective tokens only if that is said.
    So far: before the revocation, or in the same change. What is issued later, to whom may still hold
    a token, lives.
    """

    TOKEN = "token"  # noqa: S105 - a name, not a secret
    AGENT = "agent"
    TASK = "task"
    CHAIN = "chain"
    APP = "app"
    ALL = "all"


class Standing(StrEnum):
    """Whether a genuine token counts, for the audit; to a stranger all but LIVE look the same."""

    LIVE = "live"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    RENEWED = "renewed"


T = TypeVar("T", bound=msgspec.Struct)
_AS_JSON: Final = frozenset(
    {"scopes", "scope", "allowed_scope", "lineage", "constraints", "cancelled", "working"}
)


def digest(secret: str) -> bytes:
    """What is kept of a secret of 256 random bits: SHA-256, which nobody can invert by guessing."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def columns(kind: type[msgspec.Struct]) -> str:
    """The columns of a record, in the order of its fields."""
    return _quoted(kind.__struct_fields__)


def values(record: msgspec.Struct, **more: object) -> dict[str, Any]:
    """The record as named values for a statement, lists and constraints as JSON; `more` adds columns."""
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    written = {
        name: msgspec.json.encode(value).decode() for name, value in fields.items() if name in _AS_JSON
    }
    return fields | written | more


def insertion(table: str, row: Mapping[str, object]) -> str:
    """The statement that adds a row under its column names."""
    places = ", ".join(f":{name}" for name in row)
    return f"INSERT INTO {table} ({_quoted(row)}) VALUES ({places})"  # noqa: S608 - names of our own


def _quoted(names: Iterable[str]) -> str:
    """Column names; one of them, `by`, is a word of SQL."""
    return ", ".join(f'"{name}"' for name in names)


def read(kind: type[T], row: Sequence[Any]) -> T:
    """The record in a row of `columns(kind)`; raises JournalCorrupt when it cannot be one."""
    try:
        fields = dict(zip(kind.__struct_fields__, row, strict=True))
        for name in _AS_JSON & fields.keys():
            fields[name] = msgspec.json.decode(fields[name])
        # A flag comes back from SQLite as 0 or 1.
        flags = {name: bool(fields[name]) for name in fields if name.startswith("is_")}
        return msgspec.convert(fields | flags, kind)
    except (msgspec.MsgspecError, TypeError, ValueError) as why:
        raise JournalCorrupt(f"credential store: a {kind.__name__} was altered: {why}") from why
