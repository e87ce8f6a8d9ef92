"""The page of a sweep: what it found in sentences, heat maps, in sample beside out of sample, every point."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from tradewrit.research.report.packing import MILLISECOND
from tradewrit.research.report.page import SHARED, assemble
from tradewrit.research.report.thinning import rows_that_show
from tradewrit.research.results import write_whole
from tradewrit.research.sweep.judging import Choice, Judgement, Row, Side, Strung
from tradewrit.research.sweep.sweeping import Swept
from tradewrit.research.sweep.telling import label_of, sentences

_POINTS: Final = 5_000
_ERRORS: Final = 100
_ERROR_LENGTH: Final = 300
_CURVE_BUCKETS: Final = 500
_DIGITS: Final = 6
_PARTS: Final = ("heat", "sweep")
_WITHOUT: Final = frozenset({"curves"})  # of the shared script: what draws equity over time


def write_page(swept: Swept, judged: Judgement, path: Path) -> None:
    """Write one self-contained HTML file, whole or not at all; under 2 MB however many points there are.

    Raises ConfigError when the file cannot be written.
    """
    write_whole(path, [render(swept, judged)])


def render(swept: Swept, judged: Judgement) -> str:
    """The page as HTML text."""
    title = f"{swept.strategy}: sweep of {len(swept.trials):,} points"
    shared = tuple(name for name in SHARED if name not in _WITHOUT)
    return assemble(title, _payload(swept, judged, title), _PARTS, shared)


def _payload(swept: Swept, judged: Judgement, title: str) -> dict[str, Any]:
    shown = _shown(judged)
    return {
        "title": title,
        "notes": [],
        "sentences": sentences(swept, judged),
        "strategy": swept.strategy,
        "currency": swept.currency,
        "symbols": swept.symbols[:200],
        "symbol_count": len(swept.symbols),
        "bars": swept.bars,
        "interval_ms": swept.interval_ns // MILLISECOND,
        "period": [_ms(min(leg.stretch.since for leg in swept.legs)), _ms(_last(swept))],
        "objective": swept.request.objective,
        "label": label_of(swept.request.objective),
        "search": swept.request.method,
        "seed": swept.request.seed,
        "least_trades": swept.request.least_trades,
        "walk": None if swept.request.plan is None else swept.request.plan.walk,
        "base": {name: str(value) for name, value in swept.request.base.items()},
        "axes": [{"name": axis.name, "is_ordered": axis.is_ordered} for axis in swept.request.space.axes],
        "best": judged.best,
        "points": [_point(swept, row) for row in shown],
        "total": len(judged.rows),
        "errors": [
            {"number": row.number, "error": row.error[:_ERROR_LENGTH]} for row in judged.rows if row.error
        ][:_ERRORS],
        "choices": [_choice(one) for one in judged.choices],
        "strung": None if judged.strung is None else _strung(judged.strung),
        "agreement": judged.agreement,
        "runs": {"kept": swept.kept, "made": swept.made, "failed": swept.failed, "lost": swept.lost},
    }


def _last(swept: Swept) -> int:
    """The open of the last bar: the last stretch ends right after it."""
    return max(leg.stretch.until for leg in swept.legs) - 1


def _shown(judged: Judgement) -> list[Row]:
    """All points, or: the best half of what fits, and the others evenly thinned."""
    rows = list(judged.rows)
    if len(rows) <= _POINTS:
        return rows
    ranked = sorted(rows, key=lambda row: (row.inside.score is None, -(row.inside.score or 0.0), row.number))
    best, others = ranked[: _POINTS // 2], ranked[_POINTS // 2 :]
    places = np.linspace(0, len(others) - 1, _POINTS - len(best)).astype(np.intp).tolist()
    return sorted([*best, *(others[place] for place in places)], key=lambda row: row.number)


def _point(swept: Swept, row: Row) -> list[Any]:
    """number, values, in sample, out of sample, whether it may be chosen, whether it failed."""
    values = [row.values[axis.name] for axis in swept.request.space.axes]
    return [
        row.number,
        values,
        _side(row.inside),
        None if row.outside is None else _side(row.outside),
        int(row.is_eligible),
        int(bool(row.error)),
    ]


def _side(side: Side) -> list[Any]:
    figures = (side.score, side.sharpe, side.total_return, side.max_drawdown)
    return [*map(_rounded, figures), side.trades]


def _choice(one: Choice) -> dict[str, Any]:
    luck, outside = one.luck, one.outside
    return {
        "split": one.split + 1,
        "number": one.number,
        "values": one.values,
        "train": [_ms(one.train.stretch.since), _ms(one.train.stretch.until - 1)],
        "test": None if one.test is None else [_ms(one.test.stretch.since), _ms(one.test.stretch.until - 1)],
        "score": _rounded(one.score),
        "score_outside": _rounded(one.score_outside),
        "sharpe": _rounded(one.inside.sharpe),
        "sharpe_outside": None if outside is None else _rounded(outside.sharpe),
        "return_outside": None if outside is None else _rounded(outside.total_return),
        "trades": one.inside.trades,
        "trades_outside": None if outside is None else outside.trades,
        "trials": None if luck is None else luck.trials,
        "by_luck": _rounded(one.best_by_luck),
        "deflated": None if luck is None else _rounded(luck.deflated),
    }


def _strung(strung: Strung) -> dict[str, Any]:
    """The line with as many points as a screen shows, and the days on which the tests begin."""
    equity = np.array(strung.equity)
    rows = rows_that_show([equity], _CURVE_BUCKETS)
    return {
        "days": rows.tolist(),
        "equity": np.round(equity[rows], 6).tolist(),
        "starts": [[day, _ms(at)] for day, at in strung.starts],
        "total_return": strung.total_return,
        "sharpe": strung.sharpe,
        "max_drawdown": strung.max_drawdown,
        "trades": strung.trades,
        "count": strung.days,
        "skill": strung.skill,
    }


def _ms(at: int) -> int:
    return at // MILLISECOND


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")
