"""A backtest's results as the two columns a person reads; every exact figure is in `--json`."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import OrderRejected
from tradewrit.domain.events.risk import LimitExceeded
from tradewrit.domain.events.strategy import HoldSignalled
from tradewrit.domain.market import DAY, HOUR, MINUTE
from tradewrit.domain.rejections import UNSENT
from tradewrit.domain.sizing import Largest, spelt
from tradewrit.runtime.journal.records import Record
from tradewrit.surfaces.words import money

if TYPE_CHECKING:
    from tradewrit.research.metrics import Metrics
    from tradewrit.research.results import Result

_NONE = "-"
_REASONS = 3
_SHORTEST_YEARS = 1 / 12


def headline(result: "Result") -> str:
    """What was run on what: strategy, symbols, bars, and the days they span."""
    from tradewrit.domain.times import iso

    curve = result.curve
    span = f", {iso(int(curve.ts[0]))[:10]} to {iso(int(curve.ts[-1]))[:10]}" if len(curve) else ""
    symbols = ", ".join(result.symbols) if len(result.symbols) <= 6 else f"{len(result.symbols)} symbols"
    bars = f"{result.bars:,} bar" + ("" if result.bars == 1 else "s")
    return f"{result.strategy} on {symbols}: {bars}{span}"


class WhyNot:
    """Listens to a run for what kept ideas from becoming trades.

    limits: how often each limit was named in a refusal. held: why the strategist kept still. rejected:
    orders that the venue did not take.
    """

    def __init__(self) -> None:
        self.rejected = 0
        self.limits: Counter[str] = Counter()
        self.held: dict[str, None] = {}

    def __call__(self, event: Event, record: Record | None) -> None:
        """Hear one event."""
        if record is None:
            return
        if isinstance(event, LimitExceeded):
            self.limits.update(breach.limit for breach in event.breaches)
        elif isinstance(event, HoldSignalled) and not event.trace:
            self.held[event.reason] = None
        elif isinstance(event, OrderRejected) and event.code not in UNSENT:
            self.rejected += 1

    def rows(self, counts: Mapping[str, int]) -> list[tuple[str, str]]:
        """For the table of figures: only where there was something."""
        rows = []
        if refused := counts.get("risk.limit.exceeded"):
            rows.append(("refused by risk", f"{refused:,} ({', '.join(self.limits)})"))
        if self.rejected:
            rows.append(("rejected by the venue", f"{self.rejected:,}"))
        if self.held:
            shown = list(self.held)[:_REASONS]
            rows.append(("held back", "; ".join(shown) + ("; ..." if len(self.held) > _REASONS else "")))
        return rows


def figures(
    result: "Result", counts: Mapping[str, int], metrics: "Metrics", why_not: WhyNot | None = None
) -> list[tuple[str, str]]:
    """The figures that are looked at first, in the order they are; counts: of journalled events, if any."""
    signals = counts.get("strategy.entry.signal")
    rows = [
        ("final equity", f"{money(result.final_equity)} {result.currency}"),
        ("started with", money(result.initial_cash)),
        ("total return", _percent(metrics.total_return)),
        *_yearly(metrics),
        ("largest drawdown", _percent(metrics.max_drawdown)),
        ("average exposure", _percent(metrics.exposure)),
        *([("entry signals", f"{signals or 0:,}")] if counts else []),
        ("closed trades", _trades(result)),
        ("open positions", str(result.open_positions)),
        *_of_trades(metrics),
        ("fees", money(result.fees)),
        *([("funding", f"{_money(result.funding)} (in the P&L of trades)")] if result.funding else []),
        *([] if isinstance(result.sizing, Largest) else [("sizing", spelt(result.sizing))]),
    ]
    refusals = [] if why_not is None else why_not.rows(counts)
    return [*rows, *refusals, *_denied(result), *_refused(result), ("time", _seconds(result))]


def _denied(result: "Result") -> list[tuple[str, str]]:
    """Entries that never left: both engines know of them."""
    entries = sum(result.denied.values())
    by = ", ".join(f"{name} {count:,}" for name, count in result.denied_by.items())
    return [("denied by the writ", f"{entries:,} ({by})" if by else f"{entries:,}")] if entries else []


def _refused(result: "Result") -> list[tuple[str, str]]:
    """Entries that the venue did not take."""
    by = ", ".join(f"{code} {count:,}" for code, count in result.refused.items())
    return [("refused by the venue", f"{sum(result.refused.values()):,} ({by})")] if by else []


def _of_trades(metrics: "Metrics") -> list[tuple[str, str]]:
    """What only closed trades have."""
    if not metrics.trades:
        return []
    return [
        ("winners", f"{metrics.wins:,} ({_percent(metrics.win_rate)})"),
        ("profit factor", _ratio(metrics.profit_factor)),
        ("average win, loss", f"{_money(metrics.average_win)}, {_money(metrics.average_loss)}"),
        ("best, worst trade", f"{_money(metrics.best_trade)}, {_money(metrics.worst_trade)}"),
        ("average holding", _span(metrics.average_holding_ns)),
    ]


def _yearly(metrics: "Metrics") -> list[tuple[str, str]]:
    """What is scaled to a year says nothing about days; it is left to `--json` there."""
    if metrics.years < _SHORTEST_YEARS:
        return [("per year", "less than a month: not annualised")]
    return [
        ("per year", _percent(metrics.cagr)),
        ("Sharpe ratio", _ratio(metrics.sharpe)),
        ("Sortino ratio", _ratio(metrics.sortino)),
    ]


def _trades(result: "Result") -> str:
    reasons = Counter(trade.exit_reason for trade in result.trades)
    by_reason = ", ".join(f"{count:,} by {reason}" for reason, count in reasons.most_common())
    return f"{len(result.trades):,} ({by_reason})" if by_reason else "0"


def _seconds(result: "Result") -> str:
    load, run, cpu = result.load_seconds, result.run_seconds, result.run_cpu_seconds
    engine = result.engine.removesuffix("s")
    return f"read in {load:.2f} s, run in {run:.2f} s ({cpu:.2f} s of CPU), {engine} engine"


def _percent(fraction: float | None) -> str:
    return _NONE if fraction is None else f"{fraction * 100:z.2f} %"


def _ratio(value: float | None) -> str:
    return _NONE if value is None else f"{value:z.2f}"


def _money(value: object) -> str:
    return _NONE if value is None else f"{value:z,.2f}"


def _span(ns: int | None) -> str:
    if ns is None:
        return _NONE
    if ns >= DAY:
        return f"{ns / DAY:.1f} days"
    return f"{ns / HOUR:.1f} hours" if ns >= HOUR else f"{ns / MINUTE:.0f} min"
