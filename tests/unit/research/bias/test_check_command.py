"""`tradewrit check`: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest

from tests.unit.surfaces.console import bar_file, market, run

FORESIGHT = '''
"""Looks one bar ahead."""
import numpy as np
from tradewrit import Inputs, Signals, Strategy, apply

class Next:
    warmup = 0
    def update(self, value):
        return value
    def column(self, values):
        return np.append(values[1:], values[-1:])

class Foresight(Strategy):
    level: float = 1.0
    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=apply(Next, bars.close) > bars.close * self.level)
'''


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return bar_file(tmp_path / "bars.csv", market(2, 400))


@pytest.fixture
def foresight(tmp_path: Path) -> Path:
    path = tmp_path / "foresight.py"
    path.write_text(FORESIGHT)
    return path


def test_an_honest_strategy_leaves_with_0_and_says_how_much_was_looked_at(data: Path) -> None:
    done = run("check", "trend_following", "--data", data)
    assert done.exit_code == 0
    assert "looked at 760 bars one by one" in " ".join(done.stdout.split())
    assert "no error found" in done.stdout


def test_an_error_leaves_with_1_names_the_formula_and_says_what_to_do(data: Path, foresight: Path) -> None:
    done = run("check", foresight, "--data", data)
    assert done.exit_code == 1
    assert "forming_bar" in done.stdout
    assert "Next(close) in enter_long" in done.stdout
    assert "decide on closed bars alone" in done.stdout
    assert "do not believe its backtest" in done.stderr
    assert "Traceback" not in done.output


def test_json_is_one_object_also_with_errors(data: Path, foresight: Path) -> None:
    done = run("check", foresight, "--data", data, "--json", "--param", "level=1.001", "--symbols", "SYN001")
    report = json.loads(done.stdout)
    assert done.exit_code == 1
    assert report["ok"] is False
    assert report["symbols"] == ["SYN001"]
    assert report["parameters"]["level"] == 1.001
    assert report["errors"] == sum(one["severity"] == "error" for one in report["findings"])
    worst = report["findings"][0]
    assert (worst["kind"], worst["numbers"]["bars_ahead"]) == ("forming_bar", 1)
    assert worst["advice"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nothing_like_it",), 1, "unknown strategy"),
        (("trend_following", "--param", "window"), 2, "NAME=VALUE"),
        (("trend_following", "--param", "windw=3"), 1, "did you mean window?"),
        (("trend_following", "--symbols", "XYZ"), 1, "bars.csv: has no XYZ; it has SYN000, SYN001"),
        (("trend_following", "--symbols", ","), 2, "names no symbol"),
    ],
)
def test_a_mistake_is_explained(data: Path, words: tuple[str, ...], code: int, said: str) -> None:
    done = run("check", *words, "--data", data)
    assert done.exit_code == code
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.output


def test_a_strategy_that_raises_is_named_with_the_bar(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "raising.py"
    path.write_text(
        "from tradewrit import Strategy\n"
        "class Raising(Strategy):\n"
        "    def on_bar(self, bars):\n"
        "        return 1 / (len(bars) - 3)\n"
    )
    done = run("check", path, "--data", data)
    assert done.exit_code == 1
    assert "raising.on_bar" in done.stderr


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def column(self, values): return values[1:]", "gave shape (379,) for 380 bars"),
        ("def column(self, values): return values * 1j", "gave dtype complex128, not numbers"),
        ("def column(self, values): return values if len(values) == 380 else 1 / 0", "ZeroDivisionError"),
        ("", "Own.update gave None, not a number"),
    ],
)
def test_a_feature_that_fails_is_named_with_its_bars(
    data: Path, tmp_path: Path, body: str, said: str
) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "from tradewrit import Signals, Strategy, apply\n"
        "class Own:\n"
        "    def update(self, value):\n"
        f"        {'return value' if body else 'value'}\n"
        f"    {body}\n"
        "class Mine(Strategy):\n"
        "    def signals(self, bars):\n"
        "        return Signals(enter_long=apply(Own, bars.close) > 100)\n"
    )
    done = run("check", path, "--data", data)
    assert (done.exit_code, "Traceback" in done.output) == (1, False)
    told = " ".join(done.stderr.split())
    assert "a formula raised" in told
    assert "bars of SYN000" in told
    assert said in told
