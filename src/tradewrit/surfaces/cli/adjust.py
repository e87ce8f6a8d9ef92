"""`tradewrit data adjust`: bars with splits, and dividends if wanted, taken out of their prices."""

from pathlib import Path
from typing import Annotated

import typer

from tradewrit.domain.splits import Adjustment
from tradewrit.errors import DataError
from tradewrit.surfaces.cli import lake
from tradewrit.surfaces.cli.errors import explain
from tradewrit.surfaces.cli.lake import KnownSince, Replace, Target
from tradewrit.surfaces.cli.output import Json, emit_json, emit_text, example
from tradewrit.surfaces.cli.selection import Since, Symbols, Until, bars_from, selected

Adjusted = Annotated[
    Adjustment,
    typer.Option(
        "--adjust", metavar="split|total", help="In today's shares, or less the dividends paid since as well."
    ),
]


def add_to(group: typer.Typer) -> None:
    """Add `adjust` to the `data` commands."""
    group.command(
        "adjust",
        epilog=example("tradewrit data adjust raw.parquet adjusted.parquet --factors factors.parquet"),
    )(_adjust)


def _adjust(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A bar file, a directory or a lake.")],
    target: Target,
    factors: Annotated[
        Path, typer.Option("--factors", metavar="FILE", help="Price and split factors as Parquet or CSV.")
    ],
    adjust: Adjusted = Adjustment.TOTAL,
    symbols: Symbols = None,
    since: Since = None,
    until: Until = None,
    known_at: KnownSince = None,
    replace: Replace = False,
    as_json: Json = False,
) -> None:
    """Adjust raw prices for splits and dividends, for programs that expect them so.

    An adjusted price depends on what came after it. A backtest need not be given such a file: it adjusts by
    itself, or lets splits happen (`backtest --factors`).
    """
    if adjust is Adjustment.RAW:
        raise typer.BadParameter("raw prices are what SOURCE has; use split or total", param_hint="--adjust")
    if source.resolve() == target.resolve():
        raise DataError(f"{source}: source and target are the same; name another target")
    from tradewrit.market.adjustment import ADJUSTED_TICK, adjusted
    from tradewrit.market.factors import read_factors

    table = read_factors(factors)
    bars = bars_from(source, selected(symbols, since, until))
    unknown = [one.symbol for one in bars if one.symbol not in table]
    if unknown:
        raise DataError(
            f"{factors}: has no factors of {', '.join(unknown[:5])}; add them, or name others by --symbols"
        )
    changed = [adjusted(one, table[one.symbol], adjust) for one in bars]
    stored = lake.store(target, changed, source=str(source), known_at=known_at, replace=replace)
    if as_json:
        emit_json({**stored.to_dict(), "adjustment": adjust.value})
        return
    emit_text(lake.told(stored))
    explain(
        f"these prices lie on no tick: set `tick: {ADJUSTED_TICK:f}` under `instruments` where they are used",
        is_warning=True,
    )
