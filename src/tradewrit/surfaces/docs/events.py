"""docs/reference/events.md: every event with its names, its fields, and who says and hears it."""

import ast
import inspect
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any, Final

import msgspec

from tradewrit.domain.events import (
    account,
    corporate,
    funding,
    market,
    orders,
    positions,
    review,
    risk,
    running,
    strategy,
    twins,
    writs,
)
from tradewrit.domain.events.base import Answer, Command, Event, MarketEvent, Query
from tradewrit.domain.events.registry import ALIASES, EVENTS, name_of
from tradewrit.domain.folding import FOLDS
from tradewrit.kernel import AGENTS, hears
from tradewrit.surfaces.docs.markdown import (
    code,
    explained,
    fields_table,
    named_types,
    said,
    table,
    value_text,
)

_COMMON: Final = frozenset({"at", "trace"})
_CHAPTERS: Final = (
    ("Market data", market),
    ("Strategy", strategy),
    ("Risk", risk),
    ("Review", review),
    ("Orders", orders),
    ("Two orders of one id", twins),
    ("Positions", positions),
    ("Corporate actions", corporate),
    ("Funding", funding),
    ("Account", account),
    ("Writs", writs),
    ("The desk at work", running),
)
_INTRODUCTION: Final = """\
# Events

Everything that can happen. A fact has a name of three parts (`order.submit.accepted`), a command one of two
(`order.submit`). In the journal an event is one JSON object: `event` is its name, `at` the time in UTC
nanoseconds, `trace` the trade it belongs to ("" for none), and then its own fields. Decimals are written as
text, times are integers; `Price` and `Qty` are decimals on the instrument's tick and lot. `decode` and
`encode` stand in `tradewrit.domain.events.registry`.

Market data, questions and their answers are never journalled; everything else is. *Changes the books* means
that replaying the journal has to see it; the rest explains. Said by nobody means: it comes from outside the
desk, from a person, a feed, a venue or the runtime.

"""


def events_page() -> str:
    """The whole page, in Markdown."""
    return _INTRODUCTION + _overview() + _aliases() + "".join(_chapters()) + _words()


def _overview() -> str:
    rows = (
        (
            f"[`{name_of(kind)}`](#{_anchor(kind)})",
            _sort(kind),
            "yes" if kind in FOLDS else "",
            ", ".join(speakers(kind)),
            ", ".join(listeners(kind)),
        )
        for kind in EVENTS
    )
    return table(("Event", "Sort", "Changes the books", "Said by", "Heard by"), rows)


def _aliases() -> str:
    head = (
        "\n## Other spellings\n\nAccepted in messages, and offered as a view; the journal holds canonical "
        "names only.\n\n"
    )
    return head + table(("Spelling", "Event"), ((code(old), code(new)) for old, new in ALIASES.items()))


def _chapters() -> Iterator[str]:
    for title, module in _CHAPTERS:
        yield f"\n## {title}\n"
        for kind in EVENTS:
            if kind.__module__ == module.__name__:
                yield _entry(kind)


def _entry(kind: type[Event]) -> str:
    fields = fields_table(kind, without=_COMMON)
    head = f"\n### `{name_of(kind)}`\n\n`{kind.__name__}`: {explained(kind)[0]}\n"
    return f"{head}\n{fields}" if fields else head


def _anchor(kind: type[Event]) -> str:
    """The heading's anchor, as GitHub makes it: points vanish."""
    return name_of(kind).replace(".", "")


def _sort(kind: type[Event]) -> str:
    sorts = ((Query, "question"), (Answer, "answer"), (MarketEvent, "market data"), (Command, "command"))
    return next((name for base, name in sorts if issubclass(kind, base)), "fact")


def _words() -> str:
    """Structures and enumerations that the fields above are made of."""
    parts = ["\n## Words in the fields\n"]
    for kind in _mentioned():
        if issubclass(kind, msgspec.Struct):
            parts.append(f"\n### {kind.__name__}\n\n{explained(kind)[0]}\n\n{fields_table(kind)}")
        else:
            values = ", ".join(code(value_text(one)) for one in typing.cast("Any", kind))
            parts.append(f"\n### {kind.__name__}\n\n{said(kind)} One of {values}.\n")
    return "".join(parts)


def _mentioned() -> list[type]:
    found: dict[str, type] = {}
    waiting: list[type] = list(EVENTS)
    while waiting:
        kind = waiting.pop(0)
        if not issubclass(kind, msgspec.Struct):
            continue
        for hint in typing.get_type_hints(kind).values():
            for named in named_types(hint):
                if named.__name__ not in found:
                    found[named.__name__] = named
                    waiting.append(named)
    return [found[name] for name in sorted(found)]


def listeners(kind: type[Event]) -> tuple[str, ...]:
    """Names of the agents that declare the event, in desk order."""
    return tuple(agent.NAME for agent in AGENTS if kind in hears(agent))


def speakers(kind: type[Event]) -> tuple[str, ...]:
    """Names of the agents whose code makes the event, in desk order."""
    return tuple(agent.NAME for agent in AGENTS if kind.__name__ in _made_by(agent))


@cache
def _made_by(agent: ModuleType) -> frozenset[str]:
    """Every name that an agent's code calls, there or in the functions of ours that it reaches."""
    found: set[str] = set()
    waiting: list[ModuleType | FunctionType] = [agent]
    seen = set(waiting)
    while waiting:
        part = waiting.pop()
        known = vars(part) if isinstance(part, ModuleType) else part.__globals__
        names = set(_calls(inspect.getsource(part)))
        found |= {name.rpartition(".")[2] for name in names}
        reached = {_resolved(known, name) for name in names}
        ours = {one for one in reached if isinstance(one, FunctionType) and _is_ours(one)} - seen
        seen |= ours
        waiting.extend(ours)
    return frozenset(found)


def _is_ours(function: FunctionType) -> bool:
    return function.__module__.startswith("tradewrit.")


def _resolved(known: Mapping[str, object], dotted: str) -> object:
    first, _, rest = dotted.partition(".")
    value = known.get(first)
    return getattr(value, rest, None) if rest else value


def _calls(source: str) -> Iterator[str]:
    """Names that are called, `name` or `module.name`, and those chosen between before they are."""
    for node in ast.walk(ast.parse(dedent(source))):
        match node:
            case ast.Call(func=ast.Name(name)):
                yield name
            case ast.Call(func=ast.Attribute(value=ast.Name(module), attr=name)):
                yield f"{module}.{name}"
            case ast.IfExp(body=ast.Name(name), orelse=ast.Name(other)):
                yield from (name, other)
            case _:
                continue
