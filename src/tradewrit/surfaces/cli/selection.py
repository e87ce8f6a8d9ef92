"""Which part of the data a command works on: the options, and the bars they leave."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from tradewrit.config.tree import Config
from tradewrit.domain.splits import Adjustment
from tradewrit.domain.times import parse_iso

if TYPE_CHECKING:
    from tradewrit.features.bars import Bars
    from tradewrit.market.selection import Selection

BarsPath = Annotated[
    Path,
    typer.Option(
        "--data", metavar="PATH", help="Bars as Parquet or CSV: a file, or a directory of such files."
    ),
]
Symbols = Annotated[
    str | None, typer.Option("--symbols", metavar="A,B", help="Only these symbols of the data.")
]
Since = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Only bars from this time on: 2024-01-02.")
]
Until = Annotated[
    str | None, typer.Option("--to", metavar="TIME", help="Only bars before this time: 2024-12-31.")
]
KnownAt = Annotated[
    str | None,
    typer.Option("--known-at", metavar="TIME", help="From a lake: the bars as they were known at this time."),
]

Adjust = Annotated[
    Adjustment | None,
    typer.Option(
        "--adjust",
        metavar="raw|split|total",
        help="Show prices as printed, in today's shares, or less dividends as well; needs --factors.",
    ),
]
FactorFile = Annotated[
    Path | None,
    typer.Option(
        "--factors",
        metavar="FILE",
        help="Price and split factors as Parquet or CSV. With raw prices, splits and dividends happen to "
        "positions and orders.",
    ),
]
FundingFile = Annotated[
    Path | None,
    typer.Option(
        "--funding",
        metavar="FILE",
        help="Funding rates of perpetuals as Parquet or CSV (symbol, ts, rate): longs pay a positive rate to "
        "shorts, as cash.",
    ),
]


def moment(text: str | None, option: str) -> int | None:
    """UTC ns of an option's time, None without one; wrong use for text that is no time."""
    if text is None:
        return None
    try:
        return parse_iso(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def named(symbols: str | None) -> tuple[str, ...] | None:
    """The names in a comma-separated list, None for no list; wrong use for an empty one."""
    if symbols is None:
        return None
    names = tuple(dict.fromkeys(name.strip() for name in symbols.split(",") if name.strip()))
    if not names:
        raise typer.BadParameter("names no symbol; write it like AAPL,MSFT", param_hint="--symbols")
    return names


def selected(
    symbols: str | None, since: str | None, until: str | None, known_at: str | None = None
) -> "Selection":
    """What the options ask for; wrong use for a time or a list that cannot be read."""
    from tradewrit.market.selection import Selection

    return Selection(
        symbols=named(symbols),
        since=moment(since, "--from"),
        until=moment(until, "--to"),
        known_at=moment(known_at, "--known-at"),
    )


def bars_from(data: Path, selection: "Selection") -> "list[Bars]":
    """The bars at a path that the selection asks for; DataError for unusable data or when nothing is left."""
    from tradewrit.market.store import read_bars

    return read_bars(data, selection)


def with_prices(
    config: Config, adjust: Adjustment | None, factors: Path | None, funding: Path | None = None
) -> Config:
    """The configuration with the options for prices on top; wrong use for an adjustment without a table."""
    shown = config.data
    if funding is not None:
        shown = replace(shown, funding=str(funding))
    if adjust is not None:
        if adjust is not Adjustment.RAW and factors is None and shown.factors is None:
            raise typer.BadParameter(
                f"{adjust} needs the factors that prices are adjusted with: add --factors FILE",
                param_hint="--adjust",
            )
        shown = replace(shown, adjustment=adjust, factors=shown.factors if factors is None else str(factors))
    elif factors is not None:
        shown = replace(shown, factors=str(factors))
    return replace(config, data=shown)
