"""Everything the page draws, as one JSON-able tree, cut down to what a screen can show.

Times are UTC milliseconds, each column of times as its first value and then the steps. Numbers are
rounded for drawing; exact amounts are in the trades file.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
import numpy as np

from tradewrit.features.bars import Bars, Floats, Times
from tradewrit.research.metrics import Group, Metrics, underwater
from tradewrit.research.report.glossary import GLOSSARY
from tradewrit.research.report.thinning import buy_and_hold, coarser, histogram, rows_that_show
from tradewrit.research.results import Result, RoundTrip, encode

CURVE_BUCKETS: Final = 500
CANDLES: Final = 15_000
"""Over all charts; at about 35 bytes each they are the largest part of the page."""
CANDLES_PER_CHART: Final = 3_000
CHARTS: Final = 60
TRADES: Final = 4_000
LISTED: Final = 300
GROUPS: Final = 200
PARAMETER_LENGTH: Final = 500
_MILLISECOND = 1_000_000


def payload(
    result: Result, metrics: Metrics, bars: Mapping[str, Bars], *, title: str, notes: Sequence[str]
) -> dict[str, Any]:
    """The tree that `report.js` reads; every list in it is bounded, whatever the result's size."""
    held = buy_and_hold(
        [bars[symbol] for symbol in result.symbols if symbol in bars],
        result.curve.ts,
        float(result.initial_cash),
    )
    charts = _charts(result, bars)
    return {
        "title": title,
        "notes": list(notes),
        "strategy": result.strategy,
        "engine": result.engine,
        "currency": result.currency,
        "parameters": {name: _shown(value) for name, value in result.parameters.items()},
        "symbols": result.symbols[:GROUPS],
        "symbol_count": len(result.symbols),
        "bars": result.bars,
        "interval_ms": result.interval_ns // _MILLISECOND,
        "period": [int(result.curve.ts[k]) // _MILLISECOND for k in (0, -1)] if len(result.curve) else None,
        "open_positions": result.open_positions,
        "initial_cash": result.initial_cash,
        "final_equity": result.final_equity,
        "seconds": {"load": result.load_seconds, "run": result.run_seconds, "cpu": result.run_cpu_seconds},
        "metrics": _scalars(metrics),
        "glossary": GLOSSARY,
        "curve": _curve(result, held),
        "months": metrics.months,
        "years": metrics.calendar_years,
        "histogram": histogram(np.array([trade.pnl for trade in result.trades], dtype=np.float64)),
        "charts": charts,
        "trades": _trades(result.trades),
        "listed": LISTED,
        "by_symbol": _largest(metrics.by_symbol),
        "by_exit_reason": _largest(metrics.by_exit_reason),
    }


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else encode(value).decode()
    return text if len(text) <= PARAMETER_LENGTH else text[:PARAMETER_LENGTH] + "..."


def _scalars(metrics: Metrics) -> dict[str, Any]:
    tables = {"by_symbol", "by_exit_reason", "months", "calendar_years"}
    found = {name: value for name, value in msgspec.structs.asdict(metrics).items() if name not in tables}
    for name, value in found.items():
        if value is not None and name.endswith(("_ns", "_at")):
            found[name] = value // _MILLISECOND  # JavaScript's numbers end at 2**53
    return found


def _largest(groups: Sequence[Group]) -> dict[str, Any]:
    ranked = sorted(groups, key=lambda group: (-group.trades, group.name))
    return {"groups": ranked[:GROUPS], "total": len(groups)}


def _curve(result: Result, held: Floats | None) -> dict[str, Any]:
    curve, start = result.curve, float(result.initial_cash)
    if not len(curve):
        return {"t": [], "equity": [], "drawdown": [], "exposure": [], "hold": None}
    columns = [curve.equity, underwater(start, curve.equity), curve.exposure]
    rows = rows_that_show(columns if held is None else [*columns, held], CURVE_BUCKETS)
    return {
        "t": _steps(curve.ts[rows]),
        "equity": np.round(curve.equity[rows], 2).tolist(),
        "drawdown": np.round(columns[1][rows], 5).tolist(),
        "exposure": np.round(curve.exposure[rows], 4).tolist(),
        "hold": None if held is None else np.round(held[rows], 2).tolist(),
    }


def _charts(result: Result, bars: Mapping[str, Bars]) -> list[dict[str, Any]]:
    """Candles of the symbols traded most, then of the others in their own order."""
    traded = Counter(trade.symbol for trade in result.trades)
    drawn = [symbol for symbol in result.symbols if symbol in bars and len(bars[symbol])]
    drawn = sorted(drawn, key=lambda symbol: -traded[symbol])[:CHARTS]
    share = min(CANDLES_PER_CHART, CANDLES // max(len(drawn), 1))
    return [_chart(bars[symbol], share) for symbol in drawn]


def _chart(bars: Bars, limit: int) -> dict[str, Any]:
    shown = coarser(bars, limit)
    places = _decimals(bars.close)
    return {
        "symbol": bars.symbol,
        "merged": -(-len(bars) // limit),
        "decimals": places,
        "t": _steps(shown.ts),
        **{
            name: np.round(getattr(shown, name), places).tolist() for name in ("open", "high", "low", "close")
        },
    }


def _decimals(prices: Floats) -> int:
    """Decimals to draw with: all the prices have, but no more than about six figures of a typical one.

    2 for 175.50, 5 for 1.10345, 9 for 0.000012345678.
    """
    typical = float(np.median(np.abs(prices)))
    most = int(np.clip(5 - np.floor(np.log10(typical)), 2, 10)) if typical > 0 else 2
    return next(places for places in range(2, 11) if places == most or _has_at_most(prices, places))


def _has_at_most(prices: Floats, places: int) -> bool:
    return bool(np.array_equal(np.round(prices, places), prices))


def _steps(ts: Times) -> list[int]:
    steps: list[int] = np.diff(ts // _MILLISECOND, prepend=0).tolist()
    return steps


def _trades(trades: Sequence[RoundTrip]) -> dict[str, Any]:
    """Rows for table and markers; symbols and reasons by number. `total` counts those left out too."""
    kept = _trades_kept(trades)
    symbols = sorted({trades[k].symbol for k in kept})
    reasons = sorted({trades[k].exit_reason for k in kept})
    symbol_number = {symbol: k for k, symbol in enumerate(symbols)}
    reason_number = {reason: k for k, reason in enumerate(reasons)}
    rows = [_row(k + 1, trades[k], symbol_number, reason_number) for k in kept]
    return {"total": len(trades), "symbols": symbols, "reasons": reasons, "rows": rows}


def _trades_kept(trades: Sequence[RoundTrip]) -> list[int]:
    """All, or: the first few hundred, the best and the worst hundred, and the rest evenly thinned."""
    if len(trades) <= TRADES:
        return list(range(len(trades)))
    by_pnl = sorted(range(len(trades)), key=lambda k: trades[k].pnl)
    spare = TRADES - LISTED - 200
    even = np.linspace(0, len(trades) - 1, spare).astype(np.intp).tolist()
    return sorted({*range(LISTED), *by_pnl[:100], *by_pnl[-100:], *even})


def _row(number: int, trade: RoundTrip, symbols: dict[str, int], reasons: dict[str, int]) -> list[Any]:
    return [
        number,
        symbols[trade.symbol],
        1 if trade.side == "long" else -1,
        float(trade.quantity),
        trade.entry_time // _MILLISECOND,
        float(trade.entry_price),
        trade.exit_time // _MILLISECOND,
        float(trade.exit_price),
        reasons[trade.exit_reason],
        _cents(trade.fees),
        _cents(trade.pnl),
        _level(trade.stop),
        _level(trade.target),
    ]


def _cents(amount: Decimal) -> float:
    return round(float(amount), 4)


def _level(price: Decimal | None) -> float | None:
    return None if price is None else float(price)
