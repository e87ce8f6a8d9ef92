"""`tradewrit journal replay|head`: the books that a journal folds to, and where it ends."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from tradewrit.errors import JournalCorrupt, JournalError
from tradewrit.surfaces.cli.journal_file import (
    HeadFile,
    JournalFile,
    Stream,
    opened,
    streams_of,
    vouched,
)
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text

if TYPE_CHECKING:
    from tradewrit.domain.books import Books
    from tradewrit.runtime.journal.port import Journal
    from tradewrit.runtime.journal.records import Head
    from tradewrit.runtime.replay import Replayed


def replay(file: JournalFile, head: HeadFile = None, as_json: Json = False) -> None:
    """Fold every stream into its books, deciding nothing, and print what they hold.

    The books are compared with the snapshot in the file, if there is one; with --head the chain is held
    against it first. Exit code 1 when either differs.
    """
    from tradewrit.runtime.journal.heads import read_head
    from tradewrit.runtime.replay import replay as fold

    against = None if head is None else read_head(head)
    with opened(file) as journal:
        names = streams_of(journal, None)
        if against is not None:
            _hold_against(journal, file, against)
        found = [(fold(journal, name), _snapshot_agrees(journal, name)) for name in names]
    if as_json:
        emit_json({"streams": [_replayed(name, *one) for name, one in zip(names, found, strict=True)]})
    elif not found:
        emit_text(f"{file}: a journal without records")
    else:
        for name, (replayed, agrees) in zip(names, found, strict=True):
            _emit_replayed(name, replayed, agrees)
    wrong = [name for name, (_, agrees) in zip(names, found, strict=True) if agrees is False]
    if wrong:
        raise JournalError(
            f"{file}: {', '.join(wrong)}: the snapshot holds other books than its records fold to; "
            "the records are the truth"
        )


def _hold_against(journal: "Journal", file: Path, head: "Head") -> None:
    checked = journal.verify(head.stream, against=head)
    if not checked.is_intact:
        raise JournalCorrupt(f"{file}: {checked.fault}; {vouched(checked)}")


def _snapshot_agrees(journal: "Journal", stream: str) -> bool | None:
    """Whether the records up to the snapshot fold to the books in it.

    None without a snapshot, or with one that this version would write otherwise: loading passes over
    that one too.
    """
    from tradewrit.domain.books import Books, decode_books
    from tradewrit.domain.folding import evolve
    from tradewrit.runtime.replay import SCHEMA, event_of

    snapshot = journal.latest_snapshot(stream, SCHEMA)
    if snapshot is None:
        return None
    try:
        if decode_books(snapshot.body).state_hash != snapshot.state_hash:
            return None
    except msgspec.MsgspecError:
        return None
    books = Books()
    for record in journal.read(stream):
        if record.seq > snapshot.seq:
            break
        books = evolve(books, event_of(record))
    return books.state_hash == snapshot.state_hash


def _replayed(name: str, replayed: "Replayed", agrees: bool | None) -> dict[str, Any]:
    books = replayed.books
    return {
        "stream": name,
        "records": replayed.seq,
        "state_hash": replayed.state_hash,
        "snapshot_agrees": agrees,
        "account": books.account,
        "mode": books.mode,
        "strategy": books.strategy,
        "currency": books.currency,
        "cash": books.cash,
        "reserved": books.reserved,
        "positions": {symbol: held.signed for symbol, held in books.positions.items()},
        "open_trades": list(books.trades),
        "closed_trades": books.stats.trades,
        "wins": books.stats.wins,
        "realised": books.stats.realised,
        "fees": books.stats.fees,
        "halted": books.halted,
    }


def _emit_replayed(name: str, replayed: "Replayed", agrees: bool | None) -> None:
    books = replayed.books
    emit_table(
        (),
        [
            ("stream", name),
            ("records", f"{replayed.seq:,}"),
            ("state hash", replayed.state_hash),
            ("snapshot", {None: "none to compare", True: "the same books", False: "OTHER books"}[agrees]),
            *_account(books),
        ],
    )


def _account(books: "Books") -> list[tuple[str, str]]:
    from tradewrit.surfaces.words import amount, money

    held = ", ".join(f"{amount(one.signed)} {symbol}" for symbol, one in books.positions.items())
    open_trades = ", ".join(f"{trade.id} ({trade.symbol}, {trade.state})" for trade in books.trades.values())
    stats = books.stats
    return [
        ("account", f"{books.account}, {books.mode} mode, strategy {books.strategy}"),
        ("cash", f"{money(books.cash)} {books.currency}, {money(books.reserved)} of it reserved"),
        ("positions", held or "none"),
        ("open trades", open_trades or "none"),
        ("closed trades", f"{stats.trades:,}, {stats.wins:,} won"),
        ("realised, fees", f"{money(stats.realised)}, {money(stats.fees)}"),
        *([("halted", books.halted)] if books.halted else []),
    ]


def head(
    file: JournalFile,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="HEAD.json", help="Write it here. Keep it away from the journal."),
    ] = None,
    stream: Stream = None,
    as_json: Json = False,
) -> None:
    """Print where each stream ends, and export that with --out, to verify the journal against later."""
    from tradewrit.runtime.journal.heads import write_head

    with opened(file) as journal:
        heads = [journal.head(name) for name in streams_of(journal, stream)]
    if out is not None:
        if len(heads) != 1:
            raise JournalError(
                f"{file}: has {len(heads)} streams and a head file holds one; name it with --stream"
            )
        write_head(out, heads[0])
    if as_json:
        emit_json({"heads": heads})
        return
    emit_table(("stream", "record", "hash"), [(one.stream, str(one.seq), one.hash) for one in heads])
    if out is not None:
        emit_text(f"head: {out}")
