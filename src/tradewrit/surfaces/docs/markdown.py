"""Markdown tables, and types and values in words. Knows no page."""

import inspect
import re
import types
import typing
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Literal

import msgspec

_WORDS: Final = {
    bool: "true or false",
    bytes: "bytes",
    Decimal: "decimal",
    float: "float",
    int: "integer",
    str: "text",
    type(None): "null",
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar inside a cell is escaped, so that it cannot end the cell."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def code(text: object) -> str:
    """`text` in code type; nothing at all for nothing."""
    return f"`{text}`" if str(text) else ""


def said(subject: object) -> str:
    """The docstring on one line."""
    return " ".join((inspect.getdoc(subject) or "").split())


def explained(kind: type[msgspec.Struct]) -> tuple[str, dict[str, str]]:
    """What a structure's docstring says of it, and of its fields (`quantity, price: of this fill`)."""
    one = "|".join(kind.__struct_fields__) or "$"
    summary, *items = re.split(rf"(?:^|(?<=[.:]) )((?:{one})(?:, (?:{one}))*): ", said(kind))
    meanings = {name: text for names, text in batched(items) for name in names.split(", ")}
    return summary.strip(), meanings


def batched(items: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of neighbours."""
    return zip(items[::2], items[1::2], strict=True)


def type_text(hint: Any) -> str:
    """A type in words: `decimal`, `list of Bar`, `Price or null`."""
    if hint in _WORDS:
        return _WORDS[hint]
    if isinstance(hint, typing.NewType | type):
        return hint.__name__
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in inner)
    if origin in {typing.Union, types.UnionType}:
        return " or ".join(type_text(one) for one in inner)
    if origin in {tuple, frozenset}:
        return f"{'list' if origin is tuple else 'set'} of {type_text(inner[0])}"
    if origin is dict:
        return f"{type_text(inner[1])} by {type_text(inner[0])}"
    raise TypeError(f"there are no words for {hint!r} yet")


def value_text(value: object) -> str:
    """A value as a reader would write it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    return f"{value:,f}" if isinstance(value, Decimal) else str(value)


def named_types(hint: Any) -> Iterator[type]:
    """Every structure and every enumeration that a type mentions."""
    if isinstance(hint, type) and issubclass(hint, Enum | msgspec.Struct):
        yield hint
    for inner in typing.get_args(hint):
        yield from named_types(inner)


def fields_table(kind: type[msgspec.Struct], *, without: frozenset[str] = frozenset()) -> str:
    """Fields of a structure with type, default and meaning; "" when there are none to show."""
    hints = typing.get_type_hints(kind)
    _, meanings = explained(kind)
    rows = [
        (code(field.name), type_text(hints[field.name]), _default(field), meanings.get(field.name, ""))
        for field in msgspec.structs.fields(kind)
        if field.name not in without
    ]
    return table(("Field", "Type", "Default", "Meaning"), rows) if rows else ""


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default is msgspec.NODEFAULT:
        return "" if field.default_factory is msgspec.NODEFAULT else "empty"
    if isinstance(field.default, msgspec.Struct):
        return "its defaults"
    return "empty" if field.default in {"", ()} else code(value_text(field.default))
