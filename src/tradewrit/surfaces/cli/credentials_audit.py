"""`tradewrit credentials audit show|verify|head`: what the authority did, and that nobody edited it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer
from rich.text import Text

from tradewrit.domain.times import iso
from tradewrit.errors import JournalError
from tradewrit.surfaces.cli.credentials_home import home, known_authority, looked_into, second
from tradewrit.surfaces.cli.errors import FAILED, explain
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text, example, note
from tradewrit.surfaces.cli.selection import moment

if TYPE_CHECKING:
    from tradewrit.credentials.audit import AuditRecord, SignedHead
    from tradewrit.credentials.audit_table import AuditQuery
    from tradewrit.credentials.store import CredentialStore
    from tradewrit.runtime.journal.port import Verification
    from tradewrit.runtime.journal.records import Head

DEFAULT_LAST: Final = 50
_PAGE: Final = 1_000


def register(group: typer.Typer) -> None:
    """Add `audit show|verify|head`."""
    audit = typer.Typer(help="What the authority did, and proof that nobody edited it.", no_args_is_help=True)
    audit.command(
        "show",
        epilog=example(
            "tradewrit credentials audit show --last 20",
            "tradewrit credentials audit show --outcome denied --since 2026-01-02T09:30:00Z --json",
        ),
    )(_show)
    audit.command(
        "verify",
        epilog=example(
            "tradewrit credentials audit verify", "tradewrit credentials audit verify --against head.json"
        ),
    )(_verify)
    audit.command("head", epilog=example("tradewrit credentials audit head --out head.json"))(_head)
    group.add_typer(audit, name="audit")


def _show(
    agent: Annotated[str, typer.Option("--agent", metavar="SPIFFE-ID", help="Only this agent's.")] = "",
    task: Annotated[str, typer.Option("--task", metavar="ID", help="Only this task's.")] = "",
    kind: Annotated[
        str, typer.Option("--type", metavar="TYPE", help="Only these, such as token_issued.")
    ] = "",
    outcome: Annotated[
        str, typer.Option("--outcome", metavar="OUTCOME", help="Only success, or only denied.")
    ] = "",
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Not before this time (UTC).")] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Not after this time (UTC).")] = "",
    last: Annotated[
        int, typer.Option("--last", metavar="N", min=1, help="Only the last N of what is left.")
    ] = DEFAULT_LAST,
    is_all: Annotated[bool, typer.Option("--all", help="All that is left.")] = False,
    as_json: Json = False,
) -> None:
    """Show what was issued, refused and revoked, and by whom; the oldest first. No event holds a secret."""
    from tradewrit.credentials.audit_table import AuditQuery

    query = AuditQuery(
        agent_id=agent,
        task_id=task,
        type=kind,
        outcome=_outcome(outcome),
        since=moment(since or None, "--since"),
        until=moment(until or None, "--until"),
    )
    with looked_into() as store:
        found, total = _last(store, query, None if is_all else last)
    if as_json:
        emit_json({"events": [_told(one) for one in found], "total": total})
        return
    if not found:
        emit_text("no such events")
        return
    emit_table(("event", "time (UTC)", "what", "who", "about"), [_row(one) for one in found])
    if total > len(found):
        note(f"the last {len(found):,} of {total:,} events; --all shows every one")


def _last(store: "CredentialStore", query: "AuditQuery", last: int | None) -> "tuple[list[AuditRecord], int]":
    """The last of what is asked for (None: all of it), page by page, and how many there are."""
    _, total = store.events(msgspec.structs.replace(query, limit=1))
    start = 0 if last is None else max(total - last, 0)
    found: list[AuditRecord] = []
    while start + len(found) < total:
        page = msgspec.structs.replace(
            query, offset=start + len(found), limit=min(_PAGE, total - start - len(found))
        )
        records, _ = store.events(page)
        if not records:
            break
        found += records
    return found, total


def _verify(
    against: Annotated[
        Path | None,
        typer.Option(
            "--against", metavar="HEAD.json", help="A head that `audit head` wrote and was kept elsewhere."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every event against the chain; exit code 1, and the first bad one, when it was touched.

    The chain alone shows an event that was changed, removed, inserted or reordered. One that was cut off
    or rebuilt with the key at hand shows only against a head kept elsewhere.
    """
    from tradewrit.credentials.audit import first_bad

    head, problem = (None, None) if against is None else _kept(against)
    with looked_into() as store:
        found = store.verify(against=head)
        authority_id = store.authority
    fault, bad = (found.fault, first_bad(found)) if not found.is_intact else (problem, None)
    if as_json:
        emit_json(
            {
                "ok": fault is None,
                "authority": authority_id,
                "events": found.records,
                "head": found.head.hash,
                "first_bad": bad,
                "fault": fault,
            }
        )
    else:
        _emit_verified(found, fault, head)
    if fault is not None:
        place = "" if bad is None else f"{bad} is the first event that cannot be trusted: "
        explain(f"{home().store}: {place}{fault}")
        raise typer.Exit(FAILED)


def _emit_verified(found: "Verification", fault: str | None, against: "Head | None") -> None:
    state = Text("intact", "green") if fault is None else Text("BROKEN", "bold red")
    compared = "none given"
    if against is not None:
        later = found.records - against.seq
        compared = "differs" if fault is not None else f"reached it, and {later:,} events more"
    emit_table(
        ("events", "chain", "last good event", "against the head"),
        [(f"{found.records:,}", state, f"{found.head.seq} {found.head.hash[:16]}...", compared)],
    )


def _head(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="HEAD.json", help="Write it here. Keep it on another machine."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say where the chain ends now, signed: what `audit verify --against` holds the chain against."""
    with known_authority() as opened:
        signed = opened.signed_head()
    if out is not None:
        _write(out, signed)
    if as_json:
        emit_json(signed)
        return
    emit_table(("event", "hash", "signed by"), [(str(signed.head.seq), signed.head.hash, signed.key_id)])
    if out is not None:
        emit_text(f"head: {out}")


def _kept(path: Path) -> "tuple[Head, str | None]":
    """The head in a file, and what is wrong with its signature; a bare head has none to be wrong."""
    from tradewrit.credentials.audit import SignedHead, is_signed
    from tradewrit.credentials.key_file import load_keyring
    from tradewrit.runtime.journal.heads import parse_head

    try:
        raw = path.read_bytes()
    except OSError as why:
        raise JournalError(f"{path}: cannot read the head: {why.strerror}") from why
    try:
        signed = msgspec.json.decode(raw, type=SignedHead)
    except (msgspec.MsgspecError, UnicodeError):
        return parse_head(raw, where=str(path)), None
    keys = {one.key.kid: one.key for one in load_keyring(home().signing_key).key_set.keys}
    key = keys.get(signed.key_id)
    if key is None:
        note(
            f"{path}: signed by key {signed.key_id}, which is gone from this home; only the chain is compared"
        )
    elif not is_signed(signed, key.has_signed):
        return signed.head, f"{path}: the signature of the head is wrong: it was edited"
    return signed.head, None


def _write(path: Path, signed: "SignedHead") -> None:
    from tradewrit.runtime.whole_file import whole_file

    try:
        with whole_file(path) as file:
            file.write(msgspec.json.encode(signed) + b"\n")
    except OSError as why:
        raise JournalError(f"{path}: cannot write the head: {why.strerror}") from why


def _told(record: "AuditRecord") -> dict[str, Any]:
    """Empty fields are left out, as in the protocol."""
    event = {
        name: value for name, value in msgspec.structs.asdict(record.event).items() if value not in {"", 0}
    }
    event["at"] = iso(record.event.at)
    return {"id": record.id, **event, "hash": record.hash, "prev_hash": record.prev_hash}


def _row(record: "AuditRecord") -> tuple[str | Text, ...]:
    event = record.event
    what = Text(event.type, "" if event.outcome == "success" else "red")
    if event.outcome != "success":
        what.append(f" ({event.outcome})")
    who = event.by or event.agent_id or event.app_id
    named = (
        event.agent_id if event.by else "",
        event.app_id if who != event.app_id else "",
        event.resource,
        # Where nothing else says whose end it was.
        event.token_id or event.task_id if event.type == "token_revoked" else "",
    )
    about = " ".join(text for text in (*named, event.detail) if text)
    return record.id, second(event.at), what, who, about


def _outcome(text: str) -> str:
    if text not in {"", "success", "denied"}:
        raise typer.BadParameter(f"{text!r} is neither success nor denied", param_hint="--outcome")
    return text
