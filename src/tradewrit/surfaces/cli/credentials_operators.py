"""`tradewrit credentials operator add|list|remove`: the people whom the authority knows by name."""

from typing import TYPE_CHECKING, Annotated

import typer

from tradewrit.domain.times import iso
from tradewrit.surfaces.cli.credentials_home import (
    authority,
    has_store,
    known_authority,
    looked_into,
    second,
    whoami,
)
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text, example

if TYPE_CHECKING:
    from tradewrit.credentials.records import Operator

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Who it is; stands in the audit trail as admin:NAME.")
]


def register(group: typer.Typer) -> None:
    """Add `operator add|list|remove`."""
    operators = typer.Typer(
        help="The people who may administer over HTTP, and answer a desk by name.", no_args_is_help=True
    )
    operators.command(
        "add",
        epilog=example(
            "tradewrit credentials operator add maria", "tradewrit credentials operator add maria --json"
        ),
    )(_add)
    operators.command("list", epilog=example("tradewrit credentials operator list"))(_list)
    operators.command("remove", epilog=example("tradewrit credentials operator remove maria"))(_remove)
    group.add_typer(operators, name="operator")


def _add(name: Name, as_json: Json = False) -> None:
    """Let a person administer over HTTP, and answer a desk by name; their secret is shown once."""
    with authority() as opened:
        made = opened.add_operator(name, by=whoami())
    if as_json:
        emit_json({"name": made.name, "secret": made.secret})
        return
    emit_table((), [("operator", made.name), ("secret", made.secret)])
    emit_text("Hand the secret over now: only its hash is stored, and it is not shown again.")


def _list(
    is_all: Annotated[bool, typer.Option("--all", help="Those that were removed as well.")] = False,
    as_json: Json = False,
) -> None:
    """Show the operators, the oldest first; never a secret."""
    found: list[Operator] = []
    if has_store():
        with looked_into() as store:
            found = [one for one in store.operators() if is_all or one.removed_at is None]
    if as_json:
        emit_json({"operators": [_told(one) for one in found]})
    elif found:
        rows = [
            (one.name, second(one.created_at), "" if one.removed_at is None else second(one.removed_at))
            for one in found
        ]
        emit_table(("operator", "since (UTC)", "removed (UTC)"), rows)
    else:
        emit_text("no operators; `tradewrit credentials operator add NAME` makes one")


def _remove(name: Name, as_json: Json = False) -> None:
    """Remove an operator; the tokens it holds die at once."""
    with known_authority() as opened:
        opened.remove_operator(name, by=whoami())
    if as_json:
        emit_json({"name": name, "removed": True})
    else:
        emit_text(f"{name}: removed; its tokens are dead")


def _told(one: "Operator") -> dict[str, str | None]:
    removed = None if one.removed_at is None else iso(one.removed_at)
    return {"name": one.name, "created_at": iso(one.created_at), "removed_at": removed}
