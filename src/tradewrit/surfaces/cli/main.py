"""The command line, put together from one module per subject.

A command module exposes `register(app)`, which adds its command, or its group of commands, to the root:

    def register(app: typer.Typer) -> None:
        \"\"\"Add `tradewrit journal show|verify|replay`.\"\"\"
        group = typer.Typer(help="Read and verify journals.", no_args_is_help=True)
        group.command("verify", epilog=example("tradewrit journal verify FILE"))(_verify)
        app.add_typer(group, name="journal")

and is named in `COMMANDS` below. The rules it keeps:

- the module's top imports nothing heavier than typer, rich and the configuration; numpy, polars and
  the engines are imported inside the command, so that `tradewrit --help` stays quick;
- every command has a help sentence and an `example(...)` as its epilogue, and `--json` (`output.Json`)
  where it prints data: then one object goes to standard output and nothing else;
- a command that needs the configuration takes `config.ConfigFile` and calls `config.in_force(...)`;
- a failure is a `TradewritError`, raised wherever it is found: `errors.Commands` turns it into a message
  on standard error and exit code 1. Wrong use is typer's business and exit code 2.

What a command needs from above the surfaces (a desk that only `app` can build) comes in through
`assemble(more)`: `app` hands over further `register` functions, under the headings of the help page.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final

import typer

from tradewrit.surfaces.cli import config, doctor, version
from tradewrit.surfaces.cli.errors import Commands
from tradewrit.surfaces.cli.output import example

Register = Callable[[typer.Typer], None]

COMMANDS: Final[Sequence[Register]] = (config.register, doctor.register, version.register)
"""In the order of the help page, where single commands come before groups."""


def assemble(more: Mapping[str, Sequence[Register]] | None = None) -> typer.Typer:
    """The whole command line; `more`, by heading, come first on the help page."""
    app = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        rich_markup_mode="rich",
        add_completion=False,
        # A bug keeps Python's own traceback: rich's would print local variables, secrets among them.
        pretty_exceptions_enable=False,
        epilog=example(
            "tradewrit demo",
            "tradewrit backtest --strategy trend_following --data bars.csv --report report.html",
            "tradewrit run --strategy mine.py --broker paper --data bars.csv --journal desk.sqlite",
            "tradewrit journal verify runs/demo/journal.sqlite",
            "tradewrit config show --explain",
            "tradewrit COMMAND --help",
        ),
    )
    app.callback()(_root)
    for heading, registers in {**(more or {}), "This machine": COMMANDS}.items():
        commands, groups = len(app.registered_commands), len(app.registered_groups)
        for register in registers:
            register(app)
        for command in app.registered_commands[commands:]:
            command.rich_help_panel = heading
        for group in app.registered_groups[groups:]:
            group.rich_help_panel = heading
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        version.show(as_json=False)
        raise typer.Exit


def _root(
    debug: Annotated[
        bool, typer.Option("--debug", envvar="TRADEWRIT_DEBUG", help="Show the traceback of a failure.")
    ] = False,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """A trading desk staffed by software agents that can act only inside their writ."""
