"""The one door: a file and an environment in, a `Config` or every mistake out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

import msgspec
import msgspec.inspect as mi

from tradewrit.config.environment import grafted
from tradewrit.config.nodes import compose_file
from tradewrit.config.problems import Problem
from tradewrit.config.reading import Reader
from tradewrit.config.tree import Config
from tradewrit.errors import ConfigError

_MOST_SHOWN: Final = 12


class Reading(msgspec.Struct, frozen=True):
    """What came of reading.

    config: None when there are problems. problems: every mistake, as they stand from the top of the file.
    places: for each key that was set, `file:line` or the variable that set it; the rest are defaults.
    """

    config: Config | None
    problems: tuple[Problem, ...]
    places: Mapping[str, str]


def read(path: Path | None, env: Mapping[str, str]) -> Reading:
    """Read a configuration and say everything that is wrong with it; raises nothing.

    path: a YAML file, or None for the defaults. env: its TRADEWRIT_ variables are laid on top.
    """
    problems: list[Problem] = []
    try:
        root = None if path is None else compose_file(path)
    except ConfigError as error:
        return Reading(None, (_whole_file(str(path), str(error)),), {})
    tree = grafted(root, env, problems)
    kind = cast("mi.StructType", mi.type_info(Config))
    reader = Reader(kind)
    config = reader.section(tree, kind, "", None)
    found = tuple(sorted((*problems, *reader.problems), key=_line))
    return Reading(config if isinstance(config, Config) and not found else None, found, reader.places)


def load(path: Path | None, env: Mapping[str, str]) -> Config:
    """The configuration in force: defaults, then the file, then the environment.

    Raises ConfigError with one line per mistake: `file:line: key: what was wrong, what is allowed`.
    """
    reading = read(path, env)
    if reading.config is None:
        raise ConfigError(told(reading.problems))
    return reading.config


def _line(problem: Problem) -> int:
    """For reading a file from the top; what stands in the environment comes first."""
    line = problem.place.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0


def told(problems: tuple[Problem, ...]) -> str:
    """Mistakes for a person to read, one a line; a long list is cut and says so."""
    lines = [str(problem) for problem in problems[:_MOST_SHOWN]]
    if len(problems) > _MOST_SHOWN:
        lines.append(f"and {len(problems) - _MOST_SHOWN} more")
    return "\n".join(lines)


def _whole_file(path: str, message: str) -> Problem:
    """A mistake that no key can be blamed for; its place is as much of the file as the message names."""
    place, _, what = message.partition(": ")
    return Problem(place, "", what) if place.startswith(path) else Problem(path, "", message)
