"""What `tradewrit sweep` prints: the sentences, the best points, and where the rest is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from tradewrit.research.results import encode
from tradewrit.research.sweep.judging import Choice, Judgement, Row, Side
from tradewrit.research.sweep.sweeping import Swept
from tradewrit.research.sweep.table import as_row
from tradewrit.research.sweep.telling import counted, sentences, setting, shown
from tradewrit.surfaces.cli.output import emit_table, emit_text

_LISTED: Final = 10
_NONE: Final = "-"


def emit(swept: Swept, judged: Judgement, files: Mapping[str, Path]) -> None:
    """For people."""
    emit_text(_headline(swept))
    shown_rows = _best_first(judged)[:_LISTED]
    emit_table(_columns(swept), _aligned([_cells(swept, row, judged.best) for row in shown_rows]))
    if len(judged.rows) > _LISTED:
        emit_text(f"... and {len(judged.rows) - _LISTED:,} more in {files['report']}")
    if swept.request.plan is not None and judged.choices:
        emit_text("")
        emit_table(
            ("split", "chosen", swept.request.objective, "out of sample", "return", "trades"),
            _aligned([_choice(swept, one) for one in judged.choices], texts=2),
        )
    emit_text("")
    for sentence in sentences(swept, judged):
        emit_text(sentence)
    for name, path in files.items():
        emit_text(f"{name}: {path}")


def emit_as_json(swept: Swept, judged: Judgement, files: Mapping[str, Path]) -> None:
    """For programs: one object."""
    best = next((row for row in judged.rows if row.number == judged.best), None)
    emit_text(
        encode(
            {
                "strategy": swept.strategy,
                "search": swept.request.method,
                "objective": swept.request.objective,
                "seed": swept.request.seed,
                "trials": len(swept.trials),
                "runs": {
                    "kept": swept.kept,
                    "made": swept.made,
                    "failed": swept.failed,
                    "lost": swept.lost,
                },
                "is_complete": swept.is_complete,
                "seconds": swept.seconds,
                "workers": swept.workers,
                "best": None if best is None else as_row(best),
                "splits": [_as_object(one) for one in judged.choices],
                "out_of_sample": judged.strung,
                "rank_correlation": judged.agreement,
                "sentences": sentences(swept, judged),
                "points": [as_row(row) for row in judged.rows],
                "files": {name: str(path) for name, path in files.items()},
            },
            indent=2,
        ).decode()
    )


def _as_object(one: Choice) -> dict[str, Any]:
    luck = one.luck
    return {
        "split": one.split + 1,
        "number": one.number,
        "values": one.values,
        "train": one.train.stretch,
        "test": None if one.test is None else one.test.stretch,
        "in_sample": one.inside,
        "out_of_sample": one.outside,
        "trials": None if luck is None else luck.trials,
        "best_sharpe_by_luck": one.best_by_luck,
        "deflated_sharpe": None if luck is None else luck.deflated,
    }


def _headline(swept: Swept) -> str:
    symbols = ", ".join(swept.symbols) if len(swept.symbols) <= 6 else f"{len(swept.symbols)} symbols"
    kept = f", {counted(swept.kept, 'run')} kept from before" if swept.kept else ""
    made = f", {counted(swept.made, 'run')} made in {swept.seconds:.1f} s by {swept.workers}"
    points = counted(len(swept.trials), "point")
    return f"{swept.strategy} on {symbols}: {points}{kept}{made if swept.made else ''}"


def _aligned(rows: list[list[str | Text]], texts: int = 1) -> list[list[str | Text]]:
    """Figures under each other: every cell but the first few ends where its column does."""
    wide = max((len(row) for row in rows), default=0)
    widths = [max((len(row[k]) for row in rows if k < len(row)), default=0) for k in range(wide)]
    return [
        [cell if k < texts or isinstance(cell, Text) else cell.rjust(widths[k]) for k, cell in enumerate(row)]
        for row in rows
    ]


def _columns(swept: Swept) -> tuple[str, ...]:
    names = tuple(axis.name for axis in swept.request.space.axes)
    figures = (swept.request.objective, "return", "drawdown", "trades")
    if swept.request.plan is None:
        return ("", *names, *figures)
    return ("", *names, *figures, "out of sample", "return")


def _best_first(judged: Judgement) -> list[Row]:
    """Eligible points by score, then those with one, then the rest in order."""

    def key(row: Row) -> tuple[bool, bool, float, int]:
        score = row.inside.score
        return not row.is_eligible, score is None, -(score or 0.0), row.number

    return sorted(judged.rows, key=key)


def _cells(swept: Swept, row: Row, best: int | None) -> list[str | Text]:
    values = [_value(row.values[axis.name]) for axis in swept.request.space.axes]
    if row.error:
        return [Text("failed", style="red"), *values]
    mark = Text("best", style="bold green") if row.number == best else "" if row.is_eligible else "left out"
    cells = [*values, *_side(swept, row.inside), _percent(row.inside.max_drawdown), f"{row.inside.trades:,}"]
    if row.outside is not None:
        cells += _side(swept, row.outside)
    return [mark, *cells]


def _side(swept: Swept, side: Side) -> list[str]:
    score = _NONE if side.score is None else shown(swept.request.objective, side.score)
    return [score, _percent(side.total_return)]


def _choice(swept: Swept, one: Choice) -> list[str | Text]:
    objective, outside = swept.request.objective, one.outside
    return [
        str(one.split + 1),
        setting(one),
        shown(objective, one.score),
        _NONE if one.score_outside is None else shown(objective, one.score_outside),
        _NONE if outside is None else _percent(outside.total_return),
        _NONE if outside is None else f"{outside.trades:,}",
    ]


def _percent(value: float | None) -> str:
    return _NONE if value is None else f"{value * 100:z.2f} %"


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
