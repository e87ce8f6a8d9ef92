"""Puts the data, the style and the script into one HTML file that asks nobody for anything.

The page's content security policy forbids every request; a browser enforces it, not a promise.
"""

import html
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from tradewrit.features.bars import Bars
from tradewrit.research.metrics import Metrics
from tradewrit.research.report.payload import payload
from tradewrit.research.results import Result, encode, write_whole

_SLOT = re.compile(r"\{\{(\w+)\}\}")
SHARED: Final = ("elements", "numbers", "columns", "axes", "figure", "tables", "about", "curves")
"""Parts of the script that every page needs, in this order."""
_REPORT: Final = ("header", "months", "drawdowns", "trades", "results", "price", "figures", "page")


def write_report(
    result: Result,
    metrics: Metrics,
    bars: Mapping[str, Bars],
    path: Path,
    *,
    title: str,
    notes: Sequence[str] = (),
) -> None:
    """Write the report of one backtest to `path`, whole or not at all; under 2 MB for any result.

    bars: what was traded, by symbol, and the benchmark's that `metrics` names; a symbol that is missing
    is left out of charts, excursions and the buy-and-hold comparison.
    notes: sentences shown at the top, such as "synthetic data" or a known unrealism.
    Raises ConfigError when the file cannot be written.
    """
    write_whole(path, [render(result, metrics, bars, title=title, notes=notes)])


def render(
    result: Result, metrics: Metrics, bars: Mapping[str, Bars], *, title: str, notes: Sequence[str] = ()
) -> str:
    """The report as HTML text; see `write_report`."""
    return assemble(title, payload(result, metrics, bars, title=title, notes=notes), _REPORT)


def assemble(
    title: str, data: Mapping[str, Any], parts: Sequence[str], shared: Sequence[str] = SHARED
) -> str:
    """A page that shows `data` with the shared script, or as much of it as it needs, and these parts."""
    # One scope around all parts: they see each other, the page sees none of them.
    script = "\n".join(_part(f"script/{name}.js") for name in (*shared, *parts))
    slots = {
        "title": html.escape(title),
        "style": _part("report.css"),
        "script": f'"use strict";\n(() => {{\n{script}}})();',
        # Inside JSON a "<" can only stand in a string, where this spelling means the same; without
        # it a symbol called "</script>" would end the data block.
        "data": encode(data).decode().replace("<", "\\u003c"),
    }
    # One pass over the template: what is put in is never searched for slots again.
    return _SLOT.sub(lambda slot: slots[slot[1]], _part("template.html"))


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
