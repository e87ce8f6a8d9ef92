"""`tradewrit credentials revoke|rotate`: the end of permissions, and of keys."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from tradewrit.domain.times import iso
from tradewrit.surfaces.cli.credentials_home import (
    app_named,
    known_authority,
    second,
    whoami,
)
from tradewrit.surfaces.cli.credentials_inspect import genuine_claims, given
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text, example, warn

if TYPE_CHECKING:
    from tradewrit.credentials.authority import Authority
    from tradewrit.credentials.keyring import PublicKey

_EVERYTHING: Final = "*"
IncludingProtection = Annotated[
    bool,
    typer.Option(
        "--including-protection",
        help="The protective writs too, at once: then nobody can cancel an entry, move a stop or flatten a "
        "position. `kill --including-protection` lets the desks cancel their entries first.",
    ),
]


def register(group: typer.Typer) -> None:
    """Add `revoke` and `rotate`."""
    group.command(
        "revoke",
        epilog=example(
            "tradewrit credentials revoke --token - < token.txt",
            "tradewrit credentials revoke --agent spiffe://agentwrit.local/agent/desk/swing/00112233aabbccdd",
            "tradewrit credentials revoke --app desk --json",
            "tradewrit credentials revoke --all",
        ),
    )(_revoke)
    group.command(
        "rotate",
        epilog=example(
            "tradewrit credentials rotate",
            "tradewrit credentials rotate --overlap 0",
            "tradewrit credentials rotate --end-overlap",
        ),
    )(_rotate)


def _revoke(
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="TOKEN",
            help="A token or its id, with its renewals and delegations; `-` reads it from standard input.",
        ),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            "--agent", metavar="SPIFFE-ID", help="An agent's tokens and delegations; it gets no new ones."
        ),
    ] = None,
    task: Annotated[str | None, typer.Option("--task", metavar="ID", help="Every token of a task.")] = None,
    chain: Annotated[
        str | None,
        typer.Option(
            "--chain", metavar="SPIFFE-ID", help="What an agent passed on, however far; not its own."
        ),
    ] = None,
    app: Annotated[
        str | None, typer.Option("--app", metavar="APP", help="Every token of an app; name or id.")
    ] = None,
    is_all: Annotated[
        bool, typer.Option("--all", help="Everything issued so far, but the protective writs.")
    ] = False,
    including_protection: IncludingProtection = False,
    as_json: Json = False,
) -> None:
    """Make permissions die: at once, in every process on this home, and for good."""
    named = {"token": token, "agent": agent, "task": task, "chain": chain, "app": app}
    targets = [(level, target) for level, target in named.items() if target is not None]
    if is_all:
        targets.append(("all", _EVERYTHING))
    if len(targets) != 1:
        raise typer.BadParameter("name one of --token, --agent, --task, --chain, --app or --all")
    if including_protection and not is_all:
        raise typer.BadParameter(
            "goes with --all; the others spare nothing", param_hint="--including-protection"
        )
    [(level, target)] = targets
    with known_authority() as opened:
        target = _resolved(opened, level, target)
        done = opened.revoke(level, target, by=whoami(), including_protection=including_protection)
        if level in {"agent", "chain"} and opened.agent(target) is None:
            warn(f"nobody of the id {target} is registered here: was it copied whole?")
    if as_json:
        emit_json({"revoked": True, "level": done.level, "target": done.target})
    else:
        emit_text(f"revoked: {done.level}{'' if is_all else f' {done.target}'}")


def _resolved(authority: "Authority", level: str, target: str) -> str:
    """What the authority calls it: the id of an app, or of a token, which is never repeated."""
    from tradewrit.credentials.claims import is_token_id
    from tradewrit.runtime.clock import SystemClock

    if level == "app":
        return app_named(authority, target).app_id
    if level == "token" and not is_token_id(target):
        return genuine_claims(given(target), SystemClock().now()).jti
    return target


def _rotate(
    overlap: Annotated[
        int | None,
        typer.Option(
            "--overlap",
            metavar="SECONDS",
            min=0,
            help="How long the old key still verifies: until every token ends, unless named; 0 if stolen.",
        ),
    ] = None,
    ends_overlap: Annotated[
        bool,
        typer.Option(
            "--end-overlap",
            help="Make no new key: end the overlap of earlier rotations. All that the old keys signed dies.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Sign with a new key from now on. A running server takes it up by itself."""
    if ends_overlap and overlap is not None:
        raise typer.BadParameter("makes no new key, so it takes no --overlap", param_hint="--end-overlap")
    with known_authority() as opened:
        by = whoami()
        keys = (opened.end_overlap(by=by) if ends_overlap else opened.rotate(by=by, overlap_s=overlap)).keys
    if as_json:
        emit_json({"keys": [_key(one) for one in keys]})
    else:
        emit_table(
            ("key", "verifies until (UTC)"),
            [(one.key.kid, "signs now" if one.until is None else second(one.until)) for one in keys],
        )


def _key(one: "PublicKey") -> dict[str, str | None]:
    return {"kid": one.key.kid, "verifies_until": None if one.until is None else iso(one.until)}
