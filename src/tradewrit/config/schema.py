"""What keys there are, walked from the types of the tree: for suggestions, pages and tables."""

from collections.abc import Iterator
from typing import Any

import msgspec
import msgspec.inspect as mi

from tradewrit.config.problems import joined, listed


class Leaf(msgspec.Struct, frozen=True):
    """One key that holds a value.

    path: dotted; `[]` stands for an item of a list. default: msgspec.NODEFAULT when it must be given.
    only_with: the alternative it belongs to (`type: bps`), empty where there is no choice.
    """

    path: str
    kind: mi.Type
    default: Any
    only_with: str = ""


def default_of(field: mi.Field) -> Any:
    """What the key holds when nobody sets it; msgspec.NODEFAULT when it must be set."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def alternatives(kind: mi.Type) -> dict[str, mi.StructType]:
    """The sections one may choose from by their tag; empty when there is no such choice."""
    if not isinstance(kind, mi.UnionType):
        return {}
    return {str(one.tag): one for one in kind.types if isinstance(one, mi.StructType)}


def without_none(kind: mi.Type) -> mi.Type:
    """The type itself where null is one more choice."""
    if not isinstance(kind, mi.UnionType):
        return kind
    others = tuple(one for one in kind.types if not isinstance(one, mi.NoneType))
    return others[0] if len(others) == 1 else mi.UnionType(others)


def takes_null(kind: mi.Type) -> bool:
    """Whether null is a value."""
    return isinstance(kind, mi.UnionType) and kind.includes_none


def leaves(kind: mi.StructType, path: str = "", only_with: str = "") -> Iterator[Leaf]:
    """Every key at or below a section, in the order of declaration."""
    for field in kind.fields:
        yield from _leaves_of(field.type, joined(path, field.encode_name), default_of(field), only_with)


def _leaves_of(kind: mi.Type, path: str, default: Any, only_with: str) -> Iterator[Leaf]:
    if choices := alternatives(kind):
        tag_field = str(next(iter(choices.values())).tag_field)
        chosen = default.__struct_config__.tag
        yield Leaf(joined(path, tag_field), mi.LiteralType(tuple(choices)), chosen, only_with)
        for tag, section in choices.items():
            yield from leaves(section, path, f"{tag_field}: {tag}")
    elif isinstance(kind, mi.StructType):
        yield from leaves(kind, path, only_with)
    elif isinstance(kind, mi.VarTupleType) and isinstance(kind.item_type, mi.StructType):
        yield from leaves(kind.item_type, f"{path}[]", only_with)
    else:
        yield Leaf(path, kind, default, only_with)


def words_of(kind: mi.Type) -> tuple[str, ...]:
    """The values to choose from; empty when there is no closed choice."""
    match kind:
        case mi.LiteralType(values=values):
            return tuple(str(value) for value in values)
        case mi.EnumType(cls=cls):
            return tuple(str(member.value) for member in cls)
        case _:
            return ()


def named(kind: mi.Type) -> str:
    """A type in a person's words.

    >>> named(mi.type_info(int | None))
    'whole number or null'
    """
    if takes_null(kind):
        return f"{named(without_none(kind))} or null"
    if words := words_of(kind):
        return listed(words)
    match kind:
        case mi.BoolType():
            return "true or false"
        case mi.IntType():
            return "whole number"
        case mi.DecimalType():
            return "number"
        case mi.StrType():
            return "text"
        case mi.FrozenSetType(item_type=item) | mi.VarTupleType(item_type=item):
            return f"list of {named(item)}"
        case _:
            return "section of text, numbers, true or false"
