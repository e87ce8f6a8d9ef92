"""What the closed trades say: win rate, profit factor, system quality, Kelly, streaks, groups.

Money is summed exactly; a mean is a float, because a mean rarely ends.
"""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import reduce
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np

from tradewrit.domain.money import EXACT, ZERO, canonical
from tradewrit.research.metrics.figures import Group
from tradewrit.research.metrics.returns import NOISE
from tradewrit.research.results import RoundTrip


def trade_figures(trades: Sequence[RoundTrip]) -> dict[str, Any]:
    """Every figure that needs nothing but the closed trades."""
    pnls = [trade.pnl for trade in trades]
    won, lost = [pnl for pnl in pnls if pnl > 0], [pnl for pnl in pnls if pnl < 0]
    average_win, average_loss = _mean(won), _mean(lost)
    payoff = average_win / -average_loss if average_win and average_loss else None
    in_order = [trade.pnl for trade in sorted(trades, key=attrgetter("exit_time"))]
    held = [trade.exit_time - trade.entry_time for trade in trades]
    return {
        "trades": len(trades),
        "wins": len(won),
        "losses": len(lost),
        "win_rate": len(won) / len(trades) if trades else None,
        "profit_factor": _profit_factor(pnls),
        "payoff_ratio": payoff,
        "expectancy": _mean(pnls),
        "sqn": _sqn(pnls),
        "kelly": _kelly(len(won), len(lost), payoff),
        "net_profit": _total(pnls),
        "gross_profit": _total(won),
        "gross_loss": _total(lost),
        "average_win": average_win,
        "average_loss": average_loss,
        "best_trade": canonical(max(pnls)) if pnls else None,
        "worst_trade": canonical(min(pnls)) if pnls else None,
        "longest_win_streak": _longest_run(pnl > 0 for pnl in in_order),
        "longest_loss_streak": _longest_run(pnl < 0 for pnl in in_order),
        "average_holding_ns": sum(held) // len(held) if held else None,
    }


def traded_value(trades: Sequence[RoundTrip]) -> Decimal:
    """Notional bought and sold by closed trades, both sides."""
    notionals = (t.quantity * t.multiplier * (t.entry_price + t.exit_price) for t in trades)
    return reduce(EXACT.add, notionals, ZERO)


def groups(trades: Sequence[RoundTrip], names: Iterable[str]) -> tuple[Group, ...]:
    """One group per name, names in alphabetical order. names: one per trade."""
    by_name: dict[str, list[RoundTrip]] = {}
    for trade, name in zip(trades, names, strict=True):
        by_name.setdefault(name, []).append(trade)
    return tuple(_group(name, those) for name, those in sorted(by_name.items()))


def exit_months(trades: Sequence[RoundTrip]) -> list[str]:
    """The UTC month of each exit, such as 2024-01."""
    at = np.array([trade.exit_time for trade in trades], dtype="datetime64[ns]")
    months: list[str] = at.astype("datetime64[M]").astype(str).tolist()
    return months


def _group(name: str, trades: Sequence[RoundTrip]) -> Group:
    pnls = [trade.pnl for trade in trades]
    wins = sum(pnl > 0 for pnl in pnls)
    net = _total(pnls)
    return Group(
        name=name,
        trades=len(trades),
        wins=wins,
        win_rate=wins / len(trades),
        profit_factor=_profit_factor(pnls),
        net_profit=net,
        fees=_total(trade.fees for trade in trades),
        expectancy=float(EXACT.divide(net, Decimal(len(trades)))),
        best_trade=canonical(max(pnls)),
        worst_trade=canonical(min(pnls)),
    )


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return canonical(reduce(EXACT.add, amounts, ZERO))


def _mean(amounts: Sequence[Decimal]) -> float | None:
    return float(EXACT.divide(_total(amounts), Decimal(len(amounts)))) if amounts else None


def _profit_factor(pnls: Sequence[Decimal]) -> float | None:
    lost = _total(pnl for pnl in pnls if pnl < 0)
    return float(EXACT.divide(_total(pnl for pnl in pnls if pnl > 0), -lost)) if lost else None


def _kelly(wins: int, losses: int, payoff: float | None) -> float | None:
    """Trades of exactly zero neither win nor lose, and drop out of the odds."""
    if payoff is None:
        return None
    odds = wins / (wins + losses)
    return odds - (1 - odds) / payoff


def _sqn(pnls: Sequence[Decimal]) -> float | None:
    if len(pnls) < 2:
        return None
    amounts = np.array(pnls, dtype=np.float64)
    spread = float(amounts.std(ddof=1))
    is_flat = spread <= NOISE * float(np.abs(amounts).max())
    return None if is_flat else math.sqrt(len(pnls)) * float(amounts.mean()) / spread


def _longest_run(hits: Iterable[bool]) -> int:
    return max((sum(1 for _ in run) for is_hit, run in groupby(hits) if is_hit), default=0)
