"""`tradewrit credentials kill|rearm`: one switch for everything, and what the desks then did."""

from collections.abc import Callable, Sequence
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tradewrit.domain.times import iso
from tradewrit.surfaces.cli.credentials_home import authority_to_kill, known_authority, second, whoami
from tradewrit.surfaces.cli.errors import FAILED
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text, example, warn

if TYPE_CHECKING:
    from tradewrit.credentials.authority import Authority
    from tradewrit.credentials.records import DeskAnswer, KillState

_LOOK_EVERY_S: Final = 0.1


def register(group: typer.Typer) -> None:
    """Add `kill` and `rearm`."""
    group.command(
        "kill",
        epilog=example(
            "tradewrit credentials kill --reason 'fat finger in the strategy'",
            "tradewrit credentials kill --including-protection --grace 60 --json",
        ),
    )(_kill)
    group.command("rearm", epilog=example("tradewrit credentials rearm"))(_rearm)


def pause() -> None:
    """Let a moment pass before the next look."""
    Event().wait(_LOOK_EVERY_S)


def heard(
    authority: "Authority", now: Callable[[], int], pause: Callable[[], object]
) -> "tuple[KillState | None, list[DeskAnswer]]":
    """Wait until every desk has answered, the time is over, or somebody re-arms; the state then.

    now: gives UTC ns. pause: what to do between two looks.
    """
    while True:
        state, answers = authority.kill_state(), authority.desk_answers()
        if state is None or not state.is_total or state.is_over(now()) or not _unheard(answers):
            return state, answers
        pause()


def _kill(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the audit trail.")] = "",
    including_protection: Annotated[
        bool,
        typer.Option(
            "--including-protection",
            help="The protective writs too, once every desk has cancelled its entries, after the grace at "
            "the latest. Then nobody can cancel an entry, move a stop or flatten a position.",
        ),
    ] = False,
    grace: Annotated[
        int | None,
        typer.Option(
            "--grace",
            metavar="SECONDS",
            min=0,
            max=3_600,
            help="How long the desks have at most to cancel their entries: 30 unless named; 0 for at once.",
        ),
    ] = None,
    waits: Annotated[
        bool,
        typer.Option(
            "--wait/--no-wait", help="Wait for the desks and say what they did. The kill stands either way."
        ),
    ] = True,
    as_json: Json = False,
) -> None:
    """Pull the kill switch: every writ but the protective ones dies, and none is issued until `rearm`.

    It works on a store that somebody edited, too; a running desk cancels its entries when it notices. With
    protection included it ends with exit code 1 when a desk did not say that none of its entries works.
    """
    if grace is not None and not including_protection:
        raise typer.BadParameter("goes with --including-protection", param_hint="--grace")
    from tradewrit.runtime.clock import SystemClock

    opened, distrust = authority_to_kill()
    with opened:
        state = opened.kill(
            by=whoami(), reason=reason, including_protection=including_protection, grace_s=grace
        )
        if distrust:
            warn(f"killed, but the store cannot be trusted: {distrust}")
        answers = opened.desk_answers()
        if waits and _unheard(answers):
            warn(f"killed; waiting for the desks to cancel their entries, until {_end(state)} at the latest")
            after, answers = heard(opened, SystemClock().now, pause)
            state = after or state
        desks = [_desk(opened, one) for one in answers]
    _emit(state, desks, as_json=as_json)
    silent = [desk for desk in desks if desk["answered_at"] is None]
    if waits and silent:
        for desk in silent:
            warn(f"desk {desk['desk']} did not say that its entries are cancelled: {_todo(desk)}")
        raise typer.Exit(FAILED)


def _emit(state: "KillState", desks: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                "killed": True,
                "killed_at": iso(state.killed_at),
                "by": state.by,
                "reason": state.reason,
                "including_protection": state.is_total,
                "protection_ends_at": None
                if state.protection_ends_at is None
                else iso(state.protection_ends_at),
                "desks": desks,
            }
        )
        return
    spared = f"protective writs too, at {_end(state)}" if state.is_total else "protective writs live on"
    emit_text(
        f"killed at {second(state.killed_at)} by {state.by}; {spared}; `tradewrit credentials rearm` ends it"
    )
    if desks:
        emit_table(
            ("desk", "entries cancelled", "still at work", "answered (UTC)"),
            [
                (
                    desk["desk"],
                    ", ".join(desk["cancelled"]) or "none",
                    ", ".join(desk["working"]) or ("none" if desk["answered_at"] else "not known"),
                    desk["answered_at"] or "no",
                )
                for desk in desks
            ],
        )


def _desk(authority: "Authority", answer: "DeskAnswer") -> dict[str, Any]:
    return {
        "desk": answer.orch_id,
        "app": authority.app(answer.app_id).name,
        "answered_at": None if answer.answered_at is None else iso(answer.answered_at),
        "cancelled": list(answer.cancelled),
        "working": list(answer.working),
    }


def _todo(desk: dict[str, Any]) -> str:
    which = f"these still work: {', '.join(desk['working'])}" if desk["working"] else "they may still work"
    return f"{which}, and may fill; cancel them at the venue"


def _unheard(answers: "Sequence[DeskAnswer]") -> bool:
    return any(one.answered_at is None for one in answers)


def _end(state: "KillState") -> str:
    return second(state.protection_ends_at or state.killed_at)


def _rearm(as_json: Json = False) -> None:
    """Let permissions be issued again after `kill`; those that died stay dead."""
    with known_authority() as opened:
        opened.rearm(by=whoami())
    if as_json:
        emit_json({"killed": False})
    else:
        emit_text("rearmed: permissions are issued again; those that died stay dead")
