"""The reference page of the configuration, generated, so that it cannot be out of date.

`docs/reference/configuration.md` holds what `configuration_page()` returns; a test compares them.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Final

from tradewrit.config.describing import Row, describe
from tradewrit.config.environment import RESERVED
from tradewrit.config.meanings import SECTIONS
from tradewrit.config.writing import as_data, value_text
from tradewrit.domain.limits import PROFILES, Limits

_INTRODUCTION: Final = """\
# Configuration

A desk is told what to do by one YAML file, and by environment variables laid on top of it. Every key
has a default, so an empty file is a configuration, and so is none at all. `examples/config.example.yaml`
is one to start from.

    tradewrit config check desk.yaml              # every mistake, with its file, line and key
    tradewrit config show --config desk.yaml      # what is in force, every key written out
    tradewrit config show --explain               # what each key means, and where its value came from

A key that does not exist is an error that names the nearest one that does; so is a key set twice, and a
value of the wrong kind. Numbers may be written with or without quotes; they are read from their text, so
`0.1` is exactly one tenth. No number may be negative. A setting such as a symbol named `ON` is text, even
though YAML would take it for true.

## From the environment

`TRADEWRIT_` and the key in capitals, two underscores for each dot: `TRADEWRIT_ACCOUNT__INITIAL_CASH=50000`
sets `account.initial_cash`. A value that begins with `[` or `{` is a YAML list or section, an empty one
counts as not set. A variable that starts with `TRADEWRIT_` and names no key is an error as well. These
are no keys:

| Variable | Meaning |
|---|---|
"""
_MASKING: Final = """
## What is not shown

`config show` writes `***` for the value of every key whose name speaks of a secret, token, password or key
to an interface. Secrets do not belong into this file.
"""


def configuration_page() -> str:
    """The whole page, in Markdown."""
    reserved = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in RESERVED.items())
    return _INTRODUCTION + reserved + "".join(_sections()) + _MASKING


def _sections() -> Iterator[str]:
    by_section = sorted(describe(), key=lambda row: list(SECTIONS).index(_section(row)))
    for name, rows in groupby(by_section, key=_section):
        title = f"`{name}`" if name else "The desk"
        head = f"\n## {title}\n\n{SECTIONS[name]}\n\n"
        table = "| Key | Type | Default | Meaning |\n|---|---|---|---|\n"
        yield head + table + "".join(map(_line, rows)) + (_profiles() if name == "risk" else "")


def _profiles() -> str:
    """What each limit profile changes."""
    base = as_data(Limits())
    head = "\nWhat a profile changes:\n\n| Profile | Numbers |\n|---|---|\n"
    return head + "".join(
        f"| `{name}` | {_changes(as_data(one), base)} |\n" for name, one in PROFILES.items()
    )


def _changes(numbers: Mapping[str, object], base: Mapping[str, object]) -> str:
    changed = [key for key, value in numbers.items() if key != "profile" and value != base[key]]
    return ", ".join(f"`{key}: {value_text(numbers[key])}`" for key in changed) or "those above"


def _section(row: Row) -> str:
    head, dot, _ = row.key.partition(".")
    return head.removesuffix("[]") if dot else ""


def _line(row: Row) -> str:
    default = f"`{row.default}`" if row.default else "must be given"
    meaning = f"With `{row.only_with}`: {row.meaning}" if row.only_with else row.meaning
    return f"| `{row.key}` | {row.type} | {default} | {meaning} |\n"
