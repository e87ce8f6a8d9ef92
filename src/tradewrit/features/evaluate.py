"""Gives formulas numbers: over all bars at once, or bar by bar as they arrive; the same bits.

Whatever appears twice in the formulas is computed once, also when it was written twice.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import msgspec
import numpy as np

from tradewrit.domain.market import Bar
from tradewrit.features.bars import Bars
from tradewrit.features.hours import Reading
from tradewrit.features.rules import Column, Constant, Field, Remembering, Rule, Step
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


class Memory:
    """Features of some bars, kept for the next formulas over the same bars; the oldest make room.

    most_bytes: of columns kept. Only what remembers earlier bars (averages, RSI ...) is: the rest is cheap.
    """

    def __init__(self, most_bytes: int = 1 << 29) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._columns: OrderedDict[int, Column] = OrderedDict()
        # The rules are kept as well: a key may be no more than the identity of a part of one.
        self._numbers: dict[Hashable, tuple[int, Rule]] = {}

    def number(self, rule: Rule, sources: Sequence[int]) -> int:
        """The same for the same rule on the same sources, in whatever formulas they stand."""
        key = (type(rule), rule.key, *sources)
        return self._numbers.setdefault(key, (len(self._numbers), rule))[0]

    def find(self, number: int) -> Column | None:
        """The column of a feature, if it is still here."""
        found = self._columns.get(number)
        if found is not None:
            self._columns.move_to_end(number)
        return found

    def keep(self, number: int, column: Column) -> None:
        """Remember a column; nobody may write into it from now on."""
        column.flags.writeable = False
        self._columns[number] = column
        self._bytes += column.nbytes
        while self._bytes > self._most_bytes:
            self._bytes -= self._columns.popitem(last=False)[1].nbytes


def columns(outputs: Sequence[Series], *bars: Bars, memory: Memory | None = None) -> list[Column]:
    """Each output over all bars: float64, or bool for a condition; element i uses bars[: i + 1] only.

    bars: one symbol's; or those of several, equally long, and then every output has a row for each.
    memory: of earlier calls for the very same bars.
    """
    program = _compiled(outputs)
    numbers = _numbered(program, memory)
    known = _known(numbers, memory)
    shape = (len(bars[0]),) if len(bars) == 1 else (len(bars), len(bars[0]))
    last_use = _last_uses(program)
    values: list[Any] = [known.get(k) for k in range(len(program.lines))]
    with np.errstate(all="ignore"):
        for k in _missing(program, known):
            line = program.lines[k]
            match line.rule:
                case Field(name=name):
                    fields = [getattr(one, name) for one in bars]
                    values[k] = fields[0] if len(bars) == 1 else np.stack(fields)
                case Constant(value=value):
                    values[k] = value
                case rule:
                    values[k] = rule.column(shape, *(values[i] for i in line.sources))
                    if memory is not None and isinstance(rule, Remembering):
                        memory.keep(numbers[k], values[k])
            for i in line.sources:
                if last_use[i] == k:
                    values[i] = None
    return [values[k] for k in program.outputs]


def reads_hours(outputs: Sequence[Series]) -> bool:
    """Whether any of the formulas asks when the market is open."""
    return any(isinstance(line.rule, Reading) for line in _compiled(outputs).lines)


def program_key(outputs: Sequence[Series], memory: Memory) -> Hashable:
    """Equal for outputs that compute the same over the bars of this memory."""
    program = _compiled(outputs)
    numbers = _numbered(program, memory)
    return tuple(numbers[k] for k in program.outputs)


def _numbered(program: _Program, memory: Memory | None) -> list[int]:
    numbers: list[int] = []
    if memory is None:
        return numbers
    for line in program.lines:
        numbers.append(memory.number(line.rule, [numbers[i] for i in line.sources]))
    return numbers


def _known(numbers: list[int], memory: Memory | None) -> dict[int, Column]:
    """The lines whose columns are remembered."""
    if memory is None:
        return {}
    found = ((k, memory.find(number)) for k, number in enumerate(numbers))
    return {k: column for k, column in found if column is not None}


def _missing(program: _Program, known: dict[int, Column]) -> list[int]:
    """The lines to compute, sources first: without those that only lead to what is known."""
    wanted: set[int] = set()
    pending = list(program.outputs)
    while pending:
        k = pending.pop()
        if k not in wanted and k not in known:
            wanted.add(k)
            pending.extend(program.lines[k].sources)
    return sorted(wanted)


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
