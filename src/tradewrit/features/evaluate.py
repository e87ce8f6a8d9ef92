"""Gives formulas numbers: over all bars at once, or bar by bar as they arrive; the same bits.

Whatever appears twice in the formulas is computed once, also when it was written twice.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import msgspec
import numpy as np

from tradewrit.domain.market import Bar
from tradewrit.features.bars import Bars
from tradewrit.features.rules import Column, Constant, Field, Rule, Step
from tradewrit.features.series import Series


class _Line(msgspec.Struct, frozen=True, eq=False):
    """One distinct node: its rule and the lines its sources stand on."""

    rule: Rule
    sources: tuple[int, ...]


class _Program(msgspec.Struct, frozen=True, eq=False):
    """The distinct nodes of some formulas, sources first."""

    lines: list[_Line]
    outputs: list[int]


def warmup(outputs: Sequence[Series]) -> int:
    """How many bars pass before every output can have a number; the next bar is the first that does."""
    return max((output.warmup for output in outputs), default=0)


def columns(outputs: Sequence[Series], bars: Bars) -> list[Column]:
    """Each output over all bars: float64, or bool for a condition; element i uses bars[: i + 1] only."""
    program = _compiled(outputs)
    length = len(bars)
    last_use = _last_uses(program)
    values: list[Any] = [None] * len(program.lines)
    with np.errstate(all="ignore"):
        for k, line in enumerate(program.lines):
            match line.rule:
                case Field(name=name):
                    values[k] = getattr(bars, name)
                case Constant(value=value):
                    values[k] = value
                case rule:
                    values[k] = rule.column(length, *(values[i] for i in line.sources))
            for i in line.sources:
                if last_use[i] == k:
                    values[i] = None
    return [values[k] for k in program.outputs]


class Stepper:
    """Formulas fed one bar at a time. One stepper serves one symbol.

    After n updates it has given what `columns` gives for those n bars, bit for bit.
    """

    def __init__(self, outputs: Sequence[Series]) -> None:
        program = _compiled(outputs)
        self._values: list[Any] = [None] * len(program.lines)
        self._fields: list[tuple[int, str]] = []
        self._steps: list[Callable[[], None]] = []
        self._outputs = program.outputs
        self.warmup = warmup(outputs)
        for k, line in enumerate(program.lines):
            match line.rule:
                case Field(name=name):
                    self._fields.append((k, name))
                case Constant(value=value):
                    self._values[k] = value
                case rule:
                    self._steps.append(_bound(rule.stepper(), self._values, k, line.sources))

    def update(self, bar: Bar) -> tuple[float | bool, ...]:
        """The outputs on one more bar, in order: NaN or False while one is warming up."""
        values = self._values
        for k, name in self._fields:
            values[k] = getattr(bar, name)
        for step in self._steps:
            step()
        return tuple([values[k] for k in self._outputs])


def _bound(step: Step, values: list[Any], target: int, sources: tuple[int, ...]) -> Callable[[], None]:
    """A step that reads and writes fixed places; one and two sources, the common case, without unpacking."""
    match sources:
        case (a,):

            def run() -> None:
                values[target] = step(values[a])

        case (a, b):

            def run() -> None:
                values[target] = step(values[a], values[b])

        case _:

            def run() -> None:
                values[target] = step(*[values[i] for i in sources])

    return run


def _compiled(outputs: Sequence[Series]) -> _Program:
    """Number the distinct nodes: the same rule on the same sources is the same line."""
    lines: list[_Line] = []
    line_of_key: dict[Hashable, int] = {}
    line_of_node: dict[int, int] = {}
    pending = list(reversed(outputs))
    while pending:
        node = pending[-1]
        if not isinstance(node, Series):
            raise TypeError(f"an output must be a series or a condition, not {node!r}")
        missing = [source for source in node.sources if id(source) not in line_of_node]
        if missing:
            pending.extend(missing)
            continue
        pending.pop()
        sources = tuple(line_of_node[id(source)] for source in node.sources)
        key = (type(node.rule), node.rule.key, sources)
        if key not in line_of_key:
            line_of_key[key] = len(lines)
            lines.append(_Line(node.rule, sources))
        line_of_node[id(node)] = line_of_key[key]
    return _Program(lines, [line_of_node[id(output)] for output in outputs])


def _last_uses(program: _Program) -> dict[int, int]:
    """For each line that is no output, the last line that reads it: its memory is free after that."""
    last_use = {i: k for k, line in enumerate(program.lines) for i in line.sources}
    for k in program.outputs:
        last_use[k] = -1
    return last_use
