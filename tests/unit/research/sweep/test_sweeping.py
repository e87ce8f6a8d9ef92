"""A sweep runs every point once, keeps what it ran, and gives for a point what a backtest gives."""

import re
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.unit.research.sweep.asking import request, setup_of, some_bars, swept
from tradewrit.domain.ids import derive
from tradewrit.errors import ConfigError, StrategyError
from tradewrit.features.bars import Bars
from tradewrit.research.backtest.events import run as run_events
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.metrics import compute
from tradewrit.research.sweep.columns import write_columns
from tradewrit.research.sweep.judging import judge
from tradewrit.research.sweep.keys import code_key, data_key
from tradewrit.research.sweep.processes import Processes
from tradewrit.research.sweep.runs import OBJECTIVES
from tradewrit.research.sweep.search import Method
from tradewrit.research.sweep.sweeping import Swept, count_runs
from tradewrit.research.sweep.telling import label_of, sentences
from tradewrit.research.sweep.walk_forward import Part, Plan, Walk
from tradewrit.runtime.strategies import load_strategy, strategy_class

ROOT = Path(__file__).parents[4]
WALK = Plan(walk=Walk.ROLLING, splits=2)
HALF = """from tradewrit import Inputs, Signals, Strategy, sma


class Half(Strategy):
    window: int = 5

    def __post_init__(self) -> None:
        if self.window == 4:
            raise ValueError("four is unlucky")
        if self.window == 6:
            raise KeyError("six")

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=bars.close > sma(bars.close, self.window))
"""


def test_a_point_is_what_a_backtest_with_these_parameters_is(tmp_path: Path) -> None:
    bars = some_bars()
    found = swept(tmp_path, request(), bars)
    assert [trial.values for trial in found.trials] == [
        {"window": window, "stop_fraction": stop} for window in (10, 20, 30) for stop in (0.02, 0.05)
    ]
    for trial in found.trials:
        result = run_events(bars, load_strategy("trend_following", trial.values)).result
        metrics = compute(result)
        figures = trial.figures(0, Part.WHOLE)
        assert figures is not None
        assert figures.trades > 3
        assert (figures.final_equity, figures.fees) == (result.final_equity, result.fees)
        for name in (*OBJECTIVES, "volatility", "exposure", "samples", "periods_per_year", "trades"):
            assert getattr(figures, name) == pytest.approx(getattr(metrics, name), rel=1e-12), name


@pytest.mark.parametrize("strategy", ["trend_following", str(ROOT / "examples" / "dip_buyer.py")])
def test_a_leg_is_traded_as_both_engines_trade_it_with_features_that_know_what_was_before(
    strategy: str, tmp_path: Path
) -> None:
    bars = some_bars(bars=400)
    params = ("stop_fraction=0.03",)
    found = swept(tmp_path, request(*params, strategy=strategy, plan=WALK), bars)
    (trial,) = found.trials
    for leg in found.legs:
        result = run_events(bars, load_strategy(strategy, trial.values), stretch=leg.stretch).result
        figures = trial.figures(leg.split, leg.part)
        assert figures is not None
        assert (figures.final_equity, figures.trades) == (result.final_equity, len(result.trades))
        assert leg.stretch.since <= int(result.curve.ts[0])
        assert int(result.curve.ts[-1]) < leg.stretch.until
        returns = trial.ran[leg.split, leg.part].returns
        if leg.part is Part.OUT_OF_SAMPLE:
            assert float(np.prod(1 + np.array(returns))) == pytest.approx(
                float(result.final_equity / result.initial_cash), rel=1e-12
            )
        else:
            assert returns == ()


def test_bars_after_a_leg_do_not_move_it(tmp_path: Path) -> None:
    bars = some_bars()
    plan = Plan(walk=Walk.ROLLING, splits=2, train=250, test=100)
    whole = swept(tmp_path / "whole", request(plan=plan), bars)
    end = whole.legs[1].stretch.until
    shorter = [one.take(slice(int(one.ts.searchsorted(end)))) for one in bars]
    first = Plan(walk=Walk.ROLLING, splits=1, train=250, test=100)
    again = swept(tmp_path / "again", request(plan=first), shorter)
    for one, other in zip(whole.trials, again.trials, strict=True):
        for part in (Part.IN_SAMPLE, Part.OUT_OF_SAMPLE):
            assert one.figures(0, part) == other.figures(0, part)


def test_what_was_run_is_kept_and_not_run_again(tmp_path: Path) -> None:
    first = swept(tmp_path, request(plan=WALK))
    again = swept(tmp_path, request(plan=WALK, objective="calmar"))
    more = swept(tmp_path, request("window=10,20,30,40", "stop_fraction=0.02,0.05", plan=WALK))
    assert (first.kept, first.made) == (0, 24)
    assert (again.kept, again.made) == (24, 0)
    assert (more.kept, more.made) == (24, 8)
    assert [trial.ran for trial in again.trials] == [trial.ran for trial in first.trials]


def test_other_data_other_setups_and_other_code_are_run_anew(tmp_path: Path) -> None:
    bars = some_bars()
    moved = [*bars[:-1], msgspec.structs.replace(bars[-1], volume=bars[-1].volume + 1.0)]
    file = tmp_path / "half.py"
    file.write_text(HALF)
    wish = request("window=3,5", strategy=str(file))
    assert swept(tmp_path, wish, bars).made == 2
    assert swept(tmp_path, wish, moved).made == 2
    changed = request("window=3,5", "risk.max_position_notional=500", strategy=str(file))
    assert swept(tmp_path, changed, bars).made == 2
    file.write_text(HALF.replace("> sma", "<= sma"))
    assert swept(tmp_path, wish, bars).made == 2
    assert swept(tmp_path, wish, bars).kept == 2


def test_a_key_of_the_configuration_can_be_swept(tmp_path: Path) -> None:
    found = swept(tmp_path, request("risk.max_position_notional=200,5000"))
    small, large = (trial.figures(0, Part.WHOLE) for trial in found.trials)
    assert small is not None
    assert large is not None
    assert small.fees < large.fees
    assert [trial.values for trial in found.trials] == [
        {"risk.max_position_notional": 200},
        {"risk.max_position_notional": 5000},
    ]


def test_a_strategy_that_fails_at_some_points_is_recorded_there_and_the_sweep_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "half.py"
    file.write_text(HALF)
    found = swept(tmp_path, request("window=3,4,5,6,0", strategy=str(file)))
    assert (found.made, found.failed, found.is_complete) == (5, 3, True)
    errors = {trial.values["window"]: trial.ran[0, Part.WHOLE].error for trial in found.trials}
    assert errors[3] == errors[5] == ""
    assert "four is unlucky" in errors[4]
    assert "half raised KeyError: 'six'" in errors[6]
    assert "window must be a whole number of at least 1" in errors[0]
    judged = judge(found)
    assert judged.best in {1, 3}
    assert "The strategy failed in 3 runs" in " ".join(sentences(found, judged))


@pytest.mark.parametrize(
    ("params", "error", "told"),
    [
        (("wndow=1,2",), StrategyError, "no parameter 'wndow'; did you mean window?"),
        (("window=fast",), StrategyError, "parameter window = fast: Expected `int`"),
        (("window=0.5..9",), StrategyError, "parameter window = 0.5: Expected `int`"),
        (("risk.max_levrage=1,2",), ConfigError, "--param risk.max_levrage: unknown key"),
    ],
)
def test_what_no_point_could_run_with_is_said_before_anything_is_run(
    params: tuple[str, ...], error: type[Exception], told: str, tmp_path: Path
) -> None:
    with pytest.raises(error) as raised:
        swept(tmp_path, request(*params, method=Method.RANDOM))
    assert told in str(raised.value)


def test_a_sweep_without_any_trade_has_no_best_and_says_so(tmp_path: Path) -> None:
    found = swept(tmp_path, request("low=99.9", "high=99.95,99.99"))
    judged = judge(found)
    assert judged.best is None
    assert all(row.inside.score is None and row.inside.trades == 0 for row in judged.rows)
    assert "a point without a trade has no ratio" in sentences(found, judged)[0]


def test_too_few_trades_keep_a_point_from_being_chosen(tmp_path: Path) -> None:
    free = judge(swept(tmp_path, request()))
    trades = {row.number: row.inside.trades for row in free.rows}
    assert free.best is not None
    bound = judge(swept(tmp_path, request(least_trades=trades[free.best] + 1)))
    assert bound.best != free.best
    assert [row.is_eligible for row in bound.rows] == [
        trades[row.number] > trades[free.best] for row in bound.rows
    ]


def _points(found: Swept) -> list[object]:
    return [(trial.values, trial.ran) for trial in found.trials]


@pytest.mark.parametrize("method", [Method.RANDOM, Method.TPE])
def test_searches_are_reproducible_and_seeded_whoever_does_the_work(method: Method, tmp_path: Path) -> None:
    if method is Method.TPE:
        pytest.importorskip("optuna", reason="optuna is not installed (extra `sweep`)")
    bars = some_bars(bars=300)
    wish = request("window=5..60", "stop_fraction=0.01..0.05", method=method, trials=10, plan=WALK)
    one = swept(tmp_path / "one", wish, bars)
    crew = Processes(bars, wish.strategy, tmp_path / "two", 2)
    two = swept(tmp_path / "two", wish, bars, crew)
    other = swept(tmp_path / "one", msgspec.structs.replace(wish, seed=1), bars)
    assert [values for values, _ in _values(one)] == [values for values, _ in _values(two)]
    assert [figures for _, figures in _values(one)] == [figures for _, figures in _values(two)]
    assert [values for values, _ in _values(one)] != [values for values, _ in _values(other)]
    assert count_runs(wish, bars) == 40
    assert one.made <= 40


def _values(found: Swept) -> list[tuple[object, object]]:
    return [
        (trial.values, [(place, ran.figures, ran.returns) for place, ran in sorted(trial.ran.items())])
        for trial in found.trials
    ]


def test_each_split_of_a_learning_search_is_tried_on_its_own_bars_only(tmp_path: Path) -> None:
    """What one split's train part taught must not lead another: its bars are the other's test."""
    pytest.importorskip("optuna", reason="optuna is not installed (extra `sweep`)")
    wish = request("window=5..60", "stop_fraction=0.01..0.05", method=Method.TPE, trials=9, plan=WALK)
    found = swept(tmp_path, wish, some_bars(bars=300))
    for trial in found.trials:
        splits = {split for split, _ in trial.ran}
        assert all(
            {(split, Part.IN_SAMPLE), (split, Part.OUT_OF_SAMPLE)} <= set(trial.ran) for split in splits
        )
    assert len(found.trials) > 9


def test_earlier_trials_on_the_same_bars_count_against_the_best(tmp_path: Path) -> None:
    swept(tmp_path, request())
    found = swept(tmp_path, request("window=12,24"))
    (choice,) = judge(found).choices
    assert choice.luck is not None
    assert choice.luck.trials == 8
    assert "Best of 8 trials (6 of them in earlier sweeps of these bars)" in sentences(found, judge(found))[0]


def test_walk_forward_chooses_in_sample_and_strings_the_tests_together(tmp_path: Path) -> None:
    found = swept(tmp_path, request(plan=WALK))
    judged = judge(found)
    equity = 1.0
    for choice in judged.choices:
        scores = [trial.score(choice.train, "sharpe", 1) for trial in found.trials]
        assert choice.score == max(score for score in scores if score is not None)
        chosen = found.trials[choice.number - 1]
        assert choice.outside == chosen.figures(choice.split, Part.OUT_OF_SAMPLE)
        assert choice.outside is not None
        equity *= float(choice.outside.final_equity / Setup().initial_cash)
    assert len(judged.choices) == 2
    assert judged.strung is not None
    assert judged.strung.total_return == pytest.approx(equity - 1.0, rel=1e-9)
    assert judged.agreement is not None
    assert -1.0 <= judged.agreement <= 1.0
    assert "Chosen in sample on 2 splits and then tested" in sentences(found, judged)[0]


def test_without_splits_it_is_said_that_nothing_was_held_back(tmp_path: Path) -> None:
    found = swept(tmp_path, request())
    told = " ".join(sentences(found, judge(found)))
    assert "Best of 6 trials: Sharpe ratio" in told
    assert "the best of 6 trials by luck alone is expected to show" in told
    assert "No bars were held back" in told


def test_every_objective_has_a_label_and_can_be_looked_for(tmp_path: Path) -> None:
    for objective in OBJECTIVES:
        assert label_of(objective)
        judged = judge(swept(tmp_path, request(objective=objective)))
        best = next(row for row in judged.rows if row.number == judged.best)
        assert best.inside.score == max(row.inside.score or -9e9 for row in judged.rows)


def test_the_data_key_knows_every_number_and_the_order_of_symbols() -> None:
    bars = some_bars()
    keys = {data_key(bars), data_key(bars[::-1]), data_key(bars[:1])}
    quoted = [msgspec.structs.replace(bars[0], bid=bars[0].close, ask=bars[0].close), *bars[1:]]
    renamed = [msgspec.structs.replace(bars[0], symbol="OTHER"), *bars[1:]]
    keys |= {data_key(quoted), data_key(renamed)}
    assert len(keys) == 5
    assert data_key(bars) == data_key(some_bars())


def test_the_code_key_knows_what_a_strategy_imports_from_beside_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside_it.py").write_text(
        "from tradewrit import sma\n\nWINDOW = 5\n\n\ndef mean(x): return sma(x, 5)\n"
    )
    file = tmp_path / "half.py"
    file.write_text(HALF.replace("\n\n\nclass", "\nfrom beside_it import mean\n\n\nclass", 1))
    monkeypatch.syspath_prepend(tmp_path)
    kind = strategy_class(str(file))
    before = code_key(kind)
    (tmp_path / "beside_it.py").write_text(
        "from tradewrit import sma\n\nWINDOW = 6\n\n\ndef mean(x): return sma(x, 6)\n"
    )
    assert code_key(kind) != before


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("from levels import HALF_OF", "levels.py"),
        ("import levels", "levels.py"),
        ("from levels import above", "deeper.py"),
        ("from folder.inner import HALF_OF", "folder/inner.py"),
        ("from folder import inner", "folder/inner.py"),
        ("from folder.inner import HALF_OF", "folder/__init__.py"),
        ("from folder.inner import HALF_OF", "folder/beside.py"),
        ("def _later():\n    from levels import HALF_OF\n", "levels.py"),
    ],
)
def test_the_code_key_knows_numbers_that_are_imported_from_elsewhere(
    line: str, changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The name stays known to Python after the test: another one each time.
    mark = derive(line, changed, length=12)
    sources = {
        "levels.py": "from deeper import DEPTH\n\nHALF_OF = 2\nabove = 50\n",
        "deeper.py": "DEPTH = 3\n",
        "folder/__init__.py": "",
        "folder/inner.py": "from .beside import SMALL\n\nHALF_OF = 2\n",
        "folder/beside.py": "SMALL = 1\n",
    }

    def renamed(text: str) -> str:
        return re.sub(r"\b(levels|deeper|folder)\b", rf"\1_{mark}", text)

    for name, source in sources.items():
        path = tmp_path / renamed(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(renamed(source))
    file = tmp_path / "half.py"
    file.write_text(HALF.replace("\n\n\nclass", f"\n{renamed(line)}\n\n\nclass", 1))
    monkeypatch.syspath_prepend(tmp_path)
    kind = strategy_class(str(file))
    before = code_key(kind)
    assert code_key(kind) == before
    with (tmp_path / renamed(changed)).open("a") as source_file:
        source_file.write("# other\n")
    assert code_key(kind) != before


def test_bars_come_back_from_the_shared_file_as_they_were(tmp_path: Path) -> None:
    bars = some_bars(3, 50)
    quoted = [msgspec.structs.replace(bars[0], bid=bars[0].close - 1, ask=bars[0].close + 1), *bars[1:]]
    empty = bars[2].take(slice(0))
    wanted = [quoted[0], msgspec.structs.replace(empty, symbol="EMPTY"), quoted[1]]
    found = write_columns(wanted, tmp_path / "columns").read()
    for one, other in zip(found, wanted, strict=True):
        for name in Bars.__struct_fields__:
            assert np.array_equal(getattr(one, name), getattr(other, name)), name
        assert not one.close.flags.writeable
    aligned = [bars[0], msgspec.structs.replace(bars[0], symbol="TWIN")]
    first, second = write_columns(aligned, tmp_path / "columns").read()
    assert first.ts is second.ts


def test_setups_of_the_test_world_are_those_of_the_default() -> None:
    assert setup_of({}) == Setup()
    assert setup_of({"risk.max_position_notional": "5"}).limits.max_position_notional == Decimal(5)
