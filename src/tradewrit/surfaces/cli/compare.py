"""`tradewrit backtest --compare A B`: two strategies over the same bars, side by side."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer
from rich.text import Text

from tradewrit.domain.market import DAY
from tradewrit.surfaces.cli.output import emit_table, emit_text

if TYPE_CHECKING:
    from tradewrit.research.compare import Comparison, Line
    from tradewrit.surfaces.cli.running import Done

Compare = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--compare",
        metavar="A B",
        help="Run two strategies on the same data, side by side, instead of --strategy. Each is a name or a "
        "FILE.py, with its parameters after a colon: trend_following:low=45,stop_fraction=0.04.",
    ),
]
"""The option of `tradewrit backtest`."""

_OPTION: Final = "--compare"
_SPEC: Final = re.compile(r"(?P<name>.+?\.py|[^:]+)(?::(?P<parameters>.*))?", re.DOTALL)
_NONE: Final = "-"


class Asked(msgspec.Struct, frozen=True):
    """A strategy to compare. text: as it was written, which is what it is called in the result."""

    text: str
    strategy: str
    parameters: dict[str, str]


def asked(pair: tuple[str, str], alone: Mapping[str, object]) -> tuple[Asked, ...]:
    """What `--compare A B` asks for.

    alone: options that belong to a single backtest, by name; refused when they are given. Raises
    typer.BadParameter for those, for a text that names no strategy, and for the same twice.
    """
    for option, value in alone.items():
        if value:
            raise typer.BadParameter(
                f"{option} belongs to a single backtest; with --compare, strategies and their parameters are "
                "named as NAME:param=value,param=value",
                param_hint=_OPTION,
            )
    if pair[0].strip() == pair[1].strip():
        raise typer.BadParameter(f"{pair[0]!r} is named twice; name two that differ", param_hint=_OPTION)
    return tuple(map(_asked, pair))


def compare_strategies(
    wanted: tuple[Asked, ...],
    run: Callable[[str, Mapping[str, str]], "Done"],
    report: Path | None,
    *,
    as_json: bool,
) -> None:
    """Run each, and say how they differ: a table, or one JSON object; and a page at `report`.

    run: a backtest of a strategy, by name or file, with these parameters.
    """
    from tradewrit.research.compare import Contender, compare
    from tradewrit.research.report import write_comparison
    from tradewrit.research.results import encode

    done = [run(one.strategy, one.parameters) for one in wanted]
    comparison = compare(
        [
            Contender(name=one.text, result=ran.result, metrics=ran.metrics, notes=ran.notes)
            for one, ran in zip(wanted, done, strict=True)
        ]
    )
    if report is not None:
        title = " against ".join(one.text for one in wanted)
        write_comparison(comparison, done[0].known, report, title=title, notes=_notes(comparison))
    if as_json:
        emit_text(encode(comparison.to_dict(), indent=2).decode())
        return
    _emit(comparison)
    if report is not None:
        emit_text(f"report: {report}")


def _asked(text: str) -> Asked:
    text = text.strip()
    found = _SPEC.fullmatch(text)
    if found is None:
        raise typer.BadParameter(
            f"{text!r} names no strategy; write NAME, FILE.py or NAME:param=value,param=value",
            param_hint=_OPTION,
        )
    listed = found["parameters"]
    pairs = [] if listed is None else [_parameter(text, one) for one in listed.split(",")]
    return Asked(text, found["name"].strip(), dict(pairs))


def _parameter(text: str, part: str) -> tuple[str, str]:
    name, sign, value = part.partition("=")
    if not sign or not name.strip() or not value.strip():
        raise typer.BadParameter(
            f"{part!r} in {text!r} is not param=value; write NAME:param=value,param=value", param_hint=_OPTION
        )
    return name.strip(), value.strip()


def _emit(comparison: "Comparison") -> None:
    from tradewrit.surfaces.cli.figures import headline

    emit_text(headline(comparison.contenders[0].result).partition(" on ")[2])
    lines = comparison.lines
    first, second = (_column(lines, place) for place in (0, 1))
    gaps = _aligned([_gap(line) for line in lines])
    rows = [
        [_label(line), _cell(line, 0, a), _cell(line, 1, b), gap]
        for line, a, b, gap in zip(lines, first, second, gaps, strict=True)
    ]
    emit_table(("", *(one.name for one in comparison.contenders), "difference"), rows)
    related = (
        "" if comparison.correlation is None else f"; daily returns correlate at {comparison.correlation:.2f}"
    )
    for note in _notes(comparison):
        emit_text(note)
    emit_text(f"* better. {comparison.common_trades:,} trades in common{related}")


def _notes(comparison: "Comparison") -> list[str]:
    return [f"{one.name}: {note}" for one in comparison.contenders for note in one.notes]


def _label(line: "Line") -> str:
    from tradewrit.research.report.comparison import label_of

    return label_of(line)


def _column(lines: Sequence["Line"], place: int) -> list[str]:
    return _aligned([_shown(line.field, line.values[place]) for line in lines])


def _aligned(cells: list[str]) -> list[str]:
    """Right-aligned, so that figures stand under each other."""
    width = max(map(len, cells))
    return [cell.rjust(width) for cell in cells]


def _cell(line: "Line", place: int, shown: str) -> str | Text:
    return Text(f"{shown} *", style="bold green") if place in line.best else f"{shown}  "


def _gap(line: "Line") -> str:
    first, second = line.values
    if first is None or second is None or first == second:
        return ""
    size = _shown(line.field, abs(second - first))
    is_nothing = not any(digit in size for digit in "123456789")
    return size if is_nothing else ("+" if second > first else "-") + size


_FRACTIONS: Final = frozenset(
    {
        *("total_return", "cagr", "volatility", "max_drawdown", "average_drawdown", "alpha", "exposure"),
        *("win_rate", "kelly", "average_mae", "average_mfe", "best_month", "worst_month"),
    }
)
_COUNTS: Final = frozenset({"trades", "longest_loss_streak"})


def _shown(field: str, value: Any) -> str:
    if value is None:
        return _NONE
    if field.endswith("_ns"):
        return f"{value / DAY:,.1f} days"
    if field in _FRACTIONS:
        return f"{value * 100:z,.2f} %"
    return f"{value:,}" if field in _COUNTS else f"{value:z,.2f}"
