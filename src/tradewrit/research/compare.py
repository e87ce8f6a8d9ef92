"""Backtests of several strategies on the same data, side by side.

Knows no engine: it is handed results, and says where they differ and which is the better figure.
"""

from collections import Counter
from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Any, Final, Literal

import msgspec
import numpy as np

from tradewrit.errors import DataError
from tradewrit.research.metrics.figures import Metrics
from tradewrit.research.metrics.returns import NOISE, returns_of
from tradewrit.research.metrics.sampling import daily_rows
from tradewrit.research.results import Result, summary

Good = Literal["high", "low", "neither"]
"""Which way a figure is better."""


class Contender(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One of the backtests compared. name: as it was asked for, unlike any other's.

    notes: sentences beside its figures, such as why nothing traded.
    """

    name: str
    result: Result
    metrics: Metrics
    notes: tuple[str, ...] = ()


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of every contender, in their order; None where it is undefined.

    best: places of the contenders with the best value; empty where all are equal, where fewer than two
    have one, or where more is no better than less.
    """

    field: str
    values: tuple[Any, ...]
    best: tuple[int, ...]


class Comparison(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What two or more backtests have and have not in common.

    common_trades: trades that all of them made: same symbol, side and entry time.
    correlation: of the daily returns, of the first two; None where one never moves.
    """

    contenders: tuple[Contender, ...]
    lines: tuple[Line, ...]
    common_trades: int
    correlation: float | None

    def to_dict(self) -> dict[str, Any]:
        """The object of `tradewrit backtest --compare ... --json`."""
        return {
            "runs": [_summary(one) for one in self.contenders],
            "common_trades": self.common_trades,
            "correlation": self.correlation,
        }


_GOOD: Final[dict[str, Good]] = {
    "final_equity": "high",
    "total_return": "high",
    "cagr": "high",
    "volatility": "low",
    "sharpe": "high",
    "sortino": "high",
    "calmar": "high",
    "max_drawdown": "high",
    "longest_drawdown_ns": "low",
    "average_drawdown": "high",
    "alpha": "high",
    "beta": "neither",
    "information_ratio": "high",
    "exposure": "neither",
    "turnover": "neither",
    "trades": "neither",
    "win_rate": "high",
    "profit_factor": "high",
    "payoff_ratio": "high",
    "expectancy": "high",
    "sqn": "high",
    "kelly": "high",
    "best_trade": "high",
    "worst_trade": "high",
    "longest_loss_streak": "low",
    "average_holding_ns": "neither",
    "average_mae": "high",
    "average_mfe": "high",
    "best_month": "high",
    "worst_month": "high",
    "fees": "low",
}


def compare(contenders: Sequence[Contender]) -> Comparison:
    """Set two or more backtests side by side.

    Raises ValueError for fewer than two or equal names, and DataError for backtests of different data.
    """
    if len(contenders) < 2 or len({one.name for one in contenders}) < len(contenders):
        raise ValueError("comparing needs two backtests or more, each under a name of its own")
    first, *others = contenders
    for other in others:
        _check_same_data(first.result, other.result)
    return Comparison(
        contenders=tuple(contenders),
        lines=tuple(_line(field, good, contenders) for field, good in _GOOD.items()),
        common_trades=_in_common([one.result for one in contenders]),
        correlation=_correlation(first.result, others[0].result),
    )


def _check_same_data(one: Result, other: Result) -> None:
    is_same = one.symbols == other.symbols and np.array_equal(one.curve.ts, other.curve.ts)
    if not is_same or (one.currency, one.initial_cash) != (other.currency, other.initial_cash):
        raise DataError(
            f"{one.strategy} and {other.strategy} ran on different data or cash; only backtests of the same "
            "can be compared"
        )


def _line(field: str, good: Good, contenders: Sequence[Contender]) -> Line:
    source = "result" if field == "final_equity" else "metrics"
    values = tuple(getattr(getattr(one, source), field) for one in contenders)
    return Line(field=field, values=values, best=_best(values, good))


def _best(values: Sequence[Any], good: Good) -> tuple[int, ...]:
    known = {k: value for k, value in enumerate(values) if value is not None}
    if good == "neither" or len(known) < 2 or len(set(known.values())) == 1:
        return ()
    best = max(known.values()) if good == "high" else min(known.values())
    return tuple(k for k, value in known.items() if value == best)


def _in_common(results: Sequence[Result]) -> int:
    entries = (
        Counter((trade.symbol, trade.side, trade.entry_time) for trade in one.trades) for one in results
    )
    return reduce(and_, entries).total()


def _correlation(one: Result, other: Result) -> float | None:
    rows = daily_rows(one.curve.ts)
    ours, theirs = one.curve.equity[rows], other.curve.equity[rows]
    if len(rows) < 3 or bool(((ours <= 0) | (theirs <= 0)).any()):
        return None
    returns = returns_of(ours), returns_of(theirs)
    if min(float(column.std(ddof=1)) for column in returns) <= NOISE:
        return None
    return float(np.corrcoef(*returns)[0, 1])


def _summary(one: Contender) -> dict[str, Any]:
    about = {"name": one.name, "strategy": one.result.strategy, "parameters": one.result.parameters}
    return about | summary(one.result, one.metrics, one.notes)
