"""What a result hangs on: one trade, one symbol, one month; and whether there is a result at all.

Takes trades away from a finished run. What others would have done with the cash is left out.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from tradewrit.domain.market import SECOND
from tradewrit.domain.times import iso
from tradewrit.research.bias.findings import Finding, Kind, Severity
from tradewrit.research.bias.subject import Outcome
from tradewrit.research.results import Result, RoundTrip

FEW: Final = 30
"""Trades below which a mean has no meaning: the usual floor for its normal approximation."""
SIGNIFICANT: Final = 2.0
"""t of the trades from which a profit is told from chance, at some 5 %."""
_SOME: Final = 10
_HALF: Final = 0.5


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """How a set of trades stands against chance. Money in the account's currency.

    t: mean over standard error (Student's t against a mean of zero); None below two trades.
    """

    trades: int
    profit: float
    mean: float | None
    t: float | None


def evidence(trades: Sequence[RoundTrip]) -> Evidence:
    """Profit, mean and t of closed trades."""
    pnl = [float(trade.pnl) for trade in trades]
    count, profit = len(pnl), sum(pnl)
    if count < 2:
        return Evidence(trades=count, profit=profit, mean=profit if count else None, t=None)
    mean = profit / count
    spread = (sum((one - mean) ** 2 for one in pnl) / (count - 1)) ** 0.5
    return Evidence(
        trades=count, profit=profit, mean=mean, t=mean / (spread / count**0.5) if spread else None
    )


def check(result: Result) -> Outcome:
    """Too few trades, and a profit that one trade, symbol or month made."""
    trades = result.trades
    found = evidence(trades)
    findings = [*_few(found), *_one_trade(trades, found), *_one_symbol(trades, found)]
    findings += [*_one_month(trades, found), *_chance(found)]
    return Outcome(findings=tuple(findings), looked_at=_numbers(found))


def _numbers(found: Evidence) -> dict[str, Any]:
    return msgspec.structs.asdict(found)


def _few(found: Evidence) -> list[Finding]:
    if found.trades >= FEW:
        return []
    if not found.trades:
        message = (
            "no closed trade: nothing can be said about the result; `tradewrit backtest` says what kept "
            "it from trading"
        )
    else:
        s = "" if found.trades == 1 else "s"
        message = f"{found.trades} closed trade{s}: too few to say anything about the result"
    return [
        Finding(kind=Kind.TOO_FEW_TRADES, severity=Severity.WARNING, message=message, numbers=_numbers(found))
    ]


def _chance(found: Evidence) -> list[Finding]:
    if found.t is None or found.trades < FEW or abs(found.t) >= SIGNIFICANT:
        return []
    return [
        Finding(
            kind=Kind.CHANCE,
            severity=Severity.INFO,
            message=f"{found.profit:,.2f} from {found.trades} trades is not told from chance "
            f"(t = {found.t:.1f})",
            numbers=_numbers(found),
        )
    ]


def _one_trade(trades: Sequence[RoundTrip], found: Evidence) -> list[Finding]:
    """An error when the rest loses and that one trade is half of all gains; a share of half is a warning."""
    if found.trades < 2 or found.profit <= 0:
        return []
    best = max(trades, key=lambda trade: trade.pnl)
    without = found.profit - float(best.pnl)
    of_gains = float(best.pnl) / sum(float(trade.pnl) for trade in trades if trade.pnl > 0)
    if without > _HALF * found.profit:
        return []
    is_error = without <= 0 and of_gains >= _HALF and found.trades >= _SOME
    return [
        Finding(
            kind=Kind.ONE_TRADE,
            severity=Severity.ERROR if is_error else Severity.WARNING,
            message=f"the best of {found.trades} trades made {_share(best.pnl, found)} of the profit; "
            f"without it {_left(without)}",
            numbers={
                "profit": found.profit,
                "best_trade": float(best.pnl),
                "profit_without": without,
                "share_of_gains": of_gains,
            },
            examples=(f"{best.symbol} {best.side}, {iso(best.entry_time)} to {iso(best.exit_time)}",),
        )
    ]


def _one_symbol(trades: Sequence[RoundTrip], found: Evidence) -> list[Finding]:
    by_symbol: dict[Hashable, float] = defaultdict(float)
    for trade in trades:
        by_symbol[trade.symbol] += float(trade.pnl)
    return _one_of(by_symbol, 3, Kind.ONE_SYMBOL, "symbols", found)


def _one_month(trades: Sequence[RoundTrip], found: Evidence) -> list[Finding]:
    by_month: dict[Hashable, float] = defaultdict(float)
    for trade in trades:
        by_month[f"{datetime.fromtimestamp(trade.exit_time // SECOND, UTC):%Y-%m}"] += float(trade.pnl)
    return _one_of(by_month, 6, Kind.ONE_MONTH, "months", found)


def _one_of(
    profits: Mapping[Hashable, float], least: int, kind: Kind, word: str, found: Evidence
) -> list[Finding]:
    """A warning when one of at least `least` parts made half of the profit, and the rest hardly any."""
    if len(profits) < least or found.profit <= 0:
        return []
    best, made = max(profits.items(), key=lambda pair: pair[1])
    without = found.profit - made
    if without > _HALF * found.profit:
        return []
    return [
        Finding(
            kind=kind,
            severity=Severity.WARNING,
            message=f"{best}, the best of {len(profits)} {word}, made {_share(made, found)} of the profit; "
            f"without it {_left(without)}",
            numbers={"profit": found.profit, "best": made, "profit_without": without},
        )
    ]


def _share(made: Any, found: Evidence) -> str:
    return f"{float(made) / found.profit:.0%}"


def _left(without: float) -> str:
    return f"{without:,.2f} would be left" if without > 0 else f"it is a loss of {-without:,.2f}"
