"""What the pages of our HTTP servers have in common: error codes, and every body."""

import typing
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from tradewrit.runtime.serving.table import Row
from tradewrit.surfaces.docs.markdown import code, explained, fields_table, named_types, table


def errors_tables(statuses: Mapping[str, int], problem: type[msgspec.Struct]) -> str:
    """The status of every error code, and the fields of a problem document."""
    rows = ((code(name), str(status)) for name, status in statuses.items())
    return table(("`error_code`", "Status"), rows) + "\n" + fields_table(problem)


def bodies(endpoints: Iterable[Row], *more: type[msgspec.Struct]) -> str:
    """A section for every structure of a body, and of `more`, as a reader of the table meets them."""
    asked = [kind for one in endpoints for kind in (one.takes, one.gives) if kind is not None]
    return "".join(_section(kind) for kind in _with_parts([*asked, *more]))


def _with_parts(waiting: list[type[msgspec.Struct]]) -> Iterable[type[msgspec.Struct]]:
    """Each once, and behind it what it is made of."""
    seen: dict[type[msgspec.Struct], None] = {}
    while waiting:
        kind = waiting.pop(0)
        if kind not in seen:
            seen[kind] = None
            waiting = [*_inside(kind), *waiting]
    return seen


def _inside(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for hint in typing.get_type_hints(kind).values():
        yield from (one for one in named_types(hint) if issubclass(one, msgspec.Struct))


def _section(kind: type[msgspec.Struct]) -> str:
    return f"\n### {kind.__name__}\n\n{explained(kind)[0]}\n\n{fields_table(kind)}"
