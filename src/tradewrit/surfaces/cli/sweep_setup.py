"""What the runs of a sweep go under: the configuration, with some of its keys set to other values."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from tradewrit.config.environment import process_environment, variable
from tradewrit.config.loading import load
from tradewrit.config.places import config_file
from tradewrit.config.tree import Config
from tradewrit.errors import ConfigError
from tradewrit.features.bars import Bars
from tradewrit.research.backtest.calendars import with_fitting_calendars
from tradewrit.research.backtest.setup import Setup
from tradewrit.surfaces.cli.prices import adjusted_prices, with_funding_of

SetupOf = Callable[[Mapping[str, str]], Setup]
_VARIABLE: Final = re.compile(r"(?:environment variable )?TRADEWRIT_([A-Z0-9_]+)")
_TWICE: Final = re.compile(r"(--param ([\w.]+): )\2: ")
# What no run can be different in: who decides, which bars there are, and where a journal would lie.
_OF_THE_DATA: Final = ("actions", "funding", "instruments", "calendar", "calendars")
_FIXED: Final = ("strategy", "data", "journal", "instruments", "mode", "seed")


def setups(file: Path | None, settings: Config, setup_from: Callable[[Config], Setup]) -> SetupOf:
    """A function from keys of the configuration to a setup.

    file: the configuration that `settings` were read from. A key is set as the environment sets it, so that
    it is read, checked and explained in one place. Raises ConfigError for a key or value that is none.
    """
    env = process_environment()

    def setup_of(keys: Mapping[str, str]) -> Setup:
        if not keys:
            return setup_from(settings)
        for key in keys:
            section = key.partition(".")[0]
            if section in _FIXED:
                advice = (
                    "name its parameters without a dot" if section == "strategy" else "set it in --config"
                )
                raise ConfigError(f"--param {key}: {section} is the same for every run of a sweep; {advice}")
        changed = {**env, **{variable(key): value for key, value in keys.items()}}
        try:
            return setup_from(load(file or config_file(env), changed))
        except ConfigError as error:
            told = _VARIABLE.sub(_as_key, str(error))
            raise ConfigError(_TWICE.sub(r"\1", told)) from error

    return setup_of


def prices_of(bars: list[Bars], setup_of: SetupOf, settings: Config) -> tuple[list[Bars], SetupOf]:
    """Bars and setups as the configuration wants prices shown, with the calendars that the bars fit."""
    first = setup_of({})
    adjusted = adjusted_prices(bars, first, settings.data)
    if adjusted is not None:
        bars, first = adjusted.bars, adjusted.setup
    common = with_fitting_calendars(bars, with_funding_of(bars, first, settings.data))

    def adjusted_setup_of(keys: Mapping[str, str]) -> Setup:
        shared = {name: getattr(common, name) for name in _OF_THE_DATA}
        return replace(setup_of(keys), **shared)

    return bars, adjusted_setup_of


def _as_key(found: re.Match[str]) -> str:
    """A key that was set as the environment sets it, under the name its owner gave it."""
    key = found[1].lower().replace("__", ".")
    return f"--param {key}" if found[0].startswith("environment") else key
