"""The page on the skip engine names whatever sends a run to the event engine."""

import inspect
from pathlib import Path

from tradewrit.research.backtest.skip import objection

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "skip-engine.md"


def test_there_is_a_row_for_each_objection() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = page[page.index("| A run that |") :].partition("\n\n")[0]
    # A journal is wanted by the caller, not by the run: the command line sees to it.
    journal = 1
    assert len(table.splitlines()) - 2 - journal == inspect.getsource(objection).count("if ")
