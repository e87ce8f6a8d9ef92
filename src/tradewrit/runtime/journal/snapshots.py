"""The seal that ties a snapshot to its bytes and to its place on the chain."""

import hashlib

import msgspec

from tradewrit.errors import JournalError
from tradewrit.runtime.journal.port import Snapshot

_json = msgspec.json.Encoder().encode


def seal(journal_id: str, snapshot: Snapshot, record_hash: str) -> str:
    """SHA-256 in hex over every field of a snapshot and the hash of the record it stands on.

    A snapshot whose stored seal is not this one was altered, or belongs to another chain.
    """
    fields = _json(
        (journal_id, snapshot.stream, snapshot.seq, record_hash, snapshot.schema, snapshot.state_hash)
    )
    return hashlib.sha256(b"%b\n%b" % (fields, snapshot.body)).hexdigest()


def off_the_chain(snapshot: Snapshot) -> JournalError:
    """The refusal of a snapshot whose record the journal does not have."""
    return JournalError(
        f"{snapshot.stream}: no record {snapshot.seq} to stand a snapshot on; append first, then save it"
    )
