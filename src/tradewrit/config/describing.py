"""Every key with its type, default and meaning, for tables and for the reference page."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
import msgspec.inspect as mi

from tradewrit.config.environment import variable
from tradewrit.config.meanings import MEANINGS
from tradewrit.config.problems import listed
from tradewrit.config.schema import Leaf, leaves, named
from tradewrit.config.tree import Config
from tradewrit.config.writing import value_text
from tradewrit.domain.limits import PROFILES


class Row(msgspec.Struct, frozen=True):
    """One key.

    key: dotted path; `[]` stands for an item of a list. variable: what sets it from the environment,
    empty inside a list. type: what it takes, in words. default: as YAML writes it, empty when it must
    be given. only_with: the alternative it belongs to, such as `type: bps`.
    """

    key: str
    variable: str
    type: str
    default: str
    meaning: str
    only_with: str


class Setting(msgspec.Struct, frozen=True):
    """What one key holds now: its value as YAML writes it, and where that was said."""

    key: str
    value: str
    place: str


def describe() -> list[Row]:
    """Every key there is, in the order of the tree."""
    return [_row(leaf) for leaf in leaves(_root())]


def settings(config: Config, places: Mapping[str, str]) -> list[Setting]:
    """Every key in force with its value; secrets masked.

    places: from `config.loading.read`; a key that is not there is `default`.
    """
    found: list[Setting] = []
    _collect(config.to_data(), "", places, found)
    return found


def _collect(data: Any, path: str, places: Mapping[str, str], found: list[Setting]) -> None:
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            _collect(value, f"{path}.{key}" if path else str(key), places, found)
    elif isinstance(data, list) and data and isinstance(data[0], Mapping):
        for at, item in enumerate(data):
            _collect(item, f"{path}[{at}]", places, found)
    else:
        found.append(Setting(path, value_text(data), places.get(path, "default")))


def _row(leaf: Leaf) -> Row:
    return Row(
        key=leaf.path,
        variable="" if "[]" in leaf.path else variable(leaf.path),
        type=listed(PROFILES) if leaf.path == "risk.profile" else named(leaf.kind),
        default="" if leaf.default is msgspec.NODEFAULT else value_text(leaf.default),
        meaning=MEANINGS[leaf.path],
        only_with=leaf.only_with,
    )


def _root() -> mi.StructType:
    return cast("mi.StructType", mi.type_info(Config))
