"""A command starts quickly because it imports what it uses, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from tradewrit.market.store import write_bars
from tradewrit.market.synth import synthetic_bars

# Heavy, and of no use to a backtest without a report: pictures, statistics, calendars, other data frames.
NEVER = ("exchange_calendars", "matplotlib", "pandas", "plotly", "scipy", "tradewrit.research.report")
MODULES = """
import sys
from tradewrit.app import main
try:
    main()
finally:
    print(*sys.modules, sep="\\n", file=sys.stderr)
"""


def modules_of(*arguments: str) -> set[str]:
    """What a command has imported by the time it ends."""
    command = [sys.executable, "-c", MODULES, *arguments]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stderr.split())


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bars") / "bars.parquet"
    write_bars(path, synthetic_bars(1, 20_000, seed=7))
    return path


def test_a_backtest_imports_nothing_heavy_it_does_not_use(bars: Path) -> None:
    assert modules_of("backtest", "--data", str(bars)).isdisjoint(NEVER)


def test_a_backtest_that_is_skipped_through_leaves_the_desk_at_home(bars: Path) -> None:
    desk = {"tradewrit.kernel", "tradewrit.runtime.desk", "tradewrit.runtime.journal.sqlite", "sqlite3"}
    assert modules_of("backtest", "--data", str(bars), "--engine", "skip").isdisjoint(desk)
    assert "tradewrit.runtime.desk" in modules_of("backtest", "--data", str(bars), "--engine", "events")


def test_help_needs_no_arrays() -> None:
    assert modules_of("backtest", "--help").isdisjoint({"numpy", "polars", *NEVER})
