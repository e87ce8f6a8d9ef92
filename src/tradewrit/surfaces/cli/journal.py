"""`tradewrit journal show|verify|replay|head`: read what a desk recorded, and check that it still stands."""

import typer

from tradewrit.surfaces.cli.journal_replay import head, replay
from tradewrit.surfaces.cli.journal_show import show
from tradewrit.surfaces.cli.journal_verify import verify
from tradewrit.surfaces.cli.output import example


def register(app: typer.Typer) -> None:
    """Add `tradewrit journal show|verify|replay|head`."""
    group = typer.Typer(help="Read, verify and replay journals.", no_args_is_help=True)
    group.command(
        "show",
        epilog=example(
            "tradewrit journal show runs/demo/journal.sqlite --last 20",
            "tradewrit journal show runs/demo/journal.sqlite --type 'order.fill.*' --all",
            "tradewrit journal show runs/demo/journal.sqlite --all --json > journal.jsonl",
        ),
    )(show)
    group.command(
        "verify",
        epilog=example("tradewrit journal verify runs/demo/journal.sqlite --head runs/demo/head.json"),
    )(verify)
    group.command("replay", epilog=example("tradewrit journal replay runs/demo/journal.sqlite"))(replay)
    group.command("head", epilog=example("tradewrit journal head runs/demo/journal.sqlite --out head.json"))(
        head
    )
    app.add_typer(group, name="journal")
