"""The reference page tells the truth: its table is evaluated and its code is run."""

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.features.markets import walk
from tradewrit.features import indicators, series

PAGE = (Path(__file__).parents[3] / "docs/reference/features.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\w+)(\(.*?\))` \| .* \| ([\d, ]+) \| .*\|$", PAGE, re.MULTILINE)
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_every_indicator_has_its_row() -> None:
    functions = {
        name
        for name, function in inspect.getmembers(indicators, inspect.isfunction)
        if function.__module__ == indicators.__name__ and not name.startswith("_")
    }
    assert functions - {"apply"} == {name for name, _, _ in ROWS}


@pytest.mark.parametrize(("name", "arguments", "first"), ROWS)
def test_the_first_number_comes_where_the_page_says(name: str, arguments: str, first: str) -> None:
    closes = walk(1, 80)
    market = {"close": closes, "high": closes + 0.5, "low": closes - 0.5, "volume": closes * 1000}
    result: Any = eval(f"indicators.{name}{arguments}", {"indicators": indicators, **market})
    columns = result if isinstance(result, tuple) else (result,)
    assert [int(np.flatnonzero(~np.isnan(column))[0]) for column in columns] == list(
        map(int, first.split(","))
    )


@pytest.mark.parametrize("code", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_code_on_the_page_runs(code: str) -> None:
    exec(compile(code, "features.md", "exec"), {})


def test_the_evaluation_example_gives_what_it_says() -> None:
    (code,) = (code for code in EXAMPLES if "Stepper" in code)
    said: dict[str, Any] = {}
    exec(compile(code, "features.md", "exec"), said)
    assert said["column"].tolist() == [False, True, False]
    assert said["now"] is False


def test_every_word_of_a_formula_is_on_the_page() -> None:
    words = {name for name in vars(series.Series) if not name.startswith("_")} - set(series.Series.__slots__)
    functions = {"where", "crosses_above", "crosses_below"}
    fields = {name for name in vars(series.Inputs()) if not name.startswith("_")} | {"typical"}
    for word in words | functions | fields | {"warmup"}:
        assert re.search(rf"[.`]{word}\b", PAGE), word
