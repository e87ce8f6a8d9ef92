"""`tradewrit credentials app add|list|remove`: the programs that may launch agents, and their ceilings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewrit.domain.times import iso
from tradewrit.surfaces.cli.credentials_home import (
    app_named,
    authority,
    has_store,
    known_authority,
    looked_into,
    second,
    whoami,
)
from tradewrit.surfaces.cli.credentials_limits import Limits, constraints_from, limits_in_words
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text, example

if TYPE_CHECKING:
    from tradewrit.credentials.records import App


def register(group: typer.Typer) -> None:
    """Add `app add|list|remove`."""
    apps = typer.Typer(help="The programs that may launch agents.", no_args_is_help=True)
    apps.command(
        "add",
        epilog=example(
            "tradewrit credentials app add desk --scope 'read:trades:*' --scope write:trades:AAPL",
            "tradewrit credentials app add desk --scope 'write:trades:*' --limit modes=paper --json",
            "tradewrit credentials app add desk --desk --limit modes=paper",
        ),
    )(_add)
    apps.command("list", epilog=example("tradewrit credentials app list --json"))(_list)
    apps.command("remove", epilog=example("tradewrit credentials app remove desk"))(_remove)
    group.add_typer(apps, name="app")


def _add(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Lower-case letters, digits and single hyphens.")
    ],
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="What its agents may ask for, such as read:trades:*; may be repeated.",
        ),
    ] = None,
    is_desk: Annotated[
        bool,
        typer.Option("--desk", help="All that the agents of a tradewrit desk ask for, protection included."),
    ] = False,
    limits: Limits = None,
    ttl: Annotated[
        int | None,
        typer.Option("--ttl", metavar="SECONDS", min=60, max=86_400, help="Life of the app's own token."),
    ] = None,
    is_protector: Annotated[
        bool,
        typer.Option(
            "--protector",
            help="Let it launch protective writs, which outlive the kill switch and only reduce.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Register an app: its ceiling, and the client secret, which is shown once."""
    if not scopes and not is_desk:
        raise typer.BadParameter("name at least one, or say --desk", param_hint="--scope")
    constraints = constraints_from(limits)
    with authority() as opened:
        made = opened.add_app(
            name,
            _ceiling(scopes or (), is_desk=is_desk),
            by=whoami(),
            token_ttl_s=ttl,
            constraints=constraints,
            is_protector=is_protector or is_desk,
        )
    if as_json:
        emit_json(_told(made.app) | {"client_secret": made.client_secret})
        return
    emit_table(
        (),
        [
            ("app", made.app.app_id),
            ("client_id", made.app.client_id),
            ("client_secret", made.client_secret),
            ("scopes", " ".join(made.app.scopes)),
            ("limits", limits_in_words(made.app.constraints)),
        ],
    )
    emit_text("Keep the secret now: only its hash is stored, and it is not shown again.")


def _ceiling(scopes: Sequence[str], *, is_desk: bool) -> list[str]:
    if not is_desk:
        return list(scopes)
    from tradewrit.runtime.roles import ROLE_SCOPES

    # Of the journal each role has a line of its own, and a desk of tomorrow may have one more.
    needed = {"write:journal:*"} | {
        scope for role in ROLE_SCOPES.values() for scope in role if not scope.startswith("write:journal:")
    }
    return [*scopes, *sorted(needed - set(scopes))]


def _list(
    is_all: Annotated[bool, typer.Option("--all", help="Those that were removed as well.")] = False,
    as_json: Json = False,
) -> None:
    """Show the apps, the oldest first; never a secret."""
    apps: list[App] = []
    if has_store():
        with looked_into() as store:
            apps = [one for one in store.apps() if is_all or one.deregistered_at is None]
    if as_json:
        emit_json({"apps": [_told(one) for one in apps], "total": len(apps)})
    elif apps:
        emit_table(
            ("name", "app", "client id", "scopes", "limits", "since (UTC)"), [_row(one) for one in apps]
        )
    else:
        emit_text("no apps; `tradewrit credentials app add NAME --scope SCOPE` registers one")


def _remove(
    app: Annotated[str, typer.Argument(metavar="APP", help="Its name or its id.")], as_json: Json = False
) -> None:
    """Deregister an app for good; its tokens and all that came of them die at once."""
    with known_authority() as opened:
        removed = opened.remove_app(app_named(opened, app).app_id, by=whoami())
    if as_json:
        emit_json(_told(removed))
    else:
        emit_text(f"{removed.name} ({removed.app_id}): removed; every token of its agents is dead")


def _told(app: "App") -> dict[str, Any]:
    return {
        "app_id": app.app_id,
        "name": app.name,
        "client_id": app.client_id,
        "scopes": app.scopes,
        "constraints": app.constraints,
        "token_ttl": app.token_ttl_s,
        "is_protector": app.is_protector,
        "status": "active" if app.deregistered_at is None else "inactive",
        "created_at": iso(app.created_at),
        "deregistered_at": None if app.deregistered_at is None else iso(app.deregistered_at),
    }


def _row(app: "App") -> tuple[str, ...]:
    name = app.name if app.deregistered_at is None else f"{app.name} (removed)"
    return (
        name,
        app.app_id,
        app.client_id,
        " ".join(app.scopes),
        limits_in_words(app.constraints),
        second(app.created_at),
    )
