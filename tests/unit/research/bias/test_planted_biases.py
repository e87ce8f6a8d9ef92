"""Every planted bias is caught, under its own name; honest strategies are left in peace."""

from pathlib import Path

import numpy as np
import pytest

from tests.unit.research.bias import planted
from tradewrit.domain.market import MINUTE
from tradewrit.features.bars import Bars
from tradewrit.market.store import write_bars
from tradewrit.research.bias.checking import check_strategy
from tradewrit.research.bias.findings import BiasReport, Finding, Kind, Severity
from tradewrit.research.bias.subject import Effort
from tradewrit.runtime.strategies import load_strategy
from tradewrit.strategies.base import Strategy

QUICK = Effort(walked=4000, cuts=12, starts=4, asked=60)
EXAMPLES = Path(__file__).parents[4] / "examples"


def checked(strategy: Strategy, bars: list[Bars] | None = None, data: Path | None = None) -> BiasReport:
    return check_strategy(strategy, bars or planted.lively(), data=data, effort=QUICK)


def only(report: BiasReport, kind: Kind) -> Finding:
    (found,) = [one for one in report.findings if one.kind is kind]
    return found


def errors(report: BiasReport) -> set[Kind]:
    return {one.kind for one in report.errors}


@pytest.mark.parametrize(
    ("strategy", "ahead"), [(planted.CentredWindow(half=4), 4), (planted.CentredWindow(half=2), 2)]
)
def test_a_centred_window_is_look_ahead_and_its_reach_is_measured(strategy: Strategy, ahead: int) -> None:
    found = only(checked(strategy), Kind.LOOK_AHEAD)
    assert found.severity is Severity.ERROR
    assert found.numbers["bars_ahead"] == ahead
    assert "Centred[" in found.message
    assert "enter_long" in found.message


@pytest.mark.parametrize("strategy", [planted.ReversedArray(), planted.Normalised()])
def test_a_feature_of_the_whole_column_is_look_ahead(strategy: Strategy) -> None:
    found = only(checked(strategy), Kind.LOOK_AHEAD)
    assert found.severity is Severity.ERROR
    assert found.numbers["bars_ahead"] > 1


@pytest.mark.parametrize("strategy", [planted.NextOpen(), planted.SharedMemory(ahead=1)])
def test_knowing_the_bar_that_fills_is_a_trade_on_the_forming_bar(strategy: Strategy) -> None:
    found = only(checked(strategy), Kind.FORMING_BAR)
    assert found.severity is Severity.ERROR
    assert found.numbers["bars_ahead"] == 1


def test_memory_shared_with_later_bars_is_look_ahead_and_its_reach_is_measured() -> None:
    found = only(checked(planted.SharedMemory(ahead=3)), Kind.LOOK_AHEAD)
    assert found.numbers["bars_ahead"] == 3


def test_a_number_from_the_future_that_decides_nothing_is_a_warning() -> None:
    report = checked(planted.ShownNextOpen())
    assert only(report, Kind.FORMING_BAR).severity is Severity.WARNING
    assert not report.errors


def test_a_column_that_is_another_feature_than_its_update_is_named() -> None:
    report = checked(planted.TwoFeatures())
    assert errors(report) == {Kind.COLUMN_MISMATCH}
    assert "HalfAsMuch" in only(report, Kind.COLUMN_MISMATCH).message


@pytest.mark.parametrize(
    "strategy", [planted.CountingKernel(), planted.GlobalState(), planted.NeverTheSame()]
)
def test_what_is_kept_between_bars_outside_the_bars_is_hidden_state(strategy: Strategy) -> None:
    report = checked(strategy)
    assert only(report, Kind.HIDDEN_STATE).severity is Severity.ERROR
    assert Kind.LOOK_AHEAD not in errors(report)


def test_writing_into_the_bars_is_found_and_the_callers_bars_stay_as_they_were() -> None:
    bars = planted.lively()
    before = bars[0].close.copy()
    read_only = [Bars(one.symbol, *map(_frozen, _columns(one))) for one in bars]
    assert Kind.CHANGES_DATA in errors(_knowledge_only(planted.WritesIntoBars(), read_only))
    assert np.array_equal(bars[0].close, before)


def test_a_long_memory_that_is_not_declared_is_an_unstable_warmup() -> None:
    found = only(checked(planted.UndeclaredMemory(), planted.lively(bars=3000)), Kind.UNSTABLE_WARMUP)
    assert found.severity is Severity.ERROR
    assert found.numbers["declared_warmup_bars"] == 0
    assert "SlowEma" in found.message


def test_a_memory_that_is_declared_is_no_finding() -> None:
    report = checked(planted.DeclaredMemory(), planted.lively(bars=3000))
    assert Kind.UNSTABLE_WARMUP not in {one.kind for one in report.findings}
    assert 39 <= report.looked_at["warmup"]["agrees_after_bars"] <= 39 + 10 * 39


@pytest.mark.parametrize("strategy", [planted.EverySeventhBar(), planted.CountsBars()])
def test_counting_bars_from_the_start_of_the_data_never_settles(strategy: Strategy) -> None:
    found = only(checked(strategy), Kind.UNSTABLE_WARMUP)
    assert found.severity is Severity.ERROR
    assert "never settles" in found.message


def test_a_long_window_on_every_bar_is_honest() -> None:
    report = checked(planted.LongWindow())
    assert not report.errors
    assert 150 <= report.looked_at["on_bar"]["history_needed_bars"] <= 300


def test_reading_the_file_it_is_tested_on_is_found_out(tmp_path: Path) -> None:
    bars = planted.lively(bars=300)
    path = tmp_path / "bars.csv"
    write_bars(path, bars)
    report = checked(planted.ReadsTheData(path=str(path)), bars, data=tmp_path)
    assert errors(report) == {Kind.READS_OUTSIDE}
    assert str(path) in only(report, Kind.READS_OUTSIDE).message
    assert "too good to be true" in only(report, Kind.FOREKNOWLEDGE).message


def test_another_file_that_is_read_is_a_warning(tmp_path: Path) -> None:
    bars = planted.lively(bars=200)
    path = tmp_path / "elsewhere.csv"
    write_bars(path, bars)
    report = checked(planted.ReadsTheData(path=str(path)), bars, data=tmp_path / "bars.csv")
    assert only(report, Kind.READS_OUTSIDE).severity is Severity.WARNING


def test_a_table_of_the_future_foretells_real_prices_when_it_is_given_invented_ones() -> None:
    bars = planted.lively(bars=600)
    rises = bars[0].ts[:-1][np.diff(bars[0].close) > 0]
    report = checked(planted.KnowsTheTable(rises=tuple(rises.tolist())), bars)
    found = only(report, Kind.FOREKNOWLEDGE)
    assert errors(report) == {Kind.FOREKNOWLEDGE}
    assert found.numbers["right_fraction"] == 1.0
    assert found.numbers["bars_ahead"] == 1


def test_a_calendar_rule_is_price_blind_which_is_no_error() -> None:
    report = checked(planted.Phase())
    assert only(report, Kind.PRICE_BLIND).severity is Severity.INFO
    assert not report.errors


def test_a_profit_that_one_trade_made_is_an_error() -> None:
    report = checked(planted.Always(), [_one_lucky_trade()])
    found = only(report, Kind.ONE_TRADE)
    assert found.severity is Severity.ERROR
    assert found.numbers["profit"] > 0 > found.numbers["profit_without"]


def test_a_profit_at_one_value_of_a_parameter_alone_is_an_error() -> None:
    report = checked(planted.Phase(phase=5), [_cycle()])
    found = only(report, Kind.ONE_PARAMETER)
    assert found.severity is Severity.ERROR
    assert found.numbers["parameter"] == "phase"
    assert set(found.numbers["neighbours"]) == {"4", "6"}
    assert all(profit < 0.25 * found.numbers["profit"] for profit in found.numbers["neighbours"].values())


def test_few_trades_are_too_few_to_say_anything() -> None:
    report = checked(planted.Always(max_bars=100), planted.lively(bars=250))
    found = only(report, Kind.TOO_FEW_TRADES)
    assert found.severity is Severity.WARNING
    assert 0 < found.numbers["trades"] < 30


def test_no_trade_at_all_is_said_and_is_no_error() -> None:
    report = checked(planted.DeclaredMemory(span=400), planted.lively(bars=250))
    assert only(report, Kind.TOO_FEW_TRADES).numbers["trades"] == 0
    assert not report.errors


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "name", ["trend_following", str(EXAMPLES / "crossover.py"), str(EXAMPLES / "dip_buyer.py")]
)
def test_strategies_of_the_package_and_the_examples_have_no_error(name: str, seed: int) -> None:
    report = checked(load_strategy(name), planted.lively(2, 1500, seed=seed))
    assert not report.errors, [one.message for one in report.errors]


def test_the_same_seed_gives_the_same_report() -> None:
    first, second = (checked(planted.CentredWindow()).to_dict() for _ in range(2))
    assert first == second


def test_findings_come_worst_first_and_each_says_what_to_do() -> None:
    report = checked(planted.NextOpen())
    ranks = [list(Severity).index(one.severity) for one in report.findings]
    assert ranks == sorted(ranks)
    assert all(one.advice for one in report.findings)


def test_progress_rises_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    check_strategy(
        planted.Always(),
        planted.lively(bars=600),
        effort=QUICK,
        progress=lambda done, total: told.append((done, total)),
    )
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1]


def _knowledge_only(strategy: Strategy, bars: list[Bars]) -> BiasReport:
    """A strategy that writes cannot be backtested on read-only bars, but it can be checked for that."""
    from tradewrit.research.bias import asking
    from tradewrit.research.bias.subject import Subject

    outcome = asking.check(Subject(strategy, bars, effort=QUICK), lambda _bars: None)
    return BiasReport(strategy="", parameters={}, symbols=(), bars=0, findings=outcome.findings, looked_at={})


def _columns(bars: Bars) -> list[np.ndarray]:
    return [bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume]


def _frozen(column: np.ndarray) -> np.ndarray:
    copy = column.copy()
    copy.flags.writeable = False
    return copy


def _bars_of(closes: np.ndarray) -> Bars:
    """Bars that open where the last one closed, and stay between the two."""
    open_ = np.concatenate([closes[:1], closes[:-1]])
    ts = np.arange(len(closes), dtype=np.int64) * MINUTE + 1_704_153_600_000_000_000
    return Bars(
        "A", ts, open_, np.maximum(open_, closes), np.minimum(open_, closes), closes,
        np.full(len(closes), 1e6),
    )  # fmt: skip


def _one_lucky_trade() -> Bars:
    """A market that loses a little all the time, but for one bar on which the price doubles."""
    closes = 100 * np.cumprod(np.full(250, 0.9999))
    closes[120:] *= 2
    return _bars_of(np.round(closes, 2))


def _cycle() -> Bars:
    """Sixteen bars, again and again: two rise, those around them fall further, with a little noise."""
    steps = np.zeros(1600)
    place = np.arange(1600) % 16
    steps[(place == 6) | (place == 7)] = 0.01
    steps[(place == 5) | (place == 8)] = -0.02
    steps[place == 12] = 0.02
    noise = np.random.default_rng(5).normal(0, 0.0005, 1600)
    return _bars_of(np.round(1000 * np.exp(np.cumsum(steps + noise)), 2))
