"""Workers in processes of their own: the same results, and a death that costs one run."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.unit.research.sweep.asking import request, some_bars, swept
from tradewrit.errors import ConfigError, StrategyError
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.sweep.crew import batches, feature_key, left_over
from tradewrit.research.sweep.processes import Processes
from tradewrit.research.sweep.runs import Job
from tradewrit.research.sweep.walk_forward import Part, Plan, Walk, legs_of

DEADLY = """import os

from tradewrit import Inputs, Signals, Strategy, sma


class Deadly(Strategy):
    window: int = 5

    def signals(self, bars: Inputs) -> Signals:
        if self.window == 4:
            os._exit(9)
        return Signals(enter_long=bars.close > sma(bars.close, self.window))
"""
LEGS = legs_of(Plan(walk=Walk.ROLLING, splits=2), some_bars()[0].ts)


def job(trial: int, **parameters: str) -> Job:
    return Job(trial=trial, parameters=parameters, setup=Setup(), legs=LEGS)


def test_two_processes_find_what_one_finds_and_leave_nothing_behind(tmp_path: Path) -> None:
    bars = some_bars()
    wish = request(plan=Plan(walk=Walk.ROLLING, splits=2))
    crew = Processes(bars, wish.strategy, tmp_path / "two", 2)
    two, one = swept(tmp_path / "two", wish, bars, crew), swept(tmp_path / "one", wish, bars)
    assert (two.made, two.workers) == (24, "2 processes")
    for ours, theirs in zip(two.trials, one.trials, strict=True):
        assert {leg: (ran.figures, ran.returns) for leg, ran in ours.ran.items()} == {
            leg: (ran.figures, ran.returns) for leg, ran in theirs.ran.items()
        }
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["results.sqlite"]


def test_two_crews_at_work_in_one_folder_would_read_each_others_bars(tmp_path: Path) -> None:
    first = Processes(some_bars(), "trend_following", tmp_path, 1)
    second = Processes(some_bars(2, 50), "trend_following", tmp_path, 1)
    with first:
        mapped = (tmp_path / ".columns").read_bytes()
        with pytest.raises(ConfigError, match=r"another sweep is at work there; .* --out"):
            second.__enter__()
        assert (tmp_path / ".columns").read_bytes() == mapped
    with second:
        assert (tmp_path / ".columns").read_bytes() != mapped
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be put there for the workers"):
        Processes(some_bars(), "trend_following", tmp_path / "none", 1).__enter__()


def test_a_worker_that_dies_takes_one_run_with_it_and_that_is_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "deadly.py"
    file.write_text(DEADLY)
    bars = some_bars()
    wish = request("window=3,4,5,6", "stop_fraction=0.02,0.05", strategy=str(file))
    found = swept(tmp_path, wish, bars, Processes(bars, str(file), tmp_path, 2))
    assert (found.made, found.lost, found.failed) == (6, 2, 0)
    assert {trial.values["window"] for trial in found.trials if not trial.ran} == {4}
    again = swept(tmp_path, wish, bars, Processes(bars, str(file), tmp_path, 2))
    assert (again.kept, again.made, again.lost) == (6, 0, 2)


def test_a_strategy_that_workers_cannot_load_is_explained_as_everywhere(tmp_path: Path) -> None:
    """It is there when the sweep begins, and gone when the workers look for it."""
    file = tmp_path / "deadly.py"
    file.write_text(DEADLY)
    with Processes(some_bars(), str(file), tmp_path, 1) as crew:
        pass
    file.unlink()
    with crew, pytest.raises(StrategyError, match="there is no strategy file"):
        list(crew.work([job(1, window="5")]))


def test_a_bug_in_a_worker_ends_the_sweep_and_says_where_it_was(tmp_path: Path) -> None:
    broken = replace(job(1), legs=(None,))  # such as no caller makes
    with (
        Processes(some_bars(), "trend_following", tmp_path, 1) as crew,
        pytest.raises(AttributeError, match="'NoneType' object has no attribute 'part'") as raised,
    ):
        list(crew.work([broken]))
    assert "in a worker process:" in raised.value.__notes__[0]
    assert "runner.py" in raised.value.__notes__[0]


def test_batches_keep_what_shares_features_together_and_leave_work_for_everyone() -> None:
    jobs = [
        job(trial, window=window, stop_fraction=stop)
        for trial, (window, stop) in enumerate((w, s) for w in ("5", "9") for s in ("0.01", "0.02", "0.03"))
    ]
    found = batches(jobs, workers=1)
    assert [one for batch in found for one in batch] == jobs
    assert all(len({feature_key(one) for one in batch}) == 1 for batch in found)
    assert max(map(len, found)) == 2
    assert [len(batch) for batch in batches(jobs, workers=99)] == [1] * 6


def test_what_is_left_of_a_batch_is_everything_but_the_run_its_worker_died_in() -> None:
    batch = (job(1, window="5"), job(2, window="5"))
    lost, rest = left_over(batch, done=5)
    assert [(one.trial, one.leg, one.ran) for one in lost] == [(2, LEGS[1], None)]
    assert [(one.trial, one.legs) for one in rest] == [(2, LEGS[2:])]
    lost, rest = left_over(batch, done=1)
    assert [(one.trial, one.leg.part) for one in lost] == [(1, Part.OUT_OF_SAMPLE)]
    assert [(one.trial, one.legs) for one in rest] == [(1, LEGS[2:]), (2, LEGS)]
    assert left_over(batch, done=8) == ([], ())


def test_workers_are_other_processes(tmp_path: Path) -> None:
    file = tmp_path / "who.py"
    file.write_text(
        DEADLY.replace("if self.window == 4:\n            os._exit(9)", "raise ValueError(os.getpid())")
    )
    bars = some_bars()
    wish = request("window=3", strategy=str(file))
    found = swept(tmp_path, wish, bars, Processes(bars, str(file), tmp_path, 1))
    error = found.trials[0].ran[0, Part.WHOLE].error
    assert "raised ValueError" in error
    assert str(os.getpid()) not in error
