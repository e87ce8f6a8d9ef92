"""`tradewrit doctor`: whether this machine and its connections have what the desk needs, and what to do."""

from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from tradewrit.config.environment import process_environment
from tradewrit.config.tree import Config
from tradewrit.runtime.secret import Secret
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.errors import FAILED, explain
from tradewrit.surfaces.cli.live_options import JournalFile, KeyEnv, journal_of, key_from
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, example
from tradewrit.surfaces.cli.sealed_key import KeyFile, PassphraseFile, kept_secret

if TYPE_CHECKING:
    from tradewrit.surfaces.cli.machine import Check


def register(app: typer.Typer) -> None:
    """Add `tradewrit doctor`."""
    app.command(
        "doctor",
        epilog=example(
            "tradewrit doctor",
            "tradewrit doctor --broker http://127.0.0.1:8090 --journal desk.sqlite",
            "tradewrit doctor --config desk.yaml --passphrase-file pass.txt --json",
        ),
    )(_doctor)


def _doctor(
    broker: Annotated[
        str | None,
        typer.Option("--broker", metavar="URL", help="Look at the connection to this exchange server, too."),
    ] = None,
    journal: JournalFile = None,
    config: ConfigFile = None,
    key_env: KeyEnv = None,
    passphrase_file: PassphraseFile = None,
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Check this machine: Python, packages, data folder, SQLite, time zones, configuration, terminal.

    With --broker the connection as well: whether the exchange answers and how soon, its prices, the clocks,
    the key, and whether it is the one that the journal belongs to. An authority elsewhere
    (writs.authority.url) is looked at wherever one is configured. Nothing is changed.

    Exit code 1 only when something required is broken; an extra that is not installed is no failure.
    """
    env = process_environment()
    checks = examine(env)
    if not any(check.name == "configuration" and check.is_broken for check in checks):
        opened = passphrase_file is not None or key_file is not None
        secret_of = partial(kept_secret, passphrase_file=passphrase_file, key_file=key_file)
        checks += _connections(broker, journal, in_force(config), key_env, secret_of if opened else None)
    broken = [check for check in checks if check.is_broken]
    if as_json:
        emit_json({"ok": not broken, "checks": checks})
    else:
        emit_table(("", "check", "found"), [_row(check) for check in checks])
    if broken:
        explain("\n".join(f"{check.name}: {check.found}: {check.advice}" for check in broken))
        raise typer.Exit(FAILED)


def _connections(
    broker: str | None,
    journal: Path | None,
    config: Config,
    key_env: str | None,
    secret_of: Callable[[str], Secret] | None,
) -> "list[Check]":
    """What was named, or is configured, and is not on this machine alone."""
    if broker is None and journal is None and config.writs.authority.url is None:
        return []
    from tradewrit.brokers.paper.http.client import ExchangeClient
    from tradewrit.runtime.clock import SystemClock
    from tradewrit.surfaces.cli import connections

    clock, found, answering = SystemClock(), list["Check"](), None
    if broker is not None:
        with closing(ExchangeClient(broker, key_from(key_env), clock=clock)) as client:
            check, answering = connections.exchange(client, broker, clock)
            found.append(check)
            if answering is not None:
                found += connections.prices(client, clock)
    if broker is not None or journal is not None:
        found.append(connections.journal(journal_of(config, journal), config, answering))
    if config.writs.authority.url is not None:
        found.append(connections.authority(config.writs.authority, secret_of, clock))
    return found


def examine(env: Mapping[str, str]) -> "list[Check]":
    """Every check, in the order of the report; leaves nothing behind on the machine."""
    from tradewrit.surfaces.cli import machine
    from tradewrit.surfaces.cli.packages import package_checks

    return [
        machine.python(),
        machine.platform_name(),
        *package_checks(),
        machine.data_folder_check(env),
        machine.sqlite(),
        machine.time_zones(),
        machine.configuration(env),
        machine.terminal(),
    ]


def _row(check: "Check") -> tuple[Text, str, str]:
    found = f"{check.found} ({check.enables})" if check.enables else check.found
    return _mark(check), check.name, found if check.ok else f"{found}: {check.advice}"


def _mark(check: "Check") -> Text:
    if check.ok:
        return Text("ok", "green")
    return Text("FAIL", "bold red") if check.is_broken else Text("--", "yellow")
