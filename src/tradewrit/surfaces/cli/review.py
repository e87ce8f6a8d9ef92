"""`tradewrit review list|show|approve|reject|edit`: what a running desk asks people, and their answers."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tradewrit.domain.times import iso
from tradewrit.errors import OurFault
from tradewrit.surfaces.cli.amounts import amount
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.desk_line import ask, told
from tradewrit.surfaces.cli.live_options import JournalFile
from tradewrit.surfaces.cli.login import As, SecretFile, login
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text, example

if TYPE_CHECKING:
    from tradewrit.domain.events.review import Edit
    from tradewrit.domain.reviews import Review

_SHORT_HASH: Final = 12
_FEWEST: Final = 8
_NS: Final = 1_000_000_000

Which = Annotated[
    str,
    typer.Argument(
        metavar="REVIEW", help="The question's id, or its beginning; see `tradewrit review list`."
    ),
]
Seen = Annotated[
    str,
    typer.Option(
        "--hash",
        metavar="HASH",
        help="The hash of what you saw, or its first 8 characters at least: an answer about anything else is "
        "refused.",
    ),
]
Version = Annotated[
    int | None,
    typer.Option("--version", metavar="N", help="The version you saw: an answer to another is refused."),
]
Yes = Annotated[
    bool, typer.Option("--yes", help="Do not ask whether it is meant; needs --hash, so that it was seen.")
]


def register(app: typer.Typer) -> None:
    """Add `tradewrit review list|show|approve|reject|edit`."""
    group = typer.Typer(help="Answer what a running desk asks people.", no_args_is_help=True)
    group.command("list", epilog=example("tradewrit review list --journal desk.sqlite"))(_list)
    group.command("show", epilog=example("tradewrit review show 3fe01c --journal desk.sqlite"))(_show)
    group.command(
        "approve",
        epilog=example(
            "tradewrit review approve 3fe01c --journal desk.sqlite",
            "tradewrit review approve 3fe01c --hash 9b1d24aa70c1 --yes --journal desk.sqlite",
            "tradewrit review approve 3fe01c --as maria --journal desk.sqlite",
        ),
    )(_approve)
    group.command(
        "reject", epilog=example('tradewrit review reject 3fe01c --reason "earnings" --journal desk.sqlite')
    )(_reject)
    group.command("edit", epilog=example("tradewrit review edit 3fe01c --quantity 2 --journal desk.sqlite"))(
        _edit
    )
    app.add_typer(group, name="review")


def _list(journal: JournalFile = None, config: ConfigFile = None, as_json: Json = False) -> None:
    """Show the questions that wait, oldest first."""
    tasks, now = _asked(journal, config)
    tasks = tuple(task for task in tasks if task.state == "pending")
    if as_json:
        emit_json({"reviews": [_view(task, now) for task in tasks]})
    elif not tasks:
        emit_text("No question waits.")
    else:
        emit_table(
            ("review", "version", "hash", "trade", "cost", "worst loss", "approved by", "time left"),
            [_row(task, now) for task in tasks],
        )


def _show(
    review: Which, journal: JournalFile = None, config: ConfigFile = None, as_json: Json = False
) -> None:
    """Show one question whole: what would be executed, and until when it can be answered."""
    tasks, now = _asked(journal, config)
    view = _view(_found(tasks, review), now)
    if as_json:
        emit_json(view)
    else:
        emit_table(("", ""), [(name.replace("_", " "), _text(value)) for name, value in view.items()])


def _approve(
    review: Which,
    journal: JournalFile = None,
    config: ConfigFile = None,
    seen: Seen = "",
    version: Version = None,
    as_who: As = "",
    secret_file: SecretFile = None,
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let the trade go out, once, exactly as shown. It is checked once more at that moment."""
    _answer(review, journal, config, "approve", seen, version, as_who, secret_file, yes=yes, as_json=as_json)


def _reject(
    review: Which,
    journal: JournalFile = None,
    config: ConfigFile = None,
    seen: Seen = "",
    version: Version = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; goes on record.")] = "",
    as_who: As = "",
    secret_file: SecretFile = None,
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Let the trade not go out."""
    _answer(
        review,
        journal,
        config,
        "reject",
        seen,
        version,
        as_who,
        secret_file,
        reason=reason,
        yes=yes,
        as_json=as_json,
    )


def _edit(
    review: Which,
    journal: JournalFile = None,
    config: ConfigFile = None,
    seen: Seen = "",
    version: Version = None,
    quantity: Annotated[str | None, typer.Option(metavar="UNITS", help="Another size.")] = None,
    stop: Annotated[
        str | None,
        typer.Option("--stop-fraction", metavar="0..1", help="Another distance of the stop from the fill."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target-fraction", metavar="NUMBER", help="Another distance of the target; 0: none."),
    ] = None,
    as_who: As = "",
    secret_file: SecretFile = None,
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Change the trade: risk judges it anew, and it is asked anew under the next version."""
    from tradewrit.domain.events.review import Edit

    if quantity is None and stop is None and target is None:
        raise typer.BadParameter("say what to change: --quantity, --stop-fraction or --target-fraction")
    edit = Edit(
        quantity=None if quantity is None else amount("--quantity", quantity),
        stop_fraction=None if stop is None else amount("--stop-fraction", stop, below=Decimal(1)),
        target_fraction=None if target is None else amount("--target-fraction", target, least_is_zero=True),
    )
    _answer(
        review,
        journal,
        config,
        "edit",
        seen,
        version,
        as_who,
        secret_file,
        edit=edit,
        yes=yes,
        as_json=as_json,
    )


def _answer(
    review: str,
    journal: Path | None,
    config: Path | None,
    decision: Any,
    seen: str,
    version: int | None,
    as_who: str,
    secret_file: Path | None,
    *,
    edit: "Edit | None" = None,
    reason: str = "",
    yes: bool,
    as_json: bool,
) -> None:
    """Answer about what was seen: shown here and confirmed, or named by its hash."""
    from tradewrit.runtime.clock import system_entropy
    from tradewrit.runtime.live.requests import AskAnswer

    if seen and len(seen) < _FEWEST:
        raise typer.BadParameter(f"give the first {_FEWEST} characters at least", param_hint="--hash")
    if yes and not seen:
        raise typer.BadParameter("--yes needs --hash: an answer counts for what was seen", param_hint="--yes")
    tasks, now = _asked(journal, config)
    task = _found(tasks, review)
    if not yes and task.state == "pending":
        question = f"{decision.capitalize()}: {_trade(task)}, {_left(task, now)} left?"
        if not typer.confirm(question, err=True):
            raise OurFault("nothing was answered: the question waits on")
    request = AskAnswer(
        login=login(in_force(config), as_who, secret_file),
        review_id=task.id,
        version=task.version if version is None else version,
        # What is not the beginning of the hash goes out as it is: the refusal belongs on record.
        shown_hash=task.shown_hash if task.shown_hash.startswith(seen) else seen,
        decision=decision,
        nonce=system_entropy(16).hex(),
        edit=edit,
        reason=reason,
    )
    told(ask(journal, config, request, timeout_s=10.0), as_json=as_json)


def _asked(journal: Path | None, config: Path | None) -> "tuple[tuple[Review, ...], int]":
    """The questions that wait or were decided of late, and what time it is at the desk."""
    from tradewrit.runtime.live.requests import AskReviews

    answer = ask(journal, config, AskReviews(), timeout_s=5.0)
    return answer.reviews, 0 if answer.status is None else answer.status.at


def _found(tasks: "tuple[Review, ...]", named: str) -> "Review":
    found = [task for task in tasks if task.id.startswith(named)]
    if len(found) == 1:
        return found[0]
    if found:
        raise OurFault(f"{named}: several questions begin so: {', '.join(task.id for task in found)}")
    known = ", ".join(f"{task.id} ({task.state})" for task in tasks) or "none"
    raise OurFault(f"{named}: no such question; its trade is over, or it never existed. There are: {known}")


def _trade(task: "Review") -> str:
    """What would be executed, in a line."""
    shown, proposal = task.shown, task.shown.proposal
    target = "" if shown.target_price is None else f", target {shown.target_price:f}"
    return (
        f"{proposal.side} {shown.quantity:f} {proposal.symbol} {proposal.entry_type} "
        f"near {proposal.entry_price:f}, stop {shown.stop_price:f}{target}"
    )


def _row(task: "Review", now: int) -> tuple[str, ...]:
    by = ", ".join(task.approved_by)
    return (
        task.id,
        str(task.version),
        task.shown_hash[:_SHORT_HASH],
        _trade(task),
        f"{task.shown.cost:,.2f}",
        f"{task.shown.worst_loss:,.2f}",
        f"{len(task.approved_by)} of {task.people_needed}{f': {by}' if by else ''}",
        _left(task, now),
    )


def _left(task: "Review", now: int) -> str:
    return f"{max(0, task.expires_at - now) // _NS} s"


def _view(task: "Review", now: int) -> dict[str, Any]:
    """One question as a program reads it. Money in account currency."""
    shown, proposal = task.shown, task.shown.proposal
    return {
        "review": task.id,
        "version": task.version,
        "hash": task.shown_hash,
        "state": task.state,
        "trade_id": task.trade_id,
        "symbol": proposal.symbol,
        "side": proposal.side,
        "entry_type": proposal.entry_type,
        "quantity": shown.quantity,
        "entry_price": proposal.entry_price,
        "stop_price": shown.stop_price,
        "target_price": shown.target_price,
        "cost": shown.cost,
        "worst_loss": shown.worst_loss,
        "reward_risk": shown.reward_risk,
        "strategy": proposal.strategy,
        "requester": proposal.requester,
        "reasons": proposal.reasons,
        "inputs": proposal.inputs,
        "note": task.note,
        "replaces": task.replaces,
        "approved_by": task.approved_by,
        "people_needed": task.people_needed,
        "asked_at": iso(task.created_at),
        "expires_at": iso(task.expires_at),
        "time_left_s": max(0, task.expires_at - now) // _NS,
    }


def _text(value: Any) -> str:
    match value:
        case None | () | "":
            return "-"
        case Decimal():
            return f"{value:,f}"
        case tuple():
            return ", ".join(map(str, value))
        case dict():
            return ", ".join(f"{name} {number:g}" for name, number in value.items()) or "-"
        case _:
            return str(value)
