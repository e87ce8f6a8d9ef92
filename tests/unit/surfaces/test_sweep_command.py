"""`tradewrit sweep`: its outputs, what it refuses, and that killing it loses only what was running."""

import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.research.sweep.asking import some_bars
from tests.unit.surfaces.console import PROGRAM, bar_file, run, shell
from tradewrit.market.parquet_table import load_polars

ROOT = Path(__file__).parents[3]
SLOW = """from tradewrit import Bars, Signal, Strategy, enter_long, leave


class Slow(Strategy):
    window: int = 5

    def on_bar(self, bars: Bars) -> Signal | None:
        for _ in range(200):
            mean = float(bars.close[-self.window :].mean())
        return enter_long() if bars.close[-1] > mean else leave()
"""
GRID = ("--param", "window=10,20", "--param", "stop_fraction=0.02,0.05")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bar_file(tmp_path_factory.mktemp("data") / "bars.csv", some_bars())


def found(out: Path, *words: str | Path) -> dict[str, Any]:
    """The object of `sweep --json`, numbers exact."""
    done = run("sweep", *words, "--out", out, "--workers", "1", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    made: dict[str, Any] = json.loads(done.stdout, parse_float=Decimal)
    return made


def kept(out: Path) -> int:
    """Runs in the store of a sweep that may be going on."""
    file = out / "results.sqlite"
    if not file.exists():
        return 0
    connection = sqlite3.connect(file, timeout=10)
    try:
        return int(connection.execute("SELECT count(*) FROM runs").fetchone()[0])
    except sqlite3.OperationalError:  # it has only just been made
        return 0
    finally:
        connection.close()


def test_a_point_is_what_tradewrit_backtest_says_with_these_parameters(data: Path, tmp_path: Path) -> None:
    swept = found(tmp_path, "trend_following", "--data", data, *GRID)
    assert len(swept["points"]) == 4
    for point in swept["points"]:
        given = [f"{name}={point[f'param.{name}']}" for name in ("window", "stop_fraction")]
        done = run(
            "backtest", "--data", data, "--json", *(word for one in given for word in ("--param", one))
        )
        metrics = json.loads(done.stdout, parse_float=Decimal)["metrics"]
        for name in ("sharpe", "total_return", "max_drawdown", "trades"):
            assert float(point[f"in_sample.{name}"]) == pytest.approx(float(metrics[name]), rel=1e-12)


def test_it_leaves_every_run_a_table_and_a_page(data: Path, tmp_path: Path) -> None:
    done = run(
        "sweep", "trend_following", "--data", data, *GRID, "--out", tmp_path, "--walk-forward", "anchored"
    )
    assert done.exit_code == 0
    assert "4 points, 40 runs made" in done.stdout
    assert "Chosen in sample on 5 splits and then tested" in done.stdout
    assert kept(tmp_path) == 40
    frame = load_polars(tmp_path).read_parquet(tmp_path / "results.parquet")
    assert frame.height == 4
    assert {"number", "param.window", "in_sample.score", "out_of_sample.score", "error"} <= set(frame.columns)
    assert frame["param.window"].to_list() == [10, 10, 20, 20]
    page = (tmp_path / "report.html").read_text()
    assert 'http-equiv="Content-Security-Policy"' in page
    assert len(page) < 2_000_000
    again = run(
        "sweep", "trend_following", "--data", data, *GRID, "--out", tmp_path, "--walk-forward", "anchored"
    )
    assert "4 points, 40 runs kept from before" in again.stdout


def test_json_says_everything_that_a_script_needs(data: Path, tmp_path: Path) -> None:
    swept = found(
        tmp_path, "trend_following", "--data", data, *GRID, "--walk-forward", "rolling", "--splits", "2"
    )
    assert list(swept) == [
        *("strategy", "search", "objective", "seed", "trials", "runs", "is_complete", "seconds", "workers"),
        *("best", "splits", "out_of_sample", "rank_correlation", "sentences", "points", "files"),
    ]
    assert swept["runs"] == {"kept": 0, "made": 16, "failed": 0, "lost": 0}
    assert [split["trials"] for split in swept["splits"]] == [4, 4]
    for split in swept["splits"]:
        assert 0 <= split["deflated_sharpe"] <= 1
        assert split["train"]["until"] == split["test"]["since"]


def test_a_key_of_the_configuration_is_set_for_each_run(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "desk.yaml"
    config.write_text("risk: {max_position_notional: 700}\nstrategy: {parameters: {low: 45}}\n")
    words = ("trend_following", "--data", data, "--config", config, "--param")
    swept = found(tmp_path, *words, "risk.max_position_notional=700,5000,null")
    alone = run("backtest", "--data", data, "--config", config, "--json")
    final = json.loads(alone.stdout, parse_float=Decimal)["metrics"]["total_return"]
    returns = [point["in_sample.total_return"] for point in swept["points"]]
    assert float(returns[0]) == pytest.approx(float(final), rel=1e-12)
    assert len(set(returns)) == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--param", "wndow=1,2"), "no parameter 'wndow'; did you mean window?"),
        (("--param", "window=1,2", "--param", "window=3"), "window is given twice"),
        (("--param", "window=1,1.0"), "1.0 comes twice"),
        (("--param", "window=3..1"), "the range is empty"),
        (("--param", "window=1..9"), "write window=1:9:STEP"),
        (
            ("--param", "risk.max_levrage=1,2"),
            "--param risk.max_levrage: unknown key; did you mean risk.max_leverage?",
        ),
        (("--param", "strategy.name=x"), "name its parameters without a dot"),
        (
            (*GRID, "--walk-forward", "rolling", "--train", "9999", "--test", "9"),
            "bar times, too few for one split",
        ),
    ],
)
def test_what_cannot_be_swept_is_exit_code_1_and_explained(
    words: tuple[str, ...], told: str, data: Path, tmp_path: Path
) -> None:
    done = run("sweep", "trend_following", "--data", data, *words, "--out", tmp_path)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert told in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--param", "window=1:1000:1", "--param", "low=1:50:1"), "that is 50,000 runs; add --yes"),
        ((*GRID, "--trials", "5"), "a grid tries every point"),
        ((*GRID, "--splits", "5"), "belongs to --walk-forward"),
        ((*GRID, "--search", "annealing"), "is none of grid, random, tpe"),
        ((*GRID, "--objective", "alpha"), "is none of sharpe"),
        ((*GRID, "--walk-forward", "sideways"), "is none of rolling, anchored"),
        ((*GRID, "--address", "1.2.3.4:5"), "add --cluster"),
    ],
)
def test_wrong_use_is_exit_code_2(words: tuple[str, ...], told: str, data: Path, tmp_path: Path) -> None:
    done = run("sweep", "trend_following", "--data", data, *words, "--out", tmp_path)
    assert done.exit_code == 2
    assert told in " ".join(done.stderr.replace("│", " ").split())


def test_a_strategy_that_fails_somewhere_is_exit_code_1_with_the_rest_done(
    data: Path, tmp_path: Path
) -> None:
    done = run("sweep", "trend_following", "--data", data, "--param", "window=0,20", "--out", tmp_path)
    assert done.exit_code == 1
    assert "Best of 1 trial" in done.stdout
    assert "1 of 2 runs failed; the first: trend_following.signals raised ValueError" in done.stderr
    assert "window must be a whole number of at least 1" in (tmp_path / "report.html").read_text()


def test_a_folder_that_holds_something_else_is_explained(data: Path, tmp_path: Path) -> None:
    (tmp_path / "results.sqlite").write_text(
        "not a database at all, but long enough to be taken for one" * 20
    )
    done = run("sweep", "trend_following", "--data", data, *GRID, "--out", tmp_path)
    assert done.exit_code == 1
    assert "results cannot be kept there" in done.stderr


_POINTS = 72


class _Started:
    """A sweep in a process of its own, with two workers, over points that take a while."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "out"
        file, bars = folder / "slow.py", bar_file(folder / "bars.csv", some_bars(1, 300))
        file.write_text(SLOW)
        self.words = (
            *(
                "sweep",
                str(file),
                "--data",
                str(bars),
                "--param",
                f"window=2:{_POINTS + 1}:1",
                "--out",
                str(self.out),
            ),
            *("--workers", "2", "--json"),
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *self.words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_for_runs(self, count: int) -> None:
        """Until so many are in the store."""
        pause = threading.Event()
        while kept(self.out) < count:
            assert self.process.poll() is None, self.process.communicate()
            pause.wait(0.02)


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
def test_killing_it_loses_only_the_runs_that_were_running(tmp_path: Path) -> None:
    started = _Started(tmp_path)
    started.wait_for_runs(4)
    started.process.send_signal(signal.SIGKILL)
    started.process.communicate()
    before = kept(started.out)
    assert 4 <= before < _POINTS
    done = shell(*started.words)
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout)["runs"]
    assert runs["kept"] >= before
    assert runs["kept"] + runs["made"] == _POINTS
    assert kept(started.out) == _POINTS


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is no signal on Windows")
def test_ctrl_c_ends_it_with_what_there_is(tmp_path: Path) -> None:
    started = _Started(tmp_path)
    started.wait_for_runs(4)
    os.killpg(started.process.pid, signal.SIGINT)  # as a terminal does: to every process
    out, err = started.process.communicate(timeout=60)
    assert started.process.returncode == 130
    assert "interrupted; what was done is kept, the same command goes on" in err
    assert "Traceback" not in err
    swept = json.loads(out)
    assert swept["is_complete"] is False
    assert 4 <= swept["runs"]["made"] < _POINTS
    assert swept["sentences"][0].startswith("This sweep was interrupted")
    assert (started.out / "report.html").exists()
    assert sorted(
        path.name for path in started.out.iterdir() if not path.name.startswith("results.sqlite")
    ) == [
        "report.html",
        "results.parquet",
    ]


def _blocks(language: str) -> list[str]:
    """The page's blocks of code in a language; empty for commands."""
    page = (ROOT / "docs" / "how-to" / "sweep.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def test_what_the_page_shows_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bar_file(tmp_path / "bars.parquet", some_bars(2, 300))
    commands = [line for block in _blocks("") for line in block.splitlines() if line.startswith("tradewrit")]
    assert len(commands) == 3
    for line in commands:
        done = run(*shlex.split(line)[1:], "--workers", "1")
        assert (line, done.exit_code) == (line, 0), done.stderr
    (code,) = _blocks("python")
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("Best of 3 trials")
