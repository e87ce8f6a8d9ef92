"""Checks of the machine itself. Each looks, says what it found, and leaves nothing behind."""

import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from tradewrit.config.loading import load
from tradewrit.config.places import config_file, data_folder
from tradewrit.errors import ConfigError
from tradewrit.surfaces.cli.output import stdout_console

_OLDEST_PYTHON: Final = (3, 11)
_EXCHANGE_ZONE: Final = "America/New_York"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report.

    found: what is there. advice: what to do; empty when it is fine. enables: what it is good for.
    is_required: whether the desk cannot do without.
    """

    name: str
    ok: bool
    found: str
    advice: str = ""
    enables: str = ""
    is_required: bool = True

    @property
    def is_broken(self) -> bool:
        """Whether this alone keeps the desk from working."""
        return self.is_required and not self.ok


def python() -> Check:
    """The interpreter."""
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info >= _OLDEST_PYTHON:
        return Check(name="Python", ok=True, found=found)
    oldest = ".".join(map(str, _OLDEST_PYTHON))
    return Check(name="Python", ok=False, found=found, advice=f"install Python {oldest} or newer")


def platform_name() -> Check:
    """The operating system; never a failure."""
    return Check(name="platform", ok=True, found=platform.platform(terse=True))


def data_folder_check(env: Mapping[str, str]) -> Check:
    """Whether journals can be written where they would lie; for a folder yet to be made, at its parent."""
    name = "data folder"
    try:
        folder = data_folder(env)
    except ConfigError as error:
        return Check(name=name, ok=False, found="none", advice=str(error))
    there = _nearest_that_exists(folder)
    advice = "make it writable, or set TRADEWRIT_HOME to a folder that is"
    if not there.is_dir():
        return Check(name=name, ok=False, found=f"{folder}: {there} is not a folder", advice=advice)
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"tradewrit")
    except OSError as error:
        return Check(name=name, ok=False, found=f"{folder}: {error.strerror or error}", advice=advice)
    found = f"{folder}" if there == folder else f"{folder} (made when it is needed)"
    return Check(name=name, ok=True, found=found)


def _nearest_that_exists(folder: Path) -> Path:
    return next((one for one in (folder, *folder.absolute().parents) if os.path.lexists(one)), Path())


def sqlite() -> Check:
    """SQLite, and whether it can keep a write-ahead log."""
    found = f"SQLite {sqlite3.sqlite_version}"
    advice = "use a Python whose sqlite3 supports WAL"
    try:
        with tempfile.TemporaryDirectory() as folder:
            mode = _journal_mode(Path(folder) / "doctor.sqlite")
    except (OSError, sqlite3.Error) as error:
        return Check(
            name="SQLite", ok=False, found=f"{found}: {error}", advice=f"{advice}, and a temporary folder"
        )
    if mode != "wal":
        return Check(name="SQLite", ok=False, found=f"{found} without a write-ahead log", advice=advice)
    return Check(name="SQLite", ok=True, found=f"{found} with a write-ahead log")


def _journal_mode(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
    finally:
        connection.close()


def time_zones() -> Check:
    """Whether the exchange's time zone is known here."""
    try:
        zone = ZoneInfo(_EXCHANGE_ZONE)
    except ZoneInfoNotFoundError:
        advice = "pip install tzdata"
        return Check(name="time zones", ok=False, found=f"no data for {_EXCHANGE_ZONE}", advice=advice)
    return Check(name="time zones", ok=True, found=f"{zone.key} is known")


def configuration(env: Mapping[str, str]) -> Check:
    """Whether TRADEWRIT_CONFIG and the variables make a configuration."""
    try:
        file = config_file(env)
        config = load(file, env)
    except ConfigError as error:
        advice = "correct the file or the variables above; `tradewrit config show --explain` lists the keys"
        return Check(name="configuration", ok=False, found=str(error), advice=advice)
    return Check(name="configuration", ok=True, found=f"{file or 'defaults'}, {config.mode} mode")


def terminal() -> Check:
    """What the output looks like; never a failure."""
    console = stdout_console()
    if not console.is_terminal:
        found = "not a terminal, so no colour"
    elif console.no_color:
        found = "a terminal, no colour because NO_COLOR is set"
    else:
        found = f"a terminal, {console.color_system or 'no'} colour, {console.width} columns"
    return Check(name="terminal", ok=True, found=found, is_required=False)
