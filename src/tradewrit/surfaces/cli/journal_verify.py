"""`tradewrit journal verify`: every record against the hash chain, and the chain against a head."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.text import Text

from tradewrit.surfaces.cli.errors import FAILED, explain
from tradewrit.surfaces.cli.journal_file import HeadFile, JournalFile, opened, streams_of, vouched
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text

if TYPE_CHECKING:
    from tradewrit.runtime.journal.port import Verification
    from tradewrit.runtime.journal.records import Head


def verify(file: JournalFile, head: HeadFile = None, as_json: Json = False) -> None:
    """Check every record of every stream against the hash chain; exit code 1 when one does not match.

    The chain alone shows a record that was changed, removed, inserted or reordered. A tail that was
    cut off, or a chain that was rebuilt from the start, shows only against a head kept elsewhere.
    """
    from tradewrit.runtime.journal.heads import read_head

    against = None if head is None else read_head(head)
    with opened(file) as journal:
        names = streams_of(journal, None)
        if against is not None and against.stream not in names:
            names.append(against.stream)
        found = [
            journal.verify(name, against=against if against and against.stream == name else None)
            for name in names
        ]
        journal_id = journal.id
    broken = [one for one in found if not one.is_intact]
    if as_json:
        emit_json({"ok": not broken, "journal_id": journal_id, "streams": [_verified(one) for one in found]})
    else:
        _emit_verified(file, found, against)
    if broken:
        explain("\n".join(f"{file}: {one.fault}; {vouched(one)}" for one in broken))
        raise typer.Exit(FAILED)


def _verified(one: "Verification") -> dict[str, Any]:
    return {
        "stream": one.stream,
        "intact": one.is_intact,
        "records": one.records,
        "last_good": one.last_good,
        "head": one.head.hash,
        "fault": one.fault,
    }


def _emit_verified(file: Path, found: "Sequence[Verification]", against: "Head | None") -> None:
    if not found:
        emit_text(f"{file}: a journal without records")
        return
    rows = [
        (
            one.stream,
            f"{one.records:,}",
            Text("intact", "green") if one.is_intact else Text("BROKEN", "bold red"),
            f"{one.head.seq} {one.head.hash[:16]}...",
            _against(one, against),
        )
        for one in found
    ]
    emit_table(("stream", "records", "chain", "last good record", "against the head"), rows)


def _against(one: "Verification", head: "Head | None") -> str:
    if head is None:
        return "none given"
    if head.stream != one.stream:
        return "the head is of another stream"
    if not one.is_intact:
        return "differs"
    later = one.records - head.seq
    return "ends there" if not later else f"reached it, and {later:,} records more"
