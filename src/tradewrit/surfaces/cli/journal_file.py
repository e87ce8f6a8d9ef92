"""What every `tradewrit journal` command takes: a file, opened read-only, and some of its streams.

Looking at a journal, also at one in use, changes nothing.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewrit.errors import JournalError

if TYPE_CHECKING:
    from tradewrit.runtime.journal.port import Journal, Verification

JournalFile = Annotated[Path, typer.Argument(metavar="FILE", help="The journal, an SQLite file.")]
HeadFile = Annotated[
    Path | None,
    typer.Option(
        "--head",
        metavar="HEAD.json",
        help="An exported head to hold against it: shows a cut tail or a rebuilt chain.",
    ),
]
Stream = Annotated[
    str | None, typer.Option("--stream", metavar="NAME", help="Only this stream; without it, all there are.")
]


@contextmanager
def opened(file: Path) -> "Iterator[Journal]":
    """The journal in a file, closed at the end; raises JournalError when the file is none."""
    from tradewrit.runtime.journal.sqlite import SqliteJournal

    with closing(SqliteJournal.open(file, create=False, read_only=True)) as journal:
        yield journal


def streams_of(journal: "Journal", wanted: str | None) -> list[str]:
    """The stream asked for, or all there are; raises JournalError when there is no such stream."""
    names = journal.streams()
    if wanted is None:
        return names
    if wanted not in names:
        raise JournalError(
            f"there is no stream {wanted!r} in this journal; it has {', '.join(names) or 'none'}"
        )
    return [wanted]


def vouched(one: "Verification") -> str:
    """How far a stream can be believed, in words."""
    return f"good up to record {one.last_good}" if one.last_good else "no record of it can be vouched for"
