"""The page that sets backtests side by side: their figures, and their equity over one time axis."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tradewrit.features.bars import Bars
from tradewrit.research.compare import Comparison, Contender, Line
from tradewrit.research.report.curves import benchmarks, curves
from tradewrit.research.report.glossary import GLOSSARY, Term
from tradewrit.research.report.packing import MILLISECOND
from tradewrit.research.report.page import assemble
from tradewrit.research.report.payload import heading, shown_parameters
from tradewrit.research.results import write_whole

_PARTS: Final = ("compare",)
_TERMS: Final = {term.field: term for terms in GLOSSARY.values() for term in terms} | {
    "final_equity": Term("final_equity", "Final equity", "money", "Cash and positions at the last close.")
}


def write_comparison(
    comparison: Comparison, bars: Mapping[str, Bars], path: Path, *, title: str, notes: Sequence[str] = ()
) -> None:
    """Write one self-contained HTML file, whole or not at all; see `report.write_report`."""
    write_whole(path, [render_comparison(comparison, bars, title=title, notes=notes)])


def render_comparison(
    comparison: Comparison, bars: Mapping[str, Bars], *, title: str, notes: Sequence[str] = ()
) -> str:
    """The page as HTML text."""
    first = comparison.contenders[0]
    data = {
        **heading(first.result, title, notes),
        "runs": [_run(one) for one in comparison.contenders],
        "lines": [_shown(line) for line in comparison.lines],
        "common_trades": comparison.common_trades,
        "correlation": comparison.correlation,
        "curve": curves(
            {one.name: one.result for one in comparison.contenders},
            benchmarks(first.result, first.metrics, bars),
            first.metrics.risk_free,
        ),
    }
    return assemble(title, data, _PARTS)


def label_of(line: Line) -> str:
    """What a figure is called on paper."""
    return _TERMS[line.field].label


def _run(one: Contender) -> dict[str, Any]:
    return {
        "name": one.name,
        "strategy": one.result.strategy,
        "engine": one.result.engine,
        "parameters": shown_parameters(one.result),
        "trades": len(one.result.trades),
        "years": one.metrics.calendar_years,
    }


def _shown(line: Line) -> dict[str, Any]:
    term, values = _TERMS[line.field], line.values
    if line.field.endswith(("_ns", "_at")):
        values = tuple(None if value is None else value // MILLISECOND for value in values)
    return {
        "label": term.label,
        "kind": term.kind,
        "meaning": term.meaning,
        "values": values,
        "best": line.best,
    }
