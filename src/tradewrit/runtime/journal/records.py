"""What a journal keeps: entries handed in, records handed back, heads to check against.

Knows no storage. The hash that chains records is defined here, once, for every journal.
"""

import hashlib
from typing import Final

import msgspec

GENESIS: Final = "0" * 64
"""The `prev_hash` of a stream's first record."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing to append.

    type: canonical three-part event name.
    at: UTC ns when it happened.
    body: the event as canonical JSON bytes; the journal never looks inside.
    source: who says so (an agent's name, `broker`, `human:maria`).
    caused_by: seq of the record that led to this one; 0 for an input from outside.
    correlation: id shared by everything one outside input set off.
    trace: id of the trade's trace, "" when it belongs to no trade.
    dedup_key: names an outside fact (`exec:paper:17`); the second append of one key is a duplicate.
    agent_id, token_id: under which identity and token it was said; "" before anybody held one.
    """

    type: str
    at: int
    body: bytes
    source: str = ""
    caused_by: int = 0
    correlation: str = ""
    trace: str = ""
    dedup_key: str | None = None
    version: int = 1
    agent_id: str = ""
    token_id: str = ""


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An entry in its place: numbered from 1 within its stream, chained to its predecessor.

    recorded_at: UTC ns; never less than that of the record before, whatever the clock did.
    epoch: the writer's lease; never less than that of the record before.
    """

    stream: str
    seq: int
    entry: Entry
    recorded_at: int
    epoch: int
    prev_hash: str
    hash: str


class Head(msgspec.Struct, frozen=True):
    """The end of a stream at one moment: keep it elsewhere to catch a cut tail or a rebuilt chain."""

    journal_id: str
    stream: str
    seq: int
    hash: str


_json = msgspec.json.Encoder().encode


def record_hash(
    journal_id: str, stream: str, seq: int, recorded_at: int, epoch: int, prev_hash: str, entry: Entry
) -> str:
    """SHA-256 in hex over every stored field: a JSON array of all but the body, a newline, the body.

    The array has no white space and escapes text as RFC 8785 (3.2.2.2) does. It holds no raw
    newline, so the first newline ends it and no two different rows hash the same bytes.
    Raises UnicodeEncodeError when a text cannot be written as UTF-8.
    """
    fields = _json(
        (
            journal_id,
            stream,
            seq,
            recorded_at,
            epoch,
            prev_hash,
            entry.type,
            entry.version,
            entry.at,
            entry.source,
            entry.caused_by,
            entry.correlation,
            entry.trace,
            entry.dedup_key,
            entry.agent_id,
            entry.token_id,
        )
    )
    return hashlib.sha256(b"\n".join((fields, entry.body))).hexdigest()


def event_id(journal_id: str, stream: str, seq: int) -> str:
    """Names one record among those of all journals: 32 hex characters derived from its place."""
    return hashlib.sha256(_json((journal_id, stream, seq))).hexdigest()[:32]
