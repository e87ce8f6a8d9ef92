"""`tradewrit data resample|lake`, and where imported and fetched bars go: a bar file, or a lake."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text, example
from tradewrit.surfaces.cli.selection import Since, Symbols, Until, bars_from, moment, selected

if TYPE_CHECKING:
    from tradewrit.features.bars import Bars
    from tradewrit.market.lake import Deposit

Target = Annotated[
    Path,
    typer.Argument(
        metavar="TARGET", help="Where the bars go: a file (.parquet, .csv, .csv.gz), or a lake's directory."
    ),
]
Replace = Annotated[
    bool,
    typer.Option(
        "--replace", help="In a lake, let other numbers for a known bar replace it, instead of stopping."
    ),
]
KnownSince = Annotated[
    str | None,
    typer.Option("--known-at", metavar="TIME", help="In a lake, since when the bars are known; else now."),
]


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """Where bars went. deposit: what it changed, for a lake."""

    target: str
    rows: int
    symbols: tuple[str, ...]
    deposit: "Any" = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        told = {"target": self.target, "rows": self.rows, "symbols": list(self.symbols)}
        return told if self.deposit is None else {**told, "lake": self.deposit.to_dict()}


def add_to(group: typer.Typer) -> None:
    """Add `resample` and `lake` to the `data` commands."""
    group.command(
        "resample",
        epilog=example(
            "tradewrit data resample minutes.parquet hours.parquet --interval 1h",
            "tradewrit data resample lake/interval=1m lake --interval 1d --calendar NYSE",
        ),
    )(_resample)
    group.command("lake", epilog=example("tradewrit data lake bars-lake"))(_lake)


def store(
    target: Path,
    bars: "Sequence[Bars]",
    *,
    source: str,
    known_at: str | None = None,
    interval: int | None = None,
    replace: bool = False,
) -> Stored:
    """Put bars into a file or a lake, as the target names one.

    Raises DataError when they cannot be written, or contradict what the lake knows.
    """
    from tradewrit.market.lake import lake_for
    from tradewrit.market.store import write_bars
    from tradewrit.runtime.clock import SystemClock

    at = moment(known_at, "--known-at")
    lake = lake_for(target)
    deposit = None
    if lake is None:
        _refuse_for_file(target, known_at, replace=replace)
        write_bars(target, bars)
    else:
        known = SystemClock().now() if at is None else at
        deposit = lake.add(bars, known_at=known, source=source, interval=interval, replace=replace)
    rows = sum(len(one) for one in bars)
    return Stored(target=str(target), rows=rows, symbols=tuple(one.symbol for one in bars), deposit=deposit)


def told(stored: Stored) -> str:
    """One line about where bars went."""
    symbols = ", ".join(stored.symbols) if len(stored.symbols) <= 6 else f"{len(stored.symbols)} symbols"
    deposit: Deposit | None = stored.deposit
    if deposit is None:
        return f"{stored.target}: {stored.rows:,} rows written, {symbols}"
    counts = [f"{deposit.added:,} added", f"{deposit.same:,} known already"]
    if deposit.replaced:
        counts.append(f"{deposit.replaced:,} replaced")
    if not deposit.files:
        counts.append("nothing changed")
    return f"{stored.target}: {symbols}, {' and '.join(deposit.intervals)}: {', '.join(counts)}"


def _refuse_for_file(target: Path, known_at: str | None, *, replace: bool) -> None:
    for is_given, option in ((known_at is not None, "--known-at"), (replace, "--replace")):
        if is_given:
            raise typer.BadParameter(
                f"{target} is a file; only a lake, a directory, keeps what it knew", param_hint=option
            )


def _resample(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A bar file, a directory or a lake.")],
    target: Target,
    interval: Annotated[
        str, typer.Option("--interval", metavar="LENGTH", help="Of the longer bars: 5m, 15m, 1h, 4h, 1d.")
    ],
    calendar: Annotated[
        str | None,
        typer.Option(
            "--calendar",
            metavar="NAME",
            help="The sessions that bars are counted from: NYSE, 24/7 or an exchange's code. Without it, the "
            "times choose.",
        ),
    ] = None,
    extended: Annotated[
        bool, typer.Option("--extended", help="Keep the hours before and after the regular ones.")
    ] = False,
    symbols: Symbols = None,
    since: Since = None,
    until: Until = None,
    known_at: KnownSince = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Make longer bars from shorter ones, session by session.

    Hours count from each session's open, so New York's are 09:30, 10:30, ...; a day's bar carries the
    venue's midnight. Bars outside the regular hours are left out and counted, unless --extended.
    """
    from tradewrit.errors import DataError
    from tradewrit.market.calendar import calendar_for
    from tradewrit.market.intervals import interval_from
    from tradewrit.market.resample import resample

    length = interval_from(interval)
    sessions = None if calendar is None else calendar_for(calendar)
    read = bars_from(source, selected(symbols, since, until))
    found = [resample(one, length, sessions, extended=extended) for one in read]
    made = [one.bars for one in found if len(one.bars)]
    if not made:
        raise DataError(f"{source}: no bar lies in the hours that were asked for; try --extended")
    stored = store(
        target, made, source=f"{source}, resampled", known_at=known_at, interval=length, replace=replace
    )
    calendars = sorted({one.calendar for one in found})
    left_out = sum(one.left_out for one in found)
    rows = sum(one.rows_read for one in found)
    if as_json:
        emit_json(
            {
                "source": str(source),
                "interval": interval,
                "calendars": calendars,
                "rows_read": rows,
                "left_out": left_out,
                **stored.to_dict(),
            }
        )
        return
    emit_text(f"{source}: {rows:,} bars read, sessions of {' and '.join(calendars)}")
    if left_out:
        hours = "sessions" if extended else "regular hours"
        emit_text(f"- {left_out:,} bars outside the {hours} left out")
    emit_text(told(stored))


def _lake(
    path: Annotated[Path, typer.Argument(metavar="LAKE", help="A lake's directory, or a part of it.")],
    as_json: Json = False,
) -> None:
    """Say what a lake holds, and what was imported into it when."""
    from tradewrit.errors import DataError
    from tradewrit.market.lake import lake_at

    lake = lake_at(path)
    if lake is None:
        raise DataError(f"{path}: not a lake; `tradewrit data import SOURCE LAKE` makes one")
    files = lake.files()
    rows = [
        {
            "interval": interval,
            "symbols": len({one.symbol for one in files if one.interval == interval}),
            "files": sum(one.interval == interval for one in files),
            "bytes": sum(one.path.stat().st_size for one in files if one.interval == interval),
        }
        for interval in lake.intervals()
    ]
    imports = [one.to_dict() for one in lake.imports()]
    if as_json:
        emit_json({"lake": str(lake.root), "bars": rows, "imports": imports})
        return
    cells = [
        (str(row["interval"]), f"{row['symbols']:,}", f"{row['files']:,}", f"{row['bytes']:,}")
        for row in rows
    ]
    emit_table(("bars of", "symbols", "files", "bytes"), cells)
    emit_table(
        ("known at", "source", "added", "replaced"),
        [(one["known_at"], one["source"], f"{one['added']:,}", f"{one['replaced']:,}") for one in imports],
    )
