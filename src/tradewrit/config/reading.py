"""From YAML nodes to the frozen tree: every mistake is collected with its place, none stops the reading."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import msgspec.inspect as mi
import yaml

from tradewrit.config.environment import PREFIX, RESERVED, variable
from tradewrit.config.nodes import is_from_file, is_null, kind_of, place_of
from tradewrit.config.problems import Problem, joined, listed, nearest
from tradewrit.config.scalars import choice, free, typed
from tradewrit.config.schema import alternatives, default_of, leaves, takes_null, without_none
from tradewrit.domain.limits import PROFILES, Limits

_RESERVED_KEYS: Final = tuple(name.removeprefix(PREFIX).lower() for name in RESERVED)
BAD: Final = object()
"""In place of a value that could not be read; the reason is among the problems."""

Entries = dict[str, tuple[yaml.Node, yaml.Node]]
"""Key and value nodes of a section, by the key's name."""


class Reader:
    """Reads one document.

    problems: what was wrong, in the order it was met. places: where each key that was set stands.
    """

    def __init__(self, root: mi.StructType) -> None:
        self.problems: list[Problem] = []
        self.places: dict[str, str] = {}
        self._leaves = {leaf.path: leaf for leaf in leaves(root)}

    def section(self, node: yaml.Node, kind: mi.StructType, path: str, base: Any) -> Any:
        """A section as a struct: what the node sets, on top of `base` or of the type's own defaults.

        BAD when anything in it is wrong.
        """
        entries = self._entries(node, path)
        if entries is None:
            return BAD
        if kind.tag_field is not None:
            entries.pop(kind.tag_field, None)
        if kind.cls is Limits:
            base = self._profile(entries, path, base)
        before = len(self.problems)
        values = self._values(entries, kind, path, base)
        missing = [name for name, value in values.items() if value is msgspec.NODEFAULT]
        if missing:
            self._problem(node, path, f"needs {' and '.join(missing)} as well")
        return BAD if len(self.problems) > before else self._made(kind, values, path, node)

    def _values(self, entries: Entries, kind: mi.StructType, path: str, base: Any) -> dict[str, Any]:
        fields = {field.encode_name: field for field in kind.fields}
        values = {
            field.name: default_of(field) if base is None else getattr(base, field.name)
            for field in kind.fields
        }
        for name, (key, node) in entries.items():
            if name not in fields:
                self._unknown(key, joined(path, name), path, [*filter(None, [kind.tag_field]), *fields])
                continue
            held = values[fields[name].name]
            value = self._value(node, fields[name].type, joined(path, name), held)
            # Equal amounts are byte-equal: what repeats the default is the default, though 1000 == 1000.00.
            values[fields[name].name] = held if value == held else value
        return values

    def _value(self, node: yaml.Node, kind: mi.Type, path: str, base: Any) -> Any:
        """Any value; BAD when it cannot be one of this kind."""
        self.places[path] = place_of(node)
        if takes_null(kind) and is_null(node):
            return None
        if choices := alternatives(kind):
            return self._alternative(node, choices, path, base)
        kind = without_none(kind)
        match kind:
            case mi.StructType():
                return self.section(node, kind, path, None if base is msgspec.NODEFAULT else base)
            case mi.VarTupleType(item_type=item):
                return self._items(node, item, path, tuple)
            case mi.FrozenSetType(item_type=item):
                return self._items(node, item, path, frozenset)
            case mi.DictType():
                return self._parameters(node, path)
            case _:
                return self._scalar(node, path, lambda: typed(node, kind))

    def _entries(self, node: yaml.Node, path: str) -> Entries | None:
        """What the section holds; None when it is no section. A repeated key is a problem."""
        if is_null(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            self._problem(node, path, f"must be a section with keys below it, not {kind_of(node)}")
            return None
        entries: Entries = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._problem(key, path, f"a key must be one word, not {kind_of(key)}")
            elif key.value in entries:
                first = place_of(entries[key.value][0])
                self._problem(key, joined(path, key.value), f"is set twice; the first is at {first}")
            else:
                entries[key.value] = (key, value)
        return entries

    def _profile(self, entries: Entries, path: str, base: Any) -> Any:
        """The named limit profile, on which the other keys of the section are laid."""
        if "profile" not in entries:
            return base
        _, node = entries["profile"]
        name = self._scalar(node, joined(path, "profile"), lambda: choice(node, list(PROFILES)))
        if name is BAD:
            del entries["profile"]
            return base
        return PROFILES[name]

    def _alternative(
        self, node: yaml.Node, choices: Mapping[str, mi.StructType], path: str, base: Any
    ) -> Any:
        """The section whose tag the node names; without a tag, the one that `base` is."""
        entries = self._entries(node, path)
        if entries is None:
            return BAD
        tag_field = str(next(iter(choices.values())).tag_field)
        tag = base.__struct_config__.tag
        if tag_field in entries:
            _, given = entries[tag_field]
            tag = self._scalar(given, joined(path, tag_field), lambda: choice(given, list(choices)))
            if tag is BAD:
                return BAD
        kind = choices[tag]
        return self.section(node, kind, path, base if isinstance(base, kind.cls) else None)

    def _items(self, node: yaml.Node, item: mi.Type, path: str, make: Callable[[list[Any]], Any]) -> Any:
        if is_null(node):
            return make([])
        if not isinstance(node, yaml.SequenceNode):
            return self._problem(node, path, f"must be a list, not {kind_of(node)}")
        items = [
            self._value(one, item, f"{path}[{place}]", msgspec.NODEFAULT)
            for place, one in enumerate(node.value)
        ]
        return BAD if any(one is BAD for one in items) else make(items)

    def _parameters(self, node: yaml.Node, path: str) -> Any:
        entries = self._entries(node, path)
        if entries is None:
            return BAD
        values = {
            name: self._scalar(value, joined(path, name), lambda value=value: free(value))  # type: ignore[misc]
            for name, (_, value) in entries.items()
        }
        return BAD if any(one is BAD for one in values.values()) else values

    def _scalar(self, node: yaml.Node, path: str, read: Callable[[], object]) -> Any:
        self.places[path] = place_of(node)
        try:
            return read()
        except ValueError as error:
            return self._problem(node, path, str(error))

    def _made(self, kind: mi.StructType, values: dict[str, Any], path: str, node: yaml.Node) -> Any:
        try:
            return kind.cls(**values)
        except ValueError as error:
            key, message = self._blamed(str(error), path, list(values))
            self.problems.append(Problem(self.places.get(key, place_of(node)), key, message))
            return BAD

    def _blamed(self, message: str, path: str, names: list[str]) -> tuple[str, str]:
        """The key that a struct's own complaint is about, and the complaint without that name in front."""
        head, colon, rest = message.partition(": ")
        if colon and joined(path, head) in self.places:
            return joined(path, head), rest
        mentioned = [(found.start(), name) for name in names if (found := re.search(rf"\b{name}\b", message))]
        for _, name in sorted(mentioned):
            if joined(path, name) in self.places:
                return joined(path, name), message.removeprefix(f"{name} ")
        return path, message

    def _unknown(self, key: yaml.Node, full: str, path: str, known: list[str]) -> None:
        """Say which key was probably meant: a neighbour, or one of that name elsewhere."""
        name = full.removeprefix(f"{path}.")
        if "." in name:
            self._problem(key, full, f"unknown key; nest it: {name.replace('.', ': {', 1)}: ...}}")
            return
        in_file = is_from_file(key)
        options = known if in_file else [joined(path, one) for one in known]
        spelt = str if in_file else variable
        choices = f"known here: {listed(map(spelt, options))}"
        if other := self._leaves.get(full):
            self._problem(key, full, f"has a meaning only with {other.only_with}; {choices}")
            return
        near = nearest(name, known if in_file or path else [*known, *_RESERVED_KEYS])
        meant = self._elsewhere(name) if near is None else near if in_file else joined(path, near)
        guess = f"did you mean {spelt(meant)}?" if meant else choices
        self._problem(key, full, f"unknown key; {guess}")

    def _elsewhere(self, name: str) -> str | None:
        """A key of this name in another section, or the one meant by account_initial_cash."""
        matches = (path for path in self._leaves if name in {path.rpartition(".")[2], path.replace(".", "_")})
        return next((path for path in matches if "[]" not in path), None)

    def _problem(self, node: yaml.Node, path: str, message: str) -> object:
        self.problems.append(Problem(place_of(node), path, message))
        return BAD
