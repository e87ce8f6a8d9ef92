"""One YAML scalar as one value. Each function raises ValueError with what is allowed here.

Reads the text, not YAML's guess at it: a symbol may be ON or 005930, a number is never a float.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec.inspect as mi
import yaml

from tradewrit.config.nodes import BOOL, NULL, has_foreign_tag, is_null, is_plain, kind_of
from tradewrit.config.numbers import exact, is_number, is_whole, whole
from tradewrit.config.problems import listed, nearest
from tradewrit.config.schema import named, words_of

_TRUE: Final = frozenset({"true", "yes", "on"})
_NUMERIC: Final = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


def typed(node: yaml.Node, kind: mi.Type) -> object:
    """The value of a key that declares its kind."""
    text = _text(node)
    if is_null(node):
        raise ValueError(f"needs a value: {named(kind)}")
    if words := words_of(kind):
        chosen = choice(node, words)
        return kind.cls(chosen) if isinstance(kind, mi.EnumType) else chosen
    match kind:
        case mi.BoolType():
            if node.tag != BOOL:
                raise ValueError(f"must be true or false, not {kind_of(node)}")
            return text.lower() in _TRUE
        case mi.StrType():
            return _tidy(text)
        case _:
            return _number(text, kind)


def free(node: yaml.Node) -> str | int | Decimal | bool | None:
    """The value of a key that declares nothing: its spelling says what it is."""
    text = _text(node)
    if node.tag == BOOL:
        return text.lower() in _TRUE
    if node.tag == NULL:
        return None
    if not (node.tag in _NUMERIC or (is_plain(node) and is_number(text))):
        return text
    try:
        return whole(text) if is_whole(text) else exact(text)
    except ValueError as error:
        raise ValueError(f"{error}; put text in quotes") from None


def choice(node: yaml.Node, words: Sequence[str]) -> str:
    """One of `words`."""
    given = node.value if isinstance(node, yaml.ScalarNode) else ""
    if given in words:
        return str(given)
    meant = nearest(given, words)
    guess = f"; did you mean {meant}?" if meant else ""
    raise ValueError(f"must be {listed(words)}, not {kind_of(node)}{guess}")


def _text(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError(f"must be a single value, not {kind_of(node)}")  # noqa: TRY004 - the one way to refuse here
    if has_foreign_tag(node):
        raise ValueError(f"the YAML tag {node.tag} has no meaning here; leave it out")
    return str(node.value)


def _number(text: str, kind: mi.Type) -> int | Decimal:
    """A declared number. None of our keys means anything below zero."""
    try:
        number = whole(text) if isinstance(kind, mi.IntType) else exact(text)
    except ValueError as error:
        raise ValueError(f"{error}, not {text[:40]!r}") from None
    if number < 0:
        raise ValueError(f"must not be negative: {text[:40]}")
    return number


def _tidy(text: str) -> str:
    if not text or text.strip() != text or not text.isprintable():
        raise ValueError("must be text in printable characters, not empty and with no space at either end")
    return text
