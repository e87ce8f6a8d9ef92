"""What a person says to a running desk: `tradewrit status|halt|resume|flatten`."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewrit.errors import OurFault
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.live_options import JournalFile, journal_of
from tradewrit.surfaces.cli.output import Json, emit_json, emit_text, example

if TYPE_CHECKING:
    from tradewrit.runtime.live.door import Answer, AnyRequest

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; goes on record.")]


def register(app: typer.Typer) -> None:
    """Add `tradewrit status|halt|resume|flatten`."""
    app.command("status", epilog=example("tradewrit status --journal desk.sqlite"))(_status)
    app.command("halt", epilog=example('tradewrit halt --journal desk.sqlite --reason "bad fills"'))(_halt)
    app.command("resume", epilog=example('tradewrit resume --journal desk.sqlite --reason "feed is back"'))(
        _resume
    )
    app.command("flatten", epilog=example("tradewrit flatten --journal desk.sqlite --yes"))(_flatten)


def _status(journal: JournalFile = None, config: ConfigFile = None, as_json: Json = False) -> None:
    """Ask a running desk how it stands."""
    from tradewrit.runtime.live.door import AskStatus

    answer = ask(journal, config, AskStatus(), timeout_s=5.0)
    if as_json:
        emit_json(answer.status)
    else:
        emit_text(answer.said)


def _halt(
    reason: Reason, journal: JournalFile = None, config: ConfigFile = None, as_json: Json = False
) -> None:
    """Throw the kill switch of a running desk: no entries until a person resumes; stops and exits go on."""
    from tradewrit.runtime.live.door import AskHalt

    told(ask(journal, config, AskHalt(actor=me(), reason=reason), timeout_s=10.0), as_json=as_json)


def _resume(
    reason: Reason, journal: JournalFile = None, config: ConfigFile = None, as_json: Json = False
) -> None:
    """Put the kill switch back, after a halt or a crash loop: entries may leave again."""
    from tradewrit.runtime.live.door import AskResume

    told(ask(journal, config, AskResume(actor=me(), reason=reason), timeout_s=10.0), as_json=as_json)


def _flatten(
    reason: Reason = "asked for",
    journal: JournalFile = None,
    config: ConfigFile = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    as_json: Json = False,
) -> None:
    """Halt a running desk and close every position at market, until the venue says the account is flat."""
    from tradewrit.runtime.live.door import AskFlatten, AskStatus

    status = ask(journal, config, AskStatus(), timeout_s=5.0).status
    held = {} if status is None else status.held
    shown = ", ".join(f"{units:+f} {symbol}" for symbol, units in held.items()) or "what the venue holds"
    if not yes and not typer.confirm(f"Halt trading and close {shown} at market?", err=True):
        raise OurFault("nothing was done")
    told(ask(journal, config, AskFlatten(actor=me(), reason=reason), timeout_s=None), as_json=as_json)


def ask(
    journal: Path | None, config: Path | None, request: "AnyRequest", *, timeout_s: float | None
) -> "Answer":
    """What a running desk answers. Raises OurFault when none does, or when it refuses."""
    from tradewrit.runtime.live.door import door_of, knock

    answer = knock(door_of(journal_of(in_force(config), journal)), request, timeout_s=timeout_s)
    if answer.error:
        raise OurFault(answer.error)
    return answer


def told(answer: "Answer", *, as_json: bool) -> None:
    """Print what it said."""
    if as_json:
        emit_json({"said": answer.said})
    else:
        emit_text(answer.said)


def me() -> str:
    """Who is at the terminal, as the system knows them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
