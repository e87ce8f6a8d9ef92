"""A configuration as plain values and as YAML that reads back to the same; secrets leave as ***."""

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import msgspec
import yaml

from tradewrit.config.numbers import is_number
from tradewrit.domain.money import EXACT, canonical

MASK: Final = "***"
_SECRET: Final = re.compile(
    r"secret|passw|passphrase|token|credential|(api|access|private|signing|encryption)[-_.]?key",
    re.IGNORECASE,
)
_YAML: Final = "tag:yaml.org,2002:"


def is_secret(key: str) -> bool:
    """Whether a key's name says that its value must not be shown.

    >>> is_secret("alpaca_api_key"), is_secret("window")
    (True, False)
    """
    return _SECRET.search(key) is not None


def as_data(tree: msgspec.Struct) -> dict[str, object]:
    """The tree as mappings, lists and scalars, keys in the order of declaration, secrets masked."""
    tag = tree.__struct_config__.tag
    data: dict[str, object] = {} if tag is None else {str(tree.__struct_config__.tag_field): tag}
    for name in tree.__struct_fields__:
        data[name] = _shown(name, getattr(tree, name))
    return data


def _shown(key: str, value: object) -> object:
    if is_secret(key) and value is not None:
        return MASK
    match value:
        case msgspec.Struct():
            return as_data(value)
        case Enum():
            return value.value
        case Decimal():
            return _shortest(value)
        case frozenset():
            return sorted(value)
        case tuple():
            return [_shown("", item) for item in value]
        case Mapping():
            return {name: _free(name, item) for name, item in value.items()}
        case _:
            return value


def _free(key: str, value: object) -> object:
    """A value whose type no key declares: its spelling must say it, so 5.0 keeps its point."""
    if is_secret(key) and value is not None:
        return MASK
    return canonical(value) if isinstance(value, Decimal) else value


def _shortest(amount: Decimal) -> Decimal:
    return Decimal(format(amount.normalize(EXACT), "f"))


class _Dumper(yaml.SafeDumper):
    """Decimals in plain digits; text that would read back as a number in quotes; no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML calls it so
        return True


def _write_decimal(dumper: yaml.SafeDumper, amount: Decimal) -> yaml.ScalarNode:
    digits = format(amount, "f")
    return dumper.represent_scalar(_YAML + ("float" if "." in digits else "int"), digits)


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(_YAML + "str", text, style=_quotes(text))


def _quotes(text: str) -> str | None:
    """Double quotes escape what single ones would fold: PyYAML loses a lone U+0085 there."""
    if not text.isprintable():
        return '"'
    return "'" if is_number(text) else None


_Dumper.add_representer(Decimal, _write_decimal)
_Dumper.add_representer(str, _write_text)


def as_yaml(tree: msgspec.Struct) -> str:
    """The tree as a YAML document, one key per line, in the order of declaration."""
    return yaml.dump(as_data(tree), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def value_text(value: object) -> str:
    """One value on one line, as YAML would write it.

    >>> value_text(Decimal("0.20")), value_text(None), value_text(frozenset({"TSLA", "AAPL"}))
    ('0.2', 'null', '[AAPL, TSLA]')
    """
    text: str = yaml.dump(
        _shown("", value), Dumper=_Dumper, default_flow_style=True, allow_unicode=True, width=10_000
    )
    return text.removesuffix("\n").removesuffix("\n...").strip()
