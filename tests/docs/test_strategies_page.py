"""The page of the strategies that ship names each of them, and each parameter with its default."""

from pathlib import Path

import pytest

from tests.unit.surfaces.console import run
from tradewrit.strategies.base import Strategy
from tradewrit.strategies.registry import BUILT_IN

PAGE = (Path(__file__).parents[2] / "docs/reference/strategies.md").read_text(encoding="utf-8")


def section(name: str) -> str:
    return PAGE.partition(f"## `{name}`\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_strategy_that_ships_is_there_with_its_parameters_and_their_defaults(name: str) -> None:
    kind = BUILT_IN[name]
    own = {key: value for key, value in kind().parameters().items() if key not in Strategy.__struct_fields__}
    rows = [line.split("|")[1:3] for line in section(name).splitlines() if line.startswith("| `")]
    assert {key.strip(" `"): value.strip(" `") for key, value in rows} == {
        key: str(value) for key, value in own.items()
    }


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_help_of_a_backtest_names_it(name: str) -> None:
    assert name in run("backtest", "--help").stdout
