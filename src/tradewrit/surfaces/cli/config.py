"""`tradewrit config show|check`: what is in force, and what is wrong with a file."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from tradewrit.config.describing import describe, settings
from tradewrit.config.environment import process_environment
from tradewrit.config.loading import load, read, told
from tradewrit.config.places import config_file
from tradewrit.config.tree import Config
from tradewrit.config.writing import value_text
from tradewrit.errors import ConfigError
from tradewrit.surfaces.cli.errors import FAILED, explain
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text, example

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="A YAML file; without it TRADEWRIT_CONFIG names one, or none is read.",
    ),
]
"""The option of every command that needs a configuration."""


def in_force(file: Path | None) -> Config:
    """The configuration from `--config` or TRADEWRIT_CONFIG and the environment; raises ConfigError."""
    env = process_environment()
    return load(file or config_file(env), env)


def register(app: typer.Typer) -> None:
    """Add `tradewrit config show|check`."""
    group = typer.Typer(help="Show and check the configuration.", no_args_is_help=True)
    group.command(
        "show",
        epilog=example(
            "tradewrit config show --config desk.yaml > effective.yaml", "tradewrit config show --explain"
        ),
    )(_show)
    group.command("check", epilog=example("tradewrit config check desk.yaml --json"))(_check)
    app.add_typer(group, name="config")


def _show(
    config: ConfigFile = None,
    explain_keys: Annotated[
        bool, typer.Option("--explain", help="What each key means, and where its value comes from.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the configuration in force, every key written out; secrets are masked."""
    if explain_keys:
        _explain(config, as_json=as_json)
    elif as_json:
        emit_json(in_force(config).to_data())
    else:
        emit_text(in_force(config).to_yaml())


def _explain(file: Path | None, *, as_json: bool) -> None:
    env = process_environment()
    reading = read(file or config_file(env), env)
    if reading.config is None:
        raise ConfigError(told(reading.problems))
    current = {one.key: one for one in settings(reading.config, reading.places)}
    rows = describe()
    if as_json:
        emit_json({"keys": rows, "settings": list(current.values())})
        return
    emit_table(("key", "value", "from"), [(one.key, one.value, _dim(one.place)) for one in current.values()])
    emit_text("")
    cells = [
        (row.key, row.type, row.default, f"{row.only_with}: {row.meaning}" if row.only_with else row.meaning)
        for row in rows
    ]
    emit_table(("key", "type", "default", "meaning"), cells)


def _dim(place: str) -> Text:
    return Text(place, style="dim" if place == "default" else "")


def _check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The YAML file to check.")],
    as_json: Json = False,
) -> None:
    """Check a configuration file, with the environment on top, and name every mistake."""
    reading = read(file, process_environment())
    if as_json:
        emit_json({"ok": reading.config is not None, "file": str(file), "problems": reading.problems})
    if reading.config is None:
        explain(told(reading.problems))
        raise typer.Exit(FAILED)
    if not as_json:
        emit_text(_summary(file, reading.config))


def _summary(file: Path, config: Config) -> str:
    account = config.account
    cash = value_text(account.initial_cash)
    return (
        f"{file}: fine. {config.mode} mode, account {account.name} with {cash} {account.currency}, "
        f"strategy {config.strategy.name}, risk profile {config.risk.profile}."
    )
