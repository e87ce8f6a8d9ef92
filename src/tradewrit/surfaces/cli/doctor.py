"""`tradewrit doctor`: whether this machine has what the desk needs, and what to do where it has not."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from tradewrit.config.environment import process_environment
from tradewrit.surfaces.cli.errors import FAILED, explain
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, example

if TYPE_CHECKING:
    from tradewrit.surfaces.cli.machine import Check


def register(app: typer.Typer) -> None:
    """Add `tradewrit doctor`."""
    app.command("doctor", epilog=example("tradewrit doctor", "tradewrit doctor --json"))(_doctor)


def _doctor(as_json: Json = False) -> None:
    """Check this machine: Python, packages, data folder, SQLite, time zones, configuration, terminal.

    Exit code 1 only when something required is broken; an extra that is not installed is no failure.
    """
    checks = examine(process_environment())
    broken = [check for check in checks if check.is_broken]
    if as_json:
        emit_json({"ok": not broken, "checks": checks})
    else:
        emit_table(("", "check", "found"), [_row(check) for check in checks])
    if broken:
        explain("\n".join(f"{check.name}: {check.found}: {check.advice}" for check in broken))
        raise typer.Exit(FAILED)


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
