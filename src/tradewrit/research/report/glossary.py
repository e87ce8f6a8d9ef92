"""What each figure of `Metrics` is called on paper, how it is written and what it means.

The formulas and their sources stand in `docs/reference/metrics.md`; this is the short form that a
reader sees when pointing at a figure.
"""

from typing import Final, Literal

import msgspec

Kind = Literal[
    "fraction", "signed_fraction", "ratio", "money", "signed_money", "count", "duration", "date", "text"
]


class Term(msgspec.Struct, frozen=True):
    """One row of the metrics table. `field` names the figure in `Metrics`."""

    field: str
    label: str
    kind: Kind
    meaning: str


GLOSSARY: Final[dict[str, tuple[Term, ...]]] = {
    "Return and risk": (
        Term("total_return", "Total return", "signed_fraction", "Final equity over initial cash, less one."),
        Term(
            "cagr",
            "CAGR",
            "signed_fraction",
            "Compound annual growth rate: the yearly rate that turns the initial cash into the final "
            "equity, with a year of 365.25 days. An extrapolation when the test is shorter than a year.",
        ),
        Term(
            "volatility",
            "Volatility, yearly",
            "fraction",
            "Standard deviation of daily returns (n - 1), times the square root of the samples per year.",
        ),
        Term(
            "sharpe",
            "Sharpe ratio",
            "ratio",
            "Mean daily return above the risk-free rate over its standard deviation, annualised.",
        ),
        Term(
            "sortino",
            "Sortino ratio",
            "ratio",
            "As Sharpe, but over the root mean square of the returns below the risk-free rate only.",
        ),
        Term("calmar", "Calmar ratio", "ratio", "CAGR over the size of the maximum drawdown, whole test."),
        Term("best_day", "Best day", "signed_fraction", "Highest of the daily returns."),
        Term("worst_day", "Worst day", "signed_fraction", "Lowest of the daily returns."),
        Term("best_month", "Best month", "signed_fraction", "Highest return of a calendar month."),
        Term("worst_month", "Worst month", "signed_fraction", "Lowest return of a calendar month."),
        Term("risk_free", "Risk-free rate", "fraction", "Yearly rate used by Sharpe and Sortino."),
        Term("years", "Years", "ratio", "Time from the first to the last point of the equity curve."),
        Term("samples", "Daily samples", "count", "Points of the equity curve that the ratios read."),
        Term(
            "periods_per_year",
            "Samples per year",
            "ratio",
            "Annualisation: 252 for a market that rests at weekends, 365 for one that does not; "
            "365.25 days over the median step for curves coarser than a day.",
        ),
    ),
    "Drawdown and exposure": (
        Term(
            "max_drawdown",
            "Max drawdown",
            "signed_fraction",
            "Deepest fall of equity below its highest value so far, over every bar.",
        ),
        Term("max_drawdown_peak_at", "... peak", "date", "When that fall began."),
        Term("max_drawdown_trough_at", "... low", "date", "When it was deepest."),
        Term("max_drawdown_recovered_at", "... recovered", "date", "When equity was back at that peak."),
        Term("max_drawdown_ns", "... length", "duration", "From that peak to the recovery, or to the end."),
        Term(
            "longest_drawdown_ns",
            "Longest drawdown",
            "duration",
            "Longest time from a peak until equity is back there, or until the end of the test.",
        ),
        Term(
            "average_drawdown",
            "Average drawdown",
            "signed_fraction",
            "Mean depth of all drawdowns, each counted once at its deepest point.",
        ),
        Term(
            "average_drawdown_ns",
            "Average length",
            "duration",
            "Mean time of all drawdowns from peak to recovery, or to the end of the test.",
        ),
        Term(
            "exposure",
            "Exposure",
            "fraction",
            "Mean over all bars of the positions' market value as a part of equity.",
        ),
        Term("time_in_market", "Time in market", "fraction", "Part of the bars with any position open."),
        Term(
            "turnover",
            "Turnover",
            "ratio",
            "Value bought and sold by closed trades over mean equity, whole test.",
        ),
        Term("turnover_per_year", "Turnover per year", "ratio", "Turnover over the years tested."),
    ),
    "Against a benchmark": (
        Term("benchmark", "Benchmark", "text", "What is held: everything traded, evenly, or one symbol."),
        Term(
            "benchmark_return", "Its total return", "signed_fraction", "From its first close, without fees."
        ),
        Term("benchmark_cagr", "Its CAGR", "signed_fraction", "Its compound annual growth rate."),
        Term("benchmark_volatility", "Its volatility", "fraction", "As the strategy's, on the same days."),
        Term("benchmark_sharpe", "Its Sharpe ratio", "ratio", "As the strategy's, on the same days."),
        Term("benchmark_max_drawdown", "Its max drawdown", "signed_fraction", "Over every bar."),
        Term(
            "alpha",
            "Alpha, yearly",
            "signed_fraction",
            "Mean return above what beta times the benchmark's explains, both above the risk-free rate.",
        ),
        Term("beta", "Beta", "ratio", "How far daily returns move with the benchmark's; 1 is as far."),
        Term("correlation", "Correlation", "ratio", "How closely they move with it; 1 is in step."),
        Term(
            "tracking_error",
            "Tracking error",
            "fraction",
            "Standard deviation of the daily lead over the benchmark, yearly.",
        ),
        Term("information_ratio", "Information ratio", "ratio", "Mean lead over the tracking error, yearly."),
    ),
    "Trades": (
        Term("trades", "Closed trades", "count", "Lots opened and closed, matched first in, first out."),
        Term("wins", "Winners", "count", "Closed trades with a profit after fees."),
        Term("losses", "Losers", "count", "Closed trades with a loss after fees."),
        Term("win_rate", "Win rate", "fraction", "Winners over closed trades."),
        Term("profit_factor", "Profit factor", "ratio", "Gross profit over gross loss."),
        Term("payoff_ratio", "Payoff ratio", "ratio", "Average win over average loss."),
        Term("expectancy", "Expectancy", "signed_money", "Mean profit or loss of a closed trade."),
        Term(
            "sqn",
            "System quality (SQN)",
            "ratio",
            "Mean profit over its standard deviation, times the square root of the number of trades.",
        ),
        Term(
            "kelly",
            "Kelly fraction",
            "signed_fraction",
            "The bet that grows fastest if trades win or lose their averages: W - (1 - W) / payoff ratio.",
        ),
        Term("longest_win_streak", "Longest winning run", "count", "Winners in a row, by exit time."),
        Term("longest_loss_streak", "Longest losing run", "count", "Losers in a row, by exit time."),
        Term("average_holding_ns", "Average holding time", "duration", "Mean time from entry to exit."),
        Term(
            "average_mae",
            "Average MAE",
            "signed_fraction",
            "Maximum adverse excursion: how far prices went against a trade while it was open.",
        ),
        Term(
            "average_mfe",
            "Average MFE",
            "signed_fraction",
            "Maximum favourable excursion: how far prices went its way while it was open.",
        ),
        Term(
            "winners_mae", "... MAE of winners", "signed_fraction", "A nearer stop would have cost winners."
        ),
        Term("losers_mfe", "... MFE of losers", "signed_fraction", "What losers once were ahead."),
    ),
    "Money": (
        Term("net_profit", "Net profit, closed", "signed_money", "Sum of all closed trades, after fees."),
        Term("gross_profit", "Gross profit", "signed_money", "Sum of the winners, after fees."),
        Term("gross_loss", "Gross loss", "signed_money", "Sum of the losers, after fees."),
        Term("fees", "Fees", "money", "All fees paid, also those of positions still open."),
        Term("average_win", "Average win", "signed_money", "Mean of the winners."),
        Term("average_loss", "Average loss", "signed_money", "Mean of the losers."),
        Term("best_trade", "Best trade", "signed_money", "Highest profit of one closed trade."),
        Term("worst_trade", "Worst trade", "signed_money", "Lowest result of one closed trade."),
    ),
}
