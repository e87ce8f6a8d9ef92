"""A record as a row of the SQLite table, and back; nothing that was altered passes as something else."""

from typing import Any, Final

from tradewrit.errors import JournalCorrupt
from tradewrit.runtime.journal.records import Entry, Record, event_id

# SQLite lets any type into any column, and JSON writes bytes as the text of their base64: without
# this check one could stand for the other under the same hash.
_KEYLESS: Final = (
    *(str, int, str, str, int, int, int, int, str, int, str, str),
    *(type(None), str, str, bytes, str, str),
)
_KEYED: Final = (*_KEYLESS[:12], str, *_KEYLESS[13:])


def row_of(journal_id: str, record: Record) -> tuple[str | int | bytes | None, ...]:
    """The values of the columns, in the order of the table (`sqlite_file`)."""
    entry = record.entry
    return (
        record.stream,
        record.seq,
        event_id(journal_id, record.stream, record.seq),
        entry.type,
        entry.version,
        entry.at,
        record.recorded_at,
        record.epoch,
        entry.source,
        entry.caused_by,
        entry.correlation,
        entry.trace,
        entry.dedup_key,
        entry.agent_id,
        entry.token_id,
        entry.body,
        record.prev_hash,
        record.hash,
    )


def record_of(journal_id: str, row: tuple[Any, ...]) -> Record:
    """The record in a whole row; its hash is not checked here, all that the hash leaves out is.

    Raises JournalCorrupt when a column holds another type than was stored, or the event id is not
    that of the row's place.
    """
    if tuple(map(type, row)) not in (_KEYLESS, _KEYED):
        raise JournalCorrupt(f"{row[0]}: record {row[1]} was altered: a column holds another type of value")
    if row[2] != event_id(journal_id, row[0], row[1]):
        raise JournalCorrupt(f"{row[0]}: record {row[1]} was altered or moved: its event id is another's")
    return Record(
        stream=row[0],
        seq=row[1],
        recorded_at=row[6],
        epoch=row[7],
        prev_hash=row[16],
        hash=row[17],
        entry=Entry(
            type=row[3],
            version=row[4],
            at=row[5],
            source=row[8],
            caused_by=row[9],
            correlation=row[10],
            trace=row[11],
            dedup_key=row[12],
            agent_id=row[13],
            token_id=row[14],
            body=row[15],
        ),
    )
