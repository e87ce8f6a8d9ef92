"""`tradewrit data check|import`: what is wrong with a file of bars, and how to make one of a vendor's.

The group's other commands are put together in `lake`, `adjust` and `fetch`.
"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from tradewrit.errors import DataError
from tradewrit.surfaces.cli import adjust, fetch, lake
from tradewrit.surfaces.cli.errors import FAILED, explain
from tradewrit.surfaces.cli.lake import KnownSince, Replace, Target
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text, example

if TYPE_CHECKING:
    from tradewrit.market.findings import Finding, QualityReport
    from tradewrit.market.imports import ImportReport

_STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}


class BarTime(StrEnum):
    """What the vendor's time stamps mark."""

    OPEN = "open"
    CLOSE = "close"


def register(app: typer.Typer) -> None:
    """Add `tradewrit data check|import|resample|lake|adjust|fetch`."""
    group = typer.Typer(help="Check, import, resample and fetch bars.", no_args_is_help=True)
    group.command(
        "check", epilog=example("tradewrit data check bars.parquet", "tradewrit data check bars.csv --json")
    )(_check)
    group.command(
        "import",
        epilog=example(
            "tradewrit data import vendor.csv bars.parquet --symbol AAPL --timezone America/New_York",
            "tradewrit data import minutes.txt bars.csv --column ts=Date+Time --bar-time close",
            "tradewrit data import bars.parquet lake --known-at 2024-06-30",
        ),
    )(_import)
    lake.add_to(group)
    adjust.add_to(group)
    fetch.add_to(group)
    app.add_typer(group, name="data")


def _check(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A Parquet or CSV file of bars, or a directory of them.")
    ],
    calendar: Annotated[
        str | None,
        typer.Option(
            "--calendar",
            metavar="NAME",
            help="The sessions that bars are expected in: NYSE, 24/7 or an exchange's code. Without it, the "
            "times choose.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say everything that is wrong with market data, worst first.

    An error is what a backtest refuses; with one, the exit code is 1. A warning is probably wrong, an
    info worth knowing.
    """
    from tradewrit.market.calendar import calendar_for
    from tradewrit.market.quality import check

    report = check(path, None if calendar is None else calendar_for(calendar))
    if as_json:
        emit_json(report.to_dict())
    else:
        _emit_report(report)
    if report.errors:
        found = sum(finding.count for finding in report.errors)
        explain(f"{path}: {found:,} error{'s' if found > 1 else ''}; a backtest refuses this data")
        raise typer.Exit(FAILED)


def _emit_report(report: "QualityReport") -> None:
    from tradewrit.surfaces.cli.story import clock

    span = ""
    if report.first_at is not None and report.last_at is not None:
        span = f", {clock(report.first_at)} to {clock(report.last_at)} UTC"
    symbols = f"{len(report.symbols)} symbol{'' if len(report.symbols) == 1 else 's'}"
    rows = f"{report.rows:,} row{'' if report.rows == 1 else 's'}"
    emit_text(f"{report.source}: {rows}, {symbols}{span}")
    used = sorted({name for name in report.calendars.values() if name})
    if used:
        emit_text(f"held against the sessions of {' and '.join(used)}")
    if report.findings:
        emit_table(("", "symbol", "what", "count", "found"), [_row(one) for one in report.findings])
    if not report.errors:
        emit_text("clean" if report.is_clean else "usable: no errors, but look at the warnings")


def _row(finding: "Finding") -> tuple[str | Text, ...]:
    told = Text(finding.message)
    if finding.examples:
        told.append(f"\n{'; '.join(finding.examples)}", style="dim")
    return (
        Text(finding.severity.value, _STYLES[finding.severity.value]),
        finding.symbol,
        finding.kind.value,
        Text(f"{finding.count:,}", justify="right"),
        told,
    )


def _import(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="The vendor's CSV or Parquet file.")],
    target: Target,
    symbol: Annotated[
        str | None,
        typer.Option("--symbol", metavar="NAME", help="The symbol, for a file without such a column."),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone",
            metavar="ZONE",
            help="Of times without an offset, such as America/New_York; else UTC.",
        ),
    ] = None,
    bar_time: Annotated[
        BarTime,
        typer.Option(
            "--bar-time", metavar="open|close", help="Whether the time stamps mark a bar's open or its close."
        ),
    ] = BarTime.OPEN,
    interval: Annotated[
        str | None,
        typer.Option(
            "--interval", metavar="LENGTH", help="Length of a bar (1m, 1h), where the times do not show it."
        ),
    ] = None,
    date_format: Annotated[
        str | None,
        typer.Option(
            "--date-format", metavar="FORMAT", help="How times are written, such as '%d/%m/%Y %H:%M'."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="OURS=THEIRS",
            help="A column that is not recognised, such as close=Settle or ts=Date+Time; may be repeated.",
        ),
    ] = None,
    drop_incomplete: Annotated[
        bool, typer.Option("--drop-incomplete", help="Leave out rows without a price, instead of stopping.")
    ] = False,
    known_at: KnownSince = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Turn a vendor's file into a bar file, or put it into a lake: nothing is guessed that can be asked.

    Columns: symbol, ts, open, high, low, close, volume. What was done is listed; what could not be
    understood is the error, and then nothing was written. A lake takes the same again without a change.
    """
    from tradewrit.market.imports import read_bars_or_vendor
    from tradewrit.market.intervals import interval_from

    if source.resolve() == target.resolve():
        raise DataError(f"{source}: source and target are the same file; name another target")
    found = read_bars_or_vendor(
        source,
        columns=dict(map(_mapping, column or ())),
        symbol=symbol,
        timezone=timezone,
        bar_time=bar_time.value,
        interval=interval,
        date_format=date_format,
        drop_incomplete=drop_incomplete,
    )
    length = None if interval is None else interval_from(interval)
    stored = lake.store(
        target, found.bars, source=str(source), known_at=known_at, interval=length, replace=replace
    )
    report = found.report(str(target))
    if as_json:
        emit_json({**report.to_dict(), **({"lake": stored.deposit.to_dict()} if stored.deposit else {})})
    else:
        _emit_import(report, stored)


def _mapping(text: str) -> tuple[str, str]:
    ours, sign, theirs = text.partition("=")
    if not (sign and ours.strip() and theirs.strip()):
        raise typer.BadParameter(f"{text!r} is not OURS=THEIRS, such as close=Settle", param_hint="--column")
    return ours.strip(), theirs.strip()


def _emit_import(report: "ImportReport", stored: lake.Stored) -> None:
    renamed = [f"{ours} from {theirs}" for ours, theirs in report.columns.items() if ours != theirs]
    emit_text(f"{report.source}: {report.rows_read:,} rows read\n{lake.told(stored)}")
    for note in (*([f"columns: {', '.join(renamed)}"] if renamed else []), *report.notes):
        emit_text(f"- {note}")
