"""What the authority remembers having done: audit events, chained by the journal's own hash chain.

The chain is a stream named `audit` in a journal whose id is the authority's: linking, checking and
exported heads are those of `runtime.journal`, so there is one definition of each. Knows no storage.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from tradewrit.errors import JournalCorrupt, JournalError
from tradewrit.runtime.journal.chain import Tip, link, verification
from tradewrit.runtime.journal.heads import head_text
from tradewrit.runtime.journal.port import Verification
from tradewrit.runtime.journal.records import Entry, Head, Record

STREAM: Final = "audit"
_SIGNED: Final = b"tradewrit audit head 1\n"


class EventType(StrEnum):
    """What can be told of the authority. The first block is that of the AgentWrit protocol."""

    ADMIN_AUTH = "admin_auth"
    ADMIN_AUTH_FAILED = "admin_auth_failed"
    LAUNCH_TOKEN_ISSUED = "launch_token_issued"  # noqa: S105 - a name, not a secret
    LAUNCH_TOKEN_DENIED = "launch_token_denied"  # noqa: S105
    AGENT_REGISTERED = "agent_registered"
    REGISTRATION_POLICY_VIOLATION = "registration_policy_violation"
    TOKEN_ISSUED = "token_issued"  # noqa: S105
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    TOKEN_RENEWED = "token_renewed"  # noqa: S105
    TOKEN_RELEASED = "token_released"  # noqa: S105
    TOKEN_RENEWAL_FAILED = "token_renewal_failed"  # noqa: S105
    TOKEN_AUTH_FAILED = "token_auth_failed"  # noqa: S105
    TOKEN_REVOKED_ACCESS = "token_revoked_access"  # noqa: S105
    SCOPE_VIOLATION = "scope_violation"
    SCOPE_CEILING_EXCEEDED = "scope_ceiling_exceeded"
    SCOPES_CEILING_UPDATED = "scopes_ceiling_updated"
    DELEGATION_CREATED = "delegation_created"
    DELEGATION_ATTENUATION_VIOLATION = "delegation_attenuation_violation"
    APP_REGISTERED = "app_registered"
    APP_AUTHENTICATED = "app_authenticated"
    APP_AUTH_FAILED = "app_auth_failed"
    APP_UPDATED = "app_updated"
    APP_DEREGISTERED = "app_deregistered"
    APP_RATE_LIMITED = "app_rate_limited"

    TOKEN_REUSED = "token_reused"  # noqa: S105
    CONSTRAINT_REFUSED = "constraint_refused"
    KEY_ROTATED = "key_rotated"
    KILL_SWITCH = "kill_switch"
    KILL_ANSWERED = "kill_answered"
    OPERATOR_ADDED = "operator_added"
    OPERATOR_REMOVED = "operator_removed"


class Outcome(StrEnum):
    """How it ended."""

    SUCCESS = "success"
    DENIED = "denied"


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something the authority did or refused; "" and 0 where a field does not apply.

    type: an `EventType`; kept as text, so that an older version can read a newer one's chain.
    at: UTC ns. by: the operator or app that asked, where it is not the agent itself.
    token_id: the `jti` concerned. Nothing secret belongs in any field.
    """

    type: str
    at: int
    outcome: str = Outcome.SUCCESS.value
    agent_id: str = ""
    task_id: str = ""
    orch_id: str = ""
    app_id: str = ""
    token_id: str = ""
    by: str = ""
    resource: str = ""
    detail: str = ""
    deleg_depth: int = 0
    deleg_chain_hash: str = ""
    bytes_transferred: int = 0


FIELDS: Final = AuditEvent.__struct_fields__
"""The columns of an event, in their order in the table and in the hash."""

Row = Sequence[Any]
_encode = msgspec.json.Encoder().encode


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An event in its place: numbered from 1, chained to the one before.

    recorded_at: UTC ns; never less than that of the record before, whatever the clock did.
    """

    seq: int
    event: AuditEvent
    recorded_at: int
    prev_hash: str
    hash: str

    @property
    def id(self) -> str:
        """The number as people see it, `evt-000001`; order by `seq`, not by this."""
        return event_id(self.seq)


class SignedHead(msgspec.Struct, frozen=True, kw_only=True):
    """Where the chain ended, vouched for by a key: keep it elsewhere to catch a rebuilt or cut chain.

    key_id: which key signed. signature: hex.
    """

    head: Head
    key_id: str
    signature: str


def event_id(seq: int) -> str:
    """`evt-000001` for 1; more digits when they are needed."""
    return f"evt-{seq:06d}"


def linked(authority: str, tip: Tip, events: Sequence[AuditEvent], recorded_at: int) -> list[AuditRecord]:
    """The records that `events` become after `tip`.

    authority: its id, 32 hex characters. recorded_at: UTC ns.
    Raises JournalError when a text cannot be written as UTF-8.
    """
    entries = [_entry(event) for event in events]
    records = link(
        authority,
        STREAM,
        tip,
        entries,
        expected_seq=tip.seq,
        recorded_at=recorded_at,
        epoch=0,
        has_seen=lambda _: False,
    )
    return [
        AuditRecord(
            seq=record.seq,
            event=event,
            recorded_at=record.recorded_at,
            prev_hash=record.prev_hash,
            hash=record.hash,
        )
        for event, record in zip(events, records, strict=True)
    ]


def _entry(event: AuditEvent) -> Entry:
    try:
        return Entry(type=event.type, at=event.at, body=_encode(event), source="credentials")
    except UnicodeEncodeError as why:
        raise JournalError(f"a text of audit event {event.type!r} is not valid Unicode") from why


def row_of(record: AuditRecord) -> tuple[Any, ...]:
    """The values of the columns: seq, recorded_at, the fields of the event, prev_hash, hash."""
    values = (
        str(value) if isinstance(value, str) else value for value in msgspec.structs.astuple(record.event)
    )
    return (record.seq, record.recorded_at, *values, record.prev_hash, record.hash)


def record_of(row: Row) -> AuditRecord:
    """The record in a row; its hash is not checked here.

    Raises JournalCorrupt when a column holds another type of value than was stored.
    """
    seq, recorded_at, *fields, prev_hash, digest = row
    try:
        return msgspec.convert(
            {
                "seq": seq,
                "recorded_at": recorded_at,
                "event": dict(zip(FIELDS, fields, strict=True)),
                "prev_hash": prev_hash,
                "hash": digest,
            },
            AuditRecord,
        )
    except (msgspec.ValidationError, ValueError) as why:
        raise JournalCorrupt(f"{STREAM}: record {seq} was altered: {why}") from why


def as_journal_record(record: AuditRecord) -> Record:
    """The same record in the journal's words, for what is checked there."""
    return Record(
        stream=STREAM,
        seq=record.seq,
        entry=_entry(record.event),
        recorded_at=record.recorded_at,
        epoch=0,
        prev_hash=record.prev_hash,
        hash=record.hash,
    )


def verified(authority: str, rows: Iterable[Row], against: Head | None) -> Verification:
    """Walk the chain from its first record and say how far it is good. Never raises for damage.

    rows: all of them, in order. against: where the chain is known to have ended, if anything says so.
    """
    return verification(authority, STREAM, (as_journal_record(record_of(row)) for row in rows), against)


def first_bad(found: Verification) -> str | None:
    """The id of the first event that cannot be trusted, or None when all can."""
    return None if found.is_intact else event_id(found.last_good + 1)


def signed_head(head: Head, key_id: str, sign: Callable[[bytes], bytes]) -> SignedHead:
    """The head with a signature over it.

    sign: the authority's key; given bytes no token can be mistaken for, it returns the signature.
    """
    return SignedHead(head=head, key_id=key_id, signature=sign(_to_sign(head)).hex())


def is_signed(signed: SignedHead, verify: Callable[[bytes, bytes], bool]) -> bool:
    """Whether the signature is right; `verify(signature, message)` asks the key that `key_id` names."""
    try:
        signature = bytes.fromhex(signed.signature)
    except ValueError:
        return False
    return verify(signature, _to_sign(signed.head))


def _to_sign(head: Head) -> bytes:
    return _SIGNED + head_text(head).encode()
