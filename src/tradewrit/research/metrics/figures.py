"""The figures of a backtest as values; what each of them is stands in `docs/reference/metrics.md`."""

from decimal import Decimal
from typing import Final

import msgspec


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The closed trades that share a symbol, an exit reason or a month.

    Money in the account's currency.
    """

    name: str
    trades: int
    wins: int
    win_rate: float
    profit_factor: float | None
    net_profit: Decimal
    fees: Decimal
    expectancy: float
    best_trade: Decimal
    worst_trade: Decimal


class PeriodReturn(msgspec.Struct, frozen=True):
    """Return over one calendar month (UTC), or over a whole year where `month` is 0; a fraction."""

    year: int
    month: int
    value: float | None


class Drawdown(msgspec.Struct, frozen=True, kw_only=True):
    """One fall below the highest equity so far, from its peak until equity is back there.

    depth: a fraction below 0. recovered_at: None when the test ended before.
    length_ns: from the peak to the recovery, or to the end of the test.
    """

    depth: float
    peak_at: int
    trough_at: int
    recovered_at: int | None
    length_ns: int


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one backtest; formulas and sources in `docs/reference/metrics.md`.

    Fractions: returns, cagr, volatility (per year), drawdowns (never above 0), exposure,
    time_in_market, win_rate, kelly, best and worst day and month, alpha (per year), tracking_error
    (per year), excursions (`_mae`, never above 0; `_mfe`, never below). Multiples: turnover,
    turnover_per_year (of mean equity), profit_factor, payoff_ratio. Without unit: beta, correlation,
    sqn, and per year sharpe, sortino, calmar, information_ratio. Money in the account's currency:
    exact sums as Decimal, means as float. `_ns` are durations, `_at` UTC nanoseconds.
    benchmark: what alpha and its neighbours compare with: a symbol, "buy and hold", or None.
    """

    years: float
    samples: int
    periods_per_year: float | None
    risk_free: float
    total_return: float | None
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    best_day: float | None
    worst_day: float | None
    best_month: float | None
    worst_month: float | None
    max_drawdown: float
    max_drawdown_peak_at: int | None
    max_drawdown_trough_at: int | None
    max_drawdown_recovered_at: int | None
    max_drawdown_ns: int
    longest_drawdown_ns: int
    average_drawdown: float | None
    average_drawdown_ns: int | None
    exposure: float | None
    time_in_market: float | None
    turnover: float | None
    turnover_per_year: float | None
    benchmark: str | None
    benchmark_return: float | None
    benchmark_cagr: float | None
    benchmark_volatility: float | None
    benchmark_sharpe: float | None
    benchmark_max_drawdown: float | None
    alpha: float | None
    beta: float | None
    correlation: float | None
    tracking_error: float | None
    information_ratio: float | None
    trades: int
    wins: int
    losses: int
    win_rate: float | None
    profit_factor: float | None
    payoff_ratio: float | None
    expectancy: float | None
    sqn: float | None
    kelly: float | None
    net_profit: Decimal
    gross_profit: Decimal
    gross_loss: Decimal
    fees: Decimal
    average_win: float | None
    average_loss: float | None
    best_trade: Decimal | None
    worst_trade: Decimal | None
    longest_win_streak: int
    longest_loss_streak: int
    average_holding_ns: int | None
    average_mae: float | None
    average_mfe: float | None
    winners_mae: float | None
    losers_mfe: float | None
    by_symbol: tuple[Group, ...]
    by_exit_reason: tuple[Group, ...]
    by_month: tuple[Group, ...]
    drawdowns: tuple[Drawdown, ...]
    months: tuple[PeriodReturn, ...]
    calendar_years: tuple[PeriodReturn, ...]


TABLES: Final = frozenset(
    {"by_symbol", "by_exit_reason", "by_month", "drawdowns", "months", "calendar_years"}
)
"""Fields of `Metrics` that are tables; all others are one figure each."""
