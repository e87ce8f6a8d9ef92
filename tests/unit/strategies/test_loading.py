"""Strategies by name and from a user's file, and what is said when that fails."""

from pathlib import Path

import pytest

from tradewrit.errors import StrategyError
from tradewrit.runtime.strategies import load_strategy
from tradewrit.strategies.rules.trend_following import TrendFollowing

GOOD = """
from tradewrit import Inputs, Signals, Strategy, sma

class Above(Strategy):
    window: int = 20
    is_eager: bool = False

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=bars.close > sma(bars.close, self.window))
"""


def write(folder: Path, text: str, name: str = "mine.py") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def failure(name: str, **parameters: object) -> str:
    with pytest.raises(StrategyError) as raised:
        load_strategy(name, parameters)
    return str(raised.value)


def test_a_strategy_comes_by_name_with_its_parameters() -> None:
    assert load_strategy("trend_following") == TrendFollowing()
    assert load_strategy("trend_following", {"window": 30, "low": 40}) == TrendFollowing(window=30, low=40.0)


def test_parameters_from_a_command_line_are_text_and_are_read() -> None:
    strategy = load_strategy("trend_following", {"window": "30", "stop_fraction": "0.02"})
    assert strategy == TrendFollowing(window=30, stop_fraction=0.02)


def test_a_strategy_comes_from_a_file(tmp_path: Path) -> None:
    strategy = load_strategy(write(tmp_path, GOOD), {"window": 5})
    assert (strategy.name(), strategy.parameters()["window"]) == ("above", 5)


def test_two_files_of_one_name_are_two_strategies(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    first = load_strategy(write(tmp_path, GOOD))
    second = load_strategy(write(tmp_path / "other", GOOD.replace("Above", "Over")))
    assert (first.name(), second.name()) == ("above", "over")


def test_an_edited_file_is_read_anew(tmp_path: Path) -> None:
    load_strategy(write(tmp_path, GOOD))
    again = load_strategy(write(tmp_path, GOOD.replace("window: int = 20", "window: int = 200")))
    assert again.parameters()["window"] == 200


def test_what_a_file_imports_is_not_what_it_defines(tmp_path: Path) -> None:
    text = f"from tradewrit.strategies.rules.trend_following import TrendFollowing\n{GOOD}"
    assert load_strategy(write(tmp_path, text)).name() == "above"


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    assert "'trend_folowing'; did you mean trend_following?" in failure("trend_folowing")
    told = failure("qqq")
    assert "unknown strategy 'qqq'" in told
    assert "trend_following" in told
    assert ".py file" in told


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"windw": 3}, "has no parameter 'windw'; did you mean window?"),
        ({"qqq": 3}, "It has: stop_fraction, target_fraction, trail_fraction, max_bars, window"),
        ({"window": "many"}, "trend_following: parameter window = many: Expected `int`, got `str`"),
        ({"window": 2.5}, "parameter window = 2.5"),
        ({"low": None}, "parameter low = None: Expected `float`, got `null`"),
        ({"stop_fraction": 5}, "stop_fraction = 5.0: must be above 0 and below 1"),
        ({"trail_fraction": 0}, "trail_fraction = 0.0: must be above 0 and below 1"),
        ({"target_fraction": -0.1}, "target_fraction = -0.1: must not be negative"),
        ({"max_bars": 0}, "max_bars = 0: must be at least 1"),
        ({"low": float("nan")}, "low = nan: must be a finite number"),
    ],
)
def test_a_wrong_parameter_is_named(parameters: dict[str, object], message: str) -> None:
    assert message in failure("trend_following", **parameters)


def test_a_parameter_without_default_or_value_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD.replace("window: int = 20", "window: int"))
    assert failure(file) == "above: parameter window has neither a default nor a value"
    assert load_strategy(file, {"window": 3}).parameters()["window"] == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (1,\n", "mine.py:1: SyntaxError"),
        ("\n\nraise RuntimeError('stop here')\n", "mine.py:3: RuntimeError: stop here"),
        ("import no_such_module\n", "mine.py:1: ModuleNotFoundError: No module named 'no_such_module'"),
        ("def f():\n    raise SystemExit(3)\n\n\nf()\n", "mine.py:2: SystemExit: 3"),
        ("x = 1\n", "defines no strategy: it needs a class that derives from tradewrit.Strategy"),
        (
            GOOD + GOOD.replace("Above", "Below"),
            "defines several strategies (Above, Below): keep one per file",
        ),
        (
            "from tradewrit import Strategy\nclass Empty(Strategy): pass\n",
            "Empty defines neither signals nor on_bar",
        ),
    ],
)
def test_a_file_that_is_no_strategy_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    assert message in failure(write(tmp_path, text))


def test_a_file_that_is_not_there_and_a_folder_are_told(tmp_path: Path) -> None:
    assert f"there is no strategy file {tmp_path / 'gone.py'}" in failure(str(tmp_path / "gone.py"))
    (tmp_path / "folder.py").mkdir()
    assert "there is no strategy file" in failure(str(tmp_path / "folder.py"))


def test_a_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_bytes(b"name = '\xff\xfe'\n")
    assert "mine.py" in failure(str(tmp_path / "mine.py"))
