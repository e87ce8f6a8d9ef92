"""The environment on top of the file: TRADEWRIT_ACCOUNT__INITIAL_CASH is account.initial_cash.

A value is text as it stands; one that begins with [ or { is a YAML list or section. An empty value
counts as not set. Nothing else in the package reads the environment.
"""

import os
from collections.abc import Mapping
from typing import Final

import yaml

from tradewrit.config.nodes import compose, is_null, key_node, kind_of, mapping_node, text_node
from tradewrit.config.problems import Problem
from tradewrit.errors import ConfigError

PREFIX: Final = "TRADEWRIT_"
NESTS: Final = "__"
RESERVED: Final[Mapping[str, str]] = {
    "TRADEWRIT_CONFIG": "The configuration file to read when no `--config` is given.",
    "TRADEWRIT_DEBUG": "Show the traceback of a failure, as `--debug` does.",
    "TRADEWRIT_HOME": "The data folder: journals, credentials and whatever else must last.",
    "TRADEWRIT_KEY_FILE": "The key that opens the sealed store, as `--key-file` names it.",
    "TRADEWRIT_PASSPHRASE_FILE": "The passphrase of the sealed store, as `--passphrase-file` names it.",
}
"""Variables that are no configuration key, and what they mean."""


def process_environment() -> dict[str, str]:
    """The environment of this process, for surfaces to hand to `load`."""
    return dict(os.environ)


def variable(path: str) -> str:
    """The environment variable that sets a key.

    >>> variable("account.initial_cash")
    'TRADEWRIT_ACCOUNT__INITIAL_CASH'
    """
    return PREFIX + path.replace(".", NESTS).upper()


def source(name: str) -> str:
    """What a message calls the place of a value from the environment."""
    return f"environment variable {name}"


def grafted(root: yaml.Node | None, env: Mapping[str, str], problems: list[Problem]) -> yaml.Node:
    """The file's document with every TRADEWRIT_ variable set on top; `problems` takes what cannot be set.

    The document itself stays as it was: an anchor may share a section with another place.
    """
    tree: yaml.Node = mapping_node([], key_node("", "environment")) if root is None else root
    if not isinstance(tree, yaml.MappingNode):
        return tree
    for keys, name in _variables(env, problems):
        try:
            value = _value_node(env[name], name)
        except ConfigError as error:
            problems.append(Problem(source(name), "", str(error).removeprefix(f"{source(name)}:").strip()))
            continue
        tree = _with(tree, keys, 0, value, name, problems)
    return tree


def _variables(env: Mapping[str, str], problems: list[Problem]) -> list[tuple[tuple[str, ...], str]]:
    """Keys and name of each variable that counts; a whole section before the keys inside it."""
    found: dict[tuple[str, ...], str] = {}
    for name in sorted(env):
        folded = name.upper()
        if not folded.startswith(PREFIX) or folded in RESERVED or not env[name]:
            continue
        keys = tuple(folded.removeprefix(PREFIX).lower().split(NESTS))
        if keys in found:
            problems.append(
                Problem(source(name), ".".join(keys), f"is set by {found[keys]} as well; keep one")
            )
            continue
        found[keys] = name
    return sorted(found.items())


def _value_node(text: str, name: str) -> yaml.Node:
    if text.lstrip().startswith(("[", "{")):
        node = compose(text, source(name), is_file=False)
        if node is not None:
            return node
    return text_node(text, source(name))


def _with(
    tree: yaml.MappingNode,
    keys: tuple[str, ...],
    depth: int,
    value: yaml.Node,
    name: str,
    problems: list[Problem],
) -> yaml.MappingNode:
    """A copy of `tree` in which `keys[depth:]` lead to `value`."""
    place = source(name)
    at = next((i for i, (key, _) in enumerate(tree.value) if str(key.value).lower() == keys[depth]), None)
    if depth == len(keys) - 1:
        inner = value
    else:
        held = None if at is None else tree.value[at][1]
        if held is None or is_null(held):
            held = mapping_node([], key_node("", place))
        if not isinstance(held, yaml.MappingNode):
            path = ".".join(keys[: depth + 1])
            problems.append(
                Problem(place, path, f"is {kind_of(held)}, not a section: set {variable(path)} itself")
            )
            return tree
        inner = _with(held, keys, depth + 1, value, name, problems)
    entries = list(tree.value)
    if at is None:
        entries.append((key_node(keys[depth], place), inner))
    else:
        # The key moves with a whole value, and stays where it was around a changed section.
        key = key_node(str(entries[at][0].value), place) if inner is value else entries[at][0]
        entries[at] = (key, inner)
    return mapping_node(entries, tree)
