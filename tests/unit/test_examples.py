"""The strategies in examples/ are what an author copies first: they load, trade, and say why."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tradewrit.domain.events.strategy import CandidateFound, EntrySignalled
from tradewrit.errors import StrategyError
from tradewrit.market.calendar import calendar_for
from tradewrit.market.synth import synthetic_bars
from tradewrit.research.backtest.calendars import with_calendars
from tradewrit.research.backtest.events import Run, run
from tradewrit.research.backtest.setup import Setup
from tradewrit.runtime.replay import events_of, replay
from tradewrit.runtime.strategies import load_strategy
from tradewrit.strategies.base import Strategy

EXAMPLES = Path(__file__).parents[2] / "examples"
STRATEGIES = sorted(path.stem for path in EXAMPLES.glob("*.py") if "(Strategy)" in path.read_text())


@cache
def traded(name: str) -> Run:
    return over_days(load_strategy(str(EXAMPLES / f"{name}.py")))


def over_days(strategy: Strategy) -> Run:
    bars = synthetic_bars(3, 1000, seed=7, sigma=0.01, interval="1d", session=calendar_for("NYSE"))
    return run(bars, strategy, with_calendars(bars, Setup(), strategy))


def test_there_is_one_example_of_each_way_to_decide() -> None:
    ways = {name: load_strategy(str(EXAMPLES / f"{name}.py")).is_columnar() for name in STRATEGIES}
    assert ways == {"crossover": True, "dip_buyer": False, "turn_of_month": True}


@pytest.mark.parametrize("name", STRATEGIES)
def test_an_example_trades_and_its_journal_replays(name: str) -> None:
    done = traded(name)
    assert len(done.result.trades) > 20
    assert replay(done.journal, done.stream).state_hash == done.books.state_hash


@pytest.mark.parametrize(
    ("name", "reason"), [("crossover", "signal"), ("dip_buyer", "recovered"), ("turn_of_month", "time")]
)
def test_an_example_leaves_on_its_own_reason_and_on_its_stop(name: str, reason: str) -> None:
    assert {trade.exit_reason for trade in traded(name).result.trades} >= {reason, "stop"}


@pytest.mark.parametrize(
    ("name", "inputs"),
    [("crossover", {"fast", "slow"}), ("dip_buyer", {"close"}), ("turn_of_month", {"average"})],
)
def test_an_example_keeps_the_numbers_it_decided_on(name: str, inputs: set[str]) -> None:
    done = traded(name)
    found = [event for event in events_of(done.journal, done.stream) if isinstance(event, CandidateFound)]
    assert found
    assert all(event.inputs.keys() == inputs for event in found)


def test_the_escape_hatch_says_why() -> None:
    done = traded("dip_buyer")
    reasons = {
        event.proposal.reasons
        for event in events_of(done.journal, done.stream)
        if isinstance(event, EntrySignalled)
    }
    assert reasons == {("4 falling closes",)}


@pytest.mark.parametrize("name", STRATEGIES)
def test_an_example_is_one_small_class_and_imports_the_public_package_only(name: str) -> None:
    text = (EXAMPLES / f"{name}.py").read_text()
    imports = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert imports <= {"tradewrit", "itertools"}
    assert len(text.splitlines()) <= 30
    assert f"--strategy examples/{name}.py" in text


PAGE = (EXAMPLES.parent / "docs/how-to/write-a-strategy.md").read_text(encoding="utf-8")
BLOCKS = {
    match["name"]: match["code"]
    for match in re.finditer(r"```python\n# file: (?P<name>\S+)\n(?P<code>.*?)```", PAGE, re.DOTALL)
}


def test_the_page_shows_formulas_parameters_and_the_escape_hatch() -> None:
    assert list(BLOCKS) == ["breakout.py", "short_term.py", "opening_range.py", "inside_day.py"]
    assert PAGE.count("```python\n") == len(BLOCKS)
    body = BLOCKS["breakout.py"].partition("class ")[2]
    assert len([line for line in body.splitlines() if line.strip()]) <= 20


@pytest.mark.parametrize("name", BLOCKS)
def test_a_strategy_on_the_page_runs_as_it_stands(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(BLOCKS[name], encoding="utf-8")
    strategy = load_strategy(str(path))
    length = "5m" if name == "opening_range.py" else "1d"
    bars = synthetic_bars(3, 1000, seed=7, sigma=0.01, interval=length, session=calendar_for("NYSE"))
    done = run(bars, strategy, with_calendars(bars, Setup(), strategy))
    assert len(done.result.trades) > 5


def test_the_page_quotes_a_failure_as_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "inside_day.py"
    path.write_text(BLOCKS["inside_day.py"].replace("len(bars) < 3", "len(bars) < 0"), encoding="utf-8")
    with pytest.raises(StrategyError) as raised:
        run(synthetic_bars(["AAPL"], 5, seed=1), load_strategy(str(path)))
    ours, _, pythons = str(raised.value).partition(": index")
    assert pythons
    assert ours in PAGE
