"""docs/reference/states.md: the three state machines, printed from their transition tables."""

import inspect
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import ModuleType
from typing import Final

from tradewrit.domain import orders, reviews, trades
from tradewrit.surfaces.docs.markdown import code, table

_MACHINES: Final[tuple[tuple[str, ModuleType, str], ...]] = (
    ("Trades", trades, "One idea, from the first look to the last fill. Agents move it; no venue does."),
    ("Orders", orders, "What the desk knows of one order at the venue."),
    ("Reviews", reviews, "One question to people, about exactly what they were shown."),
)
_INTRODUCTION: Final = """\
# State machines

What is not in a table below is impossible: `advance(state, trigger)` raises `InvalidTransitionError`, which
names machine, state and trigger. A venue's report that asks for an impossible move is no exception: it is
recorded as `kernel.transition.refused`, kept whole as `order.report.quarantined`, and moves nothing.
"""
Table = Mapping[StrEnum, Mapping[StrEnum, StrEnum]]


def states_page() -> str:
    """The whole page, in Markdown."""
    return _INTRODUCTION + "".join(_machine(*machine) for machine in _MACHINES)


def _machine(title: str, module: ModuleType, meaning: str) -> str:
    moves: Table = module.TRANSITIONS
    notes = _notes(module)
    rows = [
        (code(state), code(on), code(after), notes.get((state.name, on.name), ""))
        for state, edges in moves.items()
        for on, after in edges.items()
    ]
    diagram = _diagram(moves, frozenset(_ends(module)))
    ends = ", ".join(code(state) for state in _ends(module))
    return f"\n## {title}\n\n{meaning} Source: `{module.__name__}`. Ends: {ends}.\n\n{diagram}\n" + table(
        ("In state", "on", "goes to", "because"), rows
    )


def _ends(module: ModuleType) -> Iterator[StrEnum]:
    moves: Table = module.TRANSITIONS
    terminal: frozenset[StrEnum] = getattr(
        module, "TERMINAL", frozenset(state for state in moves if not moves[state])
    )
    return (state for state in moves if state in terminal)


def _diagram(moves: Table, ends: frozenset[StrEnum]) -> str:
    """A Mermaid diagram: an arrow per pair of states, with every trigger that takes it."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(moves))}"]
    for state, edges in moves.items():
        for after in dict.fromkeys(edges.values()):
            triggers = ", ".join(on for on, target in edges.items() if target is after)
            lines.append(f"    {state} --> {after}: {triggers}")
    lines.extend(f"    {state} --> [*]" for state in moves if state in ends)
    return "\n".join([*lines, "```", ""])


def _notes(module: ModuleType) -> dict[tuple[str, str], str]:
    """The comments beside the edges, which say why an odd one is there: (state, trigger) -> comment."""
    notes: dict[tuple[str, str], str] = {}
    state = ""
    for line in inspect.getsource(module).splitlines():
        if opened := re.match(r" {4}_S\.(\w+): \{", line):
            state = opened[1]
        if edge := re.match(r" {8}\w+\.(\w+): _S\.\w+,  # (.*)", line):
            notes[state, edge[1]] = edge[2]
    return notes
