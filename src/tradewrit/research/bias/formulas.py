"""The formulas of a columnar strategy, taken apart: every step that gives a value, by name."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.instruments import Instrument
from tradewrit.errors import StrategyError
from tradewrit.features.bars import Bars
from tradewrit.features.evaluate import columns
from tradewrit.features.hours import Hours
from tradewrit.features.rules import Constant, Field, OnGrid
from tradewrit.features.series import Condition, Series
from tradewrit.research.bias.subject import Subject
from tradewrit.strategies.base import CONDITIONS, Strategy
from tradewrit.strategies.evaluation import formulas_of

_LONGEST: Final = 90

Column = NDArray[Any]


class Node(msgspec.Struct, frozen=True, eq=False):
    """One step of the formulas.

    sources: places of the steps it is computed from. feeds: the conditions and inputs it ends up in.
    """

    series: Series
    sources: tuple[int, ...]
    feeds: tuple[str, ...]

    @property
    def is_condition(self) -> bool:
        """Whether it says yes or no."""
        return isinstance(self.series, Condition)

    @property
    def decides(self) -> bool:
        """Whether a condition depends on it."""
        return any(name in CONDITIONS for name in self.feeds)

    @property
    def text(self) -> str:
        """The formula, cut short, and where it is used."""
        written = repr(self.series)
        short = written if len(written) <= _LONGEST else f"{written[:_LONGEST]}..."
        return f"{short} in {', '.join(self.feeds)}"


def nodes_of(strategy: Strategy, instrument: Instrument, hours: Hours | None = None) -> list[Node]:
    """Every step of a strategy's formulas, sources first; the bars' own columns and constants left out.

    Raises StrategyError when the strategy cannot say its formulas.
    """
    formulas = formulas_of(strategy, instrument, hours)
    outputs = {name: getattr(formulas, name) for name in CONDITIONS if getattr(formulas, name) is not None}
    outputs |= {f"input {name}": series for name, series in formulas.inputs.items()}
    found: dict[int, Series] = {}
    feeds: dict[int, list[str]] = {}
    for name, output in outputs.items():
        for series in _sources_first(output):
            found[id(series)] = series
            feeds.setdefault(id(series), []).append(name)
    place = {key: k for k, key in enumerate(found)}
    return [
        Node(series, tuple(place[id(one)] for one in series.sources if id(one) in place), tuple(feeds[key]))
        for key, series in found.items()
    ]


def nodes_in(subject: Subject, symbol: str) -> list[Node]:
    """Those of a subject's strategy for one of its symbols."""
    return nodes_of(subject.strategy, subject.setup.instrument(symbol), subject.hours(symbol))


def values(nodes: Sequence[Node], bars: Bars) -> list[Column]:
    """Each step over all bars, as a backtest computes it; raises StrategyError when one of them fails."""
    with authors_own(bars):
        return columns([node.series for node in nodes], bars)


@contextmanager
def authors_own(bars: Bars) -> Iterator[None]:
    """What a feature of the author's own raises, as a StrategyError that says on which bars."""
    try:
        yield
    except (Exception, SystemExit) as raised:  # it may raise anything
        where = f"{len(bars):,} bars of {bars.symbol}"
        raise StrategyError(f"a formula raised {type(raised).__name__} on {where}: {raised}") from raised


def differ(a: Column, b: Column) -> NDArray[np.bool_]:
    """Where two columns differ; NaN equals NaN."""
    unlike: NDArray[np.bool_] = a != b
    if a.dtype == np.float64:
        unlike &= ~(np.isnan(a) & np.isnan(b))
    return unlike


def roots(nodes: Sequence[Node], is_wrong: Sequence[bool]) -> list[int]:
    """Of the steps that are wrong, those whose sources are all right: where it begins."""
    return [k for k, node in enumerate(nodes) if is_wrong[k] and not any(is_wrong[i] for i in node.sources)]


def _sources_first(output: Series) -> list[Series]:
    done: dict[int, Series] = {}
    pending = [output]
    while pending:
        node = pending[-1]
        missing = [one for one in node.sources if id(one) not in done and not _is_given(one)]
        if missing:
            pending.extend(missing)
            continue
        pending.pop()
        if not _is_given(node):
            done[id(node)] = node
    return list(done.values())


def _is_given(node: Series) -> bool:
    return isinstance(node.rule, Field | Constant | OnGrid)
