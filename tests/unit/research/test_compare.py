import json
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.research.backtests import CASH, MONDAY, random_bars, random_result, result, trade
from tradewrit.domain.market import DAY
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.research.compare import Comparison, Contender, Line, compare
from tradewrit.research.metrics import Metrics, compute
from tradewrit.research.report import write_comparison
from tradewrit.research.report.comparison import label_of, render_comparison
from tradewrit.research.results import Result, encode


def contender(name: str, made: Result, *bars: Bars) -> Contender:
    return Contender(name=name, result=made, metrics=compute(made, bars={one.symbol: one for one in bars}))


def compared(first: Result, second: Result, *bars: Bars) -> Comparison:
    return compare([contender("first", first, *bars), contender("second", second, *bars)])


def line(comparison: Comparison, field: str) -> Line:
    return next(one for one in comparison.lines if one.field == field)


def ending(*equity: float, pnls: Sequence[str] = ()) -> Result:
    return result(equity, trades=[trade(pnl) for pnl in pnls])


def test_the_higher_equity_and_the_shallower_drawdown_are_better() -> None:
    found = compared(ending(100_000, 90_000, 120_000), ending(100_000, 99_000, 110_000))
    assert line(found, "final_equity").values == (Decimal("120000.0"), Decimal("110000.0"))
    assert line(found, "final_equity").best == (0,)
    assert line(found, "max_drawdown").best == (1,)
    assert line(found, "volatility").best == (1,)


def test_equal_figures_have_no_better_one() -> None:
    found = compared(ending(100_000, 90_000, 120_000), ending(100_000, 90_000, 120_000))
    assert {one.best for one in found.lines} == {()}


def test_more_trades_are_neither_better_nor_worse() -> None:
    found = compared(ending(100_000, 100_001, pnls=["1", "2"]), ending(100_000, 100_001, pnls=["1"]))
    assert (line(found, "trades").values, line(found, "trades").best) == ((2, 1), ())


def test_a_figure_that_one_does_not_have_makes_the_other_no_better() -> None:
    found = compared(ending(100_000, 100_001, pnls=["1", "-2"]), ending(100_000, 100_001))
    assert line(found, "profit_factor").values == (0.5, None)
    assert line(found, "profit_factor").best == ()


def test_trades_in_common_begin_in_the_same_symbol_on_the_same_side_at_the_same_time() -> None:
    shared = [trade("1"), trade("1", entry_time=MONDAY + DAY)]
    first = result(trades=[*shared, trade("1", entry_time=MONDAY + 2 * DAY)])
    second = result(
        trades=[
            msgspec.structs.replace(shared[0], exit_reason="stop", pnl=Decimal(-9)),
            msgspec.structs.replace(shared[1], side="short"),
        ]
    )
    assert compared(first, second).common_trades == 1


@pytest.mark.parametrize(("factor", "correlation"), [(0.5, 1.0), (-1.0, -1.0)])
def test_returns_that_are_multiples_of_each_other_correlate_fully(factor: float, correlation: float) -> None:
    steps = [0.01, -0.02, 0.015, 0.003]

    def walk(scale: float) -> Result:
        equity = [float(CASH)]
        for step in steps:
            equity.append(equity[-1] * (1 + scale * step))
        return ending(*equity)

    assert compared(walk(1.0), walk(factor)).correlation == pytest.approx(correlation)


def test_a_strategy_that_does_nothing_correlates_with_none() -> None:
    assert compared(ending(100_000, 100_000, 100_000), ending(100_000, 101_000, 99_000)).correlation is None


@pytest.mark.parametrize("other", [{"symbols": ("MSFT",)}, {"initial_cash": Decimal(5)}, {"currency": "EUR"}])
def test_backtests_of_different_data_or_cash_are_not_compared(other: dict[str, object]) -> None:
    with pytest.raises(DataError, match="ran on different data or cash"):
        compared(ending(1e5, 1e5), msgspec.structs.replace(ending(1e5, 1e5), **other))


def test_backtests_of_different_times_are_not_compared() -> None:
    with pytest.raises(DataError, match="ran on different data or cash"):
        compared(ending(1e5, 1e5), ending(1e5, 1e5, 1e5))


def test_two_under_one_name_are_not_compared() -> None:
    with pytest.raises(ValueError, match="a name of its own"):
        compare([contender("same", ending(1e5, 1e5)), contender("same", ending(1e5, 1e5))])


@given(st.integers(0, 50), st.integers(0, 50))
def test_the_better_figure_is_the_same_whichever_comes_first(seed: int, other: int) -> None:
    bars = random_bars("AAPL", 60)
    first, second = (random_result([bars], 8, seed=one) for one in (seed, other))
    forward, backward = compared(first, second, bars), compared(second, first, bars)
    assert forward.common_trades == backward.common_trades
    for one, turned in zip(forward.lines, backward.lines, strict=True):
        assert one.values == turned.values[::-1]
        assert {1 - place for place in one.best} == set(turned.best)
        assert len(one.best) <= 1


def test_every_line_is_a_known_figure_with_a_name() -> None:
    found = compared(ending(1e5, 1e5), ending(1e5, 1e5))
    fields = [one.field for one in found.lines]
    assert len(set(fields)) == len(fields)
    assert set(fields) <= {*Metrics.__struct_fields__, "final_equity"}
    assert all(label_of(one) for one in found.lines)


def test_the_json_holds_the_whole_summary_of_each_run() -> None:
    found = compared(ending(1e5, 1.1e5, pnls=["1"]), ending(1e5, 0.9e5))
    runs = json.loads(encode(found.to_dict()))["runs"]
    assert [run["name"] for run in runs] == ["first", "second"]
    assert [run["final_equity"] for run in runs] == [110_000, 90_000]
    assert [run["trades"] for run in runs] == [1, 0]
    assert runs[0]["metrics"]["total_return"] == pytest.approx(0.1)
    assert runs[0]["parameters"] == {"stop_fraction": 0.05}


def test_the_page_draws_both_curves_and_asks_nobody(tmp_path: Path) -> None:
    bars = random_bars("AAPL", 400)
    first, second = (random_result([bars], 20, seed=seed) for seed in (1, 2))
    found = compared(first, second, bars)
    path = tmp_path / "compared.html"
    write_comparison(found, {"AAPL": bars}, path, title="first against second")
    text = path.read_text(encoding="utf-8")
    assert text == render_comparison(found, {"AAPL": bars}, title="first against second")
    assert "//" not in text
    assert len(text) < 2_000_000
    block = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert block
    tree = json.loads(block[1])
    assert [run["name"] for run in tree["curve"]["runs"]] == ["first", "second"]
    for place, run in enumerate(tree["curve"]["runs"]):
        expected = found.contenders[place].result.curve.equity
        assert (min(run["equity"]), max(run["equity"])) == (
            round(float(expected.min()), 2),
            round(float(expected.max()), 2),
        )
    assert [one["label"] for one in tree["lines"]] == [label_of(one) for one in found.lines]


def test_a_long_parameter_and_none_are_shown_plainly() -> None:
    first, second = (
        msgspec.structs.replace(ending(1e5, 1e5), parameters={"target": value}) for value in (None, 0.2)
    )
    text = render_comparison(compared(first, second), {}, title="Two")
    assert '"parameters":{"target":"none"}' in text
    assert '"parameters":{"target":"0.2"}' in text
