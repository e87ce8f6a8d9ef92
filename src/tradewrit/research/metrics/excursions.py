"""How far each trade went against its holder, and how far in favour, while it was open.

Sweeney, *Maximum Adverse Excursion* (1997). Bars tell where prices were, not in which order, so a
definition is needed for the first and the last bar; it stands in `docs/reference/metrics.md`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.features.bars import Bars, Floats
from tradewrit.research.results import RoundTrip

_INSIDE_THE_BAR: Final = frozenset({"stop", "target"})


class Excursions(msgspec.Struct, frozen=True, eq=False):
    """One value per trade, as fractions of the entry price, in the order of the trades.

    adverse: the worst, never above 0 (MAE). favourable: the best, never below 0 (MFE).
    NaN for a trade whose bars are not known.
    """

    adverse: Floats
    favourable: Floats


class _Columns(msgspec.Struct, frozen=True, eq=False):
    """Some trades as columns, sorted by entry."""

    entry_at: NDArray[np.int64]
    exit_at: NDArray[np.int64]
    entry: Floats
    exit: Floats
    is_long: NDArray[np.bool_]
    left_inside: NDArray[np.bool_]


def excursions(trades: Sequence[RoundTrip], bars: Mapping[str, Bars]) -> Excursions:
    """Maximum adverse and favourable excursion of every trade, from the bars it was open in."""
    adverse, favourable = np.full(len(trades), np.nan), np.full(len(trades), np.nan)
    by_symbol: dict[str, list[int]] = {}
    for k, trade in enumerate(trades):
        by_symbol.setdefault(trade.symbol, []).append(k)
    for symbol, rows in by_symbol.items():
        if symbol in bars and len(bars[symbol]):
            rows.sort(key=lambda k: trades[k].entry_time)
            adverse[rows], favourable[rows] = _of_one(_columns([trades[k] for k in rows]), bars[symbol])
    return Excursions(adverse, favourable)


def excursion_figures(trades: Sequence[RoundTrip], bars: Mapping[str, Bars]) -> dict[str, Any]:
    """Means over all trades, of what winners endured, and of what losers once had."""
    found = excursions(trades, bars)
    won = np.array([trade.pnl > 0 for trade in trades], dtype=np.bool_)
    lost = np.array([trade.pnl < 0 for trade in trades], dtype=np.bool_)
    return {
        "average_mae": _known_mean(found.adverse),
        "average_mfe": _known_mean(found.favourable),
        "winners_mae": _known_mean(found.adverse[won]),
        "losers_mfe": _known_mean(found.favourable[lost]),
    }


def _known_mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _columns(trades: Sequence[RoundTrip]) -> _Columns:
    return _Columns(
        np.array([trade.entry_time for trade in trades], dtype=np.int64),
        np.array([trade.exit_time for trade in trades], dtype=np.int64),
        np.array([trade.entry_price for trade in trades], dtype=np.float64),
        np.array([trade.exit_price for trade in trades], dtype=np.float64),
        np.array([trade.side == "long" for trade in trades], dtype=np.bool_),
        np.array([trade.exit_reason in _INSIDE_THE_BAR for trade in trades], dtype=np.bool_),
    )


def _of_one(trades: _Columns, bars: Bars) -> tuple[Floats, Floats]:
    first = np.searchsorted(bars.ts, trades.entry_at, side="right") - 1
    last = np.searchsorted(bars.ts, trades.exit_at, side="right") - 1
    begin, end = np.maximum(first, 0), np.maximum(last, 0)
    left_at_close = _is_close(trades.exit, bars, end) & ~trades.left_inside
    whole = begin + _is_close(trades.entry, bars, begin), end + left_at_close
    # Of the bar of the exit only what was surely seen before it: its open, and the exit itself.
    opened = np.where(end > begin, bars.open[end], trades.entry)
    known = np.stack([trades.entry, trades.exit, opened])
    high = np.maximum(known.max(axis=0), _extreme(np.maximum, bars.high, *whole, -np.inf))
    low = np.minimum(known.min(axis=0), _extreme(np.minimum, bars.low, *whole, np.inf))
    up, down = high / trades.entry - 1.0, low / trades.entry - 1.0
    is_known = (first >= 0) & (trades.entry > 0)
    adverse = np.where(trades.is_long, down, -up)
    favourable = np.where(trades.is_long, up, -down)
    return np.where(is_known, adverse, np.nan), np.where(is_known, favourable, np.nan)


def _is_close(price: Floats, bars: Bars, row: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether a fill was made at its bar's close, or at the quote there, as far as its price can tell."""
    found: NDArray[np.bool_] = price == bars.close[row]
    for quoted in (bars.bid, bars.ask):
        if quoted is not None:
            found |= price == quoted[row]
    found &= price != bars.open[row]
    return found


def _extreme(
    of: np.ufunc, column: Floats, begin: NDArray[np.intp], end: NDArray[np.intp], none: float
) -> Floats:
    """The extreme of rows begin to end - 1, for each pair; `none` where there is no such row.

    begin: rising, so that the stretches between the pairs, which are read too, do not overlap.
    """
    pairs = np.stack([begin, end], axis=1).ravel()
    found: Floats = of.reduceat(np.append(column, none), pairs)[::2]
    return np.where(begin < end, found, none)
