"""`tradewrit journal show`: records for a person, or as JSON for a program."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.text import Text

from tradewrit.errors import JournalCorrupt
from tradewrit.surfaces.cli.journal_file import JournalFile, Stream, opened, streams_of
from tradewrit.surfaces.cli.output import emit_table, emit_text, note

if TYPE_CHECKING:
    from tradewrit.runtime.journal.port import Journal
    from tradewrit.runtime.journal.records import Record

DEFAULT_LAST = 50
_SHORT_ID = 8


def show(
    file: JournalFile,
    trade: Annotated[
        str | None,
        typer.Option(
            "--trade", metavar="ID", help="Only this trade; the first characters of its id will do."
        ),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            "--type", metavar="PATTERN", help="Only these events, such as order.* or position.stop.set."
        ),
    ] = None,
    last: Annotated[
        int | None, typer.Option("--last", metavar="N", min=1, help="Only the last N of what is left.")
    ] = None,
    is_all: Annotated[
        bool, typer.Option("--all", help=f"All of it. Without any choice, the last {DEFAULT_LAST}.")
    ] = False,
    stream: Stream = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line, one for each record.")
    ] = False,
) -> None:
    """Print records in their order, each checked against the chain as it is read.

    At a record that does not match, what was good up to there has been printed, and the exit code is 1.
    """
    if last is not None and is_all:
        raise typer.BadParameter("--all and --last exclude each other", param_hint="--all")
    if last is None and not (is_all or trade or pattern):
        last = DEFAULT_LAST
    wanted = _wanted(trade, pattern)
    with opened(file) as journal:
        records = _kept(journal, streams_of(journal, stream), wanted, last)
        if as_json:
            for record in records:
                emit_text(_line(record))
        else:
            _emit_records(records)


def _wanted(trade: str | None, pattern: str | None) -> "Callable[[Record], bool]":
    from tradewrit.domain.events.registry import ALIASES
    from tradewrit.runtime.bus.patterns import compile_pattern

    matches = compile_pattern(ALIASES.get(pattern, pattern)) if pattern else lambda _type: True
    start = trade or ""
    return lambda record: record.entry.trace.startswith(start) and matches(record.entry.type)


def _kept(
    journal: "Journal", streams: Sequence[str], wanted: "Callable[[Record], bool]", last: int | None
) -> "Iterator[Record]":
    found = (record for stream in streams for record in journal.read(stream) if wanted(record))
    if last is None:
        yield from found
        return
    kept: deque[Record] = deque(maxlen=last)
    total = 0
    damage = None
    try:
        for record in found:
            kept.append(record)
            total += 1
    except JournalCorrupt as error:
        damage = error
    if total > len(kept):
        note(f"the last {len(kept):,} of {total:,} records; --all shows every one")
    yield from kept
    if damage is not None:
        raise damage


def _line(record: "Record") -> str:
    """One record as a line of JSON; `event` is the recorded body, to the byte."""
    from tradewrit.domain.times import iso

    entry = record.entry
    body = {
        "stream": record.stream,
        "seq": record.seq,
        "at": iso(entry.at),
        "recorded_at": iso(record.recorded_at),
        "type": entry.type,
        "source": entry.source,
        "caused_by": entry.caused_by,
        "correlation": entry.correlation,
        "trace": entry.trace,
        "agent_id": entry.agent_id,
        "token_id": entry.token_id,
        "event": msgspec.Raw(entry.body),
        "hash": record.hash,
    }
    return msgspec.json.encode(body).decode()


def _emit_records(records: "Iterator[Record]") -> None:
    from tradewrit.runtime.replay import event_of
    from tradewrit.surfaces.cli.story import clock
    from tradewrit.surfaces.words import words

    rows: list[tuple[Text | str, ...]] = []
    damage = None
    try:
        for record in records:
            told = Text(record.entry.type)
            told.append(f"  {words(event_of(record))}", style="dim")
            rows.append(
                (
                    Text(str(record.seq), justify="right"),
                    clock(record.entry.at),
                    record.entry.source,
                    record.entry.trace[:_SHORT_ID],
                    record.entry.token_id[:_SHORT_ID],
                    told,
                )
            )
    except JournalCorrupt as error:
        damage = error
    if rows:
        emit_table(("record", "time (UTC)", "agent", "trade", "token", "event"), rows)
    elif damage is None:
        emit_text("no such records")
    if damage is not None:
        raise damage
