"""What the authority remembers: its audit trail, and refusals that are reported to it."""

import re
from collections.abc import Mapping
from typing import Final

from tradewrit.credentials.audit import AuditRecord
from tradewrit.credentials.audit_table import AuditQuery
from tradewrit.credentials.http.bodies.answers import AuditCheck, AuditEntry, AuditHead, AuditPage
from tradewrit.credentials.http.bodies.asked import Refused
from tradewrit.credentials.http.calls import Call, Service
from tradewrit.credentials.refusals import invalid
from tradewrit.domain.constraints import Violation
from tradewrit.domain.times import iso, parse_iso
from tradewrit.runtime.journal.records import Head

MAX_EVENTS: Final = 1_000
_DEFAULT_EVENTS: Final = 100
_LARGEST: Final = 2**63 - 1
_HASH: Final = re.compile(r"[0-9a-f]{64}")


def events(service: Service, call: Call) -> AuditPage:
    """List audit events, the oldest first."""
    asked = _query(call.query)
    found, total = service.authority.events(asked)
    entries = tuple(_entry(record) for record in found)
    return AuditPage(events=entries, total=total, offset=asked.offset, limit=asked.limit)


def head(service: Service, _: Call) -> AuditHead:
    """Say where the audit chain ends, signed; kept elsewhere, it shows a chain that was cut or rebuilt."""
    signed = service.authority.signed_head()
    at = signed.head
    return AuditHead(
        journal_id=at.journal_id,
        stream=at.stream,
        seq=at.seq,
        hash=at.hash,
        key_id=signed.key_id,
        signature=signed.signature,
    )


def verify(service: Service, call: Call) -> AuditCheck:
    """Walk the whole audit chain; with `seq` and `hash` of a head that was kept, compare with that too."""
    found = service.authority.verify_audit(_kept_head(service, call.query))
    return AuditCheck(
        intact=found.is_intact,
        records=found.records,
        last_good=found.last_good,
        head=found.head.hash,
        fault=found.fault or "",
    )


def note_refusal(service: Service, call: Call) -> None:
    """Put an order that the constraints of the bearer's writ refused into the audit trail."""
    told: Refused = call.body
    assert call.claims is not None  # noqa: S101 - the table asks for a bearer
    violations = [Violation(one.constraint, one.allowed, one.actual) for one in told.violations]
    service.authority.note_refusal(call.claims, violations, resource=told.resource, by=call.by)


def _query(query: Mapping[str, str]) -> AuditQuery:
    limit = _number(query, "limit", _DEFAULT_EVENTS)
    return AuditQuery(
        agent_id=query.get("agent_id", ""),
        task_id=query.get("task_id", ""),
        type=query.get("event_type", ""),
        outcome=query.get("outcome", ""),
        since=_time(query, "since"),
        until=_time(query, "until"),
        limit=min(limit, MAX_EVENTS),
        offset=_number(query, "offset", 0),
    )


def _kept_head(service: Service, query: Mapping[str, str]) -> Head | None:
    if "seq" not in query and "hash" not in query:
        return None
    digest = query.get("hash", "")
    if "seq" not in query or not _HASH.fullmatch(digest):
        raise invalid("a head is its number in seq and its 64 hex characters in hash")
    here = service.authority.signed_head().head
    return Head(here.journal_id, here.stream, _number(query, "seq", 0), digest)


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    # isdigit() alone would take digits of other scripts, and int() blanks and underscores.
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _LARGEST):
        raise invalid(f"{name} is not a whole number of at least 0")
    return int(text)


def _time(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    try:
        return parse_iso(text)
    except ValueError:
        raise invalid(f"{name} is not a time such as 2026-01-02T09:00:00Z") from None


def _entry(record: AuditRecord) -> AuditEntry:
    event = record.event
    return AuditEntry(
        id=record.id,
        timestamp=iso(event.at),
        event_type=event.type,
        agent_id=event.agent_id,
        task_id=event.task_id,
        orch_id=event.orch_id,
        detail=event.detail,
        resource=event.resource,
        outcome=event.outcome,
        deleg_depth=event.deleg_depth,
        deleg_chain_hash=event.deleg_chain_hash,
        bytes_transferred=event.bytes_transferred,
        hash=record.hash,
        prev_hash=record.prev_hash,
        app_id=event.app_id,
        token_id=event.token_id,
        by=event.by,
    )
