"""Everything the page draws, as one JSON-able tree, cut down to what a screen can show.

Times are UTC milliseconds; long columns are packed (see `packing`). Numbers are rounded for drawing;
exact amounts are in the trades file.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
import numpy as np

from tradewrit.domain.sizing import spelt
from tradewrit.features.bars import Bars
from tradewrit.research.metrics.excursions import Excursions, excursions
from tradewrit.research.metrics.figures import TABLES, Drawdown, Group, Metrics
from tradewrit.research.report.curves import benchmarks, curves
from tradewrit.research.report.glossary import GLOSSARY
from tradewrit.research.report.packing import MILLISECOND, packed_candles
from tradewrit.research.report.thinning import coarser, histogram
from tradewrit.research.results import Result, RoundTrip, encode

CANDLES: Final = 30_000
"""Over all charts; at about 16 bytes each they are the largest part of the page."""
CANDLES_PER_CHART: Final = 6_000
CHARTS: Final = 500
TRADES: Final = 4_000
LISTED: Final = 300
GROUPS: Final = 200
PARAMETER_LENGTH: Final = 500


def payload(
    result: Result, metrics: Metrics, bars: Mapping[str, Bars], *, title: str, notes: Sequence[str]
) -> dict[str, Any]:
    """The tree that the page's script reads; every list in it is bounded, whatever the result's size."""
    return {
        **heading(result, title, notes),
        "parameters": shown_parameters(result),
        "open_positions": result.open_positions,
        "final_equity": result.final_equity,
        "seconds": {"load": result.load_seconds, "run": result.run_seconds, "cpu": result.run_cpu_seconds},
        "metrics": scalars(metrics),
        "glossary": GLOSSARY,
        "curve": curves({result.strategy: result}, benchmarks(result, metrics, bars), metrics.risk_free),
        "months": metrics.months,
        "years": metrics.calendar_years,
        "by_month": [[group.name, group.trades, group.net_profit] for group in metrics.by_month],
        "drawdowns": [_drawdown(one) for one in metrics.drawdowns],
        "histogram": histogram(np.array([trade.pnl for trade in result.trades], dtype=np.float64)),
        "charts": _charts(result, bars),
        "trades": _trades(result.trades, excursions(result.trades, bars)),
        "listed": LISTED,
        "by_symbol": _largest(metrics.by_symbol),
        "by_exit_reason": _largest(metrics.by_exit_reason),
    }


def heading(result: Result, title: str, notes: Sequence[str]) -> dict[str, Any]:
    """What the page is about, and the units of its numbers."""
    return {
        "title": title,
        "notes": list(notes),
        "strategy": result.strategy,
        "engine": result.engine,
        "sizing": spelt(result.sizing),
        "currency": result.currency,
        "symbols": result.symbols[:GROUPS],
        "symbol_count": len(result.symbols),
        "bars": result.bars,
        "interval_ms": result.interval_ns // MILLISECOND,
        "period": [int(result.curve.ts[k]) // MILLISECOND for k in (0, -1)] if len(result.curve) else None,
        "initial_cash": result.initial_cash,
    }


def shown_parameters(result: Result) -> dict[str, str]:
    """The strategy's parameters as text that is not without end."""
    return {name: _shown(value) for name, value in result.parameters.items()}


def _shown(value: object) -> str:
    text = "none" if value is None else value if isinstance(value, str) else encode(value).decode()
    return text if len(text) <= PARAMETER_LENGTH else text[:PARAMETER_LENGTH] + "..."


def scalars(metrics: Metrics) -> dict[str, Any]:
    """The single figures, durations and moments in ms: JavaScript's numbers end at 2**53."""
    found = {name: value for name, value in msgspec.structs.asdict(metrics).items() if name not in TABLES}
    for name, value in found.items():
        if value is not None and name.endswith(("_ns", "_at")):
            found[name] = value // MILLISECOND
    return found


def _drawdown(one: Drawdown) -> dict[str, Any]:
    return {
        "depth": one.depth,
        "peak": one.peak_at // MILLISECOND,
        "trough": one.trough_at // MILLISECOND,
        "recovered": None if one.recovered_at is None else one.recovered_at // MILLISECOND,
        "length": one.length_ns // MILLISECOND,
    }


def _largest(groups: Sequence[Group]) -> dict[str, Any]:
    ranked = sorted(groups, key=lambda group: (-group.trades, group.name))
    return {"groups": ranked[:GROUPS], "total": len(groups)}


def _charts(result: Result, bars: Mapping[str, Bars]) -> list[dict[str, Any]]:
    """Candles of the symbols traded most, then of the others in their own order."""
    traded = Counter(trade.symbol for trade in result.trades)
    drawn = [symbol for symbol in result.symbols if symbol in bars and len(bars[symbol])]
    drawn = sorted(drawn, key=lambda symbol: -traded[symbol])[:CHARTS]
    share = min(CANDLES_PER_CHART, CANDLES // max(len(drawn), 1))
    return [_chart(bars[symbol], share) for symbol in drawn]


def _chart(bars: Bars, limit: int) -> dict[str, Any]:
    packed = packed_candles(coarser(bars, limit))
    return {"symbol": bars.symbol, "merged": -(-len(bars) // limit), **packed}


def _trades(trades: Sequence[RoundTrip], moved: Excursions) -> dict[str, Any]:
    """Rows for table and markers; symbols and reasons by number. `total` counts those left out too."""
    kept = _trades_kept(trades)
    symbols = sorted({trades[k].symbol for k in kept})
    reasons = sorted({trades[k].exit_reason for k in kept})
    symbol_number = {symbol: k for k, symbol in enumerate(symbols)}
    reason_number = {reason: k for k, reason in enumerate(reasons)}
    adverse, favourable = (np.round(column, 5).tolist() for column in (moved.adverse, moved.favourable))
    rows = [[k + 1, *_row(trades[k], symbol_number, reason_number), adverse[k], favourable[k]] for k in kept]
    return {"total": len(trades), "symbols": symbols, "reasons": reasons, "rows": rows}


def _trades_kept(trades: Sequence[RoundTrip]) -> list[int]:
    """All, or: the first few hundred, the best and the worst hundred, and the rest evenly thinned."""
    if len(trades) <= TRADES:
        return list(range(len(trades)))
    by_pnl = sorted(range(len(trades)), key=lambda k: trades[k].pnl)
    spare = TRADES - LISTED - 200
    even = np.linspace(0, len(trades) - 1, spare).astype(np.intp).tolist()
    return sorted({*range(LISTED), *by_pnl[:100], *by_pnl[-100:], *even})


def _row(trade: RoundTrip, symbols: dict[str, int], reasons: dict[str, int]) -> list[Any]:
    notional = trade.notional
    return [
        symbols[trade.symbol],
        1 if trade.side == "long" else -1,
        float(trade.quantity),
        trade.entry_time // MILLISECOND,
        float(trade.entry_price),
        trade.exit_time // MILLISECOND,
        float(trade.exit_price),
        reasons[trade.exit_reason],
        _cents(trade.fees),
        _cents(trade.pnl),
        None if not notional else round(float(trade.pnl / notional), 5),
        _level(trade.stop),
        _level(trade.target),
    ]


def _cents(amount: Decimal) -> float:
    return round(float(amount), 4)


def _level(price: Decimal | None) -> float | None:
    return None if price is None else float(price)
