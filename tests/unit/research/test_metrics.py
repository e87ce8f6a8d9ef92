import json
import math
import statistics
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.research.backtests import MONDAY, curve, result, trade
from tradewrit.domain.market import DAY, HOUR, MINUTE
from tradewrit.research.metrics import Drawdown, Group, Metrics, PeriodReturn, compute
from tradewrit.research.metrics.sampling import daily_samples
from tradewrit.research.results import EquityCurve, encode, summary

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
CURVES = st.lists(st.floats(1.0, 1e6), min_size=1, max_size=60)
PNLS = st.lists(st.decimals(-1_000, 1_000, places=4), max_size=40)


def weekdays(equity: Sequence[float]) -> EquityCurve:
    """Monday to Friday, week after week."""
    days = [7 * (k // 5) + k % 5 for k in range(len(equity))]
    line = curve(equity)
    return msgspec.structs.replace(line, ts=MONDAY + DAY * np.array(days, dtype=np.int64))


def judged(equity: Sequence[float], **changes: Any) -> Metrics:
    return compute(result(equity, **changes))


def test_total_return_is_read_from_the_exact_final_equity() -> None:
    assert judged([100_000, 110_000]).total_return == pytest.approx(0.1, abs=1e-15)


def test_a_small_return_keeps_its_digits() -> None:
    assert judged([100_000], final_equity=Decimal("100000.00000123456789")).total_return == 1.23456789e-11


def test_cagr_uses_calendar_years_of_365_and_a_quarter_days() -> None:
    line = curve([100_000, 121_000], step=int(730.5 * DAY))
    found = compute(result(curve=line, final_equity=Decimal(121_000)))
    assert found.years == 2.0
    assert found.cagr == pytest.approx(0.1, abs=1e-12)


def test_cagr_of_a_test_shorter_than_a_day_is_undefined() -> None:
    line = curve([100_000, 100_500], step=HOUR)
    assert compute(result(curve=line, final_equity=Decimal(100_500))).cagr is None


@pytest.mark.parametrize("left", ["0", "-5"])
def test_nothing_left_has_no_growth_rate_and_no_ratios(left: str) -> None:
    found = judged([100_000, 50_000, float(left)], final_equity=Decimal(left))
    assert (found.cagr, found.sharpe, found.sortino, found.volatility) == (None, None, None, None)
    assert found.max_drawdown == pytest.approx(float(left) / 100_000 - 1)


def test_ratios_agree_with_the_formulas_written_out() -> None:
    equity = [100_000.0, 101_000.0, 99_500.0, 100_200.0, 103_000.0, 102_000.0, 104_500.0]
    found = compute(result(curve=weekdays(equity)), risk_free=0.02)
    excess = [b / a - 1 - 0.02 / 252 for a, b in pairwise(equity)]
    mean = statistics.fmean(excess)
    downside = math.sqrt(statistics.fmean([min(one, 0) ** 2 for one in excess]))
    assert found.periods_per_year == 252
    assert found.volatility == pytest.approx(statistics.stdev(excess) * math.sqrt(252), rel=1e-9)
    assert found.sharpe == pytest.approx(mean / statistics.stdev(excess) * math.sqrt(252), rel=1e-9)
    assert found.sortino == pytest.approx(mean / downside * math.sqrt(252), rel=1e-9)


def test_calmar_is_growth_over_the_deepest_fall() -> None:
    line = curve([100_000, 80_000, 121_000], step=int(365.25 * DAY))
    found = compute(result(curve=line, final_equity=Decimal(121_000)))
    assert found.calmar == pytest.approx(0.1 / 0.2, rel=1e-9)


@pytest.mark.parametrize(
    ("line", "per_year"),
    [
        (weekdays([1e5] * 15), 252.0),
        (curve([1e5] * 15), 365.0),
        (curve([1e5] * 15, step=7 * DAY), 365.25 / 7),
        (curve([1e5] * 300, step=HOUR), 365.0),
        (curve([1e5] * 30, step=HOUR), 252.0),
    ],
    ids=["weekdays", "every day", "weekly", "hours over two weeks", "hours of two weekdays"],
)
def test_annualisation_follows_from_the_times(line: EquityCurve, per_year: float) -> None:
    assert compute(result(curve=line)).periods_per_year == pytest.approx(per_year)


def test_an_intraday_curve_is_sampled_at_its_start_and_at_each_days_last_point() -> None:
    line = curve([float(k) for k in range(1, 61)], step=HOUR)
    at, equity = daily_samples(line)
    assert equity.tolist() == [1.0, 24.0, 48.0, 60.0]
    assert at.tolist() == [MONDAY + HOUR * (k - 1) for k in (1, 24, 48, 60)]


def test_an_evening_that_spills_into_saturday_counts_to_friday() -> None:
    friday = MONDAY + 4 * DAY
    ts = np.array([MONDAY, friday + 20 * HOUR, friday + 24 * HOUR + 30 * MINUTE], dtype=np.int64)
    line = EquityCurve(ts, np.array([1.0, 2.0, 3.0]), np.zeros(3))
    assert daily_samples(line)[1].tolist() == [1.0, 3.0]


def test_drawdowns_are_counted_from_their_peaks() -> None:
    found = judged([100, 90, 100, 120, 60, 90, 110, 121, 118], initial_cash=Decimal(100))
    assert found.max_drawdown == -0.5
    assert found.max_drawdown_peak_at == MONDAY + 3 * DAY
    assert found.max_drawdown_trough_at == MONDAY + 4 * DAY
    assert found.longest_drawdown_ns == 4 * DAY
    assert found.average_drawdown == pytest.approx((-0.1 - 0.5 + 118 / 121 - 1) / 3)


def test_a_drawdown_that_never_ends_lasts_to_the_end() -> None:
    assert judged([100, 90, 95, 96], initial_cash=Decimal(100)).longest_drawdown_ns == 3 * DAY


def test_the_deepest_drawdown_is_dated_and_measured_to_its_recovery() -> None:
    found = judged([100, 90, 100, 120, 60, 90, 110, 121, 118], initial_cash=Decimal(100))
    assert found.max_drawdown_recovered_at == MONDAY + 7 * DAY
    assert found.max_drawdown_ns == 4 * DAY
    assert found.average_drawdown_ns == int((2 + 4 + 1) / 3 * DAY)
    assert [(one.depth, one.length_ns // DAY) for one in found.drawdowns] == [
        (-0.5, 4),
        (pytest.approx(-0.1), 2),
        (pytest.approx(118 / 121 - 1), 1),
    ]
    assert [one.recovered_at is None for one in found.drawdowns] == [False, False, True]


def test_the_longest_drawdown_need_not_be_the_deepest() -> None:
    found = judged([100, 99, 99, 99, 100, 80, 101], initial_cash=Decimal(100))
    assert (found.max_drawdown_ns, found.longest_drawdown_ns) == (2 * DAY, 4 * DAY)


def test_a_drawdown_without_end_has_no_recovery() -> None:
    found = judged([100, 90, 95], initial_cash=Decimal(100))
    assert (found.max_drawdown_recovered_at, found.max_drawdown_ns) == (None, 2 * DAY)


def test_only_the_deepest_few_drawdowns_are_listed() -> None:
    equity = [value for k in range(1, 30) for value in (100.0 + k, 100.0 + k - (k * 7 % 29))]
    found = judged(equity, initial_cash=Decimal(100))
    depths = [one.depth for one in found.drawdowns]
    assert len(depths) == 5
    assert depths == sorted(depths)
    assert depths[0] == found.max_drawdown


def test_a_first_point_below_the_cash_is_a_drawdown() -> None:
    assert judged([99, 101], initial_cash=Decimal(100)).max_drawdown == pytest.approx(-0.01)


def test_rounding_noise_is_no_drawdown() -> None:
    found = judged([100_000.0, 100_000.0 - 1e-11, 100_000.0])
    assert (found.max_drawdown, found.average_drawdown, found.longest_drawdown_ns) == (0.0, None, 0)


def test_a_constant_curve_has_no_ratio_and_no_drawdown() -> None:
    found = judged([100_000] * 30)
    assert (found.total_return, found.cagr, found.volatility) == (0.0, 0.0, 0.0)
    assert (found.sharpe, found.sortino, found.calmar, found.average_drawdown) == (None,) * 4
    assert (found.max_drawdown, found.max_drawdown_peak_at) == (0.0, None)


def test_even_growth_has_no_sharpe_ratio_though_floats_differ() -> None:
    assert judged([100_000 * 1.001**k for k in range(50)]).sharpe is None


def test_one_bar_defines_no_rate() -> None:
    found = judged([100_000])
    assert (found.samples, found.years, found.periods_per_year) == (1, 0.0, None)
    assert (found.cagr, found.volatility, found.sharpe, found.sortino, found.turnover_per_year) == (None,) * 5
    assert found.months == (PeriodReturn(2024, 1, 0.0),)


def test_no_bar_at_all_is_judged_without_complaint() -> None:
    found = compute(result(curve=curve([])))
    assert (found.total_return, found.exposure, found.months, found.max_drawdown) == (0.0, None, (), 0.0)


def test_zero_trades_define_no_trade_figure() -> None:
    found = judged([100_000, 100_000])
    undefined = (
        "win_rate",
        "profit_factor",
        "payoff_ratio",
        "expectancy",
        "sqn",
        "average_win",
        "average_loss",
    )
    assert [getattr(found, name) for name in undefined] == [None] * len(undefined)
    assert (found.best_trade, found.worst_trade, found.average_holding_ns) == (None, None, None)
    assert (found.trades, found.net_profit, found.by_symbol, found.by_exit_reason) == (0, Decimal(0), (), ())


def test_trade_figures_of_five_trades_by_hand() -> None:
    pnls = ["10", "20", "-15", "0", "-5"]
    trades = [trade(pnl, exit_time=MONDAY + (k + 1) * DAY) for k, pnl in enumerate(pnls)]
    found = compute(result(trades=trades))
    assert (found.trades, found.wins, found.losses, found.win_rate) == (5, 2, 2, 0.4)
    assert (found.gross_profit, found.gross_loss, found.net_profit) == (
        Decimal(30),
        Decimal(-20),
        Decimal(10),
    )
    assert (found.profit_factor, found.expectancy) == (1.5, 2.0)
    assert (found.average_win, found.average_loss, found.payoff_ratio) == (15.0, -10.0, 1.5)
    assert (found.best_trade, found.worst_trade) == (Decimal(20), Decimal(-15))
    assert (found.longest_win_streak, found.longest_loss_streak) == (2, 1)
    assert found.average_holding_ns == 3 * DAY
    spread = statistics.stdev([10, 20, -15, 0, -5])
    assert found.sqn == pytest.approx(math.sqrt(5) * 2 / spread, rel=1e-12)


def test_kelly_bets_the_edge_over_the_payoff() -> None:
    """Two of four decided trades won, 15 to 10: 0.5 - 0.5 / 1.5. The trade of nothing decides nothing."""
    found = compute(result(trades=[trade(pnl) for pnl in ("10", "20", "-15", "0", "-5")]))
    assert found.kelly == pytest.approx(0.5 - 0.5 / 1.5)


@given(st.floats(0.05, 0.95), st.floats(0.2, 5.0))
def test_no_other_part_of_the_capital_grows_faster_than_kellys(odds: float, payoff: float) -> None:
    wins = round(odds * 100)
    pnls = [f"{payoff:.6f}"] * wins + ["-1"] * (100 - wins)
    kelly = compute(result(trades=[trade(pnl) for pnl in pnls])).kelly
    assert kelly is not None

    def growth(part: float) -> float:
        return wins * math.log1p(part * float(pnls[0])) + (100 - wins) * math.log1p(-part)

    low = -0.99 / float(pnls[0])
    for other in np.linspace(low, 0.99, 41):
        assert growth(float(other)) <= growth(kelly) + 1e-9


@pytest.mark.parametrize("pnls", [(), ("5", "7"), ("-5",), ("0", "0")])
def test_without_winners_and_losers_kelly_is_undefined(pnls: tuple[str, ...]) -> None:
    assert compute(result(trades=[trade(pnl) for pnl in pnls])).kelly is None


def test_equal_trades_have_no_system_quality() -> None:
    assert compute(result(trades=[trade("0.1")] * 7)).sqn is None


def test_only_winners_leave_the_profit_factor_undefined() -> None:
    assert compute(result(trades=[trade("5"), trade("7")])).profit_factor is None


def test_streaks_follow_exit_times_not_the_order_given() -> None:
    order = [(3, "-1"), (1, "1"), (2, "1"), (4, "-1"), (0, "1")]
    trades = [trade(pnl, exit_time=MONDAY + k * DAY) for k, pnl in order]
    found = compute(result(trades=trades))
    assert (found.longest_win_streak, found.longest_loss_streak) == (3, 2)


def test_turnover_counts_both_sides_of_closed_trades() -> None:
    line = curve([100_000, 100_000], step=int(365.25 * DAY) * 2)
    found = compute(result(curve=line, trades=[trade("1")]))
    assert found.turnover == pytest.approx(5 * (175.50 + 201.82) / 100_000)
    assert found.turnover_per_year == pytest.approx(5 * (175.50 + 201.82) / 100_000 / 2)


def test_turnover_counts_what_a_contract_stands_for() -> None:
    one, fifty = (compute(result(trades=[trade("1", multiplier=Decimal(n))])).turnover for n in (1, 50))
    assert one is not None
    assert fifty == pytest.approx(50 * one)
    assert trade("1", multiplier=Decimal(50)).notional == Decimal("43875.00")


def test_best_and_worst_day_and_month_are_returns() -> None:
    found = judged([100_000, 102_000, 99_960, 99_960, *[99_960] * 40, 109_956])
    assert [found.best_day, found.worst_day] == pytest.approx([0.1, -0.02])
    assert [found.best_month, found.worst_month] == pytest.approx([0.1, -0.0004])


def test_exposure_is_a_mean_over_all_bars() -> None:
    line = msgspec.structs.replace(curve([100_000] * 4), exposure=np.array([0.0, 0.2, -0.4, 0.0]))
    found = compute(result(curve=line))
    assert found.exposure == pytest.approx(0.15)
    assert found.time_in_market == 0.5


def test_months_and_years_compound_from_the_cash() -> None:
    found = judged([100_000 * 1.001**k for k in range(1, 801)])
    for periods in (found.months, found.calendar_years):
        grown = math.prod(1 + one.value for one in periods if one.value is not None)
        assert grown == pytest.approx(1.001**800, rel=1e-9)
    assert [(one.year, one.month) for one in found.months[:13:12]] == [(2024, 1), (2025, 1)]
    assert [(one.year, one.month) for one in found.calendar_years] == [(2024, 0), (2025, 0), (2026, 0)]


def test_groups_split_the_trades_by_symbol_and_by_reason() -> None:
    trades = [
        trade("10", symbol="MSFT"),
        trade("-4", exit_reason="stop"),
        trade("6", exit_reason="target"),
    ]
    found = compute(result(trades=trades))
    assert [(one.name, one.trades, one.net_profit) for one in found.by_symbol] == [
        ("AAPL", 2, Decimal(2)),
        ("MSFT", 1, Decimal(10)),
    ]
    assert found.by_symbol[0].profit_factor == 1.5
    assert [(one.name, one.wins, one.win_rate) for one in found.by_exit_reason] == [
        ("stop", 0, 0.0),
        ("target", 2, 1.0),
    ]


def test_trades_belong_to_the_month_of_their_exit() -> None:
    trades = [trade(pnl, exit_time=MONDAY + day * DAY) for pnl, day in (("1", 30), ("2", 31), ("4", 31))]
    assert [(one.name, one.trades, one.net_profit) for one in compute(result(trades=trades)).by_month] == [
        ("2024-01", 1, Decimal(1)),
        ("2024-02", 2, Decimal(6)),
    ]


@given(PNLS)
def test_sums_and_counts_agree_with_each_other(pnls: list[Decimal]) -> None:
    names = ["A", "B", "C"]
    trades = [
        trade(str(pnl), symbol=names[k % 3], exit_reason=names[k % 2], exit_time=MONDAY + k)
        for k, pnl in enumerate(pnls)
    ]
    found = compute(result(trades=trades))
    assert found.net_profit == sum(pnls) == found.gross_profit + found.gross_loss
    for groups in (found.by_symbol, found.by_exit_reason, found.by_month):
        assert sum(group.net_profit for group in groups) == found.net_profit
        assert sum(group.trades for group in groups) == found.trades == len(pnls)
        assert sum(group.wins for group in groups) == found.wins
    assert found.wins + found.losses <= found.trades
    assert found.longest_win_streak <= found.wins
    assert found.longest_loss_streak <= found.losses


@given(CURVES)
def test_a_drawdown_is_never_positive_and_never_below_the_slow_count(equity: list[float]) -> None:
    found = judged(equity, initial_cash=Decimal(repr(equity[0])))
    slow, peak = 0.0, equity[0]
    for value in equity:
        peak = max(peak, value)
        slow = min(slow, value / peak - 1)
    assert found.max_drawdown <= 0
    assert found.max_drawdown == pytest.approx(slow, abs=1e-12)
    assert found.average_drawdown is None or found.max_drawdown <= found.average_drawdown < 0


@given(CURVES, PNLS, st.sampled_from([MINUTE, HOUR, DAY, 7 * DAY, 40 * DAY]))
def test_json_never_contains_what_is_not_a_number(
    equity: list[float], pnls: list[Decimal], step: int
) -> None:
    made = result(curve=curve(equity, step=step), trades=[trade(str(pnl)) for pnl in pnls])
    figures = compute(made)
    for name, value in msgspec.structs.asdict(figures).items():
        assert not isinstance(value, float) or math.isfinite(value), name

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(encode(summary(made, figures)), parse_constant=refuse)


@given(st.lists(st.floats(50.0, 200.0), min_size=3, max_size=60), st.integers(1, 30))
def test_daily_samples_keep_both_ends_so_their_returns_compound_to_the_whole(
    equity: list[float], hours: int
) -> None:
    line = curve(equity, step=hours * HOUR)
    sampled = daily_samples(line)[1]
    assert (sampled[0], sampled[-1]) == (equity[0], equity[-1])
    assert len(sampled) <= len(equity)


def test_every_figure_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    missing = [
        name
        for name in (*Metrics.__struct_fields__, *Group.__struct_fields__, *Drawdown.__struct_fields__)
        if f"`{name}`" not in page
    ]
    assert not missing
